/*
 * value.h - checks and converts the text of an option's value.
 *
 * Functions that take why return 0, or -1 with why set to what is wrong with
 * the text and what would be right.
 */
#ifndef CONF_VALUE_H
#define CONF_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/reason.h"

/* A name that the user writes for a value; a table of names ends with NULL. */
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

/* Digits, from least to most; least must not be negative. */
int	conf_value_number(const char *, int least, int most, int *number,
	    struct reason *why);

/* "true" "yes" "on" or "false" "no" "off". */
int	conf_value_bool(const char *, bool *yes, struct reason *why);

/* One of choices, into *value; option names the option in the message. */
int	conf_value_choice(const char *, const char *option,
	    const struct conf_choice *choices, int *value, struct reason *why);

/* The name of a section: the checkpoint and the log contain it. */
int	conf_value_name(const char *, struct reason *why);
#define CONF_VALUE_NAME_MAX	48

/* A header field of RFC 5424 6: at most most printable characters of ASCII. */
int	conf_value_field(const char *, size_t most, struct reason *why);

/* A path that begins with "/". */
int	conf_value_absolute(const char *, struct reason *why);

/* Puts a copy of the text into *slot and frees the text that was there. */
int	conf_value_keep(const char *, char **slot, struct reason *why);

/*
 * Adds a copy of the text to a list of *n texts.  The caller frees each of them
 * and the list.
 */
int	conf_value_append(const char *, char ***list, size_t *n,
	    struct reason *why);

/* Whether a looks like a typo for b: one or two letters differ. */
bool	conf_value_is_near(const char *a, const char *b);

#endif
