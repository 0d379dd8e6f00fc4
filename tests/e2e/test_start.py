#!/usr/bin/python3
"""Goal: a daemon that looks for files, of which there may be as many as any
user likes to make, can be asked, told to stop and told to reload meanwhile; and
what it finds is judged together, as if nobody had asked."""

import json
import os
import signal
import socket
import time
import unittest

from processes import LINUX
from teslacoil import Case, destination, kill, main, source, wait_for
from test_service import Manager
from world import PROGRAM, STAT, World

FILES = 40


def has_pending(pid, signum):
    with open("/proc/%d/status" % pid) as f:
        pending = next(line for line in f if line.startswith("ShdPnd"))
    return int(pending.split()[1], 16) >> (signum - 1) & 1


@unittest.skipUnless(LINUX, "the daemon of another world is for Linux")
class Start(Case):
    """Each start is held in front of a file in the middle."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.path("log"))
        self.w = [self.writer("log/%02d.log" % i) for i in range(FILES)]
        for w in self.w:
            w.write(2)
        self.world = World(os.path.join(self.dir, "world"), self.path("log"))
        self.r = self.receiver("relp:0").start()
        self.conf = (destination("d", self.r.url) +
                     source("s", self.path("log/*.log*")))
        self.d = self.daemon(self.conf, program=PROGRAM)
        self.d.env = self.world.env

    def hold(self, n=FILES // 2):
        held = self.world.failed
        self.world.hold_nth(n, STAT)
        self.d.start()
        wait_for(lambda: self.world.failed > held, "the middle of a start")

    def let_go(self):
        """When it is time to look at others."""
        began = time.monotonic()
        wait_for(lambda: time.monotonic() > began + .1, "some time")
        self.world.let_go()

    def tell_both(self, signum):
        """The worker hears of it, too."""
        worker = self.d.worker()
        kill(self.d.pid, signum)
        wait_for(lambda: has_pending(worker, signal.SIGTERM),
                 "the word to stop")

    def ask(self, request):
        client = socket.socket(socket.AF_UNIX)
        self.addCleanup(client.close)
        client.settimeout(60)
        client.connect(self.d.control)
        client.sendall(request.encode() + b"\n")
        return client

    def answer(self, client):
        with client.makefile() as f:
            return json.load(f)

    def end(self):
        self.r.wait_all(*self.w)
        self.finish(self.d, self.r)
        self.r.check(*self.w)

    def is_started(self):
        return "worker: sandbox: " in self.d.log()

    def stop(self):
        self.tell_both(signal.SIGTERM)
        self.let_go()
        self.assertEqual(self.d.wait(), 0)
        self.d.process = None
        self.d.wait_log("stopping before the start was done")
        self.assertFalse(self.is_started())

    def test_it_is_stopped(self):
        self.hold()
        self.stop()
        self.assertEqual(self.r.arrived(), 0)
        self.d.start()
        self.end()

    def test_it_is_stopped_where_files_were_rotated_while_it_was_down(self):
        self.d.start()
        self.r.wait_all(*self.w)
        self.d.stop()
        log = self.d.log()
        for n, w in enumerate(self.w):
            w.write(2)
            w.rename("%s.1" % w.path)
            w.write(2)
            if n % 2:
                # As a copy, of another inode.
                os.rename(w.path + ".1", w.path + ".tmp")
                with open(w.path + ".tmp", "rb") as f:
                    text = f.read()
                with open(w.path + ".1", "wb") as f:
                    f.write(text)
                os.unlink(w.path + ".tmp")
        os.unlink(self.d.log_path)
        # While it is scanned, and while it is judged.
        for n in (FILES // 2, 2 * FILES + 10, 3 * FILES):
            self.hold(n)
            self.stop()
        os.unlink(self.d.log_path)
        self.d.start()
        self.end()
        self.assertNotIn("lost", log + self.d.log())

    def test_it_is_asked(self):
        self.hold()
        shows = [self.ask("show"), self.ask("show files")]
        writes = self.ask("checkpoint")
        self.let_go()
        for client in shows:
            answer = self.answer(client)
            if "process" in answer:
                self.assertTrue(answer["process"]["starting"])
            else:
                self.assertLess(len(answer["files"]), FILES)
        self.assertEqual(self.answer(writes), {"done": "checkpoint written"})
        self.assertFalse(
            self.answer(self.ask("show"))["process"]["starting"])
        self.end()

    def test_it_is_reloaded(self):
        self.hold()
        self.tell_both(signal.SIGHUP)
        self.let_go()
        self.d.wait_log("stopping before the start was done")
        self.end()

    def test_it_is_asked_to_reload(self):
        self.hold()
        client = self.ask("reload")
        self.let_go()
        self.assertIn("done", self.answer(client))
        self.end()

    def test_it_says_that_it_is_alive(self):
        path = os.path.join(self.dir, "notify")
        manager = Manager(path)
        self.addCleanup(manager.socket.close)
        self.d.env = dict(self.d.env, NOTIFY_SOCKET=path,
                          WATCHDOG_USEC="100000")
        self.hold()
        self.let_go()
        manager.wait(lambda: manager.count("READY"), "the end of the start")
        said = [v for k, v in manager.heard if k in ("STATUS", "READY")]
        self.assertIn("starting: looking for files", said)
        self.assertLess(said.index("starting: looking for files"),
                        said.index("1"))
        self.end()


if __name__ == "__main__":
    main()
