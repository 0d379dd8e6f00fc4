/*
 * server.h - answers teslacoilctl(8) on the control socket.
 *
 * A request is one line of words, its answer one JSON object: what was asked
 * for, or {"error": "why not"}.  Then the connection is closed.
 */
#ifndef CONTROL_SERVER_H
#define CONTROL_SERVER_H

#include <ev.h>
#include <stdbool.h>

struct server;
struct checkpointer;
struct status_view;

/* What the server answers from, and what clients can order; all borrowed. */
struct server_env {
	struct ev_loop *loop;
	const struct status_view *view;
	struct checkpointer *checkpointer;
	/* Asks for a reload; server_reloaded() is its end. */
	void (*reload)(void *arg);
	/* No descriptor was left for a client: closes some.  Returns whether
	   there may be one now. */
	bool (*make_room)(void *arg);
	void *arg;
};

/*
 * Makes a server that answers on the listening socket, which is borrowed as
 * env is.  Returns NULL with errno.  Free with server_free(), for which NULL
 * is fine.
 */
struct server *server_new(const struct server_env *, int listener);
void server_free(struct server *);

/*
 * The start is done: from now on the server runs in loop.  Writes the
 * checkpoint for the clients that asked for it during the start.
 */
void server_move(struct server *, struct ev_loop *);

/*
 * Answers the clients that asked for a reload, at once, as the worker may be
 * about to stop.  error says what is wrong with the new configuration; NULL: a
 * worker with it takes over.  A NULL server is fine.
 */
void server_reloaded(struct server *, const char *error);

#endif
