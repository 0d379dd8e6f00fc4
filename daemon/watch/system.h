/*
 * system.h - the door to the events of one operating system: inotify.c,
 * kqueue.c or none.c, of which the build takes one.
 *
 * A directory or a file that is watched has a handle, a small integer of the
 * system's.
 */
#ifndef WATCH_SYSTEM_H
#define WATCH_SYSTEM_H

#include "daemon/watch/watch.h"

struct watch_system;

/* What the system reports to the watch. */
struct watch_system_ops {
	/*
	 * The directory or file of the handle has an event.  WATCH_DATA without
	 * a name: itself may have changed.  handle -1: the system lost events.
	 */
	void	(*on_event)(struct watch *, int handle, enum watch_event,
		    const char *name, const char *from);
	/*
	 * Called after on_event: all events that there are were reported; if
	 * not all, the next turns of the loop report the rest.
	 */
	void	(*on_read)(struct watch *, bool all);
};

/* Borrows all three.  Returns NULL with errno. */
struct watch_system	*watch_system_open(struct watch *, struct ev_loop *,
			    const struct watch_system_ops *);

/* Ends all watches.  NULL is fine. */
void	watch_system_close(struct watch_system *);

/*
 * Watches the directory at path, for its files' contents, too, where data.
 * Returns a handle, maybe the one that the same directory has already, or -1
 * with errno.
 */
int	watch_system_add(struct watch_system *, const char *path, bool data);
void	watch_system_del(struct watch_system *, int handle);

/* As watch_sees_files(), watch_file_add() and watch_file_survives_close(). */
bool	watch_system_sees_files(const struct watch_system *);
int	watch_system_add_file(struct watch_system *, int fd, const char *path);
void	watch_system_del_file(struct watch_system *, int handle);
bool	watch_system_survives_close(const struct watch_system *);

/* Whether events wait to be read, as far as the system tells. */
bool	watch_system_has_more(const struct watch_system *);

#endif
