#include "daemon/find/recover_inside.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/entry.h"
#include "daemon/find/inside.h"
#include "daemon/find/last_look.h"
#include "daemon/find/match.h"
#include "daemon/find/retry.h"
#include "daemon/find/tree.h"

/*
 * Whether the path has no symbolic links, as when it was recorded: whoever may
 * change it could have it lead elsewhere.
 */
static bool
is_without_links(struct sources *ss, const char *path)
{
	const char *display = path[0] == '\0' ? "/" : path;
	unsigned n = 0;
	char *real;
	bool is;

	while (
	    (real = realpath(display, NULL)) == NULL && retry_lookup(ss, n++))
		;
	is = real != NULL && strcmp(real, display) == 0;
	free(real);
	return (is);
}

static void
enter_dir(const struct checkpoint_record *rec, void *arg)
{
	struct sources *ss = arg;
	char path[PATH_MAX], *slash;
	struct dir *d, *real;
	const char *base;

	sources_pause(ss);
	if (rec->kind != CHECKPOINT_FILE || rec->real == NULL ||
	    strlcpy(path, rec->real, sizeof(path)) >= sizeof(path) ||
	    (slash = strrchr(path, '/')) == NULL)
		return;
	*slash = '\0';
	d = dir_of_path(ss, rec->path, &base);
	if (d != NULL && match_file(d, base) && dir_find(ss, path) == NULL &&
	    is_without_links(ss, path) &&
	    (real = tree_find_or_add(ss, path)) != NULL)
		last_look_copy(real, d);
}

void
recover_enter_dirs(struct sources *ss)
{
	checkpointer_walk_untaken(ss->checkpointer, enter_dir, ss);
}

static int
examine_moved_once(struct dir *d)
{
	const struct dirent *e;
	DIR *handle;
	int error;

	if ((handle = retry_list(d)) == NULL)
		return (retry_may_help(errno) ? -1 : 0);
	for (errno = 0; (e = readdir(handle)) != NULL; errno = 0) {
		sources_pause(d->all);
		if (checkpointer_path(
			d->all->checkpointer, d->place.dev, e->d_ino) != NULL &&
		    file_table_find(
			d->all->file_table, d->place.dev, e->d_ino) == NULL)
			entry_examine(d, e->d_name);
	}
	error = errno;
	(void)closedir(handle);
	errno = error;
	return (error == 0 ? 0 : -1);
}

void
recover_examine_moved(struct dir *d)
{
	unsigned n = 0;

	while (examine_moved_once(d) == -1)
		if (!retry_lookup(d->all, n++)) {
			retry_dir(d);
			return;
		}
}
