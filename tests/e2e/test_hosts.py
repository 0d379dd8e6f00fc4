#!/usr/bin/python3
"""Goal: a host and two relays, as in conf/examples/relay-tier: cables are
pulled, relays end and hosts crash, and no line is lost on tcp, tls or relp."""

import glob
import os
import signal
import unittest

import network
from authority import Authority
from network import Host
from teslacoil import (TOP, Case, Peer, library_dirs, main, peer_root,
                       wait_for)

EXAMPLE = os.path.join(TOP, "conf/examples/relay-tier")
PORTS = {"relp+tls": 2514, "tls": 6514, "tcp": 514}
RATE = 300  # lines a second in each file


def example(name, places):
    """A file of the example, with places of the test in place of its own."""
    with open(os.path.join(EXAMPLE, name)) as f:
        text = f.read()
    for old, new in places.items():
        if old not in text:
            raise AssertionError("%s has no %s" % (name, old))
        text = text.replace(old, new)
    return text


class Relay(Peer):
    """rsyslog on a host of its own."""

    def __init__(self, case, host, pair, ca):
        where = os.path.join(case.dir, host.name)
        super().__init__(case, host.name, example("rsyslog.conf", {
            "/etc/ssl/relays.pem": ca,
            "/etc/ssl/relay.pem": pair[0],
            "/etc/ssl/private/relay.key": pair[1],
            "/var/log/relayed": where}))
        self.path = os.path.join(where, "app", "applications.log")
        self.host = host

    def start(self):
        root = peer_root("rsyslogd")
        modules = glob.glob(root + "/usr/lib/*-linux-gnu*/rsyslog") + \
            glob.glob(root + "/usr/lib/rsyslog")
        self.run(self.host.within +
                 [root + "/usr/sbin/rsyslogd", "-n", "-f", self.conf_path,
                  "-i", os.path.join(self.dir, "pid"), "-M", modules[0]],
                 library_dirs(root))
        self.wait_ready(lambda: all(map(self.host.is_listening,
                                        PORTS.values())))
        return self

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process = None


@unittest.skipIf(peer_root("rsyslogd") is None, "there is no rsyslog")
class Tier(Case):

    def setUp(self):
        super().setUp()
        self.app = Host(self, "app", "192.0.2.10")
        ca = Authority(self)
        self.relays = []
        for i in (1, 2):
            host = Host(self, "relay%d" % i, "192.0.2.%d" % i)
            pair = ca.issue(host.name + ".example.com", san="DNS:%s")
            self.relays.append(Relay(self, host, pair, ca.ca).start())
        self.app.set_hosts(self, {
            r.host.name + ".example.com": r.host for r in self.relays})
        self.conf = ""
        for scheme in PORTS:
            text = example("teslacoil.conf", {
                "relp+tls://": scheme + "://",
                "/etc/ssl/relays.pem": ca.ca,
                "/var/log/applications": self.path(scheme),
                '"relays"': '"%s"' % scheme.replace("+", "-"),
                '"applications"': '"%s"' % scheme.replace("+", "-"),
                'facility =': 'destinations = "%s"\n'
                              'app_name = "applications"\n'
                              'facility =' % scheme.replace("+", "-")})
            if scheme == "tcp":
                begin = text.index("\ttls {")
                end = text.index("}", begin) + 1
                text = text[:begin] + text[end:]
            self.conf += text
        self.w = {s: [self.writer("%s/%s-%d.log" % (s, s, i),
                                  name="%s-%d.log" % (s, i))
                      for i in range(2)] for s in PORTS}

    def all_writers(self):
        return [w for ws in self.w.values() for w in ws]

    def missing(self):
        for r in self.relays:
            r.update()
        return {w.name: w.count - len(set().union(
            *(r.ledger.seen[w.name] for r in self.relays)))
                for w in self.all_writers()}

    def arrive_at(self, relay):
        """Waits for new lines of every transport there."""
        written = {w.name: w.count for w in self.all_writers()}

        def new():
            relay.update()
            return all(any(max(relay.ledger.seen[w.name], default=0) >
                           written[w.name] for w in ws)
                       for ws in self.w.values())
        wait_for(new, "lines of every transport at " + relay.host.name)

    def some_lines(self):
        self.w["tcp"][0].wait_written(RATE)

    def test_cables_are_pulled_and_relays_end(self):
        one, two = self.relays
        daemon = self.daemon(self.conf, within=self.app.within).start()
        for w in self.all_writers():
            w.start(RATE)
        self.arrive_at(one)

        one.host.unplug()               # silence
        self.arrive_at(two)
        two.stop()                      # both are away
        self.some_lines()
        one.host.plug()
        self.arrive_at(one)

        one.host.unplug()               # a crash, unread lines and all
        one.kill()
        self.some_lines()
        two.start()
        self.arrive_at(two)
        one.start()
        one.host.plug()

        self.app.unplug()               # our own cable: both are away
        self.some_lines()
        self.app.plug()
        self.some_lines()

        self.end(daemon)

    def test_a_relay_hangs_and_then_its_cable_is_pulled(self):
        """While it hangs its system answers: it is slow, unless it owes an
        answer of RELP.  Then nobody answers."""
        one, two = self.relays
        daemon = self.daemon(self.conf, within=self.app.within).start()
        for w in self.all_writers():
            w.start(RATE)
        self.arrive_at(one)
        one.process.send_signal(signal.SIGSTOP)
        for s in ("tcp", "tls"):
            # More than all buffers on the way can hold.
            self.w[s][0].write(50000)
        self.some_lines()
        one.host.unplug()
        self.arrive_at(two)
        one.process.send_signal(signal.SIGCONT)
        one.host.plug()
        self.end(daemon)

    def end(self, daemon):
        for w in self.all_writers():
            w.stop()
        wait_for(lambda: not any(self.missing().values()),
                 "every line at one of the relays")
        daemon.stop()
        total = sum(w.count for w in self.all_writers())
        came = sum(r.ledger.total(w.name) for r in self.relays
                   for w in self.all_writers())
        print("%d lines, %d lost, %d repeated" % (
            total, sum(self.missing().values()), came - total))


if __name__ == "__main__":
    network.enter()
    main()
