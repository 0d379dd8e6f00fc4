/*
 * Goal: the server answers one line with one JSON object and closes, whatever
 * a client sends, keeps back, or does not read.
 *
 * The clients are sockets of this process; nothing is followed, and no
 * checkpoint is kept.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/control/server.h"
#include "daemon/control/status.h"
#include "daemon/file/table.h"
#include "daemon/follow/follow.h"

#define CLIENTS 16 /* that the server keeps, see server.c */
#define REQUEST 256 /* octets that it reads of one */

static char dir[] = "/tmp/test_server.XXXXXX";
static struct sockaddr_un name;
static struct ev_loop *loop;
static int listener;
static unsigned reloads;
static struct status_view view;
static struct server_env env;
static struct server *server;

static void
on_reload(void *arg)
{
	(void)arg;
	reloads++;
}

static bool
make_room(void *arg)
{
	(void)arg;
	return (false);
}

static int
set_up(void **state)
{
	static const struct file_table_conf conf = {
		.ops = &follow_ops, .max_open = 8, .scratch = 1000
	};
	struct reason why = { "" };

	(void)state;
	(void)strlcpy(dir, "/tmp/test_server.XXXXXX", sizeof(dir));
	assert_non_null(mkdtemp(dir));
	assert_non_null(loop = ev_loop_new(EVFLAG_AUTO));
	name = (struct sockaddr_un) { .sun_family = AF_UNIX };
	(void)snprintf(name.sun_path, sizeof(name.sun_path), "%s/s", dir);
	assert_true((listener = socket(AF_UNIX, SOCK_STREAM, 0)) >= 0);
	assert_int_equal(
	    bind(listener, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(listen(listener, 64), 0);
	assert_int_equal(fcntl(listener, F_SETFL, O_NONBLOCK), 0);
	reloads = 0;
	view = (struct status_view) { .started = 1. };
	assert_non_null(
	    view.checkpointer = checkpointer_new(loop, -1, 1000, &why));
	assert_non_null(
	    view.file_table = file_table_new(loop, view.checkpointer, &conf));
	env = (struct server_env) {
		.loop = loop,
		.view = &view,
		.checkpointer = view.checkpointer,
		.reload = on_reload,
		.make_room = make_room,
	};
	assert_non_null(server = server_new(&env, listener));
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	server_free(server);
	file_table_free(view.file_table);
	checkpointer_free(view.checkpointer);
	(void)close(listener);
	(void)unlink(name.sun_path);
	(void)rmdir(dir);
	ev_loop_destroy(loop);
	return (0);
}

static void
turn(void)
{
	unsigned i;

	for (i = 0; i < 50; i++)
		ev_run(loop, EVRUN_NOWAIT);
}

static int
client(void)
{
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	assert_true(fd >= 0);
	assert_int_equal(
	    connect(fd, (struct sockaddr *)&name, sizeof(name)), 0);
	assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
	turn();
	return (fd);
}

static void
say(int fd, const char *text)
{
	size_t n = strlen(text);

	assert_int_equal(send(fd, text, n, MSG_NOSIGNAL), n);
	turn();
}

/* Returns what was answered, which ends with the connection. */
static json_t *
answer_of(int fd)
{
	char text[8192];
	size_t n = 0;
	ssize_t got;
	json_t *j;

	while ((got = read(fd, text + n, sizeof(text) - n)) > 0) {
		n += (size_t)got;
		turn();
	}
	assert_int_equal(got, 0);
	(void)close(fd);
	j = json_loadb(text, n, 0, NULL);
	assert_non_null(j);
	return (j);
}

static void
assert_answer(int fd, const char *key, const char *text)
{
	json_t *j = answer_of(fd);

	assert_string_equal(json_string_value(json_object_get(j, key)), text);
	json_decref(j);
}

/* Whether the server waits for this client, or for us. */
static bool
is_open(int fd)
{
	char c;

	turn();
	return (recv(fd, &c, 1, MSG_PEEK) == -1 && errno == EAGAIN);
}

static void
an_unknown_command_is_refused(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "show everything\n");
	assert_answer(
	    fd, "error", "unknown command: this daemon is of another version");
}

static void
a_request_may_come_octet_by_octet(void **state)
{
	const char *request = "show files\n";
	int fd = client();
	json_t *j;
	size_t i;

	(void)state;
	for (i = 0; request[i] != '\0'; i++)
		say(fd, (const char[]) { request[i], '\0' });
	j = answer_of(fd);
	assert_int_equal(json_array_size(json_object_get(j, "files")), 0);
	assert_true(json_is_array(json_object_get(j, "losses")));
	assert_null(json_object_get(j, "sources"));
	json_decref(j);
}

static void
what_was_asked_for_is_answered_and_no_more(void **state)
{
	int fd = client();
	json_t *j;

	(void)state;
	say(fd, "show sources\n");
	j = answer_of(fd);
	assert_true(json_is_string(json_object_get(j, "version")));
	assert_true(json_is_array(json_object_get(j, "sources")));
	assert_null(json_object_get(j, "files"));
	json_decref(j);
}

static void
a_line_without_end_is_refused_when_it_is_too_long(void **state)
{
	char text[REQUEST + 1];
	int fd = client();

	(void)state;
	memset(text, 'x', REQUEST);
	text[REQUEST] = '\0';
	say(fd, text + 1);
	assert_true(is_open(fd));
	say(fd, "x");
	assert_answer(fd, "error", "the request is too long");
}

static void
a_second_request_is_not_answered(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "reload\nshow files\n");
	say(fd, "show files\n");
	assert_int_equal(reloads, 1);
	assert_true(is_open(fd));
	server_reloaded(server, "line 3: no");
	turn();
	assert_answer(fd, "error", "line 3: no");
}

