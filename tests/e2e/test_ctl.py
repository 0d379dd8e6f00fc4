"""teslacoilctl: what it tells of a running daemon, and what it orders."""

import grp
import json
import os
import pwd
import re
import signal
import socket
import stat
import subprocess

import teslacoil
from teslacoil import destination, source, wait_for


class Ctl(teslacoil.Case):
    def setUp(self):
        super().setUp()
        self.w = self.writer()
        self.w.write(10)
        self.r = self.receiver().start()
        self.conf = destination("siem", self.r.url) + \
            source("app", self.w.path)
        self.d = self.daemon(self.conf)
        # What is free is not kept, where memory is measured.
        self.d.sanitizer("quarantine_size_mb=0")
        self.d.start()
        self.r.wait_all(self.w)

    def ask(self, *words, status=0, path=None):
        p = subprocess.run(
            [teslacoil.TESLACOILCTL, "-s", path or self.d.control, *words],
            capture_output=True, text=True, timeout=teslacoil.LIMIT)
        self.assertEqual(p.returncode, status, p.stdout + p.stderr)
        return p.stdout + p.stderr

    def json(self, *words, **options):
        return json.loads(self.ask("-j", *words, **options))

    def raw(self, request):
        """What the daemon says to what no teslacoilctl would ask."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(teslacoil.LIMIT)
            s.connect(self.d.control)
            s.sendall(request)
            return b"".join(iter(lambda: s.recv(4096), b""))

    def test_show(self):
        wait_for(lambda: "0 B behind in 0 files" in self.ask("show"),
                 "all to be acknowledged")
        text = self.ask("show")
        self.assertIn("destination siem: connected", text)
        self.assertIn("10 messages", text)
        self.assertIn("files: 1 followed", text)

    def test_show_the_parts(self):
        self.assertIn(self.w.path, self.ask("show", "files"))
        self.assertRegex(self.ask("show", "sources"), r"app +siem +10 ")
        self.assertIn("destination siem", self.ask("show", "destinations"))
        self.assertIn("counters.files 1\n", self.ask("show", "counters"))

    def test_json(self):
        self.assertEqual(self.json("show", "files")["files"][0]["path"],
                         self.w.path)
        state = self.json("show")
        self.assertEqual(state["destinations"][0]["name"], "siem")
        self.assertNotIn("files", state)

    def test_a_receiver_that_is_away_is_told_with_its_reason(self):
        self.r.kill()
        self.w.write(5)
        wait_for(lambda: "refused" in self.ask("show"), "the reason")
        text = self.ask("show")
        self.assertIn("destination siem: waiting", text)
        self.assertNotIn(", 0 B behind", text)

    def test_reload(self):
        old = self.d.worker()
        other = self.writer("other.log")
        other.write(3)
        self.d.write_conf(destination("siem", self.r.url) + source(
            "app", [self.w.path, other.path]))
        self.ask("reload")
        self.r.wait_all(self.w, other)
        self.assertNotEqual(old, self.d.worker())
        self.assertIn("files: 2 followed", self.ask("show"))

    def test_a_wrong_configuration_is_refused_with_its_line(self):
        self.d.write_conf(self.conf + "bogus = 1\n")
        text = self.ask("reload", status=1)
        self.assertRegex(text, r"\.conf:\d+: unknown option \"bogus\"")
        self.assertIn("destination siem", self.ask("show"))

    def test_a_control_socket_moves_with_the_configuration(self):
        moved = self.path("moved.sock")
        self.d.options["control_socket"] = moved
        self.d.write_conf(self.conf)
        self.ask("reload")
        wait_for(lambda: os.path.exists(moved), "the new socket")
        self.assertIn("siem", self.ask("show", path=moved))
        self.assertFalse(os.path.exists(self.d.control))

    def test_checkpoint(self):
        self.d.stop()
        self.d.options["checkpoint_interval"] = "1h"
        self.d.write_conf(self.conf)
        self.d.start()
        self.w.write(10)
        self.r.wait_all(self.w)
        wait_for(lambda: "0 B behind in 0 files" in self.ask("show"),
                 "all to be acknowledged")
        self.assertIn("written", self.ask("checkpoint"))
        with open(os.path.join(self.d.state_dir, "checkpoint")) as f:
            self.assertIn(str(os.path.getsize(self.w.path)), f.read())

    def test_log_level(self):
        self.ask("log", "level", "error")
        self.ask("log", "level", "debug")
        self.ask("show", "counters")
        self.d.wait_log("control socket: show counters")

    def test_wrong_words(self):
        for words in ([], ["bogus"], ["show", "bogus"], ["log", "level"],
                      ["show", "files", "x"], ["x" * 4000], ["-x"]):
            self.assertIn("usage", self.ask(*words, status=2))

    def test_no_daemon(self):
        self.d.stop()
        self.assertFalse(os.path.exists(self.d.control))
        self.assertIn("is it running", self.ask("show", status=1))

    def test_the_socket_is_for_the_group_only(self):
        st = os.stat(self.d.control)
        self.assertEqual(stat.S_IMODE(st.st_mode), 0o660)
        if teslacoil.USER is not None:
            group = pwd.getpwnam(teslacoil.USER).pw_gid
            self.assertEqual((st.st_uid, st.st_gid), (0, group),
                             grp.getgrgid(st.st_gid))

    def test_what_a_killed_daemon_left_is_replaced(self):
        self.d.kill()
        self.assertTrue(os.path.exists(self.d.control))
        self.d.start()
        self.d.wait_follows(self.w.path)
        self.assertIn("siem", self.ask("show"))

    def test_a_socket_in_use_is_left_alone(self):
        second = self.daemon(self.conf, name="second")
        second.options["control_socket"] = self.d.control
        second.write_conf(self.conf)
        second.start()
        second.wait_log("control_socket .*teslacoilctl cannot reach")
        pid = self.json("show")["process"]["pid"]
        self.assertEqual(pid, self.d.worker())
        second.stop()
        self.assertIn("siem", self.ask("show"))

    def test_a_file_is_not_taken_for_a_socket(self):
        path = self.path("precious")
        with open(path, "w") as f:
            f.write("data")
        second = self.daemon(self.conf, name="second")
        second.options["control_socket"] = path
        second.write_conf(self.conf)
        second.start()
        second.wait_log("control_socket .*precious")
        with open(path) as f:
            self.assertEqual(f.read(), "data")

    def test_requests_that_are_none(self):
        for request in (b"\n", b"show me\n", b"\0\0\0\n", b"show \xff\n",
                        b"log level 9\n"):
            self.assertIn(b"error", self.raw(request), request)
        self.assertIn(b"too long", self.raw(b"x" * 256))
        self.assertIn("siem", self.ask("show"))

    def test_many_who_say_nothing(self):
        idle = []
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            try:
                s.connect(self.d.control)
            except BlockingIOError:
                pass
            idle.append(s)
        self.w.write(10)
        self.r.wait_all(self.w)
        for s in idle:
            s.close()
        self.assertIn("siem", self.ask("show"))

    def test_clients_that_do_not_read(self):
        """More of them than there may be, of an answer that fills a socket:
        they keep nobody out, and take no memory for what they leave."""
        paths = [self.w.path]
        for i in range(3000):
            paths.append(self.path("%d.log" % i))
            open(paths[-1], "w").close()
        self.d.reload(destination("siem", self.r.url) +
                      source("app", self.path("*.log")))
        wait_for(lambda: "files: 3001 followed" in self.ask("show"),
                 "every file")
        worker = self.d.worker()
        before = self.resident(worker)
        clients = []
        for _ in range(40):
            s = socket.socket(socket.AF_UNIX)
            self.addCleanup(s.close)
            s.setblocking(False)
            # As many as it has not accepted yet may wait.
            wait_for(lambda: s.connect_ex(self.d.control) == 0,
                     "a connection")
            s.sendall(b"show files\n")
            clients.append(s)
        self.assertEqual({f["path"] for f in
                          self.json("show", "files")["files"]}, set(paths))
        if before is not None:
            # An answer has more than a megabyte.
            self.assertLess(self.resident(worker) - before, 8 << 20)
        self.w.write(10)
        self.r.wait_all(self.w)

    @staticmethod
    def resident(pid):
        """Octets of memory, or None where the system does not tell."""
        try:
            with open("/proc/%d/statm" % pid) as f:
                return int(f.read().split()[1]) * os.sysconf("SC_PAGESIZE")
        except FileNotFoundError:
            return None

    def test_the_state_is_dumped_while_lines_go_on(self):
        """Piece by piece, however often it is asked for."""
        names = set()
        for i in range(3000):
            names.add(self.path("%d.log" % i))
            open(self.path("%d.log" % i), "w").close()
        self.d.reload(destination("siem", self.r.url) +
                      source("app", self.path("*.log")))
        self.d.wait_follows(*names)
        for _ in range(20):
            teslacoil.kill(self.d.pid, signal.SIGUSR1)
            self.w.write(10)
            self.r.wait_all(self.w)
        self.assertTrue(names <= {f["path"]
                                  for f in self.d.state()["files"]})
        wait_for(lambda: not os.path.exists(
            self.d.state_dir + "/state.json.new"), "the end of the last one")
        self.d.stop()
        self.assertFalse(os.path.exists(self.d.state_dir + "/state.json.new"))

    def test_a_client_that_goes_away_while_a_reload_is_on_its_way(self):
        for _ in range(5):
            s = socket.socket(socket.AF_UNIX)
            s.connect(self.d.control)
            s.sendall(b"reload\n")
            s.close()
        wait_for(lambda: re.search("siem", self.ask("show")), "an answer")
        self.w.write(10)
        self.r.wait_all(self.w)

    def answers(self, *answers):
        """Asks one who closes each connection with the next of answers."""
        path = os.path.join(self.dir, "other.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen()
            asked = subprocess.Popen(
                [teslacoil.TESLACOILCTL, "-j", "-s", path, "show"],
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
            for answer in answers:
                listener.settimeout(teslacoil.LIMIT)
                with listener.accept()[0] as s:
                    s.settimeout(teslacoil.LIMIT)
                    if answer is not None:
                        s.recv(4096)
                        s.sendall(answer)
            text, _ = asked.communicate(timeout=teslacoil.LIMIT)
        os.unlink(path)
        return asked.returncode, text

    def test_a_worker_that_is_replaced_before_it_answers(self):
        # Closed after the request was read, and while it may stand unread.
        for closed in (b"", None):
            status, text = self.answers(closed, closed, b"{}")
            self.assertEqual((status, text), (0, "{}\n"))

    def test_an_answer_that_is_cut(self):
        status, text = self.answers(b'{"files": ')
        self.assertEqual(status, 1, text)
        self.assertIn("no good answer", text)


if __name__ == "__main__":
    teslacoil.main()
