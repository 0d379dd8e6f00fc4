/*
 * What happens in the world, step by step.
 */
#include "tests/sim/world.h"
#include "tests/sim/setting.h"

#include <signal.h>
#include <string.h>

#define CALM_S 400 /* simulated seconds, then all has to be there */

struct log world_logs[WORLD_LOGS];
unsigned world_nlogs;

enum phase {
	PHASE_STEPS,
	PHASE_CALM, /* no more faults: all arrives */
	PHASE_STOPPING,
	PHASE_AGAIN, /* another worker has nothing to do */
	PHASE_OVER
};

static enum phase phase;
static unsigned step;
static int64_t next, since, lingered;
static unsigned pace; /* how fast things happen */
static uint64_t repeats;
static bool reloads;
static unsigned weights[KINDS];

bool
world_is_over(void)
{
	return (phase == PHASE_OVER);
}

bool
world_reloads(void)
{
	bool r = reloads;

	reloads = false;
	return (r);
}

int64_t
world_due(void)
{
	return (next);
}

static void
draw_weights(struct rng *r, unsigned from, unsigned to)
{
	unsigned i;

	for (i = from; i < to; i++)
		weights[i] = rng_below(r, 3) == 0 ? 0 : 1u << rng_below(r, 5);
}

void
world_reset(void)
{
	struct rng more;
	unsigned i;

	phase = PHASE_STEPS;
	step = 0;
	since = lingered = 0;
	reloads = false;
	world_nlogs = 1 + rng_below(&S.world, WORLD_LOGS);
	pace = rng_below(&S.world, 4);
	memset(world_logs, 0, sizeof(world_logs));
	files_mkdir("/log");
	files_mkdir("/old");
	if (sim_may(KIND_LINK))
		files_mkdir("/real");
	files_mkdir("/state");
	rotate_reset();
	for (i = 0; i < world_nlogs; i++) {
		(void)snprintf(world_logs[i].path, sizeof(world_logs[i].path),
		    "/log/app%u.log", i);
		world_logs[i].appends = true;
		if (rng_chance(&S.world, 700))
			log_open_new(&world_logs[i]);
	}
	/* Each seed has its own mix. */
	draw_weights(&S.world, 0, KIND_RELP);
	more = rng_of(S.plan.seed, 5);
	draw_weights(&more, KIND_CHANGE, KIND_HEADS);
	weights[KIND_APPEND] = 40;
	next = S.now + NS_MS;
}

static int64_t
gap(struct rng *r)
{
	switch (rng_below(r, 3 + pace)) {
	case 0:
		return ((int64_t)rng_below(r, 300) * 1000);
	case 1:
		return ((int64_t)rng_below(r, 20) * NS_MS);
	case 2:
		return ((int64_t)rng_below(r, 300) * NS_MS);
	default:
		return ((int64_t)rng_below(r, 3000) * NS_MS);
	}
}

static enum sim_kind
draw(struct rng *r)
{
	unsigned sum = 0, n, i;

	for (i = 0; i < KINDS; i++)
		if (sim_may(i))
			sum += weights[i];
	n = rng_below(r, sum);
	for (i = 0; i < KINDS; i++) {
		if (!sim_may(i))
			continue;
		if (n < weights[i])
			return (i);
		n -= weights[i];
	}
	return (KIND_APPEND);
}

static void
foreign(struct rng *r)
{
	char path[64], text[512] = "SECRET that nobody may send\n";
	struct inode *like;
	size_t n = 0;

	(void)snprintf(path, sizeof(path), "/log/key%u", rng_below(r, 8));
	if (files_at(path) != NULL)
		return;
	/* It may begin like a log. */
	if ((like = files_behind(world_logs[0].path)) != NULL &&
	    rng_chance(r, 500))
		n = files_size(like) / 2 < 60 ? files_size(like) / 2 : 60;
	if (n > 0)
		memcpy(text, files_data(like), n);
	memcpy(text + n, "SECRET\n", 7);
	files_write(files_make(path, 0600, 0), 0, text, n + 7);
}

