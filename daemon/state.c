#include "daemon/state.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/conf.h"
#include "daemon/dest.h"
#include "daemon/ledger.h"
#include "daemon/source.h"
#include "daemon/stream.h"
#include "daemon/tail.h"
#include "daemon/tails.h"
#include "daemon/version.h"
#include "lib/text.h"

#define TMP_NAME "state.json.new"
#define NAME "state.json"

static json_int_t
number(uint64_t n)
{
	return ((json_int_t)n);
}

/* File names are any bytes, JSON is UTF-8: what is not is shown as \xNN. */
static json_t *
text(const char *s)
{
	const struct text_rules rules = { TEXT_INVALID_ESCAPE,
		TEXT_CONTROL_PASS };
	struct text_result r;
	size_t len = strlen(s);
	json_t *j = NULL;
	union {
		const char *in;
		const uint8_t *out;
	} u = { .in = s };
	char *buf;

	if ((buf = malloc(len * 4 + 4)) == NULL)
		return (NULL);
	text_convert(&rules, u.out, len, (uint8_t *)buf, len * 4 + 4, &r);
	j = json_stringn(buf, r.made);
	free(buf);
	return (j);
}

static json_t *
text_or_null(const char *s)
{
	return (s == NULL || s[0] == '\0' ? json_null() : text(s));
}

static json_t *
when(double t)
{
	char s[64];
	struct tm tm;
	time_t sec = (time_t)t;

	if (gmtime_r(&sec, &tm) == NULL ||
	    strftime(s, sizeof(s), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return (json_null());
	return (json_string(s));
}

static const char *
tail_state(const struct tail *t)
{
	if (t->error != 0)
		return ("unreadable");
	if (t->place == NULL)
		return (t->deleted ? "deleted" : "moved");
	return (t->rotated ? "rotated" : "followed");
}

static json_t *
cursor_json(const struct stream *s)
{
	off_t lag = s->tail->size - s->cursor.acked;

	return (json_pack("{s:s, s:s, s:I, s:I, s:I, s:b}", "source",
	    s->route->source->name, "destination", s->route->to->name, "sent",
	    (json_int_t)s->cursor.sent, "acknowledged",
	    (json_int_t)s->cursor.acked, "lag_bytes",
	    (json_int_t)(lag > 0 ? lag : 0), "waiting", (int)s->is_ready));
}

static void
add_file(struct tail *t, void *arg)
{
	const struct stream *s;
	json_t *cursors = json_array();
	char hash[32];

	(void)snprintf(hash, sizeof(hash), "%016" PRIx64 "/%u", t->print.hash,
	    t->print.len);
	for (s = t->streams; s != NULL; s = s->next)
		json_array_append_new(cursors, cursor_json(s));
	json_array_append_new(arg,
	    json_pack("{s:o, s:I, s:I, s:s, s:I, s:s, s:o?, s:o, s:o}", "path",
		text(tail_path(t)), "dev", number((uint64_t)t->dev), "inode",
		number(t->ino), "fingerprint", hash, "size",
		(json_int_t)t->size, "state", tail_state(t), "error",
		t->error == 0 ? NULL : text(strerror(t->error)), "last_event",
		when(t->changed), "cursors", cursors));
}

static json_t *
files_json(const struct state_view *v)
{
	json_t *files = json_array();

	tails_walk(v->tails, add_file, files);
	return (files);
}

/* How far a destination is behind, over all files. */
struct lag {
	const struct dest *dest;
	uint64_t bytes;
	uint64_t files;
};

static void
add_lag(struct tail *t, void *arg)
{
	const struct stream *s;
	struct lag *lag = arg;

	for (s = t->streams; s != NULL; s = s->next) {
		if (s->route->dest != lag->dest || s->cursor.acked >= t->size)
			continue;
		lag->bytes += (uint64_t)(t->size - s->cursor.acked);
		lag->files++;
	}
}

static void
add_behind(struct tail *t, void *arg)
{
	const struct stream *s;
	uint64_t *behind = arg;

	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.acked < t->size)
			*behind += (uint64_t)(t->size - s->cursor.acked);
}

static json_t *
endpoint_json(const struct endpoint *ep)
{
	struct endpoint_info info;

	endpoint_info(ep, &info);
	return (json_pack("{s:s, s:s, s:o, s:o, s:I, s:I, s:I, s:I, s:I, s:I}",
	    "url", info.url, "state", endpoint_state_name(info.state), "peer",
	    text_or_null(info.peer), "last_error", text_or_null(info.error),
	    "in_flight_bytes", number(info.in_flight), "messages",
	    number(info.messages), "sent_bytes", number(info.sent), "connects",
	    number(info.connects), "losses", number(info.losses), "refused",
	    number(info.refused)));
}

static bool
is_connected(const struct dest *d)
{
	size_t i;

	for (i = 0; i < dest_length(d); i++)
		if (endpoint_state(dest_endpoint(d, i)) == ENDPOINT_UP)
			return (true);
	return (false);
}

static json_t *
destinations_json(const struct state_view *v)
{
	json_t *list = json_array(), *endpoints;
	struct lag lag;
	size_t i, k;

	for (i = 0; i < v->ndests; i++) {
		lag = (struct lag) { .dest = v->dests[i] };
		tails_walk(v->tails, add_lag, &lag);
		endpoints = json_array();
		for (k = 0; k < dest_length(v->dests[i]); k++)
			json_array_append_new(endpoints,
			    endpoint_json(dest_endpoint(v->dests[i], k)));
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "name",
			dest_conf(v->dests[i])->name, "state",
			is_connected(v->dests[i]) ? "connected" : "waiting",
			"in_flight_bytes", number(dest_in_flight(v->dests[i])),
			"lag_bytes", number(lag.bytes), "lag_files",
			number(lag.files), "endpoints", endpoints));
	}
	return (list);
}

