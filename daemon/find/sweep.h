/*
 * sweep.h - examines all files and directories, slowly: events are hints, and
 * some never come.
 */
#ifndef FIND_SWEEP_H
#define FIND_SWEEP_H

#include "daemon/find/inside.h"

void	sweep_start(struct sources *);
void	sweep_stop(struct sources *);

/*
 * Whether another directory has its path now, or other names are in it: then
 * it is examined or scanned.  May free it.
 */
void	sweep_dir(struct dir *);

#endif
