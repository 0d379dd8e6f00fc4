/*
 * Runs schedules, one seed after the other.
 */
#include "tests/sim/setting.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define STEPS 60
/* What happens in a standard life. */
#define NTH_KINDS                                                              \
	(1u << KIND_APPEND | 1u << KIND_PARTIAL | 1u << KIND_RENAME |          \
	    1u << KIND_RECEIVER_KILL | 1u << KIND_RELOAD | 1u << KIND_STOP)
#define NTH_WAYS 6 /* no call fails in more */
#define ALL_KINDS ((UINT64_C(1) << KINDS) - 1)

void (*__real_signal(int, void (*)(int)))(int);
int __real_clock_gettime(clockid_t, struct timespec *);

static void
draw_sizes(struct rng *r)
{
	unsigned i = rng_below(r, 6);

	sim_sizes = (struct sim_sizes) {
		.slice = 600u << i,
		.turn = 1200u << rng_below(r, 6),
		.buffer = 2048u << i,
		.scratch = 1024u << rng_below(r, 6),
		.turns = 500,
		.gather = 0.002,
		.unread_blind = 4096,
		.autotuned = 64u << rng_below(r, 8),
		.nuls_turn = 256 << rng_below(r, 6),
		.scan_turn = 256u << rng_below(r, 6),
		.held_for = 1.5,
		.decoder_turn = 256u << rng_below(r, 6),
		.decoder_head = 4096,
		.deleted_quiet = 60.,
		.moved_quiet = rng_chance(r, 500) ? 60. : 600.,
		.rotated_quiet = 60.,
		.append_most = 1u << rng_below(r, 8),
		.renew_most = 1u << rng_below(r, 6),
	};
}

/* How the system is that the worker runs on. */
static void
draw_system(struct rng *r)
{
	bool kqueue = rng_chance(r, 500), few = rng_chance(r, 200);
	bool blind = rng_chance(r, 500);
	bool narrow = rng_chance(r, 500);
	unsigned path = 960 + rng_below(r, 900);
	bool strange = rng_chance(r, 700);

	S.kqueue = sim_may(KIND_KQUEUE) && kqueue;
	S.answers.strange = sim_may(KIND_ANSWERS) && strange;
	S.answers.late_ms = 1u << rng_below(r, 14);
	S.answers.refusals = rng_chance(r, 500) ? 0 : 2u << rng_below(r, 6);
	S.tls_record = 64u << rng_below(r, 6);
	S.few = S.kqueue && few;
	/* More than what is split no further: RFC 5424 6.1, twice. */
	S.path = sim_may(KIND_NARROW) && narrow ? path : 0;
	S.blind = sim_may(KIND_BLIND) && blind;
}

/* By numbers of their own: schedules that are known draw what they drew. */
static void
draw_scan_sizes(uint64_t seed)
{
	struct rng r = rng_of(seed, 10);

	sim_sizes.dirs_turn = 1u << rng_below(&r, 8);
	sim_sizes.dirs_part = 1u << rng_below(&r, 6);
	sim_sizes.dirs_open = 1 + rng_below(&r, 3);
}

static void
reset(const struct sim_plan *plan)
{
	bool verbose = S.verbose, strict = S.strict, calls = S.calls_shown;

	memset(&S, 0, offsetof(struct sim, death));
	S.verbose = verbose;
	S.strict = strict;
	S.calls_shown = calls;
	S.plan = *plan;
	S.failed = S.kill = S.final = false;
	S.lives = 0;
	S.why[0] = '\0';
	S.world = rng_of(plan->seed, 1);
	S.calls = rng_of(plan->seed, 2);
	S.more = rng_of(plan->seed, 7);
	S.now = 1000 * NS_S;
	S.real = INT64_C(1795000000) * NS_S;
	S.tick = rng_chance(&S.world, 700) ? 4 * NS_MS
	    : rng_chance(&S.world, 500)	   ? 1
					   : NS_S;
	S.pause_most_us = 1u << rng_below(&S.world, 10);
	S.file_limit = rng_chance(&S.world, 800) ? 200 : 140;
	draw_system(&S.more);
	S.in_world = true;
	draw_sizes(&S.world);
	draw_scan_sizes(plan->seed);
	setting_reset();
	oracle_reset();
	files_reset();
	watching_reset();
	net_reset();
	world_reset();
	S.in_world = false;
	if (sim_may(KIND_FAULT) && rng_chance(&S.world, 300))
		S.fault_rate = 1u << rng_below(&S.world, 11);
	if (sim_may(KIND_OOM) && rng_chance(&S.world, 100))
		S.oom_rate = 1u << rng_below(&S.world, 9);
}

