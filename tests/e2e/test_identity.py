#!/usr/bin/python3
"""Goal: while the daemon runs, no file is taken for another one, whatever both
begin with, how large they are and how they are called; and a file that was
changed, replaced or copied is known for what it is."""

import os
import shutil
import signal
import time
import unittest

import world
from identity import BANNER, Identity, numbered
from processes import LINUX
from teslacoil import destination, kill, main, source, wait_for


class Copies(Identity):
    """What a truncated log was before goes on in its copy, and nowhere else."""

    def test_a_file_that_only_begins_alike_is_no_copy(self):
        for name in ("server.key", "app.key", "other.log.1", "app.log.key",
                     "application.log"):
            self.put(name, ["-", "secret"])
        self.put("app.log", ["-"])
        self.begin("app.log")
        self.wait_for_lines(["-"])
        self.truncate("app.log")
        self.d.wait_log("truncated from")
        self.put("app.log", ["next"])
        self.end(["-", "next"])

    def test_a_longer_beginning_is_no_evidence_either(self):
        self.put("notes", BANNER + ["secret"])
        self.put("app.log", BANNER)
        self.begin("*.log")
        self.wait_for_lines(BANNER)
        self.truncate("app.log")
        self.d.wait_log("truncated from")
        self.put("app.log", ["next"])
        self.end(BANNER + ["next"])

    def test_older_files_with_the_same_banner_are_no_copies(self):
        for i, name in enumerate(("app.log.1", "app.log.old",
                                  "app-20260101.log")):
            self.put(name, BANNER + numbered("old", 300 + i))
        want = self.put("app.log", BANNER + numbered("current", 200))
        self.begin("app.log")
        self.wait_for_lines(want)
        self.truncate("app.log")
        self.d.wait_log("truncated from")
        want += self.put("app.log", ["next"])
        self.end(want)
        self.assert_silent("could be read")

    def test_a_copy_of_somebody_else_is_none(self):
        self.copy_of_somebody_else()

    def test_a_copy_of_somebody_else_is_none_by_time(self):
        """What is new under the name of an older one was not this log, as long
        as that has its name still."""
        self.copy_of_somebody_else(watch="poll", poll_interval="50ms")

    def copy_of_somebody_else(self, **options):
        if os.geteuid() != 0:
            self.skipTest("only root can give files away")
        want = self.put("app.log", BANNER)
        self.begin("app.log", **options)
        self.wait_for_lines(want)
        with self.unseen():
            self.put("app.log.1", BANNER + ["planted"])
            os.chown(self.path("app.log"), 1, 1)
            os.chown(self.path("app.log.1"), 2, 2)
            self.truncate("app.log")
        self.d.wait_log("truncated from")
        want += self.put("app.log", ["next"])
        self.end(want)

    def test_each_log_goes_on_in_its_own_copy(self):
        """All have the same banner, and lines that wait for the receiver."""
        names = ["%s.log" % n for n in ("api", "db", "web", "web-2")]
        want = []
        for i, name in enumerate(names):
            want += self.put(name, BANNER + numbered(name, 10 + 20 * i))
        self.begin("*.log")
        self.wait_for_lines(want)
        self.away()
        for i, name in enumerate(names):
            want += self.put(name, numbered(name + " waits", 90 - 25 * i))
        self.seen(*names)
        for name in names:
            with self.unseen():
                self.copy(name, name + ".1")
                self.truncate(name)
                want += self.put(name, BANNER + [name + " next"])
        self.seen(*names)
        self.r.start()
        self.end(want, ordered=False)

    def banner_written_anew(self, away):
        """Past the old offset, between two looks."""
        want = self.put("app.log", BANNER + numbered("first", 30))
        self.begin("app.log")
        self.wait_for_lines(want)
        if away:
            self.away()
        with self.unseen():
            want += self.put("app.log", BANNER + numbered("second", 200), "w")
        self.d.wait_log("truncated from")
        if away:
            self.r.start()
        self.end(want)
        self.assert_silent("could be read")

    def test_a_banner_written_anew(self):
        self.banner_written_anew(False)

    def test_a_banner_written_anew_without_a_receiver(self):
        self.banner_written_anew(True)

    def test_a_banner_and_a_line_are_copied(self):
        """All but its last line stands in the log again."""
        want = self.put("app.log", BANNER + ["first"])
        self.begin("app.log")
        self.wait_for_lines(want)
        with self.unseen():
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
            want += self.put("app.log", BANNER + numbered("second", 50))
        self.end(want)

    def test_a_copy_has_what_an_older_one_has(self):
        """What had the name of the copy was renamed, not replaced."""
        same = numbered("same", 50)
        want = self.put("app.log.1", same)
        self.begin("app.log*")
        self.wait_for_lines(want)
        want += self.put("app.log", same + numbered("line", 50))
        self.expect(want)
        with self.unseen():
            self.rename("app.log.1", "app.log.2")
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
            want += self.put("app.log", ["next"])
        self.end(want)

    def test_the_copy_gets_the_inode_of_a_file_that_was_deleted(self):
        """Which the daemon had open until a moment ago."""
        want = self.put("app.log", numbered("line", 50))
        self.begin("*.log", max_open=1)
        self.wait_for_lines(want)
        want += self.put("gone.log", numbered("gone", 5))
        self.wait_for_lines(want)
        inode = os.stat(self.path("gone.log")).st_ino
        os.unlink(self.path("gone.log"))
        wait_for(lambda: self.path("gone.log") not in
                 [f["path"] for f in self.d.state()["files"]],
                 "the file to be gone")
        want += self.put("app.log", ["more"])
        self.wait_for_lines(want)
        with self.unseen():
            want += self.put("app.log", numbered("late", 50))
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
            want += self.put("app.log", ["next"])
        if os.stat(self.path("app.log.1")).st_ino != inode:
            self.skipTest("inodes are not used again at once here")
        self.end(want)

    def test_copies_in_another_directory(self):
        want = self.put("app/app.log", numbered("old", 300))
        self.begin("app/**/*.log*")
        self.wait_for_lines(want)
        os.mkdir(self.path("app/archive"))
        shutil.copy2(self.path("app/app.log"),
                     self.path("app/archive/app.log-20261126"))
        want += self.put("app/app.log", numbered("more", 10))
        self.wait_for_lines(want)
        with self.unseen():
            self.copy("app/app.log", "app/archive/app.log.1")
            self.truncate("app/app.log")
            want += self.put("app/app.log", ["next"])
        self.end(want)


    def begin_unreceived(self, conf):
        """A log of which nothing is known but that it begins with BANNER."""
        self.r = self.receiver("relp:0")
        self.d = self.daemon(destination("d", self.r.url) + conf)
        for name in ("a", "b"):
            os.mkdir(self.path(name))
        want = self.put("a/app.log", BANNER + numbered("a", 100))
        self.d.start()
        self.seen("a/app.log")
        return want

    def test_a_log_of_another_source_is_no_copy(self):
        """It begins alike, and nobody has looked at it yet."""
        self.begin_unreceived(source("a", self.path("a/app.log")) +
                              source("b", self.path("b/app.log")))
        with self.unseen():
            self.truncate("a/app.log")
            want = self.put("b/app.log", BANNER + numbered("b", 200))
        self.seen("b/app.log")
        self.assertEqual([f["cursors"][0]["source"]
                          for f in self.d.state()["files"]
                          if f["path"] == self.path("b/app.log")], ["b"])
        self.r.start()
        self.end(want)

    def test_the_copy_is_the_one_that_rotation_named(self):
        """The log that has the name by now begins alike, and is longer."""
        want = self.begin_unreceived(source("a", self.path("a/app.log")))
        with self.unseen():
            self.copy("a/app.log", "a/app.log.1")
            self.truncate("a/app.log")
            self.rename("a/app.log.1", "a/app.log.2")
            self.rename("a/app.log", "a/app.log.1")
            want += self.put("a/app.log", BANNER + numbered("next", 300))
        self.r.start()
        self.end(want)


