#!/usr/bin/python3
"""Goal: what happened to a file while the daemon was down, or its host, is told
by what stands in the files: no file is taken for another one, and none is
forgotten."""

import contextlib
import errno
import gzip
import itertools
import os
import shutil
import subprocess
import time
import unittest

import world
from identity import BANNER, Identity, numbered
from processes import LINUX
from teslacoil import destination, from_env, main, source, wait_for

DISK = from_env("TESLACOILD_DISK", "build/tests/teslacoild-disk")


class Down(Identity):

    def begin_and_stop(self, *patterns, **options):
        """All that was put is sent, and the daemon is stopped."""
        self.begin(*patterns, **options)
        self.expect(self.want, ordered=False)
        self.d.stop()
        self.mark()
        self.want = []

    def log(self, name, lines):
        self.want += self.put(name, lines)

    def compress_into_another(self):
        self.log("b.log", numbered("b late", 90))
        with open(self.path("b.log"), "rb") as f:
            data = gzip.compress(f.read())
        with open(self.path("a.log"), "wb") as f:
            f.write(data)
        self.rename("a.log", "b.log.1.gz")
        self.move_aside("b.log")
        self.log("b.log", BANNER + ["b next"])

    def move_aside(self, name):
        """Nobody gets its inode, nor looks there."""
        aside = os.path.join(self.dir, "aside")
        os.mkdir(aside)
        os.rename(self.path(name), os.path.join(aside, name))

    def pack(self, name, to):
        st = os.stat(self.path(name))
        with open(self.path(name), "rb") as f, \
                gzip.open(self.path(to), "wb") as z:
            shutil.copyfileobj(f, z)
        os.utime(self.path(to), ns=(st.st_atime_ns, st.st_mtime_ns))
        os.unlink(self.path(name))

    def setUp(self):
        super().setUp()
        self.want = []

    def back(self, ordered=True):
        self.d.start()
        self.end(self.want, ordered)


class Power(Down):
    """The host lost its power, and with it the last lines of the logs: the
    checkpoint says that more was sent than there is."""

    def lost(self, lines, keep, more):
        self.log("app.log", numbered("line", lines))
        self.begin_and_stop("app.log")
        with open(self.path("app.log"), encoding="ascii") as f:
            kept = f.readlines()[:keep]
        self.truncate("app.log", sum(map(len, kept)))
        self.put("app.log", more)
        self.d.start()
        self.wait_for_lines(more)
        self.settle()
        self.finish(self.d, self.r)
        got = self.since()
        old = [x for x in got if x.startswith("line")]
        # From the newest place that is known on, in order.
        self.assertEqual(got, numbered("line", keep)[keep - len(old):] + more)
        self.assertIn("as after a loss of power", self.d.log())
        return len(old)

    def test_shorter(self):
        """At most two times 64 KB and a pull come again: no 10,000 lines."""
        self.assertLess(self.lost(20000, 19990, ["after"]), 10000)

    def test_shorter_by_much(self):
        self.assertLess(self.lost(60000, 40000, numbered("after", 10)), 35000)

    def test_grown_again_past_what_was_sent(self):
        self.assertLess(self.lost(20000, 19900, numbered("after", 3000)),
                        10000)

    def test_shorter_and_rotated(self):
        """What is left of it is sent before the next log."""
        self.log("app.log", numbered("line", 20000))
        self.begin_and_stop("app.log")
        with open(self.path("app.log"), encoding="ascii") as f:
            kept = f.readlines()[:19900]
        self.truncate("app.log", sum(map(len, kept)))
        want = self.put("app.log", numbered("more", 3000))
        self.rename("app.log", "app.log.1")
        want += self.put("app.log", numbered("next", 5))
        self.back_to(want)

    def back_to(self, want):
        """They are the last that come, in order."""
        self.d.start()
        self.wait_for_lines(want)
        self.settle()
        self.finish(self.d, self.r)
        self.assertEqual(self.since()[-len(want):], want)

    def test_written_past_what_was_sent_behind_the_newest_guard(self):
        """RELP acknowledges each message, and a guard is that of many."""
        self.log("app.log", numbered("line", 100))
        self.begin("app.log")
        self.expect(self.want)
        end = os.stat(self.path("app.log")).st_size
        path = os.path.join(self.d.state_dir, "checkpoint")

        def records(kind):
            with open(path, "rb") as f:
                return [x for x in f if x.split(b" ")[1] == kind]

        def guards():
            return [x for x in records(b"more") if b" %d " % end in x]
        wait_for(guards, "the guard in the checkpoint")
        guard = guards()[0]
        self.log("app.log", numbered("lost", 50))
        self.expect(self.want)
        self.d.stop()
        self.mark()
        record = records(b"file")[-1]
        with open(path, "wb") as f:
            f.writelines([b"teslacoil-checkpoint 1\n", guard, record])
        self.truncate("app.log", end)
        self.want = self.put("app.log", numbered("another", 60))
        self.back()
        self.assertIn("as after a loss of power", self.d.log())

    def test_nothing_stands_any_more(self):
        self.log("app.log", numbered("line", 4000))
        self.begin_and_stop("app.log")
        self.want += self.put("app.log", numbered("other", 100), "w")
        self.back()
        self.d.wait_log("app.log: is another file than the one")


