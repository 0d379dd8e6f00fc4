#include "pattern.h"

#include <fnmatch.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct pattern {
	size_t length;
	struct pattern_part *parts;
	char *text; /* what the parts point into */
};

static bool
matches(const char *glob, const char *name)
{
	return (fnmatch(glob, name, FNM_PERIOD | FNM_PATHNAME) == 0);
}

/*
 * Returns the octet after the bracket expression that starts at s, or NULL when
 * nothing closes it.  A "]" that comes first stands for itself.
 */
static const char *
bracket_end(const char *s)
{
	char kind;

	s++;
	if (*s == '!' || *s == '^')
		s++;
	if (*s == ']')
		s++;
	while (*s != '\0' && *s != ']') {
		if (*s == '\\' && s[1] != '\0')
			s++;
		else if (*s == '[' && s[1] != '\0' &&
		    strchr(":.=", s[1]) != NULL) {
			/* [:alpha:] and the like: to the same mark and "]". */
			kind = s[1];
			for (s += 2; *s != kind || s[1] != ']'; s++)
				if (*s == '\0')
					return (NULL);
			s++;
		}
		s++;
	}
	return (*s == ']' ? s + 1 : NULL);
}

/* Sets *glob to whether s has glob characters; -1 with why set if it is bad. */
static int
check_part(const char *s, bool *glob, struct reason *why)
{
	*glob = false;
	while (*s != '\0') {
		if (*s == '\\') {
			if (s[1] == '\0')
				return (reason_set(why,
				    "has a \"\\\" that quotes nothing: write "
				    "\"\\\\\" for the character itself"));
			s += 2;
			continue;
		}
		if (*s == '[') {
			*glob = true;
			if ((s = bracket_end(s)) == NULL)
				return (reason_set(why,
				    "has a \"[\" without its \"]\": write "
				    "\"\\[\" for the character itself"));
			continue;
		}
		if (*s == '*' && s[1] == '*')
			return (reason_set(why,
			    "has \"**\" inside a name: write \"*\", or "
			    "\"/**/\" for any number of directories"));
		if (*s == '*' || *s == '?')
			*glob = true;
		s++;
	}
	return (0);
}

static void
unquote(char *s)
{
	char *to = s;

	for (; *s != '\0'; s++) {
		if (*s == '\\')
			s++;
		*to++ = *s;
	}
	*to = '\0';
}

static bool
ends_any_depth(const struct pattern *p)
{
	return (
	    p->length > 0 && p->parts[p->length - 1].kind == PATTERN_ANY_DEPTH);
}

static int
add_part(struct pattern *p, char *s, struct reason *why)
{
	struct pattern_part *part = &p->parts[p->length];
	bool glob;

	if (strcmp(s, ".") == 0)
		return (0);
	part->text = s;
	if (strcmp(s, "**") == 0) {
		part->kind = PATTERN_ANY_DEPTH;
		if (!ends_any_depth(p))
			p->length++;
		return (0);
	}
	if (check_part(s, &glob, why) == -1)
		return (-1);
	part->kind = glob ? PATTERN_GLOB : PATTERN_LITERAL;
	if (!glob)
		unquote(s);
	/* Also when it was quoted. */
	if (strcmp(s, ".") == 0 || strcmp(s, "..") == 0)
		return (reason_set(
		    why, "has a \"%s\": write the path that it leads to", s));
	p->length++;
	return (0);
}

static int
check_ends(const char *path, struct reason *why)
{
	size_t n = strlen(path);

	if (path[0] != '/')
		return (reason_set(why, "is relative: paths begin with \"/\""));
	if (n > 1 && path[n - 1] == '.' && path[n - 2] == '/')
		return (reason_set(why,
		    "ends in \"/.\": a pattern names files; write \"%.*s*\" "
		    "in quotes",
		    (int)n - 1, path));
	if (path[n - 1] == '/')
		return (reason_set(why,
		    "ends in \"/\": a pattern names files; write \"%s*\" "
		    "in quotes",
		    path));
	return (0);
}

