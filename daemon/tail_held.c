#include "daemon/tail_held.h"

#include <sys/stat.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/ledger.h"
#include "daemon/log.h"
#include "daemon/stream.h"
#include "daemon/tail.h"
#include "daemon/tails.h"
#include "lib/rotation.h"

#define COMPARED 4096 /* octets at the beginning and at the end */

struct held {
	dev_t dev; /* of the other file */
	ino_t ino;
	off_t copied; /* what is the same up to there */
};

/* The file from whose name rotation may have made that of t, or NULL. */
static struct tail *
find_original(const struct tail *t)
{
	char base[NAME_MAX + 1];
	struct tail *b;
	size_t i;

	for (i = 0; rotation_base(t->name, i, base, sizeof(base)); i++)
		if ((b = tail_at(t->place, base)) != NULL)
			return (b);
	return (NULL);
}

void
tail_hold(struct tail *t)
{
	const struct tail *b = find_original(t);

	if (b == NULL || b->held != NULL ||
	    (t->held = calloc(1, sizeof(*t->held))) == NULL)
		return;
	t->held->dev = b->dev;
	t->held->ino = b->ino;
}

static bool
is_same_at(int a, int b, off_t at, size_t n)
{
	uint8_t x[COMPARED], y[COMPARED];

	return (pread(a, x, n, at) == (ssize_t)n &&
	    pread(b, y, n, at) == (ssize_t)n && memcmp(x, y, n) == 0);
}

static bool
is_copy(struct tail *t, struct tail *of)
{
	size_t n = t->size < COMPARED ? (size_t)t->size : COMPARED;
	int a = tail_fd(t), b = tail_fd(of);

	return (a != -1 && b != -1 && is_same_at(a, b, 0, n) &&
	    is_same_at(a, b, t->size - (off_t)n, n));
}

void
tail_unhold(struct tail *t)
{
	free(t->held);
	t->held = NULL;
}

void
tail_retire(struct tail *t)
{
	if (t->place != NULL)
		RB_REMOVE(tail_names, &t->place->names, t);
	t->place = NULL;
	place_unleave(t);
	tail_unlink_order(t);
	tails_forget(t);
	tails_closed(t);
	tails_time(t);
}

/* It is sent, from offset where something was sent from elsewhere. */
static void
release(struct tail *t, off_t offset)
{
	struct stream *s;

	tail_unhold(t);
	for (s = t->streams; s != NULL; s = s->next) {
		if (offset > 0)
			s->cursor.sent = s->cursor.acked = offset;
		ledger_mark(tails_ledger(t->all), s);
		stream_wake(s);
	}
}

/*
 * Looks at the other file first: it may have been truncated, and go on in its
 * copy from now on, which is not known any more then.  Returns it when t is
 * its copy.
 */
static struct tail *
copied_from(struct tail *t)
{
	const struct held *h = t->held;
	struct tail *of = tails_find(t->all, h->dev, h->ino);

	if (of == NULL)
		return (NULL);
	tail_check_surely(of);
	of = tails_find(t->all, h->dev, h->ino);
	return (t->known && of != NULL && is_copy(t, of) ? of : NULL);
}

void
tail_held_look(struct tail *t)
{
	struct held *h = t->held;
	struct tail *of;

	if (h == NULL || t->size == h->copied)
		return;
	/* It may be truncated while it is compared. */
	if ((of = copied_from(t)) == NULL && t->known)
		of = copied_from(t);
	if (!t->known)
		return;
	if (of != NULL) {
		if (h->copied == 0)
			log_info("%s: is a copy of %s: not sent", tail_path(t),
			    of->name);
		h->copied = t->size;
	} else if (tails_find(t->all, h->dev, h->ino) == NULL) {
		/* What it had until then was sent from the other. */
		release(t, h->copied);
	} else {
		release(t, 0);
	}
}
