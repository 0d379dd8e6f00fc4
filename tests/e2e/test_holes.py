#!/usr/bin/python3
"""Goal: what was never written is not sent as lines, and is said."""

import os

from teslacoil import Case, destination, main, source, texts


# Where the system cannot find the end of a hole, it is read.
HOLE = 1 << 30 if hasattr(os, "SEEK_HOLE") else 1 << 26


class Holes(Case):

    def begin(self, **options):
        self.r = self.receiver().start()
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("s", [self.path("app.log"), self.path("other.log")],
                   **options)).start()
        self.fd = os.open(self.path("app.log"), os.O_WRONLY | os.O_CREAT,
                          0o644)
        self.addCleanup(os.close, self.fd)

    def end(self, *lines):
        self.r.wait_lines(len(lines))
        self.finish(self.d, self.r)
        self.assertEqual(texts(self.r.lines()), list(lines))

    def said(self, pattern):
        self.d.wait_log(pattern)

    def test_a_program_that_does_not_append_is_truncated(self):
        """It goes on at its offset, and all before is a hole."""
        self.begin()
        os.write(self.fd, b"x" * 5000 + b"\n")
        self.r.wait_lines(1)
        os.truncate(self.path("app.log"), 0)
        os.write(self.fd, b"after\n")
        self.said(r"app\.log: 5001 bytes at 0 are NULs")
        self.end(b"x" * 5000, b"after")

    def test_a_restart_behind_a_hole_at_the_beginning(self):
        """What begins with NULs has no fingerprint that tells."""
        self.begin()
        os.write(self.fd, b"x" * 5000 + b"\n")
        self.r.wait_lines(1)
        os.truncate(self.path("app.log"), 0)
        os.write(self.fd, b"".join(b"line %d\n" % i for i in range(100)))
        self.r.wait_lines(101)
        self.d.stop()
        os.write(self.fd, b"down\n")
        self.d.start()
        self.r.wait_lines(102)
        os.write(self.fd, b"up\n")
        self.r.wait_lines(103)
        # What the worker before wrote down of it holds as well.
        self.d.stop()
        self.d.start()
        os.write(self.fd, b"again\n")
        self.end(b"x" * 5000, *(b"line %d" % i for i in range(100)), b"down",
                 b"up", b"again")
        self.assertNotIn("the file that it was", self.d.log())

    def test_again_and_again(self):
        self.begin()
        lines = []
        for i in range(5):
            lines.append(b"%d " % i + b"y" * 3000)
            os.write(self.fd, lines[-1] + b"\n")
            self.r.wait_lines(len(lines))
            os.truncate(self.path("app.log"), 0)
        lines.append(b"the last")
        os.write(self.fd, lines[-1] + b"\n")
        self.end(*lines)

    def test_a_hole_in_the_middle(self):
        self.begin()
        os.write(self.fd, b"before\n")
        os.pwrite(self.fd, b"behind\n", HOLE)
        self.said(r"app\.log: %d bytes at 7 are NULs" % (HOLE - 7))
        self.end(b"before", b"behind")
        self.assertEqual(self.counter(), HOLE - 7)

    def counter(self):
        return self.holes

    def finish(self, daemon, *receivers):
        self.holes = daemon.state()["counters"]["hole_bytes"]
        super().finish(daemon, *receivers)

    def test_a_file_that_was_filled_with_nuls_before(self):
        """Lines are written over them, and wait for nobody."""
        self.filled_before()

    def test_the_same_by_polling(self):
        """Where the clock of the file system is coarse, nothing but a look at
        the contents tells."""
        self.filled_before(watch="poll", poll_interval="100ms")

    def filled_before(self, **options):
        self.begin(**options)
        os.pwrite(self.fd, bytes(100000), 0)
        self.d.wait_follows(self.path("app.log"))
        at = 0
        for i in range(20):
            at += os.pwrite(self.fd, b"line %d\n" % i, at)
            self.r.wait_lines(i + 1)
        self.end(*(b"line %d" % i for i in range(20)))

    def test_a_line_that_is_written_over_nuls_in_two_parts(self):
        """What NULs to the end of the file follow is not all of a line."""
        self.two_parts(10000)

    def test_the_same_with_more_nuls_than_are_read_at_once(self):
        self.two_parts(3000000)

    def two_parts(self, room):
        self.begin()
        os.ftruncate(self.fd, room)
        self.d.wait_follows(self.path("app.log"))
        for i in range(4):
            os.pwrite(self.fd, b"the first", 19 * i)
            # When this has come, the other has been looked at.
            with open(self.path("other.log"), "ab") as f:
                f.write(b"other\n")
            self.r.wait_lines(2 * i + 1)
            os.pwrite(self.fd, b" and last\n", 19 * i + 9)
            self.r.wait_lines(2 * i + 2)
        os.ftruncate(self.fd, 4 * 19)
        os.pwrite(self.fd, b"behind\n", 4 * 19)
        self.end(*4 * [b"other", b"the first and last"] + [b"behind"])

    def test_nuls_in_a_line_are_bytes(self):
        self.begin(control_chars="pass")
        os.write(self.fd, b"a\0b\n\0c\n" + b"d" + bytes(50) + b"e\n")
        self.end(b"a\0b", b"\0c", b"d" + bytes(50) + b"e")

    def test_a_long_run_of_nuls_that_was_written(self):
        self.begin()
        os.write(self.fd, b"before\n" + bytes(3000000) + b"behind\n")
        self.said(r"3000000 bytes at 7 are NULs")
        self.end(b"before", b"behind")


if __name__ == "__main__":
    main()
