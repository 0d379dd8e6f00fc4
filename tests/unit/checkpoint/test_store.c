/*
 * Goal: what was synced is there after any end of the program, damage costs the
 * records that it touches and no other, and a disk that fails loses nothing
 * that was noted.
 */
#include "daemon/checkpoint/store.h"

#include "daemon/checkpoint/batch.h"
#include "daemon/checkpoint/disk.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <xxhash.h>

#include <cmocka.h>

#define HEADER "teslacoil-checkpoint 1\n"

static char dir[64];
static int dirfd = -1;

/*
 * These stand in for the system's: they write down in which order the
 * checkpoint makes its bytes durable, and fail when they are told to.
 */
static char calls[256];
static const char *failing = "";

int fsync(int);
int fdatasync(int);
int renameat(int, const char *, int, const char *);

static int
called(const char *what)
{
	if (strlen(calls) + strlen(what) + 2 < sizeof(calls))
		(void)strcat(strcat(calls, what), " ");
	if (strcmp(failing, what) != 0)
		return (0);
	errno = EIO;
	return (-1);
}

int
fsync(int fd)
{
	return (called(fd == dirfd ? "fsync-dir" : "fsync"));
}

int
fdatasync(int fd)
{
	assert_int_not_equal(fd, dirfd);
	return (called("fdatasync"));
}

int
renameat(int fromfd, const char *from, int tofd, const char *to)
{
	char a[128], b[128];

	assert_int_equal(fromfd, dirfd);
	assert_int_equal(tofd, dirfd);
	(void)snprintf(a, sizeof(a), "%s/%s", dir, from);
	(void)snprintf(b, sizeof(b), "%s/%s", dir, to);
	return (called("rename") == -1 ? -1 : rename(a, b));
}

static void
limit_file_size(rlim_t size)
{
	struct rlimit rl;

	assert_int_equal(getrlimit(RLIMIT_FSIZE, &rl), 0);
	rl.rlim_cur = size;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &rl), 0);
}

static int
prepare(void **state)
{
	(void)state;
	(void)strcpy(dir, "/tmp/test_checkpoint.XXXXXX");
	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY);
	assert_int_not_equal(dirfd, -1);
	calls[0] = '\0';
	failing = "";
	return (0);
}

static int
clean(void **state)
{
	(void)state;
	limit_file_size(RLIM_INFINITY);
	(void)unlinkat(dirfd, "checkpoint", 0);
	(void)unlinkat(dirfd, "checkpoint.new", 0);
	(void)unlinkat(dirfd, "checkpoint.old", 0);
	(void)close(dirfd);
	assert_int_equal(rmdir(dir), 0);
	return (0);
}

/* What is appended, or could not be yet. */
static struct checkpoint_batch changed;

static struct checkpoint *
opened(void)
{
	struct reason why = { "" };
	struct checkpoint *cp;

	checkpoint_batch_clear(&changed);
	if ((cp = checkpoint_open(dirfd, &why)) == NULL)
		fail_msg("%s", why.text);
	return (cp);
}

static int
append(struct checkpoint *cp, const char **what)
{
	do {
		checkpoint_drain(cp, CHECKPOINT_DRAIN_ALL, &changed, 4096);
		if (checkpoint_file_append(
			checkpoint_file(cp), &changed, what) == -1)
			return (-1);
		checkpoint_batch_clear(&changed);
	} while (checkpoint_has_notes(cp));
	return (0);
}

static bool
has_news(const struct checkpoint *cp)
{
	return (changed.len > 0 || checkpoint_has_notes(cp));
}

/* Appends and syncs.  Returns 0, or -1 with *what and errno. */
static int
sync_now(struct checkpoint *cp, const char **what)
{
	if (has_news(cp) && append(cp, what) == -1)
		return (-1);
	return (checkpoint_file_sync(checkpoint_file(cp), what));
}

static void
assert_sync_fails(struct checkpoint *cp, const char *did, const char *error)
{
	const char *what = NULL;

	assert_int_equal(sync_now(cp, &what), -1);
	assert_string_equal(strerror(errno), error);
	assert_string_equal(what, did);
}

static void
synced(struct checkpoint *cp)
{
	const char *what = NULL;

	if (sync_now(cp, &what) == -1)
		fail_msg("%s: %s", what, strerror(errno));
}

static int
add(struct checkpoint_file *f, struct checkpoint_batch *b, const char **what)
{
	int rc = checkpoint_file_add(f, b, what);

	checkpoint_batch_clear(b);
	return (rc);
}

/*
 * Writes it anew in small slices, with what walk puts in the batch.  Returns 0,
 * or -1 with *what and errno.
 */
static int
renew_now(struct checkpoint *cp,
    void (*walk)(struct checkpoint *, struct checkpoint_batch *),
    const char **what)
{
	struct checkpoint_file *f = checkpoint_file(cp);
	struct checkpoint_place at = { 0 };
	struct checkpoint_batch b = { 0 };
	bool all = false;
	int rc;

	rc = checkpoint_file_begin(f, what);
	while (rc == 0 && !all) {
		all = checkpoint_copy(cp, &at, &b, 2);
		assert_true(b.records <= 2);
		rc = add(f, &b, what);
	}
	if (rc == 0 && walk != NULL) {
		walk(cp, &b);
		rc = add(f, &b, what);
	}
	checkpoint_batch_free(&b);
	if (rc == 0 && has_news(cp))
		rc = append(cp, what);
	return (rc == 0 ? checkpoint_file_finish(f, what) : rc);
}

static void
renewed(struct checkpoint *cp,
    void (*walk)(struct checkpoint *, struct checkpoint_batch *))
{
	const char *what = NULL;

	if (renew_now(cp, walk, &what) == -1)
		fail_msg("%s: %s", what, strerror(errno));
}

static const struct checkpoint_file_stats *
stats_of(struct checkpoint *cp)
{
	return (&checkpoint_file(cp)->stats);
}

static bool
is_bloated(struct checkpoint *cp, size_t live)
{
	return (checkpoint_is_bloated(cp, stats_of(cp), live));
}

static uint64_t
damaged(const struct checkpoint *cp)
{
	return (checkpoint_damaged(cp));
}

static struct checkpoint_record
file(const char *dest, ino_t inode, off_t offset)
{
	const struct checkpoint_record rec = {
		.kind = CHECKPOINT_FILE,
		.dest = dest,
		.dev = 64769,
		.inode = inode,
		.print = { UINT64_C(0x0123456789abcdef), 1024 },
		.offset = offset,
		.time = 1700000000,
		.path = "/var/log/app.log",
	};

	return (rec);
}

static void
note_file(struct checkpoint *cp, const char *dest, ino_t inode, off_t offset)
{
	struct checkpoint_record rec = file(dest, inode, offset);

	assert_int_equal(checkpoint_note(cp, &rec), 0);
}

static void
note_gone(struct checkpoint *cp, const char *dest, ino_t inode)
{
	struct checkpoint_record rec = file(dest, inode, 0);

	rec.kind = CHECKPOINT_GONE;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
}

static void
put_file(struct checkpoint *cp, struct checkpoint_batch *to, const char *dest,
    ino_t inode, off_t offset)
{
	struct checkpoint_record rec = file(dest, inode, offset);

	assert_int_equal(checkpoint_batch_reserve(to), 0);
	assert_int_equal(checkpoint_put(cp, &rec, to), 0);
}

/* The offset that is known for the file, or -1.  Takes it. */
static off_t
offset_of(struct checkpoint *cp, const char *dest, ino_t inode)
{
	struct checkpoint_record rec;

	if (!checkpoint_take(cp, dest, 64769, inode, &rec))
		return (-1);
	assert_int_equal(rec.kind, CHECKPOINT_FILE);
	assert_string_equal(rec.dest, dest);
	assert_int_equal(rec.dev, 64769);
	assert_int_equal(rec.inode, inode);
	assert_true(rec.print.hash == UINT64_C(0x0123456789abcdef));
	assert_int_equal(rec.print.len, 1024);
	assert_int_equal(rec.time, 1700000000);
	assert_string_equal(rec.path, "/var/log/app.log");
	return (rec.offset);
}

/* Whether any destination has an untaken record. */
static bool
knows(const struct checkpoint *cp, dev_t dev, ino_t inode)
{
	return (checkpoint_path(cp, dev, inode) != NULL);
}

static size_t
read_file(const char *name, char *buf, size_t size)
{
	int fd = openat(dirfd, name, O_RDONLY);
	ssize_t n;

	assert_int_not_equal(fd, -1);
	n = read(fd, buf, size - 1);
	assert_true(n >= 0);
	assert_int_equal(close(fd), 0);
	buf[n] = '\0';
	return ((size_t)n);
}

