/*
 * Goal: what a worker has to reach is all that its configuration needs, links
 * resolved, and no more than that.
 */
#include "daemon/sandbox/profile.h"

#include <sys/stat.h>

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/conf/conf.h"

static char top[PATH_MAX]; /* no links in it */

/* Returns a static buffer. */
static const char *
in(const char *name)
{
	static char path[PATH_MAX + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", top, name);
	return (path);
}

static struct conf *
conf_of(const char *url, const char *name)
{
	char path[PATH_MAX + 64], *paths[] = { path };
	struct reason why;
	struct conf *c;

	(void)strlcpy(path, in(name), sizeof(path));
	if ((c = conf_from_args(url, NULL, paths, 1, &why)) == NULL)
		fail_msg("%s", why.text);
	return (c);
}

static void
expect_dir(const char *name, const char *wanted)
{
	struct conf *c = conf_of("stdout:", name);
	struct profile *r = profile_new(c);

	assert_non_null(r);
	assert_int_equal(r->ndirs, 1);
	assert_string_equal(r->dirs[0].path, in(wanted));
	profile_free(r);
	conf_free(c);
}

static void
a_file_needs_its_directory(void **state)
{
	(void)state;
	expect_dir("a/b/x.log", "a/b");
}

static void
a_pattern_needs_what_is_before_its_first_wildcard(void **state)
{
	(void)state;
	expect_dir("a/*/x.log", "a");
	expect_dir("a/b/**/x.log", "a/b");
	expect_dir("a/b/*.log", "a/b");
}

static void
what_is_missing_is_named_by_its_first_part(void **state)
{
	(void)state;
	expect_dir("a/new/log/x.log", "a/new");
	expect_dir("new/log/*/x.log", "new");
}

static void
links_in_a_path_are_resolved(void **state)
{
	(void)state;
	expect_dir("link/*.log", "a/b");
	expect_dir("link/new/*.log", "a/b/new");
}

static void
a_link_of_somebody_else_widens_nothing(void **state)
{
	struct conf *c = conf_of("stdout:", "a/planted/log/*.log");
	struct profile *r;

	(void)state;
	if (geteuid() != 0)
		skip();
	r = profile_new(c);
	assert_non_null(r);
	assert_int_equal(r->ndirs, 0);
	profile_free(r);
	conf_free(c);
}

static void
only_who_asks_the_dns_or_sends_by_udp_needs_datagrams(void **state)
{
	static const struct {
		const char *url;
		bool datagrams;
	} urls[] = { { "tcp://192.0.2.1", false },
		{ "tls://[2001:db8::1]", false },
		{ "tcp://siem.example.com", true }, { "udp://192.0.2.1", true },
		{ "tcp+srv://_syslog._tcp.example.com", true } };
	struct profile *r;
	struct conf *c;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(urls) / sizeof(urls[0]); i++) {
		c = conf_of(urls[i].url, "a/b/x.log");
		r = profile_new(c);
		assert_non_null(r);
		assert_int_equal(r->datagrams, urls[i].datagrams);
		profile_free(r);
		conf_free(c);
	}
}

static void
what_does_not_leave_the_host_needs_no_network(void **state)
{
	struct conf *c = conf_of("stdout:", "a/b/x.log");
	struct profile *r = profile_new(c);

	(void)state;
	assert_non_null(r);
	assert_false(r->names || r->datagrams || r->unix_destinations);
	assert_int_equal(r->nports + r->nsockets, 0);
	profile_free(r);
	conf_free(c);
	c = conf_of("unix:///dev/log", "a/b/x.log");
	r = profile_new(c);
	assert_non_null(r);
	assert_false(r->names || r->datagrams || r->system_ca);
	assert_true(r->unix_destinations && r->unix_sockets);
	assert_int_equal(r->nports, 0);
	assert_int_equal(r->nsockets, 1);
	profile_free(r);
	conf_free(c);
}

static void
a_directory_below_another_is_not_named_twice(void **state)
{
	char one[PATH_MAX + 64], two[PATH_MAX + 64], *paths[] = { one, two };
	struct reason why;
	struct conf *c;
	struct profile *r;

	(void)state;
	(void)strlcpy(one, in("a/**/x.log"), sizeof(one));
	(void)strlcpy(two, in("a/b/*.log"), sizeof(two));
	c = conf_from_args("stdout:", NULL, paths, 2, &why);
	assert_non_null(c);
	r = profile_new(c);
	assert_non_null(r);
	assert_int_equal(r->ndirs, 1);
	assert_true(profile_has(r, in("a/b")));
	assert_true(profile_has(r, in("a")));
	assert_false(profile_has(r, in("ab")));
	assert_false(profile_has(r, top));
	profile_free(r);
	conf_free(c);
}

