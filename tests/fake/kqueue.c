/*
 * kqueue(2) on Linux, for tests: EVFILT_VNODE alone, with the notes that an
 * OpenBSD kernel was seen to report:
 *
 *	append			WRITE EXTEND; nothing on the directory
 *	overwrite		WRITE
 *	overwrite past the end	WRITE EXTEND
 *	shrink, O_TRUNC		ATTRIB TRUNCATE
 *	grow by truncate	ATTRIB
 *	truncate to its size	ATTRIB; O_TRUNC of an empty file, too
 *	O_TRUNC and refill	WRITE EXTEND ATTRIB TRUNCATE
 *	rename			RENAME; directory WRITE
 *	rename of a directory	RENAME; the one that it is in WRITE, or WRITE
 *				LINK where it leaves it
 *	create			directory WRITE
 *	mkdir, rmdir		directory WRITE LINK
 *	unlink			DELETE, with links left or not; directory WRITE
 *	all of this after the last unlink	as before
 *	rmdir of the directory	DELETE
 *
 * A note gets all that an operation has to tell where it asked for some of it.
 * One that waits survives another EV_ADD.
 *
 * inotify(7) tells that something happened; fake_vnode.c finds what it was.  So
 * what happened between two looks is one note, as with EV_CLEAR.
 */
#include "kqueue.h"

#include <sys/epoll.h>
#include <sys/event.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vnode.h"

#define FILE_EVENTS (IN_MODIFY | IN_ATTRIB | IN_MOVE_SELF)
#define DIR_EVENTS (DIR_NAMES | IN_ATTRIB | IN_MOVE_SELF)

struct note {
	TAILQ_ENTRY(note) entry;
	TAILQ_ENTRY(note) queued;
	struct vnode *vnode;
	struct kevent event; /* as it was added; fflags: what waits */
	unsigned wanted;
	bool is_queued;
};

struct queue {
	TAILQ_ENTRY(queue) entry;
	TAILQ_HEAD(, vnode) vnodes;
	TAILQ_HEAD(, note) notes;
	TAILQ_HEAD(, note) waiting; /* in the order of their first note */
	int fd; /* epoll(7): readable as a kqueue is */
	int inotify;
	int more; /* eventfd(2): notes wait that inotify has forgotten */
};

static TAILQ_HEAD(, queue) queues = TAILQ_HEAD_INITIALIZER(queues);

static struct queue *
find_queue(int fd)
{
	struct queue *q;

	TAILQ_FOREACH (q, &queues, entry)
		if (q->fd == fd)
			return (q);
	errno = EBADF;
	return (NULL);
}

static void
free_queue(struct queue *q)
{
	struct vnode *v;
	struct note *n;

	while ((n = TAILQ_FIRST(&q->notes)) != NULL) {
		TAILQ_REMOVE(&q->notes, n, entry);
		free(n);
	}
	while ((v = TAILQ_FIRST(&q->vnodes)) != NULL) {
		TAILQ_REMOVE(&q->vnodes, v, entry);
		free(v);
	}
	(void)close(q->inotify);
	(void)close(q->more);
	TAILQ_REMOVE(&queues, q, entry);
	free(q);
}

/* Nobody tells that a queue was closed, or that its number is another's. */
static void
free_closed(void)
{
	struct queue *q, *next;

	for (q = TAILQ_FIRST(&queues); q != NULL; q = next) {
		next = TAILQ_NEXT(q, entry);
		if (fcntl(q->fd, F_GETFD) == -1)
			free_queue(q);
	}
}

int
kqueue(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct queue *q;

	free_closed();
	if ((q = calloc(1, sizeof(*q))) == NULL)
		return (-1);
	TAILQ_INIT(&q->vnodes);
	TAILQ_INIT(&q->notes);
	TAILQ_INIT(&q->waiting);
	q->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	q->more = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	q->fd = epoll_create1(EPOLL_CLOEXEC);
	if (q->inotify == -1 || q->more == -1 || q->fd == -1 ||
	    epoll_ctl(q->fd, EPOLL_CTL_ADD, q->inotify, &e) == -1 ||
	    epoll_ctl(q->fd, EPOLL_CTL_ADD, q->more, &e) == -1)
		abort();
	TAILQ_INSERT_HEAD(&queues, q, entry);
	return (q->fd);
}

bool
fake_kqueue_has(unsigned notes)
{
	struct queue *q;
	struct note *n;
	unsigned count = 0;

	TAILQ_FOREACH (q, &queues, entry)
		TAILQ_FOREACH (n, &q->notes, entry)
			count++;
	return (count == notes);
}

/*
 * Vnodes.
 */

static struct vnode *
find_vnode(struct queue *q, int wd)
{
	struct vnode *v;

	TAILQ_FOREACH (v, &q->vnodes, entry)
		if (v->wd == wd)
			return (v);
	return (NULL);
}

