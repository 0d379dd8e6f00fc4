/*
 * Goes where a worker goes and tries what it must not do, for
 * e2e/test_sandbox.py.
 *
 *	sandbox_probe conf readable other port other_port
 *
 * conf is a configuration, readable a file of its sources, other one that is
 * none; at port listens its destination, at other_port somebody else.  Prints
 * what is in force, then a line for each attempt: its name, and "ok" or why
 * not.
 */
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/privdrop.h"
#include "daemon/conf/conf.h"
#include "daemon/sandbox/profile.h"
#include "daemon/sandbox/sandbox.h"

static const char *readable, *other;
static uint16_t port, other_port;
static int state_dir, listener;

/* Each returns 0, or -1 with errno. */

static int
try_open(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd == -1)
		return (-1);
	(void)close(fd);
	return (0);
}

static int
read_log(void)
{
	return (try_open(readable, O_RDONLY));
}

static int
write_log(void)
{
	return (try_open(readable, O_WRONLY));
}

static int
truncate_log(void)
{
	return (truncate(readable, 0));
}

static int
remove_log(void)
{
	return (unlink(readable));
}

static int
create_beside_log(void)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s.new", readable);
	return (try_open(path, O_WRONLY | O_CREAT));
}

static int
read_other(void)
{
	return (try_open(other, O_RDONLY));
}

static int
read_shadow(void)
{
	return (try_open("/etc/shadow", O_RDONLY));
}

static int
list_root(void)
{
	return (try_open("/", O_RDONLY | O_DIRECTORY));
}

static int
read_memory_of_parent(void)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/mem", (long)getppid());
	return (try_open(path, O_RDONLY));
}

static int
read_hosts(void)
{
	return (try_open("/etc/hosts", O_RDONLY));
}

static int
read_random(void)
{
	return (try_open("/dev/urandom", O_RDONLY));
}

/* As the checkpoint is written. */
static int
write_state(void)
{
	int fd = openat(state_dir, "probe.tmp",
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	if (fd == -1 || write(fd, "x", 1) != 1 || fsync(fd) == -1 ||
	    close(fd) == -1 ||
	    renameat(state_dir, "probe.tmp", state_dir, "probe") == -1)
		return (-1);
	return (unlinkat(state_dir, "probe", 0));
}

static int
link_in_state(void)
{
	return (symlinkat("/etc/shadow", state_dir, "shadow"));
}

static int
execute(void)
{
	char *argv[] = { NULL, NULL };

	return (execv("/bin/true", argv));
}

static int
start_process(void)
{
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	if (pid == -1)
		return (-1);
	return (waitpid(pid, NULL, 0) == pid ? 0 : -1);
}

static void *
do_nothing(void *arg)
{
	return (arg);
}

static int
start_thread(void)
{
	pthread_t thread;

	if ((errno = pthread_create(&thread, NULL, do_nothing, NULL)) != 0)
		return (-1);
	return (pthread_join(thread, NULL) == 0 ? 0 : -1);
}

static int
trace_parent(void)
{
	return (ptrace(PTRACE_SEIZE, getppid(), NULL, NULL) == -1 ? -1 : 0);
}

static int
read_parent(void)
{
	struct iovec iov = { &listener, sizeof(listener) };

	return (
	    process_vm_readv(getppid(), &iov, 1, &iov, 1, 0) == -1 ? -1 : 0);
}

static int
signal_parent(void)
{
	return (kill(getppid(), 0));
}

static int
signal_parent_by_thread(void)
{
	return ((int)syscall(SYS_tgkill, getppid(), getppid(), 0));
}

static int
to_port(uint16_t at, int (*how)(int, const struct sockaddr_in *))
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons(at) };
	int error, fd, result;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if ((fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	result = how(fd, &sin);
	error = errno;
	(void)close(fd);
	errno = error;
	return (result);
}

static int
by_connect(int fd, const struct sockaddr_in *sin)
{
	return (connect(fd, (const struct sockaddr *)sin, sizeof(*sin)));
}

static int
by_bind(int fd, const struct sockaddr_in *sin)
{
	return (bind(fd, (const struct sockaddr *)sin, sizeof(*sin)));
}

/* It connects and sends in one, tcp(7). */
static int
by_fastopen(int fd, const struct sockaddr_in *sin)
{
	return (sendto(fd, "x", 1, MSG_FASTOPEN, (const struct sockaddr *)sin,
		    sizeof(*sin)) == -1
		? -1
		: 0);
}

static int
connect_destination(void)
{
	return (to_port(port, by_connect));
}

static int
connect_elsewhere(void)
{
	return (to_port(other_port, by_connect));
}

static int
fastopen_elsewhere(void)
{
	return (to_port(other_port, by_fastopen));
}

static int
bind_port(void)
{
	return (to_port(0, by_bind));
}

static int
listen_unbound(void)
{
	int error, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), result;

	if (fd == -1)
		return (-1);
	result = listen(fd, 1);
	error = errno;
	(void)close(fd);
	errno = error;
	return (result);
}

