/*
 * conf.h - the configuration, checked, as plain structures.
 *
 * Whatever can be found wrong without touching the network is found here, so
 * that "teslacoild -n" and a reload say it before anything is changed.
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
	CONF_UNIX,			/* datagram or stream, as the peer has it */
	CONF_STDOUT,
	CONF_RELP,
	CONF_RELP_TLS
};

struct conf_url {
	char			*text;	/* as it was written */
	enum conf_scheme	 scheme;
	bool			 srv;	/* host is _service._proto.name */
	char			*host;	/* name or address, without [] */
	char			*peer;	/* see conf_url_peer() */
	char			*port;	/* NULL: the records of host have it */
	char			*path;	/* unix */
};

enum conf_policy {
	CONF_FAILOVER,			/* the first url that works */
	CONF_BALANCE			/* every file to one of them */
};

struct conf_bytes {			/* of a file; p NULL: none */
	uint8_t			*p;
	size_t			 n;
};

/* Read here, so that whoever connects needs no right to read keys. */
struct conf_tls {
	struct conf_bytes	 ca;	/* none: the system's */
	struct conf_bytes	 cert;
	struct conf_bytes	 key;
	char			*server_name;	/* NULL: the url's host */
	char			**fingerprints;	/* "SHA256:" and small hex */
	size_t			 nfingerprints;	/* 0: the CA decides */
	bool			 verify;
	bool			 only_1_3;
};

#define CONF_URLS	16		/* of one destination, at the most */
#define CONF_RESEND_AUTO	UINT64_MAX

struct conf_destination {
	TAILQ_ENTRY(conf_destination) entry;
	char			*name;
	struct conf_url		 urls[CONF_URLS];	/* of one scheme */
	size_t			 nurls;
	struct conf_tls		 tls;
	enum conf_policy	 policy;
	uint64_t		 resend_on_reset;	/* bytes, or AUTO */
	uint64_t		 keepalive_ms;	/* 0: none */
	char			*bind;		/* address, or NULL */
	uint64_t		 rate_limit;	/* messages a second, 0: none */
	size_t			 relp_window;	/* messages without a response,
						   0: as many as window has */
	enum syslog_format	 format;
	enum syslog_format	 datagram_format; /* to a unix socket */
	bool			 bom;	/* before text beyond ASCII */
	enum wire		 wire;	/* on a stream; newline for stdout */
	enum pack_oversize	 oversize;
	size_t			 max_message;
	size_t			 window;	/* octets at first, and */
	size_t			 window_most;	/* as far as it may grow */
	uint64_t		 connect_timeout_ms;
	uint64_t		 ack_timeout_ms;
	uint64_t		 retry_first_ms;
	uint64_t		 retry_longest_ms;
};
TAILQ_HEAD(conf_destinations, conf_destination);

enum conf_symlinks {
	CONF_SYMLINKS_SAFE,		/* such as nobody could have planted */
	CONF_SYMLINKS_FOLLOW,
	CONF_SYMLINKS_IGNORE
};

struct conf_source {
	TAILQ_ENTRY(conf_source) entry;
	char			*name;
	struct pattern		**patterns;
	char			**paths;	/* as written */
	size_t			 npatterns;
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
	char			*sd;		/* encoded elements, or "" */
	bool			 position;
	bool			 compressed;	/* finish what was rotated */
	bool			 start_at_end;
	int			 recursive_depth;
	enum conf_symlinks	 symlinks;
	uint64_t		 ignore_older_ms;	/* 0: none is too old */
	int			 max_open;	/* 0: as the process may */
	struct text_rules	 text;
	uint64_t		 partial_timeout_ms;	/* 0: wait for the newline */
	bool			 poll;
	uint64_t		 poll_interval_ms;
};
TAILQ_HEAD(conf_sources, conf_source);

struct conf {
	char			*file;		/* NULL: from the command line */
	char			*state_dir;	/* NULL: no state is kept */
	char			*control_socket; /* NULL: there is none */
	char			*user;		/* NULL: stay who we are */
	char			*hostname;	/* of sources without one; "":
						   the system's */
	uint64_t		 checkpoint_interval_ms;
	uint64_t		 shutdown_timeout_ms;
	int			 log_level;	/* LOG_ERR ... LOG_DEBUG */
	struct reason		 warning;	/* what works but is wrong, or "" */
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
 * Reads and checks file.  macros replace ${name} in "..." strings.
 * Returns the configuration, or NULL with why set to "file:line: what is
 * wrong, and what would be right".  Free with conf_free().
 */
struct conf	*conf_load(const char *file, const struct conf_pairs *macros,
		    struct reason *why);

/*
 * The configuration that "teslacoild -d [-t url] [-o option=value] path ..."
 * means: a source for each path, one destination (url NULL: stdout:), no user,
 * no state but where an option says state_dir.  Relative paths count from the
 * current directory.  Errors read "-o option: what is wrong".
 */
struct conf	*conf_from_args(const char *url,
		    const struct conf_pairs *options, char *const *paths,
		    size_t npaths, struct reason *why);

/* Frees it and all that it owns; NULL is fine. */
void	conf_free(struct conf *);

/* The file that is read without -f, and where state is kept by default. */
#ifndef CONF_FILE
#define CONF_FILE	"/etc/teslacoil.conf"
#endif
#ifndef CONF_STATE_DIR
#define CONF_STATE_DIR	"/var/db/teslacoil"
#endif

#endif
