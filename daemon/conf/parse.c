#include "daemon/conf/parse.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf/option.h"
#include "daemon/conf/syslogd.h"
#include "daemon/conf/tls.h"
#include "daemon/conf/url.h"
#include "daemon/conf/value.h"

struct parse {
	struct reason *why;
	struct conf *conf;
	struct conf_syslogd *syslogd; /* NULL until it is needed */
};

static int
out_of_memory(const struct parse *p)
{
	return (reason_set(p->why, "%s", strerror(ENOMEM)));
}

/* Whether message names the option in front of the first value in quotes. */
static bool
names_option(const char *message, const char *option)
{
	const char *at = strstr(message, option);
	const char *value = strchr(message, '"');

	return (at != NULL && (value == NULL || at < value));
}

static int
fail_option(const struct parse *p, const struct conf_section *section,
    struct conf_line where, const char *option, const char *message)
{
	if (where.number == 0 || names_option(message, option))
		return (conf_tree_fail(section, where, p->why, "%s", message));
	return (
	    conf_tree_fail(section, where, p->why, "%s: %s", option, message));
}

static int
set_option(const struct parse *p, const struct conf_section *section,
    const struct conf_option *o, void *into)
{
	const struct conf_setting *given = conf_tree_find(section, o->name);
	const struct conf_value *value;
	struct reason wrong;

	if (given == NULL)
		return (conf_option_set_defaults(o, into, p->why));
	for (size_t i = 0; i < given->nvalues; i++) {
		value = &given->values[i];
		reason_set(
		    &wrong, "at most %zu values can be given", o->most_values);
		if (i >= o->most_values ||
		    conf_option_set(o, into, value->text, &wrong) == -1)
			return (fail_option(
			    p, section, value->where, o->name, wrong.text));
	}
	return (0);
}

static int
set_options(
    const struct parse *p, const struct conf_section *section, void *into)
{
	const struct conf_option *options = conf_option_table(section->kind);

	for (; options->name != NULL; options++)
		if (set_option(p, section, options, into) == -1)
			return (-1);
	return (0);
}

/* Why the option framing cannot change what the scheme of the url decides. */
static const char *const framing_refusals[] = {
	[WIRE_DATAGRAM] = "framing means nothing over udp, where each message "
			  "is a datagram: leave it out",
	[WIRE_NEWLINE] = "framing to stdout: is always \"newline\": leave it "
			 "out",
	[WIRE_RELP] = "framing means nothing over relp, which has its own: "
		      "leave it out"
};

static int
check_framing(const struct parse *p, const struct conf_section *section,
    struct conf_destination *d)
{
	enum wire wire;

	if (!conf_url_fixes_wire(&d->urls[0], &wire))
		return (0);
	if (conf_tree_find(section, "framing") != NULL && d->wire != wire)
		return (
		    conf_tree_fail(section, conf_tree_where(section, "framing"),
			p->why, "%s", framing_refusals[wire]));
	d->wire = wire;
	return (0);
}

/* A window that may grow has room for two messages from the beginning. */
static int
check_window(const struct parse *p, const struct conf_section *section,
    struct conf_destination *d)
{
	size_t least = 2 * d->max_message;
	bool is_given = conf_tree_find(section, "window") != NULL;

	if (d->window < least && d->window_most >= least)
		d->window = least;
	if (d->window >= least)
		return (0);
	return (conf_tree_fail(section,
	    conf_tree_where(section, is_given ? "window" : "max_message"),
	    p->why,
	    "the window must have room for two messages of max_message: at "
	    "least \"%zu\"",
	    least));
}

/* Checks the options that depend on each other. */
static int
check_destination(const struct parse *p, const struct conf_section *section,
    struct conf_destination *d)
{
	if (d->nurls == 0)
		return (conf_tree_fail(section, conf_tree_where(section, "url"),
		    p->why, "the url is missing: url = \"tcp://host:514\""));
	if (check_framing(p, section, d) == -1)
		return (-1);
	return (check_window(p, section, d));
}

/* Keeps the first warning of all. */
static void
warn(struct parse *p, const struct conf_section *section, const char *option,
    const char *message)
{
	const struct parse warning = { .why = &p->conf->warning };

	if (*message != '\0' && p->conf->warning.text[0] == '\0')
		(void)fail_option(&warning, section,
		    conf_tree_where(section, option), option, message);
}

static int
check_tls(
    struct parse *p, const struct conf_section *tls, struct conf_destination *d)
{
	struct reason wrong = { "" }, warning = { "" };
	const char *option;

	if (conf_tls_check(&d->tls, &option, &wrong, &warning) == -1)
		return (fail_option(
		    p, tls, conf_tree_where(tls, option), option, wrong.text));
	warn(p, tls, "cert_file", warning.text);
	return (0);
}

/* A section within a destination, for the urls that speak its protocol. */
struct manner {
	const char *name;
	bool (*is_spoken)(const struct conf_url *);
	/* Checks the options that depend on each other; NULL: none do. */
	int (*check)(struct parse *, const struct conf_section *,
	    struct conf_destination *);
};

