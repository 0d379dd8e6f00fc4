#include "daemon/checkpoint/table.h"

#include <stdlib.h>
#include <string.h>

struct checkpoint_name {
	RB_ENTRY(checkpoint_name) link;
	const char *text;
};

static int
name_cmp(const struct checkpoint_name *a, const struct checkpoint_name *b)
{
	return (strcmp(a->text, b->text));
}

/* What is written first comes first. */
static int
rank(enum checkpoint_kind kind)
{
	if (kind == CHECKPOINT_LATE)
		return (0);
	return (kind == CHECKPOINT_SEEN ? 2 : 1);
}

static int
record_cmp(const struct checkpoint_record *a, const struct checkpoint_record *b)
{
	int c, ranked = rank(a->kind);

	if ((c = ranked - rank(b->kind)) != 0)
		return (c);
	if (a->dev != b->dev)
		return (a->dev < b->dev ? -1 : 1);
	if (a->inode != b->inode)
		return (a->inode < b->inode ? -1 : 1);
	if ((c = strcmp(a->dest, b->dest)) != 0 || ranked == 1)
		return (c);
	return (strcmp(a->path, b->path));
}

static int
entry_cmp(const struct checkpoint_entry *a, const struct checkpoint_entry *b)
{
	return (record_cmp(&a->rec, &b->rec));
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(checkpoint_names, checkpoint_name, link, name_cmp, LOCAL)
RB_GENERATE_INTERNAL(
    checkpoint_entries, checkpoint_entry, link, entry_cmp, LOCAL)

static const char *
intern(struct checkpoint_names *names, const char *text)
{
	struct checkpoint_name key = { .text = text }, *name;
	size_t size = strlen(text) + 1;

	if ((name = RB_FIND(checkpoint_names, names, &key)) != NULL)
		return (name->text);
	if ((name = malloc(sizeof(*name) + size)) == NULL)
		return (NULL);
	name->text = memcpy(name + 1, text, size);
	(void)RB_INSERT(checkpoint_names, names, name);
	return (name->text);
}

void
checkpoint_names_free(struct checkpoint_names *names)
{
	struct checkpoint_name *name;

	while ((name = RB_ROOT(names)) != NULL) {
		(void)RB_REMOVE(checkpoint_names, names, name);
		free(name);
	}
}

/* An entry with what rec points to behind it, but for dest. */
static struct checkpoint_entry *
copy_record(const struct checkpoint_record *rec)
{
	size_t guards = rec->nguards * sizeof(*rec->guards);
	size_t path = strlen(rec->path) + 1;
	size_t real = rec->real == NULL ? 0 : strlen(rec->real) + 1;
	struct checkpoint_entry *e;
	char *to;

	if ((e = malloc(sizeof(*e) + guards + path + real)) == NULL)
		return (NULL);
	e->rec = *rec;
	to = (char *)(e + 1);
	if (guards > 0)
		e->rec.guards = memcpy(to, rec->guards, guards);
	to += guards;
	e->rec.path = memcpy(to, rec->path, path);
	if (real > 0)
		e->rec.real = memcpy(to + path, rec->real, real);
	return (e);
}

int
checkpoint_table_put(struct checkpoint_table *t, struct checkpoint_names *names,
    const struct checkpoint_record *rec)
{
	struct checkpoint_entry *e, *old;
	const char *dest;

	if ((dest = intern(names, rec->dest)) == NULL ||
	    (e = copy_record(rec)) == NULL)
		return (-1);
	e->rec.dest = dest;
	t->n++;
	if ((old = RB_INSERT(checkpoint_entries, &t->tree, e)) != NULL) {
		checkpoint_table_take(t, old);
		free(old);
		(void)RB_INSERT(checkpoint_entries, &t->tree, e);
	}
	return (0);
}

/* By hand: what tree.h has for it wants a tree that is not const. */
struct checkpoint_entry *
checkpoint_table_from(
    const struct checkpoint_table *t, const struct checkpoint_record *rec)
{
	struct checkpoint_entry *e, *found = NULL;

	for (e = RB_ROOT(&t->tree); e != NULL;) {
		if (rec != NULL && record_cmp(&e->rec, rec) < 0) {
			e = RB_RIGHT(e, link);
		} else {
			found = e;
			e = RB_LEFT(e, link);
		}
	}
	return (found);
}

struct checkpoint_entry *
checkpoint_table_next(struct checkpoint_entry *e)
{
	return (RB_NEXT(checkpoint_entries, NULL, e));
}

struct checkpoint_entry *
checkpoint_table_find(
    const struct checkpoint_table *t, const struct checkpoint_record *rec)
{
	struct checkpoint_entry *e;

	e = checkpoint_table_from(t, rec);
	return (e != NULL && record_cmp(&e->rec, rec) == 0 ? e : NULL);
}

void
checkpoint_table_take(struct checkpoint_table *t, struct checkpoint_entry *e)
{
	(void)RB_REMOVE(checkpoint_entries, &t->tree, e);
	t->n--;
}

void
checkpoint_table_del(
    struct checkpoint_table *t, const struct checkpoint_record *rec)
{
	struct checkpoint_entry *e;

	if ((e = checkpoint_table_find(t, rec)) == NULL)
		return;
	checkpoint_table_take(t, e);
	free(e);
}

void
checkpoint_table_clear(struct checkpoint_table *t)
{
	struct checkpoint_entry *e;

	while ((e = RB_ROOT(&t->tree)) != NULL) {
		checkpoint_table_take(t, e);
		free(e);
	}
}
