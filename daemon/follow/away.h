/*
 * away.h - files that went with their directory, and may come back with
 * it: the file system was unmounted, or the directory was moved.
 */
#ifndef FOLLOW_AWAY_H
#define FOLLOW_AWAY_H

#include <stdbool.h>

struct tail;

/*
 * Whether a file that has no name any more may have one again, as far as can be
 * seen.
 */
bool	tail_may_come_back(const struct tail *);

/*
 * Nothing more is read of it for now; its records stay, as those of a file that
 * was not there at a start.  Frees it.
 */
void	tail_leave(struct tail *);

#endif
