/*
 * value.h - the values that options have, from text.
 *
 * Each function returns 0, or -1 with why saying what is wrong with the text
 * and what would be right.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/reason.h"

/* A name for a value; a table of them ends with NULL. */
struct conf_choice {
	const char		*name;
	int			 value;
};

/* "250ms" "5s" "10m" "1h" "7d", at least least_ms, at most a year. */
int	conf_value_duration(const char *, uint64_t least_ms, uint64_t *ms,
	    struct reason *why);

/* "512" "64KB" "1MB" "2GB", powers of 1024, from least to most. */
int	conf_value_size(const char *, size_t least, size_t most, size_t *size,
	    struct reason *why);

int	conf_value_number(const char *, int least, int most, int *number,
	    struct reason *why);
int	conf_value_bool(const char *, bool *yes, struct reason *why);

/* One of choices; option tells what was to be chosen. */
int	conf_value_choice(const char *, const char *option,
	    const struct conf_choice *choices, int *value, struct reason *why);

/* The name of a section: it stands in the checkpoint and in the log. */
int	conf_value_name(const char *, struct reason *why);
#define CONF_VALUE_NAME_MAX	48

/* What RFC 5424 6 takes as a header field of at most most characters. */
int	conf_value_field(const char *, size_t most, struct reason *why);

int	conf_value_absolute(const char *, struct reason *why);

/* Puts a copy of text into *slot, whose old text is freed. */
int	conf_value_keep(const char *, char **slot, struct reason *why);

/* Adds a copy of text to a list of *n, that must be freed with each of them. */
int	conf_value_append(const char *, char ***list, size_t *n,
	    struct reason *why);

/* Whether typing a instead of b looks like a slip. */
bool	conf_value_is_near(const char *a, const char *b);

#endif
