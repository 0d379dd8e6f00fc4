/*
 * violation.h - what differs between the daemon and a build of it for the
 * tests, which shall not get away with a system call that is in no table.
 */
#ifndef SANDBOX_VIOLATION_H
#define SANDBOX_VIOLATION_H

#include <stdint.h>

/* What seccomp does then: SCMP_ACT_... of seccomp.h. */
extern const uint32_t	sandbox_violation;

/* Directories that instrumented code reads; ends in NULL. */
extern const char *const	sandbox_more_dirs[];

#endif
