#!/usr/bin/python3
"""Goal: a rate limit drops nothing, keeps the order and holds up nobody else;
bind and keepalive are what the connection really has."""

import errno
import os
import re
import time
import unittest

from processes import LINUX
from teslacoil import Case, destination, main, source, wait_for

RATE = 1000
LINES = 3500


class RateLimit(Case):

    def limited(self, address, rate=RATE, lines=LINES):
        """Lines to one that is limited, and one that is not."""
        w = self.writer()
        slow = self.receiver(address, name="slow").start()
        fast = self.receiver("tcp:0", name="fast").start()
        w.write(lines)
        begin = time.monotonic()
        d = self.daemon(
            destination("slow", slow.url, rate_limit=rate) +
            destination("fast", fast.url) + source("s", w.path)).start()
        fast.wait_all(w)
        slow.wait_all(w)
        # It never takes less time than the limit says, with a second ahead.
        self.assertGreater(time.monotonic() - begin, (lines - rate) / rate)
        self.finish(d, slow, fast)
        slow.check(w)
        fast.check(w)
        said = re.findall(r"destination slow: (\d+) messages waited for the "
                          r"rate limit in \d+ s", d.log())
        self.assertEqual(len(said), 1, d.log())
        # All but those of the first second, and what chance lets through.
        self.assertGreater(int(said[0]), (lines - rate) / 2)
        self.assertLessEqual(int(said[0]), lines - rate)

    def test_tcp(self):
        self.limited("tcp:0")

    def test_udp(self):
        # A burst of more would be lost, and not by us.
        self.limited("udp:0", 100, 350)

    def test_unix_datagrams(self):
        self.limited("unix-dgram:" + self.path("socket"))

    def test_relp(self):
        self.limited("relp:0")

    def test_others_do_not_wait_for_it(self):
        w = self.writer()
        slow = self.receiver(name="slow").start()
        fast = self.receiver(name="fast").start()
        d = self.daemon(
            destination("slow", slow.url, rate_limit=1) +
            destination("fast", fast.url) + source("s", w.path)).start()
        w.write(5000)
        fast.wait_all(w)
        self.assertGreater(slow.missing(w), 4000)
        d.stop()
        slow.stop()
        fast.check(w)

    def test_several_urls_share_it(self):
        """Balanced, two receivers get no more than one would."""
        writers = [self.writer("%d.log" % i) for i in range(10)]
        two = [self.receiver(name="r%d" % i).start() for i in range(2)]
        for w in writers:
            w.write(350)
        begin = time.monotonic()
        d = self.daemon(
            destination("d", [r.url for r in two], policy="balance",
                        rate_limit=RATE) +
            source("s", self.path("*.log"))).start()
        wait_for(lambda: sum(r.arrived() for r in two) >= LINES, "all lines")
        self.assertGreater(time.monotonic() - begin, (LINES - RATE) / RATE)
        self.finish(d, *two)
        self.assertEqual(sum(r.arrived() for r in two), LINES)
        for r in two:
            for w in writers:
                self.assertIsNone(r.ledger.seen[w.name] and
                                  r.ledger.disorder(w.name) or None)

    def test_what_is_below_it_does_not_wait(self):
        w = self.writer()
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url, rate_limit=100000) +
                        source("s", w.path)).start()
        w.write(5000)
        r.wait_all(w)
        self.finish(d, r)
        self.assertNotIn("rate limit", d.log())


def connections(port):
    """Local address and timer of those to port, as the system has them."""
    with open("/proc/net/tcp") as f:
        for line in list(f)[1:]:
            fields = line.split()
            if fields[2] == "0100007F:%04X" % port and fields[3] == "01":
                yield fields[1].split(":")[0], fields[5].split(":")[0]


@unittest.skipUnless(LINUX, "asks /proc/net/tcp")
class Connection(Case):
    KEEPALIVE = "02"            # proc(5), "tr"

    def connected(self, **options):
        w = self.writer()
        r = self.receiver().start()
        port = int(r.url.rpartition(":")[2])
        d = self.daemon(destination("d", r.url, **options) +
                        source("s", w.path)).start()
        w.write(10)
        r.wait_all(w)
        return d, r, port

    def test_keepalive(self):
        d, r, port = self.connected()
        wait_for(lambda: [timer for _, timer in connections(port)] ==
                 [self.KEEPALIVE], "a timer of keepalive")
        self.finish(d, r)

    def test_no_keepalive(self):
        d, r, port = self.connected(keepalive="0s")
        wait_for(lambda: [timer for _, timer in connections(port)] == ["00"],
                 "no timer")
        self.finish(d, r)

    def test_bind(self):
        d, r, port = self.connected(bind="127.0.0.7")
        # One may be listed twice while others come and go.
        self.assertEqual({local for local, _ in connections(port)},
                         {"0700007F"})
        self.finish(d, r)


class Bind(Case):

    def test_bind_to_an_address_that_is_not_ours(self):
        w = self.writer()
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url, bind="192.0.2.1") +
                        source("s", w.path)).start()
        w.write(10)
        d.wait_log(r"bind \"192\.0\.2\.1\": " +
                   re.escape(os.strerror(errno.EADDRNOTAVAIL)))
        d.reload(destination("d", r.url) + source("s", w.path))
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)


if __name__ == "__main__":
    main()