class Unreceived(Identity):
    """A copy may be all that there is of what was not received."""

    def restarted(self, end, same_time, empty_first=False):
        want = self.put("app.log", numbered("line", 100))
        self.begin("app.log*")
        self.wait_for_lines(want)
        wait_for(lambda: self.is_recorded("app.log"), "the checkpoint")
        self.away()
        want += self.put("app.log", numbered("more", 50))
        self.seen("app.log")
        if empty_first:
            self.put("app.log.1", [])
            wait_for(lambda: self.is_recorded("app.log.1"), "the checkpoint")
        self.copy("app.log", "app.log.1")
        if same_time:
            shutil.copystat(self.path("app.log"), self.path("app.log.1"))
        self.d.wait_log("app.log.1: is a copy of app.log: not sent")
        # Whatever is to be recorded is.
        want += self.put("app.log", ["late"])
        self.seen("app.log")
        for _ in range(2):
            end()
            self.d.start()
            self.seen("app.log", "app.log.1")
        self.truncate("app.log")
        want = want[:-1] + self.put("app.log", ["next"])
        self.d.wait_log("app.log.1: is the copy of a truncated file")
        self.r.start()
        self.wait_for_lines(want)
        self.finish(self.d, self.r)
        self.compare(want, ordered=True)

    def test_the_daemon_is_stopped(self):
        self.restarted(lambda: self.d.stop(), False)

    def test_the_daemon_is_stopped_and_the_copy_has_the_time(self):
        self.restarted(lambda: self.d.stop(), True)

    def test_the_daemon_is_killed(self):
        self.restarted(lambda: self.d.kill(), False)

    def test_it_is_written_between_the_look_and_the_first_read(self):
        """Nothing is recorded of it that was not compared."""
        want = self.put("app.log", numbered("line", 100))
        w = world.World(os.path.join(self.dir, "world"),
                        self.path("app.log.1"))
        # Whatever is to be recorded is, before the next look.
        self.prepare("app.log*", program=world.PROGRAM, watch="poll",
                     poll_interval="300ms")
        self.d.env = w.env
        self.d.start()
        self.wait_for_lines(want)
        self.away()
        want += self.put("app.log", numbered("more", 50))
        self.seen("app.log")
        w.hold_nth(1, world.OPEN)
        self.put("app.log.1", [])
        wait_for(lambda: w.failed > 0, "the copy to be opened")
        self.copy("app.log", "app.log.1")
        w.let_go()
        self.d.wait_log("app.log.1: is a copy of app.log: not sent")
        with open(os.path.join(self.d.state_dir, "checkpoint")) as f:
            self.assertNotRegex(f.read(), r" file .*app\.log\.1\n")
        self.r.start()
        self.wait_for_lines(want)
        self.finish(self.d, self.r)
        self.compare(want, ordered=True)

    def test_the_copy_was_seen_while_it_was_empty(self):
        self.restarted(lambda: self.d.stop(), False, empty_first=True)

    def test_it_was_seen_while_it_was_empty_and_the_daemon_is_killed(self):
        self.restarted(lambda: self.d.kill(), False, empty_first=True)


