"""What tests need in which files are taken for each other, or are not."""

import contextlib
import os
import re
import shutil
import signal
import subprocess

from processes import LINUX
from teslacoil import Case, destination, kill, source, texts, wait_for

# More than a fingerprint covers, and the same in every file.
BANNER = ["# %02d: the same first lines in every log of this program" % i
          for i in range(25)]


def numbered(what, n, begin=0):
    return ["%s line %05d %s" % (what, i, "." * (i % 40))
            for i in range(begin, begin + n)]


class Identity(Case):
    """A receiver that answers for each line, so that none comes twice."""

    def prepare(self, *patterns, program=None, url="relp:0", **options):
        self.r = self.receiver(url).start()
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("s", [self.path(p) for p in patterns], **options),
            program=program)

    def begin(self, *patterns, **options):
        self.prepare(*patterns, **options)
        self.d.start()

    def put(self, name, lines, mode="a"):
        """By one write(2).  Returns the lines."""
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), mode, encoding="ascii") as f:
            f.write("".join(line + "\n" for line in lines))
        return list(lines)

    def is_recorded(self, name):
        """Whether the checkpoint says that all of it was received."""
        st = os.stat(self.path(name))
        with open(os.path.join(self.d.state_dir, "checkpoint")) as f:
            return any(re.search(r" %d (.* )?%d \d+ " % (
                st.st_ino, st.st_size), line) for line in f)

    def need_birth(self):
        self.put("made", [])
        if not LINUX or subprocess.check_output(
                ["stat", "-c", "%W", self.path("made")]).strip() == b"0":
            self.skipTest("nobody knows here when a file was made")

    def take_inode(self, inode, name):
        """An empty file that gets this inode, where that is to be had."""
        for i in range(300):
            self.put(name, [])
            if os.stat(self.path(name)).st_ino == inode:
                return
            self.rename(name, "no%d" % i)
        self.put(name, [])

    def got(self):
        return [text.decode("utf-8", "replace") for text in
                texts(self.r.lines())]

    def mark(self):
        """What came up to now does not count any more."""
        self.known = len(self.got())

    known = 0

    def since(self):
        return self.got()[self.known:]

    def wait_for_lines(self, lines):
        wait_for(lambda: set(self.since()).issuperset(lines),
                 "%d lines" % len(lines))

    def settle(self):
        """The daemon has looked at everything, and sent what it will send."""
        def behind():
            state = self.d.state()
            return sum(d["lag_bytes"] + d["in_flight_bytes"]
                       for d in state["destinations"])
        for _ in range(2):
            wait_for(lambda: behind() == 0, "all to be sent")

    def expect(self, lines, ordered=True):
        """These lines come, each as often as it is among them; no other."""
        wait_for(lambda: len(self.since()) >= len(lines) and
                 set(self.since()).issuperset(lines),
                 "%d lines" % len(lines))
        self.settle()
        self.compare(lines, ordered)

    def compare(self, lines, ordered):
        got = self.since()
        if not ordered:
            lines, got = sorted(lines), sorted(got)
        self.assertEqual(got, lines)

    def end(self, lines, ordered=True):
        self.expect(lines, ordered)
        self.finish(self.d, self.r)
        self.compare(lines, ordered)

    def seen(self, *names):
        """Waits until the daemon knows how large these files are."""
        def known():
            sizes = {f["path"]: f["size"] for f in self.d.state()["files"]}
            return all(sizes.get(self.path(n)) == os.stat(self.path(n)).st_size
                       for n in names)
        wait_for(known, "the daemon to have seen %s" % (names,))

    def away(self):
        """The receiver ends; nothing is acknowledged any more."""
        self.settle()
        self.r.kill()
        wait_for(lambda: self.d.state()["destinations"][0]["endpoints"][0]
                 ["state"] != "connected", "the connection to end")

    @contextlib.contextmanager
    def unseen(self):
        """The daemon sees all of it at once."""
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        try:
            yield
        finally:
            kill(worker, signal.SIGCONT)

    def rename(self, name, to):
        os.rename(self.path(name), self.path(to))

    def copy(self, name, to):
        shutil.copyfile(self.path(name), self.path(to))

    def truncate(self, name, size=0):
        os.truncate(self.path(name), size)

    def replace(self, name, change):
        """As an editor does: another file gets the name."""
        with open(self.path(name), encoding="ascii") as f:
            lines = f.read().splitlines()
        part = name + ".part"
        self.put(part, change(lines))
        self.rename(part, name)

    def overwrite(self, name):
        """As shred(1) and dd(1) do: in place, with what is no text."""
        with open(self.path(name), "r+b") as f:
            n = f.seek(0, 2)
            f.seek(0)
            f.write(os.urandom(n))
            f.flush()
            os.fsync(f.fileno())

    def assert_silent(self, *words):
        """The daemon has said none of these words."""
        for word in words:
            self.assertNotIn(word, self.d.log())
