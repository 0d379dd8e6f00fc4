#include "daemon/run/worker.h"

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/heap.h"
#include "daemon/base/log.h"
#include "daemon/base/privdrop.h"
#include "daemon/base/say.h"
#include "daemon/base/sizes.h"
#include "daemon/base/starting.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/control/server.h"
#include "daemon/control/status.h"
#include "daemon/file/table.h"
#include "daemon/find/sources.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/handover.h"
#include "daemon/run/channel.h"
#include "daemon/run/worker_build.h"
#include "daemon/run/worker_sandbox.h"
#include "daemon/sandbox/opener.h"
#include "daemon/send/destination.h"
#include "daemon/stream/stream.h"
#include "lib/token_bucket.h"

#define GIVE_MS 5000 /* until the monitor takes the next file */

struct worker {
	const struct worker_start *start;
	const struct conf *conf;
	struct worker_parts parts;
	struct ctl_env ctl_env;
	struct ctl *ctl; /* NULL: no control socket */
	struct starting starting;
	ev_signal sigterm;
	ev_signal sigint;
	ev_signal sighup;
	ev_signal sigusr1;
	ev_io monitor;
	ev_prepare turn;
	struct turns turns;
	ev_timer patience; /* while stopping */
	ev_timer alive;
	unsigned missed; /* how often the monitor has not answered */
	unsigned untold; /* words that it had no room for, as bits */
	struct confine confine;
	struct state_dump *dump; /* NULL: none is written now */
	bool dumped; /* it is at its end */
	bool dump_again;
	bool stopping;
	bool replaced; /* by another worker, when it ends */
};

/* A monitor that has no room for it is told again when it is heard. */
static void
tell(struct worker *w, enum channel_word word)
{
	struct channel_message m;

	memset(&m, 0, sizeof(m));
	m.word = word;
	if (word == CHANNEL_ALIVE && w->start->tells_sum &&
	    !w->parts.view.starting)
		state_sum(&w->parts.view, &m.sum);
	w->untold &= ~(1u << word);
	if (channel_say(w->start->channel, &m, -1, 0) == 0)
		return;
	log_debug("worker: monitor: %s", strerror(errno));
	if (word != CHANNEL_ALIVE)
		w->untold |= 1u << word;
}

static void
tell_again(struct worker *w)
{
	static const enum channel_word words[] = { CHANNEL_READY,
		CHANNEL_RELOAD, CHANNEL_RENEW, CHANNEL_LOOK, CHANNEL_DUMPED };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (w->untold & (1u << words[i]))
			tell(w, words[i]);
}

/* No time is left: what is not acknowledged is sent again at the next start. */
static void
abandon(struct worker *w)
{
	const char *name;
	uint64_t in_flight;
	size_t i;

	for (i = 0; i < w->parts.ndests; i++) {
		name = dest_conf(w->parts.dests[i])->name;
		in_flight = dest_in_flight(w->parts.dests[i]);
		if (!dest_abandon(w->parts.dests[i]))
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
		dest_drain(w->parts.dests[i]);
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
	tell(sig->data, CHANNEL_RELOAD);
}

static void dump_state(struct worker *);

/* Who asked while it was written wants to know what was after that. */
static void
on_dumped(void *arg, const char *why)
{
	struct worker *w = arg;

	if (why != NULL)
		log_warnx("%s/%s", w->conf->state_dir, why);
	else
		log_notice(
		    "state written to %s/state.json", w->conf->state_dir);
	w->dumped = true;
}

static void
end_dump(struct worker *w)
{
	state_dump_free(w->dump);
	w->dump = NULL;
	w->dumped = false;
	if (w->dump_again)
		dump_state(w);
	else
		tell(w, CHANNEL_DUMPED);
}

static struct state_dump *
begin_dump(struct worker *w)
{
	return (state_dump_new(
	    w->parts.loop, &w->parts.view, w->start->statedir, on_dumped, w));
}

static void
dump_state(struct worker *w)
{
	w->dump_again = w->dump != NULL;
	if (w->dump != NULL)
		return;
	w->dump = begin_dump(w);
	if (w->dump == NULL && tails_out_of_descriptors(errno) &&
	    tails_close_some(w->parts.tails))
		w->dump = begin_dump(w);
	if (w->dump == NULL) {
		log_warn("%s/state.json", w->conf->state_dir);
		tell(w, CHANNEL_DUMPED);
	}
}

static void
asked_for_state(struct worker *w)
{
	if (w->start->statedir == -1) {
		log_notice("no state_dir, so no state.json");
		tell(w, CHANNEL_DUMPED);
	} else {
		dump_state(w);
	}
}

static void
on_usr1(struct ev_loop *loop, ev_signal *sig, int revents)
{
	(void)loop;
	(void)revents;
	asked_for_state(sig->data);
}

static void
ask_for_reload(void *arg)
{
	tell(arg, CHANNEL_RELOAD);
}

static void
ask_for_renewal(void *arg)
{
	tell(arg, CHANNEL_RENEW);
}

static void
ask_for_a_look(void *arg)
{
	tell(arg, CHANNEL_LOOK);
}

static void
on_resolve(void *arg)
{
	struct worker *w = arg;

	confine_on_resolve(&w->confine);
}

static void
on_unreached(void *arg)
{
	struct worker *w = arg;

	confine_on_unreached(&w->confine);
}

/* A receiver never waits for what a file holds that can be opened again. */
static bool
on_no_descriptor(void *arg)
{
	struct worker *w = arg;

	return (tails_close_some(w->parts.tails));
}

/* Returns what channel_hear() did. */
static int
hear_monitor(struct worker *w)
{
	struct channel_message m;
	int fd, rc;

	if ((rc = channel_hear(w->start->channel, &m, &fd)) != 1)
		return (rc);
	switch (m.word) {
	case CHANNEL_HEARS:
		w->missed = 0;
		tell_again(w);
		break;
	case CHANNEL_RELOADS:
		w->replaced = true;
		ctl_reloaded(w->ctl, NULL);
		break;
	case CHANNEL_REFUSES:
		ctl_reloaded(w->ctl, m.why.text);
		break;
	case CHANNEL_RENEWS:
		w->replaced = true;
		break;
	case CHANNEL_READY:
	case CHANNEL_RELOAD:
	case CHANNEL_ALIVE:
	case CHANNEL_GIVES:
	case CHANNEL_RENEW:
	case CHANNEL_LOOK:
	case CHANNEL_DUMPED:
		break; /* only a worker says so */
	}
	return (rc);
}

/* Without a monitor there is no worker. */
static void
on_monitor(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)revents;
	if (hear_monitor(io->data) != 0)
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
		tell(w, CHANNEL_ALIVE);
	while ((n = hear_monitor(w)) > 0)
		continue;
	if (n == 0)
		leave_start("the monitor is gone: stopping", 1);
	if ((due & STARTING_STOP) && (w->replaced || w->start->given->n == 0))
		leave_start("stopping before the start was done", 0);
}

