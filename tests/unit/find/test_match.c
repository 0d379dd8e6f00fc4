/*
 * Goal: which files and directories the patterns of sources mean in a
 * directory, however deep ** goes; and which ways to a file a source trusts.
 */
#include "daemon/find/match.h"

#include "tests/unit/find/world.h"

#define PATTERNS 4

struct fixture {
	struct world w;
	struct conf_source conf;
	struct source source;
	struct pattern *patterns[PATTERNS];
	size_t n;
	struct dir *root;
	ino_t ino;
};

/* A directory that is on no disk. */
static struct dir *
enter(struct fixture *f, struct dir *parent, const char *path)
{
	struct stat st = { .st_dev = 1, .st_ino = ++f->ino };
	struct dir *d;

	assert_non_null(d = dir_enter(f->w.ss, parent, path, &st));
	return (d);
}

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	world_begin(&f->w);
	f->conf.recursive_depth = 2;
	f->source.conf = &f->conf;
	f->root = enter(f, NULL, "");
	*state = f;
	return (0);
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	world_end(&f->w);
	while (f->n > 0)
		pattern_free(f->patterns[--f->n]);
	free(f);
	return (0);
}

static struct match
add(struct fixture *f, const char *path)
{
	struct match m = { .source = &f->source };
	struct reason why;

	assert_true(f->n < PATTERNS);
	m.pattern = f->patterns[f->n++] = pattern_new(path, &why);
	assert_non_null(m.pattern);
	assert_int_equal(match_add(f->root, &m), 1);
	return (m);
}

/* The directory with this path, with the matches that go on in it. */
static struct dir *
walk(struct fixture *f, const char *path)
{
	struct dir *d = f->root, *child;
	char here[PATH_MAX];
	const char *end;
	bool added;

	for (end = path; *end != '\0'; d = child) {
		end += 1 + strcspn(end + 1, "/");
		(void)strlcpy(here, path, (size_t)(end - path) + 1);
		if ((child = dir_find(f->w.ss, here)) == NULL)
			child = enter(f, d, here);
		assert_int_equal(
		    match_add_below(child, d, TRUST_PLAIN, &added), 0);
	}
	return (d);
}

static void
a_literal_path_means_one_file(void **state)
{
	struct fixture *f = *state;

	add(f, "/var/log/messages");
	assert_true(match_dir(f->root, "var"));
	assert_false(match_dir(f->root, "etc"));
	assert_false(match_file(f->root, "var"));
	assert_true(match_file(walk(f, "/var/log"), "messages"));
	assert_false(match_file(walk(f, "/var/log"), "messages.1"));
	assert_false(match_dir(walk(f, "/var/log"), "messages"));
	assert_false(match_file(walk(f, "/var"), "messages"));
	assert_false(match_any_file(walk(f, "/var")));
	assert_true(match_any_file(walk(f, "/var/log")));
}

static void
a_glob_means_names_in_its_directory_only(void **state)
{
	struct fixture *f = *state;

	add(f, "/var/*/*.log");
	assert_true(match_dir(walk(f, "/var"), "a"));
	assert_false(match_dir(walk(f, "/var"), ".hidden"));
	assert_true(match_file(walk(f, "/var/a"), "x.log"));
	assert_false(match_file(walk(f, "/var/a"), ".x.log"));
	assert_false(match_file(walk(f, "/var/a"), "x.txt"));
	assert_false(match_dir(walk(f, "/var/a"), "x.log"));
	assert_int_equal(walk(f, "/var/a/x.log")->nmatches, 0);
}

static void
two_stars_take_no_directory_and_as_many_as_they_may(void **state)
{
	struct fixture *f = *state;

	add(f, "/v/**/*.log");
	assert_true(match_file(walk(f, "/v"), "x.log"));
	assert_true(match_file(walk(f, "/v/a"), "x.log"));
	assert_true(match_file(walk(f, "/v/a/b"), "x.log"));
	assert_false(match_dir(walk(f, "/v/a/b"), "c"));
	assert_false(match_file(walk(f, "/v/a/b/c"), "x.log"));
	assert_false(match_dir(walk(f, "/v"), ".git"));
}