static void
a_link_adds_the_directory_of_its_target_once(void **state)
{
	struct conf *c = conf_of("stdout:", "a/b/*.log");
	struct profile *r = profile_new(c);

	(void)state;
	assert_non_null(r);
	assert_int_equal(profile_add_link(r, in("other/f")), 1);
	assert_true(profile_has(r, in("other")));
	assert_int_equal(profile_add_link(r, in("other/f")), 0);
	assert_int_equal(profile_add_link(r, in("other")), 0);
	assert_int_equal(profile_add_link(r, in("a/b")), 0);
	assert_int_equal(profile_add_link(r, in("nowhere")), -1);
	assert_int_equal(r->ndirs, 2);
	profile_free(r);
	conf_free(c);
}

/* A user may put one there while the way to it is judged. */
static void
a_link_that_was_put_there_since_adds_nothing(void **state)
{
	struct conf *c = conf_of("stdout:", "a/b/*.log");
	struct profile *r = profile_new(c);

	(void)state;
	assert_non_null(r);
	assert_int_equal(profile_add_link(r, in("to_file")), -1);
	assert_int_equal(profile_add_link(r, in("to_other")), -1);
	assert_int_equal(profile_add_link(r, in("to_other/f")), -1);
	assert_int_equal(r->ndirs, 1);
	profile_free(r);
	conf_free(c);
}

static void
expect_ports(const char *url, size_t n, uint16_t first)
{
	struct conf *c = conf_of(url, "a/b/x.log");
	struct profile *r = profile_new(c);

	assert_non_null(r);
	assert_int_equal(r->nports, n);
	if (n > 0)
		assert_int_equal(r->ports[0], first);
	profile_free(r);
	conf_free(c);
}

static void
only_tcp_has_ports_and_names_are_asked_for_by_tcp_too(void **state)
{
	(void)state;
	expect_ports("tcp://h:601", 2, 601);
	expect_ports("relp://h", 2, 2514);
	expect_ports("tls://h", 2, 6514);
	expect_ports("udp://h:601", 1, 53);
	expect_ports("unix:///dev/log", 0, 0);
	expect_ports("stdout:", 0, 0);
}

static void
a_service_may_be_at_any_port(void **state)
{
	struct conf *c = conf_of("tls+srv://_syslog-tls._tcp.h", "a/b/x.log");
	struct profile *r = profile_new(c);

	(void)state;
	assert_non_null(r);
	assert_true(r->any_port);
	assert_true(r->names);
	assert_true(r->system_ca);
	profile_free(r);
	conf_free(c);
}

static void
what_took_the_place_of_a_directory_makes_a_difference(void **state)
{
	struct conf *c = conf_of("stdout:", "a/b/c/*.log");
	struct profile *before = profile_new(c), *now;
	char other[PATH_MAX + 64];

	(void)state;
	assert_non_null(before);
	assert_null(profile_difference(before, before));
	/* What was missing is there; what is gone makes none. */
	assert_int_equal(mkdir(in("a/b/c"), 0700), 0);
	now = profile_new(c);
	assert_string_equal(profile_difference(before, now), in("a/b/c"));
	assert_null(profile_difference(now, now));
	profile_free(before);
	before = now;
	/* Renamed, not removed: the next one gets another inode. */
	(void)strlcpy(other, in("a/b/d"), sizeof(other));
	assert_int_equal(rename(in("a/b/c"), other), 0);
	now = profile_new(c);
	assert_null(profile_difference(before, now));
	profile_free(now);
	assert_int_equal(mkdir(in("a/b/c"), 0700), 0);
	now = profile_new(c);
	assert_string_equal(profile_difference(before, now), in("a/b/c"));
	assert_int_equal(rmdir(in("a/b/c")), 0);
	assert_int_equal(rmdir(in("a/b/d")), 0);
	profile_free(before);
	profile_free(now);
	conf_free(c);
}

static void
a_directory_on_the_way_makes_a_difference(void **state)
{
	struct conf *c = conf_of("stdout:", "a/new/log/*.log");
	struct profile *before = profile_new(c), *now;

	(void)state;
	assert_non_null(before);
	assert_int_equal(mkdir(in("a/new"), 0700), 0);
	now = profile_new(c);
	assert_string_equal(profile_difference(before, now), in("a/new/log"));
	assert_null(profile_difference(now, before));
	assert_int_equal(rmdir(in("a/new")), 0);
	profile_free(before);
	profile_free(now);
	conf_free(c);
}

/* Expects one socket; found: whether its directory is there. */
static struct profile *
needs_socket(const struct conf *c, const char *name, bool found)
{
	struct profile *r = profile_new(c);

	assert_non_null(r);
	assert_int_equal(r->nsockets, 1);
	assert_string_equal(r->sockets[0].path, in(name));
	assert_int_equal(r->sockets[0].ino != 0, found);
	return (r);
}

