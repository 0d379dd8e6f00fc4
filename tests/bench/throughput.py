#!/usr/bin/python3
"""Catching up with one large file: how fast, and at what cost.

One file of 150-byte lines, in the page cache, to a sink that counts:
  copy               reads and writes 256 KiB at a time: what the machine allows
  tcp tls relp ...   the daemon
  rsyslog tcp ...    imfile to omfwd or omrelp, tuned

Machines are noisy: the contenders take turns, the medians are shown, and what
counts are the ratios.  MB are bytes of the file / 10^6.

usage: throughput.py [--short] [--megabytes n] [--rounds n] [contender ...]
"""

import argparse
import glob
import os
import pwd
import select
import shutil
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
SINK = teslacoil.from_env("TESLACOIL_SINK", "build/tests/sink")
LIMIT = 1800
LINE = 150

RSYSLOG = '''
global(workDirectory="%(dir)s" %(global)s)
module(load="imfile")
%(load)s
input(type="imfile" File="%(file)s" Tag="bench" ruleset="forward"
    maxSubmitAtOnce="4096" addMetadata="off")
ruleset(name="forward" queue.type="FixedArray" queue.size="100000"
    queue.dequeueBatchSize="4096" queue.workerThreads="1"
    queue.timeoutEnqueue="600000") {
	action(target="127.0.0.1" port="%(port)s"
	    template="RSYSLOG_SyslogProtocol23Format" %(action)s)
}
'''

RSYSLOG_ACTIONS = {
    "tcp": {"global": "", "load": "", "action": '''
	    type="omfwd" protocol="tcp" TCP_Framing="octet-counted"'''},
    "tls": {"global": 'defaultNetstreamDriverCAFile="%(ca)s"', "load": "",
            "action": '''
	    type="omfwd" protocol="tcp" TCP_Framing="octet-counted"
	    StreamDriver="ossl" StreamDriverMode="1"
	    StreamDriverAuthMode="anon"'''},
    "relp": {"global": "", "load": 'module(load="omrelp")', "action": '''
	    type="omrelp" windowSize="1024"'''},
}


class Sink:
    """Counts, and tells how long it took until all messages had come."""

    def __init__(self, scheme, messages, pair):
        self.process = subprocess.Popen(
            [SINK, scheme, str(messages)] +
            (list(pair) if "tls" in scheme else []),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)
        self.port = self.process.stdout.readline().strip()

    def wait(self, limit):
        if select.select([self.process.stdout], [], [], limit)[0]:
            line = self.process.stdout.readline()
            if line:
                return float(line)
        return None

    def close(self):
        self.process.kill()
        self.process.stdout.close()
        self.process.wait()


def cpu_seconds(pid):
    """Of all its threads, exactly: a short run has few ticks."""
    total = 0
    for path in glob.glob("/proc/%d/task/*/schedstat" % pid):
        with open(path) as f:
            total += int(f.read().split()[0])
    return total / 1e9


def peak_kb(pid):
    with open("/proc/%d/status" % pid) as f:
        for line in f:
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return 0


def give_to(path, user):
    who = pwd.getpwnam(user)
    os.chown(path, who.pw_uid, who.pw_gid)


def start_copy(bench, scheme, port, work):
    return [COPY, bench.file, port], {}


def start_teslacoild(bench, scheme, port, work):
    conf = os.path.join(work, "teslacoil.conf")
    state = os.path.join(work, "state")
    os.mkdir(state)
    options = "state_dir = \"%s\"\n" % state
    if teslacoil.USER is not None:
        give_to(state, teslacoil.USER)
        options += "user = \"%s\"\n" % teslacoil.USER
    tls = {"tls": {"ca_file": bench.pair[0]}} if "tls" in scheme else {}
    with open(conf, "w") as f:
        f.write(options +
                teslacoil.destination("sink", "%s://127.0.0.1:%s" % (
                    scheme, port), **tls) +
                teslacoil.source("bench", bench.file))
    return [teslacoil.TESLACOILD, "-d", "-f", conf], {}


def start_rsyslog(bench, scheme, port, work):
    root = teslacoil.peer_root("rsyslogd")
    conf = os.path.join(work, "rsyslog.conf")
    values = {"dir": work, "file": bench.file, "port": port,
              "ca": bench.pair[0]}
    with open(conf, "w") as f:
        f.write(RSYSLOG % dict(values, **{
            k: v % values for k, v in RSYSLOG_ACTIONS[scheme].items()}))
    modules = next(d for d in (
        [x + "/rsyslog" for x in teslacoil.library_dirs(root)] +
        ["/usr/lib/x86_64-linux-gnu/rsyslog", "/usr/lib/rsyslog"])
        if os.path.isdir(d))
    env = dict(os.environ, LD_LIBRARY_PATH=":".join(
        teslacoil.library_dirs(root)))
    return [root + "/usr/sbin/rsyslogd", "-n", "-f", conf, "-i",
            os.path.join(work, "pid"), "-M", modules], env