static void
write_file(const void *buf, size_t n)
{
	int fd =
	    openat(dirfd, "checkpoint", O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_int_not_equal(fd, -1);
	assert_int_equal(write(fd, buf, n), n);
	assert_int_equal(close(fd), 0);
}

/* Appends body with its checksum to the text. */
static void
add_line(char *text, const char *body)
{
	(void)sprintf(text + strlen(text), "%016" PRIx64 " %s\n",
	    (uint64_t)XXH3_64bits(body, strlen(body)), body);
}

static bool
exists(const char *name)
{
	return (faccessat(dirfd, name, F_OK, 0) == 0);
}

static void
a_first_start_is_new_and_the_next_is_not(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	assert_true(checkpoint_is_new(cp));
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_false(checkpoint_is_new(cp));
	assert_int_equal(damaged(cp), 0);
	checkpoint_close(cp);
	checkpoint_close(NULL);
}

static void
a_crash_before_the_first_sync_is_still_a_first_start(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	checkpoint_close(cp);
	cp = opened();
	assert_true(checkpoint_is_new(cp));
	note_file(cp, "siem", 1, 10);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_false(checkpoint_is_new(cp));
	assert_int_equal(offset_of(cp, "siem", 1), 10);
	checkpoint_close(cp);
}

static void
a_record_comes_back_as_it_was_noted(void **state)
{
	const struct checkpoint_record rec = {
		.kind = CHECKPOINT_FILE,
		.dest = "a dest\\x20\n",
		.dev = (dev_t)UINT32_MAX,
		.inode = (ino_t)UINT64_MAX,
		.print = { UINT64_MAX, 7 },
		.offset = INT64_MAX,
		.time = INT64_MAX,
		.path = "/v\xc3\xa4r/a b\n\r\t\x01\x7f\xff\\\\x41",
		.real = "/mnt/a b",
		.guards = (const struct guard[]) { { INT64_MAX, UINT64_MAX },
		    { 256, 0 } },
		.nguards = 2,
	};
	struct checkpoint *cp = opened();
	struct checkpoint_record got;

	(void)state;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_true(checkpoint_take(cp, rec.dest, rec.dev, rec.inode, &got));
	assert_int_equal(got.kind, CHECKPOINT_FILE);
	assert_string_equal(got.dest, rec.dest);
	assert_true(got.dev == rec.dev && got.inode == rec.inode);
	assert_true(got.print.hash == rec.print.hash);
	assert_int_equal(got.print.len, 7);
	assert_true(got.offset == rec.offset && got.time == rec.time);
	assert_string_equal(got.path, rec.path);
	assert_string_equal(got.real, rec.real);
	assert_int_equal(got.nguards, 2);
	assert_memory_equal(got.guards, rec.guards, 2 * sizeof(*rec.guards));
	checkpoint_close(cp);
}

/* What stands in the state directory after rec was noted. */
static void
note_alone(const struct checkpoint_record *rec, char text[4096])
{
	struct checkpoint *cp = opened();

	assert_int_equal(checkpoint_note(cp, rec), 0);
	synced(cp);
	checkpoint_close(cp);
	(void)read_file("checkpoint", text, 4096);
}

static void
an_older_version_finds_the_line_it_knows_behind_the_guards(void **state)
{
	struct checkpoint_record rec = file("siem", 42, 9000);
	const struct guard guards[] = { { 9000, 7 } };
	char plain[4096], guarded[4096];
	const char *line;

	(void)state;
	note_alone(&rec, plain);
	rec.guards = guards;
	rec.nguards = 1;
	note_alone(&rec, guarded);
	assert_non_null(strstr(guarded, " more siem "));
	line = strstr(plain, " file siem ");
	assert_non_null(line);
	/* Checksum included: the last line is the same, twice. */
	assert_non_null(strstr(strstr(guarded, " more siem "), line));
}

static void
put_look(struct checkpoint *cp, off_t ahead_ms)
{
	const struct checkpoint_record rec = { .kind = CHECKPOINT_LOOK,
		.dest = "",
		.path = "",
		.time = ahead_ms / 1000,
		.offset = ahead_ms };

	assert_int_equal(checkpoint_batch_reserve(&changed), 0);
	assert_int_equal(checkpoint_put(cp, &rec, &changed), 0);
}

static void
the_last_look_tells_of_the_clocks(void **state)
{
	struct checkpoint_record rec = file("siem", 42, 17);
	struct checkpoint *cp = opened();

	(void)state;
	assert_int_equal(checkpoint_ahead_ms(cp), -1);
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	put_look(cp, 1795000000000);
	synced(cp);
	put_look(cp, 1794996400000);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(damaged(cp), 0);
	assert_int_equal(checkpoint_ahead_ms(cp), 1794996400000);
	assert_int_equal(checkpoint_latest(cp), 1795000000);
	assert_true(checkpoint_take(cp, "siem", 64769, 42, &rec));
	assert_int_equal(rec.offset, 17);
	checkpoint_close(cp);
}

/* Puts a CHECKPOINT_PAST into what is appended next. */
static void
put_past(struct checkpoint *cp, ino_t inode, off_t offset,
    const struct guard *guards)
{
	struct checkpoint_record rec = file("siem", inode, offset);

	rec.kind = CHECKPOINT_PAST;
	rec.print = (struct fingerprint) { 0, 0 };
	rec.path = "";
	rec.guards = guards;
	rec.nguards = guards == NULL ? 0 : 1;
	assert_int_equal(checkpoint_batch_reserve(&changed), 0);
	assert_int_equal(checkpoint_put(cp, &rec, &changed), 0);
}

static void
a_short_record_moves_on_the_offset_and_the_newest_guard(void **state)
{
	struct checkpoint_record rec = file("siem", 42, 200000), got;
	const struct guard guards[] = { { 200000, 7 }, { 100000, 8 } };
	const struct guard newer = { 200300, 9 }, newest = { 200600, 10 };
	struct checkpoint *cp = opened();

	(void)state;
	rec.real = "/mnt";
	rec.guards = guards;
	rec.nguards = 2;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	synced(cp);
	put_past(cp, 42, 200300, &newer);
	put_past(cp, 42, 200650, &newest);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(damaged(cp), 0);
	assert_true(checkpoint_take(cp, "siem", 64769, 42, &got));
	assert_int_equal(got.kind, CHECKPOINT_FILE);
	assert_int_equal(got.offset, 200650);
	assert_int_equal(got.print.len, 1024);
	assert_string_equal(got.path, "/var/log/app.log");
	assert_string_equal(got.real, "/mnt");
	assert_int_equal(got.nguards, 2);
	assert_memory_equal(&got.guards[0], &newest, sizeof(newest));
	assert_memory_equal(&got.guards[1], &guards[1], sizeof(newest));
	checkpoint_close(cp);
}

static void
a_short_record_without_a_guard_leaves_those_that_are_known(void **state)
{
	struct checkpoint_record rec = file("siem", 42, 9000), got;
	const struct guard guards[] = { { 9000, 7 } };
	struct checkpoint *cp = opened();

	(void)state;
	rec.guards = guards;
	rec.nguards = 1;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	synced(cp);
	put_past(cp, 42, 9500, NULL);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_true(checkpoint_take(cp, "siem", 64769, 42, &got));
	assert_int_equal(got.offset, 9500);
	assert_int_equal(got.nguards, 1);
	assert_memory_equal(got.guards, guards, sizeof(guards));
	checkpoint_close(cp);
}

static void
a_short_record_of_a_file_that_is_not_known_means_nothing(void **state)
{
	const struct guard guard = { 9500, 7 };
	struct checkpoint *cp = opened();

	(void)state;
	note_file(cp, "siem", 42, 9000);
	note_file(cp, "siem", 43, 9000);
	synced(cp);
	note_gone(cp, "siem", 42);
	synced(cp);
	put_past(cp, 42, 9500, &guard);
	put_past(cp, 44, 9500, &guard);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(damaged(cp), 0);
	assert_int_equal(offset_of(cp, "siem", 42), -1);
	assert_int_equal(offset_of(cp, "siem", 43), 9000);
	assert_int_equal(offset_of(cp, "siem", 44), -1);
	checkpoint_close(cp);
}

static void
a_short_record_that_is_torn_costs_only_itself(void **state)
{
	const struct guard first = { 9500, 7 }, second = { 9600, 8 };
	struct checkpoint *cp = opened();
	struct stat st;
	int fd;

	(void)state;
	note_file(cp, "siem", 42, 9000);
	synced(cp);
	put_past(cp, 42, 9500, &first);
	put_past(cp, 42, 9600, &second);
	synced(cp);
	checkpoint_close(cp);
	assert_int_equal(fstatat(dirfd, "checkpoint", &st, 0), 0);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 42), 9600);
	checkpoint_close(cp);
	fd = openat(dirfd, "checkpoint", O_WRONLY);
	assert_int_equal(ftruncate(fd, st.st_size - 4), 0);
	assert_int_equal(close(fd), 0);
	cp = opened();
	assert_int_equal(damaged(cp), 1);
	assert_int_equal(offset_of(cp, "siem", 42), 9500);
	checkpoint_close(cp);
}

static void
short_records_do_not_count_for_what_a_live_one_takes(void **state)
{
	const struct guard guard = { 9500, 7 };
	struct checkpoint *cp = opened();
	struct checkpoint_file_stats before;

	(void)state;
	note_file(cp, "siem", 42, 9000);
	synced(cp);
	before = *stats_of(cp);
	put_past(cp, 42, 9500, &guard);
	synced(cp);
	assert_true(stats_of(cp)->bytes > before.bytes);
	assert_int_equal(stats_of(cp)->records, before.records);
	assert_int_equal(stats_of(cp)->record_bytes, before.record_bytes);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(stats_of(cp)->records, before.records);
	assert_int_equal(stats_of(cp)->record_bytes, before.record_bytes);
	checkpoint_close(cp);
}

static void
the_guards_of_one_record_are_not_taken_for_those_of_another(void **state)
{
	struct checkpoint_record rec = file("siem", 42, 9000), got;
	const struct guard guards[] = { { 9000, 7 } };
	char text[4096], *damaged;
	struct checkpoint *cp;

	(void)state;
	rec.guards = guards;
	rec.nguards = 1;
	note_alone(&rec, text);
	/* Its own line is torn; that of another file follows. */
	damaged = strstr(text, " file siem ");
	assert_non_null(damaged);
	damaged[1] = 'F';
	write_file(text, strlen(text));
	rec.nguards = 0;
	rec.offset = 10;
	note_alone(&rec, text);
	cp = opened();
	assert_true(checkpoint_take(cp, "siem", rec.dev, 42, &got));
	assert_int_equal(got.offset, 10);
	assert_int_equal(got.nguards, 0);
	checkpoint_close(cp);
}

