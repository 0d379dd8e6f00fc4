#include "daemon/ledger.h"
#include "daemon/source_inside.h"

/*
 * A start may not be able to look at a directory, nor may the next one: what
 * happened in it since the last look is told by the time of that, and not of
 * the checkpoint, which is written meanwhile for other files.
 */

void
dir_find_unseen(struct dir *d)
{
	struct ledger *l = d->all->ledger;
	struct timespec since;

	if (!d->all->starting) {
		/* All that is in it is new. */
		ledger_late(l, d->place.path, NULL);
		return;
	}
	if (ledger_is_late(l, d->place.path, &since))
		place_is_unseen_since(&d->place, &since);
	if (d->parent != NULL)
		dir_is_unseen_as(d, d->parent);
}

void
dir_is_unseen_as(struct dir *d, const struct dir *as)
{
	if (as->place.since.tv_sec != 0)
		place_is_unseen_since(&d->place, &as->place.since);
}

void
dir_note_unseen(struct dir *d)
{
	const struct timespec none = { 0 };
	struct timespec since;
	struct ledger *l = d->all->ledger;

	if (d->unrecovered && (d->again || d->said)) {
		if (place_unseen_since(&d->place, l, &since))
			ledger_late(l, d->place.path, &since);
		return;
	}
	ledger_late(l, d->place.path, NULL);
	d->place.since = none;
}