# Name: who, over what.
CONTENDERS = {
    "copy": (start_copy, "tcp"),
    "tcp": (start_teslacoild, "tcp"),
    "tls": (start_teslacoild, "tls"),
    "relp": (start_teslacoild, "relp"),
    "relp+tls": (start_teslacoild, "relp+tls"),
    "rsyslog tcp": (start_rsyslog, "tcp"),
    "rsyslog tls": (start_rsyslog, "tls"),
    "rsyslog relp": (start_rsyslog, "relp"),
}

# Of what tcp reaches in the same run.
FLOORS = {"tls": 0.6, "relp": 0.7}


class Bench:
    """A file to send, and a certificate for who receives it."""

    def __init__(self, directory, size):
        self.file = os.path.join(directory, "bench.log")
        self.size, self.lines = write_file(self.file, size)
        self.pair = (os.path.join(directory, "cert.pem"),
                     os.path.join(directory, "key.pem"))
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
             "ec_paramgen_curve:P-256", "-nodes", "-out", self.pair[0],
             "-keyout", self.pair[1], "-subj", "/CN=sink", "-addext",
             "subjectAltName=IP:127.0.0.1", "-days", "2"],
            check=True, stderr=subprocess.DEVNULL)

    def measure(self, name):
        """Returns seconds, CPU seconds and peak kB of one run."""
        start, scheme = CONTENDERS[name]
        work = tempfile.mkdtemp(prefix="teslacoil-bench-")
        os.chmod(work, 0o755)
        sink = Sink(scheme, self.lines, self.pair)
        try:
            return self.run(start, scheme, sink, work)
        finally:
            sink.close()
            shutil.rmtree(work)

    def run(self, start, scheme, sink, work):
        argv, env = start(self, scheme, sink.port, work)
        path = os.path.join(work, "log")
        with open(path, "wb") as log:
            process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=env or None, cwd=work)
            seconds = sink.wait(LIMIT)
            # A process that has ended tells its CPU time, but not its memory.
            pids = [process.pid] + teslacoil.children(process.pid)
            cpu = sum(map(cpu_seconds, pids))
            peak = max(map(peak_kb, pids))
            process.terminate()
            process.wait()
        if seconds is None:
            with open(path) as log:
                raise SystemExit("%s: not all arrived:\n%s" % (
                    argv, log.read()))
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


def show(bench, results):
    """Prints the table; returns which of us are far below their floor.

    Those are: by the clock and by CPU time.  Where others use the machine too,
    one of the two may say anything.
    """
    rate, cost = {}, {}
    for name, runs in results.items():
        rate[name] = bench.size / 1e6 / statistics.median(r[0] for r in runs)
        cost[name] = statistics.median(r[1] for r in runs) / bench.lines * 1e6

    def ratio(name, other):
        if name not in rate or other not in rate:
            return ""
        return "%.2f" % (rate[name] / rate[other])

    print("%-13s %8s %8s %8s %11s %14s %8s" % (
        "", "MB/s", "of copy", "of tcp", "of rsyslog's", "CPU s/M lines",
        "peak MB"))
    for name, runs in results.items():
        print("%-13s %8.0f %8s %8s %11s %14.3f %8.1f" % (
            name, rate[name], ratio(name, "copy"), ratio(name, "tcp"),
            ratio(name, "rsyslog " + name), cost[name],
            statistics.median(r[2] for r in runs) / 1e3))
    low = []
    for name, floor in FLOORS.items():
        if name not in rate or "tcp" not in rate:
            continue
        reached = rate[name] / rate["tcp"]
        print("%s reaches %.2f of tcp, and %.1f is asked for" % (
            name, reached, floor))
        if max(reached, cost["tcp"] / cost[name]) < floor / 2:
            low.append(name)
    return low


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--short", action="store_true",
                        help="a small file: shows that it works")
    parser.add_argument("--megabytes", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("contenders", nargs="*")
    args = parser.parse_args()
    megabytes = args.megabytes or (100 if args.short else 1000)
    names = args.contenders or list(CONTENDERS)
    if teslacoil.peer_root("rsyslogd") is None:
        print("there is no rsyslog to compare with")
        names = [n for n in names if not n.startswith("rsyslog")]

    work = tempfile.mkdtemp(prefix="teslacoil-bench-")
    os.chmod(work, 0o755)
    try:
        bench = Bench(work, megabytes * 10 ** 6)
        print("%d lines of %d bytes, %d MB, %d × each" % (
            bench.lines, LINE, bench.size / 1e6, args.rounds), flush=True)
        results = {name: [] for name in names}
        for _ in range(args.rounds):
            for name in names:
                results[name].append(bench.measure(name))
        low = show(bench, results)
    finally:
        shutil.rmtree(work)
    if low:
        raise SystemExit("less than half of that: " + ", ".join(low))


if __name__ == "__main__":
    main()
