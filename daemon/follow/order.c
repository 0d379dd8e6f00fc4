#include "daemon/follow/inside.h"

#include <sys/stat.h>

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/born.h"
#include "daemon/base/clock.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/array.h"
#include "lib/rotation.h"

#define OFF_MOST ((off_t)INT64_MAX)

void
order_wake_behind(struct file *t)
{
	struct stream *s;
	unsigned n;

	for (n = 0; n < FILE_WAITS_FOR && (t = t->behind) != NULL; n++)
		for (s = t->streams; s != NULL; s = s->next)
			if (!s->is_drained)
				stream_wake(s);
}

/* Both may have waited for what is not before them any more. */
void
order_unlink(struct file *t)
{
	struct file *before = t->before, *behind = t->behind;

	t->before = t->behind = NULL;
	if (before != NULL)
		before->behind = behind;
	if (behind != NULL)
		behind->before = before;
	streams_wake(behind);
	if (behind != NULL)
		order_wake_behind(behind);
	if (before != NULL)
		streams_wake(t);
}

/*
 * What the file has now is to be sent before what follows it: nobody may have
 * looked at it since it was written to.
 */
static void
owe(struct file *t)
{
	struct stat st;

	/* How much text is in a compressed file is not known before its end. */
	t->owed = t->compression == INFLATE_NONE ? t->size : OFF_MOST;
	if (t->compression == INFLATE_NONE && t->fd != -1 &&
	    fstat(t->fd, &st) == 0 && st.st_size > t->owed)
		t->owed = st.st_size;
}

void
order_follow(struct file *after, struct file *before)
{
	if (after == before || after->before != NULL || before->behind != NULL)
		return;
	after->before = before;
	before->behind = after;
	owe(before);
}

static struct former_holder *
find_homeless(struct file *t, const struct names *place, const char *name)
{
	struct names *homeless = file_table_homeless(t->all);
	char path[PATH_MAX];
	int n;

	if (RB_EMPTY(&homeless->names_formers))
		return (NULL);
	n = snprintf(path, sizeof(path), "%s/%s", place->path, name);
	return (n > 0 && (size_t)n < sizeof(path) ? names_former(homeless, path)
						  : NULL);
}

/* Where there was no memory for it when the file lost its name. */
static void
note_origin(struct file *t)
{
	struct path_text path;

	if (file_old_path(t) == NULL)
		file_set_origin(t, file_origin(t, &path));
}

/* t is sent after the first other file that had the name and lost it. */
static void
follow_leaver(struct file *t, struct names *place, const char *name)
{
	struct former_holder *l = names_former(place, name);

	if (l == NULL)
		l = find_homeless(t, place, name);

	if (l != NULL && l->file == t)
		l = names_former_next(l);
	if (l == NULL)
		return;
	order_follow(t, l->file);
	note_origin(l->file);
	names_forget(l->file);
}

void
order_after_former(struct file *t)
{
	follow_leaver(t, t->place, t->name);
}

void
order_precede(struct file *t, struct names *place, const char *name)
{
	struct file *holder = names_at(place, name);

	order_unlink(t);
	if (holder != NULL && holder != t) {
		t->before = holder->before;
		t->behind = holder;
		if (t->before != NULL)
			t->before->behind = t;
		holder->before = t;
		owe(t);
		return;
	}
	follow_leaver(t, place, name);
	names_remember(t, place, name);
}

/* A file and the name that it has or had. */
struct member {
	char name[NAME_MAX + 1];
	struct file *file;
	int64_t at; /* its last write, but no later than that of the next */
	const char *target; /* where name is a link: the name of what it leads
			       to, where the file has its own */
	bool related; /* its new name tells of its age */
};

/* As rotation_compare(), of two files that had the same name. */
static int
compare_ages(const struct member *x, const struct member *y)
{
	return (rotation_compare(x->target != NULL ? x->target : x->name,
	    x->file->name, y->file->name));
}

