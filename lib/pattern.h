/*
 * pattern.h - the paths of a source: which files they match.
 *
 * An absolute path, cut at its slashes into components: a literal name, a
 * glob(7) with * ? [] (backslash quotes), or ** for any number of directories,
 * none included.  As in the shell, a leading dot is matched only by a dot.
 * Bytes, not characters.  Pure.
 */
#ifndef PATTERN_H
#define PATTERN_H

#include <stdbool.h>
#include <stddef.h>

#include "reason.h"

enum pattern_kind {
	PATTERN_LITERAL,		/* text is the name itself, unquoted */
	PATTERN_GLOB,			/* see pattern_part_matches() */
	PATTERN_ANY_DEPTH		/* ** */
};

struct pattern_part {
	enum pattern_kind	 kind;
	const char		*text;
};

struct pattern;				/* opaque */

/*
 * Parses path.  Repeated slashes, "." components and repeated ** count once.
 * Refused, with why telling what to write instead: a relative path, one that
 * ends in "/" or "**", ** inside a name, ".." components, an unclosed [, a
 * backslash at a component's end.
 * Returns NULL with why set, to be read after "path ...".  Free with
 * pattern_free(); NULL is fine.
 */
struct pattern	*pattern_new(const char *path, struct reason *why);
void	pattern_free(struct pattern *);

/* Return the number of components, and the ith, which is the pattern's. */
size_t	pattern_length(const struct pattern *);
const struct pattern_part	*pattern_part(const struct pattern *, size_t i);

/* Returns whether a component matches a name; "." and ".." never match. */
bool	pattern_part_matches(const struct pattern_part *, const char *name);

/*
 * Returns whether a file is excluded by glob: one without a slash is matched
 * against the last component of path, one with a slash against the whole path,
 * where * does not match a slash and ** as a component takes any number of
 * them.  A glob such as "nginx/x" thus excludes nothing: paths begin with a
 * slash.
 */
bool	pattern_excludes(const char *glob, const char *path);

#endif
