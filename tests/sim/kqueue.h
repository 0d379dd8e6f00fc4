/*
 * kqueue.h - the system's events as the BSDs have them.
 *
 * daemon/watch/kqueue.c itself is behind the functions of the watch that begin
 * with kqueue_: the build renames them, for the simulation has both ways.
 */
#ifndef KQUEUE_H
#define KQUEUE_H

#include "daemon/watch/system.h"

#include <stdbool.h>
#include <stdint.h>

void	kqueue_reset(void);
bool	kqueue_readable(void);
/* Something happened to a file or a directory that has this number. */
void	kqueue_note(uint64_t inode, unsigned flags);
/* The worker has closed a descriptor. */
void	kqueue_closed(int fd);

struct watch_system	*kqueue_watch_open(struct watch *, struct ev_loop *,
			    const struct watch_system_ops *);
void	kqueue_watch_close(struct watch_system *);
int	kqueue_watch_add(struct watch_system *, const char *path, bool data);
void	kqueue_watch_del(struct watch_system *, int handle);
bool	kqueue_watch_sees_files(const struct watch_system *);
int	kqueue_watch_add_file(struct watch_system *, int fd, const char *path);
void	kqueue_watch_del_file(struct watch_system *, int handle);
bool	kqueue_watch_survives_close(const struct watch_system *);
bool	kqueue_watch_has_more(const struct watch_system *);

#endif