static void
a_reload_is_answered_to_all_who_asked_for_it(void **state)
{
	int one = client(), two = client(), other = client();

	(void)state;
	say(one, "reload\n");
	say(two, "reload\n");
	server_reloaded(server, NULL);
	assert_answer(one, "done", "the new configuration takes over");
	assert_answer(two, "done", "the new configuration takes over");
	assert_true(is_open(other));
	(void)close(other);
}

static void
who_leaves_before_the_answer_does_no_harm(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "reload\n");
	(void)close(fd);
	turn();
	server_reloaded(server, NULL);
	fd = client();
	(void)close(fd);
	turn();
	fd = client();
	say(fd, "show");
	(void)close(fd);
	turn();
	fd = client();
	say(fd, "show files\n");
	json_decref(answer_of(fd));
}

static void
silent_clients_keep_nobody_out(void **state)
{
	int silent[CLIENTS], fd;
	unsigned i;

	(void)state;
	for (i = 0; i < CLIENTS; i++)
		silent[i] = client();
	for (i = 0; i < CLIENTS; i++)
		assert_true(is_open(silent[i]));
	fd = client();
	assert_false(is_open(silent[0]));
	assert_true(is_open(silent[1]));
	say(fd, "show files\n");
	json_decref(answer_of(fd));
	for (i = 0; i < CLIENTS; i++)
		(void)close(silent[i]);
}

static void
without_a_checkpoint_its_writing_is_done_at_once(void **state)
{
	int fd = client();

	(void)state;
	say(fd, "checkpoint\n");
	assert_answer(fd, "done", "checkpoint written");
}

static void
a_checkpoint_is_written_when_the_start_is_done(void **state)
{
	int fd;

	(void)state;
	view.starting = true;
	fd = client();
	say(fd, "checkpoint\n");
	assert_true(is_open(fd));
	view.starting = false;
	server_move(server, loop);
	assert_answer(fd, "done", "checkpoint written");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_unknown_command_is_refused),
		TEST(a_request_may_come_octet_by_octet),
		TEST(what_was_asked_for_is_answered_and_no_more),
		TEST(a_line_without_end_is_refused_when_it_is_too_long),
		TEST(a_second_request_is_not_answered),
		TEST(a_reload_is_answered_to_all_who_asked_for_it),
		TEST(who_leaves_before_the_answer_does_no_harm),
		TEST(silent_clients_keep_nobody_out),
		TEST(without_a_checkpoint_its_writing_is_done_at_once),
		TEST(a_checkpoint_is_written_when_the_start_is_done),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
