#!/usr/bin/python3
"""Goal: the command line does what teslacoild(8) says."""

import os
import signal
import subprocess

from processes import (LINUX, children, in_our_session, parent_of,
                       with_argument)
from teslacoil import (Case, LIMIT, Output, TESLACOILD, WRAP, destination,
                       kill, main, source, wait_for)


class Options(Case):

    def run_daemon(self, *argv):
        return subprocess.run(
            WRAP + [TESLACOILD] + list(argv), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=LIMIT, cwd=self.dir)

    def check(self, conf):
        path = os.path.join(self.dir, "t.conf")
        with open(path, "w") as f:
            f.write(conf)
        return self.run_daemon("-n", "-f", path), path

    def good(self):
        return destination("d", "tcp://127.0.0.1:514") + \
            source("s", self.path("*.log"))

    def test_version(self):
        done = self.run_daemon("-V")
        self.assertEqual(done.returncode, 0)
        self.assertRegex(done.stdout + done.stderr, r"teslacoild? \d+\.\d+")

    def test_good_configuration(self):
        done, _ = self.check("user = \"nobody\"\n" + self.good())
        self.assertEqual((done.returncode, done.stdout + done.stderr),
                         (0, "configuration OK\n"))

    def test_wrong_configurations_are_refused_with_their_line(self):
        good = self.good()
        n = good.count("\n")
        for wrong, line in (
                ("# a comment\n\nno_such_option = 1\n", 3),
                ("source \"s\" {\n\tpaths = \"/x\"\n}\n", None),
                ("source \"t\" {\n\tpaths = \"relative\"\n}\n", None),
                ("source \"t\" {\n\tpaths = \"/x\"\n"
                 "\tdestinations = \"gone\"\n}\n", None),
                ("destination \"e\" {\n\turl = \"gopher://x\"\n}\n", None),
                ("destination \"e\" {\n", None),
                ("checkpoint_interval = \"soon\"\n", 1),
                ("log_level = \"loud\"\n", 1)):
            with self.subTest(wrong):
                done, path = self.check(good + wrong)
                self.assertEqual(done.returncode, 1)
                self.assertIn(path + ":", done.stderr)
                self.assertNotIn("configuration OK", done.stderr)
                if line is not None:
                    self.assertIn("%s:%d:" % (path, n + line), done.stderr)

    def test_macros(self):
        path = os.path.join(self.dir, "t.conf")
        with open(path, "w") as f:
            f.write(destination("d", "tcp://${where}:514") +
                    source("s", self.path("*.log")))
        done = self.run_daemon("-n", "-f", path, "-D", "where=127.0.0.1")
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_a_missing_file(self):
        done = self.run_daemon("-n", "-f", "/nonexistent/t.conf")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/t.conf", done.stderr)

    def test_an_unknown_option(self):
        done = self.run_daemon("-Z")
        self.assertEqual(done.returncode, os.EX_USAGE)
        self.assertIn("usage: ", done.stderr)


class SecondDaemon(Case):

    def test_is_told_who_has_the_state(self):
        w = self.writer()
        r = self.receiver().start()
        conf = destination("d", r.url) + source("s", w.path)
        first = self.daemon(conf).start()
        w.write_paced(100, r)
        second = self.daemon(conf, name="second",
                             state_dir=first.state_dir).start()
        self.assertEqual(second.wait(), 1)
        self.assertRegex(second.log(), r"\b%d\b" % first.pid)
        second.process = None
        w.write_paced(100, r)
        self.finish(first, r)
        r.check(w)


