/*
 * The system's events: those of inotify(7), in place of daemon/watch/inotify.c;
 * or, if the seed wants that, what daemon/watch/kqueue.c makes of a kqueue(2).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/watch/system.h"
#include "tests/sim/inode.h"
#include "tests/sim/kqueue.h"

#include <sys/event.h>

#define QUEUE 512
#define WATCHES 64

struct event {
	int handle;
	enum watch_event what;
	bool has_from;
	char name[NAME_ROOM];
	char from[NAME_ROOM];
};

struct watch_system {
	struct watch *watch;
	const struct watch_system_ops *ops;
	struct ev_loop *loop;
	ev_io readable;
	int fd;
};

static struct {
	struct event queue[QUEUE];
	unsigned n;
	bool overflow;
	bool open;
	struct {
		uint64_t inode; /* 0: none */
		bool data;
		bool file;
	} watches[WATCHES]; /* by handle, from 1 on */
} W;

void
watching_reset(void)
{
	memset(W.watches, 0, sizeof(W.watches));
	W.n = 0;
	W.overflow = W.open = false;
	kqueue_reset();
}

bool
watching_readable(void)
{
	return (S.kqueue ? kqueue_readable() : W.n > 0 || W.overflow);
}

static struct event *
put(int handle, enum watch_event what)
{
	struct event *e;

	/* The system may lose some, and says so. */
	if (W.n == QUEUE ||
	    (sim_may(KIND_LOST_EVENT) && !S.final && rng_chance(&S.world, 5)))
		W.overflow = true;
	if (W.overflow) {
		sim_cover(KIND_LOST_EVENT);
		return (NULL);
	}
	e = &W.queue[W.n++];
	e->handle = handle;
	e->what = what;
	e->name[0] = '\0';
	e->has_from = false;
	return (e);
}

/* The same once more: at once, as one name has only one next. */
static void
maybe_double(const struct event *e)
{
	if (!sim_may(KIND_DOUBLED) || S.final || W.n == QUEUE ||
	    !rng_chance(&S.more, 150))
		return;
	sim_cover(KIND_DOUBLED);
	W.queue[W.n++] = *e;
}

void
watching_note(uint64_t dir, const char *name, bool data, const char *from)
{
	struct event *e, *last;
	int h;

	/* What is written to a file is none of its directory's. */
	if (S.kqueue && !data)
		kqueue_note(dir, NOTE_WRITE);
	for (h = 1; W.open && h < WATCHES; h++) {
		if (W.watches[h].inode != dir || W.watches[h].file ||
		    (data && !W.watches[h].data))
			continue;
		last = W.n > 0 ? &W.queue[W.n - 1] : NULL;
		/* The same event once more is one. */
		if (data && last != NULL && last->handle == h &&
		    last->what == WATCH_DATA && strcmp(last->name, name) == 0)
			continue;
		if (from != NULL && (e = put(h, WATCH_NAME)) != NULL) {
			(void)strlcpy(e->name, from, NAME_ROOM);
			maybe_double(e);
		}
		if ((e = put(h, data ? WATCH_DATA : WATCH_NAME)) == NULL)
			continue;
		(void)strlcpy(e->name, name, NAME_ROOM);
		if (from != NULL) {
			e->has_from = true;
			(void)strlcpy(e->from, from, NAME_ROOM);
		}
		maybe_double(e);
	}
}

void
watching_note_file(uint64_t inode)
{
	const struct event *e;
	int h;

	if (S.kqueue)
		kqueue_note(inode, NOTE_WRITE | NOTE_ATTRIB);
	for (h = 1; W.open && h < WATCHES; h++)
		if (W.watches[h].inode == inode && W.watches[h].file)
			if ((e = put(h, WATCH_DATA)) != NULL)
				maybe_double(e);
}

/* The number may be another file's soon. */
void
watching_gone(uint64_t inode)
{
	int h;

	for (h = 1; W.open && h < WATCHES; h++)
		if (W.watches[h].inode == inode) {
			(void)put(h, WATCH_GONE);
			W.watches[h].inode = 0;
		}
}

/* To inotify that is nothing but the directory's. */
void
watching_unlinked(uint64_t inode)
{
	if (S.kqueue)
		kqueue_note(inode, NOTE_DELETE);
}

void
watching_closed(int fd)
{
	if (S.kqueue)
		kqueue_closed(fd);
}

