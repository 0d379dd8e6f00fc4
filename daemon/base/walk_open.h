/*
 * walk_open.h - directories that a path leads through.
 */
#ifndef BASE_WALK_OPEN_H
#define BASE_WALK_OPEN_H

/*
 * Opens the directory called name in the one that is open as dir, and no link
 * to one.  The descriptor is good for fstat(2) and the calls that end in "at",
 * and not for more.  Returns it, or -1 with errno.
 */
int	walk_open(int dir, const char *name);

#endif
