#include "syslog_header.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "text.h"

#define STAMP_5424 "0000-00-00T00:00:00.000000+00:00"
#define STAMP_3164 "Jan  0 00:00:00"
#define SD_NAME_MAX 32

#define count_of(a) (sizeof(a) / sizeof((a)[0]))

struct name {
	const char *name;
	int number;
};

static const struct name facilities[] = {
	{ "kern", 0 },
	{ "user", 1 },
	{ "mail", 2 },
	{ "daemon", 3 },
	{ "auth", 4 },
	{ "syslog", 5 },
	{ "lpr", 6 },
	{ "news", 7 },
	{ "uucp", 8 },
	{ "cron", 9 },
	{ "authpriv", 10 },
	{ "ftp", 11 },
	{ "ntp", 12 },
	{ "security", 13 },
	{ "console", 14 },
	{ "clock", 15 },
	{ "local0", 16 },
	{ "local1", 17 },
	{ "local2", 18 },
	{ "local3", 19 },
	{ "local4", 20 },
	{ "local5", 21 },
	{ "local6", 22 },
	{ "local7", 23 },
};

static const struct name severities[] = {
	{ "emerg", 0 },
	{ "panic", 0 },
	{ "alert", 1 },
	{ "crit", 2 },
	{ "err", 3 },
	{ "error", 3 },
	{ "warning", 4 },
	{ "warn", 4 },
	{ "notice", 5 },
	{ "info", 6 },
	{ "debug", 7 },
};

/* Without '@' a name belongs to the IETF: these are IANA's "SD-ID values". */
static const char *const registered_ids[] = { "timeQuality", "origin", "meta",
	"snmp", "alarm", "ssign", "ssign-cert", "PCNNode", "PCNTerm" };

static bool
is_printable(char c)
{
	return (c >= 33 && c <= 126);
}

/* Writes at most max characters of s, '_' for what is not allowed in it. */
static void
put_name(FILE *f, const char *s, size_t max, const char *forbidden)
{
	if (*s == '\0')
		(void)fputc('-', f);
	for (; *s != '\0' && max > 0; s++, max--) {
		if (is_printable(*s) && strchr(forbidden, *s) == NULL)
			(void)fputc(*s, f);
		else
			(void)fputc('_', f);
	}
}

static void
put_field(FILE *f, const char *s, size_t max)
{
	put_name(f, s, max, "");
	(void)fputc(' ', f);
}

/* Writes a PARAM-VALUE between its quotes. */
static void
put_value(FILE *f, const char *value)
{
	static const struct text_rules rules = { TEXT_INVALID_REPLACE,
		TEXT_CONTROL_ESCAPE };
	struct text_result r;
	uint8_t text[256];
	size_t len = strlen(value);

	for (; len > 0; value += r.used, len -= r.used) {
		r = text_convert(
		    &rules, (const uint8_t *)value, len, text, sizeof(text));
		for (size_t i = 0; i < r.made; i++) {
			if (strchr("\"\\]", text[i]) != NULL)
				(void)fputc('\\', f);
			(void)fputc(text[i], f);
		}
	}
}

static void
put_param(FILE *f, const char *name, size_t len, const char *value)
{
	(void)fprintf(f, " %.*s=\"", (int)len, name);
	put_value(f, value);
	(void)fputc('"', f);
}

/* The offset, the end of the element and the text are to follow. */
static void
put_position(FILE *f, const struct syslog_fields *fields)
{
	(void)fputs("[" SYSLOG_POSITION_ID, f);
	put_param(f, "file", strlen("file"), fields->file);
	(void)fprintf(
	    f, " inode=\"%llu\" offset=\"", (unsigned long long)fields->inode);
}

