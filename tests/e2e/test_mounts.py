#!/usr/bin/python3
"""Goal: what is mounted while the daemon runs, over a directory or a single
file, is followed at once, and nothing that was sent is sent again.

It runs in a mount namespace of its own.
"""

import gzip
import os
import subprocess
import unittest

import namespace
from teslacoil import (Case, Writer, destination, main, source, wait_for)

SOON = 10   # seconds: everything is looked at once a minute without any news


def mount(case, *words):
    done = subprocess.run(("mount",) + words, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        case.skipTest("mount %s: %s" % (" ".join(words), done.stdout.strip()))
    case.addCleanup(umount, words[-1], "-l")


def umount(path, *options):
    subprocess.run(("umount",) + options + (path,), check=bool(not options),
                   stderr=subprocess.DEVNULL if options else None)


class Mounts(Case):
    def begin(self, paths, **options):
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", paths, **options))
        self.starts = 0
        self.start()

    def start(self):
        """Returns when the first look is over, and nothing but news counts."""
        self.d.start()
        self.starts += 1
        self.d.wait_log("worker: sandbox: ", self.starts)

    def at(self, *names):
        """The path of a directory, which is made."""
        path = os.path.join(self.dir, *names)
        os.makedirs(path, exist_ok=True)
        return path

    def writer_at(self, path, **options):
        name = os.path.relpath(path, self.dir).replace(" ", "_")
        w = Writer(path, name=name, **options)
        self.writers.append(w)
        return w

    def wait_soon(self, *writers):
        wait_for(lambda: not self.r.missing(*(writers or self.writers)),
                 "what was written to arrive", SOON)

    def end(self, *writers):
        self.finish(self.d, self.r)
        self.r.check(*(writers or self.writers))


class Volumes(Mounts):
    def test_after_a_reboot(self):
        """The volume is mounted when the daemon runs already."""
        volume, point = self.at("volume"), self.at("point")
        w = self.writer_at(os.path.join(self.at("volume", "app"), "app.log"))
        mount(self, "--bind", volume, point)
        self.begin(point + "/app/*.log")
        w.write(500)
        self.wait_soon()
        self.d.stop()
        w.close()
        umount(point)
        self.start()
        mount(self, "--bind", volume, point)
        w.open()
        w.write(10)
        self.wait_soon()
        self.end()

    def test_with_another_device_number(self):
        """As network file systems and logical volumes have after a reboot."""
        volume, point = self.at("volume"), self.at("point")
        lower = "lowerdir=%s:%s" % (volume, self.at("nothing"))
        w = self.writer_at(os.path.join(volume, "app.log"))
        w.write(500)
        w.close()
        mount(self, "-t", "overlay", "-o", lower, "overlay", point)
        number = os.stat(point).st_dev
        self.begin(point + "/*.log")
        self.wait_soon()
        self.d.stop()
        umount(point)
        self.start()
        # They have the number between them that was free.
        for i in range(2):
            mount(self, "-t", "overlay", "-o", lower, "overlay",
                  self.at("other%d" % i))
        w.open()
        w.write(10)
        w.close()
        mount(self, "-t", "overlay", "-o", lower, "overlay", point)
        self.assertNotEqual(number, os.stat(point).st_dev)
        self.wait_soon()
        self.end()

    def test_what_was_rotated_meanwhile(self):
        """The rest of what was rotated before the daemon ever saw it."""
        volume, point = self.at("volume"), self.at("point")
        mount(self, "--bind", volume, point)
        w = self.writer_at(os.path.join(volume, "app.log"))
        self.begin(point + "/app.log")
        w.write(300)
        self.wait_soon()
        self.d.stop()
        umount(point)
        w.write(100)
        w.rename(w.path + ".1")
        with open(w.path + ".1", "rb") as f, \
                gzip.open(w.path + ".1.gz", "wb") as packed:
            packed.write(f.read())
        os.unlink(w.path + ".1")
        w.write(100)
        self.start()
        mount(self, "--bind", volume, point)
        self.wait_soon()
        self.end()

    def test_over_a_directory_that_is_followed(self):
        """What it covers is read to its end."""
        volume, point = self.at("volume"), self.at("point")
        under = self.writer_at(os.path.join(point, "app.log"))
        over = self.writer_at(os.path.join(volume, "app.log"))
        self.begin(point + "/*.log")
        under.write(200)
        self.wait_soon(under)
        over.write(200)
        mount(self, "--bind", volume, point)
        self.wait_soon()
        under.write(100)
        over.write(100)
        self.wait_soon()
        self.end()

    def test_behind_a_link(self):
        """The directory that a link leads to is covered."""
        volume, real = self.at("volume"), self.at("srv", "log")
        point = os.path.dirname(real)
        link = os.path.join(self.dir, "link")
        os.symlink(real, link)
        old = self.writer_at(os.path.join(real, "old.log"))
        self.begin(link + "/*.log")
        old.write(10)
        self.wait_soon()
        new = self.writer_at(os.path.join(self.at("volume", "log"), "new.log"))
        new.write(100)
        mount(self, "--bind", volume, point)
        self.wait_soon()
        new.write(100)
        self.wait_soon()
        self.end()

    def test_in_a_directory_behind_a_link(self):
        real, link = self.at("real", "a"), os.path.join(self.dir, "link")
        os.symlink(os.path.dirname(real), link)
        self.begin(link + "/*/*.log")
        new = self.writer_at(os.path.join(self.at("volume"), "new.log"))
        new.write(100)
        mount(self, "--bind", self.at("volume"), real)
        self.wait_soon()
        self.end()

    def test_a_link_to_a_file_on_it(self):
        volume, point = self.at("volume"), self.at("point")
        old = self.writer_at(os.path.join(point, "app.log"))
        link = self.path("app.log")
        os.symlink(old.path, link)
        self.begin(link)
        old.write(10)
        self.wait_soon()
        new = self.writer_at(os.path.join(volume, "app.log"))
        new.write(100)
        mount(self, "--bind", volume, point)
        self.wait_soon()
        new.write(100)
        self.wait_soon()
        self.end()

    def test_unmounted_and_mounted_again(self):
        volume, point = self.at("volume"), self.at("point")
        under = self.writer_at(os.path.join(point, "under.log"))
        mount(self, "--bind", volume, point)
        w = self.writer_at(os.path.join(volume, "app.log"))
        self.begin(point + "/*.log")
        for _ in range(2):
            w.write(100)
            self.wait_soon()
            umount(point, "-l")
            under.write(50)
            self.wait_soon()
            w.write(50)
            mount(self, "--bind", volume, point)
            self.wait_soon()
        self.end()

    def test_unmounted_with_files_that_are_closed(self):
        """Nothing but its record knows of such a file then."""
        volume, point = self.at("volume"), self.at("point")
        mount(self, "-t", "tmpfs", "none", volume)
        mount(self, "--bind", volume, point)
        a = self.writer_at(os.path.join(volume, "a.log"))
        b = self.writer_at(os.path.join(volume, "b.log"))
        self.begin(point + "/*.log", max_open=1)
        for _ in range(3):
            for w in (a, b):
                w.write(100)
                self.wait_soon()
        umount(point, "-l")
        # Where the sandbox hides what is covered, another worker looks.
        self.d.wait_log("went with its directory|a new worker takes over")
        a.write(10)
        b.write(10)
        mount(self, "--bind", volume, point)
        self.wait_soon()
        self.end()

    def test_names_with_spaces(self):
        volume, point = self.at("the volume"), self.at("a mount\tpoint")
        self.begin(point + "/*.log")
        w = self.writer_at(os.path.join(volume, "app.log"))
        w.write(100)
        mount(self, "--bind", volume, point)
        self.wait_soon()
        self.end()


class Files(Mounts):
    """A single file is mounted, as containers have it."""

    def mounted(self):
        """A file, and the path at which it is mounted."""
        outside = os.path.join(self.at("outside"), "app.log")
        inside = os.path.join(self.at("inside"), "app.log")
        w = self.writer_at(outside)
        open(inside, "w").close()
        return w, inside

    def test_what_is_written_outside(self):
        w, inside = self.mounted()
        mount(self, "--bind", w.path, inside)
        self.begin(inside)
        for _ in range(5):
            w.write(20)
            self.wait_soon()
        self.end()

    def test_truncated_outside(self):
        w, inside = self.mounted()
        mount(self, "--bind", w.path, inside)
        self.begin(inside)
        for i in range(3):
            w.write(20)
            self.wait_soon()
            w.copytruncate("%s.%d" % (w.path, i))
            self.d.wait_log("truncated from", i + 1)
            w.write(10)
            self.wait_soon()
        self.end()

    def test_mounted_over_one_that_is_followed(self):
        w, inside = self.mounted()
        under = self.writer_at(inside)
        self.begin(inside)
        under.write(50)
        self.wait_soon()
        w.write(50)
        mount(self, "--bind", w.path, inside)
        self.wait_soon()
        for _ in range(3):
            w.write(50)
            self.wait_soon()
        umount(inside, "-l")
        under.write(50)
        self.wait_soon()
        self.end()


if __name__ == "__main__":
    namespace.enter(("mount",), ("mount", "umount"),
                    "mount namespace of our own")
    main()
