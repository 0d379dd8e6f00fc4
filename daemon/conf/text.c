#include "daemon/conf/text.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/array.h"

struct conf_text *
conf_text_new(void)
{
	struct conf_text *t;

	if ((t = calloc(1, sizeof(*t))) == NULL)
		return (NULL);
	conf_text_put(t, "", 0);
	if (t->failed) {
		conf_text_free(t);
		return (NULL);
	}
	return (t);
}

void
conf_text_free(struct conf_text *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->norigins; i++)
		free(t->origins[i]);
	free(t->origins);
	free(t->lines);
	free(t->bytes);
	free(t);
}

/* As array_more(); sets failed, too, where it fails, and fails from then on. */
static void *
one_more(struct conf_text *t, void *array, size_t n, size_t size)
{
	void *grown;

	if (t->failed)
		return (NULL);
	if ((grown = array_more(array, n, size)) == NULL)
		t->failed = true;
	return (grown);
}

const char *
conf_text_origin(struct conf_text *t, const char *name)
{
	char **origins;

	origins = one_more(t, t->origins, t->norigins, sizeof(*origins));
	if (origins == NULL)
		return (NULL);
	t->origins = origins;
	if ((origins[t->norigins] = strdup(name)) == NULL) {
		t->failed = true;
		return (NULL);
	}
	return (origins[t->norigins++]);
}

void
conf_text_line(struct conf_text *t, const char *origin, int number)
{
	struct conf_line *lines;

	if (t->nlines > 0)
		conf_text_put(t, "\n", 1);
	lines = one_more(t, t->lines, t->nlines, sizeof(*lines));
	if (lines == NULL)
		return;
	t->lines = lines;
	t->lines[t->nlines].origin = origin;
	t->lines[t->nlines++].number = number;
}

void
conf_text_put(struct conf_text *t, const char *p, size_t n)
{
	char *bytes;
	size_t size;

	if (t->failed)
		return;
	if (t->size - t->len < n + 1) {
		size = (t->len + n + 1) * 2;
		if ((bytes = realloc(t->bytes, size)) == NULL) {
			t->failed = true;
			return;
		}
		t->bytes = bytes;
		t->size = size;
	}
	memcpy(t->bytes + t->len, p, n);
	t->len += n;
	t->bytes[t->len] = '\0';
}

static void
puts_text(struct conf_text *t, const char *s)
{
	conf_text_put(t, s, strlen(s));
}

void
conf_text_quote(struct conf_text *t, const char *s)
{
	char hex[5];

	for (; *s != '\0'; s++) {
		if (strchr("\"\\$", *s) != NULL) {
			conf_text_put(t, "\\", 1);
			conf_text_put(t, s, 1);
		} else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			/* Not octal: a digit behind would continue the number.
			 */
			snprintf(hex, sizeof(hex), "\\x%02x",
			    (unsigned int)(unsigned char)*s);
			puts_text(t, hex);
		} else
			conf_text_put(t, s, 1);
	}
}

void
conf_text_open(struct conf_text *t)
{
	puts_text(t, " " CONF_TEXT_OPENED " = " CONF_TEXT_OPENED " ");
}

struct conf_line
conf_text_where(const struct conf_text *t, int line)
{
	struct conf_line nowhere = { "configuration", 0 };
	size_t i = line < 1 ? 0 : (size_t)line - 1;

	if (t->nlines == 0)
		return (nowhere);
	return (t->lines[i < t->nlines ? i : t->nlines - 1]);
}

int
conf_line_fail(struct conf_line line, struct reason *why, const char *fmt, ...)
{
	char text[sizeof(why->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (line.number > 0)
		reason_set(why, "%s:%d: %s", line.origin, line.number, text);
	else
		reason_set(why, "%s: %s", line.origin, text);
	if (why != NULL)
		for (char *p = why->text; *p != '\0'; p++)
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				*p = '?';
	return (-1);
}
