/*
 * teslacoild - forwards log files to syslog receivers, see teslacoild(8).
 */
#include <sys/wait.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <syslog.h>
#include <unistd.h>

#include "daemon/base/log.h"
#include "daemon/base/version.h"
#include "daemon/conf/conf.h"
#include "daemon/run/monitor.h"

#define MAX_PAIRS 128

struct arguments {
	bool foreground;
	bool check;
	int verbose;
	const char *file;
	const char *url;
	struct conf_pair macros[MAX_PAIRS];
	size_t nmacros;
	struct conf_pair options[MAX_PAIRS];
	size_t noptions;
	char *const *paths;
	size_t npaths;
	int ready_fd; /* who started us waits here */
};

static void __attribute__((__noreturn__)) usage(void)
{
	(void)fprintf(stderr,
	    "usage: teslacoild [-dnVv] [-D macro=value] [-f file]\n"
	    "       teslacoild -d [-v] [-o option=value] [-t url] path ...\n");
	exit(EX_USAGE);
}

static void
add_pair(struct conf_pair *pairs, size_t *n, char *arg, char option)
{
	char *equals = strchr(arg, '=');

	if (equals == NULL || equals == arg)
		errx(EX_USAGE, "-%c %s: write -%c name=value", option, arg,
		    option);
	if (*n == MAX_PAIRS)
		errx(EX_USAGE, "-%c: more than %d", option, MAX_PAIRS);
	*equals = '\0';
	pairs[*n].name = arg;
	pairs[(*n)++].value = equals + 1;
}

static void
parse(struct arguments *a, int argc, char **argv)
{
	int c;

	while ((c = getopt(argc, argv, "D:Vdf:no:t:v")) != -1)
		switch (c) {
		case 'D':
			add_pair(a->macros, &a->nmacros, optarg, 'D');
			break;
		case 'V':
			(void)printf(
			    "teslacoild %s\n%s\n", VERSION, BUILT_WITH);
			exit(0);
		case 'd':
			a->foreground = true;
			break;
		case 'f':
			a->file = optarg;
			break;
		case 'n':
			a->check = true;
			break;
		case 'o':
			add_pair(a->options, &a->noptions, optarg, 'o');
			break;
		case 't':
			a->url = optarg;
			break;
		case 'v':
			a->verbose++;
			break;
		default:
			usage();
		}
	a->paths = argv + optind;
	a->npaths = (size_t)(argc - optind);
	if (a->npaths > 0 && (a->file != NULL || a->nmacros > 0))
		errx(EX_USAGE,
		    "paths on the command line take the place of a "
		    "configuration: leave out -f and -D");
	if (a->npaths == 0 && (a->url != NULL || a->noptions > 0))
		errx(EX_USAGE, "-t and -o go with paths on the command line");
	if (a->npaths > 0 && !a->foreground && !a->check)
		errx(EX_USAGE,
		    "paths on the command line are for the foreground: "
		    "add -d");
}

static struct conf *
load(void *arg, struct reason *why)
{
	const struct arguments *a = arg;
	const struct conf_pairs macros = { a->macros, a->nmacros };
	const struct conf_pairs options = { a->options, a->noptions };
	struct conf *conf;

	if (a->npaths > 0)
		conf =
		    conf_from_args(a->url, &options, a->paths, a->npaths, why);
	else
		conf = conf_load(a->file, &macros, why);
	if (conf != NULL && a->verbose > 0)
		conf->log_level = a->verbose > 1 ? LOG_DEBUG : LOG_INFO;
	return (conf);
}

/*
 * Leaves the terminal.  Whoever started us waits until the daemon is ready,
 * so that a start script can tell whether it works.  Returns the descriptor
 * that says so.
 */
static int
leave_terminal(void)
{
	int null, pair[2], status;
	pid_t pid;
	char byte;

	if (pipe(pair) == -1)
		err(1, "pipe");
	if ((pid = fork()) == -1)
		err(1, "fork");
	if (pid != 0) {
		signals_release();
		(void)close(pair[1]);
		if (read(pair[0], &byte, 1) == 1)
			_exit(0);
		if (waitpid(pid, &status, 0) == pid && WIFEXITED(status))
			_exit(WEXITSTATUS(status));
		_exit(1);
	}
	(void)close(pair[0]);
	if (fcntl(pair[1], F_SETFD, FD_CLOEXEC) == -1 || setsid() == -1 ||
	    chdir("/") == -1)
		err(1, "daemon");
	if ((null = open("/dev/null", O_RDWR)) == -1)
		err(1, "/dev/null");
	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	if (null > STDERR_FILENO)
		(void)close(null);
	return (pair[1]);
}

static void
on_ready(void *arg)
{
	struct arguments *a = arg;

	if (a->ready_fd == -1)
		return;
	log_detach();
	if (write(a->ready_fd, "R", 1) == -1)
		log_debug("whoever started us is gone");
	(void)close(a->ready_fd);
	a->ready_fd = -1;
}

/* A file must not get the number of standard output. */
static void
fill_standard_descriptors(void)
{
	int fd;

	do {
		if ((fd = open("/dev/null", O_RDWR)) == -1)
			err(1, "/dev/null");
	} while (fd <= STDERR_FILENO);
	(void)close(fd);
}

/* A daemon leaves the directory that a relative path counts from. */
static const char *
absolute(const char *file, char path[PATH_MAX])
{
	return (realpath(file, path) != NULL ? path : file);
}

int
main(int argc, char **argv)
{
	struct arguments a = { .file = NULL, .ready_fd = -1 };
	struct monitor_ops ops = {
		.load = load, .on_ready = on_ready, .arg = &a
	};
	char path[PATH_MAX];
	struct reason why;
	struct conf *conf;

	fill_standard_descriptors();
	signals_hold();
	parse(&a, argc, argv);
	a.file = absolute(a.file == NULL ? CONF_FILE : a.file, path);
	if ((conf = load(&a, &why)) == NULL) {
		(void)fprintf(stderr, "%s\n", why.text);
		/* A service manager need not try that again and again. */
		return (a.check ? 1 : EX_CONFIG);
	}
	if (a.check) {
		if (conf->warning.text[0] != '\0')
			(void)fprintf(
			    stderr, "warning: %s\n", conf->warning.text);
		(void)fprintf(stderr, "configuration OK\n");
		conf_free(conf);
		return (0);
	}
	if (!a.foreground)
		a.ready_fd = leave_terminal();
	log_open(a.foreground, conf->log_level);
	return (monitor_run(&ops, conf));
}
