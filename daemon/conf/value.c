#include "daemon/conf/value.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define YEAR_MS (365ULL * 24 * 60 * 60 * 1000)
#define WORD_MAX 32 /* longest name that is compared for typos */

struct unit {
	const char *name;
	uint64_t factor;
};

/*
 * Reads digits and one of units.  Returns 0; -1 when it is something else; 1
 * when it is more than 64 bits hold.
 */
static int
scale(const char *text, const struct unit *units, uint64_t *value)
{
	const char *p = text;
	uint64_t digit, n = 0;
	bool over = false;

	for (; isdigit((unsigned char)*p); p++) {
		digit = (uint64_t)(*p - '0');
		over = over || n > (UINT64_MAX - digit) / 10;
		n = n * 10 + digit;
	}
	if (p == text)
		return (-1);
	for (; units->name != NULL; units++)
		if (strcasecmp(p, units->name) == 0)
			break;
	if (units->name == NULL)
		return (-1);
	if (over || n > UINT64_MAX / units->factor)
		return (1);
	*value = n * units->factor;
	return (0);
}

int
conf_value_duration(
    const char *text, uint64_t least_ms, uint64_t *ms, struct reason *why)
{
	static const struct unit units[] = { { "ms", 1 }, { "s", 1000 },
		{ "m", 60 * 1000 }, { "h", 60 * 60 * 1000 },
		{ "d", 24 * 60 * 60 * 1000 }, { NULL, 0 } };
	int result = scale(text, units, ms);

	if (result == -1)
		return (reason_set(why,
		    "\"%s\" is not a duration: a number and one of ms s m h d, "
		    "as in \"5s\"",
		    text));
	if (result == 1 || *ms > YEAR_MS)
		return (reason_set(
		    why, "\"%s\" is too long: at most \"365d\"", text));
	if (*ms < least_ms)
		return (
		    reason_set(why, "\"%s\" is too short: at least \"%dms\"",
			text, (int)least_ms));
	return (0);
}

/* Writes size with the largest unit that leaves no rest. */
static const char *
size_text(size_t size, char *text, size_t n)
{
	if (size >= 1 << 30 && size % (1 << 30) == 0)
		snprintf(text, n, "%zuGB", size >> 30);
	else if (size >= 1 << 20 && size % (1 << 20) == 0)
		snprintf(text, n, "%zuMB", size >> 20);
	else if (size >= 1 << 10 && size % (1 << 10) == 0)
		snprintf(text, n, "%zuKB", size >> 10);
	else
		snprintf(text, n, "%zu", size);
	return (text);
}

int
conf_value_size(const char *text, size_t least, size_t most, size_t *size,
    struct reason *why)
{
	static const struct unit units[] = { { "", 1 }, { "KB", 1 << 10 },
		{ "MB", 1 << 20 }, { "GB", 1 << 30 }, { NULL, 0 } };
	char from[24], to[24];
	uint64_t value = 0;
	int result = scale(text, units, &value);

	if (result == -1)
		return (reason_set(why,
		    "\"%s\" is not a size: a number, alone or with KB MB GB, "
		    "as in \"64KB\"",
		    text));
	if (result == 1 || value < least || value > most)
		return (reason_set(why,
		    "\"%s\" is out of range: \"%s\" to "
		    "\"%s\"",
		    text, size_text(least, from, sizeof(from)),
		    size_text(most, to, sizeof(to))));
	*size = (size_t)value;
	return (0);
}

int
conf_value_number(
    const char *text, int least, int most, int *number, struct reason *why)
{
	static const struct unit units[] = { { "", 1 }, { NULL, 0 } };
	uint64_t value = 0;
	int result = scale(text, units, &value);

	if (result != 0 || value < (uint64_t)least || value > (uint64_t)most)
		return (reason_set(why, "\"%s\" is not a number from %d to %d",
		    text, least, most));
	*number = (int)value;
	return (0);
}

int
conf_value_bool(const char *text, bool *yes, struct reason *why)
{
	static const char *const words[] = { "false", "true", "no", "yes",
		"off", "on" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(text, words[i]) == 0) {
			*yes = i % 2 == 1;
			return (0);
		}
	return (reason_set(why, "\"%s\" is not true or false", text));
}

int
conf_value_choice(const char *text, const char *option,
    const struct conf_choice *choices, int *value, struct reason *why)
{
	char names[256] = "";

	for (const struct conf_choice *c = choices; c->name != NULL; c++) {
		if (strcmp(text, c->name) == 0) {
			*value = c->value;
			return (0);
		}
		if (c != choices)
			strlcat(names, ", ", sizeof(names));
		strlcat(names, c->name, sizeof(names));
	}
	return (reason_set(why, "unknown %s \"%s\" (%s)", option, text, names));
}

int
conf_value_name(const char *text, struct reason *why)
{
	size_t n;

	for (n = 0; text[n] != '\0'; n++)
		if (!isalnum((unsigned char)text[n]) &&
		    strchr("._-", text[n]) == NULL)
			break;
	if (n == 0 || text[n] != '\0' || n > CONF_VALUE_NAME_MAX)
		return (reason_set(why,
		    "a name has 1 to %d letters, digits, '.', '_' and '-'",
		    CONF_VALUE_NAME_MAX));
	return (0);
}

int
conf_value_field(const char *text, size_t most, struct reason *why)
{
	size_t n;

	for (n = 0; text[n] > 0x20 && text[n] < 0x7f; n++)
		;
	if (text[n] != '\0' || n > most)
		return (reason_set(why,
		    "\"%s\" does not fit: at most %zu letters, digits and "
		    "signs of ASCII, no blanks",
		    text, most));
	return (0);
}

int
conf_value_absolute(const char *text, struct reason *why)
{
	if (*text != '/')
		return (reason_set(why,
		    "\"%s\" is not an absolute path: it "
		    "must begin with \"/\"",
		    text));
	return (0);
}

int
conf_value_keep(const char *text, char **slot, struct reason *why)
{
	char *copy;

	if ((copy = strdup(text)) == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	free(*slot);
	*slot = copy;
	return (0);
}

int
conf_value_append(const char *text, char ***list, size_t *n, struct reason *why)
{
	char **grown;

	if ((grown = reallocarray(*list, *n + 1, sizeof(*grown))) == NULL)
		return (reason_set(why, "%s", strerror(errno)));
	*list = grown;
	grown[*n] = NULL;
	if (conf_value_keep(text, &grown[*n], why) == -1)
		return (-1);
	++*n;
	return (0);
}

static size_t
least(size_t a, size_t b)
{
	return (a < b ? a : b);
}

/*
 * How many letters must be added, dropped, changed or swapped with their
 * neighbour to make b of a.
 */
static size_t
distance(const char *a, const char *b)
{
	size_t d[WORD_MAX + 1][WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b);

	for (size_t i = 0; i <= la; i++)
		for (size_t j = 0; j <= lb; j++) {
			if (i == 0 || j == 0) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = least(d[i - 1][j], d[i][j - 1]) + 1;
			d[i][j] = least(
			    d[i][j], d[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	return (d[la][lb]);
}

bool
conf_value_is_near(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);

	if (la > WORD_MAX || lb > WORD_MAX)
		return (false);
	return (distance(a, b) <= (least(la, lb) < 6 ? 1 : 2));
}
