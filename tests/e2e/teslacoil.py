"""What the end-to-end tests are made of: a daemon, writers, receivers.

Every test has a private directory, talks over loopback only, and ends just the
processes that it started.  Each line that a writer writes has a number, so a
test can say that all arrived, in order, and what arrived twice.

Environment:
    TESLACOILD          the daemon to test (default build/tests/teslacoild)
    TESLACOILCTL        what asks it (default build/daemon/teslacoilctl)
    TESLACOILD_BLIND    the same for a system that tells nothing of connections
                        (default build/tests/teslacoild-blind)
    TESLACOILD_DISK     the same on a disk that does what a test says
                        (default build/tests/teslacoild-disk)
    TESLACOIL_WRAP      a command to run it under, such as valgrind
    TESLACOIL_RECEIVER  our receiver (default build/tests/receiver)
    TESLACOIL_PEERS     where setup.sh unpacked rsyslog and syslog-ng
    TESLACOIL_SEED      repeats a run
    TESLACOIL_LIMIT     seconds to wait for anything (default 60)
    TESLACOIL_KEEP      keep the directories
    TESLACOIL_LONG      also what waits for minutes
    TESLACOIL_PS        ask ps(1) for processes on Linux, too
"""

import collections
import contextlib
import glob
import itertools
import json
import os
import pwd
import random
import re
import shlex
import shutil
import signal
import socket
import string
import subprocess
import sys
import tempfile
import threading
import time
import unittest

from processes import LINUX, catches, children, running

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))


def from_env(name, default):
    return os.path.abspath(os.environ.get(name) or
                           os.path.join(TOP, default))


TESLACOILD = from_env("TESLACOILD", "build/tests/teslacoild")
TESLACOILCTL = from_env("TESLACOILCTL", "build/daemon/teslacoilctl")
RECEIVER = from_env("TESLACOIL_RECEIVER", "build/tests/receiver")
PEERS = from_env("TESLACOIL_PEERS", "build/peers")
WRAP = shlex.split(os.environ.get("TESLACOIL_WRAP", ""))
SEED = int(os.environ.get("TESLACOIL_SEED") or
           int.from_bytes(os.urandom(4), "big"))
LIMIT = float(os.environ.get("TESLACOIL_LIMIT") or 60)

rng = random.Random(SEED)

# Whether the daemon under test watches by kqueue(2): then an open file tells of
# itself, and others are looked at by time.
KQUEUE = not LINUX or \
    os.path.basename(TESLACOILD).endswith(("_kqueue", "_openbsd"))

# Who the daemon becomes when the tests run as root.
USER = "nobody" if os.geteuid() == 0 else None


def wait_for(condition, what, limit=None):
    """Waits until condition() is true, and returns what it returned."""
    end = time.monotonic() + (limit or LIMIT)
    pause = 0.005
    while True:
        result = condition()
        if result:
            return result
        if time.monotonic() > end:
            raise AssertionError("waited in vain for " + what)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


class Ports:
    """
    Ports that nobody else takes while a receiver is away: neither the system,
    which gives away higher ones, nor a test that runs at the same time.
    """
    FIRST, BLOCKS, EACH = 20000, 50, 200
    LOCKS = 19000

    def __init__(self):
        self.pid = os.getpid()
        for block in random.SystemRandom().sample(range(self.BLOCKS),
                                                  self.BLOCKS):
            self.lock = self.bind(self.LOCKS + block, socket.SOCK_STREAM)
            if self.lock is not None:
                break
        else:
            raise AssertionError("every block of ports is taken")
        first = self.FIRST + block * self.EACH
        self.next = itertools.cycle(range(first, first + self.EACH))

    @staticmethod
    def bind(port, kind, again=False):
        s = socket.socket(socket.AF_INET, kind)
        try:
            if again:
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            s.bind(("127.0.0.1", port))
        except OSError:
            s.close()
            return None
        return s

    def free(self, kind):
        for port in itertools.islice(self.next, self.EACH):
            # Connections of before may not be over yet, as for a receiver.
            s = self.bind(port, kind, kind == socket.SOCK_STREAM)
            if s is not None:
                s.close()
                return port
        raise AssertionError("no port is free")


ports = None


def free_port(kind=socket.SOCK_STREAM):
    global ports    # a child has a block of its own
    if ports is None or ports.pid != os.getpid():
        ports = Ports()
    return ports.free(kind)


def kill(pid, signum):
    try:
        os.kill(pid, signum)
    except ProcessLookupError:
        pass


