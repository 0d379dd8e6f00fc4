/*
 * scan_queue.h - directories that wait to be scanned, each a part at a time.
 *
 * Any user may fill a watched directory, or move thousands of directories into
 * it.  So a turn of the loop scans a bounded number of entries, for a bounded
 * time; the next turns go on, and lines are sent between.  Directories take
 * turns with each other, too: a small one does not wait for the end of a huge
 * one.
 */
#ifndef BASE_SCAN_QUEUE_H
#define BASE_SCAN_QUEUE_H

#include <sys/queue.h>

#include <ev.h>
#include <stdbool.h>

/* A directory to be scanned: embedded by its owner, all zero at first. */
struct scan_job {
	TAILQ_ENTRY(scan_job)	 entry;
	bool			 queued;
	bool			 urgent;	/* in the list of those */
};
TAILQ_HEAD(scan_jobs, scan_job);

/*
 * Scans a part of the job's directory, as long as scan_queue_take() returns
 * true.  Returns whether the directory is scanned to its end.  The step may add
 * and delete any job; if it deletes its own, it returns false.
 */
typedef bool scan_step(struct scan_job *, void *arg);

struct scan_queue {
	struct scan_jobs	 jobs;
	struct scan_jobs	 urgent;
	struct ev_loop		*loop;
	ev_timer		 next;		/* while jobs are left */
	scan_step		*step;
	void			*arg;
	struct scan_job		*now;		/* the one that is scanned */
	unsigned		 most_turn;	/* entries in a turn, */
	unsigned		 most_part;	/* and of one job at a time */
	unsigned		 left;		/* entries left in this turn */
	unsigned		 part;		/* entries that now has had */
	unsigned		 taken;		/* since the clock was asked */
	double			 until;		/* the end of the turn, by
						   clock_steady(); 0: none */
	bool			 whole;		/* now is scanned to its end: no
						   bounds */
	void			(*pause)(void *arg);	/* of finish, or NULL */
};

void	scan_queue_init(struct scan_queue *, struct ev_loop *loop,
	    scan_step *step, void *arg);
void	scan_queue_fini(struct scan_queue *);

/* Sets the most entries of a turn and of a part, from the next turn on. */
void	scan_queue_allow(struct scan_queue *, unsigned turn, unsigned part);

/*
 * Scans a part of a job that is not queued now, and queues it for the rest.
 * Returns whether it was scanned to its end.  A step may call this for another
 * job.
 */
bool	scan_queue_begin(struct scan_queue *, struct scan_job *);

/* Queues the job; does nothing if it is queued. */
void	scan_queue_add(struct scan_queue *, struct scan_job *);

/* Has the job scanned by the next scan_queue_finish(). */
void	scan_queue_add_urgent(struct scan_queue *, struct scan_job *);

/* Takes the job out of the queue.  It need not be in it. */
void	scan_queue_del(struct scan_queue *, struct scan_job *);

/* Scans as many entries as are left in this turn. */
void	scan_queue_run(struct scan_queue *);

/*
 * Scans the urgent jobs to their ends; no step may call it.  Calls pause,
 * unless that is NULL, before each entry; pause must not add or delete a job.
 */
void	scan_queue_finish(struct scan_queue *, void (*pause)(void *arg));

/* Call it at the end of each turn of the loop: the next one may scan anew. */
void	scan_queue_turn(struct scan_queue *);

/*
 * Asks, within a step, for n more entries.  Returns whether the step may do
 * them now; for the first ones of a step always.
 */
bool	scan_queue_take(struct scan_queue *, unsigned n);

bool	scan_queue_is_empty(const struct scan_queue *);

#endif
