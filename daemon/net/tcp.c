#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>

#include "daemon/net/inside.h"
#include "daemon/net/tcp_info.h"

int
tcp_open(struct transport *t, const struct address *a, struct reason *why)
{
	const int on = 1;

	t->stream = true;
	if (transport_socket_connect(t, a, SOCK_STREAM, why) == -1)
		return (-1);
	(void)setsockopt(t->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (t->conf->keepalive_ms > 0) {
		(void)setsockopt(
		    t->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
		tcp_keepalive(t->fd, t->conf->keepalive_ms);
	}
	transport_socket_limit(t);
	return (0);
}

uint64_t
tcp_acked(struct transport *t, uint64_t written)
{
	struct tcp_facts f;

	/* Both sides tell their scale once, when they connect. */
	if (t->most == 0) {
		tcp_facts(t->fd, &f);
		if (f.most > 0)
			t->most = (uint64_t)f.most;
	}
	return (transport_socket_left(t, written));
}

static uint64_t
acked(struct transport *t)
{
	return (tcp_acked(t, t->written));
}

int64_t
tcp_silence_ms(struct transport *t)
{
	struct tcp_facts f;

	tcp_facts(t->fd, &f);
	return (f.silence_ms);
}

const struct transport_ops transport_tcp = {
	.facts = { .needs_address = true, .acks_unread = true },
	.open = tcp_open,
	.send = transport_socket_send,
	.recv = transport_socket_recv,
	.acked = acked,
	.silence_ms = tcp_silence_ms,
	.finish = transport_socket_finish,
};
