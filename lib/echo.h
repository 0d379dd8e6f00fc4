/*
 * echo.h - tells a line that came back into the file it was sent from.
 *
 * Where a syslog daemon writes what it gets into a file that is read and sent
 * to it, each line comes back with the daemon's header before it, is sent again
 * and comes back with two of them, for ever.  Pure: no state, no allocation.
 */
#ifndef ECHO_H
#define ECHO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ECHO_ROUNDS	4		/* headers that no program writes */
#define ECHO_LOOK	2048		/* octets of a line that are read */

/*
 * Returns whether line[0..n) begins with ECHO_ROUNDS headers of one length,
 * which are equal but for their digits, and have a time (hh:mm:ss) and
 * app_name.
 */
bool	echo_is_nested(const uint8_t *line, size_t n, const char *app_name);

#endif
