/*
 * file.h - the files that are followed, each by its identity.
 *
 * A file is a device, an inode, a fingerprint, and the guard of what was read:
 * not a path.  It may be renamed, lose its name, or be truncated: a truncated
 * file is a new one at the same place, and what it was before goes on in its
 * copy where there is one.  A file that was rotated never begins again: when
 * it is written anew it is spent, and nothing more of it is sent.  Descriptors
 * are a cache: a file that was read to its end may be closed and is opened
 * again when it changes.
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
struct emptied;
struct suspect;
struct route;
struct stream;
struct file_paths;
struct file_table;
struct watch_file;

struct file {
	/* What every event and read needs stands together. */
	RB_ENTRY(file)		 by_name;
	char			*name;		/* the last one */
	struct names		*place;		/* NULL: no name any more */
	struct file_table	*all;
	struct stream		*streams;	/* owned list */
	unsigned		 undrained;	/* of these so many have a
						   complete line left */
	int			 fd;		/* -1: it is not open */
	uint32_t		 seen;		/* by this scan of its place */
	uint32_t		 begun;		/* so often was the file with
						   this identity begun anew */
	uint32_t		 last_line;	/* octets of the last line that
						   was read, 0: not known */
	uint32_t		 last_guard;	/* of what stands before that */
	uint16_t		 open_set;	/* see file_table_add_set() */
	uint8_t			 error;		/* errno: why it cannot be
						   read, or 0 */
	uint8_t			 compression;	/* enum inflate_kind: print,
						   size and offsets are of the
						   text in it */
	bool			 known:1;	/* in the tree by identity */
	bool			 is_timed:1;	/* looked at by time */
	bool			 is_unverified:1; /* in the list of those */
	bool			 linked:1;	/* reached by a symbolic link */
	bool			 many_links:1;	/* has several names */
	bool			 mounted:1;	/* by itself, over another */
	bool			 untold:1;	/* no event tells of it */
	bool			 rotated:1;	/* lost the name by which it
						   was found */
	bool			 left_now:1;	/* since the last look */
	bool			 suspect:1;	/* may have been written anew */
	bool			 doubtful:1;	/* st_mtim does not tell
						   whether it was written to
						   since the last look */
	bool			 deleted:1;
	bool			 away:1;	/* lost its name with its
						   directory */
	bool			 met:1;		/* the checkpoint has a record
						   of it */
	bool			 passed_by:1;	/* or a start found that it was
						   new, and rotated since */
	bool			 unproven:1;	/* met by its inode: its text
						   was not compared yet */
	bool			 was_empty:1;	/* by that record */
	bool			 text_ended:1; /* all that can be had of its
						   text was had */
	bool			 settled:1;	/* unchanged since its record
						   was written */
	bool			 fresh:1;	/* may be a copy, and was not
						   compared yet */
	bool			 rewritten:1;	/* may have been written anew,
						   with the same text */
	bool			 cut:1;		/* at changed it was cut to the
						   size that it has, or may
						   have been */
	bool			 spent:1;	/* no more of it is sent */
	bool			 only_rest:1;	/* of it only what another file
						   does not have is sent: it
						   has no fingerprint, so that
						   no file is taken for it */
	bool			 undecided:1;	/* a start could not tell yet
						   what it was: see
						   streams_are_undecided() */
	bool			 seeking:1;	/* its copy is looked for, */
	bool			 sought:1;	/* and was, once at least */
	bool			 unread:1;	/* the last read of it failed */
	bool			 deferred:1;	/* the checkpoint says when it
						   was written, as nothing of
						   it could be read */
	unsigned		 unseen:4;	/* so often it could not be
						   compared with the file that
						   has its name */
	off_t			 size;		/* at the last look */
	off_t			 sure;		/* its size before it grew,
						   where what came since may be
						   another file's, as the next
						   read tells; else 0 */
	int64_t			 written_ns;	/* st_mtim at the last look */
	ev_tstamp		 changed;	/* when it was seen to grow */
	struct suspect		*held;		/* may be a copy, or NULL */
	struct copy_search	*search;	/* for its copy, or NULL */
	struct emptied		*emptied;	/* what was sent before it was
						   seen empty, or NULL */
	dev_t			 dev;
	ino_t			 ino;
	struct fingerprint	 print;
	TAILQ_ENTRY(file)	 opened;	/* least recently used first */
	SLIST_ENTRY(file)	 unsure;
	struct file		*behind;	/* is sent after it */
	struct file		*before;	/* had the name before, and is
						   sent first */
	off_t			 owed;		/* up to here it is sent before
						   behind */
	TAILQ_ENTRY(file)	 timed;
	RB_ENTRY(file)		 by_id;
	struct watch_file	*watch;		/* of its own, or NULL */
	struct former_holder	*left;		/* the name it had, or NULL */
	struct file_paths	*paths;		/* see paths.c */
};

/*
 * A file that is called name and has no place, identity or stream yet; it is
 * counted.  Returns NULL with errno; follow_free() of follow/ frees the file.
 */
struct file	*file_alloc(struct file_table *, const char *name);

/*
 * The file is compressed: its text has that fingerprint.  Its size counts only
 * when it was read to the end.
 */
void	file_set_compressed(struct file *, enum inflate_kind,
	    const struct fingerprint *print);

/*
 * The file was called path when a source meant it; NULL: a source means the
 * name that the file has.
 */
void	file_set_origin(struct file *, const char *path);

/* That path, or NULL: a source means the name that the file has. */
const char	*file_old_path(const struct file *);

/* The path by which a source means the file, in buf or the file's own. */
const char	*file_origin(const struct file *, struct path_text *buf);

/* The file's path without links, where a link leads to the file; else NULL. */
void	file_set_real(struct file *, const char *path);

/*
 * Where the file is to be looked for besides its origin: its path without
 * links, or the one that it got in another directory.  In buf or the file's
 * own; NULL where the origin says it.
 */
const char	*file_real(const struct file *, struct path_text *buf);

/* Where the link leads by whose name the file is followed; NULL: not known. */
const char	*file_target(const struct file *);

/* Frees the paths that the file has besides its name. */
void	file_forget_paths(struct file *);

/* What was sent is not what stands in the file: it will be checked. */
void	file_must_be_checked(struct file *);

/*
 * The file could not be opened, read or looked at; error, an errno, says why.
 * That is said once.  An error that may pass by itself is tried again every
 * second.
 */
void	file_cannot_be_read(struct file *, int error);

/* Whether an error may pass without anything happening to the file. */
bool	file_error_may_pass(int error);

/* The last line that was read ends at end; before is the guard before it. */
void	file_set_last_line(struct file *, const struct guard *before,
	    off_t end);

/* What was sent of the file was compared, and stands in it still. */
void	file_is_verified(struct file *);

/*
 * The file's descriptor, opened when need be; the file keeps it.  -1: there is
 * nothing to read now.
 */
int	file_descriptor(struct file *);

/* The last path. */
struct path_text file_path(const struct file *);

/* st_mtim in nanoseconds. */
int64_t	file_written_ns(const struct stat *);

/* Whether st_mtim was set, as cp -p does, and is not that of the last write. */
bool	file_time_was_set(const struct stat *);

/*
 * Remembers st_mtim of a look, which is before the file is read.  What is
 * written after the look, but within the same tick of the file system's clock,
 * leaves st_mtim as it is: after a look so near to it the file is doubtful
 * until the next, and so it is where an event tells that it was written to.
 */
void	file_saw(struct file *, const struct stat *);

/* Whether nothing was written to the file since, as far as st_mtim tells. */
bool	file_is_as_seen(const struct file *, const struct stat *);

#endif
