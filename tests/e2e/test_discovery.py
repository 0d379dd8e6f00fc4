#!/usr/bin/python3
"""Goal: every file that the patterns mean is found, and no other."""

import contextlib
import mmap
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import time
import unittest

from processes import LINUX
from teslacoil import (KQUEUE, SEED, TESLACOILD, USER, Case, Output, Writer,
                       destination, main, source, wait_for)

OTHER = "daemon"  # somebody who is neither root nor the daemon's user


class Discovery(Case):
    def begin(self, paths=None, **options):
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) + source(
            "s", paths or self.path("*.log"), **options)).start()

    def again(self):
        self.d.stop()
        self.d.start()

    def end(self, *writers):
        self.r.wait_all(*(writers or self.writers))
        self.finish(self.d, self.r)
        self.r.check(*(writers or self.writers))

    def counters(self):
        return self.d.state()["counters"]

    def write(self, path, text):
        with open(path, "a") as f:
            f.write(text + "\n")

    def has(self, text):
        return any(line.endswith(b" " + text.encode())
                   for line in self.r.lines())

    def wait_text(self, text):
        wait_for(lambda: self.has(text), "%r to arrive" % text)

    def made(self, *names):
        path = self.path(os.path.join(*names))
        os.makedirs(path, exist_ok=True)
        return path


class Directories(Discovery):
    def test_written_in_the_instant_they_appear(self):
        self.begin(self.path("**/*.log"))
        for i in range(100):
            w = self.writer("a%d/b/c/app.log" % i, name="new%d" % i)
            w.write(3)
        self.end()

    def test_renamed_and_removed_as_soon_as_they_are_there(self):
        self.begin(self.path("**/*.log"))
        for i in range(100):
            top = self.path("t%d" % i)
            w = self.writer("t%d/b/app.log" % i, name="moved%d" % i)
            w.write(2)
            os.rename(top, top + ".moved")
            w.write(2)
            os.makedirs(top + "/x/y")
            os.rmdir(top + "/x/y")
            os.rmdir(top + "/x")
            os.rmdir(top)
        self.end()

    def test_a_random_tree(self):
        """Directories come, move and go; what is never deleted arrives."""
        self.begin(self.path("**/*.log"))
        rng = random.Random(SEED)
        dirs = [self.logs]
        for i in range(200):
            d = rng.choice(dirs)
            if not os.path.isdir(d):
                dirs.remove(d)
                continue
            what = rng.randrange(4)
            new = "%s/n%d" % (d, i)
            if what < 2 and d.count("/") < 12:
                os.mkdir(new)
                dirs.append(new)
            elif what == 2 and d != self.logs:
                to = "%s/m%d" % (self.logs, i)
                os.rename(d, to)
                dirs.append(to)
            w = Writer("%s/w%d.log" % (
                d if os.path.isdir(d) else self.logs, i), name="tree%d" % i)
            self.writers.append(w)
            w.write(rng.randrange(1, 4))
        self.end()

    def test_gone_and_back(self):
        top = self.made("app")
        self.begin(self.path("app/*.log"))
        for i in range(5):
            w = self.writer("app/a.log", name="back%d" % i)
            w.write(10)
            self.r.wait_all(w)
            w.close()
            shutil.rmtree(top)
            os.mkdir(top)
        self.end()

    def test_a_path_that_becomes_a_directory_and_a_file_again(self):
        path = self.path("a.log")
        self.begin(self.path("**/*.log"))
        for i in range(3):
            w = self.writer("a.log", name="file%d" % i)
            w.write(5)
            self.r.wait_all(w)
            w.close()
            os.unlink(path)
            w = self.writer("a.log/b.log", name="inside%d" % i)
            w.write(5)
            self.r.wait_all(w)
            w.close()
            shutil.rmtree(path)
        self.end()

    def test_depth(self):
        self.begin(self.path("**/*.log"), recursive_depth=2)
        self.writer("1/2/two.log").write(5)
        deep = self.made("1", "2", "3") + "/three.log"
        self.write(deep, "too deep")
        self.writer("last.log").write(5)
        self.r.wait_all(*self.writers)
        self.assertFalse(self.has("too deep"))
        self.end()

    def test_polled(self):
        self.begin(self.path("**/*.log"), watch="poll", poll_interval="50ms")
        w = self.writer("a/b/app.log")
        w.write(5)
        self.r.wait_all(w)
        w.rename(w.path + ".1")
        w.write(5)
        self.end()
        self.assertEqual(self.counters_before["watched_files"], 0)

    def test_polled_what_came_and_went_between_two_looks(self):
        # Rotated before the first look.
        self.write(self.path("old.log.1"), "from before")
        self.begin(watch="poll", poll_interval="300ms")
        w = self.writer("app.log")
        w.write(5)
        self.r.wait_all(w)
        for i in range(3):
            w.rename(self.path("app.log.%d" % (2 * i)))
            w = self.writer("app.log", name="between%d" % i)
            w.write(5)
            w.rename(self.path("app.log.%d" % (2 * i + 1)))
            w = self.writer("app.log", name="next%d" % i)
            w.write(5)
            self.r.wait_all(*self.writers)
        # A copy is none of them.
        for i in range(3):
            shutil.copy(w.path, self.path("app.log.%d" % (10 + i)))
            os.truncate(w.path, 0)
            w = Writer(w.path, name="copied%d" % i)
            self.writers.append(w)
            w.write(5)
            self.r.wait_all(w)
        self.assertFalse(self.has("from before"))
        self.end()

    @unittest.skipIf(KQUEUE, "kqueue has no queue that overflows")
    def test_what_came_and_went_while_events_were_lost(self):
        self.begin(self.path("**/*.log"))
        self.writer("app.log").write(5)
        self.r.wait_all(*self.writers)
        self.made("busy")
        self.d.wait_follows(self.path("app.log"))
        with open("/proc/sys/fs/inotify/max_queued_events") as f:
            most = int(f.read())
        worker = self.d.worker()
        os.kill(worker, signal.SIGSTOP)
        try:
            path = self.path("busy/x")
            for _ in range(most // 2 + 1):
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY))
                os.unlink(path)
            self.writers[0].rename(self.path("app.log.2"))
            w = self.writer("app.log", name="between")
            w.write(5)
            w.rename(self.path("app.log.1"))
        finally:
            os.kill(worker, signal.SIGCONT)
        self.end()
        self.assertGreater(self.counters_before["watch_overflows"], 0)

    def finish(self, *args):
        self.counters_before = self.counters()
        super().finish(*args)

    @unittest.skipIf(USER is None, "only root is kept out of nothing")
    def test_unreadable_until_its_mode_changes(self):
        top = self.made("closed")
        self.writer("closed/a.log").write(5)
        os.chmod(top, 0o700)
        self.begin(self.path("**/*.log"))
        self.d.wait_log("closed: cannot be listed")
        os.chmod(top, 0o755)
        self.end()
        self.assertEqual(self.d.log().count("cannot be listed"), 1)


