/*
 * control_socket.h - the socket on which teslacoilctl(8) reaches the daemon.
 *
 * The monitor opens the socket, and hands it to each worker: a request that
 * comes while one worker replaces another waits for the new worker.
 */
#ifndef BASE_CONTROL_SOCKET_H
#define BASE_CONTROL_SOCKET_H

#include <sys/types.h>
#include <sys/un.h>

#include "lib/reason.h"

/* Octets of a path, without its NUL. */
#define CONTROL_SOCKET_PATH_MAX \
	(sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

struct control {
	int	fd;			/* listens; -1: there is none */
	dev_t	dev;			/* of the socket's file, */
	ino_t	ino;			/* to remove no other */
	char	path[CONTROL_SOCKET_PATH_MAX + 1];
};

/*
 * Listens at path, with mode 0660 for group.  Makes its directory, if only that
 * is missing, and replaces a socket on which no daemon answers.  path NULL:
 * does nothing.  Returns 0, or -1 with why set.
 */
int	control_socket_open(struct control *, const char *path, gid_t group,
	    struct reason *why);

/* Closes the socket, and removes its file unless that is another by now. */
void	control_socket_close(struct control *);

#endif
