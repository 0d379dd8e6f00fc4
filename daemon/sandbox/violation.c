#include "daemon/sandbox/violation.h"

#include <errno.h>
#include <seccomp.h>
#include <stddef.h>

const uint32_t sandbox_violation = SCMP_ACT_ERRNO(EPERM);
const char *const sandbox_more_dirs[] = { NULL };