class Links(Discovery):
    def elsewhere(self, name):
        """A path that no pattern means."""
        top = os.path.join(self.dir, "elsewhere")
        os.makedirs(os.path.dirname(os.path.join(top, name)), exist_ok=True)
        return os.path.join(top, name)

    def linked_writer(self, name, **options):
        w = Writer(self.elsewhere(name), name=name, **options)
        self.writers.append(w)
        return w

    def plant(self, target, link):
        os.symlink(target, link)
        os.lchown(link, pwd.getpwnam(OTHER).pw_uid, -1)

    def test_loops_end(self):
        self.made("a", "b")
        os.symlink(self.logs, self.path("a/b/up"))
        os.symlink("self", self.path("self"))
        os.symlink("two", self.path("one"))
        os.symlink("one", self.path("two"))
        self.begin(self.path("**/*.log"))
        self.writer("a/b/app.log").write(5)
        self.end()

    def test_the_target_is_told_of_at_once(self):
        w = self.linked_writer("target.log")
        os.symlink(w.path, self.path("link.log"))
        self.begin()
        for _ in range(3):
            w.write(5)
            self.r.wait_all(w)
        self.assertEqual(self.counters()["watched_files"], 1)
        self.end()

    def test_in_the_place_of_a_directory(self):
        # No pattern means it, but the sandbox lets it be read.
        other = os.path.join(self.made("sub", "others", "own"), "planted.log")
        self.write(other, "stolen")
        logs = self.made("sub", "logs")
        self.begin(self.path("sub/*/*.log"))
        w = self.writer("sub/logs/app.log")
        w.write(3)
        self.r.wait_all(w)
        worker = self.d.worker()
        os.kill(worker, signal.SIGSTOP)
        try:
            self.write(os.path.join(logs, "planted.log"), "own")
            os.rename(logs, self.path("old"))
            self.plant(os.path.dirname(other), logs)
        finally:
            os.kill(worker, signal.SIGCONT)
        self.made("sub", "more")
        self.write(self.path("sub/more/app.log"), "seen")
        self.wait_text("seen")
        self.assertFalse(self.has("stolen"))
        self.finish(self.d, self.r)

    def test_one_with_another_target(self):
        link = self.path("link.log")
        self.begin()
        for i in range(4):
            w = self.linked_writer("target%d.log" % i)
            w.write(5)
            if i % 2:
                os.symlink(w.path, link + ".new")
                os.rename(link + ".new", link)
            else:
                if os.path.lexists(link):
                    os.unlink(link)
                os.symlink(w.path, link)
            self.r.wait_all(w)
            w.write(5)
            self.r.wait_all(w)
        self.end()

    def test_a_target_that_comes_later(self):
        os.symlink(self.elsewhere("later.log"), self.path("link.log"))
        self.begin()
        self.d.wait_follows()
        self.linked_writer("later.log").write(5)
        self.end()

    def test_a_directory_with_another_target(self):
        link = self.path("current")
        self.begin(self.path("current/*.log"))
        for i in range(3):
            w = self.linked_writer("release%d/app.log" % i)
            w.write(5)
            if os.path.lexists(link):
                os.unlink(link)
            os.symlink(os.path.dirname(w.path), link)
            self.r.wait_all(w)
            w.write(5)
            self.r.wait_all(w)
        self.end()

    def test_a_directory_that_comes_later(self):
        os.symlink(self.elsewhere("new"), self.path("current"))
        self.begin(self.path("current/*.log"))
        self.linked_writer("new/app.log").write(5)
        self.end()

    @unittest.skipIf(USER is None, "needs root to plant links")
    def test_one_that_anybody_could_have_planted(self):
        secret = self.elsewhere("secret")
        self.write(secret, "secret")
        self.plant(secret, self.path("planted.log"))
        self.plant(os.path.dirname(secret), self.path("dir"))
        self.begin([self.path("*.log"), self.path("dir/*")])
        self.d.wait_log("planted.log: not followed: the link belongs")
        self.writer("app.log").write(5)
        self.r.wait_all(*self.writers)
        self.assertFalse(self.has("secret"))
        # The owner of the target may.
        os.chown(secret, pwd.getpwnam(OTHER).pw_uid, -1)
        os.rename(self.path("planted.log"), self.path("again.log"))
        self.wait_text("secret")
        self.end()

    @unittest.skipIf(USER is None, "needs root to plant links")
    def test_all_are_followed_where_it_is_wanted(self):
        other = self.elsewhere("other")
        self.write(other, "anything")
        self.plant(other, self.path("planted.log"))
        self.begin(symlinks="follow")
        self.wait_text("anything")
        self.end()

    def test_none_is_followed_where_that_is_wanted(self):
        self.write(self.elsewhere("linked"), "linked")
        os.symlink(self.elsewhere("linked"), self.path("link.log"))
        os.symlink(self.elsewhere(""), self.path("dir"))
        self.begin([self.path("*.log"), self.path("**/linked")],
                   symlinks="ignore")
        self.writer("app.log").write(5)
        self.r.wait_all(*self.writers)
        self.assertFalse(self.has("linked"))
        self.end()

    def test_a_file_with_two_names_is_sent_once(self):
        w = self.writer("app.log")
        os.link(w.path, self.path("same.log"))
        self.begin()
        w.write(5)
        self.end()

    def test_what_is_written_under_another_name(self):
        """The directory does not tell: the file's own watch does."""
        w = self.linked_writer("other-name")
        os.link(w.path, self.path("app.log"))
        self.begin()
        for _ in range(3):
            w.write(5)
            self.r.wait_all(w)
        self.assertEqual(self.counters()["watched_files"], 1)
        self.end()


