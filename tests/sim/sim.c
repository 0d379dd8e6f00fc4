#include "tests/sim/sim.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

struct sim S;
struct sim_sizes sim_sizes;

const char *const sim_kind_names[KINDS] = { "append", "partial", "rename",
	"copytruncate", "delete", "dated", "move-away", "replace", "foreign",
	"receiver-kill", "receiver-close", "receiver-stall", "receiver-cut",
	"receiver-refuse", "kill", "stop", "reload", "lost-event", "pause",
	"fault", "clock", "compress", "power", "expire", "goodbye", "oom",
	"relp", "sockets", "dests", "change", "nuls", "shred", "link", "heads",
	"kqueue", "blind", "doubled", "narrow", "answers", "tls" };

const char *const sim_state_names[STATES] = { "none", "start", "down",
	"connecting", "quiet", "in-flight", "stopping" };

uint64_t
rng_next(struct rng *r)
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return (z ^ (z >> 31));
}

unsigned
rng_below(struct rng *r, unsigned n)
{
	return (n == 0 ? 0 : (unsigned)((rng_next(r) >> 32) % n));
}

bool
rng_chance(struct rng *r, unsigned n)
{
	return (rng_below(r, 1000) < n);
}

struct rng
rng_of(uint64_t seed, uint64_t what)
{
	struct rng r = { seed * UINT64_C(0x2545f4914f6cdd1d) + what };

	(void)rng_next(&r);
	r.state ^= what << 32;
	(void)rng_next(&r);
	return (r);
}

void
sim_trace(const char *what, uint64_t a, uint64_t b)
{
	struct rng r = { S.trace ^ a };

	for (; *what != '\0'; what++)
		r.state = r.state * 31 + (unsigned char)*what;
	S.trace =
	    rng_next(&r) ^ (b * UINT64_C(0x9fb21c651e98df25)) ^ (uint64_t)S.now;
}

void
sim_say(const char *fmt, ...)
{
	va_list ap;

	if (!S.verbose)
		return;
	(void)fprintf(stderr, "%10.6f ", (double)S.now / 1e9);
	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputc('\n', stderr);
}

void
sim_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(S.why, sizeof(S.why), fmt, ap);
	va_end(ap);
	S.failed = true;
	sim_say("FAILED: %s", S.why);
	longjmp(S.verdict, 1);
}

int64_t
sim_wall(void)
{
	return (S.now + S.real);
}

bool
sim_may(enum sim_kind k)
{
	return ((S.plan.kinds & (UINT64_C(1) << k)) != 0);
}

/* What is due in the world happens; not while it happens already. */
static void
run_world(void)
{
	if (S.in_world)
		return;
	S.in_world = true;
	while (S.now >= world_due())
		world_run();
	while (S.now >= net_due())
		net_run();
	S.in_world = false;
}

void
sim_advance(int64_t ns)
{
	S.now += ns;
	run_world();
}

void
sim_maybe_die(void)
{
	if (!S.kill || !S.in_life)
		return;
	S.kill = false;
	longjmp(S.death, 1);
}

static bool
is_faulty(void)
{
	if (S.plan.fail_call != 0)
		return (S.calls_made == S.plan.fail_call);
	return (!S.final && S.fault_rate > 0 &&
	    (rng_next(&S.calls) & 0xffff) < S.fault_rate);
}

int
sim_call(const char *name, const int *errors)
{
	unsigned n = 0;
	int error;

	if (!S.in_life || S.in_world)
		return (0);
	S.calls_made++;
	sim_trace(name, S.calls_made, 0);
	if (S.calls_shown)
		sim_say("  %llu %s", (unsigned long long)S.calls_made, name);
	sim_advance(
	    1000 + (int64_t)rng_below(&S.calls, S.pause_most_us) * 1000);
	sim_maybe_die();
	if (errors == NULL || errors[0] == 0 || !is_faulty())
		return (0);
	while (errors[n] != 0)
		n++;
	if (S.plan.fail_call != 0)
		error = errors[S.plan.fail_way % n];
	else
		error = errors[rng_below(&S.calls, n)];
	sim_say("  %s fails: %s", name, strerror(error));
	sim_cover(KIND_FAULT);
	oracle_allow(UINT32_MAX);
	errno = error;
	return (error);
}
