/*
 * sys/event.h - for tests on Linux alone: what fake_kqueue.c has of kqueue(2).
 */
#ifndef FAKE_SYS_EVENT_H
#define FAKE_SYS_EVENT_H

#include <stdint.h>
#include <time.h>

struct kevent {
	uintptr_t	 ident;
	short		 filter;
	unsigned short	 flags;
	unsigned	 fflags;
	int64_t		 data;
	void		*udata;
};

#define EV_SET(kevp, a, b, c, d, e, f)                                         \
	do {                                                                   \
		struct kevent *kevp_ = (kevp);                                 \
		kevp_->ident = (a);                                            \
		kevp_->filter = (b);                                           \
		kevp_->flags = (c);                                            \
		kevp_->fflags = (d);                                           \
		kevp_->data = (e);                                             \
		kevp_->udata = (f);                                            \
	} while (0)

#define EVFILT_VNODE	(-4)

#define EV_ADD		0x0001
#define EV_DELETE	0x0002
#define EV_CLEAR	0x0020

#define NOTE_DELETE	0x0001
#define NOTE_WRITE	0x0002
#define NOTE_EXTEND	0x0004
#define NOTE_ATTRIB	0x0008
#define NOTE_LINK	0x0010
#define NOTE_RENAME	0x0020
#define NOTE_REVOKE	0x0040
#define NOTE_TRUNCATE	0x0080

int	kqueue(void);
int	kevent(int kq, const struct kevent *changes, int nchanges,
	    struct kevent *events, int nevents, const struct timespec *);

#endif
