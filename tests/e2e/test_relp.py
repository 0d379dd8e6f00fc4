#!/usr/bin/python3
"""Goal: over RELP only the server's word counts, and no more waits for it than
was asked for.  What servers do wrong is in test_faults.py."""

from teslacoil import Case, destination, main, source, wait_for


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
