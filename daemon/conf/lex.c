#include "daemon/conf/lex.h"

#include <ctype.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum token {
	TOKEN_WORD,
	TOKEN_STRING,
	TOKEN_EQUALS,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_COMMA,
	TOKEN_OTHER
};

struct conf_line
conf_lex_here(const struct conf_lex *in)
{
	struct conf_line line = { in->name, in->line };

	return (line);
}

static int
peek(const struct conf_lex *in, size_t ahead)
{
	if ((size_t)(in->end - in->p) <= ahead)
		return (EOF);
	return ((unsigned char)in->p[ahead]);
}

static void
emit(struct conf_lex *in, const char *p, size_t n)
{
	if (!in->mute)
		conf_text_put(in->text, p, n);
}

static void
newline(struct conf_lex *in)
{
	in->p++;
	in->line++;
	conf_text_line(in->text, in->name, in->line);
}

static void
word_add(struct conf_lex *in, const char *p, size_t n)
{
	size_t room = sizeof(in->word) - 1;

	if (in->wordlen < room) {
		room -= in->wordlen;
		memcpy(in->word + in->wordlen, p, n < room ? n : room);
		in->word[in->wordlen + (n < room ? n : room)] = '\0';
	}
	in->wordlen += n;
}

static void
word_clear(struct conf_lex *in)
{
	in->word[0] = '\0';
	in->wordlen = 0;
}

/* Moves place on by a token.  Returns whether the token may stand here. */
static bool
step(struct conf_lex *in, enum token token)
{
	bool text = token == TOKEN_WORD || token == TOKEN_STRING;

	switch (in->place) {
	case CONF_LEX_NAME:
		if (token == TOKEN_CLOSE && in->nbraces > 0) {
			in->nbraces--;
			return (true);
		}
		in->place = CONF_LEX_NAMED;
		return (token == TOKEN_WORD);
	case CONF_LEX_NAMED:
		if (token == TOKEN_OPEN && in->nbraces < CONF_LEX_BRACES) {
			/* A section without a title. */
			in->braces[in->nbraces++] = in->line;
			in->place = CONF_LEX_NAME;
			return (true);
		}
		in->place = text ? CONF_LEX_TITLED : CONF_LEX_VALUE;
		return (text || token == TOKEN_EQUALS);
	case CONF_LEX_VALUE:
	case CONF_LEX_TITLED:
		if (token == TOKEN_OPEN && in->nbraces < CONF_LEX_BRACES) {
			in->braces[in->nbraces++] = in->line;
			in->place = in->place == CONF_LEX_VALUE ? CONF_LEX_LIST
								: CONF_LEX_NAME;
			return (true);
		}
		text = text && in->place == CONF_LEX_VALUE;
		in->place = CONF_LEX_NAME;
		return (text);
	case CONF_LEX_LIST:
	case CONF_LEX_LISTED:
		if (token == TOKEN_CLOSE) {
			in->nbraces--;
			in->place = CONF_LEX_NAME;
			return (true);
		}
		if (in->place == CONF_LEX_LISTED) {
			in->place = CONF_LEX_LIST;
			return (token == TOKEN_COMMA);
		}
		in->place = CONF_LEX_LISTED;
		return (text);
	}
	return (false);
}

static int
take(struct conf_lex *in, enum token token)
{
	bool section =
	    in->place == CONF_LEX_TITLED || in->place == CONF_LEX_NAMED;

	if (in->place == CONF_LEX_NAME && token == TOKEN_CLOSE &&
	    in->nbraces == 0)
		return (conf_line_fail(conf_lex_here(in), in->why,
		    "\"}\" closes nothing: there is no \"{\" before it"));
	if (in->place == CONF_LEX_NAME && token == TOKEN_STRING)
		return (conf_line_fail(conf_lex_here(in), in->why,
		    "\"%s\" stands where a name belongs; several values are "
		    "a list: { \"a\", \"b\" }",
		    in->word));
	if (!step(in, token))
		in->text->malformed = true;
	else if (section && token == TOKEN_OPEN)
		conf_text_open(in->text);
	return (0);
}

static void
line_comment(struct conf_lex *in)
{
	while (in->p < in->end && *in->p != '\n')
		in->p++;
	emit(in, " ", 1);
}

static int
block_comment(struct conf_lex *in)
{
	struct conf_line start = conf_lex_here(in);
	int next = peek(in, 2);

	if ((in->place == CONF_LEX_VALUE || in->place == CONF_LEX_LIST) &&
	    next != EOF && !isspace(next))
		return (conf_line_fail(start, in->why,
		    "a glob must stand in quotes (a comment here must have "
		    "a blank behind \"/*\")"));
	for (in->p += 2; in->p < in->end;)
		if (peek(in, 0) == '*' && peek(in, 1) == '/') {
			in->p += 2;
			emit(in, " ", 1);
			return (0);
		} else if (*in->p == '\n')
			newline(in);
		else
			in->p++;
	return (conf_line_fail(start, in->why,
	    "the comment that begins here is never closed: \"*/\" is missing"));
}

