#include "daemon/find/entry.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "daemon/file/table.h"

/* It leads nowhere, or where nobody could look. */
static void
look_at_dangling(struct dir *d, const char *name)
{
	if (!is_absence(errno)) {
		dir_again(d);
		return;
	}
	lose_name(d, name);
	lose_dir(d, name);
	dir_untell(d, name);
	dir_await(d, name);
}

/* The name of a file at the end of links. */
static bool
target_is_safe(const struct dir *d, const struct walk *w)
{
	char path[PATH_MAX], *slash;
	struct named n = { .path = path, .in = &w->in, .st = &w->st };

	(void)strlcpy(path, w->real, sizeof(path));
	slash = strrchr(path, '/');
	*slash = '\0';
	n.name = slash + 1;
	return (dir_trusts_name(d, &n));
}

/* What the link leads to.  Returns whether to look at it. */
bool
follow_link(struct dir *d, const char *name, struct found *f)
{
	struct walk *w = &f->walk;
	char path[PATH_MAX];
	unsigned n = 0;

	f->linked = true;
	if (dir_path(d, name, path) == -1)
		return (false);
	if (!dir_follows(d, name, REACH_SAFE_LINK)) {
		look_at_missing(d, name);
		return (false);
	}
	/* Most that lead nowhere are known so by one call. */
	while (stat(path, &w->st) == -1 || dir_walk(d, name, w) == -1)
		if (!lookup_again(d->all, n++)) {
			look_at_dangling(d, name);
			return (false);
		}
	f->st = w->st;
	if (w->safe && S_ISREG(w->st.st_mode) && !target_is_safe(d, w)) {
		w->safe = false;
		w->why = MANY_NAMES;
	}
	f->reach = w->safe ? REACH_SAFE_LINK : REACH_UNSAFE_LINK;
	if (!dir_follows(d, name, f->reach)) {
		refuse_if(d, name,
		    S_ISDIR(w->st.st_mode) ? dir_means_dir(d, name)
					   : dir_means_file(d, name),
		    w->why);
		return (false);
	}
	/* One that is known is looked at every second. */
	if (tails_find(d->all->tails, w->st.st_dev, w->st.st_ino) == NULL)
		d->all->ops.on_link(
		    d->all->ops.arg, w->real[0] == '\0' ? "/" : w->real);
	return (true);
}
