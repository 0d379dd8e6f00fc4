/*
 * What happened is found by comparing with what was there before: size, links,
 * the octets at both ends, and of a short file all of them.  So what was
 * truncated and refilled is taken for overwritten past the end where it begins
 * as before.
 */
#include "vnode.h"

#include <sys/event.h>

#include <string.h>
#include <unistd.h>

#define BEGINNING 4 /* octets that tell a file that was refilled */
#define SHORT (128 * 1024) /* all octets of such a file are compared */

/* The octets of both ends of what is size long. */
static void
read_ends(int fd, off_t size, uint8_t *head, uint8_t *tail)
{
	memset(head, 0, VNODE_ENDS);
	memset(tail, 0, VNODE_ENDS);
	if (pread(fd, head, size < VNODE_ENDS ? (size_t)size : VNODE_ENDS, 0) ==
		-1 ||
	    pread(fd, tail, VNODE_ENDS,
		size < VNODE_ENDS ? 0 : size - VNODE_ENDS) == -1)
		return;
	if (size < VNODE_ENDS)
		memset(tail + size, 0, VNODE_ENDS - (size_t)size);
}

/* FNV-1a, of a short file; 0 of any other. */
static uint64_t
sum_up(int fd, off_t size)
{
	uint64_t sum = 14695981039346656037ULL;
	uint8_t buf[4096];
	ssize_t n, i;
	off_t at;

	if (size > SHORT)
		return (0);
	for (at = 0; (n = pread(fd, buf, sizeof(buf), at)) > 0; at += n)
		for (i = 0; i < n; i++)
			sum = (sum ^ buf[i]) * 1099511628211ULL;
	return (sum);
}

void
vnode_remember(struct vnode *v, int fd, const struct stat *st)
{
	v->seen = *st;
	if (!S_ISREG(st->st_mode))
		return;
	read_ends(fd, st->st_size, v->head, v->tail);
	v->sum = sum_up(fd, st->st_size);
}

/* Whether what was there is no longer at the front of what is there now. */
static bool
is_other(const struct vnode *v, int fd)
{
	uint8_t head[VNODE_ENDS], tail[VNODE_ENDS];

	read_ends(fd, v->seen.st_size, head, tail);
	return (memcmp(head, v->head, VNODE_ENDS) != 0 ||
	    memcmp(tail, v->tail, VNODE_ENDS) != 0);
}

/* Whether what was there has another beginning now. */
static bool
begins_anew(const struct vnode *v, int fd)
{
	off_t before = v->seen.st_size;
	size_t n = before < BEGINNING ? (size_t)before : BEGINNING;
	uint8_t head[BEGINNING] = { 0 };

	return (pread(fd, head, n, 0) != (ssize_t)n ||
	    memcmp(head, v->head, n) != 0);
}

/* A file that grew by truncate(2) has nothing but a hole there. */
static bool
grew_by_hole(const struct vnode *v, int fd, off_t size)
{
	off_t at = v->seen.st_size;
	uint8_t buf[4096];
	ssize_t n, i;

	/* There is no data behind the last, and much of none before it. */
	while (at < size && (at = lseek(fd, at, SEEK_DATA)) != -1) {
		if ((n = pread(fd, buf, sizeof(buf), at)) <= 0)
			return (false);
		for (i = 0; i < n; i++)
			if (buf[i] != 0)
				return (false);
		at += n;
	}
	return (true);
}

static void
hint(struct hints *h, unsigned notes)
{
	h->of[h->n++] = notes;
}

/* The file was cut to size, or was cut shorter and written to. */
static bool
was_refilled(const struct vnode *v, int fd, off_t size)
{
	struct vnode shorter = *v;

	/* Of what is left only the front can be compared. */
	shorter.seen.st_size = size < VNODE_ENDS ? size : VNODE_ENDS;
	memset(shorter.head + shorter.seen.st_size, 0,
	    VNODE_ENDS - (size_t)shorter.seen.st_size);
	memcpy(shorter.tail, shorter.head, VNODE_ENDS);
	return (is_other(&shorter, fd));
}

static void
hint_contents(struct hints *h, const struct vnode *v, int fd, off_t size)
{
	off_t before = v->seen.st_size;
	bool refilled;

	if (size == before && (size == 0 || sum_up(fd, size) == v->sum) &&
	    size <= SHORT && !is_other(v, fd)) {
		hint(h, NOTE_ATTRIB);
		return;
	}
	if (size == before) {
		hint(h, NOTE_WRITE);
		return;
	}
	if (size > before)
		refilled = begins_anew(v, fd);
	else
		refilled = size != 0 && was_refilled(v, fd, size);
	if (size < before || refilled)
		hint(h, NOTE_ATTRIB | NOTE_TRUNCATE);
	else if (!is_other(v, fd) && grew_by_hole(v, fd, size))
		hint(h, NOTE_ATTRIB);
	else
		hint(h, NOTE_WRITE | NOTE_EXTEND);
	if (refilled)
		hint(h, NOTE_WRITE | NOTE_EXTEND);
}

void
vnode_hint_file(
    struct hints *h, const struct vnode *v, int fd, const struct stat *st)
{
	if (v->mask & IN_MOVE_SELF)
		hint(h, NOTE_RENAME);
	if (st->st_nlink < v->seen.st_nlink)
		hint(h, NOTE_DELETE);
	else if (st->st_nlink > v->seen.st_nlink)
		hint(h, NOTE_LINK);
	else if (v->mask & IN_ATTRIB)
		hint(h, NOTE_ATTRIB);
	if ((v->mask & IN_MODIFY) ||
	    (v->is_lost && st->st_size != v->seen.st_size))
		hint_contents(h, v, fd, st->st_size);
}

void
vnode_hint_dir(struct hints *h, struct vnode *v, const struct stat *st)
{
	bool made = (v->mask & IN_ISDIR) && (v->mask & (IN_CREATE | IN_DELETE));

	if (v->mask & DIR_NAMES)
		hint(h,
		    made || v->came != 0 ? NOTE_WRITE | NOTE_LINK : NOTE_WRITE);
	if (v->mask & IN_ATTRIB)
		hint(h, NOTE_ATTRIB);
	if (v->mask & IN_MOVE_SELF)
		hint(h, NOTE_RENAME);
	if (st->st_nlink == 0 && !v->removed) {
		v->removed = true;
		hint(h, NOTE_DELETE);
	}
}
