/*
 * worker_sandbox.h - the worker in its sandbox, and what it does about what it
 * cannot reach from there.
 *
 * Nothing can be allowed again.  What comes later (a directory that was made, a
 * link to elsewhere) another worker can reach, whose sandbox is made then.
 */
#ifndef RUN_WORKER_SANDBOX_H
#define RUN_WORKER_SANDBOX_H

#include <ev.h>
#include <stdbool.h>

struct profile;
struct sources;
struct sources_ops;

struct confine {			/* embedded by its owner */
	struct ev_loop	*loop;
	struct profile	*needs;
	void		(*on_renew)(void *arg);	/* another worker, please */
	void		(*on_look)(void *arg);	/* has needs changed? */
	void		*arg;
	ev_timer	 wish;
	ev_io		 opener;
	bool		 confined;
	bool		 renewing;
};

/* All is borrowed; c begins with zeros. */
void	confine_init(struct confine *c, struct ev_loop *, struct profile *);

/* What the sources are to tell. */
struct sources_ops	confine_ops(struct confine *c);

/*
 * Enters the sandbox, for good; the sources have been started.  statedir is a
 * descriptor, or -1.  Logs what is in force.
 */
void	confine_enter(struct confine *c, struct sources *, int statedir);

/* The system's files for names are about to be read. */
void	confine_on_resolve(struct confine *c);

/* A unix socket could not be connected to. */
void	confine_on_unreached(struct confine *c);

#endif