static json_t *
sources_json(const struct state_view *v)
{
	json_t *list = json_array();
	const struct route *r;
	size_t i;

	for (i = 0; i < v->nroutes; i++) {
		r = &v->routes[i];
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:I, s:I, s:I, s:I}", "name",
			r->source->name, "destination", r->to->name, "messages",
			number(r->messages), "bytes", number(r->bytes),
			"repaired_bytes", number(r->repaired), "oversize_lines",
			number(r->oversize)));
	}
	return (list);
}

static json_t *
checkpoint_json(const struct state_view *v)
{
	struct ledger_stats ls;

	ledger_stats(v->ledger, &ls);
	return (json_pack("{s:I, s:I, s:I, s:I, s:o}", "bytes",
	    number(ls.file.bytes), "syncs", number(ls.file.syncs),
	    "damaged_records", number(ls.damaged), "failures",
	    number(ls.file.failures), "error", text_or_null(ls.error)));
}

static json_t *
counters_json(const struct state_view *v)
{
	const struct tails_stats *ts = tails_stats(v->tails);
	struct watch_stats ws;

	sources_watch_stats(v->sources, &ws);
	return (json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:I, s:I}",
	    "files", number(ts->files), "files_open", number(ts->open),
	    "files_found", number(ts->found), "rotations",
	    number(ts->rotations), "truncations", number(ts->truncations),
	    "lost_bytes", number(ts->lost_bytes), "hole_bytes",
	    number(ts->hole_bytes), "damaged_files",
	    number(ts->damaged), "watched_directories",
	    (int)ws.directories, "polled_directories", (int)ws.polled,
	    "watched_files", (int)ws.files,
	    "watch_events", number(ws.events), "watch_overflows",
	    number(ws.overflows)));
}

