#include <sys/stat.h>

#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/checkpoint/inside.h"
#include "lib/ns.h"

/*
 * The time of a file tells whether it came since the checkpoint was written
 * last, which was the last look at all files.  That has a time by the clock of
 * then: where it is still to come, the clock was set back.  How long ago the
 * look was is known all the same, from the clock that nobody sets and that goes
 * on as long as the host does; so it has a time by the clock of now, too.
 */

#define NS_IN_MS INT64_C(1000000)
#define STEP_NS NS_IN_S /* less is no step of a clock */
/* What the clock of a file system may be ahead of ours. */
#define AHEAD_NS (10 * NS_IN_S)

static int64_t
steady_ns(void)
{
	return ((int64_t)(clock_steady() * 1e9));
}

void
checkpointer_time_load(struct checkpointer *l, const struct stat *st)
{
	struct last_look *look = &l->look;
	int64_t ahead_ms = checkpoint_ahead_ms(l->checkpoint);

	look->day = ns_of(&st->st_mtim);
	look->is_known = ahead_ms != -1;
	look->steady = look->day - ahead_ms * NS_IN_MS;
	/* The host was booted since then: the look was before that. */
	look->is_of_boot =
	    look->is_known && look->steady <= steady_ns() + AHEAD_NS;
	l->latest = checkpoint_latest(l->checkpoint);
	look->latest = (int64_t)l->latest * NS_IN_S;
}

/* How long ago the look was at the most, as far as this boot goes. */
static int64_t
look_age(const struct last_look *look)
{
	int64_t age = steady_ns();

	if (look->is_of_boot)
		age -= look->steady;
	return (age > 0 ? age : 0);
}

/*
 * Whether a time to come is from before the look: the clock was as late once,
 * and was set back by then, and to no other time since.
 */
static bool
was_before(const struct last_look *look, int64_t ns, int64_t now)
{
	int64_t set = now - look->day - look_age(look);

	return (look->is_of_boot && ns < look->latest + NS_IN_S &&
	    set <= STEP_NS && set >= -STEP_NS);
}

/* The clock was not set back since: it may have been set forward. */
static enum checkpointer_side
side_forth(const struct last_look *look, int64_t ns, int64_t now)
{
	if (ns < look->day)
		return (CHECKPOINTER_BEFORE);
	if (ns > now + AHEAD_NS)
		return (was_before(look, ns, now) ? CHECKPOINTER_BEFORE
						  : CHECKPOINTER_UNKNOWN);
	/* No clock has had this time since: an older one may have had it. */
	if (look->is_of_boot && ns < now - look_age(look) - STEP_NS)
		return (CHECKPOINTER_UNKNOWN);
	return (CHECKPOINTER_SINCE);
}

/* It was, perhaps more than once. */
static enum checkpointer_side
side_back(const struct last_look *look, int64_t ns, int64_t now)
{
	if (!look->is_known)
		return (CHECKPOINTER_UNKNOWN);
	if (ns <= now ? ns >= now - look_age(look)
		      : ns >= look->day && !look->is_of_boot)
		return (CHECKPOINTER_SINCE);
	return (CHECKPOINTER_UNKNOWN);
}

enum checkpointer_side
checkpointer_side(const struct checkpointer *l, int64_t ns)
{
	const struct last_look *look = &l->look;
	const int64_t now = clock_wall_ns();

	/* By the clock of then. */
	if (look->is_of_boot && ns >= look->day &&
	    ns <= look->day + look_age(look) + STEP_NS)
		return (CHECKPOINTER_SINCE);
	return (look->day / NS_IN_S <= now / NS_IN_S
		? side_forth(look, ns, now)
		: side_back(look, ns, now));
}

int64_t
checkpointer_look_ns(const struct checkpointer *l)
{
	return (l->look.day);
}

bool
checkpointer_knows_look(const struct checkpointer *l)
{
	return (l->look.is_known);
}

int64_t
checkpointer_since_record(const struct checkpointer *l, time_t t)
{
	const struct last_look *look = &l->look;
	const int64_t now = clock_wall_ns();
	int64_t ns = (int64_t)t * NS_IN_S, at;

	if (t > look->day / NS_IN_S)
		return (0);
	if (look->day / NS_IN_S <= now / NS_IN_S)
		return (ns);
	at = look->is_known ? now - look_age(look) : 0;
	return (ns < at ? ns : at);
}

/* How far the time of day is ahead of the clock that nobody sets. */
int64_t
checkpointer_ahead_ms(void)
{
	return ((clock_wall_ns() - steady_ns()) / NS_IN_MS);
}

/* As late as it ever was, also just before it was set. */
static time_t
latest_of(const struct checkpointer *l)
{
	const time_t now = (time_t)(clock_wall_ns() / NS_IN_S);
	const time_t was =
	    (time_t)((steady_ns() + l->ahead_ms * NS_IN_MS) / NS_IN_S);
	time_t latest = l->latest > now ? l->latest : now;

	return (latest > was ? latest : was);
}

int
checkpointer_put_look(struct checkpointer *l, struct checkpoint_batch *to)
{
	struct checkpoint_record rec = { .kind = CHECKPOINT_LOOK,
		.dest = "",
		.path = "",
		.time = latest_of(l),
		.offset = checkpointer_ahead_ms() };

	if (checkpoint_batch_reserve(to) == -1)
		return (-1);
	l->latest = rec.time;
	l->ahead_ms = rec.offset;
	/* No clock is set to before the boot. */
	if (rec.offset < 0)
		rec.offset = 0;
	return (checkpoint_put(l->checkpoint, &rec, to));
}
