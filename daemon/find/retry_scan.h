/*
 * retry_scan.h - scans again what could not be looked at, and finishes what a
 * start could not do for it.
 */
#ifndef FIND_RETRY_SCAN_H
#define FIND_RETRY_SCAN_H

#include <stdbool.h>

#include "daemon/find/inside.h"

/* Directories of retry_dir() are scanned by time from now on. */
void	retry_start(struct sources *);

/*
 * Scans the directory in the next turns; or now, where a start could not look
 * at all of it, and recovers its files then.
 */
void	retry_scan(struct dir *);

/*
 * Whether new files of the directory are not sent yet: what became of the files
 * of the checkpoint is still looked for there, and something is missing.
 */
bool	retry_is_undecided(struct dir *);

#endif
