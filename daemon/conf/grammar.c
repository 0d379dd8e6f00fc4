#include "daemon/conf/grammar.h"

#include <confuse.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf/option.h"
#include "daemon/conf/value.h"

struct given { /* a value, and the line of the text that it stands in */
	int line;
	char text[];
};

/*
 * The text that is being parsed.  libconfuse passes no pointer of ours to its
 * callbacks, and its lexer is global anyway.
 */
static struct {
	const struct conf_text *text;
	struct reason *why;
	bool failed;
} parsing;

/* A message of libconfuse, and ours: the name stands between the two parts. */
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

/* libconfuse calls its outermost section "root". */
static const char *
kind_of(const cfg_t *cfg)
{
	return (strcmp(cfg->name, "root") == 0 ? "" : cfg->name);
}

/* Adds to the message which option or section the user may have meant. */
static void
add_hint(struct reason *message, const char *kind, const char *name)
{
	char text[sizeof(message->text)];
	const char *near;

	strlcpy(text, message->text, sizeof(text));
	if ((near = conf_option_near(conf_option_table(kind), name)) != NULL) {
		reason_set(message, "%s (%s?)", text, near);
		return;
	}
	for (const struct conf_kind *k = conf_option_kinds; k->name != NULL;
	     k++) {
		if (*k->name != '\0' && strcmp(name, k->name) != 0 &&
		    conf_value_is_near(name, k->name))
			reason_set(message, "%s (%s?)", text, k->name);
		if (conf_option_find(k->options, name) != NULL)
			reason_set(message, "%s: it %s %s", text,
			    *k->name == '\0' ? "stands" : "belongs", k->place);
	}
}

static void on_error(cfg_t *, const char *, va_list)
    __attribute__((__format__(printf, 2, 0)));

static void
on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	const struct conf_section here = { .kind = kind_of(cfg),
		.title = cfg->title };
	const struct phrase *p = NULL;
	struct reason message;
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
			add_hint(&message, here.kind, name);
	}
	conf_tree_fail(&here, conf_text_where(parsing.text, cfg->line),
	    parsing.why, "%s", message.text);
}

/*
 * Keeps a value.  When an option comes a second time in a section, libconfuse
 * deletes its first values; so the line of the first is kept in the number of
 * the option's default, which libconfuse does not use.
 */
static int
on_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *result)
{
	struct given *given, **slot = result;
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

/* Fills opts with the options of a section; returns where sections may follow.
 */
static cfg_opt_t *
schema(cfg_opt_t *opts, const char *kind)
{
	const struct conf_option *o = conf_option_table(kind);
	static const cfg_opt_t end = CFG_END();
	cfg_opt_t one = CFG_PTR_CB(NULL, NULL, CFGF_NONE, on_value, free);

	one.name = CONF_TEXT_OPENED;
	*opts++ = one;
	for (; o->name != NULL; o++) {
		one.name = o->name;
		one.flags = o->most_values == 1 ? CFGF_NONE : CFGF_LIST;
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

	schema(element, "structured_data");
	schema(tls, "tls");
	schema(relp, "relp");
	o = schema(destination, "destination");
	*o++ = tls_sections;
	*o++ = relp_sections;
	*o = end;
	o = schema(source, "source");
	*o++ = elements;
	*o = end;
	o = schema(root, "");
	*o++ = destinations;
	*o++ = sources;
	*o = end;
	return (cfg_init(root, CFGF_NONE));
}

static int convert(cfg_t *, struct conf_section *);

static int
out_of_memory(void)
{
	return (reason_set(parsing.why, "%s", strerror(ENOMEM)));
}

/* An option that had values, and then was given again as { }, has none. */
static int
convert_values(
    const cfg_opt_t *from, const char *option, struct conf_section *to)
{
	const struct given *given;

	if (from->nvalues == 0 && from->def.number != 0)
		return (conf_tree_fail(to, to->where, parsing.why,
		    "%s is given twice: write one list, { \"a\", \"b\" }",
		    option));
	for (unsigned int i = 0; i < from->nvalues; i++) {
		given = from->values[i]->ptr;
		if (conf_tree_add(to, option, given->text,
			conf_text_where(parsing.text, given->line)) == -1)
			return (out_of_memory());
	}
	return (0);
}

/* A section begins at the line of CONF_TEXT_OPENED, the mark in it. */
static int
convert_sections(cfg_opt_t *from, const char *kind, struct conf_section *to)
{
	const struct given *mark;
	struct conf_section *s;
	cfg_t *section;

	for (unsigned int i = 0; i < cfg_opt_size(from); i++) {
		section = cfg_opt_getnsec(from, i);
		mark = cfg_getnptr(section, CONF_TEXT_OPENED, 0);
		s = conf_tree_new(to, kind, section->title,
		    conf_text_where(parsing.text,
			mark == NULL ? section->line : mark->line));
		if (s == NULL)
			return (out_of_memory());
		if (convert(section, s) == -1)
			return (-1);
	}
	return (0);
}

/* Copies a section of libconfuse's with all that is in it into the tree. */
static int
convert(cfg_t *from, struct conf_section *to)
{
	const struct conf_option *o = conf_option_table(to->kind);

	for (; o->name != NULL; o++)
		if (convert_values(cfg_getopt(from, o->name), o->name, to) ==
		    -1)
			return (-1);
	for (const struct conf_kind *k = conf_option_kinds; k->name != NULL;
	     k++)
		if (strcmp(k->inside, to->kind) == 0 && *k->name != '\0' &&
		    convert_sections(cfg_getopt(from, k->name), k->name, to) ==
			-1)
			return (-1);
	return (0);
}

static struct conf_section *
parse(cfg_t *cfg)
{
	struct conf_section *root;
	int result;

	cfg_set_error_function(cfg, on_error);
	result = cfg_parse_buf(cfg, parsing.text->bytes);
	if (result != CFG_SUCCESS || parsing.text->malformed)
		cfg_error(cfg, "this is no statement"); /* without a message */
	if (parsing.failed)
		return (NULL);
	root = conf_tree_new(
	    NULL, "", NULL, conf_text_where(parsing.text, cfg->line));
	if (root == NULL)
		out_of_memory();
	else if (convert(cfg, root) == 0)
		return (root);
	conf_tree_free(root);
	return (NULL);
}

struct conf_section *
conf_grammar_parse(const struct conf_text *text, struct reason *why)
{
	struct conf_section *root = NULL;
	cfg_t *cfg;

	parsing.text = text;
	parsing.why = why;
	parsing.failed = false;
	if ((cfg = init()) == NULL)
		out_of_memory();
	else {
		root = parse(cfg);
		cfg_free(cfg);
	}
	parsing.text = NULL;
	parsing.why = NULL;
	return (root);
}
