#include "daemon/run/worker.h"

#include <ev.h>
#include <signal.h>
#include <stdlib.h>

#include "daemon/base/clock.h"
#include "daemon/base/heap.h"
#include "daemon/base/log.h"
#include "daemon/base/privdrop.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/find/sources.h"
#include "daemon/follow/handover.h"
#include "daemon/run/worker_inside.h"
#include "daemon/sandbox/opener.h"
#include "daemon/send/destination.h"

/* No time is left: what is not acknowledged is sent again at the next start. */
static void
abandon(struct worker *w)
{
	const char *name;
	uint64_t in_flight;
	size_t i;

	for (i = 0; i < w->parts.ndests; i++) {
		name = destination_conf(w->parts.dests[i])->name;
		in_flight = destination_in_flight(w->parts.dests[i]);
		if (!destination_abandon(w->parts.dests[i]))
			continue;
		if (in_flight > 0)
			log_notice("destination %s: %llu bytes were not "
				   "acknowledged within shutdown_timeout: they "
				   "are sent again at the next start",
			    name, (unsigned long long)in_flight);
		else
			log_notice("destination %s: the receiver did not close "
				   "within shutdown_timeout: what it may not "
				   "have read is sent again at the next start",
			    name);
	}
	ev_break(w->parts.loop, EVBREAK_ALL);
}

static void
on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	abandon(timer->data);
}

static void
stop(struct worker *w)
{
	size_t i;

	/* A terminal or a service manager tells it, and so does the monitor. */
	if (w->stopping)
		return;
	w->stopping = true;
	log_info("stopping");
	for (i = 0; i < w->parts.ndests; i++)
		destination_drain(w->parts.dests[i]);
	ev_timer_init(&w->patience, on_patience,
	    (double)w->conf->shutdown_timeout_ms / 1e3, 0.);
	w->patience.data = w;
	ev_timer_start(w->parts.loop, &w->patience);
}

static void
on_stop_signal(struct ev_loop *loop, ev_signal *sig, int revents)
{
	(void)loop;
	(void)revents;
	stop(sig->data);
}

static void
on_stdout_closed(void *arg)
{
	struct worker *w = arg;

	if (!w->stopping)
		log_notice("standard output was closed: stopping");
	stop(w);
}

static void
on_hup(struct ev_loop *loop, ev_signal *sig, int revents)
{
	(void)loop;
	(void)revents;
	worker_tell(sig->data, CHANNEL_RELOAD);
}

static void
on_usr1(struct ev_loop *loop, ev_signal *sig, int revents)
{
	(void)loop;
	(void)revents;
	worker_write_state(sig->data);
}

static void
ask_for_reload(void *arg)
{
	worker_tell(arg, CHANNEL_RELOAD);
}

static void
ask_for_renewal(void *arg)
{
	worker_tell(arg, CHANNEL_RENEW);
}

static void
ask_for_a_look(void *arg)
{
	worker_tell(arg, CHANNEL_LOOK);
}

static void
on_resolve(void *arg)
{
	struct worker *w = arg;

	worker_sandbox_on_resolve(&w->worker_sandbox);
}

static void
on_unreached(void *arg)
{
	struct worker *w = arg;

	worker_sandbox_on_unreached(&w->worker_sandbox);
}

/* A receiver never waits for what a file holds that can be opened again. */
static bool
on_no_descriptor(void *arg)
{
	struct worker *w = arg;

	return (file_table_close_some(w->parts.file_table));
}

/* Without a monitor there is no worker. */
static void
on_monitor(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)revents;
	if (worker_hear(io->data) != 0)
		return;
	log_warnx("the monitor is gone: stopping");
	ev_break(loop, EVBREAK_ALL);
}

/*
 * Nothing was sent, and nothing is written: the next start judges all of it
 * anew.
 */
static void __attribute__((__noreturn__))
leave_start(const char *why, int status)
{
	log_info("%s", why);
	exit(status);
}

/*
 * A file that only an open descriptor leads to is found, to say what is lost.
 */
