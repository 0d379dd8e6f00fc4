/*
 * receiver.c - a syslog receiver that misbehaves on command.
 *
 * Takes messages as a real receiver does, is strict about framing, and on
 * command does all that real ones do when they are slow, restarted or dying.
 * Every message becomes one line of the output file: backslash and newline
 * in it are written \\ and \n, all other bytes as they came.
 *
 * Commands are lines on standard input; each is answered by one line on
 * standard output.  The end of standard input ends the receiver, so it never
 * outlives the test that started it.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/un.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_CONNS 256
#define READ_SIZE (256 * 1024)
#define SWALLOW_SIZE (4 * 1024 * 1024)
#define MAX_DIGITS 8 /* of an octet count */
#define READS_IN_A_TURN 16
#define TICK_MS 10

enum framing {
	FRAMING_AUTO, /* decided by the first octet */
	FRAMING_OCTET,
	FRAMING_NEWLINE,
	FRAMING_DATAGRAM
};

enum served {
	SERVED_ALL, /* nothing more for now */
	SERVED_MORE, /* there may be more */
	SERVED_END /* or it cannot be understood */
};

enum parting { /* how connections are ended */
	PARTING_FIN,
	PARTING_RESET
};

struct conn {
	int fd;
	enum framing framing;
	uint8_t *buf; /* what is not a whole message yet */
	size_t len;
	size_t size;
};

struct address {
	const char *scheme;
	int domain;
	int type;
	in_port_t port;
	const char *path;
};

struct receiver {
	struct address at;
	int listener; /* for datagrams: the socket itself */
	struct conn conns[MAX_CONNS];
	size_t nconns;
	FILE *out; /* NULL: only count */
	enum framing framing;
	bool swallow;
	bool paused;
	int rcvbuf;
	size_t max_message;

	uint64_t rate; /* octets a second, 0: no limit */
	uint64_t rate_since_ms;
	uint64_t rate_used;
	uint64_t away_until_ms; /* 0: we are here */
	uint64_t part_at; /* count of octets, 0: never */
	enum parting part_how;

	uint64_t bytes;
	uint64_t messages;
	uint64_t connections;
	uint64_t partial; /* messages that a connection ended in */
	uint64_t errors;
};

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

static void say(const char *, ...) __attribute__((__format__(printf, 1, 2)));

/* Answers the driver, which waits for it: never buffered. */
static void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

/*
 * Addresses and sockets.
 */

static uint64_t
parse_number(const char *s, uint64_t max, const char *what)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(s, &end, 10);
	if (errno != 0 || end == s || *end != '\0' || n > max)
		errx(2, "%s: not a %s", s, what);
	return (n);
}

static void
parse_address(const char *s, struct address *a)
{
	static const struct address known[] = {
		{ "tcp", AF_INET, SOCK_STREAM, 0, NULL },
		{ "udp", AF_INET, SOCK_DGRAM, 0, NULL },
		{ "unix-stream", AF_UNIX, SOCK_STREAM, 0, NULL },
		{ "unix-dgram", AF_UNIX, SOCK_DGRAM, 0, NULL },
	};
	const char *colon = strchr(s, ':');
	size_t i, n;

	n = colon == NULL ? 0 : (size_t)(colon - s);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i].scheme) != n ||
		    strncmp(known[i].scheme, s, n) != 0)
			continue;
		*a = known[i];
		if (a->domain == AF_UNIX)
			a->path = colon + 1;
		else
			a->port =
			    (in_port_t)parse_number(colon + 1, 65535, "port");
		return;
	}
	errx(2,
	    "%s: not tcp:PORT, udp:PORT, unix-stream:PATH or "
	    "unix-dgram:PATH",
	    s);
}

