/*
 * mount.h - what is mounted over a directory of the tree, or over a file in
 * one, and what is mounted there no more: no event tells of it.
 */
#ifndef FIND_MOUNT_H
#define FIND_MOUNT_H

#include "daemon/find/inside.h"

/*
 * From now on names are examined where something is mounted.  Where the system
 * does not tell that, the sweep finds out: that is logged.
 */
void	mount_begin(struct sources *);

#endif
