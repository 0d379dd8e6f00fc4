/*
 * Goal: where a symbolic link leads is found name by name, and a link that
 * somebody could have planted, or a name that somebody could have given to a
 * file of others, is not trusted.
 */
#include "daemon/find/walk.h"

#include <errno.h>

#include "daemon/find/trust.h"
#include "tests/unit/find/world.h"

struct fixture {
	struct world w;
	struct dir *d;
	struct walk walk;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	world_begin(&f->w);
	f->d = world_dir(&f->w, "");
	world_write("file", "x\n", 2);
	assert_int_equal(mkdir("sub", 0755), 0);
	world_write("sub/file", "y\n", 2);
	*state = f;
	return (0);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	world_end(&f->w);
	free(f);
	return (0);
}

/* The path without links that the link leads to, below the directory. */
static const char *
real_of(struct fixture *f, const char *name)
{
	size_t n = strlen(f->w.path);

	assert_int_equal(walk_link(f->d, name, &f->walk), 0);
	assert_memory_equal(f->walk.real, f->w.path, n);
	assert_int_equal(f->walk.real[n], '/');
	return (f->walk.real + n + 1);
}

static void
links_lead_where_the_system_says(void **state)
{
	static const struct {
		const char *name, *to, *real;
	} rows[] = {
		{ "a", "file", "file" },
		{ "b", "a", "file" },
		{ "c", "sub/../sub//./file", "sub/file" },
		{ "sub/up", "../file", "file" },
		{ "d", "sub/up", "file" },
		{ "e", "sub", "sub" },
		{ "g", "e/file", "sub/file" },
	};
	struct fixture *f = *state;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(symlink(rows[i].to, rows[i].name), 0);
		if (strchr(rows[i].name, '/') == NULL)
			assert_string_equal(
			    real_of(f, rows[i].name), rows[i].real);
	}
	assert_true(f->walk.safe);
	assert_true(S_ISREG(f->walk.st.st_mode));
	assert_true(S_ISDIR(f->walk.in.st_mode));
}

static void
an_absolute_link_begins_at_the_root(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX + 16];

	(void)snprintf(path, sizeof(path), "%s/sub/file", f->w.path);
	assert_int_equal(symlink(path, "a"), 0);
	assert_string_equal(real_of(f, "a"), "sub/file");
}

static void
assert_fails(struct fixture *f, const char *to, int error)
{
	assert_int_equal(symlink(to, "l"), 0);
	errno = 0;
	assert_int_equal(walk_link(f->d, "l", &f->walk), -1);
	assert_int_equal(errno, error);
	assert_int_equal(unlink("l"), 0);
}

static void
what_leads_nowhere_fails_as_for_the_system(void **state)
{
	struct fixture *f = *state;

	assert_fails(f, "missing", ENOENT);
	assert_fails(f, "missing/file", ENOENT);
	assert_fails(f, "l", ELOOP);
	assert_fails(f, "file/x", ENOTDIR);
	assert_fails(f, "file/", ENOTDIR);
}

static void
a_name_that_is_too_long_fails(void **state)
{
	struct fixture *f = *state;
	char to[NAME_MAX + 2];

	memset(to, 'x', sizeof(to) - 1);
	to[sizeof(to) - 1] = '\0';
	assert_fails(f, to, ENAMETOOLONG);
}

/* By a link in its place anybody could have another directory walked. */
static void
another_directory_in_its_place_is_not_walked(void **state)
{
	struct fixture *f = *state;
	struct dir *d = world_dir(&f->w, "d");

	assert_int_equal(symlink("../file", "d/a"), 0);
	assert_int_equal(walk_link(d, "a", &f->walk), 0);
	assert_int_equal(rename("d", "was"), 0);
	assert_int_equal(mkdir("d", 0755), 0);
	assert_int_equal(symlink("../file", "d/a"), 0);
	assert_int_equal(walk_link(d, "a", &f->walk), -1);
	assert_int_equal(errno, EAGAIN);
}