/*
 * By the name they had, those whose new names tell of their age first, then by
 * their last write; where that is the same the new names tell.
 */
static int
compare_times(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order;

	if ((order = strcmp(x->name, y->name)) != 0)
		return (order);
	if (x->related != y->related)
		return (x->related ? -1 : 1);
	if (x->at != y->at)
		return (x->at < y->at ? -1 : 1);
	return (x->related ? compare_ages(x, y) : 0);
}

/* By what new names of one and the same tell, then by the last write. */
static int
compare_names(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order;

	order = compare_ages(x, y);
	return (order != 0 ? order : compare_times(a, b));
}

/*
 * When it was made; of a compressed file that says nothing.  It may have got
 * another name just now.
 */
static int64_t
made_ns(const struct member *m)
{
	const struct file *t = m->file;

	if (t->compression != INFLATE_NONE || t->place == NULL)
		return (0);
	return (t->fd != -1 ? born_open_ns(t->fd)
			    : born_ns(file_path(t).text, t->ino));
}

/* Whether the names of list[0..n), which is in the order of times, object. */
static bool
names_object(const struct member *list, size_t n)
{
	size_t i;

	for (i = 1; i < n; i++)
		if (compare_ages(&list[i - 1], &list[i]) > 0)
			return (true);
	return (false);
}

/* Whether the names of list[0..n), in the order of times, are the better. */
static bool
names_are_right(const struct member *list, size_t n)
{
	const struct member *before = NULL;
	unsigned times_wrong = 0, names_wrong = 0;
	int64_t made, made_before = 0;
	size_t i;
	int order;

	for (i = 0; i < n; i++) {
		if ((made = made_ns(&list[i])) == 0)
			continue;
		if (before != NULL && made != made_before) {
			order = compare_ages(before, &list[i]);
			times_wrong += made_before > made;
			names_wrong +=
			    order != 0 && (order > 0) != (made_before > made);
		}
		before = &list[i];
		made_before = made;
	}
	return (names_wrong < times_wrong);
}

/*
 * A program may still write to a file after it was rotated, which makes its
 * time wrong; and some number their files the other way round, which makes the
 * names wrong.  When the files were made tells which of the two it is.
 */
static void
sort_related(struct member *list, size_t n)
{
	size_t i;

	if (n < 2 || !names_object(list, n) ||
	    (!clock_is_to_come(list[n - 1].at) && !names_are_right(list, n)))
		return;
	qsort(list, n, sizeof(*list), compare_names);
	for (i = n - 1; i-- > 0;)
		if (list[i].at > list[i + 1].at)
			list[i].at = list[i + 1].at;
}

/*
 * Where name is a link, files are rotated where it leads.  Returns the name
 * there, where t has its own, too; else NULL.
 */
static const char *
target_of(struct names *place, const char *name, const struct file *t)
{
	const struct file *holder = names_at(place, name);
	const char *real;

	if (holder == NULL || t->place == NULL ||
	    (real = file_target(holder)) == NULL ||
	    !names_holds(t->place, real))
		return (NULL);
	return (strrchr(real, '/') + 1);
}

static void
add_member(struct names *place, struct member **list, size_t *n,
    const char *name, struct file *t)
{
	const char *target = target_of(place, name, t);
	struct member *grown;

	if ((grown = array_more(*list, *n, sizeof(**list))) == NULL)
		return;
	*list = grown;
	(void)strlcpy((*list)[*n].name, name, sizeof((*list)[*n].name));
	(*list)[*n].target = target;
	(*list)[*n].related = target != NULL
	    ? rotation_is_of(t->name, target)
	    : t->place == place && rotation_is_of(t->name, name);
	(*list)[*n].at = t->written_ns;
	(*list)[(*n)++].file = t;
}

/*
 * The name in place by which a source means a file that was rotated, or NULL.
 */
static const char *
own_base(const struct names *place, const struct file *t)
{
	const char *path = file_old_path(t);

	return (t->rotated && path != NULL && names_holds(place, path)
		? strrchr(path, '/') + 1
		: NULL);
}

