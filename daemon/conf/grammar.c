#include "daemon/conf/grammar.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf/option.h"
#include "daemon/conf/value.h"

/*
 * libconfuse hands its callbacks no pointer of ours, and its lexer is global
 * anyway: this is what is being parsed.
 */
static struct {
	const struct conf_text *text;
	struct reason *why;
	bool failed;
} parsing;

/* What libconfuse says, and how we say it, around the name in it. */
static const struct phrase {
	const char *fmt;
	const char *before;
	const char *after;
} phrases[] = {
	{ "no such option '%s'", "unknown option \"", "\"" },
	{ "unexpected token '%s'", "\"",
	    "\" stands where it cannot: is a name, \"=\", \",\" or a brace "
	    "missing before it?" },
	{ "missing equal sign after option '%s'", "\"=\" is missing after ",
	    "" },
	{ "missing opening brace for section '%s'",
	    "\"{\" is missing after the name of the ", "" },
	{ "missing title for section '%s'",
	    "a name in quotes is missing, and maybe \"{\", after ", "" },
	{ "premature end of file", "the file ends in the middle of a statement",
	    "" },
	{ "found duplicate title '%s'", "\"",
	    "\" is defined twice: each needs a name of its own" },
};

static const struct section_table {
	const char *name;
	const char *place; /* in words */
	const struct conf_option *options;
} sections[] = {
	{ "", "outside of sections", conf_option_global },
	{ "destination", "in a destination", conf_option_destination },
	{ "tls", "in tls { }", conf_option_tls },
	{ "relp", "in relp { }", conf_option_relp },
	{ "source", "in a source", conf_option_source },
	{ "structured_data", "in a structured_data",
	    conf_option_structured_data },
};
#define NSECTIONS (sizeof(sections) / sizeof(sections[0]))

static const struct section_table *
table_of(const cfg_t *section)
{
	for (size_t i = 1; i < NSECTIONS; i++)
		if (strcmp(section->name, sections[i].name) == 0)
			return (&sections[i]);
	return (&sections[0]);
}

/* A user who has only a command line does not know of sections. */
static int
vfail(const struct conf_text *text, const cfg_t *section, int line,
    struct reason *why, const char *message)
{
	struct conf_line where = conf_text_where(text, line);

	if (table_of(section) == &sections[0] || where.number == 0)
		return (conf_line_fail(where, why, "%s", message));
	if (section->title == NULL)
		return (conf_line_fail(
		    where, why, "%s: %s", section->name, message));
	return (conf_line_fail(where, why, "%s \"%s\": %s", section->name,
	    section->title, message));
}

int
conf_grammar_fail(const struct conf_text *text, const cfg_t *section, int line,
    struct reason *why, const char *fmt, ...)
{
	struct reason message;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(message.text, sizeof(message.text), fmt, ap);
	va_end(ap);
	return (vfail(text, section, line, why, message.text));
}

/* What else the user may have meant with an unknown option. */
static void
add_hint(struct reason *message, const cfg_t *section, const char *name)
{
	const struct section_table *here = table_of(section);
	char text[sizeof(message->text)];
	const char *near;

	strlcpy(text, message->text, sizeof(text));
	if ((near = conf_option_near(here->options, name)) != NULL) {
		reason_set(message, "%s (%s?)", text, near);
		return;
	}
	for (size_t i = 1; i < NSECTIONS; i++) {
		near = sections[i].name;
		if (strcmp(name, near) != 0 && conf_value_is_near(name, near))
			reason_set(message, "%s (%s?)", text, near);
	}
	for (size_t i = 0; i < NSECTIONS; i++) {
		if (conf_option_find(sections[i].options, name) == NULL)
			continue;
		reason_set(message, "%s: it %s %s", text,
		    i == 0 ? "stands" : "belongs", sections[i].place);
	}
}

static void on_error(cfg_t *, const char *, va_list)
    __attribute__((__format__(printf, 2, 0)));

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct reason message;
	const struct phrase *p = NULL;
	const char *name;

	if (parsing.failed)
		return;
	parsing.failed = true;
	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++)
		if (strcmp(fmt, phrases[i].fmt) == 0)
			p = &phrases[i];
	if (p == NULL)
		vsnprintf(message.text, sizeof(message.text), fmt, ap);
	else {
		name =
		    strstr(fmt, "%s") == NULL ? "" : va_arg(ap, const char *);
		reason_set(&message, "%s%s%s", p->before, name, p->after);
		if (p == &phrases[0])
			add_hint(&message, cfg, name);
	}
	vfail(parsing.text, cfg, cfg->line, parsing.why, message.text);
}

