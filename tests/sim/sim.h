/*
 * sim.h - a world in memory for the worker: files, receivers, clocks.
 *
 * One seed decides all that happens.  The worker's own objects are linked
 * against a stand-in of libev, and the linker gives them our functions in place
 * of system calls (--wrap), so nothing real leaks in.
 */
#ifndef SIM_H
#define SIM_H

#include <sys/types.h>

#include <netinet/in.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/run/channel.h"
#include "tests/sim/sizes.h"

#define NS_MS		INT64_C(1000000)
#define NS_S		INT64_C(1000000000)

/* What the linker makes of --wrap: the function, and ours in its place. */
#define WRAP(type, name, ...)                                                  \
	type __real_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__)

struct rng {
	uint64_t	state;
};

uint64_t	rng_next(struct rng *);
/* 0 to n - 1. */
unsigned	rng_below(struct rng *, unsigned n);
/* Whether it happens, n times in a thousand. */
bool		rng_chance(struct rng *, unsigned n);
struct rng	rng_of(uint64_t seed, uint64_t what);

/* What a seed may do; each is a bit, so that shrinking can leave some out. */
enum sim_kind {
	KIND_APPEND,
	KIND_PARTIAL,		/* lines in pieces */
	KIND_RENAME,
	KIND_COPYTRUNCATE,
	KIND_DELETE,
	KIND_DATED,
	KIND_MOVE_AWAY,
	KIND_REPLACE,		/* another file is renamed over it */
	KIND_FOREIGN,		/* a file that nobody means */
	KIND_RECEIVER_KILL,
	KIND_RECEIVER_CLOSE,
	KIND_RECEIVER_STALL,
	KIND_RECEIVER_CUT,	/* the network carries nothing */
	KIND_RECEIVER_REFUSE,
	KIND_KILL,		/* SIGKILL of the worker */
	KIND_STOP,
	KIND_RELOAD,
	KIND_LOST_EVENT,
	KIND_PAUSE,		/* of the world, while the worker goes on */
	KIND_FAULT,		/* a system call fails */
	KIND_CLOCK,		/* the time of day is set */
	KIND_COMPRESS,
	KIND_POWER,
	KIND_EXPIRE,		/* the oldest generation is removed */
	KIND_GOODBYE,		/* of a receiver that lingers */
	KIND_OOM,
	KIND_RELP,		/* the receiver speaks RELP, no step */
	KIND_SOCKETS,		/* it has a socket of udp or unix, no step */
	KIND_DESTS,		/* there are several destinations, no step */
	KIND_CHANGE,		/* a reload with another configuration */
	KIND_NULS,		/* of a writer that goes on where it was */
	KIND_SHRED,		/* a rotated file is written over, and removed */
	KIND_LINK,		/* a link leads to another file, there or not */
	KIND_HEADS,		/* banners longer than a fingerprint, no step */
	KIND_KQUEUE,		/* events are told as by kqueue(2), no step */
	KIND_BLIND,		/* no system tells what is acknowledged, too */
	KIND_DOUBLED,		/* an event of inotify comes once more, no step */
	KIND_NARROW,		/* some datagrams are longer than the path takes */
	KIND_ANSWERS,		/* servers of RELP that answer as they like */
	KIND_TLS,		/* over TCP, and RELP, no step */
	KINDS
};

extern const char *const sim_kind_names[KINDS];

struct sim_plan {		/* that a seed replays */
	uint64_t	seed;
	uint64_t	kinds;		/* that may happen, as bits */
	unsigned	steps;
	unsigned	skip[64];	/* steps that are left out, */
	unsigned	nskip;		/* so many */
	uint64_t	fail_call;	/* the number of a call that fails, */
	unsigned	fail_way;	/* in which of its ways */
	uint64_t	fail_alloc;
};

/* What the worker is doing when something happens. */
enum sim_state {
	STATE_NONE,		/* there is no worker */
	STATE_START,		/* no connection was tried yet */
	STATE_DOWN,		/* no connection stands */
	STATE_CONNECT,
	STATE_QUIET,		/* connected, and nothing is under way */
	STATE_FLIGHT,		/* something is */
	STATE_STOPPING,
	STATES
};

