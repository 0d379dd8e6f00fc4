/*
 * seccomp(2): which system calls are allowed.  A call that is in no table is
 * refused: above all to start a program, to touch another process, to mount, to
 * listen on a port, and calls that are new and unknown.
 */
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "daemon/sandbox/linux_inside.h"
#include "daemon/sandbox/profile.h"
#include "daemon/sandbox/violation.h"

/* For a worker that runs. */
static const int worker_calls[] = {
	/* files and directories */
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(close),
	SCMP_SYS(stat),
	SCMP_SYS(stat64),
	SCMP_SYS(lstat),
	SCMP_SYS(lstat64),
	SCMP_SYS(fstat),
	SCMP_SYS(fstat64),
	SCMP_SYS(fstatat64),
	SCMP_SYS(newfstatat),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(statfs64),
	SCMP_SYS(fstatfs),
	SCMP_SYS(fstatfs64),
	SCMP_SYS(getcwd),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getdents),
	SCMP_SYS(getdents64),
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(fadvise64),
	SCMP_SYS(fadvise64_64),
	SCMP_SYS(ftruncate),
	SCMP_SYS(ftruncate64),
	SCMP_SYS(fchmod),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(umask),
	SCMP_SYS(fcntl),
	SCMP_SYS(fcntl64),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(inotify_init1),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch),
	/* sockets that exist, others are below */
	SCMP_SYS(connect),
	SCMP_SYS(shutdown),
	SCMP_SYS(send),
	SCMP_SYS(recv),
	SCMP_SYS(recvfrom),
	SCMP_SYS(recvmsg),
	SCMP_SYS(recvmmsg),
	SCMP_SYS(getsockname),
	SCMP_SYS(getpeername),
	SCMP_SYS(getsockopt),
	SCMP_SYS(setsockopt),
	SCMP_SYS(accept),
	SCMP_SYS(accept4),
	/* waiting */
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(select),
	SCMP_SYS(_newselect),
	SCMP_SYS(pselect6),
	SCMP_SYS(epoll_create1),
	SCMP_SYS(epoll_ctl),
	SCMP_SYS(epoll_wait),
	SCMP_SYS(epoll_pwait),
	SCMP_SYS(epoll_pwait2),
	SCMP_SYS(eventfd2),
	SCMP_SYS(pipe),
	SCMP_SYS(pipe2),
	SCMP_SYS(timerfd_create),
	SCMP_SYS(timerfd_settime),
	SCMP_SYS(timerfd_gettime),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(sched_yield),
	SCMP_SYS(futex),
	/* the same where time_t was too small once */
	SCMP_SYS(ppoll_time64),
	SCMP_SYS(pselect6_time64),
	SCMP_SYS(recvmmsg_time64),
	SCMP_SYS(timerfd_settime64),
	SCMP_SYS(timerfd_gettime64),
	SCMP_SYS(clock_gettime64),
	SCMP_SYS(clock_getres_time64),
	SCMP_SYS(clock_nanosleep_time64),
	SCMP_SYS(futex_time64),
	/* memory, see below for the rest */
	SCMP_SYS(brk),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	/* a thread, see below for clone */
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	/* itself */
	SCMP_SYS(getpid),
	SCMP_SYS(getppid),
	SCMP_SYS(gettid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getuid32),
	SCMP_SYS(geteuid32),
	SCMP_SYS(getgid32),
	SCMP_SYS(getegid32),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrlimit),
	SCMP_SYS(ugetrlimit),
	SCMP_SYS(getrusage),
	SCMP_SYS(times),
	SCMP_SYS(getcpu),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getrandom),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(sigprocmask),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(sigreturn),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* For the monitor besides: for itself, and for a worker until that runs. */
static const int monitor_calls[] = {
	/* itself */
	SCMP_SYS(fork), SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(wait4),
	SCMP_SYS(waitid), SCMP_SYS(waitpid), SCMP_SYS(socketpair),
	SCMP_SYS(flock), SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(chown),
	SCMP_SYS(fchown), SCMP_SYS(fchown32), SCMP_SYS(fchownat),
	SCMP_SYS(chmod), SCMP_SYS(fchmodat),
	/* the worker's account and sandbox */
	SCMP_SYS(getgroups), SCMP_SYS(getgroups32), SCMP_SYS(setgroups),
	SCMP_SYS(setgroups32), SCMP_SYS(setuid), SCMP_SYS(setuid32),
	SCMP_SYS(setgid), SCMP_SYS(setgid32), SCMP_SYS(setresuid),
	SCMP_SYS(setresuid32), SCMP_SYS(getresuid), SCMP_SYS(getresuid32),
	SCMP_SYS(setresgid), SCMP_SYS(setresgid32), SCMP_SYS(getresgid),
	SCMP_SYS(getresgid32), SCMP_SYS(prlimit64), SCMP_SYS(setrlimit),
	SCMP_SYS(prctl), SCMP_SYS(capget), SCMP_SYS(capset), SCMP_SYS(seccomp),
	SCMP_SYS(landlock_create_ruleset), SCMP_SYS(landlock_add_rule),
	SCMP_SYS(landlock_restrict_self), SCMP_SYS(bind), SCMP_SYS(listen),
	/* libraries that it loads to look up an account are code */
	SCMP_SYS(mmap), SCMP_SYS(mmap2), SCMP_SYS(mprotect), SCMP_SYS(ioctl),
	SCMP_SYS(set_tid_address),
	/* the opener closes the worker's files when it begins */
	SCMP_SYS(close_range)
};

