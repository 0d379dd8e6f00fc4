/*
 * Each thing that can happen to a file or a directory: what kqueue reports of
 * it, as an OpenBSD kernel does, and what its owner is told.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/watch/watch.h"
#include "tests/fake/kqueue.h"

#include <sys/event.h>

#define ALL                                                                    \
	(NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_LINK | NOTE_RENAME |    \
	    NOTE_DELETE | NOTE_REVOKE | NOTE_TRUNCATE)

/* A directory with one file, both watched, and both with a note of our own. */
struct scene {
	struct ev_loop *loop;
	struct watch *watch;
	struct watch_dir *dir;
	struct watch_file *file;
	char path[64];
	int kq;
	int dir_fd;
	int file_fd;
	unsigned told_file;
	unsigned told_scan;
	unsigned told_gone;
	bool storm; /* whenever the directory is told, something has changed */
};

/* Owners: a scene for its directory, its file_fd for its file. */
static struct scene *current;

static const char *
in_scene(const struct scene *s, const char *name)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", s->path, name);
	return (path);
}

static void
change_name(struct scene *s)
{
	char one[128], other[128];
	bool back;

	(void)strlcpy(one, in_scene(s, "one"), sizeof(one));
	(void)strlcpy(other, in_scene(s, "other"), sizeof(other));
	if (access(one, F_OK) == -1 && access(other, F_OK) == -1)
		assert_int_equal(close(open(one, O_CREAT, 0600)), 0);
	back = access(one, F_OK) == -1;
	assert_int_equal(back ? rename(other, one) : rename(one, other), 0);
}

static void
on_file(void *owner)
{
	assert_ptr_equal(owner, &current->file_fd);
	current->told_file++;
}

static void
on_dir(void *owner, enum watch_event event, const char *name, const char *from)
{
	(void)from;
	assert_null(name);
	switch (event) {
	case WATCH_SCAN:
		assert_ptr_equal(owner, current);
		current->told_scan++;
		if (current->storm)
			change_name(current);
		break;
	case WATCH_GONE:
		assert_ptr_equal(owner, current);
		current->told_gone++;
		break;
	case WATCH_DATA:
	case WATCH_NAME:
		fail_msg("kqueue tells no names");
	}
}

static const struct watch_ops ops = { .on_dir = on_dir, .on_file = on_file };

static void
note(struct scene *s, int fd)
{
	struct kevent e;

	EV_SET(
	    &e, (uintptr_t)fd, EVFILT_VNODE, EV_ADD | EV_CLEAR, ALL, 0, NULL);
	assert_int_equal(kevent(s->kq, &e, 1, NULL, 0, NULL), 0);
}

static int
open_scene(void **state)
{
	const struct watch_want want = { .data = true };
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	current = s;
	(void)strlcpy(
	    s->path, "/tmp/test_watch_kqueue.XXXXXX", sizeof(s->path));
	assert_non_null(mkdtemp(s->path));
	s->dir_fd = open(s->path, O_RDONLY | O_DIRECTORY);
	s->file_fd = open(in_scene(s, "log"), O_RDWR | O_CREAT, 0600);
	assert_true(s->dir_fd != -1 && s->file_fd != -1);
	assert_int_equal(write(s->file_fd, "first\n", 6), 6);
	s->loop = ev_loop_new(EVFLAG_AUTO);
	s->watch = watch_new(s->loop, &ops);
	s->dir = watch_add(s->watch, s->path, &want, s);
	s->file = watch_file_add(s->watch, s->file_fd, "log", &s->file_fd);
	assert_true(s->dir != NULL && s->file != NULL);
	s->kq = kqueue();
	note(s, s->dir_fd);
	note(s, s->file_fd);
	*state = s;
	return (0);
}

static int
close_scene(void **state)
{
	struct scene *s = *state;
	char command[128];

	watch_file_del(s->file);
	watch_del(s->dir);
	/* Only the two of our own are left. */
	assert_true(fake_kqueue_has(2));
	watch_free(s->watch);
	ev_loop_destroy(s->loop);
	(void)close(s->kq);
	(void)close(s->file_fd);
	(void)close(s->dir_fd);
	(void)snprintf(command, sizeof(command), "rm -rf %s", s->path);
	assert_int_equal(system(command), 0);
	free(s);
	return (0);
}

