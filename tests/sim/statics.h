/*
 * statics.h - where the worker's own variables begin and end, so that each life
 * begins with them as they were.
 */
#ifndef STATICS_H
#define STATICS_H

extern char sim_first_bss[16], sim_last_bss[16];
extern char sim_first_data[16], sim_last_data[16];

#endif
