#include "daemon/checkpoint/record.h"

#include <assert.h>
#include <string.h>
#include <xxhash.h>

#include "lib/ns.h"

/* Octets of the checksum and its space. */
#define BODY 17
/* Most octets of kind, numbers, spaces, empty names and the newline. */
#define FIXED_MAX 256

static const char *const kinds[] = {
	[CHECKPOINT_FILE] = "file",
	[CHECKPOINT_SEEN] = "seen",
	[CHECKPOINT_GONE] = "gone",
	[CHECKPOINT_MORE] = "more",
	[CHECKPOINT_PAST] = "past",
	[CHECKPOINT_LOOK] = "look",
	[CHECKPOINT_LATE] = "late",
};

static const char hex[] = "0123456789abcdef";

static char *
put_name(char *to, const char *name)
{
	unsigned char c;

	if (*name == '\0') {
		*to++ = '\\';
		*to++ = '-';
	}
	for (; *name != '\0'; name++) {
		c = (unsigned char)*name;
		if (c > ' ' && c < 0x7f && c != '\\') {
			*to++ = (char)c;
			continue;
		}
		*to++ = '\\';
		*to++ = 'x';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return (to);
}

/* Not by snprintf(3): thousands of records a second have many numbers each. */
static char *
put_number(char *to, uint64_t v)
{
	uint64_t rest;
	size_t n = 1, i;

	for (rest = v / 10; rest > 0; rest /= 10)
		n++;
	for (i = n; i-- > 0; v /= 10)
		to[i] = (char)('0' + v % 10);
	to[n] = ' ';
	return (to + n + 1);
}

static char *
put_hash(char *to, uint64_t v)
{
	int i;

	for (i = 15; i >= 0; i--, v >>= 4)
		to[i] = hex[v & 15];
	to[16] = ' ';
	return (to + 17);
}

static char *
put_guards(char *to, const struct guard *guards, unsigned n)
{
	unsigned i;

	to = put_number(to, n);
	for (i = 0; i < n; i++) {
		to = put_number(to, (uint64_t)guards[i].at);
		to = put_hash(to, guards[i].hash);
	}
	return (to);
}

static bool
has_identity(enum checkpoint_kind kind)
{
	return (kind != CHECKPOINT_SEEN && kind != CHECKPOINT_LOOK &&
	    kind != CHECKPOINT_LATE);
}

static bool
has_offset(enum checkpoint_kind kind)
{
	return (kind == CHECKPOINT_FILE || kind == CHECKPOINT_PAST ||
	    kind == CHECKPOINT_LOOK || kind == CHECKPOINT_LATE);
}

/*
 * The longest is four guards of 20 digits and a hash each, and three numbers:
 * less than FIXED_MAX.
 */
static char *
put_numbers(
    char *to, enum checkpoint_kind kind, const struct checkpoint_record *rec)
{
	*to++ = ' ';
	if (has_identity(kind)) {
		to = put_number(to, (uint64_t)rec->dev);
		to = put_number(to, (uint64_t)rec->inode);
	}
	if (kind == CHECKPOINT_MORE)
		return (put_guards(to, rec->guards, rec->nguards));
	if (kind == CHECKPOINT_FILE) {
		to = put_number(to, rec->print.len);
		to = put_hash(to, rec->print.hash);
	}
	if (has_offset(kind))
		to = put_number(to, (uint64_t)rec->offset);
	to = put_number(to, (uint64_t)rec->time);
	if (kind == CHECKPOINT_PAST)
		to = put_guards(to, rec->guards, rec->nguards > 0);
	return (to);
}

/* Whether the names of one line fit into it, should every octet be escaped. */
static bool
names_fit(const char *dest, const char *name)
{
	return (4 * (strlen(dest) + strlen(name)) <=
	    CHECKPOINT_LINE_MAX - FIXED_MAX);
}

static bool
has_more(const struct checkpoint_record *rec)
{
	return (rec->kind == CHECKPOINT_FILE &&
	    (rec->nguards > 0 || rec->real != NULL));
}

bool
checkpoint_record_is_valid(const struct checkpoint_record *rec)
{
	if (rec->time < 0 || !names_fit(rec->dest, rec->path))
		return (false);
	if (rec->kind == CHECKPOINT_LATE)
		return (rec->dest[0] == '\0' && rec->offset >= 0 &&
		    rec->offset < NS_IN_S);
	if (!has_offset(rec->kind))
		return (true);
	return (rec->offset >= 0 && rec->print.len <= FINGERPRINT_MAX &&
	    rec->nguards <= CHECKPOINT_GUARDS &&
	    (rec->real == NULL || names_fit(rec->dest, rec->real)));
}

/* Writes one line of rec, which ends with name if there is one. */
static size_t
put_line(char *buf, enum checkpoint_kind kind,
    const struct checkpoint_record *rec, const char *name)
{
	char *to = buf + BODY;

	memcpy(to, kinds[kind], 4);
	to[4] = ' ';
	to = put_name(to + 5, rec->dest);
	to = put_numbers(to, kind, rec);
	if (name != NULL)
		to = put_name(to, name);
	else
		to--; /* a space */
	(void)put_hash(buf, XXH3_64bits(buf + BODY, (size_t)(to - buf) - BODY));
	*to++ = '\n';
	return ((size_t)(to - buf));
}

size_t
checkpoint_record_encode(
    char buf[CHECKPOINT_RECORD_MAX], const struct checkpoint_record *rec)
{
	size_t n = 0;

	assert(rec->kind != CHECKPOINT_MORE && checkpoint_record_is_valid(rec));
	if (rec->kind == CHECKPOINT_PAST || rec->kind == CHECKPOINT_LOOK)
		return (put_line(buf, rec->kind, rec, NULL));
	if (has_more(rec))
		n = put_line(buf, CHECKPOINT_MORE, rec,
		    rec->real != NULL ? rec->real : "");
	return (n + put_line(buf + n, rec->kind, rec, rec->path));
}

static bool
get_hex(const char *s, size_t digits, uint64_t *v)
{
	*v = 0;
	for (; digits > 0; digits--, s++) {
		if (*s >= '0' && *s <= '9')
			*v = *v << 4 | (uint64_t)(*s - '0');
		else if (*s >= 'a' && *s <= 'f')
			*v = *v << 4 | (uint64_t)(*s - 'a' + 10);
		else
			return (false);
	}
	return (true);
}

bool
checkpoint_record_is_whole(const char *line, size_t len)
{
	uint64_t sum;

	return (len > BODY && line[BODY - 1] == ' ' &&
	    get_hex(line, BODY - 1, &sum) &&
	    XXH3_64bits(line + BODY, len - BODY) == sum);
}

/* The rest of a line, not decoded yet. */
struct rest {
	char *p;
	char *end;
};

/* Cuts off the next field and its space.  Fields are never empty. */
static bool
get_field(struct rest *r, char **field, size_t *len)
{
	char *space;

	if (r->p >= r->end)
		return (false);
	space = memchr(r->p, ' ', (size_t)(r->end - r->p));
	*field = r->p;
	*len = (size_t)((space == NULL ? r->end : space) - r->p);
	r->p = space == NULL ? r->end : space + 1;
	return (*len > 0);
}

static bool
get_number(struct rest *r, uint64_t max, uint64_t *v)
{
	uint64_t digit;
	size_t len;
	char *s;

	if (!get_field(r, &s, &len))
		return (false);
	for (*v = 0; len > 0; len--, s++) {
		if (*s < '0' || *s > '9')
			return (false);
		digit = (uint64_t)(*s - '0');
		if (__builtin_mul_overflow(*v, 10, v) ||
		    __builtin_add_overflow(*v, digit, v))
			return (false);
	}
	return (*v <= max);
}

/* Unescapes the next field in place; its NUL may take the space's octet. */
static bool
get_name(struct rest *r, const char **name)
{
	char *s, *to, *end;
	uint64_t octet;
	size_t len;

	if (!get_field(r, &s, &len))
		return (false);
	*name = to = s;
	end = s + len;
	if (len == 2 && s[0] == '\\' && s[1] == '-')
		s = end;
	while (s < end) {
		if (*s <= ' ' || *s >= 0x7f)
			return (false);
		if (*s != '\\') {
			*to++ = *s++;
			continue;
		}
		if (end - s < 4 || s[1] != 'x' || !get_hex(s + 2, 2, &octet) ||
		    octet == 0)
			return (false);
		*to++ = (char)(unsigned char)octet;
		s += 4;
	}
	*to = '\0';
	return (true);
}

static bool
get_time(struct rest *r, struct checkpoint_record *rec)
{
	uint64_t v;

	if (!get_number(r, INT64_MAX, &v))
		return (false);
	rec->time = (time_t)v;
	return (rec->time >= 0 && (uint64_t)rec->time == v);
}

static bool
get_identity(struct rest *r, struct checkpoint_record *rec)
{
	uint64_t dev, inode;

	if (!get_number(r, UINT64_MAX, &dev) ||
	    !get_number(r, UINT64_MAX, &inode))
		return (false);
	rec->dev = (dev_t)dev;
	rec->inode = (ino_t)inode;
	return ((uint64_t)rec->dev == dev && (uint64_t)rec->inode == inode);
}

static bool
get_print(struct rest *r, struct checkpoint_record *rec)
{
	uint64_t printlen;
	size_t len;
	char *s;

	if (!get_number(r, FINGERPRINT_MAX, &printlen) ||
	    !get_field(r, &s, &len) || len != 16 ||
	    !get_hex(s, len, &rec->print.hash))
		return (false);
	rec->print.len = (uint32_t)printlen;
	return (true);
}

static bool
get_offset(struct rest *r, struct checkpoint_record *rec)
{
	uint64_t offset;

	if (!get_number(r, INT64_MAX, &offset))
		return (false);
	rec->offset = (off_t)offset;
	return (rec->offset >= 0 && (uint64_t)rec->offset == offset);
}

static bool
get_guards(struct rest *r, struct checkpoint_record *rec,
    struct guard guards[CHECKPOINT_GUARDS])
{
	uint64_t n, at;
	size_t len;
	char *s;

	if (!get_number(r, CHECKPOINT_GUARDS, &n))
		return (false);
	rec->guards = guards;
	for (; rec->nguards < n; rec->nguards++, guards++) {
		if (!get_number(r, INT64_MAX, &at) || !get_field(r, &s, &len) ||
		    len != 16 || !get_hex(s, len, &guards->hash))
			return (false);
		guards->at = (off_t)at;
		if (guards->at <= 0 || (uint64_t)guards->at != at)
			return (false);
	}
	return (true);
}

/* The last field of a CHECKPOINT_MORE: empty where path says it. */
static bool
get_real(struct rest *r, struct checkpoint_record *rec)
{
	if (!get_name(r, &rec->real))
		return (false);
	if (rec->real[0] == '\0')
		rec->real = NULL;
	rec->path = "";
	return (true);
}

static bool
get_kind(struct rest *r, enum checkpoint_kind *kind)
{
	size_t i, len;
	char *s;

	if (!get_field(r, &s, &len) || len != 4)
		return (false);
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (memcmp(s, kinds[i], 4) != 0)
			continue;
		*kind = (enum checkpoint_kind)i;
		return (true);
	}
	return (false);
}

