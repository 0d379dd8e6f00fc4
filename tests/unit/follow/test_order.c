/*
 * Goal: by what happened to names it is known which file is sent before which:
 * a file that had a name is sent before the one that has it.
 */
#include "tests/unit/follow/world.h"

#include "daemon/follow/inside.h"

/* A file that was never written; many are not needed. */
static void
appear(struct world *w, const char *name)
{
	const struct stat st = { .st_dev = w->place.dev,
		.st_ino = w->ino++,
		.st_mode = S_IFREG | 0644,
		.st_nlink = 1,
		.st_mtim.tv_sec = 1000000000 + (time_t)w->ino };

	assert_non_null(follow_new(w->file_table, &w->place, name, &st));
}

/*
 * One thing that happens: "+log" appears, "log>log.1" is renamed, "log>" loses
 * its name, "?" the files are put in order, "!" the directory goes and comes
 * back.
 */
static void
happen(struct world *w, const char *what)
{
	const char *to = strchr(what, '>');
	char name[NAME_MAX + 1];

	if (*what == '+') {
		appear(w, what + 1);
	} else if (*what == '?') {
		order_names(&w->place);
	} else if (*what == '!') {
		follow_directory_gone(&w->place);
		names_fini(&w->place);
		world_open_place(w);
	} else {
		(void)snprintf(
		    name, sizeof(name), "%.*s", (int)(to - what), what);
		follow_new_name(names_at(&w->place, name),
		    to[1] == '\0' ? NULL : &w->place, to + 1);
	}
}

/* The names of the files up to t, the first to be sent first. */
static void
tell(const struct file *t, char *text, size_t size)
{
	if (t->before != NULL) {
		assert_ptr_equal(t->before->behind, t);
		tell(t->before, text, size);
	}
	(void)snprintf(text + strlen(text), size - strlen(text), "%s%s%s%s",
	    text[0] == '\0' ? "" : " ", t->place == NULL ? "(" : "", t->name,
	    t->place == NULL ? ")" : "");
}

static void
check_order(struct world *w, const char *happens, const char *order)
{
	char what[256], text[256] = "", *next = what, *one;
	const struct file *t;

	(void)snprintf(what, sizeof(what), "%s", happens);
	while ((one = strsep(&next, " ")) != NULL)
		happen(w, one);
	assert_non_null(t = names_at(&w->place, "log"));
	tell(t, text, sizeof(text));
	assert_string_equal(text, order);
}

#define ORDER(name, happens, order)                                            \
	static void name(void **state)                                         \
	{                                                                      \
		check_order(*state, happens, order);                           \
	}

ORDER(one_file_waits_for_none, "+log", "log")
ORDER(files_of_other_names_do_not_wait, "+other +log", "log")
ORDER(a_rotated_file_is_sent_before_the_new_one, "+log log>log.1 +log",
    "log.1 log")
ORDER(each_generation_is_sent_before_the_next,
    "+log log>log.1 +log log.1>log.2 log>log.1 +log", "log.2 log.1 log")
ORDER(a_deleted_file_is_sent_before_the_new_one, "+log log> +log", "(log) log")
ORDER(a_name_that_was_only_lent_makes_nobody_wait,
    "+other +log other>third third>other", "log")
ORDER(the_first_new_file_alone_waits, "+log log>log.1 +log log>x +log",
    "log.1 x log")
ORDER(generations_that_are_found_are_sent_the_oldest_first,
    "+log.2 +log.1 +log ?", "log.2 log.1 log")
ORDER(the_last_write_tells_where_numbers_grow, "+log.1 +log.2 +log ?",
    "log.1 log.2 log")
ORDER(a_path_is_known_when_its_directory_comes_back, "+log ! +log", "(log) log")

/* The two on either side of a file that is freed follow each other. */
static void
a_file_that_ends_leaves_the_others_in_order(void **state)
{
	struct world *w = *state;

	check_order(w, "+log log>log.1 +log log.1>log.2 log>log.1 +log",
	    "log.2 log.1 log");
	follow_free(names_at(&w->place, "log.1"));
	check_order(w, "+other", "log.2 log");
}

/* The file that has a name is sent behind one that had it until just now. */
static void
a_file_that_is_found_late_is_put_before_the_new_one(void **state)
{
	struct world *w = *state;

	check_order(w, "+log log>log.1 +log +late", "log.1 log");
	order_precede(names_at(&w->place, "late"), &w->place, "log");
	check_order(w, "+other", "log.1 late log");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(one_file_waits_for_none),
		TEST(files_of_other_names_do_not_wait),
		TEST(a_rotated_file_is_sent_before_the_new_one),
		TEST(each_generation_is_sent_before_the_next),
		TEST(a_deleted_file_is_sent_before_the_new_one),
		TEST(a_name_that_was_only_lent_makes_nobody_wait),
		TEST(the_first_new_file_alone_waits),
		TEST(generations_that_are_found_are_sent_the_oldest_first),
		TEST(the_last_write_tells_where_numbers_grow),
		TEST(a_path_is_known_when_its_directory_comes_back),
		TEST(a_file_that_ends_leaves_the_others_in_order),
		TEST(a_file_that_is_found_late_is_put_before_the_new_one),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
