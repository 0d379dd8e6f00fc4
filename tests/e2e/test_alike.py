#!/usr/bin/python3
"""Goal: many files begin alike, and some have nothing but what all begin with.
None of their lines is lost for that, nor sent again, nor sent in pieces."""

import gzip
import os
import shutil
import signal
import time

from identity import BANNER, Identity, numbered
from teslacoil import destination, main, source, wait_for


class Alike(Identity):

    def setUp(self):
        super().setUp()
        self.want = []

    def log(self, name, lines):
        self.want += self.put(name, lines)

    def pause(self):
        """All that was put is sent, and the daemon is stopped."""
        self.expect(self.want, ordered=False)
        self.d.stop()
        self.mark()
        self.want = []

    def back(self):
        self.d.start()
        self.end(self.want, ordered=False)

    def aside(self, name, to="aside"):
        """Nobody gets its inode, nor looks there."""
        aside = os.path.join(self.dir, to)
        os.mkdir(aside)
        os.rename(self.path(name), os.path.join(aside, name))

    def pack(self, name, to):
        with open(self.path(name), "rb") as f, \
                gzip.open(self.path(to), "wb") as z:
            shutil.copyfileobj(f, z)
        os.unlink(self.path(name))

    def records(self, kind):
        with open(os.path.join(self.d.state_dir, "checkpoint"), "rb") as f:
            return [x for x in f if x.split(b" ")[1] == kind]

    def write_records(self, *records):
        with open(os.path.join(self.d.state_dir, "checkpoint"), "wb") as f:
            f.writelines([b"teslacoil-checkpoint 1\n", *records])


class Down(Alike):

    def test_a_link_leads_to_what_begins_like_a_log_that_lost_its_end(self):
        """It is no rotated file for that: it begins again when it is cut."""
        self.begin("*.log", "real/*.txt")
        self.log("real/other.txt", ["something else"])
        self.log("a.log", BANNER)
        self.pause()
        self.truncate("a.log", 100)
        os.rename(self.path("a.log"), os.path.join(self.dir, "gone"))
        self.put("real/b", BANNER)
        os.symlink("real/b", self.path("b.log"))
        self.d.start()
        self.settle()
        self.mark()
        self.truncate("real/b")
        self.log("real/b", ["after it was cut"])
        self.end(self.want)

    def test_a_rotated_log_lost_its_end(self):
        """The host lost power, and was not up when it was rotated."""
        self.need_birth()
        self.begin("app.log")
        self.log("app.log", BANNER + numbered("sent", 20))
        time.sleep(1.1)
        self.log("app.log", ["the last"])
        self.pause()
        self.truncate("app.log",
                      os.stat(self.path("app.log")).st_size - 200)
        self.rename("app.log", "app.log.1")
        self.put("app.log.1", ["", "behind the loss"])
        self.log("app.log", ["the next log"])
        self.d.start()
        self.wait_for_lines(["behind the loss", "the next log"])
        self.finish(self.d, self.r)
        self.assertIn("as after a loss of power", self.d.log())

    def test_a_rotated_log_begins_with_nuls_and_has_no_guard(self):
        self.need_birth()
        self.begin("app.log")
        time.sleep(1.1)
        with open(self.path("app.log"), "wb") as f:
            f.write(bytes(3000))
        self.log("app.log", ["behind the NULs"])
        self.pause()
        self.write_records(self.records(b"file")[-1])
        self.rename("app.log", "app.log.1")
        self.log("app.log.1", ["one more"])
        self.log("app.log", ["the next log"])
        self.d.start()
        self.wait_for_lines(["one more", "the next log"])
        self.finish(self.d, self.r)

    def test_the_offset_is_behind_the_guard_within_a_line_of_another(self):
        """RELP acknowledges each message, and a guard is that of many."""
        self.begin("*.log")
        self.log("a.log", BANNER)
        self.expect(self.want)
        end = os.stat(self.path("a.log")).st_size

        def guards():
            return [x for x in self.records(b"more") if b" %d " % end in x]
        wait_for(guards, "the guard in the checkpoint")
        guard = guards()[0]
        self.log("a.log", ["short"])
        self.pause()
        self.write_records(guard, self.records(b"file")[-1])
        self.aside("a.log")
        self.put("b.log", BANNER)
        self.log("b.log", ["a line that is longer than the other was"])
        self.back()

    def test_an_older_copy_is_larger(self):
        """The right one was written when the log was truncated."""
        self.begin("app.log")
        self.put("app.log.2", BANNER + numbered("long ago", 20))
        an_hour_ago = time.time() - 3600
        os.utime(self.path("app.log.2"), (an_hour_ago, an_hour_ago))
        self.log("app.log", BANNER)
        self.expect(self.want)
        with self.unseen():
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
            self.log("app.log", ["the next"])
        self.end(self.want)

    def test_a_compressed_file_was_finished(self):
        """What has the same first lines is not taken for it later on."""
        self.begin("app.log")
        self.log("app.log", BANNER)
        self.expect(self.want)
        self.aside("app.log")
        self.log("app.log", BANNER + numbered("sent", 50))
        self.pause()
        self.log("app.log", numbered("more", 20))
        self.pack("app.log", "app.log.1.gz")
        self.log("app.log", ["the next"])
        self.d.start()
        self.d.wait_log("app.log.1.gz: finished")
        self.pause()
        self.log("app.log", ["the last"])
        self.back()

    def test_what_was_deleted_was_received_later_than_compressed(self):
        """It is so short that only the time tells whether it is that."""
        self.begin("app.log")
        self.log("app.log", ["short"])
        self.expect(self.want)
        self.away()
        self.log("app.log", ["while the receiver was away"])
        self.seen("app.log")
        self.rename("app.log", "app.log.1")
        self.pack("app.log.1", "app.log.1.gz")
        self.log("app.log", ["the next"])
        time.sleep(4)
        self.r.start()
        self.pause()
        self.back()

    def test_a_log_that_was_deleted_ends_with_the_daemon(self):
        self.begin("app.log")
        self.log("app.log", BANNER)
        self.expect(self.want)
        inode = b" %d " % os.stat(self.path("app.log")).st_ino
        os.unlink(self.path("app.log"))
        self.settle()
        self.d.stop()
        self.assertTrue([x for x in self.records(b"gone") if inode in x])

    def test_nobody_means_what_lies_beside_the_target_of_a_link(self):
        self.begin("*.log")
        self.put("real/b", ["b"])
        os.symlink("real/b", self.path("b.log"))
        self.want += ["b"]
        self.log("a.log", BANNER)
        self.pause()
        self.aside("a.log")
        self.put("real/x", BANNER + ["foreign"])
        self.log("real/b", ["b's last"])
        self.back()

    def test_the_inode_of_an_empty_log_is_that_of_a_copy(self):
        """A look at it can tell while it is new; a later start cannot."""
        self.need_birth()
        self.begin("app.log")
        self.log("app.log", [])
        wait_for(lambda: self.is_recorded("app.log"), "its record")
        self.d.stop()
        inode = os.stat(self.path("app.log")).st_ino
        self.log("other", BANNER + ["its own"])
        self.rename("other", "app.log")
        self.d.start()
        self.expect(self.want)
        time.sleep(1.1)
        with self.unseen():
            self.take_inode(inode, "app.log.1")
            self.copy("app.log", "app.log.1")
            self.truncate("app.log")
            self.log("app.log", ["the next"])
        self.pause()
        self.back()


