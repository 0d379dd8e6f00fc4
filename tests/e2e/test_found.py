#!/usr/bin/python3
"""Goal: what was once lost, leaked or stuck stays found."""

import os
import shutil
import signal
import time
import unittest

from teslacoil import (KQUEUE, Case, Ledger, Writer, destination, free_port, kill,
                       main, source, wait_for)
from world import PROGRAM, STAT, World


class Found(Case):
    def begin(self, paths=None, **options):
        self.w = self.writer()
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url, **options) +
                             source("s", paths or self.w.path)).start()

    def end(self, repeats=0):
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w, repeats=repeats)

    def absent_receiver(self):
        """Lines that no receiver has acknowledged yet."""
        self.begin()
        self.r.kill()
        self.w.write(100)
        self.d.wait_follows(self.w.path)

    def test_renamed_before_a_restart_with_the_receiver_away(self):
        self.absent_receiver()
        self.w.rename(self.w.path + ".1")
        self.w.write(50)
        self.d.wait_follows(self.w.path, self.w.path + ".1")
        self.d.stop()
        self.d.start()
        self.r.start()
        self.end()

    def test_renamed_while_down_and_never_acknowledged(self):
        self.absent_receiver()
        self.d.stop()
        self.w.rename(self.w.path + ".1")
        self.w.write(50)
        self.d.start()
        self.r.start()
        self.end()

    def test_another_file_with_the_inode_is_not_sent(self):
        self.begin()
        self.w.write(10)
        self.r.wait_all(self.w)
        inode = os.stat(self.w.path).st_ino
        self.d.stop()
        arrived = self.r.arrived()
        self.w.close()
        os.unlink(self.w.path)
        for i in range(200):
            path = self.path("secret%d.txt" % i)
            with open(path, "w") as f:
                f.write("top secret\n")
            if os.stat(path).st_ino == inode:
                break
        self.d.start()
        self.w = self.writer("app.log", name="next")
        self.w.write(10)
        self.r.wait_all(self.w)
        self.assertEqual(self.r.arrived(), arrived + 10)
        self.assertNotIn(b"secret", b"".join(self.r.lines()))
        self.finish(self.d, self.r)

    def test_copied_and_truncated_with_lines_that_nobody_saw(self):
        self.begin()
        self.w.write(100)
        self.r.wait_all(self.w)
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        self.w.write(100)
        shutil.copyfile(self.w.path, self.w.path + ".1")
        os.truncate(self.w.path, 0)
        kill(worker, signal.SIGCONT)
        self.end()

    def test_copied_truncated_and_grown_between_two_looks(self):
        """It is larger than ever, and another file: from the same second on,
        and across seconds."""
        self.grown_between_two_looks()

    def test_the_same_where_the_copy_is_meant_too(self):
        self.grown_between_two_looks(self.path("app.log*"))

    def grown_between_two_looks(self, paths=None):
        self.begin(paths)
        worker = self.d.worker()
        for i in range(8):
            self.w.write(100)
            self.r.wait_all(self.w)
            kill(worker, signal.SIGSTOP)
            self.w.write(50)
            self.w.copytruncate("%s.%d" % (self.w.path, i))
            self.w.write(400 * (i + 1))
            kill(worker, signal.SIGCONT)
            self.r.wait_all(self.w)
        self.assertEqual(self.d.state()["counters"]["truncations"], 8)
        self.end()

    def test_no_copy_behind_a_link_in_the_place_of_the_directory(self):
        self.begin(self.path("*/*.log"))
        w = self.writer("sub/app.log")
        w.write(100)
        self.r.wait_all(w)
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        other = self.writer("other/other.log")
        with open(self.path("other/secret"), "wb") as f:
            with open(w.path, "rb") as log:
                f.write(log.read())
            f.write(b"top secret\n")
        os.truncate(w.path, 0)
        os.rename(self.path("sub"), self.path("was"))
        os.symlink(self.path("other"), self.path("sub"))
        kill(worker, signal.SIGCONT)
        self.d.wait_log("truncated from")
        other.write(10)
        self.r.wait_all(w, other)
        self.finish(self.d, self.r)
        self.assertEqual(self.r.arrived(), 110)

    def test_the_same_twice_while_nobody_reads(self):
        """In one second at least once."""
        self.begin(retry="10ms")
        worker = self.d.worker()
        for i in range(4):
            self.w.write(100)
            self.r.wait_all(self.w)
            self.r.do("refuse")
            self.r.do("fin")
            wait_for(lambda: self.d.state()["destinations"][0]["endpoints"][0]
                     ["state"] != "connected", "the connection to end")
            for j in range(2):
                kill(worker, signal.SIGSTOP)
                self.w.copytruncate("%s.%d" % (self.w.path, 2 * i + j))
                self.w.write(1000 * (i + 1))
                kill(worker, signal.SIGCONT)
                size = os.stat(self.w.path).st_size
                wait_for(lambda: any(f["size"] == size
                                     for f in self.d.state()["files"]),
                         "a look")
            self.r.do("listen")
        self.end(repeats=None)

    def test_written_anew_behind_the_same_beginning(self):
        head = "".join("%03d the same first kilobyte\n" % i
                       for i in range(60))
        path = self.path("head.log")

        def put(what, mode):
            with open(path, mode) as f:
                f.write(what)
        self.begin(path)
        put(head + "".join("old %d\n" % i for i in range(100)), "w")
        self.r.wait_lines(160)
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        put(head + "".join("new line %d\n" % i for i in range(300)), "w")
        kill(worker, signal.SIGCONT)
        wait_for(lambda: sum(b"new line" in x for x in self.r.lines()) == 300,
                 "all that was written anew")
        self.finish(self.d, self.r)

    def test_written_anew_before_the_first_read_after_a_start(self):
        """Nothing tells of it but what is read."""
        self.w = self.writer()
        self.r = self.receiver().start()
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("s", self.w.path, watch="poll", poll_interval="1h"))
        self.w.write(10)
        self.d.start()
        self.r.wait_all(self.w)
        self.d.stop()
        self.r.kill()
        self.d.start()
        self.d.wait_follows(self.w.path)
        os.truncate(self.w.path, 0)
        self.w.gen += 1
        self.w.write(30)
        self.r.start()
        self.end()
        self.assertEqual(self.r.count, 40)

    def test_a_line_of_megabytes_is_cut(self):
        path = self.path("giant.log")
        self.begin(path, oversize="truncate")
        with open(path, "w") as f:
            f.write("a" * 6000000 + "\nnext\n")
        self.assertTrue(self.r.wait_lines(2)[1].endswith(b" next"))
        self.finish(self.d, self.r)

    def test_a_message_larger_than_a_slice(self):
        path = self.path("large.log")
        self.begin(path, max_message="1MB")
        with open(path, "w") as f:
            f.write("a" * 300000 + "\nnext\n")
        self.assertTrue(self.r.wait_lines(2)[1].endswith(b" next"))
        self.finish(self.d, self.r)

    def test_a_window_that_is_always_full(self):
        self.begin(window="64KB")
        self.w.write(40000)
        self.end()

    def test_a_link_whose_target_is_rotated(self):
        data = os.path.join(self.dir, "data")
        os.mkdir(data)
        self.begin(self.path("*.log"))
        self.w = Writer(os.path.join(data, "app.log"), name="linked")
        self.writers.append(self.w)
        os.symlink(self.w.path, self.path("linked.log"))
        self.w.write(10)
        self.r.wait_all(self.w)
        self.w.rename(os.path.join(data, "app.log.1"))
        self.w.write(10)
        self.end()

    @unittest.skipIf(KQUEUE, "only inotify's queue has an end")
    def test_events_that_the_system_lost(self):
        """More than fit in its queue: the files are looked at instead."""
        with open("/proc/sys/fs/inotify/max_queued_events") as f:
            limit = int(f.read())
        self.begin(self.path("*.log"))
        more = [self.writer("more%d.log" % i) for i in range(2)]
        late = self.writer("late.log")
        self.w.write(10)
        self.r.wait_all(self.w)
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        for _ in range(limit // 2 + 100):
            for w in more:
                w.write(1)
        late.write(10)
        kill(worker, signal.SIGCONT)
        self.r.wait_all(*more, late)
        counters = self.d.state()["counters"]
        self.assertGreaterEqual(counters["watch_overflows"], 1)
        self.assertIn("lost events", self.d.log())
        self.finish(self.d, self.r)
        self.r.check(*more, late)

    def test_a_known_one_had_the_name_of_one_that_nobody_saw(self):
        self.unseen_behind_a_known_one()

    def test_a_known_one_had_the_name_of_one_that_nobody_saw_by_time(self):
        self.unseen_behind_a_known_one(watch="poll", poll_interval="50ms")

    def unseen_behind_a_known_one(self, **options):
        self.w = self.writer()
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) + source(
            "s", self.w.path, **options)).start()
        names = [self.w.path + ".%d" % i for i in range(1, 4)]
        self.w.write(10)
        self.r.wait_all(self.w)
        self.w.rename(names[0])
        self.w.write(10)
        self.r.wait_all(self.w)
        self.d.wait_follows(names[0], self.w.path)
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        os.rename(names[0], names[2])
        self.w.rename(names[1])
        self.w.write(10)
        self.w.rename(names[0])
        self.w.write(10)
        kill(worker, signal.SIGCONT)
        self.end()

    def test_shifted_again_and_again_while_it_is_looked_at(self):
        self.shifted_at_once()

    def test_shifted_again_and_again_while_it_is_looked_at_by_time(self):
        self.shifted_at_once(watch="poll", poll_interval="10ms")

    def shifted_at_once(self, **options):
        """No two looks need find the same names."""
        self.w = self.writer()
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) + source(
            "s", self.w.path, **options)).start()
        self.w.write(3)
        self.r.wait_all(self.w)
        names = [self.w.path + ".%d" % i for i in range(1, 42)]
        for n in range(1, 41):
            for i in range(n - 1, 0, -1):
                os.rename(names[i - 1], names[i])
            self.w.rename(names[0])
            self.w.write(3)
        self.end()

    @unittest.skipIf(KQUEUE, "it tells no names")
    def test_the_next_name_is_told_late(self):
        """A closed file has lost its name, and the event with its next one
        waits behind many others for longer than a look takes."""
        self.w, other = self.writer(), self.writer("other.log")
        self.r = self.receiver().start()
        world = World(os.path.join(self.dir, "world"), self.path("spare"))
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("s", [self.w.path, other.path, self.path("spare*")],
                   max_open=1), program=PROGRAM)
        self.d.env = world.env
        self.d.start()
        for w in (self.w, other):
            w.write(10)
            self.r.wait_all(w)
        wait_for(lambda: self.d.state()["counters"]["files_open"] == 1,
                 "the first to be closed")
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        self.w.write(10)
        os.rename(self.w.path, self.w.path + ".9")
        with open(self.path("spare.1"), "w"):
            pass
        for _ in range(3000):
            os.rename(self.path("spare.1"), self.path("spare.2"))
            os.rename(self.path("spare.2"), self.path("spare.1"))
        os.rename(self.w.path + ".9", self.w.path + ".1")
        world.hold_nth(1, STAT)
        kill(worker, signal.SIGCONT)
        wait_for(lambda: world.seen >= 1, "the worker to be held")
        time.sleep(1.5)
        world.let_go()
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w, other)

    @unittest.skipIf(KQUEUE, "it tells no names")
    def test_renamed_again_behind_many_events(self):
        """One look finds it under no name, and its next name is told only
        behind more events than one turn takes."""
        self.begin(self.path("app.log"))
        self.w.write(10)
        self.r.wait_all(self.w)
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        os.rename(self.w.path, self.w.path + ".9")
        late = self.writer("app.log", name="late")
        late.write(10)
        late.rename(self.path("app.log.1"))
        for _ in range(3000):
            os.rename(self.path("app.log.9"), self.path("app.log.8"))
            os.rename(self.path("app.log.8"), self.path("app.log.9"))
        os.rename(self.path("app.log.1"), self.path("app.log.2"))
        kill(worker, signal.SIGCONT)
        self.r.wait_all(late)
        self.finish(self.d, self.r)
        self.r.check(self.w, late)

    def test_signals_to_both_processes_still_wait(self):
        self.begin()
        self.w.write(20000)
        self.r.wait_lines(1)
        kill(self.d.worker(), signal.SIGINT)
        kill(self.d.pid, signal.SIGINT)
        self.assertEqual(self.d.wait(), 0)
        self.d.process = None
        self.d.start()
        self.end()


