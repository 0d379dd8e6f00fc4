#!/usr/bin/python3
"""Goal: rsyslog and syslog-ng take all that we send, and understand it: over
every transport that they have, framed both ways, octet for octet; and what
reads a local socket such as /dev/log, as it is by default, journald too."""

import re
import unittest

from authority import Authority
from teslacoil import (Case, FIELDS, Journald, Rsyslog, SyslogNg,
                       destination, main, peer_root, source)

MAX_MESSAGE = 60000

# What is in a file, and what has to arrive of it.
TEXTS = [
    (b"plain", "plain"),
    ("Größe 世界 \N{SNAKE} naïve".encode(), "Größe 世界 \N{SNAKE} naïve"),
    (b"a\ttab stays", "a\ttab stays"),
    (b"\x1b[31mred\x1b[0m \x07\x08 \x7f", "#033[31mred#033[0m #007#010 \x7f"),
    (b"a\0b", "a#000b"),
    (b"a carriage\rreturn", "a carriage#015return"),
    (b"not UTF-8: \xff\xc3(", "not UTF-8: \N{REPLACEMENT CHARACTER}"
                              "\N{REPLACEMENT CHARACTER}("),
    (b"<13>1 - - forged - - - ] \"quoted\" \\ 100% | 17 <34>Oct 11",) * 2,
    (b"[looks@1 like=\"structured data\"] but is text",) * 2,
    (b"12 looks like a length",) * 2,
    (b"trailing blanks   ",) * 2,
    (b"long " + b"0123456789" * 5000 + b" end",) * 2,
    (b"#023 is text", "#023 is text"),
]

# The same for readers that escape control characters and stop at 8 KB.
LOCAL_TEXTS = [t for t in TEXTS if len(t[0]) < 1000 and b"\t" not in t[0] and
               b"\x7f" not in t[0]] + [(b"a: b[1]: c", "a: b[1]: c"),
                                       (b"Oct 11 22:14:15 box su: x",) * 2]

ODD = "odd_x.y-" + "z" * 40

# Elements as RFC 5424 writes them.
SD = '[origin@32473 env="prod" path="C:\\\\a\\]b \\"c\\""]'
SECTION = '''\tstructured_data "origin@32473" {
\t\tparams = { 'env=prod', 'path=C:\\a]b "c"' }
\t}
}
'''


def text(expected):
    return expected if isinstance(expected, str) else expected.decode()


class Peers(Case):
    """What make_tests() adds to: kind of peer, kind of its input, options."""

    def tls(self, url):
        """What both have to know of each other, if they speak TLS."""
        if "tls" not in url:
            return (), {}
        ca = Authority(self)
        cert, key = ca.issue("peer")
        mine, mine_key = ca.issue("forwarder")
        return ({"ca": ca.ca, "cert": cert, "key": key},
                {"tls": {"ca_file": ca.ca, "cert_file": mine,
                         "key_file": mine_key}})

    def forward(self, Kind, kind, **options):
        files, tls = self.tls(kind)
        peer = Kind(self, kind, files=files).start()
        odd = self.path("odd.txt")
        with open(odd, "wb") as f:
            f.write(b"".join(t[0] + b"\n" for t in TEXTS))
        w = self.writer()
        d = self.daemon(
            destination("d", peer.url, max_message=str(MAX_MESSAGE), **tls,
                        **options) +
            source("web", w.path, procid="77", facility="local3",
                   severity="warning", hostname="box", msgid="ID") +
            source("odd", odd).rstrip("}\n") + "\n" + SECTION).start()
        if "udp" in kind:
            w.write_paced(1000, peer)
        else:
            w.write(10000)
            peer.wait_all(w)
            w.write(1000)
            peer.wait_all(w)
        peer.wait_lines(w.count + len(TEXTS))
        self.finish(d, peer)
        peer.check(w)
        self.understood(peer, w)

    def stranger(self, Kind, kind):
        """Who shows no certificate gets nothing in, and loses nothing."""
        files, tls = self.tls(kind)
        peer = Kind(self, kind, files=files).start()
        w = self.writer()
        s = source("s", w.path)
        ca = {"ca_file": tls["tls"]["ca_file"]}
        d = self.daemon(destination("d", peer.url, tls=ca) + s).start()
        w.write(1000)
        d.wait_log("destination d: tls://.*; trying again until it works")
        w.write(1000)
        self.assertEqual(peer.lines(), [])
        d.reload(destination("d", peer.url, **tls) + s)
        peer.wait_all(w)
        self.finish(d, peer)
        peer.check(w)

    @staticmethod
    def messages(peer):
        return [dict(zip(FIELDS, line.decode().split("|", len(FIELDS) - 1)))
                for line in peer.lines()]

    def local(self, Kind, kind):
        """A socket such as /dev/log, whose reader is as it is by default.

        What syslog(3) does not say, no reader takes: host, MSGID and
        structured data.
        """
        peer = Kind(self, kind).start()
        odd = self.path("odd.txt")
        with open(odd, "wb") as f:
            f.write(b"".join(t[0] + b"\n" for t in LOCAL_TEXTS))
        w = self.writer()
        d = self.daemon(
            destination("d", peer.url) +
            source("web", w.path, procid="77", facility="local3",
                   severity="warning", hostname="box", msgid="ID") +
            source("odd", odd, app_name=ODD, facility="kern",
                   severity="emerg")).start()
        w.write(3000)
        peer.wait_all(w)
        peer.wait_lines(w.count + len(LOCAL_TEXTS))
        self.finish(d, peer)
        peer.check(w)
        got = self.messages(peer)
        with open(w.path) as f:
            lines = f.read().splitlines()
        # rsyslog keeps the blank behind the tag, journald none at the end.
        self.assertEqual(
            [(m["app"], m["procid"], m["pri"], m["msg"].strip(" "))
             for m in got if "seq=" in m["msg"]],
            [("web", "77", "156", line.strip(" ")) for line in lines])
        self.assertEqual(
            [(m["app"], m["pri"], m["msg"].strip(" "))
             for m in got if "seq=" not in m["msg"]],
            [(ODD, "0", text(t[1]).strip(" ")) for t in LOCAL_TEXTS])

    def understood(self, peer, writer):
        got = self.messages(peer)
        for m in got:
            # syslog-ng adds its own to what it takes over a local socket.
            m["sd"] = re.sub(r"\[meta sequenceId=\"\d+\"\]$", "", m["sd"])
        web = [m for m in got if m["app"] == "web"]
        odd = [m for m in got if m["app"] == "odd"]
        with open(writer.path) as f:
            lines = f.read().splitlines()
        self.assertEqual(len(web), len(lines))
        for m, line in zip(web, lines):
            self.assertEqual(m, {"pri": "156", "hostname": "box",
                                 "app": "web", "procid": "77", "msgid": "ID",
                                 "sd": m["sd"], "msg": line})
        self.assertIn({m["sd"] for m in web}, ({"-"}, {""}))
        self.assertEqual([m["msg"] for m in odd],
                         [text(t[1]) for t in TEXTS])
        self.assertEqual({m["sd"] for m in odd}, {SD})


