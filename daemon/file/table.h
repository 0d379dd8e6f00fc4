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

/* What could not be sent, the last ones of it. */
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
 * Returns NULL with errno.  loop and ledger are borrowed, and so are the ops of
 * the conf.
 */
struct tails	*tails_new(struct ev_loop *, struct ledger *,
		    const struct tails_conf *);

/* Frees the table, in which there is no file any more; NULL is fine. */
void	tails_free(struct tails *);

const struct file_ops	*tails_ops(const struct tails *);

/*
 * Of the files whose open_set it is, at most so many are open; 0: no limit of
 * their own, as in set 0, which there always is.  Returns the set, or -1 with
 * errno.
 */
int	tails_add_set(struct tails *, unsigned max_open);

/* The buffer that every read goes through. */
uint8_t	*tails_scratch(struct tails *, size_t *size);
struct ledger	*tails_ledger(struct tails *);

/* When this turn of the loop began, by clock_now(). */
double	tails_now(const struct tails *);

/* Whether events wait to be read, which may tell of a file's new name. */
bool	tails_events_wait(const struct tails *);

/* To be read; and to be counted by who lives through it. */
struct tails_stats	*tails_stats(struct tails *);

/* bytes of the file at an offset will never be sent: says and counts it. */
void	tails_lose(struct tails *, const struct tails_loss *);

/* The nth loss, from 0, the last one first; or NULL. */
const struct tails_loss	*tails_loss(const struct tails *, unsigned n);

/* fn may free its tail. */
void	tails_walk(struct tails *, void (*fn)(struct tail *, void *), void *);

/* The first file with an identity behind this one; those without one. */
struct tail	*tails_behind(struct tails *, dev_t, ino_t);
void	tails_walk_unknown(struct tails *,
	    void (*fn)(struct tail *, void *), void *);

/* The file with this identity, or NULL. */
struct tail	*tails_find(struct tails *, dev_t, ino_t);

/* The first file whose identity is this one or behind it, or NULL. */
struct tail	*tails_find_from(struct tails *, dev_t, ino_t);

/* Whether this is a start: see struct tails_finder. */
bool	tails_is_starting(const struct tails *);

/* What may be copies; of follow/suspect.c alone. */
LIST_HEAD(held_list, held);
struct held_list	*tails_held(struct tails *);
/* The file has the identity of st; and: it has none any more. */
void	tails_know(struct tail *, const struct stat *);
void	tails_forget(struct tail *);

/* The file is open as fd, which is taken; and: close it.  fd -1 is fine. */
void	tails_opened(struct tail *, int fd);
void	tails_closed(struct tail *);

/*
 * Closes some that can be opened again, of those that were not read to the end
 * one at the most, and none that cannot be read now.  Returns whether there
 * were any.
 */
bool	tails_close_some(struct tails *);

/* Whether an error says that no descriptor was left: closing some may help. */
bool	tails_out_of_descriptors(int error);

/*
 * So many descriptors, which are no file's yet, are taken for a while: fewer
 * files are open until it is said to be 0 again.
 */
void	tails_reserve(struct tails *, unsigned n);

/* Its descriptor was used; returns the descriptor. */
int	tails_used(struct tail *);

/* Hands the open descriptor over to another file. */
void	tails_hand_over(struct tail *from, struct tail *to);

/* Who knows the directories, and what is meant in them. */
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
	 * Whether nobody could have given the file of st that name there to
	 * have it sent though it is not theirs to read; or whoever means the
	 * file called of in was does not care.
	 */
	bool	(*trusts)(struct place *, const char *name,
		    const struct stat *st, struct place *was, const char *of);
	/*
	 * Whether a file that lost this path may have another that could not be
	 * looked at yet.
	 */
	bool	(*is_blind)(void *arg, const char *path);
	/* Whether files may be there of which nobody knows what they were. */
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
void	tails_set_finder(struct tails *, const struct tails_finder *);
const struct tails_finder	*tails_finder(const struct tails *);

/* The searches for copies that go on. */
struct scan_queue	*tails_searches(struct tails *);

/*
 * Files that lost their names as their directories went, by the whole path:
 * what has that path next comes after them, or goes on where they were.
 */
struct place	*tails_homeless(struct tails *);

/*
 * Gives the file a watch of its own where no directory's tells what is written
 * to it, or ends that.  Where there is no watch to be had, the file is looked
 * at by time.  Returns whether a watch began: what was written before is to be
 * read.  Most call streams_watch() of stream/, which sees to that.
 */
bool	tails_watch(struct tail *);

/*
 * The file needs a look by time; the first one in the next turn of the loop;
 * and: events tell all there is to know.
 */
void	tails_time(struct tail *);
void	tails_time_soon(struct tail *);
void	tails_untime(struct tail *);

/* The same, the first one in a twentieth of a second. */
void	tails_time_later(struct tail *);

/* Whether no event tells that the file itself was written to. */
bool	tails_lack_events(const struct tail *);

/*
 * The next read is to tell whether it is still the same file; and: it did.  At
 * the end of a turn of the loop those that were not read, as their receivers
 * take nothing, have themselves looked at: a second truncation must not find
 * them so.
 */
void	tails_unsure(struct tail *);
void	tails_sure(struct tail *);
void	tails_settle(struct tails *);

#endif
