#include "daemon/base/sd_notify.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"

#define STATUS_MS 60000

static struct sockaddr_un manager;
static socklen_t manager_len;
static uint64_t every_ms;

static void
read_watchdog(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	const char *error;
	long long n;

	if (usec == NULL)
		return;
	if (pid != NULL &&
	    strtonum(pid, 1, INT32_MAX, &error) != (long long)getpid())
		return;
	n = strtonum(usec, 1, INT64_MAX, &error);
	if (error == NULL)
		every_ms = (uint64_t)n / 2000;
}

void
sd_notify_init(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t len;

	if (path != NULL && (path[0] == '/' || path[0] == '@') &&
	    (len = strlen(path)) < sizeof(manager.sun_path)) {
		manager.sun_family = AF_UNIX;
		memcpy(manager.sun_path, path, len);
		/* '@' stands for the abstract namespace, unix(7). */
		if (path[0] == '@')
			manager.sun_path[0] = '\0';
		manager_len =
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
		every_ms = STATUS_MS;
		read_watchdog();
	}
	(void)unsetenv("NOTIFY_SOCKET");
	(void)unsetenv("WATCHDOG_USEC");
	(void)unsetenv("WATCHDOG_PID");
}

static void __attribute__((__format__(printf, 2, 0)))
tell(int flags, const char *fmt, va_list ap)
{
	/* A manager that hangs must not keep us from our work. */
	const struct timeval patience = { .tv_sec = 1 };
	char text[512];
	int fd, len;

	if (manager_len == 0)
		return;
	len = vsnprintf(text, sizeof(text), fmt, ap);
	if (len < 0 || (size_t)len >= sizeof(text))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return;
	(void)setsockopt(
	    fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	(void)sendto(fd, text, (size_t)len, MSG_NOSIGNAL | flags,
	    (const struct sockaddr *)&manager, manager_len);
	(void)close(fd);
}

void
sd_notify_send(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(0, fmt, ap);
	va_end(ap);
}

void
sd_notify_beat(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(MSG_DONTWAIT, fmt, ap);
	va_end(ap);
}

void
sd_notify_reloading(void)
{
	sd_notify_send("RELOADING=1\nMONOTONIC_USEC=%llu\n",
	    (unsigned long long)clock_steady_us());
}

uint64_t
sd_notify_every_ms(void)
{
	return (every_ms);
}