class Banners(Down):
    """All files begin with the same lines, more than a fingerprint covers."""

    def test_rotated_twice(self):
        self.log("app.log", BANNER + numbered("a", 1000))
        self.begin_and_stop("app.log")
        self.log("app.log", numbered("a", 100, 1000))
        self.rename("app.log", "app.log.2")
        self.log("app.log", BANNER + numbered("b", 100))
        self.rename("app.log", "app.log.1")
        self.log("app.log", BANNER + numbered("c", 100))
        self.back()

    def new_beside(self, *names):
        self.log("app.log", BANNER + numbered("app", 1000))
        self.begin_and_stop("*.log")
        for name in names:
            self.log(name, BANNER + numbered(name, 500))
        self.back(ordered=False)

    def test_new_logs_with_a_name_as_of_rotation(self):
        self.new_beside("app-2.log", "app.2.log", "app.1.log")

    def test_new_logs_with_other_names(self):
        self.new_beside("api.log", "b.log", "zz.log", "app-b.log")

    def test_a_longer_one(self):
        self.log("job-1.log", BANNER + numbered("one", 100))
        self.begin_and_stop("job-*.log")
        os.unlink(self.path("job-1.log"))
        self.log("job-2.log", BANNER + numbered("two", 400))
        self.back()

    def test_a_longer_one_with_the_inode(self):
        self.log("one/job.log", BANNER + numbered("one", 100))
        self.begin_and_stop("*/job.log")
        inode = os.stat(self.path("one/job.log")).st_ino
        shutil.rmtree(self.path("one"))
        os.mkdir(self.path("two"))
        self.take_inode(inode, "two/job.log")
        self.log("two/job.log", BANNER + numbered("two", 400))
        self.back()

    def test_restored_from_a_backup(self):
        """Every file has another inode."""
        for name, n in (("a", 50), ("b", 100), ("c", 150)):
            self.log("l/%s.log" % name, BANNER + numbered(name, n))
        self.begin_and_stop("l/*.log")
        for name, n in (("a", 300), ("b", 20), ("c", 5)):
            self.log("l/%s.log" % name, numbered(name + " new", n))
        shutil.copytree(self.path("l"), self.path("copy"))
        shutil.rmtree(self.path("l"))
        self.rename("copy", "l")
        self.back(ordered=False)

    def test_compressed(self):
        """Each goes on in its own file."""
        names = ("a.log", "b.log", "c.log")
        for i, name in enumerate(names):
            self.log(name, BANNER + numbered(name, 100 + 50 * i))
        self.begin_and_stop("*.log")
        for i, name in enumerate(names):
            self.log(name, numbered(name + " late", 90 - 30 * i))
            with open(self.path(name), "rb") as f, \
                    gzip.open(self.path(name + ".1.gz"), "wb") as z:
                shutil.copyfileobj(f, z)
            os.unlink(self.path(name))
            self.log(name, BANNER + [name + " next"])
        self.back(ordered=False)


    def test_compressed_beside_a_banner(self):
        """It has all that was sent of the log, and lines of its own."""
        self.log("app.log", BANNER)
        self.begin_and_stop("app.log*")
        lines = numbered("line", 50)
        self.want += BANNER + lines
        with gzip.open(self.path("app.log.1.gz"), "wb") as z:
            z.write("".join(x + "\n" for x in BANNER + lines).encode())
        self.back()

    def test_a_compressed_copy(self):
        self.log("app.log", BANNER + numbered("line", 50))
        self.begin_and_stop("app.log*")
        self.log("app.log", ["next"])
        with open(self.path("app.log"), "rb") as f, \
                gzip.open(self.path("app.log.1.gz"), "wb") as z:
            shutil.copyfileobj(f, z)
        self.back()

    def test_compressed_with_the_inode_of_another(self):
        self.log("a.log", BANNER + numbered("a", 100))
        self.log("b.log", BANNER + numbered("b", 150))
        self.begin_and_stop("*.log")
        self.compress_into_another()
        self.back()


class Unsent(Down):
    """Of a file of which nothing was sent only the beginning is known, and
    that is the one of all others, too."""

    def compress(self, name):
        with open(self.path(name), "rb") as f:
            data = gzip.compress(f.read())
        with open(self.path(name + ".gz"), "wb") as f:
            f.write(data)
        shutil.copystat(self.path(name), self.path(name + ".gz"))
        os.unlink(self.path(name))

    def begin_away(self, *patterns):
        self.log("first", ["first"])
        self.begin("first", *patterns)
        self.expect(self.want)
        self.away()

    def compressed_beside(self, new, *patterns):
        """A new file that begins alike is not what was compressed."""
        self.begin_away(*patterns)
        self.log("l/app.log", BANNER + numbered("old", 200))
        self.seen("l/app.log")
        self.d.stop()
        self.rename("l/app.log", "l/app.log.1")
        self.compress("l/app.log.1")
        # A clock of the file system has ticks.
        time.sleep(0.05)
        self.log(new, BANNER + numbered("new", 100))
        self.r.start()
        self.d.start()
        self.end(self.want, ordered=False)

    def test_the_next_one_has_its_inode(self):
        self.need_birth()
        self.begin_away("l/*.log")
        self.log("l/app.log", BANNER + numbered("old", 200))
        self.seen("l/app.log")
        self.d.stop()
        inode = os.stat(self.path("l/app.log")).st_ino
        self.compress("l/app.log")
        self.rename("l/app.log.gz", "l/app.log.1.gz")
        # A clock of the file system has ticks.
        time.sleep(0.05)
        self.take_inode(inode, "l/app.log")
        self.log("l/app.log", BANNER + numbered("new", 100))
        self.r.start()
        self.d.start()
        self.end(self.want, ordered=False)

    def copied(self, running):
        """The copy has the inode of an empty file that is gone."""
        self.need_birth()
        self.put("l/app.log.1", [])
        self.log("l/app.log", BANNER + numbered("line", 100))
        self.begin("l/*.log*")
        self.expect(self.want)
        self.d.wait_follows(self.path("l/app.log.1"))
        self.d.stop()
        self.mark()
        self.want = []
        inode = os.stat(self.path("l/app.log.1")).st_ino
        os.unlink(self.path("l/app.log.1"))
        if running:
            self.d.start()
            self.log("l/app.log", ["next"])
            self.expect(self.want)
        with self.unseen() if running else contextlib.nullcontext():
            self.take_inode(inode, "l/app.log.1")
            self.copy("l/app.log", "l/app.log.1")
            self.truncate("l/app.log")
        if not running:
            self.d.start()
        self.log("l/app.log", ["last"])
        self.end(self.want)

    def test_a_copy_has_the_inode_of_an_empty_file(self):
        self.copied(False)

    def test_a_copy_gets_the_inode_of_an_empty_file(self):
        self.copied(True)

    def test_a_short_one_is_rotated_on_and_compressed(self):
        self.begin_away("l/app.log*")
        self.log("l/app.log.1", ["one line"])
        self.log("l/app.log", ["next"])
        self.seen("l/app.log.1", "l/app.log")
        self.d.stop()
        self.rename("l/app.log.1", "l/app.log.3")
        self.compress("l/app.log.3")
        self.r.start()
        self.d.start()
        self.end(self.want, ordered=False)

    def test_a_copy_was_seen_while_it_was_empty(self):
        """The daemon was killed, or stopped, while cp was at it."""
        self.put("app.log.1", [])
        self.log("app.log", BANNER + numbered("line", 100))
        self.begin_and_stop("app.log*")
        self.copy("app.log", "app.log.1")
        self.truncate("app.log")
        self.log("app.log", ["next"])
        self.back()

    def test_compressed_before_the_daemon_was_stopped(self):
        """And others, which it never saw, begin alike."""
        self.need_birth()
        self.begin_away("l/app.log")
        self.log("l/app.log", BANNER + numbered("old", 200))
        self.seen("l/app.log")
        self.rename("l/app.log", "l/app.log.1")
        self.compress("l/app.log.1")
        self.log("l/app.log", BANNER + numbered("next", 200))
        self.seen("l/app.log")
        self.d.stop()
        self.rename("l/app.log.1.gz", "l/app.log.3.gz")
        self.rename("l/app.log", "l/app.log.2")
        # A clock of the file system has ticks.
        time.sleep(0.05)
        self.log("l/app.log", BANNER + numbered("new", 100))
        self.rename("l/app.log", "l/app.log.1")
        self.log("l/app.log", BANNER + numbered("newest", 100))
        self.r.start()
        self.d.start()
        self.end(self.want, ordered=False)

    def test_compressed_before_its_first_record(self):
        """The disk of the checkpoint is slow."""
        if not os.path.exists(DISK):
            self.skipTest("needs " + DISK)
        self.need_birth()
        self.log("first", ["first"])
        self.prepare("first", "l/app.log", program=DISK)
        slow = os.path.join(self.d.state_dir, "fdatasync-hangs")
        self.d.env = dict(os.environ, FAKE_DISK=self.d.state_dir)
        self.d.start()
        self.expect(self.want)
        self.away()
        with open(slow, "w"):
            pass
        self.log("first", ["second"])
        wait_for(lambda: os.path.exists(
            os.path.join(self.d.state_dir, "hanging")), "the disk to hang")
        self.log("l/app.log", BANNER + numbered("old", 200))
        self.seen("l/app.log")
        self.rename("l/app.log", "l/app.log.1")
        self.d.wait_log("l/app.log.1: was app.log")
        with open(self.path("l/app.log.1"), "rb") as f, \
                gzip.open(self.path("l/app.log.1.gz"), "wb") as z:
            shutil.copyfileobj(f, z)
        # In an earlier second than the record.
        time.sleep(1.1)
        os.unlink(self.path("l/app.log.1"))
        self.log("l/app.log", BANNER + numbered("next", 200))
        self.seen("l/app.log")
        os.unlink(slow)
        self.d.stop()
        self.rename("l/app.log.1.gz", "l/app.log.2.gz")
        self.rename("l/app.log", "l/app.log.1")
        self.log("l/app.log", BANNER + numbered("new", 100))
        self.r.start()
        self.d.start()
        self.end(self.want, ordered=False)

    def test_compressed_beside_the_next_one(self):
        self.compressed_beside("l/app.log", "l/*.log")

    def test_compressed_beside_another_log(self):
        self.compressed_beside("k/app.log", "l/*.log", "k/*.log")

    def test_a_private_file_that_begins_alike(self):
        self.begin_away("l/*.log")
        self.log("l/app.log", BANNER + numbered("old", 200))
        self.seen("l/app.log")
        self.d.stop()
        os.unlink(self.path("l/app.log"))
        self.put("l/secret.key", BANNER + ["secret"])
        self.want = ["first", "next"]
        self.put("l/app.log", ["next"])
        self.r.start()
        self.d.start()
        self.end(self.want)


    def test_a_copy_of_which_the_original_is_not_truncated_yet(self):
        """The daemon starts between the two steps."""
        self.need_birth()
        self.begin_away("l/app.log*")
        self.log("l/app.log", ["one line"])
        self.seen("l/app.log")
        self.d.stop()
        self.copy("l/app.log", "l/app.log.1")
        self.r.start()
        self.d.start()
        self.wait_for_lines(self.want)
        self.truncate("l/app.log")
        self.log("l/app.log", ["next"])
        self.end(self.want)


