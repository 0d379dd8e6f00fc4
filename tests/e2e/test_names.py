#!/usr/bin/python3
"""Goal: a name is looked up whenever a connection is made, each of its
addresses gets its turn, and SRV records lead to the servers of a service."""

import socket

import network
from authority import Authority
from network import (Names, Sink, add_address, black_hole, has_ipv6,
                     use_name_servers)
from teslacoil import Case, destination, main, source, wait_for
from test_tls import Server

HOST = "siem.example.com"
PORT = 5140
ONE, TWO, THREE = "192.0.2.1", "192.0.2.2", "192.0.2.3"
SIX = "2001:db8::6"
HOLE, HOLE6 = "198.51.100.9", "2001:db8:1::9"


class Named(Case):

    def setUp(self):
        super().setUp()
        for address in (ONE, TWO, THREE):
            add_address(address)
        if has_ipv6():
            add_address(SIX)
        self.names = Names(self)
        use_name_servers(self, "127.0.0.1")

    def sink(self, address, port=PORT, name=None):
        return Sink(self, address, port, name).start()

    def begin(self, url="tcp://%s:%d" % (HOST, PORT), **options):
        self.w = self.writer()
        options.setdefault("connect_timeout", "5s")
        self.d = self.daemon(
            destination("d", url, framing="newline", **options) +
            source("s", self.w.path)).start()

    def arrives(self, sink, n=100):
        """Lines that are written now arrive there."""
        first = self.w.count + 1
        self.w.write(n)
        wait_for(lambda: sink.update() or sink.ledger.seen[
            self.w.name].issuperset(range(first, self.w.count + 1)),
                 "%d lines in %s" % (n, sink.path))


class Addresses(Named):
    """One name, several addresses."""

    def test_an_address_that_refuses_is_passed_over(self):
        self.names.set_host(HOST, ONE, TWO)
        two = self.sink(TWO)
        self.begin()
        self.arrives(two)
        self.finish(self.d)
        two.check(self.w)

    def test_an_address_that_swallows_all_is_passed_over(self):
        black_hole(HOLE)
        self.names.set_host(HOST, HOLE, TWO)
        two = self.sink(TWO)
        self.begin(connect_timeout="1s")
        self.arrives(two)
        self.d.wait_log(r"connected to %s" % TWO)
        self.finish(self.d)
        two.check(self.w)

    def test_when_all_fail_it_begins_again(self):
        self.names.set_host(HOST, ONE, TWO)
        self.begin()
        self.w.write(100)
        self.d.wait_log(r"%s:%d: connect: Connection refused" % (ONE, PORT), 2)
        self.d.wait_log(r"%s:%d: connect: Connection refused" % (TWO, PORT), 2)
        two = self.sink(TWO)
        self.arrives(two)
        self.finish(self.d)
        two.check(self.w)

    def test_one_that_closes_at_once_is_passed_over(self):
        self.names.set_host(HOST, ONE, TWO)
        sinks = {a: Sink(self, a, PORT) for a in (ONE, TWO)}
        for s in sinks.values():
            s.rude = 1
            s.start()
        self.begin()
        self.w.write(100)
        wait_for(lambda: all(s.taken > 0 for s in sinks.values()),
                 "both to be tried")
        wait_for(lambda: sum(s.update() or len(s.ledger.seen[self.w.name])
                             for s in sinks.values()) >= 100,
                 "all lines at one of them")
        self.finish(self.d)

    def test_ipv6_is_preferred_and_ipv4_steps_in(self):
        if not has_ipv6():
            self.skipTest("no IPv6 here")
        self.names.set_host(HOST, ONE, SIX)
        one, six = self.sink(ONE), self.sink(SIX)
        self.begin()
        self.arrives(six)
        self.assertEqual(one.taken, 0)
        six.stop()
        self.arrives(one)
        self.finish(self.d)

    def test_ipv6_that_swallows_all_is_passed_over(self):
        if not has_ipv6():
            self.skipTest("no IPv6 here")
        black_hole(HOLE6)
        self.names.set_host(HOST, HOLE6, ONE)
        one = self.sink(ONE)
        self.begin(connect_timeout="1s")
        self.arrives(one)
        self.d.wait_log(r"\[%s\]:%d: no connection" % (HOLE6, PORT))
        self.finish(self.d)
        one.check(self.w)

    def test_bind_leaves_out_the_other_family(self):
        if not has_ipv6():
            self.skipTest("no IPv6 here")
        self.names.set_host(HOST, ONE, SIX)
        one, six = self.sink(ONE), self.sink(SIX)
        self.begin(bind=TWO)
        self.arrives(one)
        self.assertEqual(six.taken, 0)
        connection, = one.connections.values()
        self.assertEqual(connection.getpeername()[0], TWO)
        self.finish(self.d)


