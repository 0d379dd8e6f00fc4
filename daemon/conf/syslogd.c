#include "daemon/conf/syslogd.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "daemon/conf/url.h"
#include "lib/pattern.h"

#define CONF_MOST (1024 * 1024) /* octets of one configuration */
#define PORT "514"

struct conf_syslogd {
	const char *root;
	char **files; /* that a configuration names */
	size_t nfiles;
	bool is_configured; /* one could be read */
	bool listens; /* to a network, by what it says */
	bool failed; /* out of memory */
};

/* The configurations of a daemon, and how their text is read. */
struct syntax {
	const char *glob;
	void (*scan)(struct conf_syslogd *, char *text);
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
add_file(struct conf_syslogd *l, const char *path, size_t len)
{
	char **grown;

	/* "$" and "%" begin what the daemon replaces as it writes. */
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

/* Overwrites comments: from # at the start of a word to the end of the line. */
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
scan_line(struct conf_syslogd *l, const char *line, size_t n)
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

/* Adds each string in quotes behind name in p[0..n). */
static void
add_quoted(struct conf_syslogd *l, const char *p, size_t n, const char *name)
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
scan_actions(struct conf_syslogd *l, const char *text)
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

/* rsyslog also reads the syntax of syslogd. */
static void
scan_rsyslog(struct conf_syslogd *l, char *text)
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

/* Only its command line tells whether syslogd listens to a network. */
static void
scan_syslogd(struct conf_syslogd *l, char *text)
{
	l->listens = true;
	scan_rsyslog(l, text);
}

/* destination d { file("/var/log/x"); }; */
static void
scan_syslog_ng(struct conf_syslogd *l, char *text)
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
read_one(struct conf_syslogd *l, const struct syntax *s, const char *path)
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

struct conf_syslogd *
conf_syslogd_read(const char *root)
{
	struct conf_syslogd *l;
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
	conf_syslogd_free(l);
	return (NULL);
}

void
conf_syslogd_free(struct conf_syslogd *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->nfiles; i++)
		free(l->files[i]);
	free(l->files);
	free(l);
}

/* Whether s matches path; sets *named if it does so literally. */
static bool
matches(const struct conf_source *s, const char *path, bool *named)
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
is_there(const struct conf_syslogd *l, const char *path)
{
	char full[PATH_MAX];
	struct stat st;

	(void)snprintf(full, sizeof(full), "%s%s", l->root, path);
	return (stat(full, &st) == 0);
}

const char *
conf_syslogd_writes(const struct conf_syslogd *l, const struct conf_source *s)
{
	bool named;

	for (size_t i = 0; i < l->nfiles; i++)
		if (matches(s, l->files[i], &named))
			return (l->files[i]);
	for (size_t i = 0; i < count_of(usual); i++)
		if (matches(s, usual[i], &named) &&
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

/* If the daemon does not listen, its port may be a container's. */
static bool
receives(const struct conf_syslogd *l, const struct conf_url *url)
{
	if (url->path != NULL)
		return (is_its_socket(url->path));
	return (url->port != NULL && !conf_url_is_tls(url) &&
	    !conf_url_is_relp(url) && is_here(url->peer) &&
	    strcmp(url->port, PORT) == 0 &&
	    (l == NULL || l->listens || !l->is_configured));
}

bool
conf_syslogd_receives(
    const struct conf_syslogd *l, const struct conf_destination *d)
{
	for (size_t i = 0; i < d->nurls; i++)
		if (receives(l, &d->urls[i]))
			return (true);
	return (false);
}

int
conf_syslogd_check(const struct conf_syslogd *l, const struct conf_source *s,
    const struct conf_destination *d, struct reason *why)
{
	const char *file = conf_syslogd_writes(l, s);

	if (file == NULL || !conf_syslogd_receives(l, d))
		return (0);
	return (reason_set(why,
	    "the syslog daemon of this host, destination \"%s\", writes %s: "
	    "each line would come back for ever: exclude = \"%s\", or send it "
	    "elsewhere",
	    d->name, file, file));
}
