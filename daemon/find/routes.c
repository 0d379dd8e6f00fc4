#include "daemon/find/routes.h"

#include <string.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/file.h"
#include "daemon/file/table.h"
#include "daemon/find/dir.h"
#include "daemon/find/inside.h"
#include "daemon/find/match.h"
#include "daemon/find/retry.h"
#include "daemon/follow/follow.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/ns.h"
#include "lib/rotation.h"

struct route_cursor {
	size_t match;
	size_t route; /* of that match's source */
};

/* The first route of the sources that mean the name, then the next; or NULL. */
static struct route *
next_route(const struct dir *d, const char *name, struct route_cursor *c)
{
	const struct match *m;

	for (; c->match < d->nmatches; c->match++, c->route = 0) {
		m = &d->matches[c->match];
		if (c->route < m->source->nroutes &&
		    (c->route > 0 || match_is_file(m, d, name)))
			return (m->source->routes[c->route++]);
	}
	return (NULL);
}

bool
routes_send_to(const struct dir *d, const char *name, const char *dest)
{
	struct route_cursor c = { 0, 0 };
	const struct route *r;

	while ((r = next_route(d, name, &c)) != NULL)
		if (strcmp(r->to->name, dest) == 0)
			return (true);
	return (false);
}

/*
 * Whether a new file is older than ignore_older and so is left alone.  Not a
 * file that is followed or was before, nor one of which only the end is sent.
 */
static bool
is_left_alone(const struct file *t, const struct route *r, bool from_end)
{
	uint64_t old_ms = r->source->ignore_older_ms;
	int64_t age_ns;

	if (old_ms == 0 || from_end || t->streams != NULL)
		return (false);
	age_ns = (int64_t)clock_wall_s() * NS_IN_S - t->written_ns;
	return (age_ns > 0 && (uint64_t)age_ns / 1000000 > old_ms &&
	    checkpointer_find(file_table_checkpointer(t->all), r->to->name,
		t->dev, t->ino) == NULL);
}

/*
 * A compressed file is sent only for the rest of the file it was made from,
 * unless the source asks for more.
 */
static int
join_packed(struct file *t, struct route *r, const char *name)
{
	if (!r->source->compressed)
		return (t->compression == INFLATE_NONE
			? follow_join(t, r, false)
			: 0);
	if (t->compression == INFLATE_NONE || rotation_is_compressed(name))
		return (follow_rejoin(t, r));
	return (follow_join(t, r, false));
}

/* Memory was short: the next scan joins the file. */
static void
join_later(struct file *t)
{
	log_warn("%s", file_path(t).text);
	if (t->place != NULL)
		retry_dir(dir_of(t->place));
}

bool
routes_join(
    struct file *t, const struct dir *d, const char *name, enum trust trust)
{
	const struct match *m;
	struct route *r;
	size_t i, n;
	bool from_end, left_alone = false;

	for (i = 0; i < d->nmatches; i++) {
		m = &d->matches[i];
		if (!match_is_file(m, d, name) || !match_trusts(m, trust))
			continue;
		for (n = 0; n < m->source->nroutes; n++) {
			r = m->source->routes[n];
			from_end = d->all->starting && r->fresh;
			if (t->compression != INFLATE_NONE ||
			    rotation_is_compressed(name)) {
				if (join_packed(t, r, name) == -1)
					join_later(t);
				continue;
			}
			if (is_left_alone(t, r, from_end))
				left_alone = true;
			else if (follow_join(t, r, from_end) == -1)
				join_later(t);
		}
	}
	return (left_alone);
}

static void
rejoin_by(struct file *t, const struct dir *was, const char *name,
    int (*join)(struct file *, struct route *))
{
	struct route_cursor c = { 0, 0 };
	struct route *r;

	while ((r = next_route(was, name, &c)) != NULL)
		if (join(t, r) == -1)
			join_later(t);
}

/*
 * The records of a new file for all destinations are written together, but the
 * host may lose power between them.
 */
static int
join_unsent(struct file *t, struct route *r)
{
	return (r->fresh ? 0 : follow_join(t, r, false));
}

void
routes_rejoin(struct file *t, struct sources *ss, const char *origin)
{
	const char *name;
	struct dir *was;

	if ((was = dir_of_path(ss, origin, &name)) == NULL)
		return;
	rejoin_by(t, was, name, follow_rejoin);
	if (t->streams == NULL)
		return;
	/* One destination's record also tells the others what the file is. */
	rejoin_by(t, was, name, follow_rejoin);
	if (streams_most_sent(t) == 0)
		rejoin_by(t, was, name, join_unsent);
	t->rotated = true;
	file_set_origin(t, origin);
	/* At a start the order is made when all files are known. */
	if (ss->starting)
		names_remember(t, &was->place, name);
	else
		order_precede(t, &was->place, name);
	say_info(file_path(t).text, "was %s when a source meant it", origin);
}
