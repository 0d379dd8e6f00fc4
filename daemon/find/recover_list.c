#include "daemon/find/recover_inside.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/candidate.h"
#include "daemon/find/dir.h"
#include "daemon/find/former.h"
#include "daemon/find/inside.h"
#include "daemon/find/known.h"
#include "daemon/find/last_look.h"
#include "daemon/find/link.h"
#include "daemon/find/match.h"
#include "daemon/find/retry.h"
#include "daemon/find/unmatched.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/array.h"
#include "lib/print_index.h"
#include "lib/rotation.h"

/*
 * Frees the list.  What the checkpoint said of a deferred file that was not
 * used is noted for the next attempt.
 */
static void
forget_candidates(struct recovery *h)
{
	struct candidate *c;

	while (h->n > 0) {
		c = h->list[--h->n];
		if (c->is_deferred && !c->used)
			candidate_defer(c);
		candidate_free(c);
	}
	free(h->list);
	h->list = NULL;
}

int
recover_begin(struct recovery *h)
{
	if ((h->missing = unmatched_of(h->os, h->dir)) == NULL)
		return (-1);
	if ((h->followed = print_index_new()) == NULL) {
		log_warn("%s", dir_display(h->dir));
		return (-1);
	}
	return (0);
}

void
recover_end(struct recovery *h)
{
	size_t i;

	for (i = 0; i < h->n && h->dir->unrecovered; i++)
		if (h->list[i]->used)
			last_look_take(h->dir, &h->list[i]->st);
	forget_candidates(h);
	print_index_free(h->missing);
	print_index_free(h->followed);
}

/*
 * Whether a file or a record is known that has, or had, the candidate's base.
 */
static bool
is_of_interest(const struct recovery *h, const struct candidate *c)
{
	struct names *place = &h->dir->place;

	return (names_at(place, c->base) != NULL ||
	    names_former(place, c->base) != NULL ||
	    link_leads_to(h->dir, c->base) ||
	    unmatched_had(h->os, h->dir, c->base));
}

/*
 * Finds the name from which rotation made that of c: rather one by which a
 * source means it than one that rotation gave before.  Returns false where no
 * such name is of interest.
 */
static bool
find_base(const struct recovery *h, struct candidate *c)
{
	char first[NAME_MAX + 1] = "";
	struct former was;
	size_t i;

	for (i = 0; rotation_base(c->name, i, c->base, sizeof(c->base)); i++) {
		if (!is_of_interest(h, c))
			continue;
		if (former_find(c, &was))
			return (true);
		if (first[0] == '\0')
			memcpy(first, c->base, sizeof(first));
	}
	memcpy(c->base, first, sizeof(c->base));
	return (c->base[0] != '\0');
}

/* Returns 0, or -1 without memory. */
static int
add_candidate(struct recovery *h, struct candidate *c)
{
	struct candidate **grown;

	grown = array_more(h->list, h->n, sizeof(struct candidate *));
	if (grown == NULL)
		return (-1);
	h->list = grown;
	h->list[h->n++] = c;
	return (0);
}

/*
 * Scans d again where an error may pass; where access is denied, the sweep
 * does.
 */
static void
try_later(struct dir *d)
{
	if (retry_may_help(errno))
		retry_dir(d);
	else
		d->dangles = true;
	d->unrecovered = true;
}

static int
stat_entry(struct dir *d, int dirfd, const char *name, struct stat *st)
{
	unsigned n = 0;
	int rc;

	while ((rc = fstatat(dirfd, name, st, AT_SYMLINK_NOFOLLOW)) == -1 &&
	    retry_lookup(d->all, n++))
		;
	return (rc);
}

