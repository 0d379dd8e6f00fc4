/*
 * reason.h - why something failed, in words for the person who must mend it.
 *
 * lib/ never logs: whoever can tell the user gets the reason handed up.
 */
#ifndef REASON_H
#define REASON_H

struct reason {
	char	text[512];
};

/*
 * Sets r's text, printf(3) style, cut to what fits; a NULL r is fine.
 * Returns -1 always, so that "return (reason_set(r, ...))" reads as failing.
 */
int	reason_set(struct reason *r, const char *fmt, ...)
	    __attribute__((__format__(printf, 2, 3)));

#endif
