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

struct ctl;
struct ledger;
struct state_view;

/* What can be asked and ordered; all borrowed. */
struct ctl_env {
	struct ev_loop *loop;
	const struct state_view *view;
	struct ledger *ledger;
	/* Asks for a reload; ctl_reloaded() is its end. */
	void (*reload)(void *arg);
	/* There is no descriptor left; returns whether it is worth a try. */
	bool (*make_room)(void *arg);
	void *arg;
};

/* Answers on listener, which is borrowed.  Returns NULL with errno. */
struct ctl *ctl_new(const struct ctl_env *, int listener);
void ctl_free(struct ctl *);

/*
 * From now on it is served by loop, as the start is done: what a client waits
 * for that is not possible before, is done.
 */
void ctl_move(struct ctl *, struct ev_loop *);

/*
 * The new configuration was taken, error NULL, or is wrong: who asked for it is
 * told at once, for this worker may be about to leave.
 */
void ctl_reloaded(struct ctl *, const char *error);

#endif
