/*
 * Goal: what became of a file is seen by a look at it, and what was sent of it
 * decides where its streams go on; a new file that may be a copy waits.
 */
#include "tests/unit/follow/world.h"

#include "daemon/follow/copy.h"
#include "daemon/follow/inside.h"

/* A log of lines 1 to 100, all of which were sent. */
static struct file *
sent_log(struct world *w)
{
	struct file *t;

	world_write("log", 1, 100);
	t = world_follow(w, "log");
	world_send(t);
	return (t);
}

static struct file *
now(struct world *w, const char *name)
{
	struct file *t = names_at(&w->place, name);

	assert_non_null(t);
	return (t);
}

static void
what_grows_is_read_from_where_it_was_sent(void **state)
{
	struct world *w = *state;
	struct file *t = sent_log(w);

	assert_true(streams_are_drained(t));
	world_write("log", 101, 110);
	follow_check_surely(t);
	assert_ptr_equal(now(w, "log"), t);
	assert_int_equal(t->size, 110 * WORLD_LINE);
	assert_int_equal(world_sent(t), 100 * WORLD_LINE);
	assert_false(streams_are_drained(t));
}

static void
a_truncated_file_is_a_new_one(void **state)
{
	struct world *w = *state;
	struct file *t = sent_log(w);

	assert_int_equal(truncate("log", 0), 0);
	world_write("log", 501, 510);
	follow_check_surely(t);
	assert_int_equal(world_sent(now(w, "log")), 0);
	assert_int_equal(now(w, "log")->size, 10 * WORLD_LINE);
	assert_int_equal(file_table_stats(w->file_table)->truncations, 1);
	assert_int_equal(file_table_stats(w->file_table)->lost_bytes, 0);
}

static void
what_was_written_anew_with_as_much_is_seen(void **state)
{
	struct world *w = *state;
	struct file *t = sent_log(w);

	assert_int_equal(truncate("log", 0), 0);
	world_write("log", 501, 700);
	follow_check_surely(t);
	assert_int_equal(world_sent(now(w, "log")), 0);
	assert_int_equal(file_table_stats(w->file_table)->truncations, 1);
}

static void
what_was_not_sent_of_a_truncated_file_is_lost(void **state)
{
	struct world *w = *state;
	struct file *t;

	world_write("log", 1, 100);
	t = world_follow(w, "log");
	world_send_to(t, 60 * WORLD_LINE);
	assert_int_equal(truncate("log", 0), 0);
	world_let_names_rest();
	follow_check_surely(t);
	assert_int_equal(
	    file_table_stats(w->file_table)->lost_bytes, 40 * WORLD_LINE);
	assert_int_equal(
	    file_table_loss(w->file_table, 0)->at, 60 * WORLD_LINE);
}

static void
a_truncated_file_goes_on_in_its_copy(void **state)
{
	struct world *w = *state;
	struct file *t, *copy;
	struct stat st;

	world_write("log", 1, 100);
	t = world_follow(w, "log");
	world_send_to(t, 60 * WORLD_LINE);
	world_copy("log", "log.1");
	assert_int_equal(truncate("log", 0), 0);
	world_write("log", 501, 510);
	follow_check_surely(t);
	assert_int_equal(stat("log.1", &st), 0);
	assert_non_null(
	    copy = file_table_find(w->file_table, st.st_dev, st.st_ino));
	assert_int_equal(world_sent(copy), 60 * WORLD_LINE);
	assert_int_equal(copy->size, 100 * WORLD_LINE);
	assert_ptr_equal(now(w, "log")->before, copy);
	assert_int_equal(file_table_stats(w->file_table)->lost_bytes, 0);
}

static void
a_file_that_lost_its_older_lines_goes_on_behind_what_was_sent(void **state)
{
	struct world *w = *state;
	struct file *t = sent_log(w);

	assert_int_equal(truncate("log", 0), 0);
	world_write("log", 51, 105);
	follow_check_surely(t);
	assert_ptr_equal(now(w, "log"), t);
	assert_int_equal(world_sent(t), 50 * WORLD_LINE);
	assert_int_equal(file_table_stats(w->file_table)->truncations, 0);
}

static void
a_rotated_file_that_is_written_over_is_spent(void **state)
{
	struct world *w = *state;
	struct file *t = sent_log(w);

	assert_int_equal(rename("log", "log.1"), 0);
	follow_new_name(t, &w->place, "log.1");
	follow_check_surely(t);
	assert_int_equal(truncate("log.1", 0), 0);
	world_write("log.1", 501, 510);
	follow_check_surely(t);
	assert_true(now(w, "log.1")->spent);
	assert_int_equal(world_sent(now(w, "log.1")), 10 * WORLD_LINE);
}

/* The file of the tail is closed, as one that was read may be. */
static void
another_file_of_the_name_is_not_taken_for_it(void **state)
{
	struct world *w = *state;
	struct file *t = sent_log(w);

	file_close(t);
	world_write("other", 1, 300);
	assert_int_equal(rename("other", "log"), 0);
	follow_check_surely(t);
	assert_int_equal(t->size, 100 * WORLD_LINE);
	assert_int_equal(file_descriptor(t), -1);
}