class Ahead(Identity):
    """One destination was sent what came behind the copy, and another, whose
    receiver was away, has to get what is in it."""

    def copied(self, *patterns):
        want = self.put("app.log", numbered("line", 100))
        self.r = self.receiver("relp:0").start()
        other = self.receiver("relp:0", name="other").start()
        self.d = self.daemon(
            destination("d", self.r.url) + destination("e", other.url) +
            source("s", [self.path(p) for p in patterns])).start()
        self.wait_for_lines(want)
        other.wait_lines(100)
        self.away()
        want += self.put("app.log", numbered("more", 50))
        other.wait_lines(150)
        self.copy("app.log", "app.log.1")
        if len(patterns) > 1:
            self.d.wait_log("app.log.1: is a copy of app.log: not sent")
        size = os.stat(self.path("app.log")).st_size
        self.put("app.log", ["between"])
        other.wait_lines(151)
        self.truncate("app.log")
        want += self.put("app.log", ["next"])
        self.d.wait_log("app.log.1: is the copy of a truncated file")
        self.r.start()
        self.wait_for_lines(want)
        other.wait_lines(152)
        self.settle()
        # Nobody had that for this destination, and the daemon says so.
        self.d.wait_log("8 bytes at %d were truncated" % size)
        self.d.stop()
        self.d.start()
        want += self.put("app.log", ["last"])
        self.wait_for_lines(want)
        other.wait_lines(153)
        self.finish(self.d, self.r, other)
        self.compare(want, ordered=True)
        self.assertEqual(other.arrived(), 153)

    def test_a_line_came_behind_the_copy(self):
        self.copied("app.log")

    def test_a_line_came_behind_the_copy_that_a_pattern_means(self):
        self.copied("app.log", "app.log.1")


