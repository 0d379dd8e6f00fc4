/*
 * compressed.h - tells compressed files from text.
 *
 * It knows all formats that are in use; inflate.h can read some of them.  Pure.
 */
#ifndef COMPRESSED_H
#define COMPRESSED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define COMPRESSED_HEAD	16		/* octets of a head that tell */

/*
 * Returns whether name ends as the name of a compressed file that inflate.h
 * cannot read (".bz2", ...).
 */
bool	compressed_by_name(const char *name);

/*
 * Returns whether a file that begins with p[0..n) is compressed, in any format.
 */
bool	compressed_by_head(const uint8_t *p, size_t n);

#endif