/* Returns whether all was well. */
static bool
run(const struct sim_plan *plan)
{
	enum life_end end;
	int64_t down;

	reset(plan);
	if (setjmp(S.verdict) == 0) {
		life_prepare();
		while (!world_is_over()) {
			life_configure();
			end = life_run();
			if (end == LIFE_FAILED && S.final && S.lives > 1000)
				sim_fail("no worker lives");
			if (end == LIFE_STOPPED && world_reloads())
				continue;
			channel_reset();
			down = 100 * NS_MS;
			if (rng_chance(&S.world, 500))
				down +=
				    (int64_t)rng_below(&S.world, 5000) * NS_MS;
			while (down > 0 && !world_is_over()) {
				sim_advance(10 * NS_MS);
				down -= 10 * NS_MS;
			}
		}
	}
	memory_end();
	S.in_world = true;
	life_end_all();
	return (!S.failed);
}

static void
print_plan(const struct sim_plan *p)
{
	unsigned i;

	(void)printf("seed=%llu kinds=%llx steps=%u",
	    (unsigned long long)p->seed, (unsigned long long)p->kinds,
	    p->steps);
	for (i = 0; i < p->nskip; i++)
		(void)printf("%s%u", i == 0 ? " skip=" : ",", p->skip[i]);
	if (p->fail_call != 0)
		(void)printf(" call=%llu way=%u",
		    (unsigned long long)p->fail_call, p->fail_way);
	if (p->fail_alloc != 0)
		(void)printf(" alloc=%llu", (unsigned long long)p->fail_alloc);
	(void)printf("\n");
}

/* Fewer kinds and fewer steps that fail as well. */
static void
shrink(struct sim_plan *p)
{
	struct sim_plan q;
	unsigned i, n;

	for (i = 0; i < KINDS; i++) {
		q = *p;
		q.kinds &= ~(UINT64_C(1) << i);
		if (q.kinds != p->kinds && !run(&q))
			*p = q;
	}
	for (n = p->steps / 2; n > 0; n /= 2)
		while (p->steps > n) {
			q = *p;
			q.steps -= n;
			if (run(&q))
				break;
			*p = q;
		}
	for (i = 0; i < p->steps; i++) {
		q = *p;
		if (q.nskip == sizeof(q.skip) / sizeof(q.skip[0]))
			break;
		q.skip[q.nskip++] = i;
		if (!run(&q))
			*p = q;
	}
}

/*
 * A standard life with one call after the other failing, each in every way that
 * it may; or with one allocation after the other.  Of every so many only one.
 */
static int
run_nth(const struct sim_plan *standard, bool allocations, unsigned every)
{
	struct sim_plan plan = *standard;
	uint64_t n, most, made = 0;
	unsigned way, failures = 0;

	plan.kinds |= NTH_KINDS;
	if (!run(&plan)) {
		(void)printf("FAILED without a fault: %s\n", S.why);
		return (1);
	}
	most = allocations ? S.allocs_made : S.calls_made;
	for (n = 1; n <= most; n += every)
		for (way = 0; way < (allocations ? 1 : NTH_WAYS); way++) {
			if (allocations)
				plan.fail_alloc = n;
			else
				plan.fail_call = n;
			plan.fail_way = way;
			made++;
			if (run(&plan))
				continue;
			failures++;
			(void)printf("FAILED: %s\n", S.why);
			print_plan(&plan);
		}
	(void)printf("%llu %s of a standard life, %llu schedules, %u failed\n",
	    (unsigned long long)most, allocations ? "allocations" : "calls",
	    (unsigned long long)made, failures);
	return (failures > 0);
}

