/*
 * route.h - one source on its way to one destination.
 *
 * A route is what the streams of all files of the source have in common there:
 * how a message looks, whom to tell of what is ready, and what was counted.
 */
#ifndef STREAM_ROUTE_H
#define STREAM_ROUTE_H

#include <sys/queue.h>
#include <sys/types.h>

#include <stdbool.h>
#include <stdint.h>

#include "lib/fingerprint.h"
#include "lib/pack.h"
#include "lib/syslog_header.h"

struct compressed;
struct conf_destination;
struct conf_source;
struct stream;

/* How a destination hears of its streams; dest is the route's. */
struct route_ops {
	/* The stream may have something to read. */
	void	(*on_ready)(struct stream *, void *dest);
	/*
	 * Nothing of the stream is in flight or waits any more: it is freed, or
	 * begins anew with another file.
	 */
	void	(*on_drop)(struct stream *, void *dest);
	/* The file ends at end: what was sent beyond is not sent again. */
	void	(*on_cut)(struct stream *, off_t end, void *dest);
	/*
	 * Returns the guard with the largest offset, at or below most, among
	 * those of pulls that are in flight; one whose at is 0: there is none.
	 */
	struct guard	(*guard_within)(const struct stream *, off_t most,
			    void *dest);
};

/*
 * The compressed files on their way to one destination: the first of the queue
 * is decoded, the others wait.  Embedded by the destination.
 */
struct compressed_turn {
	TAILQ_HEAD(, compressed) queue;
};
void	compressed_turn_init(struct compressed_turn *);

struct route {
	const struct conf_source	*source;
	const struct conf_destination	*to;
	struct syslog_header	 header;
	struct syslog_header	 local;		/* for a socket of this host's
						   syslog daemon */
	struct pack_style	 style;
	const struct route_ops	*ops;		/* set by the destination, */
	void			*dest;		/* which they are called with */
	struct compressed_turn	*turn;		/* the destination's */
	uint16_t		 open_set;	/* see file_table_add_set() */
	uint64_t		 messages;	/* packed so far, */
	uint64_t		 bytes;		/* from so many of files */
	uint64_t		 repaired;	/* of the messages */
	uint64_t		 oversize;	/* of the lines */
	uint64_t		 echo_at;	/* offset of the last line that
						   came back */
	double			 echo_since;	/* when the first one did, */
	int			 echoes;	/* and how many since */
	bool			 fresh;		/* the source is new to the
						   destination */
};

/*
 * Prepares a route; source and to are borrowed until route_fini().  Returns 0,
 * or -1 with errno: then there is nothing to undo.
 */
int	route_init(struct route *, const struct conf_source *,
	    const struct conf_destination *);
void	route_fini(struct route *);

/*
 * Fills in what the source says of every message's header, in the given format.
 * The strings are the source's.
 */
void	route_fields(const struct conf_source *, enum syslog_format,
	    struct syslog_fields *);

#endif