class Paths(Case):
    """Paths on the command line: how a newcomer tries it."""

    def begin(self, *argv):
        return self.daemon("", argv=["-d"] + list(argv)).start()

    def test_prints_what_would_be_sent(self):
        w = self.writer()
        w.write(1000)
        d = self.begin(w.path)
        d.stdout.wait_all(w)
        w.write(1000)
        d.stdout.wait_all(w)
        d.stop()
        d.stdout.check(w)
        with open(w.path, "rb") as f:
            first = f.readline().rstrip(b"\n")
        self.assertTrue(d.stdout.lines()[0].endswith(first))

    def test_a_quoted_glob(self):
        a, b = self.writer("a.log"), self.writer("b.log")
        d = self.begin(self.path("*.log"))
        for w in (a, b):
            w.write(100)
        d.stdout.wait_all(a, b)
        late = self.writer("late.log")
        late.write(100)
        d.stdout.wait_all(late)
        d.stop()
        d.stdout.check(a, b, late)

    def test_relative_paths(self):
        a, b = self.writer("a.log"), self.writer("b.log")
        d = self.begin("logs/a.log", "./logs/b.log")
        for w in (a, b):
            w.write(100)
        d.stdout.wait_all(a, b)
        d.stop()
        d.stdout.check(a, b)

    def test_options(self):
        w = self.writer()
        w.write(10)
        d = self.begin("-o", "format=raw", w.path)
        d.stdout.wait_all(w)
        d.stop()
        with open(w.path, "rb") as f:
            self.assertEqual(d.stdout.lines(), f.read().splitlines())

    def test_a_destination(self):
        w = self.writer()
        w.write(1000)
        r = self.receiver().start()
        d = self.begin("-t", r.url, w.path)
        w.write(1000)
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_state_where_an_option_says_so(self):
        w = self.writer()
        w.write(1000)
        r = self.receiver().start()
        state = os.path.join(self.dir, "state")
        os.mkdir(state)
        for _ in range(2):
            d = self.begin("-t", r.url, "-o", "state_dir=" + state, w.path)
            w.write(100)
            r.wait_all(w)
            d.stop()
        r.stop()
        r.check(w)

    def test_an_unknown_option_is_refused(self):
        d = self.begin("-o", "no_such_option=1", "/var/log/x")
        self.assertEqual(d.wait(), os.EX_CONFIG)
        self.assertIn("no_such_option", d.log())
        d.process = None


class Background(Case):
    """Without -d it is a daemon."""

    def processes(self, conf_path):
        """The monitor, which keeps its arguments, and its workers."""
        found = with_argument(conf_path)
        return found + [child for pid in found for child in children(pid)
                        if child not in found]

    def end(self, conf_path):
        for pid in self.processes(conf_path):
            kill(pid, signal.SIGKILL)

    def monitor(self, conf_path):
        """The one whose parent is not one of them."""
        pids = self.processes(conf_path)
        for pid in pids:
            if parent_of(pid) not in pids:
                return pid
        return None

    def test_returns_when_ready_and_ends_on_sigterm(self):
        w = self.writer()
        w.write(100)
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) + source("s", w.path))
        self.addCleanup(self.end, d.conf_path)
        out = Output(os.path.join(self.dir, "terminal"))
        with open(out.path, "wb") as f:
            done = subprocess.run(
                WRAP + [TESLACOILD, "-f", d.conf_path], stdout=f, stderr=f,
                stdin=subprocess.DEVNULL, timeout=LIMIT, cwd=self.dir)
        self.assertEqual(done.returncode, 0, out.lines())
        pid = self.monitor(d.conf_path)
        self.assertIsNotNone(pid)
        self.assertFalse(in_our_session(pid))
        if LINUX:
            self.assertEqual(os.readlink("/proc/%d/cwd" % pid), "/")
        w.write(100)
        r.wait_all(w)
        kill(pid, signal.SIGTERM)
        wait_for(lambda: not self.processes(d.conf_path), "its end")
        r.stop()
        r.check(w)

    def test_errors_at_start_are_told(self):
        path = os.path.join(self.dir, "t.conf")
        with open(path, "w") as f:
            f.write("no_such_option = 1\n")
        done = subprocess.run(
            WRAP + [TESLACOILD, "-f", path], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            timeout=LIMIT)
        self.assertEqual(done.returncode, os.EX_CONFIG)
        self.assertIn(path + ":1:", done.stderr)


if __name__ == "__main__":
    main()
