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
	uint64_t	 id;	/* of all that the line says: another mount at
				   the same path has another */
};

/*
 * Reads the line that begins at *at, and moves *at behind it; lines that are
 * damaged are passed over.  The text ends before end.  Returns false when there
 * is no further line.
 */
bool	mountinfo_next(const char **at, const char *end, struct mountinfo *);

#endif