@unittest.skipUnless(LINUX, "the daemon of another world is for Linux")
class Raced(Down):
    """Files are rotated while the daemon starts: before each of the calls by
    which it looks at them."""

    def rotated(self):
        return [name for name in os.listdir(self.path("")) if
                name.startswith("app.log.")]

    def shift(self):
        """Of the log that is there, and of all that it was."""
        for i in range(len(self.rotated()), 0, -1):
            self.rename("app.log.%d" % i, "app.log.%d" % (i + 1))
        self.rename("app.log", "app.log.1")

    def rotate(self, n):
        self.n += 1
        self.log("app.log", numbered("log %d" % self.n, n))
        self.shift()
        self.log("app.log", [])

    def raced(self, *patterns, calls=world.ALL):
        self.n = 0
        w = world.World(os.path.join(self.dir, "world"), self.path(""))
        self.log("app.log", ["first"])
        self.prepare(*patterns, program=world.PROGRAM)
        self.d.env = w.env
        self.d.start()
        self.expect(self.want)
        for nth in itertools.count(1):
            held = w.failed
            self.d.stop()
            for lines in (20, 5, 10):
                self.rotate(lines)
            w.hold_nth(nth, calls)
            self.d.start()
            wait_for(lambda: w.failed > held or self.is_ready(), "the start")
            if w.failed > held:
                self.rotate(30)
            w.let_go()
            wait_for(lambda: set(self.since()).issuperset(self.want),
                     "all lines with call %d held" % nth)
            if w.failed == held:
                break
            for name in self.rotated():
                os.unlink(self.path(name))
        self.end(self.want, ordered=False)

    def each_call(self, act, down=lambda n: None, most=40):
        """Has act(n) done when each of the first calls of a start waits, and
        down(n) before it."""
        w = world.World(os.path.join(self.dir, "world"), self.path(""))
        self.log("app.log", numbered("first", 10))
        self.prepare("app.log", program=world.PROGRAM)
        self.d.env = w.env
        self.d.start()
        self.expect(self.want)
        for nth in range(1, most + 1):
            held = w.failed
            self.d.stop()
            # What changed is looked through.
            self.put("other", [])
            os.unlink(self.path("other"))
            down(nth)
            w.hold_nth(nth, world.ALL)
            self.d.start()
            wait_for(lambda: w.failed > held or self.is_ready(), "the start")
            if w.failed == held:
                w.let_go()
                break
            act(nth)
            w.let_go()
            self.expect(self.want)
            for name in self.rotated():
                os.unlink(self.path(name))
        self.assertGreater(nth, 2)
        self.end(self.want)

    def test_twice_and_written_late(self):
        """What the log had when the daemon stopped comes before what had its
        name since."""
        def act(n):
            self.log("app.log", numbered("log %d" % n, 30))
            self.shift()
            self.log("app.log", numbered("next %d" % n, 30))
            self.shift()
            self.log("app.log", ["last %d" % n])

        self.each_call(act)

    def test_late_lines(self):
        """When files were made tells their order, whatever their names are by
        then."""
        self.need_birth()

        def down(n):
            self.log("app.log", numbered("log %d" % n, 30))
            self.shift()
            late = numbered("late %d" % n, 3)
            self.want += late
            # A clock of the file system has ticks.
            time.sleep(0.02)
            self.log("app.log", numbered("next %d" % n, 30))
            self.shift()
            time.sleep(0.02)
            self.put("app.log.2", late)
            self.log("app.log", ["last %d" % n])

        def act(n):
            self.shift()
            self.log("app.log", ["new %d" % n])

        self.each_call(act, down)

    def test_copied_and_truncated(self):
        """What was sent is not sent again from the copy."""
        def act(n):
            self.log("app.log", numbered("log %d" % n, 30))
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
            self.log("app.log", numbered("next %d" % n, 30))

        self.each_call(act)

    def is_ready(self):
        return "worker: sandbox" in self.d.log().rpartition("stopping")[2]

    def test_where_the_pattern_means_the_log(self):
        self.raced("app.log")

    def test_where_the_pattern_means_all(self):
        self.raced("app.log*")