class LongPaths(Discovery):
    """What has a path that no system call takes is passed over."""

    LIMIT = os.pathconf("/", "PC_PATH_MAX") - 1

    def deep(self, length):
        """A directory with a path of that length, open."""
        fd = os.open(self.logs, os.O_RDONLY)
        at = len(self.logs)
        while at < length:
            n = min(250, length - at - 1)
            if 0 < length - at - n - 1 < 2:
                n -= 2
            os.mkdir("d" * n, dir_fd=fd)
            below = os.open("d" * n, os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = below
            at += n + 1
        self.addCleanup(os.close, fd)
        return fd

    def write_at(self, fd, name, text):
        inside = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644,
                         dir_fd=fd)
        os.write(inside, text.encode() + b"\n")
        os.close(inside)

    def survives(self):
        name = "still%d.log" % len(self.writers)
        w = self.writer(name, name=name)
        w.write(3)
        self.r.wait_all(w)
        self.assertNotIn("signal", self.d.log())

    def test_one_is_renamed_to_a_short_name(self):
        fd = self.deep(self.LIMIT - 40)
        self.begin(self.path("**/*.log"), recursive_depth=64)
        self.write_at(fd, "s.log", "deep")
        self.wait_text("deep")
        for i in range(3):
            # One that is back before it was missed is not named again.
            name = "%d" % i + "x" * 80 + ".log"
            self.write_at(fd, name, "unseen")
            self.d.wait_log("not followed: its path is longer", i + 1)
            os.rename(name, "y", src_dir_fd=fd, dst_dir_fd=fd)
            self.write_at(fd, "s.log", "and on")
            self.wait_text("and on")
            os.unlink("y", dir_fd=fd)
        self.survives()
        self.assertEqual(self.d.log().count("not followed"), 3)
        self.end()

    def test_a_known_file_gets_one(self):
        fd = self.deep(self.LIMIT - 40)
        self.begin(self.path("**/*.log"), recursive_depth=64)
        w = self.writer("a.log")
        w.write(3)
        self.r.wait_all(w)
        self.d.stop()
        os.rename(w.path, "x" * 80 + ".log", dst_dir_fd=fd)
        self.d.start()
        self.survives()
        self.assertIn("not followed: its path is longer", self.d.log())
        self.d.hup()
        self.survives()
        self.end()

    def test_a_directory_has_one(self):
        fd = self.deep(self.LIMIT - 40)
        os.mkdir("e" * 80, dir_fd=fd)
        below = os.open("e" * 80, os.O_RDONLY, dir_fd=fd)
        self.addCleanup(os.close, below)
        self.write_at(below, "a.log", "unseen")
        self.begin(self.path("**/*.log"), recursive_depth=64,
                   exclude=["/nothing/*"])
        self.survives()
        self.end()