/* What happened was reported so, and the owners were told at all. */
static void
check(struct scene *s, unsigned file, unsigned dir)
{
	const struct timespec now = { 0, 0 };
	unsigned got_file = 0, got_dir = 0;
	const bool gone = dir & (NOTE_DELETE | NOTE_RENAME);
	struct kevent e;

	while (kevent(s->kq, NULL, 0, &e, 1, &now) == 1) {
		if ((int)e.ident == s->file_fd)
			got_file |= e.fflags;
		else
			got_dir |= e.fflags;
	}
	assert_int_equal(got_file, file);
	assert_int_equal(got_dir, dir);
	s->told_file = s->told_scan = s->told_gone = 0;
	ev_run(s->loop, EVRUN_NOWAIT);
	assert_int_equal(s->told_file, file != 0);
	assert_int_equal(s->told_scan, dir != 0 && !gone);
	assert_int_equal(s->told_gone, gone);
}

static void
append(int fd, const char *text)
{
	assert_int_equal(lseek(fd, 0, SEEK_END) == -1, 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
}

static void
an_append_is_told_by_the_file_alone(void **state)
{
	struct scene *s = *state;

	append(s->file_fd, "second\n");
	check(s, NOTE_WRITE | NOTE_EXTEND, 0);
}

static void
an_overwrite_is_a_write(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pwrite(s->file_fd, "FIRST\n", 6, 0), 6);
	check(s, NOTE_WRITE, 0);
}

static void
an_overwrite_past_the_end_extends(void **state)
{
	struct scene *s = *state;

	assert_int_equal(pwrite(s->file_fd, "t and more\n", 11, 4), 11);
	check(s, NOTE_WRITE | NOTE_EXTEND, 0);
}

static void
a_truncation_to_its_size_has_other_attributes(void **state)
{
	struct scene *s = *state;

	assert_int_equal(ftruncate(s->file_fd, 6), 0);
	check(s, NOTE_ATTRIB, 0);
	assert_int_equal(ftruncate(s->file_fd, 0), 0);
	check(s, NOTE_ATTRIB | NOTE_TRUNCATE, 0);
	(void)close(open(in_scene(s, "log"), O_WRONLY | O_TRUNC));
	check(s, NOTE_ATTRIB, 0);
}

static void
a_shrink_is_told_without_a_write(void **state)
{
	struct scene *s = *state;

	assert_int_equal(ftruncate(s->file_fd, 3), 0);
	check(s, NOTE_ATTRIB | NOTE_TRUNCATE, 0);
}

static void
o_trunc_is_told_without_a_write(void **state)
{
	struct scene *s = *state;
	int fd = open(in_scene(s, "log"), O_WRONLY | O_TRUNC);

	assert_int_not_equal(fd, -1);
	check(s, NOTE_ATTRIB | NOTE_TRUNCATE, 0);
	(void)close(fd);
}

static void
a_file_that_grows_by_truncate_has_other_attributes(void **state)
{
	struct scene *s = *state;

	assert_int_equal(ftruncate(s->file_fd, 100), 0);
	check(s, NOTE_ATTRIB, 0);
}

static void
truncated_and_refilled_between_two_looks_is_all_at_once(void **state)
{
	struct scene *s = *state;
	int fd = open(in_scene(s, "log"), O_WRONLY | O_TRUNC);

	append(fd, "longer than what was there\n");
	check(s, NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_TRUNCATE, 0);
	(void)close(fd);
	fd = open(in_scene(s, "log"), O_WRONLY | O_TRUNC);
	append(fd, "shorter\n");
	check(s, NOTE_WRITE | NOTE_EXTEND | NOTE_ATTRIB | NOTE_TRUNCATE, 0);
	(void)close(fd);
}

