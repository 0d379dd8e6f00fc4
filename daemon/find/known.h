/*
 * known.h - whether what is found is the file that is followed.
 *
 * An inode alone does not tell: a file that is not open may be gone, and its
 * inode be that of another one.
 */
#ifndef FIND_KNOWN_H
#define FIND_KNOWN_H

#include <sys/stat.h>
#include <stdbool.h>

struct dir;
struct file;

enum known {
	KNOWN_SAME,		/* the file, renamed */
	KNOWN_ANOTHER,		/* another one that got its inode */
	KNOWN_LATER		/* it could not be read: errno */
};

/*
 * Whether name in the directory, which st is of and which has the device and
 * inode of the followed file, is that file.
 */
enum known known_as(struct dir *, const char *name, const struct file *,
    const struct stat *st);

/* Whether the open file is the one of st: 1 or 0, or -1 with errno. */
int	known_is_open_as(int fd, const struct stat *st);

/*
 * Whether st, by lstat(2) of the file's name, tells that the file has not
 * changed since it was checked; and the same where the name is in the directory
 * open as fd, and may be a link.
 */
bool	known_is_unchanged(const struct file *, const struct stat *st);
bool	known_is_at_rest(const struct file *, int fd, const struct stat *st);

#endif
