/*
 * How logs are written and rotated.
 */
#include "tests/sim/world.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define KEPT 4
#define HEAD_LINES 32

static unsigned dates, generations, aways, targets;
static unsigned of_inode[1024]; /* the generation of what is in it */
static bool banner, is_long;

void
rotate_reset(void)
{
	struct rng r = rng_of(S.plan.seed, 7);

	dates = generations = aways = targets = 0;
	banner = rng_chance(&S.world, 300);
	is_long = sim_may(KIND_HEADS) && rng_chance(&r, 500);
}

static void
put(struct log *l, const char *p, size_t n)
{
	if (l->appends)
		l->at = files_size(l->inode);
	files_write(l->inode, l->at, p, n);
	l->at += n;
}

/* So much that all logs have the same fingerprint. */
static void
put_long_head(struct log *l)
{
	char line[64];
	unsigned i;

	for (i = 0; i < HEAD_LINES; i++)
		put(l, line,
		    (size_t)snprintf(line, sizeof(line),
			"#Field %u: what every program says of it\n", i));
}

/* As open(2) with O_CREAT does: also what is there already. */
void
log_open_new(struct log *l)
{
	static const char text[] = "#Version: 1.0\n#Fields: all of them\n"
				   "#Software: a program that begins each log "
				   "with the same lines\n";
	size_t n = sizeof(text) - 1;

	bool is_new;

	if (l->inode != NULL)
		files_unref(l->inode);
	l->nrest = 0;
	l->opened = S.now;
	l->inode = files_open(l->path, &is_new);
	l->at = files_size(l->inode);
	if (is_new) {
		of_inode[files_number(l->inode) % 1024] = ++generations;
		sim_say("world: %s is made anew: %llu", l->path,
		    (unsigned long long)files_number(l->inode));
		if (banner)
			put(l, text, S.strict ? 35 : n);
		if (is_long)
			put_long_head(l);
	}
	l->generation = of_inode[files_number(l->inode) % 1024];
	files_ref(l->inode);
}

void
log_finish_line(struct log *l)
{
	if (l->nrest > 0 && l->inode != NULL) {
		oracle_half((unsigned)(l - world_logs), false);
		put(l, l->rest, l->nrest);
	}
	l->nrest = 0;
}

void
log_append(struct log *l, struct rng *r, unsigned n, bool partial)
{
	char text[16384];
	size_t len = 0, made;

	if (l->inode == NULL)
		return;
	log_finish_line(l);
	while (n-- > 0 && len + SIM_LINE < sizeof(text)) {
		made = oracle_write((unsigned)(l - world_logs), l->generation,
		    text + len, sizeof(text) - len, l->inode);
		if (made == 0)
			break;
		len += made;
		if (n == 0 && partial && made > 10) {
			l->nrest = 1 + rng_below(r, (unsigned)made - 10);
			len -= l->nrest;
			memcpy(l->rest, text + len, l->nrest);
			oracle_half((unsigned)(l - world_logs), true);
		}
	}
	sim_say(
	    "world: %s: %zu octets at %zu", l->path, len, files_size(l->inode));
	/* NULs in front of a line are part of it: it may come in pieces. */
	if (len > 0 && !l->appends && l->at > files_size(l->inode))
		oracle_cut_at((unsigned)(l - world_logs), text);
	if (len > 0)
		put(l, text, len);
}

static void
shift(struct log *l)
{
	char from[64], to[64];
	int i;

	l->renamed = S.now;
	for (i = KEPT; i > 0; i--) {
		(void)snprintf(from, sizeof(from), "%s.%d", l->path, i);
		(void)snprintf(to, sizeof(to), "%s.%d", l->path, i + 1);
		if (files_at(from) == NULL)
			continue;
		if (i == KEPT)
			(void)files_unlink(from);
		else
			(void)files_rename(from, to);
	}
}

void
rotate_expire(struct log *l)
{
	char path[64];
	int i;

	for (i = KEPT; i > 0; i--) {
		(void)snprintf(path, sizeof(path), "%s.%d", l->path, i);
		if (files_at(path) != NULL) {
			(void)files_unlink(path);
			return;
		}
	}
}

