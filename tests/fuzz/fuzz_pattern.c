/*
 * Goal: no configuration makes a pattern crash or take for ever, and a path
 * that is spelled out means itself.  The input is a pattern, a newline, and a
 * path to match.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/pattern.h"

#define MOST_INPUT 3000

#define require(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,         \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static char *
copy(const uint8_t *p, size_t n)
{
	char *s = malloc(n + 1);

	require(s != NULL);
	if (n > 0)
		memcpy(s, p, n);
	s[n] = '\0';
	return (s);
}

/* Checks the parts; appends them to path if all of them are literal. */
static bool
check_parts(const struct pattern *p, const char *name, char *path)
{
	const struct pattern_part *part;
	bool literal = true;
	size_t i;

	for (i = 0; i < pattern_length(p); i++) {
		part = pattern_part(p, i);
		require(part->text[0] != '\0');
		require(strchr(part->text, '/') == NULL);
		(void)pattern_part_matches(part, name);
		require(!pattern_part_matches(part, "."));
		require(!pattern_part_matches(part, ".."));
		if (part->kind != PATTERN_LITERAL) {
			literal = false;
			continue;
		}
		require(pattern_part_matches(part, part->text));
		(void)strcat(strcat(path, "/"), part->text);
	}
	require(i > 0 && pattern_part(p, i - 1)->kind != PATTERN_ANY_DEPTH);
	return (literal);
}

int
LLVMFuzzerTestOneInput(const uint8_t *in, size_t n)
{
	char spelled_out[MOST_INPUT + 1] = "", *text, *name;
	const uint8_t *nl;
	struct reason why = { "" };
	struct pattern *p;

	if (n > MOST_INPUT)
		return (0);
	nl = n == 0 ? NULL : memchr(in, '\n', n);
	text = copy(in, nl == NULL ? n : (size_t)(nl - in));
	name =
	    nl == NULL ? copy(in, n) : copy(nl + 1, n - (size_t)(nl - in) - 1);
	if ((p = pattern_new(text, &why)) == NULL)
		require(why.text[0] != '\0');
	else if (check_parts(p, name, spelled_out))
		require(pattern_excludes(text, spelled_out));
	(void)pattern_excludes(text, name);
	(void)pattern_excludes(name, text);
	pattern_free(p);
	free(text);
	free(name);
	return (0);
}