/* Refuses a second section, and one that has no effect on the url. */
static int
parse_manner(struct parse *p, const struct conf_section *section,
    const struct manner *m, struct conf_destination *d)
{
	const struct conf_section *given, *second;
	const struct conf_option *o = conf_option_table(m->name);

	if ((given = conf_tree_next(section, m->name, NULL)) == NULL) {
		for (; o->name != NULL; o++)
			if (conf_option_set_defaults(o, d, p->why) == -1)
				return (-1);
		return (0);
	}
	if ((second = conf_tree_next(section, m->name, given)) != NULL)
		return (conf_tree_fail(section, second->where, p->why,
		    "%s is given twice: only one can count", m->name));
	if (!m->is_spoken(&d->urls[0]))
		return (conf_tree_fail(section, given->where, p->why,
		    "%s means nothing over %s: write a url as in "
		    "\"%s://host\", or leave it out",
		    m->name, conf_url_scheme(&d->urls[0]), m->name));
	if (set_options(p, given, d) == -1)
		return (-1);
	return (m->check == NULL ? 0 : m->check(p, given, d));
}

static int
parse_manners(struct parse *p, const struct conf_section *section,
    struct conf_destination *d)
{
	static const struct manner manners[] = {
		{ "tls", conf_url_is_tls, check_tls },
		{ "relp", conf_url_is_relp, NULL },
	};

	for (size_t i = 0; i < sizeof(manners) / sizeof(manners[0]); i++)
		if (parse_manner(p, section, &manners[i], d) == -1)
			return (-1);
	return (0);
}

static int
check_name(const struct parse *p, const struct conf_section *section)
{
	struct reason wrong;

	if (conf_value_name(section->title, &wrong) == 0)
		return (0);
	return (
	    conf_tree_fail(section, section->where, p->why, "%s", wrong.text));
}

static int
parse_destination(struct parse *p, const struct conf_section *section)
{
	struct conf_destination *d;

	if (check_name(p, section) == -1)
		return (-1);
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (out_of_memory(p));
	TAILQ_INSERT_TAIL(&p->conf->destinations, d, entry);
	if (conf_value_keep(section->title, &d->name, p->why) == -1 ||
	    set_options(p, section, d) == -1 ||
	    check_destination(p, section, d) == -1)
		return (-1);
	return (parse_manners(p, section, d));
}

static struct conf_destination *
find_destination(const struct conf *c, const char *name)
{
	struct conf_destination *d;

	TAILQ_FOREACH (d, &c->destinations, entry)
		if (strcmp(d->name, name) == 0)
			return (d);
	return (NULL);
}

/* Writes the names of all destinations to text. */
static const char *
destination_names(const struct conf *c, char *text, size_t n)
{
	const struct conf_destination *d;

	*text = '\0';
	TAILQ_FOREACH (d, &c->destinations, entry) {
		if (*text != '\0')
			strlcat(text, ", ", n);
		strlcat(text, d->name, n);
	}
	return (text);
}

static int
add_destination(const struct parse *p, const struct conf_section *section,
    struct conf_source *s, const struct conf_value *given)
{
	char names[200];
	struct conf_destination *d;

	d = find_destination(p->conf, given->text);
	if (d == NULL)
		return (conf_tree_fail(section, given->where, p->why,
		    "destination \"%s\" is not defined (%s)", given->text,
		    destination_names(p->conf, names, sizeof(names))));
	for (size_t i = 0; i < s->ndestinations; i++)
		if (s->destinations[i] == d)
			return (conf_tree_fail(section, given->where, p->why,
			    "destination \"%s\" is named twice", d->name));
	s->destinations[s->ndestinations++] = d;
	return (0);
}

/* Adds the destinations that the source names, or all. */
static int
add_destinations(const struct parse *p, const struct conf_section *section,
    struct conf_source *s)
{
	const struct conf_setting *named;
	struct conf_destination *d;
	size_t all = 0;

	named = conf_tree_find(section, "destinations");
	TAILQ_FOREACH (d, &p->conf->destinations, entry)
		all++;
	s->destinations = calloc(all, sizeof(struct conf_destination *));
	if (s->destinations == NULL)
		return (out_of_memory(p));
	for (size_t i = 0; named != NULL && i < named->nvalues; i++)
		if (add_destination(p, section, s, &named->values[i]) == -1)
			return (-1);
	if (named == NULL)
		TAILQ_FOREACH (d, &p->conf->destinations, entry)
			s->destinations[s->ndestinations++] = d;
	return (0);
}

static int
check_element_id(const struct parse *p, const struct conf_section *section,
    const struct conf_source *s)
{
	if (!syslog_sd_id_valid(section->title))
		return (conf_tree_fail(section, section->where, p->why,
		    "this is no name for structured data: write name@number, "
		    "where number is an enterprise's, as in origin@32473"));
	if (s->position && strcmp(section->title, SYSLOG_POSITION_ID) == 0)
		return (conf_tree_fail(section, section->where, p->why,
		    "position = true adds this element already: choose another "
		    "name"));
	return (0);
}

