#include "daemon/find/not_followed.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/find/inside.h"

/* So many names are in the log, */
#define IN_DIR 16
#define IN_ALL 512
/* and the number of the others after so many seconds, and when it doubles */
#define GATHER 1.

struct not_followed {
	RB_ENTRY(not_followed) by_name;
	struct dir *dir;
	const char *name; /* behind the structure */
};

static int
compare_names(const struct not_followed *a, const struct not_followed *b)
{
	if (a->dir != b->dir)
		return ((uintptr_t)a->dir < (uintptr_t)b->dir ? -1 : 1);
	return (strcmp(a->name, b->name));
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(
    not_followed_names, not_followed, by_name, compare_names, LOCAL)

static void
on_tell(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct sources *ss = timer->data;

	(void)loop;
	(void)revents;
	if (ss->nunnamed < 2 * ss->nsaid)
		return;
	ss->nsaid = ss->nunnamed;
	if (ss->nunnamed > 0)
		log_warnx("and %llu others are not followed: \"teslacoilctl "
			  "log level debug\" has them named",
		    (unsigned long long)ss->nunnamed);
}

void
not_followed_init(struct sources *ss)
{
	RB_INIT(&ss->not_followed);
	ev_timer_init(&ss->tell, on_tell, GATHER, 0.);
	ss->tell.data = ss;
}

void
not_followed_end(struct sources *ss)
{
	ev_timer_stop(ss->loop, &ss->tell);
}

static struct not_followed *
find(struct dir *d, const char *name)
{
	struct not_followed key = { .dir = d, .name = name };

	return (RB_FIND(not_followed_names, &d->all->not_followed, &key));
}

static void
count_unsaid(struct dir *d)
{
	struct sources *ss = d->all;

	d->nunnamed++;
	ss->nunnamed++;
	if (ev_is_active(&ss->tell) || ss->nunnamed < 2 * ss->nsaid)
		return;
	ev_timer_set(&ss->tell, GATHER, 0.);
	ev_timer_start(ss->loop, &ss->tell);
}

void
not_followed_say(struct dir *d, const char *name, const char *why)
{
	struct sources *ss = d->all;
	size_t size = strlen(name) + 1;
	struct not_followed *t;

	if (find(d, name) != NULL)
		return;
	if (d->nnamed == IN_DIR || ss->nnamed == IN_ALL ||
	    (t = malloc(sizeof(*t) + size)) == NULL) {
		log_debug("%s/%s: not followed: %s", d->place.path, name, why);
		count_unsaid(d);
		return;
	}
	t->dir = d;
	t->name = memcpy(t + 1, name, size);
	RB_INSERT(not_followed_names, &ss->not_followed, t);
	ss->nnamed++;
	d->nnamed++;
	log_warnx("%s/%s: not followed: %s", d->place.path, name, why);
}

static void
not_followed_free(struct not_followed *t)
{
	struct sources *ss = t->dir->all;

	RB_REMOVE(not_followed_names, &ss->not_followed, t);
	ss->nnamed--;
	t->dir->nnamed--;
	free(t);
}

void
not_followed_forget(struct dir *d, const char *name)
{
	struct not_followed *t;

	if (d->nnamed > 0 && (t = find(d, name)) != NULL)
		not_followed_free(t);
}

void
not_followed_recount(struct dir *d)
{
	d->all->nunnamed -= d->nunnamed;
	d->nunnamed = 0;
}

void
not_followed_prune(struct dir *d, int fd)
{
	struct not_followed key = { .dir = d, .name = "" }, *t, *next;
	struct stat st;

	if (d->nnamed == 0)
		return;
	for (t = RB_NFIND(not_followed_names, &d->all->not_followed, &key);
	     t != NULL && t->dir == d; t = next) {
		next = RB_NEXT(not_followed_names, &d->all->not_followed, t);
		if (fstatat(fd, t->name, &st, AT_SYMLINK_NOFOLLOW) == -1 &&
		    errno == ENOENT)
			not_followed_free(t);
	}
}

void
not_followed_clear(struct dir *d)
{
	struct not_followed key = { .dir = d, .name = "" }, *t;

	while (d->nnamed > 0 &&
	    (t = RB_NFIND(not_followed_names, &d->all->not_followed, &key)) !=
		NULL)
		not_followed_free(t);
	not_followed_recount(d);
}