bool
checkpoint_record_decode(char *line, size_t len, struct checkpoint_record *rec,
    struct guard guards[CHECKPOINT_GUARDS])
{
	struct rest r = { line + BODY, line + len };

	*rec = (struct checkpoint_record) { .path = "" };
	if (len <= BODY || line[len - 1] == ' ' || !get_kind(&r, &rec->kind) ||
	    !get_name(&r, &rec->dest))
		return (false);
	if (has_identity(rec->kind) && !get_identity(&r, rec))
		return (false);
	if (rec->kind == CHECKPOINT_LOOK)
		return (
		    get_offset(&r, rec) && get_time(&r, rec) && r.p == r.end);
	if (rec->kind == CHECKPOINT_MORE)
		return (get_guards(&r, rec, guards) && get_real(&r, rec) &&
		    r.p == r.end);
	if (rec->kind == CHECKPOINT_PAST)
		return (get_offset(&r, rec) && get_time(&r, rec) &&
		    get_guards(&r, rec, guards) && rec->nguards <= 1 &&
		    r.p == r.end);
	if ((rec->kind == CHECKPOINT_FILE && !get_print(&r, rec)) ||
	    ((rec->kind == CHECKPOINT_FILE || rec->kind == CHECKPOINT_LATE) &&
		!get_offset(&r, rec)))
		return (false);
	return (get_time(&r, rec) && get_name(&r, &rec->path) && r.p == r.end &&
	    checkpoint_record_is_valid(rec));
}