/* For the opener: it looks at files, opens them, and answers. */
static const int opener_calls[] = { SCMP_SYS(open), SCMP_SYS(openat),
	SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
	SCMP_SYS(close), SCMP_SYS(stat), SCMP_SYS(stat64), SCMP_SYS(lstat),
	SCMP_SYS(lstat64), SCMP_SYS(fstat), SCMP_SYS(fstat64),
	SCMP_SYS(fstatat64), SCMP_SYS(newfstatat), SCMP_SYS(statx),
	SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd),
	SCMP_SYS(fcntl), SCMP_SYS(fcntl64), SCMP_SYS(recvmsg),
	SCMP_SYS(sendmsg), SCMP_SYS(poll), SCMP_SYS(ppoll),
	SCMP_SYS(ppoll_time64), SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_gettime64), SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep), SCMP_SYS(clock_nanosleep_time64),
	SCMP_SYS(restart_syscall), SCMP_SYS(brk), SCMP_SYS(munmap),
	SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(write), SCMP_SYS(getpid),
	SCMP_SYS(gettid), SCMP_SYS(geteuid), SCMP_SYS(geteuid32),
	SCMP_SYS(getuid), SCMP_SYS(getuid32), SCMP_SYS(getrandom),
	SCMP_SYS(futex), SCMP_SYS(futex_time64), SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigreturn),
	SCMP_SYS(exit), SCMP_SYS(exit_group) };

#define SOCK_TYPE_MASK 0xf /* the rest are flags, socket(2) */

/* Requests of ioctl(2); none that types on a terminal. */
static const unsigned worker_ioctls[] = { FIONREAD, FIONBIO, SIOCOUTQ, TCGETS,
	SIOCGIFINDEX, SIOCGIFNAME };

struct filter {
	scmp_filter_ctx ctx;
	int error; /* the first one, negative: then no rule is added */
};

static struct scmp_arg_cmp
equals(unsigned argument, uint64_t value)
{
	struct scmp_arg_cmp c = { argument, SCMP_CMP_EQ, value, 0 };

	return (c);
}

/* The bits of the argument that are in mask are those of value. */
static struct scmp_arg_cmp
has_bits(unsigned argument, uint64_t mask, uint64_t value)
{
	struct scmp_arg_cmp c = { argument, SCMP_CMP_MASKED_EQ, mask, value };

	return (c);
}

/* Allows call where its arguments meet all n conditions. */
static void
allow_if(
    struct filter *f, int call, unsigned n, const struct scmp_arg_cmp *when)
{
	int error;

	if (f->error != 0)
		return;
	error = seccomp_rule_add_array(f->ctx, SCMP_ACT_ALLOW, call, n, when);
	/* Not every architecture has all of them. */
	if (error != -EDOM)
		f->error = error;
}

static void
allow_calls(struct filter *f, const int *calls, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		allow_if(f, calls[i], 0, NULL);
}

/*
 * TCP, UDP and unix sockets.  Other protocols on the Internet would get around
 * the ports of Landlock, and so would MSG_FASTOPEN, which connects.  UDP does,
 * too: it is allowed where messages are sent by it or the DNS is asked.
 */