static void
the_file_shows_a_person_where_every_file_is(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec = file("siem", 42, 9000);
	char text[4096], want[4096] = HEADER;

	(void)state;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	synced(cp);
	rec.path = "/var/log/\xe9 x\\";
	rec.kind = CHECKPOINT_GONE;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	synced(cp);
	assert_int_equal(checkpoint_seen(cp, "siem", "", 1700000001), 0);
	synced(cp);
	checkpoint_close(cp);

	add_line(want,
	    "file siem 64769 42 1024 0123456789abcdef 9000 "
	    "1700000000 /var/log/app.log");
	add_line(want,
	    "gone siem 64769 42 1700000000 "
	    "/var/log/\\xe9\\x20x\\x5c");
	add_line(want, "seen siem 1700000001 \\-");
	(void)read_file("checkpoint", text, sizeof(text));
	assert_string_equal(text, want);
	/* A checksum worked out elsewhere: the format must not drift. */
	assert_non_null(strstr(text, "\n17088a342214c5b5 file siem 64769 42 "));
}

static void
the_last_record_of_a_file_counts(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	note_file(cp, "siem", 1, 30);
	note_file(cp, "siem", 1, 20);
	note_file(cp, "archive", 1, 5);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 20);
	assert_int_equal(offset_of(cp, "archive", 1), 5);
	checkpoint_close(cp);
}

static void
what_is_gone_does_not_come_back(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	note_file(cp, "siem", 1, 10);
	note_file(cp, "archive", 1, 10);
	note_file(cp, "siem", 2, 10);
	synced(cp);
	note_gone(cp, "siem", 1);
	note_gone(cp, "siem", 2);
	note_file(cp, "siem", 2, 77);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), -1);
	assert_int_equal(offset_of(cp, "archive", 1), 10);
	assert_int_equal(offset_of(cp, "siem", 2), 77);
	checkpoint_close(cp);
}

static void
what_was_not_synced_is_not_there(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	note_file(cp, "siem", 1, 20);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 10);
	checkpoint_close(cp);
}

static void
a_record_is_handed_over_once(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec;

	(void)state;
	note_file(cp, "b", 7, 10);
	note_file(cp, "a", 7, 20);
	note_file(cp, "b", 8, 30);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_false(checkpoint_take(cp, "c", 64769, 7, &rec));
	assert_false(checkpoint_take(cp, "a", 64768, 7, &rec));
	assert_false(checkpoint_take(cp, "a", 64769, 8, &rec));
	assert_string_equal(checkpoint_path(cp, 64769, 7), "/var/log/app.log");
	assert_false(knows(cp, 64768, 7));
	assert_false(knows(cp, 64769, 6));
	assert_int_equal(offset_of(cp, "a", 7), 20);
	assert_int_equal(offset_of(cp, "a", 7), -1);
	assert_true(knows(cp, 64769, 7));
	assert_int_equal(offset_of(cp, "b", 7), 10);
	assert_false(knows(cp, 64769, 7));
	assert_true(knows(cp, 64769, 8));
	checkpoint_close(cp);
}

/* A destination that was renamed leaves records, of what had the inode then. */
static void
a_file_has_the_path_that_was_written_last(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec = file("b", 7, 10);

	(void)state;
	note_file(cp, "a", 7, 20);
	rec.time++;
	rec.path = "/var/log/next.log";
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	note_file(cp, "c", 7, 20);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_string_equal(checkpoint_path(cp, 64769, 7), "/var/log/next.log");
	checkpoint_close(cp);
}

static void
a_record_of_before_the_clock_was_set_back_is_older(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec = file("a", 7, 10);

	(void)state;
	rec.time = time(NULL) + 3600;
	rec.path = "/var/log/before.log";
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	note_file(cp, "b", 7, 20);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_string_equal(checkpoint_path(cp, 64769, 7), "/var/log/app.log");
	checkpoint_close(cp);
}

static bool
take_moved(struct checkpoint *cp, const char *dest, dev_t dev, ino_t inode,
    const char *path, struct checkpoint_record *rec)
{
	const struct checkpoint_record now = {
		.dest = dest,
		.dev = dev,
		.inode = inode,
		.path = path,
	};

	return (checkpoint_take_moved(cp, &now, rec));
}

/* A device may be numbered anew while the host restarts. */
static void
a_record_of_another_device_is_handed_over_for_its_path(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec;

	(void)state;
	note_file(cp, "a", 7, 20);
	note_file(cp, "b", 7, 10);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	/* Not on the device itself, and not for another inode, path or dest. */
	assert_false(take_moved(cp, "a", 64769, 7, "/var/log/app.log", &rec));
	assert_false(take_moved(cp, "a", 1, 8, "/var/log/app.log", &rec));
	assert_false(take_moved(cp, "a", 1, 7, "/var/log/other.log", &rec));
	assert_false(take_moved(cp, "c", 1, 7, "/var/log/app.log", &rec));
	assert_true(take_moved(cp, "a", 1, 7, "/var/log/app.log", &rec));
	assert_int_equal(rec.dev, 64769);
	assert_int_equal(rec.offset, 20);
	/* Once. */
	assert_false(take_moved(cp, "a", 1, 7, "/var/log/app.log", &rec));
	assert_int_equal(offset_of(cp, "a", 7), -1);
	assert_int_equal(offset_of(cp, "b", 7), 10);
	checkpoint_close(cp);
}

static void
a_record_that_is_given_back_is_handed_over_again(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	/* Nothing was taken, so nothing is given back. */
	assert_int_equal(checkpoint_give_back(cp), 0);
	note_file(cp, "siem", 7, 100);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 7), 100);
	assert_false(knows(cp, 64769, 7));
	assert_int_equal(checkpoint_give_back(cp), 0);
	assert_true(knows(cp, 64769, 7));
	assert_int_equal(offset_of(cp, "siem", 7), 100);
	assert_int_equal(checkpoint_give_back(cp), 0);
	/* A note of its key is newer. */
	note_file(cp, "siem", 7, 300);
	assert_false(knows(cp, 64769, 7));
	checkpoint_close(cp);
}

static void
a_file_that_is_left_is_handed_over_again(void **state)
{
	struct checkpoint *cp = opened();
	const struct checkpoint_record rec = file("siem", 7, 100);

	(void)state;
	assert_int_equal(checkpoint_leave(cp, &rec), 0);
	assert_true(knows(cp, 64769, 7));
	synced(cp);
	/* Also where nobody takes it before the daemon ends. */
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 7), 100);
	assert_int_equal(checkpoint_leave(cp, &rec), 0);
	assert_int_equal(offset_of(cp, "siem", 7), 100);
	assert_false(knows(cp, 64769, 7));
	checkpoint_close(cp);
}

static void
a_note_is_newer_than_what_was_loaded(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	note_file(cp, "siem", 1, 20);
	assert_false(knows(cp, 64769, 1));
	renewed(cp, NULL);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 20);
	checkpoint_close(cp);
}

static void
a_destination_remembers_the_sources_it_has_met(void **state)
{
	struct checkpoint *cp = opened();
	char text[4096];
	size_t n;

	(void)state;
	assert_false(checkpoint_has_seen(cp, "siem", "nginx"));
	assert_int_equal(checkpoint_seen(cp, "siem", "nginx", 5), 0);
	assert_true(checkpoint_has_seen(cp, "siem", "nginx"));
	assert_false(checkpoint_has_seen(cp, "siem", "mail"));
	assert_false(checkpoint_has_seen(cp, "archive", "nginx"));
	synced(cp);
	n = read_file("checkpoint", text, sizeof(text));
	/* Said once is enough. */
	assert_int_equal(checkpoint_seen(cp, "siem", "nginx", 6), 0);
	synced(cp);
	assert_int_equal(read_file("checkpoint", text, sizeof(text)), n);
	checkpoint_close(cp);
	cp = opened();
	assert_true(checkpoint_has_seen(cp, "siem", "nginx"));
	assert_false(checkpoint_has_seen(cp, "siem", "ngin"));
	checkpoint_close(cp);
}

static void
a_seen_can_be_noted_like_any_record(void **state)
{
	const struct checkpoint_record rec = {
		.kind = CHECKPOINT_SEEN,
		.dest = "siem",
		.time = -1,
		.path = "nginx",
	};
	struct checkpoint *cp = opened();

	(void)state;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	assert_true(checkpoint_has_seen(cp, "siem", "nginx"));
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_true(checkpoint_has_seen(cp, "siem", "nginx"));
	checkpoint_close(cp);
}

static bool
is_late(const struct checkpoint *cp, const char *path, time_t sec, long nsec)
{
	struct timespec since = { 0 };

	return (checkpoint_is_late(cp, path, &since) && since.tv_sec == sec &&
	    since.tv_nsec == nsec);
}

static void
a_directory_is_late_until_somebody_looked_at_it(void **state)
{
	const struct timespec since = { 1700000000, 5 };
	const struct timespec sooner = { 1600000000, 999999999 };
	struct checkpoint *cp = opened();
	struct timespec none;
	char text[4096];
	size_t n;

	(void)state;
	assert_false(checkpoint_is_late(cp, "/var/log", &none));
	assert_int_equal(checkpoint_late(cp, "/var/log", NULL), 0);
	assert_false(checkpoint_has_notes(cp));
	assert_int_equal(checkpoint_late(cp, "/var/log", &since), 0);
	assert_int_equal(checkpoint_late(cp, "", &sooner), 0);
	synced(cp);
	n = read_file("checkpoint", text, sizeof(text));
	/* Said once is enough. */
	assert_int_equal(checkpoint_late(cp, "/var/log", &since), 0);
	synced(cp);
	assert_int_equal(read_file("checkpoint", text, sizeof(text)), n);
	checkpoint_close(cp);
	cp = opened();
	assert_true(is_late(cp, "/var/log", 1700000000, 5));
	assert_true(is_late(cp, "", 1600000000, 999999999));
	assert_int_equal(checkpoint_late(cp, "/var/log", &sooner), 0);
	assert_int_equal(checkpoint_late(cp, "", NULL), 0);
	assert_false(checkpoint_is_late(cp, "", &none));
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_true(is_late(cp, "/var/log", 1600000000, 999999999));
	assert_false(checkpoint_is_late(cp, "", &none));
	assert_int_equal(damaged(cp), 0);
	checkpoint_close(cp);
}

