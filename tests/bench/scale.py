#!/usr/bin/python3
"""What many files cost, and whether one of them holds up the others.

Every figure is printed beside its floor; the exit status is 1 when one is
missed.  Files are small, in the page cache, in a private directory; the
receiver is this program, so a latency is from write(2) to what recv(2)
returned.  CPU is that of worker and monitor, in percent of one core; memory is
the worker's resident set.

usage: scale.py [--short] [--files n] [--directories n] [--no-floors] [part ...]
"""

import argparse
import gzip
import json
import os
import pwd
import random
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), "..", "e2e"))

import teslacoil  # noqa: E402

LINE = b"%s line=%08d of a program that says what it does, and says it often\n"
LINES = 3
LIMIT = 600
PARTS = ["many", "recover", "spread", "fairness", "backlog"]


class Sink:
    """Takes all that comes, counts lines, notes when a mark arrives."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.connections = []
        self.count = 0
        self.tail = b""
        self.room = bytearray(1 << 20)

    def pump(self, timeout=0.0):
        """Reads what is there.  Returns it, with the end of what was before."""
        ready, _, _ = select.select([self.listener] + self.connections,
                                    [], [], timeout)
        got = b""
        for s in ready:
            if s is self.listener:
                self.connections.append(s.accept()[0])
                continue
            data = s.recv(1 << 20)
            if not data:
                s.close()
                self.connections.remove(s)
            got += data
        got = self.tail + got
        self.count += got.count(b"line=") - self.tail.count(b"line=")
        self.tail = got[-64:]
        return got

    def wait(self, n):
        end = time.monotonic() + LIMIT
        while self.count < n:
            self.pump(0.1)
            if time.monotonic() > end:
                raise SystemExit("only %d of %d lines" % (self.count, n))

    def wait_for_mark(self, mark, limit=10):
        end = time.monotonic() + limit
        while mark not in self.pump(0.1):
            if time.monotonic() > end:
                raise SystemExit("%r does not arrive" % mark)
        return time.monotonic()

    def swallow(self, mark=None, seconds=10):
        """Reads without counting until mark comes, as fast as it can."""
        end = time.monotonic() + seconds
        keep = len(mark or b"")
        rest = b""
        s = self.connections[0]
        while time.monotonic() < end:
            if not select.select([s], [], [], 0.01)[0]:
                continue
            n = s.recv_into(self.room)
            if mark and (self.room.find(mark, 0, n) != -1 or
                         mark in rest + bytes(self.room[:keep])):
                return time.monotonic()
            rest = bytes(self.room[max(0, n - keep):n])
        if mark:
            raise SystemExit("%r does not arrive" % mark)
        return end

    def rest(self, seconds):
        """Reads on for so long."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            self.pump(left)

    def close(self):
        for s in self.connections:
            s.close()
        self.listener.close()