#
# Configuration.
#

def value(v):
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, (list, tuple)):
        return "{ " + ", ".join(value(x) for x in v) + " }"
    if isinstance(v, int):
        return str(v)
    return "\"" + v.replace("\\", "\\\\").replace("\"", "\\\"") + "\""


def option(name, v):
    """One line, or a section without a name."""
    if not isinstance(v, dict):
        return "\t%s = %s\n" % (name, value(v))
    return "\t%s {\n%s\t}\n" % (name, "".join(
        "\t" + option(*inside) for inside in v.items()))


def section(kind, name, options):
    return "%s %s {\n%s}\n" % (kind, value(name), "".join(
        option(*pair) for pair in options.items()))


def destination(name, url, **options):
    return section("destination", name, dict(
        {"url": url, "retry": ["100ms", "1s"]}, **options))


def source(name, paths, **options):
    return section("source", name, dict({"paths": paths}, **options))


#
# The daemon.
#

class Daemon:
    """teslacoild in the foreground, with its own state directory."""

    def __init__(self, case, conf, name="daemon", argv=None, program=None,
                 within=(), **options):
        self.dir = case.dir
        self.program = program or TESLACOILD
        self.within = list(within)      # a command to run it by
        self.conf_path = os.path.join(self.dir, name + ".conf")
        self.state_dir = os.path.join(self.dir, name + ".state")
        self.log_path = os.path.join(self.dir, name + ".log")
        self.control = os.path.join(self.dir, name + ".sock")
        self.options = {"state_dir": self.state_dir,
                        "control_socket": self.control}
        if USER is not None:
            self.options["user"] = USER
        self.options.update(options)
        os.makedirs(self.state_dir, exist_ok=True)
        if USER is not None:
            who = pwd.getpwnam(USER)
            os.chown(self.state_dir, who.pw_uid, who.pw_gid)
        self.argv = argv or ["-d", "-v", "-f", self.conf_path]
        self.stdout = Output(os.path.join(self.dir, name + ".stdout"))
        self.process = None
        self.env = None
        self.write_conf(conf)
        case.daemons.append(self)

    def write_conf(self, conf):
        options = "".join("%s = %s\n" % (k, value(v))
                          for k, v in self.options.items())
        with open(self.conf_path, "w") as f:
            f.write(options + conf)

    def start(self):
        with open(self.log_path, "ab") as log, \
                open(self.stdout.path, "ab") as out:
            self.process = subprocess.Popen(
                self.within + WRAP + [self.program] + self.argv, stdin=subprocess.DEVNULL,
                stdout=out, stderr=log, cwd=self.dir, env=self.env)
        # A signal that comes before it is caught would end it.
        wait_for(lambda: self.process.poll() is not None or
                 (catches(self.pid, signal.SIGUSR1) and self.workers()),
                 "the daemon to be up")
        return self

    @property
    def pid(self):
        return self.process.pid

    def workers(self):
        return children(self.pid)

    def worker(self):
        return wait_for(lambda: self.workers(), "a worker")[-1]

    def log(self):
        with open(self.log_path, "rb") as f:
            return f.read().decode("utf-8", "replace")

    def wait_log(self, pattern, count=1):
        wait_for(lambda: len(re.findall(pattern, self.log())) >= count,
                 "%d × %r in the log of the daemon" % (count, pattern))

    def hup(self):
        kill(self.pid, signal.SIGHUP)

    def reload(self, conf):
        """Changes the configuration, and waits for a new worker."""
        old = self.worker()
        self.write_conf(conf)
        self.hup()
        wait_for(lambda: any(w != old for w in self.workers()) and
                 not running(old), "another worker")

    def state(self):
        """Has the state dumped, and returns it."""
        path = os.path.join(self.state_dir, "state.json")
        before = self.identity(path)
        kill(self.pid, signal.SIGUSR1)
        wait_for(lambda: self.identity(path) != before, path)
        with open(path) as f:
            return json.load(f)

    @staticmethod
    def identity(path):
        try:
            st = os.stat(path)
        except FileNotFoundError:
            return None
        return (st.st_ino, st.st_mtime_ns)

    def wait_follows(self, *paths):
        """Waits until the daemon has found all of paths."""
        def found():
            try:
                known = set(find_key(self.state(), "path"))
            except AssertionError:
                return False
            return known.issuperset(paths)
        wait_for(found, "the daemon to find %s" % (paths,))

    def wait(self):
        """Waits for its end, returns the exit status."""
        try:
            return self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            raise AssertionError("the daemon does not end") from None

    def stop(self):
        """As an administrator stops it."""
        workers = self.workers()
        kill(self.pid, signal.SIGTERM)
        status = self.wait()
        if status != 0:
            raise AssertionError("the daemon exited with %d" % status)
        wait_for(lambda: not any(map(running, workers)), "the worker's end")
        self.process = None

    def kill(self):
        """SIGKILL, to all of it."""
        if self.process is None:
            return
        workers = self.workers()
        kill(self.pid, signal.SIGKILL)
        for pid in workers:
            kill(pid, signal.SIGKILL)
        self.process.wait()
        wait_for(lambda: not any(map(running, workers)), "the worker's end")
        self.process = None

    def sanitizer(self, options):
        """Asks AddressSanitizer for something, if the next start is with it."""
        asked = os.environ.get("ASAN_OPTIONS")
        self.env = dict(self.env or os.environ, ASAN_OPTIONS=":".join(
            filter(None, (asked, options))))

    def complaints(self):
        """What sanitizers, valgrind or the sandbox said."""
        return re.findall(r".*(?:Sanitizer:|Sanitizer has encountered|"
                          r"runtime error:|ERROR SUMMARY: [1-9]|are definitely lost|"
                          r"forbidden system call).*",
                          self.log())


