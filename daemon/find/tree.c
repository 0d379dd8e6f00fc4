#include "daemon/find/tree.h"

#include <errno.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/conf/conf.h"
#include "daemon/find/dangling.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/last_look.h"
#include "daemon/find/link.h"
#include "daemon/find/match.h"
#include "daemon/find/missed_rename.h"
#include "daemon/find/not_followed.h"
#include "daemon/find/retry.h"
#include "daemon/find/scan.h"
#include "daemon/find/unmatched.h"

struct dir *
tree_add(struct sources *ss, struct dir *parent, const char *path,
    const struct stat *st)
{
	struct dir *d;

	if ((d = dir_enter(ss, parent, path, st)) == NULL)
		return (NULL);
	last_look_find(d);
	/*
	 * At a start that is late it was not found before, for a look had
	 * failed.
	 */
	retry_dir_first(d);
	return (d);
}

void
tree_remove(struct dir *d)
{
	struct dir *child;

	/* Unmatched records may point to it. */
	unmatched_forget(d->all);
	dir_leave(d);
	while ((child = dir_first_below(d)) != NULL)
		tree_remove(child);
	link_clear(d);
	retry_cancel(d);
	scan_cancel(d);
	watch_del(d->watch);
	missed_rename_clear(d);
	dangling_clear(d);
	not_followed_clear(d);
	last_look_forget_taken(d);
	dir_release(d);
}

bool
tree_wants_polling(struct dir *d)
{
	uint64_t ms = UINT64_MAX;
	size_t i;

	for (i = 0; i < d->nmatches; i++)
		if (d->matches[i].source->conf->poll)
			return (true);
	return (link_wants_polling(d, &ms));
}

/*
 * One watch serves all matches: for files, too, or polled, if one asks for it.
 */
void
tree_watch(struct dir *d)
{
	struct watch_want want = { .poll = tree_wants_polling(d),
		.poll_ms = UINT64_MAX };
	struct watch_dir *old = d->watch;
	const struct conf_source *conf;
	size_t i;

	for (i = 0; i < d->nmatches; i++) {
		conf = d->matches[i].source->conf;
		want.data |= match_is_last(&d->matches[i]);
		if (conf->poll_interval_ms < want.poll_ms)
			want.poll_ms = conf->poll_interval_ms;
	}
	(void)link_wants_polling(d, &want.poll_ms);
	/* The new watch comes first, so that no event is missed. */
	d->watch = watch_add(d->all->watch, dir_display(d), &want, d);
	if (d->watch == NULL) {
		log_debug("%s: cannot be watched: %s", dir_display(d),
		    strerror(errno));
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			retry_dir(d);
	}
	d->place.told = want.data;
	d->place.polled = d->watch == NULL || watch_is_polled(d->watch);
	watch_del(old);
}

struct dir *
tree_find_or_add(struct sources *ss, const char *path)
{
	unsigned n = 0;
	struct stat st;
	struct dir *d;

	if (strcmp(path, "/") == 0)
		path = "";
	if ((d = dir_find(ss, path)) != NULL)
		return (d);
	while (lstat(path[0] == '\0' ? "/" : path, &st) == -1)
		if (!retry_lookup(ss, n++))
			return (NULL);
	if (!S_ISDIR(st.st_mode) || (d = tree_add(ss, NULL, path, &st)) == NULL)
		return (NULL);
	ss->ops.on_link(ss->ops.arg, dir_display(d));
	tree_watch(d);
	return (d);
}
