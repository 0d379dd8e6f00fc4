#include "daemon/conf/local.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "lib/pattern.h"

#define CONF_MOST (1024 * 1024) /* octets of one configuration */
#define PORT "514"

struct conf_local {
	const char *root;
	char **files; /* that a configuration names */
	size_t nfiles;
	bool is_configured; /* one could be read */
	bool listens; /* to a network, by what it says */
	bool failed; /* out of memory */
};

/* Where they are, and what they are written in. */
struct syntax {
	const char *glob;
	void (*scan)(struct conf_local *, char *text);
};

/* Debian, Red Hat, SUSE, the BSDs. */
static const char *const usual[] = { "/var/log/syslog", "/var/log/messages",
	"/var/log/daemon.log", "/var/log/daemon", "/var/log/auth.log",
	"/var/log/authlog", "/var/log/secure", "/var/log/kern.log",
	"/var/log/user.log", "/var/log/mail.log", "/var/log/maillog",
	"/var/log/cron.log", "/var/log/debug", "/var/log/debug.log",
	"/var/log/all.log", "/var/log/localmessages", "/var/log/warn" };

static const char *const sockets[] = { "/dev/log", "/var/run/log", "/run/log",
	"/run/systemd/journal/dev-log", "/run/systemd/journal/syslog" };

#define count_of(a) (sizeof(a) / sizeof((a)[0]))

static void
add_file(struct conf_local *l, const char *path, size_t len)
{
	char **grown;

	/* A name with what is put in when it is written is not known. */
	if (len == 0 || *path != '/' || memchr(path, '$', len) != NULL ||
	    memchr(path, '%', len) != NULL)
		return;
	grown = reallocarray(l->files, l->nfiles + 1, sizeof(*grown));
	if (grown == NULL) {
		l->failed = true;
		return;
	}
	l->files = grown;
	if ((grown[l->nfiles] = strndup(path, len)) == NULL)
		l->failed = true;
	else
		l->nfiles++;
}

/* Blanks comments out: from # at the start of a word to the line's end. */
static void
blank_comments(char *text)
{
	char quote = '\0', before = '\n';

	for (char *p = text; *p != '\0'; before = *p++) {
		if (*p == quote || *p == '\n')
			quote = '\0';
		else if (quote == '\0' && *p == '"')
			quote = *p;
		else if (quote == '\0' && *p == '#' &&
		    strchr(" \t\n", before) != NULL)
			for (; *p != '\0' && *p != '\n'; p++)
				*p = ' ';
		if (*p == '\0')
			break;
	}
}

/* "mail.info;*.err -/var/log/mail.log;template": selector, blanks, a path. */
static void
scan_line(struct conf_local *l, const char *line, size_t n)
{
	size_t first, at;

	while (n > 0 && strchr(" \t\r", line[n - 1]) != NULL)
		n--;
	for (; n > 0 && strchr(" \t", *line) != NULL; n--)
		line++;
	for (first = 0; first < n && strchr(" \t", line[first]) == NULL;)
		first++;
	for (at = n; at > first && strchr(" \t", line[at - 1]) == NULL;)
		at--;
	if (first == n || at <= first || *line == '$' ||
	    (strchr("&:", *line) == NULL && memchr(line, '.', first) == NULL &&
		memmem(line, n, " then ", 6) == NULL))
		return;
	line += at;
	n -= at;
	if (*line == '-') {
		line++;
		n--;
	}
	for (at = 0; at < n && line[at] != ';';)
		at++;
	add_file(l, line, at);
}

/* The string behind name in p[0..n), which is quoted or in brackets. */
static void
add_quoted(struct conf_local *l, const char *p, size_t n, const char *name)
{
	const char *end = p + n, *close;

	for (; p + strlen(name) < end; p++) {
		if (strncasecmp(p, name, strlen(name)) != 0)
			continue;
		p += strlen(name);
		p += strspn(p, " \t\n");
		if (*p != '"' && *p != '\'')
			continue;
		if ((close = strchr(p + 1, *p)) == NULL || close >= end)
			return;
		add_file(l, p + 1, (size_t)(close - p - 1));
		p = close;
	}
}

/* action(type="omfile" file="/var/log/x") */
static void
scan_actions(struct conf_local *l, const char *text)
{
	const char *p = text, *end;

	while ((p = strcasestr(p, "action(")) != NULL) {
		p += strlen("action(");
		if ((end = strchr(p, ')')) == NULL)
			return;
		if (memmem(p, (size_t)(end - p), "omfile", 6) != NULL)
			add_quoted(l, p, (size_t)(end - p), "file=");
		p = end;
	}
}

/* The configuration of rsyslog, which takes that of syslogd too. */
static void
scan_rsyslog(struct conf_local *l, char *text)
{
	static const char *const inputs[] = { "imudp", "imtcp", "imptcp",
		"UDPServerRun", "TCPServerRun" };
	size_t n;

	for (size_t i = 0; i < count_of(inputs); i++)
		if (strcasestr(text, inputs[i]) != NULL)
			l->listens = true;
	scan_actions(l, text);
	for (; *text != '\0'; text += n + (text[n] == '\n')) {
		n = strcspn(text, "\n");
		scan_line(l, text, n);
	}
}

/* Whether it listens stands on its command line. */
static void
scan_syslogd(struct conf_local *l, char *text)
{
	l->listens = true;
	scan_rsyslog(l, text);
}

