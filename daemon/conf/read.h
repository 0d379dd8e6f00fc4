/*
 * read.h - reads configuration files into one text for libconfuse.
 *
 * libconfuse alone counts lines wrongly after comments, swallows globs that are
 * not quoted, takes the end of the file for a closing brace, and fails on the
 * next file after a string without end.  So each file is read by lex.h first:
 * comments become blanks, include() the files it names, ${name} its value.
 */
#ifndef CONF_READ_H
#define CONF_READ_H

#include <stddef.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/text.h"
#include "lib/reason.h"

#define CONF_READ_DEPTH	16		/* files, each included by the last */
#define CONF_READ_MAX	(4 * 1024 * 1024)	/* octets of all files */

/*
 * Reads file and all files that it includes; macros may be NULL.  Returns the
 * text, or NULL with why set to "file:line: what is wrong".  The text ends at
 * the first statement that is not well-formed: libconfuse refuses it there.
 * Free with conf_text_free().
 */
struct conf_text	*conf_read(const char *file,
		    const struct conf_pairs *macros, struct reason *why);

/*
 * The same for n octets at p in place of a file.  name stands for the file's:
 * in messages, and to find the directory that includes count from.
 */
struct conf_text	*conf_read_bytes(const char *name, const char *p,
		    size_t n, const struct conf_pairs *macros,
		    struct reason *why);

#endif