class Between(Identity):
    """A line came behind the copy, and was sent before the truncation."""

    def test_what_is_in_flight_is_in_the_copy(self):
        """The receiver hangs, and then dies."""
        want = self.put("app.log", numbered("line", 100))
        self.begin("app.log")
        self.wait_for_lines(want)
        self.settle()
        receiver = self.r.process
        kill(receiver.pid, signal.SIGSTOP)
        self.addCleanup(receiver.kill)
        want += self.put("app.log", numbered("more", 50))
        self.sent("app.log")
        self.copy("app.log", "app.log.1")
        self.put("app.log", ["between"])
        self.sent("app.log")
        self.truncate("app.log")
        self.d.wait_log("app.log.1: is the copy of a truncated file")
        self.r.kill()
        want += self.put("app.log", ["next"])
        self.r.start()
        self.wait_for_lines(want)
        self.finish(self.d, self.r)
        # Nobody had the line between any more.
        self.compare(want, ordered=True)

    def test_what_was_acknowledged_and_not_read_is_in_the_copy(self):
        """The receiver's system has all of it, the receiver has not."""
        want = self.put("app.log", ["first"])
        self.begin("app.log", url="tcp:0")
        self.wait_for_lines(want)
        receiver = self.r.process
        kill(receiver.pid, signal.SIGSTOP)
        self.addCleanup(receiver.kill)
        for line in numbered("more", 40):
            want += self.put("app.log", [line])
            self.sent("app.log")
        self.copy("app.log", "app.log.1")
        for line in ("between", "behind"):
            self.put("app.log", [line])
            self.sent("app.log")
        self.settle()
        self.truncate("app.log")
        self.d.wait_log("app.log.1: is the copy of a truncated file")
        want += self.put("app.log", ["next"])
        self.r.kill()
        self.r.start()
        self.wait_for_lines(want)
        self.finish(self.d, self.r)
        # What it had read may come again.
        self.assertEqual(list(dict.fromkeys(self.since())), want)

    def sent(self, name):
        size = os.stat(self.path(name)).st_size
        wait_for(lambda: [f["cursors"][0]["sent"]
                          for f in self.d.state()["files"]] == [size],
                 "all of it to be in flight")

    def test_the_copy_is_not_sent_by_the_next_worker(self):
        want = self.put("app.log", numbered("line", 100))
        self.begin("app.log*")
        self.wait_for_lines(want)
        self.copy("app.log", "app.log.1")
        self.d.wait_log("app.log.1: is a copy of app.log: not sent")
        want += self.put("app.log", ["between"])
        self.wait_for_lines(want)
        self.truncate("app.log")
        want += self.put("app.log", ["next"])
        self.wait_for_lines(want)
        wait_for(lambda: self.is_recorded("app.log.1"), "the checkpoint")
        self.d.stop()
        self.d.start()
        want += self.put("app.log", ["last"])
        self.end(want)


class Nuls(Identity):
    """A log that begins with NULs has no fingerprint."""

    def log(self, lines):
        """Its writer goes on at its offset after copytruncate."""
        os.write(self.fd, "".join(line + "\n" for line in lines).encode())
        return lines

    def copied(self, *patterns):
        self.fd = os.open(self.path("app.log"), os.O_WRONLY | os.O_CREAT,
                          0o644)
        self.addCleanup(os.close, self.fd)
        self.begin(*patterns)
        want = self.log(numbered("line", 100))
        self.wait_for_lines(want)
        self.truncate("app.log")
        want += self.log(numbered("behind", 100))
        self.wait_for_lines(want)
        self.away()
        want += self.log(numbered("more", 50))
        self.seen("app.log")
        self.copy("app.log", "app.log.1")
        if patterns == ("app.log*",):
            self.d.wait_log("app.log.1: is a copy of app.log: not sent")
        self.truncate("app.log")
        want += self.log(["next"])
        self.d.wait_log("app.log.1: is the copy of a truncated file")
        self.r.start()
        self.end(want)

    def test_the_rest_is_in_the_copy(self):
        self.copied("app.log")

    def test_the_rest_is_in_a_copy_that_the_pattern_means(self):
        self.copied("app.log*")

    def test_the_copy_is_made_while_the_daemon_is_down(self):
        self.fd = os.open(self.path("app.log"), os.O_WRONLY | os.O_CREAT,
                          0o644)
        self.addCleanup(os.close, self.fd)
        self.begin("app.log")
        want = self.log(numbered("line", 100))
        self.wait_for_lines(want)
        self.truncate("app.log")
        want += self.log(numbered("behind", 100))
        self.wait_for_lines(want)
        self.d.stop()
        want += self.log(numbered("more", 50))
        self.copy("app.log", "app.log.1")
        self.truncate("app.log")
        want += self.log(["next"])
        self.d.start()
        self.end(want)


class Short(Identity):
    """One line tells nothing: the name and the time of a copy do."""

    def copied(self, *patterns):
        self.need_birth()
        want = self.put("app.log", ["one line"])
        self.begin(*patterns)
        self.wait_for_lines(want)
        for i in range(3):
            with self.unseen():
                if i:
                    self.rename("app.log.1", "app.log.%d" % (i + 1))
                self.copy("app.log", "app.log.1")
                self.truncate("app.log")
            self.d.wait_log("app.log.1: is the copy of a truncated", i + 1)
            # Each time the same: it is a line of its own.
            want += self.put("app.log", ["one line"])
            self.expect(want)
        self.d.stop()
        self.d.start()
        want += self.put("app.log", ["last"])
        self.end(want)
        self.assert_silent("could be read")

    def test_where_the_pattern_means_the_copy(self):
        self.copied("app.log*")

    def test_where_no_pattern_means_the_copy(self):
        self.copied("app.log")


