#include "daemon/conf/read.h"

#include <sys/stat.h>
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/conf/lex.h"

struct reading { /* of one file */
	struct reading *outer; /* of the file that includes it, or NULL */
	const char *name;
	size_t *octets; /* read so far, in all files */
	int depth;
	dev_t dev;
	ino_t ino; /* 0: bytes in memory */
	struct conf_lex lex;
};

static int read_file(struct reading *, struct reading *outer, const char *path);

/* A file that cannot be read is reported at the line that includes it. */
static int
fail(const struct reading *in, const char *what)
{
	if (in->outer == NULL)
		return (reason_set(in->lex.why, "%s: %s", in->name, what));
	return (conf_line_fail(conf_lex_here(&in->outer->lex), in->lex.why,
	    "include %s: %s", in->name, what));
}

/* Included files that match a glob come in the order of their names. */
static int
include_file(struct reading *outer, const char *path)
{
	struct reading *in;
	int result;

	if ((in = calloc(1, sizeof(*in))) == NULL)
		return (reason_set(outer->lex.why, "%s", strerror(errno)));
	in->lex = outer->lex;
	in->octets = outer->octets;
	result = read_file(in, outer, path);
	free(in);
	return (result);
}

/* glob(3) goes on where a directory does not exist; other errors end it. */
static int
on_glob_error(const char *path, int error)
{
	(void)path;
	errno = error;
	return (error != ENOENT && error != ENOTDIR);
}

static int
include_glob(struct reading *in, const char *pattern)
{
	glob_t found;
	int error, result;

	result = glob(pattern, 0, on_glob_error, &found);
	error = result == GLOB_NOSPACE ? ENOMEM : errno;
	if (result == GLOB_NOMATCH)
		result = 0;
	else if (result != 0)
		result = conf_line_fail(conf_lex_here(&in->lex), in->lex.why,
		    "include %s: %s", pattern, strerror(error));
	else
		for (size_t i = 0; i < found.gl_pathc && result == 0 &&
		     !in->lex.text->malformed;
		     i++)
			result = include_file(in, found.gl_pathv[i]);
	globfree(&found);
	return (result);
}

/* Joins directory[0..n) and name; is_glob: escapes the directory for glob(3).
 */
static char *
join(const char *directory, size_t n, const char *name, bool is_glob)
{
	char *path, *p;

	if ((p = path = malloc(2 * n + strlen(name) + 1)) == NULL)
		return (NULL);
	for (size_t i = 0; i < n; i++) {
		if (is_glob && strchr("*?[]\\", directory[i]) != NULL)
			*p++ = '\\';
		*p++ = directory[i];
	}
	memcpy(p, name, strlen(name) + 1);
	return (path);
}

static int
on_include(struct conf_lex *lex, const char *what)
{
	struct reading *in = lex->arg;
	const char *slash = strrchr(in->name, '/');
	bool is_glob = strpbrk(what, "*?[") != NULL;
	size_t n = 0;
	char *path;
	int result;

	if (slash != NULL && *what != '/')
		n = (size_t)(slash - in->name) + 1;
	if ((path = join(in->name, n, what, is_glob)) == NULL)
		return (reason_set(lex->why, "%s", strerror(errno)));
	result = is_glob ? include_glob(in, path) : include_file(in, path);
	free(path);
	return (result);
}

/*
 * Turns CR LF into LF and refuses what no text has.  Returns how many octets
 * are left, or -1 with why set.
 */
static ssize_t
clean(char *p, size_t n, const char *name, struct reason *why)
{
	struct conf_line line = { name, 1 };
	unsigned char c;
	size_t out = 0;

	for (size_t i = 0; i < n; i++) {
		c = (unsigned char)p[i];
		if (c == '\r' && i + 1 < n && p[i + 1] == '\n')
			continue;
		if ((c < 0x20 && c != '\n' && c != '\t') || c == 0x7f)
			return (conf_line_fail(line, why,
			    "control character 0x%02x: this is not text", c));
		if (c == '\n')
			line.number++;
		p[out++] = p[i];
	}
	return ((ssize_t)out);
}