static void
what_is_late_is_found_by_how_its_path_begins(void **state)
{
	const struct timespec since = { 1700000000, 5 };
	struct checkpoint *cp = opened();

	(void)state;
	assert_null(checkpoint_late_below(cp, ""));
	assert_int_equal(checkpoint_late(cp, "/a", &since), 0);
	assert_int_equal(checkpoint_late(cp, "/a//1", &since), 0);
	assert_int_equal(checkpoint_late(cp, "/a//2", &since), 0);
	assert_int_equal(checkpoint_late(cp, "/b", &since), 0);
	assert_int_equal(checkpoint_seen(cp, "siem", "/c//1", 5), 0);
	assert_string_equal(checkpoint_late_below(cp, "/a//"), "/a//1");
	assert_int_equal(checkpoint_late(cp, "/a//1", NULL), 0);
	assert_string_equal(checkpoint_late_below(cp, "/a//"), "/a//2");
	assert_int_equal(checkpoint_late(cp, "/a//2", NULL), 0);
	assert_null(checkpoint_late_below(cp, "/a//"));
	assert_null(checkpoint_late_below(cp, "/c//"));
	assert_true(is_late(cp, "/a", 1700000000, 5));
	checkpoint_close(cp);
}

/* The place between two slices may be at what has come to its end. */
static void
what_is_late_is_in_a_new_file_and_what_was_is_not(void **state)
{
	const struct timespec since = { 1700000000, 5 };
	struct checkpoint *cp = opened();
	struct checkpoint_place at = { 0 };
	struct checkpoint_batch b = { 0 };
	struct timespec none;

	(void)state;
	assert_int_equal(checkpoint_late(cp, "/a", &since), 0);
	assert_int_equal(checkpoint_late(cp, "/b", &since), 0);
	assert_int_equal(checkpoint_late(cp, "/c", &since), 0);
	assert_int_equal(checkpoint_seen(cp, "siem", "nginx", 5), 0);
	assert_false(checkpoint_copy(cp, &at, &b, 1));
	assert_int_equal(checkpoint_late(cp, "/a", NULL), 0);
	assert_int_equal(checkpoint_late(cp, "/b", NULL), 0);
	assert_true(checkpoint_copy(cp, &at, &b, 10));
	/* /a, /c and the source. */
	assert_int_equal(b.records, 3);
	checkpoint_batch_free(&b);
	renewed(cp, NULL);
	checkpoint_close(cp);
	cp = opened();
	assert_false(checkpoint_is_late(cp, "/a", &none));
	assert_false(checkpoint_is_late(cp, "/b", &none));
	assert_true(is_late(cp, "/c", 1700000000, 5));
	assert_true(checkpoint_has_seen(cp, "siem", "nginx"));
	checkpoint_close(cp);
}

/* Whoever reads no further than to a file is to know of it. */
static void
what_is_late_is_written_first_and_expires(void **state)
{
	const struct timespec since = { 1700000000, 5 };
	struct checkpoint *cp = opened();
	struct timespec none;
	char text[4096];

	(void)state;
	note_file(cp, "siem", 1, 5);
	assert_int_equal(checkpoint_seen(cp, "siem", "nginx", 5), 0);
	assert_int_equal(checkpoint_late(cp, "/a", &since), 0);
	synced(cp);
	(void)read_file("checkpoint", text, sizeof(text));
	assert_non_null(
	    strstr(strstr(text, " late \\- 5 1700000000 /a\n"), " file siem "));
	assert_int_equal(checkpoint_expire(cp, 1700000000), 0);
	assert_true(is_late(cp, "/a", 1700000000, 5));
	assert_int_equal(checkpoint_expire(cp, 1700000001), 0);
	assert_false(checkpoint_is_late(cp, "/a", &none));
	checkpoint_close(cp);
}

struct swept {
	struct checkpoint *cp;
	unsigned n;
	ino_t last;
};

/* Keeps odd inodes, ends even ones on disk too. */
static bool
keep_odd(const struct checkpoint_record *rec, void *arg)
{
	struct swept *s = arg;

	assert_true(rec->inode > s->last);
	s->last = rec->inode;
	s->n++;
	if (rec->inode % 2 == 1)
		return (true);
	note_gone(s->cp, rec->dest, rec->inode);
	return (false);
}

static void
a_sweep_walks_all_and_drops_what_it_is_told_to(void **state)
{
	struct swept s = { opened(), 0, 0 };
	ino_t i;

	(void)state;
	for (i = 1; i <= 100; i++)
		note_file(s.cp, "siem", i, 10);
	synced(s.cp);
	checkpoint_close(s.cp);
	s.cp = opened();
	checkpoint_sweep(s.cp, keep_odd, &s);
	assert_int_equal(s.n, 100);
	assert_false(knows(s.cp, 64769, 2));
	synced(s.cp);
	checkpoint_close(s.cp);
	s.cp = opened();
	s.n = 0;
	s.last = 0;
	checkpoint_sweep(s.cp, keep_odd, &s);
	assert_int_equal(s.n, 50);
	checkpoint_close(s.cp);
}

static bool
drop(const struct checkpoint_record *rec, void *arg)
{
	(void)rec;
	(void)arg;
	return (false);
}

static void
what_a_sweep_drops_from_memory_stays_on_disk(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	checkpoint_sweep(cp, drop, NULL);
	assert_int_equal(offset_of(cp, "siem", 1), -1);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 10);
	checkpoint_close(cp);
}

static void
old_records_go_when_nobody_has_taken_them(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec = { .kind = CHECKPOINT_FILE,
		.dest = "siem",
		.dev = 64769,
		.print = { UINT64_C(0x0123456789abcdef), 1024 },
		.path = "/var/log/x",
		.offset = 10 };

	(void)state;
	for (rec.inode = 1; rec.inode <= 4; rec.inode++) {
		rec.time = (time_t)rec.inode * 1000;
		assert_int_equal(checkpoint_note(cp, &rec), 0);
	}
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_true(checkpoint_take(cp, "siem", 64769, 1, &rec));
	assert_int_equal(checkpoint_expire(cp, 3000), 1);
	assert_int_equal(checkpoint_expire(cp, 3000), 0);
	renewed(cp, NULL);
	checkpoint_close(cp);
	cp = opened();
	assert_null(checkpoint_find(cp, "siem", 64769, 2));
	assert_null(checkpoint_find(cp, "other", 64769, 3));
	assert_int_equal(checkpoint_find(cp, "siem", 64769, 3)->offset, 10);
	assert_false(knows(cp, 64769, 1));
	assert_false(knows(cp, 64769, 2));
	assert_int_equal(checkpoint_find(cp, "siem", 64769, 4)->offset, 10);
	checkpoint_close(cp);
}

/* Five files at offsets 101 to 105; returns the length of the text. */
#define FILES 5

static size_t
small_file(char *text, size_t size)
{
	struct checkpoint *cp = opened();
	ino_t i;

	for (i = 1; i <= FILES; i++) {
		note_file(cp, "siem", i, 100 + (off_t)i);
		synced(cp);
	}
	checkpoint_close(cp);
	return (read_file("checkpoint", text, size));
}

/* Which of the five are there, a bit each. */
static unsigned
files_there(struct checkpoint *cp)
{
	unsigned there = 0;
	off_t offset;
	ino_t i;

	for (i = 1; i <= FILES; i++) {
		offset = offset_of(cp, "siem", i);
		assert_true(offset == -1 || offset == 100 + (off_t)i);
		if (offset != -1)
			there |= 1U << i;
	}
	return (there);
}

/* Whatever the file looks like: a new record in it is found again. */
static void
check_append(struct checkpoint *cp, unsigned there)
{
	note_file(cp, "siem", 99, 999);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 99), 999);
	assert_int_equal(files_there(cp), there);
	checkpoint_close(cp);
}

static void
a_file_cut_anywhere_keeps_every_record_that_is_whole(void **state)
{
	char text[4096];
	size_t len = small_file(text, sizeof(text)), n, i;
	struct checkpoint *cp;
	unsigned there, want;
	bool torn;

	(void)state;
	for (n = 0; n <= len; n++) {
		write_file(text, n);
		cp = opened();
		/* A last record may lack its newline, nothing else. */
		for (want = 0, i = 0; i < n; i++)
			if (text[i + 1] == '\n' || text[i] == '\n')
				want += text[i] != '\n' && i + 1 <= n;
		there = files_there(cp);
		assert_int_equal(there, ((1U << want) - 1) & ~1U);
		torn = n > 0 && text[n - 1] != '\n' && text[n] != '\n';
		assert_int_equal(damaged(cp), torn);
		assert_int_equal(checkpoint_is_new(cp), n == 0);
		check_append(cp, there);
	}
}

static void
a_changed_octet_costs_at_most_its_own_record(void **state)
{
	const unsigned char octets[] = { 0, '\n', ' ', '\\', 'x', '0', 0xff };
	char text[4096], bad[4096];
	size_t len = small_file(text, sizeof(text)), at, i;
	struct checkpoint *cp;
	unsigned there, own;

	(void)state;
	own = 0;
	for (at = 0; at < len; at++) {
		for (i = 0; i < 8 + sizeof(octets); i++) {
			memcpy(bad, text, len);
			bad[at] =
			    (char)(i < 8 ? text[at] ^ (1 << i) : octets[i - 8]);
			if (bad[at] == text[at])
				continue;
			write_file(bad, len);
			cp = opened();
			there = files_there(cp);
			/* The first line is nobody's: bit 0. */
			assert_int_equal(there | 1U << own | 1, 0x3f);
			assert_true(damaged(cp) >= 1 || there == 0x3e);
			assert_false(exists("checkpoint.old"));
			if (i == 0)
				check_append(cp, there);
			else
				checkpoint_close(cp);
		}
		if (text[at] == '\n')
			own++;
	}
	assert_int_equal(own, FILES + 1);
}