class TwoSources(Discovery):
    """Two sources mean the same files, and send them to different receivers."""

    FIRST, SECOND = "*.log", "a*"

    def conf(self, second=True):
        text = destination("d", self.r.url) + source(
            "s", self.path(self.FIRST), destinations=["d"])
        if second:
            text += destination("e", self.other.url) + source(
                "t", self.path(self.SECOND), destinations=["e"])
        return text

    def begin_two(self, second=True):
        self.r = self.receiver(name="first").start()
        self.other = self.receiver(name="second").start()
        self.d = self.daemon(self.conf(second)).start()

    def end_two(self, *writers):
        for r in (self.r, self.other):
            r.wait_all(*self.writers)
        self.finish(self.d, self.r, self.other)
        for r in (self.r, self.other):
            r.check(*self.writers)

    def test_there_at_the_start(self):
        self.writer("a.log").write(5)
        self.begin_two()
        self.writer("a2.log").write(5)
        self.end_two()

    def test_the_second_comes_with_a_reload(self):
        w = self.writer("a.log")
        w.write(5)
        self.begin_two(second=False)
        self.r.wait_all(w)
        self.d.reload(self.conf())
        w.write(5)
        self.end_two()

    def test_in_directories_that_come(self):
        self.FIRST, self.SECOND = "**/*.log", "*/a.*"
        self.begin_two()
        for i in range(20):
            self.writer("d%d/a.log" % i, name="w%d" % i).write(3)
        self.end_two()

    def test_a_directory_under_two_paths(self):
        self.FIRST, self.SECOND = "real/*.log", "link*/*.log"
        self.made("real")
        self.writer("real/a.log").write(5)
        self.begin_two()
        os.symlink(self.path("real"), self.path("link"))
        self.writer("real/b.log").write(5)
        self.end_two()