static void
a_rename_is_told_by_file_and_directory(void **state)
{
	struct scene *s = *state;
	char to[128];

	(void)strlcpy(to, in_scene(s, "log.1"), sizeof(to));
	assert_int_equal(rename(in_scene(s, "log"), to), 0);
	check(s, NOTE_RENAME, NOTE_WRITE);
	/* The note is on the file, not on its name. */
	append(s->file_fd, "second\n");
	check(s, NOTE_WRITE | NOTE_EXTEND, 0);
}

static void
a_new_file_is_told_by_the_directory(void **state)
{
	struct scene *s = *state;

	(void)close(open(in_scene(s, "new"), O_WRONLY | O_CREAT, 0600));
	check(s, 0, NOTE_WRITE);
}

static void
a_new_directory_is_told_by_the_directory(void **state)
{
	struct scene *s = *state;

	assert_int_equal(mkdir(in_scene(s, "new"), 0700), 0);
	check(s, 0, NOTE_WRITE | NOTE_LINK);
}

static void
one_of_two_names_may_be_deleted(void **state)
{
	struct scene *s = *state;
	struct stat st;
	char other[128];

	(void)strlcpy(other, in_scene(s, "other"), sizeof(other));
	assert_int_equal(link(in_scene(s, "log"), other), 0);
	check(s, NOTE_LINK, NOTE_WRITE);
	assert_int_equal(unlink(other), 0);
	check(s, NOTE_DELETE, NOTE_WRITE);
	assert_int_equal(fstat(s->file_fd, &st), 0);
	assert_int_equal(st.st_nlink, 1);
	append(s->file_fd, "second\n");
	check(s, NOTE_WRITE | NOTE_EXTEND, 0);
}

static void
what_is_written_to_a_deleted_file_is_told(void **state)
{
	struct scene *s = *state;

	assert_int_equal(unlink(in_scene(s, "log")), 0);
	check(s, NOTE_DELETE, NOTE_WRITE);
	append(s->file_fd, "second\n");
	check(s, NOTE_WRITE | NOTE_EXTEND, 0);
}

static void
what_is_done_to_a_file_without_its_two_names_is_told(void **state)
{
	struct scene *s = *state;
	char other[128];

	(void)strlcpy(other, in_scene(s, "other"), sizeof(other));
	assert_int_equal(link(in_scene(s, "log"), other), 0);
	check(s, NOTE_LINK, NOTE_WRITE);
	assert_int_equal(unlink(in_scene(s, "log")), 0);
	check(s, NOTE_DELETE, NOTE_WRITE);
	assert_int_equal(unlink(other), 0);
	check(s, NOTE_DELETE, NOTE_WRITE);
	append(s->file_fd, "second\n");
	check(s, NOTE_WRITE | NOTE_EXTEND, 0);
	assert_int_equal(ftruncate(s->file_fd, 3), 0);
	check(s, NOTE_ATTRIB | NOTE_TRUNCATE, 0);
	assert_int_equal(fchmod(s->file_fd, 0640), 0);
	check(s, NOTE_ATTRIB, 0);
}

static void
a_directory_in_it_is_made_renamed_and_removed(void **state)
{
	struct scene *s = *state;
	char to[128];

	assert_int_equal(mkdir(in_scene(s, "sub"), 0700), 0);
	check(s, 0, NOTE_WRITE | NOTE_LINK);
	(void)strlcpy(to, in_scene(s, "other"), sizeof(to));
	assert_int_equal(rename(in_scene(s, "sub"), to), 0);
	check(s, 0, NOTE_WRITE);
	assert_int_equal(rmdir(to), 0);
	check(s, 0, NOTE_WRITE | NOTE_LINK);
}

static void
a_directory_that_is_removed_is_gone(void **state)
{
	struct scene *s = *state;

	assert_int_equal(unlink(in_scene(s, "log")), 0);
	check(s, NOTE_DELETE, NOTE_WRITE);
	assert_int_equal(rmdir(s->path), 0);
	check(s, 0, NOTE_DELETE);
}

static void
a_directory_that_is_renamed_is_gone(void **state)
{
	struct scene *s = *state;
	char to[128];

	(void)snprintf(to, sizeof(to), "%s.moved", s->path);
	assert_int_equal(rename(s->path, to), 0);
	check(s, 0, NOTE_RENAME);
	assert_int_equal(rename(to, s->path), 0);
}

