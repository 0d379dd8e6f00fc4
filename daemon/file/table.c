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
compare_ids(const struct tail *a, const struct tail *b)
{
	if (a->dev != b->dev)
		return (a->dev < b->dev ? -1 : 1);
	return (a->ino < b->ino ? -1 : a->ino > b->ino);
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(tail_ids, tail, by_id, compare_ids, LOCAL)

struct tails *
tails_new(
    struct ev_loop *loop, struct ledger *ledger, const struct tails_conf *conf)
{
	struct tails *ts;

	if ((ts = calloc(1, sizeof(*ts))) == NULL)
		return (NULL);
	RB_INIT(&ts->ids);
	TAILQ_INIT(&ts->timed);
	SLIST_INIT(&ts->unsure);
	RB_INIT(&ts->homeless.leavers);
	scan_queue_init(&ts->searches, loop, conf->ops->on_search, ts);
	scan_queue_allow(&ts->searches, TAIL_COPY_TURN, TAIL_COPY_TURN);
	LIST_INIT(&ts->held);
	if ((ts->scratch = malloc(conf->scratch)) == NULL ||
	    tails_add_set(ts, 0) == -1) {
		tails_free(ts);
		return (NULL);
	}
	ts->loop = loop;
	ts->ledger = ledger;
	ts->conf = *conf;
	file_timer_init(ts);
	return (ts);
}

const struct file_ops *
tails_ops(const struct tails *ts)
{
	return (ts->conf.ops);
}

uint8_t *
tails_scratch(struct tails *ts, size_t *size)
{
	*size = ts->conf.scratch;
	return (ts->scratch);
}

void
tails_set_finder(struct tails *ts, const struct tails_finder *finder)
{
	ts->finder = *finder;
}

const struct tails_finder *
tails_finder(const struct tails *ts)
{
	return (&ts->finder);
}

struct place *
tails_homeless(struct tails *ts)
{
	return (&ts->homeless);
}

bool
tails_events_wait(const struct tails *ts)
{
	return (watch_is_behind(ts->finder.watch));
}

void
tails_lose(struct tails *ts, const struct tails_loss *loss)
{
	struct tails_loss *slot = &ts->losses[ts->nlosses % TAILS_LOSSES];

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

const struct tails_loss *
tails_loss(const struct tails *ts, unsigned n)
{
	const struct tails_loss *loss;

	if (n >= ts->nlosses || n >= TAILS_LOSSES)
		return (NULL);
	loss = &ts->losses[(ts->nlosses - 1 - n) % TAILS_LOSSES];
	return (loss->path != NULL ? loss : NULL);
}

struct held_list *
tails_held(struct tails *ts)
{
	return (&ts->held);
}

bool
tails_is_starting(const struct tails *ts)
{
	return (ts->finder.is_starting != NULL &&
	    ts->finder.is_starting(ts->finder.arg));
}

struct ledger *
tails_ledger(struct tails *ts)
{
	return (ts->ledger);
}

struct scan_queue *
tails_searches(struct tails *ts)
{
	return (&ts->searches);
}

struct tails_stats *
tails_stats(struct tails *ts)
{
	return (&ts->stats);
}

/* What a truncated file was has no identity while its copy is looked for. */
void
tails_walk_unknown(
    struct tails *ts, void (*fn)(struct tail *, void *), void *arg)
{
	struct tail *t, *next;

	TAILQ_FOREACH_SAFE (t, &ts->timed, timed, next)
		if (!t->known)
			fn(t, arg);
}

void
tails_walk(struct tails *ts, void (*fn)(struct tail *, void *), void *arg)
{
	struct tail *t, *next;

	RB_FOREACH_SAFE (t, tail_ids, &ts->ids, next)
		fn(t, arg);
	tails_walk_unknown(ts, fn, arg);
}

struct tail *
tails_behind(struct tails *ts, dev_t dev, ino_t ino)
{
	struct tail key, *t;

	key.dev = dev;
	key.ino = ino;
	t = RB_NFIND(tail_ids, &ts->ids, &key);
	if (t != NULL && t->dev == dev && t->ino == ino)
		t = RB_NEXT(tail_ids, &ts->ids, t);
	return (t);
}

struct tail *
tails_find(struct tails *ts, dev_t dev, ino_t ino)
{
	struct tail key;

	key.dev = dev;
	key.ino = ino;
	return (RB_FIND(tail_ids, &ts->ids, &key));
}

struct tail *
tails_find_from(struct tails *ts, dev_t dev, ino_t ino)
{
	struct tail key;

	key.dev = dev;
	key.ino = ino;
	return (RB_NFIND(tail_ids, &ts->ids, &key));
}

void
tails_know(struct tail *t, const struct stat *st)
{
	tails_saw(t, st);
	t->dev = st->st_dev;
	t->ino = st->st_ino;
	t->known = RB_INSERT(tail_ids, &t->all->ids, t) == NULL;
}

void
tails_forget(struct tail *t)
{
	file_end_watch(t);
	if (t->known)
		RB_REMOVE(tail_ids, &t->all->ids, t);
	t->known = false;
}

void
tails_free(struct tails *ts)
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
	for (i = 0; i < TAILS_LOSSES; i++)
		free(ts->losses[i].path);
	free(ts->scratch);
	free(ts);
}
