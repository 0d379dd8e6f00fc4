#include "daemon/run/worker.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <errno.h>
#include <ev.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/fdpass.h"
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
#include "daemon/run/worker_sandbox.h"
#include "daemon/sandbox/opener.h"
#include "daemon/send/destination.h"
#include "daemon/stream/stream.h"
#include "lib/token_bucket.h"

#define SPARE_FDS 64 /* for what is no followed file and no receiver */
#define LOOK_MS 1000
#define GIVE_MS 5000 /* until the monitor takes the next file */

struct worker {
	const struct worker_start *start;
	const struct conf *conf;
	struct ev_loop *loop;
	struct ledger *ledger;
	struct tails *tails;
	struct sources *sources;
	struct endpoint_env env;
	struct state_view view;
	struct ctl_env ctl_env;
	struct ctl *ctl; /* NULL: no control socket */
	struct starting starting;
	struct destination **dests;
	size_t ndests;
	struct route *routes;
	size_t nroutes;
	ev_tstamp started;
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
tell(struct worker *w, enum worker_word word)
{
	struct worker_report report;

	memset(&report, 0, sizeof(report));
	report.word = word;
	if (word == WORKER_ALIVE && w->start->tells_sum && !w->view.starting)
		state_sum(&w->view, &report.sum);
	w->untold &= ~(1u << word);
	if (channel_send(w->start->channel, &report, sizeof(report), -1, 0) ==
	    0)
		return;
	log_debug("worker: monitor: %s", strerror(errno));
	if (word != WORKER_ALIVE)
		w->untold |= 1u << word;
}

static void
tell_again(struct worker *w)
{
	static const enum worker_word words[] = { WORKER_READY, WORKER_RELOAD,
		WORKER_RENEW, WORKER_LOOK, WORKER_DUMPED };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (w->untold & (1u << words[i]))
			tell(w, words[i]);
}

static void
on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct worker *w = timer->data;
	const char *name;
	uint64_t in_flight;
	size_t i;

