#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/inside.h"

#define PATIENCE_MOST 64. /* seconds */

void
checkpointer_want_renewal(struct checkpointer *l)
{
	if (l->renew_at >= CHECKPOINTER_NEVER)
		l->renew_at = 0.;
}

struct file_walk {
	struct checkpointer *l;
	bool has_memory;
};

static bool
put_mark(struct checkpoint_mark *m, void *walk)
{
	struct file_walk *w = walk;
	struct checkpoint_batch *slice = &w->l->renewal.slice;

	w->has_memory = checkpoint_batch_reserve(slice) == 0;
	if (w->has_memory)
		checkpointer_put(w->l, m, CHECKPOINT_FILE, slice);
	return (w->has_memory);
}

/* Adds the files that are followed.  Returns whether these were all. */
static bool
gather_files(struct checkpointer *l)
{
	struct renewal *r = &l->renewal;
	struct file_walk walk = { l, true };
	struct checkpoint_identity at;
	bool more;

	do {
		if (checkpoint_batch_is_full(
			&r->slice, CHECKPOINTER_RENEW_MOST))
			return (false);
		at = r->at;
		more = l->ops->walk(l->ops_arg, &at, put_mark, &walk);
		if (!walk.has_memory)
			return (false);
		r->at = at;
	} while (more);
	return (true);
}

/* Fills the slice.  Returns whether it is the last one. */
static bool
gather_slice(struct checkpointer *l)
{
	struct renewal *r = &l->renewal;

	checkpoint_batch_clear(&r->slice);
	if (!r->has_untaken)
		r->has_untaken = checkpoint_copy(l->checkpoint, &r->untaken,
		    &r->slice, CHECKPOINTER_RENEW_MOST);
	return (r->has_untaken && gather_files(l) &&
	    checkpointer_put_look(l, &r->slice) == 0);
}

static void
begin(struct renewal *r)
{
	struct checkpoint_place start = { 0 };

	r->under_way = true;
	r->has_untaken = false;
	r->untaken = start;
	r->at = (struct checkpoint_identity) { 0 };
}

static void
end(struct checkpointer *l, const struct checkpoint_fault *fault)
{
	struct renewal *r = &l->renewal;

	r->under_way = false;
	checkpoint_batch_free(&r->slice);
	checkpointer_count(l, FAULT_RENEWAL, fault);
	if (fault->what == NULL) {
		r->patience = 0.;
		l->renew_at = CHECKPOINTER_NEVER;
		return;
	}
	r->patience = r->patience < CHECKPOINTER_RETRY ? CHECKPOINTER_RETRY
						       : 2 * r->patience;
	if (r->patience > PATIENCE_MOST)
		r->patience = PATIENCE_MOST;
	l->renew_at = clock_steady() + r->patience;
}

void
checkpointer_renew(struct checkpointer *l, struct checkpoint_job *job)
{
	struct checkpoint_fault no_memory = { "checkpoint.new: write", ENOMEM };
	struct renewal *r = &l->renewal;

	if (!r->under_way && (l->ops == NULL || clock_steady() < l->renew_at))
		return;
	if (!r->under_way) {
		begin(r);
		job->begin = true;
	}
	job->finish = gather_slice(l);
	if (r->slice.records > 0 || job->finish) {
		job->add = &r->slice;
	} else {
		job->begin = false;
		end(l, &no_memory);
	}
}

void
checkpointer_renewed(struct checkpointer *l, const struct checkpoint_result *r)
{
	const struct checkpoint_fault none = { 0 };

	if (l->given.add == NULL)
		return;
	if (r->append.what != NULL) {
		end(l, &r->append);
	} else if (r->renewal.what != NULL) {
		end(l, &r->renewal);
	} else if (l->given.finish) {
		end(l, &none);
		/* All that had been appended is in the new file, and synced. */
		checkpointer_count(l, FAULT_SYNC, &none);
		l->unsynced = false;
	}
}
