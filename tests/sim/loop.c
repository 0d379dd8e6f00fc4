/*
 * A stand-in of libev, with the functions that the worker uses.  Time passes as
 * the simulation has it, and descriptors are ready when the world says so.
 */
#include "tests/sim/sim.h"

#include <ev.h>
#include <signal.h>
#include <string.h>

#define WATCHERS 256
#define NEVER 1e30

struct ev_loop {
	ev_tstamp mono;
	ev_tstamp real;
	ev_tstamp collect; /* at least so long between two looks for events */
	ev_tstamp looked;
	bool broken;
	ev_io *io[WATCHERS];
	int nio;
	ev_timer *timers[WATCHERS];
	int ntimers;
	ev_prepare *prepare[16];
	int nprepare;
	ev_check *check[16];
	int ncheck;
	ev_signal *signals[16];
	int nsignals;
	ev_watcher *pending[3 * WATCHERS];
	int revents[3 * WATCHERS];
	int npending;
};

static struct ev_loop the_loop;

struct ev_loop *
ev_default_loop(unsigned flags)
{
	struct ev_loop *l = &the_loop;

	(void)flags;
	memset(l, 0, sizeof(*l));
	ev_now_update(l);
	return (l);
}

/* Nobody asks a worker that is simulated anything while it starts. */
struct ev_loop *
ev_loop_new(unsigned flags)
{
	(void)flags;
	return (NULL);
}

void
ev_loop_destroy(struct ev_loop *l)
{
	(void)l;
}

void
ev_now_update(struct ev_loop *l)
{
	l->mono = (double)S.now / 1e9;
	l->real = (double)sim_wall() / 1e9;
}

ev_tstamp
ev_now(struct ev_loop *l)
{
	return (l->real);
}

void
ev_break(struct ev_loop *l, int how)
{
	(void)how;
	l->broken = true;
}

void
ev_set_io_collect_interval(struct ev_loop *l, ev_tstamp interval)
{
	l->collect = interval;
}

static void
clear_pending(struct ev_loop *l, void *watcher)
{
	ev_watcher *w = watcher;

	if (w->pending > 0)
		l->pending[w->pending - 1] = NULL;
	w->pending = 0;
}

static void
feed(struct ev_loop *l, void *watcher, int revents)
{
	ev_watcher *w = watcher;

	if (w->pending > 0) {
		l->revents[w->pending - 1] |= revents;
		return;
	}
	if (l->npending == 3 * WATCHERS)
		sim_fail("the simulation has too little room for events");
	l->pending[l->npending] = w;
	l->revents[l->npending] = revents;
	w->pending = ++l->npending;
}

#define START(list, n, w)                                                      \
	do {                                                                   \
		if ((w)->active)                                               \
			return;                                                \
		if (l->n == (int)(sizeof(l->list) / sizeof(l->list[0])))       \
			sim_fail("the simulation has too few watchers");       \
		l->list[l->n++] = (w);                                         \
		(w)->active = l->n;                                            \
	} while (0)

#define STOP(list, n, w)                                                       \
	do {                                                                   \
		clear_pending(l, w);                                           \
		if (!(w)->active)                                              \
			return;                                                \
		if (l->list[(w)->active - 1] != (w))                           \
			sim_fail("a watcher that is active was made anew");    \
		l->list[(w)->active - 1] = l->list[--l->n];                    \
		l->list[(w)->active - 1]->active = (w)->active;                \
		(w)->active = 0;                                               \
	} while (0)

void
ev_io_start(struct ev_loop *l, ev_io *w)
{
	if (!w->active && files_fd_is_free(w->fd))
		sim_fail("descriptor %d is watched and not open", w->fd);
	START(io, nio, w);
}

void
ev_io_stop(struct ev_loop *l, ev_io *w)
{
	STOP(io, nio, w);
}

static double
at(const ev_timer *t)
{
	return (((const ev_watcher_time *)(const void *)t)->at);
}

void
ev_timer_start(struct ev_loop *l, ev_timer *w)
{
	if (w->active)
		return;
	((ev_watcher_time *)w)->at += l->mono;
	START(timers, ntimers, w);
}

void
ev_timer_stop(struct ev_loop *l, ev_timer *w)
{
	if (w->active)
		((ev_watcher_time *)w)->at -= l->mono;
	STOP(timers, ntimers, w);
}

void
ev_timer_again(struct ev_loop *l, ev_timer *w)
{
	clear_pending(l, w);
	if (w->active) {
		if (w->repeat > 0.)
			((ev_watcher_time *)w)->at = l->mono + w->repeat;
		else
			ev_timer_stop(l, w);
	} else if (w->repeat > 0.) {
		((ev_watcher_time *)w)->at = w->repeat;
		ev_timer_start(l, w);
	}
}

void
ev_prepare_start(struct ev_loop *l, ev_prepare *w)
{
	START(prepare, nprepare, w);
}

void
ev_prepare_stop(struct ev_loop *l, ev_prepare *w)
{
	STOP(prepare, nprepare, w);
}

void
ev_check_start(struct ev_loop *l, ev_check *w)
{
	START(check, ncheck, w);
}

void
ev_check_stop(struct ev_loop *l, ev_check *w)
{
	STOP(check, ncheck, w);
}