class Work(Discovery):
    """What any user can multiply costs no more than in proportion."""

    def counted(self, *calls):
        """The counts of system calls, when the daemon has ended."""
        if shutil.which("strace") is None:
            self.skipTest("needs strace")
        path = os.path.join(self.dir, "calls")
        self.d.within = ["strace", "-D", "-f", "-c", "-o", path, "-e",
                         "trace=" + ",".join(calls)]
        # It does not look for leaks in what is traced.
        self.d.sanitizer("detect_leaks=0")

        def total():
            def written():
                with contextlib.suppress(FileNotFoundError), open(path) as f:
                    return re.search(r"(\d+)(?: +\d+)? total$", f.read())
            return int(wait_for(written, "the counts of strace")[1])
        return total

    def test_a_start_with_many_literal_directories(self):
        n = 100
        for i in range(n):
            self.writer("d%d/a.log" % i, name="w%d" % i).write(1)
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) + source(
            "s", [self.path("d%d/*.log" % i) for i in range(n)]))
        opened = self.counted("openat")
        self.d.start()
        self.end()
        self.assertLess(opened(), 10 * n)

    def test_messages_that_anybody_can_bring_about(self):
        n = 40
        self.writer("a.log").write(1)
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.path("*.log"))).start()
        self.d.wait_follows(self.path("a.log"))
        for i in range(n):
            with open(self.path("no-text%d.log" % i), "wb") as f:
                # Each another, or they may be copies of each other.
                f.write(b"\x1f\x8b\x08" + bytes([i + 1]) +
                        bytes(range(1, 200)))
        files = [self.path("no-text%d.log" % i) for i in range(n)]
        self.d.wait_follows(*files)
        wait_for(lambda: all(f["cursors"][0]["lag_bytes"] == 0
                             for f in self.d.state()["files"]
                             if f["path"] in files), "a look at each")
        self.d.stop()
        log = self.d.log()
        named = log.count("is compressed, not text: passed over")
        self.assertEqual(named, 16)
        self.assertIn("and %d others like these" % (n - named), log)

    def test_names_that_are_not_followed(self):
        self.begin()
        for i in range(1000):
            os.mkfifo(self.path("%d.log" % i))
        self.writer("app.log").write(3)
        self.r.wait_all(*self.writers)
        self.d.wait_log("and [0-9]+ others are not followed")
        self.assertLess(self.d.log().count("not followed"), 32)
        # One that is gone makes room for another.
        for i in range(1000):
            os.unlink(self.path("%d.log" % i))
        self.writer("b.log").write(3)
        self.r.wait_all(*self.writers)
        os.mkfifo(self.path("another.log"))
        self.d.wait_log("another.log: not followed")
        self.end()

    def test_a_tree_that_is_moved_in(self):
        """What came behind it is sent before the most of it."""
        n = 600
        tree = os.path.join(self.dir, "tree")
        self.begin(self.path("**/*.log"))
        w = self.writer("app.log")
        w.write(3)
        self.r.wait_all(w)
        inside = [self.writer("../tree/p%d/c%d/%d.log" % (i % 20, i, i),
                              name="t%d" % i) for i in range(n)]
        for t in inside:
            t.write(1)
            t.close()
        worker = self.d.worker()
        os.kill(worker, signal.SIGSTOP)
        os.rename(tree, self.path("tree"))
        w.write(1)
        os.kill(worker, signal.SIGCONT)
        self.r.wait_all(*self.writers)
        came = b"".join(self.r.lines())
        self.assertLess(came[:came.index(b"seq=00000004 file=app.log")]
                        .count(b" file=t"), n // 2)
        self.end()

    def test_links_that_lead_nowhere(self):
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) + source(
            "s", self.path("*.log")))
        n = 1000
        for i in range(n):
            os.symlink(os.path.join(self.dir, "none%d" % i),
                       self.path("%d.log" % i))
        looks = self.counted("newfstatat,readlink,readlinkat")
        self.d.start()
        # While a last one is looked at five times and more.
        for _ in range(5):
            self.d.state()
            time.sleep(1)
        self.end()
        self.assertLess(looks(), 8 * n)

    def test_links_to_directories_of_links(self):
        tops = [self.made("t%d" % i) for i in range(9)]
        for i, top in enumerate(tops[:-1]):
            for k in range(4):
                os.symlink(tops[i + 1], top + "/l%d" % k)
        self.begin(self.path("**/*.log"))
        self.writer("t8/app.log").write(3)
        self.r.wait_all(*self.writers)
        self.assertLess(self.counters()["watched_directories"], 200)
        self.end()


