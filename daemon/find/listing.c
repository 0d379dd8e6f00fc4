#include "daemon/find/listing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/known.h"
#include "daemon/find/last_look.h"
#include "daemon/find/match.h"
#include "daemon/find/missed_file.h"
#include "daemon/find/not_followed.h"
#include "daemon/find/retry.h"
#include "daemon/find/scan.h"

#define SETTLED 2 /* seconds: the coarsest clock of a file system */

static int
compare_listed(const struct listed *a, const struct listed *b)
{
	int64_t x = file_written_ns(&a->st), y = file_written_ns(&b->st);

	if (x != y)
		return (x < y ? -1 : 1);
	return (a->nth < b->nth ? -1 : a->nth > b->nth);
}

/* RB_GENERATE_STATIC needs __unused, which glibc's headers cannot bear. */
#define LOCAL __attribute__((__unused__)) static
RB_GENERATE_INTERNAL(entries, listed, by_time, compare_listed, LOCAL)

void
listing_free_entry(struct listed *e)
{
	free(e->name);
	free(e->was);
	free(e);
}

struct listed *
listing_take(struct scan *s)
{
	struct listed *e;

	if ((e = RB_MIN(entries, &s->entries)) != NULL)
		RB_REMOVE(entries, &s->entries, e);
	return (e);
}

static bool
is_known(const struct dir *d, const struct dirent *e)
{
	return (file_table_find(d->all->file_table, d->place.dev, e->d_ino) !=
		NULL ||
	    checkpointer_path(d->all->checkpointer, d->place.dev, e->d_ino) !=
		NULL);
}

static bool
is_interesting(const struct dir *d, const struct dirent *e)
{
	return (match_file(d, e->d_name) || match_dir(d, e->d_name) ||
	    is_known(d, e));
}

static void
add_listed(struct dir *d, const struct listed *e)
{
	struct scan *s = d->scanning;
	struct listed *added;

	if ((added = malloc(sizeof(*added))) == NULL) {
		retry_dir(d);
		return;
	}
	*added = *e;
	added->name = strdup(e->name);
	if (e->was != NULL)
		added->was = strdup(e->was);
	if (added->name == NULL || (e->was != NULL && added->was == NULL)) {
		listing_free_entry(added);
		retry_dir(d);
		return;
	}
	added->nth = s->nlisted++;
	RB_INSERT(entries, &s->entries, added);
}

/*
 * Whether the name was given to another file after readdir(3) had it.  What is
 * mounted on a directory has another inode than its entry.
 */
static bool
is_renamed_since(const struct dirent *e, const struct stat *st)
{
	return (S_ISREG(st->st_mode) && st->st_ino != e->d_ino);
}

/*
 * Adds the entry, unless its file is at rest.  Returns whether the next scan
 * knows the inode from this one; of a new file that is known after it was
 * examined.
 */
static bool
list_entry(struct dir *d, int fd, struct dirent *e)
{
	struct file *t = names_at(&d->place, e->d_name);
	struct listed found = { .name = e->d_name };
	char base[NAME_MAX + 1];
	unsigned n = 0;
	bool renamed;

	/* A followed file may have had the name until now. */
	if ((t == NULL || !t->linked) && !match_file(d, e->d_name) &&
	    !is_known(d, e) && missed_is(d, fd, e, base))
		found.was = base;
	else if (t == NULL && !is_interesting(d, e))
		return (true);
	while (fstatat(fd, e->d_name, &found.st, AT_SYMLINK_NOFOLLOW) == -1) {
		if (retry_lookup(d->all, n++))
			continue;
		/*
		 * A file that is gone is examined like one whose name was not
		 * listed.
		 */
		if (errno != ENOENT)
			retry_dir(d);
		d->unsure = true;
		return (false);
	}
	renamed = is_renamed_since(e, &found.st);
	d->unsure |= renamed;
	if (renamed && found.was != NULL)
		return (false);
	if (found.was != NULL && !missed_since(d, &found.st)) {
		found.was = NULL;
		if (!is_interesting(d, e))
			return (found.st.st_size > 0);
	}
	found.is_new = found.was == NULL && match_file(d, e->d_name) &&
	    (t == NULL || (!t->linked && t->ino != e->d_ino));
	/*
	 * A file of which new patterns came is examined, to join their routes.
	 */
	if (t != NULL && !d->scanning->widened &&
	    known_is_at_rest(t, fd, &found.st))
		t->seen = d->scan;
	else
		add_listed(d, &found);
	return (!renamed && !found.is_new);
}

