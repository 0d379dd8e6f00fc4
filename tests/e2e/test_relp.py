#!/usr/bin/python3
"""Goal: over RELP only the server's word counts, whatever the server does."""

import os
import socket
import threading

from teslacoil import (Case, Output, destination, main, rng, source,
                       wait_for)


class Server(Output):
    """A RELP server that can delay, reorder, refuse, drop and talk nonsense.

    A message is written down when its response says 200, and not before.
    """

    def __init__(self, case):
        super().__init__(os.path.join(case.dir, "relp.received"))
        self.fault = None
        self.budget = 0         # messages until the fault
        self.refuse = b""       # messages with this in them
        self.refused = 0
        self.sessions = 0
        self.closed = 0         # in order
        self.too_many = False   # came while budget of them were held
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = "relp://127.0.0.1:%d" % self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.sessions += 1
            try:
                self.serve(connection)
            except (ConnectionError, ValueError, OSError):
                pass
            connection.close()

    def stop(self):
        self.socket.close()

    @staticmethod
    def frame(f):
        head = b""
        while True:
            c = f.read(1)
            if not c:
                raise ConnectionError
            head += c
            parts = head.split(b" ")
            if c == b"\n" or len(parts) == 4:
                break
        txnr, command, length = head.split()[:3]
        data = f.read(int(length)) if int(length) else b""
        if int(length):
            assert f.read(1) == b"\n"
        return int(txnr), command, data

    def serve(self, connection):
        f = connection.makefile("rb")
        out = open(self.path, "ab", buffering=0)
        with out, f:
            self.talk(connection, f, out)

    def talk(self, connection, f, out):
        held = []

        def respond(txnr, text, data=None):
            if data is not None:
                out.write(data + b"\n")
            connection.sendall(b"%d rsp %d %s\n" % (txnr, len(text), text))

        def release():
            rng.shuffle(held)
            while held:
                txnr, data = held.pop()
                respond(txnr, b"200 OK", data)

        while True:
            txnr, command, data = self.frame(f)
            if command == b"open":
                respond(txnr, b"200 OK\nrelp_version=0\nrelp_software=test\n"
                              b"commands=syslog")
            elif command == b"close":
                release()
                respond(txnr, b"200 OK")
                self.closed += 1
                return
            elif self.refuse and self.refuse in data:
                self.refused += 1
                release()
                respond(txnr, b"500 not this one")
            elif self.fault == "hold":
                held.append((txnr, data))
                if len(held) == self.budget:
                    self.too_many |= connection_has_more(connection)
                    for one in held:
                        respond(one[0], b"200 OK", one[1])
                    held.clear()
            elif self.fault == "reorder":
                held.append((txnr, data))
                if len(held) >= 50 or not connection_has_more(connection):
                    release()
            else:
                respond(txnr, b"200 OK", data)
                self.spend(connection)

    def spend(self, connection):
        if self.fault is None:
            return
        self.budget -= 1
        if self.budget > 0:
            return
        fault, self.fault = self.fault, None
        if fault == "garbage":
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        elif fault == "huge":
            connection.sendall(b"7 rsp 999999999 200 OK\n")
        elif fault == "unknown":
            connection.sendall(b"999999999 rsp 6 200 OK\n")
        elif fault == "serverclose":
            connection.sendall(b"0 serverclose 0\n")
        elif fault == "silent":
            while connection.recv(65536):
                pass
        raise ConnectionError


def connection_has_more(connection):
    connection.settimeout(0.05)
    try:
        return bool(connection.recv(1, socket.MSG_PEEK))
    except TimeoutError:
        return False
    finally:
        connection.settimeout(None)


