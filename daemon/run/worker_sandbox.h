/*
 * worker_sandbox.h - puts the worker into its sandbox, and asks for another
 * worker when the sandbox is too small.
 *
 * A sandbox cannot be widened.  A directory that is made later, or a link that
 * leads elsewhere, only another worker can reach, whose sandbox is made then.
 */
#ifndef RUN_WORKER_SANDBOX_H
#define RUN_WORKER_SANDBOX_H

#include <ev.h>
#include <stdbool.h>

struct profile;
struct sources;
struct sources_ops;

struct worker_sandbox {			/* embedded by its owner */
	struct ev_loop	*loop;
	struct profile	*needs;
	void		(*on_renew)(void *arg);	/* another worker is needed */
	void		(*on_look)(void *arg);	/* the monitor is to look
						   whether needs has changed */
	void		*arg;
	ev_timer	 wish;
	ev_io		 opener;
	bool		 confined;
	bool		 renewing;
};

/*
 * Sets c, which is all zero, but for its callbacks, which the caller sets.  The
 * loop and the profile are borrowed.
 */
void	worker_sandbox_init(struct worker_sandbox *c, struct ev_loop *,
	    struct profile *);

/* Returns the callbacks that the sources are to be made with; c is borrowed. */
struct sources_ops	worker_sandbox_ops(struct worker_sandbox *c);

/*
 * Enters the sandbox, which cannot be left; the sources have been started.
 * state_dir is the descriptor of the state directory, borrowed, or -1.  Logs
 * what is in force.
 */
void	worker_sandbox_enter(struct worker_sandbox *c, struct sources *,
	    int state_dir);

/*
 * Call it before a name is looked up: asks for another worker where the
 * system's files for that, such as /etc/hosts, were replaced.
 */
void	worker_sandbox_on_resolve(struct worker_sandbox *c);

/*
 * Call it when a connection to a unix socket has failed: asks the monitor to
 * look whether the sandbox hides the socket.
 */
void	worker_sandbox_on_unreached(struct worker_sandbox *c);

#endif