class Running(Alike):

    def test_a_new_log_has_the_text_of_a_rotated_one_that_is_shredded(self):
        """It may be a copy of that, and is a log all the same."""
        self.begin("*.log")
        self.log("a.log", BANNER)
        self.expect(self.want)
        with self.unseen():
            self.rename("a.log", "a.log.1")
            self.put("b.log", BANNER)
        self.seen("b.log")
        self.overwrite("a.log.1")
        self.settle()
        time.sleep(2)
        self.settle()
        self.mark()
        self.want = []
        self.truncate("b.log")
        self.log("b.log", ["after it was cut"])
        self.end(self.want)

    def test_a_short_copy_of_a_log_that_grew_since(self):
        self.copied(15)

    def test_a_copy_with_less_than_a_guard_of_a_log_that_grew_since(self):
        self.copied(3)

    def copied(self, lines):
        self.begin("app.log*")
        self.log("app.log", numbered("short", lines))
        self.expect(self.want)
        with self.unseen():
            self.copy("app.log", "app.log.1")
            self.log("app.log", ["one more"])
        self.wait_for_lines(["one more"])
        self.truncate("app.log")
        self.log("app.log", ["the next"])
        self.d.wait_log("is the copy of a truncated file")
        self.end(self.want)

    def held(self):
        """A new log begins like another one: it may be a copy of that."""
        self.begin("*.log")
        self.log("a.log", BANNER)
        self.expect(self.want)
        self.put("b.log", BANNER)
        self.seen("b.log")

    def is_known_by_the_next_start(self):
        self.d.stop()
        self.mark()
        self.put("b.log.1", ["behind the stop"])
        self.d.start()
        self.wait_for_lines(["behind the stop"])
        self.finish(self.d, self.r)

    def test_a_log_is_rotated_while_it_is_held_for_a_copy(self):
        self.held()
        self.rename("b.log", "b.log.1")
        self.d.wait_log("b.log.1: was b.log")
        self.is_known_by_the_next_start()

    def test_a_log_is_cut_to_nothing_while_it_is_held_for_a_copy(self):
        self.held()
        self.truncate("b.log")
        self.seen("b.log")
        self.rename("b.log", "b.log.1")
        self.d.wait_log("b.log.1: was b.log")
        self.is_known_by_the_next_start()

    def test_the_next_log_is_no_copy_of_one_that_was_shredded(self):
        self.begin("app.log")
        self.log("app.log", BANNER)
        self.expect(self.want)
        self.mark()
        with self.unseen():
            self.rename("app.log", "app.log.1")
            self.put("app.log", BANNER)
            self.overwrite("app.log.1")
        self.put("app.log", ["the next"])
        self.wait_for_lines(["the next"])
        self.finish(self.d, self.r)
        self.assertEqual(self.since()[-1], "the next")
        self.assert_silent("is the copy of a truncated file")


if __name__ == "__main__":
    main()