static void
on_pause(void *arg)
{
	struct worker *w = arg;
	unsigned due = starting_look(&w->starting);
	int n;

	if (due == 0)
		return;
	if (due & STARTING_ALIVE)
		worker_tell(w, CHANNEL_ALIVE);
	while ((n = worker_hear(w)) > 0)
		continue;
	if (n == 0)
		leave_start("the monitor is gone: stopping", 1);
	if ((due & STARTING_STOP) && (w->replaced || w->start->given->n == 0))
		leave_start("stopping before the start was done", 0);
}

/* Whether another worker takes over from this one. */
static bool
has_successor(struct worker *w)
{
	while (worker_hear(w) > 0)
		continue;
	return (w->replaced && w->start->state_dir != -1);
}

/* What only an open descriptor may lead to. */
static void
leave_files(struct worker *w)
{
	if (has_successor(w))
		handover_give(w->parts.file_table, worker_give_file, w);
	else
		handover_say_lost(w->parts.file_table);
}

static void
tell_alive(struct worker *w)
{
	if (w->missed++ == w->start->most_missed)
		log_warnx("the monitor does not answer: until it does, a "
			  "worker that fails is not started again");
	worker_tell(w, CHANNEL_ALIVE);
}

static void
on_alive(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	tell_alive(timer->data);
}

/*
 * A turn for one line costs as much as a turn for a hundred.  The line that
 * comes alone goes at once; where lines come one by one and fast, the loop
 * waits a little for some more, unless it has enough to do as it is.
 */
static void
gather(struct worker *w, bool pressed)
{
	bool at_once = turns_take(&w->turns, clock_steady_us()) || pressed;

	ev_set_io_collect_interval(w->parts.loop, at_once ? 0. : WORKER_GATHER);
}

/* Once a turn, before the loop sleeps: all that the events brought is sent. */
static void
end_turn(struct worker *w)
{
	bool quiet = true, pressed = false;
	size_t i;

	for (i = 0; i < w->parts.ndests; i++) {
		destination_pump(w->parts.dests[i]);
		quiet = quiet && destination_is_quiet(w->parts.dests[i]);
		pressed = pressed || destination_is_pressed(w->parts.dests[i]);
	}
	file_table_check_unverified(w->parts.file_table);
	checkpointer_turn(w->parts.checkpointer);
	worker_end_state(w);
	gather(w, pressed);
	if (w->stopping && quiet && w->dump == NULL)
		ev_break(w->parts.loop, EVBREAK_ALL);
}

static void
on_turn(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	(void)loop;
	(void)revents;
	end_turn(prepare->data);
}

