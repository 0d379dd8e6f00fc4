#include "print_index.h"

#include <sys/tree.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "rotation.h"

struct entry {
	RB_ENTRY(entry) link;
	struct print_index_key key;
	void *who;
};
RB_HEAD(entries, entry);

struct print_index {
	struct entries tree;
};

static int
compare(const struct entry *x, const struct entry *y)
{
	const struct print_index_key *a = &x->key, *b = &y->key;
	int order;

	if ((order = strcmp(a->name, b->name)) != 0)
		return (order);
	if (a->print.len != b->print.len)
		return (a->print.len < b->print.len ? -1 : 1);
	if (a->print.hash != b->print.hash)
		return (a->print.hash < b->print.hash ? -1 : 1);
	if (a->size != b->size)
		return (a->size < b->size ? -1 : 1);
	return (a->nth < b->nth ? -1 : a->nth > b->nth);
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(entries, entry, link, compare, LOCAL)

struct print_index *
print_index_new(void)
{
	return (calloc(1, sizeof(struct print_index)));
}

void
print_index_free(struct print_index *k)
{
	struct entry *e;

	if (k == NULL)
		return;
	while ((e = RB_ROOT(&k->tree)) != NULL) {
		(void)RB_REMOVE(entries, &k->tree, e);
		free(e);
	}
	free(k);
}

int
print_index_add(
    struct print_index *k, const struct print_index_key *key, void *who)
{
	size_t size = strlen(key->name) + 1;
	struct entry *e;

	if (key->print.len == 0 && (key->print.hash == 0 || key->size == 0))
		return (0);
	if ((e = malloc(sizeof(*e) + size)) == NULL)
		return (-1);
	e->key = *key;
	e->key.name = memcpy(e + 1, key->name, size);
	e->who = who;
	if (RB_INSERT(entries, &k->tree, e) != NULL)
		free(e);
	return (0);
}

void
print_index_del(struct print_index *k, const struct print_index_key *key)
{
	struct entry probe = { .key = *key }, *e;

	if ((e = RB_FIND(entries, &k->tree, &probe)) == NULL)
		return;
	(void)RB_REMOVE(entries, &k->tree, e);
	free(e);
}

int
print_index_add_rotated(
    struct print_index *k, const struct print_index_key *key, void *who)
{
	struct print_index_key before = *key;
	char base[NAME_MAX + 1];
	int result;
	size_t i;

	result = print_index_add(k, key, who);
	before.name = base;
	for (i = 0; rotation_base(key->name, i, base, sizeof(base)); i++)
		if (print_index_add(k, &before, who) == -1)
			result = -1;
	return (result);
}

void
print_index_del_rotated(
    struct print_index *k, const struct print_index_key *key)
{
	struct print_index_key before = *key;
	char base[NAME_MAX + 1];
	size_t i;

	print_index_del(k, key);
	before.name = base;
	for (i = 0; rotation_base(key->name, i, base, sizeof(base)); i++)
		print_index_del(k, &before);
}

/* The first at or behind the key. */
static struct entry *
from(struct print_index *k, const struct print_index_key *key)
{
	struct entry probe = { .key = *key };

	return (RB_NFIND(entries, &k->tree, &probe));
}

/* What comes first of all that a head of so many octets may match. */
static struct print_index_key
first_key(const struct print_index_query *q)
{
	return ((struct print_index_key) {
	    .name = q->name, .print = { .len = q->len == 0 ? 0 : 1 } });
}

/* The last before the key. */
static struct entry *
before(struct print_index *k, const struct print_index_key *key)
{
	struct entry *e = from(k, key);

	return (e == NULL ? RB_MAX(entries, &k->tree)
			  : RB_PREV(entries, &k->tree, e));
}

/* Of those with that very fingerprint. */
static struct entry *
find_by_size(struct print_index *k, const struct print_index_query *q,
    const struct fingerprint *print)
{
	struct print_index_key key = { .name = q->name, .print = *print };
	struct entry *e;

	key.size = q->least;
	if (q->largest) {
		key.size = q->most;
		key.nth = SIZE_MAX;
		if ((e = before(k, &key)) == NULL || e->key.size < q->least)
			return (NULL);
		/* The first of those that have this size. */
		key.size = e->key.size;
		key.nth = 0;
	}
	e = from(k, &key);
	if (e == NULL || strcmp(e->key.name, q->name) != 0 ||
	    e->key.print.len != print->len ||
	    e->key.print.hash != print->hash || e->key.size > q->most)
		return (NULL);
	return (e);
}

void *
print_index_find(struct print_index *k, const struct print_index_query *q)
{
	struct print_index_key key = first_key(q);
	struct entry *e, *found, *best = NULL;
	struct fingerprint print;

	/* From each length to the next one that there is. */
	while ((e = from(k, &key)) != NULL &&
	    strcmp(e->key.name, q->name) == 0 && e->key.print.len <= q->len) {
		fingerprint_of(&print, q->head, e->key.print.len);
		if ((found = find_by_size(k, q, &print)) != NULL)
			best = found;
		key.print.len = e->key.print.len + 1;
	}
	return (best == NULL ? NULL : best->who);
}

struct call {
	bool (*fn)(void *, void *);
	void *arg;
	unsigned left;
};

/* All with that very fingerprint.  Returns whether more are wanted. */
static bool
each_of_print(struct print_index *k, const struct print_index_query *q,
    const struct fingerprint *print, struct call *call)
{
	struct print_index_key key = {
		.name = q->name, .print = *print, .size = q->least
	};
	struct entry *e;

	for (e = from(k, &key);
	     e != NULL && strcmp(e->key.name, q->name) == 0 &&
	     e->key.print.len == print->len &&
	     e->key.print.hash == print->hash && e->key.size <= q->most;
	     e = RB_NEXT(entries, &k->tree, e))
		if (call->left-- == 0 || !call->fn(e->who, call->arg))
			return (false);
	return (true);
}

void
print_index_each(struct print_index *k, const struct print_index_query *q,
    bool (*fn)(void *who, void *arg), void *arg)
{
	struct print_index_key key = first_key(q);
	struct call call = { fn, arg, PRINT_INDEX_MOST };
	struct fingerprint print;
	struct entry *e;

	while ((e = from(k, &key)) != NULL &&
	    strcmp(e->key.name, q->name) == 0 && e->key.print.len <= q->len) {
		fingerprint_of(&print, q->head, e->key.print.len);
		if (!each_of_print(k, q, &print, &call))
			return;
		key.print.len = e->key.print.len + 1;
	}
}
