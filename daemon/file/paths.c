#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/file/file.h"
#include "daemon/file/names.h"

/*
 * Paths of a file besides the one of its directory and its name.  Few files
 * have any: those that were rotated, and those that links lead to.
 */
struct file_paths {
	char *origin;
	char *real;
};

/* Without snprintf(3), as each record of the checkpoint has a path. */
static const char *
write_path(const struct file *t, struct path_text *path)
{
	const char *dir = t->place != NULL ? t->place->path : "(no name, was)";
	size_t n = strnlen(dir, PATH_MAX - 1);
	size_t len = strnlen(t->name, PATH_MAX - 1);

	memcpy(path->text, dir, n);
	path->text[n++] = '/';
	memcpy(path->text + n, t->name, len);
	path->text[n + len] = '\0';
	return (path->text);
}

struct path_text
file_path(const struct file *t)
{
	struct path_text path;

	(void)write_path(t, &path);
	return (path);
}

static struct file_paths *
get_paths(struct file *t)
{
	if (t->paths == NULL)
		t->paths = calloc(1, sizeof(*t->paths));
	return (t->paths);
}

/* Puts a copy of path, or NULL, into one of the two. */
static void
set(struct file *t, char **own, const char *path)
{
	char *copy = NULL;

	if (path != NULL && (copy = strdup(path)) == NULL) {
		log_warn("%s", path);
		return;
	}
	free(*own);
	*own = copy;
	if (t->paths->origin == NULL && t->paths->real == NULL)
		file_forget_paths(t);
}

static void
set_origin(struct file *t, const char *path)
{
	if (path == NULL && t->paths == NULL)
		return;
	if (get_paths(t) == NULL)
		log_warn("%s", path);
	else
		set(t, &t->paths->origin, path);
}

/*
 * Without the origin the record has a path that no source means, and no later
 * start would follow the file: where there was no memory, there may be by now.
 */
void
file_set_origin(struct file *t, const char *path)
{
	set_origin(t, path);
	if (path != NULL && file_old_path(t) == NULL)
		set_origin(t, path);
}

const char *
file_old_path(const struct file *t)
{
	return (t->paths != NULL ? t->paths->origin : NULL);
}

const char *
file_origin(const struct file *t, struct path_text *buf)
{
	const char *old = file_old_path(t);
	const struct former_holder *l = t->left;

	if (old != NULL || l == NULL || l->place->path == NULL)
		return (old != NULL ? old : write_path(t, buf));
	/* There was no memory for the origin when the file lost its name. */
	(void)snprintf(
	    buf->text, sizeof(buf->text), "%s/%s", l->place->path, l->name);
	return (buf->text);
}

void
file_set_real(struct file *t, const char *path)
{
	if (path == NULL && t->paths == NULL)
		return;
	if (get_paths(t) == NULL)
		log_warn("%s", path);
	else if (t->paths->real == NULL || path == NULL ||
	    strcmp(t->paths->real, path) != 0)
		set(t, &t->paths->real, path);
}

const char *
file_real(const struct file *t, struct path_text *buf)
{
	const struct file_paths *p = t->paths;

	if (p == NULL || p->real != NULL)
		return (p == NULL ? NULL : p->real);
	if (p->origin == NULL || t->place == NULL ||
	    names_holds(t->place, p->origin))
		return (NULL);
	return (write_path(t, buf));
}

const char *
file_target(const struct file *t)
{
	return (t->linked && t->paths != NULL ? t->paths->real : NULL);
}

void
file_forget_paths(struct file *t)
{
	if (t->paths == NULL)
		return;
	free(t->paths->origin);
	free(t->paths->real);
	free(t->paths);
	t->paths = NULL;
}