def find_key(tree, key):
    """Every value of key, anywhere in a tree of JSON."""
    if isinstance(tree, dict):
        for k, v in tree.items():
            if k == key:
                yield v
            yield from find_key(v, key)
    elif isinstance(tree, list):
        for v in tree:
            yield from find_key(v, key)


#
# Writers.
#

class Writer:
    """A program that logs: numbered lines, alone or from a thread.

    gen counts how often the file was another one: order is kept in one of
    them, not from one to the next.
    """

    FILLER = string.ascii_letters + string.digits + " "

    def __init__(self, path, size=150, name=None):
        self.path = path
        self.name = name or os.path.basename(path)
        self.size = size
        self.count = 0
        self.gen = 0
        self.lock = threading.RLock()
        self.thread = None
        self.halt = threading.Event()
        self.filler = "".join(rng.choices(self.FILLER, k=2 * size))
        self.fd = -1
        self.open()

    def open(self):
        if self.fd != -1:
            os.close(self.fd)
        self.fd = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT,
                          0o644)

    def line(self):
        self.count += 1
        head = "seq=%08d file=%s gen=%d " % (self.count, self.name, self.gen)
        at = self.count % self.size
        return head + self.filler[at:at + self.size - len(head) - 1] + "\n"

    def write(self, n, chunk=500):
        """Writes n lines, some in a write(2)."""
        while n > 0:
            with self.lock:
                k = min(n, chunk)
                data = "".join(self.line() for _ in range(k)).encode()
                if os.write(self.fd, data) != len(data):
                    raise OSError("short write")
            n -= k

    def write_paced(self, n, output, step=100):
        """Writes only as fast as the lines arrive: for UDP."""
        while n > 0:
            self.write(min(n, step))
            output.wait_all(self)
            n -= step

    def start(self, rate):
        """Writes rate lines a second until stop()."""
        self.halt.clear()
        self.thread = threading.Thread(target=self.run, args=(rate,),
                                       daemon=True)
        self.thread.start()
        return self

    def run(self, rate):
        begin = time.monotonic()
        done = 0
        while not self.halt.wait(0.01):
            due = int((time.monotonic() - begin) * rate) - done
            self.write(due, 50)
            done += due

    def stop(self):
        if self.thread is not None:
            self.halt.set()
            self.thread.join()
            self.thread = None

    def wait_written(self, n):
        """Waits until n more lines were written."""
        goal = self.count + n
        wait_for(lambda: self.count >= goal, "the writer")

    def rename(self, to, late=0):
        """Rotates as logrotate's create does; late lines still go to it."""
        with self.lock:
            os.rename(self.path, to)
            self.write(late)
            self.gen += 1
            self.open()

    def copytruncate(self, to):
        with self.lock:
            shutil.copyfile(self.path, to)
            os.truncate(self.path, 0)
            self.gen += 1

    def delete(self, late=0):
        with self.lock:
            os.unlink(self.path)
            self.write(late)

    def create(self):
        with self.lock:
            self.gen += 1
            self.open()

    def close(self):
        self.stop()
        if self.fd != -1:
            os.close(self.fd)
            self.fd = -1


