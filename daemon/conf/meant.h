/*
 * meant.h - which directories and files a configuration means, by their paths
 * alone.
 */
#ifndef CONF_MEANT_H
#define CONF_MEANT_H

#include <stdbool.h>

#include "daemon/conf/conf.h"

/*
 * Whether some source has to list the directory to find its files.  *links is
 * how the most trusting of these sources follows symbolic links.
 */
bool	meant_is_listed(const struct conf *, const char *path,
	    enum conf_symlinks *links);

/*
 * Whether some source means files in the directory; then also those with other
 * names are of interest, for rotation renames files.  *links as above.
 */
bool	meant_has_files(const struct conf *, const char *dir,
	    enum conf_symlinks *links);

#endif
