/*
 * table.h - all files that are followed: found by identity, closed when too
 * many are open, looked at by time where no event would come.
 */
#ifndef FILE_TABLE_H
#define FILE_TABLE_H

#include <sys/queue.h>
#include <sys/stat.h>

#include <ev.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ledger;
struct tail;
struct tails;

struct tails_stats {
	uint64_t	files;
	uint64_t	streams;
	uint64_t	open;
	uint64_t	rotations;
	uint64_t	truncations;
	uint64_t	lost_bytes;	/* truncated or deleted before read */
	uint64_t	hole_bytes;	/* NULs that were no lines */
	uint64_t	damaged;	/* compressed files, in part unread */
	uint64_t	found;		/* files ever followed */
};

/* Octets that could not be sent; the last losses are kept. */
#define TAILS_LOSSES 16
struct tails_loss {
	char		*path;		/* NULL: none */
	const char	*how;
	off_t		 at;
	off_t		 bytes;
	ev_tstamp	 when;
};

struct scan_job;

/* What the table tells, and asks, those above: follow/ gives it at creation. */
struct file_ops {
	/* Looks whether the file has grown, was truncated, replaced or lost. */
	void	(*check)(struct tail *);
	/* The same, and a comparison is not left to the next read. */
	void	(*check_surely)(struct tail *);
	/* The file's time has come. */
	void	(*on_due)(struct tail *);
	/*
	 * Then, when all files had theirs: it has not grown for quiet seconds.
	 * May free it.
	 */
	void	(*on_quiet)(struct tail *, double quiet);
	/* The file was opened; fd is borrowed. */
	void	(*on_opened)(struct tail *, int fd);
	/* The file, which could be read before, cannot be. */
	void	(*on_error)(struct tail *);
	/* A stream of the file has no complete line left. */
	void	(*on_drained)(struct tail *);
	/* A receiver lost something of the file that was sent to it. */
	void	(*on_taken_back)(const struct tail *);
	/* Whether every receiver has all of the file. */
	bool	(*is_done)(const struct tail *);
	/* A part of a search for a copy: see base/scan_queue.h. */
	bool	(*on_search)(struct scan_job *, void *tails);
};

struct tails_conf {
	const struct file_ops	*ops;
	unsigned	max_open;	/* descriptors for all files */
	uint64_t	look_ms;	/* between looks by time */
	size_t		scratch;	/* octets to read at once */
};

/*
 * Makes an empty table.  loop, ledger and the ops of conf are borrowed.
 * Returns NULL with errno.
 */
struct tails	*tails_new(struct ev_loop *, struct ledger *,
		    const struct tails_conf *);

/* Frees the table, in which no file may be any more; NULL is fine. */
void	tails_free(struct tails *);

/* Returns the ops that the table was made with. */
const struct file_ops	*tails_ops(const struct tails *);

/*
 * Makes a set of files, those whose open_set is the number of the set: at most
 * max_open of them are open at once; 0: the set has no limit of its own, as set
 * 0, which there always is.  Returns the number, or -1 with errno.
 */
int	tails_add_set(struct tails *, unsigned max_open);

/*
 * Returns the buffer that every read goes through; whoever calls has it until
 * the next call.
 */
uint8_t	*tails_scratch(struct tails *, size_t *size);

/* Returns the checkpointer that the table was made with. */
struct ledger	*tails_ledger(struct tails *);

/* When this turn of the loop began, by clock_now(). */
double	tails_now(const struct tails *);

/* Whether events wait to be read, which may tell of a file's new name. */
bool	tails_events_wait(const struct tails *);

/* Returns the counters: whoever sees what they count, counts. */
struct tails_stats	*tails_stats(struct tails *);

/* Says that octets of a file will never be sent, and counts them. */
void	tails_lose(struct tails *, const struct tails_loss *);

/* The nth loss, from 0, the last one first; NULL where it is not known. */
const struct tails_loss	*tails_loss(const struct tails *, unsigned n);

/* Calls fn for each file; it may free that one. */
void	tails_walk(struct tails *, void (*fn)(struct tail *, void *), void *);

/* The same for those that have no identity any more. */
void	tails_walk_unknown(struct tails *,
	    void (*fn)(struct tail *, void *), void *);

/* Returns the file with this identity, or NULL. */
struct tail	*tails_find(struct tails *, dev_t, ino_t);

/* Returns the first file with this identity or one behind it, or NULL. */
struct tail	*tails_find_from(struct tails *, dev_t, ino_t);

/* Returns the first file with an identity behind this one, or NULL. */
struct tail	*tails_behind(struct tails *, dev_t, ino_t);

/* Whether a start goes on, as the finder says. */
bool	tails_is_starting(const struct tails *);

