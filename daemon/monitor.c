#include "daemon/monitor.h"

#include <sys/socket.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/account.h"
#include "daemon/conf.h"
#include "daemon/control.h"
#include "daemon/handover.h"
#include "daemon/log.h"
#include "daemon/needs.h"
#include "daemon/notify.h"
#include "daemon/sandbox.h"
#include "daemon/statedir.h"
#include "daemon/worker.h"
#include "lib/pace.h"

#define RESTART_FIRST_MS 100
#define RESTART_LONGEST_MS 30000
#define STEADY_MS 60000 /* alive so long: the next crash is new */
#define KILL_GRACE_MS 5000 /* beyond shutdown_timeout */
#define STARTING_MS 300000 /* a worker that is not ready by then hangs */

#define REFUSED "STATUS=the new configuration is wrong, the old one goes on"

struct monitor {
	const struct monitor_ops *ops;
	struct conf *conf;
	struct conf *next; /* after this worker */
	struct needs *needs; /* as it was when this worker was started */
	struct account account;
	struct statedir state;
	struct control control;
	struct backoff backoff;
	pid_t worker; /* 0: none runs */
	int channel;
	uint64_t started_ms;
	uint64_t due_ms; /* start, or kill, the worker; 0 */
	uint64_t beat_ms; /* no worker speaks yet: we do; 0 */
	bool was_ready; /* some worker was */
	bool refused; /* the last new configuration was wrong */
	bool renewing; /* this worker is replaced by one like it */
	bool stopping;
	bool finished;
	int status;
	int given[HANDOVER_MOST]; /* files for the next worker */
	size_t ngiven;
};

static volatile sig_atomic_t got_term, got_hup, got_usr1;

static void
on_signal(int signo)
{
	if (signo == SIGTERM || signo == SIGINT)
		got_term = 1;
	else if (signo == SIGHUP)
		got_hup = 1;
	else if (signo == SIGUSR1)
		got_usr1 = 1;
}

static uint64_t
now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };
#define NSIGNALS (sizeof(signals) / sizeof(signals[0]))

