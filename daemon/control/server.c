#include "daemon/control/server.h"

#include <sys/queue.h>
#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/checkpoint/checkpointer.h"
#include "daemon/control/status.h"

#define CLIENTS 16 /* at once */
#define AT_ONCE 4 /* pieces of an answer, in a turn of the loop */
#define REQUEST 256 /* octets of a line */
#define PATIENCE 30. /* seconds for a client that does nothing */
#define REST 1.

struct client {
	TAILQ_ENTRY(client) entry; /* the longest without a word first */
	struct server *server;
	ev_io io;
	ev_timer patience;
	char in[REQUEST];
	size_t nin;
	struct status_writer *writer; /* of what comes after out, or NULL */
	char *own; /* out, where it is the client's */
	const char *out; /* NULL: nothing to answer yet */
	size_t nout;
	size_t written;
	bool reloads; /* waits for the end of it */
	bool writes; /* the checkpoint, and waits for the disk */
	bool done;
};

struct server {
	const struct server_env *env;
	struct ev_loop *loop;
	ev_io listener;
	ev_timer rest; /* until there may be a descriptor again */
	TAILQ_HEAD(, client) clients;
	unsigned nclients;
};

static void
client_free(struct client *c)
{
	struct server *server = c->server;

	ev_io_stop(server->loop, &c->io);
	ev_timer_stop(server->loop, &c->patience);
	TAILQ_REMOVE(&server->clients, c, entry);
	server->nclients--;
	(void)close(c->io.fd);
	status_writer_free(c->writer);
	free(c->own);
	free(c);
}

/* It reads, or says something: it is not the first to be given up. */
static void
note_life(struct client *c)
{
	TAILQ_REMOVE(&c->server->clients, c, entry);
	TAILQ_INSERT_TAIL(&c->server->clients, c, entry);
	ev_timer_again(c->server->loop, &c->patience);
}

static void
wait_for_room(struct client *c)
{
	ev_io_stop(c->server->loop, &c->io);
	ev_io_set(&c->io, c->io.fd, EV_WRITE);
	ev_io_start(c->server->loop, &c->io);
}

/* Returns whether the piece has been written. */
static bool
write_piece(struct client *c)
{
	ssize_t n;

	while (c->written < c->nout) {
		n = send(c->io.fd, c->out + c->written, c->nout - c->written,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1) {
			c->done = errno != EAGAIN;
			return (false);
		}
		c->written += (size_t)n;
		note_life(c);
	}
	return (true);
}

/* Writes what the socket takes, up to a bound; marks c when that was all. */
static void
client_write(struct client *c)
{
	unsigned i;

	for (i = 0; i < AT_ONCE && write_piece(c); i++) {
		if (c->writer == NULL ||
		    (c->out = status_writer_next(c->writer, &c->nout)) ==
			NULL) {
			c->done = true;
			return;
		}
		c->written = 0;
	}
	if (!c->done)
		wait_for_room(c);
}

/* Takes text, which is JSON; NULL: there was no memory for it. */
static void
answer(struct client *c, char *text)
{
	static const char failed[] = "{\"error\": \"out of memory\"}";

	c->own = text;
	c->out = text != NULL ? text : failed;
	c->nout = strlen(c->out);
	client_write(c);
}

static void
answer_object(struct client *c, json_t *object)
{
	char *text = object == NULL ? NULL : json_dumps(object, 0);

	json_decref(object);
	answer(c, text);
}

static void
refuse(struct client *c, const char *why)
{
	answer_object(c, json_pack("{s:s}", "error", why));
}

/*
 * Requests.
 */

static void
show(struct client *c, int parts)
{
	c->writer = status_writer_new(c->server->env->view, (unsigned)parts);
	if (c->writer == NULL) {
		answer(c, NULL);
		return;
	}
	c->out = "";
	client_write(c);
}

static void
answer_written(struct client *c, const char *error)
{
	if (error != NULL)
		refuse(c, error);
	else
		answer_object(
		    c, json_pack("{s:s}", "done", "checkpoint written"));
}

static void
write_checkpoint(struct client *c, int unused)
{
	(void)unused;
	/* Before a start is done there is nothing to be written. */
	c->writes = c->server->env->view->starting ||
	    checkpointer_ask(c->server->env->checkpointer);
	if (!c->writes)
		answer_written(c, NULL);
}

static void
reload(struct client *c, int unused)
{
	(void)unused;
	c->reloads = true;
	c->server->env->reload(c->server->env->arg);
}

static void
set_level(struct client *c, int level)
{
	log_set_level(level);
	answer_object(c,
	    json_pack("{s:s}", "done", "until the configuration is reloaded"));
}

static const struct command {
	const char *words;
	void (*run)(struct client *, int);
	int arg;
} commands[] = {
	{ "show", show, STATUS_COUNTERS | STATUS_DESTINATIONS },
	{ "show sources", show, STATUS_SOURCES },
	{ "show files", show, STATUS_FILES },
	{ "show destinations", show, STATUS_DESTINATIONS },
	{ "show counters", show, STATUS_COUNTERS },
	{ "checkpoint", write_checkpoint, 0 },
	{ "reload", reload, 0 },
	{ "log level error", set_level, LOG_ERR },
	{ "log level warning", set_level, LOG_WARNING },
	{ "log level notice", set_level, LOG_NOTICE },
	{ "log level info", set_level, LOG_INFO },
	{ "log level debug", set_level, LOG_DEBUG },
};

static void
run(struct client *c, const char *words)
{
	size_t i;

	log_debug("control socket: %s", words);
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].words, words) == 0) {
			commands[i].run(c, commands[i].arg);
			return;
		}
	refuse(c, "unknown command: this daemon is of another version");
}

