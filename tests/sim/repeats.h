/*
 * repeats.h - what may come twice at a destination.
 */
#ifndef REPEATS_H
#define REPEATS_H

#include "tests/sim/sim.h"

void	repeats_reset(void);
/* So many octets came, again or not.  Returns false when that is too much. */
bool	repeats_note(unsigned dest, size_t n, bool again);
/* What came since then, and what is under way, may come again. */
void	repeats_allow_since(unsigned dest, int64_t since);

#endif