static void
set_receive_buffer(const struct receiver *r, int fd)
{
	int size = r->rcvbuf;

	/* What the system allows is enough: only the driver asks for it. */
	if (size != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int
bind_unix(const struct address *a, int fd)
{
	struct sockaddr_un sun;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlen(a->path) >= sizeof(sun.sun_path))
		errx(2, "%s: too long for a socket", a->path);
	memcpy(sun.sun_path, a->path, strlen(a->path) + 1);
	unlink(a->path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return (-1);
	/* The daemon under test runs as somebody else. */
	return (chmod(a->path, 0666));
}

static int
bind_inet(struct address *a, int fd)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(a->port);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		return (-1);
	/* A receiver that was away comes back at the same port. */
	a->port = ntohs(sin.sin_port);
	return (0);
}

static void
receiver_listen(struct receiver *r)
{
	struct address *a = &r->at;
	int fd;

	fd = socket(a->domain, a->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(1, "socket");
	set_receive_buffer(r, fd);
	if ((a->domain == AF_UNIX ? bind_unix(a, fd) : bind_inet(a, fd)) == -1)
		err(1, "bind");
	if (a->type == SOCK_STREAM && listen(fd, 128) == -1)
		err(1, "listen");
	r->listener = fd;
}

static void
receiver_unlisten(struct receiver *r)
{
	if (r->listener == -1)
		return;
	close(r->listener);
	r->listener = -1;
	if (r->at.domain == AF_UNIX)
		unlink(r->at.path);
}

/*
 * Messages.
 */

static void
message_take(struct receiver *r, const uint8_t *p, size_t n)
{
	size_t i;

	r->messages++;
	if (r->out == NULL)
		return;
	for (i = 0; i < n; i++) {
		if (p[i] == '\\')
			fputs("\\\\", r->out);
		else if (p[i] == '\n')
			fputs("\\n", r->out);
		else
			putc_unlocked(p[i], r->out);
	}
	putc_unlocked('\n', r->out);
}

/*
 * RFC 6587 3.4.1.  Returns the octets of one whole frame at p[0..n), 0 when
 * there is more to come, -1 when this is no frame.
 */
static ssize_t
frame_octet(struct receiver *r, const uint8_t *p, size_t n)
{
	size_t i, len = 0;

	for (i = 0; i < n && p[i] >= '0' && p[i] <= '9'; i++) {
		if (i == MAX_DIGITS || (i == 0 && p[i] == '0'))
			return (-1);
		len = len * 10 + (size_t)(p[i] - '0');
	}
	if (i == n)
		return (0);
	if (i == 0 || p[i] != ' ' || len > r->max_message)
		return (-1);
	i++;
	if (n - i < len)
		return (0);
	message_take(r, p + i, len);
	return ((ssize_t)(i + len));
}

/* RFC 6587 3.4.2, the trailer being LF. */
static ssize_t
frame_newline(struct receiver *r, const uint8_t *p, size_t n)
{
	const uint8_t *nl = memchr(p, '\n', n);

	if (nl == NULL)
		return (n > r->max_message ? -1 : 0);
	message_take(r, p, (size_t)(nl - p));
	return (nl - p + 1);
}

static void
complain(struct receiver *r, const struct conn *c, size_t at)
{
	size_t i, n = c->len - at;

	r->errors++;
	fprintf(stderr, "receiver: framing error at \"");
	for (i = 0; i < n && i < 64; i++)
		if (c->buf[at + i] >= 32 && c->buf[at + i] < 127)
			fputc(c->buf[at + i], stderr);
		else
			fprintf(stderr, "\\x%02x", c->buf[at + i]);
	fprintf(stderr, "\"\n");
}

/* Returns whether all that came was good. */
static bool
conn_deframe(struct receiver *r, struct conn *c)
{
	size_t at = 0;
	ssize_t n = 0;

	if (c->framing == FRAMING_AUTO && c->len > 0)
		c->framing = c->buf[0] >= '1' && c->buf[0] <= '9'
		    ? FRAMING_OCTET
		    : FRAMING_NEWLINE;
	while (at < c->len) {
		n = c->framing == FRAMING_OCTET
		    ? frame_octet(r, c->buf + at, c->len - at)
		    : frame_newline(r, c->buf + at, c->len - at);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	if (n == -1) {
		complain(r, c, at);
		return (false);
	}
	memmove(c->buf, c->buf + at, c->len - at);
	c->len -= at;
	return (true);
}

/*
 * Connections.
 */

static void
conn_open(struct receiver *r, int fd, enum framing framing)
{
	struct conn *c = &r->conns[r->nconns++];

	memset(c, 0, sizeof(*c));
	c->fd = fd;
	c->framing = framing;
	c->size = r->swallow ? SWALLOW_SIZE : 2 * READ_SIZE;
	if ((c->buf = malloc(c->size)) == NULL)
		err(1, NULL);
}

static void
conn_close(struct receiver *r, size_t i, enum parting how)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	struct conn *c = &r->conns[i];

	if (c->len > 0)
		r->partial++;
	if (how == PARTING_RESET)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(c->fd);
	free(c->buf);
	r->nconns--;
	memmove(c, c + 1, (r->nconns - i) * sizeof(*c));
}

static void
receiver_part(struct receiver *r, enum parting how)
{
	while (r->nconns > 0)
		conn_close(r, r->nconns - 1, how);
}

static void
receiver_accept(struct receiver *r)
{
	int fd;

	while (r->nconns < MAX_CONNS) {
		fd = accept4(
		    r->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1)
			return;
		r->connections++;
		conn_open(r, fd, r->framing);
	}
}

/* How much may be read now. */
static size_t
receiver_allowance(struct receiver *r)
{
	uint64_t due;

	if (r->paused)
		return (0);
	if (r->rate == 0)
		return (SIZE_MAX);
	due = (now_ms() - r->rate_since_ms) * r->rate / 1000;
	return (due > r->rate_used ? (size_t)(due - r->rate_used) : 0);
}

static bool
receiver_must_part(const struct receiver *r)
{
	return (r->part_at != 0 && r->bytes >= r->part_at);
}

static void
receiver_count(struct receiver *r, size_t n)
{
	r->bytes += n;
	r->rate_used += n;
}

/* Reads once.  Returns what recv(2) returned. */
static ssize_t
conn_read(struct receiver *r, struct conn *c, size_t room)
{
	ssize_t n;

	if (c->size - c->len < READ_SIZE) {
		c->size *= 2;
		if ((c->buf = realloc(c->buf, c->size)) == NULL)
			err(1, NULL);
	}
	if (room > c->size - c->len)
		room = c->size - c->len;
	/* On TCP, MSG_TRUNC throws away without copying. */
	n = recv(c->fd, c->buf + c->len, room, r->swallow ? MSG_TRUNC : 0);
	if (n > 0) {
		receiver_count(r, (size_t)n);
		if (!r->swallow)
			c->len += (size_t)n;
	}
	return (n);
}

/* Reads what there is, within the allowance and a turn's share. */
static enum served
conn_serve(struct receiver *r, struct conn *c)
{
	size_t room;
	ssize_t n;
	int reads;

	for (reads = 0; reads < READS_IN_A_TURN; reads++) {
		if ((room = receiver_allowance(r)) == 0 ||
		    receiver_must_part(r))
			return (SERVED_MORE);
		if (r->part_at != 0 && room > r->part_at - r->bytes)
			room = (size_t)(r->part_at - r->bytes);
		n = conn_read(r, c, room);
		if (n == -1 && (errno == EAGAIN || errno == EINTR))
			return (SERVED_ALL);
		if (n <= 0 || !conn_deframe(r, c))
			return (SERVED_END);
	}
	return (SERVED_MORE);
}

/*
 * The oldest connection first, and a newer one only when the older have
 * nothing more: a sender that connects anew sends what comes after.
 */
static void
receiver_serve(struct receiver *r)
{
	size_t i = 0;

	while (i < r->nconns)
		switch (conn_serve(r, &r->conns[i])) {
		case SERVED_ALL:
			i++;
			break;
		case SERVED_MORE:
			return;
		case SERVED_END:
			conn_close(r, i, PARTING_FIN);
			break;
		}
}

static void
receiver_take_datagrams(struct receiver *r)
{
	static uint8_t buf[256 * 1024];
	ssize_t n;
	int turns;

	for (turns = 0; turns < 1024 && receiver_allowance(r) > 0; turns++) {
		n = recv(r->listener, buf, sizeof(buf), 0);
		if (n == -1)
			return;
		receiver_count(r, (size_t)n);
		message_take(r, buf, (size_t)n);
	}
}

/*
 * Commands.
 */

static void
do_pause(struct receiver *r, uint64_t n)
{
	(void)n;
	r->paused = true;
}

static void
do_resume(struct receiver *r, uint64_t n)
{
	(void)n;
	r->paused = false;
	r->rate_since_ms = now_ms();
	r->rate_used = 0;
}

static void
do_rate(struct receiver *r, uint64_t n)
{
	r->rate = n;
	r->rate_since_ms = now_ms();
	r->rate_used = 0;
}

static void
do_fin(struct receiver *r, uint64_t n)
{
	(void)n;
	/* Unread octets would turn the FIN into a reset. */
	receiver_serve(r);
	receiver_part(r, PARTING_FIN);
}

static void
do_reset(struct receiver *r, uint64_t n)
{
	(void)n;
	receiver_part(r, PARTING_RESET);
}

static void
do_fin_after(struct receiver *r, uint64_t n)
{
	r->part_at = r->bytes + n;
	r->part_how = PARTING_FIN;
}

static void
do_reset_after(struct receiver *r, uint64_t n)
{
	r->part_at = r->bytes + n;
	r->part_how = PARTING_RESET;
}

static void
do_away(struct receiver *r, uint64_t n)
{
	receiver_unlisten(r);
	do_fin(r, 0);
	r->away_until_ms = now_ms() + n * 1000;
}

static void
do_refuse(struct receiver *r, uint64_t n)
{
	(void)n;
	receiver_unlisten(r);
}

static void
do_listen(struct receiver *r, uint64_t n)
{
	(void)n;
	r->away_until_ms = 0;
	if (r->listener == -1)
		receiver_listen(r);
}

/* Leaves as a killed program does: what is unread makes the kernel reset. */
static void
do_die(struct receiver *r, uint64_t n)
{
	(void)n;
	if (r->out != NULL)
		fflush(r->out);
	say("ok");
	_exit(0);
}

static void
do_stats(struct receiver *r, uint64_t n)
{
	(void)n;
	say("messages=%" PRIu64 " bytes=%" PRIu64 " connections=%" PRIu64
	    " open=%zu partial=%" PRIu64 " errors=%" PRIu64,
	    r->messages, r->bytes, r->connections, r->nconns, r->partial,
	    r->errors);
}

static const struct command {
	const char *name;
	bool has_number;
	void (*run)(struct receiver *, uint64_t);
} commands[] = {
	{ "pause", false, do_pause }, /* accept, but do not read */
	{ "resume", false, do_resume },
	{ "rate", true, do_rate }, /* octets a second; 0: all */
	{ "fin", false, do_fin }, /* end every connection */
	{ "reset", false, do_reset },
	{ "fin-after", true, do_fin_after }, /* so many octets from now */
	{ "reset-after", true, do_reset_after },
	{ "away", true, do_away }, /* seconds: fin, and refuse */
	{ "refuse", false, do_refuse }, /* no new connections */
	{ "listen", false, do_listen }, /* come back */
	{ "die", false, do_die },
	{ "stats", false, do_stats },
};

static void
command_run(struct receiver *r, char *line)
{
	char *arg = strchr(line, ' ');
	const struct command *c;
	size_t i;

	if (arg != NULL)
		*arg++ = '\0';
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		c = &commands[i];
		if (strcmp(c->name, line) != 0)
			continue;
		if (c->has_number != (arg != NULL))
			errx(2, "%s: wrong arguments", line);
		c->run(r,
		    arg == NULL ? 0 : parse_number(arg, UINT32_MAX, "number"));
		if (c->run != do_stats)
			say("ok");
		return;
	}
	errx(2, "%s: unknown command", line);
}

/* Returns false at the end of standard input. */
static bool
command_read(struct receiver *r)
{
	static char buf[256];
	static size_t len;
	char *nl;
	ssize_t n;

	n = read(STDIN_FILENO, buf + len, sizeof(buf) - len - 1);
	if (n <= 0)
		return (n == -1 && errno == EINTR);
	len += (size_t)n;
	buf[len] = '\0';
	while ((nl = memchr(buf, '\n', len)) != NULL) {
		*nl = '\0';
		command_run(r, buf);
		len -= (size_t)(nl + 1 - buf);
		memmove(buf, nl + 1, len + 1);
	}
	if (len == sizeof(buf) - 1)
		errx(2, "command too long");
	return (true);
}

/*
 * The loop.
 */

static int
receiver_timeout(const struct receiver *r)
{
	uint64_t now;

	if (r->rate > 0)
		return (TICK_MS);
	if (r->away_until_ms == 0)
		return (-1);
	now = now_ms();
	return (now >= r->away_until_ms ? 0 : (int)(r->away_until_ms - now));
}

static bool
receiver_turn(struct receiver *r)
{
	struct pollfd pfd[MAX_CONNS + 2];
	size_t i, n = r->nconns;
	bool reading = receiver_allowance(r) > 0;
	bool stream = r->at.type == SOCK_STREAM;

	pfd[0].fd = STDIN_FILENO;
	pfd[0].events = POLLIN;
	pfd[1].fd = stream || reading ? r->listener : -1;
	pfd[1].events = POLLIN;
	for (i = 0; i < n; i++) {
		pfd[i + 2].fd = reading ? r->conns[i].fd : -1;
		pfd[i + 2].events = POLLIN;
	}
	if (poll(pfd, n + 2, receiver_timeout(r)) == -1) {
		if (errno == EINTR)
			return (true);
		err(1, "poll");
	}
	if (reading)
		receiver_serve(r);
	if (pfd[1].fd != -1 && pfd[1].revents != 0) {
		if (stream)
			receiver_accept(r);
		else
			receiver_take_datagrams(r);
	}
	if (receiver_must_part(r)) {
		receiver_part(r, r->part_how);
		r->part_at = 0;
	}
	if (r->away_until_ms != 0 && now_ms() >= r->away_until_ms)
		do_listen(r, 0);
	return (pfd[0].revents == 0 || command_read(r));
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: receiver [-cps] [-b receive-buffer] "
	    "[-f auto|octet|newline] [-m max-message]\n"
	    "\t[-o file] [-r octets-per-second] address\n");
	exit(2);
}

