/*
 * The sandbox of a daemon that is instrumented: what sanitizers and valgrind do
 * on their own account is in no table either, so that all is let through, and
 * they read the maps of the process.  The rest holds.
 */
#include "daemon/sandbox/violation.h"

#include <seccomp.h>
#include <stddef.h>

const uint32_t sandbox_violation = SCMP_ACT_LOG;
const char *const sandbox_more_dirs[] = { "/proc/self", NULL };
