#include "daemon/find/match.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "lib/rotation.h"

bool
match_is_last(const struct match *m)
{
	return (m->part + 1 == pattern_length(m->pattern));
}

const struct pattern_part *
match_part(const struct match *m)
{
	return (pattern_part(m->pattern, m->part));
}

static bool
match_has_name(const struct match *m, const char *name)
{
	const struct pattern_part *part = match_part(m);

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
has_match(const struct dir *d, const struct match *m)
{
	size_t i;

	for (i = 0; i < d->nmatches; i++)
		if (d->matches[i].pattern == m->pattern &&
		    d->matches[i].part == m->part &&
		    d->matches[i].depth <= m->depth)
			return (true);
	return (false);
}

int
match_add(struct dir *d, const struct match *m)
{
	struct match *grown, below = *m;

	if (has_match(d, m))
		return (0);
	if (match_part(m)->kind == PATTERN_ANY_DEPTH) {
		below.part++;
		below.depth = 0;
		if (match_add(d, &below) == -1)
			return (-1);
	}
	grown = reallocarray(d->matches, d->nmatches + 1, sizeof(*grown));
	if (grown == NULL) {
		log_warn("%s", dir_display(d));
		return (-1);
	}
	d->matches = grown;
	d->matches[d->nmatches++] = *m;
	return (1);
}

int
match_add_below(
    struct dir *child, const struct dir *d, enum trust trust, bool *added)
{
	const char *name = strrchr(child->place.path, '/') + 1;
	const struct match *m;
	struct match below;
	int rc, result = 0;
	size_t i;

	*added = false;
	for (i = 0; i < d->nmatches; i++) {
		m = &d->matches[i];
		if (!match_trusts(m, trust) || !match_is_dir(m, name))
			continue;
		below = *m;
		if (match_part(m)->kind == PATTERN_ANY_DEPTH) {
			below.depth++;
		} else {
			below.part++;
			below.depth = 0;
		}
		if ((rc = match_add(child, &below)) == -1)
			result = -1;
		*added |= rc == 1;
	}
	return (result);
}

bool
match_is_file(const struct match *m, const struct dir *d, const char *name)
{
	return (match_is_last(m) && match_has_name(m, name) &&
	    !is_excluded(m->source, d, name));
}

/* Whether rotation gave t its name after t was found by another one. */
static bool
is_rotated_name(const struct file *t)
{
	const char *old = file_old_path(t), *was;

	if (t->place == NULL)
		return (true);
	if (old == NULL)
		return (false);
	was = strrchr(old, '/') + 1;
	return (rotation_is_of(t->name, was) || rotation_goes_on(t->name, was));
}

/*
 * A file with any name that rotation gives may have been moved from another
 * directory, and a start finds out later in which order those are sent.
 */
bool
match_live(const struct dir *d, const struct file *t)
{
	char base[NAME_MAX + 1];

	return (match_file(d, t->name) && !is_rotated_name(t) &&
	    !(d->all->starting &&
		rotation_base(t->name, 0, base, sizeof(base))));
}

bool
match_same_source(const struct dir *d, const char *name, const struct dir *was,
    const char *log)
{
	/*
	 * If rotation gave the log its name, it may be any log of the
	 * directory.
	 */
	bool any = !match_file(was, log);
	size_t i, k;

	for (i = 0; i < was->nmatches; i++) {
		if (!any && !match_is_file(&was->matches[i], was, log))
			continue;
		for (k = 0; k < d->nmatches; k++)
			if (d->matches[k].source == was->matches[i].source &&
			    (name == NULL ||
				match_is_file(&d->matches[k], d, name)))
				return (true);
	}
	return (false);
}

bool
match_is_dir(const struct match *m, const char *name)
{
	if (match_part(m)->kind == PATTERN_ANY_DEPTH)
		return (name[0] != '.' &&
		    m->depth < m->source->conf->recursive_depth);
	return (!match_is_last(m) && match_has_name(m, name));
}

bool
match_trusts(const struct match *m, enum trust trust)
{
	switch (m->source->conf->symlinks) {
	case CONF_SYMLINKS_SAFE:
		return (trust == TRUST_PLAIN || trust == TRUST_SAFE_LINK);
	case CONF_SYMLINKS_FOLLOW:
		return (true);
	case CONF_SYMLINKS_IGNORE:
		return (trust == TRUST_PLAIN);
	}
	return (false);
}

bool
match_file(const struct dir *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->nmatches; i++)
		if (match_is_file(&d->matches[i], d, name))
			return (true);
	return (false);
}

bool
match_any_file(const struct dir *d)
{
	size_t i;

	for (i = 0; i < d->nmatches; i++)
		if (match_is_last(&d->matches[i]) ||
		    match_part(&d->matches[i])->kind == PATTERN_ANY_DEPTH)
			return (true);
	return (d->nmatches == 0);
}

bool
match_dir(const struct dir *d, const char *name)
{
	size_t i;

	for (i = 0; i < d->nmatches; i++)
		if (match_is_dir(&d->matches[i], name))
			return (true);
	return (false);
}

bool
match_trusted(const struct dir *d, const char *name, enum trust trust)
{
	const struct match *m;
	size_t i;

	for (i = 0; i < d->nmatches; i++) {
		m = &d->matches[i];
		if (match_trusts(m, trust) &&
		    (match_is_file(m, d, name) || match_is_dir(m, name)))
			return (true);
	}
	return (false);
}