#
# What arrived.
#

class Ledger:
    """Numbered lines, as they came."""

    PATTERN = re.compile(rb"seq=(\d{8}) file=(\S+) gen=(\d+) ")

    def __init__(self):
        self.runs = collections.defaultdict(list)
        self.seen = collections.defaultdict(set)

    def feed(self, data):
        for m in self.PATTERN.finditer(data):
            name = m[2].decode()
            seq = int(m[1])
            self.runs[name, int(m[3])].append(seq)
            self.seen[name].add(seq)

    def total(self, name):
        return sum(len(run) for (n, _), run in self.runs.items() if n == name)

    def missing(self, writer):
        return writer.count - len(self.seen[writer.name])

    def repeats(self, name):
        return self.total(name) - len(self.seen[name])

    def disorder(self, name):
        """The first place where a line is not the next one.

        Going back is a repeat; what is repeated must be in order too.
        """
        for (n, gen), run in sorted(self.runs.items()):
            if n != name:
                continue
            first = min(run)
            if run[0] != first:
                return "gen %d begins with %d, not %d" % (gen, run[0], first)
            for a, b in zip(run, run[1:]):
                if b > a + 1:
                    return "gen %d: %d after %d" % (gen, b, a)
        return None


class Output:
    """Lines of a file that a receiver writes."""

    def __init__(self, path):
        self.path = path
        self.ledger = Ledger()
        self.count = 0
        self.at = 0
        self.rest = b""

    def update(self):
        try:
            with open(self.path, "rb") as f:
                f.seek(self.at)
                data = f.read()
        except FileNotFoundError:
            return
        self.at += len(data)
        data = self.rest + data
        end = data.rfind(b"\n") + 1
        self.rest = data[end:]
        self.count += data.count(b"\n")
        self.ledger.feed(data[:end])

    def lines(self):
        try:
            with open(self.path, "rb") as f:
                return f.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return []

    def missing(self, *writers):
        self.update()
        return sum(self.ledger.missing(w) for w in writers)

    def wait_all(self, *writers):
        wait_for(lambda: self.missing(*writers) == 0,
                 "all lines in " + self.path)

    def arrived(self):
        self.update()
        return self.count

    def wait_lines(self, n, limit=None):
        wait_for(lambda: self.arrived() >= n,
                 "%d lines in %s" % (n, self.path), limit)
        return self.lines()

    def wait_more(self, n):
        """Waits until n more lines have arrived."""
        goal = self.arrived() + n
        wait_for(lambda: self.arrived() >= goal,
                 "%d more lines in %s" % (n, self.path))

    def check(self, *writers, repeats=0, ordered=True):
        """All arrived, in order, and at most so many lines twice.

        repeats None: not bounded here.
        """
        self.update()
        for w in writers:
            expected = set(range(1, w.count + 1))
            seen = self.ledger.seen[w.name]
            lost = sorted(expected - seen)
            if lost:
                raise AssertionError("%s: %d of %d lost, first %s" % (
                    w.name, len(lost), w.count, lost[:10]))
            if seen - expected:
                raise AssertionError("%s: never written: %s" % (
                    w.name, sorted(seen - expected)[:10]))
            twice = self.ledger.repeats(w.name)
            if repeats is not None and twice > repeats:
                raise AssertionError("%s: %d came twice, at most %d may" % (
                    w.name, twice, repeats))
            wrong = self.ledger.disorder(w.name) if ordered else None
            if wrong:
                raise AssertionError("%s: order: %s" % (w.name, wrong))


#
# Receivers.
#

