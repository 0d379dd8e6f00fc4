#include "daemon/find/inside.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "lib/rotation.h"

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
is_excluded(const struct source *s, const struct dir *d, const char *name)
{
	char path[PATH_MAX];
	size_t i;

	if (s->conf->nexclude == 0)
		return (false);
	if (dir_path(d, name, path) == -1)
		return (true);

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

int
dir_append_use(struct dir *d, const struct use *u)
{
	struct use *grown, below = *u;

	if (has_use(d, u))
		return (0);
	if (use_part(u)->kind == PATTERN_ANY_DEPTH) {
		below.part++;
		below.depth = 0;
		if (dir_append_use(d, &below) == -1)
			return (-1);
	}
	grown = reallocarray(d->uses, d->nuses + 1, sizeof(*grown));
	if (grown == NULL) {
		log_warn("%s", dir_display(d));
		return (-1);
	}
	d->uses = grown;
	d->uses[d->nuses++] = *u;
	return (1);
}

bool
use_means(const struct use *u, const struct dir *d, const char *name)
{
	return (use_is_last(u) && use_matches(u, name) &&
	    !is_excluded(u->source, d, name));
}

/* Of the one that t was found by: the first, or the next. */
static bool
is_rotated_name(const struct tail *t)
{
	const char *old = tail_old_path(t), *was;

	if (t->place == NULL)
		return (true);
	if (old == NULL)
		return (false);
	was = strrchr(old, '/') + 1;
	return (rotation_is_of(t->name, was) || rotation_goes_on(t->name, was));
}

/*
 * One with any name of rotation may have been moved from another directory, and
 * a start has yet to find the order in which those are sent.
 */
bool
dir_has_live(const struct dir *d, const struct tail *t)
{
	char base[NAME_MAX + 1];

	return (dir_means_file(d, t->name) && !is_rotated_name(t) &&
	    !(d->all->starting &&
		rotation_base(t->name, 0, base, sizeof(base))));
}

bool
dir_is_reached_with(const struct dir *d, const char *name,
    const struct dir *was, const char *log)
{
	/* Of a name that rotation gave, any of that directory may be. */
	bool any = !dir_means_file(was, log);
	size_t i, k;

	for (i = 0; i < was->nuses; i++) {
		if (!any && !use_means(&was->uses[i], was, log))
			continue;
		for (k = 0; k < d->nuses; k++)
			if (d->uses[k].source == was->uses[i].source &&
			    (name == NULL || use_means(&d->uses[k], d, name)))
				return (true);
	}
	return (false);
}

bool
use_goes_on(const struct use *u, const char *name)
{
	if (use_part(u)->kind == PATTERN_ANY_DEPTH)
		return (name[0] != '.' &&
		    u->depth < u->source->conf->recursive_depth);
	return (!use_is_last(u) && use_matches(u, name));
}

bool
use_follows(const struct use *u, enum reach reach)
{
	switch (u->source->conf->symlinks) {
	case CONF_SYMLINKS_SAFE:
		return (reach == REACH_PLAIN || reach == REACH_SAFE_LINK);
	case CONF_SYMLINKS_FOLLOW:
		return (true);
	case CONF_SYMLINKS_IGNORE:
		return (reach == REACH_PLAIN);
	}
	return (false);
}

bool
dir_means_file(const struct dir *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->nuses; i++)
		if (use_means(&d->uses[i], d, name))
			return (true);
	return (false);
}

bool
dir_means_files(const struct dir *d)
{
	size_t i;

	for (i = 0; i < d->nuses; i++)
		if (use_is_last(&d->uses[i]) ||
		    use_part(&d->uses[i])->kind == PATTERN_ANY_DEPTH)
			return (true);
	return (d->nuses == 0);
}

bool
dir_means_dir(const struct dir *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->nuses; i++)
		if (use_goes_on(&d->uses[i], name))
			return (true);
	return (false);
}

bool
dir_follows(const struct dir *d, const char *name, enum reach reach)
{
	const struct use *u;
	size_t i;

	for (i = 0; i < d->nuses; i++) {
		u = &d->uses[i];
		if (use_follows(u, reach) &&
		    (use_means(u, d, name) || use_goes_on(u, name)))
			return (true);
	}
	return (false);
}
