/*
 * grammar.h - what libconfuse makes of a text: sections, options, values.
 *
 * libconfuse does not remember where an option was.  Each value is kept here
 * with the line of the text that it stands in.
 */
#ifndef CONF_GRAMMAR_H
#define CONF_GRAMMAR_H

#include <confuse.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/conf/text.h"
#include "lib/reason.h"

struct conf_given {			/* a value */
	int		 line;
	char		 text[];
};

/*
 * Parses text: "destination" and "source" sections with the options of
 * option.h.  An unknown option, one that is given twice and two sections
 * of one name are refused.  Returns the root section, or NULL with why set.
 * Free with cfg_free(3).
 */
cfg_t	*conf_grammar_parse(const struct conf_text *text, struct reason *why);

/* How many values option has in section, defaults not counted. */
size_t	conf_grammar_count(cfg_t *section, const char *option);

/* The i-th of them, NULL when there are not so many. */
const struct conf_given	*conf_grammar_value(cfg_t *section,
			    const char *option, size_t i);

/* Whether option had values, and then was given again as { }. */
bool	conf_grammar_is_emptied(cfg_t *section, const char *option);

/* The line of option's first value; where section begins if it has none. */
int	conf_grammar_line(cfg_t *section, const char *option);

/*
 * Sets why to where line of text is from, which section it is about, and the
 * message.  Returns -1.
 */
int	conf_grammar_fail(const struct conf_text *text, const cfg_t *section,
	    int line, struct reason *why, const char *fmt, ...)
	    __attribute__((__format__(printf, 5, 6)));

#endif
