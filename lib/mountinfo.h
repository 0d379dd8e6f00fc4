/*
 * mountinfo.h - reads the text of /proc/self/mountinfo,
 * proc_pid_mountinfo(5).  Pure: no I/O.
 */
#ifndef MOUNTINFO_H
#define MOUNTINFO_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

struct mountinfo {
	char		 path[PATH_MAX]; /* where it is mounted */
	uint64_t	 id;	/* a hash of the line: another mount at the
				   same path has another */
};

/*
 * Reads the line at *at, and moves *at behind it; passes over damaged lines.
 * The text ends before end.  Returns false where there is no further line.
 */
bool	mountinfo_next(const char **at, const char *end, struct mountinfo *);

#endif
