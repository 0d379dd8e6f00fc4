/*
 * watch.h - tells when something in a directory may have changed.
 *
 * Events are hints: they say where to look, never what is there.  A directory
 * that the system cannot watch is polled, which is said once.  A file has a
 * watch of its own only where the directory's does not tell of it.
 */
#ifndef WATCH_H
#define WATCH_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct watch;				/* all directories of a worker */
struct watch_dir;			/* one of them */
struct watch_file;			/* a file by itself */

enum watch_event {
	WATCH_DATA,			/* name's contents may have changed */
	WATCH_NAME,			/* name came, went or changed its mode */
	WATCH_SCAN,			/* anything in it may have changed */
	WATCH_GONE,			/* the directory itself is gone or moved */
	WATCH_FILE			/* the file itself may have changed: what
					   is in it, or its names */
};

/*
 * name is NULL for the last three.  from is the name that name had
 * in the same directory, where the system tells, else NULL.
 */
typedef void watch_cb(void *owner, enum watch_event, const char *name,
    const char *from);

struct watch_stats {
	uint64_t	events;
	uint64_t	overflows;	/* the system lost events */
	unsigned	directories;
	unsigned	polled;		/* of these */
	unsigned	files;		/* that have a watch of their own */
};

/* What to watch a directory for. */
struct watch_want {
	bool		data;		/* contents of files, not only names */
	bool		poll;		/* do not ask the system */
	uint64_t	poll_ms;	/* how often, where it is polled */
};

/* Returns NULL with errno.  on_event is called from the loop. */
struct watch	*watch_new(struct ev_loop *, watch_cb *on_event);

/* Every watch_dir must be gone before. */
void	watch_free(struct watch *);

/*
 * Begins to watch path, a directory; several owners may watch the same one.
 * Returns NULL with errno when path is no directory, or out of memory.
 */
struct watch_dir	*watch_add(struct watch *, const char *path,
			    const struct watch_want *, void *owner);

/* May be called from on_event; NULL is fine. */
void	watch_del(struct watch_dir *);

/* Whether it was to be polled, or had to be. */
bool	watch_is_polled(const struct watch_dir *);

/*
 * Whether a directory that is watched for data tells what is written to its
 * files.  Where it does not, each needs a watch of its own.
 */
bool	watch_sees_files(const struct watch *);

/*
 * Begins to watch one regular file, open as fd, which is borrowed; -1: the file
 * at path.  owner is told by WATCH_FILE; one file has one watch.  Returns NULL
 * with errno: only a look by time tells.
 */
struct watch_file	*watch_file_add(struct watch *, int fd,
			    const char *path, void *owner);

/* May be called from on_event; NULL is fine. */
void	watch_file_del(struct watch_file *);

/*
 * The descriptor that it was added with is about to be closed.  Returns whether
 * the watch goes on without; if not, it is to be deleted before.
 */
bool	watch_file_needs_no_fd(const struct watch_file *);

/*
 * The time, as ev_now(), until which every event was told: by the clock of now
 * where that was set back since.
 */
ev_tstamp	watch_known_until(const struct watch *);

/* Whether the system has events that were not told yet. */
bool	watch_is_behind(const struct watch *);

/* How many descriptors the directories take. */
unsigned	watch_descriptors(const struct watch *);

void	watch_stats(const struct watch *, struct watch_stats *);

/*
 * The door to one operating system: inotify.c, kqueue.c.  Handles
 * are the system's small integers; events come up through watch_report().
 */
struct watch_system;

struct watch_system	*watch_system_open(struct watch *, struct ev_loop *);
void	watch_system_close(struct watch_system *);
/* Returns a handle, maybe the same for the same directory; -1 with errno. */
int	watch_system_add(struct watch_system *, const char *path, bool data);
void	watch_system_del(struct watch_system *, int handle);
/* As watch_sees_files(), watch_file_add() and watch_file_needs_no_fd(). */
bool	watch_system_sees_files(const struct watch_system *);
int	watch_system_add_file(struct watch_system *, int fd, const char *path);
void	watch_system_del_file(struct watch_system *, int handle);
bool	watch_system_needs_no_fd(const struct watch_system *);
/* Whether events wait to be read, as far as can be known. */
bool	watch_system_has_more(const struct watch_system *);

/* Events were reported: all that there are, or some are left for next turns. */
void	watch_reported(struct watch *, bool all);

/*
 * handle -1: the system lost events, scan all: some in each of the next turns.
 * That of a file: whatever the event is, its owner gets a WATCH_FILE.
 */
void	watch_report(struct watch *, int handle, enum watch_event,
	    const char *name, const char *from);

#endif
