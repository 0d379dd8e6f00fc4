/*
 * inherit.h - files that the worker before had open.
 */
#ifndef FIND_INHERIT_H
#define FIND_INHERIT_H

#include "daemon/find/inside.h"

struct handover_file;

/*
 * Goes on with a file that the worker before had open, unless it was found by
 * its name or no source means it.  Takes the descriptor.
 */
void	sources_inherit(struct sources *, const struct handover_file *);

#endif
