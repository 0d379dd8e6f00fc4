/*
 * control_socket.h - the socket on which teslacoilctl(8) reaches the daemon.
 *
 * The monitor opens it, and every worker answers on it in turn: a question that
 * is asked while one worker replaces another waits for the new one.
 */
#ifndef BASE_CONTROL_SOCKET_H
#define BASE_CONTROL_SOCKET_H

#include <sys/types.h>
#include <sys/un.h>

#include "lib/reason.h"

/* Octets of a path, the end not counted. */
#define CONTROL_PATH_MAX (sizeof(((struct sockaddr_un *)0)->sun_path) - 1)

struct control {
	int fd; /* listens; -1: there is none */
	dev_t dev; /* what is removed at the end */
	ino_t ino;
	char path[CONTROL_PATH_MAX + 1];
};

/*
 * Listens at path, mode 0660, for group; its directory is made when only that
 * is missing.  What a dead daemon left there is replaced.  path NULL: there is
 * none.  Returns 0, or -1 with why set.
 */
int control_open(
    struct control *, const char *path, gid_t group, struct reason *why);

/* Closes it, and removes the socket as long as it is ours. */
void control_close(struct control *);

#endif
