#include "daemon/conf/tree.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct conf_section *
conf_tree_new(struct conf_section *parent, const char *kind, const char *title,
    struct conf_line where)
{
	struct conf_section *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	if (title != NULL && (s->title = strdup(title)) == NULL) {
		free(s);
		return (NULL);
	}
	s->kind = kind;
	s->where = where;
	TAILQ_INIT(&s->settings);
	TAILQ_INIT(&s->sections);
	if (parent != NULL)
		TAILQ_INSERT_TAIL(&parent->sections, s, entry);
	return (s);
}

void
conf_tree_free(struct conf_section *root)
{
	struct conf_section *s;
	struct conf_setting *o;

	if (root == NULL)
		return;
	while ((s = TAILQ_FIRST(&root->sections)) != NULL) {
		TAILQ_REMOVE(&root->sections, s, entry);
		conf_tree_free(s);
	}
	while ((o = TAILQ_FIRST(&root->settings)) != NULL) {
		TAILQ_REMOVE(&root->settings, o, entry);
		for (size_t i = 0; i < o->nvalues; i++)
			free(o->values[i].text);
		free(o->values);
		free(o);
	}
	free(root->title);
	free(root);
}

const struct conf_setting *
conf_tree_find(const struct conf_section *s, const char *option)
{
	const struct conf_setting *o;

	TAILQ_FOREACH (o, &s->settings, entry)
		if (strcmp(o->option, option) == 0)
			return (o);
	return (NULL);
}

/* Returns the setting of option, a new one without values, or NULL. */
static struct conf_setting *
find_or_add(struct conf_section *s, const char *option)
{
	struct conf_setting *o;

	TAILQ_FOREACH (o, &s->settings, entry)
		if (strcmp(o->option, option) == 0)
			return (o);
	if ((o = calloc(1, sizeof(*o))) == NULL)
		return (NULL);
	o->option = option;
	TAILQ_INSERT_TAIL(&s->settings, o, entry);
	return (o);
}

int
conf_tree_add(struct conf_section *s, const char *option, const char *text,
    struct conf_line where)
{
	struct conf_setting *o;
	struct conf_value *grown;

	if ((o = find_or_add(s, option)) == NULL)
		return (-1);
	grown = reallocarray(o->values, o->nvalues + 1, sizeof(*grown));
	if (grown == NULL)
		return (-1);
	o->values = grown;
	if ((grown[o->nvalues].text = strdup(text)) == NULL)
		return (-1);
	grown[o->nvalues++].where = where;
	return (0);
}

const struct conf_section *
conf_tree_next(const struct conf_section *parent, const char *kind,
    const struct conf_section *last)
{
	const struct conf_section *s;

	s = last == NULL ? TAILQ_FIRST(&parent->sections)
			 : TAILQ_NEXT(last, entry);
	while (s != NULL && strcmp(s->kind, kind) != 0)
		s = TAILQ_NEXT(s, entry);
	return (s);
}

struct conf_line
conf_tree_where(const struct conf_section *s, const char *option)
{
	const struct conf_setting *o = conf_tree_find(s, option);

	return (o == NULL ? s->where : o->values[0].where);
}

int
conf_tree_fail(const struct conf_section *s, struct conf_line where,
    struct reason *why, const char *fmt, ...)
{
	struct reason message;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message.text, sizeof(message.text), fmt, ap);
	va_end(ap);
	if (*s->kind == '\0' || where.number == 0)
		return (conf_line_fail(where, why, "%s", message.text));
	if (s->title == NULL)
		return (conf_line_fail(
		    where, why, "%s: %s", s->kind, message.text));
	return (conf_line_fail(
	    where, why, "%s \"%s\": %s", s->kind, s->title, message.text));
}
