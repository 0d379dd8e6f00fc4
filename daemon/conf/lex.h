/*
 * lex.h - the words, strings and marks of one configuration file.
 *
 * Copies them into a text for libconfuse: comments as blanks, ${name} as its
 * value, include() as whatever the owner puts there.
 */
#ifndef CONF_LEX_H
#define CONF_LEX_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/text.h"
#include "lib/reason.h"

#define CONF_LEX_BRACES	8		/* open at a time, at the most */

/* Where in a statement we are: what may come next. */
enum conf_lex_place {
	CONF_LEX_NAME,			/* of an option or a section, or the
					   end of a section */
	CONF_LEX_NAMED,
	CONF_LEX_TITLED,
	CONF_LEX_VALUE,
	CONF_LEX_LIST,			/* in { }, before a value */
	CONF_LEX_LISTED			/* in { }, behind a value */
};

struct conf_lex {
	/* Set by the owner; the rest is 0. */
	struct conf_text	*text;
	const struct conf_pairs	*macros;
	struct reason		*why;
	const char		*name;	/* an origin of text */
	const char		*p;	/* what is left of the file */
	const char		*end;
	/* Reads what include(what) names.  Returns 0, or -1 with why set. */
	int			(*on_include)(struct conf_lex *,
				    const char *what);
	void			*arg;	/* the owner's */

	int			 line;
	enum conf_lex_place	 place;
	int			 braces[CONF_LEX_BRACES];	/* their lines */
	int			 nbraces;
	char			 word[PATH_MAX];	/* the last word or
							   string, unquoted */
	size_t			 wordlen;	/* too much for word: was cut */
	bool			 mute;	/* read, and left out of the text */
};

/*
 * Reads a whole file, or up to a statement that is not well-formed: then the
 * text is malformed.  Returns 0, or -1 with why set.
 */
int	conf_lex_read(struct conf_lex *);

/* Where it is just now. */
struct conf_line	conf_lex_here(const struct conf_lex *);

#endif
