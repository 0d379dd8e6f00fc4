#include "daemon/conf/conf.h"

#include <sys/stat.h>

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf/option.h"
#include "daemon/conf/parse.h"
#include "daemon/conf/tree.h"
#include "daemon/conf/url.h"
#include "daemon/conf/value.h"

#define BASE_MAX (CONF_VALUE_NAME_MAX - 8) /* room for a number behind */
#define NUMBER_MAX sizeof("-4294967295")

struct name {
	char base[BASE_MAX + 1];
	char unique[BASE_MAX + NUMBER_MAX];
};

struct origin { /* of an option, as the user wrote it */
	char text[80];
};

struct args {
	const struct conf_pair *options;
	size_t noptions;
	struct origin *origins; /* of the options */
	struct name *names; /* of the sources so far */
	size_t nnames;
	struct reason *why;
};

/* An option belongs to the first of these that has it: hostname to a source. */
static const char *const kinds[] = { "source", "destination", "tls", "" };
#define NKINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Returns the kind of section that has the option called name, or NULL. */
static const char *
home(const char *name)
{
	for (size_t i = 0; i < NKINDS; i++)
		if (conf_option_find(conf_option_table(kinds[i]), name) != NULL)
			return (kinds[i]);
	return (NULL);
}

/* Whether one of the first n options has this name. */
static bool
is_given(const struct args *a, const char *name, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(a->options[i].name, name) == 0)
			return (true);
	return (false);
}

static int
check_name(const char *name, struct reason *why)
{
	const char *near = NULL;

	if (strcmp(name, "paths") == 0)
		return (reason_set(
		    why, "-o paths: write the paths behind the options"));
	if (strcmp(name, "destinations") == 0)
		return (reason_set(
		    why, "-o destinations: there is one: write -t url"));
	if (home(name) != NULL)
		return (0);
	for (size_t i = 0; i < NKINDS && near == NULL; i++)
		near = conf_option_near(conf_option_table(kinds[i]), name);
	if (near != NULL)
		return (
		    reason_set(why, "-o %s: unknown option (%s?)", name, near));
	return (reason_set(why, "-o %s: unknown option", name));
}

/* Checks the names, and keeps where each option is from. */
static int
check_names(const struct args *a)
{
	for (size_t i = 0; i < a->noptions; i++) {
		if (check_name(a->options[i].name, a->why) == -1)
			return (-1);
		snprintf(a->origins[i].text, sizeof(a->origins[i].text),
		    "-o %s", a->options[i].name);
	}
	return (0);
}

/* Refuses a second value of an option that is no list, and -t with -o url. */
static int
check_repeated(const struct args *a, const char *url)
{
	const struct conf_option *o;
	const char *name;

	if (url != NULL && is_given(a, "url", a->noptions))
		return (reason_set(a->why,
		    "-o url: url is given twice: write one list, "
		    "{ \"a\", \"b\" }"));
	for (size_t i = 0; i < a->noptions; i++) {
		name = a->options[i].name;
		o = conf_option_find(conf_option_table(home(name)), name);
		if (o->most_values == 1 && is_given(a, name, i))
			return (reason_set(a->why,
			    "-o %s: %s is given twice: only one can count",
			    name, name));
	}
	return (0);
}

/* Returns path, made absolute from the current directory; NULL with errno. */
static char *
absolute(const char *path)
{
	char cwd[PATH_MAX], *joined;
	size_t n;

	if (*path == '/')
		return (strdup(path));
	if (getcwd(cwd, sizeof(cwd)) == NULL)
		return (NULL);
	n = strlen(cwd) + strlen(path) + 2;
	if ((joined = malloc(n)) != NULL)
		snprintf(
		    joined, n, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, path);
	return (joined);
}

static int
out_of_memory(const struct args *a)
{
	return (reason_set(a->why, "%s", strerror(ENOMEM)));
}

/* Returns the place of an argument: "-o name", "-t" or a path. */
static struct conf_line
from(const char *arg)
{
	struct conf_line where = { arg, 0 };

	return (where);
}

static int
add_option(const struct args *a, struct conf_section *section,
    const struct conf_option *o, size_t i)
{
	const char *value = a->options[i].value;
	struct conf_line where = from(a->origins[i].text);
	char *path;
	int result;

	if (!o->is_path || *value == '\0')
		result = conf_tree_add(section, o->name, value, where);
	else if ((path = absolute(value)) == NULL)
		return (reason_set(a->why, "%s: %s", value, strerror(errno)));
	else {
		result = conf_tree_add(section, o->name, path, where);
		free(path);
	}
	return (result == -1 ? out_of_memory(a) : 0);
}