/* Known: of two that linger at a time, only the last is watched. */
static void
say_goodbye(unsigned i, bool lingers)
{
	if (!S.strict && lingered != 0 && S.now - lingered < 61 * NS_S)
		return;
	if (lingers)
		lingered = S.now;
	net_goodbye(i, lingers);
}

static void
receiver_step(struct rng *r, enum sim_kind kind)
{
	unsigned i = setting_receiver(rng_below(r, setting_receivers()));
	bool on = rng_chance(r, 500);

	if (kind == KIND_RECEIVER_KILL && on)
		net_kill(i);
	else if (kind == KIND_RECEIVER_KILL)
		net_listen(i, true);
	else if (kind == KIND_RECEIVER_CLOSE || kind == KIND_GOODBYE)
		say_goodbye(i, kind == KIND_GOODBYE);
	else if (kind == KIND_RECEIVER_STALL)
		net_stall(i, on);
	else if (kind == KIND_RECEIVER_CUT)
		net_cut(i, on);
	else
		net_listen(i, on);
}

static void
worker_step(enum sim_kind kind)
{
	if (!S.in_life)
		return;
	if (kind == KIND_KILL || kind == KIND_POWER) {
		S.power = kind == KIND_POWER;
		S.kill = true;
		return;
	}
	if (kind == KIND_RELOAD) {
		reloads = true;
		monitor_say(CHANNEL_RELOADS);
	}
	S.stopping = true;
	S.signals |= 1u << SIGTERM;
}

static void
run_step(struct rng *r, enum sim_kind kind)
{
	struct log *l = &world_logs[rng_below(r, world_nlogs)];

	switch (kind) {
	case KIND_APPEND:
	case KIND_PARTIAL:
		if (l->inode == NULL && rng_chance(r, 500))
			log_open_new(l);
		log_append(l, r, rng_chance(r, 100) ? 30 : 1 + rng_below(r, 4),
		    kind == KIND_PARTIAL);
		break;
	case KIND_RENAME:
	case KIND_COPYTRUNCATE:
	case KIND_DELETE:
	case KIND_DATED:
	case KIND_MOVE_AWAY:
	case KIND_REPLACE:
	case KIND_COMPRESS:
	case KIND_NULS:
	case KIND_SHRED:
	case KIND_LINK:
		if (l->nscript > 0)
			rotate_go_on(l);
		else
			rotate_begin(l, kind);
		break;
	case KIND_EXPIRE:
		rotate_expire(l);
		break;
	case KIND_FOREIGN:
		foreign(r);
		break;
	case KIND_RECEIVER_KILL:
	case KIND_RECEIVER_CLOSE:
	case KIND_RECEIVER_STALL:
	case KIND_RECEIVER_CUT:
	case KIND_RECEIVER_REFUSE:
	case KIND_GOODBYE:
		receiver_step(r, kind);
		break;
	case KIND_KILL:
	case KIND_POWER:
	case KIND_STOP:
	case KIND_RELOAD:
		worker_step(kind);
		break;
	case KIND_CHANGE:
		setting_change(r);
		worker_step(KIND_RELOAD);
		break;
	case KIND_PAUSE:
		next += (int64_t)rng_below(r, 70) * NS_S;
		break;
	case KIND_CLOCK:
		S.real += ((int64_t)rng_below(r, 7200) - 3600) * NS_S;
		break;
	case KIND_LOST_EVENT:
	case KIND_FAULT:
	case KIND_OOM:
	case KIND_RELP:
	case KIND_SOCKETS:
	case KIND_DESTS:
	case KIND_HEADS:
	case KIND_KQUEUE:
	case KIND_BLIND:
	case KIND_DOUBLED:
	case KIND_NARROW:
	case KIND_ANSWERS:
	case KIND_TLS:
	case KINDS:
		break;
	}
}

static bool
is_skipped(unsigned i)
{
	unsigned n;

	for (n = 0; n < S.plan.nskip; n++)
		if (S.plan.skip[n] == i)
			return (true);
	return (false);
}

