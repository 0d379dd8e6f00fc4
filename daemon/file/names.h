/*
 * names.h - the names that files have in one directory, or had until lately.
 *
 * Only keeps them: what follows when a file gets a name or loses it, and which
 * file is sent before which, is for follow/ to say.
 */
#ifndef FILE_NAMES_H
#define FILE_NAMES_H

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/checkpoint/checkpointer.h"

struct names;
struct file;

RB_HEAD(names_by_name, file);
TAILQ_HEAD(file_list, file);

/* A file that had a name and lost it: a former holder of the name. */
struct former_holder {
	RB_ENTRY(former_holder)	 by_name;
	struct file		*file;
	struct names		*place;		/* where it had the name; or of
						   file_table_homeless() */
	const char		*name;		/* stands behind the leaver */
	uint64_t		 nth;		/* of those that left place */
};
RB_HEAD(names_formers, former_holder);

/* A directory as its files see it; find/ has one in each of its own. */
struct names {
	char			*path;		/* "" for the root */
	dev_t			 dev;
	ino_t			 ino;
	struct names_by_name	 names;
	struct names_formers	 names_formers;	/* by name, the oldest first */
	uint64_t		 nleft;
	bool			 told;		/* events tell of writes */
	bool			 polled;	/* all is looked at by time */
	int64_t			 since_ns;	/* see names_unseen_since() */
};

int	names_compare(const struct file *, const struct file *);
RB_PROTOTYPE(names_by_name, file, by_name, names_compare)
int	names_compare_formers(const struct former_holder *,
	    const struct former_holder *);
RB_PROTOTYPE(names_formers, former_holder, by_name, names_compare_formers)

/*
 * Begins a directory without files.  Takes path, allocated; st is of the
 * directory.
 */
void	names_init(struct names *, char *path, const struct stat *st);

/*
 * Frees the path.  No file may have a name in the directory any more, nor be
 * remembered for one: follow_directory_gone() sees to that.
 */
void	names_fini(struct names *);

/* Whether st, which the directory's path led to, is that directory still. */
bool	names_is_same(const struct names *, const struct stat *st);

/*
 * Opens the directory to be listed; closedir(3) is the caller's.  Returns NULL
 * with errno, which is ESTALE where another directory, or a link to one, has
 * its path now: by that a user could pass off a file of others as one in there.
 */
DIR	*names_list(const struct names *);

/*
 * Whether a name may have come, gone or changed in a directory while it was
 * listed: then a file that was renamed may have been met by neither name.  The
 * list was begun at began; before and after are the directory's st_mtim at the
 * begin and at the end.  All in nanoseconds of the time of day; the clock of a
 * file system has ticks.
 */
bool	names_were_changing(int64_t before, int64_t after, int64_t began);

/*
 * When a daemon looked at all of the directory last, before this start, in
 * nanoseconds of the time of day: checkpointer_look_ns(), or a time before
 * that where later starts could not look at it.  Returns 0 for a first start.
 */
int64_t	names_unseen_since(const struct names *, const struct checkpointer *);

/* As checkpointer_side() says of ns, but by that time. */
enum checkpointer_side	names_side(const struct names *,
			    const struct checkpointer *,
			    int64_t ns);

/*
 * No daemon could look at all of the directory since then.  Of several times
 * the earliest counts; 0 says nothing.
 */
void	names_set_unseen_since(struct names *, int64_t since_ns);

/* Whether path is the directory's path, a slash, and one name more. */
bool	names_holds(const struct names *, const char *path);

/* Returns the file called name, or NULL. */
struct file	*names_at(struct names *, const char *name);

/* Returns the file whose name comes next behind name in order, or NULL. */
struct file	*names_next(struct names *, const char *name);

/* Returns the file in the same directory whose name comes before, or NULL. */
struct file	*names_prev(struct file *);

/*
 * Returns the first file that lost name and is remembered for it, or NULL; and
 * the next that lost the same name.
 */
struct former_holder	*names_former(struct names *, const char *name);
struct former_holder	*names_former_next(struct former_holder *);

/*
 * The file, which had no name, has this one.  Takes name, allocated.  No other
 * file may have it: follow_enter() sees to that.
 */
void	names_enter(struct file *, struct names *, char *name);

/*
 * Remembers that the file was called place/name, and no other name that it had
 * before.  Copies name; without memory the file is remembered for none.
 */
void	names_remember(struct file *, struct names *, const char *name);

/* The file is not remembered for a name any more. */
void	names_forget(struct file *);

/* A file waits for so many of those before it, at the most. */
#define FILE_WAITS_FOR	8

#endif
