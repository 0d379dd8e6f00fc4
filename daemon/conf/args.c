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
#include "daemon/conf/text.h"
#include "daemon/conf/url.h"
#include "daemon/conf/value.h"

#define BASE_MAX (CONF_VALUE_NAME_MAX - 8) /* room for a number behind */
#define NUMBER_MAX sizeof("-4294967295")

struct name {
	char base[BASE_MAX + 1];
	char unique[BASE_MAX + NUMBER_MAX];
};

struct args {
	struct conf_text *text;
	const struct conf_pair *options;
	size_t noptions;
	struct name *names; /* of the sources so far */
	size_t nnames;
	struct reason *why;
};

/* Where a bare name is looked for: hostname is the source's. */
static const struct conf_option *const tables[] = { conf_option_source,
	conf_option_destination, conf_option_tls, conf_option_global };
#define NTABLES (sizeof(tables) / sizeof(tables[0]))

/* Returns the table that has the option called name, or NULL. */
static const struct conf_option *
home(const char *name)
{
	for (size_t i = 0; i < NTABLES; i++)
		if (conf_option_find(tables[i], name) != NULL)
			return (tables[i]);
	return (NULL);
}

static bool
is_given(const struct args *a, const char *name)
{
	for (size_t i = 0; i < a->noptions; i++)
		if (strcmp(a->options[i].name, name) == 0)
			return (true);
	return (false);
}

static int
check_option(const char *name, struct reason *why)
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
	for (size_t i = 0; i < NTABLES && near == NULL; i++)
		near = conf_option_near(tables[i], name);
	if (near != NULL)
		return (
		    reason_set(why, "-o %s: unknown option (%s?)", name, near));
	return (reason_set(why, "-o %s: unknown option", name));
}

/* Returns path, counted from the current directory; NULL with errno. */
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

static void
put_string(struct conf_text *t, const char *value)
{
	conf_text_puts(t, "\"");
	conf_text_quote(t, value);
	conf_text_puts(t, "\"");
}

static void
put_option(struct conf_text *t, const char *origin, const char *name,
    const char *value)
{
	conf_text_line(t, origin, 0);
	conf_text_puts(t, name);
	conf_text_puts(t, " = ");
	put_string(t, value);
}

static const char *
option_origin(struct conf_text *t, const char *name)
{
	char origin[80];

	snprintf(origin, sizeof(origin), "-o %s", name);
	return (conf_text_origin(t, origin));
}

static bool
is_path(const char *name)
{
	static const char *const paths[] = { "state_dir", "control_socket",
		"ca_file", "cert_file", "key_file" };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (strcmp(name, paths[i]) == 0)
			return (true);
	return (false);
}

static int
put_scalar(struct args *a, const struct conf_pair *option)
{
	const char *origin = option_origin(a->text, option->name);
	char *path;

	if (!is_path(option->name) || *option->value == '\0') {
		put_option(a->text, origin, option->name, option->value);
		return (0);
	}
	if ((path = absolute(option->value)) == NULL)
		return (reason_set(
		    a->why, "%s: %s", option->value, strerror(errno)));
	put_option(a->text, origin, option->name, path);
	free(path);
	return (0);
}

/* What is given several times is one list. */
static void
put_list(struct args *a, const char *name)
{
	struct conf_text *t = a->text;

	conf_text_line(t, option_origin(t, name), 0);
	conf_text_puts(t, name);
	conf_text_puts(t, " = {");
	for (size_t i = 0; i < a->noptions; i++)
		if (strcmp(a->options[i].name, name) == 0) {
			conf_text_puts(t, " ");
			put_string(t, a->options[i].value);
			conf_text_puts(t, ",");
		}
	conf_text_puts(t, " }");
}

/* Adds the options of the section that has table. */
static int
put_options(struct args *a, const struct conf_option *table)
{
	for (const struct conf_option *o = table; o->name != NULL; o++) {
		if (!is_given(a, o->name) || home(o->name) != table)
			continue;
		if (o->most != 1) {
			put_list(a, o->name);
			continue;
		}
		for (size_t i = 0; i < a->noptions; i++)
			if (strcmp(a->options[i].name, o->name) == 0 &&
			    put_scalar(a, &a->options[i]) == -1)
				return (-1);
	}
	return (0);
}

