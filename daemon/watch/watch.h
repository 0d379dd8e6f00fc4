/*
 * watch.h - reports when something in a directory may have changed.
 *
 * Events are hints: an event says where to look, never what is there.  A
 * directory that the system cannot watch is polled; the first one is logged.
 * A file has a watch of its own only where the watch of its directory does not
 * report its changes.
 */
#ifndef WATCH_WATCH_H
#define WATCH_WATCH_H

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

struct watch;				/* all directories of a worker */
struct watch_dir;			/* one of them */
struct watch_file;			/* a file by itself */

enum watch_event {
	WATCH_DATA,			/* contents of name may have changed */
	WATCH_NAME,			/* name came, went or changed mode */
	WATCH_SCAN,			/* anything in it may have changed */
	WATCH_GONE			/* the directory was removed or moved */
};

/* The owner is the one that the watch was added for. */
struct watch_ops {
	/*
	 * Something happened in a directory.  name is NULL for WATCH_SCAN and
	 * WATCH_GONE.  from is the name that name had in the same directory
	 * before, where the system tells, else NULL.
	 */
	void	(*on_dir)(void *owner, enum watch_event, const char *name,
		    const char *from);
	/* Contents or names of a file with its own watch may have changed. */
	void	(*on_file)(void *owner);
};

struct watch_stats {
	uint64_t	events;
	uint64_t	overflows;	/* so often the system lost events */
	unsigned	directories;
	unsigned	polled;		/* of the directories */
	unsigned	files;		/* that have a watch of their own */
};

/* What to watch a directory for. */
struct watch_want {
	bool		data;		/* contents of files, not only names */
	bool		poll;		/* do not ask the system for events */
	uint64_t	poll_ms;	/* between two polls, if it is polled */
};

/*
 * The loop and ops are borrowed; ops are called from the loop.  Returns NULL
 * with errno.
 */
struct watch	*watch_new(struct ev_loop *, const struct watch_ops *);

/* Every watch_dir and watch_file must be deleted before.  NULL is fine. */
void	watch_free(struct watch *);

/*
 * Begins to watch the directory at path for owner; several owners may watch
 * the same one.  Polls where the system has no watch left.  Returns NULL with
 * errno when path is no directory, or out of memory.
 */
struct watch_dir	*watch_add(struct watch *, const char *path,
			    const struct watch_want *, void *owner);

/* Ends the watch.  May be called from the ops; NULL is fine. */
void	watch_del(struct watch_dir *);

/* Whether the directory is polled: that was wanted, or had to be. */
bool	watch_is_polled(const struct watch_dir *);

/*
 * Whether the watch of a directory, for data, reports what is written to the
 * files in it.  If not, each file needs a watch of its own.
 */
bool	watch_sees_files(const struct watch *);

/*
 * Begins to watch one regular file for owner: the one that is open as fd, which
 * is borrowed, or with -1 the one at path.  A file has one watch at most.
 * Returns NULL with errno, EEXIST where it has one: then the caller has to poll
 * the file.
 */
struct watch_file	*watch_file_add(struct watch *, int fd,
			    const char *path, void *owner);

/* Ends the watch.  May be called from the ops; NULL is fine. */
void	watch_file_del(struct watch_file *);

/*
 * Whether the watch goes on when the descriptor that it was added with is
 * closed; if not, delete the watch before you close the descriptor.
 */
bool	watch_file_survives_close(const struct watch_file *);

/*
 * The time of day, as ev_now() has it, up to which every event was reported.
 * Where the clock was set back since, it is converted to the clock of now.
 */
ev_tstamp	watch_known_until(const struct watch *);

/* Whether the system has events that were not reported yet. */
bool	watch_is_behind(const struct watch *);

/* How many descriptors the watched directories take. */
unsigned	watch_descriptors(const struct watch *);

void	watch_stats(const struct watch *, struct watch_stats *);

#endif
