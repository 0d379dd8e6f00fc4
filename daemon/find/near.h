/*
 * near.h - the directories near one, in which a file may have gone on.
 */
#ifndef FIND_NEAR_H
#define FIND_NEAR_H

#include <stdbool.h>

struct names;

/*
 * Visits a directory, those below it and those below its parent, until
 * visit(place, to) returns true; not many of them.
 */
void	sources_near(struct names *, bool (*visit)(struct names *, void *),
	    void *to);

#endif
