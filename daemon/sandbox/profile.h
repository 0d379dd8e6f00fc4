/*
 * profile.h - what a worker must reach by its configuration: directories,
 * ports, sockets, the DNS.  Its sandbox allows this, and nothing else.
 */
#ifndef SANDBOX_PROFILE_H
#define SANDBOX_PROFILE_H

#include <sys/types.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;

struct profile_dir {
	char		*path;		/* without symbolic links in it */
	dev_t		 dev;
	ino_t		 ino;		/* 0: it does not exist yet */
};

struct profile_socket {			/* of a unix destination */
	char		*path;		/* without symbolic links in it */
	dev_t		 dev;		/* of its directory */
	ino_t		 ino;		/* of its directory; 0: it does not
					   exist yet */
	int		 dir;		/* its directory, open so that no other
					   one gets the same inode; or -1 */
};

struct profile {
	struct profile_dir *dirs;	/* to read, with everything below */
	size_t		 ndirs;
	const char	*state_dir;	/* to write; NULL: none */
	uint16_t	*ports;		/* of TCP, to connect to */
	size_t		 nports;
	bool		 any_port;	/* SRV records tell the ports */
	bool		 names;		/* names are resolved */
	bool		 datagrams;	/* sent on the network: UDP, the DNS */
	bool		 unix_destinations;	/* there are some */
	bool		 binds;		/* to a local address */
	bool		 system_ca;	/* the system's list of authorities
					   decides on a certificate */
	bool		 unix_sockets;	/* unix destinations, or the control
					   socket */
	struct profile_socket *sockets;	/* to connect to */
	size_t		 nsockets;
};

/*
 * Returns what conf needs; borrows conf.  For a source that is the directory
 * before the first wildcard; where that does not exist yet, the first part of
 * the path that is missing.  Returns NULL with errno.  Free it with
 * profile_free().
 */
struct profile	*profile_new(const struct conf *);
void	profile_free(struct profile *);

/*
 * Adds the directory path, or that of the file path, to which a symbolic link
 * leads.  The path had no links in it when the worker judged it: a link that is
 * there now was put there since, perhaps by a user, and is refused.  Returns 1
 * when the directory is new, 0 when it was there, -1 with errno.
 */
int	profile_add_link(struct profile *, const char *path);

/*
 * Compares two profiles of the same configuration.  Returns the path of a
 * directory of now that is new, is another one, or of which another part exists
 * now; or of a socket that has moved, or whose directory is new or another one.
 * The path is borrowed from now.  Returns NULL where a worker that was started
 * with before reaches everything.
 */
const char	*profile_difference(const struct profile *before,
		    const struct profile *now);

/*
 * Whether path, which has no symbolic links in it, is one of dirs or below one.
 */
bool	profile_has(const struct profile *, const char *path);

#endif
