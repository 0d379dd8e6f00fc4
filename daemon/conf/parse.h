/*
 * parse.h - from a tree to a checked configuration.
 */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "daemon/conf/conf.h"
#include "daemon/conf/tree.h"
#include "lib/reason.h"

/*
 * Checks the sections, options and values of the tree, reads the files of
 * certificates and keys, and looks for loops through the syslog daemon of this
 * host.  Returns a configuration that borrows nothing from the tree, its file
 * NULL; or NULL with why set.  Free with conf_free().
 */
struct conf	*conf_parse(const struct conf_section *root,
		    struct reason *why);

#endif
