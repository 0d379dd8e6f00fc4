/*
 * text.h - makes any bytes safe to send as text.
 *
 * Bytes that are not UTF-8 (RFC 3629) are replaced, escaped or passed; octets
 * below 32 other than tab are escaped as rsyslog does ("#033"), or passed.
 * Pure: no state, no allocation.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum text_invalid {
	TEXT_INVALID_REPLACE,		/* U+FFFD for each maximal subpart */
	TEXT_INVALID_ESCAPE,		/* \xNN for each byte */
	TEXT_INVALID_PASS		/* as it is */
};

enum text_control {
	TEXT_CONTROL_ESCAPE,		/* #ooo, three octal digits */
	TEXT_CONTROL_PASS
};

struct text_rules {
	enum text_invalid	invalid;
	enum text_control	control;
};

struct text_result {
	size_t	used;			/* input bytes consumed */
	size_t	made;			/* output bytes written */
	size_t	repaired;		/* input bytes that were not UTF-8, also
					   where they were passed */
	bool	wide;			/* the output has bytes above 0x7f */
	bool	utf8;			/* the output is valid UTF-8 */
};

/*
 * Returns how many leading bytes of p[0..n) are tab or 0x20..0x7f: bytes that
 * every rule leaves alone.  Reads nothing beyond p + n.
 */
size_t	text_plain(const uint8_t *p, size_t n);

/*
 * Returns how many octets at the end of p[0..n) are the beginning of a
 * character that could go on behind it: 0 to 3.
 */
size_t	text_unfinished(const uint8_t *p, size_t n);

/*
 * Converts in[0..n) into out[0..room), as far as whole characters fit, and
 * returns how far that was.  in is
 * taken as complete: a sequence cut off at its end is invalid.  Needs room for
 * 4 bytes to be sure to make progress.  Stops at no character: a newline is a
 * control character here.
 */
struct text_result	text_convert(const struct text_rules *,
			    const uint8_t *in, size_t n,
			    uint8_t *out, size_t room);

#endif
