/*
 * fake.h - receivers and files for tests of daemon/send.
 *
 * A receiver stands behind each url.  The sockets are real, over loopback, so
 * that the loop has its events; what is sent, acknowledged and said on them is
 * what the test says.  A file has lines of FAKE_LINE octets, which are sent as
 * they are.
 */
#ifndef FAKE_H
#define FAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conf/conf.h"
#include "daemon/send/destination.h"
#include "daemon/stream/stream.h"

#define FAKE_LINE	10
#define FAKE_MOST	65536		/* octets that a receiver remembers */
#define FAKE_OPENS	16		/* connections in a test */

struct fake_receiver {
	bool		refuses;	/* no connection can be made */
	size_t		take;		/* octets that a send takes at most;
					   UDP: the datagram */
	int		send_error;	/* or why it takes none */
	uint64_t	acked;		/* octets of the last connection */
	bool		counts;		/* the system tells acked */
	int64_t		silence_ms;	/* since its system answered */
	uint8_t		got[FAKE_MOST];	/* on the last connection */
	size_t		ngot;
	bool		finished;	/* it was told that there is no more */
	unsigned	opens;		/* connections so far */
	int		peers[FAKE_OPENS];	/* its ends of them, or -1 */

	uint8_t		said[FAKE_MOST];	/* not heard yet */
	size_t		nsaid;
	bool		goodbye;	/* behind that it closes in order */
	int		recv_error;	/* or the connection breaks, */
	const char	*alert;		/* and TLS has said why, or NULL */
};

struct fake_file {
	struct stream	stream;		/* first: see stream_of() */
	struct file	file;
	char		letter;		/* its lines begin with */
	off_t		size;
	uint64_t	most;		/* lines of one pull */
};

/* Nothing has happened yet. */
void	fake_reset(void);
void	fake_fini(void);

/* A destination that tries again at once, and its receivers. */
void	fake_conf(struct conf_destination *, enum conf_scheme, size_t nurls);
struct fake_receiver	*fake_receiver(size_t url);

/* Says text; says goodbye; breaks the connection with an errno. */
void	fake_say(struct fake_receiver *, const char *text);
void	fake_goodbye(struct fake_receiver *);
void	fake_break(struct fake_receiver *, int error);

/* Resets a connection whose socket the endpoint may still have. */
void	fake_late_reset(struct fake_receiver *, unsigned connection);

/* Makes a file of so many lines, on the route. */
void	fake_file(struct fake_file *, char letter, unsigned lines,
	    struct route *);

/* Whether the receiver got the lines from..to of the file, and no more. */
bool	fake_got_lines(const struct fake_receiver *, char letter,
	    unsigned from, unsigned to);

/* How often the checkpoint was told to hurry, and a file was drained. */
extern unsigned	fake_hurried;
extern unsigned	fake_drained;

/* Turns the loop, by turn() of the test, until the condition holds. */
#define UNTIL(condition)                                                       \
	do {                                                                   \
		unsigned turns_ = 0;                                           \
		while (!(condition)) {                                         \
			assert_true(turns_++ < 20000);                         \
			turn();                                                \
			(void)usleep(200);                                     \
		}                                                              \
	} while (0)

#endif
