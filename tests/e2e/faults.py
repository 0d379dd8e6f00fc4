"""What can happen to a receiver, a connection or the daemon, and how often.

A cell is one transport with one fault, for a number of rounds.  In a round
several files grow while the fault comes at a random moment; the round ends when
all lines have arrived.  What came twice is held against what the documentation
promises for that transport and fault.
"""

import contextlib
import glob
import os
import random
import signal
import socket
import time

from authority import NAME
from teslacoil import (SEED, Daemon, Receiver, Writer, destination, kill,
                       running, source, wait_for)

KB = 1024

TLS = ("tls", "relp+tls")
RELP = ("relp", "relp+tls")
TCP = ("tcp", "tls")            # where the peer's system acknowledges
STREAMS = TCP + RELP + ("unix-stream",)
DATAGRAMS = ("unix-dgram", "udp")
TRANSPORTS = STREAMS + DATAGRAMS
# No line may be lost on these, whatever happens.
SAFE = STREAMS
# Nor is any acknowledged before the program has it.
ACKNOWLEDGED = RELP

FILES = 3
LINE = 150                      # octets of a line in a file
FRAME = 200                     # and at least so many on the wire
WINDOW = 128 * KB
RELP_WINDOW = 100               # messages
RECEIVE_BUFFER = 32 * KB        # the system doubles it
UNREAD = 128 * KB               # resend_on_reset
SLICE = 128 * KB                # comes again as a whole


def stable_port():
    """Nobody gets it by chance while a receiver is away for a moment."""
    while True:
        port = random.SystemRandom().randrange(20000, 30000)
        with socket.socket() as s, contextlib.suppress(OSError):
            s.bind(("127.0.0.1", port))
            return port


class Place:
    """A directory, and what runs in it."""

    def __init__(self, path):
        self.dir = path
        os.makedirs(os.path.join(path, "logs"))
        os.chmod(path, 0o755)
        self.daemons = []
        self.receivers = []


