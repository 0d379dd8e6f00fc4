#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "daemon/net/inside.h"

/* poll(2) promises that this many octets can be written without blocking. */
#define CHUNK 4096

static int
stdout_open(struct transport *t, const struct address *a, struct reason *why)
{
	(void)a;
	(void)why;
	t->fd = STDOUT_FILENO;
	t->stream = true;
	return (0);
}

/*
 * Other processes share the descriptor and would be surprised by O_NONBLOCK:
 * writes only what cannot block.
 */
static ssize_t
stdout_send(struct transport *t, const uint8_t *p, size_t n)
{
	struct pollfd pfd = { .fd = t->fd, .events = POLLOUT };
	size_t done = 0;
	ssize_t w;

	while (done < n) {
		if (poll(&pfd, 1, 0) < 1) {
			errno = EAGAIN;
			break;
		}
		if (pfd.revents & POLLERR) {
			errno = EPIPE;
			break;
		}
		w = write(t->fd, p + done, n - done < CHUNK ? n - done : CHUNK);
		if (w == -1)
			break;
		done += (size_t)w;
	}
	return (done > 0 ? (ssize_t)done : -1);
}

const struct transport_ops transport_stdout = {
	.facts = { .borrowed = true },
	.open = stdout_open,
	.send = stdout_send,
};
