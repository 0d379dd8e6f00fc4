#include "daemon/find/inside.h"

#include <errno.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/conf/conf.h"
#include "daemon/find/unmatched.h"

struct dir *
dir_new(struct sources *ss, struct dir *parent, const char *path,
    const struct stat *st)
{
	struct dir *d;

	if ((d = dir_enter(ss, parent, path, st)) == NULL)
		return (NULL);
	dir_find_unseen(d);
	/* It was not found at the start, for looks failed. */
	dir_again_first(d);
	return (d);
}

void
dir_free(struct dir *d)
{
	struct dir *child;

	/* Records of its files point to it. */
	orphans_forget(d->all);
	dir_leave(d);
	while ((child = dir_first_below(d)) != NULL)
		dir_free(child);
	links_clear(d);
	again_leave(d);
	scan_leave(d);
	watch_del(d->watch);
	strays_clear(d);
	awaited_clear(d);
	told_clear(d);
	dir_forget_taken(d);
	dir_release(d);
}

bool
dir_is_to_be_polled(struct dir *d)
{
	uint64_t ms = UINT64_MAX;
	size_t i;

	for (i = 0; i < d->nuses; i++)
		if (d->uses[i].source->conf->poll)
			return (true);
	return (dir_links_poll(d, &ms));
}

/* The watch serves every use: for files too, or polled, when one asks. */
void
dir_watch(struct dir *d)
{
	struct watch_want want = { .poll = dir_is_to_be_polled(d),
		.poll_ms = UINT64_MAX };
	struct watch_dir *old = d->watch;
	const struct conf_source *conf;
	size_t i;

	for (i = 0; i < d->nuses; i++) {
		conf = d->uses[i].source->conf;
		want.data |= use_is_last(&d->uses[i]);
		if (conf->poll_interval_ms < want.poll_ms)
			want.poll_ms = conf->poll_interval_ms;
	}
	(void)dir_links_poll(d, &want.poll_ms);
	/* The new one first: what happens between is not missed. */
	d->watch = watch_add(d->all->watch, dir_display(d), &want, d);
	if (d->watch == NULL) {
		log_debug("%s: cannot be watched: %s", dir_display(d),
		    strerror(errno));
		if (errno != ENOENT && errno != ENOTDIR && errno != ELOOP)
			dir_again(d);
	}
	d->place.told = want.data;
	d->place.polled = d->watch == NULL || watch_is_polled(d->watch);
	watch_del(old);
}

struct dir *
dir_at(struct sources *ss, const char *path)
{
	unsigned n = 0;
	struct stat st;
	struct dir *d;

	if (strcmp(path, "/") == 0)
		path = "";
	if ((d = dir_find(ss, path)) != NULL)
		return (d);
	while (lstat(path[0] == '\0' ? "/" : path, &st) == -1)
		if (!lookup_again(ss, n++))
			return (NULL);
	if (!S_ISDIR(st.st_mode) || (d = dir_new(ss, NULL, path, &st)) == NULL)
		return (NULL);
	ss->ops.on_link(ss->ops.arg, dir_display(d));
	dir_watch(d);
	return (d);
}
