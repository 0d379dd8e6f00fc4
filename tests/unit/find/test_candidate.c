/*
 * Goal: a file goes on with the record of another only where the evidence says
 * so: its content, the time, its name and its owner; and where it goes on,
 * nothing is passed over that was not sent.
 */
#include "daemon/find/candidate.h"

#include <errno.h>

#include "daemon/base/clock.h"
#include "daemon/checkpoint/inside.h"
#include "daemon/find/unmatched.h"
#include "lib/ns.h"
#include "tests/unit/find/world.h"

#define SIZE 4096 /* octets of the text, in lines of 32 */
#define INODE 4711 /* of the record's file */

struct fixture {
	struct world w;
	struct dir *d;
	char text[SIZE];
	struct candidate *c;
	struct unmatched_record o;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	size_t i;

	world_begin(&f->w);
	f->d = world_dir(&f->w, "");
	for (i = 0; i < SIZE; i += 32)
		(void)snprintf(f->text + i, 33, "%030zu\n", i * 2654435761U);
	for (i = 31; i < SIZE; i += 32)
		f->text[i] = '\n';
	/* The checkpoint was written now. */
	f->w.checkpointer->look.day = clock_wall_ns();
	*state = f;
	return (0);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	if (f->c != NULL)
		candidate_free(f->c);
	world_end(&f->w);
	free(f);
	return (0);
}

/* The file called name has the first size octets of the text. */
static void
read_candidate(struct fixture *f, const char *name, size_t size)
{
	struct stat st;

	world_write(name, f->text, size);
	assert_int_equal(lstat(name, &st), 0);
	if (f->c != NULL)
		candidate_free(f->c);
	assert_non_null(f->c = candidate_new(f->d, name, &st));
	assert_int_equal(candidate_read_head(f->c), 0);
}

/*
 * A record of the file called log, of which offset octets were sent: it is an
 * hour old.
 */
static void
set_record(struct fixture *f, size_t offset, bool print, size_t guard)
{
	static char path[PATH_MAX + 8];
	size_t n = guard < GUARD_MAX ? guard : GUARD_MAX;

	(void)snprintf(path, sizeof(path), "%s/log", f->w.path);
	f->o = (struct unmatched_record) { .path = path, .nspots = 1 };
	f->o.rec = (struct checkpoint_record) { .path = path,
		.dest = "d",
		.offset = (off_t)offset,
		.inode = INODE,
		.time = (time_t)(clock_wall_ns() / NS_IN_S) - 3600,
		.guards = f->o.guards,
		.nguards = guard > 0 };
	f->o.spots[0] =
	    (struct unmatched_spot) { .of = &f->o, .dir = f->d, .base = "log" };
	if (print)
		fingerprint_of(&f->o.rec.print, f->text,
		    offset < FINGERPRINT_MAX ? offset : FINGERPRINT_MAX);
	if (guard > 0)
		guard_of(&f->o.guards[0], (off_t)guard, f->text + guard - n, n);
}

enum {
	NEW,
	OLD
}; /* than the record */
enum {
	OTHER_INODE,
	SAME_INODE
};
enum {
	UNKNOWN,
	KNOWN
}; /* by the record of another destination */

struct row {
	const char *what;
	const char *name;
	size_t size;
	size_t offset;
	bool print;
	size_t guard;
	int age, inode, known;
	bool continues;
};

static const struct row rows[] = {
	{ "all was sent", "x", 2048, 2048, true, 2048, NEW, 0, 0, true },
	{ "there is more", "x", 4096, 2048, true, 2048, NEW, 0, 0, true },
	{ "less than was sent", "x", 1024, 2048, true, 1024, NEW, 0, 0, false },
	{ "no evidence", "log", 2048, 2048, false, 0, NEW, 0, 0, false },
	{ "print alone, line ends", "x", 4096, 2048, true, 0, NEW, 0, 0, true },
	{ "no line ends there", "x", 4096, 2050, true, 0, NEW, 0, 0, false },
	{ "guard alone", "x", 4096, 2048, false, 2048, NEW, 0, 0, true },
	{ "older", "x", 4096, 2048, true, 2048, OLD, 0, 0, false },
	{ "older, itself", "x", 4096, 2048, true, 2048, OLD, SAME_INODE, 0,
	    true },
	{ "older, itself, short", "log", 128, 128, true, 128, OLD, SAME_INODE,
	    0, false },
	{ "older, known", "x", 4096, 2048, true, 2048, OLD, 0, KNOWN, true },
	{ "short text, any name", "x", 128, 128, true, 128, NEW, 0, 0, false },
	{ "short text, its name", "log", 128, 128, true, 128, NEW, 0, 0, true },
	{ "short text, rotated", "log.1", 128, 128, true, 128, NEW, 0, 0,
	    true },
	{ "short text, other's", "log2.1", 128, 128, true, 128, NEW, 0, 0,
	    false },
	{ "nothing was sent, begins so", "log.1", 4096, 0, true, 0, NEW, 0, 0,
	    false },
};

static void
set_times(struct fixture *f, const struct row *row)
{
	if (row->age == OLD)
		f->c->st.st_ctim.tv_sec = f->o.rec.time - 60;
	if (row->inode == SAME_INODE)
		f->o.rec.inode = f->c->st.st_ino;
}

