/*
 * recover_inside.h - the parts of recover.c: recover_moved.c finds files that
 * were moved to another directory, recover_list.c lists the candidates of a
 * directory, recover_adopt.c finds the records that go on in them, and
 * recover_new.c the files that had the name of a source only while the daemon
 * was down.
 */
#ifndef FIND_RECOVER_INSIDE_H
#define FIND_RECOVER_INSIDE_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/find/inside.h"

struct candidate;
struct print_index;
struct file;
struct unmatched;
struct unmatched_record;

/* The files of one directory are recovered. */
struct recovery {
	struct unmatched *os;		/* all records */
	struct dir	*dir;
	struct print_index	*missing;	/* records with a name there */
	struct print_index	*followed;	/* files with a name there */
	size_t		 nfollowed;
	bool		 early;		/* not all files can be read yet */
	bool		 changing;	/* a name was gone meanwhile */
	struct candidate **list;	/* the oldest first */
	size_t		 n;
};

/*
 * Puts the directories that files of the checkpoint really were in, where links
 * led to them, into the tree.
 */
void	recover_enter_dirs(struct sources *);

/* Examines files that were moved to this directory after it was scanned. */
void	recover_examine_moved(struct dir *);

/*
 * Begins with dir and os of the recovery set, the rest zero.  Returns 0, or -1,
 * which was logged; recover_end() frees what there is then, too.
 */
int	recover_begin(struct recovery *);
void	recover_end(struct recovery *);

/* Lists the candidates of the directory, the oldest first. */
void	recover_list(struct recovery *);

/* Whether the file cannot be read yet: it may turn out to be another one. */
bool	recover_is_unread(const struct file *);

/*
 * The record whose file goes on in the candidate, or NULL.  unsent: of those of
 * which nothing was sent, else of the others.  made: of those only that were
 * written before the candidate was made.  Where rotation renamed the candidate,
 * the record has the name it had, or one that rotation gave then.
 */
struct unmatched_record	*recover_find(const struct recovery *,
			    const struct candidate *, bool unsent, bool made);

/*
 * Each record of which something was sent goes on in the newest file with its
 * content.  And: each of which nothing was sent, in a file that begins like it.
 */
void	recover_adopt_sent(struct recovery *);
void	recover_adopt_unsent(struct recovery *);

/*
 * Follows the candidates that are new: a source meant them by a name that they
 * had only while the daemon was down.  Copies among them are not sent.
 */
void	recover_follow_new(struct recovery *);

#endif
