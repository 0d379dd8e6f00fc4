#!/usr/bin/python3
"""Goal: a directory with very many entries is scanned in many turns of the loop.

Meanwhile files are made in it, renamed and written, and lines of a log
elsewhere go on: of all of them nothing is lost, and nothing comes twice.
"""

import errno
import os
import shutil
import signal
import unittest

from processes import LINUX
from teslacoil import (KQUEUE, Case, destination, kill, main, source,
                       wait_for)
from world import OPENDIR, PROGRAM, READDIR, STAT, World

ENTRIES = 20000


def fill(directory, first, n):
    for i in range(first, first + n):
        os.close(os.open(os.path.join(directory, "x%06d" % i),
                         os.O_WRONLY | os.O_CREAT, 0o644))


class Huge(Case):
    def setUp(self):
        super().setUp()
        self.huge = self.path("huge")
        os.mkdir(self.huge)
        os.mkdir(self.path("other"))
        self.inside = self.writer("huge/in.log")
        self.elsewhere = self.writer("other/out.log")
        self.r = self.receiver().start()

    def begin(self, **options):
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("h", self.path("huge/*.log"), **options) +
            source("o", self.path("other/*.log")))
        # Only so it tells of its scans.
        self.d.argv.insert(1, "-v")
        self.d.start()
        self.elsewhere.start(rate=500)
        self.inside.start(rate=500)

    def scans(self):
        """How many scans of it others had turns in."""
        return self.d.log().count("%s: was scanned in " % self.huge)

    def rotate(self, times):
        for _ in range(times):
            self.inside.wait_written(50)
            # Each name is new, so that none is gone before a scan met it.
            self.inside.rename(self.path("huge/in.log.%d" %
                                         (self.inside.gen + 1)))
            done = self.scans()
            wait_for(lambda: self.scans() > done, "a scan")

    def end(self):
        self.inside.stop()
        self.elsewhere.stop()
        self.r.wait_all(self.inside, self.elsewhere)
        self.finish(self.d, self.r)
        self.r.check(self.inside, self.elsewhere)

    def test_files_that_are_made_while_it_is_watched(self):
        self.begin()
        fill(self.huge, 0, 5 * ENTRIES)
        self.inside.rename(self.path("huge/in.log.1"))
        self.inside.wait_written(200)
        self.end()

    @unittest.skipUnless(LINUX and not KQUEUE, "the queue of inotify(7)")
    def test_names_that_came_and_went_while_events_were_lost(self):
        self.begin()
        self.inside.wait_written(50)
        self.r.wait_lines(50)
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        with open("/proc/sys/fs/inotify/max_queued_events") as f:
            fill(self.huge, 0, max(ENTRIES, int(f.read()) + 1))
        # Nobody saw it by a name that a source means.
        passing = self.writer("huge/passing.log")
        passing.write(50)
        os.rename(passing.path, passing.path + ".1")
        self.inside.rename(self.path("huge/in.log.1"))
        kill(worker, signal.SIGCONT)
        self.d.wait_log("the system lost events")
        self.r.wait_all(passing)
        self.end()

    def test_names_that_change_while_it_is_polled(self):
        fill(self.huge, 0, ENTRIES)
        self.begin(watch="poll", poll_interval="50ms")
        self.rotate(6)
        self.end()

    def test_names_that_come_and_change_while_it_is_polled(self):
        self.begin(watch="poll", poll_interval="50ms")
        fill(self.huge, 0, ENTRIES // 2)
        self.rotate(3)
        fill(self.huge, ENTRIES // 2, ENTRIES // 2)
        self.rotate(3)
        self.end()


class HugeCopies(Case):
    """The copy of a truncated log is one of very many names."""

    def begin(self, names):
        os.mkdir(self.path("huge"))
        os.mkdir(self.path("other"))
        for i in range(names):
            # Rotation may give each of them, and none is like the log.
            with open(self.path("huge/in.log.%d" % (i + 10)), "w") as f:
                f.write("%d\n" % i)
        self.w = self.writer("huge/in.log")
        self.other = self.writer("other/out.log")
        self.r = self.receiver().start()
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("h", self.path("huge/in.log")) +
            source("o", self.path("other/*.log")))
        # Only so it tells of its searches.
        self.d.argv.insert(1, "-v")
        self.d.start()
        self.w.write(100)
        self.other.start(rate=500)
        self.r.wait_all(self.w)

    def searches(self):
        return self.d.log().count("its copy was looked for in ")

    def end(self):
        self.other.stop()
        self.r.wait_all(self.w, self.other)
        self.finish(self.d, self.r)
        self.r.check(self.w, self.other)
        self.assertNotIn("lost", self.d.log())

    def rotate(self, n, then=None):
        """The worker sees all of it at once."""
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        self.w.write(100)
        self.w.copytruncate(self.path("huge/in.log.%d" % n))
        self.w.write(5)
        if then is not None:
            then()
        kill(worker, signal.SIGCONT)

    def test_it_is_found_in_many_turns(self):
        self.begin(ENTRIES)
        for n in range(3):
            self.rotate(n + 1)
            self.r.wait_all(self.w)
            self.assertGreater(self.searches(), n)
        self.end()

    def test_it_is_renamed_while_it_is_looked_for(self):
        self.begin(2 * ENTRIES)
        self.rotate(0)
        n = 0
        while not self.searches() and n < 9:
            os.rename(self.path("huge/in.log.%d" % n),
                      self.path("huge/in.log.%d" % (n + 1)))
            n += 1
        self.r.wait_all(self.w)
        self.end()

    def test_it_is_stopped_while_it_is_looked_for(self):
        self.begin(2 * ENTRIES)
        self.rotate(0, self.d.hup)
        self.end()


@unittest.skipUnless(LINUX, "the daemon of another world is for Linux")
class ManyLarge(Case):
    """Very many directories, each of which is scanned in many turns."""

    DIRS = 64
    EACH = 600
    OPEN = 16   # SCAN_OPEN of sizes.h

    def open_directories(self, below):
        links = "/proc/%d/fd" % self.d.worker()
        return sum(1 for fd in os.listdir(links)
                   if os.readlink(os.path.join(links, fd)).startswith(below))

    def test_few_of_them_are_open_at_once(self):
        os.mkdir(self.path("tree"))
        logs = []
        for i in range(self.DIRS):
            made = self.path("made/%02d" % i)
            os.makedirs(made)
            fill(made, 0, self.EACH)
            logs.append(self.writer("made/%02d/a.log" % i))
            logs[-1].write(2)
        r = self.receiver().start()
        world = World(os.path.join(self.dir, "world"), self.path("tree"))
        self.d = self.daemon(destination("d", r.url) +
                             source("s", self.path("tree/**/*.log")),
                             program=PROGRAM)
        self.d.env = world.env
        self.d.start()
        self.d.wait_log("worker: sandbox: ")
        held = world.failed
        # By then each of them had a part.
        world.hold_nth(self.DIRS * (self.EACH - 100), READDIR)
        os.rename(self.path("made"), self.path("tree/made"))
        wait_for(lambda: world.failed > held, "the scans")
        n = self.open_directories(self.path("tree/made/"))
        world.let_go()
        self.assertGreater(n, 1)
        self.assertLessEqual(n, self.OPEN + 1)
        r.wait_all(*logs)
        self.finish(self.d, r)
        r.check(*logs)


@unittest.skipUnless(LINUX, "the daemon of another world is for Linux")
class Midway(Case):
    """What becomes of a directory while the worker is held in its listing."""

    NAMES = 600

    def begin(self, **options):
        os.mkdir(self.path("tree"))
        os.mkdir(self.path("made"))
        self.other = self.writer("tree/other.log")
        self.files = [self.writer("made/%03d.log" % i)
                     for i in range(self.NAMES)]
        for w in self.files:
            w.write(1)
        self.r = self.receiver().start()
        self.world = World(os.path.join(self.dir, "world"),
                           self.path("tree"))
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.path("tree/**/*.log"),
                                    **options),
                             program=PROGRAM)
        self.d.env = self.world.env
        self.d.start()
        self.d.wait_log("worker: sandbox: ")

    def hold(self, calls, n):
        """Moves the directory in; the nth of the calls waits."""
        held = self.world.failed
        self.world.hold_nth(n, calls)
        os.rename(self.path("made"), self.path("tree/big"))
        wait_for(lambda: self.world.failed > held, "the middle of a scan")

    def end(self, *logs, repeats=0):
        self.world.let_go()
        self.other.write(10)
        self.r.wait_all(self.other, *logs)
        self.finish(self.d, self.r)
        self.r.check(self.other, *logs, repeats=repeats)
        self.assertNotIn("ended by signal", self.d.log())

    def removed(self, calls, n):
        self.begin()
        self.hold(calls, n)
        shutil.rmtree(self.path("tree/big"))
        self.end()

    def test_it_is_removed_while_it_is_listed(self):
        self.removed(READDIR, 300)

    def test_it_is_removed_while_names_are_looked_at(self):
        self.removed(STAT, 300)

    def test_it_is_removed_while_it_is_watched_and_looked_at(self):
        self.removed(STAT, 900)

    def test_it_is_moved_away_and_back(self):
        self.begin()
        self.hold(STAT, 400)
        os.rename(self.path("tree/big"), self.path("made"))
        self.world.let_go()
        self.other.write(1)
        self.r.wait_all(self.other)
        os.rename(self.path("made"), self.path("tree/big"))
        self.end(*self.files)

    def test_another_takes_its_place(self):
        self.begin()
        self.hold(STAT, 400)
        os.rename(self.path("tree/big"), self.path("made"))
        os.mkdir(self.path("tree/big"))
        new = [self.writer("tree/big/%03d.log" % i, name="new%d" % i)
               for i in range(10)]
        for w in new:
            w.write(5)
        self.end(*new)

    def test_its_files_are_rotated(self):
        self.begin()
        self.hold(READDIR, 300)
        for w in self.files[::50]:
            # It has another name by now.
            w.path = w.path.replace("/made/", "/tree/big/")
            w.write(1)
            w.rename(w.path + ".1")
            w.write(3)
        self.end(*self.files)


@unittest.skipUnless(LINUX, "the daemon of another world is for Linux")
class HugeLinks(Case):
    """Very many links lead to a directory that a start cannot look at."""

    LINKS = 10000

    def test_their_files_are_ordered_once(self):
        os.mkdir(self.path("real"))
        os.mkdir(self.path("links"))
        fill(self.path("real"), 0, self.LINKS)
        for i in range(self.LINKS):
            os.symlink(self.path("real/x%06d" % i),
                       self.path("links/%d.log" % i))
        w = self.writer("real/x000000")
        w.write(10)
        r = self.receiver().start()
        world = World(os.path.join(self.dir, "world"), self.path("real"))
        d = self.daemon(destination("d", r.url) +
                        source("s", self.path("links/*.log")),
                        program=PROGRAM)
        d.env = world.env
        d.start()
        r.wait_all(w)
        d.stop()
        # As it is there for links alone, it is listed to find what was moved.
        w.rename(self.path("real/x000000.1"))
        w.write(10)
        world.fail_nth(1, OPENDIR, errno.EIO, times=1 << 30)
        d.start()
        d.wait_log("worker: sandbox: ", 2)
        world.fail_nth(0, 0, 0)
        w.write(10)
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)


if __name__ == "__main__":
    main()
