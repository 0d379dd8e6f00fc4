#!/usr/bin/python3
"""Goal: whatever the receiver does, every line arrives, in order."""

import time

from teslacoil import (Case, destination, free_port, main, rng, source, texts,
                       wait_for)

KB = 1024


class Transports(Case):

    def forward(self, receiver, n=20000, url=None, **options):
        w = self.writer()
        w.write(n // 2)
        receiver.start()
        d = self.daemon(destination("d", url or receiver.url, **options) +
                        source("s", w.path)).start()
        w.write(n // 2)
        receiver.wait_all(w)
        self.finish(d, receiver)
        receiver.check(w)

    def test_tcp_octet_counted(self):
        self.forward(self.receiver(options=["-f", "octet"]))

    def test_tcp_newline(self):
        self.forward(self.receiver(options=["-f", "newline"]),
                     framing="newline")

    def test_tcp_by_name(self):
        r = self.receiver()
        r.start()
        url = r.url.replace("127.0.0.1", "localhost")
        r.finish()
        self.forward(r, url=url)

    def test_unix_stream(self):
        self.forward(self.receiver("unix-stream:%s/sock" % self.dir))

    def test_unix_stream_newline(self):
        self.forward(self.receiver("unix-stream:%s/sock" % self.dir,
                                   options=["-f", "newline"]),
                     framing="newline")

    def test_unix_datagram(self):
        self.forward(self.receiver("unix-dgram:%s/sock" % self.dir))

    def test_udp(self):
        w = self.writer()
        r = self.receiver("udp:0").start()
        d = self.daemon(destination("d", r.url) +
                        source("s", w.path)).start()
        w.write_paced(2000, r)
        self.finish(d, r)
        r.check(w)

    def test_stdout(self):
        w = self.writer()
        d = self.daemon(destination("d", "stdout:") +
                        source("s", w.path)).start()
        w.write(20000)
        d.stdout.wait_all(w)
        d.stop()
        d.stdout.check(w)


class Load(Case):

    def test_append(self):
        w = self.writer()
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", w.path)).start()
        for _ in range(200):
            w.write(rng.randint(1, 20), chunk=1)
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_a_line_arrives_without_another_behind_it(self):
        w = self.writer()
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", w.path)).start()
        w.write_paced(50, r, step=1)
        self.finish(d, r)
        r.check(w)

    def test_burst(self):
        w = self.writer()
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", w.path)).start()
        w.write(200000)
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_many_files(self):
        ws = [self.writer("app%d.log" % i) for i in range(100)]
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", self.path("*.log"))).start()
        for _ in range(20):
            for w in rng.sample(ws, 50):
                w.write(rng.randint(1, 50))
        r.wait_all(*ws)
        self.finish(d, r)
        r.check(*ws)

    def test_watch_by_polling(self):
        w = self.writer()
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", self.path("*.log"), watch="poll",
                               poll_interval="100ms")).start()
        w.write_paced(500, r)
        w.rename(self.path("app.log.1"), late=20)
        w.write(500)
        late = self.writer("late.log")
        late.write(100)
        r.wait_all(w, late)
        self.finish(d, r)
        r.check(w, late)


