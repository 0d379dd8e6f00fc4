/*
 * text.h - text for libconfuse that knows where each of its lines is from.
 *
 * Files that include others, and command lines, become one text.  libconfuse
 * counts its lines; the map turns a count back into what the user wrote.
 */
#ifndef CONF_TEXT_H
#define CONF_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/reason.h"

/*
 * An option that every section has and nobody can write: it stands right
 * behind the brace, and so knows the line at which the section begins.
 */
#define CONF_TEXT_OPENED "?"

struct conf_line {
	const char		*origin;	/* a file, or "-o facility" */
	int			 number;	/* in it; 0: the origin says all */
};

struct conf_text {
	char			*bytes;		/* ends with NUL */
	size_t			 len;
	size_t			 size;
	struct conf_line	*lines;
	size_t			 nlines;
	char			**origins;	/* owned */
	size_t			 norigins;
	bool			 failed;	/* memory ran out */
	bool			 malformed;	/* ends with what libconfuse will
						   refuse, and say why */
};

/* Returns an empty text, or NULL with ENOMEM.  Free with conf_text_free(). */
struct conf_text	*conf_text_new(void);
void	conf_text_free(struct conf_text *);

/*
 * The text is built with these.  When memory runs out they do nothing and
 * failed is set: look once, at the end.
 *
 * conf_text_origin() copies name and returns a copy that lives as long as the
 * text, or NULL.  conf_text_line() ends the line and begins one that is from
 * origin.  conf_text_quote() adds s as it must stand between double quotes.
 * conf_text_open() adds what must stand behind the brace of a section.
 */
const char	*conf_text_origin(struct conf_text *, const char *name);
void	conf_text_line(struct conf_text *, const char *origin, int number);
void	conf_text_put(struct conf_text *, const char *p, size_t n);
void	conf_text_puts(struct conf_text *, const char *s);
void	conf_text_quote(struct conf_text *, const char *s);
void	conf_text_open(struct conf_text *);

/* Returns where line (from 1) of the text is from. */
struct conf_line	conf_text_where(const struct conf_text *, int line);

/*
 * Sets why to "origin:number: " and the message.  Control characters, which
 * names and values may hold, are shown as '?'.  Returns -1.
 */
int	conf_line_fail(struct conf_line, struct reason *why, const char *fmt,
	    ...) __attribute__((__format__(printf, 3, 4)));

#endif