static enum framing
parse_framing(const char *s)
{
	if (strcmp(s, "auto") == 0)
		return (FRAMING_AUTO);
	if (strcmp(s, "octet") == 0)
		return (FRAMING_OCTET);
	if (strcmp(s, "newline") == 0)
		return (FRAMING_NEWLINE);
	usage();
	return (FRAMING_AUTO);
}

static void
open_output(struct receiver *r, const char *path)
{
	/* Appended: a receiver that was killed goes on where it was. */
	if ((r->out = fopen(path, "ae")) == NULL)
		err(1, "%s", path);
	setvbuf(r->out, NULL, _IOFBF, READ_SIZE);
}

static void
parse_options(struct receiver *r, int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "b:cf:m:o:pr:s")) != -1)
		switch (ch) {
		case 'b':
			r->rcvbuf =
			    (int)parse_number(optarg, INT32_MAX, "size");
			break;
		case 'c':
			break; /* what it does without -o */
		case 'f':
			r->framing = parse_framing(optarg);
			break;
		case 'm':
			r->max_message =
			    parse_number(optarg, INT32_MAX, "size");
			break;
		case 'o':
			open_output(r, optarg);
			break;
		case 'p':
			r->paused = true;
			break;
		case 'r':
			do_rate(r, parse_number(optarg, UINT32_MAX, "rate"));
			break;
		case 's':
			r->swallow = true;
			break;
		default:
			usage();
		}
	if (argc - optind != 1 || (r->swallow && r->out != NULL))
		usage();
	parse_address(argv[optind], &r->at);
}

int
main(int argc, char **argv)
{
	static struct receiver r;

	r.listener = -1;
	r.max_message = 16 * 1024 * 1024;
	parse_options(&r, argc, argv);
	signal(SIGPIPE, SIG_IGN);
	receiver_listen(&r);
	if (r.at.domain == AF_UNIX)
		say("listening %s", r.at.path);
	else
		say("listening 127.0.0.1:%u", (unsigned int)r.at.port);
	while (receiver_turn(&r))
		if (r.out != NULL && fflush(r.out) != 0)
			err(1, "output");
	receiver_unlisten(&r);
	if (r.out != NULL && fclose(r.out) != 0)
		err(1, "output");
	return (r.errors == 0 ? 0 : 1);
}
