/*
 * file.h - the files that are followed, each by its identity.
 *
 * A file is a device, an inode, a fingerprint, and the guard of what was read:
 * not a path.  It may be renamed, lose its name, or be truncated: a truncated
 * file is a new one at the same place, and what it was before goes on in its
 * copy where there is one.  A file that was rotated never begins again: when
 * it is written anew it is spent, and nothing more of it is sent.  Descriptors are a cache: a file that was read to its end may be closed
 * and is opened again when it changes.
 */
#ifndef FILE_H
#define FILE_H

#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/tree.h>

#include <ev.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/base/path_text.h"
#include "daemon/file/names.h"
#include "lib/fingerprint.h"
#include "lib/inflate.h"

struct checkpoint_record;
struct held;
struct route;
struct stream;
struct tail_paths;
struct tails;
struct watch_file;

struct tail {
	/* What every event and read needs stands together. */
	RB_ENTRY(tail)		 by_name;
	char			*name;		/* the last one */
	struct place		*place;		/* NULL: no name any more */
	struct tails		*all;
	struct stream		*streams;	/* owned list */
	int			 fd;
	uint32_t		 seen;		/* for who scans its place */
	uint32_t		 begun;		/* so often was the file with this
						   identity begun anew */
	uint32_t		 last_line;	/* octets of the last line read,
						   0: not known */
	uint32_t		 last_guard;	/* of what stands before it */
	uint16_t		 open_set;	/* see tails_add_set() */
	uint8_t			 error;		/* why it cannot be read, or 0 */
	uint8_t			 packed;	/* enum inflate_kind: print, size
						   and offsets are of its text */
	bool			 known:1;	/* in the tree by identity */
	bool			 is_timed:1;
	bool			 is_unsure:1;	/* in the list of those */
	bool			 linked:1;	/* reached by a symbolic link */
	bool			 many_links:1;	/* has several names */
	bool			 mounted:1;	/* by itself, over another */
	bool			 untold:1;	/* nothing tells of it but time */
	bool			 rotated:1;	/* lost the name it was found by */
	bool			 left_now:1;	/* lost it since the last look */
	bool			 suspect:1;	/* may have been written anew */
	bool			 doubtful:1;	/* st_mtim does not tell whether it
						   was written to since */
	bool			 deleted:1;
	bool			 away:1;	/* lost its name with its directory */
	bool			 met:1;		/* the checkpoint knew it, */
	bool			 passed_by:1;	/* or it was found to be new then */
	bool			 unproven:1;	/* by its inode: its text was not
						   compared yet */
	bool			 was_empty:1;	/* when it did */
	bool			 packed_ended:1; /* all that can be had of its
						   text was had */
	bool			 settled:1;	/* unchanged since that was written */
	bool			 fresh:1;	/* may be a copy: not compared yet */
	bool			 rewritten:1;	/* may have been, with the same text */
	bool			 cut:1;		/* or may have been, by the look at
						   changed, to the size it has */
	bool			 spent:1;	/* nothing of it is sent any more */
	bool			 only_rest:1;	/* of it only what comes behind what
						   another file has, too: it has
						   no fingerprint, so that no file
						   is taken for it */
	bool			 undecided:1;	/* a start could not tell yet what
						   it was: tail_is_undecided() */
	bool			 seeking:1;	/* its copy could not be looked for, */
	bool			 sought:1;	/* but was, once at least */
	bool			 unread:1;	/* the last read of it failed */
	bool			 deferred:1;	/* the checkpoint says when it was
						   written, as tail_is_unread() */
	unsigned		 unseen:4;	/* so often it could not be compared
						   with what has its name */
	off_t			 size;		/* as last seen */
	off_t			 sure;		/* size before it grew, where what
						   came since may be of another
						   file, as the next read tells;
						   else 0 */
	int64_t			 written_ns;	/* st_mtim as last seen */
	ev_tstamp		 changed;	/* when it was last seen to grow */
	struct held		*held;		/* may be a copy, or NULL */
	struct search		*search;	/* for a copy of it, or NULL */
	dev_t			 dev;
	ino_t			 ino;
	struct fingerprint	 print;
	TAILQ_ENTRY(tail)	 opened;	/* least recently used first */
	SLIST_ENTRY(tail)	 unsure;
	struct tail		*behind;
	struct tail		*before;	/* had the name before, and is
						   to be sent first */
	off_t			 owed;		/* up to here it is sent before
						   behind */
	TAILQ_ENTRY(tail)	 timed;
	RB_ENTRY(tail)		 by_id;
	struct watch_file	*watch;		/* of its own, or NULL */
	struct leaver		*left;		/* the name it had, or NULL */
	struct tail_paths	*paths;		/* see tail_origin(), tail_real() */
};

/*
 * Follows the regular file at place/name that st describes; nothing is read
 * before a route joins.  Returns NULL with errno.
 */
struct tail	*tail_new(struct tails *, struct place *, const char *name,
		    const struct stat *);

/*
 * The same for a file that has no name any more, but once was called name, and
 * is open as fd.  Takes fd, also on failure.
 */
struct tail	*tail_new_nameless(struct tails *, const char *name, int fd,
		    const struct stat *);

