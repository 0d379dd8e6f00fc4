/*
 * profile.h - what a worker has to reach by its configuration: directories,
 * ports, names.  A sandbox allows that, and nothing else.
 */
#ifndef SANDBOX_PROFILE_H
#define SANDBOX_PROFILE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;

struct needs_dir {
	char			*path;	/* without links in it */
	dev_t			 dev;
	ino_t			 ino;	/* 0: not there yet */
};

/* Of a unix destination. */
struct needs_socket {
	char			*path;	/* without links in it */
	dev_t			 dev;	/* of the directory that it is in */
	ino_t			 ino;	/* 0: not there yet */
	int			 dir;	/* while it is open, no other directory
					   gets its identity; or -1 */
};

struct needs {
	struct needs_dir	*dirs;	/* to read, with all below */
	size_t			 ndirs;
	const char		*state_dir;	/* to write; NULL: none */
	uint16_t		*ports;	/* of tcp destinations */
	size_t			 nports;
	bool			 any_port;	/* SRV records have others */
	bool			 names;	/* are resolved */
	bool			 datagrams;	/* on the network: UDP, the DNS */
	bool			 unix_dests;	/* unix destinations */
	bool			 binds;	/* to a local address */
	bool			 system_ca;	/* the system's decides */
	bool			 unix_sockets;	/* destinations, control */
	struct needs_socket	*sockets;	/* to connect to */
	size_t			 nsockets;
};

/*
 * What conf, which is borrowed, needs: for a source the directory up to its
 * first wildcard.  Where that does not exist yet, the first part that is
 * missing stands for it.  Returns NULL with errno.  Free with needs_free().
 */
struct needs	*needs_new(const struct conf *);
void	needs_free(struct needs *);

/*
 * Adds where a symbolic link leads to: a directory, or the one that a file is
 * in.  Returns 1 when that is new, 0 when it was there, -1 with errno.
 */
int	needs_add_link(struct needs *, const char *path);

/*
 * Where now the same configuration needs something else than before: the path
 * of a directory that is there and was another or none, or of one of which more
 * is there now, or of a socket that is elsewhere or whose directory was another
 * or none; or NULL.
 */
const char	*needs_differ(const struct needs *before,
		    const struct needs *now);

/* Whether path, which has no links in it, is one of dirs or below one. */
bool	needs_have(const struct needs *, const char *path);

#endif
