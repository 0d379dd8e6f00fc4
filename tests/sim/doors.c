/*
 * The worker's doors that are replaced whole: names, the sandbox, who it
 * becomes, the checkpoint's thread; and its clocks.
 */
#include "tests/sim/sim.h"

#include <sys/resource.h>
#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <ev.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "daemon/base/privdrop.h"
#include "daemon/checkpoint/batch.h"
#include "daemon/checkpoint/writer.h"
#include "daemon/find/sources.h"
#include "daemon/net/datagram.h"
#include "daemon/net/resolver.h"
#include "daemon/run/worker_sandbox.h"
#include "daemon/sandbox/opener.h"

int __wrap_open64(const char *, int, ...);
int __wrap_openat64(int, const char *, int, ...);

int
privdrop_become(const struct account *a)
{
	(void)a;
	return (0);
}

int
opener_start(const struct conf *conf)
{
	(void)conf;
	return (0);
}

bool
opener_is_there(void)
{
	return (false);
}

int
opener_fd(void)
{
	return (-1);
}

bool
opener_is_gone(void)
{
	return (true);
}

int
opener_open(const char *path, int flags)
{
	return (__wrap_open64(path, flags));
}

int
opener_open_in(int dirfd, const char *dir, const char *name, int flags)
{
	(void)dir;
	return (__wrap_openat64(dirfd, name, flags));
}

void
worker_sandbox_init(
    struct worker_sandbox *c, struct ev_loop *loop, struct profile *needs)
{
	(void)c;
	(void)loop;
	(void)needs;
}

static void
on_path(void *arg, const char *path)
{
	(void)arg;
	(void)path;
}

struct sources_ops
worker_sandbox_ops(struct worker_sandbox *c)
{
	return ((struct sources_ops) { .on_link = on_path,
	    .on_dangling = on_path,
	    .on_refused = on_path,
	    .on_hidden = on_path,
	    .arg = c });
}

void
worker_sandbox_enter(struct worker_sandbox *c, struct sources *s, int state_dir)
{
	(void)c;
	(void)s;
	(void)state_dir;
}

void
worker_sandbox_on_resolve(struct worker_sandbox *c)
{
	(void)c;
}

void
worker_sandbox_on_unreached(struct worker_sandbox *c)
{
	(void)c;
}

/* Names: the answer is there after a while. */
struct resolver_question {
	struct ev_loop *loop;
	ev_timer timer;
	struct address address;
	resolver_host_cb *on_done;
	void *arg;
};

static void
on_answer(struct ev_loop *loop, ev_timer *timer, int revents)
{
	struct resolver_question *r = timer->data;
	resolver_host_cb *on_done = r->on_done;
	struct address a = r->address;
	void *arg = r->arg;

	(void)loop;
	(void)revents;
	free(r);
	on_done(arg, &a, 1, NULL);
}

struct resolver_question *
resolver_ask_host(const struct resolver_how *how, const char *host,
    const char *port, resolver_host_cb *on_done, void *arg)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	struct resolver_question *r;

	(void)host;
	if ((r = calloc(1, sizeof(*r))) == NULL)
		return (NULL);
	sin.sin_port = htons((uint16_t)atoi(port));
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	memcpy(&r->address.sa, &sin, sizeof(sin));
	r->address.len = sizeof(sin);
	r->address.ttl = ADDRESS_ALWAYS;
	r->loop = how->loop;
	r->on_done = on_done;
	r->arg = arg;
	ev_timer_init(&r->timer, on_answer, 0.001, 0.);
	r->timer.data = r;
	ev_timer_start(r->loop, &r->timer);
	return (r);
}

struct resolver_question *
resolver_ask_service(const struct resolver_how *how, const char *name,
    resolver_service_cb *on_done, void *arg)
{
	(void)how;
	(void)name;
	(void)on_done;
	(void)arg;
	errno = ENOSYS;
	return (NULL);
}

void
resolver_cancel(struct resolver_question *r)
{
	if (r == NULL)
		return;
	ev_timer_stop(r->loop, &r->timer);
	free(r);
}

/* A system that tells nothing has no queue of errors, either. */

ssize_t datagram_send_linux(int, const uint8_t *, size_t);
ssize_t datagram_send_none(int, const uint8_t *, size_t);
void datagram_open_linux(int);
void datagram_open_none(int);
int datagram_error_linux(int);
int datagram_error_none(int);

ssize_t
datagram_send(int fd, const uint8_t *p, size_t n)
{
	return (S.blind ? datagram_send_none(fd, p, n)
			: datagram_send_linux(fd, p, n));
}

void
datagram_open(int fd)
{
	if (S.blind)
		datagram_open_none(fd);
	else
		datagram_open_linux(fd);
}

int
datagram_error(int fd)
{
	return (S.blind ? datagram_error_none(fd) : datagram_error_linux(fd));
}

/* The clocks. */

WRAP(int, clock_gettime, clockid_t clock, struct timespec *ts)
{
	int64_t now = clock == CLOCK_REALTIME ? sim_wall() : S.now;

	ts->tv_sec = now / NS_S;
	ts->tv_nsec = now % NS_S;
	return (0);
}

WRAP(time_t, time, time_t *t)
{
	time_t now = sim_wall() / NS_S;

	if (t != NULL)
		*t = now;
	return (now);
}

WRAP(int, nanosleep, const struct timespec *ts, struct timespec *left)
{
	(void)left;
	sim_advance(ts->tv_sec * NS_S + ts->tv_nsec);
	sim_maybe_die();
	return (0);
}

WRAP(int, sched_yield, void)
{
	return (0);
}

/* Who we are, and what we may have. */

WRAP(uint32_t, arc4random, void)
{
	return ((uint32_t)(rng_next(&S.calls) >> 32));
}

WRAP(int, gethostname, char *name, size_t n)
{
	(void)strlcpy(name, "host", n);
	return (0);
}

WRAP(uid_t, geteuid, void)
{
	return (0);
}

WRAP(pid_t, getpid, void)
{
	return (1234);
}

WRAP(int, getrlimit64, __rlimit_resource_t what, struct rlimit *rl)
{
	(void)what;
	rl->rlim_cur = rl->rlim_max = (rlim_t)S.file_limit;
	return (0);
}

WRAP(int, setrlimit64, __rlimit_resource_t what, const struct rlimit *rl)
{
	(void)what;
	(void)rl;
	return (0);
}

WRAP(int, mallopt, int what, int value)
{
	(void)what;
	(void)value;
	return (1);
}

typedef void handler(int);

WRAP(handler *, signal, int signo, handler *fn)
{
	(void)signo;
	(void)fn;
	return (SIG_DFL);
}

WRAP(int, sigprocmask, int how, const sigset_t *set, sigset_t *old)
{
	(void)how;
	(void)set;
	(void)old;
	return (0);
}

void __wrap___assert_fail(const char *, const char *, unsigned, const char *)
    __attribute__((__noreturn__));

void
__wrap___assert_fail(
    const char *what, const char *file, unsigned line, const char *function)
{
	sim_fail("%s:%u: %s: %s", file, line, function, what);
}
