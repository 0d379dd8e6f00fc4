#include <err.h>

#include "receiver.h"

void
open_output(struct receiver *r, const char *path)
{
	/* Appended: a receiver that was killed goes on where it was. */
	if ((r->out = fopen(path, "ae")) == NULL)
		err(1, "%s", path);
	setvbuf(r->out, NULL, _IOFBF, READ_SIZE);
}

void
message_take(struct receiver *r, const uint8_t *p, size_t n)
{
	size_t i;

	r->messages++;
	if (r->out == NULL)
		return;
	for (i = 0; i < n; i++) {
		if (p[i] == '\\')
			fputs("\\\\", r->out);
		else if (p[i] == '\n')
			fputs("\\n", r->out);
		else
			putc_unlocked(p[i], r->out);
	}
	putc_unlocked('\n', r->out);
}

void
receiver_flush(struct receiver *r)
{
	if (r->out != NULL && fflush(r->out) != 0)
		err(1, "output");
}
