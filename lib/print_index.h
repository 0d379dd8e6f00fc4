/*
 * print_index.h - finds, by how a file begins, the file that it was, or whose
 * copy it is.
 *
 * The index holds the fingerprints of files under the names they may have had.
 * Fingerprints are of different lengths: a query compares the head of a file
 * once for each length there is, whatever the number of files.  Pure.
 */
#ifndef PRINT_INDEX_H
#define PRINT_INDEX_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fingerprint.h"

struct print_index;				/* opaque */

/* One file in the index; no two have the same key. */
struct print_index_key {
	const char		*name;	/* copied */
	struct fingerprint	 print;	/* of no octets: a head of none finds
					   it; all zero: nothing does */
	off_t			 size;	/* in octets; of no octets: not 0 */
	size_t			 nth;	/* of equal files the one with the
					   least nth is found */
};

/* What is looked for. */
struct print_index_query {
	const char	*name;
	const uint8_t	*head;		/* how the file begins, */
	size_t		 len;		/* so many octets */
	off_t		 least;		/* the sizes that will do, both */
	off_t		 most;		/* included */
	bool		 largest;	/* of those; else the smallest */
};

/*
 * Returns an empty index, or NULL with ENOMEM.  Free with print_index_free().
 */
struct print_index	*print_index_new(void);
void	print_index_free(struct print_index *);

/*
 * Adds who, which is borrowed, under the key.  Nothing happens where the key is
 * in the index already.  Returns 0, or -1 with ENOMEM.
 */
int	print_index_add(struct print_index *, const struct print_index_key *,
	    void *who);
void	print_index_del(struct print_index *, const struct print_index_key *);

/*
 * Add and delete who under the key's name and under all names that a file may
 * have had before rotation gave it that one.
 */
int	print_index_add_rotated(struct print_index *,
	    const struct print_index_key *,
	    void *who);
void	print_index_del_rotated(struct print_index *,
	    const struct print_index_key *);

/*
 * Calls fn for every file under the query's name whose size will do and whose
 * fingerprint matches the head: those with the longest fingerprint last, of
 * equal ones in the order of their sizes; until fn returns false, and for at
 * most PRINT_INDEX_MOST files.  fn must not change the index.
 */
#define PRINT_INDEX_MOST	64
void	print_index_each(struct print_index *, const struct print_index_query *,
	    bool (*fn)(void *who, void *arg), void *arg);

/*
 * Returns the file with the longest fingerprint that matches, of equal ones the
 * largest or the smallest as the query says; or NULL.
 */
void	*print_index_find(struct print_index *,
	    const struct print_index_query *);

#endif
