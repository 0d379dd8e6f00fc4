#!/usr/bin/python3
"""Goal: over TLS nothing is sent to who is not the receiver, no line is lost
whatever the receiver does, and the log says what to mend."""

import contextlib
import os
import re
import socket
import ssl
import struct
import subprocess
import threading
import time

from authority import NAME, Authority
from teslacoil import (Case, Output, destination, find_key, free_port, main,
                       rng, source, tcp_is_listening, wait_for)


class Server(Output):
    """A receiver over TLS.

    fault: None, or what becomes of a connection: "stall" (nothing is said),
    "garbage" (no TLS), "endless" (the handshake), "deaf" (nothing is read),
    "reset" (after budget octets), "slow" (little is read at a time, from a
    small buffer), "vanish" (closed without close_notify when all is read),
    "waste" (closed with it, and then read once more, which nobody sees).
    address: of IPv6, as of a socket.
    idle: seconds until a quiet connection is closed in order, or None.
    """

    def __init__(self, case, pair, port=0, fault=None, address=None,
                 idle=None, **options):
        super().__init__(os.path.join(case.dir, "tls.received"))
        self.fault = fault
        self.idle = idle
        self.budget = 0
        self.tcp = 0            # connections
        self.sessions = 0       # handshakes that went well
        self.closed = 0         # with close_notify
        self.held = []
        self.set(pair, **options)
        self.socket = socket.create_server(
            address or ("127.0.0.1", port),
            family=socket.AF_INET6 if address else socket.AF_INET)
        self.port = self.socket.getsockname()[1]
        self.url = "tls://127.0.0.1:%d" % self.port
        case.addCleanup(self.stop)
        threading.Thread(target=self.accept, daemon=True).start()

    def set(self, pair, client_ca=None, version=None, polite=True,
            tickets=2):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*pair)
        if client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(client_ca)
        if version is not None:
            context.minimum_version = context.maximum_version = version
        context.num_tickets = tickets
        self.context = context
        self.polite = polite

    def stop(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # accept() is to return
        except OSError:
            pass
        self.socket.close()
        self.release()

    def release(self):
        """Resets those that were left hanging."""
        while self.held:
            reset(self.held.pop())

    def accept(self):
        while True:
            try:
                raw, _ = self.socket.accept()
            except OSError:
                return
            self.tcp += 1
            threading.Thread(target=self.serve, args=(raw,),
                             daemon=True).start()

    def serve(self, raw):
        if self.fault == "stall":
            self.held.append(raw)
            return
        if self.fault == "garbage":
            raw.recv(65536)
            raw.sendall(b"220 mail.example.com ESMTP\r\n" * 20)
            raw.close()
            return
        if self.fault == "endless":
            hello_requests = b"\x16\x03\x03\x40\x00" + bytes(16384)
            raw.recv(65536)
            with contextlib.suppress(OSError):
                while True:
                    raw.sendall(hello_requests)
            raw.close()
            return
        try:
            connection = self.context.wrap_socket(
                raw, server_side=True, suppress_ragged_eofs=False)
        except OSError:
            raw.close()
            return
        self.sessions += 1
        if self.fault == "deaf":
            self.held.append(connection)
            return
        try:
            with open(self.path, "ab") as out:
                self.read(connection, out)
        except OSError:
            pass
        connection.close()

    def read(self, connection, out):
        rest = b""
        got = 0
        while True:
            slow = self.fault == "slow"
            if self.idle is not None:
                connection.settimeout(self.idle)
            if slow:
                time.sleep(rng.random() / 500)
            try:
                data = connection.recv(rng.randint(1, 8192) if slow else 65536)
            except TimeoutError:
                if self.idle is not None:
                    connection.settimeout(10)
                    connection.unwrap()
                    return
                self.fault = None   # all is read: no reset when it closes
                return
            if not data:
                self.closed += 1
                if self.polite:
                    connection.unwrap()
                return
            got += len(data)
            if self.fault == "reset" and got > self.budget:
                self.fault = None
                reset(connection)
                return
            if self.fault == "vanish" and got > self.budget:
                connection.settimeout(0.1)
            if self.fault == "waste":
                self.fault = None
                connection.settimeout(0.1)
                try:
                    connection.unwrap()     # says it, and reads what came
                except OSError:
                    pass
                return
            rest = self.cut(rest + data, out)
            out.flush()

    @staticmethod
    def cut(data, out):
        """Writes the messages down; returns what is no whole one yet."""
        at = 0
        while at < len(data):
            if data[at:at + 1].isdigit():
                blank = data.find(b" ", at)
                if blank == -1:
                    break
                begin = blank + 1
                end = begin + int(data[at:blank])
                after = end
            else:
                begin = at
                end = data.find(b"\n", at)
                after = end + 1
            if end == -1 or end > len(data):
                break
            out.write(data[begin:end] + b"\n")
            at = after
        return data[at:]


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                          struct.pack("ii", 1, 0))
    connection.close()


