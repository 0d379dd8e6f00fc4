#include "daemon/base/read.h"
#include "daemon/follow/follow.h"
#include "daemon/follow/inside.h"

#include <sys/stat.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/base/say.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/names.h"
#include "daemon/file/table.h"
#include "daemon/follow/suspect.h"
#include "daemon/stream/guard.h"
#include "daemon/stream/stream.h"
#include "daemon/stream/streams.h"
#include "lib/rotation.h"

/* The streams of the file begin again at 0; what was in flight is forgotten. */
static void
begin_again(struct file *t, const struct stat *st)
{
	struct stream *s;

	t->size = st->st_size;
	t->sure = 0;
	t->print.len = 0;
	t->last_line = 0;
	for (s = t->streams; s != NULL; s = s->next) {
		stream_guard_forget(s);
		follow_go_to(s, 0);
		stream_wake(s);
	}
}

/*
 * Makes the new file that a truncated one is: the same place, descriptor and
 * routes.  Returns NULL, and nothing has changed, when there is no memory.
 */
static struct file *
truncated_successor(
    struct file *old, struct names *place, const struct stat *st)
{
	struct file_table *ts = old->all;
	struct path_text path;
	struct file *now;
	struct stream *s;

	if ((now = file_alloc(ts, old->name)) == NULL)
		return (NULL);
	for (s = old->streams; s != NULL; s = s->next)
		if (follow_link_stream(now, s->route, 0) == NULL) {
			follow_free(now);
			return (NULL);
		}
	now->begun = old->begun + 1;
	now->place = place;
	now->linked = old->linked;
	now->mounted = old->mounted;
	now->rotated = old->rotated;
	file_set_origin(now, file_old_path(old));
	file_set_real(now, file_real(old, &path));
	now->size = st->st_size;
	RB_REMOVE(names_by_name, &place->names, old);
	RB_INSERT(names_by_name, &place->names, now);
	old->place = NULL;
	file_table_forget(old);
	follow_know(now, st);
	if (old->fd != -1) {
		file_hand_over(old, now);
		(void)streams_update_print(now, now->fd);
	}
	for (s = now->streams; s != NULL; s = s->next)
		checkpointer_mark(file_table_checkpointer(ts), &s->mark);
	return (now);
}

/* The file has no name, and what its descriptor leads to is written over. */
static void
end_nameless(struct file *t, int fd, const struct stat *st)
{
	follow_say_lost(t, "written over");
	follow_spend(t, fd, st->st_size);
	file_timer_add(t);
}

/* Whether a file has the name from which rotation makes the name of t. */
static bool
has_base(const struct file *t)
{
	char base[NAME_MAX + 1];
	size_t i;

	for (i = 0; rotation_base(t->name, i, base, sizeof(base)); i++)
		if (names_at(t->place, base) != NULL &&
		    rotation_is_copy_of(t->name, base))
			return (true);
	return (false);
}

/*
 * Whether the file counts as rotated, and has the name of a log all the same:
 * what another log was goes on in it, or it only begins like that.
 */
static bool
has_name_of_log(const struct file *t)
{
	const struct file_finder *finder = file_finder(t->all);
	const char *old = file_old_path(t), *was;

	if (!t->rotated || old == NULL || !finder->means(t->place, t->name))
		return (false);
	was = strrchr(old, '/') + 1;
	return (strcmp(t->name, was) != 0 && !rotation_is_of(t->name, was) &&
	    !rotation_goes_on(t->name, was));
}

/*
 * A file that was rotated never begins again.  One that has a rotated name,
 * but was never seen to get it, does so only when it was truncated: no program
 * that writes a log overwrites one from its beginning, and it may be another
 * copy.
 */
static bool
is_to_be_spent(const struct file *old, const struct stat *st)
{
	if (old->rotated)
		return (!has_name_of_log(old));
	return (st->st_size >= old->size && has_base(old));
}

