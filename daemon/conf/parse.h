/*
 * parse.h - from a tree to a checked configuration.
 */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "daemon/conf/conf.h"
#include "daemon/conf/tree.h"
#include "lib/reason.h"

/*
 * Checks the sections, options and values of the tree, and what they refer to:
 * files of keys, other sections.  Returns the configuration, its file NULL; or
 * NULL with why set.  Free with conf_free().
 */
struct conf	*conf_parse(const struct conf_section *root,
		    struct reason *why);

#endif
