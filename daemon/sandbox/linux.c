/*
 * capabilities(7), no_new_privs, landlock(7), seccomp(2), in this order: each
 * is still allowed by the ones before.
 *
 * Landlock stops neither inotify_add_watch(2) nor stat(2) nor UDP nor
 * connect(2) to a socket in the file system: the worker's user decides there.
 */
#include "daemon/sandbox/sandbox.h"

#include <sys/prctl.h>

#include <cap-ng.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "daemon/sandbox/linux_inside.h"

/*
 * Capabilities.
 */

/* A monitor that root has started needs these to start a worker again. */
static const unsigned monitor_capabilities[] = {
	CAP_CHOWN, /* the state directory */
	CAP_DAC_OVERRIDE, /* the files in it */
	CAP_DAC_READ_SEARCH, /* keys; and for the worker, see below */
	CAP_KILL, /* the worker has another user */
	CAP_SETGID,
	CAP_SETUID,
};

/* Where it was given, the worker reads logs that its user may not. */
static const unsigned worker_capabilities[] = { CAP_DAC_READ_SEARCH };

/* A service manager may have dropped the others, and forbid capset(2). */
static bool
has_no_others(const bool *kept)
{
	unsigned cap;

	for (cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (!kept[cap] &&
		    capng_have_capability(CAPNG_PERMITTED, cap) == 1)
			return (false);
	return (true);
}

static int
drop_capabilities(const unsigned *keep, size_t n, struct reason *got)
{
	bool had[CAP_LAST_CAP + 1] = { false };
	bool drop;
	char names[128] = "";
	size_t i;

	if (capng_get_caps_process() == -1)
		return (reason_add(
		    got, -1, "capabilities as they were: unreadable"));
	for (i = 0; i < n; i++)
		had[keep[i]] =
		    capng_have_capability(CAPNG_EFFECTIVE, keep[i]) == 1;
	drop = !has_no_others(had);
	capng_clear(CAPNG_SELECT_CAPS);
	for (i = 0; i < n; i++) {
		if (!had[keep[i]])
			continue;
		(void)capng_update(CAPNG_ADD,
		    (capng_type_t)(CAPNG_EFFECTIVE | CAPNG_PERMITTED), keep[i]);
		(void)strlcat(names, " ", sizeof(names));
		(void)strlcat(
		    names, capng_capability_to_name(keep[i]), sizeof(names));
	}
	/* An ambient capability goes with the inheritable one. */
	if (drop && capng_apply(CAPNG_SELECT_CAPS) != 0)
		return (reason_add(
		    got, -1, "capabilities as they were: %s", strerror(errno)));
	if (names[0] == '\0')
		return (reason_add(got, 0, "no capabilities"));
	return (reason_add(got, 0, "only the capabilities%s", names));
}

/* A program that is executed gives nothing back, see execve(2). */
static int
forbid_new_privileges(struct reason *got)
{
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
		return (reason_add(got, 0, "no new privileges"));
	return (reason_add(got, -1, "new privileges: %s", strerror(errno)));
}

bool
sandbox_asks(void)
{
	return (sandbox_landlock_abi() >= 1);
}

/* The opener opens for the worker, with the same capabilities. */
int
sandbox_opener(struct reason *got)
{
	int result;

	got->text[0] = '\0';
	result = drop_capabilities(
	    worker_capabilities, COUNT(worker_capabilities), got);
	result |= forbid_new_privileges(got);
	result |= sandbox_landlock_reading(got);
	result |= sandbox_seccomp(SANDBOX_OPENER, NULL, got);
	return (result);
}

/* Landlock refuses to open a file, but not to look at it by stat(2). */
bool
sandbox_hides(void)
{
	return (false);
}

int
sandbox_worker(const struct profile *p, int state_dir, struct reason *got)
{
	int result;

	got->text[0] = '\0';
	result = drop_capabilities(
	    worker_capabilities, COUNT(worker_capabilities), got);
	result |= forbid_new_privileges(got);
	result |= sandbox_landlock(p, state_dir, got);
	result |= sandbox_seccomp(SANDBOX_WORKER, p, got);
	return (result);
}

/*
 * Without Landlock: it could not be undone for the worker of a configuration
 * that names other files.
 */
int
sandbox_monitor(struct reason *got)
{
	int result;

	got->text[0] = '\0';
	result = drop_capabilities(
	    monitor_capabilities, COUNT(monitor_capabilities), got);
	result |= forbid_new_privileges(got);
	result |= sandbox_seccomp(SANDBOX_MONITOR, NULL, got);
	return (result);
}
