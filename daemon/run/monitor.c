#include "daemon/run/monitor.h"

#include <sys/resource.h>
#include <sys/wait.h>

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/sd_notify.h"
#include "daemon/conf/conf.h"
#include "daemon/run/inside.h"
#include "daemon/sandbox/profile.h"
#include "daemon/sandbox/sandbox.h"

#define RESTART_FIRST_MS 100
#define RESTART_LONGEST_MS 30000
#define STEADY_MS 60000 /* alive so long: the next crash is new */
#define ONE_STOP_MS 1000 /* two signals within it are one */
#define HEARD_AT_ONCE 256 /* packets: a worker is not all there is */
#define STARTING_MS 300000 /* a worker that is not ready by then hangs */

/*
 * No worker is there to be late; or one has a while to become ready, or to say
 * that it is still about to.
 */
static void
beat(struct monitor *m)
{
	if (m->worker == 0 || clock_steady_ms() - m->heard_ms < STARTING_MS)
		sd_notify_beat("WATCHDOG=1\n");
	monitor_beat_later(m);
}

static void
stop(struct monitor *m)
{
	uint64_t now = clock_steady_ms();

	if (m->stopping && m->worker != 0) {
		/* A signal to the whole group comes to the worker, too. */
		if (now - m->stopped_ms < ONE_STOP_MS)
			return;
		log_notice("told to stop once more: not waiting");
		m->status = 0;
		monitor_kill_worker(m);
		return;
	}
	m->stopping = true;
	m->stopped_ms = now;
	sd_notify_send(
	    "STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=%llu000"
	    "\n",
	    (unsigned long long)m->conf->shutdown_timeout_ms +
		2ULL * MONITOR_KILL_GRACE_MS);
	if (m->worker == 0)
		m->finished = true;
	monitor_stop_worker(m);
}

/*
 * A worker that fails at once is started less and less often: each time after
 * twice the wait, give or take a half by chance.
 */
static uint64_t
next_wait(struct monitor *m)
{
	uint64_t twice = m->restart_ms * 2;

	if (clock_steady_ms() - m->started_ms > STEADY_MS || twice == 0)
		twice = RESTART_FIRST_MS;
	m->restart_ms = twice < RESTART_LONGEST_MS ? twice : RESTART_LONGEST_MS;
	return (
	    m->restart_ms / 2 + arc4random_uniform((uint32_t)m->restart_ms));
}

static void
restart_later(struct monitor *m, int status)
{
	uint64_t wait = next_wait(m);

	if (WIFSIGNALED(status))
		log_errorx("worker: ended by signal %d, starting it again in "
			   "%llu ms",
		    WTERMSIG(status), (unsigned long long)wait);
	else
		log_errorx("worker: exit %d, starting it again in %llu ms",
		    WEXITSTATUS(status), (unsigned long long)wait);
	sd_notify_send("STATUS=the worker failed, starting it again\n");
	m->due_ms = clock_steady_ms() + wait;
}

static void
say_signal(const struct monitor *m, int status)
{
	if (WIFSIGNALED(status) && !m->killed)
		log_errorx("worker: ended by signal %d", WTERMSIG(status));
}

static void
say_ungiven(struct monitor *m)
{
	if (m->ungiven > 0)
		log_warnx("monitor: %u open files could not be handed over: "
			  "no descriptor was left",
		    m->ungiven);
	m->ungiven = 0;
}

static void
on_worker_exit(struct monitor *m, int status)
{
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	m->worker = 0;
	m->due_ms = 0;
	(void)close(m->channel);
	m->channel = -1;
	say_ungiven(m);
	monitor_beat_later(m);
	if (m->stopping || (good && m->next.conf == NULL && !m->renewing)) {
		/* It stops by itself only when it was told to. */
		say_signal(m, status);
		m->finished = true;
		m->status = good ? 0 : m->status;
	} else if (!m->was_ready && !(good && m->next.conf != NULL)) {
		say_signal(m, status);
		m->finished = true;
	} else if (m->next.conf != NULL) {
		monitor_take_next(m);
		m->due_ms = clock_steady_ms();
	} else if (good || (m->renewing && m->killed)) {
		m->due_ms = clock_steady_ms();
	} else {
		restart_later(m, status);
	}
}