static void
a_candidate_is_judged_by_the_evidence(void **state)
{
	struct fixture *f = *state;
	const struct row *row;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		row = &rows[i];
		read_candidate(f, row->name, row->size);
		set_record(f, row->offset, row->print, row->guard);
		set_times(f, row);
		if (candidate_continues(f->c, &f->o, row->known == KNOWN) !=
		    row->continues)
			fail_msg("%s", row->what);
	}
}

static void
another_text_is_another_file(void **state)
{
	struct fixture *f = *state;

	set_record(f, 2048, true, 2048);
	read_candidate(f, "x", 4096);
	assert_true(candidate_continues(f->c, &f->o, false));
	/* In the beginning, and in front of the offset. */
	f->text[5] ^= 1;
	read_candidate(f, "x", 4096);
	assert_false(candidate_continues(f->c, &f->o, false));
	f->text[5] ^= 1;
	f->text[2000] ^= 1;
	read_candidate(f, "x", 4096);
	assert_false(candidate_continues(f->c, &f->o, false));
}

static void
a_file_of_another_owner_is_no_copy(void **state)
{
	struct fixture *f = *state;

	world_write("log", "", 0);
	set_record(f, 2048, true, 2048);
	read_candidate(f, "x", 4096);
	f->c->st.st_uid = geteuid() + 4242;
	assert_false(candidate_continues(f->c, &f->o, false));
	/* Root makes copies for all. */
	f->c->st.st_uid = 0;
	assert_true(candidate_continues(f->c, &f->o, false));
}

/* Whoever replaces the file meanwhile has another one read, or none. */
static void
a_file_that_took_its_place_is_not_read(void **state)
{
	struct fixture *f = *state;
	struct guard g;

	read_candidate(f, "x", 4096);
	world_write("y", f->text, 4096);
	assert_int_equal(rename("y", "x"), 0);
	assert_int_equal(candidate_open(f->c), -1);
	assert_int_equal(errno, ESTALE);
	guard_of(&g, 4096, f->text + 4096 - GUARD_MAX, GUARD_MAX);
	assert_int_equal(candidate_holds(f->c, &g), -1);
}

static void
it_goes_on_where_what_was_sent_is_known_to_be(void **state)
{
	struct fixture *f = *state;

	read_candidate(f, "x", 4096);
	set_record(f, 2048, true, 2048);
	assert_int_equal(candidate_offset(f->c, &f->o), 2048);
	/* Behind the guard nothing was compared, and no line ends there. */
	set_record(f, 2050, true, 1024);
	assert_int_equal(candidate_offset(f->c, &f->o), 1024);
	set_record(f, 2048, true, 1024);
	assert_int_equal(candidate_offset(f->c, &f->o), 2048);
}

static void
candidates_are_ordered_by_their_last_write_and_their_names(void **state)
{
	static const char *const names[] = { "log.2", "log.1", "log.10" };
	const struct stat st = { .st_mtim = { .tv_sec = 100 } };
	const struct stat older = { .st_mtim = { .tv_sec = 99 } };
	struct fixture *f = *state;
	struct candidate *c[4];
	size_t i;

	for (i = 0; i < 3; i++) {
		assert_non_null(c[i] = candidate_new(f->d, names[i], &st));
		(void)strlcpy(c[i]->base, "log", sizeof(c[i]->base));
	}
	assert_non_null(c[3] = candidate_new(f->d, "z", &older));
	qsort(c, 4, sizeof(struct candidate *), candidate_compare);
	assert_string_equal(c[0]->name, "z");
	assert_string_equal(c[1]->name, "log.10");
	assert_string_equal(c[2]->name, "log.2");
	assert_string_equal(c[3]->name, "log.1");
	for (i = 0; i < 4; i++)
		candidate_free(c[i]);
}

static void
one_that_was_written_since_the_last_look_is_new(void **state)
{
	struct fixture *f = *state;
	int64_t look = f->w.checkpointer->look.day;

	read_candidate(f, "log.1", 128);
	(void)strlcpy(f->c->base, "log", sizeof(f->c->base));
	f->c->st.st_mtim.tv_sec = (time_t)(look / NS_IN_S) - 3600;
	assert_false(candidate_is_new(f->c, NULL));
	f->c->st.st_mtim.tv_sec = (time_t)(look / NS_IN_S);
	f->c->st.st_mtim.tv_nsec = (long)(look % NS_IN_S);
	assert_true(candidate_is_new(f->c, NULL));
	/* A start before this one knew it as new, and could not read it. */
	f->c->st.st_mtim.tv_sec -= 3600;
	f->c->is_deferred = true;
	assert_true(candidate_is_new(f->c, NULL));
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_candidate_is_judged_by_the_evidence),
		T(another_text_is_another_file),
		T(a_file_of_another_owner_is_no_copy),
		T(a_file_that_took_its_place_is_not_read),
		T(it_goes_on_where_what_was_sent_is_known_to_be),
		T(candidates_are_ordered_by_their_last_write_and_their_names),
		T(one_that_was_written_since_the_last_look_is_new),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