/* What happens by itself, and has to be seen to happen: a count of each. */
enum sim_way {
	WAY_NOTES_MERGED,	/* several notes of kqueue are one */
	WAY_NOTE_LEFT,		/* one went unread with its descriptor */
	WAY_DIR_POLLED,		/* no descriptor for a directory */
	WAY_CLOSE_COUNTS,	/* what the close of a peer acknowledges */
	WAY_ONE_BY_ONE,		/* a datagram is sent by itself, by send(2) */
	WAY_PIECES,		/* a line comes in several datagrams */
	WAY_ANSWER_LATE,	/* of RELP: by a second or more */
	WAY_ANSWER_SOONER,	/* than that to a message before */
	WAY_ANSWERS_AT_ONCE,	/* in one read */
	WAY_ANSWER_SPLIT,	/* over several reads */
	WAY_REFUSED,		/* with 500 */
	WAY_REFUSED_ALWAYS,	/* until it was passed over */
	WAY_OPEN_REFUSED,
	WAY_HINT,		/* serverclose, with messages on their way */
	WAY_SHAKE_ALERT,	/* a handshake of TLS ends by an alert, */
	WAY_SHAKE_CLOSE,	/* by a close, */
	WAY_SHAKE_HANGS,	/* never, */
	WAY_SHAKE_SLOW,		/* late, */
	WAY_SHAKE_CERT,		/* with a certificate that is refused */
	WAY_REFUSED_LATE,	/* a server throws away, and then refuses */
	WAY_NO_BYE,		/* a server closes without close_notify */
	WAY_BYE_READS_ON,	/* one throws away a record, and closes */
	WAYS
};

extern const char *const sim_state_names[STATES];

/* A line with its newline; most are far shorter. */
#define SIM_LINE	2304

#define SIM_DESTS	3
#define SIM_RECEIVERS	6

struct inode;
struct ofd;

struct sim {
	struct sim_plan	plan;
	struct rng	world;		/* for what happens outside a step */
	struct rng	calls;		/* for system calls */
	struct rng	more;		/* for kinds that are newer */
	uint64_t	trace;
	uint64_t	calls_made;
	uint64_t	allocs_made;
	uint64_t	turns;		/* of the loop, in this life */
	int64_t		now;		/* the clock that nobody sets, ns */
	int64_t		real;		/* the time of day is ahead by */
	int64_t		tick;		/* of file times, ns */
	int64_t		began;		/* the last life */
	int		file_limit;	/* descriptors */
	unsigned	fault_rate;	/* of calls, in 1/65536 */
	unsigned	oom_rate;
	unsigned	pause_most_us;	/* between two calls */
	bool		kqueue;		/* events are told in its way */
	bool		blind;		/* nothing is told of a connection */
	unsigned	path;		/* takes datagrams of so many octets; or 0 */
	struct {
		bool	strange;	/* RELP is answered in such ways */
		unsigned	late_ms;	/* by so much at the most */
		unsigned	refusals;	/* of messages, in 1/1000 */
	} answers;
	size_t		tls_record;	/* octets of text in one */
	bool		torn;	/* a compressed file lost its end */
	bool		repacked;	/* a datagram was too long, in this life */
	bool		few;		/* descriptors are short at times */
	bool		in_life;	/* the worker's memory is an arena */
	bool		in_world;	/* what is called now is the world's */
	bool		final;		/* no more faults */
	bool		kill;		/* as soon as it may be */
	bool		failed;
	bool		calls_shown;
	bool		strict;	/* what is known is a fault, too */
	bool		verbose;
	jmp_buf		death;
	jmp_buf		verdict;	/* when something is wrong */
	unsigned	signals;	/* pending ones, as bits */
	bool		power;		/* the host loses it */
	bool		stopping;	/* it was told to */
	unsigned	lives;
	char		why[512];
};

extern struct sim S;

/* sim.c */

