#include "daemon/file/table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/say.h"
#include "daemon/base/scan_queue.h"
#include "daemon/base/sizes.h"
#include "daemon/file/file.h"
#include "daemon/file/inside.h"
#include "daemon/watch/watch.h"

static int
compare_ids(const struct file *a, const struct file *b)
{
	if (a->dev != b->dev)
		return (a->dev < b->dev ? -1 : 1);
	return (a->ino < b->ino ? -1 : a->ino > b->ino);
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(file_ids, file, by_id, compare_ids, LOCAL)

struct file_table *
file_table_new(struct ev_loop *loop, struct checkpointer *checkpointer,
    const struct file_table_conf *conf)
{
	struct file_table *ts;

	if ((ts = calloc(1, sizeof(*ts))) == NULL)
		return (NULL);
	RB_INIT(&ts->ids);
	TAILQ_INIT(&ts->timed);
	SLIST_INIT(&ts->unsure);
	RB_INIT(&ts->homeless.names_formers);
	scan_queue_init(&ts->searches, loop, conf->ops->on_search, ts);
	scan_queue_allow(&ts->searches, COPY_TURN, COPY_TURN);
	LIST_INIT(&ts->held);
	if ((ts->scratch = malloc(conf->scratch)) == NULL ||
	    file_table_add_set(ts, 0) == -1) {
		file_table_free(ts);
		return (NULL);
	}
	ts->loop = loop;
	ts->checkpointer = checkpointer;
	ts->conf = *conf;
	file_timer_init(ts);
	return (ts);
}

const struct file_ops *
file_table_ops(const struct file_table *ts)
{
	return (ts->conf.ops);
}

uint8_t *
file_table_scratch(struct file_table *ts, size_t *size)
{
	*size = ts->conf.scratch;
	return (ts->scratch);
}

void
file_table_set_finder(struct file_table *ts, const struct file_finder *finder)
{
	ts->finder = *finder;
}

const struct file_finder *
file_finder(const struct file_table *ts)
{
	return (&ts->finder);
}

struct names *
file_table_homeless(struct file_table *ts)
{
	return (&ts->homeless);
}

bool
file_table_events_wait(const struct file_table *ts)
{
	return (watch_is_behind(ts->finder.watch));
}

void
file_table_lose(struct file_table *ts, const struct file_table_loss *loss)
{
	struct file_table_loss *slot =
	    &ts->losses[ts->nlosses % FILE_TABLE_LOSSES];

	say_warnx(loss->path,
	    "%lld bytes at %lld were %s before they could be read",
	    (long long)loss->bytes, (long long)loss->at, loss->how);
	ts->stats.lost_bytes += (uint64_t)loss->bytes;
	free(slot->path);
	*slot = *loss;
	slot->path = strdup(loss->path);
	slot->when = ev_now(ts->loop);
	ts->nlosses++;
}

const struct file_table_loss *
file_table_loss(const struct file_table *ts, unsigned n)
{
	const struct file_table_loss *loss;

	if (n >= ts->nlosses || n >= FILE_TABLE_LOSSES)
		return (NULL);
	loss = &ts->losses[(ts->nlosses - 1 - n) % FILE_TABLE_LOSSES];
	return (loss->path != NULL ? loss : NULL);
}

struct file_suspects *
file_table_suspects(struct file_table *ts)
{
	return (&ts->held);
}

bool
file_table_is_starting(const struct file_table *ts)
{
	return (ts->finder.is_starting != NULL &&
	    ts->finder.is_starting(ts->finder.arg));
}

struct checkpointer *
file_table_checkpointer(struct file_table *ts)
{
	return (ts->checkpointer);
}

struct scan_queue *
file_table_searches(struct file_table *ts)
{
	return (&ts->searches);
}

struct file_table_stats *
file_table_stats(struct file_table *ts)
{
	return (&ts->stats);
}

/* What a truncated file was has no identity while its copy is looked for. */
void
file_table_walk_unknown(
    struct file_table *ts, void (*fn)(struct file *, void *), void *arg)
{
	struct file *t, *next;

	TAILQ_FOREACH_SAFE (t, &ts->timed, timed, next)
		if (!t->known)
			fn(t, arg);
}

void
file_table_walk(
    struct file_table *ts, void (*fn)(struct file *, void *), void *arg)
{
	struct file *t, *next;

	RB_FOREACH_SAFE (t, file_ids, &ts->ids, next)
		fn(t, arg);
	file_table_walk_unknown(ts, fn, arg);
}

struct file *
file_table_behind(struct file_table *ts, dev_t dev, ino_t ino)
{
	struct file key, *t;

	key.dev = dev;
	key.ino = ino;
	t = RB_NFIND(file_ids, &ts->ids, &key);
	if (t != NULL && t->dev == dev && t->ino == ino)
		t = RB_NEXT(file_ids, &ts->ids, t);
	return (t);
}

struct file *
file_table_find(struct file_table *ts, dev_t dev, ino_t ino)
{
	struct file key;

	key.dev = dev;
	key.ino = ino;
	return (RB_FIND(file_ids, &ts->ids, &key));
}

struct file *
file_table_find_from(struct file_table *ts, dev_t dev, ino_t ino)
{
	struct file key;

	key.dev = dev;
	key.ino = ino;
	return (RB_NFIND(file_ids, &ts->ids, &key));
}

void
file_table_know(struct file *t, const struct stat *st)
{
	file_saw(t, st);
	t->dev = st->st_dev;
	t->ino = st->st_ino;
	t->known = RB_INSERT(file_ids, &t->all->ids, t) == NULL;
}

void
file_table_forget(struct file *t)
{
	file_end_watch(t);
	if (t->known)
		RB_REMOVE(file_ids, &t->all->ids, t);
	t->known = false;
}

void
file_table_free(struct file_table *ts)
{
	unsigned i;

	if (ts == NULL)
		return;
	assert(RB_EMPTY(&ts->ids) && TAILQ_EMPTY(&ts->timed));
	scan_queue_fini(&ts->searches);
	while (ts->nsets > 0)
		free(ts->sets[--ts->nsets]);
	file_timer_fini(ts);
	free(ts->sets);
	for (i = 0; i < FILE_TABLE_LOSSES; i++)
		free(ts->losses[i].path);
	free(ts->scratch);
	free(ts);
}