static void
copy(struct log *l)
{
	struct inode *from = files_behind(l->path), *to;
	char path[64];

	if (from == NULL)
		return;
	(void)snprintf(path, sizeof(path), "%s.1", l->path);
	if (files_at(path) != NULL)
		(void)files_unlink(path);
	l->renamed = S.now;
	sim_say("world: copy %s to %s, %zu octets", l->path, path,
	    files_size(from));
	to = files_make(path, 0640, 0);
	oracle_copied(files_size(from));
	l->in_copy =
	    files_is_meant(strrchr(path, '/') + 1) ? 0 : files_size(from);
	if (l->nrest > 0)
		oracle_cut((unsigned)(l - world_logs));
	/* Known: README.md, "What is known". */
	if (!S.strict &&
	    ((files_size(from) > 0 && files_data(from)[0] == 0) ||
		files_is_meant(strrchr(path, '/') + 1) || !S.in_life ||
		S.now - S.began < 300 * NS_MS)) {
		oracle_allow(files_size(from));
		oracle_no_order();
	}
	if (files_size(from) > 0)
		files_write(to, 0, files_data(from), files_size(from));
}

static void
replace(struct log *l)
{
	struct inode *tmp;
	char text[SIM_LINE];
	size_t n;

	tmp = files_make("/log/tmp", 0640, 0);
	of_inode[files_number(tmp) % 1024] = ++generations;
	n = oracle_write(
	    (unsigned)(l - world_logs), generations, text, sizeof(text), tmp);
	files_write(tmp, 0, text, n);
	(void)files_rename("/log/tmp", l->path);
}

static void
compress_one(struct log *l)
{
	char from[64], to[64];
	uint8_t out[65536];
	struct inode *i, *z;
	z_stream s;

	(void)snprintf(from, sizeof(from), "%s.1", l->path);
	(void)snprintf(to, sizeof(to), "%s.1.gz", l->path);
	if ((i = files_at(from)) == NULL || i == l->inode ||
	    files_is_link(from) || files_size(i) > sizeof(out) / 2)
		return;
	memset(&s, 0, sizeof(s));
	if (deflateInit2(&s, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	s.avail_in = (unsigned)files_size(i);
	s.next_in = malloc(s.avail_in + 1);
	memcpy(s.next_in, files_data(i), s.avail_in);
	s.next_out = out;
	s.avail_out = sizeof(out);
	(void)deflate(&s, Z_FINISH);
	(void)deflateEnd(&s);
	free(s.next_in - s.total_in);
	if (files_at(to) != NULL)
		(void)files_unlink(to);
	sim_say("world: compress %s", from);
	z = files_make(to, 0640, 0);
	files_write(z, 0, out, s.total_out);
	(void)files_unlink(from);
}

/* As shred(1) does, which removes it then. */
static void
shred(struct log *l)
{
	static uint8_t text[65536];
	struct inode *i;
	char path[64];
	bool meant;
	size_t n;

	(void)snprintf(path, sizeof(path), "%s.1", l->path);
	if ((i = files_at(path)) == NULL || i == l->inode ||
	    files_is_link(path) || files_size(i) > sizeof(text))
		return;
	sim_say("world: shred %s", path);
	meant = files_is_meant(strrchr(path, '/') + 1);
	/* Nobody may know what it was, or that it is a rotated one. */
	oracle_shredded(!S.in_life || S.stopping ||
	    S.now - S.began < 300 * NS_MS ||
	    !oracle_has_begun(files_data(i), files_size(i)) ||
	    S.now - l->renamed < (sim_may(KIND_LOST_EVENT) ? 70 : 3) * NS_S ||
	    (meant && !files_is_read(i)));
	for (n = 0; n < files_size(i); n++)
		text[n] = rng_chance(&S.world, 20) ? '\n' : 'X';
	of_inode[files_number(i) % 1024] = ++generations;
	files_overwrite(i, text);
}

static void
unlink_shredded(struct log *l)
{
	char path[64];
	struct inode *i;

	(void)snprintf(path, sizeof(path), "%s.1", l->path);
	if ((i = files_at(path)) != NULL && files_size(i) > 0 &&
	    files_data(i)[0] == 'X')
		(void)files_unlink(path);
}

static void
to_name(struct log *l, const char *how, unsigned n)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "%s%s%u", l->path, how, n);
	l->renamed = S.now;
	(void)files_rename(l->path, path);
}

