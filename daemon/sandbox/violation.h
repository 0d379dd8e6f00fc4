/*
 * violation.h - where the tests' build of the daemon differs: there a system
 * call that is in no table ends the process, so that no test can miss it.
 */
#ifndef SANDBOX_VIOLATION_H
#define SANDBOX_VIOLATION_H

#include <stdint.h>

/* What seccomp(2) does with such a call: SCMP_ACT_... of <seccomp.h>. */
extern const uint32_t	sandbox_violation;

/* Paths that instrumented code reads, and the sandbox allows; ends in NULL. */
extern const char *const	sandbox_more_dirs[];

#endif
