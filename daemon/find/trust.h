/*
 * trust.h - whether somebody may have given a file of others a name below a
 * source, to have it sent though it is not his to read.
 *
 * Whoever may write to a directory can do that with a hard link, where the
 * system lets him, as he can plant a symbolic link.
 */
#ifndef FIND_TRUST_H
#define FIND_TRUST_H

#include <sys/stat.h>
#include <stdbool.h>

struct dir;

/* A name that leads to a file; all is borrowed. */
struct named {
	const char		*path;	/* of the directory */
	const char		*name;
	const struct stat	*in;	/* the directory */
	const struct stat	*st;	/* the file */
};

/*
 * Whether the name is to be trusted: all who may write to the directory may
 * read the file, or the file is followed already, or it has no other name, or
 * the checkpoint knows it.
 */
bool	trust_name(const struct dir *, const struct named *);

/* The same for a name in this directory of the tree. */
bool	trust_own_name(const struct dir *, const char *name,
	    const struct stat *st);

#endif