static int
try_socket(int family, int type, int protocol)
{
	int fd = socket(family, type | SOCK_CLOEXEC, protocol);

	if (fd == -1)
		return (-1);
	(void)close(fd);
	return (0);
}

static int
udp_socket(void)
{
	return (try_socket(AF_INET, SOCK_DGRAM, 0));
}

static int
multipath_socket(void)
{
	return (try_socket(AF_INET, SOCK_STREAM, 262 /* MPTCP */));
}

static int
netlink_socket(void)
{
	return (try_socket(AF_NETLINK, SOCK_DGRAM, 0));
}

static int
packet_socket(void)
{
	return (try_socket(AF_PACKET, SOCK_DGRAM, 0));
}

/* An address without a file, unix(7): of a process outside. */
static int
connect_abstract(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(sun);
	int error, fd, result;

	if (getsockname(listener, (struct sockaddr *)&sun, &len) == -1 ||
	    (fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1)
		return (-1);
	result = connect(fd, (const struct sockaddr *)&sun, len);
	error = errno;
	(void)close(fd);
	errno = error;
	return (result);
}

static int
map_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return (p == MAP_FAILED ? -1 : munmap(p, 4096));
}

static int
make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return (0); /* a wrong answer: it is to be had */
	return (mprotect(p, 4096, PROT_READ | PROT_EXEC));
}

static int
become_root(void)
{
	return (setuid(0));
}

static int
leave_namespace(void)
{
	return (unshare(CLONE_NEWUSER));
}

static int
mount_something(void)
{
	return (mount("none", "/mnt", "tmpfs", 0, NULL));
}

static int
queue_io(void)
{
	return ((int)syscall(SYS_io_uring_setup, 1, NULL));
}

static int
load_bpf(void)
{
	return ((int)syscall(SYS_bpf, 0, NULL, 0));
}

static int
allow_ptrace(void)
{
	return (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0));
}

#define TRY(name)                                                              \
	{                                                                      \
#name, name                                                    \
	}

static const struct {
	const char *name;
	int (*attempt)(void);
} attempts[] = { TRY(read_log), TRY(write_log), TRY(truncate_log),
	TRY(remove_log), TRY(create_beside_log), TRY(read_other),
	TRY(read_shadow), TRY(list_root), TRY(read_memory_of_parent),
	TRY(read_hosts), TRY(read_random), TRY(write_state), TRY(link_in_state),
	TRY(execute), TRY(start_process), TRY(start_thread), TRY(trace_parent),
	TRY(read_parent), TRY(signal_parent), TRY(signal_parent_by_thread),
	TRY(connect_destination), TRY(connect_elsewhere),
	TRY(fastopen_elsewhere), TRY(bind_port), TRY(listen_unbound),
	TRY(multipath_socket), TRY(netlink_socket), TRY(packet_socket),
	TRY(udp_socket), TRY(connect_abstract), TRY(map_code), TRY(make_code),
	TRY(become_root), TRY(leave_namespace), TRY(mount_something),
	TRY(queue_io), TRY(load_bpf), TRY(allow_ptrace) };

/* From before the sandbox: whoever listens is outside of it. */
static void
listen_abstract(void)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };

	/* Without a path the system chooses an abstract name. */
	if ((listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) == -1 ||
	    bind(listener, (const struct sockaddr *)&sun,
		sizeof(sun.sun_family)) == -1 ||
	    listen(listener, 1) == -1)
		err(1, "listen");
}

/* As a worker does it. */
static void
enter(const struct conf *conf)
{
	struct account account;
	struct reason why, got;
	struct profile *needs;

	state_dir = open(conf->state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (state_dir == -1)
		err(1, "%s", conf->state_dir);
	if (privdrop_find(&account, conf->user, &why) == -1)
		errx(1, "%s", why.text);
	if (privdrop_become(&account) == -1)
		err(1, "%s", account.name);
	if ((needs = profile_new(conf)) == NULL)
		err(1, "needs");
	(void)sandbox_worker(needs, state_dir, &got);
	profile_free(needs);
	(void)printf("%s\n", got.text);
}

int
main(int argc, char **argv)
{
	struct reason why;
	struct conf *conf;
	size_t i;

	if (argc != 6)
		errx(2,
		    "usage: sandbox_probe conf readable other port "
		    "other_port");
	readable = argv[2];
	other = argv[3];
	port = (uint16_t)atoi(argv[4]);
	other_port = (uint16_t)atoi(argv[5]);
	if ((conf = conf_load(argv[1], NULL, &why)) == NULL)
		errx(1, "%s", why.text);
	listen_abstract();
	enter(conf);
	for (i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++) {
		errno = 0;
		if (attempts[i].attempt() == 0)
			(void)printf("%s ok\n", attempts[i].name);
		else
			(void)printf("%s %s\n", attempts[i].name,
			    strerrorname_np(errno));
	}
	(void)fflush(stdout);
	/* No search for leaks: that is one more thing it must not do. */
	_exit(0);
}