class Tls(Case):

    def setUp(self):
        super().setUp()
        self.ca = Authority(self)
        self.pair = self.ca.issue()

    def conf(self, url, tls=None, **options):
        if tls is None:
            tls = {"ca_file": self.ca.ca, "server_name": NAME}
        return (destination("d", url, tls=tls, **options) +
                source("s", self.path("*.log")))

    def begin(self, tls=None, pair=None, server=None, **options):
        self.w = self.writer()
        self.r = Server(self, pair or self.pair, **(server or {}))
        self.d = self.daemon(self.conf(self.r.url, tls, **options)).start()

    def end(self, repeats=0):
        self.r.wait_all(self.w)
        self.finish(self.d)
        self.r.check(self.w, repeats=repeats)

    def refused(self, words, tls=None, pair=None, **options):
        """Nothing is sent, the log says why; then a good one gets all."""
        self.begin(tls, pair, **options)
        self.w.write(100)
        self.d.wait_log(words)
        wait_for(lambda: self.r.tcp >= 4, "more attempts")
        self.assertEqual(self.r.lines(), [])

    def accepted_again(self, *pair, **options):
        self.r.set(*pair, **options)
        self.end()


class Delivery(Tls):

    def test_octet_counted(self):
        self.begin()
        self.w.write(20000)
        self.end()
        wait_for(lambda: self.r.closed == 1, "close_notify")

    def test_newline(self):
        self.begin(framing="newline")
        self.w.write(20000)
        self.end()
        wait_for(lambda: self.r.closed == 1, "close_notify")

    def test_tls_1_2(self):
        self.begin(server={"version": ssl.TLSVersion.TLSv1_2})
        self.w.write(5000)
        self.end()

    def test_a_large_burst(self):
        self.begin()
        self.w.write(50000)
        self.end()
        self.assertEqual(self.r.sessions, 1)

    def test_long_lines(self):
        self.w = self.writer(size=100000)
        self.r = Server(self, self.pair)
        self.d = self.daemon(
            self.conf(self.r.url, max_message="256KB")).start()
        self.w.write(300, chunk=20)
        self.end()

    def test_a_slow_reader(self):
        """Records leave in parts, and are waited for with a full buffer."""
        self.w = self.writer()
        self.r = Server(self, self.pair, fault="slow")
        self.r.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
        self.d = self.daemon(self.conf(self.r.url)).start()
        self.w.write(50000)
        self.r.wait_more(2000)
        self.r.fault = None
        self.end()
        self.assertEqual(self.r.sessions, 1)

    def test_stopping_repeats_nothing(self):
        self.begin()
        for i in range(3):
            before = self.r.arrived()
            self.w.write(3000)
            wait_for(lambda: self.r.arrived() > before, "some lines")
            self.d.stop()
            wait_for(lambda: self.r.closed == i + 1, "close_notify")
            self.d.start()
        self.end()

    def test_a_receiver_that_answers_no_goodbye(self):
        self.begin(server={"polite": False})
        self.w.write(3000)
        self.r.wait_all(self.w)
        self.d.stop()
        self.d.start()
        self.w.write(3000)
        self.end()

    def test_a_server_that_says_nothing_after_the_handshake(self):
        """Not even a ticket: that it takes us is seen after a while."""
        self.begin(server={"tickets": 0})
        self.w.write(3000)
        self.r.wait_all(self.w)
        self.d.stop()
        self.d.start()
        self.w.write(3000)
        self.end()

    def test_reload_closes_in_order(self):
        self.begin()
        self.w.write(3000)
        # Else there may be no connection to close yet.
        self.r.wait_all(self.w)
        self.d.reload(self.conf(self.r.url))
        self.w.write(3000)
        self.end()
        wait_for(lambda: self.r.closed == 2, "two close_notify")

    def test_killed(self):
        self.begin()
        self.w.start(3000)
        for _ in range(3):
            self.w.wait_written(1500)
            self.d.kill()
            self.d.start()
        self.w.stop()
        self.end(repeats=None)

    def test_the_worker_needs_no_right_to_the_key(self):
        """The directory is root's alone; the worker is somebody else."""
        cert, key = self.ca.issue("forwarder")
        self.assertEqual(os.stat(self.ca.dir).st_mode & 0o77, 0)
        self.begin({"ca_file": self.ca.ca, "cert_file": cert,
                    "key_file": key}, server={"client_ca": self.ca.ca})
        self.w.write(1000)
        self.end()


