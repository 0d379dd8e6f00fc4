#include "daemon/source_inside.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf.h"
#include "daemon/log.h"
#include "daemon/stream.h"
#include "daemon/tail.h"

bool
use_is_last(const struct use *u)
{
	return (u->part + 1 == pattern_length(u->pattern));
}

const struct pattern_part *
use_part(const struct use *u)
{
	return (pattern_part(u->pattern, u->part));
}

bool
use_matches(const struct use *u, const char *name)
{
	const struct pattern_part *part = use_part(u);

	return (part->kind != PATTERN_ANY_DEPTH &&
	    pattern_part_matches(part, name));
}

static bool
is_excluded(const struct source *s, const char *path)
{
	size_t i;

	for (i = 0; i < s->conf->nexclude; i++)
		if (pattern_excludes(s->conf->exclude[i], path))
			return (true);
	return (false);
}

static bool
has_use(const struct dir *d, const struct use *u)
{
	size_t i;

	for (i = 0; i < d->nuses; i++)
		if (d->uses[i].pattern == u->pattern &&
		    d->uses[i].part == u->part && d->uses[i].depth <= u->depth)
			return (true);
	return (false);
}

bool
dir_append_use(struct dir *d, const struct use *u)
{
	struct use *grown, below = *u;

	if (has_use(d, u))
		return (false);
	grown = reallocarray(d->uses, d->nuses + 1, sizeof(*grown));
	if (grown == NULL) {
		log_warn("%s", dir_display(d));
		return (false);
	}
	d->uses = grown;
	d->uses[d->nuses++] = *u;
	if (use_part(u)->kind == PATTERN_ANY_DEPTH) {
		below.part++;
		below.depth = 0;
		(void)dir_append_use(d, &below);
	}
	return (true);
}

bool
dir_means_file(const struct dir *d, const char *name)
{
	const char *path;
	size_t i;

	for (i = 0; i < d->nuses; i++)
		if (use_is_last(&d->uses[i]) &&
		    use_matches(&d->uses[i], name) &&
		    (path = dir_path_in(d, name)) != NULL &&
		    !is_excluded(d->uses[i].source, path))
			return (true);
	return (false);
}

bool
dir_means_dir(const struct dir *d, const char *name)
{
	const struct use *u;
	size_t i;

	for (i = 0; i < d->nuses; i++) {
		u = &d->uses[i];
		if (use_part(u)->kind == PATTERN_ANY_DEPTH
			? name[0] != '.'
			: !use_is_last(u) && use_matches(u, name))
			return (true);
	}
	return (false);
}

/* Sends t by the routes of every source that means place/name in d. */
void
dir_join_routes(struct tail *t, const struct dir *d, const char *name)
{
	const struct use *u;
	const char *path;
	size_t i, r;

	for (i = 0; i < d->nuses; i++) {
		u = &d->uses[i];
		if (!use_is_last(u) || !use_matches(u, name) ||
		    (path = dir_path_in(d, name)) == NULL ||
		    is_excluded(u->source, path))
			continue;
		for (r = 0; r < u->source->nroutes; r++)
			if (tail_join(t, u->source->routes[r],
				d->all->starting &&
				    u->source->routes[r]->fresh) == -1)
				log_warn("%s", tail_path(t));
	}
}

/*
 * A file of the checkpoint under another name: it was rotated while nobody
 * looked.  It goes on by the routes of the name it had, where it is the same
 * file and not one that got its inode.
 */
void
sources_rejoin_routes(struct tail *t, struct sources *ss, const char *origin)
{
	char path[PATH_MAX], *name;
	const struct use *u;
	struct dir *was;
	size_t i, r;

	if (strlcpy(path, origin, sizeof(path)) >= sizeof(path) ||
	    (name = strrchr(path, '/')) == NULL)
		return;
	*name++ = '\0';
	if ((was = dir_find(ss, path)) == NULL)
		return;
	for (i = 0; i < was->nuses; i++) {
		u = &was->uses[i];
		if (!use_is_last(u) || !use_matches(u, name) ||
		    is_excluded(u->source, origin))
			continue;
		for (r = 0; r < u->source->nroutes; r++)
			if (tail_rejoin(t, u->source->routes[r]) == -1)
				log_warn("%s", tail_path(t));
	}
	if (t->streams == NULL)
		return;
	t->rotated = true;
	tail_set_origin(t, origin);
	tail_was(t, &was->place, name);
	log_info("%s: was %s when a source meant it", tail_path(t), origin);
}
