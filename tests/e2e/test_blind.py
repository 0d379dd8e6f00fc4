#!/usr/bin/python3
"""Goal: nothing is lost where the system does not tell what of a connection
was acknowledged: what can still be in the socket counts as not acknowledged,
and a quiet connection is closed in order, which shows that all arrived."""

import os
import socket
import unittest

from processes import LINUX
from teslacoil import (Case, destination, from_env, main, rng, source,
                       wait_for)

BLIND = from_env("TESLACOILD_BLIND", "build/tests/teslacoild-blind")
KINDS = ("tcp:0", "unix-stream:")


class Blind(Case):

    def begin(self, address="tcp:0", **options):
        # One test may do this for every kind: each with files of its own.
        kind = address.split(":")[0]
        if address.endswith(":"):
            address += self.path("sock")
        self.w = self.writer(kind + ".log")
        self.r = self.receiver(address, kind + ".received",
                               options=["-b", "65536"]).start()
        options.setdefault("ack_timeout", "2s")
        self.d = self.daemon(destination("d", self.r.url, **options) +
                             source("s", self.path("*.log")),
                             program=BLIND).start()

    def acknowledged(self):
        """Whether the checkpoint has the whole file."""
        size = os.stat(self.w.path).st_size
        try:
            with open(os.path.join(self.d.state_dir, "checkpoint"),
                      "rb") as f:
                return b"%d" % size in f.read().split()
        except FileNotFoundError:
            return False

    def end(self, repeats=0):
        self.w.stop()
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w, repeats=repeats)

    def test_a_quiet_connection_is_closed_and_all_is_acknowledged(self):
        self.begin()
        for _ in range(2):
            self.w.write(1000)
            self.r.wait_all(self.w)
            wait_for(self.acknowledged, "the acknowledgement")
        self.d.kill()
        self.d.start()
        self.w.write(1000)
        self.end()
        self.assertNotIn("trying again", self.d.log())

    def test_what_is_in_doubt_never_fills_the_window(self):
        self.begin(window="64KB", ack_timeout="1h")
        self.w.write(50000)
        self.end()

    def test_stopping_repeats_nothing(self):
        self.begin()
        self.w.start(3000)
        for _ in range(3):
            self.w.wait_written(rng.randint(1, 3000))
            self.d.stop()
            self.d.start()
        self.end()

    def test_stopping_repeats_nothing_over_a_local_socket(self):
        self.begin("unix-stream:")
        self.w.start(3000)
        for _ in range(3):
            self.w.wait_written(rng.randint(1, 3000))
            self.d.stop()
            self.d.start()
        self.end()

    def test_killed(self):
        self.begin()
        self.w.start(5000)
        for _ in range(4):
            self.w.wait_written(rng.randint(1, 5000))
            self.d.kill()
            self.d.start()
        self.end(repeats=None)

    def test_the_receiver_resets(self):
        self.begin()
        self.w.start(5000)
        for _ in range(4):
            self.w.wait_written(rng.randint(1, 5000))
            self.r.do("reset")
        self.end(repeats=None)

    def test_the_receiver_dies_with_unread_lines(self):
        for kind in KINDS:
            with self.subTest(kind):
                self.begin(kind)
                self.r.do("pause")
                self.w.start(20000)
                self.w.wait_written(rng.randint(1000, 20000))
                self.r.do("die")
                self.r.reap()
                self.w.wait_written(rng.randint(1, 5000))
                self.r.start()
                self.end(repeats=None)

    def test_the_receiver_closes_and_comes_back(self):
        self.begin()
        self.w.start(5000)
        for _ in range(3):
            self.w.wait_written(rng.randint(1, 5000))
            self.r.do("away 200")
        self.end(repeats=None)

    def test_the_receiver_is_slower_than_the_timeout(self):
        self.begin(ack_timeout="1s")
        self.r.do("pause")
        self.w.write(100000)
        self.d.wait_log("no acknowledgement and no sign of life")
        self.r.do("resume")
        self.end(repeats=None)

    def test_the_receiver_takes_less_than_a_socket_holds(self):
        """In ack_timeout: it is waited for longer each time."""
        self.begin(ack_timeout="300ms")
        self.r.do("rate 100000")
        self.w.write(800)
        self.d.wait_log("does not close")
        self.r.wait_all(self.w)
        wait_for(self.acknowledged, "the acknowledgement")
        self.end(repeats=None)

    def test_a_receiver_that_never_closes(self):
        """It is asked to; and who does not answer gets all again."""
        self.begin()
        mute = socket.create_server(("127.0.0.1", 0))
        self.d.reload(destination(
            "d", "tcp://127.0.0.1:%d" % mute.getsockname()[1],
            ack_timeout="1s") + source("s", self.path("*.log")))
        self.w.write(100)
        self.d.wait_log("does not close")
        self.assertFalse(self.acknowledged())
        mute.close()
        self.d.reload(destination("d", self.r.url) +
                      source("s", self.path("*.log")))
        self.end(repeats=None)

    def has_said_goodbye(self, port):
        """Whether the daemon has, and the port's system does not know yet."""
        with open("/proc/net/tcp") as f:
            return any(line.split()[2:4] == ["0100007F:%04X" % port, "04"]
                       for line in f.readlines()[1:])

    @unittest.skipUnless(LINUX, "asks for the state of a connection")
    def test_a_goodbye_that_crosses_the_daemons_own(self):
        """It says nothing of what is on the way: the reset behind it does."""
        self.w = self.writer("log")
        self.r = self.receiver("tcp:0")
        port = int(self.r.address.split(":")[1])
        server = socket.socket()
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        server.bind(("127.0.0.1", port))
        server.listen()
        self.d = self.daemon(
            destination("d", self.r.url, ack_timeout="1s") +
            source("s", self.path("log")), program=BLIND).start()
        self.w.write(1000)
        connection = server.accept()[0]
        wait_for(lambda: self.has_said_goodbye(port), "the daemon's goodbye")
        connection.shutdown(socket.SHUT_WR)
        wait_for(self.acknowledged, "the goodbye to be believed")
        connection.close()
        server.close()
        self.r.start()
        self.end(repeats=None)


if __name__ == "__main__":
    main()