/* Adds the given options that belong to this kind of section. */
static int
add_options(const struct args *a, struct conf_section *section)
{
	const struct conf_option *o = conf_option_table(section->kind);

	for (; o->name != NULL; o++)
		for (size_t i = 0; i < a->noptions; i++)
			if (strcmp(a->options[i].name, o->name) == 0 &&
			    strcmp(home(o->name), section->kind) == 0 &&
			    add_option(a, section, o, i) == -1)
				return (-1);
	return (0);
}

/* Adds a section with its options.  Returns it, or NULL with why set. */
static struct conf_section *
add_section(const struct args *a, struct conf_section *parent, const char *kind,
    const char *title, const char *origin)
{
	struct conf_section *s =
	    conf_tree_new(parent, kind, title, from(origin));

	if (s == NULL) {
		out_of_memory(a);
		return (NULL);
	}
	return (add_options(a, s) == -1 ? NULL : s);
}

/* Adds a section tls to the destination if an option of tls is given. */
static int
add_tls(const struct args *a, struct conf_section *destination)
{
	const struct conf_option *o = conf_option_table("tls");

	for (; o->name != NULL; o++)
		for (size_t i = 0; i < a->noptions; i++)
			if (strcmp(a->options[i].name, o->name) == 0)
				return (add_section(a, destination, "tls", NULL,
					    a->origins[i].text) == NULL
					? -1
					: 0);
	return (0);
}

/* Returns the scheme of url as the name of its destination. */
static const char *
destination_name(const char *url)
{
	struct conf_url parsed = { .text = NULL };
	const char *name = "destination";

	if (conf_url_parse(&parsed, url, NULL) == 0)
		name = conf_url_is_relp(&parsed) ? "relp"
						 : conf_url_scheme(&parsed);
	conf_url_fini(&parsed);
	return (name);
}

static int
add_destination(
    const struct args *a, struct conf_section *root, const char *url)
{
	const char *text = url == NULL ? "stdout:" : url;
	struct conf_section *s;

	for (size_t i = 0; i < a->noptions; i++)
		if (strcmp(a->options[i].name, "url") == 0 && url == NULL)
			text = a->options[i].value;
	s = add_section(a, root, "destination", destination_name(text), "-t");
	if (s == NULL)
		return (-1);
	if (!is_given(a, "url", a->noptions) &&
	    conf_tree_add(s, "url", text, from("-t")) == -1)
		return (out_of_memory(a));
	return (add_tls(a, s));
}

/*
 * Makes a name of the last part of path: "/var/log/nginx/access*.log" is
 * "access".  Without a usable character the name is "log".
 */
static void
base_name(const char *path, char base[BASE_MAX + 1])
{
	const char *p = strrchr(path, '/');
	size_t n = 0, len;

	p = p == NULL ? path : p + 1;
	len = strlen(p);
	if (len >= 4 && strcmp(p + len - 4, ".log") == 0)
		len -= 4;
	for (; len > 0 && n < BASE_MAX; p++, len--) {
		if (strchr("*?[]\\", *p) != NULL ||
		    (n == 0 && strchr("._-", *p) != NULL))
			continue;
		if (isalnum((unsigned char)*p) || strchr("._-", *p) != NULL)
			base[n++] = *p;
		else
			base[n++] = '_';
	}
	while (n > 0 && strchr("._-", base[n - 1]) != NULL)
		n--;
	base[n] = '\0';
	if (n == 0)
		strlcpy(base, "log", BASE_MAX + 1);
}

static bool
is_taken(const struct args *a, const char *name)
{
	for (size_t i = 0; i < a->nnames; i++)
		if (strcmp(a->names[i].unique, name) == 0)
			return (true);
	return (false);
}

/* Returns a name for the source of path that no other source has. */
static const char *
unique_name(struct args *a, const char *path)
{
	struct name *name = &a->names[a->nnames];
	unsigned int number = 1;

	base_name(path, name->base);
	for (size_t i = 0; i < a->nnames; i++)
		if (strcmp(a->names[i].base, name->base) == 0)
			number++;
	strlcpy(name->unique, name->base, sizeof(name->unique));
	for (; number > 1 || is_taken(a, name->unique); number++) {
		snprintf(name->unique, sizeof(name->unique), "%s-%u",
		    name->base, number > 1 ? number : 2);
		if (!is_taken(a, name->unique))
			break;
	}
	a->nnames++;
	return (name->unique);
}

static bool
has_dotdot(const char *path)
{
	const char *p = path;

	while ((p = strstr(p, "..")) != NULL) {
		if ((p == path || p[-1] == '/') &&
		    (p[2] == '/' || p[2] == '\0'))
			return (true);
		p += 2;
	}
	return (false);
}

/*
 * Returns the absolute directory that *path is relative to, with "/" at its
 * end, and moves *path behind the part that it replaces; "" if *path is
 * absolute already; NULL with errno.
 */