static const char *
macro_value(const struct conf_lex *in, const char *name)
{
	const struct conf_pairs *m = in->macros;

	for (size_t i = m == NULL ? 0 : m->n; i-- > 0;)
		if (strcmp(m->p[i].name, name) == 0)
			return (m->p[i].value);
	return (getenv(name));
}

/* At "${": copies the value of the macro, escaped. */
static int
macro(struct conf_lex *in)
{
	char name[128];
	const char *value, *p = in->p + 2;
	size_t n = 0;

	while (p + n < in->end && (isalnum((unsigned char)p[n]) || p[n] == '_'))
		n++;
	if (n == 0 || n >= sizeof(name) || p + n == in->end || p[n] != '}' ||
	    isdigit((unsigned char)p[0]))
		return (conf_line_fail(conf_lex_here(in), in->why,
		    "\"${\" begins a macro: write ${name}, or \\${ where the "
		    "characters are meant"));
	memcpy(name, p, n);
	name[n] = '\0';
	if ((value = macro_value(in, name)) == NULL)
		return (conf_line_fail(conf_lex_here(in), in->why,
		    "${%s} is not set: give -D %s=value, or set it in the "
		    "environment",
		    name, name));
	if (!in->mute)
		conf_text_quote(in->text, value);
	word_add(in, value, strlen(value));
	in->p = p + n + 1;
	return (0);
}

/* Returns the value of hexadecimal digit c, or -1. */
static int
hex(int c)
{
	if (c >= '0' && c <= '9')
		return (c - '0');
	if (c >= 'a' && c <= 'f')
		return (c - 'a' + 10);
	if (c >= 'A' && c <= 'F')
		return (c - 'A' + 10);
	return (-1);
}

/*
 * At a backslash in "...".  Sets *octet to the octet that the escape stands for
 * and returns the escape's length, or 0 if libconfuse would read it otherwise.
 */
static size_t
escape(const struct conf_lex *in, char *octet)
{
	static const char letters[] = "\\\"$'nrbfaetv";
	static const char octets[] = "\\\"$'\n\r\b\f\a\033\t\v";
	const char *found;
	int c = peek(in, 1), value = 0;
	size_t n = 1;

	if (c == 'x') {
		for (n = 2; n < 4 && hex(peek(in, n)) >= 0; n++)
			value = value * 16 + hex(peek(in, n));
		*octet = (char)value;
		return (value > 0 ? n : 0);
	}
	if (c >= '0' && c <= '9') {
		for (; isdigit(peek(in, n)); n++) {
			if (n > 3 || peek(in, n) > '7')
				return (0);
			value = value * 8 + peek(in, n) - '0';
		}
		*octet = (char)value;
		return (value > 0 && value <= 0xff ? n : 0);
	}
	if (c <= 0 || (found = strchr(letters, c)) == NULL)
		return (0);
	*octet = octets[found - letters];
	return (2);
}

static int
unclosed(struct conf_line start, struct reason *why, char quote)
{
	return (conf_line_fail(start, why,
	    "the string that begins here is not closed: %c is missing at its "
	    "end (a line break in it is written \\n)",
	    quote));
}

/* At a backslash in a string: copies the escape. */
static int
backslash(struct conf_lex *in, char quote)
{
	char octet;
	size_t n;
	int c = peek(in, 1);

	if (c == '\n') { /* the string continues */
		emit(in, "\\", 1);
		in->p++;
		newline(in);
		return (0);
	}
	if (quote == '\'') {
		n = c == '\\' || c == '\'' ? 2 : 1;
		word_add(in, in->p + n - 1, 1);
	} else if ((n = escape(in, &octet)) > 0)
		word_add(in, &octet, 1);
	else
		return (conf_line_fail(conf_lex_here(in), in->why,
		    "in \"...\" a backslash is not itself: write \\\\ for it, "
		    "or put the string into '...'"));
	emit(in, in->p, n);
	in->p += n;
	return (0);
}

static int
string(struct conf_lex *in)
{
	struct conf_line start = conf_lex_here(in);
	char quote = *in->p;

	word_clear(in);
	emit(in, in->p++, 1);
	while (in->p < in->end && *in->p != quote && *in->p != '\n') {
		if (*in->p == '\\' && peek(in, 1) != EOF) {
			if (backslash(in, quote) == -1)
				return (-1);
		} else if (quote == '"' && *in->p == '$' &&
		    peek(in, 1) == '{') {
			if (macro(in) == -1)
				return (-1);
		} else {
			word_add(in, in->p, 1);
			emit(in, in->p++, 1);
		}
	}
	if (peek(in, 0) != quote)
		return (unclosed(start, in->why, quote));
	emit(in, in->p++, 1);
	return (0);
}