/* What the link led to stays where it is; what it leads to may come later. */
static void
link_anew(struct log *l)
{
	char target[64];

	(void)snprintf(target, sizeof(target), "/real/%u", ++targets);
	if (!files_is_link(l->path)) {
		shift(l);
		to_name(l, ".", 1);
	}
	sim_say("world: %s leads to %s", l->path, target);
	if (rng_chance(&S.world, 500))
		of_inode[files_number(files_make(target, 0640, 0)) % 1024] =
		    ++generations;
	files_link_to("/log/tmp", target);
	(void)files_rename("/log/tmp", l->path);
}

static void
script(struct log *l, const enum op *ops, unsigned n)
{
	while (n > 0)
		l->script[l->nscript++] = ops[--n];
}

void
rotate_begin(struct log *l, enum sim_kind kind)
{
	static const enum op by_name[] = { OP_SHIFT, OP_RENAME, OP_REOPEN };
	static const enum op copied[] = { OP_SHIFT, OP_COPY, OP_CUT };
	static const enum op dated[] = { OP_DATE, OP_REOPEN };
	static const enum op away[] = { OP_AWAY, OP_REOPEN };
	static const enum op deleted[] = { OP_UNLINK, OP_REOPEN };
	static const enum op replaced[] = { OP_REPLACE, OP_REOPEN };
	static const enum op compressed[] = { OP_COMPRESS };
	static const enum op shredded[] = { OP_SHRED, OP_UNLINK_SHREDDED };
	static const enum op linked[] = { OP_LINK, OP_REOPEN };

	if (l->nscript > 0)
		return;
	if (kind == KIND_NULS) {
		l->appends = false;
		kind = KIND_COPYTRUNCATE;
	}
	if (kind != KIND_COPYTRUNCATE && kind != KIND_COMPRESS &&
	    kind != KIND_SHRED && files_is_link(l->path))
		kind = KIND_LINK;
	if (kind == KIND_RENAME)
		script(l, by_name, 3);
	else if (kind == KIND_COPYTRUNCATE)
		script(l, copied, 3);
	else if (kind == KIND_DATED)
		script(l, dated, 2);
	else if (kind == KIND_MOVE_AWAY)
		script(l, away, 2);
	else if (kind == KIND_DELETE)
		script(l, deleted, 2);
	else if (kind == KIND_REPLACE)
		script(l, replaced, 2);
	else if (kind == KIND_COMPRESS)
		script(l, compressed, 1);
	else if (kind == KIND_SHRED)
		script(l, shredded, 2);
	else if (kind == KIND_LINK)
		script(l, linked, 2);
	rotate_go_on(l);
}

void
rotate_go_on(struct log *l)
{
	char path[64];

	if (l->nscript == 0)
		return;
	switch (l->script[--l->nscript]) {
	case OP_SHIFT:
		shift(l);
		break;
	case OP_RENAME:
		to_name(l, ".", 1);
		break;
	case OP_DATE:
		to_name(l, "-202611", 10 + ++dates);
		break;
	case OP_AWAY:
		(void)snprintf(path, sizeof(path), "/old/%u", ++aways);
		(void)files_rename(l->path, path);
		break;
	case OP_COPY:
		copy(l);
		l->copied = S.now;
		break;
	case OP_CUT:
		l->copied = 0;
		if (l->inode == NULL)
			break;
		/* Nothing may be known of what the copy has. */
		if (!S.strict && l->in_copy < files_size(l->inode))
			oracle_short_copy(files_data(l->inode), l->in_copy);
		l->in_copy = 0;
		files_truncate(l->inode, 0);
		l->generation = ++generations;
		of_inode[files_number(l->inode) % 1024] = generations;
		l->nrest = 0;
		break;
	case OP_UNLINK:
		(void)files_unlink(l->path);
		break;
	case OP_REOPEN:
		log_finish_line(l);
		log_open_new(l);
		break;
	case OP_REPLACE:
		replace(l);
		break;
	case OP_COMPRESS:
		compress_one(l);
		break;
	case OP_SHRED:
		shred(l);
		break;
	case OP_UNLINK_SHREDDED:
		unlink_shredded(l);
		break;
	case OP_LINK:
		link_anew(l);
		break;
	}
}