class Receiver(Output):
    """Our own, which misbehaves on command.

    pair: the files of a certificate and its key, for TLS.
    """

    def __init__(self, case, address="tcp:0", name="received", options=(),
                 pair=None):
        super().__init__(os.path.join(case.dir, name))
        self.options = list(options)
        if pair is not None:
            self.options += ["-C", pair[0], "-K", pair[1]]
        scheme, where = address.split(":", 1)
        if where == "0":
            where = free_port(socket.SOCK_DGRAM if scheme == "udp" else
                              socket.SOCK_STREAM)
        self.address = "%s:%s" % (scheme, where)
        self.process = None
        case.receivers.append(self)

    def start(self, *more):
        self.process = subprocess.Popen(
            [RECEIVER, "-o", self.path] + self.options + list(more) +
            [self.address],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening "):
            raise AssertionError("the receiver does not listen")
        where = line.split()[1]
        scheme = self.address.split(":")[0]
        if not scheme.startswith("unix"):
            # When started again, at the same port.
            self.address = "%s:%s" % (scheme, where.split(":")[1])
        return self

    @property
    def url(self):
        scheme, where = self.address.split(":", 1)
        if scheme.startswith("unix"):
            return "unix://" + where
        return "%s://127.0.0.1:%s" % (scheme, where)

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def do(self, command):
        if self.ask(command) != "ok":
            raise AssertionError("the receiver refused " + command)

    def stats(self):
        return {k: int(v) for k, v in (
            pair.split("=") for pair in self.ask("stats").split())}

    def kill(self):
        self.process.kill()
        self.reap()

    def reap(self):
        self.process.stdin.close()
        self.process.stdout.close()
        status = self.process.wait()
        self.process = None
        return status

    def stop(self):
        """Ends when all connections have come to their end."""
        if self.process is None:
            return
        wait_for(lambda: self.stats()["open"] == 0, "the last connection")
        self.finish()

    def finish(self):
        """Ends at once; framing errors fail."""
        if self.process is None:
            return
        if self.reap() != 0:
            raise AssertionError("the receiver complained about framing")


class Peer(Output):
    """A real syslog daemon, from its own directory."""

    def __init__(self, case, name, conf):
        super().__init__(os.path.join(case.dir, name + ".received"))
        self.dir = os.path.join(case.dir, name)
        os.mkdir(self.dir)
        self.conf_path = os.path.join(self.dir, "conf")
        self.log_path = os.path.join(self.dir, "log")
        with open(self.conf_path, "w") as f:
            f.write(conf)
        self.process = None
        case.receivers.append(self)

    def run(self, argv, libraries=(), environment=()):
        env = dict(os.environ, **dict(environment))
        env["LD_LIBRARY_PATH"] = ":".join(libraries)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=env, cwd=self.dir)

    def wait_ready(self, ready):
        def check():
            if self.process.poll() is not None:
                with open(self.log_path) as f:
                    raise AssertionError("%s ended:\n%s" % (
                        self.conf_path, f.read()))
            return ready()
        wait_for(check, self.conf_path + " to be ready")

    def stop(self):
        if self.process is None:
            return
        self.process.terminate()
        try:
            self.process.wait(LIMIT)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None

    finish = stop


# PRI, HOSTNAME, APP-NAME, PROCID, MSGID, STRUCTURED-DATA, MSG, as understood.
FIELDS = ("pri", "hostname", "app", "procid", "msgid", "sd", "msg")


def sockets(kind):
    """Local address and state of those of kind, as netstat(1) has them."""
    done = subprocess.run(["netstat", "-an"], stdout=subprocess.PIPE,
                          text=True, check=True)
    for line in done.stdout.splitlines():
        fields = line.split()
        if len(fields) > 4 and fields[0].startswith(kind):
            # OpenBSD has a dot before the port.
            host, port = re.split(r"[.:](?=[^.:]*$)", fields[3])
            yield host, port, fields[5] if len(fields) > 5 else ""


def tcp_is_listening(port):
    """Without connecting: a stray connection is not for the receiver."""
    if not LINUX:
        return ("127.0.0.1", str(port), "LISTEN") in sockets("tcp")
    with open("/proc/net/tcp") as f:
        return any(line.split()[1] == "0100007F:%04X" % port and
                   line.split()[3] == "0A" for line in list(f)[1:])


def udp_is_bound(port):
    if not LINUX:
        return ("127.0.0.1", str(port)) in (s[:2] for s in sockets("udp"))
    with open("/proc/net/udp") as f:
        return any(line.split()[1] == "0100007F:%04X" % port
                   for line in list(f)[1:])


def peer_root(program):
    """Where program was unpacked; "" for the system's own, None for nowhere."""
    for root in (PEERS, ""):
        if os.path.exists(root + "/usr/sbin/" + program):
            return root
    return None


def library_dirs(root, *more):
    found = glob.glob(root + "/usr/lib/*-linux-gnu*")
    return [d for d in list(more) + found if root and os.path.isdir(d)]


