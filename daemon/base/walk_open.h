/*
 * walk_open.h - opens the directories of a path, one by one.
 */
#ifndef BASE_WALK_OPEN_H
#define BASE_WALK_OPEN_H

/*
 * Opens the directory called name in the directory dir; refuses a symbolic
 * link.  The descriptor is good for fstat(2) and the calls that end in "at",
 * not for reading.  Returns the descriptor, or -1 with errno.
 */
int	walk_open(int dir, const char *name);

#endif
