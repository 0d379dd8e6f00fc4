/*
 * suspect.h - new files that may be copies of a file that is followed.
 *
 * Rotation by copytruncate writes a copy, and a pattern may mean it too.  A new
 * file is compared, before anything of it is sent, with those that are followed
 * and from whose name rotation may have made its own, or whose names stand
 * beside it.  While it has nothing but what one of them has it is held.  When
 * that one is truncated, it goes on in its copy (in_copy.c).  What has
 * the time of the other file, or a name that only rotation gives and all that
 * was sent of the other, is a copy, and never sent.  Any other is sent when it
 * has not grown for two seconds, or has something of its own.
 */
#ifndef FOLLOW_SUSPECT_H
#define FOLLOW_SUSPECT_H

#include <sys/queue.h>
#include <sys/stat.h>

#include <stdbool.h>
#include <stdint.h>

struct file;
struct copy_wanted;

/* What is known of a file that may be a copy: the other is dev, ino, begun. */
struct suspect {
	LIST_ENTRY(suspect)	 entry;
	struct file		*file;
	off_t			 copied;	/* what is the same up to
						   there */
	dev_t			 dev;
	ino_t			 ino;
	uint32_t		 begun;
	bool			 is_copy;	/* for good */
	bool			 is_over;	/* it was a copy, and has been
						   written over since */
	bool			 is_sought;	/* may be a copy that could not
						   be looked for yet, */
	bool			 is_unknown;	/* or that could not be
						   compared */
};

/*
 * Whether a held file is a log of which nobody could read anything, and which
 * has less now: what it had is looked for in a copy, as that of any other log.
 */
bool	follow_held_is_cut_unread(const struct file *, const struct stat *);

/*
 * The file, which is held, has shrunk or has other content now: it is another
 * copy, or spent, for a copy never begins again.
 */
void	suspect_changed(struct file *, const struct stat *);

/*
 * The file has not grown for quiet seconds: one that is held may be compared
 * again, sent, or recorded as received.  Any file will do.
 */
void	suspect_by_time(struct file *, double quiet);

/*
 * A file that is held has lost its name, is open, and nobody could tell whether
 * it was a copy: it is sent.  Returns whether it was such a one.
 */
bool	suspect_release_unknown(struct file *);

/*
 * The file is about to lose its name: a log that is rotated is no copy,
 * whatever it begins like, and the next start has to know it.
 */
void	suspect_leaves(struct file *);

/*
 * Of a copy for good: whether all that it has was received from the other file,
 * as that was when it was copied.
 */
bool	suspect_is_received(const struct file *);

/*
 * The file is about to go on as the one of the stat: its copies are copies of
 * that.  And: a receiver lost something of it, so that its copies may not be
 * recorded any more as received.
 */
void	suspect_copies_move(const struct file *of, const struct stat *to);
void	suspect_taken_back(const struct file *of);

/* Whether the file is held as that copy, up to that size. */
bool	suspect_is_copy_of(const struct file *, const struct copy_wanted *,
	    off_t size);

/*
 * Whether time will tell if the held file is sent; and whether it needs a look
 * by time, for that or for its record.
 */
bool	suspect_is_for_now(const struct file *);
bool	suspect_is_timed(const struct file *);

/* The file is held no longer; its streams are not woken. */
void	suspect_end(struct file *);

#endif