void
monitor_hold_signals(void)
{
	sigset_t block;
	size_t i;

	sigemptyset(&block);
	for (i = 0; i < NSIGNALS; i++)
		sigaddset(&block, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &block, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

void
monitor_release_signals(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* They are let in only while ppoll(2) waits, so none is missed. */
static void
catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	size_t i;

	for (i = 0; i < NSIGNALS; i++)
		(void)sigaction(signals[i], &sa, NULL);
}

/* The worker lets each in when it has a watcher for it. */
static void
forget_signals(void)
{
	size_t i;

	for (i = 0; i < NSIGNALS; i++)
		(void)signal(signals[i], SIG_DFL);
}

static int
run_worker(struct monitor *m, int channel)
{
	struct worker_start start = {
		.conf = m->conf,
		.needs = m->needs,
		.account = &m->account,
		.statedir = m->state.fd,
		.control = m->control.fd,
		.channel = channel,
		.alive_ms = notify_every_ms(),
		.given = m->given,
		.ngiven = m->ngiven,
	};
	int status;

	/* Only the monitor is called what a service script looks for. */
	if (m->conf->file != NULL)
		setproctitle("worker for %s", m->conf->file);
	else
		setproctitle("worker");
	forget_signals();
	log_set_level(m->conf->log_level);
	status = worker_run(&start);
	needs_free(m->needs);
	conf_free(m->conf);
	return (status);
}

static void
beat_later(struct monitor *m)
{
	m->beat_ms = notify_every_ms() != 0 ? now_ms() + notify_every_ms() : 0;
}

/* No worker is there to be late, or it has a while to become ready. */
static void
beat(struct monitor *m)
{
	if (m->worker == 0 || now_ms() - m->started_ms < STARTING_MS)
		notify_send("WATCHDOG=1\n");
	beat_later(m);
}

/* The next worker has them by fork(2). */
static void
close_given(struct monitor *m)
{
	while (m->ngiven > 0)
		(void)close(m->given[--m->ngiven]);
}

static int
start_worker(struct monitor *m)
{
	int pair[2];

	m->due_ms = 0;
	needs_free(m->needs);
	if ((m->needs = needs_new(m->conf)) == NULL) {
		log_error("monitor");
		return (-1);
	}
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == -1) {
		log_error("monitor: socketpair");
		return (-1);
	}
	switch (m->worker = fork()) {
	case -1:
		m->worker = 0;
		log_error("monitor: fork");
		(void)close(pair[0]);
		(void)close(pair[1]);
		return (-1);
	case 0:
		(void)close(pair[0]);
		exit(run_worker(m, pair[1]));
	default:
		break;
	}
	(void)close(pair[1]);
	close_given(m);
	m->channel = pair[0];
	m->started_ms = now_ms();
	beat_later(m);
	m->renewing = false;
	return (0);
}

/* What root may do is done here, before a worker runs with conf. */
static int
prepare(struct monitor *m, const struct conf *conf, struct reason *why)
{
	struct statedir state;
	struct account account;

	if (conf->warning.text[0] != '\0')
		log_warnx("%s", conf->warning.text);
	if (account_find(&account, conf->user, why) == -1)
		return (-1);
	if (m->state.fd != -1 && conf->state_dir != NULL &&
	    m->conf->state_dir != NULL &&
	    strcmp(conf->state_dir, m->conf->state_dir) == 0) {
		m->account = account;
		return (statedir_give(&m->state, account.uid, account.gid,
		    why));
	}
	if (statedir_open(
		&state, conf->state_dir, account.uid, account.gid, why) == -1)
		return (-1);
	statedir_set_pid(&state, getpid());
	statedir_close(&m->state);
	m->state = state;
	m->account = account;
	return (0);
}

/* Whether by its path, or by none. */
static bool
is_control(const struct control *c, const char *path)
{
	if (c->fd == -1 || path == NULL)
		return (c->fd == -1 && path == NULL);
	return (strcmp(c->path, path) == 0);
}

/* The daemon does its work without one. */
static void
open_control(struct monitor *m, const struct conf *conf)
{
	struct reason why;

	if (is_control(&m->control, conf->control_socket))
		return;
	control_close(&m->control);
	if (control_open(&m->control, conf->control_socket, m->account.gid,
		&why) == -1)
		log_warnx("%s", why.text);
}

/* Tells the worker, which may have been asked for it, how a reload went. */
static void
say_reload(const struct monitor *m, char how, const char *why)
{
	struct reason said;

	reason_set(&said, "%c%s", how, why);
	if (m->channel != -1 &&
	    send(m->channel, said.text, strlen(said.text), MSG_NOSIGNAL) == -1)
		log_debug("monitor: worker: %s", strerror(errno));
}

static void
stop_worker(struct monitor *m)
{
	if (m->worker == 0)
		return;
	(void)kill(m->worker, SIGTERM);
	m->due_ms = now_ms() + m->conf->shutdown_timeout_ms + KILL_GRACE_MS;
}

static void
stop(struct monitor *m)
{
	if (m->stopping && m->worker != 0) {
		log_notice("told to stop once more: not waiting");
		(void)kill(m->worker, SIGKILL);
		return;
	}
	m->stopping = true;
	notify_send("STOPPING=1\nSTATUS=stopping\nEXTEND_TIMEOUT_USEC=%llu000"
		    "\n",
	    (unsigned long long)m->conf->shutdown_timeout_ms +
		2ULL * KILL_GRACE_MS);
	if (m->worker == 0)
		m->finished = true;
	stop_worker(m);
}

static void
reload(struct monitor *m)
{
	struct reason why;
	struct conf *conf;

	if (m->stopping)
		return;
	notify_reloading();
	if ((conf = m->ops->load(m->ops->arg, &why)) == NULL ||
	    prepare(m, conf, &why) == -1) {
		log_errorx("%s", why.text);
		log_errorx("not reloaded: the old configuration goes on");
		say_reload(m, MONITOR_REFUSES, why.text);
		conf_free(conf);
		m->refused = true;
		notify_send("READY=1\n" REFUSED "\n");
		return;
	}
	log_notice("reloading");
	m->refused = false;
	say_reload(m, MONITOR_RELOADS, "");
	conf_free(m->next);
	m->next = conf;
	if (m->worker != 0)
		stop_worker(m);
	else
		m->due_ms = now_ms();
}

static void
renew(struct monitor *m)
{
	if (m->stopping || m->renewing || m->next != NULL)
		return;
	m->renewing = true;
	say_reload(m, MONITOR_RENEWS, "");
	stop_worker(m);
}

/* For a worker that cannot see it from its sandbox. */
static void
look(struct monitor *m)
{
	struct needs *now;
	const char *path;

	if ((now = needs_new(m->conf)) == NULL) {
		log_error("monitor");
		return;
	}
	if ((path = needs_differ(m->needs, now)) != NULL) {
		log_notice("%s: was another or none when the sandbox was made: "
			   "a new worker takes over",
		    path);
		renew(m);
	}
	needs_free(now);
}

static void
take_next(struct monitor *m)
{
	conf_free(m->conf);
	m->conf = m->next;
	m->next = NULL;
	log_set_level(m->conf->log_level);
}

static void
restart_later(struct monitor *m, int status)
{
	uint64_t wait;

	if (now_ms() - m->started_ms > STEADY_MS)
		backoff_reset(&m->backoff);
	wait = backoff_next(&m->backoff, now_ms(), arc4random());
	if (WIFSIGNALED(status))
		log_errorx("worker: ended by signal %d, starting it again in "
			   "%llu ms",
		    WTERMSIG(status), (unsigned long long)wait);
	else
		log_errorx("worker: exit %d, starting it again in %llu ms",
		    WEXITSTATUS(status), (unsigned long long)wait);
	notify_send("STATUS=the worker failed, starting it again\n");
	m->due_ms = now_ms() + wait;
}

static void
say_signal(int status)
{
	if (WIFSIGNALED(status))
		log_errorx("worker: ended by signal %d", WTERMSIG(status));
}

static void
on_worker_exit(struct monitor *m, int status)
{
	bool good = WIFEXITED(status) && WEXITSTATUS(status) == 0;

	m->worker = 0;
	m->due_ms = 0;
	(void)close(m->channel);
	m->channel = -1;
	beat_later(m);
	if (m->stopping || (good && m->next == NULL && !m->renewing)) {
		/* It stops by itself only when it was told to. */
		say_signal(status);
		m->finished = true;
		m->status = good ? 0 : 1;
	} else if (!m->was_ready) {
		say_signal(status);
		m->finished = true;
		m->status = 1;
	} else if (m->next != NULL) {
		take_next(m);
		m->due_ms = now_ms();
	} else if (good) {
		m->due_ms = now_ms();
	} else {
		restart_later(m, status);
	}
}

static void
on_ready(struct monitor *m)
{
	notify_send("READY=1\nSTATUS=forwarding\n");
	m->beat_ms = 0;
	if (!m->was_ready)
		m->ops->on_ready(m->ops->arg);
	m->was_ready = true;
}

static void
on_alive(const struct monitor *m, const struct state_sum *sum)
{
	char away[64] = "";

	if (sum->away > 0)
		(void)snprintf(
		    away, sizeof(away), " (%u not connected)", sum->away);
	if (m->stopping)
		notify_send("WATCHDOG=1\n");
	else if (m->refused)
		notify_send("WATCHDOG=1\n" REFUSED "\n");
	else
		notify_send("WATCHDOG=1\nSTATUS=forwarding %llu file%s to %u "
			    "destination%s%s, %llu bytes behind\n",
		    (unsigned long long)sum->files, sum->files == 1 ? "" : "s",
		    sum->destinations, sum->destinations == 1 ? "" : "s", away,
		    (unsigned long long)sum->behind);
}

/* Returns false when there is no more to read. */
static bool
read_channel(struct monitor *m)
{
	struct worker_report report;
	ssize_t n;
	int fd;

	if (m->channel == -1)
		return (false);
	n = handover_recv(m->channel, &report, sizeof(report), &fd);
	if (fd != -1) {
		if (m->ngiven < HANDOVER_MOST)
			m->given[m->ngiven++] = fd;
		else
			(void)close(fd);
	}
	if (n != (ssize_t)sizeof(report))
		return (false);
	switch (report.word) {
	case WORKER_READY:
		on_ready(m);
		break;
	case WORKER_RELOAD:
		got_hup = 1;
		break;
	case WORKER_GIVES:
		break;
	case WORKER_RENEW:
		renew(m);
		break;
	case WORKER_LOOK:
		look(m);
		break;
	case WORKER_ALIVE:
		on_alive(m, &report.sum);
		break;
	}
	return (true);
}

static void
on_due(struct monitor *m)
{
	if (m->worker != 0) {
		log_warnx("worker: does not stop: killed");
		(void)kill(m->worker, SIGKILL);
		m->due_ms = 0;
		return;
	}
	if (m->next != NULL)
		take_next(m);
	open_control(m, m->conf);
	if (start_worker(m) == -1)
		m->due_ms = now_ms() + RESTART_LONGEST_MS;
}

static void
wait_for_something(struct monitor *m)
{
	struct pollfd pfd = { .fd = m->channel, .events = POLLIN };
	struct timespec ts, *timeout = NULL;
	uint64_t next = m->due_ms, left;
	sigset_t none;

	if (next == 0 || (m->beat_ms != 0 && m->beat_ms < next))
		next = m->beat_ms;
	if (next != 0) {
		left = next > now_ms() ? next - now_ms() : 0;
		ts.tv_sec = (time_t)(left / 1000);
		ts.tv_nsec = (long)(left % 1000) * 1000000;
		timeout = &ts;
	}
	sigemptyset(&none);
	(void)ppoll(&pfd, m->channel == -1 ? 0 : 1, timeout, &none);
}

static void
loop(struct monitor *m)
{
	int status;

	while (!m->finished) {
		wait_for_something(m);
		while (read_channel(m))
			continue;
		if (m->worker != 0 &&
		    waitpid(m->worker, &status, WNOHANG) == m->worker) {
			while (read_channel(m))
				continue;
			on_worker_exit(m, status);
		}
		if (got_term) {
			got_term = 0;
			stop(m);
		}
		if (got_hup) {
			got_hup = 0;
			reload(m);
		}
		if (got_usr1) {
			got_usr1 = 0;
			if (m->worker != 0)
				(void)kill(m->worker, SIGUSR1);
		}
		if (!m->finished && m->due_ms != 0 && now_ms() >= m->due_ms)
			on_due(m);
		if (m->beat_ms != 0 && now_ms() >= m->beat_ms)
			beat(m);
	}
}

static void
confine(void)
{
	struct reason got;

	if (sandbox_monitor(&got) == 0)
		log_info("monitor: sandbox: %s", got.text);
	else
		log_notice("monitor: sandbox: %s", got.text);
}

int
monitor_run(const struct monitor_ops *ops, struct conf *conf)
{
	struct monitor m = { .ops = ops,
		.conf = conf,
		.channel = -1,
		.state = { -1, -1 },
		.control = { .fd = -1 },
		.status = 1 };
	struct reason why;

	backoff_init(&m.backoff, RESTART_FIRST_MS, RESTART_LONGEST_MS);
	notify_init();
	log_set_level(conf->log_level);
	if (prepare(&m, conf, &why) == -1) {
		log_errorx("%s", why.text);
	} else {
		catch_signals();
		open_control(&m, conf);
		confine();
		if (start_worker(&m) == 0)
			loop(&m);
	}
	control_close(&m.control);
	statedir_close(&m.state);
	conf_free(m.conf);
	conf_free(m.next);
	needs_free(m.needs);
	return (m.status);
}