/*
 * Returns 1 at the end of the directory, 0 at the end of this part, or -1 with
 * errno.
 */
static int
list_some(struct dir *d, struct scan *s)
{
	struct dirent *e;

	while (scan_queue_take(&d->all->scans, 1)) {
		errno = 0;
		if ((e = readdir(s->handle)) == NULL)
			return (errno == 0 ? 1 : -1);
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		if (list_entry(d, dirfd(s->handle), e) && missed_needs_scans(d))
			missed_note(&s->missed, e->d_ino);
	}
	return (0);
}

bool
listing_go_on(struct dir *d, struct scan *s)
{
	int rc;

	/*
	 * After an error the directory is read from its beginning: what was
	 * listed before is examined twice.
	 */
	while ((rc = list_some(d, s)) == -1) {
		if (!retry_lookup(d->all, s->failures++)) {
			s->missed.failed = true;
			retry_dir(d);
			break;
		}
		idset_clear(&s->missed.others);
		rewinddir(s->handle);
	}
	return (rc != 0);
}

/*
 * Remembers the time of the directory for the sweep to compare with.  A change
 * in the same moment has the same time: a directory that has just changed is
 * listed once more.
 */
static void
note_listing(struct dir *d, const struct scan *s)
{
	d->listed_ns = -1;
	d->changed_ns = file_written_ns(&s->st);
	dir_note_rights(d, &s->st);
	if (s->st.st_mtim.tv_sec + SETTLED < s->began)
		d->listed_ns = file_written_ns(&s->st);
}

/* Opens the directory for listing and sets *st.  Returns NULL with errno. */
static DIR *
open_listing(struct dir *d, struct stat *st)
{
	DIR *handle = retry_list(d);
	unsigned n = 0;
	int error;

	if (handle == NULL)
		return (NULL);
	while (fstat(dirfd(handle), st) == -1)
		if (!retry_lookup(d->all, n++)) {
			error = errno;
			(void)closedir(handle);
			errno = error;
			return (NULL);
		}
	return (handle);
}

static void
close_listing(struct dir *d, struct scan *s)
{
	if (s->handle != NULL)
		(void)closedir(s->handle);
	s->handle = NULL;
	if (s->kept_open)
		d->all->nsplit--;
	s->kept_open = false;
}

void
listing_end(struct dir *d, struct scan *s)
{
	struct stat now;

	d->unsure |= fstat(dirfd(s->handle), &now) == -1 ||
	    file_written_ns(&now) != file_written_ns(&s->st);
	close_listing(d, s);
	note_listing(d, s);
	missed_end(d, &s->missed);
}

/* An entry that was not examined yet is new to the next scan, too. */
void
listing_drop(struct dir *d, struct scan *s)
{
	struct listed *e;

	close_listing(d, s);
	while ((e = listing_take(s)) != NULL) {
		if (s->stage == STAGE_EXAMINE && e->was != NULL)
			missed_drop(d, e->st.st_ino);
		listing_free_entry(e);
	}
	idset_fini(&s->missed.others);
	s->missed.failed = false;
	missed_add(d, &s->followed);
}

static void
say_unlisted(struct dir *d)
{
	if (errno != EACCES && errno != EPERM)
		retry_dir(d);
	d->unrecovered |= d->all->starting;
	last_look_failed(d);
	if (!d->said) {
		say_warn(dir_display(d), "cannot be listed");
		d->all->ops.on_refused(d->all->ops.arg, dir_display(d));
	}
	d->said = true;
}

void
listing_begin(struct dir *d, struct scan *s)
{
	listing_drop(d, s);
	s->stage = STAGE_LINKS;
	s->split = false;
	if ((s->handle = open_listing(d, &s->st)) == NULL) {
		if (errno == ESTALE || errno == ENOENT || errno == ENOTDIR)
			d->listed_ns = -1; /* the parent is examined next */
		else
			say_unlisted(d);
		return;
	}
	s->stage = STAGE_LIST;
	s->began = clock_wall_s();
	s->begun++;
	s->unseen[0] = '\0';
	d->said = d->disordered = false;
	dir_recount_old(d);
	not_followed_recount(d);
	not_followed_prune(d, dirfd(s->handle));
	d->scan++;
}
