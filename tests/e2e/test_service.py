#!/usr/bin/python3
"""Goal: a service manager is told what is true, and finds the right process.

The manager is a socket of ours, as sd_notify(3) has it.
"""

import os
import pwd
import re
import signal
import socket
import subprocess
import unittest

from processes import command
from teslacoil import (USER, Case, destination, kill, main, source, wait_for)

WATCHDOG_S = 1


class Manager:
    """Hears what the daemon says."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.heard = []         # (key, value), in order

    def listen(self, seconds):
        """Returns whether anything was said."""
        self.socket.settimeout(seconds)
        try:
            text = self.socket.recv(4096).decode()
        except TimeoutError:
            return False
        for line in text.splitlines():
            key, _, value = line.partition("=")
            self.heard.append((key, value))
        return True

    def values(self, key):
        return [v for k, v in self.heard if k == key]

    def count(self, key):
        return len(self.values(key))

    @property
    def status(self):
        return self.values("STATUS")[-1]

    def wait(self, condition, what):
        wait_for(lambda: condition() or (self.listen(0.2) and condition()),
                 what)

    def wait_more(self, key):
        goal = self.count(key) + 1
        self.wait(lambda: self.count(key) >= goal, key)

    def wait_status(self, status):
        self.wait(lambda: self.status == status, "the status %r" % status)

    def wait_quiet(self):
        """Nobody speaks for longer than the watchdog would wait."""
        wait_for(lambda: not self.listen(2 * WATCHDOG_S), "silence")


class Notify(Case):

    def setUp(self):
        super().setUp()
        path = os.path.join(self.dir, "notify")
        self.manager = Manager(path)
        self.addCleanup(self.manager.socket.close)
        self.env = dict(os.environ, NOTIFY_SOCKET=path,
                        WATCHDOG_USEC=str(WATCHDOG_S * 1000000))

    def begin(self, conf, **options):
        d = self.daemon(conf, **options)
        d.env = self.env
        d.start()
        self.manager.wait_more("READY")
        return d

    def test_says_how_far_it_is(self):
        w = self.writer()
        w.write(10)
        size = os.stat(w.path).st_size
        r = self.receiver()
        r.start()
        r.kill()
        d = self.begin(destination("d", r.url) + source("s", w.path))
        self.manager.wait_status(
            "forwarding 1 file to 1 destination (1 not connected), "
            "%d bytes behind" % size)
        r.start()
        self.manager.wait_status(
            "forwarding 1 file to 1 destination, 0 bytes behind")
        self.assertGreater(self.manager.count("WATCHDOG"), 0)
        self.finish(d, r)
        self.manager.wait(lambda: self.manager.count("STOPPING"), "STOPPING")
        # shutdown_timeout, and what the monitor adds to it before it kills.
        self.assertEqual(self.manager.values("EXTEND_TIMEOUT_USEC"),
                         ["15000000"])

    def test_a_reload_is_announced_and_ends(self):
        w = self.writer()
        r = self.receiver().start()
        good = destination("d", r.url) + source("s", w.path)
        d = self.begin(good)
        for i in range(2):
            ready = self.manager.count("READY")
            d.reload(good)
            self.manager.wait(lambda: self.manager.count("READY") > ready,
                              "the end of the reload")
            self.assertEqual(self.manager.count("RELOADING"), i + 1)
        clock = [int(t) for t in self.manager.values("MONOTONIC_USEC")]
        self.assertEqual(clock, sorted(clock))
        d.write_conf("nonsense = 1\n")
        d.hup()
        self.manager.wait_more("READY")
        for _ in range(3):
            self.manager.wait_more("WATCHDOG")
            self.assertEqual(
                self.manager.status,
                "the new configuration is wrong, the old one goes on")
        d.reload(good)
        self.manager.wait_status(
            "forwarding 1 file to 1 destination, 0 bytes behind")
        self.finish(d, r)

    def test_nobody_speaks_for_a_worker_that_hangs(self):
        w = self.writer()
        r = self.receiver().start()
        d = self.begin(destination("d", r.url) + source("s", w.path))
        self.manager.wait_more("WATCHDOG")
        kill(d.worker(), signal.SIGSTOP)
        self.manager.wait_quiet()
        kill(d.worker(), signal.SIGCONT)
        self.manager.wait_more("WATCHDOG")
        self.finish(d, r)

    def test_a_manager_that_hangs_keeps_nobody(self):
        w = self.writer()
        r = self.receiver().start()
        d = self.begin(destination("d", r.url) + source("s", w.path))
        # All that the system keeps for it is there, and nobody takes it.
        full = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(full.close)
        full.setblocking(False)
        with self.assertRaises(BlockingIOError):
            while True:
                full.sendto(b"X=1", self.env["NOTIFY_SOCKET"])
        w.write(100)
        r.wait_all(w)
        self.finish(d, r)

    def test_the_monitor_speaks_while_no_worker_can(self):
        w = self.writer()
        r = self.receiver().start()
        d = self.begin(destination("d", r.url) + source("s", w.path))
        failed = ("STATUS", "the worker failed, starting it again")
        # Until the wait before the next start is longer than a beat.
        for i in range(5):
            kill(d.worker(), signal.SIGKILL)
            self.manager.wait(
                lambda: self.manager.heard.count(failed) > i, failed[1])
        at = len(self.manager.heard)
        self.manager.wait(
            lambda: ("READY", "1") in self.manager.heard[at:], "READY")
        since = self.manager.heard[at:]
        self.assertIn(("WATCHDOG", "1"), since[:since.index(("READY", "1"))])
        self.finish(d, r)


class Title(Case):

    def test_only_the_monitor_keeps_its_own(self):
        w = self.writer()
        d = self.daemon(destination("d", "stdout:") +
                        source("s", w.path)).start()
        self.assertEqual(command(d.pid).split()[-len(d.argv):], d.argv)
        # ps(1) may put the name of the program behind the title.
        self.assertRegex(command(d.worker()),
                         r"^teslacoild: worker for %s( \(\S+\))?$" %
                         re.escape(d.conf_path))
        d.stop()


@unittest.skipIf(os.geteuid() != 0, "only root can start it as others")
class Account(Case):

    def begin_as(self, d, who):
        with open(d.log_path, "ab") as log, open(d.stdout.path, "ab") as out:
            d.process = subprocess.Popen(
                [self.for_others(d.program)] + d.argv,
                stdin=subprocess.DEVNULL, stdout=out,
                stderr=log, cwd=self.dir, user=who.pw_uid, group=who.pw_gid,
                extra_groups=[])
        wait_for(d.workers, "a worker")

    def test_started_by_root_and_then_by_the_account(self):
        w = self.writer()
        d = self.daemon(destination("d", "stdout:") + source("s", w.path),
                        control_socket="")
        d.start()
        w.write(10)
        d.stdout.wait_all(w)
        d.stop()
        self.begin_as(d, pwd.getpwnam(USER))
        w.write(10)
        d.stdout.wait_all(w)
        d.stop()
        d.stdout.check(w)

    def test_does_not_give_away_what_is_linked(self):
        w = self.writer()
        d = self.daemon(destination("d", "stdout:") + source("s", w.path))
        secret = os.path.join(self.dir, "secret")
        with open(secret, "w") as f:
            f.write("of root's\n")
        os.link(secret, os.path.join(d.state_dir, "lock"))
        self.assertEqual(d.start().wait(), 1)
        self.assertIn("lock: Too many links", d.log())
        with open(secret) as f:
            self.assertEqual(f.read(), "of root's\n")
        self.assertEqual(os.stat(secret).st_uid, 0)
        d.process = None


if __name__ == "__main__":
    main()
