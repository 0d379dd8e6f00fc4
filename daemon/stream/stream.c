#include "daemon/stream/stream.h"

#include <stdlib.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/table.h"
#include "daemon/stream/compressed.h"
#include "daemon/stream/guard.h"

/* As struct stream has it; a file that is larger counts as without end. */
static uint32_t
blocks_of(off_t size)
{
	const off_t most = STREAM_BEGUN_MOST;
	off_t blocks =
	    size / STREAM_BEGUN_BLOCK + (size % STREAM_BEGUN_BLOCK != 0);

	return ((uint32_t)(blocks < most ? blocks : most));
}

struct stream *
stream_new(struct file *t, struct route *r, off_t offset)
{
	struct stream *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->file = t;
	s->route = r;
	s->cursor.sent = s->cursor.acked = offset;
	s->begun = blocks_of(t->size) & STREAM_BEGUN_MOST;
	file_table_stats(t->all)->streams++;
	t->undrained++;
	return (s);
}

void
stream_free(struct stream *s)
{
	s->route->ops->on_drop(s, s->route->dest);
	compressed_close(s);
	checkpointer_drop(
	    file_table_checkpointer(s->file->all), &s->mark, false);
	file_table_stats(s->file->all)->streams--;
	stream_set_drained(s, true);
	stream_guard_forget(s);
	free(s);
}

struct stream *
stream_of(struct cursor *c)
{
	return ((struct stream *)(void *)c);
}

struct stream *
stream_of_mark(struct checkpoint_mark *mark)
{
	return ((struct stream *)(void *)((char *)mark -
	    offsetof(struct stream, mark)));
}

bool
stream_is_done(const struct stream *s)
{
	return (s->cursor.acked >= s->file->size);
}

bool
stream_is_guarded(const struct stream *s)
{
	return (s->is_drained && s->cursor.sent == s->file->size &&
	    s->guard.at == s->cursor.sent);
}
