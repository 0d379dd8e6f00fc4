/*
 * option.h - every option there is: its name, its default, its check.
 *
 * One table a section.  What libconfuse is told, what the checks do and what
 * the man page and the sample must have all come from here.
 */
#ifndef CONF_OPTION_H
#define CONF_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/conf/conf.h"
#include "lib/reason.h"

#define CONF_OPTION_MAX		32	/* in a table, the end included */
#define CONF_OPTION_ANY		SIZE_MAX	/* values */
#define CONF_OPTION_VALUES	3	/* in a default, the end included */

/* What the options of a section are put into. */
struct conf_globals {
	struct conf		*conf;
	char			*hostname;
};

struct conf_element {			/* of structured data */
	char			**params;
	size_t			 nparams;
};

struct conf_option {
	const char		*name;	/* NULL: end of the table */
	size_t			 most;	/* values it takes; 1: it is no list */
	const char		*defaults[CONF_OPTION_VALUES];	/* as one would
						   write them; NULL: none */
	/*
	 * Checks a value and puts it into one of the structures above, or a
	 * struct conf_destination or conf_source.  Called once for each value
	 * of a list.  Returns 0, or -1 with why set.  NULL: it can only be
	 * checked when all is read.
	 */
	int			(*set)(void *into, const char *value,
				    struct reason *why);
};

extern const struct conf_option conf_option_tls[];
extern const struct conf_option conf_option_relp[];

struct conf_kind {			/* of section */
	const char		*name;	/* "": what stands outside of sections;
					   NULL: end of the table */
	const char		*inside;	/* the kind that it stands in */
	const char		*place;	/* in words */
	const struct conf_option *options;
};

extern const struct conf_kind conf_option_kinds[];

/* Returns the options of a kind of section, which must be there. */
const struct conf_option	*conf_option_table(const char *kind);

/* Returns the option called name, or NULL. */
const struct conf_option	*conf_option_find(const struct conf_option *,
				    const char *name);

/* Returns the name of an option that was likely meant by name, or NULL. */
const char	*conf_option_near(const struct conf_option *,
		    const char *name);

#endif
