#include "daemon/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define LONGEST 1400 /* octets of a message */

static bool to_stderr = true;
static bool to_syslog;
static bool with_severity;
static int max_level = LOG_NOTICE;

void
log_open(bool foreground, int level)
{
	to_syslog = !foreground;
	with_severity = getenv("JOURNAL_STREAM") != NULL && !isatty(2);
	max_level = level;
	if (to_syslog)
		openlog("teslacoild", LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

void
log_detach(void)
{
	int null;

	if (!to_syslog)
		return;
	to_stderr = false;
	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1)
		return;
	(void)dup2(null, STDERR_FILENO);
	(void)close(null);
}

void
log_set_level(int level)
{
	max_level = level;
}

int
log_level(void)
{
	return (max_level);
}

/*
 * One write(2) a line, so that monitor and worker never mix theirs.  File
 * names come from outside: control characters must not reach a terminal.
 */
static void
put_stderr(int level, const char *text)
{
	char line[2048], *p;
	int len;

	if (with_severity)
		len = snprintf(line, sizeof(line), "<%d>%s\n", level, text);
	else
		len = snprintf(line, sizeof(line), "teslacoild: %s%s\n",
		    level <= LOG_ERR	       ? "error: "
			: level == LOG_WARNING ? "warning: "
					       : "",
		    text);
	if (len < 0)
		return;
	if ((size_t)len >= sizeof(line)) {
		len = sizeof(line) - 1;
		line[len - 1] = '\n';
	}
	for (p = line; p < line + len - 1; p++)
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	if (write(STDERR_FILENO, line, (size_t)len) == -1)
		return; /* nobody is left to tell */
}

/*
 * A path may be longer than a line of a log should be: what happened stands
 * behind it, so the middle is left out.
 */
static void
shorten(char *text, size_t most)
{
	static const char gap[] = "[...]";
	size_t len = strlen(text), half = (most - sizeof(gap)) / 2;

	if (len < most)
		return;
	memcpy(text + half, gap, sizeof(gap) - 1);
	memmove(text + half + sizeof(gap) - 1, text + len - half, half + 1);
}

static void LOG_PRINTF(3, 0)
    emit(int level, int error, const char *fmt, va_list ap)
{
	char text[4 * PATH_MAX], *end;
	size_t used;

	if (level > max_level)
		return;
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	shorten(text, LONGEST);
	if (error != 0) {
		used = strlen(text);
		end = text + used;
		(void)snprintf(
		    end, sizeof(text) - used, ": %s", strerror(error));
	}
	if (to_stderr)
		put_stderr(level, text);
	if (to_syslog)
		syslog(level, "%s", text);
}

#define LOG_FUNCTION(name, level, error)                                       \
	void name(const char *fmt, ...)                                        \
	{                                                                      \
		int saved = errno;                                             \
		va_list ap;                                                    \
                                                                               \
		va_start(ap, fmt);                                             \
		emit(level, error, fmt, ap);                                   \
		va_end(ap);                                                    \
		errno = saved;                                                 \
	}

LOG_FUNCTION(log_error, LOG_ERR, saved)
LOG_FUNCTION(log_errorx, LOG_ERR, 0)
LOG_FUNCTION(log_warn, LOG_WARNING, saved)
LOG_FUNCTION(log_warnx, LOG_WARNING, 0)
LOG_FUNCTION(log_notice, LOG_NOTICE, 0)
LOG_FUNCTION(log_info, LOG_INFO, 0)
LOG_FUNCTION(log_debug, LOG_DEBUG, 0)
