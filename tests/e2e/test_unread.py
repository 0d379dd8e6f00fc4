#!/usr/bin/python3
"""Goal: what a receiver acknowledged and never read before its connection came
to an end is sent again when that turns out; what it has read is not."""

import re
import select
import socket

from teslacoil import Case, destination, main, source, wait_for


class Listener:
    """Gives out connections; what they bring is the test's to read."""

    def __init__(self, case, scheme):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.socket.settimeout(60)
        self.url = "%s://127.0.0.1:%d" % (scheme, self.socket.getsockname()[1])
        case.addCleanup(self.socket.close)

    def accept(self):
        return self.socket.accept()[0]


class Goodbye(Case):

    LINES = 100

    def begin(self, **options):
        self.r = Listener(self, "tcp")
        self.w = self.writer()
        self.d = self.daemon(
            destination("d", self.r.url, framing="newline", **options) +
            source("s", self.w.path)).start()
        self.seen = set()

    def endpoint(self):
        return self.d.state()["destinations"][0]["endpoints"][0]

    def take(self, data):
        numbers = [int(n) for n in re.findall(rb"seq=(\d{8}) .*\n", data)]
        self.seen.update(numbers)
        return numbers

    def acknowledged(self, c):
        """The lines are at c's system, and some are read."""
        self.w.write(self.LINES)
        some = b""
        while some.count(b"\n") < self.LINES // 2:
            some += c.recv(50)
        self.take(some)
        wait_for(lambda: self.endpoint()["messages"] == self.LINES and
                 self.endpoint()["in_flight_bytes"] == 0, "acknowledgements")

    def read_until_all(self, *connections):
        rest = dict.fromkeys(connections, b"")

        def all_came():
            for c in select.select(connections, [], [], 0.1)[0]:
                data = rest[c] + c.recv(1 << 20)
                end = data.rfind(b"\n") + 1
                self.take(data[:end])
                rest[c] = data[end:]
            return len(self.seen) == self.w.count
        wait_for(all_came, "all lines")

    def test_octets_are_unread_when_it_closes_at_last(self):
        """The next connection stands already, and has lines of its own."""
        self.begin()
        first = self.r.accept()
        self.acknowledged(first)
        first.shutdown(socket.SHUT_WR)
        second = self.r.accept()
        self.w.write(10)
        with second:
            last = b"seq=%08d " % self.w.count
            came = b""
            while last not in came:
                came += second.recv(65536)
            self.take(came)
            self.assertLess(len(self.seen), self.w.count)
            first.close()           # with octets unread
            self.read_until_all(second)
            self.d.kill()

    def goodbyes(self, connections, reset, lines=100):
        """Several of them, one after the other, and then a reset."""
        self.begin()
        opened = []
        for i in range(connections):
            opened.append(self.r.accept())
            self.w.write(lines)
            wait_for(lambda: self.endpoint()["in_flight_bytes"] == 0 and
                     self.endpoint()["messages"] >= (i + 1) * lines,
                     "acknowledgements")
            opened[i].shutdown(socket.SHUT_WR)
        with self.r.accept() as last:
            opened.pop(reset).close()           # with octets unread
            self.read_until_all(last, *opened)
            self.d.kill()
        for c in opened:
            c.close()

    def test_the_first_of_several_has_octets_unread(self):
        self.goodbyes(3, 0)

    def test_the_last_of_several_has_octets_unread(self):
        self.goodbyes(3, 2)

    def test_more_than_are_watched_say_goodbye(self):
        """One of the last eight has octets unread."""
        self.goodbyes(12, 5, 20)

    def test_it_says_goodbye_and_reads_no_further(self):
        """More is in flight than its system has room for."""
        self.begin()
        first = self.r.accept()
        first.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.w.write(60000)
        self.take(first.recv(4096))
        first.shutdown(socket.SHUT_WR)
        second = self.r.accept()
        first.close()
        with second:
            self.read_until_all(second)
            self.d.kill()

    def test_one_that_has_read_all_gets_nothing_twice(self):
        self.begin()
        first = self.r.accept()
        self.acknowledged(first)
        while len(self.seen) < self.LINES:
            self.take(b"\n" + first.recv(65536))
            self.seen.update(range(1, self.LINES + 1))
        first.close()
        second = self.r.accept()
        self.w.write(1)
        with second:
            came = b""
            while not came.endswith(b"\n"):
                came += second.recv(65536)
            self.assertEqual(self.take(came), [self.LINES + 1])
            self.d.kill()


if __name__ == "__main__":
    main()