static void
a_socket_is_known_by_its_name_and_its_directory(void **state)
{
	char url[PATH_MAX + 128];
	struct profile *before, *now;
	struct conf *c;

	(void)state;
	(void)snprintf(url, sizeof(url), "unix://%s", in("link/run/sock"));
	c = conf_of(url, "a/b/*.log");
	before = needs_socket(c, "link/run/sock", false);
	assert_null(profile_difference(before, before));
	assert_int_equal(mkdir(in("a/b/run"), 0700), 0);
	now = needs_socket(c, "a/b/run/sock", true);
	assert_string_equal(
	    profile_difference(before, now), in("a/b/run/sock"));
	/* It is made, and made anew. */
	profile_free(before);
	before = now;
	assert_int_equal(symlink("none", in("a/b/run/sock")), 0);
	now = needs_socket(c, "a/b/run/sock", true);
	assert_null(profile_difference(before, now));
	profile_free(now);
	/* It leads elsewhere. */
	assert_int_equal(unlink(in("a/b/run/sock")), 0);
	assert_int_equal(symlink("../../../other/f", in("a/b/run/sock")), 0);
	now = needs_socket(c, "other/f", true);
	assert_string_equal(profile_difference(before, now), in("other/f"));
	profile_free(now);
	/* The directory is gone, which makes none, and another. */
	assert_int_equal(unlink(in("a/b/run/sock")), 0);
	assert_int_equal(rmdir(in("a/b/run")), 0);
	now = needs_socket(c, "link/run/sock", false);
	assert_null(profile_difference(before, now));
	profile_free(now);
	assert_int_equal(mkdir(in("a/b/run"), 0700), 0);
	now = needs_socket(c, "a/b/run/sock", true);
	assert_string_equal(
	    profile_difference(before, now), in("a/b/run/sock"));
	assert_int_equal(rmdir(in("a/b/run")), 0);
	profile_free(before);
	profile_free(now);
	conf_free(c);
}

static int
make_tree(void **state)
{
	char name[] = "/tmp/test_needs.XXXXXX";
	char target[PATH_MAX + 64];
	int fd;

	(void)state;
	if (mkdtemp(name) == NULL || realpath(name, top) == NULL ||
	    mkdir(in("a"), 0700) == -1 || mkdir(in("a/b"), 0700) == -1 ||
	    mkdir(in("other"), 0700) == -1 ||
	    (fd = open(in("other/f"), O_WRONLY | O_CREAT, 0600)) == -1 ||
	    close(fd) == -1 || symlink("a/b", in("link")) == -1 ||
	    symlink("other", in("to_other")) == -1 ||
	    symlink("/root", in("a/planted")) == -1 ||
	    (geteuid() == 0 && lchown(in("a/planted"), 12345, 12345) == -1))
		return (-1);
	(void)strlcpy(target, in("other/f"), sizeof(target));
	return (symlink(target, in("to_file")));
}

static int
remove_tree(void **state)
{
	static const char *const files[] = { "to_file", "to_other", "link",
		"other/f", "a/planted" };
	static const char *const dirs[] = { "other", "a/b", "a", "" };
	size_t i;
	int result = 0;

	(void)state;
	for (i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		result |= unlink(in(files[i]));
	for (i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		result |= rmdir(in(dirs[i]));
	return (result);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_needs_its_directory),
		cmocka_unit_test(
		    a_pattern_needs_what_is_before_its_first_wildcard),
		cmocka_unit_test(what_is_missing_is_named_by_its_first_part),
		cmocka_unit_test(links_in_a_path_are_resolved),
		cmocka_unit_test(a_link_of_somebody_else_widens_nothing),
		cmocka_unit_test(
		    only_who_asks_the_dns_or_sends_by_udp_needs_datagrams),
		cmocka_unit_test(what_does_not_leave_the_host_needs_no_network),
		cmocka_unit_test(a_directory_below_another_is_not_named_twice),
		cmocka_unit_test(a_link_adds_the_directory_of_its_target_once),
		cmocka_unit_test(a_link_that_was_put_there_since_adds_nothing),
		cmocka_unit_test(
		    only_tcp_has_ports_and_names_are_asked_for_by_tcp_too),
		cmocka_unit_test(a_service_may_be_at_any_port),
		cmocka_unit_test(
		    what_took_the_place_of_a_directory_makes_a_difference),
		cmocka_unit_test(a_directory_on_the_way_makes_a_difference),
		cmocka_unit_test(
		    a_socket_is_known_by_its_name_and_its_directory),
	};

	return (cmocka_run_group_tests(tests, make_tree, remove_tree));
}