static void
a_lost_newline_costs_nothing(void **state)
{
	char text[4096];
	size_t len = small_file(text, sizeof(text)), i;
	struct checkpoint *cp;

	(void)state;
	for (i = 0; i < len; i++)
		if (text[i] == '\n') {
			text[i] = '#';
			write_file(text, len);
			text[i] = '\n';
			/* The last has nothing behind it to tell where. */
			cp = opened();
			assert_int_equal(
			    files_there(cp), i == len - 1 ? 0x1e : 0x3e);
			checkpoint_close(cp);
		}
}

static void
a_torn_record_does_not_cost_the_one_written_right_behind_it(void **state)
{
	char text[4096], bad[4096];
	size_t len = small_file(text, sizeof(text)), half = len - 40;
	struct checkpoint *cp;

	(void)state;
	memcpy(bad, text, half);
	memcpy(bad + half, text, len);
	write_file(bad, half + len);
	cp = opened();
	assert_int_equal(files_there(cp), 0x3e);
	assert_int_equal(damaged(cp), 1);
	checkpoint_close(cp);
}

static void
a_tail_of_nuls_costs_nothing(void **state)
{
	static char text[200000];
	size_t len = small_file(text, sizeof(text)), nuls;
	struct checkpoint *cp;

	(void)state;
	for (nuls = 1; nuls < 190000; nuls = nuls * 3 + 7) {
		memset(text + len, 0, nuls);
		write_file(text, len + nuls);
		cp = opened();
		assert_int_equal(damaged(cp), 1);
		assert_int_equal(files_there(cp), 0x3e);
		check_append(cp, 0x3e);
	}
}

static void
a_file_of_nothing_but_nuls_opens(void **state)
{
	static const char nuls[300000];
	struct checkpoint *cp;

	(void)state;
	write_file(nuls, sizeof(nuls));
	cp = opened();
	assert_int_equal(damaged(cp), 1);
	assert_false(checkpoint_is_new(cp));
	check_append(cp, 0);
}

static void
a_tail_written_twice_costs_nothing(void **state)
{
	char text[4096], twice[8192];
	size_t len = small_file(text, sizeof(text)), from;
	struct checkpoint *cp;

	(void)state;
	memcpy(twice, text, len);
	for (from = 0; from < len; from++) {
		memcpy(twice + len, text + from, len - from);
		write_file(twice, len + len - from);
		cp = opened();
		assert_int_equal(files_there(cp), 0x3e);
		check_append(cp, 0x3e);
	}
}

static void
garbage_costs_only_itself(void **state)
{
	static char text[300000];
	struct checkpoint *cp;
	size_t len, n, i;
	uint32_t x = 1;
	int round;

	(void)state;
	for (round = 0; round < 50; round++) {
		len = small_file(text, 4096);
		n = (size_t)round * 5003 + 1;
		for (i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			text[len + i] = (char)(x >> 24);
		}
		text[len + n++] = '\n';
		memcpy(text + len + n, text + strlen(HEADER),
		    len - strlen(HEADER));
		/* Before, behind and between. */
		write_file(text + (round % 2 ? 0 : len),
		    round % 2 ? len + n : n + len - strlen(HEADER));
		cp = opened();
		assert_true(damaged(cp) > 0);
		assert_int_equal(files_there(cp), 0x3e);
		check_append(cp, 0x3e);
		assert_int_equal(unlinkat(dirfd, "checkpoint", 0), 0);
	}
}

static void
an_endless_line_is_one_damage(void **state)
{
	static char text[1100000];
	size_t len = small_file(text, 4096);
	struct checkpoint *cp;

	(void)state;
	memmove(text + 1000001, text, len);
	memset(text, 'a', 1000000);
	text[1000000] = '\n';
	write_file(text, 1000001 + len);
	cp = opened();
	assert_int_equal(damaged(cp), 1);
	assert_int_equal(files_there(cp), 0x3e);
	checkpoint_close(cp);
	/* At the end, without a newline. */
	memmove(text, text + 1000001, len);
	memset(text + len, 'a', 1000000);
	write_file(text, len + 1000000);
	cp = opened();
	assert_int_equal(damaged(cp), 1);
	check_append(cp, files_there(cp));
}

static void
a_missing_first_line_costs_nothing(void **state)
{
	char text[4096];
	size_t len = small_file(text, sizeof(text)), header = strlen(HEADER);
	struct checkpoint *cp;

	(void)state;
	write_file(text + header, len - header);
	cp = opened();
	assert_int_equal(damaged(cp), 0);
	assert_int_equal(files_there(cp), 0x3e);
	check_append(cp, 0x3e);
}

static void
a_file_of_another_version_is_set_aside(void **state)
{
	const char other[] = "teslacoil-checkpoint 2\n{ \"files\": []";
	char text[4096];
	struct checkpoint *cp;

	(void)state;
	write_file(other, strlen(other));
	cp = opened();
	assert_true(checkpoint_is_new(cp));
	assert_true(damaged(cp) > 0);
	check_append(cp, 0);
	(void)read_file("checkpoint.old", text, sizeof(text));
	assert_string_equal(text, other);
	(void)read_file("checkpoint", text, sizeof(text));
	assert_memory_equal(text, HEADER, strlen(HEADER));
}

static void
a_version_that_cannot_be_set_aside_is_left_alone(void **state)
{
	const char other[] = "teslacoil-checkpoint 10\n";
	struct reason why = { "" };
	char text[4096];

	(void)state;
	write_file(other, strlen(other));
	failing = "rename";
	assert_null(checkpoint_open(dirfd, &why));
	assert_string_equal(why.text,
	    "state directory: checkpoint: rename to checkpoint.old: "
	    "Input/output error");
	(void)read_file("checkpoint", text, sizeof(text));
	assert_string_equal(text, other);
}

static void
a_number_out_of_range_is_damage_whatever_its_checksum(void **state)
{
	static const char *const bad[] = {
		"file d 1 1 0 0123456789abcdef 9223372036854775808 1 /a",
		"file d 1 1 0 0123456789abcdef -1 1 /a",
		"file d 1 1 0 0123456789abcdef 99999999999999999999 1 /a",
		"file d 1 1 0 0123456789abcdef 1 9223372036854775808 /a",
		"file d 1 1 0 0123456789abcdef 1 -1 /a",
		"file d 1 1 1025 0123456789abcdef 1 1 /a",
		"file d 1 1 0 0123456789abcde 1 1 /a",
		"file d 1 1 0 0123456789abcdef0 1 1 /a",
		"file d 1 1 0 0123456789ABCDEF 1 1 /a",
		"file d 1 18446744073709551616 0 0123456789abcdef 1 1 /a",
		"file d 18446744073709551616 1 0 0123456789abcdef 1 1 /a",
		"file d 1 +1 0 0123456789abcdef 1 1 /a",
		"file d 1 0x1 0 0123456789abcdef 1 1 /a",
		"file d 1  1 0 0123456789abcdef 1 1 /a",
		"file d 1 1 0 0123456789abcdef 1 1 ",
		"file d 1 1 0 0123456789abcdef 1 1",
		"file d 1 1 0 0123456789abcdef 1 1 /a ",
		"file d 1 1 0 0123456789abcdef 1 1 /a b",
		"file d 1 1 0 0123456789abcdef 1 1 /a\\",
		"file d 1 1 0 0123456789abcdef 1 1 /a\\x4",
		"file d 1 1 0 0123456789abcdef 1 1 /a\\x00",
		"file d 1 1 0 0123456789abcdef 1 1 /a\\n",
		"file d 1 1 0 0123456789abcdef 1 1 /a\\-",
		"file d 1 1 0 0123456789abcdef 1 1 /\xc3\xa4",
		"file d 1 1 0 0123456789abcdef 1 1 /\x01",
		"file  1 1 0 0123456789abcdef 1 1 /a",
		"fill d 1 1 0 0123456789abcdef 1 1 /a",
		"seen d 1",
		"seen d",
		"seen",
		"seen d x s",
		"gone d 1 1 /a",
		"gone d 1 1 1 /a b",
		"late \\- 1000000000 1 /a",
		"late \\- -1 1 /a",
		"late \\- 0 -1 /a",
		"late \\- 0 9223372036854775808 /a",
		"late \\- 1 /a",
		"late \\- 0 1",
		"late \\- 0 1 /a b",
		"late d 0 1 /a",
		" ",
		"file",
		"file ",
	};
	char text[8192] = HEADER;
	struct checkpoint *cp;
	struct timespec since;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		add_line(text, bad[i]);
	/* The greatest that fit. */
	add_line(text,
	    "file d 1 1 1024 0123456789abcdef 9223372036854775807 "
	    "9223372036854775807 /a");
	write_file(text, strlen(text));
	cp = opened();
	assert_int_equal(damaged(cp), sizeof(bad) / sizeof(bad[0]));
	assert_true(knows(cp, 1, 1));
	checkpoint_sweep(cp, drop, NULL);
	assert_false(checkpoint_has_seen(cp, "d", "s"));
	assert_false(checkpoint_is_late(cp, "/a", &since));
	checkpoint_close(cp);
}

