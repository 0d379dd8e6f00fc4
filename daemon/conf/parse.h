/*
 * parse.h - from a text to a checked configuration.
 */
#ifndef CONF_PARSE_H
#define CONF_PARSE_H

#include "daemon/conf/conf.h"
#include "daemon/conf/text.h"
#include "lib/reason.h"

/*
 * Parses and checks text.  Returns the configuration, its file NULL; or NULL
 * with why set.  Free with conf_free().
 */
struct conf	*conf_parse(const struct conf_text *text, struct reason *why);

#endif