	(void)revents;
	for (i = 0; i < w->ndests; i++) {
		name = dest_conf(w->dests[i])->name;
		in_flight = dest_in_flight(w->dests[i]);
		if (!dest_abandon(w->dests[i]))
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
	ev_break(loop, EVBREAK_ALL);
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
	for (i = 0; i < w->ndests; i++)
		dest_drain(w->dests[i]);
	ev_timer_init(&w->patience, on_patience,
	    (double)w->conf->shutdown_timeout_ms / 1e3, 0.);
	w->patience.data = w;
	ev_timer_start(w->loop, &w->patience);
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
	tell(sig->data, WORKER_RELOAD);
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
		tell(w, WORKER_DUMPED);
}

static struct state_dump *
begin_dump(struct worker *w)
{
	return (state_dump_new(
	    w->loop, &w->view, w->start->statedir, on_dumped, w));
}

static void
dump_state(struct worker *w)
{
	w->dump_again = w->dump != NULL;
	if (w->dump != NULL)
		return;
	w->dump = begin_dump(w);
	if (w->dump == NULL && tails_out_of_descriptors(errno) &&
	    tails_close_some(w->tails))
		w->dump = begin_dump(w);
	if (w->dump == NULL) {
		log_warn("%s/state.json", w->conf->state_dir);
		tell(w, WORKER_DUMPED);
	}
}

static void
on_usr1(struct ev_loop *loop, ev_signal *sig, int revents)
{
	struct worker *w = sig->data;

	(void)loop;
	(void)revents;
	if (w->start->statedir == -1) {
		log_notice("no state_dir, so no state.json");
		tell(w, WORKER_DUMPED);
	} else {
		dump_state(w);
	}
}

static void
ask_for_reload(void *arg)
{
	tell(arg, WORKER_RELOAD);
}

static void
ask_for_renewal(void *arg)
{
	tell(arg, WORKER_RENEW);
}

static void
ask_for_a_look(void *arg)
{
	tell(arg, WORKER_LOOK);
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

	return (tails_close_some(w->tails));
}

/* Returns what recv(2) did. */
static ssize_t
hear_monitor(struct worker *w)
{
	struct reason said;
	ssize_t n;

	n = recv(
	    w->start->channel, said.text, sizeof(said.text) - 1, MSG_DONTWAIT);
	if (n <= 0)
		return (n);
	said.text[n] = '\0';
	if (said.text[0] == MONITOR_HEARS) {
		w->missed = 0;
		tell_again(w);
		return (n);
	}
	w->replaced |= said.text[0] != MONITOR_REFUSES;
	if (said.text[0] == MONITOR_RELOADS)
		ctl_reloaded(w->ctl, NULL);
	else if (said.text[0] == MONITOR_REFUSES)
		ctl_reloaded(w->ctl, said.text + 1);
	return (n);
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
	ssize_t n;

	if (due == 0)
		return;
	if (due & STARTING_ALIVE)
		tell(w, WORKER_ALIVE);
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
	struct worker_report report;

	memset(&report, 0, sizeof(report));
	report.word = WORKER_GIVES;
	report.quiet = f->quiet;
	return (channel_send(
	    w->start->channel, &report, sizeof(report), f->fd, GIVE_MS));
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
		handover_give(w->tails, give_file, w);
	else
		handover_say_lost(w->tails);
}

static void
on_alive(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct worker *w = timer->data;

	(void)loop;
	(void)revents;
	if (w->missed++ == w->start->most_missed)
		log_warnx("the monitor does not answer: until it does, a "
			  "worker that fails is not started again");
	tell(w, WORKER_ALIVE);
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

	ev_set_io_collect_interval(w->loop, at_once ? 0. : WORKER_GATHER);
}

/* Once a turn, before the loop sleeps: all that the events brought is sent. */
static void
on_turn(struct ev_loop *loop, ev_prepare *prepare, int revents)
{
	struct worker *w = prepare->data;
	bool quiet = true, pressed = false;
	size_t i;

	(void)revents;
	for (i = 0; i < w->ndests; i++) {
		dest_pump(w->dests[i]);
		quiet = quiet && dest_is_quiet(w->dests[i]);
		pressed = pressed || dest_is_pressed(w->dests[i]);
	}
	tails_settle(w->tails);
	ledger_turn(w->ledger);
	if (w->dumped)
		end_dump(w);
	gather(w, pressed);
	if (w->stopping && quiet && w->dump == NULL)
		ev_break(loop, EVBREAK_ALL);
}

static void
start_signal(struct worker *w, ev_signal *sig, int signo,
    void (*cb)(struct ev_loop *, ev_signal *, int))
{
	sigset_t set;

	ev_signal_init(sig, cb, signo);
	sig->data = w;
	ev_signal_start(w->loop, sig);
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
	ev_io_start(w->loop, &w->monitor);
	turns_init(&w->turns, WORKER_TURNS, WORKER_CALM);
	ev_prepare_init(&w->turn, on_turn);
	w->turn.data = w;
	ev_prepare_start(w->loop, &w->turn);
	/* Soon for the first time: by then destinations are connected. */
	ev_timer_init(&w->alive, on_alive, every < 2. ? every : 2., every);
	w->alive.data = w;
	ev_timer_start(w->loop, &w->alive);
}

/* A connection for each url. */
static rlim_t
sockets_needed(const struct conf *conf)
{
	const struct conf_destination *d;
	rlim_t n = 0;

	TAILQ_FOREACH (d, &conf->destinations, entry)
		n += d->nurls;
	return (n);
}

/* Raises the limit of descriptors; returns how many are for files. */
static unsigned
files_limit(const struct conf *conf)
{
	rlim_t others = SPARE_FDS + sockets_needed(conf);
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return (SPARE_FDS);
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_cur < others + SPARE_FDS)
		return (SPARE_FDS / 2);
	if (rl.rlim_cur - others > 1024 * 1024)
		return (1024 * 1024);
	return ((unsigned)(rl.rlim_cur - others));
}

static struct destination *
find_dest(struct worker *w, const struct conf_destination *conf)
{
	size_t i;

	for (i = 0; i < w->ndests; i++)
		if (dest_conf(w->dests[i]) == conf)
			return (w->dests[i]);
	return (NULL);
}

