#include <errno.h>
#include <string.h>

#include "daemon/checkpoint/store_inside.h"

static struct checkpoint_entry *
find_late(const struct checkpoint *cp, const char *path)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_LATE,
		.dest = "",
		.path = path,
	};

	return (checkpoint_table_find(&cp->seen, &key));
}

bool
checkpoint_is_late(
    const struct checkpoint *cp, const char *path, struct timespec *since)
{
	const struct checkpoint_entry *e = find_late(cp, path);

	if (e == NULL || e->rec.time == 0)
		return (false);
	since->tv_sec = e->rec.time;
	since->tv_nsec = (long)e->rec.offset;
	return (true);
}

/* From e on, the next entry with the prefix that is late; or NULL. */
static struct checkpoint_entry *
next_late(struct checkpoint_entry *e, const char *prefix)
{
	size_t len = strlen(prefix);

	for (; e != NULL && e->rec.kind == CHECKPOINT_LATE &&
	     strncmp(e->rec.path, prefix, len) == 0;
	     e = checkpoint_table_next(e))
		if (e->rec.time != 0)
			return (e);
	return (NULL);
}

static struct checkpoint_entry *
first_late(const struct checkpoint *cp, const char *prefix)
{
	const struct checkpoint_record key = {
		.kind = CHECKPOINT_LATE,
		.dest = "",
		.path = prefix,
	};

	return (next_late(checkpoint_table_from(&cp->seen, &key), prefix));
}

const char *
checkpoint_late_below(const struct checkpoint *cp, const char *prefix)
{
	const struct checkpoint_entry *e = first_late(cp, prefix);

	return (e != NULL ? e->rec.path : NULL);
}

const char *
checkpoint_late_at(const struct checkpoint *cp, const char *prefix,
    const struct timespec *since, bool (*fn)(const char *, void *), void *arg)
{
	struct checkpoint_entry *e;

	for (e = first_late(cp, prefix); e != NULL;
	     e = next_late(checkpoint_table_next(e), prefix))
		if (e->rec.time == since->tv_sec &&
		    (since->tv_nsec == 0 || e->rec.offset == since->tv_nsec) &&
		    fn(e->rec.path, arg))
			return (e->rec.path);
	return (NULL);
}

/* The entry stays in its table: a checkpoint_copy() may stand at it. */
int
checkpoint_late(
    struct checkpoint *cp, const char *path, const struct timespec *since)
{
	struct checkpoint_record rec = {
		.kind = CHECKPOINT_LATE,
		.dest = "",
		.path = path,
	};
	struct checkpoint_entry *e = find_late(cp, path);

	if (since != NULL) {
		rec.time = since->tv_sec > 0 ? since->tv_sec : 1;
		rec.offset = since->tv_nsec;
	}
	if (e == NULL ? since == NULL
		      : e->rec.time == rec.time && e->rec.offset == rec.offset)
		return (0);
	if (!checkpoint_record_is_valid(&rec)) {
		errno = EINVAL;
		return (-1);
	}
	if (checkpoint_table_put(&cp->pending, &cp->names, &rec) == -1)
		return (-1);
	if (e == NULL)
		return (checkpoint_table_put(&cp->seen, &cp->names, &rec));
	e->rec.time = rec.time;
	e->rec.offset = rec.offset;
	return (0);
}

/* In the table, directories that are late stand before all sources. */
void
checkpoint_expire_late(struct checkpoint *cp, time_t before)
{
	struct checkpoint_entry *e;

	for (e = checkpoint_table_from(&cp->seen, NULL);
	     e != NULL && e->rec.kind == CHECKPOINT_LATE;
	     e = checkpoint_table_next(e))
		if (e->rec.time < before)
			e->rec.time = 0;
}