/* Adds an encoded element to s->sd. */
static int
append_sd(const struct parse *p, struct conf_source *s, const char *element)
{
	size_t len = strlen(s->sd), n = strlen(element) + 1;
	char *sd;

	if ((sd = realloc(s->sd, len + n)) == NULL)
		return (out_of_memory(p));
	memcpy(sd + len, element, n);
	s->sd = sd;
	return (0);
}

static int
parse_element(const struct parse *p, const struct conf_section *section,
    struct conf_source *s)
{
	struct conf_element e = { NULL, 0 };
	char *encoded;
	int result = -1;

	if (check_element_id(p, section, s) == -1)
		return (-1);
	if (set_options(p, section, &e) == 0) {
		encoded = syslog_sd_element(
		    section->title, (const char *const *)e.params, e.nparams);
		result = encoded == NULL ? out_of_memory(p)
					 : append_sd(p, s, encoded);
		free(encoded);
	}
	for (size_t i = 0; i < e.nparams; i++)
		free(e.params[i]);
	free(e.params);
	return (result);
}

/* An empty hostname is the global one; if that is empty, the system's. */
static int
default_names(const struct parse *p, struct conf_source *s)
{
	char system[256] = "";
	const char *hostname = p->conf->hostname;

	if (*s->app_name == '\0' &&
	    conf_value_keep(s->name, &s->app_name, p->why) == -1)
		return (-1);
	if (*s->hostname != '\0')
		return (0);
	if (hostname == NULL || *hostname == '\0') {
		if (gethostname(system, sizeof(system) - 1) == -1 ||
		    *system == '\0')
			strlcpy(system, "-", sizeof(system));
		hostname = system;
	}
	return (conf_value_keep(hostname, &s->hostname, p->why));
}

/* Refuses to send files that the syslog daemon writes back to the daemon. */
static int
check_loop(struct parse *p, const struct conf_section *section,
    const struct conf_source *s)
{
	const struct conf_destination *d;
	struct reason wrong;

	for (size_t i = 0; i < s->ndestinations; i++) {
		d = s->destinations[i];
		if (!conf_syslogd_receives(NULL, d))
			continue;
		if (p->syslogd == NULL &&
		    (p->syslogd = conf_syslogd_read("")) == NULL)
			return (out_of_memory(p));
		if (conf_syslogd_check(p->syslogd, s, d, &wrong) == -1)
			return (fail_option(p, section,
			    conf_tree_where(section, "paths"), "paths",
			    wrong.text));
	}
	return (0);
}

static int
parse_source(struct parse *p, const struct conf_section *section)
{
	struct conf_source *s;
	const struct conf_section *e = NULL;

	if (check_name(p, section) == -1)
		return (-1);
	if ((s = calloc(1, sizeof(*s))) == NULL)
		return (out_of_memory(p));
	TAILQ_INSERT_TAIL(&p->conf->sources, s, entry);
	if (conf_value_keep(section->title, &s->name, p->why) == -1 ||
	    conf_value_keep("", &s->sd, p->why) == -1 ||
	    set_options(p, section, s) == -1)
		return (-1);
	if (s->npatterns == 0)
		return (conf_tree_fail(section,
		    conf_tree_where(section, "paths"), p->why,
		    "paths are missing: paths = \"/var/log/*.log\""));
	while ((e = conf_tree_next(section, "structured_data", e)) != NULL)
		if (parse_element(p, e, s) == -1)
			return (-1);
	if (add_destinations(p, section, s) == -1 ||
	    check_loop(p, section, s) == -1)
		return (-1);
	return (default_names(p, s));
}

/* Calls parse_section for each section of a kind; refuses to have none. */
static int
parse_sections(struct parse *p, const struct conf_section *root,
    const char *kind,
    int (*parse_section)(struct parse *, const struct conf_section *))
{
	const struct conf_section *s = conf_tree_next(root, kind, NULL);

	if (s == NULL)
		return (conf_tree_fail(root, root->where, p->why,
		    "nothing to do: add a %s", kind));
	for (; s != NULL; s = conf_tree_next(root, kind, s))
		if (parse_section(p, s) == -1)
			return (-1);
	return (0);
}

static int
parse_root(struct parse *p, const struct conf_section *root)
{
	if (set_options(p, root, p->conf) == -1 ||
	    parse_sections(p, root, "destination", parse_destination) == -1)
		return (-1);
	return (parse_sections(p, root, "source", parse_source));
}

struct conf *
conf_parse(const struct conf_section *root, struct reason *why)
{
	struct parse p = { .why = why };
	struct conf *c;
	int result;

	if ((c = calloc(1, sizeof(*c))) == NULL) {
		out_of_memory(&p);
		return (NULL);
	}
	TAILQ_INIT(&c->destinations);
	TAILQ_INIT(&c->sources);
	p.conf = c;
	result = parse_root(&p, root);
	conf_syslogd_free(p.syslogd);
	if (result == 0)
		return (c);
	conf_free(c);
	return (NULL);
}
