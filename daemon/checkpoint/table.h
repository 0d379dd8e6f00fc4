/*
 * table.h - records in memory, sorted, one a key.
 *
 * The key is (device, inode, destination) for a CHECKPOINT_FILE, a
 * CHECKPOINT_MORE or a CHECKPOINT_GONE, which replace each other; and
 * (destination, source) for a CHECKPOINT_SEEN.  Walk a table with
 * checkpoint_table_from() and checkpoint_table_next().  Pure.
 */
#ifndef CHECKPOINT_TABLE_H
#define CHECKPOINT_TABLE_H

#include <sys/tree.h>

#include <stddef.h>

#include "daemon/checkpoint/record.h"

/* Names of destinations: few, and in many records, so each is kept once. */
struct checkpoint_name;
RB_HEAD(checkpoint_names, checkpoint_name);

struct checkpoint_entry {
	RB_ENTRY(checkpoint_entry) link;
	struct checkpoint_record rec;	/* owns its strings but dest */
};
RB_HEAD(checkpoint_entries, checkpoint_entry);

/* All zero is an empty one. */
struct checkpoint_table {
	struct checkpoint_entries	tree;
	size_t				n;
};

void	checkpoint_names_free(struct checkpoint_names *);

/*
 * Copies rec in place of the one with the same key; names must outlive the
 * table.  Returns 0, or -1 with ENOMEM and nothing changed.
 */
int	checkpoint_table_put(struct checkpoint_table *,
	    struct checkpoint_names *names,
	    const struct checkpoint_record *rec);

/* The entry with rec's key, or NULL. */
struct checkpoint_entry	*checkpoint_table_find(const struct checkpoint_table *,
			    const struct checkpoint_record *rec);

/* The first entry whose key is not before rec's (NULL: of all), or NULL. */
struct checkpoint_entry	*checkpoint_table_from(const struct checkpoint_table *,
			    const struct checkpoint_record *rec);
struct checkpoint_entry	*checkpoint_table_next(struct checkpoint_entry *);

/* Takes e out of the table; the caller owns it, and frees it with free(3). */
void	checkpoint_table_take(struct checkpoint_table *,
	    struct checkpoint_entry *e);

/* Removes the entry with rec's key, if there is one. */
void	checkpoint_table_del(struct checkpoint_table *,
	    const struct checkpoint_record *rec);
void	checkpoint_table_clear(struct checkpoint_table *);

#endif
