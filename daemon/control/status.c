#include "daemon/control/status.h"

#include <sys/resource.h>

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/version.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/sources.h"
#include "daemon/send/destination.h"
#include "daemon/stream/stream.h"
#include "lib/text.h"

#define PIECE 32768 /* octets, or somewhat more */

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
	char *buf;

	if ((buf = malloc(len * 4 + 4)) == NULL)
		return (NULL);
	r = text_convert(
	    &rules, (const uint8_t *)s, len, (uint8_t *)buf, len * 4 + 4);
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

/* So many seconds ago, by the clock for durations. */
static json_t *
when_ago(double seconds)
{
	return (when((double)clock_wall_s() - seconds));
}

static const char *
tail_state(const struct file *t)
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
	off_t lag = s->file->size - s->cursor.acked;

	return (json_pack("{s:s, s:s, s:I, s:I, s:I, s:b}", "source",
	    s->route->source->name, "destination", s->route->to->name, "sent",
	    (json_int_t)s->cursor.sent, "acknowledged",
	    (json_int_t)s->cursor.acked, "lag_bytes",
	    (json_int_t)(lag > 0 ? lag : 0), "waiting", (int)s->is_ready));
}

static json_t *
file_json(const struct file *t)
{
	const struct stream *s;
	json_t *cursors = json_array();
	char hash[32];

	(void)snprintf(hash, sizeof(hash), "%016" PRIx64 "/%u", t->print.hash,
	    t->print.len);
	for (s = t->streams; s != NULL; s = s->next)
		json_array_append_new(cursors, cursor_json(s));
	return (json_pack("{s:o, s:I, s:I, s:s, s:I, s:s, s:o?, s:o, s:o}",
	    "path", text(file_path(t).text), "dev", number((uint64_t)t->dev),
	    "inode", number(t->ino), "fingerprint", hash, "size",
	    (json_int_t)t->size, "state", tail_state(t), "error",
	    t->error == 0 ? NULL : text(strerror(t->error)), "last_event",
	    when_ago(file_table_now(t->all) - t->changed), "cursors", cursors));
}

/* How far a destination is behind, over all files. */
struct lag {
	const struct destination *dest;
	uint64_t bytes;
	uint64_t files;
};

static void
add_lag(struct file *t, void *arg)
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
add_behind(struct file *t, void *arg)
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
is_connected(const struct destination *d)
{
	size_t i;

	for (i = 0; i < destination_length(d); i++)
		if (endpoint_is_connected(destination_endpoint(d, i)))
			return (true);
	return (false);
}

static json_t *
destinations_json(const struct status_view *v)
{
	json_t *list = json_array(), *endpoints;
	struct lag lag;
	size_t i, k;

	for (i = 0; i < v->ndests; i++) {
		lag = (struct lag) { .dest = v->dests[i] };
		file_table_walk(v->file_table, add_lag, &lag);
		endpoints = json_array();
		for (k = 0; k < destination_length(v->dests[i]); k++)
			json_array_append_new(endpoints,
			    endpoint_json(
				destination_endpoint(v->dests[i], k)));
		json_array_append_new(list,
		    json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "name",
			destination_conf(v->dests[i])->name, "state",
			is_connected(v->dests[i]) ? "connected" : "waiting",
			"in_flight_bytes",
			number(destination_in_flight(v->dests[i])), "lag_bytes",
			number(lag.bytes), "lag_files", number(lag.files),
			"endpoints", endpoints));
	}
	return (list);
}

static json_t *
sources_json(const struct status_view *v)
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
checkpoint_json(const struct status_view *v)
{
	struct checkpointer_stats ls;

	checkpointer_stats(v->checkpointer, &ls);
	return (json_pack("{s:I, s:I, s:I, s:I, s:o}", "bytes",
	    number(ls.file.bytes), "syncs", number(ls.file.syncs),
	    "damaged_records", number(ls.damaged), "failures",
	    number(ls.file.failures), "error", text_or_null(ls.error)));
}

static json_t *
counters_json(const struct status_view *v)
{
	const struct file_table_stats *ts = file_table_stats(v->file_table);
	struct watch_stats ws;

	sources_watch_stats(v->sources, &ws);
	return (json_pack(
	    "{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:i, s:i, s:i, s:I, s:I}",
	    "files", number(ts->files), "files_open", number(ts->open),
	    "files_found", number(ts->found), "rotations",
	    number(ts->rotations), "truncations", number(ts->truncations),
	    "lost_bytes", number(ts->lost_bytes), "hole_bytes",
	    number(ts->hole_bytes), "damaged_files", number(ts->damaged),
	    "watched_directories", (int)ws.directories, "polled_directories",
	    (int)ws.polled, "watched_files", (int)ws.files, "watch_events",
	    number(ws.events), "watch_overflows", number(ws.overflows)));
}

