/*
 * conf.h - the configuration, checked, as plain structures.
 *
 * Every mistake that can be found without the network is found while the
 * configuration is read, so that "teslacoild -n" and a reload report it before
 * the daemon changes anything.
 */
#ifndef CONF_H
#define CONF_H

#include <sys/queue.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/pack.h"
#include "lib/pattern.h"
#include "lib/reason.h"
#include "lib/syslog_header.h"

enum conf_scheme {
	CONF_UDP,
	CONF_TCP,
	CONF_TLS,
	CONF_UNIX,			/* datagrams, or else a stream */
	CONF_STDOUT,
	CONF_RELP,
	CONF_RELP_TLS
};

struct conf_url {
	char			*text;	/* as the user wrote it */
	enum conf_scheme	 scheme;
	bool			 srv;	/* host is _service._proto.name: SRV
					   records have hosts and ports */
	char			*host;	/* name or address, without []; NULL:
					   unix, stdout */
	char			*peer;	/* see conf_url_peer() */
	char			*port;	/* digits; NULL: srv, unix, stdout */
	char			*path;	/* of a unix socket, else NULL */
};

enum conf_policy {
	CONF_FAILOVER,			/* send to the first url that works */
	CONF_BALANCE			/* divide the files among the urls */
};

struct conf_bytes {			/* a file's content; p NULL: no file */
	uint8_t			*p;
	size_t			 n;
};

/*
 * The files are read with the configuration, so that the worker needs no right
 * to read keys.
 */
struct conf_tls {
	struct conf_bytes	 ca;	/* none: the system's CAs count */
	struct conf_bytes	 cert;
	struct conf_bytes	 key;
	char			*server_name;	/* NULL: the url's host */
	char			**fingerprints;	/* "SHA256:", 64 digits in
						   lower case */
	size_t			 nfingerprints;	/* 0: the CA decides */
	bool			 verify;	/* the receiver's certificate */
	bool			 only_1_3;	/* refuse TLS 1.2 */
};

#define CONF_URLS		16	/* of one destination, at most */
#define CONF_RESEND_AUTO	UINT64_MAX	/* the receiver's buffer */

struct conf_destination {
	TAILQ_ENTRY(conf_destination) entry;
	char			*name;
	struct conf_url		 urls[CONF_URLS];	/* of one scheme */
	size_t			 nurls;
	struct conf_tls		 tls;
	enum conf_policy	 policy;
	uint64_t		 resend_on_reset; /* bytes to send again
						   after a reset */
	uint64_t		 keepalive_ms;	/* idle time; 0: off */
	char			*bind;		/* local address; NULL: any */
	uint64_t		 rate_limit;	/* messages a second; 0: none */
	size_t			 relp_window;	/* messages without a response;
						   0: window is the limit */
	enum syslog_format	 format;
	enum syslog_format	 datagram_format; /* to a unix socket that
						   takes datagrams */
	bool			 bom;	/* before text beyond ASCII */
	enum wire		 wire;	/* how messages are framed */
	enum pack_oversize	 oversize;	/* what a longer one becomes */
	size_t			 max_message;	/* bytes */
	size_t			 window;	/* bytes without acknowledgement
						   at first, and */
	size_t			 window_most;	/* when it has grown */
	uint64_t		 connect_timeout_ms;
	uint64_t		 ack_timeout_ms;
	uint64_t		 retry_first_ms;
	uint64_t		 retry_longest_ms;
};
TAILQ_HEAD(conf_destinations, conf_destination);

enum conf_symlinks {
	CONF_SYMLINKS_SAFE,		/* follow links that no unprivileged
					   user can have planted */
	CONF_SYMLINKS_FOLLOW,
	CONF_SYMLINKS_IGNORE
};

struct conf_source {
	TAILQ_ENTRY(conf_source) entry;
	char			*name;
	struct pattern		**patterns;
	char			**paths;	/* the patterns' text */
	size_t			 npatterns;	/* of both */
	char			**exclude;
	size_t			 nexclude;
	struct conf_destination	**destinations;	/* never empty; borrowed */
	size_t			 ndestinations;
	int			 facility;
	int			 severity;
	char			*app_name;	/* never empty */
	char			*procid;
	char			*msgid;
	char			*hostname;	/* never empty */
	char			*sd;	/* structured data, encoded, or "" */
	bool			 position;	/* add file and offset to it */
	bool			 compressed;	/* read on in rotated files that
						   have been compressed */
	bool			 start_at_end;	/* of files without a record */
	int			 recursive_depth;	/* of ** */
	enum conf_symlinks	 symlinks;
	uint64_t		 ignore_older_ms;	/* 0: none is too old */
	int			 max_open;	/* files; 0: no limit */
	struct text_rules	 text;
	uint64_t		 partial_timeout_ms;	/* 0: wait for the
						   newline for ever */
	bool			 poll;	/* do not rely on events */
	uint64_t		 poll_interval_ms;
};
TAILQ_HEAD(conf_sources, conf_source);

struct conf {
	char			*file;		/* NULL: a command line */
	char			*state_dir;	/* NULL: no state is kept */
	char			*control_socket; /* path; NULL: there is none */
	char			*user;		/* to become; NULL: no change */
	char			*hostname;	/* of sources without one; "":
						   the system's */
	uint64_t		 checkpoint_interval_ms;
	uint64_t		 shutdown_timeout_ms;
	int			 log_level;	/* LOG_ERR ... LOG_DEBUG */
	struct reason		 warning;	/* to be logged; "": none */
	struct conf_destinations destinations;
	struct conf_sources	 sources;
};

/* A "name=value" of the command line: -D macro=value or -o option=value. */
struct conf_pair {
	const char		*name;
	const char		*value;
};

struct conf_pairs {
	const struct conf_pair	*p;
	size_t			 n;
};

/*
 * Reads and checks file, and the files that it includes.  The value of a macro
 * replaces ${name} in "..." strings; macros may be NULL.  Returns the
 * configuration, or NULL with why set to "file:line: what is wrong, and what
 * would be right".  Free with conf_free().
 */
struct conf	*conf_load(const char *file, const struct conf_pairs *macros,
		    struct reason *why);

/*
 * Makes the configuration of "teslacoild -d [-t url] [-o option=value] path
 * ...": a source for each path and one destination (url NULL: stdout:).  The
 * options user, state_dir and control_socket have no default here.  Relative
 * paths count from the current directory.  options may be NULL.  Returns the
 * configuration, or NULL with why set to "-o option: what is wrong".  Free with
 * conf_free().
 */
struct conf	*conf_from_args(const char *url,
		    const struct conf_pairs *options, char *const *paths,
		    size_t npaths, struct reason *why);

/* Frees the configuration with its sources and destinations; NULL is fine. */
void	conf_free(struct conf *);

/* Without -f, this file is read; without state_dir, state is kept there. */
#ifndef CONF_FILE
#define CONF_FILE	"/etc/teslacoil.conf"
#endif
#ifndef CONF_STATE_DIR
#define CONF_STATE_DIR	"/var/db/teslacoil"
#endif

#endif
