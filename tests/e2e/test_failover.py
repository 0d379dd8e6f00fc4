#!/usr/bin/python3
"""Several urls: no line is lost when receivers come and go."""

import socket
import unittest

from network import Sink
from processes import LINUX
from teslacoil import Case, Output, destination, main, rng, source, wait_for


def hanging_port(case):
    """A port that answers no attempt to connect, for its queue is full."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    case.addCleanup(listener.close)
    while True:
        client = socket.socket()
        case.addCleanup(client.close)
        client.settimeout(.3)
        try:
            client.connect(listener.getsockname())
        except socket.timeout:
            return listener.getsockname()[1]


class Several(Case):
    """Two receivers, one destination."""

    def begin(self, policy, files):
        self.one = self.receiver(name="one").start()
        self.two = self.receiver(name="two").start()
        self.w = [self.writer("%02d.log" % i) for i in range(files)]
        self.d = self.daemon(
            destination("d", [self.one.url, self.two.url], policy=policy) +
            source("s", self.path("*.log"))).start()

    def missing(self):
        """Lines that neither of them has."""
        missing = 0
        for r in (self.one, self.two):
            r.update()
        for w in self.w:
            both = (self.one.ledger.seen[w.name] |
                    self.two.ledger.seen[w.name])
            missing += len(set(range(1, w.count + 1)) - both)
        return missing

    def wait_none_missing(self):
        wait_for(lambda: self.missing() == 0, "all lines at one or the other")

    def write(self, n):
        for w in self.w:
            w.write(n)

    def die(self, r):
        r.do("die")
        r.reap()

    def endpoints(self):
        return self.d.state()["destinations"][0]["endpoints"]


class Failover(Several):
    def test_the_second_takes_over_and_the_first_gets_it_back(self):
        self.begin("failover", 3)
        self.write(500)
        self.one.wait_all(*self.w)
        self.assertEqual(self.two.arrived(), 0)
        self.die(self.one)
        self.write(500)
        self.wait_none_missing()
        self.assertGreater(self.two.arrived(), 0)
        self.one.start()
        wait_for(lambda: self.endpoints()[1]["state"] == "idle",
                 "the first to be well again")
        before = self.two.arrived()
        self.write(500)
        self.wait_none_missing()
        self.assertEqual(self.two.arrived(), before)
        self.finish(self.d, self.one, self.two)

    def test_the_first_is_absent_at_start(self):
        self.begin("failover", 2)
        self.finish(self.d)
        self.die(self.one)
        self.d.start()
        self.write(500)
        self.wait_none_missing()
        self.one.start()
        self.finish(self.d, self.one, self.two)

    def test_both_die_in_turns_under_load(self):
        self.begin("failover", 3)
        for w in self.w:
            w.start(2000)
        for _ in range(3):
            for r in (self.one, self.two):
                self.w[0].wait_written(rng.randint(100, 1500))
                self.die(r)
                self.w[0].wait_written(rng.randint(100, 1500))
                r.start()
        for w in self.w:
            w.stop()
        self.wait_none_missing()
        self.finish(self.d, self.one, self.two)


class Balance(Several):
    def spread(self):
        return [sum(1 for w in self.w if r.ledger.seen[w.name])
                for r in (self.one, self.two)]

    def test_files_are_spread_and_stay_in_order(self):
        self.begin("balance", 20)
        wait_for(lambda: all(e["state"] == "connected"
                             for e in self.endpoints()), "both")
        self.write(200)
        self.wait_none_missing()

        def even():
            """At once, or when both are well once more."""
            if all(n > 2 for n in self.spread()):
                return True
            self.write(1)
            self.wait_none_missing()
            return False

        wait_for(even, "files at both")
        self.finish(self.d, self.one, self.two)

    def test_each_is_connected_to_once(self):
        self.begin("balance", 20)
        self.write(100)
        self.wait_none_missing()
        self.assertTrue(all(self.spread()), self.spread())
        # What the daemon had opened by then it has closed.
        self.d.stop()
        self.assertEqual([r.stats()["connections"]
                          for r in (self.one, self.two)], [1, 1])
        self.finish(self.one, self.two)

    @unittest.skipUnless(LINUX, "a full queue that leaves attempts unanswered")
    def test_one_that_does_not_answer_keeps_no_file_waiting(self):
        r = self.receiver().start()
        files = [self.writer("%02d.log" % i) for i in range(20)]
        for w in files:
            w.write(10)
        hanging = "tcp://127.0.0.1:%d" % hanging_port(self)
        d = self.daemon(
            destination("d", [r.url, hanging], policy="balance",
                        connect_timeout="1h") +
            source("s", self.path("*.log"))).start()
        r.wait_all(*files)
        self.finish(d, r)

    def test_one_dies_and_comes_back(self):
        self.begin("balance", 20)
        self.write(100)
        self.wait_none_missing()
        self.die(self.two)
        self.write(100)
        self.wait_none_missing()
        self.two.start()
        before = self.two.arrived()
        wait_for(lambda: all(e["state"] == "connected"
                             for e in self.endpoints()), "both again")

        def evened_out():
            self.write(1)
            self.wait_none_missing()
            return self.two.arrived() > before
        wait_for(evened_out, "files to even out")
        self.finish(self.d, self.one, self.two)


class Shared(Case):
    """Two receivers that write to one file: the order across them counts."""

    RATE = 3000

    def begin(self, policy, files, absent=()):
        self.one, self.two = (Sink(self, "127.0.0.1", name="both").start()
                              for _ in range(2))
        self.both = Output(self.one.path)
        for s in absent:
            (self.one, self.two)[s].stop()
        self.w = [self.writer("%02d.log" % i) for i in range(files)]
        self.d = self.daemon(
            destination("d", [self.one.url, self.two.url], policy=policy,
                        framing="newline", ack_timeout="2s") +
            source("s", self.path("*.log"))).start()
        for w in self.w:
            w.start(self.RATE // files)

    def some_lines(self):
        self.w[0].wait_written(rng.randint(1, self.RATE // len(self.w)))

    def grows(self, sink):
        before = sink.lines
        wait_for(lambda: sink.lines > before, "lines at " + sink.url)

    def moves(self, source, to):
        """Waits until to gets lines and source no more."""
        def quiet():
            before = source.lines
            self.grows(to)
            self.w[0].wait_written(20)
            return source.lines == before
        wait_for(quiet, "all files at " + to.url)

    def end(self, repeats=None):
        for w in self.w:
            w.stop()
        self.both.wait_all(*self.w)
        self.d.stop()
        self.both.check(*self.w, repeats=repeats)


class FailoverInOrder(Shared):

    def test_the_first_comes_back_and_nothing_is_repeated(self):
        self.begin("failover", 3, absent=[0])
        self.grows(self.two)
        self.one.start()
        self.moves(self.two, self.one)
        self.some_lines()
        self.end(repeats=0)

    def test_either_dies_while_files_are_busy(self):
        self.begin("failover", 3)
        for _ in range(2):
            self.grows(self.one)
            self.some_lines()
            self.one.die()
            self.grows(self.two)
            self.some_lines()
            self.one.start()
            self.some_lines()
            self.two.die()
            self.grows(self.one)
            self.two.start()
        self.one.die()
        self.grows(self.two)
        self.one.start()
        self.moves(self.two, self.one)
        self.end()

    def test_who_hangs_is_left_for_one_that_works(self):
        """Its system still answers, and takes nothing more."""
        self.begin("failover", 3)
        self.grows(self.one)
        self.one.reading = False
        self.grows(self.two)
        self.d.wait_log("no acknowledgement for 2.0 s, and another receiver "
                        "works")
        self.end()

    def test_who_hangs_is_left_alone_when_there_is_no_other(self):
        self.begin("failover", 3, absent=[1])
        self.grows(self.one)
        self.one.reading = False
        self.d.wait_log("%s:%d: connect: Connection refused" %
                        self.two.address, 2)
        self.one.reading = True
        self.grows(self.one)
        self.end(repeats=0)

    def test_who_stops_reading_is_left(self):
        """It is told that there is no more, and does not close."""
        self.begin("failover", 3, absent=[0])
        self.grows(self.two)
        self.two.reading = False
        self.one.start()
        self.grows(self.one)
        self.end()


class BalanceInOrder(Shared):

    def test_who_hangs_is_left_for_one_that_works(self):
        self.begin("balance", 20)
        self.grows(self.one)
        self.grows(self.two)
        self.one.reading = False
        self.d.wait_log("no acknowledgement for 2.0 s, and another receiver "
                        "works")
        self.end()

    def test_files_even_out_and_nothing_is_repeated(self):
        self.begin("balance", 20, absent=[1])
        self.grows(self.one)
        self.two.start()
        self.grows(self.two)
        self.grows(self.one)
        self.some_lines()
        self.end(repeats=0)

    def test_either_dies_while_files_are_busy(self):
        self.begin("balance", 20)
        for dying, other in ((self.one, self.two), (self.two, self.one)):
            self.grows(dying)
            self.some_lines()
            dying.die()
            self.moves(dying, other)
            dying.start()
            self.grows(dying)
            self.grows(other)
        self.end()

    def test_one_that_comes_and_goes_leaves_the_others_in_peace(self):
        self.begin("balance", 20, absent=[1])
        self.grows(self.one)
        self.two.rude = 1000
        self.two.start()
        wait_for(lambda: self.two.taken >= 6, "it to come and go")
        # Once it came for the first time.
        self.assertLessEqual(self.one.taken, 2)
        self.end()

    def test_who_stops_reading_is_left(self):
        self.begin("balance", 20)
        self.grows(self.one)
        self.two.die()
        self.grows(self.one)
        self.one.reading = False
        self.some_lines()
        self.two.start()
        self.grows(self.two)
        self.some_lines()
        self.one.die()
        self.end()


if __name__ == "__main__":
    main()