class FailingLooks(Discovery):
    """What could not be looked at is not taken for gone, and is looked at
    again."""

    def begin_with(self, *faults, **options):
        if shutil.which("strace") is None:
            self.skipTest("needs strace")
        # A call that is to fail has no number that the sandbox knows; with
        # the tests' kqueue the sandbox is always like that.
        lenient = TESLACOILD if KQUEUE else TESLACOILD + "-lenient"
        if not os.path.exists(lenient):
            self.skipTest("needs " + lenient)
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) + source(
            "s", self.path("**/*.log"), **options), program=lenient)
        self.d.start()
        w = self.writer("app.log")
        w.write(3)
        self.r.wait_all(w)
        self.tracer = subprocess.Popen(
            ["strace", "-f", "-o", os.path.join(self.dir, "trace"),
             "-p", str(self.d.worker()), "-P", self.logs] +
            ["--inject=" + fault for fault in faults],
            stderr=subprocess.PIPE)
        self.assertIn(b"attached", self.tracer.stderr.readline())
        self.addCleanup(self.end_faults)
        return w

    def end_faults(self):
        if self.tracer is not None:
            self.tracer.send_signal(signal.SIGINT)
            self.tracer.wait()
            self.tracer.stderr.close()
        self.tracer = None

    def failing(self, fault):
        w = self.begin_with(fault)
        for i in range(3):
            n = self.writer("n%d/app.log" % i, name="n%d" % i)
            n.write(3)
            m = self.writer("m%d.log" % i)
            m.write(3)
            w.rename(self.path("app.log.%d" % i))
            w.write(3)
            self.r.wait_all(n, m)
        self.end_faults()
        self.end()

    def test_no_descriptor(self):
        self.failing("openat:error=EMFILE:when=1..8")

    @unittest.skipIf(KQUEUE, "the tests' kqueue would fail, too")
    def test_no_memory(self):
        self.failing("newfstatat:error=ENOMEM:when=1..8")


class Files(Discovery):
    @unittest.skipIf(USER is None, "root reads all")
    def test_unreadable_until_its_mode_changes(self):
        w = self.writer("app.log")
        w.write(5)
        os.chmod(w.path, 0o600)
        self.begin()
        self.d.wait_log("app.log: cannot be read")
        w.write(5)
        os.chmod(w.path, 0o644)
        self.end()
        self.assertEqual(self.d.log().count("cannot be read"), 1)

    def test_no_regular_files(self):
        os.mkfifo(self.path("fifo.log"))
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(self.path("socket.log"))
        os.symlink("/dev/null", self.path("device.log"))
        self.begin()
        for name in "fifo", "socket", "device":
            self.d.wait_log(name + r"\.log: not followed: it is no regular")
        self.writer("app.log").write(5)
        # It becomes one.
        os.unlink(self.path("fifo.log"))
        self.writer("fifo.log").write(5)
        self.end()

    def test_odd_names(self):
        names = ["with space.log", "tab\there.log", "back\\slash.log",
                 "new\nline.log", "\x1b[31mred.log", "ü.log", "-.log"]
        bad = os.path.join(self.logs.encode(), b"not\xff\xfeutf-8.log")
        self.begin()
        for i, name in enumerate(names):
            self.write(self.path(name), "in odd %d" % i)
        with open(bad, "w") as f:
            f.write("in what is no text\n")
        for i in range(len(names)):
            self.wait_text("in odd %d" % i)
        self.wait_text("in what is no text")
        paths = [f["path"] for f in self.d.state()["files"]]
        self.assertEqual(len(paths), len(names) + 1)
        self.assertIn(self.path("not\\xff\\xfeutf-8.log"), paths)
        for name in names:
            self.assertIn(self.path(name), paths)
        self.again()
        with open(bad, "a") as f:
            f.write("more\n")
        self.wait_text("more")
        self.finish(self.d, self.r)
        # One line each: no name breaks out of its record or its message.
        with open(self.d.state_dir + "/checkpoint", "rb") as f:
            text = f.read()
        self.assertIn(b"new\\x0aline.log", text)
        self.assertIn(b"not\\xff\\xfeutf-8.log", text)
        self.assertNotIn(b"\x1b", text + self.d.log().encode())
        self.assertEqual(len(self.r.lines()), len(names) + 2)

    def test_renamed_to_what_the_pattern_means_too(self):
        w = self.writer("app.log")
        self.begin(self.path("app.log*"))
        for i in range(5):
            w.write(20)
            w.rename("%s.%d" % (w.path, i))
        self.end()
        self.assertEqual(self.r.arrived(), w.count)

    def test_moved_to_where_nobody_looks(self):
        """It is drained there: its own watch tells what is still written."""
        w = self.writer("app.log")
        self.begin()
        w.write(5)
        self.r.wait_all(w)
        to = os.path.join(self.dir, "old.log")
        os.rename(w.path, to)
        for _ in range(3):
            w.write(5)
            self.r.wait_all(w)
        self.assertEqual(self.counters()["watched_files"], 1)
        self.end()

    def test_our_own_log_and_state(self):
        os.rmdir(self.logs)
        self.logs = self.dir
        self.begin([self.path("*.log"), self.path("**/checkpoint")])
        self.d.wait_log("not followed: it is the daemon's own log")
        self.writer("app.log").write(5)
        self.r.wait_all(*self.writers)
        self.end()
        self.assertEqual(self.r.arrived(), 5)

    def test_our_own_output(self):
        """What it prints does not become what it prints."""
        w = self.writer("app.log")
        w.write(5)
        out = self.path("out.log")
        with open(out, "wb") as f:
            p = subprocess.Popen([TESLACOILD, "-d", self.path("*.log")],
                                 stdin=subprocess.DEVNULL, stdout=f,
                                 stderr=subprocess.DEVNULL)
        printed = Output(out)
        try:
            printed.wait_lines(5)
            w.write(1)
            printed.wait_lines(6)
        finally:
            p.send_signal(signal.SIGTERM)
            p.wait()
        self.assertEqual(printed.arrived(), 6)