static void
put_rfc5424(FILE *f, const struct syslog_fields *fields)
{
	(void)fputs(STAMP_5424 " ", f);
	put_field(f, fields->hostname, 255);
	put_field(f, fields->app_name, 48);
	put_field(f, fields->procid, 128);
	put_field(f, fields->msgid, 32);
	(void)fputs(fields->sd, f);
	if (fields->file != NULL)
		put_position(f, fields);
	else
		(void)fputs(*fields->sd == '\0' ? "- " : " ", f);
}

/* Receivers take a tag as long as an APP-NAME. */
static void
put_tag(FILE *f, const struct syslog_fields *fields)
{
	put_name(f, fields->app_name, 48, ":[]");
	if (*fields->procid != '\0' && strcmp(fields->procid, "-") != 0) {
		(void)fputc('[', f);
		put_name(f, fields->procid, 128, ":[]");
		(void)fputc(']', f);
	}
	(void)fputs(": ", f);
}

static void
put_rfc3164(FILE *f, const struct syslog_fields *fields)
{
	(void)fputs(STAMP_3164 " ", f);
	put_field(f, fields->hostname, 255);
	put_tag(f, fields);
}

/* Who reads a local socket takes a HOSTNAME for the tag. */
static void
put_local(FILE *f, const struct syslog_fields *fields)
{
	(void)fputs(STAMP_3164 " ", f);
	put_tag(f, fields);
}

/* Closes a memory stream.  Returns 0, or -1 with what it holds freed. */
static int
close_bytes(FILE *f, char **bytes)
{
	int failed = ferror(f);

	if (fclose(f) == 0 && !failed)
		return (0);
	free(*bytes);
	*bytes = NULL;
	return (-1);
}

int
syslog_header_init(struct syslog_header *h, const struct syslog_fields *fields)
{
	const struct timespec epoch = { 0 };
	int pri = fields->facility * 8 + fields->severity;
	FILE *f;

	memset(h, 0, sizeof(*h));
	h->format = fields->format;
	if ((f = open_memstream(&h->bytes, &h->len)) == NULL)
		return (-1);
	switch (fields->format) {
	case SYSLOG_RFC5424:
		h->time_at = (size_t)fprintf(f, "<%d>1 ", pri);
		h->position = fields->file != NULL;
		put_rfc5424(f, fields);
		break;
	case SYSLOG_RFC3164:
		h->time_at = (size_t)fprintf(f, "<%d>", pri);
		put_rfc3164(f, fields);
		break;
	case SYSLOG_LOCAL:
		h->time_at = (size_t)fprintf(f, "<%d>", pri);
		put_local(f, fields);
		break;
	case SYSLOG_RAW:
		break;
	}
	if (close_bytes(f, &h->bytes) == -1)
		return (-1);
	syslog_header_stamp(h, &epoch, 0);
	return (0);
}

void
syslog_header_fini(struct syslog_header *h)
{
	free(h->bytes);
	memset(h, 0, sizeof(*h));
}

/* Writes n as width digits.  Returns what is behind them. */
static char *
put_digits(char *p, unsigned int n, size_t width)
{
	for (size_t i = width; i-- > 0; n /= 10)
		p[i] = (char)('0' + n % 10);
	return (p + width);
}

static char *
put_clock(char *p, const struct tm *tm)
{
	p = put_digits(p, (unsigned int)tm->tm_hour, 2);
	*p++ = ':';
	p = put_digits(p, (unsigned int)tm->tm_min, 2);
	*p++ = ':';
	return (put_digits(p, (unsigned int)tm->tm_sec, 2));
}

static void
stamp_rfc5424(char *p, const struct timespec *ts, long gmtoff)
{
	/* The offset has no seconds; the time must agree with it. */
	long minutes = gmtoff / 60;
	time_t local = ts->tv_sec + minutes * 60;
	unsigned int away;
	struct tm tm;

	if (gmtime_r(&local, &tm) == NULL)
		return;
	away = (unsigned int)(minutes < 0 ? -minutes : minutes);
	p = put_digits(p, (unsigned int)tm.tm_year + 1900, 4);
	*p++ = '-';
	p = put_digits(p, (unsigned int)tm.tm_mon + 1, 2);
	*p++ = '-';
	p = put_digits(p, (unsigned int)tm.tm_mday, 2);
	*p++ = 'T';
	p = put_clock(p, &tm);
	*p++ = '.';
	p = put_digits(p, (unsigned int)(ts->tv_nsec / 1000), 6);
	*p++ = minutes < 0 ? '-' : '+';
	p = put_digits(p, away / 60, 2);
	*p++ = ':';
	(void)put_digits(p, away % 60, 2);
}

