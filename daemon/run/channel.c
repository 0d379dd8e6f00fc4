#include "daemon/run/channel.h"

#include <sys/types.h>

#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/fdpass.h"

/* Most messages have no text, and none is sent of it. */
#define TEXT offsetof(struct channel_message, why)

int
channel_say(int channel, const struct channel_message *m, int fd, int wait_ms)
{
	size_t n = TEXT;

	if (m->word == CHANNEL_REFUSES)
		n += strlen(m->why.text);
	return (fdpass_send(channel, m, n, fd, wait_ms));
}

int
channel_hear(int channel, struct channel_message *m, int *fd)
{
	ssize_t n;

	for (;;) {
		memset(m, 0, sizeof(*m));
		n = fdpass_recv(channel, m, sizeof(*m) - 1, fd);
		if (n <= 0)
			return ((int)n);
		if ((size_t)n >= TEXT)
			return (1);
		if (*fd >= 0)
			(void)close(*fd);
	}
}
