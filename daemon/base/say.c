#include "daemon/base/say.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <xxhash.h>

#define TEXT 1024
#define DIRS 256 /* are told apart, by a hash: some share what they have */

struct bound {
	unsigned in_all;
	unsigned in_dir[DIRS];
	uint64_t others;
};

static struct {
	struct ev_loop *loop; /* NULL: there is no bound */
	ev_timer end; /* of this while; it began with a message */
	struct bound grave;
	struct bound plain; /* they leave the grave ones their room */
	uint64_t key;
} said;

static void
end_while(void)
{
	if (said.grave.others > 0)
		log_warnx(
		    "and %llu others like these in %.0f s: \"teslacoilctl "
		    "log level debug\" has them named",
		    (unsigned long long)said.grave.others, said.end.repeat);
	if (said.plain.others > 0)
		log_info("and %llu others like these in %.0f s",
		    (unsigned long long)said.plain.others, said.end.repeat);
	said.grave = said.plain = (struct bound) { 0 };
	ev_timer_stop(said.loop, &said.end);
}

static void
on_end(struct ev_loop *loop, ev_timer *timer, int revents)
{
	(void)loop;
	(void)timer;
	(void)revents;
	end_while();
}

void
say_open(struct ev_loop *loop, double seconds)
{
	ev_timer_init(&said.end, on_end, seconds, seconds);
	arc4random_buf(&said.key, sizeof(said.key));
	said.loop = loop;
}

void
say_close(void)
{
	if (said.loop == NULL)
		return;
	on_end(said.loop, &said.end, 0);
	said.loop = NULL;
}

/*
 * Of the directory that path is in.  Who names directories does not know the
 * key, and so not which of them share what they have with that of another user.
 */
static unsigned
hash_of(const char *path)
{
	const char *end = strrchr(path, '/');
	size_t len = end != NULL ? (size_t)(end - path) : 0;

	return ((unsigned)(XXH3_64bits_withSeed(path, len, said.key) % DIRS));
}

static bool
may_say(struct bound *b, const char *path)
{
	unsigned *in_dir = &b->in_dir[hash_of(path)];

	if (said.loop == NULL)
		return (true);
	if (!ev_is_active(&said.end))
		ev_timer_again(said.loop, &said.end);
	if (*in_dir >= SAY_IN_DIR || b->in_all >= SAY_IN_ALL) {
		b->others++;
		return (false);
	}
	(*in_dir)++;
	b->in_all++;
	return (true);
}

static void LOG_PRINTF(3, 0) say(const char *path,
    void (*log)(const char *, ...), const char *fmt, va_list ap)
{
	struct bound *b = log == log_info ? &said.plain : &said.grave;
	int error = errno;
	char text[TEXT];

	if (log == log_info && log_level() < LOG_INFO)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	errno = error;
	if (may_say(b, path))
		log("%s: %s", path, text);
	else
		log_debug("%s: %s", path, text);
	errno = error;
}

#define SAY_FUNCTION(name, log)                                                \
	void name(const char *path, const char *fmt, ...)                      \
	{                                                                      \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, fmt);                                             \
		say(path, log, fmt, ap);                                       \
		va_end(ap);                                                    \
	}

SAY_FUNCTION(say_warn, log_warn)
SAY_FUNCTION(say_warnx, log_warnx)
SAY_FUNCTION(say_notice, log_notice)
SAY_FUNCTION(say_info, log_info)