class Discovery(Case):

    def test_directories_created_later(self):
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", self.path("**/*.log")) +
                        source("t", self.path("one/two/literal"))).start()
        top = self.writer("top.log")
        top.write_paced(10, r)
        ws = [top]
        for name in ("one/two/three/deep.log", "one/two/literal",
                     "one/b.log", "four/five.log"):
            w = self.writer(name)
            w.write_paced(100, r)
            ws.append(w)
        other = self.writer("one/not-this.txt")
        other.write(10)
        for w in ws:
            w.write(100)
        r.wait_all(*ws)
        self.finish(d, r)
        r.check(*ws)
        self.assertEqual(r.ledger.total(other.name), 0)

    def test_excluded_files_stay(self):
        ws = [self.writer("a.log"), self.writer("b.log")]
        no = self.writer("a.debug.log")
        for w in ws + [no]:
            w.write(10)
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", self.path("*.log"),
                               exclude=["*.debug.log"])).start()
        r.wait_all(*ws)
        no.write(10)
        for w in ws:
            w.write_paced(10, r)
        self.finish(d, r)
        r.check(*ws)
        self.assertEqual(r.ledger.total(no.name), 0)


class Faults(Case):
    """The receiver fails; lines may come twice, but none is lost."""

    RATE = 5000

    def begin(self, receiver, **options):
        self.w = self.writer().start(self.RATE)
        self.r = receiver
        self.d = self.daemon(destination("d", receiver.url, **options) +
                             source("s", self.w.path)).start()

    def end(self, repeats=None):
        self.w.wait_written(self.RATE // 2)
        self.w.stop()
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w, repeats=repeats)

    def absent(self, address="tcp:%d"):
        return self.receiver(address % free_port())

    def kill_with_unread(self):
        """Dies with the kernel's buffer full of what it acknowledged."""
        self.r.do("pause")
        self.w.wait_written(self.RATE)
        self.r.kill()

    def test_absent_at_start(self):
        self.begin(self.absent())
        self.w.wait_written(self.RATE)
        self.r.start()
        self.end(repeats=0)

    def test_unix_absent_at_start(self):
        self.begin(self.receiver("unix-stream:%s/sock" % self.dir))
        self.w.wait_written(self.RATE)
        self.r.start()
        self.end(repeats=0)

    def test_unix_datagram_away(self):
        w = self.writer()
        r = self.receiver("unix-dgram:%s/sock" % self.dir).start()
        d = self.daemon(destination("d", r.url) +
                        source("s", w.path)).start()
        for _ in range(3):
            w.write_paced(300, r)
            r.do("refuse")
            w.write(5000)
            r.do("listen")
            r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_away(self):
        self.begin(self.receiver().start())
        self.r.wait_more(1000)
        self.r.do("away 2000")
        self.r.wait_more(1000)
        self.end()

    def test_fin(self):
        self.begin(self.receiver().start())
        for _ in range(5):
            self.r.wait_more(1000)
            self.r.do("fin")
        self.end()

    def test_reset(self):
        self.begin(self.receiver().start())
        for _ in range(5):
            self.r.wait_more(1000)
            self.r.do("reset")
        self.end()

    def test_reset_in_the_middle_of_a_message(self):
        self.begin(self.receiver().start())
        for _ in range(5):
            self.r.wait_more(1000)
            self.r.do("reset-after %d" % rng.randint(1, 5000))
        self.end()

    def test_killed_under_load(self):
        self.begin(self.receiver().start())
        for _ in range(3):
            self.r.wait_more(1000)
            self.kill_with_unread()
            self.w.wait_written(self.RATE // 10)
            self.r.start()
        self.end()

    def test_killed_with_a_full_buffer(self):
        """Catching up with a file: window and buffers are full."""
        w = self.writer()
        w.write(200000)
        r = self.receiver().start("-r", "2000000")
        d = self.daemon(destination("d", r.url) +
                        source("s", w.path)).start()
        r.wait_more(1000)
        for _ in range(3):
            r.do("die")
            r.reap()
            r.start("-r", "4000000")
            r.wait_more(1000)
        r.do("rate 0")
        r.wait_all(w)
        self.finish(d, r)
        r.check(w, repeats=None)

    def test_unix_stream_killed(self):
        self.begin(self.receiver("unix-stream:%s/sock" % self.dir).start())
        for _ in range(3):
            self.r.wait_more(1000)
            self.kill_with_unread()
            self.w.wait_written(self.RATE // 10)
            self.r.start()
        self.end()

    def test_udp_refused(self):
        """Few lines: a receive buffer takes all that is sent again."""
        w = self.writer()
        r = self.receiver("udp:0").start()
        d = self.daemon(destination("d", r.url) +
                        source("s", w.path)).start()
        w.write_paced(50, r)
        r.do("refuse")
        for _ in range(5):
            w.write(5)
        r.do("listen")
        w.write(20)
        r.wait_all(w)
        w.write_paced(300, r)
        self.finish(d, r)
        # One that was refused comes again after others: no order to check.
        self.assertEqual(r.missing(w), 0)

    def test_udp_refused_is_said_once(self):
        """A datagram that left this system says nothing of the receiver."""
        w = self.writer()
        r = self.receiver("udp:0").start()
        d = self.daemon(destination("d", r.url) + source("s", w.path)).start()
        w.write_paced(10, r)
        r.do("refuse")
        for _ in range(20):
            w.write(1)
            time.sleep(0.05)
        self.assertEqual(d.log().count("trying again"), 1)
        r.do("listen")
        r.wait_all(w)
        self.finish(d, r)

    def test_udp_refused_when_a_message_is_too_long(self):
        """What was sent before that is in doubt as ever."""
        r = self.receiver("udp:0")
        for name in ("first", "last"):
            with open(self.path(name + ".log"), "w") as f:
                f.write(name + "\n")
        with open(self.path("long.log"), "w") as f:
            f.write("x" * 200000 + "\n")
        d = self.daemon(destination("d", r.url, max_message="1MB") +
                        source("s", self.path("*.log"))).start()
        d.wait_log("takes no message")
        d.wait_log("refused")
        r.start()
        wait_for(lambda: {b"first", b"last"}.issubset(texts(r.lines())),
                 "the short lines")
        d.stop()

    def test_slow(self):
        w = self.writer()
        w.write(20000)
        r = self.receiver(options=["-b", "65536"]).start("-r", "1500000")
        d = self.daemon(destination("d", r.url, window="64KB") +
                        source("s", w.path)).start()
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_repeats_are_bounded_by_the_window(self):
        w = self.writer()
        w.write(60000)
        r = self.receiver(options=["-b", "65536"]).start("-r", "1000000")
        d = self.daemon(destination("d", r.url, window="64KB") +
                        source("s", w.path)).start()
        losses = 3
        for _ in range(losses):
            r.wait_more(2000)
            r.do("reset")
        r.do("rate 0")
        r.wait_all(w)
        self.finish(d, r)
        # What is in flight, and what a receive buffer may have held.
        unsure = 64 * KB + 1024 * KB
        r.check(w, repeats=losses * unsure // w.size)

    def test_whatever_comes(self):
        self.begin(self.receiver().start())
        faults = [lambda: self.r.do("fin"),
                  lambda: self.r.do("reset"),
                  lambda: self.r.do("fin-after %d" % rng.randint(1, 99999)),
                  lambda: self.r.do("reset-after %d" % rng.randint(1, 99999)),
                  lambda: self.r.do("away 1000"),
                  lambda: (self.kill_with_unread(), self.r.start())]
        for _ in range(12):
            self.r.wait_more(rng.randint(1, 2000))
            rng.choice(faults)()
        self.end()


class Destinations(Case):

    def test_a_dead_one_does_not_hold_up_the_other(self):
        w = self.writer()
        live = self.receiver(name="live").start()
        dead = self.receiver("tcp:%d" % free_port(), name="dead")
        d = self.daemon(destination("live", live.url) +
                        destination("dead", dead.url) +
                        source("s", w.path)).start()
        d.wait_follows(w.path)
        w.write(50000)
        w.rename(self.path("app.log.1"), late=100)
        w.write(50000)
        live.wait_all(w)
        dead.start()
        dead.wait_all(w)
        w.write(100)
        live.wait_all(w)
        dead.wait_all(w)
        self.finish(d, live, dead)
        live.check(w)
        dead.check(w)

    def test_one_that_does_not_read_does_not_hold_up_the_other(self):
        w = self.writer()
        live = self.receiver(name="live").start()
        stuck = self.receiver(name="stuck").start("-p")
        d = self.daemon(destination("live", live.url) +
                        destination("stuck", stuck.url) +
                        source("s", w.path)).start()
        w.write(100000)
        live.wait_all(w)
        stuck.do("resume")
        stuck.wait_all(w)
        self.finish(d, live, stuck)
        live.check(w)
        stuck.check(w)

    def test_each_source_goes_where_it_should(self):
        a, b = self.writer("a.log"), self.writer("b.log")
        one = self.receiver(name="one").start()
        two = self.receiver(name="two").start()
        d = self.daemon(destination("one", one.url) +
                        destination("two", two.url) +
                        source("a", a.path, destinations=["one"]) +
                        source("b", b.path, destinations="two")).start()
        a.write(1000)
        b.write(1000)
        one.wait_all(a)
        two.wait_all(b)
        self.finish(d, one, two)
        one.check(a)
        two.check(b)
        self.assertEqual(one.ledger.total(b.name), 0)
        self.assertEqual(two.ledger.total(a.name), 0)


if __name__ == "__main__":
    main()
