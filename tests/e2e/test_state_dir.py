#!/usr/bin/python3
"""Goal: the state directory is the daemon's own, is noticed when it goes, and
is locked by who uses it, whatever reloads follow each other."""

import fcntl
import os
import pwd
import re
import shutil
import signal
import unittest

from teslacoil import (USER, Case, destination, kill, main, running, source,
                       wait_for)

OTHER = 12345                   # the id of an account that is not the daemon's


def is_locked(state_dir):
    with open(os.path.join(state_dir, "lock"), "rb") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


class Rights(Case):

    def check_refused(self, reason, prepare):
        w = self.writer()
        d = self.daemon(destination("d", "stdout:") + source("s", w.path))
        prepare(d.state_dir)
        self.assertEqual(d.start().wait(), 1)
        d.process = None
        self.assertRegex(d.log(), "state_dir %s: %s" % (
            re.escape(d.state_dir), reason))
        self.assertEqual(os.listdir(d.state_dir), [])

    def test_one_that_others_may_write(self):
        self.check_refused("others may write in it",
                           lambda path: os.chmod(path, 0o777))

    def test_one_that_a_group_of_others_may_write(self):
        if USER is None:
            self.skipTest("not root")

        def prepare(path):
            os.chown(path, -1, OTHER)
            os.chmod(path, 0o770)
        self.check_refused("others may write in it", prepare)

    @unittest.skipUnless(USER, "not root")
    def test_one_that_is_somebody_elses(self):
        self.check_refused("belongs to user id %d" % OTHER,
                           lambda path: os.chown(path, OTHER, OTHER))

    @unittest.skipUnless(USER, "not root")
    def test_one_of_root_that_the_worker_may_not_write(self):
        self.check_refused(
            r"user id %d may not write in it" % pwd.getpwnam(USER).pw_uid,
            lambda path: os.chown(path, 0, 0))

    @unittest.skipUnless(USER, "not root")
    def test_a_reload_with_one_of_somebody_else_is_refused(self):
        w = self.writer()
        d = self.daemon(destination("d", "stdout:") + source("s", w.path))
        d.start()
        w.write(10)
        d.stdout.wait_all(w)
        worker = d.worker()
        other = os.path.join(self.dir, "other.state")
        os.mkdir(other)
        os.chown(other, OTHER, OTHER)
        d.options["state_dir"] = other
        d.write_conf(destination("d", "stdout:") + source("s", w.path))
        d.hup()
        d.wait_log("not reloaded: the old configuration goes on")
        self.assertEqual(d.worker(), worker)
        w.write(10)
        d.stdout.wait_all(w)
        d.stop()


class Removed(Case):

    def begin(self):
        self.w = self.writer()
        self.r = self.receiver().start()
        self.conf = destination("d", self.r.url) + source("s", self.w.path)
        self.d = self.daemon(self.conf).start()
        self.w.write(100)
        self.r.wait_all(self.w)
        self.checkpoint = os.path.join(self.d.state_dir, "checkpoint")
        wait_for(self.is_written, "the checkpoint")

    def is_written(self):
        """All that was sent."""
        try:
            with open(self.checkpoint) as f:
                return " %d " % os.stat(self.w.path).st_size in f.read()
        except FileNotFoundError:
            return False

    def end(self):
        self.w.write(100)
        self.r.wait_all(self.w)
        wait_for(self.is_written, "the checkpoint, again")
        self.d.stop()
        self.d.start()
        self.w.write(100)
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w)

    def test_is_noticed_and_it_is_made_again(self):
        self.begin()
        shutil.rmtree(self.d.state_dir)
        self.d.wait_log("was removed or replaced: a new worker makes it again")
        self.end()

    def test_a_reload_at_once_makes_it_again(self):
        self.begin()
        shutil.rmtree(self.d.state_dir)
        self.d.reload(self.conf)
        self.end()

    def test_a_worker_that_fails_finds_it_again(self):
        self.begin()
        shutil.rmtree(self.d.state_dir)
        kill(self.d.worker(), signal.SIGKILL)
        self.d.wait_log("starting it again")
        self.end()

    def test_moved_away(self):
        self.begin()
        os.rename(self.d.state_dir, self.d.state_dir + ".old")
        self.d.reload(self.conf)
        self.end()

    @unittest.skipUnless(USER, "not root")
    def test_made_again_by_somebody_else(self):
        """Lines go on without one, until it is put right."""
        self.begin()
        shutil.rmtree(self.d.state_dir)
        os.mkdir(self.d.state_dir)
        os.chown(self.d.state_dir, OTHER, OTHER)
        self.d.wait_log("belongs to user id %d" % OTHER)
        self.w.write(100)
        self.r.wait_all(self.w)
        who = pwd.getpwnam(USER)
        os.chown(self.d.state_dir, who.pw_uid, who.pw_gid)
        self.d.reload(self.conf)
        self.w.write(100)
        self.r.wait_all(self.w)
        wait_for(self.is_written, "the checkpoint, again")
        self.finish(self.d, self.r)
        self.r.check(self.w, repeats=None)


