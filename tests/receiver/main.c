/*
 * receiver - a syslog receiver that misbehaves on command.
 *
 * Takes messages as a real receiver does, is strict about framing, and on
 * command does all that real ones do when they are slow, restarted or dying.
 * Every message becomes one line of the output file.  Over RELP that is a
 * message that is answered with 200, or will be.
 *
 * Commands are lines on standard input; each is answered by one line on
 * standard output.  The end of standard input ends the receiver, so it never
 * outlives the test that started it.
 */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "receiver.h"

#define TICK_MS 10

uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000);
}

uint64_t
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

static int
receiver_timeout(const struct receiver *r)
{
	uint64_t now;
	size_t i;

	if (r->rate > 0)
		return (TICK_MS);
	for (i = 0; i < r->nconns; i++)
		if (r->conns[i].relp.nheld > 0)
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
		pfd[i + 2].events = conn_events(&r->conns[i], reading);
		pfd[i + 2].fd = pfd[i + 2].events != 0 ? r->conns[i].fd : -1;
	}
	if (poll(pfd, (nfds_t)(n + 2), receiver_timeout(r)) == -1) {
		if (errno == EINTR)
			return (true);
		err(1, "poll");
	}
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
	if (r->away_until_ms != 0 && now_ms() >= r->away_until_ms) {
		r->away_until_ms = 0;
		if (r->listener == -1)
			receiver_listen(r);
	}
	return (pfd[0].revents == 0 || command_read(r));
}

static void
usage(void)
{
	fprintf(stderr,
	    "usage: receiver [-cps] [-A client-ca] [-b receive-buffer] "
	    "[-C certificate]\n"
	    "\t[-f auto|octet|newline] [-K key] [-m max-message] [-o file]\n"
	    "\t[-r octets-per-second] [-S seed] address\n");
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
parse_options(struct receiver *r, int argc, char **argv)
{
	int ch;

	while ((ch = getopt(argc, argv, "A:b:C:cf:K:m:o:pr:sS:")) != -1)
		switch (ch) {
		case 'A':
			r->client_ca = optarg;
			break;
		case 'b':
			r->rcvbuf =
			    (int)parse_number(optarg, INT32_MAX, "size");
			break;
		case 'C':
			r->cert = optarg;
			break;
		case 'c':
			break; /* what it does without -o */
		case 'f':
			r->framing = parse_framing(optarg);
			break;
		case 'K':
			r->key = optarg;
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
			set_rate(r, parse_number(optarg, UINT32_MAX, "rate"));
			break;
		case 's':
			r->swallow = true;
			break;
		case 'S':
			srandom(
			    (unsigned)parse_number(optarg, UINT32_MAX, "seed"));
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
	receiver_load_tls(&r);
	receiver_listen(&r);
	if (r.at.domain == AF_UNIX)
		say("listening %s", r.at.path);
	else
		say("listening 127.0.0.1:%u", (unsigned int)r.at.port);
	while (receiver_turn(&r))
		receiver_flush(&r);
	receiver_unlisten(&r);
	if (r.out != NULL && fclose(r.out) != 0)
		err(1, "output");
	return (r.errors == 0 ? 0 : 1);
}