class Datagrams(Named):
    """No connection ends when such a receiver moves."""

    def begin(self):
        self.sockets = {}
        for address in (ONE, TWO):
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            self.addCleanup(s.close)
            s.bind((address, PORT))
            s.settimeout(0.2)
            self.sockets[address] = s
        self.w = self.writer()
        self.d = self.daemon(
            destination("d", "udp://%s:%d" % (HOST, PORT)) +
            source("s", self.w.path)).start()

    def comes(self, address):
        """Lines that are written now arrive there, at last."""
        def came():
            self.w.write(1)
            try:
                return self.sockets[address].recv(9000)
            except TimeoutError:
                return None
        wait_for(came, "a line at " + address)

    def test_the_address_changes(self):
        self.names.set_host(HOST, ONE)
        self.begin()
        self.comes(ONE)
        self.names.set_host(HOST, TWO)
        self.comes(TWO)
        self.d.wait_log("is no longer at %s:%d" % (ONE, PORT))
        self.d.stop()

    def test_the_address_stays_while_it_is_one_of_those(self):
        self.names.set_host(HOST, ONE)
        self.begin()
        self.comes(ONE)
        self.names.set_host(HOST, TWO, ONE)
        asked = self.names.asked

        def asked_again():
            self.w.write(1)
            return self.names.asked >= asked + 4
        wait_for(asked_again, "two more look-ups")
        self.assertNotIn("no longer", self.d.log())
        self.d.stop()

    def test_a_name_that_is_not_found_for_now_changes_nothing(self):
        self.names.set_host(HOST, ONE)
        self.begin()
        self.comes(ONE)
        self.names.forget(HOST)
        asked = self.names.asked

        def asked_again():
            self.w.write(1)
            return self.names.asked >= asked + 2
        wait_for(asked_again, "another look-up")
        self.comes(ONE)
        self.d.stop()


