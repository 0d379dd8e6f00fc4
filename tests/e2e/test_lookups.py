#!/usr/bin/python3
"""Goal: a look-up that fails is no answer: whichever call of the daemon fails
for a moment, nothing is lost."""

import errno
import gzip
import itertools
import os
import pwd
import shutil
import signal
import unittest

from teslacoil import (LINUX, USER, Case, destination, kill, main, rng,
                       source, texts, wait_for)
from world import (ALL, FSTAT, OPEN, OPENDIR, PROGRAM, READ, READDIR, STAT,
                   World)

NEVER = 1 << 31
SOME = 20  # calls
LONG = bool(os.environ.get("TESLACOIL_LONG"))


@unittest.skipUnless(LINUX, "the daemon of another world is for Linux")
class Lookups(Case):
    """Each test acts again and again, and each time another call fails: some of
    all that there are, or with TESLACOIL_LONG each of them."""

    def prepare(self, paths, below=None, others=False, **options):
        """A daemon whose calls fail below real/, as the test says."""
        self.world = World(os.path.join(self.dir, "world"),
                           below or self.path("real"))
        os.chmod(self.world.path, 0o666)
        self.r = self.receiver("relp:0").start()
        self.d = self.daemon(
            destination("d", self.r.url) + source("s", paths, **options),
            program=self.for_others(PROGRAM) if others else PROGRAM)
        self.d.env = self.world.env

    def begin(self, **options):
        os.makedirs(self.path("real"), exist_ok=True)
        self.prepare(
            [self.path("*.log")], below=self.logs, compressed=True, **options)
        self.d.start()

    def sweep(self, act, calls=ALL, error=errno.EIO, times=1, repeats=None):
        def arm(n):
            return lambda: self.world.fail_nth(n, calls, error, times)

        self.r.wait_all(*self.writers)
        act(1, arm(NEVER))
        self.r.wait_all(*self.writers)
        most = self.world.seen
        self.assertGreater(most, 3)
        which = range(1, most + 1)
        if not LONG and most > SOME:
            which = sorted(rng.sample(which, SOME))
        for i, n in enumerate(which):
            act(i + 2, arm(n))
            self.r.wait_all(*self.writers)
        self.world.fail_nth(0, 0, 0)
        self.assertGreater(self.world.failed, 0)
        self.finish(self.d, self.r)
        self.r.check(*self.writers,
                     repeats=10 * most if repeats is None else repeats)
        self.assertNotIn("lost", self.d.log())

    def rotate(self, w, n):
        w.rename("%s.%d" % (w.path, n), late=1)
        if n > 2 and os.path.exists("%s.%d" % (w.path, n - 2)):
            os.unlink("%s.%d" % (w.path, n - 2))

    def pack(self, path):
        st = os.stat(path)
        with open(path, "rb") as f, gzip.open(path + ".gz", "wb") as z:
            z.write(f.read())
        os.utime(path + ".gz", ns=(st.st_atime_ns, st.st_mtime_ns))
        os.unlink(path)

    def held(self, act):
        """Acts while the worker does nothing, so that it sees all at once."""
        worker = self.d.worker()
        kill(worker, signal.SIGSTOP)
        act()
        kill(worker, signal.SIGCONT)

    def test_renamed(self):
        w = self.writer("x.log")
        # Who has never seen it does not look for what it has become.
        w.write(2)

        def act(n, arm):
            w.write(2)
            arm()
            self.rotate(w, n)
            w.write(2)

        self.begin()
        self.sweep(act)

    def test_replaced(self):
        """Nothing of what was sent is sent again."""
        w = self.writer("x.log", size=600)
        w.write(20)

        def act(n, arm):
            w.write(2)
            self.r.wait_all(w)
            shutil.copyfile(w.path, w.path + ".new")

            def replace():
                os.rename(w.path + ".new", w.path)
                w.open()
                w.write(2)
                arm()

            self.held(replace)

        self.begin()
        self.sweep(act, repeats=0, calls=FSTAT, times=2)

    def truncated(self, **options):
        w = self.writer("x.log")
        w.write(20)

        def act(n, arm):
            w.write(2)
            self.r.wait_all(w)

            def truncate():
                w.write(50)
                w.copytruncate("%s.%d" % (w.path, n))
                w.write(2)

            arm()
            self.held(truncate)
            if n > 1:
                os.unlink("%s.%d" % (w.path, n - 1))

        self.begin()
        self.sweep(act, **options)

    def test_truncated(self):
        self.truncated()

    @unittest.skipIf(USER is None, "only root gives files away")
    def test_truncated_where_it_is_not_root_s(self):
        """The copy is its owner's, too."""
        w, o = self.writer("x.log"), self.writer("o.log")
        uid = pwd.getpwnam(USER).pw_uid
        os.chown(w.path, uid, -1)
        w.write(20)
        self.begin()
        self.r.wait_all(w)
        for n in range(1, 16):
            copy = "%s.%d" % (w.path, n)

            def truncate():
                w.write(50)
                shutil.copyfile(w.path, copy)
                os.chown(copy, uid, -1)
                os.truncate(w.path, 0)
                w.gen += 1
                self.world.fail_nth(n, STAT, errno.EIO)

            self.held(truncate)
            o.write(1)
            self.r.wait_all(w, o)
            self.world.fail_nth(0, 0, 0)
            os.unlink(copy)
            w.write(2)
        self.r.wait_all(w, o)
        self.finish(self.d, self.r)
        self.r.check(w, o)
        self.assertNotIn("before they could be read", self.d.log())

    def test_the_copy_is_renamed_while_it_is_looked_for(self):
        """Before each of the calls by which that is done."""
        w = self.writer("x.log")
        w.write(20)
        self.begin()
        self.r.wait_all(w)
        for n in itertools.count(1):

            def truncate():
                w.write(50)
                w.copytruncate(w.path + ".1")
                w.write(2)
                self.world.hold_nth(n, ALL)

            held = self.world.failed
            self.held(truncate)
            wait_for(lambda: self.world.failed > held or
                     self.r.missing(w) == 0, "call %d" % n)
            os.rename(w.path + ".1", w.path + ".2")
            self.world.let_go()
            self.r.wait_all(w)
            if self.world.failed == held:
                break
            os.unlink(w.path + ".2")
        self.assertGreater(n, 3)
        self.finish(self.d, self.r)
        self.r.check(w)
        self.assertNotIn("lost", self.d.log())

    def errors(self):
        return [f["error"] for f in self.d.state()["files"]]

    def late(self, calls, error=errno.EIO):
        """Nothing of what happened while it was down can be looked at."""
        w, z = self.writer("w.log"), self.writer("z.log")
        c = self.writer("c.log")
        for log in (w, z, c):
            log.write(20)
        self.begin()
        self.r.wait_all(w, z, c)
        self.d.stop()
        w.write(3)
        self.twice(w, 1)
        w.write(3)
        z.write(3)
        # Nobody gets its inode.
        self.addCleanup(os.close, os.open(z.path, os.O_RDONLY))
        self.packed(z, 1)
        z.write(3)
        c.write(3)
        c.copytruncate(self.path("c-1.log"))
        c.write(3)
        self.world.fail_nth(1, calls, error, NEVER)
        self.d.start()
        self.d.state()
        self.world.fail_nth(0, 0, 0)
        self.r.wait_all(w, z, c)
        self.finish(self.d, self.r)
        self.r.check(w, z, c)

    def test_no_directory_can_be_listed_at_the_start(self):
        self.late(OPENDIR | READDIR)

    def test_nothing_can_be_opened_at_the_start(self):
        self.late(OPEN | OPENDIR, errno.EMFILE)

    def test_nothing_can_be_read_at_the_start(self):
        self.late(READ)

    def blind(self, act, log="real/x.log", calls=ALL, mode=None, starts=1,
              last=3, restart=False):
        """
        So many starts cannot look into real/, in which act has happened: each
        call fails, or mode is that of the directory.  The checkpoint is written
        meanwhile, for a file elsewhere.  Then they can, or the next one.
        """
        w, o = self.writer(log, name="x"), self.writer("o.log")
        w.write(20)
        o.write(5)
        top = self.path("real")
        self.prepare(
            [self.path("*.log"), self.path("real/**/*.log")], others=True)
        self.d.start()
        self.r.wait_all(w, o)
        self.d.stop()
        act(w)
        w.write(last)
        if mode is None:
            self.world.fail_nth(1, calls, errno.EIO, NEVER)
        else:
            os.chmod(top, mode)
        for i in range(starts):
            if i > 0:
                self.d.stop()
            self.d.start()
            o.write(3)
            self.r.wait_all(o)
        self.d.state()
        if restart:
            self.d.stop()
        self.world.fail_nth(0, 0, 0)
        os.chmod(top, 0o755)
        if restart:
            self.d.start()
        self.r.wait_all(w, o)
        # What nobody could look at was looked at: that is over.
        self.over(o)
        self.r.check(w, o)

    def apart(self):
        """A log in real/, which may be kept from the daemon, and one that
        goes on elsewhere."""
        w, o = self.writer("real/x.log"), self.writer("o.log")
        w.write(20)
        self.r = self.receiver("relp:0").start()
        self.d = self.daemon(
            destination("d", self.r.url) + source("s", [w.path, o.path]))
        self.d.start()
        self.r.wait_all(w)
        return w, o

    def over(self, w):
        """The starts behind it find nothing once more."""
        for _ in range(2):
            self.d.stop()
            self.d.start()
            w.write(3)
            self.r.wait_all(w)
        self.finish(self.d, self.r)

    def packed_twice(self, w):
        for n in (1, 2):
            w.write(3)
            self.packed(w, n)

    @unittest.skipIf(USER is None, "only root is kept out of nothing")
    def test_a_start_may_not_list_the_directory(self):
        self.blind(self.packed_twice, mode=0o700)

    def test_a_start_cannot_find_the_directory(self):
        """It is one below that which it cannot look at."""
        self.blind(self.packed_twice, log="real/deep/er/x.log")

    def test_two_starts_cannot_look_at_what_was_compressed(self):
        self.blind(self.packed_twice, starts=2)

    def test_a_start_cannot_look_at_what_was_compressed(self):
        self.blind(self.packed_twice, restart=True)

    def test_two_starts_cannot_list_the_directory(self):
        self.blind(self.packed_twice, calls=OPENDIR | READDIR, starts=2)

    def test_two_starts_cannot_find_the_directory(self):
        self.blind(self.packed_twice, log="real/deep/er/x.log", starts=2)

    def test_a_start_cannot_look_at_what_is_as_long_as_before(self):
        def act(w):
            os.truncate(w.path, 0)
            w.gen += 1
            w.write(20)
            # A file that nobody wrote to for seconds is not read at a start.
            self.world.jump(10)

        self.blind(act, last=0, restart=True)

    def test_two_starts_cannot_follow_the_link(self):
        os.makedirs(self.path("real"))
        os.symlink(self.path("other/x.txt"), self.path("real/x.log"))
        self.blind(self.packed_twice, log="other/x.txt", starts=2)

    @unittest.skipIf(USER is None, "only root is kept out of nothing")
    def test_two_starts_may_not_list_the_directory(self):
        self.blind(self.packed_twice, mode=0o700, starts=2)

    @unittest.skipIf(USER is None, "only root is kept out of nothing")
    def test_a_directory_may_not_be_listed_any_more(self):
        """What happens in it then is looked for by the next start."""
        w, o = self.apart()
        os.chmod(self.path("real"), 0o700)
        self.packed_twice(w)
        self.d.wait_log("real: cannot be listed")
        o.write(3)
        self.r.wait_all(o)
        self.d.stop()
        os.chmod(self.path("real"), 0o755)
        self.d.start()
        self.r.wait_all(w)
        self.over(o)
        self.r.check(w, o)

    def test_a_directory_that_was_found_late_cannot_be_listed(self):
        w = self.writer("real/deep/x.log")
        w.write(20)
        self.prepare(self.path("real/deep/*.log"))
        self.world.fail_nth(1, STAT, errno.EIO, NEVER)
        self.d.start()
        self.d.state()
        self.world.fail_nth(1, OPENDIR, errno.EIO, NEVER)
        before = self.world.failed
        wait_for(lambda: self.world.failed > before, "it to be found")
        self.d.state()
        self.world.fail_nth(0, 0, 0)
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        self.r.check(w)

    def sought(self, change=lambda w, copy: None):
        """The daemon stops while it looks for the copy of a truncated log."""
        w, copy = self.writer("x.log"), self.path("x.log.1")
        w.write(20)
        self.begin()
        self.r.wait_all(w)

        def truncate():
            w.write(5)
            w.copytruncate(copy)
            w.write(2)

        self.world.fail_nth(1, OPENDIR, errno.EIO, NEVER)
        self.held(truncate)
        self.d.wait_log("could not be looked for")
        self.d.stop()
        change(w, copy)
        self.world.fail_nth(0, 0, 0)
        self.d.start()
        self.r.wait_all(w)
        self.over(w)
        self.r.check(w, ordered=False)

    def test_a_banner_is_written_anew_and_the_copy_is_found_late(self):
        """The log goes back to where its banner ends, unless it was copied."""
        banner = ["the same first lines in every log %d" % i
                  for i in range(40)]
        old, late = banner + ["first"], ["late %d" % i for i in range(5)]
        new = banner + ["new %d" % i for i in range(200)]
        log = self.path("x.log")

        def put(lines):
            with open(log, "a", encoding="ascii") as f:
                f.write("".join(line + "\n" for line in lines))

        def act():
            put(late)
            shutil.copyfile(log, log + ".1")
            os.truncate(log, 0)
            put(new)

        def got():
            return [x.decode() for x in texts(self.r.lines())]

        put(old)
        self.begin()
        wait_for(lambda: got() == old, "what was there")
        self.world.fail_nth(1, OPENDIR, errno.EIO, NEVER)
        self.held(act)
        wait_for(lambda: self.world.failed > 0, "a look that fails")
        self.world.fail_nth(0, 0, 0)
        wait_for(lambda: new[-1] in got(), "what is new")
        self.finish(self.d, self.r)
        self.assertEqual(got(), old + late + new)

    def test_stopped_while_it_looks_for_a_copy(self):
        self.sought()

    def test_stopped_while_it_looks_for_a_copy_that_is_packed(self):
        self.sought(lambda w, copy: self.pack(copy))

    def test_stopped_while_it_looks_for_a_copy_and_rotated(self):
        def rotate(w, copy):
            os.rename(copy, w.path + ".2")
            w.rename(copy, late=1)
            w.write(1)

        self.sought(rotate)

    def test_truncated_before_it_could_be_read(self):
        w, o = self.writer("x.log"), self.writer("o.log")
        o.write(2)
        self.begin()
        self.r.wait_all(o)
        self.world.fail_nth(1, READ, errno.EIO, NEVER)
        w.write(20)
        wait_for(lambda: any(self.errors()), "a look that fails")
        w.copytruncate(self.path("x.log.1"))
        self.d.wait_log("x.log: truncated")
        w.write(2)
        self.world.fail_nth(0, 0, 0)
        self.r.wait_all(w, o)
        self.finish(self.d, self.r)
        self.r.check(w, o)
        self.assertNotIn("before they could be read", self.d.log())

    def test_a_start_that_lists_a_directory_only_so_often(self):
        """What is found there is not sent before it is known what that was."""
        w, o = self.writer("real/deep/x.log"), self.writer("o.log")
        w.write(20)
        self.prepare([self.path("real/deep/x.log*"), o.path])
        self.d.start()
        copy = w.path + ".1"
        for n in range(1, 18, 2):
            self.r.wait_all(w)
            self.d.stop()
            if os.path.exists(copy):
                os.unlink(copy)
            w.write(3)
            w.copytruncate(copy)
            w.write(2)
            self.world.fail_nth(n, READDIR, errno.EIO, NEVER)
            self.d.start()
            for _ in range(2):
                o.write(1)
                self.r.wait_all(o)
            self.world.fail_nth(0, 0, 0)
        self.r.wait_all(w, o)
        self.finish(self.d, self.r)
        self.r.check(w, o)

    def test_a_start_may_not_list_a_directory_once(self):
        """The next one finds what became of its files."""
        w, o = self.writer("real/x.log"), self.writer("o.log")
        w.write(20)
        self.prepare([w.path, o.path])
        self.d.start()
        for n in range(1, 6):
            self.r.wait_all(w)
            self.d.stop()
            for i in (1, 2):
                w.write(3)
                self.packed(w, 2 * n + i)
            self.world.fail_nth(n, OPENDIR, errno.EACCES)
            self.d.start()
            o.write(1)
            self.r.wait_all(o)
            self.d.stop()
            self.world.fail_nth(0, 0, 0)
            self.d.start()
            w.write(1)
        self.r.wait_all(w, o)
        self.over(o)
        self.r.check(w, o)

    def test_finished_where_nobody_can_look(self):
        """The next start knows what it has been compressed to."""
        w = self.writer("x.log")
        w.write(20)
        self.begin()
        self.r.wait_all(w)
        w.rename(w.path + ".1", late=1)
        self.d.wait_log("x.log.1: was x.log")
        self.r.wait_all(w)
        self.pack(w.path + ".1")
        wait_for(lambda: not any(f["path"] == w.path + ".1"
                                 for f in self.d.state()["files"]), "no name")
        self.world.fail_nth(1, OPEN | OPENDIR | STAT, errno.EMFILE, NEVER)
        new = self.writer("y.log")
        self.d.wait_log("finished")
        self.d.stop()
        self.world.fail_nth(0, 0, 0)
        self.d.start()
        new.write(1)
        self.r.wait_all(w, new)
        self.over(w)
        self.r.check(w, new)

    def test_a_compressed_file_cannot_be_read_at_a_start(self):
        """Its size is no evidence of lines that were lost with the power."""
        w, o = self.writer("real/x.log"), self.writer("o.log")
        w.write(40)
        os.makedirs(self.path("real/old"))
        self.prepare([w.path, o.path, self.path("real/old/*.none")])
        self.d.start()
        self.r.wait_all(w)
        self.r.kill()
        w.rename(w.path + ".1", late=3)
        self.d.wait_log("x.log.1: was x.log")
        self.d.stop()
        self.pack(w.path + ".1")
        # It was made before its record.
        self.world.jump(10)
        self.d.start()
        self.d.stop()
        os.rename(w.path + ".1.gz", self.path("real/old/1.gz"))
        for n in range(9):
            self.world.fail_nth(1, READ, errno.EIO, n)
            self.d.start()
            self.d.state()
            self.d.stop()
        self.world.fail_nth(0, 0, 0)
        self.r.start()
        self.d.start()
        self.r.wait_all(w)
        self.over(o)
        self.r.check(w, o)
        self.assertNotIn("loss of power", self.d.log())

    def new_beside(self, act):
        """A file comes into a directory, and the nth read fails; act returns
        whose lines it has, if it is not a copy."""
        w, o = self.writer("real/x.log"), self.writer("o.log")
        w.write(40)
        self.prepare([self.path("real/*"), o.path])
        self.d.start()
        others = []
        for n in range(1, 9):
            self.r.wait_all(w)
            path = "%s.%d" % (w.path, n)
            self.held(lambda: (others.extend(act(w, path)),
                               self.world.fail_nth(n, READ, errno.EIO)))
            wait_for(lambda: any(f["path"] == path
                                 for f in self.d.state()["files"]), path)
            o.write(1)
            self.r.wait_all(o, *others)
            self.world.fail_nth(0, 0, 0)
            w.write(1)
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        self.r.check(w, o, *others)

    def test_a_copy_that_cannot_be_compared_at_first(self):
        def copy(w, path):
            shutil.copyfile(w.path, path)
            return []

        self.new_beside(copy)

    def test_a_new_file_that_cannot_be_compared_at_first(self):
        def write(w, path):
            new = self.writer("real/" + os.path.basename(path))
            new.write(50)
            return [new]

        self.new_beside(write)

    def test_copied_while_down_where_it_is_compared_once_more(self):
        """What a copy has is never sent, whichever read fails."""
        w, o = self.writer("real/x.log"), self.writer("o.log")
        w.write(40)
        self.prepare([w.path, o.path])
        self.d.start()
        for n in range(1, 13):
            self.r.wait_all(w)
            self.d.stop()
            copy = "%s.%d" % (w.path, n)
            shutil.copyfile(w.path, copy)
            self.world.fail_nth(n, READ, errno.EIO)
            self.d.start()
            w.write(1)
            o.write(1)
            self.r.wait_all(o)
            self.world.fail_nth(0, 0, 0)
            os.unlink(copy)
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        self.r.check(w, o)

    def test_moved_away_before_it_could_be_compared(self):
        """The next start finds it by its record."""
        w = self.writer("real/x.log")
        w.write(40)
        os.makedirs(self.path("real/old"))
        self.prepare([self.path("real/*.log"), self.path("real/old/*.none")])
        self.d.start()
        self.r.wait_all(w)
        new = self.writer("real/y.log")
        self.world.fail_nth(1, READ, errno.EIO, NEVER)
        new.write(3)
        wait_for(lambda: any(self.errors()), "a look that fails")
        os.rename(new.path, self.path("real/old/1"))
        self.d.wait_log("old/1: was y.log")
        self.d.state()
        self.d.stop()
        self.world.fail_nth(0, 0, 0)
        self.d.start()
        self.r.wait_all(w, new)
        self.finish(self.d, self.r)
        self.r.check(w, new)

    def stopped_unread(self, happens, then, calls=READ):
        """Nothing that comes into a log can be read, and the daemon stops."""
        w, o = self.writer("x.log"), self.writer("o.log")
        o.write(1)
        self.begin()
        self.r.wait_all(o)
        self.world.fail_nth(1, calls, errno.EIO, NEVER)
        w.write(20)
        wait_for(lambda: any(self.errors()), "a look that fails")
        happens(w)
        self.d.stop()
        then(w)
        self.world.fail_nth(0, 0, 0)
        self.d.start()
        w.write(3)
        self.r.wait_all(w, o)
        self.over(w)
        self.r.check(w, o)

    def test_compressed_before_it_could_be_read(self):
        def rotate(w):
            w.rename(w.path + ".1", late=2)
            self.d.wait_log("x.log.1: was x.log")
            self.d.state()

        self.stopped_unread(rotate, lambda w: self.pack(w.path + ".1"))

    def test_compressed_before_it_could_be_looked_at(self):
        def rotate(w):
            w.rename(w.path + ".1", late=2)
            self.pack(w.path + ".1")

        self.stopped_unread(lambda w: None, rotate, FSTAT | STAT)

    def test_rotated_before_it_could_be_looked_at(self):
        def rotate(w):
            before = self.world.failed
            w.rename(w.path + ".1")
            wait_for(lambda: self.world.failed > before, "a look that fails")

        self.stopped_unread(rotate, lambda w: self.pack(w.path + ".1"),
                            FSTAT | STAT)

    def test_copied_before_it_could_be_read(self):
        def truncate(w):
            w.copytruncate(w.path + ".1")
            self.d.wait_log("could not be looked for")

        self.stopped_unread(truncate, lambda w: None)

    def test_a_new_log_is_copied_before_it_could_be_compared(self):
        """It may have been a copy itself, and waited for that to be known."""
        w = self.writer("x.log")
        w.write(20)
        self.begin()
        self.r.wait_all(w)
        self.world.fail_nth(1, READ, errno.EIO, NEVER)
        w.rename(w.path + "-20260001")
        w.write(10)

        def has(size):
            return any(f["path"] == w.path and f["size"] == size
                       for f in self.d.state()["files"])

        size = os.path.getsize(w.path)
        wait_for(lambda: has(size), "the daemon to see the new log")
        self.d.wait_log("x.log: cannot be read")
        w.copytruncate(w.path + "-20260002")
        wait_for(lambda: has(0), "the daemon to see that the log is empty")
        self.world.fail_nth(0, 0, 0)
        w.write(3)
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        self.r.check(w)

    def rotated_unread(self, anew):
        """It has another name before anybody can read what it has now."""
        w = self.writer("x.log")
        w.write(20)
        self.begin()
        self.r.wait_all(w)

        def rotate():
            anew(w)
            self.world.fail_nth(1, READ, errno.EIO, NEVER)

        self.held(rotate)
        self.d.wait_log("x.log.1: was x.log")
        self.d.state()
        self.world.fail_nth(0, 0, 0)
        self.d.wait_log("x.log.1: was (rotated|written anew and rotated)")
        w.write(2)
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        self.r.check(w)

    def test_truncated_and_rotated_before_it_could_be_read(self):
        def anew(w):
            os.truncate(w.path, 0)
            w.gen += 1
            w.write(50)
            w.rename(w.path + ".1")

        self.rotated_unread(anew)

    def test_truncated_rotated_and_written_to_before_it_could_be_read(self):
        """A look that leaves the rest to the next read has compared nothing."""
        w = self.writer("x.log")
        w.write(20)
        self.begin()
        self.r.wait_all(w)

        def rotate():
            os.truncate(w.path, 0)
            w.gen += 1
            w.write(50)
            self.world.fail_nth(1, READ, errno.EIO, NEVER)
            os.rename(w.path, w.path + ".1")

        self.held(rotate)
        self.d.wait_log("x.log.1: was x.log")
        self.world.fail_nth(0, 0, 0)
        w.write(1)
        w.create()
        w.write(2)
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        self.r.check(w)

    def test_rotated_and_overwritten_before_it_could_be_read(self):
        def anew(w):
            size = os.path.getsize(w.path)
            w.rename(w.path + ".1")
            with open(w.path + ".1", "r+b") as f:
                f.write(os.urandom(size))

        self.rotated_unread(anew)

    def test_written_anew_before_anything_of_it_was_sent(self):
        """Its fingerprint alone tells, and cannot be compared at first."""
        w, o = self.writer("x.log"), self.writer("o.log")
        o.write(2)
        self.begin()
        self.r.wait_all(o)
        self.r.kill()
        w.write(3)
        wait_for(lambda: any(f["size"] == os.path.getsize(w.path) and
                             not f["fingerprint"].endswith("/0")
                             for f in self.d.state()["files"]
                             if f["path"] == w.path), "its fingerprint")

        def truncate():
            w.copytruncate(self.path("x.log.1"))
            w.write(200)
            self.world.fail_nth(1, READ, errno.EIO)

        before = self.world.failed
        self.held(truncate)
        wait_for(lambda: self.world.failed > before, "a look that fails")
        self.d.state()
        self.r.start()
        self.r.wait_all(w, o)
        self.finish(self.d, self.r)
        self.r.check(w, o)
        self.assertNotIn("before they could be read", self.d.log())

    def test_what_was_written_where_nobody_may_look(self):
        """No event tells that its directory may be searched again."""
        a, b = self.writer("a.log"), self.writer("b.log")
        self.begin(max_open=1)
        for w in (a, b):
            w.write(2)
            self.r.wait_all(w)
        wait_for(lambda: self.d.state()["counters"]["files_open"] == 1,
                 "a to be closed")
        self.world.fail_nth(1, STAT, errno.EACCES, NEVER)
        a.write(1)
        wait_for(lambda: self.world.failed > 0, "a look that fails")
        self.d.state()
        self.world.fail_nth(0, 0, 0)
        # The sweep would find it too, in up to a minute.
        wait_for(lambda: self.r.missing(a) == 0, "the line", 20)
        self.finish(self.d, self.r)
        self.r.check(a, b)

    def test_written_anew_where_it_cannot_be_opened(self):
        """What is seen of its size is that of what it has now."""
        a, b = self.writer("a.log"), self.writer("b.log")
        self.begin(max_open=1)
        for w in (a, b):
            w.write(2)
            self.r.wait_all(w)
        wait_for(lambda: self.d.state()["counters"]["files_open"] == 1,
                 "a to be closed")

        def size():
            return [f["size"] for f in self.d.state()["files"]
                    if f["path"] == a.path][0]

        def write_anew():
            os.truncate(a.path, 0)
            a.gen += 1
            a.write(10)

        self.world.fail_nth(1, OPEN, errno.EIO, NEVER)
        self.held(write_anew)
        wait_for(lambda: size() == os.path.getsize(a.path), "a look at it")
        a.write(5)
        wait_for(lambda: size() == os.path.getsize(a.path), "another")
        self.world.fail_nth(0, 0, 0)
        self.r.wait_all(a, b)
        self.finish(self.d, self.r)
        self.r.check(a, b)
        self.assertNotIn("before they could be read", self.d.log())

    def test_stopped_when_all_but_a_few_reads_failed(self):
        """What a start knows of a file by then is in the checkpoint."""
        c, w = self.writer("c.log"), self.writer("w.log")
        for log in (c, w):
            log.write(20)
        self.begin()
        for n in range(1, 9):
            self.r.wait_all(c, w)
            self.d.stop()
            c.copytruncate("%s.%d" % (c.path, n))
            self.rotate(w, n)
            self.world.fail_nth(n, READ, errno.EIO, NEVER)
            self.d.start()
            self.d.state()
            self.d.stop()
            self.world.fail_nth(0, 0, 0)
            self.d.start()
            for log in (c, w):
                log.write(20)
        self.r.wait_all(c, w)
        self.finish(self.d, self.r)
        self.r.check(c, w)

    @unittest.skipIf(USER is None, "only root is kept out of nothing")
    def test_a_start_may_not_read_what_was_compressed(self):
        """The next one may, and finds it by another name."""
        w, o = self.apart()
        self.d.stop()
        self.packed_twice(w)
        os.chmod(w.path + ".2.gz", 0)
        for _ in range(2):
            self.d.start()
            o.write(3)
            self.r.wait_all(o)
            self.d.stop()
        os.rename(w.path + ".2.gz", w.path + ".3.gz")
        os.chmod(w.path + ".3.gz", 0o644)
        self.d.start()
        self.r.wait_all(w)
        self.d.wait_log("x.log.3.gz: finished")
        self.over(o)
        self.r.check(w, o)

    @unittest.skipIf(USER is None, "only root is kept out of nothing")
    def test_a_file_that_may_not_be_read_is_looked_at_again(self):
        """What was found beside it is not found once more."""
        w, older = self.writer("real/x.log"), self.path("real/x.log.9")
        w.write(20)
        self.prepare(w.path, others=True)
        self.d.start()
        self.r.wait_all(w)
        self.d.stop()
        self.packed_twice(w)
        with open(older, "w") as f:
            f.write("nobody reads this\n")
        os.chmod(older, 0)
        self.d.start()
        self.r.wait_all(w)
        self.d.wait_log("gz: finished", 2)
        for _ in range(2):
            n = self.d.log().count("is passed over") + 1
            self.world.fail(1 << 16, STAT)
            before = self.world.failed
            w.write(1)
            os.rename(w.path, w.path + ".tmp")
            os.rename(w.path + ".tmp", w.path)
            wait_for(lambda: self.world.failed > before, "a look that fails")
            self.world.fail(0, 0)
            self.d.wait_log("is passed over", n)
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        self.r.check(w)

    def test_what_is_no_text_grows_and_its_head_cannot_be_read(self):
        """Which of the reads that is, only trying tells."""
        log = self.path("x.log")
        with open(log, "wb") as f:
            f.write(b"BZh91AY&SY" + bytes(range(11, 256)) * 8 + b"\n")
        self.begin()
        for n in range(1, 12):
            self.d.wait_log("is compressed, not text", n)
            self.d.stop()
            with open(log, "ab") as f:
                f.write(b"more\n")
            self.world.fail_nth(n, READ, errno.EIO)
            self.d.start()
        self.d.wait_log("is compressed, not text", n + 1)
        self.finish(self.d, self.r)
        self.assertEqual(self.r.lines(), [])

    def test_an_error_passes(self):
        w = self.writer("x.log")
        w.write(2)
        self.begin()
        self.r.wait_all(w)
        self.world.fail(1 << 16, FSTAT)
        w.write(1)
        wait_for(lambda: any(self.errors()), "a look that fails")
        self.world.fail(0, 0)
        wait_for(lambda: not any(self.errors()), "one that does not")
        self.r.wait_all(w)
        self.finish(self.d, self.r)

    def spoiled(self, at, **options):
        """The disk has a bad sector, and then it has not."""
        w = self.writer("x.log")
        w.write(2)
        self.begin(**options)
        self.r.wait_all(w)
        size = os.stat(w.path).st_size
        self.world.spoil(size + at)
        w.write(20)
        wait_for(lambda: any(self.errors()), "a read that fails")
        self.world.spoil(0)
        self.r.wait_all(w)
        wait_for(lambda: not any(self.errors()), "one that does not")
        self.finish(self.d, self.r)
        self.r.check(w)

    def test_a_bad_sector_in_the_middle_of_a_line(self):
        self.spoiled(10)

    def test_a_bad_sector_behind_some_lines(self):
        self.spoiled(300)

    def test_a_closed_file_grows(self):
        a, b = self.writer("a.log"), self.writer("b.log")
        self.begin(max_open=1)
        for w in (a, b):
            w.write(2)
            self.r.wait_all(w)
        wait_for(lambda: self.d.state()["counters"]["files_open"] == 1,
                 "a to be closed")
        self.world.fail(1 << 16, STAT)
        a.write(1)
        wait_for(lambda: self.world.failed > 0, "a look that fails")
        wait_for(lambda: any(self.errors()), "it to be known")
        self.world.fail(0, 0)
        self.r.wait_all(a)
        self.finish(self.d, self.r)

    def test_what_could_not_be_read_is_not_closed(self):
        """Others are, when there are no descriptors left."""
        a, b, c = [self.writer(x + ".log") for x in "abc"]
        os.unlink(c.path)
        self.begin()
        for w in (a, b):
            w.write(2)
            self.r.wait_all(w)
        self.world.fail_nth(1, READ | OPEN, errno.EMFILE, NEVER)
        a.write(5)
        wait_for(lambda: any(self.errors()), "a look that fails")
        c.create()
        c.write(1)
        self.d.wait_log("c.log: cannot be read")
        self.d.state()
        os.unlink(a.path)
        self.world.fail_nth(0, 0, 0)
        self.r.wait_all(a, b, c)
        self.finish(self.d, self.r)
        self.r.check(a, b, c)

    def test_truncated_without_descriptors(self):
        self.truncated(calls=OPEN | OPENDIR, error=errno.EMFILE, times=4)

    def down(self, *acts, **options):
        """Each act happens to a log of its own while the daemon is down."""
        logs = []
        for i in range(len(acts)):
            w = self.writer("real/%d.txt" % i, name="w%d" % i)
            w.write(20)
            logs.append(w)
            os.symlink(w.path, self.path("%d.log" % i))
        w = self.writer("plain.log")
        w.write(20)
        logs.append(w)

        def act(n, arm):
            self.d.stop()
            for w, what in zip(logs, acts + acts[:1]):
                w.write(3)
                what(w, n)
                w.write(2)
            arm()
            self.d.start()

        self.begin()
        self.sweep(act, **options)

    def packed(self, w, n):
        self.rotate(w, n)
        self.pack("%s.%d" % (w.path, n))

    def copied(self, w, n):
        w.copytruncate("%s.%d" % (w.path, n))

    def twice(self, w, n):
        self.rotate(w, 2 * n)
        w.write(2)
        self.rotate(w, 2 * n + 1)

    def test_renamed_while_down(self):
        self.down(self.rotate)

    def test_twice_while_down(self):
        self.down(self.twice)

    def test_compressed_while_down(self):
        self.down(self.packed)

    def test_copied_while_down(self):
        self.down(self.copied)

    def test_while_down_without_descriptors(self):
        self.down(self.twice, self.packed, calls=OPEN | OPENDIR,
                  error=errno.EMFILE, times=4)


if __name__ == "__main__":
    main()
