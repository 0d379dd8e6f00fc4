#include "daemon/find/entry_inside.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "daemon/file/table.h"
#include "daemon/find/dangling.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/match.h"
#include "daemon/find/not_followed.h"
#include "daemon/find/retry.h"
#include "daemon/find/trust.h"
#include "daemon/find/walk.h"

/* The link leads nowhere, or errno says why that is not known. */
static void
note_dangling(struct dir *d, const char *name)
{
	if (!is_absence(errno)) {
		retry_dir(d);
		return;
	}
	entry_lose_name(d, name);
	entry_lose_dir(d, name);
	not_followed_forget(d, name);
	dangling_add(d, name);
}

/* Whether the name of the file at the end of the links is to be trusted. */
static bool
target_is_safe(const struct dir *d, const struct walk *w)
{
	char path[PATH_MAX], *slash;
	struct named n = { .path = path, .in = &w->in, .st = &w->st };

	(void)strlcpy(path, w->real, sizeof(path));
	slash = strrchr(path, '/');
	*slash = '\0';
	n.name = slash + 1;
	return (trust_name(d, &n));
}

bool
entry_link(struct dir *d, const char *name, struct found *f)
{
	struct walk *w = &f->walk;
	char path[PATH_MAX];
	unsigned n = 0;

	f->linked = true;
	if (dir_path(d, name, path) == -1)
		return (false);
	if (!match_trusted(d, name, TRUST_SAFE_LINK)) {
		entry_missing(d, name);
		return (false);
	}
	/* One call tells of most links that they lead nowhere. */
	while (stat(path, &w->st) == -1 || walk_link(d, name, w) == -1)
		if (!retry_lookup(d->all, n++)) {
			note_dangling(d, name);
			return (false);
		}
	f->st = w->st;
	if (w->safe && S_ISREG(w->st.st_mode) && !target_is_safe(d, w)) {
		w->safe = false;
		w->why = MANY_NAMES;
	}
	f->trust = w->safe ? TRUST_SAFE_LINK : TRUST_UNSAFE_LINK;
	if (!match_trusted(d, name, f->trust)) {
		entry_refuse_if(d, name,
		    S_ISDIR(w->st.st_mode) ? match_dir(d, name)
					   : match_file(d, name),
		    w->why);
		return (false);
	}
	/*
	 * The sandbox knows of files that are followed, which are examined
	 * often.
	 */
	if (file_table_find(d->all->file_table, w->st.st_dev, w->st.st_ino) ==
	    NULL)
		d->all->ops.on_link(
		    d->all->ops.arg, w->real[0] == '\0' ? "/" : w->real);
	return (true);
}
