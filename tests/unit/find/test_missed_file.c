/*
 * Goal: a file that was made, written and rotated between two looks at its
 * directory is known for what it was; a copy, an old file that was moved back,
 * and one that was there before are not taken for one.
 */
#include "daemon/find/missed_file.h"

#include "daemon/base/clock.h"
#include "daemon/find/match.h"
#include "lib/ns.h"
#include "tests/unit/find/world.h"

struct fixture {
	struct world w;
	struct dir *d;
	int fd;
	struct conf_source conf;
	struct source source;
	struct pattern *pattern;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));
	char path[PATH_MAX + 8];
	struct reason why;
	struct match m = { .depth = 0 };

	world_begin(&f->w);
	f->d = world_dir(&f->w, "");
	f->d->place.polled = true;
	assert_true((f->fd = open(".", O_RDONLY | O_DIRECTORY)) != -1);
	(void)snprintf(path, sizeof(path), "%s/log", f->w.path);
	assert_non_null(f->pattern = pattern_new(path, &why));
	f->source.conf = &f->conf;
	m.source = &f->source;
	m.pattern = f->pattern;
	m.part = pattern_length(f->pattern) - 1;
	assert_int_equal(match_add(f->d, &m), 1);
	*state = f;
	return (0);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	(void)close(f->fd);
	world_end(&f->w);
	pattern_free(f->pattern);
	free(f);
	return (0);
}

/* Whether the name is to be examined as that of a log. */
static bool
is_missed(struct fixture *f, const char *name)
{
	char base[NAME_MAX + 1];
	struct dirent e;
	struct stat st;
	bool is;

	assert_int_equal(lstat(name, &st), 0);
	memset(&e, 0, sizeof(e));
	e.d_ino = st.st_ino;
	(void)strlcpy(e.d_name, name, sizeof(e.d_name));
	is = missed_is(f->d, f->fd, &e, base) && missed_since(f->d, &st);
	if (is)
		assert_string_equal(base, "log");
	return (is);
}

static void
one_that_came_and_was_rotated_is_found(void **state)
{
	struct fixture *f = *state;

	missed_begin(f->d);
	world_write("log", "x\n", 2);
	assert_int_equal(rename("log", "log.1"), 0);
	assert_true(is_missed(f, "log.1"));
	/* There is another log by now. */
	world_write("log", "y\n", 2);
	assert_true(is_missed(f, "log.1"));
}

static void
one_that_was_there_is_not(void **state)
{
	struct fixture *f = *state;

	world_write("log.1", "x\n", 2);
	missed_begin(f->d);
	assert_false(is_missed(f, "log.1"));
	missed_drop(f->d, 0);
	assert_true(f->d->unsure);
}

static void
one_that_is_to_be_found_again_is(void **state)
{
	struct fixture *f = *state;
	struct stat st;

	world_write("log.1", "x\n", 2);
	missed_begin(f->d);
	assert_int_equal(lstat("log.1", &st), 0);
	missed_forget(f->d, st.st_ino);
	assert_true(f->d->retry);
	assert_true(is_missed(f, "log.1"));
}

static void
other_names_and_empty_files_are_not(void **state)
{
	struct fixture *f = *state;

	missed_begin(f->d);
	world_write("other.1", "x\n", 2);
	world_write("log.1.gz", "x\n", 2);
	world_write("log.2", "", 0);
	assert_int_equal(mkdir("log.3", 0755), 0);
	assert_false(is_missed(f, "other.1"));
	assert_false(is_missed(f, "log.1.gz"));
	assert_false(is_missed(f, "log.2"));
	assert_false(is_missed(f, "log.3"));
}

/* Then nothing was renamed since. */
static void
a_copy_beside_the_log_is_not(void **state)
{
	struct fixture *f = *state;

	world_write("log", "x\n", 2);
	missed_begin(f->d);
	world_write("log.1", "x\n", 2);
	assert_false(is_missed(f, "log.1"));
	/* Names changed while that scan read them: it may have been. */
	f->d->was_unsure = true;
	assert_true(is_missed(f, "log.1"));
}

static void
an_old_file_that_came_back_is_not(void **state)
{
	const int64_t now = clock_wall_ns() / NS_IN_S;
	struct timespec times[2];
	struct fixture *f = *state;

	missed_begin(f->d);
	world_write("log.1", "x\n", 2);
	times[0] = times[1] = (struct timespec) { .tv_sec = now - 3600 };
	assert_int_equal(utimensat(AT_FDCWD, "log.1", times, 0), 0);
	assert_false(is_missed(f, "log.1"));
}

static void
without_a_scan_before_nothing_is_known(void **state)
{
	struct fixture *f = *state;

	world_write("log.1", "x\n", 2);
	assert_false(is_missed(f, "log.1"));
}

static void
a_scan_that_could_not_keep_all_is_none(void **state)
{
	struct missed m = { .failed = true };
	struct fixture *f = *state;

	missed_end(f->d, &m);
	world_write("log.1", "x\n", 2);
	assert_false(is_missed(f, "log.1"));
	assert_false(m.failed);
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(one_that_came_and_was_rotated_is_found),
		T(one_that_was_there_is_not),
		T(one_that_is_to_be_found_again_is),
		T(other_names_and_empty_files_are_not),
		T(a_copy_beside_the_log_is_not),
		T(an_old_file_that_came_back_is_not),
		T(without_a_scan_before_nothing_is_known),
		T(a_scan_that_could_not_keep_all_is_none),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