static void
start_signal(struct worker *w, ev_signal *sig, int signo,
    void (*cb)(struct ev_loop *, ev_signal *, int))
{
	sigset_t set;

	ev_signal_init(sig, cb, signo);
	sig->data = w;
	ev_signal_start(w->parts.loop, sig);
	/* The monitor held it back until now. */
	sigemptyset(&set);
	sigaddset(&set, signo);
	(void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void
start_watchers(struct worker *w)
{
	double every = (double)w->start->alive_ms / 1e3;

	start_signal(w, &w->sigterm, SIGTERM, on_stop_signal);
	start_signal(w, &w->sigint, SIGINT, on_stop_signal);
	start_signal(w, &w->sighup, SIGHUP, on_hup);
	start_signal(w, &w->sigusr1, SIGUSR1, on_usr1);
	ev_io_init(&w->monitor, on_monitor, w->start->channel, EV_READ);
	w->monitor.data = w;
	ev_io_start(w->parts.loop, &w->monitor);
	turns_init(&w->turns, WORKER_TURNS, WORKER_CALM);
	ev_prepare_init(&w->turn, on_turn);
	w->turn.data = w;
	ev_prepare_start(w->parts.loop, &w->turn);
	/* Soon for the first time: by then destinations are connected. */
	ev_timer_init(&w->alive, on_alive, every < 2. ? every : 2., every);
	w->alive.data = w;
	ev_timer_start(w->parts.loop, &w->alive);
}

static void
start_ctl(struct worker *w, struct ev_loop *loop)
{
	if (w->start->control == -1 || loop == NULL)
		return;
	w->server_env = (struct server_env) { .loop = loop,
		.view = &w->parts.view,
		.checkpointer = w->parts.checkpointer,
		.reload = ask_for_reload,
		.make_room = on_no_descriptor,
		.arg = w };
	if ((w->server = server_new(&w->server_env, w->start->control)) == NULL)
		log_warn("control socket");
}

static void
begin_start(struct worker *w)
{
	w->parts.view.starting = true;
	starting_begin(
	    &w->starting, w->start->alive_ms, w->start->control != -1);
	start_ctl(w, w->starting.loop);
}

static void
end_start(struct worker *w)
{
	w->parts.view.starting = false;
	if (w->server != NULL)
		server_move(w->server, w->parts.loop);
	else
		start_ctl(w, w->parts.loop);
	starting_end(&w->starting);
}

/*
 * Where a file begins at its end, that is decided once: after a kill it must
 * not be decided anew behind lines that came meanwhile.
 */
static void
record_beginnings(struct worker *w)
{
	size_t i;

	for (i = 0; i < w->parts.nroutes; i++)
		if (w->parts.routes[i].fresh)
			break;
	/* Where that fails, it was logged, and is tried again. */
	if (i < w->parts.nroutes)
		(void)checkpointer_sync(w->parts.checkpointer);
}

static int
look_for_files(struct worker *w)
{
	const struct handover *given = w->start->given;

	begin_start(w);
	if (sources_start(w->parts.sources, given->files, given->n) == -1)
		return (-1);
	/* That takes its time. */
	ev_now_update(w->parts.loop);
	return (0);
}

static int
make_parts(struct worker *w)
{
	struct ev_loop *loop = ev_default_loop(EVFLAG_AUTO | EVFLAG_NOENV);
	struct worker_hooks hooks = { .on_pause = on_pause,
		.on_stdout_closed = on_stdout_closed,
		.on_resolve = on_resolve,
		.on_unreached = on_unreached,
		.on_no_descriptor = on_no_descriptor,
		.arg = w };

	if ((w->parts.loop = loop) == NULL) {
		log_errorx("worker: no event loop");
		return (-1);
	}
	/* The opener, should it end, is waited for by nobody. */
	(void)signal(SIGCHLD, SIG_IGN);
	worker_sandbox_init(&w->worker_sandbox, loop, w->start->needs);
	w->worker_sandbox.on_renew = ask_for_renewal;
	w->worker_sandbox.on_look = ask_for_a_look;
	w->worker_sandbox.arg = w;
	hooks.sources = worker_sandbox_ops(&w->worker_sandbox);
	return (worker_build(&w->parts, w->conf, w->start->state_dir, &hooks));
}

static void
work(struct worker *w)
{
	size_t i;

	/* Now it is known where links lead to; no line was read yet. */
	worker_sandbox_enter(
	    &w->worker_sandbox, w->parts.sources, w->start->state_dir);
	checkpointer_start(w->parts.checkpointer);
	record_beginnings(w);
	start_watchers(w);
	end_start(w);
	for (i = 0; i < w->parts.ndests; i++)
		destination_start(w->parts.dests[i]);
	worker_tell(w, CHANNEL_READY);
	log_detach();
	ev_run(w->parts.loop, 0);
}

int
worker_run(const struct worker_start *start)
{
	struct worker w = { .start = start, .conf = start->conf };
	int result = 1;

	if (privdrop_become(start->account) == -1) {
		log_error(
		    "worker: cannot become user %s", start->account->name);
		return (1);
	}
	if (opener_start(start->conf) == -1)
		log_warn("worker: what comes later is opened by a new worker");
	heap_give_back();
	if (make_parts(&w) == 0 && look_for_files(&w) == 0) {
		work(&w);
		if (!has_successor(&w))
			handover_end(w.parts.file_table);
		result = checkpointer_sync(w.parts.checkpointer) == 0 ? 0 : 1;
		leave_files(&w);
	}
	status_dump_free(w.dump);
	server_free(w.server);
	starting_end(&w.starting);
	worker_build_free(&w.parts);
	return (result);
}
