#include "rotation.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

/* What stands in a name besides its base. */
struct part {
	const char *p;
	size_t len;
};

static const char *const packed[] = { ".gz", ".zst", ".xz", ".bz2", ".Z" };
#define READABLE 3 /* of them, the first */

bool
rotation_is_compressed(const char *name)
{
	size_t len = strlen(name), n, i;

	for (i = 0; i < READABLE; i++) {
		n = strlen(packed[i]);
		if (len > n && strcmp(name + len - n, packed[i]) == 0)
			return (true);
	}
	return (false);
}

/* The length of name without the ending of a compressed file. */
static size_t
plain_length(const char *name)
{
	size_t len = strlen(name), n, i;

	for (i = 0; i < sizeof(packed) / sizeof(packed[0]); i++) {
		n = strlen(packed[i]);
		if (len > n && strcmp(name + len - n, packed[i]) == 0)
			return (len - n);
	}
	return (len);
}

static bool
is_separator(char c)
{
	return (c == '.' || c == '-' || c == '_');
}

/* Numbers, dates and times, and "old". */
static bool
is_mark(const char *p, size_t len)
{
	size_t i = 1;
	bool any = false;

	if (len < 2 || !is_separator(p[0]))
		return (false);
	while (i < len) {
		if (isdigit((unsigned char)p[i])) {
			any = true;
			i++;
		} else if (is_separator(p[i]) || strchr("TZ:+", p[i])) {
			i++;
		} else if (len - i >= 3 && memcmp(p + i, "old", 3) == 0) {
			any = true;
			i += 3;
		} else {
			return (false);
		}
	}
	return (any);
}

/*
 * Returns where the next longer mark begins that ends at end, i being where the
 * last one did, or 0.  Every name in a directory is asked for: most end in what
 * no mark has.
 */
static size_t
mark_before(const char *name, size_t i, size_t end)
{
	while (i-- > 1 &&
	    (isdigit((unsigned char)name[i]) || is_separator(name[i]) ||
		strchr("TZ:+old", name[i]) != NULL))
		if (is_separator(name[i]) && is_mark(name + i, end - i))
			return (i);
	return (0);
}

/* Returns whether name is base with a mark, which is empty for the same. */
static bool
split(const char *name, const char *base, struct part *mark)
{
	size_t len = plain_length(name), n = strlen(base), stem, ending;
	const char *dot = strrchr(base, '.');

	mark->p = name + len;
	mark->len = 0;
	if (len >= n && memcmp(name, base, n) == 0) {
		mark->p = name + n;
		mark->len = len - n;
		return (mark->len == 0 || is_mark(mark->p, mark->len));
	}
	if (dot == NULL || dot == base || len <= n)
		return (false);
	stem = (size_t)(dot - base);
	ending = n - stem;
	if (memcmp(name, base, stem) != 0 ||
	    memcmp(name + len - ending, dot, ending) != 0)
		return (false);
	mark->p = name + stem;
	mark->len = len - stem - ending;
	return (is_mark(mark->p, mark->len));
}

bool
rotation_is_of(const char *name, const char *base)
{
	struct part mark;

	return (strcmp(name, base) != 0 && split(name, base, &mark));
}

#define DATE_DIGITS 6 /* a date has, at the least */

bool
rotation_is_copy_of(const char *name, const char *base)
{
	size_t digits = 0, i;
	struct part mark;

	if (!rotation_is_of(name, base) || !split(name, base, &mark))
		return (false);
	if (mark.p == name + strlen(base))
		return (true);
	for (i = 0; i < mark.len; i++)
		digits += isdigit((unsigned char)mark.p[i]) != 0;
	return (digits >= DATE_DIGITS);
}

/* name without the n octets at p.  Returns false when it does not fit. */
static bool
without(const char *name, size_t len, const struct part *cut, char *base,
    size_t size)
{
	size_t head = (size_t)(cut->p - name);
	size_t rest = len - head - cut->len;

	if (head == 0 || head + rest >= size)
		return (false);
	memcpy(base, name, head);
	memcpy(base + head, cut->p + cut->len, rest);
	base[head + rest] = '\0';
	return (true);
}

bool
rotation_base(const char *name, size_t nth, char *base, size_t size)
{
	size_t len = plain_length(name), end, i;
	struct part cut = { name + len, 0 };
	const char *dot;

	if (len == 0)
		return (false);
	if (name[len] != '\0' && nth-- == 0)
		return (without(name, len, &cut, base, size));
	for (i = len; (i = mark_before(name, i, len)) > 0;) {
		cut = (struct part) { name + i, len - i };
		if (nth-- == 0)
			return (without(name, len, &cut, base, size));
	}
	for (dot = name + len - 1; dot > name + 1 && *dot != '.';)
		dot--;
	if (*dot != '.')
		return (false);
	end = (size_t)(dot - name);
	for (i = end; (i = mark_before(name, i, end)) > 0;) {
		cut = (struct part) { name + i, end - i };
		if (nth-- == 0)
			return (without(name, len, &cut, base, size));
	}
	return (false);
}

/* The number that counts up with age, or -1: the mark is a date, or none. */
static long
generation(const struct part *mark)
{
	long n = 0;
	size_t i;

	if (mark->len < 2 || mark->len > 5)
		return (-1);
	for (i = 1; i < mark->len; i++) {
		if (!isdigit((unsigned char)mark->p[i]))
			return (-1);
		n = n * 10 + (mark->p[i] - '0');
	}
	return (n);
}

int
rotation_compare(const char *base, const char *a, const char *b)
{
	struct part x, y;
	size_t least;
	long i, k;
	int order;

	if (!split(a, base, &x) || !split(b, base, &y))
		return (0);
	if (x.len == 0 || y.len == 0)
		return ((x.len == 0) - (y.len == 0));
	i = generation(&x);
	k = generation(&y);
	if (i != -1 && k != -1)
		return (i > k ? -1 : i < k);
	if (i != -1 || k != -1 || x.p[0] != y.p[0])
		return (0);
	/* Dates go up with time, and a second mark behind one does, too. */
	least = x.len < y.len ? x.len : y.len;
	if ((order = memcmp(x.p, y.p, least)) != 0)
		return (order < 0 ? -1 : 1);
	return (x.len < y.len ? -1 : x.len > y.len);
}

bool
rotation_goes_on(const char *name, const char *was)
{
	char base[NAME_MAX + 1];
	size_t i;

	for (i = 0; rotation_base(name, i, base, sizeof(base)); i++)
		if (rotation_is_of(was, base) &&
		    rotation_compare(base, name, was) < 0)
			return (true);
	return (false);
}