class Reloads(Case):
    """One behind the other, while the first worker still waits."""

    def begin(self):
        self.w = self.writer()
        self.r = self.receiver().start()
        self.d = self.daemon("", shutdown_timeout="30s")
        self.dirs = [self.d.state_dir, os.path.join(self.dir, "b.state")]
        self.write(0)
        self.d.start()
        self.w.write(100)
        self.r.wait_all(self.w)
        self.r.do("pause")
        self.w.write(20000)
        wait_for(lambda: self.d.state()["destinations"][0]["in_flight_bytes"],
                 "lines in flight")

    def write(self, which):
        self.d.options["state_dir"] = self.dirs[which]
        self.d.write_conf(destination("d", self.r.url) +
                          source("s", self.w.path))

    def reload(self, *which):
        worker = self.d.worker()
        for i, k in enumerate(which):
            self.write(k)
            self.d.hup()
            self.d.wait_log("teslacoild: reloading", i + 1)
        self.assertTrue(running(worker))
        self.r.do("resume")
        wait_for(lambda: not running(worker) and self.d.workers(),
                 "another worker")

    def end(self, used, repeats=0):
        self.w.write(100)
        self.r.wait_all(self.w)
        self.assertEqual(
            [is_locked(path) for path in self.dirs if
             os.path.exists(path + "/lock")],
            [path == self.dirs[used] for path in self.dirs if
             os.path.exists(path + "/lock")])
        self.finish(self.d, self.r)
        self.r.check(self.w, repeats=repeats, ordered=repeats == 0)

    def test_to_another_and_back(self):
        self.begin()
        self.reload(1, 0)
        self.end(0)

    def test_twice_to_the_same_other_one(self):
        self.begin()
        self.reload(1, 1)
        self.end(1, repeats=None)
        self.assertNotIn("in use by teslacoild", self.d.log())


class Lock(Case):

    def test_names_no_dead_process(self):
        """The monitor was killed, and its worker cannot end yet."""
        w = self.writer()
        conf = destination("d", "stdout:") + source("s", w.path)
        d = self.daemon(conf).start()
        w.write(10)
        d.stdout.wait_all(w)
        worker = d.worker()
        kill(worker, signal.SIGSTOP)
        try:
            kill(d.pid, signal.SIGKILL)
            d.process.wait()
            d.process = None
            second = self.daemon(conf, name="second",
                                 state_dir=d.state_dir).start()
            self.assertEqual(second.wait(), 1)
            second.process = None
            self.assertIn("in use by teslacoild with process id %d;" % worker,
                          second.log())
        finally:
            kill(worker, signal.SIGKILL)
        wait_for(lambda: not running(worker), "the worker's end")


if __name__ == "__main__":
    main()
