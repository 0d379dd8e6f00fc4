#include "daemon/run/worker_inside.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/follow/handover.h"

#define GIVE_MS 5000 /* until the monitor takes the next file */

/* All files are walked for the figures: not more often than is wanted. */
static void
add_sum(struct worker *w, struct channel_message *m)
{
	uint64_t now = clock_steady_ms();

	if (w->start->sum_ms == 0 || w->parts.view.starting ||
	    now < w->sum_due_ms)
		return;
	w->sum_due_ms = now + w->start->sum_ms;
	m->has_sum = true;
	status_sum(&w->parts.view, &m->sum);
}

void
worker_tell(struct worker *w, enum channel_word word)
{
	struct channel_message m;

	memset(&m, 0, sizeof(m));
	m.word = word;
	if (word == CHANNEL_ALIVE)
		add_sum(w, &m);
	w->untold &= ~(1u << word);
	if (channel_say(w->start->channel, &m, -1, 0) == 0)
		return;
	log_debug("worker: monitor: %s", strerror(errno));
	if (word != CHANNEL_ALIVE)
		w->untold |= 1u << word;
}

static void
tell_again(struct worker *w)
{
	static const enum channel_word words[] = { CHANNEL_READY,
		CHANNEL_RELOAD, CHANNEL_RENEW, CHANNEL_LOOK, CHANNEL_DUMPED };
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (w->untold & (1u << words[i]))
			worker_tell(w, words[i]);
}

int
worker_hear(struct worker *w)
{
	struct channel_message m;
	int fd, rc;

	if ((rc = channel_hear(w->start->channel, &m, &fd)) != 1)
		return (rc);
	if (fd >= 0)
		(void)close(fd);
	switch (m.word) {
	case CHANNEL_HEARS:
		w->missed = 0;
		tell_again(w);
		break;
	case CHANNEL_RELOADS:
		w->replaced = true;
		server_reloaded(w->server, NULL);
		break;
	case CHANNEL_REFUSES:
		server_reloaded(w->server, m.why.text);
		break;
	case CHANNEL_RENEWS:
		w->replaced = true;
		break;
	case CHANNEL_READY:
	case CHANNEL_RELOAD:
	case CHANNEL_ALIVE:
	case CHANNEL_GIVES:
	case CHANNEL_RENEW:
	case CHANNEL_LOOK:
	case CHANNEL_DUMPED:
		break; /* only a worker says so */
	}
	return (rc);
}

int
worker_give_file(void *arg, const struct handover_file *f)
{
	const struct worker *w = arg;
	struct channel_message m;

	memset(&m, 0, sizeof(m));
	m.word = CHANNEL_GIVES;
	m.quiet = f->quiet;
	return (channel_say(w->start->channel, &m, f->fd, GIVE_MS));
}
