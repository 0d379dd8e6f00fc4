#!/usr/bin/python3
"""Goal: no file that is open is forgotten when another worker takes over, by
how many there are, by whether they are read to the end, or by their order."""

import os
import subprocess

from teslacoil import (Case, destination, main, rng, source, wait_for)

MANY = 300


class Handover(Case):

    def begin(self, *writers, within=()):
        self.r = self.receiver().start()
        self.conf = destination("d", self.r.url) + \
            source("s", self.path("*.log"))
        self.d = self.daemon(self.conf, within=within).start()
        for w in writers:
            w.write(1)
        self.r.wait_all(*writers)

    def states(self):
        return [f["state"] for f in self.d.state()["files"]]

    def wait_states(self, state, n):
        wait_for(lambda: self.states().count(state) == n,
                 "%d files to be %s" % (n, state))

    def end(self, *writers):
        self.r.wait_all(*writers)
        self.finish(self.d, self.r)
        self.r.check(*writers)

    def check_many(self, **options):
        ws = [self.writer("%d.log" % i) for i in range(MANY)]
        self.begin(*ws, **options)
        self.r.kill()
        for w in ws:
            w.write(10)
            w.delete()
        self.wait_states("deleted", MANY)
        for _ in range(2):
            self.d.reload(self.conf)
            self.wait_states("deleted", MANY)
        self.r.start()
        self.end(*ws)

    def test_many_files_without_a_name(self):
        self.check_many()

    def test_as_many_as_there_are_descriptors(self):
        n = MANY + 100
        self.check_many(within=["prlimit", "--nofile=%d:%d" % (n, n)])

    def test_more_than_there_are_descriptors_is_said(self):
        """The monitor cannot take them all: its limit was lowered."""
        ws = [self.writer("%d.log" % i) for i in range(MANY)]
        self.begin(*ws)
        self.r.kill()
        for w in ws:
            w.write(10)
            w.delete()
        self.wait_states("deleted", MANY)
        subprocess.run(["prlimit", "--pid=%d" % self.d.pid, "--nofile=100"],
                       check=True)
        self.d.hup()
        self.d.wait_log(r"monitor: 2\d\d open files could not be handed over")
        self.d.kill()

    def check_late(self, leave, lines):
        """A writer that has not heard of it yet goes on."""
        w = self.writer()
        self.begin()
        w.write(lines)
        self.r.wait_all(w)
        self.d.wait_follows(w.path)
        os.mkdir(os.path.dirname(self.aside))
        leave(w.path)
        self.wait_states("moved" if os.path.exists(self.aside) else "deleted",
                         1)
        for _ in range(3):
            self.d.reload(self.conf)
            w.write(10)
            self.r.wait_all(w)
        self.end(w)

    @property
    def aside(self):
        return os.path.join(self.dir, "olddir", "app.log")

    def test_a_late_writer_to_a_deleted_file(self):
        self.check_late(os.unlink, 10)

    def test_a_late_writer_to_a_file_that_was_moved_away(self):
        self.check_late(lambda path: os.rename(path, self.aside), 10)

    def test_a_late_writer_to_a_file_that_was_empty(self):
        self.check_late(os.unlink, 0)

    def test_their_order(self):
        """Of one log: each generation was deleted before the next was made."""
        w = self.writer()
        self.begin(w)
        self.r.kill()
        generations = rng.randint(4, 8)
        for i in range(generations):
            w.write(20)
            self.wait_states("followed", 1)
            w.delete()
            self.wait_states("deleted", i + 1)
            w.create()
        w.write(20)
        self.wait_states("followed", 1)
        for _ in range(2):
            self.d.reload(self.conf)
            self.wait_states("deleted", generations)
        self.r.start()
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        came = [int(line.split(b"seq=")[1][:8]) for line in self.r.lines()]
        self.assertEqual(came, list(range(1, w.count + 1)))

    def test_a_worker_that_does_not_become_ready_forgets_none(self):
        """What it was given is given to the next one."""
        w = self.writer()
        self.begin(w)
        self.r.kill()
        w.write(10)
        w.delete()
        self.wait_states("deleted", 1)
        checkpoint = os.path.join(self.d.state_dir, "checkpoint")
        aside = checkpoint + ".aside"
        # Its checkpoint cannot be opened.
        os.rename(checkpoint, aside)
        os.mkdir(checkpoint)
        self.d.hup()
        self.d.wait_log("starting it again")
        os.rmdir(checkpoint)
        os.rename(aside, checkpoint)
        self.d.wait_log("worker: sandbox: ", 2)
        self.wait_states("deleted", 1)
        self.r.start()
        self.end(w)


if __name__ == "__main__":
    main()