static int
make_dests(struct worker *w)
{
	struct conf_destination *c;
	size_t n = 0;

	TAILQ_FOREACH (c, &w->conf->destinations, entry)
		n++;
	if ((w->dests = calloc(n, sizeof(struct destination *))) == NULL)
		return (-1);
	TAILQ_FOREACH (c, &w->conf->destinations, entry) {
		if ((w->dests[w->ndests] = dest_new(&w->env, c)) == NULL)
			return (-1);
		w->ndests++;
	}
	return (0);
}

/* A route for every destination of every source. */
static int
make_routes(struct worker *w)
{
	struct conf_source *c;
	struct route *r, **of_source;
	size_t n = 0, i;
	int result = 0, set;

	TAILQ_FOREACH (c, &w->conf->sources, entry)
		n += c->ndestinations;
	w->routes = calloc(n, sizeof(*w->routes));
	of_source = calloc(n, sizeof(struct route *));
	if (w->routes == NULL || of_source == NULL)
		result = -1;
	TAILQ_FOREACH (c, &w->conf->sources, entry) {
		set = 0;
		if (c->max_open > 0)
			set = tails_add_set(w->tails, (unsigned)c->max_open);
		if (set == -1)
			result = -1;
		for (i = 0; result == 0 && i < c->ndestinations; i++) {
			r = of_source[i] = &w->routes[w->nroutes];
			if (route_init(r, c, c->destinations[i]) == -1) {
				result = -1;
				break;
			}
			dest_join(find_dest(w, c->destinations[i]), r);
			r->open_set = (uint16_t)set;
			w->nroutes++;
		}
		if (result == 0 &&
		    sources_add(w->sources, c, of_source, i) == -1)
			result = -1;
	}
	free(of_source);
	return (result);
}

static size_t
scratch_size(const struct conf *conf)
{
	const struct conf_destination *c;
	size_t size = WORKER_SCRATCH;

	TAILQ_FOREACH (c, &conf->destinations, entry)
		if (size < STREAM_LEAST(c->max_message))
			size = STREAM_LEAST(c->max_message);
	return (size);
}

static uint64_t
look_ms(const struct conf *conf)
{
	const struct conf_source *c;
	uint64_t ms = LOOK_MS;

	TAILQ_FOREACH (c, &conf->sources, entry)
		if (c->partial_timeout_ms != 0 &&
		    c->partial_timeout_ms / 2 < ms)
			ms = c->partial_timeout_ms / 2;
	return (ms < 10 ? 10 : ms);
}

static int
make_all(struct worker *w)
{
	struct tails_conf tc = { .ops = &follow_ops,
		.max_open = files_limit(w->conf),
		.look_ms = look_ms(w->conf),
		.scratch = scratch_size(w->conf) };
	struct sources_ops ops;
	struct reason why;

	if ((w->loop = ev_default_loop(EVFLAG_AUTO | EVFLAG_NOENV)) == NULL) {
		log_errorx("worker: no event loop");
		return (-1);
	}
	say_open(w->loop, SAY_WHILE);
	/* The opener, should it end, is waited for by nobody. */
	(void)signal(SIGCHLD, SIG_IGN);
	confine_init(&w->confine, w->loop, w->start->needs);
	w->confine.on_renew = ask_for_renewal;
	w->confine.on_look = ask_for_a_look;
	w->confine.arg = w;
	ops = confine_ops(&w->confine);
	w->ledger = ledger_new(
	    w->loop, w->start->statedir, w->conf->checkpoint_interval_ms, &why);
	if (w->ledger == NULL) {
		log_errorx("state_dir %s: %s", w->conf->state_dir, why.text);
		return (-1);
	}
	if ((w->tails = tails_new(w->loop, w->ledger, &tc)) == NULL ||
	    (w->sources = sources_new(w->loop, w->tails, w->ledger, &ops)) ==
		NULL) {
		log_error("worker");
		return (-1);
	}
	follow_serve_checkpointer(w->ledger, w->tails);
	sources_on_pause(w->sources, on_pause, w);
	/* Following these would never end. */
	sources_avoid(w->sources, STDOUT_FILENO);
	sources_avoid(w->sources, STDERR_FILENO);
	sources_avoid(w->sources, w->start->statedir);
	w->env = (struct endpoint_env) { .loop = w->loop,
		.ledger = w->ledger,
		.on_stdout_closed = on_stdout_closed,
		.on_resolve = on_resolve,
		.on_unreached = on_unreached,
		.on_no_descriptor = on_no_descriptor,
		.arg = w };
	if (make_dests(w) == -1 || make_routes(w) == -1) {
		log_error("worker");
		return (-1);
	}
	w->view = (struct state_view) { .conf = w->conf,
		.dests = w->dests,
		.ndests = w->ndests,
		.routes = w->routes,
		.nroutes = w->nroutes,
		.tails = w->tails,
		.sources = w->sources,
		.ledger = w->ledger,
		.started = w->started };
	return (0);
}