class Old(Discovery):
    DAY = 86400

    def age(self, path, days):
        when = os.stat(path).st_mtime - days * self.DAY
        os.utime(path, (when, when))

    def test_old_files_are_left_alone_until_they_are_written_to(self):
        old = self.path("old.log")
        self.write(old, "old")
        self.age(old, 10)
        self.begin(ignore_older="7d")
        w = self.writer("new.log")
        w.write(5)
        self.r.wait_all(w)
        self.assertFalse(self.has("old"))
        self.write(old, "again")
        self.wait_text("again")
        self.assertTrue(self.has("old"))
        self.end()

    def test_what_was_followed_goes_on(self):
        w = self.writer("app.log")
        w.write(5)
        self.begin(ignore_older="7d")
        self.r.wait_all(w)
        self.d.stop()
        w.write(5)
        self.age(w.path, 10)
        self.d.start()
        self.r.wait_all(w)
        self.d.stop()
        self.age(w.path, 20)
        self.d.start()
        w.write(5)
        self.end()


class Descriptors(Discovery):
    N = 60

    def rotate_all(self, ws):
        """Written to and rotated at once, most of them while closed."""
        for w in ws:
            w.write(2)
            w.rename(w.path + ".1")
            w.write(1)

    def life(self):
        ws = [self.writer("%d.log" % i) for i in range(self.N)]
        for w in ws:
            w.write(3)
        self.r.wait_all(*ws)
        self.rotate_all(ws)
        self.r.wait_all(*ws)
        self.open_files = self.counters()["files_open"]
        for w in ws:
            os.unlink(w.path + ".1")
        self.rotate_all(ws)
        self.end()

    def test_more_files_than_the_source_may_open(self):
        self.begin(max_open=4)
        self.life()
        self.assertLessEqual(self.open_files, 4)

    def test_more_files_than_the_process_may_open(self):
        self.r = self.receiver().start()
        d = self.daemon(destination("d", self.r.url) +
                        source("s", self.path("*.log")))
        script = os.path.join(self.dir, "limited")
        with open(script, "w") as f:
            f.write("#!/bin/sh\nulimit -n 48\nexec %s \"$@\"\n" % TESLACOILD)
        os.chmod(script, 0o755)
        d.program = script
        self.d = d.start()
        self.life()
        self.assertLess(self.open_files, 48)

    def test_a_limit_of_one_and_another_source_without(self):
        self.r = self.receiver().start()
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("few", self.path("few*.log"), max_open=1) +
            source("many", self.path("many*.log"))).start()
        few = [self.writer("few%d.log" % i) for i in range(10)]
        many = [self.writer("many%d.log" % i) for i in range(10)]
        for _ in range(3):
            for w in few + many:
                w.write(2)
            self.r.wait_all(*few, *many)
        self.assertLessEqual(self.counters()["files_open"], 11)
        self.end()


