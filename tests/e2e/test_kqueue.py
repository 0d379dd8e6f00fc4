#!/usr/bin/python3
"""Goal: where every file needs a note of its own, the right ones have it.

Run with a daemon that watches by kqueue: build/tests/teslacoild_kqueue.
"""

import time

from teslacoil import Case, destination, main, source, wait_for

OPEN = 4


class Kqueue(Case):
    def begin(self, files, **options):
        """Each file is written to before the next is there."""
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.path("*.log"), **options))
        self.d.start()
        for i in range(files):
            self.write([self.writer("%d.log" % i)])

    def write(self, writers):
        for w in writers:
            w.write(1)
        self.r.wait_all(*writers)

    def end(self):
        self.r.wait_all(*self.writers)
        self.finish(self.d, self.r)
        self.r.check(*self.writers)

    def counter(self, name):
        return self.d.state()["counters"][name]

    def test_what_has_not_changed_since_the_checkpoint_is_watched(self):
        self.begin(3)
        # The checkpoint must be younger than the file, in whole seconds.
        time.sleep(4)
        self.write(self.writers[1:])
        self.d.stop()
        self.d.start()
        wait_for(lambda: self.counter("watched_files") == 3,
                 "a watch for every file")
        self.write(self.writers)
        self.end()

    def test_the_last_to_be_written_are_watched(self):
        self.begin(3 * OPEN, max_open=OPEN)
        self.assertEqual(self.counter("files_open"), OPEN)
        self.assertEqual(self.counter("watched_files"), OPEN)
        self.write(self.writers[-OPEN:])
        self.assertEqual(self.counter("watched_files"), OPEN)
        self.end()


if __name__ == "__main__":
    main()
