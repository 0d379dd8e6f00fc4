/*
 * compressed.h - tells files that are compressed from text.
 *
 * Of all formats that are in use, those that inflate.h can read among them.
 * Pure.
 */
#ifndef COMPRESSED_H
#define COMPRESSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPRESSED_HEAD	16		/* octets that tell */

/* Whether name ends as those of files that inflate.h cannot read. */
bool	compressed_by_name(const char *name);

/* Whether a file that begins with p[0..n) is compressed, by whatever. */
bool	compressed_by_head(const uint8_t *p, size_t n);

#endif