static void
a_record_that_cannot_be_read_back_is_not_written(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec = file("siem", 1, -1);
	struct timespec since = { 1, 0 };
	char path[9000];

	(void)state;
	errno = 0;
	assert_int_equal(checkpoint_note(cp, &rec), -1);
	assert_int_equal(errno, EINVAL);
	rec.offset = 1;
	rec.print.len = FINGERPRINT_MAX + 1;
	assert_int_equal(checkpoint_note(cp, &rec), -1);
	rec.print.len = 1;
	memset(path, 'a', sizeof(path));
	path[sizeof(path) - 1] = '\0';
	rec.path = path;
	assert_int_equal(checkpoint_note(cp, &rec), -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(checkpoint_seen(cp, "siem", path, 1), -1);
	assert_int_equal(checkpoint_late(cp, path, &since), -1);
	assert_false(checkpoint_is_late(cp, path, &since));
	assert_false(checkpoint_has_seen(cp, "siem", path));
	/* What has no offset needs none. */
	rec.path = "/a";
	rec.kind = CHECKPOINT_GONE;
	rec.offset = -1;
	rec.print.len = UINT32_MAX;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(damaged(cp), 0);
	checkpoint_close(cp);
}

static void
a_file_without_numbers_is_not_taken_for_a_source(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec = file("siem", 0, 10);

	(void)state;
	rec.dev = 0;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	assert_int_equal(checkpoint_seen(cp, "siem", rec.path, 1), 0);
	assert_int_equal(checkpoint_seen(cp, "siem", "", 1), 0);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_true(checkpoint_take(cp, "siem", 0, 0, &rec));
	assert_true(checkpoint_has_seen(cp, "siem", "/var/log/app.log"));
	assert_true(checkpoint_has_seen(cp, "siem", ""));
	checkpoint_close(cp);
}

static void
a_clock_before_1970_does_not_cost_the_offset(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec = file("siem", 1, 10);

	(void)state;
	rec.time = -5;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_true(checkpoint_take(cp, "siem", 64769, 1, &rec));
	assert_int_equal(rec.offset, 10);
	assert_int_equal(rec.time, 0);
	checkpoint_close(cp);
}

static void
the_longest_path_of_any_octets_fits(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_record rec = file("siem", 1, 10), got;
	char path[4096], dest[256];

	(void)state;
	memset(path, 0xfe, sizeof(path));
	path[sizeof(path) - 1] = '\0';
	memset(dest, ' ', sizeof(dest));
	dest[sizeof(dest) - 1] = '\0';
	rec.path = path;
	rec.dest = dest;
	assert_int_equal(checkpoint_note(cp, &rec), 0);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_true(checkpoint_take(cp, dest, 64769, 1, &got));
	assert_string_equal(got.path, path);
	checkpoint_close(cp);
}

static void
what_is_not_a_regular_file_is_refused(void **state)
{
	struct reason why = { "" };

	(void)state;
	assert_int_equal(mkfifoat(dirfd, "checkpoint", 0600), 0);
	assert_null(checkpoint_open(dirfd, &why));
	assert_string_equal(
	    why.text, "state directory: checkpoint: is not a regular file");
	assert_int_equal(unlinkat(dirfd, "checkpoint", 0), 0);
	assert_int_equal(symlinkat("/etc/passwd", dirfd, "checkpoint"), 0);
	assert_null(checkpoint_open(dirfd, &why));
	assert_non_null(
	    strstr(why.text, "state directory: checkpoint: open: "));
	assert_null(checkpoint_open(dirfd, NULL));
}

static void
a_file_that_cannot_be_appended_to_still_tells_its_offsets(void **state)
{
	struct checkpoint *cp = opened();
	struct rlimit rl;
	rlim_t before;
	int fd;

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	checkpoint_close(cp);
	/* One descriptor is enough to read it, but not to append, too. */
	fd = dup(dirfd);
	assert_int_equal(close(fd), 0);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &rl), 0);
	before = rl.rlim_cur;
	rl.rlim_cur = (rlim_t)fd + 1;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 10);
	note_file(cp, "siem", 1, 20);
	fd = dup(dirfd);
	assert_sync_fails(cp, "checkpoint: open", "Too many open files");
	assert_int_equal(close(fd), 0);
	rl.rlim_cur = before;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &rl), 0);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 20);
	checkpoint_close(cp);
}

static void
nothing_noted_is_nothing_written(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_file_stats before, after;

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	before = *stats_of(cp);
	calls[0] = '\0';
	synced(cp);
	after = *stats_of(cp);
	assert_string_equal(calls, "");
	assert_int_equal(before.syncs, after.syncs);
	assert_int_equal(before.bytes, after.bytes);
	checkpoint_close(cp);
}

static void
the_figures_count_what_was_written(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_file_stats stats;
	char text[4096];

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	note_file(cp, "siem", 1, 20);
	synced(cp);
	stats = *stats_of(cp);
	assert_int_equal(
	    stats.bytes, read_file("checkpoint", text, sizeof(text)));
	assert_int_equal(stats.syncs, 2);
	assert_int_equal(stats.failures, 0);
	checkpoint_close(cp);
}

static void
a_full_disk_loses_nothing_that_was_noted(void **state)
{
	struct checkpoint *cp;
	struct checkpoint_file_stats stats;
	char text[4096];
	size_t len = small_file(text, sizeof(text)), room;
	ino_t i;

	(void)state;
	assert_int_equal(unlinkat(dirfd, "checkpoint", 0), 0);
	/* Everywhere in the lines, and before the first. */
	for (room = 0; room < len; room++) {
		cp = opened();
		for (i = 1; i <= FILES; i++)
			note_file(cp, "siem", i, 100 + (off_t)i);
		limit_file_size(room);
		assert_sync_fails(cp, "checkpoint: write", "File too large");
		assert_sync_fails(cp, "checkpoint: write", "File too large");
		limit_file_size(RLIM_INFINITY);
		stats = *stats_of(cp);
		assert_int_equal(stats.failures, 2);
		assert_int_equal(stats.syncs, 0);
		note_file(cp, "siem", 50, 555);
		synced(cp);
		checkpoint_close(cp);
		cp = opened();
		assert_int_equal(files_there(cp), 0x3e);
		assert_int_equal(offset_of(cp, "siem", 50), 555);
		assert_true(damaged(cp) <= 1);
		checkpoint_close(cp);
		assert_true(read_file("checkpoint", text, sizeof(text)) > room);
		/* What was cut off there is followed by a clean line. */
		assert_true(room == 0 || text[room] == '\n');
		assert_int_equal(unlinkat(dirfd, "checkpoint", 0), 0);
	}
}

static void
memory_and_file_do_not_grow_with_what_is_noted_again(void **state)
{
	struct checkpoint *cp = opened();
	char text[4096];
	off_t i;

	(void)state;
	synced(cp);
	for (i = 0; i < 100000; i++)
		note_file(cp, "siem", 1 + (ino_t)i % 2, i);
	synced(cp);
	assert_in_range(read_file("checkpoint", text, sizeof(text)), 200, 400);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 99998);
	assert_int_equal(offset_of(cp, "siem", 2), 99999);
	checkpoint_close(cp);
}

static void
walk_one(struct checkpoint *cp, struct checkpoint_batch *to)
{
	put_file(cp, to, "siem", 1, 10);
}

static void
after_a_failed_fdatasync_only_a_new_file_is_trusted(void **state)
{
	struct checkpoint *cp = opened();
	char text[4096];

	(void)state;
	note_file(cp, "siem", 1, 10);
	failing = "fdatasync";
	assert_sync_fails(cp, "checkpoint: fdatasync", "Input/output error");
	failing = "";
	assert_true(stats_of(cp)->suspect);
	/*
	 * The kernel may have dropped the pages that it could not write, and
	 * says of the next sync that all is well.
	 */
	write_file("", 0);
	note_file(cp, "siem", 2, 20);
	assert_sync_fails(cp, "checkpoint: fdatasync", "Input/output error");
	renewed(cp, walk_one);
	assert_false(stats_of(cp)->suspect);
	note_file(cp, "siem", 3, 30);
	synced(cp);
	checkpoint_close(cp);
	(void)read_file("checkpoint", text, sizeof(text));
	assert_non_null(strstr(text, HEADER));
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 10);
	assert_int_equal(offset_of(cp, "siem", 3), 30);
	assert_int_equal(damaged(cp), 0);
	checkpoint_close(cp);
}

static void
a_new_file_is_durable_with_its_name(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	note_file(cp, "siem", 1, 10);
	failing = "fsync-dir";
	assert_sync_fails(cp, "fsync", "Input/output error");
	failing = "";
	calls[0] = '\0';
	synced(cp);
	assert_string_equal(calls, "fdatasync fsync-dir ");
	note_file(cp, "siem", 1, 20);
	calls[0] = '\0';
	synced(cp);
	assert_string_equal(calls, "fdatasync ");
	checkpoint_close(cp);
}

static void
walk_three(struct checkpoint *cp, struct checkpoint_batch *to)
{
	ino_t i;

	for (i = 1; i <= 3; i++)
		put_file(cp, to, "siem", i, 1000 + (off_t)i);
	assert_int_equal(checkpoint_seen(cp, "siem", "walked", 1), 0);
}

static void
compaction_keeps_all_that_counts_and_nothing_else(void **state)
{
	struct checkpoint *cp = opened();
	char text[4096], *p;
	size_t lines;
	off_t i;

	(void)state;
	for (i = 0; i < 1000; i++) {
		note_file(cp, "siem", 1 + (ino_t)i % 4, i);
		synced(cp);
	}
	note_file(cp, "siem", 9, 9);
	note_file(cp, "siem", 10, 10);
	assert_int_equal(checkpoint_seen(cp, "siem", "nginx", 1), 0);
	synced(cp);
	note_gone(cp, "siem", 10);
	synced(cp);
	checkpoint_close(cp);

	cp = opened();
	/* 1 to 4 have an owner, which speaks for 1 to 3; 9 is untaken. */
	for (i = 1; i <= 4; i++)
		assert_int_equal(offset_of(cp, "siem", (ino_t)i), 995 + i);
	note_file(cp, "siem", 7, 7);
	calls[0] = '\0';
	renewed(cp, walk_three);
	assert_string_equal(calls, "fsync rename fsync-dir ");
	assert_false(exists("checkpoint.new"));
	(void)read_file("checkpoint", text, sizeof(text));
	for (lines = 0, p = text; (p = strchr(p, '\n')) != NULL; p++)
		lines++;
	/* The first line, 1 2 3 7 9, and what was seen. */
	assert_int_equal(lines, 8);
	note_file(cp, "siem", 2, 2000);
	synced(cp);
	checkpoint_close(cp);

	cp = opened();
	assert_int_equal(damaged(cp), 0);
	assert_int_equal(offset_of(cp, "siem", 1), 1001);
	assert_int_equal(offset_of(cp, "siem", 2), 2000);
	assert_int_equal(offset_of(cp, "siem", 3), 1003);
	assert_int_equal(offset_of(cp, "siem", 4), -1);
	assert_int_equal(offset_of(cp, "siem", 7), 7);
	assert_int_equal(offset_of(cp, "siem", 9), 9);
	assert_int_equal(offset_of(cp, "siem", 10), -1);
	assert_true(checkpoint_has_seen(cp, "siem", "nginx"));
	assert_true(checkpoint_has_seen(cp, "siem", "walked"));
	checkpoint_close(cp);
}