/* Reads the n octets at p as the file in->name; changes them. */
static int
read_bytes(struct reading *in, char *p, size_t n)
{
	struct conf_lex *lex = &in->lex;
	ssize_t left;

	lex->name = conf_text_origin(lex->text, in->name);
	if (lex->name == NULL)
		return (reason_set(lex->why, "%s", strerror(ENOMEM)));
	if ((left = clean(p, n, lex->name, lex->why)) == -1)
		return (-1);
	lex->p = p;
	lex->end = p + left;
	if (left >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		lex->p += 3; /* a byte order mark */
	lex->on_include = on_include;
	lex->arg = in;
	return (conf_lex_read(lex));
}

/*
 * Reads all of fd into *bytes.  Returns the octets, or -1 with errno.
 */
static ssize_t
slurp(int fd, size_t most, char **bytes)
{
	char *grown;
	size_t len = 0, size = 0;
	ssize_t n;

	*bytes = NULL;
	do {
		if (len == size) {
			size = size == 0 ? 8192 : size * 2;
			if ((grown = realloc(*bytes, size)) == NULL)
				return (-1);
			*bytes = grown;
		}
		do
			n = read(fd, *bytes + len, size - len);
		while (n == -1 && errno == EINTR);
		if (n == -1)
			return (-1);
		len += (size_t)n;
		if (len > most) {
			errno = EFBIG;
			return (-1);
		}
	} while (n != 0);
	return ((ssize_t)len);
}

/* Refuses a file that includes itself, and too many files in a row. */
static int
check_outer(const struct reading *in)
{
	for (const struct reading *o = in->outer; o != NULL; o = o->outer)
		if (o->ino != 0 && o->dev == in->dev && o->ino == in->ino)
			return (fail(in, "it is being read already: a loop"));
	if (in->depth > CONF_READ_DEPTH)
		return (fail(in, "includes are nested too deep"));
	return (0);
}

static int
read_file(struct reading *in, struct reading *outer, const char *path)
{
	struct stat st;
	char *bytes = NULL;
	ssize_t n = -1;
	int fd, result = -1;

	in->outer = outer;
	in->depth = outer == NULL ? 1 : outer->depth + 1;
	in->name = path;
	if ((fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY)) == -1)
		return (fail(in, strerror(errno)));
	if (fstat(fd, &st) == -1) {
		fail(in, strerror(errno));
		goto out;
	}
	in->dev = st.st_dev;
	in->ino = st.st_ino;
	if (check_outer(in) == -1)
		goto out;
	if ((n = slurp(fd, CONF_READ_MAX - *in->octets, &bytes)) == -1)
		fail(in, strerror(errno));
out:
	close(fd);
	if (n != -1) {
		*in->octets += (size_t)n;
		result = read_bytes(in, bytes, (size_t)n);
	}
	free(bytes);
	return (result);
}

/* Returns a reading into a new text, or NULL with why set. */
static struct reading *
reading_new(const struct conf_pairs *macros, size_t *octets, struct reason *why)
{
	struct reading *in;

	if ((in = calloc(1, sizeof(*in))) == NULL ||
	    (in->lex.text = conf_text_new()) == NULL) {
		reason_set(why, "%s", strerror(errno));
		free(in);
		return (NULL);
	}
	in->octets = octets;
	in->lex.macros = macros;
	in->lex.why = why;
	return (in);
}

/* Frees in.  Returns its text, or NULL if result or the text failed. */
static struct conf_text *
reading_end(struct reading *in, int result)
{
	struct conf_text *text = in->lex.text;

	if (result == 0 && text->failed)
		result = reason_set(in->lex.why, "%s", strerror(ENOMEM));
	if (result == -1) {
		conf_text_free(text);
		text = NULL;
	}
	free(in);
	return (text);
}

struct conf_text *
conf_read(const char *file, const struct conf_pairs *macros, struct reason *why)
{
	struct reading *in;
	size_t octets = 0;

	if ((in = reading_new(macros, &octets, why)) == NULL)
		return (NULL);
	return (reading_end(in, read_file(in, NULL, file)));
}

struct conf_text *
conf_read_bytes(const char *name, const char *p, size_t n,
    const struct conf_pairs *macros, struct reason *why)
{
	struct reading *in;
	size_t octets = 0;
	char *bytes;
	int result;

	if ((in = reading_new(macros, &octets, why)) == NULL)
		return (NULL);
	in->name = name;
	in->depth = 1;
	if ((bytes = malloc(n + 1)) == NULL)
		result = reason_set(why, "%s", strerror(errno));
	else {
		memcpy(bytes, p, n);
		result = read_bytes(in, bytes, n);
	}
	free(bytes);
	return (reading_end(in, result));
}
