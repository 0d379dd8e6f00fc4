#!/usr/bin/python3
"""Goal: with few descriptors nothing is lost and every receiver is reached:
what is only open in case somebody writes to it gives way."""

import os
import shutil
import subprocess
import unittest

from teslacoil import USER, Case, destination, main, source, wait_for

NOFILE = 220


@unittest.skipUnless(shutil.which("prlimit"), "no prlimit to run it by")
class Descriptors(Case):

    def limited(self, conf, **options):
        return self.daemon(conf, within=[
            "prlimit", "--nofile=%d:%d" % (NOFILE, NOFILE)], **options)

    def test_files_that_live_for_a_moment(self):
        """Many more than there are descriptors, within the grace time."""
        r = self.receiver().start()
        d = self.limited(destination("d", r.url) +
                         source("s", self.path("*.log"))).start()
        writers = []
        for batch in range(50):
            ws = [self.writer("%d-%d.log" % (batch, i)) for i in range(10)]
            for w in ws:
                w.write(2)
            r.wait_all(*ws)
            for w in ws:
                w.delete()
                w.close()
            writers += ws
        self.finish(d, r)
        r.check(*writers)
        self.assertNotIn("Too many open files", d.log())

    def test_more_receivers_than_there_are_spare_ones(self):
        """And files enough to take all that is left."""
        ws = [self.writer("%d.log" % i) for i in range(2 * NOFILE)]
        for w in ws:
            w.write(1)
            w.close()
        n = NOFILE // 2
        r = self.receiver().start()
        d = self.limited("".join(destination("d%d" % i, r.url)
                                 for i in range(n)) +
                         source("s", self.path("*.log"))).start()
        wait_for(lambda: [x["state"] for x in d.state()["destinations"]] ==
                 ["connected"] * n, "every destination to be connected")
        r.wait_all(*ws)
        self.finish(d, r)
        self.assertNotIn("Too many open files", d.log())

    def begin_full(self):
        """A daemon that has many files open."""
        ws = [self.writer("%d.log" % i) for i in range(NOFILE // 2)]
        for w in ws:
            w.write(1)
            w.close()
        r = self.receiver().start()
        # Of another account it could not be lowered.
        options = {"user": "root"} if USER else {}
        d = self.limited(destination("d", r.url) +
                         source("s", self.path("*.log")), **options)
        if USER:
            os.chown(d.state_dir, 0, 0)
        d.start()
        r.wait_all(*ws)
        wait_for(lambda: d.state()["counters"]["files_open"] == len(ws),
                 "every file to be open")
        return d, r, ws

    @staticmethod
    def lower(d):
        """Its limit, to less than it has open."""
        subprocess.run(["prlimit", "--pid=%d" % d.worker(),
                        "--nofile=%d" % (NOFILE // 3)], check=True)

    def test_a_receiver_gets_that_of_a_file(self):
        """The limit is lowered while the receiver is away."""
        d, r, ws = self.begin_full()
        r.kill()
        d.wait_log("closed the connection|refused")
        self.lower(d)
        r.start()
        more = self.writer("0.log", name="more")
        more.write(10)
        r.wait_all(more)
        self.finish(d, r)
        r.check(more, *ws)

    def test_the_state_gets_that_of_a_file(self):
        d, r, ws = self.begin_full()
        self.lower(d)
        self.assertLess(d.state()["counters"]["files_open"], len(ws))
        self.assertNotIn("Too many open files", d.log())
        self.finish(d, r)
        r.check(*ws)

    def test_the_checkpoint_gets_that_of_a_file(self):
        """It was removed, so that a new one has to be opened."""
        d, r, ws = self.begin_full()
        self.lower(d)
        checkpoint = os.path.join(d.state_dir, "checkpoint")
        os.unlink(checkpoint)
        more = self.writer("0.log", name="more")
        more.write(1)
        wait_for(lambda: os.path.exists(checkpoint), checkpoint)
        d.wait_log("checkpoint: written again")
        self.finish(d, r)
        r.check(more, *ws)


if __name__ == "__main__":
    main()