void	sim_trace(const char *what, uint64_t a, uint64_t b);
/* Something is wrong: does not return. */
void	sim_fail(const char *fmt, ...)
	    __attribute__((__format__(printf, 1, 2), __noreturn__));
void	sim_say(const char *fmt, ...)
	    __attribute__((__format__(printf, 1, 2)));
/*
 * At the beginning of each system call of the worker: time goes on, and so does
 * the world.  Returns 0, or the errno with which the call is to fail, one of
 * errors (0-terminated; NULL: none).
 */
int	sim_call(const char *name, const int *errors);
void	sim_advance(int64_t ns);
int64_t	sim_wall(void);		/* the time of day */
/* Kills the worker if that is due. */
void	sim_maybe_die(void);
bool	sim_may(enum sim_kind);

/* cover.c */

void	sim_cover(enum sim_kind);	/* such a step is taken now */
void	sim_happened(enum sim_way);
void	cover_print(void);

/* sets.c */

/* Reads a file of sets: a line each, kinds and a name; # begins others. */
bool	sets_load(const char *path);
/* What this seed may do of them, all if there are none; and the name, or NULL. */
uint64_t	sets_kinds(uint64_t seed);
const char	*sets_name(uint64_t seed);

/* memory.c */

void	memory_begin(void);	/* of a life */
void	memory_end(void);

/* files.c */

void	files_reset(void);
bool	files_is_meant(const char *name);
bool	files_is_read(const struct inode *);
struct inode	*files_at(const char *path);
struct inode	*files_make(const char *path, mode_t, unsigned uid);
/* As files_at(), but where links lead; makes it there if it is to. */
struct inode	*files_open(const char *path, bool *is_new);
struct inode	*files_behind(const char *path);
bool	files_is_link(const char *path);
void	files_link_to(const char *path, const char *target);
/* All that is in it is another text, as long. */
void	files_overwrite(struct inode *, const void *);
void	files_mkdir(const char *path);
int	files_rename(const char *from, const char *to);
int	files_unlink(const char *path);
void	files_truncate(struct inode *, size_t);
void	files_write(struct inode *, size_t at, const void *, size_t n);
size_t	files_size(const struct inode *);
const uint8_t	*files_data(const struct inode *);
unsigned	files_links(const struct inode *);
bool	files_worker_has(const struct inode *);
uint64_t	files_number(const struct inode *);
void	files_ref(struct inode *);	/* by a writer that has it open */
void	files_unref(struct inode *);
/* Whether a file of the directory has it, under a name that begins so. */
bool	files_holds(const char *dir, const char *begin, const void *p,
	    size_t n, const struct inode *but, bool findable);
/* Whether a file of dir has it to which a link of /log leads, or that the
   worker has open. */
bool	files_reach(const char *dir, const void *p, size_t n);
void	files_each(const char *dir,
	    void (*fn)(const char *name, struct inode *, void *), void *arg);
void	files_lose_power(struct rng *);
/* Descriptors of the worker. */
void	files_drop_descriptors(void);
void	files_forget_known(void);
void	files_know_anew(void);
int	files_open_dir(const char *path);	/* for the worker to have */
struct ofd	*files_hold(int fd);
int	files_give(struct ofd *);
void	files_release(struct ofd *);
int	files_new_fd(int kind, void *sock);
void	*files_sock(int fd, int kind);
bool	files_fd_is_free(int fd);

#define FD_SOCKET	3
#define FD_CHANNEL	4
#define FD_WATCH	5

/* net.c */

void	net_reset(void);
void	net_close(void *sock);
bool	net_readable(void *sock);
bool	net_writable(void *sock);
int64_t	net_due(void);
void	net_run(void);
void	net_worker_gone(void);
void	net_listen(unsigned receiver, bool);
void	net_kill(unsigned receiver);
void	net_goodbye(unsigned receiver, bool linger);
void	net_stall(unsigned receiver, bool);
void	net_cut(unsigned receiver, bool);
bool	net_is_cut(unsigned receiver);
bool	net_is_listening(unsigned receiver);
bool	net_is_idle(void);
enum sim_state	net_state(void);
uint64_t	net_in_flight(unsigned dest);
uint16_t	net_port(unsigned receiver);
uint64_t	net_capacity(void);
uint64_t	net_doubt(void);

