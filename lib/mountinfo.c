#include "mountinfo.h"

#include <stddef.h>
#include <string.h>
#include <xxhash.h>

#define PATH_FIELD 4 /* fields before it: ids, device, root */

static bool
is_octal(char c)
{
	return (c >= '0' && c <= '7');
}

/* A space, a tab, a newline and a backslash are \ and three digits. */
static bool
unescape(const char *s, size_t len, char *path)
{
	size_t i, n = 0;

	for (i = 0; i < len; i++) {
		if (n == PATH_MAX - 1)
			return (false);
		if (s[i] != '\\' || len - i < 4 || !is_octal(s[i + 1]) ||
		    !is_octal(s[i + 2]) || !is_octal(s[i + 3])) {
			path[n++] = s[i];
			continue;
		}
		path[n++] = (char)((s[i + 1] - '0') << 6 |
		    (s[i + 2] - '0') << 3 | (s[i + 3] - '0'));
		i += 3;
	}
	path[n] = '\0';
	return (true);
}

static bool
read_line(const char *line, size_t len, struct mountinfo *m)
{
	const char *field = line, *end = line + len, *space;
	unsigned i;

	for (i = 0; i < PATH_FIELD; i++) {
		space = memchr(field, ' ', (size_t)(end - field));
		if (space == NULL)
			return (false);
		field = space + 1;
	}
	space = memchr(field, ' ', (size_t)(end - field));
	if (space == NULL || *field != '/' ||
	    !unescape(field, (size_t)(space - field), m->path))
		return (false);
	m->id = XXH3_64bits(line, len);
	return (true);
}

bool
mountinfo_next(const char **at, const char *end, struct mountinfo *m)
{
	const char *line, *newline;

	while (*at < end) {
		line = *at;
		newline = memchr(line, '\n', (size_t)(end - line));
		*at = newline == NULL ? end : newline + 1;
		if (newline != NULL &&
		    read_line(line, (size_t)(newline - line), m))
			return (true);
	}
	return (false);
}