/* The name from which rotation made name, where a file has it now. */
static const char *
base_in_use(struct names *place, const char *name, char base[NAME_MAX + 1])
{
	size_t i;

	for (i = 0; rotation_base(name, i, base, NAME_MAX + 1); i++)
		if (names_at(place, base) != NULL)
			return (base);
	return (NULL);
}

/* The files of one group had that name: the last one that is a base. */
static const char *
name_of_group(struct names *place, const char *name, char base[NAME_MAX + 1])
{
	const char *used = base_in_use(place, name, base);

	return (used != NULL ? used : name);
}

/* The same where files had it, and none has it now. */
static const char *
base_that_was_left(
    struct names *place, const char *name, char base[NAME_MAX + 1])
{
	size_t i;

	for (i = 0; rotation_base(name, i, base, NAME_MAX + 1); i++)
		if (names_former(place, base) != NULL)
			return (base);
	return (NULL);
}

/* The next of list[0..n): *i of those that are related, *k of the others. */
static struct file *
next_member(const struct member *list, size_t n, size_t *i, size_t *k)
{
	bool more = *i < n && list[*i].related;

	if (*k == n || (more && list[*i].at <= list[*k].at))
		return (more ? list[(*i)++].file : NULL);
	return (list[(*k)++].file);
}

/* list[0..n) had the same name. */
static void
order_members(struct names *place, struct member *list, size_t n)
{
	struct file *holder = names_at(place, list[0].name);
	struct file *t, *last = NULL, *other = NULL;
	size_t i, k = 0;

	for (i = 0; i < n; i++)
		order_unlink(list[i].file);
	/*
	 * One that had the name and has gone elsewhere comes before them all.
	 */
	if (holder != NULL && (other = holder->before) != NULL)
		other->behind = holder->before = NULL;
	while (k < n && list[k].related)
		k++;
	sort_related(list, k);
	for (i = 0; (t = next_member(list, n, &i, &k)) != NULL; last = t) {
		if (last == NULL) {
			if (other != NULL)
				order_follow(t, other);
			continue;
		}
		order_follow(t, last);
		names_forget(last);
	}
	assert(last != NULL); /* n is not 0 */
	if (holder == NULL) {
		names_remember(last, place, list[0].name);
		return;
	}
	names_forget(last);
	order_follow(holder, last);
}

/* The group of a file that has a name in place, or left one, or NULL. */
static const char *
group_of(struct names *place, const struct file *t, char base[NAME_MAX + 1])
{
	const char *path = file_old_path(t), *name = own_base(place, t);

	if (name == NULL && t->left != NULL && t->left->place == place)
		name = t->left->name;
	if (name != NULL)
		return (name_of_group(place, name, base));
	if (t->left != NULL || (path != NULL && !names_holds(place, path)))
		return (NULL);
	if ((name = base_in_use(place, t->name, base)) == NULL)
		name = base_that_was_left(place, t->name, base);
	return (name);
}

void
order_names(struct names *place)
{
	char base[NAME_MAX + 1];
	struct member *list = NULL;
	struct former_holder *l;
	const char *name;
	struct file *t;
	size_t n = 0, i, k;

	RB_FOREACH (l, names_formers, &place->names_formers)
		add_member(
		    place, &list, &n, group_of(place, l->file, base), l->file);
	RB_FOREACH (t, names_by_name, &place->names)
		/* What may be a copy is not sent, and makes nobody wait. */
		if (t->left == NULL && t->held == NULL &&
		    (name = group_of(place, t, base)) != NULL)
			add_member(place, &list, &n, name, t);
	if (n > 1)
		qsort(list, n, sizeof(*list), compare_times);
	for (i = 0; i < n; i = k) {
		for (k = i + 1; k < n; k++)
			if (strcmp(list[i].name, list[k].name) != 0)
				break;
		order_members(place, list + i, k - i);
	}
	free(list);
}
