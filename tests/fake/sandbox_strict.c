/*
 * The sandbox of the daemon under test: a system call that is in no table ends
 * the process, and its number is told.
 */
#include "daemon/sandbox/violation.h"

#include <seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define STATUS 99

const uint32_t sandbox_violation = SCMP_ACT_TRAP;
const char *const sandbox_more_dirs[] = { NULL };

/* As a test looks for it: see complaints() in e2e/teslacoil.py. */
static void
on_violation(int signo, siginfo_t *info, void *context)
{
	char text[64];
	int n;

	(void)signo;
	(void)context;
	n = snprintf(text, sizeof(text), "sandbox: forbidden system call %d\n",
	    info->si_syscall);
	if (write(STDERR_FILENO, text, (size_t)n) == -1)
		_exit(STATUS + 1);
	_exit(STATUS);
}

static void __attribute__((__constructor__)) catch_violations(void)
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO };

	sa.sa_sigaction = on_violation;
	(void)sigaction(SIGSYS, &sa, NULL);
}
