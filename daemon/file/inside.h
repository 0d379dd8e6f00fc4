/*
 * inside.h - the table of files as its own parts see it: table.c keeps the
 * files, open.c their descriptors, timer.c those that are looked at by time.
 */
#ifndef FILE_INSIDE_H
#define FILE_INSIDE_H

#include <sys/queue.h>
#include <sys/tree.h>

#include <ev.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/scan_queue.h"
#include "daemon/file/file.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"

RB_HEAD(file_ids, file);

/* Open files, least recently used first. */
struct open_set {
	struct file_list	 opened;
	unsigned		 n;
	unsigned		 most;
};

struct file_table {
	struct ev_loop		*loop;
	struct checkpointer	*checkpointer;
	struct file_ids		 ids;
	struct open_set		**sets;		/* the first has no
						   limit */
	unsigned		 nsets;
	unsigned		 reserved;	/* descriptors of others */
	struct file_list	 timed;
	SLIST_HEAD(, file)	 unsure;
	ev_timer		 look;
	ev_timer		 soon;		/* the same, once */
	ev_timer		 later;		/* the same */
	ev_check		 turn;
	double			 now;		/* when the turn began; 0:
						   before the first */
	struct file		*next;		/* to be looked at */
	struct file_table_conf	 conf;
	struct file_table_stats	 stats;
	uint8_t			*scratch;
	struct file_finder	 finder;
	struct names		 homeless;	/* see file_table_homeless() */
	struct scan_queue	 searches;
	struct file_suspects	 held;
	struct file_table_loss	 losses[FILE_TABLE_LOSSES];
	unsigned		 nlosses;
};

/* Prepares the timers of the table; stops them. */
void	file_timer_init(struct file_table *);
void	file_timer_fini(struct file_table *);

/* Of all that are looked at by time, this one is looked at last. */
void	file_timer_last(struct file *);

/* The file's watch ends, if it has one of its own. */
void	file_end_watch(struct file *);

#endif
