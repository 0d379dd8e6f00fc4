/*
 * The worker's memory: an arena, so that a worker that is killed leaves nothing
 * behind.  What the world itself needs is not in it.
 */
#include "tests/sim/sim.h"

#include <sys/mman.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/statics.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define POISON 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#define POISON 1
#endif
#ifndef POISON
#define POISON 0
#endif

#if POISON
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

#define ARENA ((size_t)256 * 1024 * 1024)
#define HEAD 16 /* before each piece: its size */
#define CLASSES 256 /* of 16 octets each */
#define GAP ((size_t)(POISON ? 16 : 0))

struct piece {
	struct piece *next;
};

static uint8_t *arena, *top;
static struct piece *free_pieces[CLASSES], *large_pieces;

void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void __real_free(void *);

/* Not memcpy(3): AddressSanitizer has gaps between variables. */
static void __attribute__((__no_sanitize__("address")))
copy(char *to, const char *from, size_t n)
{
	volatile char *p = to;

	while (n-- > 0)
		*p++ = *from++;
}

static void
restore(char *begin, const char *end, char **saved)
{
	size_t n = end > begin ? (size_t)(end - begin) : 0;

	if (*saved == NULL) {
		if (n == 0 || (*saved = __real_malloc(n)) == NULL)
			abort();
		copy(*saved, begin, n);
	} else {
		copy(begin, *saved, n);
	}
}

void
memory_begin(void)
{
	static char *bss, *data;

	restore(sim_first_bss, sim_last_bss, &bss);
	restore(sim_first_data, sim_last_data, &data);
	if (arena == NULL) {
		arena = mmap(NULL, ARENA, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (arena == MAP_FAILED)
			abort();
	}
	if (POISON && top != NULL)
		ASAN_POISON_MEMORY_REGION(arena, (size_t)(top - arena));
	top = arena;
	memset(free_pieces, 0, sizeof(free_pieces));
	large_pieces = NULL;
	S.in_life = true;
}

void
memory_end(void)
{
	S.in_life = false;
}

static bool
is_ours(const void *p)
{
	return (arena != NULL && (const uint8_t *)p >= arena &&
	    (const uint8_t *)p < arena + ARENA);
}

static size_t *
size_of(void *p)
{
	return ((size_t *)(void *)((uint8_t *)p - HEAD));
}

/* A free one of that size that has no class; these are used again at once. */
static void *
take_large(size_t size, size_t n)
{
	struct piece **at = &large_pieces, *p;

	for (; (p = *at) != NULL; at = &p->next)
		if (*size_of(p) == size) {
			*at = p->next;
			ASAN_UNPOISON_MEMORY_REGION(p, n);
			return (p);
		}
	return (NULL);
}

static void *
take(size_t n)
{
	size_t size = (n + 15) / 16 * 16, class = size / 16;
	struct piece *p;

	if (size == 0)
		size = 16, class = 1;
	if (!POISON && class < CLASSES && (p = free_pieces[class]) != NULL) {
		free_pieces[class] = p->next;
		return (p);
	}
	if (class >= CLASSES && (p = take_large(size, n)) != NULL)
		return (p);
	if ((size_t)(arena + ARENA - top) < size + HEAD + GAP)
		abort();
	ASAN_UNPOISON_MEMORY_REGION(top, HEAD + n);
	top += HEAD;
	p = (struct piece *)(void *)top;
	*size_of(p) = size;
	top += size + GAP;
	return (p);
}

/* Whether the worker is to get none. */
static bool
none_left(void)
{
	S.allocs_made++;
	if (S.plan.fail_alloc != 0 ? S.allocs_made != S.plan.fail_alloc
				   : S.final || S.oom_rate == 0 ||
		    (rng_next(&S.calls) & 0xffff) >= S.oom_rate)
		return (false);
	sim_say("  no memory");
	sim_cover(KIND_OOM);
	oracle_allow(UINT32_MAX);
	errno = ENOMEM;
	return (true);
}

static bool
for_worker(void)
{
	return (S.in_life && !S.in_world);
}

WRAP(void *, malloc, size_t n)
{
	if (!for_worker())
		return (__real_malloc(n));
	return (none_left() ? NULL : take(n));
}

WRAP(void *, calloc, size_t count, size_t n)
{
	void *p;

	if (!for_worker())
		return (__real_calloc(count, n));
	if (none_left())
		return (NULL);
	p = take(count * n);
	memset(p, 0, count * n);
	return (p);
}

WRAP(void, free, void *p)
{
	size_t class;

	if (!is_ours(p)) {
		__real_free(p);
		return;
	}
	class = *size_of(p) / 16;
	if (!POISON)
		memset(p, 0xdd, *size_of(p) < 256 ? *size_of(p) : 256);
	if (class >= CLASSES) {
		((struct piece *)p)->next = large_pieces;
		large_pieces = p;
		ASAN_POISON_MEMORY_REGION((uint8_t *)p + sizeof(struct piece),
		    *size_of(p) - sizeof(struct piece));
	} else if (POISON) {
		ASAN_POISON_MEMORY_REGION(p, *size_of(p));
	} else {
		((struct piece *)p)->next = free_pieces[class];
		free_pieces[class] = p;
	}
}

WRAP(void *, realloc, void *p, size_t n)
{
	size_t had;
	void *q;

	if (!for_worker() || (p != NULL && !is_ours(p)))
		return (__real_realloc(p, n));
	if (none_left())
		return (NULL);
	q = take(n);
	if (p == NULL)
		return (q);
	had = *size_of(p);
	if (POISON)
		ASAN_UNPOISON_MEMORY_REGION(p, had);
	memcpy(q, p, had < n ? had : n);
	__wrap_free(p);
	return (q);
}

WRAP(void *, reallocarray, void *p, size_t count, size_t n)
{
	return (__wrap_realloc(p, count * n));
}

WRAP(char *, strndup, const char *s, size_t most)
{
	size_t n = strnlen(s, most);
	char *p;

	if ((p = __wrap_malloc(n + 1)) == NULL)
		return (NULL);
	memcpy(p, s, n);
	p[n] = '\0';
	return (p);
}

WRAP(char *, strdup, const char *s)
{
	return (__wrap_strndup(s, strlen(s)));
}