/*
 * Keeps a value.  An option that libconfuse gets a second time in a section it
 * empties first.  It has no use for the number of a default, which is the line
 * where the option was first given.
 */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	struct conf_given *given, **slot = result;
	size_t n = strlen(text) + 1;

	if (opt->nvalues == 1 && opt->def.number != 0) {
		cfg_error(cfg, "%s is given twice: %s", opt->name,
		    (opt->flags & CFGF_LIST) != 0
			? "write one list, { \"a\", \"b\" }"
			: "only one can count");
		return (-1);
	}
	if ((given = malloc(sizeof(*given) + n)) == NULL) {
		cfg_error(cfg, "%s", strerror(errno));
		return (-1);
	}
	given->line = cfg->line;
	memcpy(given->text, text, n);
	if (opt->def.number == 0)
		opt->def.number = cfg->line;
	*slot = given;
	return (0);
}

/* Fills opts from a table and returns where sections may follow. */
static cfg_opt_t *
schema(cfg_opt_t *opts, const struct conf_option *o)
{
	static const cfg_opt_t end = CFG_END();
	cfg_opt_t one = CFG_PTR_CB(NULL, NULL, CFGF_NONE, on_value, free);

	one.name = CONF_TEXT_OPENED;
	*opts++ = one;
	for (; o->name != NULL; o++) {
		one.name = o->name;
		one.flags = o->most == 1 ? CFGF_NONE : CFGF_LIST;
		*opts++ = one;
	}
	*opts = end;
	return (opts);
}

static cfg_t *
init(void)
{
	enum {
		ROOM = CONF_OPTION_MAX + 3
	};
	const int flags = CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES;
	cfg_opt_t element[ROOM], source[ROOM], tls[ROOM], relp[ROOM],
	    destination[ROOM], root[ROOM];
	cfg_opt_t elements = CFG_SEC("structured_data", element, flags);
	cfg_opt_t sources = CFG_SEC("source", source, flags);
	cfg_opt_t destinations = CFG_SEC("destination", destination, flags);
	cfg_opt_t tls_sections = CFG_SEC("tls", tls, CFGF_MULTI);
	cfg_opt_t relp_sections = CFG_SEC("relp", relp, CFGF_MULTI);
	cfg_opt_t end = CFG_END(), *o;

	schema(element, conf_option_structured_data);
	schema(tls, conf_option_tls);
	schema(relp, conf_option_relp);
	o = schema(destination, conf_option_destination);
	*o++ = tls_sections;
	*o++ = relp_sections;
	*o = end;
	o = schema(source, conf_option_source);
	*o++ = elements;
	*o = end;
	o = schema(root, conf_option_global);
	*o++ = destinations;
	*o++ = sources;
	*o = end;
	return (cfg_init(root, CFGF_NONE));
}

cfg_t *
conf_grammar_parse(const struct conf_text *text, struct reason *why)
{
	cfg_t *cfg;
	int result;

	if ((cfg = init()) == NULL) {
		reason_set(why, "%s", strerror(ENOMEM));
		return (NULL);
	}
	parsing.text = text;
	parsing.why = why;
	parsing.failed = false;
	cfg_set_error_function(cfg, on_error);
	result = cfg_parse_buf(cfg, text->bytes);
	if (result != CFG_SUCCESS || text->malformed)
		cfg_error(
		    cfg, "this is no statement"); /* if nothing was said */
	parsing.text = NULL;
	parsing.why = NULL;
	if (!parsing.failed)
		return (cfg);
	cfg_free(cfg);
	return (NULL);
}

size_t
conf_grammar_count(cfg_t *section, const char *option)
{
	return (cfg_size(section, option));
}

const struct conf_given *
conf_grammar_value(cfg_t *section, const char *option, size_t i)
{
	if (i >= cfg_size(section, option))
		return (NULL);
	return (cfg_getnptr(section, option, (unsigned int)i));
}

bool
conf_grammar_is_emptied(cfg_t *section, const char *option)
{
	const cfg_opt_t *opt = cfg_getopt(section, option);

	return (opt->nvalues == 0 && opt->def.number != 0);
}

int
conf_grammar_line(cfg_t *section, const char *option)
{
	const struct conf_given *given;

	given = conf_grammar_value(section, option, 0);
	if (given == NULL)
		given = conf_grammar_value(section, CONF_TEXT_OPENED, 0);
	return (given == NULL ? section->line : given->line);
}