static void
put_section(
    struct args *a, const char *origin, const char *kind, const char *name)
{
	conf_text_line(a->text, origin, 0);
	conf_text_puts(a->text, kind);
	if (name != NULL) {
		conf_text_puts(a->text, " ");
		put_string(a->text, name);
	}
	conf_text_puts(a->text, " {");
	conf_text_open(a->text);
}

/* A section in the destination, if any of its options is given. */
static int
put_tls(struct args *a)
{
	const struct conf_option *o = conf_option_tls;

	while (o->name != NULL && !is_given(a, o->name))
		o++;
	if (o->name == NULL)
		return (0);
	put_section(a, option_origin(a->text, o->name), "tls", NULL);
	if (put_options(a, conf_option_tls) == -1)
		return (-1);
	conf_text_puts(a->text, " }");
	return (0);
}

/* The destination is called as the scheme of its url. */
static int
put_destination(struct args *a, const char *url)
{
	struct conf_url parsed = { .text = NULL };
	const char *name = "destination", *text = url;

	for (size_t i = 0; i < a->noptions && url == NULL; i++)
		if (strcmp(a->options[i].name, "url") == 0)
			text = a->options[i].value;
	if (text == NULL)
		url = text = "stdout:";
	if (conf_url_parse(&parsed, text, NULL) == 0)
		name = conf_url_is_relp(&parsed) ? "relp"
						 : conf_url_scheme(&parsed);
	put_section(a, "-t", "destination", name);
	conf_url_fini(&parsed);
	if (url != NULL)
		put_option(a->text, "-t", "url", url);
	if (put_options(a, conf_option_destination) == -1 || put_tls(a) == -1)
		return (-1);
	conf_text_puts(a->text, " }");
	return (0);
}

/*
 * Makes a name of the last part of path: "/var/log/nginx/access*.log" is
 * "access".  What is left when nothing is good is "log".
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

/* Returns a name for the source of path that no other has. */
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
 * Returns the directory that path counts from, with "/" at its end, and moves
 * *path behind it; "" for none; NULL with errno.
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
	/* A directory that is not there stays: the pattern is refused. */
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

/* Copies s to p as a pattern that means just s.  Returns the end. */
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
 * Returns the pattern that path of the command line means: itself if there is
 * such a file, whatever characters are in its name, else a glob.
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
put_source(struct args *a, const char *path)
{
	const char *origin = conf_text_origin(a->text, path);
	struct stat st;
	char *pattern;

	if (*path == '\0')
		return (reason_set(a->why, "a path is empty"));
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return (reason_set(a->why,
		    "%s: is a directory: write \"%s/*\" for the files in it",
		    path, path));
	if ((pattern = pattern_of(path)) == NULL)
		return (reason_set(a->why, "%s: %s", path, strerror(errno)));
	put_section(a, origin, "source", unique_name(a, path));
	put_option(a->text, origin, "paths", pattern);
	free(pattern);
	if (put_options(a, conf_option_source) == -1)
		return (-1);
	conf_text_puts(a->text, " }");
	return (0);
}

static int
put_all(struct args *a, const char *url, char *const *paths, size_t npaths)
{
	if (npaths == 0)
		return (reason_set(a->why, "there is no path to read"));
	for (size_t i = 0; i < a->noptions; i++)
		if (check_option(a->options[i].name, a->why) == -1)
			return (-1);
	if (put_options(a, conf_option_global) == -1 ||
	    put_destination(a, url) == -1)
		return (-1);
	for (size_t i = 0; i < npaths; i++)
		if (put_source(a, paths[i]) == -1)
			return (-1);
	conf_text_line(a->text, "command line", 0);
	if (a->text->failed)
		return (reason_set(a->why, "%s", strerror(ENOMEM)));
	return (0);
}

/* What a file has by default has no place in a quick look. */
static void
drop_defaults(const struct args *a, struct conf *c)
{
	if (!is_given(a, "state_dir")) {
		free(c->state_dir);
		c->state_dir = NULL;
	}
	if (!is_given(a, "control_socket")) {
		free(c->control_socket);
		c->control_socket = NULL;
	}
	if (!is_given(a, "user")) {
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
	struct conf *c = NULL;

	a.text = conf_text_new();
	a.names = calloc(npaths + 1, sizeof(*a.names));
	if (a.text == NULL || a.names == NULL)
		reason_set(why, "%s", strerror(errno));
	else if (put_all(&a, url, paths, npaths) == 0)
		c = conf_parse(a.text, why);
	if (c != NULL)
		drop_defaults(&a, c);
	conf_text_free(a.text);
	free(a.names);
	return (c);
}