static void
a_deleted_file_ends_when_nothing_comes_any_more(void **state)
{
	struct world *w = *state;
	struct file *t = sent_log(w);

	assert_int_equal(unlink("log"), 0);
	follow_new_name(t, NULL, NULL);
	follow_check_surely(t);
	follow_ops.on_quiet(t, 0.);
	assert_int_equal(file_table_stats(w->file_table)->files, 1);
	follow_ops.on_quiet(t, 3600.);
	assert_int_equal(file_table_stats(w->file_table)->files, 0);
}

static void
a_new_file_that_has_nothing_of_its_own_is_held(void **state)
{
	struct world *w = *state;
	struct file *copy;

	(void)sent_log(w);
	world_write("log.tmp", 1, 50);
	copy = world_follow(w, "log.tmp");
	assert_non_null(copy->held);
	assert_false(suspect_is_copy(copy));
	assert_true(stream_must_wait(copy->streams));
	/* It goes on with a line of its own. */
	world_write("log.tmp", 900, 900);
	follow_check_surely(copy);
	assert_null(copy->held);
	assert_int_equal(world_sent(copy), 0);
}

static void
a_copy_of_all_with_a_rotated_name_is_never_sent(void **state)
{
	struct world *w = *state;
	struct file *copy;

	(void)sent_log(w);
	world_copy("log", "log.1");
	copy = world_follow(w, "log.1");
	assert_true(suspect_is_copy(copy));
	assert_int_equal(world_sent(copy), 100 * WORLD_LINE);
}

static void
a_new_file_with_text_of_its_own_is_sent(void **state)
{
	struct world *w = *state;
	struct file *other;

	(void)sent_log(w);
	world_write("log.tmp", 501, 550);
	other = world_follow(w, "log.tmp");
	assert_null(other->held);
	assert_false(stream_must_wait(other->streams));
}

static void
a_held_file_that_does_not_grow_is_sent(void **state)
{
	struct world *w = *state;
	struct file *copy;

	(void)sent_log(w);
	world_write("log.tmp", 1, 50);
	copy = world_follow(w, "log.tmp");
	assert_non_null(copy->held);
	follow_ops.on_quiet(copy, 0.);
	assert_non_null(copy->held);
	follow_ops.on_quiet(copy, 60.);
	assert_null(copy->held);
}

/* Looks for the copy of a log that had lines 1 to 100, all of them sent. */
static enum copy_result
find_copy(struct world *w, struct copy_found *found)
{
	struct file *t = now(w, "log");
	struct copy_wanted wanted = { .all = w->file_table,
		.place = &w->place,
		.name = "log",
		.print = t->print,
		.guard = streams_newest_guard(t),
		.least = 1,
		.needed = t->size,
		.dev = t->dev,
		.ino = t->ino,
		.begun = t->begun,
		.uid = getuid() };

	return (copy_find(&wanted, found));
}

static void
a_copy_needs_what_was_sent_and_a_rotated_name(void **state)
{
	struct world *w = *state;
	struct copy_found found;

	(void)sent_log(w);
	assert_int_not_equal(find_copy(w, &found), COPY_FOUND);
	/* It begins as the log did, and has other lines then. */
	world_write("log.1", 1, 50);
	world_write("log.1", 501, 600);
	assert_int_not_equal(find_copy(w, &found), COPY_FOUND);
	world_copy("log", "unlike");
	assert_int_not_equal(find_copy(w, &found), COPY_FOUND);
	world_copy("log", "log.2");
	assert_int_equal(find_copy(w, &found), COPY_FOUND);
	assert_string_equal(found.name, "log.2");
	assert_int_equal(found.st.st_size, 100 * WORLD_LINE);
	assert_int_equal(close(found.fd), 0);
	free(found.name);
}

static void
of_two_copies_the_larger_is_taken(void **state)
{
	struct world *w = *state;
	struct copy_found found;

	(void)sent_log(w);
	world_copy("log", "log.1");
	world_copy("log", "log.2");
	world_write("log.2", 101, 110);
	world_copy("log", "log.3");
	assert_int_equal(find_copy(w, &found), COPY_FOUND);
	assert_string_equal(found.name, "log.2");
	assert_int_equal(close(found.fd), 0);
	free(found.name);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_grows_is_read_from_where_it_was_sent),
		TEST(a_truncated_file_is_a_new_one),
		TEST(what_was_written_anew_with_as_much_is_seen),
		TEST(what_was_not_sent_of_a_truncated_file_is_lost),
		TEST(a_truncated_file_goes_on_in_its_copy),
		TEST(
		    a_file_that_lost_its_older_lines_goes_on_behind_what_was_sent),
		TEST(a_rotated_file_that_is_written_over_is_spent),
		TEST(another_file_of_the_name_is_not_taken_for_it),
		TEST(a_deleted_file_ends_when_nothing_comes_any_more),
		TEST(a_new_file_that_has_nothing_of_its_own_is_held),
		TEST(a_copy_of_all_with_a_rotated_name_is_never_sent),
		TEST(a_new_file_with_text_of_its_own_is_sent),
		TEST(a_held_file_that_does_not_grow_is_sent),
		TEST(a_copy_needs_what_was_sent_and_a_rotated_name),
		TEST(of_two_copies_the_larger_is_taken),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
