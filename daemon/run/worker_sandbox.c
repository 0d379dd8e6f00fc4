#include "daemon/run/worker_sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/find/sources.h"
#include "daemon/sandbox/opener.h"
#include "daemon/sandbox/profile.h"
#include "daemon/sandbox/sandbox.h"

#define WAIT 2. /* what comes meanwhile is done with it */

static void
tell_wish(struct worker_sandbox *c)
{
	if (c->renewing)
		c->on_renew(c->arg);
	else
		c->on_look(c->arg);
}

static void
on_wish(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	tell_wish(timer->data);
}

static void
wish(struct worker_sandbox *c)
{
	if (ev_is_active(&c->wish))
		return;
	ev_timer_set(&c->wish, WAIT, 0.);
	ev_timer_start(c->loop, &c->wish);
}

static void
renew(struct worker_sandbox *c, const char *path, const char *why)
{
	if (c->renewing)
		return;
	c->renewing = true;
	log_notice("%s: %s: a new worker takes over", path, why);
	wish(c);
}

static void
renew_sandbox(struct worker_sandbox *c, const char *path)
{
	renew(c, path, "was another or none when the sandbox was made");
}

static void
on_link(void *arg, const char *path)
{
	struct worker_sandbox *c = arg;

	switch (profile_add_link(c->needs, path)) {
	case -1:
		log_warn("%s", path);
		break;
	case 1:
		if (c->confined && !opener_is_there())
			renew_sandbox(c, path);
		break;
	}
}

/* The sandbox may hide where it leads to: a new worker will know. */
static void
on_dangling(void *arg, const char *path)
{
	struct worker_sandbox *c = arg;

	if (c->confined && sandbox_hides())
		renew_sandbox(c, path);
}

/* Whether it is the sandbox that refuses: the rights of the file do not. */
static void
on_refused(void *arg, const char *path)
{
	struct worker_sandbox *c = arg;

	if (c->confined && errno == EACCES &&
	    faccessat(AT_FDCWD, path, R_OK | X_OK, AT_EACCESS) == 0)
		renew_sandbox(c, path);
}

static void
on_hidden(void *arg, const char *path)
{
	struct worker_sandbox *c = arg;

	log_debug("%s: may have changed", path);
	wish(c);
}

static void
on_mounted(void *arg, const char *path)
{
	renew(arg, path, "was mounted, and has files that were sent before");
}

static bool
hides(void *arg, const char *path)
{
	const struct worker_sandbox *c = arg;
	char real[PATH_MAX];

	return (realpath(path, real) == NULL || !profile_has(c->needs, real));
}

static void
look_at_opener(struct worker_sandbox *c)
{
	if (!opener_is_gone())
		return;
	ev_io_stop(c->loop, &c->opener);
	c->renewing = true;
	wish(c);
}

static void
on_opener(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	look_at_opener(io->data);
}

void
worker_sandbox_init(
    struct worker_sandbox *c, struct ev_loop *loop, struct profile *needs)
{
	c->loop = loop;
	c->needs = needs;
	ev_timer_init(&c->wish, on_wish, WAIT, 0.);
	c->wish.data = c;
}

struct sources_ops
worker_sandbox_ops(struct worker_sandbox *c)
{
	struct sources_ops ops = { .on_link = on_link,
		.on_dangling = on_dangling,
		.on_refused = on_refused,
		.on_hidden = on_hidden,
		.on_mounted = on_mounted,
		.arg = c };

	return (ops);
}

void
worker_sandbox_enter(
    struct worker_sandbox *c, struct sources *sources, int state_dir)
{
	struct reason got;

	if (sandbox_hides())
		sources_hide(sources, hides, c);
	if (sandbox_worker(c->needs, state_dir, &got) == 0)
		log_info("worker: sandbox: %s", got.text);
	else
		log_notice("worker: sandbox: %s", got.text);
	c->confined = true;
	if (!opener_is_there())
		return;
	ev_io_init(&c->opener, on_opener, opener_fd(), EV_READ);
	c->opener.data = c;
	ev_io_start(c->loop, &c->opener);
}

void
worker_sandbox_on_resolve(struct worker_sandbox *c)
{
	const char *path = sandbox_outdated();

	if (path != NULL)
		renew_sandbox(c, path);
}

/* The sandbox may hide a directory that was made, or made anew, since. */
void
worker_sandbox_on_unreached(struct worker_sandbox *c)
{
	if (c->confined && sandbox_hides())
		wish(c);
}