class Lookups(Named):
    """What the name server says, or does not."""

    def test_the_address_changes_while_the_daemon_runs(self):
        self.names.set_host(HOST, ONE)
        one, two = self.sink(ONE), self.sink(TWO)
        self.begin()
        self.arrives(one)
        self.names.set_host(HOST, TWO)
        one.stop()
        self.arrives(two)
        self.finish(self.d)
        self.assertEqual(one.taken, 1)

    def test_a_name_that_comes_into_being(self):
        one = self.sink(ONE)
        self.begin()
        self.w.write(100)
        self.d.wait_log("cannot resolve %s: Domain name not found" % HOST)
        self.names.set_host(HOST, ONE)
        self.arrives(one)
        self.finish(self.d)
        one.check(self.w)

    def test_a_name_without_addresses(self):
        self.names.records[HOST, 16] = []
        self.begin()
        self.d.wait_log("cannot resolve %s: " % HOST)
        self.names.set_host(HOST, ONE)
        self.arrives(self.sink(ONE))
        self.finish(self.d)

    def test_a_silent_name_server(self):
        self.names.set_host(HOST, ONE)
        self.names.silent = True
        one = self.sink(ONE)
        self.begin(connect_timeout="1s")
        self.w.write(100)
        self.d.wait_log("cannot resolve %s: " % HOST)
        self.names.silent = False
        self.arrives(one)
        self.finish(self.d)
        one.check(self.w)

    def test_an_address_needs_no_name_server(self):
        self.names.silent = True
        one = self.sink(ONE)
        self.begin("tcp://%s:%d" % (ONE, PORT), connect_timeout="60s")
        self.arrives(one)
        self.finish(self.d)
        one.check(self.w)

    def test_localhost_is_this_host_whatever_others_say(self):
        self.names.set_host("log.localhost", TWO)
        two, here = self.sink(TWO), self.sink("127.0.0.1", name="here")
        self.begin("tcp://log.localhost:%d" % PORT)
        self.arrives(here)
        self.finish(self.d)
        self.assertEqual(two.taken, 0)

    def test_the_third_name_server_is_asked_in_time(self):
        self.names.set_host(HOST, ONE)
        for address in ("127.0.0.2", "127.0.0.3"):
            Names(self, address).silent = True
        use_name_servers(self, "127.0.0.2", "127.0.0.3", "127.0.0.1")
        one = self.sink(ONE)
        self.begin(retry="10s")
        self.arrives(one)
        self.assertNotIn("cannot resolve", self.d.log())
        self.finish(self.d)

    def test_the_name_server_changes_while_the_daemon_runs(self):
        use_name_servers(self, "127.0.0.9")
        one = self.sink(ONE)
        self.begin(connect_timeout="1s")
        self.w.write(100)
        self.d.wait_log("cannot resolve %s: " % HOST)
        self.names.set_host(HOST, ONE)
        use_name_servers(self, "127.0.0.1")
        self.arrives(one)
        self.finish(self.d)

    def test_a_silent_name_server_does_not_delay_the_end(self):
        self.names.silent = True
        self.begin(connect_timeout="1h")
        self.w.write(100)
        wait_for(lambda: self.d.state()["destinations"][0]["endpoints"][0][
            "state"] == "resolving", "the question")
        self.finish(self.d)


class Services(Named):
    """SRV records, RFC 2782."""

    SERVICE = "_syslog._tcp.example.com"
    URL = "tcp+srv://" + SERVICE

    def serve(self, *records):
        self.names.set_service(self.SERVICE, *records)
        for name, address in (("a", ONE), ("b", TWO), ("c", THREE)):
            self.names.set_host(name + ".example.com", address)

    def test_port_and_host_are_those_of_the_record(self):
        self.serve((0, 0, 5555, "b.example.com"))
        two = self.sink(TWO, 5555)
        self.begin(self.URL)
        self.arrives(two)
        self.finish(self.d)
        two.check(self.w)

    def test_the_lowest_priority_is_tried_first_then_the_next(self):
        self.serve((20, 9, 5002, "b.example.com"),
                   (30, 9, 5003, "c.example.com"),
                   (10, 0, 5001, "a.example.com"))
        one, three = self.sink(ONE, 5001), self.sink(THREE, 5003)
        self.begin(self.URL)
        self.arrives(one)
        self.assertEqual(three.taken, 0)
        one.stop()
        self.arrives(three)
        self.assertRegex(self.d.log(), TWO + ":5002: connect: Connection")
        self.finish(self.d)

    def test_a_target_without_address_is_passed_over(self):
        self.serve((1, 0, 5001, "nowhere.example.com"),
                   (2, 0, 5002, "b.example.com"))
        two = self.sink(TWO, 5002)
        self.begin(self.URL)
        self.arrives(two)
        self.finish(self.d)

    def test_a_service_that_is_not_offered(self):
        self.serve((0, 0, 0, "."))
        self.begin(self.URL)
        self.w.write(100)
        self.d.wait_log("cannot resolve %s: the service is not offered" %
                        self.SERVICE)
        self.serve((0, 0, 5001, "a.example.com"))
        one = self.sink(ONE, 5001)
        self.arrives(one)
        self.finish(self.d)
        one.check(self.w)

    def test_a_service_without_records(self):
        self.begin(self.URL)
        self.d.wait_log("cannot resolve %s: Domain name not found" %
                        self.SERVICE)
        self.finish(self.d)

    def test_records_are_looked_up_at_every_connect(self):
        self.serve((0, 0, 5001, "a.example.com"))
        one, two = self.sink(ONE, 5001), self.sink(TWO, 5002)
        self.begin(self.URL)
        self.arrives(one)
        self.serve((0, 0, 5002, "b.example.com"))
        one.stop()
        self.arrives(two)
        self.finish(self.d)

    def test_more_records_than_are_tried(self):
        self.serve(*[(1, 1, 6000 + i, "c.example.com") for i in range(30)],
                   (0, 0, 5001, "a.example.com"))
        one = self.sink(ONE, 5001)
        self.begin(self.URL)
        self.arrives(one)
        self.finish(self.d)