static char *
directory(const char **path)
{
	const char *slash = strrchr(*path, '/');
	char *part, *real, *result;
	size_t n;

	if (!has_dotdot(*path) || slash == NULL)
		return (**path == '/' ? strdup("") : absolute(""));
	if ((part = strndup(*path, (size_t)(slash - *path) + 1)) == NULL)
		return (NULL);
	/* Leave a ".." that cannot be resolved: the pattern is refused. */
	if ((real = realpath(part, NULL)) == NULL) {
		free(part);
		return (**path == '/' ? strdup("") : absolute(""));
	}
	free(part);
	*path = slash + 1;
	n = strlen(real) + 2;
	if ((result = malloc(n)) != NULL)
		snprintf(result, n, "%s/", strcmp(real, "/") == 0 ? "" : real);
	free(real);
	return (result);
}

/* Copies s to p as a pattern that matches only s.  Returns the end. */
static char *
quote_glob(char *p, const char *s)
{
	for (; *s != '\0'; s++) {
		if (strchr("*?[]\\", *s) != NULL)
			*p++ = '\\';
		*p++ = *s;
	}
	*p = '\0';
	return (p);
}

/*
 * Returns the pattern for an argument: it matches only path if there is such a
 * file, whatever characters are in its name; otherwise path is a glob.
 */
static char *
pattern_of(const char *path)
{
	struct stat st;
	bool there = lstat(path, &st) == 0;
	char *dir, *pattern, *p;

	if ((dir = directory(&path)) == NULL)
		return (NULL);
	pattern = malloc(2 * (strlen(dir) + strlen(path)) + 1);
	if (pattern != NULL) {
		p = quote_glob(pattern, dir);
		if (there)
			quote_glob(p, path);
		else
			memcpy(p, path, strlen(path) + 1);
	}
	free(dir);
	return (pattern);
}

static int
add_source(struct args *a, struct conf_section *root, const char *path)
{
	struct conf_section *s;
	struct stat st;
	char *pattern;
	int result;

	if (*path == '\0')
		return (reason_set(a->why, "a path is empty"));
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return (reason_set(a->why,
		    "%s: is a directory: write \"%s/*\" for the files in it",
		    path, path));
	if ((pattern = pattern_of(path)) == NULL)
		return (reason_set(a->why, "%s: %s", path, strerror(errno)));
	s = add_section(a, root, "source", unique_name(a, path), path);
	result =
	    s == NULL ? -1 : conf_tree_add(s, "paths", pattern, from(path));
	free(pattern);
	if (s != NULL && result == -1)
		out_of_memory(a);
	return (result);
}

/* Returns the tree of the whole command line, or NULL with why set. */
static struct conf_section *
make_tree(struct args *a, const char *url, char *const *paths, size_t npaths)
{
	struct conf_section *root;
	int result;

	if (npaths == 0) {
		reason_set(a->why, "there is no path to read");
		return (NULL);
	}
	if (check_names(a) == -1)
		return (NULL);
	if ((root = add_section(a, NULL, "", NULL, "command line")) == NULL)
		return (NULL);
	result = add_destination(a, root, url);
	for (size_t i = 0; i < npaths && result == 0; i++)
		result = add_source(a, root, paths[i]);
	if (result == 0 && check_repeated(a, url) == 0)
		return (root);
	conf_tree_free(root);
	return (NULL);
}

/* With paths on the command line these have no default. */
static void
drop_defaults(const struct args *a, struct conf *c)
{
	if (!is_given(a, "state_dir", a->noptions)) {
		free(c->state_dir);
		c->state_dir = NULL;
	}
	if (!is_given(a, "control_socket", a->noptions)) {
		free(c->control_socket);
		c->control_socket = NULL;
	}
	if (!is_given(a, "user", a->noptions)) {
		free(c->user);
		c->user = NULL;
	}
}

struct conf *
conf_from_args(const char *url, const struct conf_pairs *options,
    char *const *paths, size_t npaths, struct reason *why)
{
	struct args a = { .options = options == NULL ? NULL : options->p,
		.noptions = options == NULL ? 0 : options->n,
		.why = why };
	struct conf_section *root = NULL;
	struct conf *c = NULL;

	a.origins = calloc(a.noptions + 1, sizeof(*a.origins));
	a.names = calloc(npaths + 1, sizeof(*a.names));
	if (a.origins == NULL || a.names == NULL)
		out_of_memory(&a);
	else if ((root = make_tree(&a, url, paths, npaths)) != NULL)
		c = conf_parse(root, why);
	if (c != NULL)
		drop_defaults(&a, c);
	conf_tree_free(root);
	free(a.origins);
	free(a.names);
	return (c);
}
