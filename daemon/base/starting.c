#include "daemon/base/starting.h"

#include <signal.h>
#include <stddef.h>

#include "daemon/base/clock.h"

#define EVERY 0.02 /* seconds */
/* Somebody is accepted, heard and answered, each in a turn. */
#define TURNS 4

void
starting_begin(struct starting *s, uint64_t alive_ms, bool serves)
{
	double now = clock_steady();

	*s = (struct starting) { .next = now + EVERY,
		.alive_every = (double)alive_ms / 1e3 };
	s->alive = now + s->alive_every;
	if (serves)
		s->loop = ev_loop_new(EVFLAG_AUTO | EVFLAG_NOENV);
}

void
starting_end(struct starting *s)
{
	if (s->loop != NULL)
		ev_loop_destroy(s->loop);
	s->loop = NULL;
}

/* One that waits is held back until there is a watcher for it. */
static bool
is_told_to_stop(void)
{
	sigset_t set;

	return (sigpending(&set) == 0 &&
	    (sigismember(&set, SIGTERM) == 1 ||
		sigismember(&set, SIGINT) == 1));
}

unsigned
starting_look(struct starting *s)
{
	double now = clock_steady();
	unsigned due = STARTING_LOOK, i;

	if (now < s->next)
		return (0);
	for (i = 0; s->loop != NULL && i < TURNS; i++)
		(void)ev_run(s->loop, EVRUN_NOWAIT);
	if (now >= s->alive) {
		s->alive = now + s->alive_every;
		due |= STARTING_ALIVE;
	}
	if (is_told_to_stop())
		due |= STARTING_STOP;
	s->next = clock_steady() + EVERY;
	return (due);
}
