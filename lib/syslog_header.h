/*
 * syslog_header.h - the header of a message: all that stands before its text.
 *
 * A header is built once for a source and a destination; only its time is
 * written anew, once for a slice of lines, never for a line.  Pure.
 */
#ifndef SYSLOG_HEADER_H
#define SYSLOG_HEADER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

enum syslog_format {
	SYSLOG_RFC5424,
	SYSLOG_RFC3164,
	SYSLOG_LOCAL,			/* as syslog(3) writes it: RFC 3164
					   without HOSTNAME */
	SYSLOG_RAW			/* no header at all */
};

/* Strings may hold any bytes: what the RFC does not allow is replaced. */
struct syslog_fields {
	enum syslog_format	 format;
	int			 facility;	/* 0..23, RFC 5424 6.2.1 */
	int			 severity;	/* 0..7 */
	const char		*hostname;
	const char		*app_name;
	const char		*procid;
	const char		*msgid;
	const char		*sd;		/* elements as syslog_sd_*()
						   made them, "" for none */
	const char		*file;		/* not NULL: a position element
						   with this file name */
	uint64_t		 inode;		/* for the position element */
};

struct syslog_header {
	char			*bytes;		/* owned */
	size_t			 len;
	size_t			 time_at;	/* where the time stands */
	enum syslog_format	 format;
	bool			 position;	/* the offset and '"] ' come
						   next, before the text */
};

/* The name of the position element. */
#define SYSLOG_POSITION_ID	"position@32473"

/*
 * Builds a header from fields, which it does not keep.  Every header field is
 * brought within the lengths and characters of RFC 5424 6.2: other characters
 * become '_', an empty field '-'.  RFC 3164 and the local format have
 * "app_name[procid]: " as tag.
 * The time is unset until syslog_header_stamp().
 * Returns 0, or -1 with ENOMEM.  Free with syslog_header_fini().
 */
int	syslog_header_init(struct syslog_header *,
	    const struct syslog_fields *);
void	syslog_header_fini(struct syslog_header *);

/*
 * Writes the time into the header: RFC 5424 6.2.3 with microseconds and the
 * offset from UTC, or RFC 3164 4.1.2 in local time, in the local format too.
 * gmtoff is the local offset in seconds east of UTC.
 */
void	syslog_header_stamp(struct syslog_header *, const struct timespec *,
	    long gmtoff);

/*
 * Returns the number of facility or severity name as in syslog.conf(5)
 * ("local0", "auth", ...; "err", "error", "warning", "warn", ...), or -1.
 */
int	syslog_facility(const char *name);
int	syslog_severity(const char *name);

/*
 * Return whether s is an SD-ID of RFC 5424 6.3.2 (1 to 32 characters of
 * SD-NAME, of the form name@enterprise-number, or a registered name without
 * '@'), or the name of a parameter.
 */
bool	syslog_sd_id_valid(const char *s);
bool	syslog_sd_name_valid(const char *s);

/*
 * Returns one SD-ELEMENT with n parameters, given as "name=value" (names valid,
 * values any bytes), escaped as 6.3.3 asks; invalid UTF-8 becomes U+FFFD and
 * control characters #ooo.  Free with free(3).  NULL with ENOMEM.
 */
char	*syslog_sd_element(const char *id, const char *const *params,
	    size_t n);

#endif
