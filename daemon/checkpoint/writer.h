/*
 * writer.h - a thread that waits for the disk, so that the loop need not.
 *
 * The loop gives it one job at a time.  While the thread works, it alone
 * touches the file, and it only reads the batches; a lock is held only to hand
 * over the job and the result.
 */
#ifndef CHECKPOINT_WRITER_H
#define CHECKPOINT_WRITER_H

#include <ev.h>
#include <stdbool.h>

#include "daemon/checkpoint/disk.h"

struct checkpoint_batch;
struct checkpoint_writer;

/* What the writer does, in this order. */
struct checkpoint_job {
	const struct checkpoint_batch *append;	/* may be empty */
	bool	begin;			/* a new file, */
	const struct checkpoint_batch *add; /* to that file, or NULL, */
	bool	finish;			/* that file */
	bool	sync;
	bool	tell;			/* wake the loop when it is done */
};

/* A call that failed; what is NULL: none did. */
struct checkpoint_fault {
	const char	*what;
	int		 error;		/* errno */
};

struct checkpoint_result {
	struct checkpoint_fault	append;
	struct checkpoint_fault	renewal;	/* begin, add or finish */
	struct checkpoint_fault	sync;
	struct checkpoint_file_stats stats;
};

/*
 * The file is borrowed.  on_done is called once for each job, in the loop's
 * thread: when the job is done, if job.tell is set or a call failed; else by
 * the next checkpoint_writer_collect() or checkpoint_writer_wait().  So a job
 * of which nobody waits to hear does not wake the loop.  Returns NULL with
 * errno.
 */
struct checkpoint_writer	*checkpoint_writer_new(struct ev_loop *,
				    struct checkpoint_file *,
				    void (*on_done)(void *arg,
					const struct checkpoint_result *),
				    void *arg);

/* Waits for the thread to end.  on_done is not called any more. */
void	checkpoint_writer_free(struct checkpoint_writer *);

/*
 * Makes the thread.  Call it when the process is in its sandbox, which binds
 * only threads that are made in it.  Until then, and when it fails,
 * checkpoint_writer_give() does the jobs itself.  Returns 0, or -1 with errno.
 */
int	checkpoint_writer_start(struct checkpoint_writer *);

/*
 * Gives a job to the writer, which must not be busy.  The job is copied; leave
 * its batches alone until on_done.
 */
void	checkpoint_writer_give(
	    struct checkpoint_writer *, const struct checkpoint_job *);

/*
 * Calls on_done if the job is done.  Returns whether the writer is free now; if
 * not, job.tell is set for it.
 */
bool	checkpoint_writer_collect(struct checkpoint_writer *);

/* Waits until the job is done, and calls on_done; returns at once if free. */
void	checkpoint_writer_wait(struct checkpoint_writer *);

#endif