/*
 * Whether the file begins with text, and not with what shred(1) or dd(1)
 * write.
 */
static bool
has_text(const struct file *t)
{
	static const uint8_t usual[] = { '\t', '\n', '\r', '\033' };
	uint8_t head[FINGERPRINT_MAX];
	int i, n;

	if (t->fd == -1 || (n = read_fingerprint_head(t->fd, head)) < 1)
		return (false);
	for (i = 0; i < n; i++)
		if (head[i] < ' ' &&
		    memchr(usual, head[i], sizeof(usual)) == NULL)
			return (false);
	return (true);
}

/* What was seen of a file that has another content and another name now. */
struct seen {
	bool left_now; /* it had its name at the last look */
	bool shrank; /* it has less than was sent */
	bool copied; /* there is a copy of what it had */
};

/*
 * Whether the file was truncated before it lost its name, both since the last
 * look.  Where nothing tells which came first, it may have lines of its
 * program now, which are sent.
 */
static bool
was_truncated_first(const struct file *now, const struct seen *seen)
{
	if (!seen->left_now)
		return (false);
	if (seen->shrank || seen->copied)
		return (true);
	if (!has_text(now))
		return (false);
	say_notice(file_path(now).text,
	    "was written anew and rotated, in whichever order: what it has now "
	    "is sent from its beginning");
	return (true);
}

static void
say_change(const struct file *t, const struct stat *st, enum follow_change how)
{
	if (how == FOLLOW_WRITTEN_ANEW)
		say_info(
		    file_path(t).text, "was written anew with the same text");
	else if (t->unproven)
		say_info(file_path(t).text,
		    "is another file than the one that was known by "
		    "its inode");
	else if (!t->rotated || t->left_now)
		say_info(file_path(t).text, "truncated from %lld to %lld bytes",
		    (long long)t->size, (long long)st->st_size);
}

static void
say_spent(const struct file *t)
{
	say_info(file_path(t).text,
	    "was rotated, and written over since: nothing of what it "
	    "has now is sent");
}

void
follow_truncated(
    struct file *old, const struct stat *st, enum follow_change how)
{
	struct seen seen = { .left_now = old->left_now,
		.shrank = st->st_size < streams_most_sent(old) };
	bool unproven = old->unproven, spend;
	struct names *place = old->place;
	struct emptied *sent = NULL;
	struct file *now;
	struct stream *s;

	say_change(old, st, how);
	file_table_stats(old->all)->truncations++;
	old->suspect = old->rewritten = false;
	if (place == NULL) {
		end_nameless(old, old->fd, st);
		return;
	}
	spend = how == FOLLOW_TRUNCATED && !unproven && is_to_be_spent(old, st);
	if (st->st_size == 0 && !unproven)
		sent = follow_sent_of(old);
	if ((now = truncated_successor(old, place, st)) == NULL) {
		free(sent);
		/* Without memory the same file begins again. */
		follow_say_lost(old, "truncated");
		begin_again(old, st);
		return;
	}
	seen.copied = follow_finish_in_copy(old, place, now);
	if (spend && !was_truncated_first(now, &seen)) {
		say_spent(now);
		follow_spend(now, now->fd, st->st_size);
	} else {
		now->fresh = how == FOLLOW_TRUNCATED && !spend &&
		    (has_base(now) || has_name_of_log(now));
	}
	/* Where a copy has what was sent, the program begins a new log. */
	if (seen.copied || now->spent || now->fresh)
		free(sent);
	else
		now->emptied = sent;
	/* It was in the order of the file for which it was taken. */
	if (unproven && now->rotated)
		order_names(place);
	suspect_look(now);
	for (s = now->streams; s != NULL; s = s->next)
		if (!now->spent)
			stream_wake(s);
	streams_watch(now);
	/* No event tells of what came before it was watched. */
	if (now->emptied != NULL)
		file_timer_add_soon(now);
}
