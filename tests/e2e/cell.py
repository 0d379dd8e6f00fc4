"""One transport with one fault, for a number of rounds.

In a round several files grow while the fault comes at a random moment; it ends
when all lines have arrived and are acknowledged.  What came twice is held
against what the documentation promises for that transport and fault.
"""

import collections
import contextlib
import glob
import os
import random
import socket
import time

from authority import NAME
from teslacoil import (SEED, Daemon, Receiver, Writer, destination, free_port,
                       source, wait_for)

KB = 1024
MB = 1024 * KB

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

    def __init__(self, transport, fault, path, certificates, files=FILES):
        self.transport = transport
        self.fault = fault
        self.files = fault.files or files
        self.certificates = certificates
        self.rng = random.Random("%d %s" % (SEED, self))
        self.place = Place(path)
        self.rounds = 0
        self.lines = 0
        self.lost = 0
        self.repeated = 0       # in the worst round,
        self.bound = 0          # and what was allowed in that one
        self.most = 0           # that was ever allowed
        self.written = []       # when, and how many lines
        self.unbroken = collections.Counter()   # lines that arrived so far
        self.writers = []
        self.receiver = None
        self.daemon = None
        self.exact = None       # a bound that the fault itself found out

    def __str__(self):
        return "%s/%s" % (self.transport, self.fault.name)

    #
    # What a cell is made of.
    #

    def receiver_address(self):
        if self.transport.startswith("unix"):
            return "%s:%s/sock" % (self.transport, self.place.dir)
        return "%s:%d" % (self.transport, free_port())

    def destination(self):
        options = {"retry": ["5ms", "40ms"], "window": "%d" % WINDOW,
                   "max_message": "8KB"}
        if self.transport in TCP:
            options["resend_on_reset"] = "%d" % UNREAD
        if self.transport in RELP:
            # 0: the window of octets decides.
            options["relp"] = {"window":
                               0 if self.fault.files else RELP_WINDOW}
        if self.transport in TLS:
            cert, key = self.certificates["client"]
            options["tls"] = {"ca_file": self.certificates["ca"],
                              "server_name": NAME,
                              "cert_file": cert, "key_file": key}
        options.update(self.fault.options)
        return destination("d", self.receiver.url, **options)

    def start(self):
        options = []
        if self.transport != "udp":
            options = ["-b", str(RECEIVE_BUFFER)]
        self.receiver = Receiver(
            self.place, self.receiver_address(),
            options=options + ["-S", str(self.rng.getrandbits(31))],
            pair=self.certificates["good"] if self.transport in TLS else None)
        self.receiver.start()
        logs = os.path.join(self.place.dir, "logs")
        self.writers = [Writer(os.path.join(logs, "%d.log" % i), size=LINE)
                        for i in range(self.files)]
        self.daemon = Daemon(
            self.place,
            self.destination() + source("s", os.path.join(logs, "*.log")),
            checkpoint_interval="20ms")
        self.daemon.start()
        # A daemon whose first worker ends before it is ready ends with it.
        self.write(1, 1)
        self.wait_all()

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
        if self.daemon is not None:
            self.daemon.kill()
        if self.receiver is not None and self.receiver.process is not None:
            self.receiver.reap()

    #
    # What faults do with it.
    #

    def do(self, command):
        self.receiver.do(command)

    def pause(self, longest=0.03):
        time.sleep(self.rng.uniform(0, longest))

    def write(self, least=20, most=600):
        """So many lines to each of three files; more files share as many."""
        most = most if self.transport != "udp" else 15
        least, most = (max(1, n * FILES // self.files) for n in (least, most))
        for w in self.writers:
            n = self.rng.randint(min(least, most), most)
            w.write(n, 100)
            self.written.append((time.monotonic(), n))

    def written_since(self, then):
        return sum(n for when, n in self.written if when >= then)

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
        for w in self.writers:
            seen = self.receiver.ledger.seen[w.name]
            while self.unbroken[w.name] + 1 in seen:
                self.unbroken[w.name] += 1
        return {w.name: self.unbroken[w.name] for w in self.writers}

    def count_seen(self):
        """All different lines that the receiver has."""
        self.receiver.update()
        return sum(map(len, self.receiver.ledger.seen.values()))

    #
    # Rounds.
    #

    def missing(self):
        return self.receiver.missing(*self.writers)

    def repeats(self):
        ledger = self.receiver.ledger
        return (sum(map(len, ledger.runs.values())) -
                sum(map(len, ledger.seen.values())))

    def wait_all(self):
        if self.transport in SAFE:
            self.receiver.wait_all(*self.writers)
            return
        try:
            wait_for(lambda: self.missing() <= self.lost, "all lines", 2)
        except AssertionError:
            self.lost = self.missing()

    def allowed(self, losses):
        """Lines that may come twice when so many connections are lost."""
        if self.exact is not None:
            return self.exact
        window = WINDOW
        if "window" in self.fault.options:
            window = int(self.fault.options["window"].removesuffix("MB")) * MB
        if self.transport in RELP:
            return losses * (window // FRAME if self.fault.files
                             else RELP_WINDOW)
        if self.transport in TCP:
            return losses * (window + UNREAD + SLICE) // FRAME
        return losses * (window + SLICE) // FRAME

    def settle(self):
        """Until all is acknowledged, lines may still come once more."""
        self.wait_all()
        wait_for(lambda: self.checkpoint() == {w.name: w.count
                                               for w in self.writers},
                 "the checkpoint to have all")
        self.receiver.update()

    def late_resets(self):
        """Each also takes back what the next connection has had by then."""
        return self.daemon.log().count("closed a connection with octets unread")

    def round(self):
        before, late = self.repeats(), self.late_resets()
        self.exact = None
        if self.fault.files is None:
            self.write()
        else:
            self.write(1, 1)
        self.pause(0.01)
        losses = self.fault.run(self)
        self.write(1, 20)
        self.check_checkpoint()
        self.settle()
        twice = self.repeats() - before
        bound = self.allowed(losses + self.late_resets() - late)
        self.rounds += 1
        self.most = max(self.most, bound)
        if twice > self.repeated:
            self.repeated, self.bound = twice, bound
        if twice > bound:
            raise AssertionError("round %d: %d lines came twice, at most %d "
                                 "may" % (self.rounds, twice, bound))

    def check_checkpoint(self):
        """Only what the receiver has is ever in it.

        Over tcp and tls its system has it, and the program a little later.
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
        if self.transport not in SAFE:
            return
        # A receiver that says goodbye first and dies with octets unread then:
        # the next connection was there before that could be known.
        anew = self.fault.picks or self.late_resets() > 0
        self.receiver.check(*self.writers, repeats=None, ordered=not anew)
        if anew:
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
        try:
            self.start()
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
