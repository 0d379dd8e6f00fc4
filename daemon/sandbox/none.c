/*
 * A system without a sandbox that we know: only its user confines the worker.
 */
#include "daemon/sandbox/sandbox.h"

#include <stddef.h>

static int
nothing(struct reason *got)
{
	return (reason_set(got, "none: this system has none that we know"));
}

int
sandbox_worker(const struct profile *p, int state_dir, struct reason *got)
{
	(void)p;
	(void)state_dir;
	return (nothing(got));
}

int
sandbox_monitor(struct reason *got)
{
	return (nothing(got));
}

bool
sandbox_hides(void)
{
	return (false);
}

const char *
sandbox_outdated(void)
{
	return (NULL);
}

bool
sandbox_asks(void)
{
	return (false);
}

int
sandbox_opener(struct reason *got)
{
	return (nothing(got));
}
