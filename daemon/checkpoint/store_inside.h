/*
 * store_inside.h - the store as its parts see it: load.c fills it from the
 * file, store.c hands its records over and notes new ones, late.c knows the
 * directories at which nobody could look.
 */
#ifndef CHECKPOINT_STORE_INSIDE_H
#define CHECKPOINT_STORE_INSIDE_H

#include "daemon/checkpoint/disk.h"
#include "daemon/checkpoint/record.h"
#include "daemon/checkpoint/store.h"
#include "daemon/checkpoint/table.h"

struct checkpoint {
	struct checkpoint_file	 file;
	bool			 is_new;
	bool			 sweeping;	/* a walk through untaken is
						   under way */
	struct checkpoint_names	 names;
	struct checkpoint_table	 untaken;	/* files that no stream took */
	struct checkpoint_table	 seen;		/* sources that were met; and
						   directories that are late, or
						   were: then with a time of 0.
						   No entry ever leaves it. */
	struct checkpoint_table	 pending;	/* noted, and in no batch yet */
	struct checkpoint_entry	*taken;		/* the last one: its strings
						   are lent out */
	int64_t			 ahead_ms;	/* -1: no record says so */
	time_t			 latest;
	time_t			 written;	/* st_mtime at the open */
	uint64_t		 damaged;
};

/* Forgets the directories that are late since a time before this one. */
void	checkpoint_expire_late(struct checkpoint *, time_t before);

#endif