/*
 * Sends the file by route: from the checkpoint, or from from_end's meaning of
 * a start.  Does nothing when its destination gets the file already.  Returns
 * 0, or -1 with errno.
 */
int	tail_join(struct tail *, struct route *, bool from_end);

/*
 * The same for a file that no source means by its name, but was followed
 * before: only when it is the very file that the checkpoint knows.
 */
int	tail_rejoin(struct tail *, struct route *);

/*
 * It is compressed: its text has that fingerprint.  Its size counts only when
 * it was read to the end.
 */
void	tail_set_packed(struct tail *, enum inflate_kind,
	    const struct fingerprint *print);

/*
 * It was called path when a source meant it; NULL: a source means the name that
 * it has.
 */
void	tail_set_origin(struct tail *, const char *path);

/* That path, or NULL: a source means the name that it has. */
const char	*tail_old_path(const struct tail *);

/* The path by which a source means it, in buf or its own. */
const char	*tail_origin(const struct tail *, struct path_text *buf);

/* Its path without links, where one leads to it; else NULL. */
void	tail_set_real(struct tail *, const char *path);

/*
 * Where it is to be looked for besides its origin: its path without links, or
 * the one that it got in another directory.  In buf or its own; NULL where the
 * origin says it.
 */
const char	*tail_real(const struct tail *, struct path_text *buf);

/* Where a link leads by whose name it is followed; NULL: that is not known. */
const char	*tail_target(const struct tail *);

/* Frees what of its paths is its own. */
void	tail_forget_paths(struct tail *);

/*
 * Whether nobody knows yet what it was before the start: it may be what another
 * file of the checkpoint has become, of which something was sent.  Nothing of
 * it is sent or recorded until that is known, or has been sought for long.
 */
bool	tail_is_undecided(struct tail *);

/* That is known now, or it is to be asked anew. */
void	tail_decide(struct tail *);
void	tail_wake_undecided(struct tail *);

/* What was sent of it is not what stands there: it will be looked at. */
void	tail_suspect(struct tail *);

/*
 * It could not be opened, read or looked at, error says why: that is said
 * once.  What may pass by itself is tried again every second.
 */
void	tail_cannot_be_read(struct tail *, int error);

/* The same of a read, and: that one did not fail any more. */
void	tail_read_failed(struct tail *, int error);
void	tail_can_be_read(struct tail *);

/* Whether it has something, and nothing of it could be read yet. */
bool	tail_is_unread(const struct tail *);

/*
 * Of another file, which had its name, something was sent: has its stream go on
 * behind that where it stands in this one, of which nothing was sent.  Returns
 * whether it does.
 */
bool	tail_seek_sent(struct tail *, const struct checkpoint_record *);

/* The guard with the largest offset of all its streams, or one that is none. */
struct guard	tail_newest_guard(const struct tail *);

/* The last line that was read ends at end; before is the guard before it. */
void	tail_set_last_line(struct tail *, const struct guard *before, off_t end);

/*
 * Compares the fingerprint with a file that was written to, and brings it up
 * to date.  Returns 1 when it is still the same file, 0 when it is not, or -1
 * with errno when it could not be read.
 */
int	tail_update_print(struct tail *, int fd);

/* What was sent of it was compared, and stands in it still. */
void	tail_is_compared(struct tail *);

/* A read of fd found more in it than any look had: it has size octets now. */
void	tail_has_grown(struct tail *, int fd, off_t size);

/*
 * Looks at the file itself: grown, truncated, replaced, gone.  Whether it was
 * truncated and is larger than ever may be left to the next read to find out;
 * not where whoever asks needs to know now: then surely.  Where an event says
 * that it was written to, a file of the same size may have been written anew
 * with the same text.
 */
void	tail_check(struct tail *);
void	tail_check_surely(struct tail *);
void	tail_check_written(struct tail *);

/*
 * It has a name that a source means, and that rotation does not give to the one
 * it was found by: it is not taken for a rotated file any more.
 */
void	tail_is_live(struct tail *);

/* Returns its descriptor, opened when need be, or -1: nothing to read now. */
int	tail_fd(struct tail *);

/* The last path. */
struct path_text tail_path(const struct tail *);

/* One of its streams has no complete line left; and: none of them has. */
void	tail_drained(struct tail *);
bool	tail_is_drained(const struct tail *);

/* Every destination has all of it. */
bool	tail_is_done(const struct tail *);

/*
 * The offset up to which every destination was sent it; and up to which the one
 * that is ahead was.
 */
off_t	tail_least_sent(const struct tail *);
off_t	tail_most_sent(const struct tail *);

/* The least partial_timeout that counts for it, in seconds; 0 for none. */
double	tail_partial_seconds(const struct tail *);

/* What will never be read is said with its range, and counted. */
void	tail_say_lost(struct tail *, const char *how);

/*
 * The file will not come back, and neither will its records, unless it may go on
 * where nobody could look.  Frees it.
 */
void	tail_finish(struct tail *);

/*
 * The same of a compressed file.  Where it has a name, its record stays, under
 * that: nothing of it is sent any more, though it begins like something else
 * that is looked for.
 */
void	tail_finish_packed(struct tail *);

/* Frees it; its records stay. */
void	tail_free(struct tail *);

#endif
