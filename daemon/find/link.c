#include "daemon/find/link.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/find/inside.h"
#include "daemon/find/retry.h"
#include "daemon/find/walk.h"
#include "daemon/follow/follow.h"

struct link {
	RB_ENTRY(link) by_name;
	RB_ENTRY(link) by_target;
	struct dir *dir;
	const char *name;
	struct dir *real; /* the directory that it leads into, and */
	const char *base; /* the file's name there */
	bool has_owner; /* a link on the way is neither root's nor the daemon's
			 */
	uid_t owner;
};

static int
compare_links(const struct link *a, const struct link *b)
{
	if (a->dir != b->dir)
		return ((uintptr_t)a->dir < (uintptr_t)b->dir ? -1 : 1);
	return (strcmp(a->name, b->name));
}

static int
compare_targets(const struct link *a, const struct link *b)
{
	int order = strcmp(a->base, b->base);

	return (order != 0 ? order : compare_links(a, b));
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(link_names, link, by_name, compare_links, LOCAL)
RB_GENERATE_INTERNAL(link_targets, link, by_target, compare_targets, LOCAL)

static struct link *
find(struct dir *d, const char *name)
{
	struct link key = { .dir = d, .name = name };

	return (RB_FIND(link_names, &d->all->links, &key));
}

static void
link_free(struct link *l)
{
	RB_REMOVE(link_names, &l->dir->all->links, l);
	RB_REMOVE(link_targets, &l->real->targets, l);
	l->dir->nlinks--;
	free(l);
}

void
link_forget(struct dir *d, const char *name)
{
	struct link *l;

	if (d->nlinks > 0 && (l = find(d, name)) != NULL)
		link_free(l);
}

void
link_clear(struct dir *d)
{
	struct link key = { .dir = d, .name = "" }, *l;

	while (d->nlinks > 0 &&
	    (l = RB_NFIND(link_names, &d->all->links, &key)) != NULL)
		link_free(l);
	/* Links into it are examined again: they may lead elsewhere now. */
	while ((l = RB_MIN(link_targets, &d->targets)) != NULL) {
		retry_dir(l->dir);
		link_free(l);
	}
}

bool
link_is_noted(struct dir *d, const char *name, const struct walk *w)
{
	const char *base = strrchr(w->real, '/') + 1;
	const struct link *l = d->nlinks > 0 ? find(d, name) : NULL;
	size_t n = (size_t)(base - w->real) - 1;

	return (l != NULL && l->has_owner == w->has_owner &&
	    l->owner == w->owner && strcmp(l->base, base) == 0 &&
	    strncmp(l->real->place.path, w->real, n) == 0 &&
	    l->real->place.path[n] == '\0');
}

int
link_add(
    struct dir *d, const char *name, struct dir *into, const struct walk *w)
{
	const char *base = strrchr(w->real, '/') + 1;
	size_t size = strlen(name) + 1;
	size_t base_size = strlen(base) + 1;
	struct link *l;

	if ((l = malloc(sizeof(*l) + size + base_size)) == NULL) {
		log_warn("%s/%s", d->place.path, name);
		return (-1);
	}
	l->dir = d;
	l->name = memcpy(l + 1, name, size);
	l->real = into;
	l->base = memcpy((char *)(l + 1) + size, base, base_size);
	l->has_owner = w->has_owner;
	l->owner = w->owner;
	RB_INSERT(link_names, &d->all->links, l);
	RB_INSERT(link_targets, &into->targets, l);
	d->nlinks++;
	return (0);
}

struct dir *
link_next(struct dir *d, struct link_cursor *c, char name[NAME_MAX + 1])
{
	struct link key = { .dir = c->dir, .name = c->name, .base = c->base };
	struct link *l;

	if ((l = RB_NFIND(link_targets, &d->targets, &key)) == NULL)
		return (NULL);
	(void)strlcpy(name, l->name, NAME_MAX + 1);
	(void)strlcpy(c->base, l->base, sizeof(c->base));
	(void)strlcpy(c->name, l->name, sizeof(c->name));
	(void)strlcat(c->name, "\001", sizeof(c->name));
	c->dir = l->dir;
	return (l->dir);
}

struct dir *
link_target(struct dir *d, const char *name, const char **base)
{
	struct link *l = d->nlinks > 0 ? find(d, name) : NULL;

	if (l == NULL)
		return (NULL);
	*base = l->base;
	return (l->real);
}

void
link_each(struct dir *d, void (*fn)(struct file *, const char *base, void *),
    void *arg)
{
	struct link *l;
	struct file *t;

	RB_FOREACH (l, link_targets, &d->targets)
		if ((t = names_at(&l->dir->place, l->name)) != NULL)
			fn(t, l->base, arg);
}

#define AT_ONCE 64 /* links to one file that are asked for its owner */

static struct link *
first_to(struct dir *d, const char *base)
{
	struct link key = { .name = "", .base = base }, *l;

	l = RB_NFIND(link_targets, &d->targets, &key);
	return (l != NULL && strcmp(l->base, base) == 0 ? l : NULL);
}

bool
link_leads_to(struct dir *d, const char *base)
{
	return (first_to(d, base) != NULL);
}

struct dir *
link_leading_to(
    struct dir *d, const char *base, const struct stat *st, const char **name)
{
	struct link *l = first_to(d, base);
	unsigned n = 0;

	for (; l != NULL && strcmp(l->base, base) == 0 && n++ < AT_ONCE;
	     l = RB_NEXT(link_targets, &d->targets, l))
		if (!l->has_owner || l->owner == st->st_uid) {
			*name = l->name;
			return (l->dir);
		}
	return (NULL);
}

bool
link_wants_polling(struct dir *d, uint64_t *poll_ms)
{
	const struct conf_source *conf;
	bool poll = false;
	struct link *l;
	size_t i;

	RB_FOREACH (l, link_targets, &d->targets)
		for (i = 0; i < l->dir->nmatches; i++) {
			conf = l->dir->matches[i].source->conf;
			poll |= conf->poll;
			if (conf->poll_interval_ms < *poll_ms)
				*poll_ms = conf->poll_interval_ms;
		}
	return (poll);
}

/* Each directory is ordered once, however many links it has. */
void
link_order(struct dir *d)
{
	uint64_t nth = ++d->all->orders;
	struct link *l;

	RB_FOREACH (l, link_targets, &d->targets) {
		if (l->dir->ordered == nth)
			continue;
		l->dir->ordered = nth;
		order_names(&l->dir->place);
	}
}
