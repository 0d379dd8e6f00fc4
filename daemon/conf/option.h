/*
 * option.h - every option there is: its name, its default, its check.
 *
 * There is one table for each kind of section.  The grammar, the command line
 * and the checks read these tables, and a test compares the manual and the
 * sample with them: a new option is one row in option.c.
 */
#ifndef CONF_OPTION_H
#define CONF_OPTION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conf/option_special.h"
#include "daemon/conf/value.h"
#include "lib/reason.h"

#define CONF_OPTION_MAX		32	/* in a table, the end included */
#define CONF_OPTION_ANY		SIZE_MAX	/* values */
#define CONF_OPTION_VALUES	3	/* in a default, the end included */

struct conf_option {
	const char		*name;	/* NULL: end of the table */
	size_t			 most_values;	/* 1: it is no list */
	/* As the user would write them; NULL: none, and the end. */
	const char		*defaults[CONF_OPTION_VALUES];
	bool			 may_be_empty;	/* "" leaves the member 0 */
	bool			 is_path;	/* with -o it may be relative
						   to the current directory */
	/*
	 * The type: checks a value and puts it into the member.  NULL: the
	 * value can only be checked when the whole tree is read.
	 */
	int			(*set)(const struct conf_option *, void *into,
				    const char *value, struct reason *why);
	/* What the type needs to know. */
	size_t			 offset;	/* of the member, in octets */
	size_t			 width;		/* of the member */
	uint64_t		 least;
	uint64_t		 most;
	const struct conf_choice *choices;
	conf_special		*special;
};

/*
 * Checks a value and puts it into the structure of the section: a struct conf
 * for options outside of sections, a conf_destination also for tls and relp, a
 * conf_source, or a conf_element.  The structure must begin as zeros.  For a
 * list, the caller calls once for each value.  Returns 0, or -1 with why set to
 * what is wrong with the value and what would be right.
 */
int	conf_option_set(const struct conf_option *, void *into,
	    const char *value, struct reason *why);

/* Puts the default values of the option there in the same way. */
int	conf_option_set_defaults(const struct conf_option *, void *into,
	    struct reason *why);

struct conf_kind {			/* of section */
	const char		*name;	/* "": outside of all sections; NULL:
					   end of the table */
	const char		*inside;	/* the kind around it */
	const char		*place;	/* in words */
	const struct conf_option *options;
};

extern const struct conf_kind conf_option_kinds[];

/* Returns the options of a kind of section; kind must be in the table. */
const struct conf_option	*conf_option_table(const char *kind);

/* Returns the option called name, or NULL. */
const struct conf_option	*conf_option_find(const struct conf_option *,
				    const char *name);

/* Returns the name of an option for which name may be a typo, or NULL. */
const char	*conf_option_near(const struct conf_option *,
		    const char *name);

#endif
