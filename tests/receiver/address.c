#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <arpa/inet.h>

#include <err.h>
#include <string.h>
#include <unistd.h>

#include "receiver.h"

void
parse_address(const char *s, struct address *a)
{
	static const struct address known[] = {
		{ "tcp", AF_INET, SOCK_STREAM, false, false, 0, NULL },
		{ "tls", AF_INET, SOCK_STREAM, true, false, 0, NULL },
		{ "relp", AF_INET, SOCK_STREAM, false, true, 0, NULL },
		{ "relp+tls", AF_INET, SOCK_STREAM, true, true, 0, NULL },
		{ "udp", AF_INET, SOCK_DGRAM, false, false, 0, NULL },
		{ "unix-stream", AF_UNIX, SOCK_STREAM, false, false, 0, NULL },
		{ "unix-dgram", AF_UNIX, SOCK_DGRAM, false, false, 0, NULL },
	};
	const char *colon = strchr(s, ':');
	size_t i, n;

	n = colon == NULL ? 0 : (size_t)(colon - s);
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (strlen(known[i].scheme) != n ||
		    strncmp(known[i].scheme, s, n) != 0)
			continue;
		*a = known[i];
		if (a->domain == AF_UNIX)
			a->path = colon + 1;
		else
			a->port =
			    (in_port_t)parse_number(colon + 1, 65535, "port");
		return;
	}
	errx(2,
	    "%s: not tcp:PORT, tls:PORT, relp:PORT, relp+tls:PORT, udp:PORT, "
	    "unix-stream:PATH or unix-dgram:PATH",
	    s);
}

static void
set_receive_buffer(const struct receiver *r, int fd)
{
	int size = r->rcvbuf;

	/* What the system allows is enough: only the driver asks for it. */
	if (size != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
}

static int
bind_unix(const struct address *a, int fd)
{
	struct sockaddr_un sun;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlen(a->path) >= sizeof(sun.sun_path))
		errx(2, "%s: too long for a socket", a->path);
	memcpy(sun.sun_path, a->path, strlen(a->path) + 1);
	unlink(a->path);
	if (bind(fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return (-1);
	/* The daemon under test runs as somebody else. */
	return (chmod(a->path, 0666));
}

static int
bind_inet(struct address *a, int fd)
{
	struct sockaddr_in sin;
	socklen_t len = sizeof(sin);
	int on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons(a->port);
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		return (-1);
	/* A receiver that was away comes back at the same port. */
	a->port = ntohs(sin.sin_port);
	return (0);
}

void
receiver_listen(struct receiver *r)
{
	struct address *a = &r->at;
	int fd;

	fd = socket(a->domain, a->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		err(1, "socket");
	set_receive_buffer(r, fd);
	if ((a->domain == AF_UNIX ? bind_unix(a, fd) : bind_inet(a, fd)) == -1)
		err(1, "bind");
	if (a->type == SOCK_STREAM && listen(fd, 128) == -1)
		err(1, "listen");
	r->listener = fd;
}

void
receiver_unlisten(struct receiver *r)
{
	if (r->listener == -1)
		return;
	close(r->listener);
	r->listener = -1;
	if (r->at.domain == AF_UNIX)
		unlink(r->at.path);
}
