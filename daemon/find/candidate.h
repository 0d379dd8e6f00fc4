/*
 * candidate.h - a file that may be what a file of the checkpoint has become,
 * and the evidence for that.
 *
 * candidate.c reads it, candidate_record.c compares it with a record,
 * candidate_copy.c with files that are followed, and candidate_age.c tells
 * whether it is new.
 */
#ifndef FIND_CANDIDATE_H
#define FIND_CANDIDATE_H

#include <sys/stat.h>
#include <sys/types.h>

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/fingerprint.h"
#include "lib/inflate.h"

/* The size of a compressed file's text is not known. */
#define CANDIDATE_ANY_SIZE ((off_t)INT64_MAX)

struct dir;
struct guard;
struct print_index;
struct file;
struct unmatched_record;

struct candidate {
	struct dir	*dir;
	char		*name;		/* in the directory */
	struct stat	 st;
	char		 base[NAME_MAX + 1]; /* the name it had, or "" */
	uint8_t		 head[FINGERPRINT_MAX];
	int		 head_len;	/* -1: cannot be read */
	enum inflate_kind kind;		/* head is of the text in it */
	bool		 used;		/* it is followed, or a copy */
	bool		 is_told;	/* what it was before is known */
	bool		 is_new;	/* see candidate_is_new() */
	bool		 is_deferred;	/* known as new, could not be read */
};

/*
 * The file called name in the directory, which st is of.  Its head is not read
 * yet.  Returns NULL with errno.
 */
struct candidate	*candidate_new(struct dir *, const char *name,
			    const struct stat *st);
void	candidate_free(struct candidate *);

/*
 * Reads the first bytes, of the text where the file is compressed.  Returns 0,
 * also when the file is gone, or -1 with errno where another attempt may
 * succeed.
 */
int	candidate_read_head(struct candidate *);

/*
 * Opens the file for reading.  Returns the descriptor, or -1 with errno;
 * ESTALE: another file has the name now.  candidate_close() leaves errno as it
 * is.
 */
int	candidate_open(const struct candidate *);
void	candidate_close(int fd);

/*
 * Whether the file, or the text of a compressed one, has what the guard was
 * made of.  Returns 1 or 0, or -1 where it cannot be read.
 */
int	candidate_holds(const struct candidate *, const struct guard *);

/* For qsort(3) of pointers: by the last write, then by the names. */
int	candidate_compare(const void *, const void *);

/*
 * Whether the record's file goes on in the candidate: it has all that was sent,
 * as far as can be known.  known: it has what was sent of that file to another
 * destination, so that its times need not tell that it is no older.
 */
bool	candidate_continues(const struct candidate *,
	    const struct unmatched_record *, bool known);

/*
 * The offset at which the record's file goes on in the candidate: no further
 * than what was sent is known to be there.
 */
off_t	candidate_offset(const struct candidate *,
	    const struct unmatched_record *);

/* Whether the file is compressed, and all of its text was sent before. */
bool	candidate_is_finished(const struct candidate *);

/* Whether the file was made after the record was written, or may have been. */
bool	candidate_is_made_since(const struct candidate *,
	    const struct unmatched_record *);

/*
 * The one of these files, which are followed, of which the candidate is a copy;
 * that is logged.  Or NULL.
 */
struct file	*candidate_original(const struct candidate *,
		    struct print_index *followed);

/*
 * The youngest of the files that the checkpoint knows to have had the
 * candidate's base, by the names that rotation gives; or NULL.
 */
const struct file	*candidate_youngest(const struct candidate *);

/*
 * Whether the file was written after the last look at its directory or, where
 * times tell nothing, is younger than that file by its name.
 */
bool	candidate_is_new(const struct candidate *, const struct file *youngest);

/*
 * The file cannot be read now: if it is new, the checkpoint remembers that.
 * And: it can be read, perhaps after starts that could not; and the same for
 * one that has another inode since, see last_look_undefer_moved().
 */
void	candidate_defer(const struct candidate *);
void	candidate_undefer(struct candidate *);
void	candidate_undefer_moved(struct candidate *,
	    bool (*is_there)(ino_t, void *), void *arg);

#endif
