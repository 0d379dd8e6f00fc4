#!/usr/bin/python3
"""Goal: over RELP only the server's word counts, and no more waits for it than
was asked for.  What servers do wrong is in test_faults.py."""

import os

from teslacoil import Case, Writer, destination, main, source, wait_for


class Relp(Case):

    def begin(self, *commands, **options):
        self.w = self.writer()
        self.r = self.receiver("relp:0").start()
        for command in commands:
            self.r.do(command)
        self.d = self.daemon(destination("d", self.r.url, **options) +
                             source("s", self.w.path)).start()

    def end(self, repeats=0):
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w, repeats=repeats)

    def destination(self):
        return self.d.state()["destinations"][0]

    def wait_refused(self, n):
        wait_for(lambda: self.destination()["endpoints"][0]["refused"] == n,
                 "%d messages to be passed over" % n)

    def test_all_arrive_once_and_it_ends_in_order(self):
        self.begin()
        self.w.write(20000)
        self.r.wait_all(self.w)
        self.d.stop()
        wait_for(lambda: self.r.stats()["closed"] == 1, "the close of RELP")
        self.r.stop()
        self.r.check(self.w)

    def test_responses_out_of_order(self):
        self.begin("shuffle 50")
        self.w.write(5000)
        self.end()

    def test_no_more_than_the_window_waits_for_its_answer(self):
        self.begin("drop 1", relp={"window": 10})
        self.w.write(100)
        wait_for(lambda: self.r.stats()["dropped"] == 10, "a full window")
        self.w.write(100)
        self.d.wait_follows(self.w.path)
        self.assertEqual(self.r.stats()["dropped"], 10)
        self.d.kill()
        self.r.do("drop 0")
        self.d.start()
        self.end()

    def test_a_window_of_one(self):
        self.begin(relp={"window": 1})
        self.w.write(100)
        self.end()

    def test_more_files_than_the_window_begin_with_nuls(self):
        """Each is a place in the window without a message, while some wait
        for their answers."""
        os.mkdir(os.path.join(self.dir, "new"))
        ws = []
        for i in range(12):
            name = "%02d.log" % i
            path = os.path.join(self.dir, "new", name)
            with open(path, "wb") as f:
                f.write(bytes(64))
            w = Writer(path, name=name)
            self.addCleanup(w.close)
            w.write(3)
            ws.append(w)
        w = self.writer("app.log")
        self.r = self.receiver("relp:0").start()
        self.r.do("delay 2000")
        self.d = self.daemon(
            destination("d", self.r.url, relp={"window": 8}, format="raw") +
            source("s", self.path("*.log"))).start()
        w.write(4)
        wait_for(lambda: self.r.stats()["messages"] == 4, "messages")
        for new in ws:
            os.rename(new.path, self.path(new.name))
        self.d.wait_follows(*[self.path(new.name) for new in ws])
        self.r.do("delay 1")
        self.r.wait_all(w, *ws)
        self.finish(self.d, self.r)
        self.r.check(w, *ws)

    def test_a_line_a_little_longer_than_a_read_is_truncated(self):
        """What stands behind it comes once, and nothing else does."""
        w = self.writer(size=40)
        self.r = self.receiver("relp:0").start()
        self.d = self.daemon(
            destination("d", self.r.url, relp={"window": 4}, format="raw",
                        oversize="truncate", max_message="1KB") +
            source("s", w.path)).start()
        w.write(60)
        self.r.wait_all(w)
        behind = "".join(w.line() for _ in range(20))
        with open(w.path, "ab", buffering=0) as f:
            f.write(b"G" * 2250 + b"\n" + behind.encode())
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        self.r.check(w)
        self.assertEqual([line[:1] for line in self.r.lines()],
                         [b"s"] * 60 + [b"G"] + [b"s"] * 20)

    def test_without_a_window_the_octets_decide(self):
        self.begin("drop 1", window="1MB")
        self.w.write(20000)
        wait_for(lambda: self.destination()["in_flight_bytes"] > 900000,
                 "a full window")
        self.assertGreater(self.r.stats()["dropped"], 3000)
        self.d.kill()
        self.r.do("drop 0")
        self.d.start()
        self.end()

    def test_the_window_of_bytes_counts_too(self):
        """Of what is unanswered there is at most that and a message more."""
        window, message = 64 * 1024, 8 * 1024
        self.begin("drop 1", relp={"window": 65536}, window="64KB",
                   max_message="8KB")
        self.w.write(20000)

        def in_flight():
            return self.destination()["in_flight_bytes"]
        wait_for(lambda: in_flight() >= window - message, "a full window")
        self.assertLess(in_flight(), window + 2 * message)
        self.d.kill()
        self.r.do("drop 0")
        self.d.start()
        self.end()

    def test_a_poisonous_message_does_not_stop_the_others(self):
        self.begin("poison seq=00000500 ")
        self.w.write(1000)
        wait_for(lambda: self.r.missing(self.w) == 1, "all but one")
        self.wait_refused(1)
        self.assertEqual(self.r.stats()["refused"], 5)
        self.w.write(10)
        wait_for(lambda: self.r.missing(self.w) == 1, "all but one again")
        self.finish(self.d, self.r)
        self.assertRegex(self.d.log(), r"%s: the message at %d was refused: "
                         r"500 not this one; 5 times: passed over" %
                         (self.w.path, 499 * self.w.size))

    def test_poisonous_messages_that_are_refused_in_any_order(self):
        """Each has its own count: none is in the way of the others."""
        self.begin("poison seq=0000050", "shuffle 100",
                   retry=["5ms", "20ms"], relp={"window": 200})
        self.w.write(1000)
        wait_for(lambda: self.r.missing(self.w) == 10, "all but ten")
        self.wait_refused(10)
        for seq in range(500, 510):
            self.assertRegex(self.d.log(), r"at %d was refused: .* 5 times"
                             % ((seq - 1) * self.w.size))
        self.r.do("poison")
        self.w.write(10)
        wait_for(lambda: self.r.missing(self.w) == 10, "all but ten again")
        self.finish(self.d, self.r)

    def test_rate_limit(self):
        """Nothing is dropped; how fast it is, is not asked here."""
        self.begin(rate_limit=2000)
        self.w.write(6000)
        self.end()


if __name__ == "__main__":
    main()