class Cell:
    """One transport with one fault; figures add up over its rounds."""

    def __init__(self, transport, fault, path, certificates):
        self.transport = transport
        self.fault = fault
        self.certificates = certificates
        self.rng = random.Random("%d %s" % (SEED, self))
        self.place = Place(path)
        self.rounds = 0
        self.lines = 0
        self.lost = 0
        self.repeated = 0       # in the worst round,
        self.bound = 0          # and what was allowed in that one
        self.most = 0           # that was ever allowed
        self.exact = None       # a bound that the fault itself found out

    def __str__(self):
        return "%s/%s" % (self.transport, self.fault.name)

    #
    # What a cell is made of.
    #

    def receiver_address(self):
        if self.transport.startswith("unix"):
            return "%s:%s/sock" % (self.transport, self.place.dir)
        return "%s:%d" % (self.transport, stable_port())

    def destination(self):
        options = {"retry": ["5ms", "40ms"], "window": "%d" % WINDOW,
                   "max_message": "8KB"}
        if self.transport in TCP:
            options["resend_on_reset"] = "%d" % UNREAD
        if self.transport in RELP:
            options["relp"] = {"window": RELP_WINDOW}
        if self.transport in TLS:
            cert, key = self.certificates["client"]
            options["tls"] = {"ca_file": self.certificates["ca"],
                              "server_name": NAME,
                              "cert_file": cert, "key_file": key}
        options.update(self.fault.options)
        return destination("d", self.receiver.url, **options)

    def start(self):
        options = []
        if not self.transport == "udp":
            options = ["-b", str(RECEIVE_BUFFER)]
        self.receiver = Receiver(
            self.place, self.receiver_address(),
            options=options + ["-S", str(self.rng.getrandbits(31))],
            pair=self.certificates["good"] if self.transport in TLS else None)
        self.receiver.start()
        logs = os.path.join(self.place.dir, "logs")
        self.writers = [Writer(os.path.join(logs, "%d.log" % i), size=LINE)
                        for i in range(FILES)]
        self.daemon = Daemon(
            self.place,
            self.destination() + source("s", os.path.join(logs, "*.log")),
            checkpoint_interval="20ms")
        self.daemon.start()

    def end(self):
        """Stops all of it."""
        self.daemon.stop()
        self.receiver.stop()
        said = self.daemon.complaints()
        if said:
            raise AssertionError("sanitizers: %s" % said)
        self.close()

    def close(self):
        for w in self.writers:
            w.close()
        self.daemon.kill()
        if self.receiver.process is not None:
            self.receiver.reap()

    #
    # What faults do with it.
    #

    def do(self, command):
        self.receiver.do(command)

    def pause(self, longest=0.03):
        time.sleep(self.rng.uniform(0, longest))

    def write(self, least=20, most=600):
        most = most if self.transport != "udp" else 15
        for w in self.writers:
            w.write(self.rng.randint(min(least, most), most), 100)

    def losses(self):
        """Connections that were lost, as the daemon counts them."""
        endpoint = self.daemon.state()["destinations"][0]["endpoints"][0]
        return endpoint["losses"]

    def messages(self):
        return self.receiver.stats()["messages"]

    def checkpoint(self):
        """The lines of every file that a checkpoint has as acknowledged."""
        lines = {w.name: 0 for w in self.writers}
        path = os.path.join(self.daemon.state_dir, "checkpoint")
        if not os.path.exists(path):
            return lines
        with open(path, "rb") as f:
            records = f.read().decode().splitlines()
        for record in records:
            fields = record.split(" ", 9)
            name = os.path.basename(fields[-1])
            # The last one may still be on its way to the disk.
            if len(fields) == 10 and fields[1] == "file" and name in lines:
                lines[name] = int(fields[7]) // LINE
        return lines

    def arrived(self):
        """The same of those that the receiver has without a gap."""
        self.receiver.update()
        return {w.name: len(self.receiver.ledger.seen[w.name])
                for w in self.writers}

    #
    # Rounds.
    #

    def missing(self):
        return self.receiver.missing(*self.writers)

    def repeats(self):
        return sum(self.receiver.ledger.repeats(w.name) for w in self.writers)

    def wait_all(self):
        if self.transport in SAFE:
            self.receiver.wait_all(*self.writers)
            return
        try:
            wait_for(lambda: self.missing() <= self.lost, "all lines", 3)
        except AssertionError:
            self.lost = self.missing()

    def allowed(self, losses):
        """Lines that may come twice when so many connections are lost."""
        if self.exact is not None:
            return self.exact
        if self.transport in RELP:
            return losses * RELP_WINDOW
        if self.transport in TCP:
            return losses * (WINDOW + UNREAD + SLICE) // FRAME
        return losses * (WINDOW + SLICE) // FRAME

    def settle(self):
        """Until all is acknowledged, lines may still come once more."""
        self.wait_all()
        wait_for(lambda: all(self.checkpoint()[w.name] == w.count
                             for w in self.writers),
                 "the checkpoint to have all")
        self.receiver.update()

    def round(self):
        before = self.repeats()
        self.exact = None
        self.write()
        self.pause(0.01)
        losses = self.fault.run(self)
        self.write(1, 20)
        self.check_checkpoint()
        self.settle()
        twice = self.repeats() - before
        bound = self.allowed(losses)
        self.rounds += 1
        self.most = max(self.most, bound)
        if twice > self.repeated:
            self.repeated, self.bound = twice, bound
        if twice > bound:
            raise AssertionError("round %d: %d lines came twice, at most %d "
                                 "may" % (self.rounds, twice, bound))

    def check_checkpoint(self):
        """Only what the receiver has is ever in it.

        Over tcp and tls its system may have it, and the program a little later.
        """
        saved = self.checkpoint()

        def has_all():
            has = self.arrived()
            return all(n <= has[name] for name, n in saved.items())
        if self.transport in ACKNOWLEDGED:
            if not has_all():
                raise AssertionError("the checkpoint has %s, the receiver %s" %
                                     (saved, self.arrived()))
        elif self.transport in SAFE:
            wait_for(has_all, "what the checkpoint has")

    def check(self):
        self.lines = sum(w.count for w in self.writers)
        self.lost = self.missing()
        if self.transport in SAFE:
            self.receiver.check(*self.writers, repeats=None,
                                ordered=not self.fault.picks)
        if self.transport in SAFE and self.fault.picks:
            self.check_last()

    def check_last(self):
        """A receiver that takes a message and not the one before gets both
        once more, in order."""
        for (name, _), run in self.receiver.ledger.runs.items():
            last = {seq: at for at, seq in enumerate(run)}
            order = sorted(last, key=last.get)
            if order != sorted(last):
                raise AssertionError("%s: out of order at last" % name)

    def run(self, rounds):
        self.start()
        try:
            for _ in range(rounds):
                self.round()
            self.check()
            self.end()
        except BaseException:
            self.close()
            raise

    def tell(self):
        for path in glob.glob(self.place.dir + "/*.log"):
            with open(path, "rb") as f:
                lines = f.read().decode("utf-8", "replace").splitlines()
            print("--- %s\n%s" % (path, "\n".join(lines[-20:])), flush=True)


class Fault:
    """run(cell) does it, mends it, and returns how many connections it cost."""

    def __init__(self, run, transports, picks=False, **options):
        self.run = run
        self.picks = picks      # the receiver does, among messages
        self.name = run.__name__.replace("_", " ")
        self.transports = transports
        self.options = options