/* All faults end, and every writer ends what it has begun. */
void
world_calm(void)
{
	unsigned i;

	sim_say("world: calm from now on");
	phase = PHASE_CALM;
	S.final = true;
	for (i = 0; i < SIM_RECEIVERS; i++) {
		net_stall(i, false);
		net_cut(i, false);
		net_listen(i, true);
	}
	for (i = 0; i < world_nlogs; i++) {
		while (world_logs[i].nscript > 0)
			rotate_go_on(&world_logs[i]);
		log_finish_line(&world_logs[i]);
	}
	since = S.now;
}

/* What was copied is cut within a second: longer is no copytruncate. */
static void
cut_in_time(void)
{
	struct log *l;

	for (l = world_logs; l < world_logs + world_nlogs; l++) {
		if (l->copied != 0 && S.now >= l->copied + NS_S)
			rotate_go_on(l);
		if (l->copied != 0 && next > l->copied + NS_S)
			next = l->copied + NS_S;
	}
}

/*
 * What was not synced is gone, or some of it; the writers begin anew.  Names
 * stay.
 */
void
world_lose_power(void)
{
	unsigned i;

	sim_say("world: no power");
	S.in_world = true;
	oracle_on_power();
	oracle_without_power();
	channel_reset();
	for (i = 0; i < world_nlogs; i++) {
		world_logs[i].nscript = 0;
		world_logs[i].copied = 0;
		world_logs[i].nrest = 0;
		if (world_logs[i].inode != NULL)
			files_unref(world_logs[i].inode);
		world_logs[i].inode = NULL;
	}
	files_lose_power(&S.world);
	for (i = 0; i < world_nlogs; i++)
		if (files_at(world_logs[i].path) != NULL)
			log_open_new(&world_logs[i]);
	S.in_world = false;
}

static void
next_step(void)
{
	struct rng r = rng_of(S.plan.seed, 1000 + step);
	enum sim_kind kind = draw(&r);

	next = S.now + gap(&r);
	if (!is_skipped(step)) {
		sim_trace("step", step, kind);
		sim_say("step %u: %s", step, sim_kind_names[kind]);
		/* These happen by themselves. */
		if (kind != KIND_FAULT && kind != KIND_OOM &&
		    kind != KIND_LOST_EVENT)
			sim_cover(kind);
		run_step(&r, kind);
	}
	step++;
	cut_in_time();
}

/* Looks now and then whether all has arrived. */
static void
look(void)
{
	/* Where nothing is told, what moves waits for ack_timeout; what is
	   refused is tried some times more. */
	const int64_t quiet = (S.blind || S.answers.strange ? 100 : 5) * NS_S;
	char text[128];

	next = S.now + 100 * NS_MS;
	switch (phase) {
	case PHASE_CALM:
		if (!oracle_has_all()) {
			if (S.now - since < CALM_S * NS_S)
				return;
			oracle_miss(text, sizeof(text));
			sim_fail("%s", text);
		}
		if (S.now - since > 3 * CALM_S * NS_S)
			sim_fail("the worker sends without an end");
		if (!S.in_life || !net_is_idle() || S.now - S.began < quiet ||
		    S.now - since < quiet)
			return;
		phase = PHASE_STOPPING;
		since = S.now;
		S.signals |= 1u << SIGTERM;
		break;
	case PHASE_STOPPING:
		if (S.in_life) {
			if (S.now - since > 60 * NS_S)
				sim_fail("the worker does not stop");
			/* It may be another one meanwhile. */
			S.signals |= 1u << SIGTERM;
			return;
		}
		repeats = oracle_repeats();
		phase = PHASE_AGAIN;
		since = S.now;
		break;
	case PHASE_AGAIN:
		if (oracle_repeats() != repeats && !oracle_was_copied() &&
		    !S.repacked)
			sim_fail("lines came again after an orderly stop");
		if (S.now - since > 5 * NS_S)
			phase = PHASE_OVER;
		break;
	case PHASE_STEPS:
	case PHASE_OVER:
		break;
	}
}

void
world_run(void)
{
	if (phase != PHASE_STEPS)
		look();
	else if (step < S.plan.steps)
		next_step();
	else
		world_calm();
}