class Order(Case):
    """What had a name before is sent before, while the receiver was away."""

    def begin(self, **options):
        self.w = self.writer()
        self.r = self.receiver("tcp:%d" % free_port())
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("s", self.path("app.log*"), **options)).start()
        self.d.wait_follows(self.w.path)

    def rename(self, day, lines):
        """Those lines go to the next file."""
        to = "%s-2026010%d" % (self.w.path, day)
        self.w.rename(to)
        self.w.write(lines)
        return to

    def end(self):
        self.r.start()
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        arrived = [int(seq) for seq, _, _ in
                   Ledger.PATTERN.findall(b"".join(self.r.lines()))]
        self.assertEqual(len(arrived), self.w.count)
        self.assertEqual([(a, b) for a, b in zip(arrived, arrived[1:])
                          if b != a + 1], [])

    def shift(self, lines):
        """As logrotate does without dates."""
        for i in range(9, 0, -1):
            if os.path.exists("%s.%d" % (self.w.path, i)):
                os.rename("%s.%d" % (self.w.path, i),
                          "%s.%d" % (self.w.path, i + 1))
        self.w.rename(self.w.path + ".1")
        self.w.write(lines)

    def test_shifted_twice_between_two_looks(self):
        self.shifted_twice()

    def test_shifted_twice_between_two_looks_by_time(self):
        self.shifted_twice(watch="poll", poll_interval="50ms")

    def shifted_twice(self, **options):
        self.begin(**options)
        self.w.write(100)
        self.shift(100)
        self.d.wait_follows(self.w.path + ".1", self.w.path)
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        self.shift(100)
        self.shift(100)
        kill(worker, signal.SIGCONT)
        self.d.wait_follows(*("%s.%d" % (self.w.path, i)
                              for i in range(1, 4)))
        self.end()

    def test_a_directory_with_generations_appears(self):
        self.w = self.writer("../elsewhere/app.log", name="app.log")
        self.r = self.receiver("tcp:%d" % free_port())
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("s", self.path("*/app.log*"))).start()
        self.w.write(5000)
        for _ in range(3):
            self.shift(5000)
        os.rename(os.path.dirname(self.w.path), self.path("new"))
        self.d.wait_follows(self.path("new/app.log"),
                            self.path("new/app.log.3"))
        self.end()

    def test_renamed_twice_between_two_looks(self):
        self.renamed_twice()

    def test_renamed_twice_between_two_looks_by_time(self):
        self.renamed_twice(watch="poll", poll_interval="50ms")

    def renamed_twice(self, **options):
        self.begin(**options)
        self.w.write(100)
        self.d.wait_follows(self.rename(1, 100), self.w.path)
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        names = [self.rename(2, 100), self.rename(3, 100)]
        kill(worker, signal.SIGCONT)
        self.d.wait_follows(*names)
        self.end()

    def test_renamed_twice_before_a_start_and_then_created(self):
        self.begin()
        self.w.write(5000)
        self.d.wait_follows(self.rename(1, 100), self.w.path)
        self.d.stop()
        names = [self.rename(2, 100), self.w.path + "-20260103"]
        os.rename(self.w.path, names[1])
        self.d.start()
        self.d.wait_follows(*names)
        self.w.create()
        self.w.write(100)
        self.d.wait_follows(self.w.path)
        self.end()

    def test_found_again_when_another_has_the_name(self):
        self.begin()
        self.w.write(100)
        self.d.wait_follows(self.w.path)
        self.d.stop()
        os.mkdir(os.path.join(self.dir, "elsewhere"))
        elsewhere = os.path.join(self.dir, "elsewhere/app.log")
        self.w.rename(elsewhere)
        self.w.write(100)
        self.d.start()
        self.d.wait_follows(self.w.path)
        name = self.w.path + "-20260101"
        os.rename(elsewhere, name)
        self.d.wait_follows(name)
        self.end()

    def test_the_first_of_three_was_moved_elsewhere_before_a_start(self):
        self.w = self.writer("a/app.log.1")
        self.r = self.receiver("tcp:%d" % free_port())
        self.d = self.daemon(
            destination("d", self.r.url) +
            source("s", self.path("a/**/*.log*"))).start()
        rotated = self.w.path
        self.w.write(5000)
        self.w.path = self.path("a/app.log")
        self.w.create()
        self.w.write(5000)
        self.d.wait_follows(self.w.path, rotated)
        self.d.stop()
        os.mkdir(self.path("a/old"))
        os.rename(rotated, self.path("a/old/x.log.9"))
        # The directory is looked at before what was written later.
        os.utime(self.path("a/old"), (1, 1))
        self.w.write(100)
        self.w.rename(rotated)
        self.w.write(100)
        self.d.start()
        self.end()

    def test_a_log_that_got_its_name_at_once_is_not_rotated(self):
        self.begin()
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        w = self.writer("app.log.tmp")
        new = self.path("app.log-new")
        os.rename(w.path, new)
        kill(worker, signal.SIGCONT)
        self.d.wait_follows(new)
        self.assertEqual([f["state"] for f in self.d.state()["files"]
                          if f["path"] == new], ["followed"])
        self.end()

    def test_an_empty_file_between_two_is_deleted(self):
        self.begin(max_open=1)
        self.w.write(5000)
        first = self.rename(1, 0)
        empty = self.rename(2, 100)
        self.d.wait_follows(empty, self.w.path)
        # To be opened for a look, and no other stays open.
        os.utime(first)
        wait_for(lambda: self.d.state()["counters"]["files_open"] == 1,
                 "the empty file to be closed")
        os.unlink(empty)
        wait_for(lambda: len(self.d.state()["files"]) == 2,
                 "the end of the empty file")
        self.end()


if __name__ == "__main__":
    main()
