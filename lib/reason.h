/*
 * reason.h - why a call failed, in words for the person who has to mend it.
 *
 * lib/ never logs: a function hands the reason to its caller, and the caller
 * that can tell the user logs it.  Pure: no I/O.
 */
#ifndef REASON_H
#define REASON_H

struct reason {
	char	text[512];
};

/*
 * Sets the text of r, formatted as printf(3) does and cut to what fits; does
 * nothing when r is NULL.  Always returns -1, so that a function can fail by
 * "return (reason_set(r, ...))".
 */
int	reason_set(struct reason *r, const char *fmt, ...)
	    __attribute__((__format__(printf, 2, 3)));

/*
 * Appends to the text of r, behind ", " unless the text is empty: for a list
 * of what succeeded and what failed.  Formats, cuts and takes NULL as
 * reason_set() does.  Returns result.
 */
int	reason_add(struct reason *r, int result, const char *fmt, ...)
	    __attribute__((__format__(printf, 3, 4)));

#endif