static void
allow_sockets(struct filter *f, bool datagrams)
{
	static const int families[] = { AF_UNIX, AF_INET, AF_INET6 };
	static const struct {
		int type, protocol;
	} kinds[] = { { SOCK_STREAM, 0 }, { SOCK_STREAM, IPPROTO_TCP },
		{ SOCK_DGRAM, 0 }, { SOCK_DGRAM, IPPROTO_UDP } };
	static const struct {
		int call;
		unsigned flags; /* the number of that argument */
	} sends[] = { { SCMP_SYS(sendto), 3 }, { SCMP_SYS(sendmsg), 2 },
		{ SCMP_SYS(sendmmsg), 3 } };
	struct scmp_arg_cmp when[3];
	size_t i, k;

	for (i = 0; i < COUNT(families); i++)
		for (k = 0; k < COUNT(kinds); k++) {
			if (kinds[k].type == SOCK_DGRAM && !datagrams &&
			    families[i] != AF_UNIX)
				continue;
			when[0] = equals(0, (uint64_t)families[i]);
			when[1] = has_bits(
			    1, SOCK_TYPE_MASK, (uint64_t)kinds[k].type);
			when[2] = equals(2, (uint64_t)kinds[k].protocol);
			allow_if(f, SCMP_SYS(socket), 3, when);
		}
	for (i = 0; i < COUNT(sends); i++) {
		when[0] = has_bits(sends[i].flags, MSG_FASTOPEN, 0);
		allow_if(f, sends[i].call, 1, when);
	}
}

/* No code can be loaded, and abort(3) reaches this process only. */
static void
allow_memory_and_abort(struct filter *f)
{
	const struct scmp_arg_cmp no_code = has_bits(2, PROT_EXEC, 0);
	const struct scmp_arg_cmp itself = equals(0, (uint64_t)getpid());

	allow_if(f, SCMP_SYS(mmap), 1, &no_code);
	allow_if(f, SCMP_SYS(mmap2), 1, &no_code);
	allow_if(f, SCMP_SYS(mprotect), 1, &no_code);
	allow_if(f, SCMP_SYS(tgkill), 1, &itself);
}

static void
allow_by_argument(struct filter *f, const struct profile *p)
{
	const struct scmp_arg_cmp no_limit = equals(2, 0);
	struct scmp_arg_cmp request;
	size_t i;

	allow_memory_and_abort(f);
	for (i = 0; i < COUNT(worker_ioctls); i++) {
		request = equals(1, worker_ioctls[i]);
		allow_if(f, SCMP_SYS(ioctl), 1, &request);
	}
	/* Limits can be read, but not set. */
	allow_if(f, SCMP_SYS(prlimit64), 1, &no_limit);
	if (p->binds)
		allow_if(f, SCMP_SYS(bind), 0, NULL);
}

#define NAMESPACES                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC |         \
	    CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)

/* A thread, not a process, and in no other namespace. */
static void
allow_thread(struct filter *f)
{
	const uint64_t thread = CLONE_VM | CLONE_SIGHAND | CLONE_THREAD;
	const struct scmp_arg_cmp is_thread =
	    has_bits(0, thread | NAMESPACES, thread);

	allow_if(f, SCMP_SYS(clone), 1, &is_thread);
}

/* A process like itself, in no other namespace. */
static void
allow_fork(struct filter *f)
{
	const struct scmp_arg_cmp no_namespace = has_bits(0, NAMESPACES, 0);

	allow_if(f, SCMP_SYS(clone), 1, &no_namespace);
}

/*
 * The flags of clone3(2) lie in memory, where no filter can look: it fails as
 * if the system lacked it, so that the C library calls clone(2).
 */
static void
deny_clone3(struct filter *f)
{
	int error;

	if (f->error != 0)
		return;
	error = seccomp_rule_add(
	    f->ctx, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
	if (error != -EDOM)
		f->error = error;
}

int
sandbox_seccomp(
    enum sandbox_of whose, const struct profile *p, struct reason *got)
{
	struct filter f = { .error = -ENOMEM };

	if ((f.ctx = seccomp_init(sandbox_violation)) != NULL)
		f.error = 0;
	switch (whose) {
	case SANDBOX_OPENER:
		allow_calls(&f, opener_calls, COUNT(opener_calls));
		allow_memory_and_abort(&f);
		break;
	case SANDBOX_WORKER:
		allow_calls(&f, worker_calls, COUNT(worker_calls));
		allow_sockets(&f, p->datagrams);
		deny_clone3(&f);
		allow_by_argument(&f, p);
		allow_thread(&f);
		break;
	case SANDBOX_MONITOR:
		allow_calls(&f, worker_calls, COUNT(worker_calls));
		allow_sockets(&f, true);
		deny_clone3(&f);
		allow_calls(&f, monitor_calls, COUNT(monitor_calls));
		allow_fork(&f);
		break;
	}
	/* The filter finds a call by halving, not one after the other. */
	if (f.error == 0)
		f.error = seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (f.error == 0)
		f.error = seccomp_load(f.ctx);
	seccomp_release(f.ctx);
	if (f.error != 0)
		return (
		    reason_add(got, -1, "no seccomp: %s", strerror(-f.error)));
	return (reason_add(got, 0, "seccomp"));
}