void
ev_signal_start(struct ev_loop *l, ev_signal *w)
{
	START(signals, nsignals, w);
}

static void
invoke(struct ev_loop *l)
{
	ev_watcher *w;
	int i, most;

	/* Watchers of the highest priority come first. */
	for (most = EV_MAXPRI; most >= EV_MINPRI; most--)
		for (i = 0; i < l->npending; i++) {
			w = l->pending[i];
			if (w == NULL || w->priority != most)
				continue;
			l->pending[i] = NULL;
			w->pending = 0;
			w->cb(l, w, l->revents[i]);
			sim_maybe_die();
		}
	l->npending = 0;
}

static double
next_timer(const struct ev_loop *l)
{
	double first = NEVER;
	int i;

	for (i = 0; i < l->ntimers; i++)
		if (at(l->timers[i]) < first)
			first = at(l->timers[i]);
	return (first);
}

/* In the order of their times. */
static void
feed_timers(struct ev_loop *l)
{
	ev_timer *t, *first;
	int i;

	for (;;) {
		first = NULL;
		for (i = 0; i < l->ntimers; i++) {
			t = l->timers[i];
			if (at(t) < l->mono && !t->pending &&
			    (first == NULL || at(t) < at(first)))
				first = t;
		}
		if (first == NULL)
			return;
		feed(l, first, EV_TIMER);
		if (first->repeat > 0.) {
			((ev_watcher_time *)first)->at += first->repeat;
			if (at(first) < l->mono)
				((ev_watcher_time *)first)->at = l->mono;
		} else {
			/* It is not active any more, but pending. */
			i = first->pending;
			first->pending = 0;
			ev_timer_stop(l, first);
			first->pending = i;
		}
	}
}

static bool
readable(int fd)
{
	void *sock;

	if ((sock = files_sock(fd, FD_SOCKET)) != NULL)
		return (net_readable(sock));
	if (files_sock(fd, FD_CHANNEL) != NULL)
		return (channel_readable());
	if (files_sock(fd, FD_WATCH) != NULL)
		return (watching_readable());
	return (true);
}

static int
ready(const ev_io *w)
{
	void *sock;
	int events = 0;

	if ((w->events & EV_READ) && readable(w->fd))
		events |= EV_READ;
	if ((w->events & EV_WRITE) &&
	    ((sock = files_sock(w->fd, FD_SOCKET)) == NULL ||
		net_writable(sock)))
		events |= EV_WRITE;
	return (events);
}

static bool
feed_io(struct ev_loop *l)
{
	int i, n, first = (int)rng_below(&S.calls, (unsigned)l->nio), events;
	bool any = false;

	for (n = 0; n < l->nio; n++) {
		i = (first + n) % l->nio;
		events = ready(l->io[i]);
		if (events != 0)
			feed(l, l->io[i], events);
		any |= events != 0;
	}
	return (any);
}

static bool
feed_signals(struct ev_loop *l)
{
	bool any = false;
	int i;

	for (i = 0; i < l->nsignals; i++)
		if (S.signals & (1u << l->signals[i]->signum)) {
			S.signals &= ~(1u << l->signals[i]->signum);
			feed(l, l->signals[i], EV_SIGNAL);
			any = true;
		}
	return (any);
}

/* Waits for the first thing that makes the loop turn. */
static void
sleep_and_feed(struct ev_loop *l)
{
	int64_t timer, next;
	bool any = false;
	int i;

	ev_now_update(l);
	if (l->collect > 0. && l->mono - l->looked < l->collect &&
	    next_timer(l) > l->mono)
		sim_advance((int64_t)(l->collect * 1e9));
	/* They are invoked before all else. */
	for (i = 0; i < l->ncheck; i++)
		feed(l, l->check[i], EV_CHECK);
	for (;;) {
		sim_maybe_die();
		ev_now_update(l);
		any = feed_signals(l);
		any |= feed_io(l);
		timer = next_timer(l) >= NEVER
		    ? INT64_MAX
		    : (int64_t)(next_timer(l) * 1e9) + 1;
		if (any || timer <= S.now)
			break;
		if (world_is_over()) {
			l->broken = true;
			break;
		}
		next = world_due() < net_due() ? world_due() : net_due();
		if (next > timer)
			next = timer;
		sim_advance(next > S.now ? next - S.now : 0);
	}
	ev_now_update(l);
	l->looked = l->mono;
	feed_timers(l);
}

static int
run_prepare(struct ev_loop *l)
{
	int i;

	for (i = 0; i < l->nprepare; i++)
		feed(l, l->prepare[i], EV_PREPARE);
	invoke(l);
	return (0);
}

int
ev_run(struct ev_loop *l, int flags)
{
	int64_t second = S.now;
	uint64_t begun = S.turns;

	(void)flags;
	l->broken = false;
	while (!l->broken) {
		(void)run_prepare(l);
		if (l->broken)
			break;
		sim_trace("turn", ++S.turns, 0);
		/* No event costs no time: so it is seen where nothing sleeps.
		 */
		sim_advance(2000);
		if (S.now - second >= NS_S) {
			second = S.now;
			begun = S.turns;
		} else if (S.turns - begun > 20000) {
			sim_fail("the loop spins: 20000 turns in a second");
		}
		sleep_and_feed(l);
		invoke(l);
	}
	return (1);
}
