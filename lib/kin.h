/*
 * kin.h - finds files that begin like another one.
 *
 * Which file another one is a copy of, or was before, is told by how it begins,
 * among those that may have had its name.  Every fingerprint of them may be of
 * another length: each length there is costs one comparison, whatever the
 * number of files.  Pure.
 */
#ifndef KIN_H
#define KIN_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fingerprint.h"

struct kin;				/* opaque */

/* What one is found by; no two have the same. */
struct kin_key {
	const char		*name;		/* copied */
	struct fingerprint	 print;		/* all zero: it is never found; of
						   no octets: by such a head */
	off_t			 size;		/* 0, the same: it is empty */
	size_t			 nth;		/* the first of equals is found */
};

struct kin_query {
	const char	*name;
	const uint8_t	*head;			/* of the file */
	size_t		 len;
	off_t		 least;			/* the size wanted, both */
	off_t		 most;			/* included */
	bool		 largest;		/* of these; else the smallest */
};

/* Returns NULL with ENOMEM.  Free with kin_free(). */
struct kin	*kin_new(void);
void	kin_free(struct kin *);

/*
 * Adds who, which is borrowed, to what is found by that key, where nothing is
 * yet.  Returns 0, or -1 with ENOMEM.
 */
int	kin_add(struct kin *, const struct kin_key *, void *who);
void	kin_del(struct kin *, const struct kin_key *);

/*
 * The same by that name and by all those that a file may have had before
 * rotation gave it this one.
 */
int	kin_add_rotated(struct kin *, const struct kin_key *, void *who);
void	kin_del_rotated(struct kin *, const struct kin_key *);

/*
 * Calls fn for all who have that name, a size as wanted, and a fingerprint that
 * the head matches: those with the longest fingerprint last, of equal ones in
 * the order of their sizes; until fn returns false, and KIN_MOST of them at the
 * most.  fn must not change what is found.
 */
#define KIN_MOST	64
void	kin_each(struct kin *, const struct kin_query *,
	    bool (*fn)(void *who, void *arg), void *arg);

/* The one of these with the longest fingerprint, and then as wanted, or NULL. */
void	*kin_find(struct kin *, const struct kin_query *);

#endif
