#!/usr/bin/python3
"""Goal: the daemon is stopped, killed and reloaded, and nothing is lost.

On SIGTERM and SIGHUP nothing is repeated either; after SIGKILL at most what
was acknowledged in the last 50 ms.  A disk that hangs delays no line.
"""

import contextlib
import os
import signal
import socket
import subprocess

from teslacoil import (LIMIT, TESLACOILCTL, Case, destination, from_env, kill,
                       main, rng, running, source, wait_for)

DISK = from_env("TESLACOILD_DISK", "build/tests/teslacoild-disk")


class Restart(Case):

    RATE = 5000

    def begin(self, address="tcp:0", files=1, **options):
        self.ws = [self.writer("app%d.log" % i) for i in range(files)]
        self.w = self.ws[0]
        self.r = self.receiver(address).start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.path("*.log")), **options)
        self.d.start()

    def under_load(self):
        for w in self.ws:
            w.start(self.RATE // len(self.ws))
        self.r.wait_more(1)

    def end(self, repeats=0, stop=True):
        for w in self.ws:
            w.stop()
        self.r.wait_all(*self.ws)
        self.finish(self.d, self.r)
        self.r.check(*self.ws, repeats=repeats)

    def checkpoint(self):
        path = os.path.join(self.d.state_dir, "checkpoint")
        try:
            with open(path, "rb") as f:
                return f.read()
        except FileNotFoundError:
            return b""

    def checkpoint_has(self, number):
        return b"%d" % number in self.checkpoint().split()

    def checkpoint_ends_with(self, offset):
        fields = dict(enumerate(self.checkpoint().splitlines()[-1].split()))
        at = {b"file": 7, b"past": 5}.get(fields.get(1))
        return fields.get(at) == b"%d" % offset

    def ctl(self, word):
        done = subprocess.run([TESLACOILCTL, "-s", self.d.control, word],
                              timeout=LIMIT)
        return done.returncode == 0

    def test_sigterm_under_load(self):
        self.begin()
        self.under_load()
        for _ in range(5):
            self.w.wait_written(rng.randint(1, self.RATE // 2))
            self.d.stop()
            self.w.wait_written(rng.randint(1, self.RATE // 5))
            self.d.start()
        self.w.wait_written(self.RATE // 2)
        self.end()

    def test_sigterm_under_load_with_many_files(self):
        self.begin(files=50)
        self.under_load()
        for _ in range(3):
            self.w.wait_written(rng.randint(1, 50))
            self.d.stop()
            self.w.wait_written(rng.randint(1, 20))
            self.d.start()
        self.w.wait_written(50)
        self.end()

    def test_sigterm_while_catching_up(self):
        self.begin()
        self.r.do("rate 8000000")
        self.w.write(200000)
        for _ in range(3):
            self.r.wait_more(1)
            self.d.stop()
            self.d.start()
        self.r.do("rate 0")
        self.end()

    def test_sigterm_with_unix_stream(self):
        self.begin("unix-stream:%s/sock" % self.dir)
        self.under_load()
        for _ in range(3):
            self.w.wait_written(rng.randint(1, self.RATE // 2))
            self.d.stop()
            self.d.start()
        self.end()

    def test_sigterm_to_the_worker(self):
        """To either process: that stops all."""
        self.begin()
        self.w.write_paced(100, self.r)
        worker = self.d.worker()
        kill(worker, signal.SIGTERM)
        self.assertEqual(self.d.wait(), 0)
        self.assertFalse(running(worker))
        self.d.start()
        self.w.write(100)
        self.end()

    def test_sigint(self):
        self.begin()
        self.w.write_paced(100, self.r)
        kill(self.d.pid, signal.SIGINT)
        self.assertEqual(self.d.wait(), 0)
        self.d.start()
        self.w.write(100)
        self.end()

    def test_sigterm_while_the_receiver_does_not_read(self):
        """It ends all the same, and what was not acknowledged comes again."""
        self.begin(shutdown_timeout="500ms")
        self.r.do("pause")
        self.w.write(100000)
        self.d.stop()
        self.r.do("resume")
        self.d.start()
        self.end(repeats=None)

    def dies_unread(self, again):
        """Its system has acknowledged all, and it has read nothing."""
        self.begin(shutdown_timeout="500ms")
        self.w.write_paced(100, self.r)
        self.r.do("pause")
        # What a buffer of 16 KB holds, as OpenBSD's.
        self.w.write(50)
        size = os.stat(self.w.path).st_size
        wait_for(lambda: self.checkpoint_has(size), "the checkpoint")
        again()
        self.r.kill()
        self.r.start()
        self.r.wait_all(self.w)
        self.d.kill()

    def test_a_receiver_that_dies_unread_after_the_daemon_stopped(self):
        def again():
            self.d.stop()
            self.d.start()
        self.dies_unread(again)

    def test_a_receiver_that_dies_unread_after_a_reload(self):
        def again():
            worker = self.d.worker()
            self.d.hup()
            wait_for(lambda: not running(worker), "the worker's end")
        self.dies_unread(again)

    def test_sigkill_right_after_a_receiver_died_unread(self):
        """What the checkpoint had more than the receiver it has not now."""
        self.begin(checkpoint_interval="1h")
        self.w.write_paced(100, self.r)
        self.r.do("pause")
        self.w.write(50)
        size = os.stat(self.w.path).st_size
        wait_for(lambda: self.ctl("checkpoint") and
                 self.checkpoint_has(size), "the checkpoint")
        self.r.kill()
        wait_for(lambda: not self.checkpoint_ends_with(size),
                 "the checkpoint to go back")
        self.d.kill()
        self.r.start()
        self.d.start()
        self.r.wait_all(self.w)
        self.d.kill()

    def test_sigkill_repeats_what_no_checkpoint_has(self):
        self.begin()
        self.w.write_paced(5000, self.r, step=5000)
        size = os.stat(self.w.path).st_size
        wait_for(lambda: self.checkpoint_has(size), "the checkpoint")
        self.w.write_paced(700, self.r, step=700)
        self.d.kill()
        self.w.write(300)
        self.d.start()
        self.end(repeats=700)

    def last_record(self):
        """Its kind, and what it says."""
        fields = self.checkpoint().splitlines()[-1].split()
        return fields[1], fields

    def write_until_short(self):
        """Lines, one by one, until a record has no more than their offset."""
        def is_short():
            self.w.write_paced(1, self.r, step=1)
            return b" past " in self.checkpoint()
        wait_for(is_short, "a short record")

    def test_an_older_version_finds_a_whole_record_after_the_sync(self):
        self.begin(checkpoint_interval="300ms")
        self.write_until_short()
        size = b"%d" % os.stat(self.w.path).st_size
        wait_for(lambda: self.last_record()[0] == b"file" and
                 size in self.last_record()[1], "a whole record")
        self.end()

    def test_an_older_version_finds_a_whole_record_after_a_stop(self):
        self.begin(checkpoint_interval="1h")
        self.write_until_short()
        self.d.stop()
        size = b"%d" % os.stat(self.w.path).st_size
        kind, fields = self.last_record()
        self.assertEqual(kind, b"file")
        self.assertIn(size, fields)

    def test_sigkill_goes_on_by_a_short_record(self):
        self.begin(checkpoint_interval="1h")
        self.write_until_short()
        size = os.stat(self.w.path).st_size
        wait_for(lambda: self.checkpoint_ends_with(size), "the checkpoint")
        self.d.kill()
        self.w.write(300)
        self.d.start()
        self.end()

    def test_sigkill_under_load(self):
        self.begin(checkpoint_interval="200ms")
        self.under_load()
        for _ in range(5):
            self.w.wait_written(rng.randint(1, self.RATE))
            self.d.kill()
            self.w.wait_written(rng.randint(1, self.RATE // 5))
            self.d.start()
        self.w.wait_written(self.RATE // 2)
        self.end(repeats=None)

    def test_ten_sigkills_repeat_little(self):
        """Each as soon as it likes: the next daemon does get on."""
        self.RATE = 2000
        self.begin()
        self.under_load()
        for _ in range(10):
            self.w.wait_written(rng.randint(500, 1500))
            self.d.kill()
            self.d.start()
        self.w.wait_written(self.RATE)
        self.end(repeats=2000)

    def test_sigkill_of_the_worker_only(self):
        self.begin()
        self.under_load()
        for _ in range(2):
            self.w.wait_written(self.RATE // 2)
            old = self.d.worker()
            kill(old, signal.SIGKILL)
            wait_for(lambda: any(w != old for w in self.d.workers()),
                     "another worker")
            self.r.wait_more(100)
        self.end(repeats=None)

    def test_sigkill_of_the_monitor_takes_the_worker_along(self):
        self.begin()
        self.w.write_paced(100, self.r)
        workers = self.d.workers()
        kill(self.d.pid, signal.SIGKILL)
        self.d.wait()
        wait_for(lambda: not any(map(running, workers)), "the worker's end")
        self.d.start()
        self.w.write(100)
        self.end(repeats=100)

    def damage(self, how):
        path = os.path.join(self.d.state_dir, "checkpoint")
        with open(path, "rb") as f:
            data = f.read()
        with open(path, "r+b") as f:
            f.truncate(0)
            f.write(how(data))

    def test_a_torn_checkpoint(self):
        """Its last record is lost, what was before it counts."""
        self.begin()
        self.w.write_paced(1000, self.r, step=500)
        self.d.stop()
        self.damage(lambda data: data + b"0123456789abcdef file torn")
        self.d.start()
        self.w.write(100)
        self.end()

    def test_a_checkpoint_of_nuls(self):
        self.begin()
        self.w.write_paced(1000, self.r, step=500)
        self.d.stop()
        self.damage(lambda data: bytes(len(data)))
        self.d.start()
        self.w.write(100)
        self.end(repeats=1000)

    def test_start_at_the_end(self):
        old = self.writer("old.log")
        old.write(1000)
        self.w = self.writer("app.log")
        self.r = self.receiver().start()
        self.ws = [self.w]
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.path("*.log"), start="end"))
        self.d.start()
        self.d.wait_follows(old.path, self.w.path)
        self.w.write(100)
        new = self.writer("new.log")
        self.ws.append(new)
        new.write(100)
        self.r.wait_all(*self.ws)
        self.d.stop()
        # What comes while it is down is after the first look.
        down = self.writer("down.log")
        self.ws.append(down)
        for w in self.ws:
            w.write(100)
        self.d.start()
        old.write(1)
        wait_for(lambda: self.r.missing(old) < 1001, "the new line of old")
        self.end()
        self.assertEqual(self.r.ledger.seen[old.name], {1001})

    def test_start_at_the_end_is_decided_once(self):
        """By a daemon that says it is ready and is killed right then."""
        old = self.writer("app.log")
        old.write(1000)
        self.r = self.receiver().start()
        path = self.path("notify")
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.path("*.log"), start="end"))
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(path)
            os.chmod(path, 0o777)
            s.settimeout(LIMIT)
            self.d.env = dict(os.environ, NOTIFY_SOCKET=path)
            self.d.start()
            while b"READY=1" not in s.recv(4096):
                pass
            self.d.kill()
        self.d.env = None
        old.write(100)
        self.d.start()
        wait_for(lambda: self.r.missing(old) == 1000, "the new lines")
        self.finish(self.d, self.r)
        self.assertEqual(self.r.ledger.seen[old.name], set(range(1001, 1101)))


class Disk(Case):
    """The checkpoint is on a disk that hangs, fails or is full."""

    def setUp(self):
        if not os.path.exists(DISK):
            self.skipTest("needs " + DISK)
        super().setUp()
        self.w = self.writer("app.log")
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.w.path), program=DISK)
        self.d.env = dict(os.environ, FAKE_DISK=self.d.state_dir)
        self.d.start()
        self.w.write_paced(100, self.r)
        self.wait_checkpoint()

    def checkpoint(self):
        return os.path.join(self.d.state_dir, "checkpoint")

    def wait_checkpoint(self):
        """All that was written is acknowledged, and in the file."""
        size = b"%d" % os.stat(self.w.path).st_size

        def has():
            with contextlib.suppress(FileNotFoundError), \
                    open(self.checkpoint(), "rb") as f:
                return size in f.read().split()
        wait_for(has, "the checkpoint")

    def disk(self, what):
        with open(os.path.join(self.d.state_dir, what), "w"):
            pass

    def hang(self):
        """The next sync hangs, and this is it."""
        self.disk("fdatasync-hangs")
        self.w.write_paced(100, self.r)
        self.wait_hanging()

    def wait_hanging(self):
        path = os.path.join(self.d.state_dir, "hanging")
        wait_for(lambda: os.path.exists(path), "the disk to hang")

    def well(self):
        for name in os.listdir(self.d.state_dir):
            if name.endswith(("-hangs", "-fails")):
                os.unlink(os.path.join(self.d.state_dir, name))

    def restart_after_sigkill(self, repeats=0):
        self.d.kill()
        self.well()
        self.w.write(100)
        self.d.start()
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w, repeats=repeats)

    def test_a_sync_that_hangs_delays_no_line(self):
        self.hang()
        self.w.write_paced(1000, self.r)
        self.well()
        self.wait_checkpoint()
        self.restart_after_sigkill()

    def test_a_checkpoint_that_is_asked_for_delays_no_line(self):
        self.hang()
        ctl = subprocess.Popen(
            [TESLACOILCTL, "-s", self.d.control, "checkpoint"],
            stdout=subprocess.PIPE)
        self.w.write_paced(1000, self.r)
        self.assertIsNone(ctl.poll())
        self.well()
        self.assertEqual(ctl.communicate(timeout=LIMIT)[0],
                         b"checkpoint written\n")
        self.wait_checkpoint()
        self.restart_after_sigkill()

    def test_sigterm_waits_for_a_disk_that_hangs(self):
        self.hang()
        self.w.write_paced(1000, self.r)
        kill(self.d.pid, signal.SIGTERM)
        self.d.wait_log("stopping")
        self.well()
        self.assertEqual(self.d.wait(), 0)
        self.w.write(100)
        self.d.start()
        self.r.wait_all(self.w)
        self.finish(self.d, self.r)
        self.r.check(self.w)

    def test_a_full_disk_delays_no_line(self):
        self.disk("write-fails")
        self.w.write_paced(500, self.r)
        self.d.wait_log(r"write: No space left on device; forwarding goes on")
        self.w.write_paced(500, self.r)
        self.assertIn("No space left", self.d.state()["checkpoint"]["error"])
        self.well()
        self.d.wait_log("checkpoint: written again")
        self.wait_checkpoint()
        self.assertEqual(self.d.log().count("No space left on device"), 1)
        self.restart_after_sigkill()

    def test_after_a_failed_sync_the_file_is_written_anew(self):
        """What the system could not write, it may have dropped."""
        before = os.stat(self.checkpoint()).st_ino
        self.disk("fdatasync-fails")
        self.w.write_paced(500, self.r)
        wait_for(lambda: os.stat(self.checkpoint()).st_ino != before,
                 "another file")
        self.well()
        self.d.wait_log("checkpoint: written again")
        self.wait_checkpoint()
        self.restart_after_sigkill()

    def test_sigkill_while_the_file_is_written_anew(self):
        self.disk("fsync-hangs")
        self.disk("fdatasync-fails")
        self.w.write_paced(100, self.r)
        new = self.checkpoint() + ".new"
        self.wait_hanging()
        self.assertTrue(os.path.exists(new))
        self.w.write_paced(50, self.r)
        self.restart_after_sigkill(repeats=150)
        self.assertFalse(os.path.exists(new))


class Reload(Case):

    RATE = 5000

    def test_nothing_lost_nothing_repeated(self):
        w = self.writer("app.log")
        one = self.receiver(name="one").start()
        two = self.receiver(name="two").start()
        conf = destination("one", one.url) + source("app", w.path)
        d = self.daemon(conf).start()
        w.start(self.RATE)
        one.wait_more(100)
        for _ in range(3):
            d.reload(conf)
            w.wait_written(rng.randint(1, self.RATE // 2))

        more = self.writer("more/more.log")
        more.write(1000)
        d.reload(conf + destination("two", two.url) +
                 source("more", self.path("more/*.log")))
        more.start(self.RATE)
        more.wait_written(1000)
        d.hup()
        w.wait_written(self.RATE // 2)
        w.stop()
        more.stop()
        for r in (one, two):
            r.wait_all(w, more)
        self.finish(d, one, two)
        one.check(w, more)
        two.check(w, more)

    def test_while_catching_up(self):
        w = self.writer("app.log")
        w.write(200000)
        r = self.receiver().start("-r", "5000000")
        conf = destination("d", r.url) + source("s", w.path)
        d = self.daemon(conf).start()
        for _ in range(3):
            r.wait_more(min(1000, r.missing(w)))
            d.reload(conf)
        r.do("rate 0")
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_a_wrong_configuration_changes_nothing(self):
        w = self.writer("app.log")
        r = self.receiver().start()
        conf = destination("d", r.url) + source("s", w.path)
        d = self.daemon(conf).start()
        w.start(self.RATE)
        r.wait_more(100)
        worker = d.worker()
        for wrong in ("source \"x\" {\n", "no_such_option = 1\n",
                      source("x", self.path("x"), destinations="nowhere")):
            said = d.log().count(d.conf_path + ":")
            d.write_conf(conf + wrong)
            d.hup()
            wait_for(lambda: d.log().count(d.conf_path + ":") > said,
                     "the error in the log")
            w.wait_written(self.RATE // 10)
            self.assertEqual(d.worker(), worker)
        d.reload(conf)
        w.wait_written(self.RATE // 10)
        w.stop()
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_sighup_to_the_worker(self):
        w = self.writer("app.log")
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", w.path)).start()
        w.write_paced(100, r)
        worker = d.worker()
        kill(worker, signal.SIGHUP)
        wait_for(lambda: not running(worker) and d.workers(),
                 "another worker")
        w.write(100)
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_a_destination_that_is_gone(self):
        w = self.writer("app.log")
        one = self.receiver(name="one").start()
        two = self.receiver(name="two").start()
        both = destination("one", one.url) + destination("two", two.url)
        d = self.daemon(both + source("s", w.path)).start()
        w.write(1000)
        one.wait_all(w)
        two.wait_all(w)
        d.reload(destination("one", one.url) + source("s", w.path))
        w.write(1000)
        one.wait_all(w)
        self.assertEqual(two.missing(w), 1000)
        d.reload(both + source("s", w.path))
        two.wait_all(w)
        self.finish(d, one, two)
        one.check(w)
        two.check(w)

    def away(self, *writers):
        """A daemon whose receiver is away, and files with lines for it."""
        self.r = self.receiver().start()
        self.conf = destination("d", self.r.url) + \
            source("s", self.path("*.log"))
        self.d = self.daemon(self.conf).start()
        for w in writers:
            w.write(1)
        self.r.wait_all(*writers)
        self.r.kill()
        for w in writers:
            w.write(100)
        self.d.wait_follows(*[w.path for w in writers])

    def test_deleted_files_go_on_without_a_name(self):
        ws = [self.writer("%d.log" % i) for i in range(3)]
        self.away(*ws)
        ws[0].delete()
        ws[1].delete()
        ws[1].create()
        ws[1].write(100)
        os.rename(ws[2].path, os.path.join(self.dir, "elsewhere"))
        for _ in range(3):
            self.d.reload(self.conf)
            # And what is still written to them.
            for w in ws:
                w.write(10)
        self.r.start()
        self.r.wait_all(*ws)
        self.finish(self.d, self.r)
        self.r.check(*ws)

    def test_what_a_stop_loses_is_said(self):
        w = self.writer("app.log")
        self.away(w)
        size = os.stat(w.path).st_size
        w.delete()
        wait_for(lambda: self.d.state()["files"][0]["state"] == "deleted",
                 "the daemon to see it")
        self.d.stop()
        self.d.wait_log(r"app\.log: %d bytes at 150 are lost" % (size - 150))


if __name__ == "__main__":
    main()
