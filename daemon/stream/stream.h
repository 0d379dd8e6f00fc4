/*
 * stream.h - one file on its way to one destination.
 *
 * The cursor says how far the file was sent and acknowledged, in octets from
 * its start.  A destination pulls: stream_pull() reads the file at cursor.sent
 * and packs whole lines into frames.
 */
#ifndef STREAM_H
#define STREAM_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/stream/route.h"
#include "lib/pack.h"
#include "lib/window.h"

struct compressed;
struct stream_guards;

/* Octets before an offset that are compared when a file is read from there. */
#define STREAM_GUARD	GUARD_MAX

/*
 * The least octets to read at once: a line that is to be split must show more
 * than one message of itself.
 */
#define STREAM_LEAST(max_message)	(2 * (max_message) + STREAM_GUARD + 64)

/* Of stream.begun: a file that is too large for its size to be kept. */
#define STREAM_BEGUN_MOST	((1 << 21) - 1)
#define STREAM_BEGUN_BLOCK	1024

struct stream {
	struct cursor		 cursor;	/* first: see stream_of() */
	struct stream		*next;		/* of the same file */
	struct file		*file;
	struct route		*route;
	TAILQ_ENTRY(stream)	 ready;		/* the destination's queue */
	struct checkpoint_mark	 mark;		/* see stream_of_mark() */
	struct compressed	*compressed;	/* it is decoded, or waits; or
						   NULL */
	void			*endpoint;	/* the destination's choice */
	uint32_t		 epoch;		/* while this is its epoch */
	bool			 is_ready:1;
	bool			 is_drained:1;	/* no complete line is left */
	bool			 flush:1;	/* the file's end ends a line */
	bool			 from_end:1;	/* begins at the file's end when
						   the file can be opened */
	bool			 is_judged:1;	/* is_no_text is known */
	bool			 is_no_text:1;	/* the file is compressed */
	bool			 comes_back:1;	/* what is sent is written into
						   the file: read no more */
	bool			 only_nuls:1;	/* drained: behind scanned the
						   file has nothing but NULs */
	uint32_t		 begun:21;	/* the file's size when the
						   stream began, in blocks */
	off_t			 scanned;	/* no newline is before this */
	struct guard		 guard;		/* of the last pull's end */
	struct stream_guards	*kept;		/* before it: guard.h */
};
TAILQ_HEAD(stream_list, stream);

/*
 * Makes a stream of the file that begins at offset; tail and route are borrowed
 * until stream_free().  Returns NULL with errno.
 */
struct stream	*stream_new(struct file *, struct route *, off_t offset);

/* Tells the destination, and frees the stream; its record stays. */
void	stream_free(struct stream *);

/* Return the stream whose cursor, or whose mark it is. */
struct stream	*stream_of(struct cursor *);
struct stream	*stream_of_mark(struct checkpoint_mark *);

/*
 * The file may have something to read: tells the destination, unless another
 * file has to be sent before this one.
 */
void	stream_wake(struct stream *);

/* The stream has no complete line left to be read, or may have one. */
void	stream_set_drained(struct stream *, bool drained);

/*
 * Returns whether a file that has to be sent before this one has something left
 * for the same destination.
 */
bool	stream_must_wait(const struct stream *);

/*
 * Returns whether all of the file was read, and the next read will compare the
 * octets before the offset with the stream's guard.
 */
bool	stream_is_guarded(const struct stream *);

/* Returns whether the file was read to its end and all of it acknowledged. */
bool	stream_is_done(const struct stream *);

/* One slice of a file, made into frames; the caller sets the first part. */
struct pull {
	uint8_t		*out;		/* for frames, */
	size_t		 room;		/* so many octets */
	enum wire	 wire;		/* how to frame */
	bool		 local;		/* for the syslog daemon of this host */
	size_t		 max_message;	/* octets, below the route's; or 0 */
	uint64_t	 most;		/* messages, or 0 for no limit */
	struct pack_mark *marks;	/* where each message ends, or NULL: see
					   pack.h; the last one's end is that of
					   the pull */
	uint32_t	 txnr;		/* of the next message: see pack.h */

	size_t		 made;		/* result: octets of frames */
	off_t		 end;		/* result: where cursor.sent goes */
	uint64_t	 messages;	/* result: how many were made */
};

enum pull_result {
	PULL_MORE,			/* there is more to read */
	PULL_DRAINED,			/* no complete line is left */
	PULL_WAIT,			/* the stream will be woken when it can
					   be read */
	PULL_NO_ROOM			/* a frame did not fit */
};

/*
 * Reads one slice and packs its lines.  Does not move cursor.sent to end: the
 * caller does, with window_push(), when it has taken the frames.
 */
enum pull_result	stream_pull(struct stream *, struct pull *);

#endif
