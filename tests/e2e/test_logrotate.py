#!/usr/bin/python3
"""Goal: what logrotate leaves on disk has all been sent."""

import glob
import gzip
import os
import shutil
import subprocess
import time
import unittest

from teslacoil import Case, Ledger, destination, main, rng, source, wait_for

LOGROTATE = shutil.which("logrotate", path=os.environ.get("PATH", "") +
                         ":/usr/sbin:/sbin")


@unittest.skipIf(LOGROTATE is None, "there is no logrotate")
class Logrotate(Case):

    RATE = 5000
    TIMES = 5

    def begin(self):
        self.w = self.writer()
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.path("*.log"))).start()
        self.w.start(self.RATE)
        self.r.wait_more(1)
        self.second = 0

    def rotate(self, how):
        conf = os.path.join(self.dir, "logrotate.conf")
        with open(conf, "w") as f:
            f.write("%s {\n\trotate 20\n\tmissingok\n\t%s\n}\n" % (
                self.w.path, "\n\t".join(how)))
        os.chmod(conf, 0o644)
        # With dateext the names differ by the second of logrotate's clock,
        # which goes by the system's tick and lags behind ours.
        wait_for(lambda: time.time() > self.second + 1.05, "the next second")
        subprocess.run(
            [LOGROTATE, "-f", "-s", os.path.join(self.dir, "status"), conf],
            check=True, cwd=self.dir)
        self.second = int(time.time())

    def rotate_by_rename(self, *how):
        """The program goes on with the old file until it is told."""
        self.begin()
        for _ in range(self.TIMES):
            self.w.wait_written(rng.randint(self.RATE // 5, self.RATE))
            self.rotate(how)
            self.w.wait_written(rng.randint(1, 500))
            self.w.create()
        self.w.wait_written(500)
        self.w.stop()
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w)

    def test_create(self):
        self.rotate_by_rename("create 0644")

    def test_nocreate(self):
        self.rotate_by_rename("nocreate")

    def test_dateext(self):
        self.rotate_by_rename("create 0644", "dateext",
                              "dateformat -%Y%m%d-%s")

    def test_compress_delayed(self):
        self.rotate_by_rename("create 0644", "compress", "delaycompress")

    def on_disk(self):
        """The numbers that the rotated files and the last one have."""
        ledger = Ledger()
        for path in glob.glob(self.w.path + "*"):
            opener = gzip.open if path.endswith(".gz") else open
            with opener(path, "rb") as f:
                ledger.feed(f.read())
        return ledger.seen[self.w.name]

    def copytruncate(self, *how):
        """logrotate itself loses what comes between copy and truncation."""
        self.begin()
        for _ in range(self.TIMES):
            self.w.wait_written(rng.randint(self.RATE // 5, self.RATE))
            self.rotate(how + ("copytruncate",))
        self.w.wait_written(500)
        self.w.stop()
        kept = self.on_disk()

        def arrived():
            self.r.update()
            return kept <= self.r.ledger.seen[self.w.name]
        wait_for(arrived, "all that is on disk")
        self.finish(self.d, self.r)
        self.r.update()
        self.assertTrue(kept <= self.r.ledger.seen[self.w.name])
        run = self.r.ledger.runs[self.w.name, 0]
        self.assertEqual(run, sorted(set(run)), "in order, and once")

    def test_copytruncate(self):
        self.copytruncate()

    def test_copytruncate_compressed_later(self):
        self.copytruncate("compress", "delaycompress")


if __name__ == "__main__":
    main()