class Daemon:
    """teslacoild with its own state, told when it is ready."""

    def __init__(self, work, url, paths):
        self.state = os.path.join(work, "state")
        self.conf = os.path.join(work, "teslacoil.conf")
        self.log = os.path.join(work, "log")
        self.process = None
        os.mkdir(self.state)
        options = "state_dir = \"%s\"\n" % self.state
        if teslacoil.USER is not None:
            who = pwd.getpwnam(teslacoil.USER)
            os.chown(self.state, who.pw_uid, who.pw_gid)
            options += "user = \"%s\"\n" % teslacoil.USER
        with open(self.conf, "w") as f:
            f.write(options + teslacoil.destination("sink", url) +
                    teslacoil.source("bench", paths))

    def start(self):
        """Returns seconds until it was ready."""
        path = self.conf + ".notify"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(path)
            notify.settimeout(LIMIT)
            begin = time.monotonic()
            with open(self.log, "ab") as log:
                self.process = subprocess.Popen(
                    [teslacoil.TESLACOILD, "-d", "-f", self.conf],
                    stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                    env=dict(os.environ, NOTIFY_SOCKET=path))
            while b"READY=1" not in notify.recv(4096):
                pass
            seconds = time.monotonic() - begin
        os.unlink(path)
        self.worker = teslacoil.children(self.process.pid)[-1]
        return seconds

    def stop(self, sink):
        self.process.send_signal(signal.SIGTERM)
        while self.process.poll() is None:
            sink.pump(0.01)
        if self.process.returncode != 0:
            raise SystemExit("the daemon failed: see " + self.log)

    def kill(self):
        """Where something went wrong; the worker ends with its monitor."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def pids(self):
        return self.process.pid, self.worker

    def cpu(self):
        """Seconds of both processes, exactly."""
        total = 0
        for pid in self.pids():
            with open("/proc/%d/schedstat" % pid) as f:
                total += int(f.read().split()[0])
        return total / 1e9

    def wakeups(self):
        total = 0
        for pid in self.pids():
            total += status(pid, "voluntary_ctxt_switches")
        return total

    def memory(self):
        return status(self.worker, "VmRSS") * 1024

    def dump(self):
        path = os.path.join(self.state, "state.json")
        if os.path.exists(path):
            os.unlink(path)
        self.process.send_signal(signal.SIGUSR1)
        teslacoil.wait_for(lambda: os.path.exists(path), path, LIMIT)
        with open(path) as f:
            return json.load(f)


def append(path, i, what):
    with open(path, "ab") as f:
        f.write(b"%06d " % i + LINE % (what, i))


def compressed(path):
    with open(path, "rb") as f, gzip.open(path + ".1.gz", "wb", 1) as z:
        shutil.copyfileobj(f, z)
    os.unlink(path)


def copied(path):
    shutil.copyfile(path, path + ".1")
    os.truncate(path, 0)


def renamed(path):
    os.rename(path, path + ".1")


def percentile(values, n):
    return sorted(values)[min(len(values) - 1, len(values) * n // 100)]


def status(pid, field):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith(field + ":"):
                return int(line.split()[1])
    raise KeyError(field)


class Report:
    """Figures beside their floors."""

    def __init__(self):
        self.missed = 0

    def say(self, what, value, unit, most=None, digits=1):
        """most None: for the record only."""
        verdict = ""
        if most is not None:
            verdict = "   at most %g%s" % (
                most, "" if value <= most else ": MISSED")
            self.missed += value > most
        print("%-56s %10.*f %-5s%s" % (what, digits, value, unit, verdict),
              flush=True)


class Bench:
    def __init__(self, args):
        self.files = args.files
        self.directories = args.directories
        self.short = args.short
        self.report = Report()
        self.daemons = []
        # On a disk, and where others do not make and remove files all the
        # time: the directories above are watched too.
        self.work = tempfile.mkdtemp(
            prefix="teslacoil-scale-", dir=os.environ.get("TMPDIR", "/var/tmp"))
        os.chmod(self.work, 0o755)
        self.logs = os.path.join(self.work, "logs")
        os.mkdir(self.logs)

    def unless_short(self, most):
        """Some seconds beside other work tell too little of some figures."""
        return None if self.short else most

    def fresh(self, name, pattern):
        """A daemon and its receiver."""
        work = os.path.join(self.work, name)
        os.mkdir(work)
        os.chmod(work, 0o755)
        sink = Sink()
        daemon = Daemon(work, "tcp://127.0.0.1:%d" % sink.port, pattern)
        self.daemons.append(daemon)
        return daemon, sink

    def path(self, i):
        return "%s/d%04d/service-%06d.log" % (
            self.logs, i % self.directories, i)

    def make(self):
        text = b"".join(LINE % (b"first", i) for i in range(LINES))
        for i in range(self.directories):
            os.mkdir("%s/d%04d" % (self.logs, i))
        for i in range(self.files):
            fd = os.open(self.path(i), os.O_WRONLY | os.O_CREAT, 0o644)
            os.write(fd, b"%06d " % i + text)
            os.close(fd)

    def base(self):
        """The resident memory with nothing to follow, all lines sent once."""
        path = os.path.join(self.work, "one.log")
        daemon, sink = self.fresh("base", path)
        with open(path, "wb") as f:
            f.write(LINE % (b"one", 1) * 20000)
        daemon.start()
        sink.wait(20000)
        sink.rest(1)
        memory = daemon.memory()
        daemon.stop(sink)
        sink.close()
        os.unlink(path)
        return memory

    def many(self):
        self.make()
        base = self.base()
        daemon, sink = self.fresh("many", self.logs + "/*/*.log")
        what = "%d files in %d directories: " % (self.files, self.directories)
        seconds = daemon.start()
        self.report.say(what + "first start", seconds, "s", 3, 2)
        begin = time.monotonic()
        sink.wait(self.files * LINES)
        self.report.say("  all their lines sent", time.monotonic() - begin,
                        "s", digits=2)
        sink.rest(3)
        self.report.say("  resident memory a file", (daemon.memory() - base) /
                        self.files, "bytes", 600, 0)
        daemon.stop(sink)
        self.report.say("ready again, by the checkpoint", daemon.start(), "s",
                        3, 2)
        sink.rest(3)
        self.report.say("  resident memory a file", (daemon.memory() - base) /
                        self.files, "bytes", 600, 0)
        self.idle(daemon, sink)
        self.latency(daemon, sink)
        self.active(daemon, sink)
        daemon.stop(sink)
        sink.close()

    def idle(self, daemon, sink):
        seconds = 3 if self.short else 60
        cpu, woken = daemon.cpu(), daemon.wakeups()
        sink.rest(seconds)
        self.report.say("idle: CPU", (daemon.cpu() - cpu) / seconds * 100, "%",
                        self.unless_short(0.1), 3)
        self.report.say("  wake-ups a second", (daemon.wakeups() - woken) /
                        seconds, "", self.unless_short(1.5), 2)

    def latency(self, daemon, sink):
        took = []
        for n in range(50 if self.short else 500):
            mark = b"mark=%06d" % n
            fd = os.open(self.path(random.randrange(self.files)),
                         os.O_WRONLY | os.O_APPEND)
            begin = time.monotonic()
            os.write(fd, LINE % (mark, 1))
            took.append((sink.wait_for_mark(mark) - begin) * 1e3)
            os.close(fd)
            sink.rest(0.005)
        self.report.say("a line in any file is received after, median",
                        statistics.median(took), "ms", 5, 2)
        self.report.say("  99th percentile", percentile(took, 99), "ms",
                        self.unless_short(5), 2)

    def active(self, daemon, sink):
        """100 active files: what the checkpoint writes."""
        chosen = [os.open(self.path(i), os.O_WRONLY | os.O_APPEND)
                  for i in random.sample(range(self.files), 100)]
        seconds = 3 if self.short else 20
        sink.rest(3)
        before = daemon.dump()["checkpoint"]["bytes"]
        begin = time.monotonic()
        lines = 0
        while time.monotonic() < begin + seconds:
            for fd in chosen:
                os.write(fd, LINE % (b"active", lines))
                lines += 1
            sink.rest(0.1)
        seconds = time.monotonic() - begin
        written = daemon.dump()["checkpoint"]["bytes"] - before
        self.report.say("100 of them active, %.0f lines/s: checkpoint" %
                        (lines / seconds), written / seconds / 1e3, "kB/s",
                        100 * 4)
        for fd in chosen:
            os.close(fd)

    def recover(self):
        """All files were rotated while the daemon was down."""
        for directories in 100, 1:
            for how in compressed, copied, renamed:
                self.recover_from(how, 10000, directories)

    def recover_from(self, how, files, directories):
        name = "%s-%d" % (how.__name__, directories)
        logs = os.path.join(self.work, name)
        paths = ["%s/%d/service-%06d.log" % (logs, i % directories, i)
                 for i in range(files)]
        for i in range(directories):
            os.makedirs("%s/%d" % (logs, i))
        daemon, sink = self.fresh(name + ".d", logs + "/*/*.log")
        for i, path in enumerate(paths):
            append(path, i, b"first")
        daemon.start()
        sink.wait(files)
        daemon.stop(sink)
        for i, path in enumerate(paths):
            append(path, i, b"late")
            how(path)
            append(path, i, b"next")
        self.report.say("%d files in %d director%s %s while down: ready" % (
            files, directories, "y" if directories == 1 else "ies",
            how.__name__), daemon.start(), "s", 3, 2)
        begin = time.monotonic()
        sink.wait(3 * files)
        self.report.say("  all their lines sent", time.monotonic() - begin,
                        "s", digits=2)
        sink.rest(1)
        if sink.count != 3 * files:
            raise SystemExit("%d lines came twice" % (sink.count - 3 * files))
        daemon.stop(sink)
        sink.close()
        shutil.rmtree(logs)

    def spread(self):
        """10,000 lines a second over 1,000 files."""
        files, rate = 1000, 10000
        logs = os.path.join(self.work, "spread")
        os.mkdir(logs)
        fds = [os.open("%s/%d.log" % (logs, i), os.O_WRONLY | os.O_APPEND |
                       os.O_CREAT, 0o644) for i in range(files)]
        daemon, sink = self.fresh("spread.d", logs + "/*.log")
        daemon.start()
        sink.rest(1)
        seconds = 3 if self.short else 20
        cpu, begin, lines = daemon.cpu(), time.monotonic(), 0
        mark, marked, took = None, 0, []
        while (now := time.monotonic() - begin) < seconds:
            while lines < now * rate:
                if mark is None:
                    mark = b"line=%08d" % lines
                    marked = time.monotonic()
                os.write(fds[lines % files], LINE % (b"spread", lines))
                lines += 1
            got = sink.pump(0.001)
            if mark is not None and mark in got:
                took.append((time.monotonic() - marked) * 1e3)
                mark = None
        sink.wait(lines)
        seconds = time.monotonic() - begin
        self.report.say("%.0f lines/s over %d files: CPU" % (
            lines / seconds, files), (daemon.cpu() - cpu) / seconds * 100, "%",
            self.unless_short(10))
        self.report.say("  a line of them is received after, median",
                        statistics.median(took), "ms", digits=2)
        self.report.say("  99th percentile", percentile(took, 99), "ms",
                        digits=2)
        daemon.stop(sink)
        sink.close()
        for fd in fds:
            os.close(fd)

    def backlog(self):
        """Memory with a backlog and a receiver that does not read."""
        size = 10 ** 8 if self.short else 10 ** 9
        block = b"".join(LINE % (b"backlog", i) for i in range(10000))
        memory = {}
        for name, n in ("empty", 0), ("full", size):
            path = os.path.join(self.work, name + ".log")
            with open(path, "wb") as f:
                while f.tell() < n:
                    f.write(block)
            daemon, sink = self.fresh(name, path)
            daemon.start()
            if n == 0:
                sink.pump(1)
            else:
                # Some of it, then nothing is read any more.
                sink.wait(10000)
            time.sleep(2 if self.short else 5)
            memory[name] = daemon.memory()
            daemon.process.send_signal(signal.SIGTERM)
            daemon.process.wait()
            sink.close()
            os.unlink(path)
        self.report.say("%.1f GB of backlog: memory" % (size / 1e9),
                        memory["full"] / 1e6, "MB")
        self.report.say("  more than with none", (
            memory["full"] - memory["empty"]) / 1e6, "MB", 2)

    def fairness(self):
        """Lines in quiet files while another grows at full speed."""
        files = 1000 if self.short else 10000
        logs = os.path.join(self.work, "fair")
        os.mkdir(logs)
        for i in range(files):
            with open("%s/%d.log" % (logs, i), "wb") as f:
                f.write(LINE % (b"quiet", i))
        busy = logs + "/busy.log"
        daemon, sink = self.fresh("fair.d", logs + "/*.log")
        with open(busy, "wb"):
            pass
        daemon.start()
        sink.wait(files)
        writer = grow(busy, 6 * 10 ** 9 if self.short else 12 * 10 ** 9)
        took = []
        try:
            sink.swallow(seconds=0.2)
            for n in range(30 if self.short else 200):
                if writer.poll() is not None:
                    break
                mark = b"mark=%06d" % n
                fd = os.open("%s/%d.log" % (logs, random.randrange(files)),
                             os.O_WRONLY | os.O_APPEND)
                begin = time.monotonic()
                os.write(fd, LINE % (mark, 1))
                took.append((sink.swallow(mark) - begin) * 1e3)
                os.close(fd)
                sink.swallow(seconds=0.005)
        finally:
            writer.kill()
            writer.wait()
        if len(took) < 20:
            raise SystemExit("the busy file did not grow for long enough")
        self.report.say("a line beside a file at full speed, %d files, median"
                        % files, statistics.median(took), "ms", 50)
        self.report.say("  99th percentile", percentile(took, 99), "ms",
                        self.unless_short(50))
        self.report.say("  longest", max(took), "ms")
        daemon.process.send_signal(signal.SIGTERM)
        while daemon.process.poll() is None:
            sink.pump(0.01)
        sink.close()
        shutil.rmtree(logs)

    def run(self, parts):
        try:
            for part in parts:
                getattr(self, part)()
        finally:
            for daemon in self.daemons:
                daemon.kill()
            shutil.rmtree(self.work, ignore_errors=True)
        return self.report.missed


def grow(path, most):
    """A process that writes as fast as it can."""
    program = ("import os, sys\n"
               "fd = os.open(sys.argv[1], os.O_WRONLY | os.O_APPEND)\n"
               "block = b'busy: as many words as it takes to fill a line of "
               "a log that grows and grows, and is never ever done\\n' * 500\n"
               "n = 0\n"
               "while n < int(sys.argv[2]):\n"
               "    n += os.write(fd, block)\n")
    return subprocess.Popen([sys.executable, "-c", program, path, str(most)])


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true",
                        help="10,000 files, and seconds instead of minutes")
    parser.add_argument("--files", type=int)
    parser.add_argument("--directories", type=int)
    parser.add_argument("parts", nargs="*", metavar="part",
                        help="what to measure: " + ", ".join(PARTS))
    parser.add_argument("--no-floors", action="store_true",
                        help="exit 0 also when a floor is missed")
    args = parser.parse_args()
    if not set(args.parts) <= set(PARTS):
        parser.error("the parts are " + ", ".join(PARTS))
    args.files = args.files or (10000 if args.short else 100000)
    args.directories = args.directories or max(1, args.files // 100)
    missed = Bench(args).run(args.parts or PARTS)
    sys.exit(1 if missed and not args.no_floors else 0)


if __name__ == "__main__":
    main()
