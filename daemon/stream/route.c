#include "daemon/stream/route.h"

#include <string.h>

#include "daemon/conf/conf.h"

void
route_fields(const struct conf_source *source, enum syslog_format format,
    struct syslog_fields *f)
{
	memset(f, 0, sizeof(*f));
	f->format = format;
	f->facility = source->facility;
	f->severity = source->severity;
	f->hostname = source->hostname;
	f->app_name = source->app_name;
	f->procid = source->procid;
	f->msgid = source->msgid;
	f->sd = source->sd;
}

int
route_init(struct route *r, const struct conf_source *source,
    const struct conf_destination *to)
{
	struct syslog_fields fields;

	memset(r, 0, sizeof(*r));
	r->source = source;
	r->to = to;
	route_fields(source, to->format, &fields);
	if (syslog_header_init(&r->header, &fields) == -1)
		return (-1);
	route_fields(source, to->datagram_format, &fields);
	if (syslog_header_init(&r->local, &fields) == -1) {
		syslog_header_fini(&r->header);
		return (-1);
	}
	r->style.text = source->text;
	r->style.oversize = to->oversize;
	r->style.bom = to->bom;
	r->style.max_message = to->max_message;
	return (0);
}

void
route_fini(struct route *r)
{
	syslog_header_fini(&r->header);
	syslog_header_fini(&r->local);
}