class TlsServices(Named):
    """Whose certificate a server of a service must have."""

    SERVICE = "_syslog-tls._tcp.example.com"

    def serve(self, *servers, **tls):
        """The first one is preferred."""
        targets = ["siem%d.example.com" % i
                   for i in range(1, len(servers) + 1)]
        self.names.set_service(self.SERVICE, *(
            (i, 0, server.port, target)
            for i, (server, target) in enumerate(zip(servers, targets))))
        for target in targets:
            self.names.set_host(target, "127.0.0.1")
        self.w = self.writer()
        self.d = self.daemon(
            destination("d", "tls+srv://" + self.SERVICE,
                        connect_timeout="2s",
                        tls=dict({"ca_file": self.ca.ca}, **tls)) +
            source("s", self.w.path)).start()
        self.w.write(100)

    def begin_tls(self, certified, **tls):
        self.ca = Authority(self)
        self.server = Server(self, self.ca.issue(certified, san="DNS:%s"))
        self.serve(self.server, **tls)

    def test_that_of_the_domain(self):
        self.begin_tls("example.com")
        self.server.wait_all(self.w)
        self.finish(self.d)
        self.server.check(self.w)

    def test_not_that_of_the_target(self):
        self.begin_tls("siem1.example.com")
        self.d.wait_log("certificate is for siem1.example.com, not "
                        "example.com")
        self.finish(self.d)
        self.assertEqual(self.server.arrived(), 0)

    def test_a_target_that_stalls_in_the_handshake_is_passed_over(self):
        self.ca = Authority(self)
        pair = self.ca.issue("example.com", san="DNS:%s")
        mute = Server(self, pair, fault="stall")
        self.server = Server(self, pair)
        self.serve(mute, self.server)
        self.server.wait_all(self.w)
        self.finish(self.d)
        self.server.check(self.w)

    def begin_at(self, server, url):
        self.server = server
        self.w = self.writer()
        self.d = self.daemon(
            destination("d", url, tls={"ca_file": self.ca.ca}) +
            source("s", self.w.path)).start()
        self.w.write(100)
        self.server.wait_all(self.w)
        self.finish(self.d)
        self.server.check(self.w)

    def test_that_of_a_name_with_the_dot_of_the_root(self):
        self.ca = Authority(self)
        server = Server(self, self.ca.issue(HOST, san="DNS:%s"))
        self.names.set_host(HOST, "127.0.0.1")
        self.begin_at(server, "tls://%s.:%d" % (HOST, server.port))

    def test_that_of_a_link_local_address(self):
        if not has_ipv6():
            self.skipTest("no IPv6 here")
        add_address("fe80::77")
        self.ca = Authority(self)
        server = Server(self, self.ca.issue(san="IP:fe80::77"), address=(
            "fe80::77", 0, 0, socket.if_nametoindex("lo")))
        self.begin_at(server, "tls://[fe80::77%%lo]:%d" % server.port)

    def test_that_of_the_target_where_server_name_has_it(self):
        self.begin_tls("siem1.example.com", server_name="siem1.example.com")
        self.server.wait_all(self.w)
        self.finish(self.d)
        self.server.check(self.w)


if __name__ == "__main__":
    network.enter()
    main()