static void
on_readable(struct ev_loop *loop, ev_io *io, int revents)
{
	struct watch_system *s = io->data;
	static struct event got[QUEUE];
	unsigned n, most = W.n;

	(void)loop;
	(void)revents;
	(void)sim_call("inotify", NULL);
	/* Not always all at once. */
	if (most > 1 && rng_chance(&S.calls, 100))
		most = 1 + rng_below(&S.calls, most - 1);
	memcpy(got, W.queue, most * sizeof(got[0]));
	memmove(W.queue, W.queue + most, (W.n - most) * sizeof(got[0]));
	W.n -= most;
	for (n = 0; n < most; n++)
		s->ops->on_event(s->watch, got[n].handle, got[n].what,
		    got[n].name[0] == '\0' ? NULL : got[n].name,
		    got[n].has_from ? got[n].from : NULL);
	if (W.n == 0 && W.overflow) {
		W.overflow = false;
		s->ops->on_event(s->watch, -1, WATCH_SCAN, NULL, NULL);
	}
	s->ops->on_read(s->watch, W.n == 0);
}

struct watch_system *
watch_system_open(
    struct watch *w, struct ev_loop *loop, const struct watch_system_ops *ops)
{
	struct watch_system *s;

	if (S.kqueue)
		return (kqueue_watch_open(w, loop, ops));
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->watch = w;
	s->ops = ops;
	s->loop = loop;
	if ((s->fd = files_new_fd(FD_WATCH, &W)) == -1) {
		free(s);
		return (NULL);
	}
	watching_reset();
	W.open = true;
	ev_io_init(&s->readable, on_readable, s->fd, EV_READ);
	s->readable.data = s;
	ev_io_start(loop, &s->readable);
	return (s);
}

int __wrap_close(int);

void
watch_system_close(struct watch_system *s)
{
	if (S.kqueue) {
		kqueue_watch_close(s);
		return;
	}
	if (s == NULL)
		return;
	ev_io_stop(s->loop, &s->readable);
	(void)__wrap_close(s->fd);
	W.open = false;
	free(s);
}

static int
add(uint64_t inode, bool data, bool file)
{
	int h, unused = 0;

	for (h = 1; h < WATCHES; h++) {
		if (W.watches[h].inode == inode) {
			W.watches[h].data |= data;
			return (h);
		}
		if (W.watches[h].inode == 0 && unused == 0)
			unused = h;
	}
	if (unused == 0) {
		errno = ENOSPC;
		return (-1);
	}
	W.watches[unused].inode = inode;
	W.watches[unused].data = data;
	W.watches[unused].file = file;
	return (unused);
}

static const int add_errors[] = { ENOSPC, ENOMEM, 0 };

/* All descriptors may be taken: the directory is polled. */
static int
add_to_kqueue(struct watch_system *s, const char *path, bool data)
{
	int handle = -1;

	if (S.few && rng_chance(&S.more, 400))
		errno = EMFILE;
	else
		handle = kqueue_watch_add(s, path, data);
	if (handle == -1 && errno == EMFILE)
		sim_happened(WAY_DIR_POLLED);
	return (handle);
}

int
watch_system_add(struct watch_system *s, const char *path, bool data)
{
	struct inode *dir, *i;
	char name[NAME_ROOM];

	if (S.kqueue)
		return (add_to_kqueue(s, path, data));
	if (sim_call("inotify_add_watch", add_errors) != 0)
		return (-1);
	if ((i = inode_at(NULL, path, true, &dir, name)) == NULL)
		return (-1);
	return (add(i->number, data, false));
}

void
watch_system_del(struct watch_system *s, int handle)
{
	if (S.kqueue)
		kqueue_watch_del(s, handle);
	else
		W.watches[handle].inode = 0;
}

bool
watch_system_sees_files(const struct watch_system *s)
{
	return (!S.kqueue || kqueue_watch_sees_files(s));
}

int
watch_system_add_file(struct watch_system *s, int fd, const char *path)
{
	struct inode *dir, *i;
	char name[NAME_ROOM];

	if (S.kqueue)
		return (kqueue_watch_add_file(s, fd, path));
	if (sim_call("inotify_add_watch", add_errors) != 0)
		return (-1);
	i = fd != -1 ? descriptor(fd)->ino
		     : inode_at(NULL, path, true, &dir, name);
	return (i == NULL ? -1 : add(i->number, true, true));
}

void
watch_system_del_file(struct watch_system *s, int handle)
{
	if (S.kqueue)
		kqueue_watch_del_file(s, handle);
	else
		watch_system_del(s, handle);
}

bool
watch_system_survives_close(const struct watch_system *s)
{
	return (!S.kqueue || kqueue_watch_survives_close(s));
}

bool
watch_system_has_more(const struct watch_system *s)
{
	return (S.kqueue ? kqueue_watch_has_more(s) : watching_readable());
}