/*
 * inotify does not tell a directory that is open that it was removed: its
 * parent is asked for that.
 */
static void
watch_parent(struct queue *q, int fd)
{
	char self[64], path[PATH_MAX + 1], *slash;
	ssize_t n;

	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if ((n = readlink(self, path, sizeof(path) - 1)) < 2)
		return;
	path[n] = '\0';
	slash = strrchr(path, '/');
	*(slash == path ? slash + 1 : slash) = '\0';
	(void)inotify_add_watch(
	    q->inotify, path, IN_DELETE | IN_ONLYDIR | IN_MASK_ADD);
}

static struct vnode *
vnode_of(struct queue *q, int fd)
{
	char self[64];
	struct vnode *v;
	struct stat st;
	bool is_dir;
	int wd;

	if (fstat(fd, &st) == -1)
		return (NULL);
	is_dir = S_ISDIR(st.st_mode);
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	wd = inotify_add_watch(q->inotify, self,
	    (is_dir ? DIR_EVENTS : FILE_EVENTS) | IN_MASK_ADD);
	if (wd == -1)
		return (NULL);
	if ((v = find_vnode(q, wd)) == NULL) {
		if ((v = calloc(1, sizeof(*v))) == NULL)
			return (NULL);
		v->wd = wd;
		TAILQ_INSERT_HEAD(&q->vnodes, v, entry);
		vnode_remember(v, fd, &st);
	}
	if (is_dir)
		watch_parent(q, fd);
	return (v);
}

/*
 * Notes.
 */

/* The kernel's notes go with their descriptor. */
static bool
is_alive(const struct note *n)
{
	struct stat st;

	return (fstat((int)n->event.ident, &st) == 0 &&
	    st.st_dev == n->vnode->seen.st_dev &&
	    st.st_ino == n->vnode->seen.st_ino);
}

static struct note *
find_note(struct queue *q, uintptr_t ident)
{
	struct note *n;

	TAILQ_FOREACH (n, &q->notes, entry)
		if (n->event.ident == ident)
			return (n);
	return (NULL);
}

static void
forget_waiting(struct queue *q, struct note *n)
{
	if (n->is_queued)
		TAILQ_REMOVE(&q->waiting, n, queued);
	n->is_queued = false;
	n->event.fflags = 0;
}

static void
free_note(struct queue *q, struct note *n)
{
	forget_waiting(q, n);
	TAILQ_REMOVE(&q->notes, n, entry);
	free(n);
}

static bool
has_notes(struct queue *q, const struct vnode *v)
{
	struct note *n;

	TAILQ_FOREACH (n, &q->notes, entry)
		if (n->vnode == v && is_alive(n))
			return (true);
	return (false);
}

static int
add_note(struct queue *q, const struct kevent *change)
{
	int fd = (int)change->ident;
	struct note *n = find_note(q, change->ident);
	struct stat st;
	struct vnode *v;
	unsigned waiting;

	if (n != NULL && !is_alive(n)) {
		free_note(q, n);
		n = NULL;
	}
	if ((v = vnode_of(q, fd)) == NULL)
		return (-1);
	/* What happened while nobody asked is not told. */
	if (!has_notes(q, v) && fstat(fd, &st) == 0) {
		vnode_remember(v, fd, &st);
		v->mask = 0;
	}
	if (n == NULL) {
		if ((n = calloc(1, sizeof(*n))) == NULL)
			return (-1);
		TAILQ_INSERT_TAIL(&q->notes, n, entry);
	}
	waiting = n->event.fflags;
	n->vnode = v;
	n->event = *change;
	n->event.fflags = waiting;
	n->wanted = change->fflags;
	return (0);
}

static int
del_note(struct queue *q, const struct kevent *change)
{
	struct note *n = find_note(q, change->ident);

	if (n == NULL || !is_alive(n)) {
		errno = ENOENT;
		return (-1);
	}
	free_note(q, n);
	return (0);
}

/* inotify forgets a file with the last of several names, though it is open. */
static void
watch_again(struct queue *q, struct vnode *v, int fd)
{
	char self[64];

	v->is_lost = false;
	(void)snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	v->wd = inotify_add_watch(q->inotify, self, FILE_EVENTS);
}

/* A note gets all of a hint where it wants some. */
static void
take(struct note *n, const struct hints *h)
{
	size_t i;

	for (i = 0; i < h->n; i++)
		if (h->of[i] & n->wanted)
			n->event.fflags |= h->of[i];
}

