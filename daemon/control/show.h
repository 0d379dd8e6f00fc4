/*
 * show.h - what the daemon answered, as text for a person.
 *
 * Each prints to standard output.  What is missing in an answer shows as
 * nothing: a daemon of another version is no reason to fail.
 */
#ifndef CONTROL_SHOW_H
#define CONTROL_SHOW_H

#include <jansson.h>

void show_summary(const json_t *);
void show_sources(const json_t *);
void show_files(const json_t *);
void show_destinations(const json_t *);
void show_counters(const json_t *);

/* That it was done. */
void show_done(const json_t *);

#endif