class Rsyslog(Peer):
    """kind: one of INPUTS; files: the ca, cert and key of those with TLS."""

    OSSL = '''
global(defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="%(ca)s"
    defaultNetstreamDriverCertFile="%(cert)s"
    defaultNetstreamDriverKeyFile="%(key)s")
module(load="imtcp" streamDriver.name="ossl" streamDriver.mode="1"
    streamDriver.authMode="'''

    INPUTS = {
        "tcp": 'module(load="imtcp")\n'
               'input(type="imtcp" address="127.0.0.1" port="%(at)s")\n',
        "json": 'module(load="imtcp")\nmodule(load="mmjsonparse")\n'
                'input(type="imtcp" address="127.0.0.1" port="%(at)s")\n'
                'action(type="mmjsonparse" cookie="")\n'
                'if $parsesuccess == "FAIL" then stop\n',
        "ptcp": 'module(load="imptcp")\n'
                'input(type="imptcp" address="127.0.0.1" port="%(at)s")\n',
        "relp": 'module(load="imrelp")\n'
                'input(type="imrelp" address="127.0.0.1" port="%(at)s"'
                ' maxDataSize="64k")\n',
        "udp": 'module(load="imudp")\n'
               'input(type="imudp" address="127.0.0.1" port="%(at)s")\n',
        "unix": 'module(load="imuxsock" SysSock.Use="off")\n'
                'input(type="imuxsock" Socket="%(at)s"'
                ' RateLimit.Interval="0")\n',
        "tls": OSSL + 'anon")\n'
               'input(type="imtcp" address="127.0.0.1" port="%(at)s")\n',
        "tls-mutual": OSSL + 'x509/name" permittedPeer="forwarder")\n'
               'input(type="imtcp" address="127.0.0.1" port="%(at)s")\n',
        "relp+tls": 'module(load="imrelp" tls.tlsLib="openssl")\n'
                'input(type="imrelp" address="127.0.0.1" port="%(at)s"'
                ' maxDataSize="64k" tls="on" tls.caCert="%(ca)s"'
                ' tls.myCert="%(cert)s" tls.myPrivKey="%(key)s"'
                ' tls.authMode="certvalid")\n',
    }
    LARGE = ' maxMessageSize="64k"' \
        ' parser.escapeControlCharactersOnReceive="off"'

    SCHEMES = {"json": "tcp", "ptcp": "tcp", "tls-mutual": "tls"}

    CONF = '''
global(workDirectory="%(dir)s"%(global)s)
main_queue(queue.type="LinkedList" queue.size="1000000")
%(input)s
template(name="fields" type="string" string="%%pri%%|%%hostname%%|''' \
        '''%%app-name%%|%%procid%%|%%msgid%%|%%structured-data%%|%%msg%%\\n")
action(type="omfile" file="%(out)s" template="fields")
'''

    def __init__(self, case, kind, name="rsyslog", files=()):
        self.kind = kind
        if kind == "unix":
            self.where = os.path.join(case.dir, name + ".sock")
        else:
            self.where = free_port(socket.SOCK_DGRAM if kind == "udp" else
                                socket.SOCK_STREAM)
        super().__init__(case, name, self.CONF % {
            "dir": os.path.join(case.dir, name),
            "out": os.path.join(case.dir, name + ".received"),
            "global": self.LARGE if kind != "unix" else "",
            "input": self.INPUTS[kind] % dict(files, at=self.where)})

    @property
    def url(self):
        if self.kind == "unix":
            return "unix://" + self.where
        return "%s://127.0.0.1:%d" % (
            self.SCHEMES.get(self.kind, self.kind), self.where)

    def start(self):
        root = peer_root("rsyslogd")
        modules = glob.glob(root + "/usr/lib/*-linux-gnu*/rsyslog") + \
            glob.glob(root + "/usr/lib/rsyslog")
        self.run([root + "/usr/sbin/rsyslogd", "-n", "-f", self.conf_path,
                  "-i", os.path.join(self.dir, "pid"), "-M", modules[0]],
                 library_dirs(root))
        if self.kind == "unix":
            self.wait_ready(lambda: os.path.exists(self.where))
        elif self.kind == "udp":
            self.wait_ready(lambda: udp_is_bound(self.where))
        else:
            self.wait_ready(lambda: tcp_is_listening(self.where))
        return self


