#!/usr/bin/python3
"""Goal: a receiver that is slow is waited for, however long it takes, and one
that is dead is left after ack_timeout."""

import time

from network import Sink
from teslacoil import Case, destination, main, source, wait_for


class Patience(Case):

    def begin(self, url, **options):
        self.w = self.writer()
        self.d = self.daemon(destination("d", url, **options) +
                             source("s", self.w.path)).start()

    def endpoint(self):
        return self.d.state()["destinations"][0]["endpoints"][0]

    def test_a_window_closed_for_many_times_the_timeout(self):
        """Its system answers our probes, which come ever more rarely."""
        sink = Sink(self, "127.0.0.1").start()
        self.begin(sink.url, framing="newline", ack_timeout="2s")
        self.w.write(100)
        sink.wait_all(self.w)
        sink.reading = False
        self.w.write(100000)
        # The pauses between probes are 0.2, 0.4, 0.8, 1.6, 3.2, 6.4 s.
        time.sleep(9)
        self.assertEqual(self.endpoint()["losses"], 0, self.d.log())
        sink.reading = True
        sink.wait_all(self.w)
        self.finish(self.d)
        sink.check(self.w)

    def test_an_answer_after_a_long_silence(self):
        """What was not due does not count as late."""
        r = self.receiver("relp:0").start()
        self.begin(r.url, ack_timeout="4s")
        self.w.write(1)
        r.wait_all(self.w)
        time.sleep(5)
        r.do("delay 2000")
        self.w.write(1)
        r.wait_all(self.w)
        wait_for(lambda: self.endpoint()["in_flight_bytes"] == 0,
                 "the answer")
        self.assertEqual(self.endpoint()["losses"], 0, self.d.log())
        self.finish(self.d, r)
        r.check(self.w)


if __name__ == "__main__":
    main()