static void
on_crash(int signo)
{
	char text[128];
	int n;

	n = snprintf(text, sizeof(text),
	    "\nsignal %d: seed=%llu kinds=%llx "
	    "steps=%u\n",
	    signo, (unsigned long long)S.plan.seed,
	    (unsigned long long)S.plan.kinds, S.plan.steps);
	(void)fwrite(text, 1, (size_t)n, stderr);
	_exit(1);
}

static double
seconds(void)
{
	struct timespec ts;

	(void)__real_clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((double)ts.tv_sec + (double)ts.tv_nsec / 1e9);
}

static void
parse_skip(struct sim_plan *p, char *list)
{
	char *one;

	while ((one = strsep(&list, ",")) != NULL && p->nskip < 64)
		p->skip[p->nskip++] = (unsigned)strtoul(one, NULL, 10);
}

/* Reads "seed=1 kinds=ff steps=3 skip=0,2", as it is printed. */
static bool
parse_plan(struct sim_plan *p, char *line)
{
	char *word;

	memset(p, 0, sizeof(*p));
	while ((word = strsep(&line, " \n")) != NULL)
		if (strncmp(word, "seed=", 5) == 0)
			p->seed = strtoull(word + 5, NULL, 10);
		else if (strncmp(word, "kinds=", 6) == 0)
			p->kinds = strtoull(word + 6, NULL, 16);
		else if (strncmp(word, "steps=", 6) == 0)
			p->steps = (unsigned)strtoul(word + 6, NULL, 10);
		else if (strncmp(word, "skip=", 5) == 0)
			parse_skip(p, word + 5);
		else if (strncmp(word, "call=", 5) == 0)
			p->fail_call = strtoull(word + 5, NULL, 10);
		else if (strncmp(word, "way=", 4) == 0)
			p->fail_way = (unsigned)strtoul(word + 4, NULL, 10);
		else if (strncmp(word, "alloc=", 6) == 0)
			p->fail_alloc = strtoull(word + 6, NULL, 10);
		else if (*word == '#')
			break;
	return (p->seed != 0);
}

/* Every schedule of a file; returns how many fail. */
static int
run_file(const char *path)
{
	struct sim_plan plan;
	char line[512];
	int failures = 0, n = 0;
	FILE *f;

	if ((f = fopen(path, "r")) == NULL) {
		perror(path);
		return (1);
	}
	while (fgets(line, sizeof(line), f) != NULL) {
		if (!parse_plan(&plan, line))
			continue;
		n++;
		if (run(&plan))
			continue;
		failures++;
		(void)printf("FAILED: %s\n", S.why);
		print_plan(&plan);
	}
	(void)fclose(f);
	(void)printf("%s: %d schedules, %d failed\n", path, n, failures);
	return (failures);
}

struct options {
	struct sim_plan plan;
	const char *file;
	bool table;
	bool calls;
	bool allocations;
	unsigned every; /* those that fail are so many apart */
	double limit;
	uint64_t count;
	bool traces;
	bool shrinks;
	bool goes_on;
};

/*
 * Half of the seeds may do all, the others a few things, and these the more
 * often: some faults need three of a kind.
 */
static uint64_t
draw_kinds(uint64_t seed)
{
	struct rng r = rng_of(seed, 6);
	uint64_t kinds = UINT64_C(1) << KIND_APPEND;
	unsigned k, most;

	if (rng_chance(&r, 500))
		return (ALL_KINDS & sets_kinds(seed));
	most = 100 + rng_below(&r, 300);
	for (k = 0; k < KINDS; k++)
		if (rng_chance(&r, most))
			kinds |= UINT64_C(1) << k;
	return (kinds & sets_kinds(seed));
}

