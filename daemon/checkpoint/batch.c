#include "daemon/checkpoint/batch.h"

#include <stdlib.h>

#include "daemon/checkpoint/record.h"

#define FIRST (2 * CHECKPOINT_RECORD_MAX)
#define TEXT_MAX (1024 * 1024)
#define KEPT_MAX (256 * 1024)

bool
checkpoint_batch_is_full(const struct checkpoint_batch *b, size_t most)
{
	return (b->records >= most || b->len >= TEXT_MAX);
}

int
checkpoint_batch_reserve(struct checkpoint_batch *b)
{
	size_t size = b->size == 0 ? FIRST : 2 * b->size;
	char *text;

	if (b->size - b->len >= CHECKPOINT_RECORD_MAX)
		return (0);
	if ((text = realloc(b->text, size)) == NULL)
		return (-1);
	b->text = text;
	b->size = size;
	return (0);
}

void
checkpoint_batch_add(
    struct checkpoint_batch *b, const struct checkpoint_record *rec)
{
	size_t n = checkpoint_record_encode(b->text + b->len, rec);

	b->len += n;
	b->records++;
	if (rec->kind == CHECKPOINT_PAST) {
		b->past++;
		b->past_len += n;
	}
}

void
checkpoint_batch_clear(struct checkpoint_batch *b)
{
	if (b->size > KEPT_MAX) {
		checkpoint_batch_free(b);
		return;
	}
	b->len = b->records = b->past = b->past_len = 0;
}

void
checkpoint_batch_free(struct checkpoint_batch *b)
{
	free(b->text);
	*b = (struct checkpoint_batch) { 0 };
}
