#!/usr/bin/python3
"""Goal: the worker can reach what its configuration says and nothing else,
however it is started; and what comes later is reached by another worker."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
import unittest

from processes import LINUX
from teslacoil import (Case, LIMIT, TESLACOILD, USER, WRAP, children,
                       destination, from_env, kill, main, running, source,
                       wait_for)

PROBE = from_env("TESLACOIL_PROBE", "build/tests/sandbox_probe")

# Whom the tests become when they are root.
UID = 65534

ALLOWED = {"read_log", "read_hosts", "read_random", "write_state",
           "start_thread", "connect_destination"}
# Without Landlock, or with an old one, these are not refused by the sandbox.
BY_LANDLOCK = {
    1: {"read_other", "read_shadow", "list_root", "write_log", "remove_log",
        "create_beside_log", "read_memory_of_parent"},
    4: {"connect_elsewhere"},
    6: {"connect_abstract"},
}


def status(pid):
    with open("/proc/%d/status" % pid) as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f
                    if ":\t" in line)


def capabilities(pid):
    s = status(pid)
    return {s[k] for k in ("CapInh", "CapPrm", "CapEff", "CapAmb")}


def landlock_abi(text):
    m = re.search(r"Landlock ABI (\d+)", text)
    return int(m[1]) if m else 0


@contextlib.contextmanager
def listening():
    with socket.create_server(("127.0.0.1", 0)) as s:
        yield s.getsockname()[1]


@unittest.skipUnless(LINUX, "asks for Landlock, seccomp and capabilities")
class Probe(Case):
    """A process that has entered the sandbox, and tries."""

    def probe(self, conf, other_user=False, **options):
        w = self.writer()
        w.write(10)
        for path in (self.logs, w.path):
            os.chmod(path, 0o777)
        d = self.daemon("", **options)
        with listening() as port, listening() as elsewhere:
            d.write_conf(destination("d", "tcp://127.0.0.1:%d" % port,
                                     **conf) + source("s", w.path))
            if USER:
                owner = 0 if d.options["user"] == "root" else UID
                os.chown(d.state_dir, owner, owner)
            done = subprocess.run(
                [self.for_others(PROBE), d.conf_path, w.path, d.conf_path,
                 str(port), str(elsewhere)],
                stdout=subprocess.PIPE, text=True, timeout=LIMIT,
                user=UID if other_user else None,
                group=UID if other_user else None,
                extra_groups=[] if other_user else None)
        self.assertEqual(done.returncode, 0)
        got, *lines = done.stdout.splitlines()
        return got, dict(line.split() for line in lines)

    def check(self, got, result, allowed=frozenset()):
        abi = landlock_abi(got)
        unsure = set().union(*(names for need, names in BY_LANDLOCK.items()
                               if abi < need))
        self.assertIn("seccomp", got)
        self.assertNotIn("no seccomp", got)
        for name, outcome in result.items():
            if name in unsure:
                continue
            with self.subTest(name):
                if name == "read_hosts" and not os.path.exists("/etc/hosts"):
                    self.assertEqual(outcome, "ENOENT")
                elif name in ALLOWED | allowed:
                    self.assertEqual(outcome, "ok")
                else:
                    self.assertIn(outcome, ("EPERM", "EACCES"))

    def test_of_the_account_that_root_chose(self):
        got, result = self.probe({})
        self.check(got, result)
        self.assertIn("no capabilities", got)

    @unittest.skipUnless(USER, "not root")
    def test_of_root(self):
        """Who stays root may read all files by their rights: not all exist."""
        got, result = self.probe({}, user="root")
        self.check(got, result)
        self.assertIn("only the capabilities dac_read_search", got)

    @unittest.skipUnless(USER, "not root")
    def test_of_an_ordinary_user(self):
        got, result = self.probe({}, other_user=True)
        self.check(got, result)
        self.assertIn("no capabilities", got)

    def test_who_binds_gets_no_port_of_its_choice(self):
        got, result = self.probe({"bind": "127.0.0.1"})
        self.check(got, result, {"bind_port"})

    def test_a_service_may_be_at_any_port(self):
        w = self.writer()
        w.write(1)
        d = self.daemon(destination("d", "tcp+srv://_syslog._tcp.localhost") +
                        source("s", w.path))
        with listening() as port, listening() as elsewhere:
            done = subprocess.run(
                [PROBE, d.conf_path, w.path, d.conf_path, str(port),
                 str(elsewhere)],
                stdout=subprocess.PIPE, text=True, timeout=LIMIT, check=True)
        self.assertIn("\nconnect_destination ok\n", done.stdout)
        # The DNS is asked for it.
        self.assertIn("\nudp_socket ok\n", done.stdout)
        self.assertIn("\nbind_port EPERM\n", done.stdout)


@unittest.skipUnless(LINUX, "asks /proc for seccomp and capabilities")
class Processes(Case):
    """The real ones."""

    def begin(self, **options):
        w = self.writer()
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) + source("s", w.path),
                        **options).start()
        d.wait_log("worker: sandbox: .*seccomp")
        w.write_paced(100, r)
        return d, w, r

    def check(self, pid, filters):
        s = status(pid)
        self.assertEqual(s["NoNewPrivs"], "1")
        self.assertEqual(s["Seccomp"], "2")
        self.assertEqual(int(s["Seccomp_filters"]), filters)
        return s

    def test_monitor_and_worker_have_given_up_what_they_do_not_need(self):
        base = int(status(os.getpid()).get("Seccomp_filters", "0"))
        d, w, r = self.begin()
        self.check(d.pid, base + 1)
        s = self.check(d.worker(), base + 2)
        self.assertEqual(capabilities(d.worker()), {"0" * 16})
        if USER:
            self.assertNotIn("0", s["Uid"].split("\t"))
            # chown dac_override dac_read_search kill setgid setuid
            self.assertEqual(int(status(d.pid)["CapPrm"], 16), 0xe7)
        self.finish(d, r)
        r.check(w)

    def test_the_opener_is_confined_too(self):
        d, w, r = self.begin()
        openers = children(d.worker())
        if not openers:
            self.skipTest("no Landlock: nothing has to be opened for it")
        s = self.check(openers[0],
                       int(status(d.pid)["Seccomp_filters"]) + 1)
        self.assertEqual(capabilities(openers[0]), {"0" * 16})
        self.assertEqual(s["Uid"], status(d.worker())["Uid"])
        self.assertEqual(sorted(os.listdir("/proc/%d/fd" % openers[0])),
                         ["0", "1", "2", "3"])
        self.finish(d, r)
        wait_for(lambda: not running(openers[0]), "the opener's end")
        r.check(w)

    def test_a_new_worker_is_confined_too(self):
        d, w, r = self.begin()
        for _ in range(3):
            worker = d.worker()
            d.hup()
            wait_for(lambda: not running(worker) and d.workers(),
                     "another worker")
            w.write_paced(100, r)
        d.wait_log("worker: sandbox: .*seccomp", 4)
        self.check(d.worker(), int(status(d.pid)["Seccomp_filters"]) + 1)
        self.finish(d, r)
        r.check(w)

    @unittest.skipUnless(USER, "not root")
    def test_an_ambient_capability_is_kept(self):
        """As the drop-in of the unit gives it: root's 0600 log is read."""
        w = self.writer()
        os.chmod(w.path, 0o600)
        w.write(100)
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) + source("s", w.path))
        os.chown(d.state_dir, UID, UID)
        log = open(d.log_path, "wb")
        self.addCleanup(log.close)
        d.process = subprocess.Popen(
            ["setpriv", "--reuid=%d" % UID, "--regid=%d" % UID,
             "--clear-groups", "--inh-caps=-all,+dac_read_search",
             "--ambient-caps=-all,+dac_read_search"] + WRAP +
            [self.for_others(TESLACOILD)] + d.argv, stdout=log, stderr=log, cwd=d.dir)
        r.wait_all(w)
        self.assertEqual(int(status(d.worker())["CapEff"], 16), 1 << 2)
        self.assertEqual(int(status(d.worker())["CapPrm"], 16), 1 << 2)
        self.finish(d, r)
        r.check(w)


