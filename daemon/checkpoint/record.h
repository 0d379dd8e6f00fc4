/*
 * record.h - a record of the checkpoint: as a structure, and as lines of text.
 *
 *	CHECKSUM more DEST DEV INODE GUARDS [OFFSET HASH ...] REALPATH
 *	CHECKSUM file DEST DEV INODE PRINTLEN PRINTHASH OFFSET TIME PATH
 *	CHECKSUM past DEST DEV INODE OFFSET TIME GUARDS [OFFSET HASH]
 *	CHECKSUM seen DEST TIME SOURCE
 *	CHECKSUM gone DEST DEV INODE TIME PATH
 *
 * A file that has guards, or whose real path is in another directory than its
 * path, has both of the first two lines.  Versions before guards do not know
 * "more": they pass it over, and the line behind it has all that they know.
 *
 * "past" changes the last "file" with its destination, device and inode; where
 * there is none, it is ignored.
 *
 * The checksum is XXH3, 64 bits, of what follows it and its space, without the
 * newline.  It and the hash are 16 hexadecimal digits, the other numbers are
 * decimal.  In names every octet that is not printable ASCII, the space and the
 * backslash are \xNN; an empty name is \-.  Pure.
 */
#ifndef CHECKPOINT_RECORD_H
#define CHECKPOINT_RECORD_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#include "lib/fingerprint.h"

enum checkpoint_kind {
	CHECKPOINT_FILE,	/* dest has acknowledged the file up to
				   offset */
	CHECKPOINT_SEEN,	/* dest has been sent from the source named
				   path */
	CHECKPOINT_GONE,	/* ends the CHECKPOINT_FILE of its key */
	CHECKPOINT_MORE,	/* guards and real path of the CHECKPOINT_FILE
				   in the next line; only in the file itself */
	CHECKPOINT_PAST,	/* dest has acknowledged the file of the last
				   CHECKPOINT_FILE up to offset: only that, the
				   time and the newest guard have changed */
	CHECKPOINT_LOOK,	/* when it was written, the wall clock was
				   offset milliseconds ahead of the monotonic
				   one, and had shown time at the latest; of no
				   destination: dest is "" */
	CHECKPOINT_LATE		/* the directory path could not be scanned
				   since time, and offset nanoseconds; a time
				   of 0: it was */
};

/* Guards of a record: of about its offset, and of 64 KB, 1 and 16 MB before. */
#define CHECKPOINT_GUARDS	4

/* Numbers and strings of a line; who owns the strings says the function. */
struct checkpoint_record {
	enum checkpoint_kind	 kind;
	const char		*dest;	/* the destination's name */
	dev_t			 dev;
	ino_t			 inode;
	struct fingerprint	 print;
	off_t			 offset;
	time_t			 time;	/* by the wall clock */
	const char		*path;	/* any bytes but NUL */
	const char		*real;	/* the path that the file really has,
					   where a symbolic link leads to it or
					   it was rotated into another
					   directory; or NULL */
	const struct guard	*guards; /* at or below offset, newest first */
	unsigned		 nguards; /* 0: written by an older version */
};

/* Room for any path of the system, even if every octet is escaped. */
#define CHECKPOINT_LINE_MAX	32768
#define CHECKPOINT_RECORD_MAX	(2 * CHECKPOINT_LINE_MAX)

/* Whether rec's numbers are in range and its names not too long. */
bool	checkpoint_record_is_valid(const struct checkpoint_record *rec);

/* Writes the lines of a valid rec, newlines included.  Returns their length. */
size_t	checkpoint_record_encode(char buf[CHECKPOINT_RECORD_MAX],
	    const struct checkpoint_record *rec);

/* Whether the line, without its newline, has the right checksum. */
bool	checkpoint_record_is_whole(const char *line, size_t len);

/*
 * Reads a whole line into rec, and the guards of a CHECKPOINT_MORE into guards,
 * to which rec points then.  The strings are unescaped in place: line is
 * changed up to line[len], and rec points into it.  Returns false for what no
 * checkpoint_record_encode() wrote.
 */
bool	checkpoint_record_decode(char *line, size_t len,
	    struct checkpoint_record *rec,
	    struct guard guards[CHECKPOINT_GUARDS]);

#endif
