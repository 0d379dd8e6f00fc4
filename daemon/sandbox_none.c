/*
 * A system that has nothing we know of: the account of the worker is all that
 * confines it.
 */
#include <stddef.h>

#include "daemon/sandbox.h"

int
sandbox_worker(const struct needs *n, int statedir, struct reason *got)
{
	(void)n;
	(void)statedir;
	return (reason_set(got, "none: this system has none that we know"));
}

const char *
sandbox_outdated(void)
{
	return (NULL);
}

int
sandbox_monitor(struct reason *got)
{
	return (sandbox_worker(NULL, -1, got));
}
