/*
 * fake_vnode.h - what a file or a directory was like at the last look, and what
 * operations must have made the difference: for fake_kqueue.c.
 */
#ifndef FAKE_VNODE_H
#define FAKE_VNODE_H

#include <sys/inotify.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VNODE_ENDS 64 /* octets that are remembered of each end */

/* Events of names in a directory. */
#define DIR_NAMES (IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO)

struct vnode {
	TAILQ_ENTRY(vnode) entry;
	int wd;
	struct stat seen;
	uint8_t head[VNODE_ENDS];
	uint8_t tail[VNODE_ENDS];
	uint64_t sum; /* of all octets of a short file */
	uint32_t mask; /* events since the last look */
	int came; /* directories in it since then, less those that left */
	bool is_lost; /* inotify has forgotten it */
	bool removed;
};

/* What operations have to tell, each by itself. */
struct hints {
	unsigned of[8];
	size_t n;
};

/* The look is over: fd, open, and st are those of the vnode. */
void	vnode_remember(struct vnode *, int fd, const struct stat *st);

/* Adds what happened since, by its mask and by what is there now. */
void	vnode_hint_file(struct hints *, const struct vnode *, int fd,
	    const struct stat *st);
void	vnode_hint_dir(struct hints *, struct vnode *, const struct stat *st);

#endif