static void
stamp_rfc3164(char *p, const struct timespec *ts, long gmtoff)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	time_t local = ts->tv_sec + gmtoff;
	struct tm tm;

	if (gmtime_r(&local, &tm) == NULL)
		return;
	memcpy(p, months + 3 * tm.tm_mon, 3);
	p += 3;
	*p++ = ' ';
	(void)put_digits(p, (unsigned int)tm.tm_mday, 2);
	if (*p == '0')
		*p = ' ';
	p += 2;
	*p++ = ' ';
	(void)put_clock(p, &tm);
}

void
syslog_header_stamp(
    struct syslog_header *h, const struct timespec *ts, long gmtoff)
{
	char *p = h->bytes + h->time_at;

	switch (h->format) {
	case SYSLOG_RFC5424:
		stamp_rfc5424(p, ts, gmtoff);
		break;
	case SYSLOG_RFC3164:
	case SYSLOG_LOCAL:
		stamp_rfc3164(p, ts, gmtoff);
		break;
	case SYSLOG_RAW:
		break;
	}
}

/* Returns the number of s, a name of the table or a decimal, or -1. */
static int
number_of(const char *s, const struct name *names, size_t n)
{
	const char *error;
	long long number;

	for (size_t i = 0; i < n; i++) {
		if (strcasecmp(s, names[i].name) == 0)
			return (names[i].number);
	}
	if (*s < '0' || *s > '9')
		return (-1);
	number = strtonum(s, 0, names[n - 1].number, &error);
	return (error == NULL ? (int)number : -1);
}

int
syslog_facility(const char *name)
{
	return (number_of(name, facilities, count_of(facilities)));
}

int
syslog_severity(const char *name)
{
	return (number_of(name, severities, count_of(severities)));
}

/* Digits, and sub-identifiers behind dots (RFC 5424 7.2.2). */
static bool
is_enterprise(const char *s)
{
	size_t digits;

	for (;;) {
		digits = strspn(s, "0123456789");
		s += digits;
		if (digits == 0)
			return (false);
		if (*s == '\0')
			return (true);
		if (*s++ != '.')
			return (false);
	}
}

bool
syslog_sd_name_valid(const char *s)
{
	size_t i;

	for (i = 0; s[i] != '\0'; i++) {
		if (i == SD_NAME_MAX || !is_printable(s[i]) ||
		    strchr("=]\"", s[i]) != NULL)
			return (false);
	}
	return (i > 0);
}

bool
syslog_sd_id_valid(const char *s)
{
	const char *at = strchr(s, '@');

	if (!syslog_sd_name_valid(s))
		return (false);
	if (at != NULL)
		return (at > s && is_enterprise(at + 1));
	for (size_t i = 0; i < count_of(registered_ids); i++) {
		if (strcmp(s, registered_ids[i]) == 0)
			return (true);
	}
	return (false);
}

char *
syslog_sd_element(const char *id, const char *const *params, size_t n)
{
	char *bytes = NULL;
	size_t len, name;
	FILE *f;

	if ((f = open_memstream(&bytes, &len)) == NULL)
		return (NULL);
	(void)fprintf(f, "[%s", id);
	for (size_t i = 0; i < n; i++) {
		name = strcspn(params[i], "=");
		put_param(f, params[i], name,
		    params[i] + name + (params[i][name] == '='));
	}
	(void)fputc(']', f);
	return (close_bytes(f, &bytes) == -1 ? NULL : bytes);
}
