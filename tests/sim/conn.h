/*
 * conn.h - connections in memory, as their own parts see them: net.c has what
 * the world and the receivers do, socket.c the worker's system calls.
 */
#ifndef CONN_H
#define CONN_H

#include "tests/sim/setting.h"

#include <sys/socket.h>

#define CONNS		768
#define ANSWERS		128
#define BUF		8192

struct buffer {
	uint8_t		p[BUF];
	size_t		n;
};

enum conn_state {
	CONN_NEW,
	CONN_CONNECTING,
	CONN_UP,
	CONN_DEAD		/* reset, or never stood */
};

/* A message of RELP from the first on that waits for its answer. */
struct answer {
	unsigned	txnr;
	int		code;
	size_t		n;		/* octets of it that nobody else counts */
	int64_t		due;		/* see relp_server.c */
};

struct conn {
	bool		used;
	unsigned	serial;
	unsigned	receiver;
	int		type;		/* SOCK_STREAM or SOCK_DGRAM */
	enum conn_state	state;
	bool		held;		/* the worker has it open */
	bool		finished;	/* the worker sends no more */
	bool		finishing;	/* it is about to say so, or has */
	bool		aborting;	/* SO_LINGER of 0 */
	bool		orphaned;	/* the worker has closed it */
	bool		excused;	/* by which it may forget what is unread */
	unsigned	life;		/* of the worker that closed it */
	int64_t		parted;		/* when the receiver said goodbye */
	bool		goodbye;	/* the receiver sends no more */
	bool		bye_waits;	/* for the network, to say so */
	bool		closed;		/* nor does it read any more */
	bool		lingers;	/* it reads on a while after that */
	int		error;		/* SO_ERROR */
	int64_t		due;		/* of what happens next to it */
	int64_t		in_since;	/* when the first of in arrived */
	int64_t		heard;		/* when the peer's system last was */
	struct buffer	out;		/* not acknowledged */
	struct buffer	in;		/* acknowledged, and not read */
	struct buffer	back;		/* for the worker */
	struct buffer	text;		/* read, not yet a whole message */
	struct answer	answers[ANSWERS];
	unsigned	nanswers;
	struct {
		unsigned	rounds;	/* of the handshake that are to come */
		enum sim_way	way;	/* in which it fails; WAYS: in none */
		bool		old;	/* version 1.2 */
		bool		shaken;
		bool		said_bye;
		int64_t		shaken_at;
		int64_t		due;	/* of what the server does; or 0 */
		uint64_t	carried;	/* octets of text */
	} tls;
	struct buffer	cipher;		/* read, not yet a whole record */
	bool		hinted;		/* that the server closes: no answers */
	int64_t		close_at;	/* it closes by then; 0: it stays */
};

/* The worker's end of fd, or NULL with errno. */
struct conn	*conn_of(int fd);
struct conn	*conn_new(void);
void		 conn_connect(struct conn *, unsigned receiver);
size_t		 conn_room(const struct conn *);
bool		 conn_is_roomy(const struct conn *);
void		 conn_reset(struct conn *, int error);
/* Something happens to it soon. */
void		 conn_soon(struct conn *);
bool		 conn_may_read(const struct conn *);
/* stake.c: how many octets may come twice when this connection is lost. */
uint64_t	 conn_at_stake(const struct conn *);
/*
 * Both sides have heard the other's goodbye: nobody is told any more that
 * something was not read.  Only where the worker goes by goodbyes.
 */
bool		 conn_is_over(const struct conn *);
/* It is reset: what was not read comes again, or may not. */
void		 conn_lose_unread(struct conn *);
/* receiver.c: its program. */
bool		 conn_is_relp(const struct conn *);
void		 receiver_read(struct conn *);
void		 receiver_close(struct conn *);
void		 receiver_part(struct conn *);
void		 receiver_goodbye(struct conn *);
/* datagram.c: what is on its way goes on. */
void		 datagram_carry(struct conn *, size_t capacity);
void		 datagram_receive(struct conn *);
bool		 datagram_put(struct conn *, const void *, size_t);
void		 datagram_kill(struct conn *);
void		 datagram_close(struct conn *);
/* The error that the worker's system was told of, or 0. */
int		 datagram_take_error(struct conn *);
/* Takes the frames that are whole out of c->text, and answers. */
/* tls_server.c */
bool		 conn_is_tls(const struct conn *);
void		 conn_say(struct conn *, const void *, size_t);
void		 tls_goodbye(struct conn *);
/* One that closes may read once more, for a goodbye, and throw it away. */
void		 tls_read_on(struct conn *);
void		 tls_reset(void);
int64_t		 tls_due(const struct conn *);
void		 tls_go_on(struct conn *);
/* The text that was not read; and_out: nor has arrived. */
void		 tls_texts(const struct conn *, bool and_out, struct buffer *);
void		 tls_read_wire(struct conn *, size_t n);
/* Octets of text that come again if the connection is lost. */
uint64_t	 tls_at_stake(const struct conn *);
void		 relp_serve(struct conn *);
/* What is due of the answers; when the next one is. */
void		 relp_answer(struct conn *);
int64_t		 relp_due(const struct conn *);
/* Octets of messages that come again if the connection is lost. */
uint64_t	 relp_at_stake(const struct conn *);
/* How many of back[0..n) one read has. */
size_t		 relp_piece(const struct conn *, size_t n);
void		 buffer_put(struct buffer *, const void *, size_t);
void		 buffer_take(struct buffer *, size_t);

#endif
