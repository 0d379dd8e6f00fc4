#!/usr/bin/python3
"""Goal: links are followed to where they lead, and by none has anybody a file
sent that is not theirs."""

import gzip
import os
import pwd
import shutil
import subprocess
import threading
import time
import unittest

from teslacoil import (USER, Case, Writer, destination, main, source,
                       wait_for)

OTHER = "daemon"  # somebody who is neither root nor the daemon's user


class Links(Case):
    def begin(self, paths=None, **options):
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) + source(
            "s", paths or self.path("*.log"), **options)).start()

    def end(self):
        self.r.wait_all(*self.writers)
        self.finish(self.d, self.r)
        self.r.check(*self.writers)

    def elsewhere(self, *names):
        """A path that no pattern means, in a directory that is there."""
        path = os.path.join(self.dir, "elsewhere", *names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        return path

    def linked_writer(self, *names):
        w = Writer(self.elsewhere(*names), name="/".join(names))
        self.writers.append(w)
        return w

    def write(self, path, text):
        with open(path, "a") as f:
            f.write(text + "\n")
        return path

    def has(self, text):
        return any(line.endswith(b" " + text.encode())
                   for line in self.r.lines())

    def wait_text(self, text):
        wait_for(lambda: self.has(text), "%r to arrive" % text)

    def give(self, path):
        os.lchown(path, pwd.getpwnam(OTHER).pw_uid, -1)
        return path

    def plant(self, target, link):
        """The link is never root's, not even for a moment."""
        made = self.elsewhere("planted")
        os.symlink(target, made)
        os.rename(self.give(made), link)

    def refused(self, name, why="the link belongs"):
        """Ends a run in which name was refused."""
        self.d.wait_log(name + ": not followed: .*" + why)
        w = self.writer("sentinel.log")
        w.write(3)
        self.r.wait_all(w)
        self.assertFalse(self.has("secret"))
        self.end()


@unittest.skipIf(USER is None, "needs root to plant links")
class Planted(Links):
    def test_behind_a_link_of_root(self):
        """Root's link leads into a directory of somebody else."""
        secret = self.write(self.elsewhere("root", "key"), "secret")
        theirs = self.elsewhere("theirs", "app.log")
        self.give(os.path.dirname(theirs))
        self.give(self.write(theirs, "harmless"))
        os.symlink(theirs, self.path("app.log"))
        self.begin()
        self.wait_text("harmless")
        os.unlink(theirs)
        self.plant(secret, theirs)
        self.refused("app.log")

    def test_in_the_middle_of_a_path(self):
        self.write(self.elsewhere("root", "app.log"), "secret")
        theirs = self.elsewhere("theirs", "current")
        self.give(os.path.dirname(theirs))
        self.plant(self.elsewhere("root"), theirs)
        os.symlink(self.elsewhere("theirs") +
                   "/.././/theirs/./current/app.log", self.path("app.log"))
        self.begin()
        self.refused("app.log")

    def test_to_a_directory(self):
        self.write(self.elsewhere("root", "app.log"), "secret")
        self.plant(self.elsewhere("root"), self.path("dir"))
        theirs = self.elsewhere("theirs", "dir")
        self.plant(self.elsewhere("root"), theirs)
        os.symlink(theirs, self.path("chain"))
        self.begin([self.path("*.log"), self.path("dir/*"),
                    self.path("chain/*")])
        self.d.wait_log("dir: not followed: .*the link belongs")
        self.refused("chain")

    def test_a_link_of_root_with_another_name(self):
        """Somebody made a name for it where a pattern means it."""
        secret = self.write(self.elsewhere("root", "key"), "secret")
        os.symlink(secret, self.elsewhere("own"))
        os.link(self.elsewhere("own"), self.path("app.log"),
                follow_symlinks=False)
        self.begin()
        self.refused("app.log", "other names")

    def test_by_two_users(self):
        secret = self.give(self.write(self.elsewhere("key"), "secret"))
        middle = self.elsewhere("middle")
        os.symlink(secret, middle)
        os.lchown(middle, pwd.getpwnam("bin").pw_uid, -1)
        self.plant(middle, self.path("app.log"))
        self.begin()
        self.refused("app.log", "several users")

    def test_a_chain_of_its_owner(self):
        mine = self.give(self.write(self.elsewhere("mine"), "mine"))
        self.plant(mine, self.elsewhere("two"))
        os.symlink(self.elsewhere("two"), self.elsewhere("three"))
        self.plant(self.elsewhere("three"), self.path("app.log"))
        self.begin()
        self.wait_text("mine")
        self.end()

    def test_while_it_is_looked_at(self):
        """What is judged and what is opened are one file."""
        secret = self.write(self.elsewhere("root", "app.log"), "secret")
        theirs = self.elsewhere("theirs")
        own = self.give(self.write(self.elsewhere("own", "app.log"), "own"))
        self.give(os.path.dirname(own))
        os.symlink(theirs + "/app.log", self.path("app.log"))
        self.plant(os.path.dirname(own), theirs)
        over = threading.Event()

        def swap():
            while not over.is_set():
                for top in (os.path.dirname(secret), os.path.dirname(own)):
                    self.plant(top, theirs + ".new")
                    os.rename(theirs + ".new", theirs)
        thread = threading.Thread(target=swap)
        thread.start()
        try:
            self.begin()
            for i in range(200):
                # Each is a look at the link.
                os.symlink(theirs + "/app.log", self.path("new"))
                os.rename(self.path("new"), self.path("app.log"))
                if i % 20 == 0:
                    w = self.writer("w%d.log" % i, name="w%d" % i)
                    w.write(1)
                    self.r.wait_all(w)
        finally:
            over.set()
            thread.join()
        self.assertFalse(self.has("secret"))
        self.end()


@unittest.skipIf(USER is None, "needs root for files of others")
class HardLinks(Links):
    def theirs(self):
        top = self.path("theirs")
        os.makedirs(top, exist_ok=True)
        return self.give(top)

    def test_in_a_directory_of_somebody_else(self):
        secret = self.write(self.elsewhere("key"), "secret")
        os.link(secret, self.theirs() + "/app.log")
        self.begin([self.path("*.log"), self.path("theirs/*.log")])
        self.refused("theirs/app.log", "several names")

    def test_where_a_link_of_root_leads(self):
        secret = self.write(self.elsewhere("key"), "secret")
        theirs = self.elsewhere("theirs", "app.log")
        self.give(os.path.dirname(theirs))
        os.link(secret, theirs)
        os.symlink(theirs, self.path("app.log"))
        self.begin()
        self.refused("app.log", "several names")

    def test_where_all_may_write(self):
        secret = self.write(self.elsewhere("key"), "secret")
        os.link(secret, self.path("app.log"))
        os.chmod(self.logs, 0o1777)
        self.begin()
        self.refused("app.log", "several names")

    def test_renamed_before_it_was_seen(self):
        secret = self.write(self.elsewhere("key"), "secret")
        self.theirs()
        self.begin([self.path("*.log"), self.path("theirs/*.log")])
        w = self.writer("app.log")
        for i in range(100):
            os.link(secret, self.path("theirs/app.log"))
            os.rename(self.path("theirs/app.log"), self.path("theirs/y"))
            os.unlink(self.path("theirs/y"))
            w.write(1)
        self.r.wait_all(w)
        self.assertFalse(self.has("secret"))
        self.end()

    def test_of_its_owner(self):
        top = self.theirs()
        mine = self.give(self.write(top + "/app.log.1", "mine"))
        os.link(mine, top + "/app.log")
        self.begin(self.path("theirs/*.log"))
        self.wait_text("mine")
        self.end()

    def test_all_are_followed_where_it_is_wanted(self):
        other = self.write(self.elsewhere("other"), "anything")
        os.link(other, self.theirs() + "/app.log")
        self.begin(self.path("theirs/*.log"), symlinks="follow")
        self.wait_text("anything")
        self.end()

    def test_what_is_followed_gets_another_name(self):
        """Nobody can stop a log by giving it a name."""
        top = self.theirs()
        w = self.writer("theirs/app.log", name="app")
        w.write(3)
        self.begin(self.path("theirs/*.log"))
        self.r.wait_all(w)
        os.link(w.path, top + "/another")
        w.write(3)
        self.r.wait_all(w)
        self.d.stop()
        w.write(3)
        self.d.start()
        self.end()

    def test_an_emptied_log_has_other_names_too(self):
        """Of an empty file only its name tells: not the first one found."""
        w = self.writer("app.log", name="app")
        w.write(20)
        self.begin([w.path, self.path("old*/*.none")])
        self.r.wait_all(w)
        # A directory lists some of them before the log, and some behind it.
        for i in range(10):
            os.mkdir(self.path("old%d" % i))
            os.link(w.path, self.path("old%d/link" % i))
        os.truncate(w.path, 0)
        self.d.wait_log("truncated from")
        os.rename(w.path, w.path + ".1")
        self.d.wait_log(r"app\.log\.1: was ")
        self.write(w.path, "next")
        self.wait_text("next")
        self.d.stop()
        self.d.start()
        self.write(w.path + ".1", "late")
        self.wait_text("late")
        self.end()


class Rotated(Links):
    """A target is rotated in the directory that it is really in."""

    def prepare(self, *names):
        w = self.linked_writer("data", "x.log")
        w.write(5)
        os.symlink(w.path, self.path("x.log"))
        self.begin()
        self.r.wait_all(w)
        return w

    def rotate(self, w):
        for i in range(40, 0, -1):
            if os.path.exists("%s.%d" % (w.path, i)):
                os.rename("%s.%d" % (w.path, i), "%s.%d" % (w.path, i + 1))
        os.rename(w.path, w.path + ".1")

    def test_while_running(self):
        w = self.prepare()
        for i in range(5):
            self.rotate(w)
            # Both are found: what goes on, and what came.
            self.write(w.path + ".1", "late %d" % i)
            n = Writer(w.path, name="next%d" % i)
            self.writers.append(n)
            n.write(5)
            self.r.wait_all(n)
            self.wait_text("late %d" % i)
        self.end()

    def test_twice_in_a_row(self):
        w = self.prepare()
        for i in range(20):
            self.rotate(w)
            n = Writer(w.path, name="next%d" % i)
            self.writers.append(n)
            n.write(2)
        self.end()

    def test_while_down(self):
        w = self.prepare()
        self.d.stop()
        w.write(5)
        self.rotate(w)
        n = Writer(w.path, name="next")
        self.writers.append(n)
        n.write(5)
        self.d.start()
        self.end()

    def test_polled(self):
        w = self.linked_writer("data", "x.log")
        w.write(5)
        os.symlink(w.path, self.path("x.log"))
        self.begin(watch="poll", poll_interval="50ms")
        self.r.wait_all(w)
        self.rotate(w)
        self.write(w.path + ".1", "late")
        n = Writer(w.path, name="next")
        self.writers.append(n)
        n.write(5)
        self.wait_text("late")
        self.end()

    def test_its_directory_is_renamed(self):
        w = self.prepare()
        for i in range(3):
            top = self.elsewhere("data%d" % i)
            os.rename(os.path.dirname(w.path), top)
            w.path = os.path.join(top, "x.log")
            os.symlink(w.path, self.path("new"))
            os.rename(self.path("new"), self.path("x.log"))
            w.write(5)
            self.r.wait_all(w)
            self.rotate(w)
            self.write(w.path + ".1", "late %d" % i)
            self.wait_text("late %d" % i)
            w = Writer(w.path, name="next%d" % i)
            self.writers.append(w)
            w.write(5)
            self.r.wait_all(w)
        self.end()

    def test_the_link_leads_elsewhere_and_the_old_one_goes_on(self):
        w = self.prepare()
        n = self.linked_writer("data", "y.log")
        n.write(5)
        os.symlink(n.path, self.path("new"))
        os.rename(self.path("new"), self.path("x.log"))
        self.r.wait_all(n)
        w.write(5)
        self.r.wait_all(w)
        os.rename(w.path, w.path + ".1")
        w.write(5)
        self.end()


class Down(Links):
    """What became of a target while nobody looked."""

    def prepare(self, target="x.log"):
        w = self.linked_writer("data", target)
        w.write(5)
        os.symlink(w.path, self.path("x.log"))
        self.begin()
        self.r.wait_all(w)
        return w

    def pack(self, path):
        st = os.stat(path)
        with open(path, "rb") as f, gzip.open(path + ".gz", "wb") as z:
            z.write(f.read())
        os.utime(path + ".gz", ns=(st.st_atime_ns, st.st_mtime_ns))
        os.unlink(path)

    def rotate(self, w, packed=False):
        """Renames all generations; w goes on in a new file."""
        for i in range(9, 0, -1):
            for end in "", ".gz":
                if os.path.exists("%s.%d%s" % (w.path, i, end)):
                    os.rename("%s.%d%s" % (w.path, i, end),
                              "%s.%d%s" % (w.path, i + 1, end))
        w.rename(w.path + ".1")
        if packed:
            self.pack(w.path + ".1")

    def rotate_while_down(self, w, times, packed=False):
        self.d.stop()
        w.write(5)
        for _ in range(times):
            self.rotate(w, packed)
            w.write(5)
        self.d.start()
        self.end()

    def lead_elsewhere(self, name, *names):
        """The link leads to another file from now on, which is written."""
        w = self.linked_writer(*names)
        w.write(5)
        os.unlink(self.path(name))
        os.symlink(w.path, self.path(name))

    def test_once(self):
        self.rotate_while_down(self.prepare(), 1)

    def test_three_times(self):
        self.rotate_while_down(self.prepare(), 3)

    def test_compressed(self):
        self.rotate_while_down(self.prepare(), 1, packed=True)

    def test_three_times_and_compressed(self):
        self.rotate_while_down(self.prepare(), 3, packed=True)

    def test_the_target_has_another_name(self):
        self.rotate_while_down(self.prepare("0.log"), 2)

    def test_the_target_has_another_name_and_is_compressed(self):
        self.rotate_while_down(self.prepare("0.log"), 2, packed=True)

    def test_a_link_beside_its_target(self):
        w = self.writer("data.txt")
        w.write(5)
        os.symlink("data.txt", self.path("x.log"))
        self.begin()
        self.r.wait_all(w)
        self.rotate_while_down(w, 2, packed=True)

    def test_several_links(self):
        w = self.prepare("0.log")
        v = self.linked_writer("data", "1.log")
        v.write(5)
        os.symlink(v.path, self.path("y.log"))
        os.symlink(self.path("x.log"), self.path("chain.log"))
        self.r.wait_all(v)
        self.d.stop()
        for x in v, w:
            x.write(5)
            self.rotate(x, packed=True)
            x.write(5)
        self.d.start()
        self.end()

    def test_copied_and_truncated(self):
        w = self.prepare("0.log")
        self.d.stop()
        w.write(5)
        w.copytruncate(w.path + ".1")
        w.write(2)
        self.d.start()
        self.end()

    def test_the_link_leads_elsewhere(self):
        """A new container: what the old one wrote last is not forgotten."""
        w = self.prepare("0.log")
        self.d.stop()
        w.write(5)
        self.lead_elsewhere("x.log", "data", "1.log")
        self.d.start()
        self.end()

    def test_the_link_leads_elsewhere_and_the_old_one_is_compressed(self):
        w = self.prepare("0.log")
        self.d.stop()
        w.write(5)
        self.lead_elsewhere("x.log", "more", "1.log")
        self.pack(w.path)
        self.d.start()
        self.end()

    def test_a_directory_is_replaced_by_the_next(self):
        """current -> release-1 becomes current -> release-2."""
        w = self.linked_writer("release-1", "x.log")
        w.write(5)
        os.symlink(os.path.dirname(w.path), self.path("current"))
        self.begin([self.path("current/*.log")])
        self.r.wait_all(w)
        self.d.stop()
        w.write(5)
        n = self.linked_writer("release-2", "x.log")
        n.write(5)
        os.unlink(self.path("current"))
        os.symlink(os.path.dirname(n.path), self.path("current"))
        self.d.start()
        self.end()

    def test_rotated_before_and_after(self):
        """What the record says of its name is of before it was renamed."""
        w = self.prepare("0.log")
        self.rotate(w)
        w.write(5)
        self.write(w.path + ".1", "late")
        self.r.wait_all(w)
        self.wait_text("late")
        self.d.stop()
        self.write(w.path + ".1", "later")
        self.rotate(w, packed=True)
        self.pack(w.path + ".2")
        w.write(5)
        self.d.start()
        self.wait_text("later")
        self.end()

    def test_written_in_the_same_moment(self):
        """Names tell the order where the times of files do not."""
        w = self.prepare("0.log")
        self.d.stop()
        names = [w.path + ".2", w.path + ".1", w.path]
        os.rename(w.path, w.path + ".3")
        for i, name in enumerate(names):
            self.write(name, "generation %d" % i)
        for name in names[:2]:
            os.utime(name, (time.time(),) * 2)
            shutil.copystat(names[0], name)
        self.d.start()
        self.wait_text("generation 2")
        self.end()
        self.assertEqual(
            [line.split()[-1] for line in self.r.lines()
             if b"generation" in line], [b"0", b"1", b"2"])

    def test_written_late(self):
        """The names behind the link and when the files were made tell that a
        late write makes an old file no younger."""
        probe = self.write(self.elsewhere("probe"), "")
        if not subprocess.run(["stat", "-c", "%W", probe],
                              stdout=subprocess.PIPE).stdout.strip(b"0?-\n"):
            self.skipTest("the file system does not tell when a file was made")
        w = self.prepare("0.log")
        self.d.stop()
        os.rename(w.path, w.path + ".2")
        # A clock of the file system has ticks.
        for name, text in ((".2", "early"), (".1", "next"), (".2", "late"),
                           ("", "last")):
            time.sleep(.05)
            self.write(w.path + name, "generation " + text)
        self.d.start()
        self.wait_text("generation last")
        self.end()
        self.assertEqual(
            [line.split()[-1] for line in self.r.lines()
             if b"generation" in line], [b"early", b"late", b"next", b"last"])

    def test_rotated_while_it_was_empty(self):
        """By its inode alone is it known, and it is written later."""
        w = self.prepare("0.log")
        os.rename(w.path, w.path + ".1")
        open(w.path, "w").close()
        inode = os.stat(w.path).st_ino
        os.utime(w.path, (time.time() - 60,) * 2)
        wait_for(lambda: any(f["inode"] == inode
                             for f in self.d.state()["files"]), "a look")
        empty = self.elsewhere("data", "0-old.log")
        os.rename(w.path, empty)
        self.write(w.path, "next")
        self.wait_text("next")
        self.d.stop()
        self.d.start()
        self.write(empty, "late")
        self.wait_text("late")
        self.end()

    def test_what_was_there_before_is_not_sent(self):
        for i in range(2, 5):
            self.write(self.elsewhere("data", "0.log.%d" % i), "secret")
        self.write(self.elsewhere("data", "other.log"), "secret")
        w = self.prepare("0.log")
        self.rotate_while_down(w, 1)
        self.assertFalse(self.has("secret"))


@unittest.skipIf(USER is None, "needs root to plant links")
class PlantedWhileDown(Links):
    """In the directory of a target everybody may give files names."""

    def test_a_file_of_another(self):
        secret = self.write(self.elsewhere("key"), "secret")
        top = os.path.dirname(self.elsewhere("theirs", "x.log"))
        w = self.linked_writer("theirs", "x.log")
        w.write(5)
        os.symlink(w.path, self.path("x.log"))
        self.give(w.path)
        self.give(top)
        self.begin()
        self.r.wait_all(w)
        self.d.stop()
        w.write(5)
        w.rename(w.path + ".2")
        self.give(w.path)
        os.utime(secret)
        os.link(secret, w.path + ".1")
        w.write(5)
        self.d.start()
        self.end()
        self.assertFalse(self.has("secret"))

    def test_in_a_directory_with_its_log(self):
        secret = self.write(self.elsewhere("key"), "secret")
        os.makedirs(self.path("theirs"))
        w = self.writer("theirs/x.log", name="x")
        w.write(5)
        self.give(w.path)
        self.give(self.path("theirs"))
        self.begin(self.path("theirs/*.log"))
        self.r.wait_all(w)
        self.d.stop()
        w.write(5)
        w.rename(w.path + ".2")
        self.give(w.path)
        os.utime(secret)
        os.link(secret, w.path + ".1")
        w.write(5)
        self.d.start()
        self.end()
        self.assertFalse(self.has("secret"))


class Truncated(Links):
    """The copy of a target is beside the target."""

    def test_while_the_receiver_is_away(self):
        w = self.linked_writer("data", "0.log")
        w.write(5)
        os.symlink(w.path, self.path("x.log"))
        self.begin()
        self.r.wait_all(w)
        self.r.kill()
        w.write(50)
        time.sleep(.2)
        w.copytruncate(w.path + ".1")
        w.write(5)
        self.r.start()
        self.r.wait_all(w)
        self.finish(self.d, self.r)
        self.r.check(w, repeats=5)

    def test_while_lines_come(self):
        w = self.linked_writer("data", "0.log")
        os.symlink(w.path, self.path("x.log"))
        self.begin()
        for i in range(5):
            w.write(5)
            self.r.wait_all(w)
            w.write(500)
            w.copytruncate(w.path + ".%d" % i)
        self.end()


if __name__ == "__main__":
    main()
