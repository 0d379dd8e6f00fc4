#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include "receiver.h"

#define MAX_COMMAND 4096
#define MAX_NAMES 3 /* of files */

/* Answers the driver, which waits for it: never buffered. */
void
say(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

void
set_rate(struct receiver *r, uint64_t octets_a_second)
{
	r->rate = octets_a_second;
	r->rate_since_ms = now_ms();
	r->rate_used = 0;
}

static uint64_t
number(const char *s)
{
	return (parse_number(s, UINT32_MAX, "number"));
}

static void
do_pause(struct receiver *r, char *arg)
{
	(void)arg;
	r->paused = true;
}

static void
do_resume(struct receiver *r, char *arg)
{
	(void)arg;
	r->paused = false;
	set_rate(r, r->rate);
}

static void
do_rate(struct receiver *r, char *arg)
{
	set_rate(r, number(arg));
}

static void
do_fin(struct receiver *r, char *arg)
{
	(void)arg;
	receiver_part(r, PARTING_FIN);
}

static void
do_half_close(struct receiver *r, char *arg)
{
	(void)arg;
	receiver_half_close(r);
}

static void
do_reset(struct receiver *r, char *arg)
{
	(void)arg;
	receiver_part(r, PARTING_RESET);
}

static void
do_shut(struct receiver *r, char *arg)
{
	(void)arg;
	receiver_part(r, PARTING_SHUT);
}

static void
do_notify(struct receiver *r, char *arg)
{
	(void)arg;
	receiver_part(r, PARTING_NOTIFY);
}

static void
do_fin_after(struct receiver *r, char *arg)
{
	r->part_at = r->bytes + number(arg);
	r->part_how = PARTING_FIN;
}

static void
do_reset_after(struct receiver *r, char *arg)
{
	r->part_at = r->bytes + number(arg);
	r->part_how = PARTING_RESET;
}

static void
do_away(struct receiver *r, char *arg)
{
	receiver_unlisten(r);
	receiver_part(r, PARTING_FIN);
	r->away_until_ms = now_ms() + number(arg);
}

static void
do_refuse(struct receiver *r, char *arg)
{
	(void)arg;
	receiver_unlisten(r);
}

static void
do_listen(struct receiver *r, char *arg)
{
	(void)arg;
	r->away_until_ms = 0;
	if (r->listener == -1)
		receiver_listen(r);
}

/* Leaves as a killed program does: what is unread makes the kernel reset. */
static void
do_die(struct receiver *r, char *arg)
{
	(void)arg;
	receiver_flush(r);
	say("ok");
	_exit(0);
}

static void
do_stall(struct receiver *r, char *arg)
{
	(void)arg;
	r->shaking = SHAKING_STALL;
}

static void
do_nonsense(struct receiver *r, char *arg)
{
	(void)arg;
	r->shaking = SHAKING_GARBAGE;
}

static void
do_shake(struct receiver *r, char *arg)
{
	(void)arg;
	r->shaking = SHAKING_WELL;
	receiver_end_handshakes(r);
}

/* The files stay named until the next such command. */
static void
do_certificate(struct receiver *r, char *arg)
{
	static char text[MAX_COMMAND];
	char *names[MAX_NAMES] = { NULL }, *rest = text;
	size_t n = 0;

	(void)strncpy(text, arg, sizeof(text) - 1);
	while (n < MAX_NAMES && (names[n] = strsep(&rest, " ")) != NULL)
		n++;
	r->cert = names[0];
	r->key = names[1];
	r->client_ca = names[2];
	receiver_load_tls(r);
}

static void
do_delay(struct receiver *r, char *arg)
{
	r->delay_ms = number(arg);
}

static void
do_shuffle(struct receiver *r, char *arg)
{
	r->shuffle = number(arg);
}

static void
do_reject(struct receiver *r, char *arg)
{
	r->refuse = number(arg);
}

static void
do_poison(struct receiver *r, char *arg)
{
	if (arg == NULL)
		arg = "";
	if (strlen(arg) >= sizeof(r->poison))
		errx(2, "%s: too long", arg);
	memcpy(r->poison, arg, strlen(arg) + 1);
}

static void
do_drop(struct receiver *r, char *arg)
{
	r->drop = number(arg) != 0;
}

/* \xNN is an octet. */
static size_t
unescape(char *s)
{
	unsigned octet;
	char *to = s;
	const char *from = s;

	while (*from != '\0')
		if (sscanf(from, "\\x%2x", &octet) == 1) {
			*to++ = (char)octet;
			from += 4;
		} else {
			*to++ = *from++;
		}
	return ((size_t)(to - s));
}

/* To every connection, whatever it waits for. */
static void
do_say(struct receiver *r, char *arg)
{
	size_t i, n = unescape(arg);

	receiver_flush(r);
	for (i = 0; i < r->nconns; i++)
		(void)conn_send(&r->conns[i], arg, n);
}

static void
do_say_raw(struct receiver *r, char *arg)
{
	size_t i, n = unescape(arg);

	for (i = 0; i < r->nconns; i++)
		(void)send(r->conns[i].fd, arg, n, MSG_NOSIGNAL);
}

static void
do_stats(struct receiver *r, char *arg)
{
	(void)arg;
	say("messages=%" PRIu64 " bytes=%" PRIu64 " connections=%" PRIu64
	    " open=%zu partial=%" PRIu64 " errors=%" PRIu64 " refused=%" PRIu64
	    " dropped=%" PRIu64 " shaken=%" PRIu64 " unshaken=%" PRIu64
	    " closed=%" PRIu64,
	    r->messages, r->bytes, r->connections, r->nconns, r->partial,
	    r->errors, r->refused, r->dropped, r->shaken, r->unshaken,
	    r->closed);
}

enum wants {
	NOTHING,
	ARGUMENT,
	MAYBE
};

static const struct command {
	const char *name;
	enum wants wants;
	void (*run)(struct receiver *, char *);
} commands[] = {
	{ "pause", NOTHING, do_pause }, /* accept, but do not read */
	{ "resume", NOTHING, do_resume },
	{ "rate", ARGUMENT, do_rate }, /* octets a second; 0: all */

	{ "fin", NOTHING, do_fin }, /* end every connection */
	{ "half-close", NOTHING, do_half_close }, /* FIN, and read on */
	{ "reset", NOTHING, do_reset },
	{ "shut", NOTHING, do_shut }, /* FIN, with octets unread */
	{ "notify", NOTHING, do_notify }, /* the same after close_notify */
	{ "fin-after", ARGUMENT, do_fin_after }, /* octets from now */
	{ "reset-after", ARGUMENT, do_reset_after },
	{ "away", ARGUMENT, do_away }, /* milliseconds: fin, and refuse */
	{ "refuse", NOTHING, do_refuse }, /* no new connections */
	{ "listen", NOTHING, do_listen }, /* come back */
	{ "die", NOTHING, do_die },

	{ "stall", NOTHING, do_stall }, /* in new handshakes of TLS */
	{ "nonsense", NOTHING, do_nonsense }, /* the same */
	{ "shake", NOTHING, do_shake }, /* hands again, and well */
	{ "certificate", ARGUMENT, do_certificate }, /* cert key [ca] */

	{ "delay", ARGUMENT, do_delay }, /* answers of RELP, milliseconds */
	{ "shuffle", ARGUMENT, do_shuffle }, /* so many of them */
	{ "reject", ARGUMENT, do_reject }, /* so many messages with 500 */
	{ "poison", MAYBE, do_poison }, /* messages with this in them */
	{ "drop", ARGUMENT, do_drop }, /* 1: all messages, unanswered */

	{ "say", ARGUMENT, do_say }, /* \xNN is an octet */
	{ "say-raw", ARGUMENT, do_say_raw }, /* not through TLS */
	{ "stats", NOTHING, do_stats },
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
		if (c->wants != MAYBE &&
		    (c->wants == ARGUMENT) != (arg != NULL))
			errx(2, "%s: wrong arguments", line);
		c->run(r, arg);
		if (c->run != do_stats)
			say("ok");
		return;
	}
	errx(2, "%s: unknown command", line);
}

bool
command_read(struct receiver *r)
{
	static char buf[MAX_COMMAND];
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