class Trust(Tls):

    def test_wrong_name(self):
        self.refused(
            r"certificate is for other\.example\.com, 127\.0\.0\.1, "
            r"not siem\.example\.com",
            pair=self.ca.issue("other.example.com"))
        self.accepted_again(self.pair)

    def test_an_address_is_a_name_too(self):
        self.begin({"ca_file": self.ca.ca})
        self.w.write(1000)
        self.end()

    def test_wrong_address(self):
        self.refused(r"certificate is for x, not 127\.0\.0\.1",
                     {"ca_file": self.ca.ca},
                     self.ca.issue("x", san="DNS:%s"))
        self.accepted_again(self.pair)

    def test_expired(self):
        pair = self.ca.issue(days=-1)
        self.refused("certificate of %s expired %s" % (
            re.escape(NAME), self.ca.last_day(pair[0])), pair=pair)
        self.accepted_again(self.pair)

    def test_unknown_ca(self):
        """The log tells the fingerprint that could be pinned."""
        other = Authority(self, "other")
        pair = other.issue()
        self.refused(r"certificate of siem\.example\.com: .*issuer.*, that of "
                     "\"other\" is neither in ca_file nor sent; it is "
                     r"for siem\.example\.com, .* its fingerprint is " +
                     other.fingerprint(pair[0]).replace(":", "").lower()
                     .replace("sha256", "SHA256:"), pair=pair)
        self.accepted_again(self.pair)

    def test_the_ca_of_the_system_does_not_know_ours(self):
        self.refused(r"certificate of 127\.0\.0\.1: .*issuer.*, that of "
                     "\"ca\" is neither in the system's list nor sent; it is "
                     r"for siem\.example\.com", {})

    def test_the_ca_is_read_again_on_reload(self):
        other = Authority(self, "other")
        self.refused("certificate of", {"ca_file": other.ca,
                                        "server_name": NAME})
        with open(self.ca.ca) as f, open(other.ca, "w") as out:
            out.write(f.read())
        self.d.hup()
        self.end()

    def test_not_verified(self):
        self.begin({"verify": False}, Authority(self, "x").issue("x"))
        self.w.write(1000)
        self.end()

    def test_pinned(self):
        """The name, the CA and the date do not count then."""
        other = Authority(self, "other")
        pair = other.issue("x", days=-1, san="DNS:%s")
        self.begin({"fingerprint": ["SHA256:" + "0" * 64,
                                    other.fingerprint(pair[0])]}, pair)
        self.w.write(1000)
        self.end()

    def test_not_the_pinned_one(self):
        mine = self.ca.fingerprint(self.pair[0])
        pair = self.ca.issue("y")
        self.refused(
            "certificate of 127.0.0.1 is none of those in fingerprint: its "
            "fingerprint is SHA256:" + self.ca.fingerprint(pair[0])
            .partition(":")[2].replace(":", "").lower(),
            {"fingerprint": mine}, pair)
        self.accepted_again(self.pair)

    def test_min_version(self):
        self.refused(r"TLS handshake: 127\.0\.0\.1 refuses: "
                     r".*alert protocol version", {
                         "ca_file": self.ca.ca, "min_version": "1.3"},
                     server={"version": ssl.TLSVersion.TLSv1_2})
        self.accepted_again(self.pair)

    def mutual(self, version):
        """The system of who refuses us acknowledges what it throws away."""
        cert, key = Authority(self, "stranger").issue("forwarder")
        ours = Authority(self, "ours")
        server = {"client_ca": ours.ca, "version": version}
        self.begin({"ca_file": self.ca.ca, "cert_file": cert,
                    "key_file": key}, server=server, resend_on_reset="0")
        self.w.write(20)
        self.d.wait_log(r"refuses: .*alert unknown ca")
        wait_for(lambda: self.r.tcp >= 3, "more attempts")
        self.assertEqual(set(find_key(self.d.state(), "acknowledged")), {0})
        self.assertEqual(self.r.lines(), [])
        cert, key = ours.issue("forwarder")
        self.d.write_conf(self.conf(self.r.url, {
            "ca_file": self.ca.ca, "cert_file": cert, "key_file": key}))
        self.d.hup()
        self.end()

    def test_mutual_1_2(self):
        self.mutual(ssl.TLSVersion.TLSv1_2)

    def test_mutual_1_3(self):
        self.mutual(ssl.TLSVersion.TLSv1_3)

    def test_a_certificate_is_wanted_and_there_is_none(self):
        self.begin(server={"client_ca": self.ca.ca})
        self.w.write(2000)
        self.d.wait_log(r"refuses: .*alert certificate required")
        self.assertEqual(self.r.lines(), [])
        self.accepted_again(self.pair)