/* destination d { file("/var/log/x"); }; */
static void
scan_syslog_ng(struct conf_local *l, char *text)
{
	static const char word[] = "destination";
	const char *p = text, *open, *end;

	if (strstr(text, "udp(") != NULL || strstr(text, "tcp(") != NULL ||
	    strstr(text, "network(") != NULL || strstr(text, "syslog(") != NULL)
		l->listens = true;
	while ((p = strstr(p, word)) != NULL) {
		p += sizeof(word) - 1;
		open = p + strcspn(p, "{(;");
		if (*open != '{')
			continue;
		if ((end = strchr(open, '}')) == NULL)
			return;
		add_quoted(l, open, (size_t)(end - open), "file(");
		p = end;
	}
}

static const struct syntax syntaxes[] = {
	{ "/etc/rsyslog.conf", scan_rsyslog },
	{ "/etc/rsyslog.d/*.conf", scan_rsyslog },
	{ "/usr/local/etc/rsyslog.conf", scan_rsyslog },
	{ "/usr/local/etc/rsyslog.d/*.conf", scan_rsyslog },
	{ "/etc/syslog.conf", scan_syslogd },
	{ "/etc/syslog.d/*.conf", scan_syslogd },
	{ "/etc/syslog-ng/syslog-ng.conf", scan_syslog_ng },
	{ "/etc/syslog-ng/conf.d/*.conf", scan_syslog_ng },
	{ "/usr/local/etc/syslog-ng.conf", scan_syslog_ng },
	{ "/usr/local/etc/syslog-ng/syslog-ng.conf", scan_syslog_ng },
};

static void
read_one(struct conf_local *l, const struct syntax *s, const char *path)
{
	char *text;
	ssize_t n;
	int fd;

	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)) == -1)
		return;
	if ((text = malloc(CONF_MOST + 1)) == NULL)
		l->failed = true;
	else if ((n = read(fd, text, CONF_MOST)) >= 0) {
		text[n] = '\0';
		blank_comments(text);
		l->is_configured = true;
		s->scan(l, text);
	}
	free(text);
	close(fd);
}

struct conf_local *
conf_local_read(const char *root)
{
	struct conf_local *l;
	char pattern[PATH_MAX];
	glob_t found;

	if ((l = calloc(1, sizeof(*l))) == NULL)
		return (NULL);
	l->root = root;
	for (size_t i = 0; i < count_of(syntaxes); i++) {
		(void)snprintf(
		    pattern, sizeof(pattern), "%s%s", root, syntaxes[i].glob);
		if (glob(pattern, 0, NULL, &found) == 0) {
			for (size_t j = 0; j < found.gl_pathc; j++)
				read_one(l, &syntaxes[i], found.gl_pathv[j]);
			globfree(&found);
		}
	}
	if (!l->failed)
		return (l);
	conf_local_free(l);
	return (NULL);
}

void
conf_local_free(struct conf_local *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->nfiles; i++)
		free(l->files[i]);
	free(l->files);
	free(l);
}

/* Whether s means path; named: as it is, not by a glob. */
static bool
means(const struct conf_source *s, const char *path, bool *named)
{
	bool found = false;

	*named = false;
	for (size_t i = 0; i < s->npatterns; i++)
		if (pattern_excludes(s->paths[i], path)) {
			found = true;
			*named = *named || strcmp(s->paths[i], path) == 0;
		}
	for (size_t i = 0; i < s->nexclude && found; i++)
		found = !pattern_excludes(s->exclude[i], path);
	return (found);
}

static bool
is_there(const struct conf_local *l, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	(void)snprintf(full, sizeof(full), "%s%s", l->root, path);
	return (stat(full, &st) == 0);
}

const char *
conf_local_writes(const struct conf_local *l, const struct conf_source *s)
{
	bool named;

	for (size_t i = 0; i < l->nfiles; i++)
		if (means(s, l->files[i], &named))
			return (l->files[i]);
	for (size_t i = 0; i < count_of(usual); i++)
		if (means(s, usual[i], &named) &&
		    (named || is_there(l, usual[i])))
			return (usual[i]);
	return (NULL);
}

static bool
is_here(const char *host)
{
	static const char name[] = "localhost";

	return (strcasecmp(host, name) == 0 || strncmp(host, "127.", 4) == 0 ||
	    strcmp(host, "::1") == 0);
}

static bool
is_its_socket(const char *path)
{
	for (size_t i = 0; i < count_of(sockets); i++)
		if (strcmp(path, sockets[i]) == 0)
			return (true);
	return (false);
}

/* At its port may be another, a container's, where it is known not to be. */
static bool
takes(const struct conf_local *l, const struct conf_url *url)
{
	switch (url->scheme) {
	case CONF_UNIX:
		return (is_its_socket(url->path));
	case CONF_UDP:
	case CONF_TCP:
		return (!url->srv && is_here(url->peer) &&
		    strcmp(url->port, PORT) == 0 &&
		    (l == NULL || l->listens || !l->is_configured));
	case CONF_TLS:
	case CONF_RELP:
	case CONF_RELP_TLS:
	case CONF_STDOUT:
		break;
	}
	return (false);
}

bool
conf_local_takes(const struct conf_local *l, const struct conf_destination *d)
{
	for (size_t i = 0; i < d->nurls; i++)
		if (takes(l, &d->urls[i]))
			return (true);
	return (false);
}

int
conf_local_check(const struct conf_local *l, const struct conf_source *s,
    const struct conf_destination *d, struct reason *why)
{
	const char *file = conf_local_writes(l, s);

	if (file == NULL || !conf_local_takes(l, d))
		return (0);
	return (reason_set(why,
	    "the syslog daemon of this host, destination \"%s\", writes %s: "
	    "each "
	    "line would come back for ever: exclude = \"%s\", or send it "
	    "elsewhere",
	    d->name, file, file));
}
