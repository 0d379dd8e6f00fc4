/*
 * Goal: no text, path or option makes the configuration crash, be accepted
 * with something missing, or leave libconfuse unfit for the next text; and
 * every refusal has a reason that can be shown on a terminal.
 *
 * The first octet chooses what the rest is: 'o' and 'p' an option and a path
 * of a command line, anything else the text of a file together with it.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/conf/conf.h"
#include "daemon/conf/grammar.h"
#include "daemon/conf/parse.h"
#include "daemon/conf/read.h"

#define require(condition)                                                     \
	do {                                                                   \
		if (!(condition)) {                                            \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__,         \
			    __LINE__, #condition);                             \
			abort();                                               \
		}                                                              \
	} while (0)

static const struct conf_pair pairs[] = { { "m", "a\"}\\\n${m}" } };
static const struct conf_pairs macros = { pairs, 1 };

int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* The message may end in the middle, but holds nothing that is not text. */
static void
check_reason(const struct reason *why)
{
	require(why->text[0] != '\0');
	for (const char *p = why->text; *p != '\0'; p++)
		require((unsigned char)*p >= 0x20 && *p != 0x7f);
}

static void
check_conf(const struct conf *c)
{
	const struct conf_destination *d;
	const struct conf_source *s;

	require(!TAILQ_EMPTY(&c->destinations) && !TAILQ_EMPTY(&c->sources));
	TAILQ_FOREACH (d, &c->destinations, entry) {
		require(d->name[0] != '\0' && d->urls[0].text[0] != '\0');
		require(d->max_message >= 480);
		require(d->window >= 2 * d->max_message);
		require(d->retry_first_ms > 0 && d->ack_timeout_ms > 0);
		require(d->retry_longest_ms >= d->retry_first_ms);
	}
	TAILQ_FOREACH (s, &c->sources, entry) {
		require(s->npatterns > 0 && s->ndestinations > 0);
		require(s->paths[0][0] == '/' && s->patterns[0] != NULL);
		require(s->app_name[0] != '\0' && s->hostname[0] != '\0');
		require(s->facility >= 0 && s->facility < 24);
		require(s->severity >= 0 && s->severity < 8);
		require(s->sd != NULL && s->recursive_depth > 0);
	}
}

/* Takes what n octets make; NULL means that they were refused. */
static struct conf *
from_bytes(const uint8_t *p, size_t n)
{
	struct reason why = { "" };
	struct conf_section *root;
	struct conf_text *t;
	struct conf *c = NULL;
	size_t newlines = 0;

	t = conf_read_bytes(
	    "/nonexistent/fuzz.conf", (const char *)p, n, &macros, &why);
	if (t != NULL) {
		require(strlen(t->bytes) == t->len);
		for (size_t i = 0; i < t->len; i++)
			newlines += t->bytes[i] == '\n';
		require(newlines + 1 == t->nlines);
		root = conf_grammar_parse(t, &why);
		require(root == NULL || !t->malformed);
		if (root != NULL)
			c = conf_parse(root, &why);
		conf_tree_free(root);
	}
	if (c == NULL)
		check_reason(&why);
	else
		check_conf(c);
	conf_text_free(t);
	return (c);
}

static void
file(const uint8_t *p, size_t n)
{
	static const char good[] = "destination d { url = \"stdout:\" } source "
				   "s { paths = \"/l\" }";
	struct conf *c;

	/* Includes of files of this system are not what is tested. */
	if (memchr(p, '(', n) != NULL && memchr(p, '/', n) != NULL)
		return;
	conf_free(from_bytes(p, n));
	c = from_bytes((const uint8_t *)good, sizeof(good) - 1);
	require(c != NULL);
	conf_free(c);
}

/* A path that says where it begins and leads straight on stays as it is. */
static void
path(char *text)
{
	struct reason why = { "" };
	struct conf *c = conf_from_args(NULL, NULL, &text, 1, &why);

	if (c == NULL) {
		require(why.text[0] != '\0');
		return;
	}
	check_conf(c);
	if (text[0] == '/' && strstr(text, "..") == NULL &&
	    strlen(TAILQ_FIRST(&c->sources)->paths[0]) == strlen(text))
		require(strcmp(TAILQ_FIRST(&c->sources)->paths[0], text) == 0);
	conf_free(c);
}

static void
option(char *text)
{
	char log[] = "/l", *paths[] = { log }, *value = strchr(text, '=');
	struct conf_pair pair = { text, "" };
	const struct conf_pairs options = { &pair, 1 };
	struct reason why = { "" };
	struct conf *c;

	if (value != NULL) {
		*value = '\0';
		pair.value = value + 1;
	}
	c = conf_from_args(NULL, &options, paths, 1, &why);
	if (c == NULL)
		require(why.text[0] != '\0');
	else
		check_conf(c);
	conf_free(c);
}

int
LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
	char *text;

	if (n == 0 || (p[0] != 'o' && p[0] != 'p')) {
		file(p, n);
		return (0);
	}
	if ((text = strndup((const char *)p + 1, n - 1)) == NULL)
		abort();
	if (p[0] == 'o')
		option(text);
	else
		path(text);
	free(text);
	return (0);
}