static void
start_ctl(struct worker *w, struct ev_loop *loop)
{
	if (w->start->control == -1 || loop == NULL)
		return;
	w->ctl_env = (struct ctl_env) { .loop = loop,
		.view = &w->view,
		.ledger = w->ledger,
		.reload = ask_for_reload,
		.make_room = on_no_descriptor,
		.arg = w };
	if ((w->ctl = ctl_new(&w->ctl_env, w->start->control)) == NULL)
		log_warn("control socket");
}

static void
begin_start(struct worker *w)
{
	w->view.starting = true;
	starting_begin(
	    &w->starting, w->start->alive_ms, w->start->control != -1);
	start_ctl(w, w->starting.loop);
}

static void
end_start(struct worker *w)
{
	w->view.starting = false;
	if (w->ctl != NULL)
		ctl_move(w->ctl, w->loop);
	else
		start_ctl(w, w->loop);
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

	for (i = 0; i < w->nroutes; i++)
		if (w->routes[i].fresh)
			break;
	/* Where that fails, it was logged, and is tried again. */
	if (i < w->nroutes)
		(void)ledger_sync(w->ledger);
}

static void
free_all(struct worker *w)
{
	size_t i;

	say_close();
	state_dump_free(w->dump);
	ctl_free(w->ctl);
	if (w->tails != NULL)
		follow_free_all(w->tails);
	tails_free(w->tails);
	sources_free(w->sources);
	for (i = 0; i < w->ndests; i++)
		dest_free(w->dests[i]);
	free(w->dests);
	for (i = 0; i < w->nroutes; i++)
		route_fini(&w->routes[i]);
	free(w->routes);
	ledger_free(w->ledger);
	starting_end(&w->starting);
	if (w->loop != NULL)
		ev_loop_destroy(w->loop);
}

static int
look_for_files(struct worker *w)
{
	const struct handover *given = w->start->given;

	begin_start(w);
	if (sources_start(w->sources, given->files, given->n) == -1)
		return (-1);
	/* That takes its time. */
	ev_now_update(w->loop);
	return (0);
}

int
worker_run(const struct worker_start *start)
{
	struct worker w = { .start = start, .conf = start->conf };
	int result = 1;
	size_t i;

	if (account_become(start->account) == -1) {
		log_error(
		    "worker: cannot become user %s", start->account->name);
		return (1);
	}
	if (opener_start(start->conf) == -1)
		log_warn("worker: what comes later is opened by a new worker");
	heap_give_back();
	w.started = (double)clock_wall_s();
	if (make_all(&w) == 0 && look_for_files(&w) == 0) {
		/* Now it is known where links lead to; no line was read yet. */
		confine_enter(&w.confine, w.sources, start->statedir);
		ledger_start(w.ledger);
		record_beginnings(&w);
		start_watchers(&w);
		end_start(&w);
		for (i = 0; i < w.ndests; i++)
			dest_start(w.dests[i]);
		tell(&w, WORKER_READY);
		log_detach();
		ev_run(w.loop, 0);
		if (!has_successor(&w))
			handover_end(w.tails);
		result = ledger_sync(w.ledger) == 0 ? 0 : 1;
		leave_files(&w);
	}
	free_all(&w);
	return (result);
}