static void
walk_many(struct checkpoint *cp, struct checkpoint_batch *to)
{
	ino_t i;

	for (i = 1000; i < 4000; i++)
		put_file(cp, to, "siem", i, 1);
}

/* The file has 1 at 10, 2 at 20 is noted. */
static void
assert_compaction_failed(struct checkpoint *cp, const char *fault,
    const char *did, const char *error)
{
	const char *what = NULL;

	failing = fault;
	assert_int_equal(renew_now(cp, walk_many, &what), -1);
	assert_string_equal(strerror(errno), error);
	failing = "";
	assert_string_equal(what, did);
	assert_false(exists("checkpoint.new"));
}

static void
after_a_failed_compaction_the_old_file_goes_on(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	note_file(cp, "siem", 2, 20);
	limit_file_size(100000);
	assert_compaction_failed(
	    cp, "", "checkpoint.new: write", "File too large");
	limit_file_size(RLIM_INFINITY);
	assert_compaction_failed(
	    cp, "fsync", "checkpoint.new: fsync", "Input/output error");
	assert_compaction_failed(
	    cp, "rename", "checkpoint.new: rename", "Input/output error");
	note_file(cp, "siem", 3, 30);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 10);
	assert_int_equal(offset_of(cp, "siem", 2), 20);
	assert_int_equal(offset_of(cp, "siem", 3), 30);
	assert_false(knows(cp, 64769, 1000));
	checkpoint_close(cp);
}

static void
a_name_that_could_not_be_synced_is_tried_again(void **state)
{
	struct checkpoint *cp = opened();
	const char *what = NULL;

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	note_file(cp, "siem", 2, 20);
	failing = "fsync-dir";
	assert_int_equal(renew_now(cp, walk_three, &what), -1);
	assert_string_equal(what, "fsync");
	failing = "";
	calls[0] = '\0';
	synced(cp);
	assert_string_equal(calls, "fsync-dir ");
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 3), 1003);
	checkpoint_close(cp);
}

static void
what_a_crash_in_a_compaction_left_is_removed(void **state)
{
	int fd = openat(dirfd, "checkpoint.new", O_WRONLY | O_CREAT, 0600);
	struct checkpoint *cp;

	(void)state;
	assert_int_equal(write(fd, HEADER "half a reco", 34), 34);
	assert_int_equal(close(fd), 0);
	cp = opened();
	assert_false(exists("checkpoint.new"));
	renewed(cp, walk_three);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(damaged(cp), 0);
	assert_int_equal(offset_of(cp, "siem", 3), 1003);
	checkpoint_close(cp);
}

static void
a_compacted_file_shows_no_trace_of_a_torn_end(void **state)
{
	struct checkpoint *cp;
	char text[4096];
	size_t len = small_file(text, sizeof(text));

	(void)state;
	write_file(text, len - 10);
	cp = opened();
	renewed(cp, walk_three);
	note_file(cp, "siem", 50, 1);
	synced(cp);
	checkpoint_close(cp);
	(void)read_file("checkpoint", text, sizeof(text));
	assert_null(strstr(text, "\n\n"));
}

static void
only_a_large_file_of_old_records_is_bloated(void **state)
{
	struct checkpoint_file_stats file = {
		.record_bytes = 100000, .records = 1000, .size = 4000000
	};
	struct checkpoint *cp = opened();

	(void)state;
	/* All but one are old, but that is not worth a rewrite. */
	assert_false(checkpoint_is_bloated(cp, &file, 1));
	file.size = 6000000;
	assert_true(checkpoint_is_bloated(cp, &file, 1));
	assert_true(checkpoint_is_bloated(cp, &file, 19000));
	assert_false(checkpoint_is_bloated(cp, &file, 21000));
	checkpoint_close(cp);
}

static void
untaken_records_are_not_bloat(void **state)
{
	struct checkpoint *cp = opened();
	ino_t i;

	(void)state;
	for (i = 1; i <= 50000; i++)
		note_file(cp, "siem", i, 1);
	synced(cp);
	assert_true(is_bloated(cp, 0));
	checkpoint_close(cp);
	cp = opened();
	note_file(cp, "siem", 1, 2);
	synced(cp);
	assert_false(is_bloated(cp, 0));
	checkpoint_close(cp);
}

static void
a_file_that_somebody_removed_is_seen_and_written_anew(void **state)
{
	struct checkpoint *cp = opened();

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	assert_false(stats_of(cp)->removed);
	assert_int_equal(unlinkat(dirfd, "checkpoint", 0), 0);
	note_file(cp, "siem", 1, 20);
	synced(cp);
	assert_true(stats_of(cp)->removed);
	renewed(cp, walk_three);
	assert_false(stats_of(cp)->removed);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 1001);
	checkpoint_close(cp);
}

/* What happens between two slices counts, wherever the slices are. */
static void
what_is_appended_while_it_is_written_anew_is_newest(void **state)
{
	struct checkpoint_batch b = { 0 };
	struct checkpoint_place at = { 0 };
	struct checkpoint_record rec;
	struct checkpoint *cp = opened();
	struct checkpoint_file *f;
	const char *what = NULL;
	ino_t i;

	(void)state;
	for (i = 1; i <= 9; i++)
		note_file(cp, i % 2 ? "a" : "b", i, 10);
	synced(cp);
	checkpoint_close(cp);
	cp = opened();
	f = checkpoint_file(cp);
	assert_int_equal(checkpoint_file_begin(f, &what), 0);
	assert_false(checkpoint_copy(cp, &at, &b, 5));
	assert_int_equal(add(f, &b, &what), 0);
	/* Two that are in it, two that are not; one of each is gone. */
	note_file(cp, "b", 2, 22);
	note_gone(cp, "a", 3);
	note_file(cp, "b", 6, 26);
	note_gone(cp, "a", 7);
	/* And one that is handed over and given back. */
	assert_true(checkpoint_take(cp, "a", 64769, 9, &rec));
	assert_int_equal(checkpoint_give_back(cp), 0);
	assert_int_equal(append(cp, &what), 0);
	assert_true(checkpoint_copy(cp, &at, &b, 5));
	assert_int_equal(add(f, &b, &what), 0);
	assert_int_equal(checkpoint_file_finish(f, &what), 0);
	checkpoint_batch_free(&b);
	checkpoint_close(cp);
	cp = opened();
	assert_int_equal(offset_of(cp, "a", 1), 10);
	assert_int_equal(offset_of(cp, "b", 2), 22);
	assert_int_equal(offset_of(cp, "a", 3), -1);
	assert_int_equal(offset_of(cp, "b", 4), 10);
	assert_int_equal(offset_of(cp, "a", 5), 10);
	assert_int_equal(offset_of(cp, "b", 6), 26);
	assert_int_equal(offset_of(cp, "a", 7), -1);
	assert_int_equal(offset_of(cp, "b", 8), 10);
	assert_int_equal(offset_of(cp, "a", 9), 10);
	assert_int_equal(damaged(cp), 0);
	checkpoint_close(cp);
}

static void
a_crash_while_it_is_written_anew_costs_nothing(void **state)
{
	struct checkpoint *cp = opened();
	const char *what = NULL;

	(void)state;
	note_file(cp, "siem", 1, 10);
	synced(cp);
	assert_int_equal(checkpoint_file_begin(checkpoint_file(cp), &what), 0);
	note_file(cp, "siem", 2, 20);
	assert_int_equal(append(cp, &what), 0);
	assert_true(exists("checkpoint.new"));
	/* Another process, while the first has not even ended. */
	checkpoint_close(opened());
	checkpoint_close(cp);
	assert_false(exists("checkpoint.new"));
	cp = opened();
	assert_int_equal(offset_of(cp, "siem", 1), 10);
	assert_int_equal(offset_of(cp, "siem", 2), 20);
	checkpoint_close(cp);
}

static void
a_batch_has_so_many_records_and_what_a_file_has_goes_first(void **state)
{
	struct checkpoint *cp = opened();
	struct checkpoint_batch b = { 0 };
	ino_t i;

	(void)state;
	assert_int_equal(checkpoint_seen(cp, "siem", "nginx", 1), 0);
	for (i = 1; i <= 10; i++)
		note_file(cp, "siem", i, 1);
	checkpoint_drain(cp, CHECKPOINT_DRAIN_FILES, &b, 6);
	assert_int_equal(b.records, 6);
	checkpoint_drain(cp, CHECKPOINT_DRAIN_FILES, &b, 100);
	assert_int_equal(b.records, 10);
	assert_true(checkpoint_has_notes(cp));
	checkpoint_drain(cp, CHECKPOINT_DRAIN_ALL, &b, 100);
	assert_int_equal(b.records, 11);
	assert_false(checkpoint_has_notes(cp));
	checkpoint_batch_free(&b);
	checkpoint_close(cp);
}

/*
 * A plain array beside the checkpoint, through random notes, syncs, crashes
 * and compactions.  Zero: no record.
 */
