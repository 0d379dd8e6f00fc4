#include "daemon/run/inside.h"

#include <signal.h>
#include <stddef.h>

static volatile sig_atomic_t got_term, got_hup, got_usr1;

static void
on_signal(int signo)
{
	if (signo == SIGTERM || signo == SIGINT)
		got_term = 1;
	else if (signo == SIGHUP)
		got_hup = 1;
	else if (signo == SIGUSR1)
		got_usr1 = 1;
}

static const int signals[] = { SIGTERM, SIGINT, SIGHUP, SIGUSR1, SIGCHLD };
#define NSIGNALS (sizeof(signals) / sizeof(signals[0]))

void
signals_hold(void)
{
	sigset_t block;
	size_t i;

	sigemptyset(&block);
	for (i = 0; i < NSIGNALS; i++)
		sigaddset(&block, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &block, NULL);
	(void)signal(SIGPIPE, SIG_IGN);
}

void
signals_release(void)
{
	sigset_t none;

	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

void
signals_catch(void)
{
	struct sigaction sa = { .sa_handler = on_signal };
	size_t i;

	for (i = 0; i < NSIGNALS; i++)
		(void)sigaction(signals[i], &sa, NULL);
}

void
signals_forget(void)
{
	size_t i;

	for (i = 0; i < NSIGNALS; i++)
		(void)signal(signals[i], SIG_DFL);
}

static unsigned
take(volatile sig_atomic_t *got, unsigned bit)
{
	if (!*got)
		return (0);
	*got = 0;
	return (bit);
}

unsigned
signals_take(void)
{
	return (take(&got_term, SIGNALS_TERM) | take(&got_hup, SIGNALS_HUP) |
	    take(&got_usr1, SIGNALS_USR1));
}