/* The files that may be copies; follow/suspect.c keeps the list. */
LIST_HEAD(held_list, held);
struct held_list	*tails_held(struct tails *);

/* The file has the identity of st; most call follow_know(). */
void	tails_know(struct tail *, const struct stat *);

/* The file has no identity, and no watch of its own, any more. */
void	tails_forget(struct tail *);

/* The file, which was closed, is open as fd, which it takes. */
void	tails_opened(struct tail *, int fd);

/* Closes the file, if it is open. */
void	tails_closed(struct tail *);

/*
 * Closes some files that can be opened again; of those that were not read to
 * the end one at the most, and none that cannot be read now.  Returns whether
 * any was closed.
 */
bool	tails_close_some(struct tails *);

/* Whether the error, an errno, says that no descriptor was left. */
bool	tails_out_of_descriptors(int error);

/*
 * n descriptors that are no file's yet are in use: so many files fewer are open
 * until the next call, which says 0.
 */
void	tails_reserve(struct tails *, unsigned n);

/* Of the open files this one was used last.  Returns its descriptor. */
int	tails_used(struct tail *);

/* The descriptor of one file is the other's now, which was closed. */
void	tails_hand_over(struct tail *from, struct tail *to);

/* What find/ knows of directories, and of the files that sources mean. */
struct place;
struct watch;
struct tails_finder {
	/*
	 * Looks at a name again, for a file that a symbolic link leads to and
	 * that has no watch: no event would tell that what is behind the link
	 * is another.
	 */
	void	(*look)(struct place *, const char *name);
	/*
	 * Visits the directory, then others near it in which files are meant,
	 * the nearest first and not many, until visit returns true.
	 */
	void	(*near)(struct place *, bool (*visit)(struct place *, void *),
		    void *to);
	/* Whether a source means that name there. */
	bool	(*means)(struct place *, const char *name);
	/*
	 * Whether a source that means the file called of in was means that name
	 * there too; where name is NULL, whether it reaches the directory.
	 */
	bool	(*reaches)(struct place *, const char *name, struct place *was,
		    const char *of);
	/*
	 * Whether no user could have given the file of st that name there to
	 * have a file sent that this user may not read; or the source that
	 * means the file called of in was does not care.
	 */
	bool	(*trusts)(struct place *, const char *name,
		    const struct stat *st, struct place *was, const char *of);
	/*
	 * Whether a file that lost this path may have another that could not be
	 * looked at yet.
	 */
	bool	(*is_blind)(void *arg, const char *path);
	/*
	 * Whether the directory may have files of which a start could not tell
	 * yet what they were.
	 */
	bool	(*is_undecided)(struct place *);
	/* What could not be looked at there is looked at again. */
	void	(*again)(struct place *);
	/* The directory in which path is, if it is searched, or NULL. */
	struct place	*(*place_of)(void *arg, const char *path);
	/*
	 * Whether this is a start: what the checkpoint says of another file
	 * than the one that is there is then given back to it.
	 */
	bool	(*is_starting)(void *arg);
	void	*arg;
	struct watch	*watch;	/* for files by themselves, as tails */
};
/* Given once, before any file is followed; its arg and watch are borrowed. */
void	tails_set_finder(struct tails *, const struct tails_finder *);
const struct tails_finder	*tails_finder(const struct tails *);

/* The searches for copies that go on; follow/copy.c has its jobs in there. */
struct scan_queue	*tails_searches(struct tails *);

/*
 * Remembers files that lost their names as their directories went, by their
 * whole paths: a file that gets one of these paths is sent after the one that
 * had it, or goes on where that was.
 */
struct place	*tails_homeless(struct tails *);

/*
 * Gives the file a watch of its own where its directory's watch does not tell
 * of writes to it, or ends that.  Where no watch can be had, the file is looked
 * at by time.  Returns whether a watch began: what was written before is to be
 * read.  Most call streams_watch() of stream/, which sees to that.
 */
bool	tails_watch(struct tail *);

/*
 * The file needs looks by time, every look_ms; and a first one in the next turn
 * of the loop, or in a twentieth of a second.
 */
void	tails_time(struct tail *);
void	tails_time_soon(struct tail *);
void	tails_time_later(struct tail *);

/* The file needs no looks by time: events tell all there is to know. */
void	tails_untime(struct tail *);

/* Whether no event of its directory tells that the file was written to. */
bool	tails_lack_events(const struct tail *);

/*
 * The next read of the file is to tell whether it is still the same.  Where no
 * read came by the end of the turn, as the receivers take nothing,
 * tails_settle() has the file checked: a second truncation must not find it so.
 */
void	tails_unsure(struct tail *);
void	tails_sure(struct tail *);
void	tails_settle(struct tails *);

#endif
