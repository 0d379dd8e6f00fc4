/*
 * Goal: no signal is missed, and none is taken before the monitor waits for
 * it: a signal that comes early must not end the daemon.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/run/inside.h"

static int
set_up(void **state)
{
	(void)state;
	signals_hold();
	return (0);
}

static int
tear_down(void **state)
{
	(void)state;
	signals_catch();
	signals_release();
	(void)signals_take();
	signals_forget();
	return (0);
}

static bool
is_pending(int signo)
{
	sigset_t set;

	assert_int_equal(sigpending(&set), 0);
	return (sigismember(&set, signo) == 1);
}

static void
a_signal_waits_until_it_is_let_in(void **state)
{
	(void)state;
	assert_int_equal(kill(getpid(), SIGTERM), 0);
	assert_true(is_pending(SIGTERM));
	signals_catch();
	assert_int_equal(signals_take(), 0);
	signals_release();
	assert_int_equal(signals_take(), SIGNALS_TERM);
}

static void
each_signal_is_taken_once(void **state)
{
	(void)state;
	signals_catch();
	signals_release();
	(void)kill(getpid(), SIGHUP);
	(void)kill(getpid(), SIGHUP);
	(void)kill(getpid(), SIGUSR1);
	assert_int_equal(signals_take(), SIGNALS_HUP | SIGNALS_USR1);
	assert_int_equal(signals_take(), 0);
}

static void
an_interrupt_from_the_terminal_stops_as_sigterm_does(void **state)
{
	(void)state;
	signals_catch();
	signals_release();
	(void)kill(getpid(), SIGINT);
	assert_int_equal(signals_take(), SIGNALS_TERM);
}

static void
a_worker_that_ends_asks_for_nothing(void **state)
{
	(void)state;
	signals_catch();
	signals_release();
	(void)kill(getpid(), SIGCHLD);
	assert_int_equal(signals_take(), 0);
}

static void
a_receiver_that_is_gone_sends_no_signal(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	(void)close(ends[0]);
	assert_int_equal(write(ends[1], "x", 1), -1);
	(void)close(ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_signal_waits_until_it_is_let_in),
		TEST(each_signal_is_taken_once),
		TEST(an_interrupt_from_the_terminal_stops_as_sigterm_does),
		TEST(a_worker_that_ends_asks_for_nothing),
		TEST(a_receiver_that_is_gone_sends_no_signal),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
