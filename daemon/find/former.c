#include "daemon/find/former.h"

#include <limits.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/candidate.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/link.h"
#include "daemon/find/match.h"
#include "daemon/find/routes.h"
#include "daemon/find/trust.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"

bool
former_find(const struct candidate *c, struct former *was)
{
	*was = (struct former) {
		.dir = c->dir, .base = c->base, .trust = TRUST_PLAIN
	};
	if (match_file(c->dir, c->base))
		return (true);
	was->trust = TRUST_SAFE_LINK;
	was->dir = link_leading_to(c->dir, c->base, &c->st, &was->base);
	return (was->dir != NULL);
}

/* A file whose name others may have made is asked for more. */
static enum trust
trust_of(const struct candidate *c, const struct former *was)
{
	return (trust_own_name(c->dir, c->name, &c->st) ? was->trust
							: TRUST_UNSAFE_NAME);
}

struct file *
former_follow(struct candidate *c, const struct former *was)
{
	struct file_table *ts = c->dir->all->file_table;
	enum trust trust = trust_of(c, was);
	struct fingerprint print;
	char origin[PATH_MAX];
	struct file *t;

	t = file_table_find(ts, c->st.st_dev, c->st.st_ino);
	if (t == NULL &&
	    (t = follow_new(ts, &c->dir->place, c->name, &c->st)) == NULL) {
		log_warn("%s/%s", c->dir->place.path, c->name);
		return (NULL);
	}
	c->used = true;
	t->met = true;
	streams_decide(t);
	t->was_empty = false;
	/*
	 * A file that has the very path of the former one replaced it, and was
	 * not rotated.
	 */
	t->rotated =
	    t->place != &was->dir->place || strcmp(t->name, was->base) != 0;
	if (c->kind != INFLATE_NONE) {
		fingerprint_of(&print, c->head, (size_t)c->head_len);
		file_set_compressed(t, c->kind, &print);
		t->size = 1;
	}
	if (t->rotated && dir_path(was->dir, was->base, origin) == 0)
		file_set_origin(t, origin);
	routes_join(t, was->dir, was->base, trust);
	if (t->streams == NULL) {
		follow_free(t);
		return (NULL);
	}
	if (t->rotated)
		names_remember(t, &was->dir->place, was->base);
	/*
	 * A link elsewhere may lead to the file by a name that a source means.
	 */
	if (t->place != NULL && match_live(dir_of(t->place), t))
		follow_set_live(t);
	/*
	 * The candidate's head was read before; the file may not be readable
	 * now.
	 */
	if (t->print.hash == 0 && c->head_len >= 0)
		fingerprint_of(&t->print, c->head, (size_t)c->head_len);
	streams_watch(t);
	return (t);
}