class Spent(Identity):
    """A file that was rotated, or is a copy, never begins again."""

    def shredded(self, *patterns, waits=0):
        want = self.put("app.log", numbered("line", 3000))
        self.begin(*patterns)
        self.wait_for_lines(want)
        if waits:
            self.away()
            self.put("app.log", numbered("waits", waits))
            self.seen("app.log")
        self.rename("app.log", "app.log.1")
        want += self.put("app.log", ["next"])
        self.seen("app.log", "app.log.1")
        if not waits:
            self.wait_for_lines(want)
        for _ in range(3):
            self.overwrite("app.log.1")
            self.d.wait_log("nothing of what it has now is sent|could be read")
        if waits:
            self.d.wait_log(r"app\.log\.1: \d+ bytes at \d+ were")
            self.assertEqual([loss["path"] for loss in
                              self.d.state()["losses"]],
                             [self.path("app.log.1")])
            self.r.start()
        self.rename("app.log.1", "0")
        os.unlink(self.path("0"))
        want += self.put("app.log", ["last"])
        self.end(want)

    def test_shred_where_the_pattern_means_it(self):
        self.shredded("app.log*")

    def test_shred_where_no_pattern_means_it(self):
        self.shredded("app.log")

    def test_shred_of_what_was_not_sent(self):
        self.shredded("app.log", waits=500)

    def test_a_copy_that_is_overwritten(self):
        """dd(1) over what copytruncate left."""
        want = self.put("app.log", numbered("line", 500))
        self.begin("app.log*")
        self.wait_for_lines(want)
        with self.unseen():
            want += self.put("app.log", numbered("unseen", 50))
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
        self.wait_for_lines(want)
        self.seen("app.log.1")
        self.overwrite("app.log.1")
        self.d.wait_log("nothing of what it has now is sent")
        want += self.put("app.log", ["next"])
        self.end(want)

    def truncated_and_renamed(self, **options):
        """All between two looks: what it has then is of a new log."""
        logs = ["l%d.log" % i for i in range(8)]
        want = []
        for log in logs:
            want += self.put(log, numbered(log, 30))
        self.begin("*.log*", **options)
        self.wait_for_lines(want)
        with self.unseen():
            for log in logs:
                self.copy(log, log + ".2")
                self.truncate(log)
                # A directory lists some of them before the next one.
                self.rename(log, log + ".1")
                want += self.put(log + ".1", numbered("late " + log, 90))
                want += self.put(log, numbered("next " + log, 10))
        self.end(want, ordered=False)
        self.assert_silent("could be read")

    def test_truncated_and_renamed(self):
        self.truncated_and_renamed()

    def test_truncated_and_renamed_where_it_is_polled(self):
        self.truncated_and_renamed(watch="poll", poll_interval="100ms")

    def test_one_that_was_rotated_further(self):
        """It was never seen to have the name of the log."""
        want = self.put("app.log.1", numbered("old", 100))
        self.begin("app.log*")
        want += self.put("app.log", ["now"])
        self.wait_for_lines(want)
        self.rename("app.log.1", "app.log.2")
        self.seen("app.log.2")
        self.put("app.log.2", ["alien"], "w")
        self.d.wait_log("nothing of what it has now is sent")
        want += self.put("app.log", ["next"])
        self.end(want)

    def test_one_that_was_truncated_before_it_was_rotated(self):
        """It was not rotated yet when it was written anew."""
        want = self.put("app.log", numbered("old", 100))
        self.begin("app.log*")
        self.wait_for_lines(want)
        with self.unseen():
            # The first event is one of the name that the log gets then.
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
            want += self.put("app.log", numbered("new", 5))
            self.rename("app.log.1", "app.log.2")
            self.rename("app.log", "app.log.1")
            want += self.put("app.log", ["next"])
        self.end(want)

    def copied_in_turns(self, *patterns):
        """cp log.2 log.3; cp log.1 log.2; cp log log.1; : > log"""
        want = self.put("app.log", numbered("round 0", 200))
        self.begin(*patterns)
        self.wait_for_lines(want)
        for i in range(1, 5):
            for n in (2, 1):
                if os.path.exists(self.path("app.log.%d" % n)):
                    self.copy("app.log.%d" % n, "app.log.%d" % (n + 1))
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
            want += self.put("app.log", numbered("round %d" % i, 150 + 30 * i))
            self.wait_for_lines(want)
            self.settle()
        self.end(want)
        self.assert_silent("could be read")

    def test_rotation_by_cp(self):
        self.copied_in_turns("app.log")

    def test_rotation_by_cp_where_the_copies_are_meant(self):
        self.copied_in_turns("app.log*")


