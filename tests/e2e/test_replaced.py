#!/usr/bin/python3
"""Goal: a log that is replaced or edited goes on where it was, whatever its
lines are like, and what was not sent of it is not passed over."""

import os

from teslacoil import Case, destination, main, source, texts, wait_for


class Replaced(Case):

    def begin(self, lines, *away):
        self.r = self.receiver()
        if not away:
            self.r.start()
        self.log = self.path("app.log")
        self.write(self.log, lines)
        self.d = self.daemon(
            destination("d", self.r.url, retry=["100ms", "100ms"]) +
            source("s", self.log), checkpoint_interval="50ms").start()
        self.d.wait_follows(self.log)

    def write(self, path, lines):
        with open(path, "wb") as f:
            f.write(b"".join(line + b"\n" for line in lines))

    def put(self, lines):
        """Another file at the path."""
        self.write(self.path("new.tmp"), lines)
        os.rename(self.path("new.tmp"), self.log)

    def acknowledged(self):
        st = os.stat(self.log)
        wait_for(lambda: any(
            f["inode"] == st.st_ino and
            f["cursors"][0]["acknowledged"] == st.st_size
            for f in self.d.state()["files"]), "the log to be sent")

    def end(self, lines):
        self.r.wait_lines(len(lines))
        self.finish(self.d, self.r)
        self.assertEqual(texts(self.r.lines()), lines)

    def lines(self, n, width=60):
        return [b"line" + b" %04d" % i * (width // 5) for i in range(n)]

    def test_nothing_sent_and_replaced_again_after_a_kill(self):
        """What is left of the first one says nothing of the next ones."""
        lines = self.lines(50)
        self.begin(lines[:40], "away")
        self.put(lines[:45])
        self.d.wait_log("was replaced by a file that has all of it")
        self.d.wait_follows(self.log)
        self.recorded()
        self.d.kill()
        self.put(lines)
        self.r.start()
        self.d.start()
        self.end(lines)

    def recorded(self):
        """The checkpoint has the log and what is left of the other."""
        path = os.path.join(self.d.state_dir, "checkpoint")
        size = len(b"".join(self.lines(40))) + 40

        def both():
            with open(path, "rb") as f:
                return any(b" %d " % size in line for line in f)
        wait_for(both, "the record of the rest")

    def test_edited_again_and_again(self):
        lines = self.lines(400)
        self.begin(lines)
        self.acknowledged()
        left = lines
        for _ in range(5):
            left = left[20:]
            self.put(left)
            self.acknowledged()
        self.put(left[20:] + [b"the last"])
        self.end(lines + [b"the last"])

    def test_edited_behind_a_long_line(self):
        lines = self.lines(100, 400)
        self.begin(lines)
        self.acknowledged()
        self.put(lines[3:] + [b"behind"])
        self.end(lines + [b"behind"])


if __name__ == "__main__":
    main()