static void
on_due(struct monitor *m)
{
	if (m->worker != 0) {
		log_warnx("worker: does not stop: killed");
		m->due_ms = 0;
		monitor_kill_worker(m);
		return;
	}
	if (m->next.conf != NULL)
		monitor_take_next(m);
	monitor_renew_state(m);
	monitor_open_control(m);
	if (monitor_start_worker(m) == -1)
		m->due_ms = clock_steady_ms() + RESTART_LONGEST_MS;
}

/* When a worker that runs counts as one that hangs, or 0. */
static uint64_t
silent_at(const struct monitor *m)
{
	if (m->worker == 0 || !m->is_ready || m->killed || m->due_ms != 0)
		return (0);
	return (m->heard_ms + monitor_patience_ms());
}

static void
replace_silent(struct monitor *m)
{
	log_errorx("worker: has said nothing for %llu s: killed",
	    (unsigned long long)monitor_patience_ms() / 1000);
	monitor_kill_worker(m);
}

static uint64_t
earlier(uint64_t a, uint64_t b)
{
	return (a == 0 || (b != 0 && b < a) ? b : a);
}

static void
wait_for_something(struct monitor *m)
{
	struct pollfd pfd = { .fd = m->channel, .events = POLLIN };
	struct timespec ts, *timeout = NULL;
	uint64_t now = clock_steady_ms(), next, left;
	sigset_t none;

	next = earlier(m->due_ms, m->beat_ms);
	next = earlier(next, silent_at(m));
	next = earlier(next, monitor_request_due(m));
	if (next != 0) {
		left = next > now ? next - now : 0;
		ts.tv_sec = (time_t)(left / 1000);
		ts.tv_nsec = (long)(left % 1000) * 1000000;
		timeout = &ts;
	}
	sigemptyset(&none);
	(void)ppoll(&pfd, m->channel == -1 ? 0 : 1, timeout, &none);
}

static void
do_signals(struct monitor *m)
{
	unsigned got = signals_take();

	if (got & SIGNALS_TERM)
		stop(m);
	if (got & SIGNALS_HUP)
		monitor_reload(m);
	if (got & SIGNALS_USR1) {
		m->dump = true;
		if (m->worker != 0)
			(void)kill(m->worker, SIGUSR1);
	}
}

static void
do_timed(struct monitor *m)
{
	uint64_t now = clock_steady_ms();

	monitor_do_requests(m);
	if (m->due_ms != 0 && now >= m->due_ms)
		on_due(m);
	if (m->beat_ms != 0 && now >= m->beat_ms)
		beat(m);
	if (silent_at(m) != 0 && now >= silent_at(m))
		replace_silent(m);
}

static void
loop(struct monitor *m)
{
	int status;

	while (!m->finished) {
		wait_for_something(m);
		monitor_hear(m, HEARD_AT_ONCE);
		if (m->worker != 0 &&
		    waitpid(m->worker, &status, WNOHANG) == m->worker) {
			monitor_hear(m, UINT_MAX);
			on_worker_exit(m, status);
		}
		do_signals(m);
		if (!m->finished)
			do_timed(m);
	}
}

static void
enter_sandbox(void)
{
	struct reason got;

	if (sandbox_monitor(&got) == 0)
		log_info("monitor: sandbox: %s", got.text);
	else
		log_notice("monitor: sandbox: %s", got.text);
}

/* Between two workers every file that one had open is open here. */
static void
raise_files_limit(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
}

int
monitor_run(const struct monitor_ops *ops, struct conf *conf)
{
	struct monitor m = { .ops = ops,
		.channel = -1,
		.checkpoint = -1,
		.state = { -1, -1 },
		.control = { .fd = -1 },
		.status = 1 };
	struct reason why;

	sd_notify_init();
	log_set_level(conf->log_level);
	if (monitor_prepare(&m, conf, &why) == -1) {
		log_errorx("%s", why.text);
		conf_free(conf);
		return (1);
	}
	monitor_take_next(&m);
	signals_catch();
	raise_files_limit();
	monitor_open_control(&m);
	enter_sandbox();
	if (monitor_start_worker(&m) == 0)
		loop(&m);
	handover_clear(&m.given);
	control_socket_close(&m.control);
	if (m.checkpoint != -1)
		(void)close(m.checkpoint);
	state_dir_close(&m.state);
	monitor_drop_next(&m);
	conf_free(m.conf);
	profile_free(m.needs);
	return (m.status);
}
