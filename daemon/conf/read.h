/*
 * read.h - reads configuration files into one text for libconfuse.
 *
 * libconfuse alone counts lines wrongly after comments, swallows globs that are
 * not quoted, takes the end of the file for a closing brace, and is left in a
 * wrong state by a string without end.  So what it gets is read here first:
 * comments become blanks, include() the files it names, ${name} its value.
 */
#ifndef CONF_READ_H
#define CONF_READ_H

#include <stddef.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/text.h"
#include "lib/reason.h"

#define CONF_READ_DEPTH	16		/* files that include one another */
#define CONF_READ_MAX	(4 * 1024 * 1024)	/* octets in all of them */

/*
 * Reads file and all that it includes.  Returns the text, or NULL with why set
 * to "file:line: what is wrong".  A statement that is not well-formed ends the
 * text: libconfuse refuses it there.
 */
struct conf_text	*conf_read(const char *file,
		    const struct conf_pairs *macros, struct reason *why);

/*
 * The same for n octets at p, which are taken for a file called name:
 * includes count from its directory.
 */
struct conf_text	*conf_read_bytes(const char *name, const char *p,
		    size_t n, const struct conf_pairs *macros,
		    struct reason *why);

#endif
