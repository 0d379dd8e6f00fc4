#include "idset.h"

#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 16
#define NO_ID UINT64_MAX /* what stands where one was taken out */

void
idset_fini(struct idset *s)
{
	free(s->ids);
	*s = (struct idset) { 0 };
}

void
idset_clear(struct idset *s)
{
	s->n = 0;
}

static int
grow(struct idset *s)
{
	size_t room = s->room == 0 ? ROOM_LEAST : 2 * s->room;
	uint64_t *grown;

	if ((grown = reallocarray(s->ids, room, 2 * sizeof(*grown))) == NULL)
		return (-1);
	s->ids = grown;
	s->room = room;
	return (0);
}

/* Makes one run of two that have n each. */
static void
merge(uint64_t *run, size_t n, uint64_t *left)
{
	const uint64_t *l = left, *l_end = left + n;
	const uint64_t *r = run + n, *r_end = run + 2 * n;

	memcpy(left, run, n * sizeof(*run));
	while (l < l_end)
		*run++ = r < r_end && *r < *l ? *r++ : *l++;
}

int
idset_add(struct idset *s, uint64_t id)
{
	size_t size, before = s->n;

	if (s->n == s->room && grow(s) == -1)
		return (-1);
	s->ids[s->n++] = id;
	for (size = 1; (before & size) != 0; size *= 2)
		merge(s->ids + s->n - 2 * size, size, s->ids + s->room);
	return (0);
}

static int
compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x < y ? -1 : x > y);
}

/* Where it is in a run, which ends before *end then; NULL: it is in none. */
static uint64_t *
find(const struct idset *s, uint64_t id, uint64_t **end)
{
	size_t size, left = s->n;
	uint64_t *run = s->ids, *at;

	for (size = s->room; size > 0; size /= 2) {
		if ((left & size) == 0)
			continue;
		*end = run + size;
		if ((at = bsearch(&id, run, size, sizeof(id), compare)) != NULL)
			return (at);
		run = *end;
	}
	return (NULL);
}

bool
idset_has(const struct idset *s, uint64_t id)
{
	uint64_t *end;

	return (id != NO_ID && find(s, id, &end) != NULL);
}

/* Runs keep their sizes: those behind it move up. */
void
idset_del(struct idset *s, uint64_t id)
{
	uint64_t *at, *end;

	while (id != NO_ID && (at = find(s, id, &end)) != NULL) {
		memmove(at, at + 1, (size_t)(end - at - 1) * sizeof(*at));
		end[-1] = NO_ID;
	}
}

int
idset_move(struct idset *to, struct idset *from)
{
	int result = 0;
	size_t i;

	for (i = 0; i < from->n && result == 0; i++)
		if (from->ids[i] != NO_ID)
			result = idset_add(to, from->ids[i]);
	idset_fini(from);
	return (result);
}
