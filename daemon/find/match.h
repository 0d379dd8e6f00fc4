/*
 * match.h - what the patterns mean in one directory.
 *
 * A match says that a pattern matches the path of a directory up to one of its
 * parts: that part names files or directories in there.
 */
#ifndef FIND_MATCH_H
#define FIND_MATCH_H

#include <stdbool.h>

#include "daemon/find/inside.h"

struct pattern_part;
struct file;

/*
 * Adds a match to the directory and, where its part is **, the match of the
 * next part, as ** may stand for no directory.  Returns 1 when it is new, 0
 * when the directory has it, or -1 with ENOMEM, which was logged.
 */
int	match_add(struct dir *, const struct match *);

/*
 * Adds to child, a directory in d, the matches of d that go on in it and whose
 * sources follow what is reached like this.  *added: one of them is new.
 * Returns 0, or -1 where memory was short for some, which was logged.
 */
int	match_add_below(struct dir *child, const struct dir *d, enum trust,
	    bool *added);

/* The part of the pattern that names entries; and whether that is the last. */
const struct pattern_part	*match_part(const struct match *);
bool	match_is_last(const struct match *);

/*
 * Whether the match means the file called name in d, which its source does not
 * exclude; and whether the pattern goes on in a directory called name.
 */
bool	match_is_file(const struct match *, const struct dir *d,
	    const char *name);
bool	match_is_dir(const struct match *, const char *name);

/* Whether the match's source follows a file that is reached like this. */
bool	match_trusts(const struct match *, enum trust);

/* Whether any match of d means the file, or goes on in the directory, name. */
bool	match_file(const struct dir *d, const char *name);
bool	match_dir(const struct dir *d, const char *name);

/*
 * Whether d can have files that a source means: by a match, or, where it has no
 * match, by links that lead into it.
 */
bool	match_any_file(const struct dir *d);

/*
 * Whether a match of d means name, and its source follows what is so reached.
 */
bool	match_trusted(const struct dir *d, const char *name, enum trust);

/*
 * Whether a source means the file by the name it has now, and rotation did not
 * give it that name: it is a log that is written to, whatever it was called
 * before.
 */
bool	match_live(const struct dir *, const struct file *);

/*
 * Whether a source that means log in the directory was means name in d, too.
 * With NULL for name: whether it has any match in d.
 */
bool	match_same_source(const struct dir *d, const char *name,
	    const struct dir *was, const char *log);

#endif
