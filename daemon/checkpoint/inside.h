/*
 * inside.h - what the parts of the ledger share: checkpointer.c, which knows
 * what has changed, write.c, which has it written when it is time, and
 * renew.c, which has the file written anew.
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

#define LEDGER_RETRY 1.		/* seconds until what failed is tried again */
#define LEDGER_NEVER 1e18

/* The file is written anew, in slices. */
struct renewal {
	struct checkpoint_batch	 slice;
	bool			 under_way;
	bool			 has_untaken;	/* and what was seen */
	struct checkpoint_place	 untaken;	/* so far */
	struct checkpoint_identity at;		/* files before this one */
	double			 patience;	/* seconds, after a failure */
};

/* What failed last and has not been put right: a bit each. */
enum ledger_fault {
	LEDGER_APPEND = 1,
	LEDGER_SYNC = 2,
	LEDGER_RENEWAL = 4
};

/* When the checkpoint was written last. */
struct last_look {
	int64_t			 day;		/* by the time of day of then */
	int64_t			 steady;	/* by the clock that nobody sets */
	bool			 is_known;	/* steady is */
	bool			 is_of_boot;	/* steady is of this boot */
	int64_t			 latest;	/* time of day that was ever, by
						   then; 0: not known */
};

TAILQ_HEAD(mark_list, checkpoint_mark);

struct ledger {
	struct ev_loop		*loop;
	struct checkpoint	*checkpoint;	/* NULL: no state is kept */
	struct checkpoint_writer *writer;
	const struct checkpointer_ops *ops;	/* NULL: there is no mark yet */
	void			*ops_arg;
	struct mark_list	 dirty;
	struct mark_list	 past;		/* is_past, and not dirty */
	struct checkpoint_batch	 changed;	/* is appended, or was not yet */
	struct writer_job	 given;		/* to the writer, the last one */
	struct renewal		 renewal;
	ev_timer		 due;		/* a little behind */
	double			 due_at;	/* by clock_now() */
	double			 append_at;	/* not before */
	double			 sync_at;
	double			 renew_at;
	double			 every;		/* seconds between two syncs */
	bool			 unsynced;
	bool			 hurry;
	bool			 all_given;	/* that had changed */
	unsigned		 faults;	/* enum ledger_fault */
	struct reason		 error;		/* the last one's */
	struct checkpoint_file_stats stats;
	void			(*on_written)(void *arg, const char *error);
	void			*arg;		/* to on_written */
	bool			 asked;
	ev_timer		 daily;
	struct last_look	 look;		/* before it was opened */
	int64_t			 ahead_ms;	/* as was put last */
	time_t			 latest;	/* the same */
};

/* marks.c */

/* Takes the mark out of the list that it is in. */
void	checkpointer_unlist(struct ledger *, struct checkpoint_mark *);

/* Notes the record of the mark, to be written with the next batch. */
void	checkpointer_note(struct ledger *, struct checkpoint_mark *,
	    enum checkpoint_kind);

/* Adds the record of the mark to the batch, which has room for it. */
void	checkpointer_put(struct ledger *, struct checkpoint_mark *,
	    enum checkpoint_kind, struct checkpoint_batch *);

/*
 * Fills l->changed.  Where whole, no last record of a mark is a
 * CHECKPOINT_PAST then.  Returns whether all that has changed is in it.
 */
bool	checkpointer_gather(struct ledger *, bool whole);

/* time.c */

/* Of the checkpoint that was opened; st: of its file, before that. */
void	ledger_time_load(struct ledger *, const struct stat *st);

int64_t	ledger_ahead_ms(void);

/* Adds to the batch what the next worker needs to know of the clocks. */
int	ledger_put_look(struct ledger *, struct checkpoint_batch *);

/* faults.c */

/* Notes that this kind of call failed, or with no fault that it succeeded. */
void	checkpointer_count(struct ledger *, enum ledger_fault,
	    const struct writer_fault *);

/* write.c */

bool	ledger_has_news(const struct ledger *);

/* Writes when it is time for what there is to write. */
void	ledger_arm(struct ledger *);

void	ledger_on_due(struct ev_loop *, ev_timer *, int);
void	ledger_on_done(void *ledger, const struct writer_result *);

/* renew.c */

/* The file is to be written anew, soon. */
void	ledger_want_renewal(struct ledger *);

/* Adds the next slice to the job, if it is time for one. */
void	ledger_renew(struct ledger *, struct writer_job *);

/* The job that l->given is was done, with this result. */
void	ledger_renewed(struct ledger *, const struct writer_result *);

#endif