class Generations(Identity):
    """A name alone makes no file a copy of another, or an older one."""

    def test_jobs_that_say_the_same(self):
        same = ["start", "ok", "done"]
        want = self.put("job.log", same)
        self.begin("*.log")
        self.wait_for_lines(want)
        for i in range(1, 6):
            want += self.put("job-%d.log" % i, same)
            want += self.put("job%d.log" % i, same)
        self.end(want, ordered=False)

    def test_two_that_say_the_same_in_one_tick(self):
        """Their times are equal, and neither is a copy."""
        self.begin("*.log")
        want = []
        for i in range(100):
            first, second = ("%s%d.log" % (n, i) for n in ("one-", "two-"))
            with self.unseen():
                want += self.put(first, ["ready"])
                want += self.put(second, ["ready"])
            if os.stat(self.path(first)).st_mtime_ns == \
                    os.stat(self.path(second)).st_mtime_ns:
                break
        else:
            self.skipTest("the clock of the file system is too fine")
        self.end(want)

    def second_instance(self, first, second):
        """It says the same, and goes on."""
        want = self.put(first, ["starting", "ready"])
        self.begin(first, second)
        self.wait_for_lines(want)
        want += self.put(first, ["request 1"])
        self.wait_for_lines(want)
        want += self.put(second, ["starting", "ready"])
        self.expect(want)
        want += self.put(second, ["request 7"])
        self.end(want)

    def test_a_second_instance(self):
        self.second_instance("worker.log", "worker-2.log")

    def test_a_second_node(self):
        self.second_instance("node.1.log", "node.2.log")

    def test_another_name(self):
        self.second_instance("alpha.log", "beta.log")

    def test_a_file_that_is_still_written_holds_up_nobody(self):
        w = self.writer("worker.log")
        w2 = self.writer("worker-2.log")
        self.begin("*.log")
        w.write(100)
        w2.write(10)
        self.r.wait_all(w, w2)
        self.away()
        w.write(2000)
        w2.write(200)
        self.seen("worker.log", "worker-2.log")
        w2.start(100)
        self.r.start()
        w.write(10)
        self.r.wait_all(w)
        w2.stop()
        self.r.wait_all(w2)
        self.finish(self.d, self.r)
        self.r.check(w, w2)

    def test_the_inode_of_an_empty_file(self):
        """A file in the making got it: it is none of that file's source."""
        self.need_birth()
        self.put("one/empty.log", [])
        want = self.put("one/full.log", ["one"])
        self.r = self.receiver("relp:0").start()
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("one", self.path("one/*.log"), max_open=1) +
            source("two", self.path("two/*.log")))
        os.mkdir(self.path("two"))
        self.d.start()
        self.wait_for_lines(want)
        self.d.wait_follows(self.path("one/empty.log"))
        inode = os.stat(self.path("one/empty.log")).st_ino
        os.unlink(self.path("one/empty.log"))
        want += self.put("one/full.log", ["behind"])
        self.wait_for_lines(want)
        self.take_inode(inode, "two/new.part")
        want += self.put("two/new.part", ["two"])
        want += self.put("one/full.log", ["last"])
        self.wait_for_lines(["last"])
        self.rename("two/new.part", "two/new.log")
        self.end(want, ordered=False)
        self.assertEqual([line.split()[3] for line in self.r.lines()
                          if line.endswith(b" two")], [b"two"])

    def test_the_inode_of_an_empty_file_for_what_nobody_means(self):
        """Both were written in one tick of the file system's clock."""
        self.put("empty.log", [])
        want = self.put("full.log", ["one"])
        self.prepare("*.log", max_open=1)
        self.d.start()
        self.wait_for_lines(want)
        self.d.wait_follows(self.path("empty.log"))
        was = os.stat(self.path("empty.log"))
        with self.unseen():
            os.unlink(self.path("empty.log"))
            self.take_inode(was.st_ino, "server.key")
            self.put("server.key", ["secret"])
            os.utime(self.path("server.key"), ns=(0, was.st_mtime_ns))
        want += self.put("full.log", ["last"])
        self.end(want)

    def test_equal_logs_one_after_the_other(self):
        """A nightly job's log is renamed, and says the same again."""
        same = numbered("step", 40)
        want = self.put("job.log", same)
        self.begin("*.log*")
        self.wait_for_lines(want)
        for i in range(3):
            self.rename("job.log", "job.log-2026010%d" % i)
            self.put("job.log", [])
            self.d.wait_follows(self.path("job.log"))
            want += self.put("job.log", same)
            self.expect(want)
        self.end(want)