FAULTS = []


def fault(*transports, **options):
    """options are those of the destination, and picks."""
    def add(run):
        FAULTS.append(Fault(run, transports, **options))
        return run
    return add


#
# The receiver is slow.
#

@fault(*TRANSPORTS)
def does_not_read(cell):
    cell.do("pause")
    cell.write()
    cell.pause()
    cell.do("resume")
    return 0


@fault(*TRANSPORTS)
def reads_slowly(cell):
    cell.do("rate %d" % cell.rng.randint(500000, 4000000))
    cell.write()
    cell.pause()
    cell.do("rate 0")
    return 0


@fault("tcp", "tls", "unix-stream", ack_timeout="1s")
def zero_window(cell):
    """For longer than ack_timeout too: its system still answers, though in
    ever longer intervals."""
    cell.do("pause")
    cell.write(600, 1000)
    time.sleep(cell.rng.uniform(0.1, 0.5))
    if cell.rounds % 5 == 0:
        time.sleep(3)
    cell.do("resume")
    return 0


#
# The connection ends.
#

@fault(*STREAMS)
def fin(cell):
    cell.do("fin")
    return 1


@fault(*STREAMS)
def fin_while_it_reads_on(cell):
    cell.do("half-close")
    cell.write()
    return 1


@fault(*STREAMS)
def fin_in_a_message(cell):
    cell.do("fin-after %d" % cell.rng.randint(1, 40000))
    cell.write()
    return 1


@fault(*STREAMS)
def reset(cell):
    cell.do("reset")
    return 1


@fault(*STREAMS)
def reset_in_a_message(cell):
    cell.do("reset-after %d" % cell.rng.randint(1, 40000))
    cell.write()
    return 1


def leave_unread(cell):
    cell.do("pause")
    cell.write()
    cell.pause()


@fault(*STREAMS)
def reset_with_octets_unread(cell):
    leave_unread(cell)
    cell.do("reset")
    cell.do("resume")
    return 1


@fault(*STREAMS)
def fin_with_octets_unread(cell):
    leave_unread(cell)
    cell.do("shut")
    cell.do("resume")
    return 1


@fault(*TLS)
def close_notify_with_octets_unread(cell):
    leave_unread(cell)
    cell.do("notify")
    cell.do("resume")
    return 1


#
# The receiver goes.
#

def die(cell):
    cell.do("die")
    cell.receiver.reap()
    cell.pause(0.01)
    cell.receiver.start()


@fault(*STREAMS)
def killed(cell):
    die(cell)
    return 1


@fault(*STREAMS)
def killed_with_octets_unread(cell):
    leave_unread(cell)
    die(cell)
    return 1


@fault(*STREAMS)
def away(cell):
    cell.do("away %d" % cell.rng.randint(1, 60))
    cell.write()
    return 1


@fault("udp")
def no_socket(cell):
    """What was sent in the last second comes again; here that is all."""
    cell.wait_all()
    cell.do("refuse")
    cell.write()
    cell.pause()
    cell.do("listen")
    cell.exact = sum(w.count for w in cell.writers)
    return 1


#
# TLS.
#

def reconnect(cell):
    """The next handshake is another."""
    cell.do("reset")
    cell.write()
    cell.pause(0.06)


@fault(*TLS, connect_timeout="100ms")
def stall_in_the_handshake(cell):
    cell.do("stall")
    reconnect(cell)
    cell.do("shake")
    return 1


@fault(*TLS)
def garbage_for_a_handshake(cell):
    cell.do("nonsense")
    reconnect(cell)
    cell.do("shake")
    return 1


def present(cell, *files):
    """Nothing of a log arrives at one with this certificate."""
    cell.do("certificate " + " ".join(files))
    cell.do("reset")
    before = cell.messages()
    cell.write()
    cell.pause(0.06)
    if cell.messages() != before:
        raise AssertionError("lines were sent to a stranger")
    cell.do("certificate " + " ".join(cell.certificates["good"]))
    return 1


@fault(*TLS)
def wrong_name(cell):
    return present(cell, *cell.certificates["wrong"])


@fault(*TLS)
def expired(cell):
    return present(cell, *cell.certificates["expired"])


@fault(*TLS)
def unknown_ca(cell):
    return present(cell, *cell.certificates["unknown"])


@fault(*TLS)
def refuses_our_certificate(cell):
    return present(cell, *cell.certificates["good"],
                   cell.certificates["other ca"])


@fault(*TLS)
def wants_our_certificate(cell):
    cell.do("certificate " + " ".join(
        cell.certificates["good"] + (cell.certificates["ca"],)))
    cell.do("reset")
    cell.write()
    return 1


