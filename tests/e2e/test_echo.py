#!/usr/bin/python3
"""Goal: a file that a syslog daemon writes, on its way to that daemon, is no
endless loop; what only looks like one is sent."""

import os
import socket
import threading

from teslacoil import (Case, destination, main, source, wait_for)

HEADER = "Nov 26 20:00:0%d box app: "


class Syslogd:
    """The daemon of this host: what comes to its socket goes to its file."""

    def __init__(self, case, path):
        self.path = path
        self.where = os.path.join(case.dir, "dev-log")
        self.url = "unix://" + self.where
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.where)
        os.chmod(self.where, 0o666)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        case.addCleanup(self.stop)

    def run(self):
        with open(self.path, "ab", buffering=0) as out:
            while True:
                message = self.socket.recv(65536)
                if message == b"end":
                    return
                # <PRI>Mmm dd hh:mm:ss tag: text
                time, rest = message[:message.index(b">") + 16], \
                    message[message.index(b">") + 17:]
                out.write(time.partition(b">")[2] + b" box " + rest + b"\n")

    def stop(self):
        if self.thread.is_alive():
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
                s.sendto(b"end", self.where)
            self.thread.join()
        self.socket.close()


class Echo(Case):

    def test_a_file_that_its_receiver_writes_is_left_alone(self):
        path, other = self.path("messages"), self.path("other.log")
        syslogd = Syslogd(self, path)
        d = self.daemon(
            destination("d", syslogd.url) +
            source("app", [path, other])).start()
        with open(path, "a") as f:
            f.write("the line\n")
        d.wait_log("warning: %s: what is sent to d comes back into it" % path)
        with open(other, "w") as f:
            f.write("another line\n")

        def text():
            with open(path) as f:
                return f.read()
        wait_for(lambda: "another line" in text(), "the other file")
        self.assertLess(text().count("\n"), 40)
        # More of it changes nothing.
        with open(path, "a") as f:
            f.write("a third line\n")
        with open(other, "a") as f:
            f.write("a fourth line\n")
        wait_for(lambda: "a fourth line" in text(), "the other file")
        d.stop()
        self.assertEqual(text().count("a third line"), 1)
        self.assertEqual(d.log().count("comes back"), 1)

    def test_what_an_old_loop_left_is_sent(self):
        lines = [HEADER * i % tuple(range(i)) + "text" for i in range(1, 10)]
        with open(self.path("old.log"), "w") as f:
            f.write("".join(line + "\n" for line in 30 * lines))
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("app", self.path("*.log"))).start()
        r.wait_lines(30 * len(lines))
        self.finish(d, r)
        self.assertNotIn("comes back", d.log())

    def test_what_has_few_headers_is_sent(self):
        """Such as one daemon writes for another, line after line."""
        r = self.receiver().start()
        path = self.path("app.log")
        d = self.daemon(destination("d", r.url) + source("app", path)).start()
        with open(path, "w", buffering=1) as f:
            f.write("x" * 1000 + "\n")
            for i in range(100):
                f.write((HEADER % 1) * (1 + i % 3) + "text\n")
                r.wait_lines(i + 1)
        r.wait_lines(101)
        self.finish(d, r)
        self.assertNotIn("comes back", d.log())


if __name__ == "__main__":
    main()