class SyslogNg(Peer):
    """kind: one of SOURCES; files: the ca, cert and key of those with TLS."""

    TLS = ' tls(key-file("%(key)s") cert-file("%(cert)s") ca-file("%(ca)s")' \
          ' peer-verify('
    AT = '(ip("127.0.0.1") port(%(at)s) transport('

    SOURCES = {
        "syslog-tcp": 'syslog' + AT + '"tcp")',
        "network-tcp": 'network' + AT + '"tcp") flags(syslog-protocol)',
        "syslog-udp": 'syslog' + AT + '"udp")',
        "network-udp": 'network' + AT + '"udp") flags(syslog-protocol)',
        "unix-dgram": 'unix-dgram("%(at)s"',
        "unix-stream": 'unix-stream("%(at)s" flags(syslog-protocol)',
        "syslog-tls": 'syslog' + AT + '"tls")' + TLS + 'optional-untrusted))',
        "network-tls": 'network' + AT + '"tls") flags(syslog-protocol)' +
                       TLS + 'optional-untrusted))',
        "syslog-tls-mutual": 'syslog' + AT + '"tls")' + TLS +
                             'required-trusted))',
        "network-tls-mutual": 'network' + AT + '"tls")'
                              ' flags(syslog-protocol)' + TLS +
                              'required-trusted))',
    }

    CONF = '''@version: 3.38
options { keep-hostname(yes); chain-hostnames(no); use-dns(no); stats-freq(0);
    log-msg-size(65536); dns-cache(no); };
source s { %(source)s so-rcvbuf(2097152)); };
destination d { file("%(out)s" template("''' \
        '''${PRI}|${HOST}|${PROGRAM}|${PID}|${MSGID}|${SDATA}|${MSG}\\n")
    flush-lines(1) log-fifo-size(1000000)); };
log { source(s); destination(d); flags(flow-control); };
'''

    def __init__(self, case, kind, name="syslog-ng", files=()):
        self.kind = kind
        self.scheme = next(s for s in ("unix", "udp", "tls", "tcp")
                           if s in kind)
        if self.scheme == "unix":
            self.where = os.path.join(case.dir, name + ".sock")
        else:
            self.where = free_port(socket.SOCK_DGRAM if "udp" in kind else
                                   socket.SOCK_STREAM)
        super().__init__(case, name, self.CONF % {
            "out": os.path.join(case.dir, name + ".received"),
            "source": self.SOURCES[kind] % dict(files, at=self.where)})

    @property
    def url(self):
        if self.scheme == "unix":
            return "unix://" + self.where
        return "%s://127.0.0.1:%d" % (self.scheme, self.where)

    def start(self):
        root = peer_root("syslog-ng")
        base = root + "/usr/lib/syslog-ng"
        modules = [d for d in glob.glob(base + "/*") if
                   os.path.exists(d + "/libafsocket.so")]

        def inside(name):
            return os.path.join(self.dir, name)
        self.run([root + "/usr/sbin/syslog-ng", "-F", "-f", self.conf_path,
                  "-p", inside("pid"), "-R", inside("persist"),
                  "-c", inside("ctl"), "--no-caps",
                  "--module-path=" + ":".join(modules)],
                 library_dirs(root, base))
        if self.scheme == "unix":
            self.wait_ready(lambda: os.path.exists(self.where))
            os.chmod(self.where, 0o666)
        elif self.scheme == "udp":
            self.wait_ready(lambda: udp_is_bound(self.where))
        else:
            self.wait_ready(lambda: tcp_is_listening(self.where))
        return self