static void
what_a_source_excludes_is_not_meant(void **state)
{
	static char name[] = "*.gz", path[] = "/v/old/*";
	char *exclude[] = { name, path };
	struct fixture *f = *state;

	f->conf.exclude = exclude;
	f->conf.nexclude = 2;
	add(f, "/v/**/*");
	assert_true(match_file(walk(f, "/v"), "x"));
	assert_false(match_file(walk(f, "/v"), "x.gz"));
	assert_true(match_file(walk(f, "/v/new"), "x"));
	assert_false(match_file(walk(f, "/v/old"), "x"));
}

static void
a_match_is_added_once(void **state)
{
	struct fixture *f = *state;
	struct match m = add(f, "/**/x");
	size_t n = f->root->nmatches;
	struct dir *d = walk(f, "/a");
	bool added;

	/* ** itself, and what follows where it takes no directory. */
	assert_int_equal(n, 2);
	assert_int_equal(match_add(f->root, &m), 0);
	assert_int_equal(f->root->nmatches, n);
	assert_int_equal(match_add_below(d, f->root, TRUST_PLAIN, &added), 0);
	assert_false(added);
	/* One that is less deep reaches farther. */
	m.depth = 1;
	assert_int_equal(match_add(f->root, &m), 0);
}

static void
a_source_follows_links_as_it_says(void **state)
{
	static const struct {
		enum conf_symlinks symlinks;
		bool follows[4]; /* by enum trust */
	} rows[] = {
		{ CONF_SYMLINKS_IGNORE, { true, false, false, false } },
		{ CONF_SYMLINKS_SAFE, { true, true, false, false } },
		{ CONF_SYMLINKS_FOLLOW, { true, true, true, true } },
	};
	struct fixture *f = *state;
	enum trust trust;
	bool added;
	size_t i;

	add(f, "/v/x");
	walk(f, "/v");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (trust = TRUST_PLAIN; trust <= TRUST_UNSAFE_NAME; trust++) {
			f->conf.symlinks = rows[i].symlinks;
			assert_int_equal(match_trusted(f->root, "v", trust),
			    rows[i].follows[trust]);
			assert_int_equal(
			    match_trusted(walk(f, "/v"), "x", trust),
			    rows[i].follows[trust]);
			assert_false(match_trusted(f->root, "w", trust));
		}
	f->conf.symlinks = CONF_SYMLINKS_SAFE;
	assert_int_equal(match_add_below(enter(f, f->root, "/v/x"),
			     walk(f, "/v"), TRUST_UNSAFE_LINK, &added),
	    0);
	assert_false(added);
}

static void
two_directories_have_a_source_in_common(void **state)
{
	struct fixture *f = *state;
	struct dir *a, *b, *c;

	add(f, "/a/*.log");
	add(f, "/b/*.log");
	a = walk(f, "/a");
	b = walk(f, "/b");
	c = walk(f, "/c");
	assert_true(match_same_source(b, NULL, a, "x.log"));
	assert_true(match_same_source(b, "y.log", a, "x.log"));
	assert_false(match_same_source(b, "y", a, "x.log"));
	assert_false(match_same_source(c, NULL, a, "x.log"));
	/* By a name that rotation gave, the log may be any one of a. */
	assert_true(match_same_source(b, "y.log", a, "x.1"));
}

int
main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_literal_path_means_one_file),
		T(a_glob_means_names_in_its_directory_only),
		T(two_stars_take_no_directory_and_as_many_as_they_may),
		T(what_a_source_excludes_is_not_meant),
		T(a_match_is_added_once),
		T(a_source_follows_links_as_it_says),
		T(two_directories_have_a_source_in_common),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
