/*
 * stream.h - one file on its way to one destination.
 *
 * The cursor says how far.  A destination pulls: stream_pull() reads the file
 * at cursor.sent and packs whole lines into frames.
 */
#ifndef STREAM_H
#define STREAM_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "lib/pack.h"
#include "lib/window.h"

struct conf_destination;
struct conf_source;
struct packed;
struct stream;
struct stream_guards;

/* How a destination hears of its streams. */
struct route_ops {
	void	(*on_ready)(struct stream *, void *dest);
	void	(*on_drop)(struct stream *, void *dest);	/* is freed */
	/* The file ends there: what was sent beyond is not sent again. */
	void	(*on_cut)(struct stream *, off_t end, void *dest);
	/* The newest guard at or below most of what may be sent again. */
	struct guard	(*guard_within)(const struct stream *, off_t most,
			    void *dest);
};

/* One source on its way to one destination: what its streams have in common. */
struct route {
	const struct conf_source	*source;
	const struct conf_destination	*to;
	struct syslog_header		 header;
	struct syslog_header		 local;	/* for datagrams to a unix
						   socket */
	struct pack_style		 style;
	const struct route_ops		*ops;
	void				*dest;
	uint16_t			 open_set;	/* see tails_add_set() */
	uint64_t			 messages;
	uint64_t			 bytes;		/* of files */
	uint64_t			 repaired;
	uint64_t			 oversize;
	uint64_t			 echo_at;	/* of the last line that came
							   back, and since when */
	double				 echo_since;
	int				 echoes;	/* so many did */
	bool				 fresh;		/* dest has not met the
							   source before */
};

/* Octets before an offset that are compared when it is read from there. */
#define STREAM_GUARD	GUARD_MAX

/*
 * The least octets to read at once: a line that is to be split must show more
 * than one message of itself.
 */
#define STREAM_LEAST(max_message)	(2 * (max_message) + STREAM_GUARD + 64)

/* Of stream.begun: a file that is too large to be known. */
#define STREAM_BEGUN_MOST	((1 << 21) - 1)
#define STREAM_BEGUN_BLOCK	1024

struct stream {
	struct cursor		 cursor;	/* first: see stream_of() */
	struct stream		*next;		/* of the same file */
	struct tail		*tail;
	struct route		*route;
	TAILQ_ENTRY(stream)	 ready;		/* the destination's queue */
	struct checkpoint_mark	 mark;		/* see stream_of_mark() */
	struct packed		*packed;	/* decodes for it, or NULL */
	void			*endpoint;	/* the destination's choice, */
	uint32_t		 epoch;		/* as long as this is its epoch */
	bool			 is_ready:1;
	bool			 is_drained:1;	/* no complete line left */
	bool			 flush:1;	/* what is left ends a line */
	bool			 from_end:1;	/* begins there, when it can be
						   opened */
	bool			 is_judged:1;	/* what the file holds is known: */
	bool			 is_no_text:1;	/* it is compressed */
	bool			 comes_back:1;	/* what is sent does: nothing
						   more of it is read */
	bool			 only_nuls:1;	/* drained: behind scanned it had
						   nothing but NULs */
	uint32_t		 begun:21;	/* the file's size then, in
						   blocks */
	off_t			 scanned;	/* no newline before this */
	struct guard		 guard;		/* of the last pull's end */
	struct stream_guards	*kept;		/* before it: guard.h */
};
TAILQ_HEAD(stream_list, stream);

/*
 * Prepares a route; source and to are borrowed.  Returns 0, or -1 with errno.
 */
int	route_init(struct route *, const struct conf_source *,
	    const struct conf_destination *);
void	route_fini(struct route *);

/* Begins at offset.  Returns NULL with errno. */
struct stream	*stream_new(struct tail *, struct route *, off_t offset);

/* Tells the destination, and frees it. */
void	stream_free(struct stream *);

/* The stream whose cursor, and whose mark it is. */
struct stream	*stream_of(struct cursor *);
struct stream	*stream_of_mark(struct checkpoint_mark *);

/* There may be something to read: its destination is told, unless another
   file has to be sent before. */
void	stream_wake(struct stream *);

/* A file that has to be sent before has something left. */
bool	stream_must_wait(const struct stream *);

/*
 * All of the file was read, and the next read begins with a look whether the
 * same still stands before it.
 */
bool	stream_is_guarded(const struct stream *);

/* Read to the end and all of it acknowledged. */
bool	stream_is_done(const struct stream *);

struct pull {
	uint8_t		*out;
	size_t		 room;
	enum wire	 wire;		/* how to frame */
	size_t		 max_message;	/* below the route's, or 0 */
	uint64_t	 most;		/* messages, or 0 */
	struct pack_mark *marks;	/* see pack.h; the last one's end is
					   that of the pull */
	uint32_t	 txnr;		/* see pack.h */
	size_t		 made;		/* result: octets of frames */
	off_t		 end;		/* result: where cursor.sent goes */
	uint64_t	 messages;	/* result */
};

enum pull_result {
	PULL_MORE,			/* there is more to read */
	PULL_DRAINED,			/* no complete line is left */
	PULL_WAIT,			/* it will be woken when it can be read */
	PULL_NO_ROOM			/* a frame did not fit */
};

/*
 * Reads one slice and packs its lines.  Does not move the cursor: that is done
 * by who takes responsibility for what was made (window_push()).
 */
enum pull_result	stream_pull(struct stream *, struct pull *);

#endif
