#include "daemon/find/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"

/*
 * Any user who may write below a source can make as many names there as he
 * likes that are not followed.  So many are named in the log:
 */
#define IN_DIR 16
#define IN_ALL 512
/* and of the others their number, after so many seconds, and when it doubles */
#define GATHER 1.

struct told {
	RB_ENTRY(told) by_name;
	struct dir *dir;
	const char *name; /* behind it */
};

static int
compare_told(const struct told *a, const struct told *b)
{
	if (a->dir != b->dir)
		return ((uintptr_t)a->dir < (uintptr_t)b->dir ? -1 : 1);
	return (strcmp(a->name, b->name));
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(told_names, told, by_name, compare_told, LOCAL)

static void
on_tell(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct sources *ss = timer->data;

	(void)loop;
	(void)revents;
	if (ss->nuntold < 2 * ss->nsaid)
		return;
	ss->nsaid = ss->nuntold;
	if (ss->nuntold > 0)
		log_warnx("and %llu others are not followed: \"teslacoilctl "
			  "log level debug\" has them named",
		    (unsigned long long)ss->nuntold);
}

void
told_init(struct sources *ss)
{
	RB_INIT(&ss->told);
	ev_timer_init(&ss->tell, on_tell, GATHER, 0.);
	ss->tell.data = ss;
}

void
told_end(struct sources *ss)
{
	ev_timer_stop(ss->loop, &ss->tell);
}

static struct told *
find(struct dir *d, const char *name)
{
	struct told key = { .dir = d, .name = name };

	return (RB_FIND(told_names, &d->all->told, &key));
}

static void
count_untold(struct dir *d)
{
	struct sources *ss = d->all;

	d->nuntold++;
	ss->nuntold++;
	if (ev_is_active(&ss->tell) || ss->nuntold < 2 * ss->nsaid)
		return;
	ev_timer_set(&ss->tell, GATHER, 0.);
	ev_timer_start(ss->loop, &ss->tell);
}

void
dir_tell(struct dir *d, const char *name, const char *why)
{
	struct sources *ss = d->all;
	size_t size = strlen(name) + 1;
	struct told *t;

	if (find(d, name) != NULL)
		return;
	if (d->ntold == IN_DIR || ss->ntold == IN_ALL ||
	    (t = malloc(sizeof(*t) + size)) == NULL) {
		log_debug("%s/%s: not followed: %s", d->place.path, name, why);
		count_untold(d);
		return;
	}
	t->dir = d;
	t->name = memcpy(t + 1, name, size);
	RB_INSERT(told_names, &ss->told, t);
	ss->ntold++;
	d->ntold++;
	log_warnx("%s/%s: not followed: %s", d->place.path, name, why);
}

static void
told_free(struct told *t)
{
	struct sources *ss = t->dir->all;

	RB_REMOVE(told_names, &ss->told, t);
	ss->ntold--;
	t->dir->ntold--;
	free(t);
}

void
dir_untell(struct dir *d, const char *name)
{
	struct told *t;

	if (d->ntold > 0 && (t = find(d, name)) != NULL)
		told_free(t);
}

void
told_recount(struct dir *d)
{
	d->all->nuntold -= d->nuntold;
	d->nuntold = 0;
}

void
told_look(struct dir *d, int fd)
{
	struct told key = { .dir = d, .name = "" }, *t, *next;
	struct stat st;

	if (d->ntold == 0)
		return;
	for (t = RB_NFIND(told_names, &d->all->told, &key);
	     t != NULL && t->dir == d; t = next) {
		next = RB_NEXT(told_names, &d->all->told, t);
		if (fstatat(fd, t->name, &st, AT_SYMLINK_NOFOLLOW) == -1 &&
		    errno == ENOENT)
			told_free(t);
	}
}

void
told_clear(struct dir *d)
{
	struct told key = { .dir = d, .name = "" }, *t;

	while (d->ntold > 0 &&
	    (t = RB_NFIND(told_names, &d->all->told, &key)) != NULL)
		told_free(t);
	told_recount(d);
}
