/*
 * kqueue(2), as daemon/watch/kqueue.c has it: a note of each descriptor says
 * that something has changed since the last look, and no more.  What happens in
 * between is one note; it goes with its descriptor; none gets lost.
 */
#include "tests/sim/kqueue.h" /* <ev.h> first: it also has an EV_ERROR */
#include "tests/sim/inode.h"

#include <sys/event.h>

#include <errno.h>
#include <string.h>

static struct note {
	struct inode *ino; /* NULL: none */
	unsigned flags; /* that were not told yet */
	unsigned first; /* when the first of them came */
	void *udata;
} notes[DESCRIPTORS];
static unsigned order;

void
kqueue_reset(void)
{
	memset(notes, 0, sizeof(notes));
	order = 0;
}

bool
kqueue_readable(void)
{
	unsigned n;

	for (n = 0; n < DESCRIPTORS; n++)
		if (notes[n].flags != 0)
			return (true);
	return (false);
}

void
kqueue_note(uint64_t inode, unsigned flags)
{
	struct note *n;

	for (n = notes; n < notes + DESCRIPTORS; n++) {
		if (n->ino == NULL || n->ino->number != inode)
			continue;
		if (n->flags != 0)
			sim_happened(WAY_NOTES_MERGED);
		else
			n->first = ++order;
		n->flags |= flags;
	}
}

void
kqueue_closed(int fd)
{
	if (notes[fd].flags != 0)
		sim_happened(WAY_NOTE_LEFT);
	memset(&notes[fd], 0, sizeof(notes[fd]));
}

int
kqueue(void)
{
	kqueue_reset();
	return (files_new_fd(FD_WATCH, notes));
}

static const int change_errors[] = { ENOMEM, 0 };

static int
change(const struct kevent *e)
{
	struct ofd *o = descriptor((int)e->ident);
	struct note *n = &notes[e->ident];

	if (o == NULL)
		return (-1);
	if (e->flags & EV_DELETE) {
		if (n->ino == NULL) {
			errno = ENOENT;
			return (-1);
		}
		kqueue_closed((int)e->ident);
		return (0);
	}
	if (sim_call("kevent", change_errors) != 0)
		return (-1);
	n->ino = o->ino;
	n->udata = e->udata;
	return (0);
}

int
kevent(int kq, const struct kevent *changes, int nchanges,
    struct kevent *events, int nevents, const struct timespec *timeout)
{
	struct note *n, *first = NULL;

	(void)timeout; /* nobody waits */
	if (files_sock(kq, FD_WATCH) == NULL)
		return (-1);
	if (nchanges > 0)
		return (change(changes));
	(void)sim_call("kevent", NULL);
	for (n = notes; nevents > 0 && n < notes + DESCRIPTORS; n++)
		if (n->flags != 0 && (first == NULL || n->first < first->first))
			first = n;
	if (first == NULL)
		return (0);
	sim_cover(KIND_KQUEUE);
	EV_SET(events, (uintptr_t)(first - notes), EVFILT_VNODE, EV_CLEAR,
	    first->flags, 0, first->udata);
	first->flags = 0;
	return (1);
}