class Order(Down):
    """Generations that nobody saw come in the order in which they were
    written, whatever their names are."""

    def rotated(self, names):
        self.log("app.log", numbered("0", 50))
        self.begin_and_stop("app.log")
        for i, name in enumerate(names):
            self.log("app.log", numbered("%d's last" % i, 20))
            self.rename("app.log", name)
            # A clock of the file system has ticks.
            time.sleep(0.05)
            self.log("app.log", numbered(str(i + 1), 30))
            time.sleep(0.05)
        self.back()

    def test_higher_numbers_are_younger(self):
        self.rotated(["app-%d.log" % i for i in range(1, 5)])

    def test_the_day_comes_first(self):
        self.rotated(["app.log-" + d for d in
                      ("30112026", "01122026", "02122026")])

    def test_numbers_behind_the_name(self):
        self.rotated(["app.log.%d" % i for i in (3, 4, 5)])


    def test_written_late_beside_a_compressed_one(self):
        """When that was made is not known: that of the others is."""
        self.need_birth()
        self.log("app.log", numbered("0", 50))
        self.begin_and_stop("app.log*")
        first = numbered("0 late", 20)
        self.want += first
        self.rename("app.log", "app.log-20260101")
        for i in (2, 3):
            self.log("app.log", numbered(str(i), 30))
            self.rename("app.log", "app.log-2026010%d" % i)
            time.sleep(0.05)
        with open(self.path("app.log-20260103"), "rb") as f:
            data = gzip.compress(f.read())
        with open(self.path("app.log-20260103.gz"), "wb") as f:
            f.write(data)
        shutil.copystat(self.path("app.log-20260103"),
                        self.path("app.log-20260103.gz"))
        os.unlink(self.path("app.log-20260103"))
        self.put("app.log-20260101", first)
        time.sleep(0.05)
        self.log("app.log", numbered("4", 30))
        self.back()


class Between(Down):
    """A line that comes between a copy and the truncation is sent; then the
    copy has less than was sent, and what the next start finds there is old."""

    def sent(self):
        """Nothing is on its way, and the daemon knows what there is."""
        self.expect(self.want)
        self.seen("app.log")

    def rotate(self, name, between):
        self.copy("app.log", name)
        if between:
            self.log("app.log", ["between"])
            self.sent()
        self.truncate("app.log")
        self.seen("app.log")
        self.log("app.log", numbered("after " + name, 20))
        self.sent()

    def twice(self, first, second):
        self.log("app.log", numbered("first", 20))
        self.begin("app.log")
        self.sent()
        self.rotate(first, False)
        if first == second:
            self.rename(first, "app.log.2")
        self.rotate(second, True)
        self.d.stop()
        # What changed is looked through.
        self.put("other", [])
        self.d.start()
        self.settle()
        self.end(self.want)

    def test_numbers(self):
        self.twice("app.log.1", "app.log.1")

    def test_dates(self):
        self.twice("app.log-20260101", "app.log-20260102")


class Same(Down):
    """Two logs that say the same are two logs."""

    SAME = numbered("service starting", 40)

    def second(self, first, second):
        self.log(first, self.SAME)
        self.begin_and_stop("*.log", "*/*.log")
        self.log(second, self.SAME)
        self.d.start()
        self.expect(self.want)
        self.log(second, ["only here"])
        self.end(self.want)

    def test_in_one_directory(self):
        self.second("site-a.log", "site-b.log")

    def test_in_two_directories(self):
        self.second("a/0.log", "b/0.log")

    def test_with_a_number(self):
        self.second("worker.log", "worker-2.log")

    def test_with_a_date(self):
        """As long as the other log was written to since."""
        self.log("app.log", ["ready"])
        self.begin_and_stop("*.log")
        self.log("app.log", ["request"])
        self.log("app-20261126.log", ["ready"])
        self.back(ordered=False)

    def test_short_ones(self):
        """One went and another came: nothing says that it is the same."""
        self.log("one.log", ["started"])
        self.begin_and_stop("*.log")
        os.unlink(self.path("one.log"))
        self.log("two.log", ["started"])
        self.back()


