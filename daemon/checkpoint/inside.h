/*
 * inside.h - what the parts of the checkpointer share.  From the lowest up:
 * faults.c logs what fails, marks.c makes records of marks, time.c knows when
 * the checkpoint was written last, renew.c writes the file anew, write.c gives
 * the writer what is due, and checkpointer.c is the face.
 */
#ifndef CHECKPOINT_INSIDE_H
#define CHECKPOINT_INSIDE_H

#include <sys/types.h>

#include <ev.h>
#include <stdbool.h>
#include <time.h>

#include "daemon/checkpoint/batch.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/checkpoint/store.h"
#include "daemon/checkpoint/writer.h"
#include "lib/reason.h"

struct stat;

/* Seconds from a failure to the next attempt; and a time that never comes. */
#define CHECKPOINTER_RETRY 1.
#define CHECKPOINTER_NEVER 1e18

/* The file is written anew, in slices, so that lines go on between them. */
struct renewal {
	struct checkpoint_batch	 slice;
	bool			 under_way;
	bool			 has_untaken;	/* all of the store's records */
	struct checkpoint_place	 untaken;	/* of those, the next one */
	struct checkpoint_identity at;		/* the next file that is
						   followed */
	double			 patience;	/* seconds from a failure to the
						   next attempt */
};

/* Which calls failed the last time that they were made: a bit each. */
enum checkpointer_fault {
	FAULT_APPEND = 1,
	FAULT_SYNC = 2,
	FAULT_RENEWAL = 4
};

/* When the checkpoint was written last, before this start; nanoseconds. */
struct last_look {
	int64_t			 day;		/* by the wall clock of then */
	int64_t			 steady;	/* by the monotonic clock */
	bool			 is_known;	/* steady is */
	bool			 is_of_boot;	/* steady is of this boot */
	int64_t			 latest;	/* that the wall clock ever
						   showed by then; 0: not
						   known */
};

TAILQ_HEAD(mark_list, checkpoint_mark);

struct checkpointer {
	struct ev_loop		*loop;
	struct checkpoint	*checkpoint;	/* NULL: no state is kept */
	struct checkpoint_writer *writer;
	const struct checkpointer_ops *ops;	/* NULL: there is no mark yet */
	void			*ops_arg;
	struct mark_list	 dirty;
	struct mark_list	 past;		/* is_past, and not dirty */
	struct checkpoint_batch	 changed;	/* the writer has it, or could
						   not append it yet */
	struct checkpoint_job	 given;		/* the writer's last one */
	struct renewal		 renewal;
	ev_timer		 due;		/* a little behind due_at, for
						   a loop that is idle */
	/* The earliest times, by the monotonic clock, in seconds. */
	double			 due_at;	/* of all that is to be done */
	double			 append_at;
	double			 sync_at;
	double			 renew_at;
	double			 every;		/* seconds between two syncs */
	bool			 unsynced;	/* appended, and not synced */
	bool			 hurry;		/* append and sync at once */
	bool			 all_given;	/* the last job had every
						   mark */
	unsigned		 faults;	/* enum checkpointer_fault */
	struct reason		 error;		/* of the last fault */
	struct checkpoint_file_stats stats;	/* by the last job */
	void			(*on_written)(void *arg, const char *error);
	void			*arg;		/* to on_written */
	bool			 asked;		/* on_written is to be called */
	ev_timer		 daily;
	struct last_look	 look;
	int64_t			 ahead_ms;	/* the wall clock is ahead of
						   the monotonic one by, */
	time_t			 latest;	/* and has shown at the latest,
						   as written last */
};

/* marks.c */

/* Takes the mark out of the list that it is in. */
void	checkpointer_unlist(struct checkpointer *, struct checkpoint_mark *);

/* Notes the record of the mark, to be written with the next batch. */
void	checkpointer_note(struct checkpointer *, struct checkpoint_mark *,
	    enum checkpoint_kind);

/* Adds the record of the mark to the batch, which has room for it. */
void	checkpointer_put(struct checkpointer *, struct checkpoint_mark *,
	    enum checkpoint_kind, struct checkpoint_batch *);

/*
 * Fills l->changed.  Where whole, no last record of a mark is a
 * CHECKPOINT_PAST then.  Returns whether all that has changed is in it.
 */
bool	checkpointer_gather(struct checkpointer *, bool whole);

/* time.c */

/*
 * Sets l->look by what was loaded; st: of the checkpoint's file, before that
 * was opened.
 */
void	checkpointer_time_load(struct checkpointer *, const struct stat *st);

/* Milliseconds by which the wall clock is ahead of the monotonic one now. */
int64_t	checkpointer_ahead_ms(void);

/*
 * Adds a CHECKPOINT_LOOK to the batch: what the next worker needs to know of
 * the clocks.  Returns 0, or -1 with errno.
 */
int	checkpointer_put_look(struct checkpointer *, struct checkpoint_batch *);

/* faults.c */

/* Notes that this kind of call failed, or with no fault that it succeeded. */
void	checkpointer_count(struct checkpointer *, enum checkpointer_fault,
	    const struct checkpoint_fault *);

/* write.c */

/* Whether anything has changed that was not appended yet. */
bool	checkpointer_has_news(const struct checkpointer *);

/* Sets the timer by what is to be written; call it when that has changed. */
void	checkpointer_arm(struct checkpointer *);

/* The callbacks of that timer, and of the writer. */
void	checkpointer_on_due(struct ev_loop *, ev_timer *, int);
void	checkpointer_on_done(void *arg, const struct checkpoint_result *);

/* renew.c */

/* Has the file written anew, with the next job. */
void	checkpointer_want_renewal(struct checkpointer *);

/* Adds the next slice to the job, if the file is to be written anew now. */
void	checkpointer_renew(struct checkpointer *, struct checkpoint_job *);

/* The writer did the job l->given, with this result. */
void	checkpointer_renewed(struct checkpointer *,
	    const struct checkpoint_result *);

#endif
