#include "echo.h"

#include <ctype.h>
#include <string.h>

#define TRIES 4 /* the host's name may have that of the application in it */

/*
 * Returns where app_name next stands by itself at or behind from, or n.
 */
static size_t
find_name(const uint8_t *line, size_t n, size_t from, const char *app_name)
{
	size_t len = strcspn(app_name, ":[]"), at; /* which no tag has */
	const uint8_t *p;

	for (; len > 0 && from < n; from = at + 1) {
		p = memmem(line + from, n - from, app_name, len);
		if (p == NULL)
			break;
		at = (size_t)(p - line);
		if ((at == 0 || !isalnum(line[at - 1])) &&
		    (at + len == n || !isalnum(line[at + len])))
			return (at);
	}
	return (n);
}

/* Whether hh:mm:ss stands before end. */
static bool
has_time(const uint8_t *line, size_t end)
{
	static const char form[] = "dd:dd:dd";
	size_t i, at;

	for (at = 0; at + sizeof(form) - 1 <= end; at++) {
		for (i = 0; form[i] != '\0'; i++)
			if (form[i] == 'd' ? !isdigit(line[at + i])
					   : line[at + i] != ':')
				break;
		if (form[i] == '\0')
			return (true);
	}
	return (false);
}

/* Whether the first rounds * period octets repeat, digits aside. */
static bool
is_periodic(const uint8_t *line, size_t n, size_t period)
{
	size_t i, most = (ECHO_ROUNDS - 1) * period;

	if (most + period > n)
		return (false);
	for (i = 0; i < most; i++)
		if (line[i] != line[i + period] &&
		    !(isdigit(line[i]) && isdigit(line[i + period])))
			return (false);
	return (true);
}

/* Whether there may be a time in each header: in most lines there are not. */
static bool
has_colons(const uint8_t *line, size_t n)
{
	const uint8_t *end = line + n;
	int i;

	for (i = 0; i < 2 * ECHO_ROUNDS; i++) {
		line = memchr(line, ':', (size_t)(end - line));
		if (line == NULL)
			return (false);
		line++;
	}
	return (true);
}

bool
echo_is_nested(const uint8_t *line, size_t n, const char *app_name)
{
	size_t first, next;

	if (n > ECHO_LOOK)
		n = ECHO_LOOK;
	if (!has_colons(line, n))
		return (false);
	first = find_name(line, n, 0, app_name);
	if (first == n || !has_time(line, first))
		return (false);
	next = first;
	for (int i = 0; i < TRIES; i++) {
		next = find_name(line, n, next + 1, app_name);
		if (next == n)
			return (false);
		if (is_periodic(line, n, next - first))
			return (true);
	}
	return (false);
}
