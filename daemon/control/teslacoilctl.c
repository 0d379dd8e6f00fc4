/*
 * teslacoilctl - asks the running teslacoild, see teslacoilctl(8).
 */
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/control_socket.h"
#include "daemon/control/show.h"

#define WORDS 256 /* octets of a request */
#define TIMEOUT 30 /* seconds without an answer */
#define AGAIN_NS 20000000 /* before a new worker is asked */

static const struct command {
	const char *words;
	void (*print)(const json_t *);
} commands[] = {
	{ "show", show_summary },
	{ "show sources", show_sources },
	{ "show files", show_files },
	{ "show destinations", show_destinations },
	{ "show counters", show_counters },
	{ "reload", show_done },
	{ "checkpoint", show_done },
	{ "log level error", show_done },
	{ "log level warning", show_done },
	{ "log level notice", show_done },
	{ "log level info", show_done },
	{ "log level debug", show_done },
};
#define NCOMMANDS (sizeof(commands) / sizeof(commands[0]))

static void __attribute__((__noreturn__)) usage(void)
{
	(void)fprintf(stderr,
	    "usage: teslacoilctl [-j] [-s socket] show "
	    "[sources | files | destinations | counters]\n"
	    "       teslacoilctl [-j] [-s socket] reload | checkpoint\n"
	    "       teslacoilctl [-j] [-s socket] log level "
	    "error | warning | notice | info | debug\n");
	exit(2);
}

/* The command that the arguments are, or usage(). */
static const struct command *
find_command(char *const *argv)
{
	char words[WORDS] = "";
	size_t i;

	for (; *argv != NULL; argv++) {
		if (words[0] != '\0')
			(void)strlcat(words, " ", sizeof(words));
		if (strlcat(words, *argv, sizeof(words)) >= sizeof(words))
			usage();
	}
	for (i = 0; i < NCOMMANDS; i++)
		if (strcmp(commands[i].words, words) == 0)
			return (&commands[i]);
	usage();
}

static int
reach(const char *path)
{
	const struct timeval patience = { TIMEOUT, 0 };
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd;

	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path))
		errx(1, "%s: longer than the path of a socket may be", path);
	if ((fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		err(1, "socket");
	if (connect(fd, (const struct sockaddr *)&sun, sizeof(sun)) == -1)
		err(1,
		    "%s: cannot reach the daemon; is it running, with this "
		    "control_socket, and may you use it",
		    path);
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	return (fd);
}

/*
 * Asks once.  Returns the answer; NULL where the connection was closed without
 * a word: the worker that had accepted it has just been replaced.
 */
static json_t *
ask_once(const char *path, const char *request)
{
	size_t len = strlen(request);
	json_error_t error;
	json_t *answer;
	int fd = reach(path);
	ssize_t n;

	n = send(fd, request, len, MSG_NOSIGNAL);
	if (n == -1 && errno == EPIPE) {
		(void)close(fd);
		return (NULL);
	}
	if (n != (ssize_t)len)
		err(1, "%s", path);
	answer = json_loadfd(fd, 0, &error);
	(void)close(fd);
	if (answer == NULL && error.position != 0)
		errx(1,
		    "%s: no good answer: %s; the log of the daemon may say "
		    "more",
		    path, error.text);
	return (answer);
}

/* Returns the answer, which is an object. */
static json_t *
ask(const char *path, const char *words)
{
	const struct timespec pause = { .tv_nsec = AGAIN_NS };
	double end = clock_steady() + TIMEOUT;
	char request[WORDS + 1];
	json_t *answer;

	(void)snprintf(request, sizeof(request), "%s\n", words);
	while ((answer = ask_once(path, request)) == NULL) {
		if (clock_steady() >= end)
			errx(1,
			    "%s: no answer; the log of the daemon may say "
			    "more",
			    path);
		(void)nanosleep(&pause, NULL);
	}
	if (!json_is_object(answer))
		errx(1, "%s: no good answer", path);
	return (answer);
}

int
main(int argc, char **argv)
{
	const char *path = CONF_CONTROL_SOCKET, *error;
	const struct command *command;
	bool as_json = false;
	json_t *answer;
	int c;

	while ((c = getopt(argc, argv, "js:")) != -1)
		switch (c) {
		case 'j':
			as_json = true;
			break;
		case 's':
			path = optarg;
			break;
		default:
			usage();
		}
	command = find_command(argv + optind);
	answer = ask(path, command->words);
	error = json_string_value(json_object_get(answer, "error"));
	if (as_json) {
		(void)json_dumpf(answer, stdout, JSON_INDENT(2));
		(void)putchar('\n');
	} else if (error == NULL) {
		command->print(answer);
	}
	if (error != NULL)
		warnx("%s: %s", command->words, error);
	json_decref(answer);
	if (fflush(stdout) == EOF)
		err(1, "standard output");
	return (error != NULL ? 1 : 0);
}