/* What could not be sent, the last first. */
static json_t *
losses_json(const struct status_view *v)
{
	const struct file_table_loss *loss;
	json_t *list = json_array();
	unsigned i;

	for (i = 0; (loss = file_table_loss(v->file_table, i)) != NULL; i++)
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
process_json(const struct status_view *v)
{
	struct rusage ru;

	(void)getrusage(RUSAGE_SELF, &ru);
	return (json_pack("{s:i, s:o, s:b, s:f, s:f, s:I}", "pid",
	    (int)getpid(), "started", when(v->started), "starting",
	    (int)v->starting, "cpu_user_seconds", seconds(&ru.ru_utime),
	    "cpu_system_seconds", seconds(&ru.ru_stime), "max_resident_kb",
	    (json_int_t)ru.ru_maxrss));
}

void
status_sum(const struct status_view *v, struct status_sum *sum)
{
	size_t i;

	*sum = (struct status_sum) {
		.files = file_table_stats(v->file_table)->files,
		.destinations = (unsigned)v->ndests,
	};
	file_table_walk(v->file_table, add_behind, &sum->behind);
	for (i = 0; i < v->ndests; i++)
		if (!is_connected(v->dests[i]))
			sum->away++;
}

/* The files, many as they may be, come one by one. */
static const struct part {
	const char *name;
	unsigned bit;
	json_t *(*make)(const struct status_view *); /* NULL: the files */
} parts[] = {
	{ "process", STATUS_COUNTERS, process_json },
	{ "counters", STATUS_COUNTERS, counters_json },
	{ "checkpoint", STATUS_COUNTERS, checkpoint_json },
	{ "destinations", STATUS_DESTINATIONS, destinations_json },
	{ "sources", STATUS_SOURCES, sources_json },
	{ "losses", STATUS_FILES, losses_json },
	{ "files", STATUS_FILES, NULL },
};
#define NPARTS (sizeof(parts) / sizeof(parts[0]))

struct status_writer {
	const struct status_view *view;
	unsigned wanted;
	size_t part; /* the next one */
	bool begun;
	bool ended;
	bool in_files; /* between the brackets */
	bool first_file;
	dev_t dev; /* of the last file */
	ino_t ino;
	char *piece;
	size_t n;
	size_t room;
	int error;
};

static void
put(struct status_writer *w, const char *s)
{
	size_t len = strlen(s), room = w->room == 0 ? PIECE * 2 : w->room;
	char *grown;

	while (room < w->n + len + 1)
		room *= 2;
	if (w->error == 0 && room != w->room) {
		if ((grown = realloc(w->piece, room)) == NULL) {
			w->error = ENOMEM;
			return;
		}
		w->piece = grown;
		w->room = room;
	}
	if (w->error != 0)
		return;
	memcpy(w->piece + w->n, s, len + 1);
	w->n += len;
}

/* Takes j, which may be NULL: there was no memory for it. */
static void
put_json(struct status_writer *w, json_t *j)
{
	char *dump = j == NULL
	    ? NULL
	    : json_dumps(
		  j, JSON_INDENT(2) | JSON_REAL_PRECISION(6) | JSON_ENCODE_ANY);

	if (dump == NULL)
		w->error = ENOMEM;
	else
		put(w, dump);
	free(dump);
	json_decref(j);
}

static void
put_named(struct status_writer *w, const char *name, json_t *j)
{
	put(w, ",\n\"");
	put(w, name);
	put(w, "\": ");
	put_json(w, j);
}

static void
put_file(struct status_writer *w, const struct file *t)
{
	put(w, w->first_file ? "\n" : ",\n");
	w->first_file = false;
	put_json(w, file_json(t));
}

static void
put_unknown(struct file *t, void *arg)
{
	put_file(arg, t);
}

/* Those that have no identity any more are few. */
static void
put_next_file(struct status_writer *w)
{
	struct file *t = file_table_behind(w->view->file_table, w->dev, w->ino);

	if (t != NULL) {
		w->dev = t->dev;
		w->ino = t->ino;
		put_file(w, t);
		return;
	}
	file_table_walk_unknown(w->view->file_table, put_unknown, w);
	put(w, "\n]");
	w->in_files = false;
}

static void
put_more(struct status_writer *w)
{
	const struct part *part;

	if (!w->begun) {
		put(w, "{\n\"version\": \"" VERSION "\"");
		put_named(w, "time", when((double)clock_wall_s()));
		w->begun = true;
	} else if (w->in_files) {
		put_next_file(w);
	} else if (w->part < NPARTS) {
		part = &parts[w->part++];
		if (!(w->wanted & part->bit))
			return;
		if (part->make != NULL) {
			put_named(w, part->name, part->make(w->view));
			return;
		}
		put(w, ",\n\"files\": [");
		w->in_files = w->first_file = true;
	} else {
		put(w, "\n}\n");
		w->ended = true;
	}
}

struct status_writer *
status_writer_new(const struct status_view *v, unsigned wanted)
{
	struct status_writer *w;

	if ((w = calloc(1, sizeof(*w))) == NULL)
		return (NULL);
	w->view = v;
	w->wanted = wanted;
	return (w);
}

const char *
status_writer_next(struct status_writer *w, size_t *n)
{
	w->n = 0;
	while (w->n < PIECE && !w->ended && w->error == 0)
		put_more(w);
	errno = w->error;
	*n = w->n;
	return (w->error == 0 && w->n > 0 ? w->piece : NULL);
}

void
status_writer_free(struct status_writer *w)
{
	if (w == NULL)
		return;
	free(w->piece);
	free(w);
}
