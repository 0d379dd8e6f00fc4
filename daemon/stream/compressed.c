#include "daemon/stream/compressed.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/say.h"
#include "daemon/checkpoint/record.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/stream/decode.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/ns.h"
#include "lib/rotation.h"

#define QUIET 60. /* seconds until what is cut off stays so */

/* A stream in the queue: it decodes, or waits for its turn. */
struct compressed {
	TAILQ_ENTRY(compressed) entry;
	struct stream *stream;
	struct decoder *decoder; /* NULL: not begun */
};

void
compressed_turn_init(struct compressed_turn *turn)
{
	TAILQ_INIT(&turn->queue);
}

/* Takes the stream out of the queue; its decoder is freed. */
static void
leave(struct compressed *c)
{
	c->stream->compressed = NULL;
	TAILQ_REMOVE(&c->stream->route->turn->queue, c, entry);
	decoder_free(c->decoder);
	free(c);
}

/*
 * Wakes the first stream of the queue.  A stream that has to wait for another
 * file leaves the queue: it is woken after that file, which may need the turn.
 */
static void
wake_next(struct compressed_turn *turn)
{
	struct compressed *c;

	while ((c = TAILQ_FIRST(&turn->queue)) != NULL &&
	    stream_must_wait(c->stream))
		leave(c);
	if (c != NULL)
		stream_wake(c->stream);
}

void
compressed_close(struct stream *s)
{
	struct compressed_turn *turn = s->route->turn;
	bool was_first;

	if (s->compressed == NULL)
		return;
	was_first = TAILQ_FIRST(&turn->queue) == s->compressed;
	leave(s->compressed);
	if (was_first)
		wake_next(turn);
}

/* Puts the stream into the queue.  Returns 0, or -1 with ENOMEM. */
static int
join(struct stream *s)
{
	struct compressed *c;

	if (s->compressed != NULL)
		return (0);
	if ((c = calloc(1, sizeof(*c))) == NULL)
		return (-1);
	c->stream = s;
	s->compressed = c;
	TAILQ_INSERT_TAIL(&s->route->turn->queue, c, entry);
	return (0);
}

/*
 * Returns the stream's decoder when it has its turn; NULL with EBUSY while it
 * waits, or with ENOMEM.
 */
static struct decoder *
take_turn(struct stream *s)
{
	struct compressed_turn *turn = s->route->turn;
	struct compressed *first;
	size_t scratch;

	if (join(s) == -1)
		return (NULL);
	/* The first may have to wait for another file, perhaps for this one. */
	while ((first = TAILQ_FIRST(&turn->queue)) != s->compressed &&
	    stream_must_wait(first->stream))
		leave(first);
	if (first != s->compressed) {
		errno = EBUSY;
		return (NULL);
	}
	if (first->decoder == NULL) {
		(void)file_table_scratch(s->file->all, &scratch);
		first->decoder = decoder_new(s->file->compression, scratch);
	}
	return (first->decoder);
}

static void
say_damaged(struct file *t, off_t had, const char *why)
{
	if (t->text_ended)
		return;
	t->text_ended = true;
	file_table_stats(t->all)->damaged++;
	say_warnx(file_path(t).text,
	    "damaged: what comes after the first %lld bytes of its "
	    "text cannot be recovered: %s",
	    (long long)had, why);
}

/* The file's size is that of its text as far as it is known. */
static void
note_size(struct file *t, const struct decoder *d)
{
	enum decoder_state state;
	off_t end;

	state = decoder_state(d, &end);
	if (state == DECODER_DAMAGED)
		say_damaged(t, end, decoder_error(d));
	if (state != DECODER_GOES_ON)
		t->size = end;
	else if (t->size <= end)
		t->size = end + 1;
	if (state == DECODER_WHOLE)
		t->text_ended = true;
}

ssize_t
compressed_read(struct stream *s, uint8_t *buf, size_t n, off_t at)
{
	struct decoder *d;
	ssize_t got;

	if ((d = take_turn(s)) == NULL)
		return (-1);
	if ((got = decoder_read(d, s->file->fd, buf, n, at)) != -1)
		note_size(s->file, d);
	return (got);
}

bool
compressed_look(struct file *t, double quiet)
{
	struct stream *s;

	if (!streams_are_drained(t))
		return (false);
	if (!t->text_ended && quiet >= QUIET) {
		t->text_ended = true;
		file_table_stats(t->all)->damaged++;
		say_warnx(file_path(t).text,
		    "cut off: what comes after the first %lld bytes "
		    "of its text cannot be recovered",
		    (long long)t->size);
	}
	if (!t->text_ended)
		return (false);
	/* A line at the end of the text needs no newline. */
	for (s = t->streams; s != NULL; s = s->next)
		if (s->cursor.sent < t->size && !s->flush) {
			s->flush = true;
			stream_wake(s);
		}
	return (streams_are_done(t));
}

bool
compressed_is_finished(const struct checkpoint_record *rec, int64_t born)
{
	return (rec != NULL &&
	    rotation_is_compressed(strrchr(rec->path, '/') + 1) && born > 0 &&
	    born / NS_IN_S <= rec->time);
}
