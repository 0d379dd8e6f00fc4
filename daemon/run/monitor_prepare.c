#include "daemon/run/inside.h"

#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/sd_notify.h"
#include "daemon/conf/conf.h"

static bool
is_same_path(const struct conf *a, const struct conf *b)
{
	return (a != NULL && a->state_dir != NULL && b->state_dir != NULL &&
	    strcmp(a->state_dir, b->state_dir) == 0);
}

/*
 * The state directory of conf: that of the worker that runs, or of the one that
 * was to follow, or another.
 */
static int
find_state(struct monitor *m, struct next *next, struct reason *why)
{
	const char *path = next->conf->state_dir;
	const struct account *a = &next->account;

	next->state = (struct state_dir) { -1, -1 };
	if (is_same_path(m->conf, next->conf) &&
	    state_dir_is_at(&m->state, path)) {
		next->same_state = true;
		return (
		    state_dir_may_give(&m->state, path, a->uid, a->gid, why));
	}
	if (m->next.conf != NULL && !m->next.same_state &&
	    is_same_path(m->next.conf, next->conf) &&
	    state_dir_is_at(&m->next.state, path)) {
		if (state_dir_may_give(
			&m->next.state, path, a->uid, a->gid, why) == -1)
			return (-1);
		next->state = m->next.state;
		m->next.state = (struct state_dir) { -1, -1 };
		return (0);
	}
	return (state_dir_open(&next->state, path, a->uid, a->gid, why));
}

int
monitor_prepare(struct monitor *m, struct conf *conf, struct reason *why)
{
	struct next next = { .conf = conf };

	if (conf->warning.text[0] != '\0')
		log_warnx("%s", conf->warning.text);
	if (privdrop_find(&next.account, conf->user, why) == -1 ||
	    find_state(m, &next, why) == -1)
		return (-1);
	monitor_drop_next(m);
	m->next = next;
	return (0);
}

void
monitor_drop_next(struct monitor *m)
{
	if (m->next.conf == NULL)
		return;
	conf_free(m->next.conf);
	state_dir_close(&m->next.state);
	m->next.conf = NULL;
}

static void
forget_checkpoint(struct monitor *m)
{
	if (m->checkpoint != -1)
		(void)close(m->checkpoint);
	m->checkpoint = -1;
}

/* In a directory that was made again. */
static void
put_checkpoint(struct monitor *m)
{
	if (m->checkpoint != -1 &&
	    state_dir_put_checkpoint(
		&m->state, m->checkpoint, m->account.uid, m->account.gid) == -1)
		log_warn("state_dir %s: the checkpoint cannot be put back",
		    m->conf->state_dir);
}

void
monitor_take_next(struct monitor *m)
{
	struct reason why;

	bool same_path = is_same_path(m->conf, m->next.conf);

	conf_free(m->conf);
	m->conf = m->next.conf;
	m->account = m->next.account;
	m->next.conf = NULL;
	if (!m->next.same_state) {
		state_dir_close(&m->state);
		m->state = m->next.state;
		m->state_gone = false;
		if (same_path)
			put_checkpoint(m);
		else
			forget_checkpoint(m);
	}
	/* Not before: the worker that has just ended wrote there. */
	if (state_dir_give(&m->state, m->account.uid, m->account.gid, &why) ==
	    -1)
		log_warnx("%s", why.text);
	log_set_level(m->conf->log_level);
}

/* Whether by its path, or by none. */
static bool
is_control(const struct control *c, const char *path)
{
	if (c->fd == -1 || path == NULL)
		return (c->fd == -1 && path == NULL);
	return (strcmp(c->path, path) == 0);
}

/* The daemon does its work without one. */
void
monitor_open_control(struct monitor *m)
{
	const char *path = m->conf->control_socket;
	struct reason why;

	if (is_control(&m->control, path))
		return;
	control_socket_close(&m->control);
	if (control_socket_open(&m->control, path, m->account.gid, &why) == -1)
		log_warnx("%s", why.text);
}

/* What is open can be read also when it was removed. */
static void
hold_checkpoint(struct monitor *m)
{
	int fd = state_dir_open_checkpoint(&m->state);

	if (fd == -1)
		return;
	if (m->checkpoint != -1)
		(void)close(m->checkpoint);
	m->checkpoint = fd;
}

void
monitor_watch_state(struct monitor *m)
{
	const char *path = m->conf->state_dir;

	if (path == NULL || m->state_gone || m->stopping)
		return;
	if (state_dir_is_at(&m->state, path)) {
		hold_checkpoint(m);
		return;
	}
	m->state_gone = true;
	log_warnx("state_dir %s: was removed or replaced: a new worker makes "
		  "it again",
	    path);
	monitor_renew(m);
}

/*
 * The directory may be gone since a worker had it: then it is made again, with
 * the checkpoint that was in it.  Where that cannot be, lines go on without.
 */
void
monitor_renew_state(struct monitor *m)
{
	const char *path = m->conf->state_dir;
	struct state_dir state;
	struct reason why;

	if (path != NULL && !state_dir_is_at(&m->state, path)) {
		state_dir_close(&m->state);
		if (state_dir_open(&state, path, m->account.uid, m->account.gid,
			&why) == 0) {
			m->state = state;
			m->state_gone = false;
			put_checkpoint(m);
		} else {
			log_errorx("%s", why.text);
			log_errorx("without a state_dir: after the next start "
				   "all files are sent again");
		}
	}
}

void
monitor_reload(struct monitor *m)
{
	struct reason why;
	struct conf *conf;

	if (m->stopping)
		return;
	sd_notify_reloading();
	if ((conf = m->ops->load(m->ops->arg, &why)) == NULL ||
	    monitor_prepare(m, conf, &why) == -1) {
		log_errorx("%s", why.text);
		log_errorx("not reloaded: the old configuration goes on");
		monitor_tell(m, CHANNEL_REFUSES, why.text);
		conf_free(conf);
		m->refused = true;
		sd_notify_send("READY=1\n" REFUSED "\n");
		return;
	}
	log_notice("reloading");
	m->refused = false;
	monitor_tell(m, CHANNEL_RELOADS, "");
	if (m->worker != 0)
		monitor_stop_worker(m);
	else
		m->due_ms = clock_steady_ms();
}