static int
give_file(void *arg, const struct handover_file *f)
{
	const struct worker *w = arg;
	struct channel_message m;

	memset(&m, 0, sizeof(m));
	m.word = CHANNEL_GIVES;
	m.quiet = f->quiet;
	return (channel_say(w->start->channel, &m, f->fd, GIVE_MS));
}

/* Whether another worker takes over from this one. */
static bool
has_successor(struct worker *w)
{
	while (hear_monitor(w) > 0)
		continue;
	return (w->replaced && w->start->statedir != -1);
}

/* What only an open descriptor may lead to. */
static void
leave_files(struct worker *w)
{
	if (has_successor(w))
		handover_give(w->parts.tails, give_file, w);
	else
		handover_say_lost(w->parts.tails);
}

static void
tell_alive(struct worker *w)
{
	if (w->missed++ == w->start->most_missed)
		log_warnx("the monitor does not answer: until it does, a "
			  "worker that fails is not started again");
	tell(w, CHANNEL_ALIVE);
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
		dest_pump(w->parts.dests[i]);
		quiet = quiet && dest_is_quiet(w->parts.dests[i]);
		pressed = pressed || dest_is_pressed(w->parts.dests[i]);
	}
	tails_settle(w->parts.tails);
	ledger_turn(w->parts.ledger);
	if (w->dumped)
		end_dump(w);
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
	w->ctl_env = (struct ctl_env) { .loop = loop,
		.view = &w->parts.view,
		.ledger = w->parts.ledger,
		.reload = ask_for_reload,
		.make_room = on_no_descriptor,
		.arg = w };
	if ((w->ctl = ctl_new(&w->ctl_env, w->start->control)) == NULL)
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
	if (w->ctl != NULL)
		ctl_move(w->ctl, w->parts.loop);
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
		(void)ledger_sync(w->parts.ledger);
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
	confine_init(&w->confine, loop, w->start->needs);
	w->confine.on_renew = ask_for_renewal;
	w->confine.on_look = ask_for_a_look;
	w->confine.arg = w;
	hooks.sources = confine_ops(&w->confine);
	return (worker_build(&w->parts, w->conf, w->start->statedir, &hooks));
}

static void
work(struct worker *w)
{
	size_t i;

	/* Now it is known where links lead to; no line was read yet. */
	confine_enter(&w->confine, w->parts.sources, w->start->statedir);
	ledger_start(w->parts.ledger);
	record_beginnings(w);
	start_watchers(w);
	end_start(w);
	for (i = 0; i < w->parts.ndests; i++)
		dest_start(w->parts.dests[i]);
	tell(w, CHANNEL_READY);
	log_detach();
	ev_run(w->parts.loop, 0);
}

int
worker_run(const struct worker_start *start)
{
	struct worker w = { .start = start, .conf = start->conf };
	int result = 1;

	if (account_become(start->account) == -1) {
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
			handover_end(w.parts.tails);
		result = ledger_sync(w.parts.ledger) == 0 ? 0 : 1;
		leave_files(&w);
	}
	state_dump_free(w.dump);
	ctl_free(w.ctl);
	starting_end(&w.starting);
	worker_build_free(&w.parts);
	return (result);
}
