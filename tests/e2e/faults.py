"""What can happen to a receiver, a connection or the daemon."""

import signal
import time

from cell import RELP, RELP_WINDOW, STREAMS, TCP, TLS, TRANSPORTS
from teslacoil import kill, running, wait_for


class Fault:
    """run(cell) does it, mends it, and returns what it cost in connections."""

    def __init__(self, run, transports, picks=False, files=None, **options):
        self.run = run
        self.picks = picks      # the receiver does, among messages
        self.files = files      # of the cell, if not as all have them
        self.name = run.__name__.replace("_", " ")
        self.transports = transports
        self.options = options


FAULTS = []


def fault(*transports, **options):
    """options are those of the destination, picks and files."""
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


def hang(cell):
    """Lines come from all in turns, so each is by itself in the window; and
    there are more than it once had room for."""
    cell.do("pause")
    for _ in range(60):
        cell.write(1, 1)
        time.sleep(0.01)


@fault(*STREAMS, files=400, window="4MB")
def hangs_and_is_killed_with_many_files(cell):
    hang(cell)
    die(cell)
    return 1


@fault(*STREAMS, files=400, window="4MB")
def hangs_and_closes_with_many_files(cell):
    hang(cell)
    ways = ["reset", "shut"]
    if cell.transport in TLS:
        ways.append("notify")
    cell.do(cell.rng.choice(ways))
    cell.do("resume")
    return 1


@fault(*STREAMS)
def away(cell):
    cell.do("away %d" % cell.rng.randint(1, 60))
    cell.write()
    return 1


@fault("udp")
def no_socket(cell):
    """What was sent in the last second comes again; or a little earlier, on a
    host that is slow itself."""
    cell.wait_all()
    begin = time.monotonic()
    cell.do("refuse")
    cell.write()
    cell.pause()
    cell.do("listen")
    cell.exact = cell.written_since(begin - 2)
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
    cell.exact = cell.count_seen() - sum(cell.checkpoint().values())


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
