/*
 * ns.h - times of files as one number, in nanoseconds, to compare and to add.
 */
#ifndef NS_H
#define NS_H

#include <stdint.h>
#include <time.h>

#define NS_IN_S INT64_C(1000000000)

static inline int64_t
ns_of(const struct timespec *t)
{
	return ((int64_t)t->tv_sec * NS_IN_S + t->tv_nsec);
}

#endif