static void
two_appends_are_one_note(void **state)
{
	struct scene *s = *state;

	append(s->file_fd, "second\n");
	append(s->file_fd, "third\n");
	check(s, NOTE_WRITE | NOTE_EXTEND, 0);
	check(s, 0, 0);
}

static void
a_note_without_ev_clear_stands(void **state)
{
	const struct timespec now = { 0, 0 };
	struct scene *s = *state;
	struct kevent e;

	EV_SET(&e, (uintptr_t)s->file_fd, EVFILT_VNODE, EV_ADD, NOTE_WRITE, 0,
	    NULL);
	assert_int_equal(kevent(s->kq, &e, 1, NULL, 0, NULL), 0);
	append(s->file_fd, "second\n");
	for (int i = 0; i < 2; i++) {
		assert_int_equal(kevent(s->kq, NULL, 0, &e, 1, &now), 1);
		/* With all that the write has to tell. */
		assert_int_equal(e.fflags, NOTE_WRITE | NOTE_EXTEND);
	}
}

static void
a_note_that_did_not_ask_is_not_told(void **state)
{
	const struct timespec now = { 0, 0 };
	struct scene *s = *state;
	struct kevent e;

	EV_SET(&e, (uintptr_t)s->file_fd, EVFILT_VNODE, EV_ADD | EV_CLEAR,
	    NOTE_ATTRIB, 0, NULL);
	assert_int_equal(kevent(s->kq, &e, 1, NULL, 0, NULL), 0);
	append(s->file_fd, "second\n");
	assert_int_equal(kevent(s->kq, NULL, 0, &e, 1, &now), 0);
	assert_int_equal(fchmod(s->file_fd, 0640), 0);
	assert_int_equal(kevent(s->kq, NULL, 0, &e, 1, &now), 1);
	assert_int_equal(e.fflags, NOTE_ATTRIB);
}

static void
a_note_that_waits_survives_another_add(void **state)
{
	struct scene *s = *state;

	append(s->file_fd, "second\n");
	note(s, s->file_fd);
	check(s, NOTE_WRITE | NOTE_EXTEND, 0);
}

static void
a_watch_that_is_deleted_leaves_no_note(void **state)
{
	struct scene *s = *state;

	assert_true(fake_kqueue_has(4));
	append(s->file_fd, "second\n");
	watch_file_del(s->file);
	s->file = NULL;
	assert_true(fake_kqueue_has(3));
	ev_run(s->loop, EVRUN_NOWAIT);
	assert_int_equal(s->told_file, 0);
}

/* Whoever is told first ends the other, and its number becomes another's. */
static struct watch_file *pair[2];
static int pair_fd[2];
static int reborn_fd;
static unsigned pair_told, reborn_told;

static void
on_pair(void *owner)
{
	int other = owner == &pair[0] ? 1 : 0;

	if (owner == &reborn_fd) {
		reborn_told++;
		return;
	}
	pair_told++;
	watch_file_del(pair[other]);
	(void)close(pair_fd[other]);
	reborn_fd = open(in_scene(current, "reborn"), O_RDWR | O_CREAT, 0600);
	assert_int_equal(reborn_fd, pair_fd[other]);
	pair[other] =
	    watch_file_add(current->watch, reborn_fd, "reborn", &reborn_fd);
	assert_non_null(pair[other]);
}

static void
a_note_that_waits_is_not_told_to_who_has_the_number_next(void **state)
{
	struct scene *s = *state;
	const struct watch_ops pair_ops = { .on_file = on_pair };
	struct watch *theirs = s->watch, *ours;

	ours = watch_new(s->loop, &pair_ops);
	for (int i = 0; i < 2; i++) {
		pair_fd[i] = open(
		    in_scene(s, i == 0 ? "a" : "b"), O_RDWR | O_CREAT, 0600);
		pair[i] = watch_file_add(ours, pair_fd[i], "", &pair[i]);
		assert_non_null(pair[i]);
	}
	append(pair_fd[0], "a\n");
	append(pair_fd[1], "b\n");
	s->watch = ours;
	pair_told = reborn_told = 0;
	for (int i = 0; i < 3; i++)
		ev_run(s->loop, EVRUN_NOWAIT);
	assert_int_equal(pair_told, 1);
	assert_int_equal(reborn_told, 0);
	append(reborn_fd, "of its own\n");
	ev_run(s->loop, EVRUN_NOWAIT);
	assert_int_equal(reborn_told, 1);
	s->watch = theirs;
	watch_file_del(pair[0]);
	watch_file_del(pair[1]);
	(void)close(pair_fd[0]);
	(void)close(pair_fd[1]);
	watch_free(ours);
}

