/*
 * worker_build.h - the parts of a worker: made in order, freed in reverse.
 */
#ifndef RUN_WORKER_BUILD_H
#define RUN_WORKER_BUILD_H

#include <ev.h>
#include <stddef.h>

#include "daemon/control/status.h"
#include "daemon/find/sources.h"
#include "daemon/send/endpoint.h"

struct conf;
struct destination;
struct checkpointer;
struct route;
struct file_table;

struct worker_parts {			/* embedded, zero at first */
	const struct conf	*conf;
	struct ev_loop		*loop;
	struct checkpointer	*checkpointer;
	struct file_table	*file_table;
	struct sources		*sources;
	struct destination	**dests;
	size_t			 ndests;
	struct route		*routes;	/* of each source to each of its
						   destinations */
	size_t			 nroutes;
	struct endpoint_env	 env;
	struct status_view	 view;	/* the parts, for control/ */
};

/* What the parts tell the worker; arg goes to each. */
struct worker_hooks {
	struct sources_ops	 sources;
	void			(*on_pause)(void *arg);	/* between two steps of
							   the start */
	void			(*on_stdout_closed)(void *arg);
	void			(*on_resolve)(void *arg);
	void			(*on_unreached)(void *arg);
	bool			(*on_no_descriptor)(void *arg);
	void			*arg;
};

/*
 * Makes all parts but loop, which the caller has made.  conf is borrowed;
 * state_dir is the descriptor of the state directory, borrowed, or -1.  Returns
 * 0, or -1 after it has logged why; worker_build_free() is to be called in both
 * cases.
 */
int	worker_build(struct worker_parts *, const struct conf *conf,
	    int state_dir, const struct worker_hooks *);

/* Frees what there is of the parts, the loop last. */
void	worker_build_free(struct worker_parts *);

#endif
