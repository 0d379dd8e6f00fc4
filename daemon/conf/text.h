/*
 * text.h - the text for libconfuse, with the origin of each of its lines.
 *
 * A file and the files that it includes become one text.  libconfuse counts the
 * lines of the text; conf_text_where() turns a count into file and line.
 */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/reason.h"

/*
 * An option that every section has and no user can write.  The lexer puts it
 * right behind the opening brace, so that its line is where the section begins.
 */
#define CONF_TEXT_OPENED "?"

struct conf_line {
	const char		*origin;	/* a file, or "-o facility" */
	int			 number;	/* in the file; 0: no file */
};

struct conf_text {
	char			*bytes;		/* ends with NUL */
	size_t			 len;		/* without NUL */
	size_t			 size;		/* allocated */
	struct conf_line	*lines;		/* where each line is from */
	size_t			 nlines;
	char			**origins;	/* owned; lines borrow them */
	size_t			 norigins;
	bool			 failed;	/* memory ran out */
	bool			 malformed;	/* libconfuse will refuse
						   the last statement */
};

/* Returns an empty text, or NULL with ENOMEM.  Free with conf_text_free(). */
struct conf_text	*conf_text_new(void);
void	conf_text_free(struct conf_text *);

/*
 * These build the text.  When memory runs out they set failed and from then on
 * do nothing: the caller needs to look at failed only once, at the end.
 *
 * conf_text_origin() copies name and returns a copy that lives as long as the
 * text, or NULL.  conf_text_line() ends the line and begins one that is line
 * number of origin.  conf_text_put() adds n octets.  conf_text_quote() adds s
 * escaped, for between double quotes.  conf_text_open() adds CONF_TEXT_OPENED,
 * for behind the opening brace of a section.
 */
const char	*conf_text_origin(struct conf_text *, const char *name);
void	conf_text_line(struct conf_text *, const char *origin, int number);
void	conf_text_put(struct conf_text *, const char *p, size_t n);
void	conf_text_quote(struct conf_text *, const char *s);
void	conf_text_open(struct conf_text *);

/* Returns the file and line that line (from 1) of the text is from. */
struct conf_line	conf_text_where(const struct conf_text *, int line);

/*
 * Sets why to "origin:number: " and the message, in which each control
 * character becomes '?': names and values may hold some.  Returns -1.
 */
int	conf_line_fail(struct conf_line, struct reason *why, const char *fmt,
	    ...) __attribute__((__format__(printf, 3, 4)));

#endif