class Later(Case):
    """What was not there when the sandbox was made."""

    def begin(self, paths):
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", paths)).start()
        d.wait_log("worker: sandbox: ")
        if landlock_abi(d.log()) == 0 and "unveil" not in d.log():
            self.skipTest("neither Landlock nor unveil")
        return d, r

    def check_reached(self, d, r, *writers):
        """By another worker where what is not allowed is hidden; else the
        opener opens it."""
        r.wait_all(*writers)
        if "unveil" in d.log():
            d.wait_log("a new worker takes over")
            self.assertEqual(d.log().count("a new worker takes over"),
                             d.log().count("worker: sandbox: ") - 1)
        else:
            self.assertNotIn("takes over", d.log())
        self.finish(d, r)
        r.check(*writers)

    def test_a_directory_that_appears(self):
        d, r = self.begin(self.path("app/log/*.log"))
        w = self.writer("app/log/app.log")
        w.write(1000)
        self.check_reached(d, r, w)

    def test_a_directory_that_appears_part_by_part(self):
        d, r = self.begin(self.path("app/log/*.log"))
        os.mkdir(self.path("app"))
        if "unveil" in d.log():
            d.wait_log("a new worker takes over")
            d.wait_log("worker: sandbox: ", 2)
        w = self.writer("app/log/app.log")
        w.write(1000)
        self.check_reached(d, r, w)

    def test_a_directory_that_is_made_anew(self):
        w = self.writer("app/a.log", name="a")
        w.write(100)
        d, r = self.begin(self.path("app/*.log"))
        r.wait_all(w)
        shutil.rmtree(self.path("app"))
        again = self.writer("app/b.log", name="b")
        again.write(100)
        self.check_reached(d, r, w, again)

    def test_a_link_that_leads_outside(self):
        """One is known at the start, another comes."""
        elsewhere = os.path.join(self.dir, "elsewhere")
        writers = []
        for name in ("first", "second"):
            w = self.writer("../elsewhere/%s/real.log" % name, name=name)
            w.write(100)
            writers.append(w)
        os.symlink(elsewhere + "/first/real.log", self.path("first.log"))
        d, r = self.begin(self.path("*.log"))
        r.wait_all(writers[0])
        self.assertNotIn("takes over", d.log())
        os.symlink(elsewhere + "/second/real.log", self.path("second.log"))
        self.check_reached(d, r, *writers)

    def test_a_linked_directory_in_the_middle_of_a_path(self):
        w = self.writer("../elsewhere/app.log", name="app.log")
        os.symlink(os.path.join(self.dir, "elsewhere"), self.path("app"))
        d, r = self.begin(self.path("app/*.log"))
        w.write(100)
        r.wait_all(w)
        self.assertNotIn("takes over", d.log())
        self.finish(d, r)
        r.check(w)

    def to_socket(self, path, kind="unix-dgram"):
        """Lines go to a socket at path, which need not be there yet."""
        w = self.writer()
        w.write(100)
        r = self.receiver("%s:%s" % (kind, path))
        d = self.daemon(destination("d", r.url) + source("s", w.path)).start()
        d.wait_log("worker: sandbox: ")
        return d, r, w

    def begin_to_socket(self, path, kind):
        os.makedirs(os.path.dirname(path))
        d, r, w = self.to_socket(path, kind)
        r.start()
        r.wait_all(w)
        self.assertNotIn("takes over", d.log())
        return d, r, w

    def made_anew(self, kind):
        path = os.path.join(self.dir, "run/sock")
        d, r, w = self.begin_to_socket(path, kind)
        r.finish()
        w.write(100)
        r.start()
        r.wait_all(w)
        self.assertNotIn("takes over", d.log())
        self.finish(d, r)
        r.check(w)

    def test_a_socket_that_is_made_and_made_anew(self):
        self.made_anew("unix-dgram")

    def test_a_stream_socket_that_is_made_and_made_anew(self):
        self.made_anew("unix-stream")

    def test_a_socket_in_a_directory_that_appears(self):
        path = os.path.join(self.dir, "run/app/sock")
        d, r, w = self.to_socket(path)
        os.makedirs(os.path.dirname(path))
        r.start()
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_a_socket_whose_directory_is_made_anew(self):
        path = os.path.join(self.dir, "run/sock")
        d, r, w = self.begin_to_socket(path, "unix-dgram")
        r.finish()
        shutil.rmtree(os.path.dirname(path))
        w.write(100)
        os.mkdir(os.path.dirname(path))
        r.start()
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_a_socket_beside_the_logs(self):
        d, r, w = self.to_socket(self.path("sock"))
        r.start()
        r.wait_all(w)
        self.finish(d, r)
        r.check(w)

    def test_a_link_to_a_socket_that_leads_elsewhere_later(self):
        link = os.path.join(self.dir, "link")
        first = self.receiver("unix-dgram:" + self.dir + "/first").start()
        os.symlink("first", link)
        w = self.writer()
        w.write(100)
        d = self.daemon(destination("d", "unix://" + link) +
                        source("s", w.path)).start()
        first.wait_all(w)
        first.finish()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.dir + "/first")
        os.unlink(link)
        os.symlink("second", link)
        again = self.writer("app.log", name="again")
        again.write(100)
        second = self.receiver("unix-dgram:" + self.dir + "/second",
                               name="second.received").start()
        second.wait_all(again)
        self.finish(d, second)
        second.check(again)

    def test_directories_that_live_for_a_moment(self):
        """A job makes its directory anew at every run, and removes it."""
        d, r = self.begin(self.path("job/log/*.log"))
        if "unveil" in d.log():
            self.skipTest("a new worker reaches it, which takes its time")
        writers = []
        for i in range(30):
            w = self.writer("job/log/job.log", name="run-%d" % i)
            w.write(10)
            r.wait_all(w)
            # And to what nobody finds by its name any more.
            shutil.rmtree(self.path("job"))
            w.write(10)
            writers.append(w)
        self.check_reached(d, r, *writers)

    def test_links_to_directories_that_come_later(self):
        """As containers have them, two links one behind the other."""
        for name in ("pods", "docker", "logs/containers"):
            os.mkdir(os.path.join(self.dir, name))
        d, r = self.begin(self.path("containers/*.log"))
        if "unveil" in d.log():
            self.skipTest("a new worker reaches it, which takes its time")
        writers = []
        for i in range(30):
            name = "pod-%d" % i
            w = self.writer("../docker/%s/%s.log" % (name, name), name=name)
            pod = os.path.join(self.dir, "pods", name)
            link = self.path("containers/%s.log" % name)
            os.mkdir(pod)
            os.symlink(w.path, pod + "/0.log")
            os.symlink(pod + "/0.log", link)
            w.write(10)
            r.wait_all(w)
            w.write(10)
            os.unlink(link)
            shutil.rmtree(pod)
            shutil.rmtree(os.path.dirname(w.path))
            writers.append(w)
        self.check_reached(d, r, *writers)

    def test_an_opener_that_is_gone_is_replaced_with_the_worker(self):
        d, r = self.begin(self.path("app/log/*.log"))
        opener = children(d.worker())
        if not opener:
            self.skipTest("no opener here")
        kill(opener[0], signal.SIGKILL)
        w = self.writer("app/log/app.log")
        w.write(100)
        r.wait_all(w)
        d.wait_log("the process that opens files for the worker is gone")
        d.wait_log("worker: sandbox: ", 2)
        self.finish(d, r)
        r.check(w)

    def test_below_a_wildcard_nothing_has_to_be_renewed(self):
        d, r = self.begin(self.path("**/*.log"))
        w = self.writer("a/b/c/app.log")
        w.write(100)
        r.wait_all(w)
        self.assertNotIn("takes over", d.log())
        self.finish(d, r)
        r.check(w)

    @unittest.skipUnless(USER and LINUX, "needs root and a mount namespace")
    def test_files_for_names_that_are_replaced(self):
        """In a mount namespace, where /etc is a copy."""
        etc = os.path.join(self.dir, "etc")
        shutil.copytree("/etc", etc, symlinks=True)
        hosts = os.path.join(etc, "hosts")
        resolv = os.path.join(etc, "resolv.conf")
        for path, text in ((hosts, "127.0.0.1 localhost\n"),
                           (resolv, "nameserver 127.0.0.1\n")):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
            with open(path, "w") as f:
                f.write(text)
        r = self.receiver().start()
        w = self.writer()
        url = r.url.replace("127.0.0.1", "siem.test")
        d = self.daemon(destination("d", url) + source("s", w.path))
        log = open(d.log_path, "wb")
        self.addCleanup(log.close)
        d.process = subprocess.Popen(
            ["unshare", "--mount", "sh", "-c",
             "mount --bind %s /etc && exec \"$@\"" % etc, "sh"] + WRAP +
            [TESLACOILD] + d.argv, stdout=log, stderr=log, cwd=d.dir)
        w.write(100)
        d.wait_log("siem.test")
        with open(hosts + ".new", "w") as f:
            f.write("127.0.0.1 localhost siem.test\n")
        os.rename(hosts + ".new", hosts)
        r.wait_all(w)
        if "Landlock" in d.log():
            d.wait_log("hosts: was another .* takes over")
        self.finish(d, r)
        r.check(w)


if __name__ == "__main__":
    main()
