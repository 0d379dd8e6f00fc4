#include "daemon/find/recover_inside.h"

#include <limits.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/candidate.h"
#include "daemon/find/dir.h"
#include "daemon/find/former.h"
#include "daemon/find/inside.h"
#include "daemon/find/link.h"
#include "daemon/find/retry.h"
#include "daemon/find/unmatched.h"
#include "daemon/follow/follow.h"
#include "lib/print_index.h"
#include "lib/rotation.h"

/* Adds a file of which candidates may be copies. */
static void
add_followed(struct recovery *h, struct file *t, const char *left)
{
	struct print_index_key key = {
		.print = t->print, .size = t->size, .nth = h->nfollowed++
	};

	if (!t->met)
		return;
	key.name = left != NULL ? left : t->name;
	if ((left != NULL
		    ? print_index_add(h->followed, &key, t)
		    : print_index_add_rotated(h->followed, &key, t)) == -1)
		log_warn("%s", key.name);
}

/* A link leads to t, which is called base in the directory. */
static void
add_linked(struct file *t, const char *base, void *recovery)
{
	add_followed(recovery, t, base);
}

static void
list_followed(struct recovery *h)
{
	struct former_holder *l;
	struct file *t;

	RB_FOREACH (t, names_by_name, &h->dir->place.names)
		add_followed(h, t, NULL);
	RB_FOREACH (l, names_formers, &h->dir->place.names_formers)
		add_followed(h, l->file, l->name);
	link_each(h->dir, add_linked, h);
}

/* Whether c may be a file that had the name of a source for a time. */
static bool
may_have_passed_by(const struct candidate *c)
{
	return (!c->used && c->base[0] != '\0' && c->head_len != -1 &&
	    (c->head_len > 0 || !rotation_is_compressed(c->name)));
}

/*
 * Whether the file that has the candidate's base now was truncated after the
 * scan: c may be its copy, and is followed then.
 */
static bool
base_was_truncated(const struct candidate *c)
{
	struct former was;
	struct file *t;
	uint32_t begun;

	if (!former_find(c, &was) ||
	    (t = names_at(&was.dir->place, was.base)) == NULL)
		return (false);
	begun = t->begun;
	follow_check_surely(t);
	t = names_at(&was.dir->place, was.base);
	return (t == NULL || t->begun != begun);
}

/* Lists the followed files anew, for some may have gone. */
static int
list_followed_anew(struct recovery *h)
{
	print_index_free(h->followed);
	if ((h->followed = print_index_new()) == NULL) {
		log_warn("%s", dir_display(h->dir));
		return (-1);
	}
	list_followed(h);
	return (0);
}

static void
follow_if_new(struct recovery *h, struct candidate *c)
{
	struct path_text path;
	struct former was;
	struct file *t;

	if (!c->is_new || !former_find(c, &was) ||
	    (t = former_follow(c, &was)) == NULL)
		return;
	t->passed_by = true;
	add_followed(h, t, NULL);
	say_info(file_path(t).text, "was %s while nobody looked",
	    file_origin(t, &path));
}

/* Marks new candidates, before any of them is followed and counts as known. */
static void
find_new(struct recovery *h)
{
	const struct file *youngest = NULL;
	const char *base = "";
	struct candidate *c;
	size_t i;

	for (i = 0; i < h->n; i++) {
		c = h->list[i];
		if (!may_have_passed_by(c))
			continue;
		if (strcmp(c->base, base) != 0)
			youngest = candidate_youngest(c);
		base = c->base;
		c->is_new = candidate_is_new(c, youngest) ||
		    unmatched_seek_copy(h->os, c);
	}
}

/* t is a copy: it is not sent, nor what is written over it later. */
static void
pass_over(const struct candidate *c, struct file *t, const struct file *of)
{
	char origin[PATH_MAX];
	struct former was;

	t->undecided = false;
	suspect_hold_copy(t, of);
	t->rotated = true;
	if (former_find(c, &was) && dir_path(was.dir, was.base, origin) == 0)
		file_set_origin(t, origin);
}

void
recover_follow_new(struct recovery *h)
{
	struct file *of, *t;
	bool listed = false;
	struct candidate *c;
	size_t i;

	find_new(h);
	for (i = 0; i < h->n; i++) {
		sources_pause(h->dir->all);
		c = h->list[i];
		if (!may_have_passed_by(c))
			continue;
		if (!listed)
			list_followed(h);
		listed = true;
		t = file_table_find(
		    h->dir->all->file_table, c->st.st_dev, c->st.st_ino);
		of = candidate_original(c, h->followed);
		if (of == NULL && t == NULL && c->is_new &&
		    base_was_truncated(c)) {
			if (list_followed_anew(h) == -1)
				return;
			t = file_table_find(h->dir->all->file_table,
			    c->st.st_dev, c->st.st_ino);
		}
		if (of == NULL) {
			if (t == NULL)
				follow_if_new(h, c);
			continue;
		}
		c->used = c->is_told = true;
		if (t != NULL && !t->linked)
			pass_over(c, t, of);
	}
}