static int
parse(struct pattern *p, const char *path, struct reason *why)
{
	char *s, *slash;
	size_t n;

	if (check_ends(path, why) == -1)
		return (-1);
	/* No more components than slashes. */
	for (n = 0, s = p->text; *s != '\0'; s++)
		if (*s == '/')
			n++;
	if ((p->parts = calloc(n, sizeof(*p->parts))) == NULL)
		return (reason_set(why, "out of memory"));
	for (slash = p->text; slash != NULL;) {
		s = slash + 1;
		if ((slash = strchr(s, '/')) != NULL)
			*slash = '\0';
		if (*s != '\0' && add_part(p, s, why) == -1)
			return (-1);
	}
	if (ends_any_depth(p))
		return (reason_set(why,
		    "ends in \"**\", which means directories: write \"%s/*\" "
		    "for the files in all of them",
		    path));
	return (0);
}

struct pattern *
pattern_new(const char *path, struct reason *why)
{
	struct pattern *p;

	if ((p = calloc(1, sizeof(*p))) == NULL ||
	    (p->text = strdup(path)) == NULL) {
		(void)reason_set(why, "out of memory");
		goto fail;
	}
	if (parse(p, path, why) == -1)
		goto fail;
	return (p);

fail:
	pattern_free(p);
	return (NULL);
}

void
pattern_free(struct pattern *p)
{
	if (p == NULL)
		return;
	free(p->parts);
	free(p->text);
	free(p);
}

size_t
pattern_length(const struct pattern *p)
{
	return (p->length);
}

const struct pattern_part *
pattern_part(const struct pattern *p, size_t i)
{
	return (&p->parts[i]);
}

bool
pattern_part_matches(const struct pattern_part *part, const char *name)
{
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return (false);
	switch (part->kind) {
	case PATTERN_LITERAL:
		return (strcmp(part->text, name) == 0);
	case PATTERN_GLOB:
		return (matches(part->text, name));
	case PATTERN_ANY_DEPTH:
		return (name[0] != '.');
	}
	return (false);
}

/*
 * Copies path's components to buf, each with its NUL, and an empty one behind
 * the last.  Returns false when they do not fit.
 */
static bool
split(char buf[PATH_MAX], const char *path)
{
	size_t n, used = 0;

	for (;; path += n) {
		path += strspn(path, "/");
		if ((n = strcspn(path, "/")) == 0)
			break;
		if (n >= PATH_MAX - 1 - used)
			return (false);
		if (n == 1 && *path == '.')
			continue;
		memcpy(buf + used, path, n);
		used += n;
		buf[used++] = '\0';
	}
	buf[used] = '\0';
	return (true);
}

static const char *
next(const char *component)
{
	return (component + strlen(component) + 1);
}

/*
 * Only the last ** seen has to be able to take more: what the ones before it
 * left, it can take too.  So there is no recursion.
 */
static bool
matches_deep(const char *g, const char *p)
{
	const char *deep = NULL, *taken = NULL;

	while (*p != '\0') {
		if (strcmp(g, "**") == 0) {
			deep = g = next(g);
			taken = p;
		} else if (*g != '\0' && matches(g, p)) {
			g = next(g);
			p = next(p);
		} else if (deep != NULL && *taken != '.') {
			g = deep;
			p = taken = next(taken);
		} else
			return (false);
	}
	while (strcmp(g, "**") == 0)
		g = next(g);
	return (*g == '\0');
}

bool
pattern_excludes(const char *glob, const char *path)
{
	char g[PATH_MAX], p[PATH_MAX];
	const char *base;

	if (strchr(glob, '/') == NULL) {
		base = strrchr(path, '/');
		return (matches(glob, base == NULL ? path : base + 1));
	}
	if (glob[0] != path[0] || !split(g, glob) || !split(p, path))
		return (false);
	return (matches_deep(g, p));
}