class Faults(Tls):

    def test_a_stall_in_the_handshake(self):
        self.begin(server={"fault": "stall"}, connect_timeout="1s")
        self.w.write(1000)
        self.d.wait_log("no end of the handshake within 1000 ms")
        self.r.fault = None
        self.end()

    def test_garbage_instead_of_tls(self):
        self.begin(server={"fault": "garbage"})
        self.w.write(1000)
        self.d.wait_log("TLS handshake: .*wrong version number")
        wait_for(lambda: self.r.tcp >= 3, "more attempts")
        self.r.fault = None
        self.end()

    def test_a_handshake_without_end(self):
        """It is given up long before the timeout, for others wait too."""
        self.begin(server={"fault": "endless"}, connect_timeout="1h")
        self.w.write(100)
        self.d.wait_log("says more than 262144 octets")
        self.r.fault = None
        self.end()

    def test_a_server_that_wastes_what_comes_with_its_goodbye(self):
        """As rsyslog does when it stops.  No reset tells of it."""
        self.begin()
        self.w.write(100)
        self.r.wait_all(self.w)
        self.r.fault = "waste"
        self.w.write(20)
        wait_for(lambda: self.r.fault is None, "the goodbye")
        self.end(repeats=100)

    def test_the_same_where_another_may_take_over(self):
        """The end is waited for longer then, and is no less recent."""
        self.w = self.writer()
        self.r = Server(self, self.pair)
        self.d = self.daemon(self.conf([
            self.r.url, "tls://127.0.0.1:%d" % free_port()])).start()
        self.w.write(100)
        self.r.wait_all(self.w)
        self.r.fault = "waste"
        self.w.write(20)
        wait_for(lambda: self.r.fault is None, "the goodbye")
        self.end(repeats=100)

    def test_one_that_closes_quiet_connections_gets_nothing_twice(self):
        """In order, as some do to save them; again and again."""
        self.begin(server={"idle": 1})
        self.w.write(100)
        self.r.wait_all(self.w)
        wait_for(lambda: self.r.sessions >= 4, "more connections")
        self.r.idle = None
        self.w.write(10)
        self.end()

    def mid_stream(self, fault):
        self.begin()
        for _ in range(3):
            self.r.budget = 300000
            self.r.fault = fault
            self.w.write(5000)
            wait_for(lambda: self.r.fault is None, "the fault")
        self.end(repeats=None)

    def test_reset_mid_stream(self):
        self.mid_stream("reset")

    def test_closed_without_close_notify(self):
        self.mid_stream("vanish")
        self.assertIn("closed without close_notify", self.d.log())

    def test_renegotiation(self):
        """Whatever comes of it, no line is lost and nothing goes in circles."""
        port = free_port()
        out = Output(os.path.join(self.dir, "renegotiated"))
        with open(out.path, "wb") as f:
            server = subprocess.Popen(
                ("openssl", "s_server", "-accept", "127.0.0.1:%d" % port,
                 "-tls1_2", "-cert", self.pair[0], "-key", self.pair[1]),
                stdin=subprocess.PIPE, stdout=f, stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        self.addCleanup(server.stdin.close)
        w = self.writer()
        wait_for(lambda: tcp_is_listening(port), "openssl")
        d = self.daemon(self.conf("tls://127.0.0.1:%d" % port,
                                  framing="newline")).start()
        for _ in range(10):
            w.write(500)
            out.wait_all(w)
            server.stdin.write(b"r\n")
            server.stdin.flush()
        w.write(500)
        out.wait_all(w)
        state = d.state()["destinations"][0]["endpoints"][0]
        self.assertEqual(state["connects"], 1)
        d.kill()

    def test_a_receiver_that_reads_nothing_and_dies(self):
        self.begin(server={"fault": "deaf"})
        self.w.write(20000)
        wait_for(lambda: self.r.held, "the deaf connection")
        time.sleep(0.5)
        self.r.fault = None
        self.r.release()
        self.end()

    def test_absent_and_back(self):
        self.begin()
        self.w.write(1000)
        self.r.wait_all(self.w)
        first = self.r
        self.d.kill()
        first.stop()
        self.w.write(1000)
        self.d.start()
        self.d.wait_log("Connection refused")
        self.r = Server(self, self.pair, port=first.port)
        self.end(repeats=None)


if __name__ == "__main__":
    main()
