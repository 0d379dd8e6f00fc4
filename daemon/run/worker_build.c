#include "daemon/run/worker_build.h"

#include <sys/resource.h>

#include <stdlib.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/log.h"
#include "daemon/base/say.h"
#include "daemon/base/sizes.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"
#include "daemon/send/destination.h"
#include "daemon/stream/stream.h"

#define SPARE_FDS 64 /* for what is no followed file and no receiver */
#define LOOK_MS 1000

/* A connection for each url. */
static rlim_t
sockets_needed(const struct conf *conf)
{
	const struct conf_destination *d;
	rlim_t n = 0;

	TAILQ_FOREACH (d, &conf->destinations, entry)
		n += d->nurls;
	return (n);
}

/* Raises the limit of descriptors; returns how many are for files. */
static unsigned
files_limit(const struct conf *conf)
{
	rlim_t others = SPARE_FDS + sockets_needed(conf);
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return (SPARE_FDS);
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 ||
	    rl.rlim_cur < others + SPARE_FDS)
		return (SPARE_FDS / 2);
	if (rl.rlim_cur - others > 1024 * 1024)
		return (1024 * 1024);
	return ((unsigned)(rl.rlim_cur - others));
}

static struct destination *
find_dest(struct worker_parts *p, const struct conf_destination *conf)
{
	size_t i;

	for (i = 0; i < p->ndests; i++)
		if (destination_conf(p->dests[i]) == conf)
			return (p->dests[i]);
	return (NULL);
}

static int
make_dests(struct worker_parts *p)
{
	struct conf_destination *c;
	size_t n = 0;

	TAILQ_FOREACH (c, &p->conf->destinations, entry)
		n++;
	if ((p->dests = calloc(n, sizeof(struct destination *))) == NULL)
		return (-1);
	TAILQ_FOREACH (c, &p->conf->destinations, entry) {
		if ((p->dests[p->ndests] = destination_new(&p->env, c)) == NULL)
			return (-1);
		p->ndests++;
	}
	return (0);
}

/* A route for every destination of every source. */
static int
make_routes(struct worker_parts *p)
{
	struct conf_source *c;
	struct route *r, **of_source;
	size_t n = 0, i;
	int result = 0, set;

	TAILQ_FOREACH (c, &p->conf->sources, entry)
		n += c->ndestinations;
	p->routes = calloc(n, sizeof(*p->routes));
	of_source = calloc(n, sizeof(struct route *));
	if (p->routes == NULL || of_source == NULL)
		result = -1;
	TAILQ_FOREACH (c, &p->conf->sources, entry) {
		set = 0;
		if (c->max_open > 0)
			set = file_table_add_set(
			    p->file_table, (unsigned)c->max_open);
		if (set == -1)
			result = -1;
		for (i = 0; result == 0 && i < c->ndestinations; i++) {
			r = of_source[i] = &p->routes[p->nroutes];
			if (route_init(r, c, c->destinations[i]) == -1) {
				result = -1;
				break;
			}
			destination_join(find_dest(p, c->destinations[i]), r);
			r->open_set = (uint16_t)set;
			p->nroutes++;
		}
		if (result == 0 &&
		    sources_add(p->sources, c, of_source, i) == -1)
			result = -1;
	}
	free(of_source);
	return (result);
}

static size_t
scratch_size(const struct conf *conf)
{
	const struct conf_destination *c;
	size_t size = WORKER_SCRATCH;

	TAILQ_FOREACH (c, &conf->destinations, entry)
		if (size < STREAM_LEAST(c->max_message))
			size = STREAM_LEAST(c->max_message);
	return (size);
}

static uint64_t
look_ms(const struct conf *conf)
{
	const struct conf_source *c;
	uint64_t ms = LOOK_MS;

	TAILQ_FOREACH (c, &conf->sources, entry)
		if (c->partial_timeout_ms != 0 &&
		    c->partial_timeout_ms / 2 < ms)
			ms = c->partial_timeout_ms / 2;
	return (ms < 10 ? 10 : ms);
}

static int
make_checkpointer(struct worker_parts *p, int state_dir)
{
	struct reason why;

	p->checkpointer = checkpointer_new(
	    p->loop, state_dir, p->conf->checkpoint_interval_ms, &why);
	if (p->checkpointer != NULL)
		return (0);
	log_errorx("state_dir %s: %s", p->conf->state_dir, why.text);
	return (-1);
}

static int
make_files(
    struct worker_parts *p, int state_dir, const struct worker_hooks *hooks)
{
	const struct file_table_conf tc = { .ops = &follow_ops,
		.max_open = files_limit(p->conf),
		.look_ms = look_ms(p->conf),
		.scratch = scratch_size(p->conf) };

	if ((p->file_table = file_table_new(p->loop, p->checkpointer, &tc)) ==
	    NULL)
		return (-1);
	p->sources = sources_new(
	    p->loop, p->file_table, p->checkpointer, &hooks->sources);
	if (p->sources == NULL)
		return (-1);
	follow_serve_checkpointer(p->checkpointer, p->file_table);
	sources_on_pause(p->sources, hooks->on_pause, hooks->arg);
	/* Following these would never end. */
	sources_avoid(p->sources, STDOUT_FILENO);
	sources_avoid(p->sources, STDERR_FILENO);
	sources_avoid(p->sources, state_dir);
	return (0);
}

int
worker_build(struct worker_parts *p, const struct conf *conf, int state_dir,
    const struct worker_hooks *hooks)
{
	p->conf = conf;
	say_open(p->loop, SAY_WHILE);
	if (make_checkpointer(p, state_dir) == -1)
		return (-1);
	p->env = (struct endpoint_env) { .loop = p->loop,
		.checkpointer = p->checkpointer,
		.on_stdout_closed = hooks->on_stdout_closed,
		.on_resolve = hooks->on_resolve,
		.on_unreached = hooks->on_unreached,
		.on_no_descriptor = hooks->on_no_descriptor,
		.arg = hooks->arg };
	if (make_files(p, state_dir, hooks) == -1 || make_dests(p) == -1 ||
	    make_routes(p) == -1) {
		log_error("worker");
		return (-1);
	}
	p->view = (struct status_view) { .conf = conf,
		.dests = p->dests,
		.ndests = p->ndests,
		.routes = p->routes,
		.nroutes = p->nroutes,
		.file_table = p->file_table,
		.sources = p->sources,
		.checkpointer = p->checkpointer,
		.started = (double)clock_wall_s() };
	return (0);
}

void
worker_build_free(struct worker_parts *p)
{
	size_t i;

	say_close();
	if (p->file_table != NULL)
		follow_free_all(p->file_table);
	file_table_free(p->file_table);
	sources_free(p->sources);
	for (i = 0; i < p->ndests; i++)
		destination_free(p->dests[i]);
	free(p->dests);
	for (i = 0; i < p->nroutes; i++)
		route_fini(&p->routes[i]);
	free(p->routes);
	checkpointer_free(p->checkpointer);
	if (p->loop != NULL)
		ev_loop_destroy(p->loop);
}