static void
notify(struct queue *q, struct vnode *v)
{
	struct hints h = { .n = 0 };
	struct stat st;
	struct note *n;
	bool looked = false;

	TAILQ_FOREACH (n, &q->notes, entry) {
		if (n->vnode != v || !is_alive(n))
			continue;
		if (!looked && fstat((int)n->event.ident, &st) == 0) {
			if (S_ISDIR(st.st_mode))
				vnode_hint_dir(&h, v, &st);
			else
				vnode_hint_file(
				    &h, v, (int)n->event.ident, &st);
			if (v->is_lost && !S_ISDIR(st.st_mode))
				watch_again(q, v, (int)n->event.ident);
			vnode_remember(v, (int)n->event.ident, &st);
			looked = true;
		}
		take(n, &h);
		if (n->event.fflags != 0 && !n->is_queued) {
			n->is_queued = true;
			TAILQ_INSERT_TAIL(&q->waiting, n, queued);
		}
	}
	v->mask = 0;
	v->came = 0;
}

/* Vnodes are looked at in the order of their first event. */
static void
note_vnode(struct queue *q, struct vnode *v, uint32_t mask)
{
	if (v->mask == 0) {
		TAILQ_REMOVE(&q->vnodes, v, entry);
		TAILQ_INSERT_TAIL(&q->vnodes, v, entry);
	}
	v->mask |= mask;
}

/* Returns whether a directory has lost one. */
static bool
note_event(struct queue *q, const struct inotify_event *e)
{
	struct vnode *v = find_vnode(q, e->wd);

	if (v != NULL && (e->mask & IN_IGNORED))
		v->is_lost = true;
	if (v != NULL && (e->mask & IN_ISDIR) && e->len > 0)
		v->came += ((e->mask & IN_MOVED_TO) != 0) -
		    ((e->mask & IN_MOVED_FROM) != 0);
	if (e->mask & IN_Q_OVERFLOW)
		TAILQ_FOREACH (v, &q->vnodes, entry)
			v->mask |= IN_MODIFY | IN_CREATE;
	else if (v != NULL && e->len == 0)
		note_vnode(q, v, e->mask & ~(uint32_t)IN_ISDIR);
	else if (v != NULL && (e->mask & DIR_NAMES))
		note_vnode(q, v, e->mask);
	return ((e->mask & IN_DELETE) && (e->mask & IN_ISDIR));
}

static void
look(struct queue *q)
{
	_Alignas(struct inotify_event) char buf[64 * 1024];
	const struct inotify_event *e;
	struct vnode *v;
	bool removed = false;
	ssize_t n, at;

	while ((n = read(q->inotify, buf, sizeof(buf))) > 0)
		for (at = 0; at < n; at += (ssize_t)sizeof(*e) + e->len) {
			e = (const struct inotify_event *)(void *)(buf + at);
			removed |= note_event(q, e);
		}
	TAILQ_FOREACH (v, &q->vnodes, entry) {
		if (v->mask != 0 || (removed && S_ISDIR(v->seen.st_mode)))
			notify(q, v);
	}
}

static int
hand_out(struct queue *q, struct kevent *events, int room)
{
	struct note *n, *next;
	int given = 0;

	for (n = TAILQ_FIRST(&q->waiting); n != NULL && given < room;
	     n = next) {
		next = TAILQ_NEXT(n, queued);
		if (is_alive(n))
			events[given++] = n->event;
		/* Without, it is told for as long as it stands. */
		if (!is_alive(n) || (n->event.flags & EV_CLEAR))
			forget_waiting(q, n);
	}
	return (given);
}

/* inotify is read empty: what waits makes the queue readable. */
static void
set_readable(struct queue *q)
{
	const uint64_t one = 1;
	uint64_t all;

	if (read(q->more, &all, sizeof(all)) == -1 && errno != EAGAIN)
		abort();
	if (!TAILQ_EMPTY(&q->waiting) &&
	    write(q->more, &one, sizeof(one)) == -1)
		abort();
}

static int
change_note(struct queue *q, const struct kevent *change)
{
	int rc;

	if (change->filter != EVFILT_VNODE) {
		errno = EINVAL;
		return (-1);
	}
	look(q);
	rc = change->flags & EV_DELETE ? del_note(q, change)
				       : add_note(q, change);
	set_readable(q);
	return (rc);
}

int
kevent(int kq, const struct kevent *changes, int nchanges,
    struct kevent *events, int nevents, const struct timespec *timeout)
{
	struct queue *q = find_queue(kq);
	struct pollfd pfd = { .fd = kq, .events = POLLIN };
	int i, given;

	if (q == NULL)
		return (-1);
	for (i = 0; i < nchanges; i++)
		if (change_note(q, &changes[i]) == -1)
			return (-1);
	if (nevents == 0)
		return (0);
	for (;;) {
		look(q);
		given = hand_out(q, events, nevents);
		set_readable(q);
		if (given > 0 || ppoll(&pfd, 1, timeout, NULL) < 1)
			return (given);
	}
}
