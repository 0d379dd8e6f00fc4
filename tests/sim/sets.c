/*
 * The sets of kinds that hold: tests/sim/sets.
 */
#include "tests/sim/sim.h"

#include <stdlib.h>
#include <string.h>

#define SETS 32

static struct {
	uint64_t kinds;
	char name[32];
} sets[SETS];
static unsigned nsets;

bool
sets_load(const char *path)
{
	char line[512], *end;
	FILE *f;

	if ((f = fopen(path, "r")) == NULL) {
		perror(path);
		return (false);
	}
	while (fgets(line, sizeof(line), f) != NULL && nsets < SETS) {
		sets[nsets].kinds = strtoull(line, &end, 16);
		if (end == line || sscanf(end, "%31s", sets[nsets].name) != 1)
			continue;
		nsets++;
	}
	(void)fclose(f);
	return (nsets > 0);
}

/* One set after the other. */
uint64_t
sets_kinds(uint64_t seed)
{
	return (nsets == 0 ? UINT64_MAX : sets[seed % nsets].kinds);
}

const char *
sets_name(uint64_t seed)
{
	return (nsets == 0 ? NULL : sets[seed % nsets].name);
}