class Moved(Down):
    """A file that is older than its record is no other, however short it is."""

    def setUp(self):
        super().setUp()
        self.need_birth()

    def test_rotated_twice(self):
        self.log("app.log.1", ["one line"])
        self.begin_and_stop("app.log*")
        self.rename("app.log.1", "app.log.3")
        self.log("app.log.3", ["late"])
        self.back()

    def test_compressed_with_the_name_of_a_known_one_behind_a_link(self):
        os.symlink(self.path("real/app.log"), self.path("app.log"))
        self.log("real/app.log", numbered("0", 50))
        self.begin("app.log")
        self.expect(self.want)
        self.rename("real/app.log", "real/app.log.1")
        self.log("real/app.log", numbered("1", 50))
        self.expect(self.want)
        self.d.stop()
        self.mark()
        self.want = []
        self.pack("real/app.log.1", "real/app.log.3.gz")
        self.rename("real/app.log", "real/app.log.2")
        time.sleep(0.05)
        self.log("real/app.log.1", numbered("2", 50))
        self.pack("real/app.log.1", "real/app.log.1.gz")
        self.log("real/app.log", numbered("3", 50))
        self.back()

    def test_renamed_to_the_name_of_another_log(self):
        """It is that log from now on, and may be begun anew."""
        self.log("a.log", numbered("a", 50))
        self.begin_and_stop("*.log")
        self.rename("a.log", "b.log")
        self.d.start()
        self.log("b.log", ["late"])
        self.expect(self.want)
        self.truncate("b.log")
        self.log("b.log", ["anew"])
        self.end(self.want)

    def test_renamed_to_any_name(self):
        self.log("a.log", ["one line"])
        # The record tells seconds.
        second = os.stat(self.path("a.log")).st_ctime_ns // 10 ** 9
        wait_for(lambda: time.time_ns() // 10 ** 9 > second, "the next second")
        self.log("a.log", ["and another"])
        self.begin_and_stop("*.log")
        self.rename("a.log", "b.log")
        self.log("b.log", ["late"])
        self.back()


    def test_a_hard_link_of_one_that_was_rotated_further(self):
        """It is found by that first, and has another name of its own."""
        self.log("app.log.1", numbered("line", 50))
        os.mkdir(self.path("aside"))
        os.link(self.path("app.log.1"), self.path("aside/link"))
        self.begin("app.log*", "aside/*.log")
        self.expect(self.want)
        self.rename("app.log.1", "app.log.2")
        self.seen("app.log.2")
        self.d.stop()
        self.d.start()
        self.d.wait_follows(self.path("app.log.2"))
        self.end(self.want)


class Changes(Down):
    """What was sent still stands in the file: it is not sent again."""

    def test_space_that_is_cut_off(self):
        self.log("app.log", numbered("line", 300))
        end = os.stat(self.path("app.log")).st_size
        self.truncate("app.log", end + (1 << 20))
        self.begin("app.log")
        self.wait_for_lines(self.want)
        self.d.stop()
        self.mark()
        self.want = []
        self.truncate("app.log", end)
        self.log("app.log", ["cut while down"])
        self.back()

    def test_a_head_that_is_nuls_now(self):
        self.log("app.log", numbered("line", 8000))
        self.begin_and_stop("app.log")
        with open(self.path("app.log"), "r+b") as f:
            f.write(bytes(1 << 17))
        self.log("app.log", numbered("after", 10))
        self.back()

    def test_replaced_by_a_longer_copy(self):
        self.log("app.log", numbered("line", 300))
        self.begin_and_stop("app.log")
        more = numbered("more", 10)
        self.replace("app.log", lambda lines: lines + more)
        self.want = more
        self.back()

    def edited(self, change):
        self.log("app.log", numbered("line", 2000))
        self.begin_and_stop("app.log")
        change(numbered("line", 2000)[500:] + ["more"])
        self.want = ["more"]
        self.log("app.log", ["and more"])
        self.back()

    def test_replaced_without_its_first_lines(self):
        """sed -i 1,500d"""
        self.edited(lambda lines: self.replace("app.log", lambda _: lines))

    def test_its_first_lines_are_removed_in_place(self):
        """tail -n 1500 log > tmp; cat tmp > log"""
        self.edited(lambda lines: self.put("app.log", lines, "w"))

    def test_a_compressed_file_is_written_over(self):
        """It was rotated, and never begins again."""
        self.log("app.log", numbered("line", 200))
        self.begin("app.log")
        self.expect(self.want)
        self.away()
        self.put("app.log", numbered("lost", 100))
        self.seen("app.log")
        self.d.stop()
        self.mark()
        packed = self.path("app.log.1.gz")
        with open(self.path("app.log"), "rb") as f, \
                gzip.open(packed, "wb") as z:
            shutil.copyfileobj(f, z)
        os.unlink(self.path("app.log"))
        self.want = []
        self.log("app.log", ["next"])
        self.d.start()
        self.d.wait_follows(packed)
        with gzip.open(packed, "wb") as z:
            z.write(b"alien\n" * 10000)
        self.r.start()
        self.d.wait_log("app.log.1.gz: was written over")
        self.end(self.want)

    def test_moved_to_another_directory_behind_a_link(self):
        for name in "abc":
            self.log("app/%s.log" % name, numbered(name, 200))
        self.begin_and_stop("app/*.log")
        shutil.copytree(self.path("app"), self.path("disk"))
        shutil.rmtree(self.path("app"))
        os.symlink(self.path("disk"), self.path("app"))
        for name in "abc":
            self.log("app/%s.log" % name, numbered(name + " new", 10))
        self.back(ordered=False)


class Records(Down):
    """The checkpoint of another configuration, or of an older daemon."""

    def checkpoint(self):
        return os.path.join(self.d.state_dir, "checkpoint")

    def without_guards(self):
        """As daemons wrote it that knew of none."""
        with open(self.checkpoint(), "rb") as f:
            lines = f.readlines()
        with open(self.checkpoint(), "wb") as f:
            f.writelines(x for x in lines if x.split(b" ")[1] != b"more")

    def test_of_an_older_daemon(self):
        names = ("a.log", "b.log", "c.log", "d.log")
        for i, name in enumerate(names):
            self.log(name, BANNER * (i % 2) + numbered(name, 100 * (i + 1)))
        self.begin_and_stop("*.log")
        self.without_guards()
        self.log("a.log", numbered("a more", 10))
        self.rename("b.log", "b.log.1")
        self.log("b.log", ["b next"])
        self.replace("c.log", lambda lines: lines + ["c more"])
        self.want += ["c more"]
        self.back(ordered=False)
        # And what is written now has guards.
        self.mark()
        self.want = []
        self.r.start()
        self.log("d.log", ["d more"])
        self.back()

    def test_of_an_older_daemon_and_space_that_is_cut_off(self):
        self.log("app.log", numbered("line", 300))
        end = os.stat(self.path("app.log")).st_size
        self.truncate("app.log", end + (1 << 20))
        self.begin("app.log")
        self.wait_for_lines(self.want)
        self.d.stop()
        self.mark()
        self.without_guards()
        self.d.start()
        self.d.wait_follows(self.path("app.log"))
        self.truncate("app.log", end)
        self.seen("app.log")
        self.want = []
        self.log("app.log", ["next"])
        self.end(self.want)

    def changed(self, *conf):
        """Nothing is said of what this configuration does not send."""
        self.log("app.log", numbered("app", 100))
        self.log("db.log", numbered("db", 100))
        self.r = self.receiver("relp:0").start()
        other = self.receiver("relp:0", name="other").start()
        self.d = self.daemon(
            destination("d", self.r.url) + destination("e", other.url) +
            source("s", self.path("*.log"))).start()
        self.expect(self.want, ordered=False)
        wait_for(lambda: other.arrived() == 200, "the other's lines")
        self.settle()
        self.d.stop()
        self.mark()
        self.d.write_conf("".join(conf).replace("D_URL", self.r.url)
                          .replace("E_URL", other.url))
        for _ in range(2):
            self.d.start()
            self.d.wait_log("connected to", 2)
            self.log("app.log", ["next"])
            wait_for(lambda: "next" in self.since(), "the next line")
            self.d.stop()
        self.assert_silent("another file", "no copy", "is lost")
        other.stop()
        self.r.stop()

    def test_a_destination_is_removed(self):
        self.changed(destination("d", "D_URL"),
                     source("s", self.path("*.log")))

    def test_a_destination_gets_less(self):
        self.changed(destination("d", "D_URL"), destination("e", "E_URL"),
                     source("s", self.path("app.log"), destinations=["d"]),
                     source("t", self.path("db.log")))

    def test_one_of_those_of_a_new_file_was_not_written(self):
        """The host lost power in the middle of them."""
        self.log("app.log", numbered("line", 50))
        self.r, other = (self.receiver("relp:0", name=name).start()
                         for name in "de")
        self.d = self.daemon(
            destination("d", self.r.url) + destination("e", other.url) +
            source("s", self.path("app.log")))
        for r in self.r, other:
            r.kill()
        self.d.start()
        checkpoint = os.path.join(self.d.state_dir, "checkpoint")
        wait_for(lambda: all(self.recorded(dest) for dest in "de"),
                 "the records of both")
        self.d.stop()
        with open(checkpoint) as f:
            kept = [line for line in f if line.split()[1:3] != ["file", "e"]]
        with open(checkpoint, "w") as f:
            f.writelines(kept)
        self.rename("app.log", "app.log.1")
        self.log("app.log", ["next"])
        for r in self.r, other:
            r.start()
        self.d.start()
        self.expect(self.want)
        other.wait_lines(51)
        self.finish(self.d, self.r, other)

    def recorded(self, dest):
        path = os.path.join(self.d.state_dir, "checkpoint")
        if not os.path.exists(path):
            return False
        with open(path) as f:
            return " file %s " % dest in f.read()

    def test_a_renamed_destination_is_another_one(self):
        """By what was sent to the one before nothing is found for it."""
        self.log("app.log", numbered("before", 50))
        self.begin_and_stop("app.log")
        self.d.write_conf(destination("f", self.r.url) +
                          source("s", [self.path("app.log")]))
        self.pack("app.log", "app.log.1.gz")
        self.log("app.log", numbered("behind", 50))
        self.back()

    def changed_name(self):
        return destination("f", "E_URL")

    def test_a_destination_is_renamed(self):
        self.changed(destination("d", "D_URL"), self.changed_name(),
                     source("s", self.path("*.log")))


@unittest.skipUnless(LINUX, "the world is made for Linux")
class World(Down):
    """Devices get other numbers, clocks jump, look-ups fail."""

    def prepare(self, *patterns, **options):
        self.world = world.World(os.path.join(self.dir, "world"), self.logs)
        self.addCleanup(self.world.close)
        self.world.seed(1)
        super().prepare(*patterns, program=self.for_others(world.PROGRAM),
                        **options)
        os.chmod(self.world.path, 0o666)
        self.d.env = self.world.env

    def test_devices_have_other_numbers(self):
        """Files that nobody wrote to, that grew, and that were rotated."""
        for name in ("quiet", "grown", "rotated", "moved"):
            self.log(name + ".log", BANNER + numbered(name, 200))
        os.mkdir(self.path("old"))
        self.begin("*.log", "old/*.none")
        self.expect(self.want, ordered=False)
        self.rename("moved.log", "old/moved")
        wait_for(lambda: self.path("old/moved") in
                 [f["path"] for f in self.d.state()["files"]], "the move")
        self.d.stop()
        self.mark()
        self.want = []
        for _ in range(2):
            self.world.renumber()
            self.log("grown.log", ["more"])
            self.log("rotated.log", ["last"])
            self.rename("rotated.log", "rotated.log.1")
            self.log("rotated.log", BANNER + ["first"])
            self.d.start()
            self.expect(self.want, ordered=False)
            # Nobody wrote to it while the daemon was down.
            self.log("old/moved", ["moved late"])
            self.expect(self.want, ordered=False)
            self.d.stop()
        self.r.stop()

    def test_compressed_with_the_inode_of_another_and_unread(self):
        self.log("a.log", BANNER + numbered("a", 100))
        self.log("b.log", BANNER + numbered("b", 150))
        self.begin_and_stop("*.log")
        self.compress_into_another()
        self.world.fail_nth(1, world.READ, errno.EIO, 1 << 31)
        self.d.start()
        self.d.state()
        self.world.fail_nth(0, 0, 0)
        self.end(self.want, ordered=False)

    def test_a_log_with_a_banner_alone_is_moved_away(self):
        """What was compressed long ago has the same, and is not its copy."""
        self.log("app.log", BANNER + numbered("old", 30))
        self.begin_and_stop("app.log")
        self.pack("app.log", "app.log.2.gz")
        self.world.jump(3600)
        time.sleep(0.05)
        self.log("app.log", BANNER)
        self.d.start()
        self.expect(self.want)
        self.d.wait_log("app.log.2.gz: finished")
        self.d.stop()
        self.mark()
        self.want = []
        self.move_aside("app.log")
        self.log("app.log", ["something else"])
        self.back()

    def jumped(self, seconds, first=20):
        """The checkpoint was written by a clock that was wrong."""
        self.prepare("app.log")
        self.world.jump(seconds)
        self.log("app.log", numbered("0", 50))
        self.d.start()
        self.expect(self.want)
        self.d.stop()
        self.mark()
        self.want = []
        self.world.jump(-seconds)
        # What is written in the same tick has a time of before.
        time.sleep(0.05)
        for i in range(1, 4):
            self.log("app.log", numbered("%d's last" % i,
                                         first if i == 1 else 20))
            for n in (2, 1):
                if os.path.exists(self.path("app.log.%d" % n)):
                    self.rename("app.log.%d" % n, "app.log.%d" % (n + 1))
            self.rename("app.log", "app.log.1")
            time.sleep(0.05)
            self.log("app.log", numbered(str(i), 30))
            time.sleep(0.05)
        self.back()

    def test_the_log_itself_has_a_time_to_come(self):
        """It was written to last when the clock was wrong."""
        self.jumped(86400, first=0)

    def test_the_clock_was_a_day_ahead(self):
        self.jumped(86400)

    def test_the_clock_was_a_day_behind(self):
        self.jumped(-86400)

    def test_the_clock_is_set_back_twice(self):
        """What is rotated last was written first, by the clock."""
        self.prepare("app.log")
        self.world.jump(86400)
        self.log("app.log", numbered("0", 50))
        self.d.start()
        self.expect(self.want)
        self.d.stop()
        self.mark()
        self.want = []
        self.world.jump(-7200)
        time.sleep(0.05)
        self.log("app.log", numbered("0's last", 20))
        self.rename("app.log", "app.log.2")
        self.world.jump(-7200)
        time.sleep(0.05)
        self.log("app.log.1", numbered("1", 30))
        self.log("app.log", numbered("2", 30))
        # It is before the checkpoint, still.
        time.sleep(0.05)
        self.world.jump(10000)
        self.back(ordered=False)

    def set_back_for_a_time(self, n, last):
        """By it, what was written then came before the checkpoint."""
        self.prepare("app.log")
        self.log("app.log", numbered("0", n))
        self.d.start()
        self.seen("app.log")
        self.expect(self.want)
        self.d.stop()
        self.mark()
        self.want = []
        self.world.jump(-3600)
        time.sleep(0.05)
        self.log("app.log", numbered("0's last", last))
        for i in range(1, 4):
            for n in (2, 1):
                if os.path.exists(self.path("app.log.%d" % n)):
                    self.rename("app.log.%d" % n, "app.log.%d" % (n + 1))
            self.rename("app.log", "app.log.1")
            time.sleep(0.05)
            self.log("app.log", numbered(str(i), 30))
        time.sleep(0.05)
        self.world.jump(3600)
        self.back(ordered=False)

    def test_the_clock_is_set_back_for_a_time(self):
        self.set_back_for_a_time(50, 20)

    def test_the_clock_is_set_back_and_an_empty_file_is_rotated(self):
        self.set_back_for_a_time(0, 0)

    def test_a_copy_is_made_while_the_clock_is_set_back(self):
        self.prepare("app.log")
        self.log("app.log", numbered("0", 50))
        self.d.start()
        self.expect(self.want)
        self.d.stop()
        self.mark()
        self.want = []
        self.log("app.log", numbered("0's last", 20))
        self.world.jump(-3600)
        time.sleep(0.05)
        self.copy("app.log", "app.log.1")
        self.truncate("app.log")
        time.sleep(0.05)
        self.world.jump(3600)
        self.log("app.log", numbered("1", 20))
        self.back()

    def test_an_empty_file_has_a_time_to_come(self):
        """It was made before the clock was set back, and rotated."""
        self.prepare("app.log")
        self.world.jump(3600)
        time.sleep(0.05)
        self.put("app.log", [])
        self.d.start()
        self.seen("app.log")
        self.d.stop()
        self.mark()
        self.world.jump(-3600)
        time.sleep(0.05)
        self.rename("app.log", "app.log.2")
        self.log("app.log.1", numbered("1", 20))
        self.log("app.log.2", numbered("0", 20))
        self.log("app.log", numbered("2", 20))
        self.back(ordered=False)

    def old(self, n, age, packed=False):
        """A generation of which there is no record, as of what is finished."""
        name = "app.log.%d" % n
        self.put(name, numbered(name, 50))
        if packed:
            subprocess.check_call(["gzip", self.path(name)])
            name += ".gz"
        when = time.time() - age
        os.utime(self.path(name), (when, when))

    def set_with_old(self, ahead, running, down, age=0):
        """
        How far the clock is ahead when the old generations are written, and by
        how much it is set while the daemon runs, and while it is down.  The
        youngest are so old, in seconds.
        """
        self.prepare("app.log")
        self.world.jump(ahead)
        time.sleep(0.05)
        self.old(1, age)
        self.old(2, age, packed=True)
        self.old(3, 1800)
        self.old(4, 5400, packed=True)
        self.log("app.log", numbered("first", 50))
        self.d.start()
        self.expect(self.want)
        self.world.jump(running)
        time.sleep(0.05)
        self.log("app.log", numbered("second", 50))
        self.expect(self.want)
        self.d.stop()
        self.mark()
        self.world.jump(down)
        time.sleep(0.05)
        self.want = []
        self.log("app.log", numbered("third", 50))
        self.d.start()
        self.expect(self.want)
        self.d.stop()
        # What comes when no worker runs is told from what was there.
        for n in range(4, 0, -1):
            for kind in ("", ".gz"):
                if os.path.exists(self.path("app.log.%d%s" % (n, kind))):
                    self.rename("app.log.%d%s" % (n, kind),
                                "app.log.%d%s" % (n + 1, kind))
        self.log("app.log", numbered("fourth", 50))
        self.rename("app.log", "app.log.1")
        self.log("app.log", numbered("fifth", 50))
        self.back()

    def test_old_ones_when_the_clock_is_set_back(self):
        self.set_with_old(0, -3600, 0)

    def test_old_ones_when_the_clock_is_set_back_while_down(self):
        self.set_with_old(0, 0, -3600)

    def test_old_ones_when_the_clock_is_set_forward(self):
        self.set_with_old(0, 3600, 3600)

    def test_old_ones_of_a_clock_that_was_ahead(self):
        self.set_with_old(7200, -7200, 0)

    def test_old_ones_when_the_clock_is_set_back_and_forth(self):
        self.set_with_old(0, -3600, 3600, age=10)

    def test_the_inode_of_a_log_when_the_clock_was_set_back(self):
        """By the clock what got it was made before the log was written to."""
        self.need_birth()
        self.prepare("*.log", max_open=1)
        self.log("app.log", numbered("app", 50))
        self.log("other.log", ["other"])
        self.d.start()
        self.expect(self.want, ordered=False)
        self.log("other.log", ["more"])
        self.expect(self.want, ordered=False)
        self.world.jump(-3600)
        time.sleep(0.05)
        inode = os.stat(self.path("app.log")).st_ino
        with self.unseen():
            os.unlink(self.path("app.log"))
            self.take_inode(inode, "server.key")
            self.put("server.key", ["-", "secret"])
        self.log("other.log", ["last"])
        self.end(self.want, ordered=False)

    def test_the_inode_of_a_compressed_file(self):
        """It was not read to its end when another file got its number."""
        self.need_birth()
        self.prepare("*.log", max_open=1)
        self.log("app.log", numbered("app", 50))
        self.d.start()
        self.expect(self.want)
        self.away()
        self.put("app.log", numbered("waits", 50))
        self.rename("app.log", "app.log.1")
        self.put("app.log", [])
        self.d.stop()
        self.pack("app.log.1", "app.log.1.gz")
        self.d.start()
        self.log("other.log", ["other"])
        self.seen("other.log")
        inode = os.stat(self.path("app.log.1.gz")).st_ino
        with self.unseen():
            os.unlink(self.path("app.log.1.gz"))
            self.take_inode(inode, "new.log")
            self.log("new.log", numbered("new", 50))
        self.r.start()
        self.wait_for_lines(self.want)

    def test_a_copy_is_known_when_the_clock_is_set_forward(self):
        """By the clock the log was written to long after it was copied."""
        self.prepare("app.log*")
        self.log("app.log", numbered("0", 50))
        self.d.start()
        self.expect(self.want)
        self.away()
        self.log("app.log", numbered("waits", 50))
        self.seen("app.log")
        self.copy("app.log", "app.log.1")
        self.d.wait_log("is a copy of app.log: not sent")
        self.world.jump(3600)
        time.sleep(0.05)
        # No copy has that: it is lost.
        self.put("app.log", ["late"])
        self.seen("app.log")
        self.truncate("app.log")
        self.d.wait_log("truncated from")
        self.log("app.log", ["next"])
        self.r.start()
        self.end(self.want)

    def test_old_ones_of_an_empty_log(self):
        """There is nothing in it that would tell that it was not rotated."""
        self.prepare("app.log")
        self.old(2, 7200)
        self.old(3, 7200, packed=True)
        self.log("app.log", numbered("first", 50))
        self.d.start()
        self.expect(self.want)
        self.truncate("app.log")
        self.seen("app.log")
        self.d.stop()
        self.mark()
        self.world.jump(-3600)
        time.sleep(0.05)
        self.want = []
        self.log("app.log", numbered("second", 50))
        self.back()

    def rotated_twice_unseen(self, lost=0, **options):
        """Between two looks, after the clock was set back."""
        self.prepare("app.log", **options)
        self.old(9, 0)
        self.log("app.log", numbered("0", 50))
        self.d.start()
        self.expect(self.want)
        self.world.jump(-3600)
        time.sleep(0.05)
        with self.unseen():
            for _ in range(lost):
                self.put("some", [])
                os.unlink(self.path("some"))
            self.log("app.log", numbered("0's last", 5))
            self.rename("app.log", "app.log.2")
            self.log("app.log", numbered("1", 50))
            self.rename("app.log", "app.log.1")
            self.log("app.log", numbered("2", 50))
        self.end(self.want, ordered=False)

    def test_a_log_is_polled_and_the_clock_is_set_back(self):
        self.rotated_twice_unseen(watch="poll", poll_interval="250ms")

    def test_events_are_lost_and_the_clock_is_set_back(self):
        with open("/proc/sys/fs/inotify/max_queued_events",
                  encoding="ascii") as f:
            self.rotated_twice_unseen(lost=int(f.read()) // 2)
        self.d.wait_log("the system lost events")

    def test_a_read_fails_for_one_of_two_receivers(self):
        """That the other one's does not says nothing of it."""
        self.prepare("*.log")
        other = self.receiver("relp:0", "other").start()
        self.d.write_conf(destination("d", self.r.url) +
                          destination("other", other.url) +
                          source("s", self.path("*.log")))
        for n in range(1, 12):
            name = "%d.log" % n
            self.log(name, ["line %d" % n])
            # No look takes it for one that was just written to.
            os.utime(self.path(name), (n, n))
            self.world.fail_nth(n, world.READ, errno.EIO, 3)
            self.d.start()
            self.wait_for_lines(self.want)
            wait_for(lambda: len(other.lines()) == len(self.want),
                     "the line behind failure %d" % n)
            self.d.stop()

    def test_a_file_of_before_the_clock_was_set_back(self):
        """It has another name, and was made before its record was."""
        self.need_birth()
        self.prepare("*.log")
        self.d.start()
        self.log("a.log", ["0"])
        self.expect(self.want)
        self.world.jump(-3600)
        self.log("a.log", ["1"])
        self.expect(self.want)
        self.d.stop()
        self.mark()
        self.want = []
        self.rename("a.log", "b.log")
        self.back()

    def test_a_copy_of_before_the_clock_was_set_back(self):
        """The worker saw that copy: nothing of it is sent at the next start."""
        self.prepare("app.log")
        self.d.start()
        self.log("app.log", ["0"])
        self.expect(self.want)
        self.rename("app.log", "app.log.2")
        self.d.wait_follows(self.path("app.log.2"))
        self.log("app.log", ["1"])
        self.expect(self.want)
        self.copy("app.log", "app.log.1")
        self.log("app.log", ["2"])
        self.expect(self.want)
        self.truncate("app.log")
        self.seen("app.log")
        self.world.jump(-3600)
        # What is written in the same tick has a time of before.
        time.sleep(0.05)
        self.d.stop()
        self.mark()
        self.want = []
        self.back()

    def test_the_clock_is_set_while_lines_come(self):
        self.prepare("app.log*")
        self.d.start()
        for i, jump in enumerate((86400, -86400, -7200, 7200)):
            self.world.jump(jump)
            self.log("app.log", numbered("%d" % i, 50))
            self.expect(self.want)
            with self.unseen():
                self.log("app.log", numbered("%d's last" % i, 5))
                self.copy("app.log", "app.log.%d" % i)
                self.truncate("app.log")
            self.expect(self.want)
        self.end(self.want)

    def fails(self, calls):
        """The copy cannot be looked for: nothing says that there is none."""
        self.prepare("app.log")
        self.log("app.log", numbered("line", 200))
        self.d.start()
        self.expect(self.want)
        self.away()
        self.log("app.log", numbered("waits", 200))
        self.seen("app.log")
        self.world.fail(65536, calls)
        with self.unseen():
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
        wait_for(lambda: self.world.failed > 0, "a call that fails")
        self.d.wait_log("could not be looked for|truncated from")
        self.world.fail(0, 0)
        self.log("app.log", ["next"])
        self.r.start()
        self.end(self.want)
        self.assert_silent("could be read")

    def test_nothing_can_be_opened(self):
        self.fails(world.OPEN)

    def test_the_copy_is_found_before_it_can_be_looked_for(self):
        """Its name is one that the source means."""
        self.prepare("app.log*")
        self.log("app.log", numbered("0", 50))
        self.d.start()
        self.expect(self.want)
        self.world.fail(1 << 16, world.OPENDIR)
        with self.unseen():
            self.log("app.log", numbered("0's last", 5))
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
            self.log("app.log", numbered("1", 5))
        wait_for(lambda: "could not be looked for" in self.d.log(), "the look")
        self.world.fail(0, 0)
        self.end(self.want, ordered=False)

    def test_a_link_cannot_be_looked_at_at_the_start(self):
        """Where it leads, files were rotated while the daemon was down."""
        self.prepare("app.log")
        log = "../elsewhere/app.log"
        self.log(log, numbered("0", 50))
        os.symlink(os.path.realpath(self.path(log)), self.path("app.log"))
        self.d.start()
        self.expect(self.want)
        self.d.stop()
        for i in (2, 1):
            self.log(log, numbered("%d's last" % i, 5))
            self.rename(log, "%s.%d" % (log, i))
            self.log(log, numbered("next to %d" % i, 5))
        # Of what is outside of the directory of logs, nothing fails.
        self.world.fail(1 << 16, world.STAT)
        self.d.start()
        wait_for(lambda: self.d.log().count("worker: sandbox") == 2,
                 "the end of the start")
        self.world.fail(0, 0)
        self.end(self.want)

    def test_the_older_file_can_be_read_later(self):
        """Where the checkpoint is of a time to come, what is younger than all
        that it knows is new: so is what is older than another new one."""
        self.prepare("app.log")
        self.log("app.log", numbered("known", 50))
        self.d.start()
        self.expect(self.want)
        self.d.stop()
        for i, what in enumerate(("older", "younger", "next")):
            self.rename("app.log", "app.log.%d" % (3 - i))
            self.log("app.log", numbered(what, 5))
        older = self.path("app.log.2")
        os.chmod(older, 0)
        self.world.jump(-3600)
        self.d.start()
        self.wait_for_lines(numbered("younger", 5) + numbered("next", 5))
        self.world.fail(1 << 16, world.STAT)
        os.chmod(older, 0o644)
        self.put("another", [])
        wait_for(lambda: self.world.failed > 0, "a look that fails")
        self.world.fail(0, 0)
        self.end(self.want, ordered=False)

    def test_no_directory_can_be_listed(self):
        self.fails(world.OPENDIR | world.READDIR)

    def test_no_name_can_be_looked_at(self):
        self.fails(world.STAT)


if __name__ == "__main__":
    main()
