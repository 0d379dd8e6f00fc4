#include "fake.h"

#include <sys/socket.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/checkpoint/checkpointer.h"
#include "daemon/file/table.h"
#include "daemon/net/inside.h"
#include "daemon/stream/guard.h"

unsigned fake_hurried;
unsigned fake_drained;

static struct fake_receiver receivers[CONF_URLS];
static const struct conf_destination *destination;

void
fake_reset(void)
{
	size_t i, k;

	memset(receivers, 0, sizeof(receivers));
	for (i = 0; i < CONF_URLS; i++) {
		receivers[i].take = FAKE_MOST;
		receivers[i].counts = true;
		for (k = 0; k < FAKE_OPENS; k++)
			receivers[i].peers[k] = -1;
	}
	fake_hurried = fake_drained = 0;
}

void
fake_fini(void)
{
	size_t i, k;

	for (i = 0; i < CONF_URLS; i++)
		for (k = 0; k < FAKE_OPENS; k++)
			if (receivers[i].peers[k] != -1)
				(void)close(receivers[i].peers[k]);
}

void
fake_conf(struct conf_destination *conf, enum conf_scheme scheme, size_t nurls)
{
	static char name[] = "d";
	static char texts[CONF_URLS][16];
	size_t i;

	*conf = (struct conf_destination) { .name = name,
		.nurls = nurls,
		.wire = WIRE_NEWLINE,
		.max_message = 1000,
		.window = 1024 * 1024,
		.window_most = 1024 * 1024,
		.connect_timeout_ms = 10000,
		.ack_timeout_ms = 10000,
		.retry_first_ms = 1,
		.retry_longest_ms = 10 };
	for (i = 0; i < nurls; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "fake%zu", i);
		conf->urls[i].text = texts[i];
		conf->urls[i].scheme = scheme;
	}
	destination = conf;
}

struct fake_receiver *
fake_receiver(size_t url)
{
	return (&receivers[url]);
}

/* Makes the endpoint's socket readable. */
static void
wake(struct fake_receiver *r)
{
	assert_int_equal(send(r->peers[r->opens - 1], "x", 1, 0), 1);
}

void
fake_say(struct fake_receiver *r, const char *text)
{
	memcpy(r->said + r->nsaid, text, strlen(text));
	r->nsaid += strlen(text);
	wake(r);
}

void
fake_goodbye(struct fake_receiver *r)
{
	r->goodbye = true;
	wake(r);
}

void
fake_break(struct fake_receiver *r, int error)
{
	r->recv_error = error;
	wake(r);
}

void
fake_late_reset(struct fake_receiver *r, unsigned connection)
{
	const struct linger now = { 1, 0 };
	int fd = r->peers[connection];

	assert_int_equal(
	    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
	assert_int_equal(close(fd), 0);
	r->peers[connection] = -1;
}

/* The transports: see daemon/net/inside.h. */

static struct fake_receiver *
receiver_of(const struct transport *t)
{
	return (&receivers[t->url - destination->urls]);
}

/* Connects two sockets over loopback. */
static void
connect_pair(int pair[2])
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	socklen_t len = sizeof(sin);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(listener, (struct sockaddr *)&sin, len), 0);
	assert_int_equal(listen(listener, 1), 0);
	assert_int_equal(
	    getsockname(listener, (struct sockaddr *)&sin, &len), 0);
	pair[0] = socket(AF_INET, SOCK_STREAM, 0);
	assert_int_equal(connect(pair[0], (struct sockaddr *)&sin, len), 0);
	assert_int_not_equal(pair[1] = accept(listener, NULL, NULL), -1);
	assert_int_equal(fcntl(pair[0], F_SETFL, O_NONBLOCK), 0);
	(void)close(listener);
}

static int
fake_open(
    struct transport *t, const struct address *address, struct reason *why)
{
	struct fake_receiver *r = receiver_of(t);
	int pair[2];

	(void)address;
	if (r->refuses) {
		errno = 0;
		return (reason_set(why, "connect: refused"));
	}
	assert_true(r->opens < FAKE_OPENS);
	connect_pair(pair);
	t->fd = pair[0];
	t->stream = t->url->scheme != CONF_UDP;
	r->peers[r->opens++] = pair[1];
	r->acked = r->ngot = r->nsaid = 0;
	r->finished = r->goodbye = false;
	r->recv_error = r->send_error = 0;
	return (0);
}

static ssize_t
fake_send(struct transport *t, const uint8_t *p, size_t n)
{
	struct fake_receiver *r = receiver_of(t);

	if (r->send_error != 0 || r->take == 0) {
		errno = r->send_error != 0 ? r->send_error : EAGAIN;
		return (-1);
	}
	if (n > r->take)
		n = r->take;
	assert_true(r->ngot + n <= FAKE_MOST);
	memcpy(r->got + r->ngot, p, n);
	r->ngot += n;
	return ((ssize_t)n);
}