class Relp(Case):
    WINDOW = 1024

    def begin(self, **options):
        self.w = self.writer()
        self.r = Server(self)
        self.addCleanup(self.r.stop)
        self.d = self.daemon(destination("d", self.r.url, **options) +
                             source("s", self.w.path)).start()

    def end(self, repeats=0, ordered=True):
        self.r.wait_all(self.w)
        self.finish(self.d)
        self.r.check(self.w, repeats=repeats, ordered=ordered)

    def test_all_arrive_once_and_it_ends_in_order(self):
        self.begin()
        self.w.write(20000)
        self.end()
        wait_for(lambda: self.r.closed == 1, "the close of RELP")

    def test_responses_out_of_order(self):
        self.begin()
        self.r.fault = "reorder"
        self.w.write(5000)
        self.end(ordered=False)

    def with_fault(self, fault, **options):
        self.begin(**options)
        for _ in range(3):
            self.r.fault, self.r.budget = fault, rng.randint(1, 2000)
            self.w.write(3000)
            wait_for(lambda: self.r.fault is None, "the fault")
        self.end(repeats=3 * self.WINDOW)

    def test_no_more_than_the_window_waits_for_its_answer(self):
        self.begin(relp={"window": 10})
        self.r.fault, self.r.budget = "hold", 10
        self.w.write(100)
        self.end()
        self.assertFalse(self.r.too_many)

    def test_a_window_of_one(self):
        self.begin(relp={"window": 1})
        self.w.write(100)
        self.end()

    def test_the_window_of_bytes_counts_too(self):
        """Of what is unanswered there is at most that and a slice more."""
        window, slice = 64 * 1024, 128 * 1024
        self.begin(relp={"window": 65536}, window="64KB")
        self.r.fault, self.r.budget = "hold", 65536
        self.w.write(20000)

        def in_flight():
            return self.d.state()["destinations"][0]["in_flight_bytes"]
        wait_for(lambda: in_flight() >= window, "a full window")
        self.assertLess(in_flight(), window + slice)
        self.d.kill()
        self.r.fault = None
        self.d.start()
        self.end()

    def test_lost_connections(self):
        self.with_fault("lost")

    def test_garbage(self):
        self.with_fault("garbage")

    def test_a_huge_response(self):
        self.with_fault("huge")

    def test_a_response_to_nothing(self):
        self.with_fault("unknown")

    def test_serverclose(self):
        self.with_fault("serverclose")

    def test_a_server_that_answers_none(self):
        self.with_fault("silent", ack_timeout="1s")

    def test_a_poisonous_message_does_not_stop_the_others(self):
        self.begin()
        self.r.refuse = b"seq=00000500 "
        self.w.write(1000)
        wait_for(lambda: self.r.missing(self.w) == 1, "all but one")

        def passed_over():
            endpoint = self.d.state()["destinations"][0]["endpoints"][0]
            return endpoint["refused"] == 1
        wait_for(passed_over, "the message to be passed over")
        self.assertEqual(self.r.refused, 5)
        self.w.write(10)
        wait_for(lambda: self.r.missing(self.w) == 1, "all but one again")
        self.finish(self.d)
        with open(self.d.log_path) as f:
            self.assertIn("passed over", f.read())

    def test_poisonous_messages_that_are_refused_in_any_order(self):
        """Each has its own count: none is in the way of the others."""
        w = self.writer()
        r = self.receiver("relp:0").start()
        r.do("poison seq=0000050")
        r.do("shuffle 100")
        d = self.daemon(destination("d", r.url, retry=["5ms", "20ms"],
                                    relp={"window": 200}) +
                        source("s", w.path)).start()
        w.write(1000)
        wait_for(lambda: r.missing(w) == 10, "all but ten")

        def passed_over():
            endpoint = d.state()["destinations"][0]["endpoints"][0]
            return endpoint["refused"] == 10
        wait_for(passed_over, "ten messages to be passed over")
        for seq in range(500, 510):
            self.assertRegex(d.log(), r"at %d was refused: .* 5 times: passed"
                             % ((seq - 1) * w.size))
        r.do("poison")
        w.write(10)
        wait_for(lambda: r.missing(w) == 10, "all but ten again")
        self.finish(d, r)

    def test_killed_daemon_repeats_no_more_than_its_checkpoint_missed(self):
        self.begin()
        for _ in range(3):
            self.w.write(2000)
            self.d.kill()
            self.d.start()
        self.end(repeats=None)

    def test_rate_limit(self):
        """Nothing is dropped; how fast it is, is not asked here."""
        self.begin(rate_limit=2000)
        self.w.write(6000)
        self.end()


if __name__ == "__main__":
    main()