/* Whether the name by which t was found in the directory still leads to it. */
static bool
keeps_name(const struct file *t, int dirfd)
{
	struct stat st;

	if (fstatat(dirfd, t->name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return (errno != ENOENT);
	return (st.st_dev == t->dev && st.st_ino == t->ino);
}

/*
 * t may have got this name after the directory was scanned: then it is renamed
 * before candidates are judged by the names that files had.
 */
static void
catch_up(struct recovery *h, struct file *t, int dirfd, const char *name,
    const struct stat *st)
{
	struct names *place = &h->dir->place;

	if (t->linked || (t->place != NULL && t->place != place) ||
	    (t->place == place &&
		(strcmp(t->name, name) == 0 || keeps_name(t, dirfd))))
		return;
	switch (known_as(h->dir, name, t, st)) {
	case KNOWN_SAME:
		follow_new_name(t, place, name);
		break;
	case KNOWN_LATER:
		try_later(h->dir);
		break;
	case KNOWN_ANOTHER:
		break;
	}
}

/*
 * Adds the file to the list, if the checkpoint does not know it and rotation
 * named it or, where a record is unmatched, it is new.  Returns 0, or -1 with
 * errno where it could not be looked at.
 */
static int
consider(struct recovery *h, int dirfd, const char *name)
{
	struct sources *ss = h->dir->all;
	struct candidate *c;
	char path[PATH_MAX];
	struct stat st;
	struct file *t;

	sources_pause(ss);
	if (dir_path(h->dir, name, path) == -1)
		return (0);
	if (stat_entry(h->dir, dirfd, name, &st) == -1) {
		h->changing |= errno == ENOENT;
		return (retry_may_help(errno) ? -1 : 0);
	}
	if (!S_ISREG(st.st_mode))
		return (0);
	t = file_table_find(ss->file_table, st.st_dev, st.st_ino);
	if (t != NULL)
		catch_up(h, t, dirfd, name, &st);
	if (t != NULL &&
	    ((ss->late && streams_most_sent(t) > 0) ||
		(t->met && (!t->was_empty || st.st_size == 0))))
		return (0);
	if (t == NULL && last_look_has_taken(h->dir, &st))
		return (0);
	if ((c = candidate_new(h->dir, name, &st)) == NULL)
		return (-1);
	if (!find_base(h, c) && !unmatched_had(h->os, h->dir, name) &&
	    (unmatched_are_none(h->os) || !match_any_file(h->dir) ||
		!last_look_may_precede(h->dir, &st.st_ctim))) {
		candidate_free(c);
		return (0);
	}
	if (add_candidate(h, c) == -1) {
		candidate_free(c);
		return (-1);
	}
	if (candidate_read_head(c) == 0) {
		if (candidate_is_finished(c)) {
			candidate_free(h->list[--h->n]);
			return (0);
		}
		candidate_undefer(c);
	} else if (c->base[0] != '\0' || retry_may_help(errno)) {
		try_later(h->dir);
		candidate_defer(c);
	}
	return (0);
}

/* Whether the directory may never be listed: access is denied, as before. */
static bool
is_never_listed(const struct dir *d, int error)
{
	return ((error == EACCES || error == EPERM) && d->scan == 0);
}

/* Returns 0, or -1 with errno: the list is not complete. */
static int
list_once(struct recovery *h)
{
	const struct dirent *e;
	DIR *handle;
	int error;

	forget_candidates(h);
	if ((handle = retry_list(h->dir)) == NULL)
		return (h->dir->said || errno == ENOENT || errno == ENOTDIR ||
			    errno == ESTALE || is_never_listed(h->dir, errno)
			? 0
			: -1);
	for (errno = 0; (e = readdir(handle)) != NULL; errno = 0)
		if (consider(h, dirfd(handle), e->d_name) == -1)
			break;
	error = errno;
	(void)closedir(handle);
	errno = error;
	return (error == 0 ? 0 : -1);
}

static bool
has_inode(ino_t ino, void *arg)
{
	const struct recovery *h = arg;
	size_t i;

	for (i = 0; i < h->n; i++)
		if (h->list[i]->st.st_ino == ino)
			return (true);
	return (false);
}

void
recover_list(struct recovery *h)
{
	unsigned n = 0;
	size_t i;

	while (list_once(h) == -1)
		if (!retry_lookup(h->dir->all, n++)) {
			say_warn(dir_display(h->dir),
			    "cannot be listed: what became of its files while "
			    "the daemon was down is looked for again");
			/*
			 * The scan could list it just before, so this error may
			 * pass.
			 */
			retry_dir(h->dir);
			h->dir->unrecovered = true;
			break;
		}
	if (last_look_has_deferred(h->dir))
		for (i = 0; i < h->n; i++)
			candidate_undefer_moved(h->list[i], has_inode, h);
	if (h->n > 1)
		qsort(h->list, h->n, sizeof(struct candidate *),
		    candidate_compare);
}
