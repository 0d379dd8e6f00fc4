/*
 * tail_held.h - new files that may be copies of a file that is followed.
 *
 * Rotation by copytruncate writes a copy, and a pattern may mean it too.  A new
 * file whose name rotation may have made is held: nothing of it is sent as long
 * as it has what the other file has.  When that one is truncated, it goes on in
 * its copy (tail.c); a file that turns out to be another is sent as any other.
 */
#ifndef TAIL_HELD_H
#define TAIL_HELD_H

struct tail;

/* Holds a new file, before routes join, when its name says that it may be. */
void	tail_hold(struct tail *);

/* Looks whether a file that is held is still a copy; else it is sent. */
void	tail_held_look(struct tail *);

/* Another goes on in a file that is held, which is freed when it is time. */
void	tail_retire(struct tail *);

/* It is held no longer. */
void	tail_unhold(struct tail *);

#endif
