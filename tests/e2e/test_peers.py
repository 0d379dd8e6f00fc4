#!/usr/bin/python3
"""Goal: rsyslog and syslog-ng take all that we send, and understand it."""

import unittest

from teslacoil import (Case, FIELDS, Rsyslog, SyslogNg, destination, main,
                       peer_root, source)


class Peers(Case):

    def forward(self, peer, paced=False, **options):
        w = self.writer()
        peer.start()
        d = self.daemon(destination("d", peer.url, **options) +
                        source("s", w.path, app_name="web", procid="77",
                               facility="local3", severity="warning",
                               hostname="box", msgid="ID")).start()
        if paced:
            w.write_paced(1000, peer)
        else:
            w.write(10000)
            peer.wait_all(w)
            w.write(1000)
            peer.wait_all(w)
        self.finish(d, peer)
        peer.check(w)
        self.understood(peer, w)

    def understood(self, peer, writer):
        with open(writer.path) as f:
            first = f.readline().rstrip("\n")
        got = dict(zip(FIELDS, peer.lines()[0].decode().split("|")))
        self.assertEqual(got["pri"], "156")
        self.assertEqual(got["hostname"], "box")
        self.assertEqual(got["app"], "web")
        self.assertEqual(got["procid"], "77")
        self.assertEqual(got["msgid"], "ID")
        # What rsyslog takes over a local socket keeps the space before it.
        self.assertEqual(got["msg"].lstrip(), first)


@unittest.skipIf(peer_root("rsyslogd") is None, "there is no rsyslog")
class WithRsyslog(Peers):

    def test_tcp_octet_counted(self):
        self.forward(Rsyslog(self, "tcp"))

    def test_tcp_newline(self):
        self.forward(Rsyslog(self, "tcp"), framing="newline")

    def test_ptcp_octet_counted(self):
        self.forward(Rsyslog(self, "ptcp"))

    def test_ptcp_newline(self):
        self.forward(Rsyslog(self, "ptcp"), framing="newline")

    def test_udp(self):
        self.forward(Rsyslog(self, "udp"), paced=True)

    def test_unix(self):
        self.forward(Rsyslog(self, "unix"))


@unittest.skipIf(peer_root("syslog-ng") is None, "there is no syslog-ng")
class WithSyslogNg(Peers):

    def test_tcp_octet_counted(self):
        self.forward(SyslogNg(self, "octet"))

    def test_tcp_newline(self):
        self.forward(SyslogNg(self, "newline"), framing="newline")

    def test_udp(self):
        self.forward(SyslogNg(self, "udp"), paced=True)

    def test_unix_datagram(self):
        self.forward(SyslogNg(self, "unix"))

    def test_unix_stream(self):
        self.forward(SyslogNg(self, "unix-stream"), framing="newline")


if __name__ == "__main__":
    main()
