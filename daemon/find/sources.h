/*
 * sources.h - which files: directories are walked and watched by the patterns
 * of all sources, and every regular file that one means is followed.
 */
#ifndef FIND_SOURCES_H
#define FIND_SOURCES_H

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>

#include "daemon/watch/watch.h"

struct conf_source;
struct handover_file;
struct ledger;
struct route;
struct sources;
struct tails;

/* What whoever confines this process wants to know; paths are borrowed. */
struct sources_ops {
	/* A symbolic link is about to be followed. */
	void	(*on_link)(void *arg, const char *path);
	/* One leads nowhere, as far as can be seen. */
	void	(*on_dangling)(void *arg, const char *path);
	/* A directory cannot be listed, errno says why; told once. */
	void	(*on_refused)(void *arg, const char *path);
	/* Something may be another in a directory that is hidden. */
	void	(*on_hidden)(void *arg, const char *path);
	/*
	 * Something was mounted there that has files which the checkpoint
	 * knows: what became of them meanwhile, a start finds out.
	 */
	void	(*on_mounted)(void *arg, const char *path);
	void	*arg;
};

/*
 * All are borrowed but the ops, which are copied; tails are to be freed before
 * the sources.  Returns NULL with errno.
 */
struct sources	*sources_new(struct ev_loop *, struct tails *,
		    struct ledger *, const struct sources_ops *);
void	sources_free(struct sources *);

/*
 * Adds a source whose files go by n routes; all are borrowed.  Returns 0, or
 * -1 with errno.
 */
int	sources_add(struct sources *, const struct conf_source *,
	    struct route *const *routes, size_t n);

/*
 * Never follows what fd is open for, a file or a directory; what is no file is
 * ignored.
 */
void	sources_avoid(struct sources *, int fd);

/*
 * The directories for which hides(arg, path) is true are seen no more from now
 * on, though there are still events of some: they stay as they are.
 */
void	sources_hide(struct sources *, bool (*hides)(void *, const char *),
	    void *arg);

/*
 * While sources_start() works, pause(arg) is called between two steps.  It
 * changes nothing of what that is about, or ends the process.
 */
void	sources_on_pause(struct sources *, void (*pause)(void *), void *arg);

/*
 * Looks for every file there is, and goes on looking.  n files that the worker
 * before had open go on, also where no name leads to them any more; takes the
 * descriptors.  Returns 0, or -1 with errno.
 */
int	sources_start(struct sources *, const struct handover_file *files,
	    size_t n);

void	sources_watch_stats(const struct sources *, struct watch_stats *);

#endif