static ssize_t
fake_recv(struct transport *t, uint8_t *p, size_t n)
{
	struct fake_receiver *r = receiver_of(t);
	char woken[16];

	while (recv(t->fd, woken, sizeof(woken), 0) > 0)
		;
	if (r->nsaid > 0) {
		assert_true(n >= r->nsaid);
		n = r->nsaid;
		memcpy(p, r->said, n);
		r->nsaid = 0;
		return ((ssize_t)n);
	}
	if (r->recv_error == 0 && r->goodbye)
		return (0);
	if (r->recv_error != 0 && r->alert != NULL)
		(void)reason_set(&t->why, "%s", r->alert);
	errno = r->recv_error != 0 ? r->recv_error : EAGAIN;
	return (-1);
}

static uint64_t
fake_acked(struct transport *t)
{
	t->counts = receiver_of(t)->counts;
	return (receiver_of(t)->acked);
}

static int64_t
fake_silence_ms(struct transport *t)
{
	return (receiver_of(t)->silence_ms);
}

static void
fake_finish(struct transport *t)
{
	receiver_of(t)->finished = true;
}

#define FAKE_TRANSPORT                                                         \
	{                                                                      \
		.facts = { .acks_unread = true }, .open = fake_open,           \
		.send = fake_send, .recv = fake_recv, .acked = fake_acked,     \
		.silence_ms = fake_silence_ms, .finish = fake_finish           \
	}

const struct transport_ops transport_stdout = FAKE_TRANSPORT;
const struct transport_ops transport_tcp = FAKE_TRANSPORT;
const struct transport_ops transport_tls = FAKE_TRANSPORT;
const struct transport_ops transport_udp = { .facts = { .connectionless =
							    true },
	.open = fake_open,
	.send = fake_send,
	.recv = fake_recv };
const struct transport_ops transport_unix = FAKE_TRANSPORT;

/* The files: what daemon/send asks of the rest of the daemon. */

static struct fake_file *
file_of(struct stream *s)
{
	return ((struct fake_file *)s);
}

/* Its letter, its number in eight digits, a newline. */
static void
line_at(char letter, off_t at, uint8_t line[FAKE_LINE])
{
	off_t number = at / FAKE_LINE;
	int i;

	line[0] = (uint8_t)letter;
	for (i = FAKE_LINE - 2; i > 0; i--, number /= 10)
		line[i] = (uint8_t)('0' + number % 10);
	line[FAKE_LINE - 1] = '\n';
}

void
fake_file(struct fake_file *f, char letter, unsigned lines, struct route *route)
{
	memset(f, 0, sizeof(*f));
	f->stream.file = &f->file;
	f->stream.route = route;
	f->file.ino = (ino_t)letter;
	f->letter = letter;
	f->size = (off_t)lines * FAKE_LINE;
	f->most = UINT64_MAX;
}

bool
fake_got_lines(
    const struct fake_receiver *r, char letter, unsigned from, unsigned to)
{
	uint8_t line[FAKE_LINE];
	const uint8_t *p = r->got;

	if (r->ngot != (size_t)(to - from) * FAKE_LINE)
		return (false);
	for (; from < to; from++, p += FAKE_LINE) {
		line_at(letter, (off_t)from * FAKE_LINE, line);
		if (memcmp(p, line, FAKE_LINE) != 0)
			return (false);
	}
	return (true);
}

enum pull_result
stream_pull(struct stream *s, struct pull *p)
{
	struct fake_file *f = file_of(s);
	uint8_t line[FAKE_LINE];

	p->made = 0;
	p->messages = 0;
	p->end = s->cursor.sent;
	while (p->end < f->size) {
		if (p->room - p->made < FAKE_LINE)
			return (PULL_NO_ROOM);
		if (p->messages == p->most || p->messages == f->most)
			return (PULL_MORE);
		line_at(f->letter, p->end, line);
		memcpy(p->out + p->made, line, FAKE_LINE);
		p->made += FAKE_LINE;
		p->end += FAKE_LINE;
		if (p->marks != NULL)
			p->marks[p->messages] =
			    (struct pack_mark) { (uint64_t)p->end, p->made };
		p->messages++;
	}
	return (PULL_DRAINED);
}

struct stream *
stream_of(struct cursor *c)
{
	return ((struct stream *)c);
}

bool
stream_must_wait(const struct stream *s)
{
	(void)s;
	return (false);
}

void
stream_wake(struct stream *s)
{
	if (!s->is_ready)
		s->route->ops->on_ready(s, s->route->dest);
}

void
compressed_turn_init(struct compressed_turn *turn)
{
	(void)turn;
}

void
stream_guard_acked(struct stream *s)
{
	(void)s;
}

static void
on_drained(struct file *t)
{
	(void)t;
	fake_drained++;
}

static void
on_taken_back(const struct file *t)
{
	(void)t;
}

const struct file_ops *
file_table_ops(const struct file_table *all)
{
	static const struct file_ops ops = { .on_drained = on_drained,
		.on_taken_back = on_taken_back };

	(void)all;
	return (&ops);
}

struct path_text
file_path(const struct file *t)
{
	struct path_text path = { .text = { (char)t->ino } };

	return (path);
}

void
checkpointer_mark(struct checkpointer *l, struct checkpoint_mark *m)
{
	(void)l;
	(void)m;
}

void
checkpointer_mark_acked(struct checkpointer *l, struct checkpoint_mark *m)
{
	(void)l;
	(void)m;
}

void
checkpointer_hurry(struct checkpointer *l)
{
	(void)l;
	fake_hurried++;
}