/* What could not be sent, the last first. */
static json_t *
losses_json(const struct state_view *v)
{
	const struct tails_loss *loss;
	json_t *list = json_array();
	unsigned i;

	for (i = 0; (loss = tails_loss(v->tails, i)) != NULL; i++)
		json_array_append_new(list,
		    json_pack("{s:o, s:I, s:I, s:s, s:o}", "path",
			text(loss->path), "offset", (json_int_t)loss->at,
			"bytes", (json_int_t)loss->bytes, "how", loss->how,
			"time", when(loss->when)));
	return (list);
}

static double
seconds(const struct timeval *tv)
{
	return ((double)tv->tv_sec + (double)tv->tv_usec / 1e6);
}

static json_t *
process_json(const struct state_view *v)
{
	struct rusage ru;

	(void)getrusage(RUSAGE_SELF, &ru);
	return (json_pack("{s:i, s:o, s:f, s:f, s:I}", "pid", (int)getpid(),
	    "started", when(v->started), "cpu_user_seconds",
	    seconds(&ru.ru_utime), "cpu_system_seconds", seconds(&ru.ru_stime),
	    "max_resident_kb", (json_int_t)ru.ru_maxrss));
}

static int
write_all(int fd, const char *p, size_t n)
{
	ssize_t w;

	while (n > 0) {
		if ((w = write(fd, p, n)) == -1) {
			if (errno == EINTR)
				continue;
			return (-1);
		}
		p += w;
		n -= (size_t)w;
	}
	return (0);
}

/* Durable: written beside it, synced, renamed over. */
static int
replace(int dirfd, const char *p, size_t n)
{
	int error, fd;

	fd = openat(
	    dirfd, TMP_NAME, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
	if (fd == -1)
		return (-1);
	/* Its group may read it, whatever the umask. */
	if (fchmod(fd, 0640) == 0 && write_all(fd, p, n) == 0 &&
	    fsync(fd) == 0 && close(fd) == 0)
		return (renameat(dirfd, TMP_NAME, dirfd, NAME));
	error = errno;
	(void)close(fd);
	errno = error;
	return (-1);
}

void
state_sum(const struct state_view *v, struct state_sum *sum)
{
	size_t i;

	*sum = (struct state_sum) {
		.files = tails_stats(v->tails)->files,
		.destinations = (unsigned)v->ndests,
	};
	tails_walk(v->tails, add_behind, &sum->behind);
	for (i = 0; i < v->ndests; i++)
		if (!is_connected(v->dests[i]))
			sum->away++;
}

static const struct part {
	const char *name;
	unsigned bit;
	json_t *(*make)(const struct state_view *);
} parts[] = {
	{ "process", STATE_COUNTERS, process_json },
	{ "counters", STATE_COUNTERS, counters_json },
	{ "checkpoint", STATE_COUNTERS, checkpoint_json },
	{ "destinations", STATE_DESTINATIONS, destinations_json },
	{ "sources", STATE_SOURCES, sources_json },
	{ "files", STATE_FILES, files_json },
	{ "losses", STATE_FILES, losses_json },
};

char *
state_text(const struct state_view *v, unsigned wanted)
{
	json_t *root = json_object();
	char *dump = NULL;
	int failed = 0;
	size_t i;

	failed |= json_object_set_new(root, "version", json_string(VERSION));
	failed |=
	    json_object_set_new(root, "time", when((double)time(NULL)));
	for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		if (wanted & parts[i].bit)
			failed |= json_object_set_new(
			    root, parts[i].name, parts[i].make(v));
	if (!failed)
		dump =
		    json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
	json_decref(root);
	return (dump);
}

int
state_dump(const struct state_view *v, int dirfd, struct reason *why)
{
	char *dump = state_text(v, STATE_ALL);
	int result = -1;

	if (dump == NULL)
		reason_set(why, "out of memory");
	else if (replace(dirfd, dump, strlen(dump)) == -1)
		reason_set(why, NAME ": %s", strerror(errno));
	else
		result = 0;
	free(dump);
	return (result);
}