/*
 * Clients.
 */

static void
client_read(struct client *c)
{
	char rest[REQUEST], *end;
	ssize_t n;

	/* After the request only its end is of interest. */
	if (c->out != NULL || c->reloads || c->writes) {
		n = recv(c->io.fd, rest, sizeof(rest), MSG_DONTWAIT);
		c->done |= n == 0 || (n == -1 && errno != EAGAIN);
		return;
	}
	n = recv(
	    c->io.fd, c->in + c->nin, sizeof(c->in) - c->nin, MSG_DONTWAIT);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		c->done = true;
		return;
	}
	c->nin += (size_t)n;
	if ((end = memchr(c->in, '\n', c->nin)) != NULL) {
		*end = '\0';
		run(c, c->in);
	} else if (c->nin == sizeof(c->in)) {
		refuse(c, "the request is too long");
	}
}

static void
on_client(struct ev_loop *loop, ev_io *io, int revents)
{
	struct client *c = io->data;

	(void)loop;
	if (revents & EV_WRITE)
		client_write(c);
	else
		client_read(c);
	if (c->done)
		client_free(c);
}

static void
on_patience(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)revents;
	client_free(timer->data);
}

static void
on_rest(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct server *server = timer->data;

	(void)revents;
	ev_timer_stop(loop, timer);
	ev_io_start(loop, &server->listener);
}

/*
 * A connection cannot be accepted: unless a descriptor becomes free, the server
 * rests, for the loop would report the connection again at once.
 */
static void
refused(struct server *server, int error)
{
	if ((error != EMFILE && error != ENFILE && error != ENOMEM) ||
	    server->env->make_room(server->env->arg))
		return;
	ev_io_stop(server->loop, &server->listener);
	ev_timer_again(server->loop, &server->rest);
}

static void
take_client(struct server *server)
{
	struct client *c;
	int fd, flags;

	if ((fd = accept(server->listener.fd, NULL, NULL)) == -1) {
		refused(server, errno);
		return;
	}
	if ((flags = fcntl(fd, F_GETFL)) == -1 ||
	    fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) == -1 ||
	    (c = calloc(1, sizeof(*c))) == NULL) {
		(void)close(fd);
		return;
	}
	c->server = server;
	ev_io_init(&c->io, on_client, fd, EV_READ);
	ev_timer_init(&c->patience, on_patience, 0., PATIENCE);
	c->io.data = c->patience.data = c;
	ev_io_start(server->loop, &c->io);
	ev_timer_again(server->loop, &c->patience);
	TAILQ_INSERT_TAIL(&server->clients, c, entry);
	/* Those who say nothing, or do not read, keep nobody out. */
	if (++server->nclients > CLIENTS)
		client_free(TAILQ_FIRST(&server->clients));
}

static void
on_connect(struct ev_loop *loop, ev_io *io, int revents)
{
	(void)loop;
	(void)revents;
	take_client(io->data);
}

static void
on_written(void *arg, const char *error)
{
	struct server *server = arg;
	struct client *c, *next;

	TAILQ_FOREACH_SAFE (c, &server->clients, entry, next) {
		if (!c->writes || c->out != NULL)
			continue;
		answer_written(c, error);
		if (c->done)
			client_free(c);
	}
}

struct server *
server_new(const struct server_env *env, int listener)
{
	struct server *server;

	if ((server = calloc(1, sizeof(*server))) == NULL)
		return (NULL);
	server->env = env;
	server->loop = env->loop;
	TAILQ_INIT(&server->clients);
	checkpointer_on_written(env->checkpointer, on_written, server);
	ev_io_init(&server->listener, on_connect, listener, EV_READ);
	ev_timer_init(&server->rest, on_rest, 0., REST);
	server->listener.data = server->rest.data = server;
	ev_io_start(server->loop, &server->listener);
	return (server);
}

/* What it waited for until the start was done. */
static void
client_move(struct client *c, struct ev_loop *from)
{
	struct ev_loop *to = c->server->loop;

	ev_io_stop(from, &c->io);
	ev_timer_stop(from, &c->patience);
	ev_io_start(to, &c->io);
	ev_timer_again(to, &c->patience);
	if (c->writes)
		write_checkpoint(c, 0);
	if (c->done)
		client_free(c);
}

void
server_move(struct server *server, struct ev_loop *to)
{
	struct ev_loop *from = server->loop;
	struct client *c, *next;

	server->loop = to;
	ev_timer_stop(from, &server->rest);
	ev_io_stop(from, &server->listener);
	ev_io_start(to, &server->listener);
	TAILQ_FOREACH_SAFE (c, &server->clients, entry, next)
		client_move(c, from);
}

void
server_free(struct server *server)
{
	struct client *c;

	if (server == NULL)
		return;
	checkpointer_on_written(server->env->checkpointer, NULL, NULL);
	while ((c = TAILQ_FIRST(&server->clients)) != NULL)
		client_free(c);
	ev_io_stop(server->loop, &server->listener);
	ev_timer_stop(server->loop, &server->rest);
	free(server);
}

void
server_reloaded(struct server *server, const char *error)
{
	struct client *c, *next;

	if (server == NULL)
		return;
	TAILQ_FOREACH_SAFE (c, &server->clients, entry, next) {
		if (!c->reloads || c->out != NULL)
			continue;
		if (error != NULL)
			refuse(c, error);
		else
			answer_object(c,
			    json_pack("{s:s}", "done",
				"the new configuration takes over"));
		if (c->done)
			client_free(c);
	}
}
