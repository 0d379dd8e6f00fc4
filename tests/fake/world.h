/*
 * fake_world.h - a clock that jumps, devices that are numbered anew, and
 * look-ups that fail, for a daemon under test.
 *
 * The daemon is linked with --wrap for the functions in fake_world.c.  The test
 * maps the file that TESLACOIL_WORLD names and writes to it what is to happen;
 * e2e/world.py has the same layout.  Without the variable nothing happens.
 */
#ifndef FAKE_WORLD_H
#define FAKE_WORLD_H

#include <stdint.h>

#define FAKE_WORLD_JUMPS 64

/* Which calls may fail. */
enum fake_world_call {
	FAKE_WORLD_OPEN = 1,
	FAKE_WORLD_OPENDIR = 2,
	FAKE_WORLD_FSTAT = 4,
	FAKE_WORLD_STAT = 8, /* by a name */
	FAKE_WORLD_READ = 16,
	FAKE_WORLD_READDIR = 32
};

/* Numbers are in the byte order of the host. */
struct fake_world {
	uint64_t device; /* is added to every st_dev */
	uint32_t rate; /* of 65536 calls, so many fail; 0: none */
	uint32_t calls; /* of enum fake_world_call */
	uint64_t seed;
	uint64_t failed; /* how many have */
	uint32_t jumps;
	uint32_t nth; /* call from now on fails, and no other; 0: by rate */
	/*
	 * From the system's time at, the clock shows so much more, and so do
	 * the times of files that were written since; in nanoseconds.
	 */
	struct {
		int64_t at;
		int64_t offset;
	} jump[FAKE_WORLD_JUMPS];
	/* Calls fail for what is below this directory, in workers. */
	char below[4096];
	uint32_t seen; /* of nth */
	uint32_t times; /* so many in a row */
	uint32_t error; /* so do they fail; 0: they wait until nth is 0 */
	uint32_t bad; /* octets from that offset on cannot be read; 0: all can */
};

#endif
