#include <string.h>
#include <time.h>

#include "daemon/base/clock.h"
#include "daemon/conf/conf.h"
#include "daemon/stream/inside.h"

/* The offset of local time; it changes at most every quarter of an hour. */
static long
local_offset(time_t now)
{
	static time_t quarter = -1;
	static long offset;
	struct tm tm;

	if (now / 900 != quarter && localtime_r(&now, &tm) != NULL) {
		quarter = now / 900;
		offset = tm.tm_gmtoff;
	}
	return (offset);
}

/* With a position every file has a header of its own, made for the slice. */
static int
make_header(const struct stream *s, enum syslog_format format,
    struct syslog_header *own)
{
	struct path_text path = file_path(s->file);
	struct syslog_fields fields;

	route_fields(s->route->source, format, &fields);
	fields.file = path.text;
	fields.inode = s->file->ino;
	return (syslog_header_init(own, &fields));
}

enum pack_stop
stream_frame(struct stream *s, const struct pull *p, struct pack_io *io)
{
	struct route *r = s->route;
	struct pack_style style = r->style;
	struct syslog_header own;
	struct syslog_header *header = p->local ? &r->local : &r->header;
	struct timespec now;
	enum pack_stop stop;
	bool position =
	    r->source->position && make_header(s, header->format, &own) == 0;

	/*
	 * A path may be longer than a message: then the position is left out.
	 */
	if (position && pack_least(&own) > style.max_message) {
		syslog_header_fini(&own);
		position = false;
	}
	if (position)
		header = &own;
	style.header = header;
	style.wire = p->wire;
	if (p->max_message != 0 && p->max_message < style.max_message &&
	    p->max_message >= pack_least(header))
		style.max_message = p->max_message;
	now = clock_wall();
	syslog_header_stamp(header, &now, local_offset(now.tv_sec));
	stop = pack_lines(&style, io);
	if (position)
		syslog_header_fini(&own);
	r->messages += io->messages;
	r->bytes += io->used;
	r->repaired += io->repaired;
	r->oversize += io->oversize;
	return (stop);
}
