/*
 * tree.h - a configuration as a tree of sections, options and values, each with
 * the place where the user wrote it.
 *
 * grammar.c makes a tree of a file, args.c one of a command line.  The tree
 * does not know which options there are.
 */
#ifndef CONF_TREE_H
#define CONF_TREE_H

#include <sys/queue.h>

#include <stddef.h>

#include "daemon/conf/text.h"
#include "lib/reason.h"

struct conf_value {
	struct conf_line	 where;
	char			*text;
};

struct conf_setting {			/* an option with its values */
	TAILQ_ENTRY(conf_setting) entry;
	const char		*option;	/* borrowed */
	struct conf_value	*values;	/* one at the least */
	size_t			 nvalues;
};

struct conf_section {
	TAILQ_ENTRY(conf_section) entry;
	const char		*kind;	/* "source", ...; borrowed; "" of the
					   root */
	char			*title;	/* NULL: it has none */
	struct conf_line	 where;	/* it begins; the root: it ends */
	TAILQ_HEAD(conf_settings, conf_setting) settings;
	TAILQ_HEAD(conf_sections, conf_section) sections;
};

/*
 * Adds a section to parent; parent NULL: returns the root of a new tree.
 * kind, and the origin of where, must outlive the tree; title is copied.
 * Returns NULL with ENOMEM.
 */
struct conf_section	*conf_tree_new(struct conf_section *parent,
			    const char *kind, const char *title,
			    struct conf_line where);

/* Frees the section with all that is in it; NULL is fine.  For roots only. */
void	conf_tree_free(struct conf_section *root);

/*
 * Adds a value to an option of the section.  option, and the origin of where,
 * must outlive the tree; text is copied.  Returns 0, or -1 with ENOMEM.
 */
int	conf_tree_add(struct conf_section *, const char *option,
	    const char *text, struct conf_line where);

/* Returns the option's values, or NULL when it has none. */
const struct conf_setting	*conf_tree_find(const struct conf_section *,
				    const char *option);

/*
 * Returns the next section of a kind in parent behind section last, or the
 * first when last is NULL; NULL when there is none.
 */
const struct conf_section	*conf_tree_next(
				    const struct conf_section *parent,
				    const char *kind,
				    const struct conf_section *last);

/* Returns where option's first value is; where the section is, without one. */
struct conf_line	conf_tree_where(const struct conf_section *,
			    const char *option);

/*
 * Sets why to where, which section the message is about, and the message.
 * Without a line (see struct conf_line) the section is left out: a user who
 * has only a command line does not know of sections.  Returns -1.
 */
int	conf_tree_fail(const struct conf_section *, struct conf_line where,
	    struct reason *why, const char *fmt, ...)
	    __attribute__((__format__(printf, 4, 5)));

#endif
