#include "daemon/run/inside.h"

#include <sys/socket.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/sd_notify.h"
#include "daemon/conf/conf.h"
#include "daemon/run/worker.h"
#include "daemon/sandbox/profile.h"

#define ALIVE_MS 10000 /* a worker says that it is */

uint64_t
monitor_alive_ms(void)
{
	uint64_t wanted = sd_notify_every_ms();

	return (wanted != 0 && wanted < ALIVE_MS ? wanted : ALIVE_MS);
}

uint64_t
monitor_patience_ms(void)
{
	return (MONITOR_MISSED * monitor_alive_ms());
}

void
monitor_beat_later(struct monitor *m)
{
	m->beat_ms = sd_notify_every_ms() != 0
	    ? clock_steady_ms() + sd_notify_every_ms()
	    : 0;
}

static int
run_worker(struct monitor *m, int channel)
{
	struct worker_start start = {
		.conf = m->conf,
		.needs = m->needs,
		.account = &m->account,
		.state_dir = m->state.fd,
		.control = m->control.fd,
		.channel = channel,
		.alive_ms = monitor_alive_ms(),
		.most_missed = MONITOR_MISSED,
		.sum_ms = sd_notify_every_ms(),
		.given = &m->given,
	};
	int status;

	/* Only the monitor is called what a service script looks for. */
	if (m->conf->file != NULL)
		setproctitle("worker for %s", m->conf->file);
	else
		setproctitle("worker");
	signals_forget();
	log_set_level(m->conf->log_level);
	status = worker_run(&start);
	profile_free(m->needs);
	conf_free(m->conf);
	return (status);
}

int
monitor_start_worker(struct monitor *m)
{
	int pair[2];

	m->due_ms = 0;
	profile_free(m->needs);
	if ((m->needs = profile_new(m->conf)) == NULL) {
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
	m->channel = pair[0];
	m->started_ms = m->heard_ms = clock_steady_ms();
	state_dir_set_pids(&m->state, getpid(), m->worker);
	monitor_beat_later(m);
	m->renewing = m->killed = m->is_ready = false;
	return (0);
}

void
monitor_stop_worker(struct monitor *m)
{
	if (m->worker == 0)
		return;
	(void)kill(m->worker, SIGTERM);
	m->due_ms = clock_steady_ms() + m->conf->shutdown_timeout_ms +
	    MONITOR_KILL_GRACE_MS;
}

void
monitor_kill_worker(struct monitor *m)
{
	m->killed = true;
	(void)kill(m->worker, SIGKILL);
}

void
monitor_tell(const struct monitor *m, enum channel_word word, const char *why)
{
	struct channel_message said;

	if (m->channel == -1)
		return;
	memset(&said, 0, sizeof(said));
	said.word = word;
	(void)reason_set(&said.why, "%s", why);
	if (channel_say(m->channel, &said, -1, 0) == -1)
		log_debug("monitor: worker: %s", strerror(errno));
}

void
monitor_renew(struct monitor *m)
{
	if (m->stopping || m->renewing || m->worker == 0 ||
	    m->next.conf != NULL)
		return;
	m->renewing = true;
	monitor_tell(m, CHANNEL_RENEWS, "");
	monitor_stop_worker(m);
}
