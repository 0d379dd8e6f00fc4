/*
 * writer.h - a thread that waits for the disk, so that the loop need
 * not.
 *
 * The loop gives it one job at a time.  While it works, it alone touches the
 * file and only reads the batches; it takes no lock but to receive the job and
 * to report.
 */
#ifndef CHECKPOINT_WRITER_H
#define CHECKPOINT_WRITER_H

#include <ev.h>
#include <stdbool.h>

#include "daemon/checkpoint/disk.h"

struct checkpoint_batch;
struct checkpoint_writer;

/* In this order. */
struct writer_job {
	const struct checkpoint_batch	*append;	/* maybe empty */
	bool				 begin;		/* a file anew, */
	const struct checkpoint_batch	*add;		/* add to it, or NULL, */
	bool				 finish;	/* and rename it */
	bool				 sync;
	bool				 tell;		/* when it is done, see below */
};

/* A call that failed; what is NULL: none did. */
struct writer_fault {
	const char	*what;
	int		 error;
};

struct writer_result {
	struct writer_fault		append;
	struct writer_fault		renewal;	/* begin, add or finish */
	struct writer_fault		sync;
	struct checkpoint_file_stats	stats;
};

/*
 * The file is borrowed.  on_done is called once for each job: in the loop when
 * the job is done, if that was to be told or something failed, or else when
 * checkpoint_writer_collect() or checkpoint_writer_wait() look.  So a job of
 * which nobody waits to hear does not wake the loop.  Returns NULL with errno.
 */
struct checkpoint_writer	*checkpoint_writer_new(struct ev_loop *,
				    struct checkpoint_file *,
				    void (*on_done)(void *arg,
					const struct writer_result *),
				    void *arg);

/* Waits for the thread to end; on_done is not called any more. */
void	checkpoint_writer_free(struct checkpoint_writer *);

/*
 * Makes the thread; the process is in its sandbox, which binds the threads that
 * are made in it.  Before, and where there can be no thread, jobs are done by
 * checkpoint_writer_give().  Returns 0, or -1 with errno.
 */
int	checkpoint_writer_start(struct checkpoint_writer *);

/* The writer is not busy; the batches are left alone until on_done. */
void	checkpoint_writer_give(
	    struct checkpoint_writer *, const struct writer_job *);

/*
 * Returns whether the writer is not busy any more; if it still is, that it is
 * done will be told.
 */
bool	checkpoint_writer_collect(struct checkpoint_writer *);

/* Waits until the writer is not busy. */
void	checkpoint_writer_wait(struct checkpoint_writer *);

#endif
