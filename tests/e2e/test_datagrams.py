#!/usr/bin/python3
"""Goal: what the network says of datagrams makes us wait, split or try again,
and loses no line that the network itself does not lose."""

import os
import shutil
import socket
import subprocess
import threading

import network
from network import Host, ip
from teslacoil import Case, Output, destination, main, source, wait_for

OURS, THEIRS = "192.0.2.1", "192.0.2.10"


class UdpSink(Output):
    """Takes datagrams, one line of the file each."""

    def __init__(self, case, address):
        super().__init__(os.path.join(case.dir, "received"))
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.socket.bind((address, 0))
        self.address = self.socket.getsockname()
        self.url = "udp://%s:%d" % self.address
        self.largest = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()
        case.addCleanup(self.stop)

    def run(self):
        with open(self.path, "ab", buffering=0) as out:
            while True:
                data = self.socket.recv(65536)
                if not data:
                    return
                self.largest = max(self.largest, len(data))
                out.write(data.replace(b"\n", b"\\n") + b"\n")

    def stop(self):
        self.socket.sendto(b"", self.address)
        self.thread.join()
        self.socket.close()


class Datagrams(Case):
    """The daemon is on a host of its own, the receiver here."""

    def setUp(self):
        super().setUp()
        self.host = Host(self, "app", THEIRS)
        ip("address replace %s/24 dev %s" % (OURS, Host.BRIDGE))
        self.r = UdpSink(self, OURS)

    def begin(self, **options):
        self.w = self.writer(size=300)
        self.d = self.daemon(
            destination("d", self.r.url, **options) +
            source("s", self.path("*.log")), within=self.host.within).start()
        self.w.write_paced(100, self.r)

    def there(self, words):
        ip(words, self.host.within)

    def endpoint(self):
        return self.d.state()["destinations"][0]["endpoints"][0]

    def end(self, repeats=0):
        self.r.wait_all(self.w)
        self.d.stop()
        self.r.check(self.w, repeats=repeats)

    def test_the_route_is_gone_for_a_while(self):
        self.begin()
        self.there("route del 192.0.2.0/24 dev eth0")
        self.w.write(1000)
        wait_for(lambda: self.endpoint()["last_error"] is not None,
                 "the error in the state")
        self.assertIn("Network is unreachable", self.endpoint()["last_error"])
        self.there("route add 192.0.2.0/24 dev eth0")
        # What was sent in the last second may not have arrived.
        self.end(repeats=100)

    def test_the_interface_is_down_for_a_while(self):
        self.begin()
        self.there("link set eth0 down")
        self.w.write(1000)
        wait_for(lambda: self.endpoint()["state"] == "waiting", "the error")
        self.there("link set eth0 up")
        self.end(repeats=100)

    def test_the_queue_of_the_interface_is_full(self):
        tc = shutil.which("tc")
        done = subprocess.run(
            self.host.within + [tc or "tc", "qdisc", "add", "dev", "eth0",
                                "root", "tbf", "rate", "8mbit", "burst",
                                "3000", "limit", "3000"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode != 0:
            self.skipTest("no token bucket here: " + done.stdout)
        self.begin()
        self.w.write(5000)
        self.r.wait_all(self.w)
        dropped = subprocess.run(
            self.host.within + [tc, "-s", "qdisc", "show", "dev", "eth0"],
            check=True, stdout=subprocess.PIPE, text=True).stdout
        self.assertNotIn("dropped 0", dropped)
        self.assertEqual(self.endpoint()["losses"], 0, self.d.log())
        self.end()

    def test_a_path_of_small_packets(self):
        """The system sends a datagram in pieces, and puts it together."""
        self.there("link set eth0 mtu 1280")
        self.begin(max_message="60KB")
        with open(self.path("long.log"), "w") as f:
            f.write("x" * 50000 + "\n")
        wait_for(lambda: self.r.largest > 50000, "the long line")
        self.end()

    def test_a_message_that_no_datagram_holds(self):
        self.begin(max_message="1MB")
        with open(self.path("long.log"), "w") as f:
            f.write("y" * 200000 + "\n")
        self.w.write(100)
        wait_for(lambda: sum(line.count(b"y") for line in self.r.lines()) >=
                 200000, "all of the long line")
        self.assertEqual(self.endpoint()["losses"], 0, self.d.log())
        self.end()


if __name__ == "__main__":
    network.enter()
    main()
