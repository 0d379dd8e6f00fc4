#include "daemon/stream/judge.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/clock.h"
#include "daemon/base/say.h"
#include "daemon/conf/conf.h"
#include "daemon/file/table.h"
#include "daemon/stream/stream.h"
#include "lib/compressed.h"
#include "lib/echo.h"

/* Lines that may come back, in so many seconds, before a file is left. */
#define ECHOES 8
#define ECHO_TIME 60.

static ssize_t
read_head(int fd, uint8_t *head, size_t size)
{
	ssize_t n;

	do
		n = pread(fd, head, size, 0);
	while (n == -1 && errno == EINTR);
	return (n);
}

int
stream_is_no_text(
    struct stream *s, int fd, const uint8_t *p, size_t n, off_t offset)
{
	uint8_t head[COMPRESSED_HEAD];
	ssize_t got = (ssize_t)n;

	if (s->is_judged)
		return (s->is_no_text);
	if (offset > 0) {
		if ((got = read_head(fd, head, sizeof(head))) <= 0)
			return ((int)got);
		p = head;
	}
	s->is_no_text = compressed_by_name(s->file->name) ||
	    compressed_by_head(p, (size_t)got);
	s->is_judged = s->is_no_text || got >= COMPRESSED_HEAD;
	if (s->is_no_text)
		say_notice(file_path(s->file).text,
		    "is compressed, not text: passed over");
	return (s->is_no_text);
}

bool
stream_comes_back(struct stream *s, const uint8_t *p, size_t n, off_t offset)
{
	struct route *r = s->route;
	const uint8_t *nl;
	double now;

	if (n > ECHO_LOOK)
		n = ECHO_LOOK;
	if ((nl = memchr(p, '\n', n)) != NULL)
		n = (size_t)(nl - p);
	if (offset / STREAM_BEGUN_BLOCK < s->begun ||
	    s->begun == STREAM_BEGUN_MOST || offset == (off_t)r->echo_at ||
	    !echo_is_nested(p, n, r->source->app_name))
		return (false);
	now = clock_steady();
	if (r->echoes == 0 || now - r->echo_since > ECHO_TIME) {
		r->echo_since = now;
		r->echoes = 0;
	}
	r->echo_at = (uint64_t)offset;
	if (++r->echoes < ECHOES)
		return (false);
	say_warnx(file_path(s->file).text,
	    "what is sent to %s comes back into it, again and again: "
	    "nothing more of it is sent there",
	    r->to->name);
	s->comes_back = true;
	return (true);
}