def make_tests(cls, peer, rows):
    for kind, *framings in rows:
        for options in ([{}] if not framings else
                        [{"framing": f} for f in framings]):
            def test(self, kind=kind, options=options):
                self.forward(peer, kind, **options)
            name = "_".join([kind] + list(options.values()))
            setattr(cls, "test_" + name.replace("-", "_").replace("+", "_"),
                    test)


@unittest.skipIf(peer_root("rsyslogd") is None, "there is no rsyslog")
class WithRsyslog(Peers):

    def test_a_stranger(self):
        self.stranger(Rsyslog, "tls-mutual")

    def test_a_local_socket(self):
        self.local(Rsyslog, "unix")

    def test_json_beyond_ascii(self):
        """Its parser wants a brace first, and stops what has none."""
        peer = Rsyslog(self, "json").start()
        lines = ['{"user": "%s"}' % u for u in ("mueller", "müller", "漢字")]
        with open(self.path("app.log"), "w", encoding="utf-8") as f:
            f.write("".join(line + "\n" for line in lines))
        d = self.daemon(destination("d", peer.url) +
                        source("s", self.path("app.log"))).start()
        peer.wait_lines(len(lines))
        self.finish(d, peer)
        self.assertEqual([m["msg"] for m in self.messages(peer)], lines)


@unittest.skipIf(peer_root("syslog-ng") is None, "there is no syslog-ng")
class WithSyslogNg(Peers):

    def test_a_stranger(self):
        self.stranger(SyslogNg, "syslog-tls-mutual")

    def test_a_local_socket(self):
        self.local(SyslogNg, "unix-dgram")


@unittest.skipIf(Journald.missing_here(), Journald.missing_here())
class WithJournald(Peers):

    def test_a_local_socket(self):
        self.local(Journald, "unix")


BOTH = ("octet-counted", "newline")
make_tests(WithRsyslog, Rsyslog, [
    ("tcp",) + BOTH, ("ptcp",) + BOTH, ("tls",) + BOTH,
    ("tls-mutual",) + BOTH, ("udp",), ("relp",), ("relp+tls",)])
make_tests(WithSyslogNg, SyslogNg, [
    ("syslog-tcp", "octet-counted"), ("network-tcp", "newline"),
    ("syslog-tls", "octet-counted"), ("network-tls", "newline"),
    ("syslog-tls-mutual", "octet-counted"), ("network-tls-mutual", "newline"),
    ("syslog-udp",), ("network-udp",), ("unix-stream", "newline")])


if __name__ == "__main__":
    main()
