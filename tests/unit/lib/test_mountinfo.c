/*
 * Goal: every mount is read with the path that it really has, and one that took
 * the place of another is told from it.
 */
#include "lib/mountinfo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Reads one; asserts that it is at path, NULL: that there is none. */
static uint64_t
next(const char **at, const char *end, const char *path)
{
	struct mountinfo m;
	bool found = mountinfo_next(at, end, &m);

	assert_int_equal(found, path != NULL);
	if (path == NULL)
		return (0);
	assert_string_equal(m.path, path);
	return (m.id);
}

static void
each_line_is_a_mount(void **state)
{
	const char *text = "21 28 0:20 / /proc rw,nosuid - proc proc rw\n"
			   "28 1 254:0 / / rw - ext4 /dev/root rw\n"
			   "99 28 254:0 /host/a.log /in/a.log rw shared:1 - "
			   "ext4 /dev/root rw\n";
	const char *at = text, *end = text + strlen(text);

	(void)state;
	(void)next(&at, end, "/proc");
	(void)next(&at, end, "/");
	(void)next(&at, end, "/in/a.log");
	(void)next(&at, end, NULL);
}

static void
octets_that_are_escaped_are_themselves(void **state)
{
	const char *text = "1 2 3:4 / /a\\040b\\011c\\012d\\134e rw - x x rw\n"
			   "1 2 3:4 / /end\\04 rw - x x rw\n"
			   "1 2 3:4 / /eight\\080 rw - x x rw\n"
			   "1 2 3:4 / /\\303\\244 rw - x x rw\n";
	const char *at = text, *end = text + strlen(text);

	(void)state;
	(void)next(&at, end, "/a b\tc\nd\\e");
	(void)next(&at, end, "/end\\04");
	(void)next(&at, end, "/eight\\080");
	(void)next(&at, end, "/\303\244");
	(void)next(&at, end, NULL);
}

static void
another_mount_at_the_same_path_has_another_id(void **state)
{
	const char *text = "9 2 0:50 / /mnt rw - nfs a:/x rw\n"
			   "9 2 0:50 / /mnt rw - nfs a:/x rw\n"
			   "9 2 0:51 / /mnt rw - nfs a:/x rw\n";
	const char *at = text, *end = text + strlen(text);
	uint64_t first;

	(void)state;
	first = next(&at, end, "/mnt");
	assert_true(next(&at, end, "/mnt") == first);
	assert_false(next(&at, end, "/mnt") == first);
}

static void
what_is_damaged_is_passed_over(void **state)
{
	static char text[2 * PATH_MAX + 256];
	const char *at = text, *end;

	(void)state;
	(void)strlcpy(text, "\n1 2 3:4\n1 2 3:4 / relative rw\n1 2 3:4 / /no",
	    sizeof(text));
	(void)strlcat(text, "\n1 2 3:4 / /", sizeof(text));
	memset(text + strlen(text), 'x', PATH_MAX);
	(void)strlcat(text, " rw - x x rw\n", sizeof(text));
	(void)strlcat(text, "1 2 3:4 / /good rw - x x rw\n", sizeof(text));
	(void)strlcat(text, "1 2 3:4 / /cut rw - x", sizeof(text));
	end = text + strlen(text);
	(void)next(&at, end, "/good");
	(void)next(&at, end, NULL);
	assert_ptr_equal(at, end);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_line_is_a_mount),
		cmocka_unit_test(octets_that_are_escaped_are_themselves),
		cmocka_unit_test(another_mount_at_the_same_path_has_another_id),
		cmocka_unit_test(what_is_damaged_is_passed_over),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