#define KEYS 40

struct model {
	off_t now[KEYS]; /* as noted */
	off_t disk[KEYS]; /* as synced */
	bool renewing;
	bool copied;
	struct checkpoint_place at;
	ino_t next;
};

static const char *
dest_of(ino_t key)
{
	return (key % 2 ? "a" : "b");
}

/* What is untaken has no other owner. */
static void
model_walk(struct checkpoint *cp, struct model *m, struct checkpoint_batch *to)
{
	ino_t end = m->next + 7;

	for (; m->next < end && m->next < KEYS; m->next++)
		if (m->now[m->next] != 0 &&
		    checkpoint_find(cp, dest_of(m->next), 64769, m->next + 1) ==
			NULL)
			put_file(cp, to, dest_of(m->next), m->next + 1,
			    m->now[m->next]);
}

/* One step of writing it anew. */
static void
model_renew(struct checkpoint *cp, struct model *m, uint32_t limit)
{
	struct checkpoint_file *f = checkpoint_file(cp);
	struct checkpoint_place start = { 0 };
	struct checkpoint_batch b = { 0 };
	const char *what = NULL;
	int rc = 0;

	limit_file_size(limit % 7 == 0 ? limit % 20000 : RLIM_INFINITY);
	if (!m->renewing) {
		rc = checkpoint_file_begin(f, &what);
		m->at = start;
		m->next = 0;
		m->copied = false;
	} else if (!m->copied) {
		m->copied = checkpoint_copy(cp, &m->at, &b, 5);
		rc = checkpoint_file_add(f, &b, &what);
	} else if (m->next < KEYS) {
		model_walk(cp, m, &b);
		rc = checkpoint_file_add(f, &b, &what);
	} else {
		rc = checkpoint_file_finish(f, &what);
	}
	m->renewing = rc == 0 && (!m->renewing || f->new.fd != -1);
	limit_file_size(RLIM_INFINITY);
	checkpoint_batch_free(&b);
	/* What was noted and put is in it. */
	if (!m->renewing && rc == 0) {
		synced(cp);
		memcpy(m->disk, m->now, sizeof(m->disk));
	}
}

/* Half of them find an owner. */
static struct checkpoint *
model_crash(struct checkpoint *cp, struct model *m)
{
	const struct checkpoint_record *rec;
	off_t want;
	ino_t i;

	checkpoint_close(cp);
	cp = opened();
	for (i = 0; i < KEYS; i++) {
		want = m->disk[i] == 0 ? -1 : m->disk[i];
		rec = checkpoint_find(cp, dest_of(i), 64769, i + 1);
		assert_int_equal(rec == NULL ? -1 : rec->offset, want);
		if (i % 4 < 2)
			(void)offset_of(cp, dest_of(i), i + 1);
	}
	memcpy(m->now, m->disk, sizeof(m->now));
	m->renewing = false;
	return (cp);
}

static struct checkpoint *
model_step(struct checkpoint *cp, struct model *m, uint32_t what, uint32_t x)
{
	uint32_t key = x % KEYS;

	switch (what % 16) {
	case 0:
		return (what % 3 == 0 ? model_crash(cp, m) : cp);
	case 1:
	case 2:
	case 3:
		model_renew(cp, m, x);
		break;
	case 4:
		synced(cp);
		memcpy(m->disk, m->now, sizeof(m->disk));
		break;
	case 5:
		note_gone(cp, dest_of(key), key + 1);
		m->now[key] = 0;
		break;
	default:
		m->now[key] = 1 + x % 1000000;
		note_file(cp, dest_of(key), key + 1, m->now[key]);
		break;
	}
	return (cp);
}

static void
any_order_of_calls_agrees_with_a_plain_array(void **state)
{
	static struct model m;
	struct checkpoint *cp = opened();
	uint32_t x = 7, what;
	int i;

	(void)state;
	for (i = 0; i < 20000; i++) {
		x = x * 1664525 + 1013904223;
		what = x >> 16;
		x = x * 1664525 + 1013904223;
		cp = model_step(cp, &m, what, x >> 8);
	}
	checkpoint_close(model_crash(cp, &m));
	checkpoint_batch_free(&changed);
}

static void
a_hundred_thousand_records_load_in_no_time(void **state)
{
	struct checkpoint *cp = opened();
	struct timespec a, b;
	double s;
	ino_t i;

	(void)state;
	for (i = 1; i <= 100000; i++)
		note_file(cp, i % 3 ? "siem" : "archive", i, (off_t)i);
	synced(cp);
	checkpoint_close(cp);
	(void)clock_gettime(CLOCK_MONOTONIC, &a);
	cp = opened();
	(void)clock_gettime(CLOCK_MONOTONIC, &b);
	s = (double)(b.tv_sec - a.tv_sec) +
	    (double)(b.tv_nsec - a.tv_nsec) / 1e9;
	print_message("100000 records loaded in %.3f s\n", s);
	assert_true(s < 10);
	assert_int_equal(offset_of(cp, "archive", 99999), 99999);
	checkpoint_close(cp);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, prepare, clean)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_first_start_is_new_and_the_next_is_not),
		TEST(a_crash_before_the_first_sync_is_still_a_first_start),
		TEST(a_record_comes_back_as_it_was_noted),
		TEST(
		    an_older_version_finds_the_line_it_knows_behind_the_guards),
		TEST(the_last_look_tells_of_the_clocks),
		TEST(a_short_record_moves_on_the_offset_and_the_newest_guard),
		TEST(
		    a_short_record_without_a_guard_leaves_those_that_are_known),
		TEST(a_short_record_of_a_file_that_is_not_known_means_nothing),
		TEST(a_short_record_that_is_torn_costs_only_itself),
		TEST(short_records_do_not_count_for_what_a_live_one_takes),
		TEST(
		    the_guards_of_one_record_are_not_taken_for_those_of_another),
		TEST(the_file_shows_a_person_where_every_file_is),
		TEST(the_last_record_of_a_file_counts),
		TEST(what_is_gone_does_not_come_back),
		TEST(what_was_not_synced_is_not_there),
		TEST(a_record_is_handed_over_once),
		TEST(a_file_has_the_path_that_was_written_last),
		TEST(a_record_of_before_the_clock_was_set_back_is_older),
		TEST(a_record_of_another_device_is_handed_over_for_its_path),
		TEST(a_record_that_is_given_back_is_handed_over_again),
		TEST(a_file_that_is_left_is_handed_over_again),
		TEST(a_note_is_newer_than_what_was_loaded),
		TEST(a_destination_remembers_the_sources_it_has_met),
		TEST(a_seen_can_be_noted_like_any_record),
		TEST(a_directory_is_late_until_somebody_looked_at_it),
		TEST(what_is_late_is_found_by_how_its_path_begins),
		TEST(what_is_late_is_in_a_new_file_and_what_was_is_not),
		TEST(what_is_late_is_written_first_and_expires),
		TEST(a_sweep_walks_all_and_drops_what_it_is_told_to),
		TEST(what_a_sweep_drops_from_memory_stays_on_disk),
		TEST(old_records_go_when_nobody_has_taken_them),
		TEST(a_file_cut_anywhere_keeps_every_record_that_is_whole),
		TEST(a_changed_octet_costs_at_most_its_own_record),
		TEST(a_lost_newline_costs_nothing),
		TEST(
		    a_torn_record_does_not_cost_the_one_written_right_behind_it),
		TEST(a_tail_of_nuls_costs_nothing),
		TEST(a_file_of_nothing_but_nuls_opens),
		TEST(a_tail_written_twice_costs_nothing),
		TEST(garbage_costs_only_itself),
		TEST(an_endless_line_is_one_damage),
		TEST(a_missing_first_line_costs_nothing),
		TEST(a_file_of_another_version_is_set_aside),
		TEST(a_version_that_cannot_be_set_aside_is_left_alone),
		TEST(a_number_out_of_range_is_damage_whatever_its_checksum),
		TEST(a_record_that_cannot_be_read_back_is_not_written),
		TEST(a_file_without_numbers_is_not_taken_for_a_source),
		TEST(a_clock_before_1970_does_not_cost_the_offset),
		TEST(the_longest_path_of_any_octets_fits),
		TEST(what_is_not_a_regular_file_is_refused),
		TEST(a_file_that_cannot_be_appended_to_still_tells_its_offsets),
		TEST(nothing_noted_is_nothing_written),
		TEST(the_figures_count_what_was_written),
		TEST(a_full_disk_loses_nothing_that_was_noted),
		TEST(memory_and_file_do_not_grow_with_what_is_noted_again),
		TEST(after_a_failed_fdatasync_only_a_new_file_is_trusted),
		TEST(a_new_file_is_durable_with_its_name),
		TEST(compaction_keeps_all_that_counts_and_nothing_else),
		TEST(after_a_failed_compaction_the_old_file_goes_on),
		TEST(a_name_that_could_not_be_synced_is_tried_again),
		TEST(what_a_crash_in_a_compaction_left_is_removed),
		TEST(a_compacted_file_shows_no_trace_of_a_torn_end),
		TEST(only_a_large_file_of_old_records_is_bloated),
		TEST(untaken_records_are_not_bloat),
		TEST(a_file_that_somebody_removed_is_seen_and_written_anew),
		TEST(what_is_appended_while_it_is_written_anew_is_newest),
		TEST(a_crash_while_it_is_written_anew_costs_nothing),
		TEST(
		    a_batch_has_so_many_records_and_what_a_file_has_goes_first),
		TEST(any_order_of_calls_agrees_with_a_plain_array),
		TEST(a_hundred_thousand_records_load_in_no_time),
	};

	/* A write beyond RLIMIT_FSIZE then fails, as on a full disk. */
	(void)signal(SIGXFSZ, SIG_IGN);
	return (cmocka_run_group_tests(tests, NULL, NULL));
}