static int
run_all(const struct options *o)
{
	struct sim_plan plan = o->plan;
	double begin = seconds();
	uint64_t n, failures = 0, lives = 0;

	for (n = 0; n < o->count && seconds() - begin < o->limit; n++) {
		plan = o->plan;
		plan.seed += n;
		if (plan.kinds == 0)
			plan.kinds = draw_kinds(plan.seed);
		if (plan.steps == 0)
			plan.steps = 5 +
			    (unsigned)((plan.seed * 2654435761u >> 7) % STEPS);
		if (run(&plan)) {
			lives += S.lives;
			if (o->traces)
				(void)printf("%llu %016llx\n",
				    (unsigned long long)plan.seed,
				    (unsigned long long)S.trace);
			continue;
		}
		failures++;
		(void)printf("FAILED: %s\n", S.why);
		print_plan(&plan);
		if (sets_name(plan.seed) != NULL)
			(void)printf("  of the set %s\n", sets_name(plan.seed));
		if (o->shrinks) {
			shrink(&plan);
			(void)run(&plan);
			(void)printf("  shrunk: %s\n  ", S.why);
			print_plan(&plan);
		}
		(void)fflush(stdout);
		if (!o->goes_on)
			break;
	}
	(void)printf("%llu schedules, %llu lives, %llu failed, %.0f a second\n",
	    (unsigned long long)n, (unsigned long long)lives,
	    (unsigned long long)failures, (double)n / (seconds() - begin));
	return (failures > 0);
}

/* Returns false when something is not understood. */
static bool
parse(struct options *o, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "ANK:STce:f:k:m:n:p:rs:t:vx")) != -1)
		switch (c) {
		case 'A':
			o->allocations = true;
			break;
		case 'K':
			if (!sets_load(optarg))
				return (false);
			break;
		case 'N':
			o->calls = true;
			break;
		case 'S':
			S.strict = true;
			break;
		case 'T':
			o->traces = true;
			break;
		case 'c':
			o->goes_on = true;
			break;
		case 'e':
			o->every = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'f':
			o->file = optarg;
			break;
		case 'k':
			o->plan.kinds = strtoull(optarg, NULL, 16);
			break;
		case 'm':
			parse_skip(&o->plan, optarg);
			break;
		case 'n':
			o->count = strtoull(optarg, NULL, 10);
			break;
		case 'p':
			o->plan.steps = (unsigned)strtoul(optarg, NULL, 10);
			break;
		case 'r':
			o->shrinks = true;
			break;
		case 's':
			o->plan.seed = strtoull(optarg, NULL, 10);
			break;
		case 't':
			o->limit = strtod(optarg, NULL);
			break;
		case 'v':
			S.calls_shown = S.verbose;
			S.verbose = true;
			break;
		case 'x':
			o->table = true;
			break;
		default:
			return (false);
		}
	return (true);
}

int
main(int argc, char **argv)
{
	struct options o = {
		.plan = { .seed = 1 }, .limit = 1e9, .count = UINT64_MAX
	};
	int failed;

	(void)setenv("TZ", "UTC", 1);
	if (!parse(&o, argc, argv))
		return (2);
	(void)__real_signal(SIGSEGV, on_crash);
	(void)__real_signal(SIGABRT, on_crash);
	(void)__real_signal(SIGFPE, on_crash);
	if (o.calls || o.allocations) {
		if (o.plan.steps == 0)
			o.plan.steps = 20;
		return (
		    run_nth(&o.plan, o.allocations, o.every > 0 ? o.every : 1));
	}
	if (o.file != NULL)
		return (run_file(o.file) > 0);
	failed = run_all(&o);
	if (o.table)
		cover_print();
	return (failed);
}