/* channel.c */

struct handover;
int	channel_make(void);
bool	channel_readable(void);
void	monitor_say(enum channel_word word);
struct handover	*channel_given(void);
void	channel_reset(void);
void	channel_take_given(void);

/* watching.c */

void	watching_reset(void);
bool	watching_readable(void);
void	watching_note(uint64_t dir, const char *name, bool data,
	    const char *from);
void	watching_note_file(uint64_t inode);
void	watching_gone(uint64_t dir);
void	watching_unlinked(uint64_t inode);	/* by one name */
void	watching_closed(int fd);

/* writer.c */

/*
 * The checkpoint has what was acknowledged until then: now, unless its thread is
 * at work, or was until just now.
 */
int64_t	writer_has_until(int64_t within);

/* loop.c */

void	loop_reset(void);

/* oracle.c */

void	oracle_reset(void);
void	oracle_end(void);
/* The text of a new line of log, with its newline; notes that it is written. */
size_t	oracle_write(unsigned log, unsigned generation, char *p, size_t room,
	    struct inode *);
void	oracle_half(unsigned log, bool);
/* A file was written over with what nobody wrote; it may be sent. */
void	oracle_shredded(bool may);
/* A copy has no more than the half of it. */
void	oracle_cut(unsigned log);
void	oracle_cut_at(unsigned log, const char *line);
/* Whether everybody has the first line of a text. */
bool	oracle_has_begun(const uint8_t *p, size_t n);
/* What is in the file (or from an offset on) goes away. */
void	oracle_vanish(struct inode *, size_t from);
void	oracle_unread(
	    unsigned receiver, const uint8_t *p, size_t n, bool orphaned);
void	oracle_heard(unsigned receiver, const uint8_t *p, size_t n);
/* Nobody will have this datagram. */
void	oracle_dropped(unsigned receiver, const uint8_t *p, size_t n);
/* A server refuses it; returns whether it can: it is a line. */
bool	oracle_denied(unsigned receiver, const uint8_t *p, size_t n);
/* Whether a server that refuses any refuses this one whenever it comes. */
bool	oracle_always_denied(const uint8_t *p, size_t n);
/* Nor this one; but the worker's system was told so. */
void	oracle_refused(unsigned receiver, const uint8_t *p, size_t n);
bool	oracle_has_all(void);
void	oracle_miss(char *p, size_t n);
/* These destinations, as bits, need not have what was written to log. */
void	oracle_disown(unsigned log, unsigned dests);
/* What a destination has does not count: it gets what is there anew. */
void	oracle_renamed(unsigned dest);
/* So many octets may come twice, everywhere, or at whom this receiver is of. */
void	oracle_allow(uint64_t octets);
void	oracle_allow_at(unsigned receiver, uint64_t octets);
void	oracle_on_kill(void);
void	oracle_on_power(void);	/* at the end of a life that was killed */
void	oracle_without_power(void);
void	oracle_on_life(void);	/* when one begins */
void	oracle_on_end(bool killed);	/* of any life */
/* A copy of so many octets was made. */
void	oracle_copied(uint64_t octets);
void	oracle_short_copy(const uint8_t *, size_t);
void	oracle_no_order(void);
void	oracle_no_order_at(unsigned receiver);
uint64_t	oracle_repeats(void);
bool	oracle_was_copied(void);	/* of late, see there */

/* world.c */

void	world_reset(void);
int64_t	world_due(void);
void	world_run(void);
bool	world_is_over(void);
void	world_calm(void);
void	world_lose_power(void);
bool	world_reloads(void);

/* life.c */

void	life_prepare(void);
void	life_configure(void);	/* after a change */
void	life_end_all(void);
/* One life of a worker; how it ended. */
enum life_end {
	LIFE_KILLED,
	LIFE_STOPPED,
	LIFE_FAILED
};
enum life_end	life_run(void);
const char	*life_conf(void);

#endif
