/*
 * copy.c - what the machine allows: a file read and written to a TCP sink.
 *
 * Reads and writes 256 KiB at a time, without looking at a byte of it.  What a
 * forwarder reaches is measured against this.
 */
#include <sys/socket.h>
#include <sys/types.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int
dial(const char *port)
{
	struct sockaddr_in sin;
	int fd;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	sin.sin_port = htons((in_port_t)atoi(port));
	if ((fd = socket(AF_INET, SOCK_STREAM, 0)) == -1)
		err(1, "socket");
	if (connect(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1)
		err(1, "connect");
	return (fd);
}

static void
write_all(int fd, const uint8_t *p, size_t n)
{
	ssize_t done;

	while (n > 0) {
		if ((done = write(fd, p, n)) == -1)
			err(1, "write");
		p += done;
		n -= (size_t)done;
	}
}

int
main(int argc, char **argv)
{
	static uint8_t buf[256 * 1024];
	ssize_t n;
	int file, sink;

	if (argc != 3) {
		fprintf(stderr, "usage: copy file port\n");
		return (2);
	}
	if ((file = open(argv[1], O_RDONLY)) == -1)
		err(1, "%s", argv[1]);
	sink = dial(argv[2]);
	while ((n = read(file, buf, sizeof(buf))) > 0)
		write_all(sink, buf, (size_t)n);
	if (n == -1)
		err(1, "%s", argv[1]);
	return (0);
}
