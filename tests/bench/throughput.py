#!/usr/bin/python3
"""Catching up with one large file over TCP: how fast, and at what cost.

One file of 150-byte lines, in the page cache, to our receiver, which counts:
  copy        reads and writes 256 KiB at a time: what the machine allows
  teslacoild  the daemon
  rsyslog     imfile to omfwd, tuned

Machines are noisy: the contenders take turns, the medians are shown, and what
counts are the ratios.  MB are bytes of the file / 10^6.

usage: throughput.py [--short] [--megabytes n] [--rounds n] [contender ...]
"""

import argparse
import os
import pwd
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(os.path.dirname(
    os.path.abspath(__file__)), "..", "e2e"))

import teslacoil  # noqa: E402

COPY = teslacoil.from_env("TESLACOIL_COPY", "build/tests/copy")
LINE = 150
TICK = os.sysconf("SC_CLK_TCK")

RSYSLOG = '''
global(workDirectory="%(dir)s")
module(load="imfile")
input(type="imfile" File="%(file)s" Tag="bench" ruleset="forward"
    maxSubmitAtOnce="4096" addMetadata="off")
ruleset(name="forward" queue.type="FixedArray" queue.size="100000"
    queue.dequeueBatchSize="4096" queue.workerThreads="1"
    queue.timeoutEnqueue="600000") {
	action(type="omfwd" target="127.0.0.1" port="%(port)s" protocol="tcp"
	    TCP_Framing="octet-counted" template="RSYSLOG_SyslogProtocol23Format")
}
'''


