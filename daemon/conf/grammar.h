/*
 * grammar.h - from a text to a tree, by libconfuse.
 *
 * libconfuse does not remember where an option was: each value is kept with
 * the line of the text that it stands in.
 */
#ifndef CONF_GRAMMAR_H
#define CONF_GRAMMAR_H

#include "daemon/conf/text.h"
#include "daemon/conf/tree.h"
#include "lib/reason.h"

/*
 * Parses text, in which the sections and options of option.h may stand.
 * Refuses an unknown option, one that is given twice and two sections of one
 * name.  Returns the root of a tree that must not outlive text, or NULL with
 * why set.  Free with conf_tree_free().
 */
struct conf_section	*conf_grammar_parse(const struct conf_text *text,
			    struct reason *why);

#endif
