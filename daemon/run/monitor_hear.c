#include "daemon/run/inside.h"

#include <sys/stat.h>

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/fdpass.h"
#include "daemon/base/log.h"
#include "daemon/base/sd_notify.h"
#include "daemon/sandbox/profile.h"

/*
 * A worker is told what to ask for by who writes the logs, or by who has taken
 * it over: so many at once, and one more every so often.
 */
static const struct {
	unsigned at_once;
	uint64_t every_ms;
} limits[NREQUESTS] = {
	[REQUEST_RELOAD] = { 10, 1000 },
	[REQUEST_RENEWAL] = { 3, 60000 },
	[REQUEST_LOOK] = { 3, 1000 },
};

/* For a worker that cannot see it from its sandbox. */
static void
look(struct monitor *m)
{
	struct profile *now;
	const char *path;

	if (m->stopping || m->renewing || m->next.conf != NULL)
		return;
	if ((now = profile_new(m->conf)) == NULL) {
		log_error("monitor");
		return;
	}
	if ((path = profile_difference(m->needs, now)) != NULL) {
		log_notice("%s: was another or none when the sandbox was made: "
			   "a new worker takes over",
		    path);
		monitor_renew(m);
	}
	profile_free(now);
}

static void
do_request(struct monitor *m, enum request r)
{
	m->asked[r].due_ms = 0;
	switch (r) {
	case REQUEST_RELOAD:
		monitor_reload(m);
		break;
	case REQUEST_RENEWAL:
		monitor_renew(m);
		break;
	case REQUEST_LOOK:
		look(m);
		break;
	case NREQUESTS:
		break;
	}
}

/* Returns 0 when it may be now, else when it may be. */
static uint64_t
take_allowance(struct allowance *a, enum request r, uint64_t now)
{
	uint64_t more = (now - a->since_ms) / limits[r].every_ms;

	if (a->spent == 0 || more >= a->spent) {
		a->spent = 0;
		a->since_ms = now;
	} else {
		a->spent -= (unsigned)more;
		a->since_ms += more * limits[r].every_ms;
	}
	if (a->spent >= limits[r].at_once)
		return (a->since_ms + limits[r].every_ms);
	a->spent++;
	return (0);
}

static void
ask(struct monitor *m, enum request r)
{
	struct allowance *a = &m->asked[r];
	uint64_t now = clock_steady_ms(), due;

	if (a->due_ms != 0)
		return;
	if ((due = take_allowance(a, r, now)) == 0) {
		do_request(m, r);
		return;
	}
	a->due_ms = due;
	if (r == REQUEST_RENEWAL)
		log_notice("the new worker takes over in %llu s: there were "
			   "many of late",
		    (unsigned long long)(due - now) / 1000);
}

uint64_t
monitor_request_due(const struct monitor *m)
{
	uint64_t due = 0;
	unsigned r;

	for (r = 0; r < NREQUESTS; r++)
		if (m->asked[r].due_ms != 0 &&
		    (due == 0 || m->asked[r].due_ms < due))
			due = m->asked[r].due_ms;
	return (due);
}

void
monitor_do_requests(struct monitor *m)
{
	uint64_t now = clock_steady_ms();
	unsigned r;

	for (r = 0; r < NREQUESTS; r++)
		if (m->asked[r].due_ms != 0 && now >= m->asked[r].due_ms) {
			(void)take_allowance(&m->asked[r], r, now);
			do_request(m, r);
		}
}

/* The worker that was asked for it has ended before; this one is, but once. */
static void
ask_for_dump(struct monitor *m)
{
	if (m->dump)
		(void)kill(m->worker, SIGUSR1);
	m->dump = false;
}

static void
on_ready(struct monitor *m)
{
	sd_notify_send("READY=1\nSTATUS=forwarding\n");
	m->beat_ms = 0;
	m->is_ready = true;
	monitor_watch_state(m);
	/* It has them by fork(2); one that fails before leaves them here. */
	handover_clear(&m->given);
	if (!m->was_ready)
		m->ops->on_ready(m->ops->arg);
	m->was_ready = true;
	ask_for_dump(m);
}

static void
tell_figures(const struct status_sum *sum)
{
	char away[64] = "";

	if (sum->away > 0)
		(void)snprintf(
		    away, sizeof(away), " (%u not connected)", sum->away);
	sd_notify_beat("WATCHDOG=1\nSTATUS=forwarding %llu file%s to %u "
		       "destination%s%s, %llu bytes behind\n",
	    (unsigned long long)sum->files, sum->files == 1 ? "" : "s",
	    sum->destinations, sum->destinations == 1 ? "" : "s", away,
	    (unsigned long long)sum->behind);
}

static void
on_alive(struct monitor *m, const struct channel_message *said)
{
	monitor_tell(m, CHANNEL_HEARS, "");
	monitor_watch_state(m);
	if (m->is_ready && !m->stopping && m->refused)
		sd_notify_beat("WATCHDOG=1\n" REFUSED "\n");
	else if (m->is_ready && !m->stopping && said->has_sum)
		tell_figures(&said->sum);
	else if (m->is_ready || m->stopping)
		sd_notify_beat("WATCHDOG=1\n");
	else
		sd_notify_beat(
		    "WATCHDOG=1\nSTATUS=starting: looking for files\n"
		    "EXTEND_TIMEOUT_USEC=%llu000\n",
		    2ULL * monitor_patience_ms());
}

/* What a worker that ends has open; takes fd. */
static void
keep(struct monitor *m, const struct channel_message *said, int fd)
{
	struct handover_file f = { fd, said->quiet };
	struct stat st;

	if (fd == FDPASS_LOST_FD && said->word == CHANNEL_GIVES)
		m->ungiven++;
	if (fd < 0)
		return;
	if (said->word != CHANNEL_GIVES || m->due_ms == 0 ||
	    fstat(fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		(void)close(fd);
	} else if (handover_add(&m->given, &f) == -1) {
		m->ungiven++;
	}
}

static void
on_message(struct monitor *m, const struct channel_message *said)
{
	switch (said->word) {
	case CHANNEL_READY:
		on_ready(m);
		break;
	case CHANNEL_RELOAD:
		ask(m, REQUEST_RELOAD);
		break;
	case CHANNEL_RENEW:
		ask(m, REQUEST_RENEWAL);
		break;
	case CHANNEL_LOOK:
		ask(m, REQUEST_LOOK);
		break;
	case CHANNEL_ALIVE:
		on_alive(m, said);
		break;
	case CHANNEL_DUMPED:
		m->dump = false;
		break;
	case CHANNEL_GIVES:
		/* keep() has the file. */
	case CHANNEL_HEARS:
	case CHANNEL_RELOADS:
	case CHANNEL_REFUSES:
	case CHANNEL_RENEWS:
		/* Only the monitor says so. */
		break;
	}
}

void
monitor_hear(struct monitor *m, unsigned most)
{
	struct channel_message said;
	int fd;

	while (m->channel != -1 && most-- > 0) {
		if (channel_hear(m->channel, &said, &fd) != 1)
			return;
		m->heard_ms = clock_steady_ms();
		keep(m, &said, fd);
		on_message(m, &said);
	}
}