class Settled(Discovery):
    """What has not changed since the checkpoint is not opened at a start."""

    def test_goes_on_when_it_is_written_to(self):
        ws = [self.writer("%d.log" % i) for i in range(20)]
        for w in ws:
            w.write(5)
        self.begin()
        self.r.wait_all(*ws)
        self.start_again(*ws)
        for w in ws[:10]:
            w.write(5)
        for w in ws[10:15]:
            w.rename(w.path + ".1")
            w.write(5)
        for w in ws[15:]:
            w.copytruncate(w.path + ".1")
            w.write(5)
        self.end()

    def start_again(self, *ws):
        self.d.stop()
        checkpoint = self.d.state_dir + "/checkpoint"
        wait_for(lambda: self.touch(checkpoint) >
                 os.stat(ws[-1].path).st_ctime + 3, "the clock to go on")
        self.d.start()
        self.d.wait_follows(*[w.path for w in ws])
        # kqueue watches none that is not open.
        self.assertEqual(self.counters()["files_open"],
                         len(ws) if KQUEUE else 0)

    @staticmethod
    def touch(path):
        """As if the daemon had written it just now; returns when."""
        os.utime(path)
        return os.stat(path).st_mtime

    def test_another_file_in_its_place_is_another(self):
        w = self.writer("app.log")
        w.write(5)
        self.begin()
        self.r.wait_all(w)
        self.d.stop()
        # The same inode and size, other lines.
        with open(w.path, "r+b") as f:
            text = f.read().replace(b"file=app.log", b"file=ppa.log")
            f.seek(0)
            f.write(text)
        self.d.start()
        wait_for(lambda: sum(b"ppa.log" in x for x in self.r.lines()) == 5,
                 "the other lines")
        self.finish(self.d, self.r)

    def test_another_file_gets_the_inode_of_an_empty_one(self):
        """It is sent by the source that means it, not by that of the other."""
        empty = self.writer("a/empty.log")
        os.mkdir(self.path("b"))
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("a", self.path("a/*.log")) +
                             source("b", self.path("b/*.log"))).start()
        self.d.wait_follows(empty.path)
        self.start_again(empty)
        inode = os.stat(empty.path).st_ino
        worker = self.d.worker()
        os.kill(worker, signal.SIGSTOP)
        empty.close()
        os.unlink(empty.path)
        for i in range(200):
            w = self.writer("b/%d.log" % i)
            if os.stat(w.path).st_ino == inode:
                break
        else:
            os.kill(worker, signal.SIGCONT)
            self.skipTest("inodes are not used again at once here")
        w.write(5)
        os.kill(worker, signal.SIGCONT)
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        for line in self.r.lines():
            self.assertIn(b" b - - - seq=", line)


@unittest.skipIf(USER is None or KQUEUE, "needs namespaces and inotify")
class WatchLimit(Discovery):
    def test_more_directories_than_watches(self):
        """Polled, which is said once, and shown."""
        ws = [self.writer("d%d/app.log" % i, name="d%d" % i)
              for i in range(20)]
        self.r = self.receiver().start()
        d = self.daemon(destination("d", self.r.url) + source(
            "s", self.path("*/*.log"), poll_interval="100ms"), user="")
        os.chown(d.state_dir, 0, 0)
        script = os.path.join(self.dir, "limited")
        with open(script, "w") as f:
            f.write("#!/bin/sh\nexec unshare --user --map-root-user sh -c '"
                    "echo 8 > /proc/sys/user/max_inotify_watches && "
                    "exec \"$0\" \"$@\"' %s \"$@\"\n" % TESLACOILD)
        os.chmod(script, 0o755)
        if subprocess.run([script, "-V"], stdout=subprocess.DEVNULL,
                          stderr=subprocess.DEVNULL).returncode != 0:
            self.skipTest("no user namespaces here")
        d.program = script
        self.d = d.start()
        for _ in range(3):
            for w in ws:
                w.write(2)
            self.r.wait_all(*ws)
        self.assertGreaterEqual(self.counters()["polled_directories"], 10)
        self.assertEqual(
            self.d.log().count("the limit of watches is reached"), 1)
        self.end()


@unittest.skipUnless(os.environ.get("TESLACOIL_LONG"), "takes a minute")
class Sweep(Discovery):
    def test_what_no_event_tells(self):
        mapped = self.path("mapped.log")
        size = 4 * mmap.PAGESIZE
        with open(mapped, "wb") as f:
            f.truncate(size)
        self.made("mounted")
        self.begin([self.path("*.log"), self.path("mounted/*.log")])
        self.d.wait_follows(mapped)
        other = os.path.join(self.dir, "other")
        os.mkdir(other)
        w = Writer(other + "/app.log")
        self.writers.append(w)
        w.write(5)
        if USER is not None and LINUX:
            subprocess.run(["mount", "--bind", other, self.path("mounted")],
                           check=True)
            self.addCleanup(subprocess.run,
                            ["umount", self.path("mounted")])
        with open(mapped, "r+b") as f, mmap.mmap(f.fileno(), size) as m:
            m[0:6] = b"mapped"
            m[size - 1:size] = b"\n"
        wait_for(lambda: any(b"mapped" in x for x in self.r.lines()),
                 "what was written through memory", 150)
        if USER is not None and LINUX:
            wait_for(lambda: self.r.missing(w) == 0, "what was mounted", 150)
        self.finish(self.d, self.r)


if __name__ == "__main__":
    main()
