/*
 * setting.h - what the worker is configured to do: who receives what.
 *
 * A seed draws it; a reload may change it.  A destination has two receivers at
 * the most, numbered SETTING_URLS * destination and on.
 */
#ifndef SETTING_H
#define SETTING_H

#include "tests/sim/sim.h"

#define SETTING_URLS	2
#define SETTING_SOURCES	3

enum receiver_kind {
	RECEIVER_TCP,
	RECEIVER_RELP,
	RECEIVER_UDP,
	RECEIVER_UNIX,
	RECEIVER_UNIX_DATAGRAM
};

/* At the beginning of a schedule. */
void	setting_reset(void);
void	setting_draw(void);	/* the rest of it, for the first worker */
/* The text of the configuration, and what it says is so from now on. */
size_t	setting_write(char *p, size_t room);

/* A step changes what the next worker is to do; not twice before that. */
void	setting_change(struct rng *);
bool	setting_is_to_change(void);
void	setting_take_change(void);

enum receiver_kind	setting_kind(unsigned receiver);
bool	setting_is_datagram(unsigned receiver);
bool	setting_is_tls(unsigned receiver);
bool	setting_is_local(unsigned receiver);	/* no network in between */
unsigned	setting_dest(unsigned receiver);
bool	setting_is_alone(unsigned receiver);	/* no other can take over */
/* Of those that there are, the n-th. */
unsigned	setting_receiver(unsigned n);
unsigned	setting_receivers(void);
/* The destinations that get what is written to a log now, as bits. */
unsigned	setting_owed(unsigned log);
/* Whether a source has a pattern for this name in /log. */
bool	setting_means(const char *name);

#endif
