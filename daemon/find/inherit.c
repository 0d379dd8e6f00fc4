#include "daemon/find/inherit.h"

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/retry.h"
#include "daemon/find/routes.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/handover.h"
#include "daemon/stream/streams.h"

/* The path by which the checkpoint knows the file that is open, or NULL. */
static const char *
recorded_path(struct sources *ss, int fd, struct stat *st)
{
	unsigned n = 0;

	while (fstat(fd, st) == -1)
		if (!retry_lookup(ss, n++)) {
			log_warn("a file that the worker before had open");
			return (NULL);
		}
	if (!S_ISREG(st->st_mode) ||
	    file_table_find(ss->file_table, st->st_dev, st->st_ino) != NULL)
		return (NULL);
	return (checkpointer_path(ss->checkpointer, st->st_dev, st->st_ino));
}

void
sources_inherit(struct sources *ss, const struct handover_file *f)
{
	char path[PATH_MAX];
	const char *name, *recorded;
	struct stat st;
	struct file *t;
	struct dir *d;

	recorded = recorded_path(ss, f->fd, &st);
	if (recorded == NULL ||
	    strlcpy(path, recorded, sizeof(path)) >= sizeof(path) ||
	    (name = strrchr(path, '/')) == NULL) {
		/* The file was found by its name, or no source means it now. */
		(void)close(f->fd);
		return;
	}
	if ((t = follow_new_nameless(ss->file_table, name + 1, f->fd, &st)) ==
	    NULL) {
		log_warn("%s", path);
		return;
	}
	routes_rejoin(t, ss, path);
	if (t->streams == NULL) {
		follow_free(t);
		return;
	}
	if ((d = dir_of_path(ss, path, &name)) != NULL)
		order_precede(t, &d->place, name);
	t->changed -= f->quiet;
	file_timer_add(t);
	streams_watch(t);
}
