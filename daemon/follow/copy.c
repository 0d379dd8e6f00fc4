#include "daemon/follow/copy.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/log.h"
#include "daemon/base/sizes.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/follow/copy_inside.h"

static void
search_free(struct copy_search *s)
{
	if (s == NULL)
		return;
	scan_queue_del(file_table_searches(s->own.all), &s->job);
	if (s->own.file != NULL && s->own.file->search == s)
		s->own.file->search = NULL;
	s->own.file = NULL;
	s->dead = s->busy;
	if (s->busy)
		return;
	if (s->dir != NULL)
		(void)closedir(s->dir);
	copy_drop_best(s);
	free(s->path);
	free((void *)(uintptr_t)s->own.real);
	free(s);
}

/*
 * Returns whether the search is over.  A check of another file may end the
 * file for which the search is: then the search is freed, and never over.
 */
static bool
go_on(struct copy_search *s)
{
	s->busy = true;
	copy_search_some(s);
	s->busy = false;
	s->parts++;
	if (!s->dead)
		return (!s->full);
	search_free(s);
	return (false);
}

static struct copy_search *
search_new(const struct copy_wanted *of)
{
	struct copy_search *s;

	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (NULL);
	s->own = *of;
	s->own.file = NULL;
	s->of = &s->own;
	s->own.real = of->real != NULL ? strdup(of->real) : NULL;
	if (asprintf(&s->path, "%s/%s", of->place->path, of->name) == -1)
		s->path = NULL;
	if (s->path == NULL || (of->real != NULL && s->own.real == NULL)) {
		search_free(s);
		return (NULL);
	}
	s->own.name = strrchr(s->path, '/') + 1;
	s->own.file = of->file;
	s->whole = of->file == NULL;
	return (s);
}

/* Whether the search is for the same. */
static bool
is_search_for(const struct copy_search *s, const struct copy_wanted *of)
{
	return (s->own.least == of->least && s->own.begun == of->begun &&
	    s->own.is_short == of->is_short &&
	    s->own.is_unread == of->is_unread &&
	    strcmp(s->own.name, of->name) == 0);
}

/*
 * Whether the file that was found before others had turns is still what it
 * was.
 */
static bool
is_as_found(struct copy_search *s)
{
	const struct file_finder *finder = file_finder(s->of->all);
	struct stat st;

	s->best.place = finder->place_of(finder->arg, s->where);
	return (s->best.place != NULL && lstat(s->where, &st) == 0 &&
	    st.st_dev == s->best.st.st_dev && st.st_ino == s->best.st.st_ino &&
	    copy_has_content(s->of, s->best.fd, &s->best.st, s->rotated) == 1 &&
	    !copy_is_followed(s->of->all, &s->best.st));
}

static enum copy_result
conclude(struct copy_search *s, struct copy_found *found)
{
	if (s->found && s->parked && !is_as_found(s)) {
		copy_drop_best(s);
		s->changing = true;
		s->followed = false;
	}
	if (s->found) {
		*found = s->best;
		free(s->where);
		s->found = false;
		return (COPY_FOUND);
	}
	if (s->followed)
		return (COPY_FOLLOWED);
	if (s->unknown)
		return (COPY_UNKNOWN);
	if (s->denied)
		return (COPY_DENIED);
	return (s->changing ? COPY_CHANGING : COPY_NONE);
}

/* Each search has a directory open, and maybe a file. */
static bool
are_too_many(const struct scan_queue *q)
{
	const struct scan_job *job;
	unsigned n = 0;

	TAILQ_FOREACH (job, &q->jobs, entry)
		n++;
	return (n > SCAN_OPEN);
}

/* Returns whether the search is over by now. */
static bool
search_begin(struct copy_search *s)
{
	struct scan_queue *q = file_table_searches(s->own.all);
	struct file *t = s->own.file;

	if (s->whole)
		return (go_on(s));
	t->search = s;
	if (scan_queue_begin(q, &s->job))
		return (true);
	if (t->search == s)
		s->parked = true;
	/* The next check of the file begins it anew. */
	if (t->search == s && are_too_many(q))
		search_free(s);
	return (false);
}

static struct copy_search *
search_of(struct scan_job *job)
{
	return ((struct copy_search *)(void *)((char *)job -
	    offsetof(struct copy_search, job)));
}

bool
copy_step(struct scan_job *job, struct file **told)
{
	struct copy_search *s = search_of(job);

	if (!go_on(s))
		return (false);
	s->over = true;
	if (!s->parked)
		return (true);
	*told = s->own.file;
	return (false);
}

/* The file that was told may be gone, and its search with it. */
void
copy_told(struct file_table *all, struct scan_job *job)
{
	if (file_table_searches(all)->now == job)
		search_free(search_of(job));
}

void
copy_forget(struct file *t)
{
	search_free(t->search);
}

enum copy_result
copy_find(const struct copy_wanted *of, struct copy_found *found)
{
	struct copy_search *s = of->file != NULL ? of->file->search : NULL;
	enum copy_result result;

	if (of->print.hash == 0 && !of->is_unread)
		return (COPY_NONE);
	if (s != NULL && !is_search_for(s, of)) {
		search_free(s);
		s = NULL;
	}
	if (s != NULL && !s->over)
		return (COPY_LATER);
	if (s == NULL) {
		if ((s = search_new(of)) == NULL)
			return (COPY_UNKNOWN);
		if (!search_begin(s))
			return (COPY_LATER);
	}
	s->of = of;
	s->busy = true;
	result = conclude(s, found);
	s->busy = false;
	if (s->parked)
		log_debug("%s: its copy was looked for in %u parts", s->path,
		    s->parts);
	search_free(s);
	return (result);
}
