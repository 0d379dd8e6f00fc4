/*
 * retry.h - what could not be looked at.
 *
 * A look is a system call that asks what is there.  One that fails for want of
 * memory or descriptors, or by an error of the disk, tells nothing of what is
 * there.  It is tried again at once; then the directory is scanned again soon,
 * and then ever less often.
 */
#ifndef FIND_RETRY_H
#define FIND_RETRY_H

#include <dirent.h>
#include <ev.h>
#include <stdbool.h>

#include "daemon/find/inside.h"

/* Whether a look that failed with this errno may succeed later. */
bool	retry_may_help(int error);

/*
 * A look has failed with errno, for the nth time, from 0: whether to try again
 * now.  Closes a file where descriptors are short.  At a start it waits between
 * attempts, two seconds in all.  Leaves errno as it is.
 */
bool	retry_lookup(struct sources *, unsigned n);

/*
 * Opens the directory to be listed as names_list() does, with such attempts.
 * Returns NULL with errno.
 */
DIR	*retry_list(struct dir *);

/* Something in the directory could not be looked at: scans it again soon. */
void	retry_dir(struct dir *);

/*
 * While a directory is scanned for what a start could not do: d is to be the
 * next, once more.  At other times nothing happens.
 */
void	retry_dir_first(struct dir *d);

/* The directory is not scanned again. */
void	retry_cancel(struct dir *);

/*
 * on_time is called with the timer, whose data are the sources, when the
 * directories are to be scanned; then retry_later() sets the timer for those
 * that are left.
 */
void	retry_init(struct sources *, void (*on_time)(EV_P_ ev_timer *, int));
void	retry_end(struct sources *);
void	retry_later(struct sources *);

/*
 * At a start, between two steps: gives the caller of sources_start() a chance
 * to end it.  arg is the sources.  Leaves errno as it is.
 */
void	sources_pause(void *arg);

#endif
