/*
 * scan_queue.h - directories that wait to be scanned, each a part at a time.
 *
 * Any user may fill a watched directory, or move thousands of directories into
 * it.  So a turn of the loop scans a part, by the number of entries and by the
 * clock; the others have the next turns, and lines of others are sent between.
 * Directories take turns with each other, too: a small one does not wait for
 * the end of a huge one.
 */
#ifndef BASE_SCAN_QUEUE_H
#define BASE_SCAN_QUEUE_H

#include <sys/queue.h>

#include <ev.h>
#include <stdbool.h>

/* A directory that is to be scanned; embedded by its owner, zero at first. */
struct scan_job {
	TAILQ_ENTRY(scan_job)	 entry;
	bool			 queued;
	bool			 urgent;	/* in that list */
};
TAILQ_HEAD(scan_jobs, scan_job);

/*
 * Scans a part of it: goes on for as long as scan_queue_take() has room.
 * Returns whether it is at its end.  It may add any job, and delete any, itself
 * too: then it returns false.
 */
typedef bool scan_step(struct scan_job *, void *arg);

struct scan_queue {
	struct scan_jobs	 jobs;
	struct scan_jobs	 urgent;
	struct ev_loop		*loop;
	ev_timer		 next;		/* jobs are left for next turns */
	scan_step		*step;
	void			*arg;
	struct scan_job		*now;		/* of this one a part is done */
	unsigned		 most_turn;	/* entries in a turn, */
	unsigned		 most_part;	/* and of one before others */
	unsigned		 left;		/* in this turn, */
	unsigned		 part;		/* of which now has had so many */
	unsigned		 taken;		/* since the clock was asked */
	double			 until;		/* by clock_now(); 0: not begun */
	bool			 whole;		/* now is scanned to its end, */
	void			(*pause)(void *arg);	/* or NULL: meanwhile */
};

void	scan_queue_init(struct scan_queue *, struct ev_loop *loop,
	    scan_step *step, void *arg);
void	scan_queue_fini(struct scan_queue *);

/* With other sizes than those of a scan, from the next turn on. */
void	scan_queue_allow(struct scan_queue *, unsigned turn, unsigned part);

/*
 * Scans a part of one that is not queued, now; it is queued for the rest.
 * Returns whether it is at its end.  A step may do so, with another one.
 */
bool	scan_queue_begin(struct scan_queue *, struct scan_job *);

/* It is scanned when its turn comes; one that is queued stays where it is. */
void	scan_queue_add(struct scan_queue *, struct scan_job *);

/* It is to be scanned by the next scan_queue_finish(). */
void	scan_queue_add_urgent(struct scan_queue *, struct scan_job *);

/* It is not scanned any more. */
void	scan_queue_del(struct scan_queue *, struct scan_job *);

/* Scans as much as is left of this turn. */
void	scan_queue_run(struct scan_queue *);

/*
 * Scans all that is urgent to its end; not to be called by a step.  In front of
 * each entry pause is called, unless it is NULL; it adds and deletes no job.
 */
void	scan_queue_finish(struct scan_queue *, void (*pause)(void *arg));

/* A turn of the loop is at its end. */
void	scan_queue_turn(struct scan_queue *);

/*
 * Whether the job that is scanned may do n entries more; they are done then.
 * The first ones of a step are always.
 */
bool	scan_queue_take(struct scan_queue *, unsigned n);

bool	scan_queue_is_empty(const struct scan_queue *);

#endif
