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

struct checkpointer;
struct file;
struct file_table;

struct file_table_stats {
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
#define FILE_TABLE_LOSSES 16
struct file_table_loss {
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
	void	(*check)(struct file *);
	/* The same, and a comparison is not left to the next read. */
	void	(*check_surely)(struct file *);
	/* The file's time has come. */
	void	(*on_due)(struct file *);
	/*
	 * Then, when all files had theirs: it has not grown for quiet seconds.
	 * May free it.
	 */
	void	(*on_quiet)(struct file *, double quiet);
	/* The file was opened; fd is borrowed. */
	void	(*on_opened)(struct file *, int fd);
	/* The file, which could be read before, cannot be. */
	void	(*on_error)(struct file *);
	/* A stream of the file has no complete line left. */
	void	(*on_drained)(struct file *);
	/* A receiver lost something of the file that was sent to it. */
	void	(*on_taken_back)(const struct file *);
	/* Whether every receiver has all of the file. */
	bool	(*is_done)(const struct file *);
	/* A part of a search for a copy: see base/scan_queue.h. */
	bool	(*on_search)(struct scan_job *, void *file_table);
};

struct file_table_conf {
	const struct file_ops	*ops;
	unsigned	max_open;	/* descriptors for all files */
	uint64_t	look_ms;	/* between looks by time */
	size_t		scratch;	/* octets to read at once */
};

/*
 * Makes an empty table.  loop, checkpointer and the ops of conf are borrowed.
 * Returns NULL with errno.
 */
struct file_table	*file_table_new(struct ev_loop *, struct checkpointer *,
		    const struct file_table_conf *);

/* Frees the table, in which no file may be any more; NULL is fine. */
void	file_table_free(struct file_table *);

/* Returns the ops that the table was made with. */
const struct file_ops	*file_table_ops(const struct file_table *);

/*
 * Makes a set of files, those whose open_set is the number of the set: at most
 * max_open of them are open at once; 0: the set has no limit of its own, as set
 * 0, which there always is.  Returns the number, or -1 with errno.
 */
int	file_table_add_set(struct file_table *, unsigned max_open);

/*
 * Returns the buffer that every read goes through; whoever calls has it until
 * the next call.
 */
uint8_t	*file_table_scratch(struct file_table *, size_t *size);

/* Returns the checkpointer that the table was made with. */
struct checkpointer	*file_table_checkpointer(struct file_table *);

/* When this turn of the loop began, by clock_steady(). */
double	file_table_now(const struct file_table *);

/* Whether events wait to be read, which may tell of a file's new name. */
bool	file_table_events_wait(const struct file_table *);

/* Returns the counters: whoever sees what they count, counts. */
struct file_table_stats	*file_table_stats(struct file_table *);

/* Says that octets of a file will never be sent, and counts them. */
void	file_table_lose(struct file_table *, const struct file_table_loss *);

/* The nth loss, from 0, the last one first; NULL where it is not known. */
const struct file_table_loss	*file_table_loss(const struct file_table *,
				    unsigned n);

/* Calls fn for each file; it may free that one. */
void	file_table_walk(struct file_table *,
	    void (*fn)(struct file *, void *), void *);

/* The same for those that have no identity any more. */
void	file_table_walk_unknown(struct file_table *,
	    void (*fn)(struct file *, void *), void *);

/* Returns the file with this identity, or NULL. */
struct file	*file_table_find(struct file_table *, dev_t, ino_t);

/* Returns the first file with this identity or one behind it, or NULL. */
struct file	*file_table_find_from(struct file_table *, dev_t, ino_t);

/* Returns the first file with an identity behind this one, or NULL. */
struct file	*file_table_behind(struct file_table *, dev_t, ino_t);

/* Whether a start goes on, as the finder says. */
bool	file_table_is_starting(const struct file_table *);

/* The files that may be copies; follow/suspect.c keeps the list. */
LIST_HEAD(file_suspects, suspect);
struct file_suspects	*file_table_suspects(struct file_table *);

/* The file has the identity of st; most call follow_know(). */
void	file_table_know(struct file *, const struct stat *);

/* The file has no identity, and no watch of its own, any more. */
void	file_table_forget(struct file *);

/* The file, which was closed, is open as fd, which it takes. */
void	file_opened(struct file *, int fd);

/* Closes the file, if it is open. */
void	file_close(struct file *);

/*
 * Closes some files that can be opened again; of those that were not read to
 * the end one at the most, and none that cannot be read now.  Returns whether
 * any was closed.
 */
bool	file_table_close_some(struct file_table *);

/* Whether the error, an errno, says that no descriptor was left. */
bool	file_out_of_descriptors(int error);

/*
 * n descriptors that are no file's yet are in use: so many files fewer are open
 * until the next call, which says 0.
 */
void	file_table_reserve(struct file_table *, unsigned n);

/* Of the open files this one was used last.  Returns its descriptor. */
int	file_used(struct file *);

/* The descriptor of one file is the other's now, which was closed. */
void	file_hand_over(struct file *from, struct file *to);

/* What find/ knows of directories, and of the files that sources mean. */
struct names;
struct watch;
struct file_finder {
	/*
	 * Looks at a name again, for a file that a symbolic link leads to and
	 * that has no watch: no event would tell that what is behind the link
	 * is another.
	 */
	void	(*look)(struct names *, const char *name);
	/*
	 * Visits the directory, then others near it in which files are meant,
	 * the nearest first and not many, until visit returns true.
	 */
	void	(*near)(struct names *, bool (*visit)(struct names *, void *),
		    void *to);
	/* Whether a source means that name there. */
	bool	(*means)(struct names *, const char *name);
	/*
	 * Whether a source that means the file called of in was means that name
	 * there too; where name is NULL, whether it reaches the directory.
	 */
	bool	(*reaches)(struct names *, const char *name, struct names *was,
		    const char *of);
	/*
	 * Whether no user could have given the file of st that name there to
	 * have a file sent that this user may not read; or the source that
	 * means the file called of in was does not care.
	 */
	bool	(*trusts)(struct names *, const char *name,
		    const struct stat *st, struct names *was, const char *of);
	/*
	 * Whether a file that lost this path may have another that could not be
	 * looked at yet.
	 */
	bool	(*is_blind)(void *arg, const char *path);
	/*
	 * Whether the directory may have files of which a start could not tell
	 * yet what they were.
	 */
	bool	(*is_undecided)(struct names *);
	/* What could not be looked at there is looked at again. */
	void	(*again)(struct names *);
	/* The directory in which path is, if it is searched, or NULL. */
	struct names	*(*place_of)(void *arg, const char *path);
	/*
	 * Whether this is a start: what the checkpoint says of another file
	 * than the one that is there is then given back to it.
	 */
	bool	(*is_starting)(void *arg);
	void	*arg;
	struct watch	*watch;	/* for files by themselves, as file_table */
};
/* Given once, before any file is followed; its arg and watch are borrowed. */
void	file_table_set_finder(struct file_table *, const struct file_finder *);
const struct file_finder	*file_finder(const struct file_table *);

/* The searches for copies that go on; follow/copy.c has its jobs in there. */
struct scan_queue	*file_table_searches(struct file_table *);

/*
 * Remembers files that lost their names as their directories went, by their
 * whole paths: a file that gets one of these paths is sent after the one that
 * had it, or goes on where that was.
 */
struct names	*file_table_homeless(struct file_table *);

/*
 * Gives the file a watch of its own where its directory's watch does not tell
 * of writes to it, or ends that.  Where no watch can be had, the file is looked
 * at by time.  Returns whether a watch began: what was written before is to be
 * read.  Most call streams_watch() of stream/, which sees to that.
 */
bool	file_watch(struct file *);

/*
 * The file needs looks by time, every look_ms; and a first one in the next turn
 * of the loop, or in a twentieth of a second.
 */
void	file_timer_add(struct file *);
void	file_timer_add_soon(struct file *);
void	file_timer_add_later(struct file *);

/* The file needs no looks by time: events tell all there is to know. */
void	file_timer_del(struct file *);

/* Whether no event of its directory tells that the file was written to. */
bool	file_lacks_events(const struct file *);

/*
 * The next read of the file is to tell whether it is still the same.  Where no
 * read came by the end of the turn, as the receivers take nothing,
 * file_table_check_unverified() has the file checked: a second truncation must
 * not find it so.
 */
void	file_unverified(struct file *);
void	file_verified(struct file *);
void	file_table_check_unverified(struct file_table *);

#endif