class Sink:
    """Our receiver, counting."""

    def __init__(self):
        self.process = subprocess.Popen(
            [teslacoil.RECEIVER, "-c", "tcp:0"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().split(":")[1].strip()

    def stats(self):
        self.process.stdin.write("stats\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().split()
        return {k: int(v) for k, v in (pair.split("=") for pair in answer)}

    def messages(self):
        return self.stats()["messages"]

    def wait(self, n, process, limit=1800):
        end = time.monotonic() + limit
        ended = False
        while self.messages() < n:
            if ended or time.monotonic() > end:
                raise SystemExit("%s: only %d of %d messages" % (
                    process.args[0], self.messages(), n))
            time.sleep(0.002)
            ended = has_ended(process) and self.idle()

    def idle(self):
        return self.stats()["open"] == 0

    def close(self):
        self.process.stdin.close()
        self.process.stdout.close()
        if self.process.wait() != 0:
            raise SystemExit("the receiver complained")


def has_ended(process):
    """Without reaping: its CPU time is still to be read."""
    return not teslacoil.running(process.pid)


def cpu_seconds(pid):
    with open("/proc/%d/stat" % pid) as f:
        fields = f.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def peak_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def give_to(path, user):
    who = pwd.getpwnam(user)
    os.chown(path, who.pw_uid, who.pw_gid)


def start_copy(file, port, work):
    return [COPY, file, port], {}


def start_teslacoild(file, port, work):
    conf = os.path.join(work, "teslacoil.conf")
    state = os.path.join(work, "state")
    os.mkdir(state)
    options = "state_dir = \"%s\"\n" % state
    if teslacoil.USER is not None:
        give_to(state, teslacoil.USER)
        options += "user = \"%s\"\n" % teslacoil.USER
    with open(conf, "w") as f:
        f.write(options +
                teslacoil.destination("sink", "tcp://127.0.0.1:" + port) +
                teslacoil.source("bench", file))
    return [teslacoil.TESLACOILD, "-d", "-f", conf], {}


def start_rsyslog(file, port, work):
    root = teslacoil.peer_root("rsyslogd")
    conf = os.path.join(work, "rsyslog.conf")
    with open(conf, "w") as f:
        f.write(RSYSLOG % {"dir": work, "file": file, "port": port})
    modules = next(d for d in (
        [x + "/rsyslog" for x in teslacoil.library_dirs(root)] +
        ["/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/rsyslog"])
        if os.path.isdir(d))
    env = dict(os.environ, LD_LIBRARY_PATH=":".join(
        teslacoil.library_dirs(root)))
    return [root + "/usr/sbin/rsyslogd", "-n", "-f", conf, "-i",
            os.path.join(work, "pid"), "-M", modules], env


CONTENDERS = {
    "copy": start_copy,
    "teslacoild": start_teslacoild,
    "rsyslog": start_rsyslog,
}


def measure(name, file, lines):
    """Returns seconds, CPU seconds and peak kB of one run."""
    work = tempfile.mkdtemp(prefix="teslacoil-bench-")
    os.chmod(work, 0o755)
    sink = Sink()
    argv, env = CONTENDERS[name](file, sink.port, work)
    with open(os.path.join(work, "log"), "wb") as log:
        begin = time.monotonic()
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                   stderr=log, env=env or None, cwd=work)
        sink.wait(lines, process)
        seconds = time.monotonic() - begin
        # A process that has ended tells its CPU time, but not its memory.
        pids = [process.pid] + teslacoil.children(process.pid)
        cpu = sum(map(cpu_seconds, pids))
        peak = max(map(peak_kb, pids))
        process.send_signal(signal.SIGTERM)
        process.wait()
    sink.close()
    shutil.rmtree(work)
    return seconds, cpu, peak


def write_file(path, size):
    """Text that looks like a log: words, numbers, not all the same."""
    lines = []
    for i in range(7001):
        head = "May %02d %02d:%02d:%02d.%03d app[%d] request id=%08x " % (
            i % 28 + 1, i % 24, i % 60, i * 7 % 60, i * 13 % 1000, i % 999,
            i * 2654435761 % 2 ** 32)
        lines.append((head + "status=200 path=/some/where/in/the/tree "
                      * 3)[:LINE - 1] + "\n")
    block = "".join(lines).encode()
    n = 0
    with open(path, "wb") as f:
        while n + len(block) <= size:
            f.write(block)
            n += len(block)
    os.chmod(path, 0o644)
    with open(path, "rb") as f:
        while f.read(1 << 20):
            pass
    return n, n // LINE


def show(results, size, lines):
    rate = {name: size / 1e6 / statistics.median(r[0] for r in runs)
            for name, runs in results.items()}
    print("%-11s %8s %8s %12s %14s %8s" % (
        "", "MB/s", "of copy", "of rsyslog", "CPU s/M lines", "peak MB"))
    for name, runs in results.items():
        print("%-11s %8.0f %8s %12s %14.3f %8.1f" % (
            name, rate[name],
            "%.3f" % (rate[name] / rate["copy"]) if "copy" in rate else "",
            "%.1f" % (rate[name] / rate["rsyslog"])
            if "rsyslog" in rate else "",
            statistics.median(r[1] for r in runs) / lines * 1e6,
            statistics.median(r[2] for r in runs) / 1e3))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true",
                        help="a small file, once: shows that it works")
    parser.add_argument("--megabytes", type=int)
    parser.add_argument("--rounds", type=int)
    parser.add_argument("contenders", nargs="*")
    args = parser.parse_args()
    megabytes = args.megabytes or (20 if args.short else 1000)
    rounds = args.rounds or (1 if args.short else 3)
    names = args.contenders or list(CONTENDERS)
    if teslacoil.peer_root("rsyslogd") is None and "rsyslog" in names:
        print("there is no rsyslog to compare with")
        names.remove("rsyslog")

    work = tempfile.mkdtemp(prefix="teslacoil-bench-")
    os.chmod(work, 0o755)
    try:
        file = os.path.join(work, "bench.log")
        size, lines = write_file(file, megabytes * 10 ** 6)
        print("%d lines of %d bytes, %d MB, %d × each" % (
            lines, LINE, size / 1e6, rounds), flush=True)
        results = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                results[name].append(measure(name, file, lines))
        show(results, size, lines)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
