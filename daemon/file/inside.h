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

RB_HEAD(tail_ids, tail);

/* Open files, least recently used first. */
struct open_set {
	struct tail_list	 opened;
	unsigned		 n;
	unsigned		 most;
};

struct tails {
	struct ev_loop		*loop;
	struct ledger		*ledger;
	struct tail_ids		 ids;
	struct open_set		**sets;		/* the first has no
						   limit */
	unsigned		 nsets;
	unsigned		 reserved;	/* descriptors of others */
	struct tail_list	 timed;
	SLIST_HEAD(, tail)	 unsure;
	ev_timer		 look;
	ev_timer		 soon;		/* the same, once */
	ev_timer		 later;		/* the same */
	ev_check		 turn;
	double			 now;		/* when the turn began; 0:
						   before the first */
	struct tail		*next;		/* to be looked at */
	struct tails_conf	 conf;
	struct tails_stats	 stats;
	uint8_t			*scratch;
	struct tails_finder	 finder;
	struct place		 homeless;	/* see tails_homeless() */
	struct scan_queue	 searches;
	struct held_list	 held;
	struct tails_loss	 losses[TAILS_LOSSES];
	unsigned		 nlosses;
};

/* Prepares the timers of the table; stops them. */
void	file_timer_init(struct tails *);
void	file_timer_fini(struct tails *);

/* Of all that are looked at by time, this one is looked at last. */
void	file_timer_last(struct tail *);

/* The file's watch ends, if it has one of its own. */
void	file_end_watch(struct tail *);

#endif
