#include "daemon/run/worker_inside.h"

#include <errno.h>

#include "daemon/base/log.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"

static void
on_dumped(void *arg, const char *why)
{
	struct worker *w = arg;

	if (why != NULL)
		log_warnx("%s/%s", w->conf->state_dir, why);
	else
		log_notice(
		    "state written to %s/state.json", w->conf->state_dir);
	w->dumped = true;
}

static struct status_dump *
begin_dump(struct worker *w)
{
	return (status_dump_new(
	    w->parts.loop, &w->parts.view, w->start->state_dir, on_dumped, w));
}

/*
 * Whoever asks while the state is being written wants to know what it is now:
 * then it is written once more.
 */
static void
dump_state(struct worker *w)
{
	w->dump_again = w->dump != NULL;
	if (w->dump != NULL)
		return;
	w->dump = begin_dump(w);
	if (w->dump == NULL && file_out_of_descriptors(errno) &&
	    file_table_close_some(w->parts.file_table))
		w->dump = begin_dump(w);
	if (w->dump == NULL) {
		log_warn("%s/state.json", w->conf->state_dir);
		worker_tell(w, CHANNEL_DUMPED);
	}
}

void
worker_write_state(struct worker *w)
{
	if (w->start->state_dir == -1) {
		log_notice("no state_dir, so no state.json");
		worker_tell(w, CHANNEL_DUMPED);
	} else {
		dump_state(w);
	}
}

void
worker_end_state(struct worker *w)
{
	if (!w->dumped)
		return;
	status_dump_free(w->dump);
	w->dump = NULL;
	w->dumped = false;
	if (w->dump_again)
		dump_state(w);
	else
		worker_tell(w, CHANNEL_DUMPED);
}
