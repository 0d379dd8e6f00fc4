/*
 * lex.h - reads the tokens of one configuration file.
 *
 * The lexer copies the file into a text for libconfuse.  A comment becomes a
 * blank, ${name} the macro's value, and include() the text that the owner's
 * on_include() adds.
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

/* The part of a statement that has been read decides what may come next. */
enum conf_lex_place {
	CONF_LEX_NAME,			/* nothing: the name of an option or a
					   section, or the end of a section */
	CONF_LEX_NAMED,			/* a name: "=", a title or "{" */
	CONF_LEX_TITLED,		/* name and title: "{" */
	CONF_LEX_VALUE,			/* name and "=": a value or "{" */
	CONF_LEX_LIST,			/* "{" or ",": a value or "}" */
	CONF_LEX_LISTED			/* a value in { }: "," or "}" */
};

struct conf_lex {
	/* The owner sets these, and leaves the rest 0. */
	struct conf_text	*text;
	const struct conf_pairs	*macros;
	struct reason		*why;
	const char		*name;	/* of the file; an origin of text */
	const char		*p;	/* the rest of the file, up to end */
	const char		*end;
	/*
	 * Adds the files that include(glob) names to text.  Returns 0, or -1
	 * with why set.
	 */
	int			(*on_include)(struct conf_lex *,
				    const char *glob);
	void			*arg;	/* for on_include() */

	int			 line;	/* from 1 */
	enum conf_lex_place	 place;
	int			 braces[CONF_LEX_BRACES]; /* lines of the open
						   "{" */
	int			 nbraces;
	char			 word[PATH_MAX];	/* the last word or
						   string, without quotes */
	size_t			 wordlen;	/* uncut: may exceed word */
	bool			 mute;	/* do not copy tokens to text */
};

/*
 * Reads the file to its end, or up to a statement that is not well-formed: then
 * sets text->malformed, and libconfuse will say what is wrong.  Returns 0, or
 * -1 with why set.
 */
int	conf_lex_read(struct conf_lex *);

/* Returns the place in the file that the lexer has reached. */
struct conf_line	conf_lex_here(const struct conf_lex *);

#endif
