#include "daemon/conf/match.h"

#include <limits.h>
#include <string.h>

#include "lib/pattern.h"

/* Whether this part of the pattern matches files in the directory before it. */
static bool
names_files(const struct pattern *p, size_t part)
{
	size_t n = pattern_length(p);

	return (part + 1 == n ||
	    (part + 2 == n &&
		pattern_part(p, part)->kind == PATTERN_ANY_DEPTH));
}

static bool
is_listed(const struct pattern *p, size_t part)
{
	return (names_files(p, part) ||
	    pattern_part(p, part)->kind != PATTERN_LITERAL);
}

/*
 * Whether the pattern, from part on, matches the directory path; and the next
 * part is as wanted.
 */
static bool
leads(const struct pattern *p, size_t part, const char *path,
    bool (*wanted)(const struct pattern *, size_t))
{
	const struct pattern_part *here = pattern_part(p, part);
	char name[NAME_MAX + 1];
	size_t len;

	path += strspn(path, "/");
	if (*path == '\0')
		return (wanted(p, part));
	if ((len = strcspn(path, "/")) > NAME_MAX)
		return (false);
	memcpy(name, path, len);
	name[len] = '\0';
	if (here->kind == PATTERN_ANY_DEPTH)
		return (leads(p, part + 1, path, wanted) ||
		    (name[0] != '.' && leads(p, part, path + len, wanted)));
	return (part + 1 < pattern_length(p) &&
	    pattern_part_matches(here, name) &&
	    leads(p, part + 1, path + len, wanted));
}

static bool
source_leads(const struct conf_source *s, const char *path,
    bool (*wanted)(const struct pattern *, size_t))
{
	size_t i;

	for (i = 0; i < s->npatterns; i++)
		if (leads(s->patterns[i], 0, path, wanted))
			return (true);
	return (false);
}

/* Whether a trusts links more than b. */
static bool
trusts_more(enum conf_symlinks a, enum conf_symlinks b)
{
	return (b == CONF_SYMLINKS_IGNORE ||
	    (b == CONF_SYMLINKS_SAFE && a == CONF_SYMLINKS_FOLLOW));
}

static bool
any_leads(const struct conf *conf, const char *path,
    bool (*wanted)(const struct pattern *, size_t), enum conf_symlinks *links)
{
	const struct conf_source *s;
	bool found = false;

	*links = CONF_SYMLINKS_IGNORE;
	TAILQ_FOREACH (s, &conf->sources, entry) {
		if (!source_leads(s, path, wanted))
			continue;
		found = true;
		if (trusts_more(s->symlinks, *links))
			*links = s->symlinks;
	}
	return (found);
}

bool
conf_match_lists(
    const struct conf *conf, const char *path, enum conf_symlinks *links)
{
	return (any_leads(conf, path, is_listed, links));
}

bool
conf_match_has_files(
    const struct conf *conf, const char *dir, enum conf_symlinks *links)
{
	return (any_leads(conf, dir, names_files, links));
}
