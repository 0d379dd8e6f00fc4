#include "daemon/stream/stream.h"

/* Whether t has something that is to be sent to dest before later files. */
static bool
owes(const struct file *t, const void *dest)
{
	const struct stream *b;

	if (t->held != NULL || t->seeking)
		return (t->seeking);
	for (b = t->streams; b != NULL; b = b->next)
		if (b->route->dest == dest)
			return (!b->is_drained && b->cursor.sent < t->owed);
	return (false);
}

/* A file that has nothing to send may stand between two that have. */
bool
stream_must_wait(const struct stream *s)
{
	const struct file *t = s->file;
	unsigned n;

	if (t->held != NULL)
		return (true);
	for (n = 0; n < FILE_WAITS_FOR && (t = t->before) != NULL; n++)
		if (owes(t, s->route->dest))
			return (true);
	return (false);
}

void
stream_set_drained(struct stream *s, bool drained)
{
	if (s->is_drained == drained)
		return;
	s->is_drained = drained;
	if (drained)
		s->file->undrained--;
	else
		s->file->undrained++;
}

void
stream_wake(struct stream *s)
{
	stream_set_drained(s, false);
	if (!s->is_ready && !stream_must_wait(s))
		s->route->ops->on_ready(s, s->route->dest);
}
