/*
 * receiver.h - the parts of our test receiver.
 *
 * Bytes come from a connection (conn.c), through TLS where there is any
 * (tls.c); framing.c and relp.c cut messages out of them, output.c writes them
 * down.  command.c does what the test says on standard input.
 */
#ifndef RECEIVER_H
#define RECEIVER_H

#include <sys/types.h>

#include <netinet/in.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define MAX_CONNS	256
#define READ_SIZE	(256 * 1024)

struct tls;
struct tls_config;

enum framing {
	FRAMING_AUTO,			/* decided by the first octet */
	FRAMING_OCTET,
	FRAMING_NEWLINE,
	FRAMING_RELP
};

enum served {
	SERVED_ALL,			/* nothing more for now */
	SERVED_MORE,			/* there may be more */
	SERVED_END			/* or it cannot be understood */
};

enum parting {				/* how a connection is ended */
	PARTING_FIN,			/* in order */
	PARTING_RESET,
	PARTING_SHUT,			/* FIN, then closed as it is: what is
					   unread makes the system reset */
	PARTING_NOTIFY			/* the same behind a close_notify */
};

enum shaking {				/* what becomes of TLS handshakes */
	SHAKING_WELL,
	SHAKING_STALL,			/* nothing is said */
	SHAKING_GARBAGE			/* something else is */
};

struct buffer {
	uint8_t	*data;
	size_t	 len;
	size_t	 size;
};

struct answer {				/* to a RELP transaction */
	uint32_t	txnr;
	unsigned	code;
	uint64_t	due_ms;
};

struct relp {
	uint32_t	 txnr;		/* of the last frame */
	bool		 open;
	bool		 closed;
	struct answer	*held;
	size_t		 nheld;
	size_t		 room;
};

struct conn {
	int		 fd;
	struct tls	*tls;		/* NULL: none, or its handshake is
					   not to be */
	bool		 shaking;	/* the handshake goes on */
	bool		 parting;	/* has said FIN, and reads on */
	enum framing	 framing;
	struct buffer	 in;		/* what is not a whole message yet */
	struct buffer	 out;		/* what could not be sent yet */
	struct relp	 relp;
};

struct address {
	const char	*scheme;
	int		 domain;
	int		 type;
	bool		 tls;
	bool		 relp;
	in_port_t	 port;
	const char	*path;
};

struct receiver {
	struct address	 at;
	int		 listener;	/* for datagrams: the socket itself */
	struct conn	 conns[MAX_CONNS];
	size_t		 nconns;
	FILE		*out;		/* NULL: only count */
	enum framing	 framing;
	bool		 swallow;
	bool		 paused;
	int		 rcvbuf;
	size_t		 max_message;

	struct tls	*tls;		/* accepts */
	const char	*cert;		/* files */
	const char	*key;
	const char	*client_ca;	/* NULL: no certificate is wanted */
	enum shaking	 shaking;

	uint64_t	 rate;		/* octets a second, 0: no limit */
	uint64_t	 rate_since_ms;
	uint64_t	 rate_used;
	uint64_t	 away_until_ms;	/* 0: we are here */
	uint64_t	 part_at;	/* count of octets, 0: never */
	enum parting	 part_how;

	uint64_t	 delay_ms;	/* of RELP's answers */
	uint64_t	 shuffle;	/* so many of them */
	uint64_t	 refuse;	/* the next so many messages */
	char		 poison[64];	/* messages with this in them too */
	bool		 drop;		/* messages, without an answer */

	uint64_t	 bytes;
	uint64_t	 messages;
	uint64_t	 connections;
	uint64_t	 partial;	/* messages that a connection ended in */
	uint64_t	 errors;
	uint64_t	 refused;	/* messages */
	uint64_t	 dropped;
	uint64_t	 shaken;	/* handshakes that went well */
	uint64_t	 unshaken;	/* and those that did not */
	uint64_t	 closed;	/* RELP close or close_notify came */
};

/* main.c */

uint64_t	now_ms(void);
/* A decimal number up to max; what it is for the message that ends us. */
uint64_t	parse_number(const char *, uint64_t max, const char *what);

/* address.c: where we are */

void	parse_address(const char *, struct address *);
void	receiver_listen(struct receiver *);
void	receiver_unlisten(struct receiver *);

/* buffer.c */

/* Makes room for n more octets. */
void	buffer_reserve(struct buffer *, size_t n);
void	buffer_add(struct buffer *, const void *, size_t n);
/* The first n octets are done with. */
void	buffer_drop(struct buffer *, size_t n);

/* conn.c: connections */

void	receiver_accept(struct receiver *);
void	receiver_serve(struct receiver *);
/* Ends every connection; PARTING_FIN reads first what it may. */
void	receiver_part(struct receiver *, enum parting);
/* Says FIN on every connection, and reads on to its end. */
void	receiver_half_close(struct receiver *);
/* How many octets may be read now. */
size_t	receiver_allowance(struct receiver *);
bool	receiver_must_part(const struct receiver *);
void	receiver_count(struct receiver *, size_t n);
/* What poll(2) is to look for, 0: nothing. */
short	conn_events(const struct conn *, bool reading);
/* Resets those whose handshake goes on. */
void	receiver_end_handshakes(struct receiver *);

/* datagram.c */

void	receiver_take_datagrams(struct receiver *);

/* framing.c: messages out of a stream */

/* Returns whether all that came was good. */
bool	conn_deframe(struct receiver *, struct conn *);
/* What begins at octet at of c->in is no frame. */
void	complain(struct receiver *, const struct conn *, size_t at);

/* relp.c: RELP's frames and answers */

/* The frame at octet at of c->in: its octets, 0: it is not all here, or -1. */
ssize_t	relp_take(struct receiver *, struct conn *, size_t at);
/* Answers what is due; idle: the sender has nothing more for now. */
void	relp_answer(struct receiver *, struct conn *, bool idle);

/* tls.c */

/* Reads the certificates of the receiver again. */
void	receiver_load_tls(struct receiver *);
/* For a new connection. */
void	conn_accept_tls(struct receiver *, struct conn *);
/* What of the handshake can be done now. */
enum served	conn_shake(struct receiver *, struct conn *);
/* As recv(2) and send(2), and where TLS wants to wait: EAGAIN. */
ssize_t	conn_recv(struct conn *, void *, size_t n);
ssize_t	conn_send(struct conn *, const void *, size_t n);
/* Sends close_notify, if the connection is one of TLS. */
void	conn_notify(struct conn *);

/* output.c */

void	open_output(struct receiver *, const char *path);
/* Writes a message down as a line: \ and newline in it are \\ and \n. */
void	message_take(struct receiver *, const uint8_t *, size_t n);
/* What was written can be seen by the test. */
void	receiver_flush(struct receiver *);

/* command.c */

void	say(const char *, ...) __attribute__((__format__(printf, 1, 2)));
/* Returns false at the end of standard input. */
bool	command_read(struct receiver *);
void	set_rate(struct receiver *, uint64_t octets_a_second);

#endif
