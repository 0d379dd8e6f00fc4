/*
 * candidate.h - a file that may be what a file of the checkpoint has
 * become, and the evidence for it, for recover.c.
 */
#ifndef FIND_CANDIDATE_H
#define FIND_CANDIDATE_H

#include <sys/stat.h>

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#include "lib/fingerprint.h"
#include "lib/inflate.h"

/* Of a file whose text is packed nobody knows the size. */
#define CANDIDATE_ANY_SIZE ((off_t)INT64_MAX)

struct dir;
struct guard;
struct kin;
struct unmatched_record;
struct tail;

struct candidate {
	struct dir *dir;
	char *name;
	struct stat st;
	char base[NAME_MAX + 1]; /* the name it had, or empty */
	uint8_t head[FINGERPRINT_MAX];
	int head_len; /* -1: cannot be read */
	enum inflate_kind kind; /* head is of the text that is in it */
	bool used;
	bool is_told; /* what it was before is known */
	bool is_new; /* see candidate_is_new() */
	bool is_deferred; /* it was known as new when it could not be read */
};

/*
 * The file called name, which st is of.  Its head is not read.  Returns NULL
 * with errno.
 */
struct candidate	*candidate_new(struct dir *, const char *name,
			    const struct stat *st);
void	candidate_free(struct candidate *);

/* Returns 0, or -1 with errno where another look may tell more. */
int	candidate_read_head(struct candidate *);

/*
 * Opens it to be read.  Returns the descriptor, or -1 with errno; ESTALE:
 * another file has the name now.  And: closes it, errno stays what it is.
 */
int	candidate_open(const struct candidate *);
void	candidate_close(int fd);

/*
 * Whether it has what the guard was made of, or its text does where it is
 * compressed.  Returns 1 or 0, or -1 where nobody knows.
 */
int	candidate_holds(const struct candidate *, const struct guard *);

/* For qsort(3) of pointers: the one that was written to last is the last. */
int	candidate_compare(const void *, const void *);

/*
 * Whether it has all that was sent of the orphan, as far as can be known.
 * known: it has what was sent of that file to another destination, so that its
 * times need not tell that it is no older.
 */
bool	candidate_continues(const struct candidate *, const struct unmatched_record *,
	    bool known);

/* Where it does so: no further than what was sent of the orphan is known. */
off_t	candidate_offset(const struct candidate *, const struct unmatched_record *);

/* Whether it is compressed, and all of its text was sent before. */
bool	candidate_is_finished(const struct candidate *);

/* The one of those files, which are followed, of which it is a copy, or NULL. */
struct tail *candidate_original(const struct candidate *, struct kin *followed);

/*
 * The file that the checkpoint knows to have had its base, with the youngest of
 * the names that rotation gives; or NULL.
 */
const struct tail	*candidate_youngest(const struct candidate *);

/* Whether it was written after the last look, or is younger than that file. */
bool	candidate_is_new(const struct candidate *, const struct tail *youngest);

/* It cannot be read now; and: it was, maybe after starts that could not. */
void	candidate_defer(const struct candidate *);
void	candidate_undefer(struct candidate *);
void	candidate_undefer_moved(struct candidate *,
	    bool (*is_there)(ino_t, void *), void *arg);

/* Whether it was made after the orphan was recorded, or may have been. */
bool	candidate_is_made_since(const struct candidate *,
	    const struct unmatched_record *);

/* Whether that time may come after the last look at the directory. */
bool	last_look_is_before(const struct dir *, const struct timespec *);

#endif
