/*
 * naive_text.h - what text_convert() should do, one character at a time.
 *
 * Slow and straight from the definitions, so that it shares no idea with the
 * code that it checks.
 */
#ifndef NAIVE_TEXT_H
#define NAIVE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "lib/text.h"

struct naive_unit {
	size_t used;
	uint8_t out[5];
	size_t made;
	bool invalid;
};

/* Whether p[0..n) is one character, no more: decode, check, encode again. */
static inline bool
naive_is_character(const uint8_t *p, size_t n)
{
	static const uint32_t first[] = { 0, 0, 0x80, 0x800, 0x10000 };
	uint32_t code;

	if (n == 1)
		return (p[0] < 0x80);
	if (n == 2 && (p[0] & 0xe0) == 0xc0)
		code = p[0] & 0x1f;
	else if (n == 3 && (p[0] & 0xf0) == 0xe0)
		code = p[0] & 0x0f;
	else if (n == 4 && (p[0] & 0xf8) == 0xf0)
		code = p[0] & 0x07;
	else
		return (false);
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return (false);
		code = code << 6 | (p[i] & 0x3f);
	}
	return (code >= first[n] && code <= 0x10ffff &&
	    !(code >= 0xd800 && code <= 0xdfff));
}

/* Whether p[0..n) is a character that more octets would complete. */
static inline bool
naive_is_beginning(const uint8_t *p, size_t n)
{
	static const uint8_t more[] = { 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf };
	uint8_t try[4];

	if (n == 0 || n > 3)
		return (false);
	memcpy(try, p, n);
	for (size_t i = 0; i < sizeof(more); i++) {
		try[n] = more[i];
		if (naive_is_character(try, n + 1) ||
		    naive_is_beginning(try, n + 1))
			return (true);
	}
	return (false);
}

static inline size_t
naive_unfinished(const uint8_t *p, size_t n)
{
	for (size_t back = 3; back > 0; back--) {
		if (back <= n && naive_is_beginning(p + n - back, back))
			return (back);
	}
	return (0);
}

/* The next character of in[0..n), n > 0, and what becomes of it. */
static inline struct naive_unit
naive_next(const struct text_rules *rules, const uint8_t *in, size_t n)
{
	struct naive_unit u = { .used = 1, .made = 1 };

	for (size_t len = 1; len <= 4 && len <= n; len++) {
		if (naive_is_character(in, len)) {
			u.used = u.made = len;
			memcpy(u.out, in, len);
			if (in[0] >= 0x20 || in[0] == '\t' ||
			    rules->control == TEXT_CONTROL_PASS)
				return (u);
			u.made = (size_t)snprintf(
			    (char *)u.out, sizeof(u.out), "#%03o", in[0]);
			return (u);
		}
	}
	u.invalid = true;
	if (rules->invalid == TEXT_INVALID_PASS) {
		u.out[0] = in[0];
	} else if (rules->invalid == TEXT_INVALID_ESCAPE) {
		u.made = (size_t)snprintf(
		    (char *)u.out, sizeof(u.out), "\\x%02x", in[0]);
	} else {
		u.made = 3;
		memcpy(u.out, "\xef\xbf\xbd", 3);
		while (u.used < n && naive_is_beginning(in, u.used + 1))
			u.used++;
	}
	return (u);
}

static inline void
naive_convert(const struct text_rules *rules, const uint8_t *in, size_t n,
    uint8_t *out, size_t room, struct text_result *r)
{
	struct naive_unit u;

	memset(r, 0, sizeof(*r));
	r->utf8 = true;
	while (r->used < n) {
		u = naive_next(rules, in + r->used, n - r->used);
		if (u.made > room - r->made)
			return;
		memcpy(out + r->made, u.out, u.made);
		if (u.out[0] >= 0x80)
			r->wide = true;
		if (u.invalid) {
			r->repaired += u.used;
			if (rules->invalid == TEXT_INVALID_PASS)
				r->utf8 = false;
		}
		r->used += u.used;
		r->made += u.made;
	}
}

#endif