/*
 * Reads a word without quotes: only the characters of names, numbers, paths and
 * urls, for libconfuse gives some of the others a meaning.
 */
static int
word(struct conf_lex *in)
{
	const char *start = in->p, *odd = NULL;

	word_clear(in);
	for (; in->p < in->end; in->p++) {
		if (strchr(" \t\n\"'={}(),#", *in->p) != NULL)
			break;
		if (odd == NULL && (*in->p & 0x80) == 0 &&
		    !isalnum((unsigned char)*in->p) &&
		    strchr("_-./:@%", *in->p) == NULL)
			odd = in->p;
	}
	word_add(in, start, (size_t)(in->p - start));
	if (odd != NULL && *odd == ';')
		return (conf_line_fail(conf_lex_here(in), in->why,
		    "\";\" is not needed: a statement ends by itself"));
	if (odd != NULL && *odd == '+' && peek(in, 0) == '=')
		return (conf_line_fail(conf_lex_here(in), in->why,
		    "\"+=\" is not known: write one list, { \"a\", \"b\" }"));
	if (odd != NULL || peek(in, 0) == '#')
		return (conf_line_fail(conf_lex_here(in), in->why,
		    "%s%s must stand in quotes: \"...\" or '...'", in->word,
		    odd == NULL ? "#" : ""));
	return (0);
}

static void
blanks(struct conf_lex *in)
{
	while (peek(in, 0) == ' ' || peek(in, 0) == '\t')
		in->p++;
}

/* Behind the word include: reads the file in brackets. */
static int
include(struct conf_lex *in)
{
	int c, result;

	in->mute = true;
	blanks(in);
	result = peek(in, 0) == '(' ? 0 : 1;
	if (result == 0) {
		in->p++;
		blanks(in);
		word_clear(in);
		c = peek(in, 0);
		result = c == '"' || c == '\'' ? string(in) : word(in);
		blanks(in);
	}
	in->mute = false;
	if (result == -1)
		return (-1);
	if (result == 1 || peek(in, 0) != ')' || in->wordlen == 0 ||
	    in->wordlen >= sizeof(in->word))
		return (conf_line_fail(conf_lex_here(in), in->why,
		    "after include belongs a file in brackets: "
		    "include(\"/etc/teslacoil.d/*.conf\")"));
	in->p++;
	if (in->on_include(in, in->word) == -1)
		return (-1);
	conf_text_line(in->text, in->name, in->line);
	return (0);
}

static int
word_or_include(struct conf_lex *in)
{
	if (word(in) == -1)
		return (-1);
	if (in->place == CONF_LEX_NAME && strcmp(in->word, "include") == 0)
		return (include(in));
	emit(in, in->p - in->wordlen, in->wordlen);
	return (take(in, TOKEN_WORD));
}

static int
punctuation(struct conf_lex *in, enum token token)
{
	emit(in, in->p, 1);
	if (take(in, token) == -1)
		return (-1);
	in->p++;
	return (0);
}

static int
read_token(struct conf_lex *in)
{
	switch (*in->p) {
	case '\n':
		newline(in);
		return (0);
	case ' ':
	case '\t':
		emit(in, in->p++, 1);
		return (0);
	case '#':
		line_comment(in);
		return (0);
	case '/':
		if (peek(in, 1) == '*')
			return (block_comment(in));
		if (peek(in, 1) != '/')
			return (word_or_include(in));
		line_comment(in);
		return (0);
	case '"':
	case '\'':
		return (string(in) == -1 ? -1 : take(in, TOKEN_STRING));
	case '=':
		return (punctuation(in, TOKEN_EQUALS));
	case '{':
		return (punctuation(in, TOKEN_OPEN));
	case '}':
		return (punctuation(in, TOKEN_CLOSE));
	case ',':
		return (punctuation(in, TOKEN_COMMA));
	case '(':
	case ')':
		return (punctuation(in, TOKEN_OTHER));
	default:
		return (word_or_include(in));
	}
}

int
conf_lex_read(struct conf_lex *in)
{
	struct conf_line brace = { in->name, 0 };

	in->line = 1;
	in->place = CONF_LEX_NAME;
	in->nbraces = 0;
	conf_text_line(in->text, in->name, in->line);
	while (in->p < in->end && !in->text->malformed)
		if (read_token(in) == -1)
			return (-1);
	if (in->text->malformed)
		return (0);
	if (in->nbraces > 0) {
		brace.number = in->braces[in->nbraces - 1];
		return (conf_line_fail(brace, in->why,
		    "the \"{\" here is never closed: \"}\" is missing"));
	}
	if (in->place != CONF_LEX_NAME)
		in->text->malformed = true;
	return (0);
}
