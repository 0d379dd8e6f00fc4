#!/usr/bin/python3
"""Goal: files come and go in any way, and every line arrives."""

import gzip
import os
import shutil

from teslacoil import (Case, destination, free_port, main, rng, source, texts,
                       wait_for)


class Rotation(Case):

    RATE = 5000

    def begin(self, *paths, **options):
        self.w = self.writer()
        self.r = self.receiver().start()
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("s", list(paths) or self.w.path, **options)).start()
        # What a log was before it was seen is not sent.
        self.d.wait_follows(self.w.path)

    def end(self, repeats=0):
        self.w.stop()
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w, repeats=repeats)

    def shift(self, n=10):
        """Makes room for a new .1, as logrotate does."""
        for i in range(n, 0, -1):
            old = "%s.%d" % (self.w.path, i)
            if os.path.exists(old):
                os.rename(old, "%s.%d" % (self.w.path, i + 1))
        return self.w.path + ".1"

    def test_renamed_under_load(self):
        self.begin()
        self.w.start(self.RATE)
        for _ in range(8):
            self.w.wait_written(rng.randint(1, self.RATE // 3))
            self.w.rename(self.shift(), late=rng.choice((0, 1, 300)))
        self.w.wait_written(100)
        self.end()

    def test_renamed_to_a_name_that_matches_too(self):
        self.begin(self.path("app.log*"))
        self.w.start(self.RATE)
        for _ in range(8):
            self.w.wait_written(rng.randint(1, self.RATE // 3))
            self.w.rename(self.shift(), late=rng.choice((0, 1, 300)))
        self.w.wait_written(100)
        self.end()

    def test_renamed_as_soon_as_it_was_seen(self):
        self.begin()
        for _ in range(30):
            self.w.write(1)
            self.r.wait_all(self.w)
            self.w.write(rng.randint(0, 50))
            self.w.rename(self.shift(40), late=rng.randint(0, 3))
        self.w.write(10)
        self.end()

    def test_renamed_and_read_from_far_behind(self):
        """All of it happens while the receiver is away."""
        self.w = self.writer()
        self.r = self.receiver("tcp:%d" % free_port())
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.w.path)).start()
        self.d.wait_follows(self.w.path)
        for _ in range(5):
            self.w.write(5000)
            self.d.state()
            self.w.rename(self.shift(), late=50)
            self.d.wait_follows(self.w.path)
        self.w.write(100)
        self.r.start()
        self.end()

    def test_renamed_to_another_directory(self):
        self.begin()
        os.mkdir(self.path("old"))
        self.w.start(self.RATE)
        for i in range(4):
            self.w.wait_written(1000)
            self.w.rename(self.path("old/app.%d" % i), late=200)
        self.w.wait_written(100)
        self.end()

    def test_copied_and_truncated_under_load(self):
        self.begin()
        self.w.start(self.RATE)
        for _ in range(5):
            self.w.wait_written(rng.randint(self.RATE // 2, self.RATE))
            self.w.copytruncate(self.shift())
        self.w.wait_written(self.RATE // 2)
        self.end()

    def test_copied_and_truncated_with_much_unread(self):
        self.begin()
        self.w.write(10)
        self.r.wait_all(self.w)
        self.r.do("rate 3000000")
        self.w.write(60000)
        self.w.copytruncate(self.shift())
        self.w.write(1000)
        self.d.wait_follows(self.w.path)
        self.r.do("rate 0")
        self.end()

    def test_truncated_after_all_was_read(self):
        self.begin()
        for _ in range(5):
            self.w.write_paced(500, self.r, step=500)
            os.truncate(self.w.path, 0)
            self.w.gen += 1
        self.w.write(500)
        self.end()

    def test_truncated_before_it_was_read(self):
        """Without a copy it is lost, and its range is said and shown."""
        self.w = self.writer()
        self.r = self.receiver("tcp:%d" % free_port())
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.w.path)).start()
        self.w.write(100)
        size = os.stat(self.w.path).st_size
        wait_for(lambda: any(f["size"] == size
                             for f in self.d.state()["files"]),
                 "the daemon to see it all")
        os.truncate(self.w.path, 0)
        self.w.gen += 1
        lost, self.w.count = self.w.count, 0
        self.w.write(10)
        self.d.wait_log(r"%s: %d bytes at 0 were truncated before they "
                        r"could be read" % (self.w.path, size))
        state = self.d.state()
        self.assertEqual(state["counters"]["lost_bytes"], size)
        self.assertEqual(
            [(x["path"], x["offset"], x["bytes"], x["how"])
             for x in state["losses"]],
            [(self.w.path, 0, size, "truncated")])
        self.assertEqual(lost, 100)
        self.r.start()
        self.end()

    def test_deleted_while_open(self):
        self.begin()
        self.w.write(20000)
        self.r.wait_lines(1)
        self.w.delete(late=20000)
        self.w.create()
        self.w.write(1000)
        self.end()

    def test_deleted_and_created_again_and_again(self):
        """The file system gives the same inode again."""
        self.begin()
        for _ in range(20):
            self.w.write_paced(rng.randint(1, 30), self.r)
            self.w.delete()
            self.w.create()
        self.w.write(10)
        self.end()

    def test_replaced_by_rename_over_it(self):
        """What editors and atomic writers do."""
        self.begin()
        for i in range(5):
            self.w.write_paced(200, self.r)
            new = self.writer("new%d.tmp" % i, name=self.w.name)
            new.count, new.gen = self.w.count, self.w.gen + 1
            new.write(100)
            os.rename(new.path, self.w.path)
            new.path = self.w.path
            self.w.close()
            self.w = new
        self.w.write(100)
        self.end()


class WhileDown(Case):
    """Rotated while no daemon looks."""

    def begin(self, *paths):
        self.w = self.writer()
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", list(paths) or self.w.path))
        self.d.start()
        self.w.write_paced(2000, self.r, step=500)
        self.d.stop()

    def end(self):
        self.d.start()
        self.w.write(100)
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w)

    def test_renamed_once(self):
        self.begin()
        self.w.write(100)
        self.w.rename(self.w.path + ".1")
        self.w.write(100)
        self.end()

    def test_renamed_once_and_matching_too(self):
        self.begin(self.path("app.log*"))
        self.w.write(100)
        self.w.rename(self.w.path + ".1")
        self.w.write(100)
        self.end()

    def test_renamed_many_times_and_all_match(self):
        self.begin(self.path("app.log*"))
        for i in range(5):
            self.w.write(100)
            self.w.rename("%s.%d" % (self.w.path, i))
        self.w.write(100)
        self.end()

    def test_copied_and_truncated(self):
        self.begin()
        self.w.write(100)
        self.w.copytruncate(self.w.path + ".1")
        self.w.write(10)
        self.end()

    def test_truncated(self):
        self.begin()
        os.truncate(self.w.path, 0)
        self.w.gen += 1
        self.w.write(10)
        self.end()

    def test_deleted_and_created(self):
        self.begin()
        self.w.delete()
        self.w.create()
        self.w.write(3000)
        self.end()

    def test_killed_and_renamed(self):
        self.begin()
        self.d.start()
        self.w.write_paced(500, self.r)
        size = os.stat(self.w.path).st_size
        wait_for(lambda: size in self.acked(), "a checkpoint at %d" % size)
        self.d.kill()
        self.w.write(500)
        self.w.rename(self.w.path + ".1")
        self.end()

    def test_two_thousand_files_compressed_copied_and_truncated(self):
        """Each is found among all the others."""
        paths = [self.path("app-%04d.log" % i) for i in range(2000)]
        lines = []

        def put(i, what):
            lines.append(b"%s of %04d" % (what, i))
            with open(paths[i], "ab") as f:
                f.write(lines[-1] + b"\n")
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.path("*.log"))).start()
        for i in range(len(paths)):
            put(i, b"the first line")
        self.r.wait_lines(len(lines))
        self.d.stop()
        for i, path in enumerate(paths):
            put(i, b"a late line")
            if i % 2 == 0:
                with open(path, "rb") as f, gzip.open(path + ".gz", "wb") as z:
                    shutil.copyfileobj(f, z)
                os.unlink(path)
            else:
                shutil.copyfile(path, path + ".1")
                os.truncate(path, 0)
            put(i, b"the first line of the next")
        self.d.start()
        self.r.wait_lines(len(lines))
        self.finish(self.d, self.r)
        self.assertEqual(sorted(texts(self.r.lines())), sorted(lines))

    def acked(self):
        """All numbers in the checkpoint."""
        path = os.path.join(self.d.state_dir, "checkpoint")
        with open(path, "rb") as f:
            return {int(x) for x in f.read().split() if x.isdigit()}


if __name__ == "__main__":
    main()