class Journald(Peer):
    """systemd's, on a /run of its own."""

    PROGRAM = "/lib/systemd/systemd-journald"
    INSIDE = '''mount -t tmpfs tmpfs /run &&
mkdir -p /run/systemd/journal /run/log/journal &&
mount --bind "$1/socket" /run/systemd/journal &&
mount --bind "$1/journal" /run/log/journal && exec "$0"'''

    def __init__(self, case, kind, name="journald"):
        super().__init__(case, name, "")
        for inside in ("socket", "journal"):
            os.mkdir(os.path.join(self.dir, inside))
        self.where = os.path.join(self.dir, "socket", "dev-log")
        self.url = "unix://" + self.where

    @classmethod
    def missing_here(cls):
        """Why it cannot run, or None."""
        if not os.path.exists(cls.PROGRAM):
            return "there is no journald"
        if os.geteuid() != 0:
            return "journald needs root"
        if subprocess.run(["unshare", "-m", "true"], check=False,
                          stderr=subprocess.DEVNULL).returncode != 0:
            return "there are no mount namespaces"
        return None

    def start(self):
        self.run(["unshare", "-m", "sh", "-c", self.INSIDE, self.PROGRAM,
                  self.dir])
        self.wait_ready(lambda: os.path.exists(self.where))
        return self

    def update(self):
        fields = ("SYSLOG_IDENTIFIER", "SYSLOG_PID", "MESSAGE")
        done = subprocess.run(
            ["journalctl", "-D", os.path.join(self.dir, "journal"), "-q",
             "-o", "json", "--all", "--no-pager", "_TRANSPORT=syslog"],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
        with open(self.path, "w", encoding="utf-8") as f:
            for line in done.stdout.splitlines():
                m = json.loads(line)
                app, procid, text = (m.get(k, "") for k in fields)
                pri = 8 * int(m.get("SYSLOG_FACILITY", 0)) + \
                    int(m["PRIORITY"])
                f.write("%d||%s|%s|||%s\n" % (pri, app, procid, text))
        super().update()

    def lines(self):
        self.update()
        return super().lines()


#
# Messages.
#

HEADER = re.compile(
    rb"<(?P<pri>\d{1,3})>1 (?P<time>\S+) (?P<hostname>\S+) (?P<app>\S+) "
    rb"(?P<procid>\S+) (?P<msgid>\S+) "
    rb"(?P<sd>-|(?:\[(?:[^\]\\]|\\.)*\])+) (?P<msg>.*)", re.DOTALL)


def unescape(line):
    """Undoes what our receiver did to a message."""
    return re.sub(rb"\\(.)", lambda m: b"\n" if m[1] == b"n" else m[1], line)


def parse(line):
    """An RFC 5424 message as a dictionary; without BOM."""
    m = HEADER.fullmatch(unescape(line))
    if m is None:
        raise AssertionError("not RFC 5424: %r" % line)
    fields = m.groupdict()
    fields["msg"] = fields["msg"].removeprefix(b"\xef\xbb\xbf")
    return fields


def texts(lines):
    return [parse(line)["msg"] for line in lines]


#
# Cases.
#

class Case(unittest.TestCase):
    """A test with a directory, whose processes end with it."""

    longMessage = True
    maxDiff = 4000

    def setUp(self):
        rng.seed("%d %s" % (SEED, self.id()))
        self.dir = tempfile.mkdtemp(prefix="teslacoil-")
        os.chmod(self.dir, 0o755)
        self.logs = os.path.join(self.dir, "logs")
        os.mkdir(self.logs)
        self.daemons = []
        self.receivers = []
        self.writers = []
        self.addCleanup(self.end_all)

    def path(self, name):
        return os.path.join(self.logs, name)

    def writer(self, file="app.log", **options):
        path = self.path(file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        w = Writer(path, name=options.pop("name", file), **options)
        self.writers.append(w)
        return w

    def receiver(self, *args, **options):
        return Receiver(self, *args, **options)

    def daemon(self, conf, **options):
        return Daemon(self, conf, **options)

    def for_others(self, program):
        """A copy that any account can run: the tree may be root's alone."""
        return shutil.copy(program, self.dir)

    def finish(self, daemon, *receivers):
        """Stops all in the order in which nothing is lost or repeated."""
        daemon.stop()
        for r in receivers:
            r.stop()

    def end_all(self):
        for w in self.writers:
            w.close()
        for d in self.daemons:
            d.kill()
        for r in self.receivers:
            r.finish()
        said = [line for d in self.daemons if os.path.exists(d.log_path)
                for line in d.complaints()]
        self.assertEqual(said, [], "sanitizers complained")

    def run(self, result=None):
        before = len(result.failures) + len(result.errors)
        begin = time.monotonic()
        super().run(result)
        if not hasattr(self, "dir"):
            return result
        failed = len(result.failures) + len(result.errors) > before
        print("%s %.1f s %s" % ("FAIL" if failed else "ok",
                                time.monotonic() - begin, self.id()),
              flush=True)
        if failed:
            self.tell()
        elif not os.environ.get("TESLACOIL_KEEP"):
            shutil.rmtree(self.dir)
        return result

    def tell(self):
        """What a person needs to find out why."""
        print("--- seed %d; again with: TESLACOIL_SEED=%d %s %s %s" % (
            SEED, SEED, sys.executable, sys.argv[0],
            self.id().removeprefix("__main__.")))
        print("--- kept: " + self.dir)
        for path in sorted(glob.glob(self.dir + "/*.log") +
                           glob.glob(self.dir + "/*/log")):
            if os.path.isdir(path):
                continue
            with open(path, "rb") as f:
                tail = f.read().decode("utf-8", "replace").splitlines()[-40:]
            print("--- %s\n%s" % (path, "\n".join(tail)), flush=True)


def main():
    if not os.path.exists(TESLACOILD):
        sys.exit("no daemon to test at " + TESLACOILD)
    unittest.main(verbosity=0)
