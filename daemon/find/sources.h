/*
 * sources.h - which files: directories are walked and watched by the patterns
 * of all sources, and every regular file that a source means is followed.
 */
#ifndef FIND_SOURCES_H
#define FIND_SOURCES_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/watch/watch.h"

struct conf_source;
struct handover_file;
struct checkpointer;
struct route;
struct sources;			/* opaque */
struct file_table;

/*
 * What the process is told of, that keeps the sandbox in step with the
 * directories.  Paths are borrowed; arg is handed back.
 */
struct sources_ops {
	/* A symbolic link to this path is about to be followed. */
	void	(*on_link)(void *arg, const char *path);
	/* A symbolic link leads nowhere, as far as can be seen. */
	void	(*on_dangling)(void *arg, const char *path);
	/* The directory cannot be listed, errno says why; once for each. */
	void	(*on_refused)(void *arg, const char *path);
	/* The directory is hidden, and something may have changed in it. */
	void	(*on_hidden)(void *arg, const char *path);
	/*
	 * A file system was mounted there that has files of the checkpoint:
	 * only a start finds out what became of them meanwhile.
	 */
	void	(*on_mounted)(void *arg, const char *path);
	void	*arg;
};

/*
 * All is borrowed but the ops, which are copied; the file_table are to be freed
 * before the sources.  Returns NULL with errno.  Free with sources_free(); NULL
 * is fine.
 */
struct sources	*sources_new(struct ev_loop *, struct file_table *,
		    struct checkpointer *, const struct sources_ops *);
void	sources_free(struct sources *);

/*
 * Adds a source whose files go by these n routes; conf and the routes are
 * borrowed.  Returns 0, or -1 with errno.
 */
int	sources_add(struct sources *, const struct conf_source *conf,
	    struct route *const *routes, size_t n);

/*
 * Never follows the file or directory for which fd is open; of anything else
 * nothing happens.  For at most four.
 */
void	sources_avoid(struct sources *, int fd);

/*
 * The sandbox hides the directories for which hides(arg, path) is true: they
 * are examined no more, though events of some still come, and stay as they are.
 */
void	sources_hide(struct sources *, bool (*hides)(void *, const char *),
	    void *arg);

/*
 * While sources_start() works, calls pause(arg) between two steps: that changes
 * nothing here, or ends the process.
 */
void	sources_on_pause(struct sources *, void (*pause)(void *), void *arg);

/*
 * Finds and follows every file there is, and goes on doing so.  The n files
 * that the worker before had open go on, also where no name leads to them any
 * more; takes their descriptors.  Returns 0, or -1 with errno.
 */
int	sources_start(struct sources *, const struct handover_file *files,
	    size_t n);

/* Counts of the watcher. */
void	sources_watch_stats(const struct sources *, struct watch_stats *);

#endif