static void
a_link_with_two_names_is_not_safe(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(symlink("file", "a"), 0);
	assert_int_equal(linkat(AT_FDCWD, "a", AT_FDCWD, "b", 0), 0);
	assert_string_equal(real_of(f, "a"), "file");
	assert_false(f->walk.safe);
	assert_non_null(f->walk.why);
}

static void
a_link_is_safe_for_files_of_its_owner_only(void **state)
{
	struct fixture *f = *state;

	if (geteuid() != 0)
		skip();
	assert_int_equal(symlink("file", "a"), 0);
	assert_int_equal(lchown("a", 41001, 41001), 0);
	assert_string_equal(real_of(f, "a"), "file");
	assert_false(f->walk.safe);
	assert_int_equal(chown("file", 41001, 41001), 0);
	assert_string_equal(real_of(f, "a"), "file");
	assert_true(f->walk.safe);
	assert_true(f->walk.has_owner);
	assert_int_equal(f->walk.owner, 41001);
	/* A second link of another user on the way. */
	assert_int_equal(symlink("a", "b"), 0);
	assert_int_equal(lchown("b", 41002, 41002), 0);
	assert_string_equal(real_of(f, "b"), "file");
	assert_false(f->walk.safe);
}

/* Directory, file, links of the file: whether the name is trusted. */
static void
a_name_is_trusted_where_its_makers_may_read_the_file(void **state)
{
	static const struct {
		uid_t dir_uid;
		gid_t dir_gid;
		mode_t dir_mode;
		uid_t uid;
		gid_t gid;
		mode_t mode;
		bool trusted;
	} rows[] = {
		/* root's directory, only root writes there */
		{ 0, 0, 0755, 41001, 41001, 0600, true },
		/* the owner of both */
		{ 41001, 0, 0755, 41001, 41001, 0600, true },
		/* the directory of another user */
		{ 41002, 0, 0755, 41001, 41001, 0644, false },
		/* anybody */
		{ 0, 0, 01777, 41001, 41001, 0644, false },
		/* a group that may read it, and ones that may not */
		{ 0, 5, 0775, 41001, 5, 0640, true },
		{ 0, 5, 0775, 41001, 5, 0600, false },
		{ 0, 5, 0775, 41001, 6, 0640, false },
	};
	struct fixture *f = *state;
	struct stat in, st;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		in = (struct stat) { .st_uid = rows[i].dir_uid,
			.st_gid = rows[i].dir_gid,
			.st_mode = S_IFDIR | rows[i].dir_mode };
		st = (struct stat) { .st_uid = rows[i].uid,
			.st_gid = rows[i].gid,
			.st_mode = S_IFREG | rows[i].mode,
			.st_nlink = 2 };
		dir_note_rights(f->d, &in);
		if (trust_own_name(f->d, "file", &st) != rows[i].trusted)
			fail_msg("row %zu", i);
	}
}

static void
the_only_name_of_a_file_is_trusted(void **state)
{
	const struct stat anybody = { .st_mode = S_IFDIR | 01777 };
	struct fixture *f = *state;
	struct stat st;

	dir_note_rights(f->d, &anybody);
	assert_int_equal(lstat("file", &st), 0);
	assert_true(trust_own_name(f->d, "file", &st));
	assert_int_equal(link("file", "other"), 0);
	/* It was counted just before that. */
	assert_false(trust_own_name(f->d, "file", &st));
	assert_int_equal(lstat("file", &st), 0);
	assert_false(trust_own_name(f->d, "file", &st));
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(links_lead_where_the_system_says),
		T(an_absolute_link_begins_at_the_root),
		T(what_leads_nowhere_fails_as_for_the_system),
		T(a_name_that_is_too_long_fails),
		T(another_directory_in_its_place_is_not_walked),
		T(a_link_with_two_names_is_not_safe),
		T(a_link_is_safe_for_files_of_its_owner_only),
		T(a_name_is_trusted_where_its_makers_may_read_the_file),
		T(the_only_name_of_a_file_is_trusted),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