@fault(*TLS)
def garbage_under_tls(cell):
    cell.do("say-raw HTTP/1.1 400 Bad Request\\x0d\\x0a\\x0d\\x0a")
    return 1


@fault(*TLS)
def oversized_record(cell):
    cell.do("say-raw \\x17\\x03\\x03\\xff\\xff" + "x" * 500)
    return 1


#
# What a receiver says.
#

@fault(*TCP, "unix-stream")
def talks(cell):
    cell.do("say HTTP/1.1 400 Bad Request\\x0d\\x0a\\x0d\\x0a")
    return 0


@fault(*RELP)
def answers_late(cell):
    cell.do("delay %d" % cell.rng.randint(1, 40))
    cell.write()
    cell.pause()
    cell.do("delay 0")
    return 0


@fault(*RELP)
def answers_out_of_order(cell):
    cell.do("shuffle %d" % cell.rng.randint(2, RELP_WINDOW))
    cell.write()
    return 0


@fault(*RELP)
def out_of_order_and_reset(cell):
    cell.do("shuffle %d" % cell.rng.randint(2, RELP_WINDOW))
    cell.do("reset-after %d" % cell.rng.randint(1, 40000))
    cell.write()
    return 1


@fault(*RELP, picks=True)
def refuses_messages(cell):
    """A refused message costs a connection."""
    n = cell.rng.randint(1, 4)
    cell.do("reject %d" % n)
    cell.write()
    return n


@fault(*RELP, picks=True, ack_timeout="150ms")
def answers_nothing(cell):
    before = cell.losses()
    cell.do("drop 1")
    cell.write()
    wait_for(lambda: cell.losses() > before, "the daemon to give up")
    cell.do("drop 0")
    cell.wait_all()
    # More than once, where this host is slow itself.
    return cell.losses() - before


def say(cell, text):
    cell.do("say " + text)
    return 1


@fault(*RELP)
def garbage_for_an_answer(cell):
    return say(cell, "HTTP/1.1 400 Bad Request\\x0d\\x0a\\x0d\\x0a")


@fault(*RELP)
def oversized_answer(cell):
    return say(cell, "7 rsp 999999999 200 OK")


@fault(*RELP)
def answer_to_nothing(cell):
    return say(cell, "999999999 rsp 6 200 OK\\x0a")


@fault(*RELP)
def serverclose(cell):
    return say(cell, "0 serverclose 0\\x0a")


#
# The daemon goes.
#

def bound_by_checkpoint(cell):
    """What came, and was not in a checkpoint: nothing more may come again."""
    wait_for(lambda: cell.receiver.stats()["open"] == 0, "the last octet")
    if cell.transport not in STREAMS:
        cell.wait_all()
    cell.check_checkpoint()
    saved = cell.checkpoint()
    cell.exact = sum(n - saved[name] for name, n in cell.arrived().items())


@fault(*STREAMS, "unix-dgram")
def sigkill_of_the_daemon(cell):
    if cell.transport not in STREAMS:
        cell.wait_all()
    cell.daemon.kill()
    bound_by_checkpoint(cell)
    cell.pause(0.01)
    cell.daemon.start()
    return 1


@fault(*STREAMS)
def sigkill_of_the_worker(cell):
    """The monitor waits meanwhile, lest another writes a checkpoint."""
    old = cell.daemon.worker()
    kill(cell.daemon.pid, signal.SIGSTOP)
    kill(old, signal.SIGKILL)
    wait_for(lambda: not running(old), "the worker's end")
    bound_by_checkpoint(cell)
    kill(cell.daemon.pid, signal.SIGCONT)
    wait_for(lambda: any(w != old for w in cell.daemon.workers()),
             "another worker")
    # Who kills one after the other waits ever longer for the next.
    cell.wait_all()
    cell.daemon.stop()
    cell.daemon.start()
    return 1


@fault(*STREAMS)
def sigkill_of_the_monitor(cell):
    """The worker, that is left, ends as when told to."""
    worker = cell.daemon.worker()
    kill(cell.daemon.pid, signal.SIGKILL)
    cell.daemon.process.wait()
    wait_for(lambda: not running(worker), "the worker's end")
    bound_by_checkpoint(cell)
    cell.daemon.start()
    return 1


@fault(*STREAMS, "unix-dgram", "udp")
def stopped_and_started(cell):
    cell.daemon.stop()
    cell.exact = 0
    cell.write(1, 100)
    cell.daemon.start()
    return 0


@fault(*STREAMS)
def reloaded(cell):
    old = cell.daemon.worker()
    cell.daemon.hup()
    cell.write(1, 100)
    wait_for(lambda: not running(old) and cell.daemon.workers(),
             "another worker")
    cell.exact = 0
    return 0