static void
a_file_needs_its_descriptor(void **state)
{
	struct scene *s = *state;

	assert_false(watch_sees_files(s->watch));
	assert_false(watch_file_survives_close(s->file));
	assert_null(watch_file_add(s->watch, -1, in_scene(s, "log"), s));
	assert_int_equal(errno, EBADF);
}

static void
directories_leave_half_of_the_descriptors(void **state)
{
	const struct watch_want want = { .data = true, .poll_ms = 60000 };
	const struct rlimit few = { 64, 64 };
	struct scene *s = *state;
	struct watch_dir *dirs[40];
	struct watch_stats stats;
	struct rlimit before;
	struct watch *w;

	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	assert_int_equal(
	    setrlimit(RLIMIT_NOFILE,
		&(struct rlimit) { few.rlim_cur, before.rlim_max }),
	    0);
	w = watch_new(s->loop, &ops);
	for (int i = 0; i < 40; i++) {
		dirs[i] = watch_add(w, s->path, &want, s);
		assert_non_null(dirs[i]);
		assert_int_equal(watch_is_polled(dirs[i]), i >= 32);
	}
	watch_stats(w, &stats);
	assert_int_equal(stats.polled, 8);
	assert_int_equal(watch_descriptors(w), 32);
	for (int i = 0; i < 40; i++)
		watch_del(dirs[i]);
	assert_int_equal(watch_descriptors(w), 0);
	watch_free(w);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

/* Each note means a scan, and who renames may be as fast as that. */
static void
others_have_their_turn_when_names_go_on_changing(void **state)
{
	struct scene *s = *state;
	unsigned turns;

	s->storm = true;
	change_name(s);
	for (turns = 0; turns < 5; turns++) {
		s->told_scan = 0;
		ev_run(s->loop, EVRUN_NOWAIT);
		assert_in_range(s->told_scan, 1, 2);
	}
	s->storm = false;
	ev_run(s->loop, EVRUN_NOWAIT);
}

#define in(f) cmocka_unit_test_setup_teardown(f, open_scene, close_scene)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		in(an_append_is_told_by_the_file_alone),
		in(others_have_their_turn_when_names_go_on_changing),
		in(an_overwrite_is_a_write),
		in(an_overwrite_past_the_end_extends),
		in(a_truncation_to_its_size_has_other_attributes),
		in(a_shrink_is_told_without_a_write),
		in(o_trunc_is_told_without_a_write),
		in(a_file_that_grows_by_truncate_has_other_attributes),
		in(truncated_and_refilled_between_two_looks_is_all_at_once),
		in(a_rename_is_told_by_file_and_directory),
		in(a_new_file_is_told_by_the_directory),
		in(a_new_directory_is_told_by_the_directory),
		in(one_of_two_names_may_be_deleted),
		in(what_is_written_to_a_deleted_file_is_told),
		in(what_is_done_to_a_file_without_its_two_names_is_told),
		in(a_directory_in_it_is_made_renamed_and_removed),
		in(a_directory_that_is_removed_is_gone),
		in(a_directory_that_is_renamed_is_gone),
		in(two_appends_are_one_note),
		in(a_note_without_ev_clear_stands),
		in(a_note_that_did_not_ask_is_not_told),
		in(a_note_that_waits_survives_another_add),
		in(a_watch_that_is_deleted_leaves_no_note),
		in(a_note_that_waits_is_not_told_to_who_has_the_number_next),
		in(a_file_needs_its_descriptor),
		in(directories_leave_half_of_the_descriptors),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
