/*
 * match.h - which directories the sources of a configuration match, by the
 * text of paths and patterns alone.
 *
 * Both functions set *links to how the most trusting of the sources concerned
 * follows symbolic links.
 */
#ifndef CONF_MATCH_H
#define CONF_MATCH_H

#include <stdbool.h>

#include "daemon/conf/conf.h"

/*
 * Whether a source must list the directory to find files: one of its patterns
 * has a glob behind path, or a file of it is in the directory.
 */
bool	conf_match_lists(const struct conf *, const char *path,
	    enum conf_symlinks *links);

/*
 * Whether a pattern matches files in the directory.  Rotation gives these files
 * other names in it, so that all files of the directory are of interest.
 */
bool	conf_match_has_files(const struct conf *, const char *dir,
	    enum conf_symlinks *links);

#endif