class Changes(Identity):
    """What was sent still stands in the file: it is not sent again."""

    def test_space_that_is_cut_off(self):
        """NULs behind the lines, as who maps its log into memory makes."""
        with open(self.path("app.log"), "w+b") as f:
            self.begin("app.log")
            want = []
            for i in range(3):
                end = f.tell()
                f.truncate(end + (1 << 20))
                for j in range(2):
                    lines = numbered("%d.%d" % (i, j), 200)
                    f.write("".join(x + "\n" for x in lines).encode())
                    f.flush()
                    want += lines
                    self.wait_for_lines(want)
                f.truncate()
                self.seen("app.log")
        want += self.put("app.log", ["after"])
        self.end(want)
        self.assert_silent("could be read")

    def test_the_time_of_a_cut_comes_behind_its_size(self):
        """As who looks while it is cut sees it."""
        want = self.put("app.log", numbered("line", 200))
        path = self.path("app.log")
        end = os.stat(path).st_size
        self.truncate("app.log", end + (1 << 20))
        self.begin("app.log")
        self.wait_for_lines(want)
        before = time.time() - 100
        with self.unseen():
            self.truncate("app.log", end)
            os.utime(path, (before, before))
        self.seen("app.log")
        with self.unseen():
            self.truncate("app.log", end)
            os.utime(path, (before + 1, before + 1))
        # So long it might be the same text written anew.
        time.sleep(0.2)
        want += self.put("app.log", ["after"])
        self.end(want)

    def test_a_head_that_is_nuls_now(self):
        """A disk was full: the blocks of what was read were given back."""
        want = self.put("app.log", numbered("line", 8000))
        self.begin("app.log")
        self.wait_for_lines(want)
        self.settle()
        for blocks in (64, 96):
            with open(self.path("app.log"), "r+b") as f:
                f.write(bytes(4096 * blocks // 4))
            want += self.put("app.log", ["after %d" % blocks])
            self.expect(want)
        self.end(want)

    def test_a_closing_bracket_is_written_over(self):
        entries = ['{"n":%d},' % i for i in range(205)]
        self.put("audit.json", ["["] + entries[:200] + ["]"])
        self.begin("audit.json")
        self.wait_for_lines(entries[:200] + ["]"])
        for entry in entries[200:]:
            with open(self.path("audit.json"), "r+b") as f:
                f.truncate(f.seek(-2, 2))
            self.put("audit.json", [entry, "]"])
            self.wait_for_lines([entry])
            self.settle()
        self.finish(self.d, self.r)
        self.assertEqual([x for x in self.got() if x not in "[]"], entries)
        self.assert_silent("could be read")

    def test_older_lines_are_removed_in_place(self):
        """tail -n 1000 log > tmp; cat tmp > log"""
        want = self.put("app.log", numbered("line", 3000))
        self.begin("app.log")
        self.wait_for_lines(want)
        for i in range(3):
            self.settle()
            with self.unseen():
                self.put("app.log", want[-1000 + 100 * i:], "w")
            want += self.put("app.log", numbered("round %d" % i, 7))
            self.expect(want)
        self.end(want)
        self.assert_silent("could be read")

    def refill(self, lines):
        """The daemon looks between the truncation and the writing."""
        self.settle()
        self.truncate("app.log")
        self.seen("app.log")
        return self.put("app.log", lines)

    def test_older_lines_are_removed_in_place_and_it_is_seen_empty(self):
        want = self.put("app.log", numbered("line", 3000))
        self.begin("app.log")
        self.wait_for_lines(want)
        for i in range(3):
            self.refill(want[-1000 + 100 * i:])
            want += self.put("app.log", numbered("round %d" % i, 7))
            self.expect(want)
        self.end(want)

    def test_the_same_lines_are_written_anew_and_it_is_seen_empty(self):
        """Also fewer, with the same lines at the beginning and the end."""
        lines = numbered("report", 300)
        want = self.put("app.log", lines)
        self.begin("app.log")
        for again in lines, lines[:100] + lines[200:], lines[:50] + lines[90:]:
            self.wait_for_lines(want)
            want += self.refill(again)
            self.expect(want)
        self.end(want)

    def test_the_last_lines_come_again_in_a_log_that_was_copied(self):
        """A program says the same again after its log was rotated."""
        want = self.put("app.log", numbered("line", 300))
        self.begin("app.log")
        self.wait_for_lines(want)
        self.settle()
        shutil.copy(self.path("app.log"), self.path("app.log.1"))
        want += self.refill(want[-100:])
        self.expect(want)
        self.end(want)

    def written_again(self, lines, times):
        want = self.put("job.log", lines)
        self.begin("job.log")
        for _ in range(times):
            self.expect(want)
            want += self.put("job.log", lines, "w")
        self.end(want)

    def test_the_same_line_is_written_anew(self):
        self.written_again(["ok"], 8)

    def test_the_same_lines_are_written_anew(self):
        self.written_again(numbered("backup", 60), 4)

    def test_the_same_20_kb_are_written_anew(self):
        self.written_again(numbered("report", 500), 3)


class Replaced(Identity):
    """Another file has the path, with what was sent of the one before."""

    def begin_with(self, n):
        self.want = self.put("app.log", numbered("line", n))
        self.begin("app.log")
        self.wait_for_lines(self.want)
        self.settle()

    def replaced(self, change, more):
        self.replace("app.log", change)
        self.want += more
        self.expect(self.want)
        self.want += self.put("app.log", ["behind " + more[0]])
        self.expect(self.want)

    def test_by_a_longer_copy(self):
        """As rsync(1) does, round after round."""
        self.begin_with(300)
        for i in range(3):
            more = numbered("round %d" % i, 10)
            self.replaced(lambda lines, more=more: lines + more, more)
        self.end(self.want)

    def test_without_its_first_lines(self):
        self.begin_with(2000)
        self.replaced(lambda lines: lines[500:] + ["more"], ["more"])
        self.end(self.want)

    def test_without_its_last_line(self):
        """sed -i '$ d'"""
        self.begin_with(2000)
        self.replaced(lambda lines: lines[:-1] + ["more"], ["more"])
        self.end(self.want)

    def test_with_a_line_changed(self):
        """sed -i s/one/other/"""
        self.begin_with(2000)
        self.replaced(lambda lines: lines[:300] + ["changed"] + lines[301:] +
                      ["more"], ["more"])
        self.end(self.want)

    def test_with_nothing_of_it(self):
        self.begin_with(100)
        more = numbered("other", 200)
        self.replaced(lambda lines: more, more)
        self.end(self.want)

    def test_with_its_directory(self):
        """Moved to another disk: the path leads to copies now."""
        want = []
        for name in "abc":
            want += self.put("app/%s.log" % name, numbered(name, 200))
        self.begin("app/*.log")
        self.wait_for_lines(want)
        self.settle()
        shutil.copytree(self.path("app"), self.path("new"))
        self.rename("app", "old")
        self.rename("new", "app")
        for name in "abc":
            want += self.put("app/%s.log" % name, numbered(name + " new", 10))
        self.end(want, ordered=False)

    def test_with_the_link_to_its_directory(self):
        want = []
        for name in "abc":
            want += self.put("disk1/%s.log" % name, numbered(name, 200))
        os.symlink(self.path("disk1"), self.path("app"))
        self.begin("app/*.log")
        self.wait_for_lines(want)
        self.settle()
        shutil.copytree(self.path("disk1"), self.path("disk2"))
        os.symlink(self.path("disk2"), self.path("app.new"))
        self.rename("app.new", "app")
        for name in "abc":
            want += self.put("app/%s.log" % name, numbered(name + " new", 10))
        self.end(want, ordered=False)


class Ends(Identity):

    def test_the_state_says_when_a_file_changed(self):
        before = time.gmtime(time.time() - 2)
        want = self.put("app.log", ["line"])
        self.begin("app.log")
        self.expect(want)
        changed = self.d.state()["files"][0]["last_event"]
        self.assertGreaterEqual(changed,
                                time.strftime("%Y-%m-%dT%H:%M:%SZ", before))
        self.end(want)

    @unittest.skipUnless(LINUX, "holes and /proc")
    def test_the_last_line_behind_a_hole(self):
        """It is found without reading the hole."""
        self.put("last.log", numbered("old", 10))
        self.truncate("last.log", 8 << 30)
        self.put("app.log", ["old"])
        self.begin("*.log", start="end")
        self.d.wait_follows(self.path("last.log"), self.path("app.log"))
        want = self.put("app.log", ["new"])
        self.wait_for_lines(want)
        try:
            with open("/proc/%d/io" % self.d.worker(), encoding="ascii") as f:
                read = int(f.readline().split()[1])
        except PermissionError:
            self.skipTest("what the worker reads is not told")
        self.assertLess(read, 256 << 20)
        self.finish(self.d, self.r)
        self.assertEqual(self.got(), want)


if __name__ == "__main__":
    main()
