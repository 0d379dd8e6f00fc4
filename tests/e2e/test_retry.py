#!/usr/bin/python3
"""Goal: whatever a receiver does, the daemon waits before it comes again.

The wait is an hour here: who comes sooner does not keep it, and would keep a
processor busy instead.
"""

from authority import NAME, Authority
from teslacoil import Case, destination, main, source, wait_for

NONSENSE = "HTTP/1.1 400 Bad Request\\x0d\\x0a\\x0d\\x0a"


class Retry(Case):

    def setUp(self):
        super().setUp()
        self.ca = Authority(self)

    def again(self):
        """Another of several in one test, in a directory of its own."""
        self.doCleanups()
        self.setUp()

    def begin(self, address="tcp:0", *commands, **options):
        pair = None
        if "tls" in address:
            pair = self.ca.issue()
            options["tls"] = {"ca_file": self.ca.ca, "server_name": NAME}
        self.w = self.writer()
        self.r = self.receiver(address, pair=pair).start()
        for command in commands:
            self.r.do(command)
        self.d = self.daemon(destination(
            "d", self.r.url, retry=["1h", "1h"], **options) +
            source("s", self.w.path)).start()
        self.w.write(10)

    def connected(self, *options):
        self.begin(*options)
        self.r.wait_all(self.w)
        wait_for(lambda: self.endpoint()["in_flight_bytes"] == 0,
                 "the acknowledgement")

    def endpoint(self):
        return self.d.state()["destinations"][0]["endpoints"][0]

    def comes_no_more(self, connections=1):
        """Nor does it when there is more to send."""
        wait_for(lambda: self.endpoint()["state"] == "waiting", "the wait")
        for _ in range(5):
            self.w.write(100)
            self.d.wait_follows(self.w.path)
        self.assertEqual(self.endpoint()["state"], "waiting")
        self.assertEqual(self.r.stats()["connections"], connections)
        self.assertEqual(self.d.log().count("trying again"), 1)
        self.d.stop()
        self.r.reap()

    def test_closed(self):
        for address in ("tcp:0", "tls:0", "relp:0", "relp+tls:0"):
            for command in ("fin", "half-close", "reset", "shut"):
                with self.subTest(address=address, command=command):
                    self.again()
                    self.connected(address)
                    self.r.do(command)
                    self.comes_no_more()

    def test_an_outage_is_said_once_until_something_is_acknowledged(self):
        """A receiver that takes connections and no lines is no end of it."""
        self.w = self.writer()
        self.r = self.receiver("relp:0").start()
        self.r.do("drop 1")
        self.w.write(10)
        self.d = self.daemon(destination("d", self.r.url) +
                             source("s", self.w.path)).start()
        for n in range(1, 5):
            wait_for(lambda: self.r.stats()["connections"] >= n and
                     self.endpoint()["in_flight_bytes"] > 0,
                     "lines on connection %d" % n)
            self.r.do("reset")
        self.r.do("drop 0")
        self.r.wait_all(self.w)
        wait_for(lambda: self.endpoint()["in_flight_bytes"] == 0,
                 "the acknowledgement")
        self.assertEqual(self.d.log().count("trying again"), 1)
        self.r.do("reset")
        self.d.wait_log("trying again", 2)
        self.finish(self.d, self.r)

    def test_handshakes(self):
        for command in ("nonsense", "stall"):
            with self.subTest(command):
                self.again()
                self.begin("tls:0", command, connect_timeout="1s")
                self.comes_no_more()

    def present(self, pair, connections):
        self.begin("tls:0", "certificate " + " ".join(pair))
        self.comes_no_more(connections)

    def test_wrong_name(self):
        self.present(self.ca.issue("other.example.com"), 1)

    def test_expired(self):
        """What is refused is asked for once more, to tell about it."""
        self.present(self.ca.issue(days=-1), 2)

    def test_unknown_ca(self):
        self.present(Authority(self, "other").issue(), 2)

    def test_our_certificate(self):
        self.connected("tls:0")
        self.r.do("certificate %s %s %s" % (
            self.ca.issue() + (Authority(self, "other").ca,)))
        self.r.do("reset")
        self.comes_no_more()

    def test_under_tls(self):
        for text in (NONSENSE, "\\x17\\x03\\x03\\xff\\xff" + "x" * 500):
            with self.subTest(text):
                self.again()
                self.connected("tls:0")
                self.r.do("say-raw " + text)
                self.comes_no_more()

    def test_answers(self):
        for text in (NONSENSE, "7 rsp 999999999 200 OK",
                     "999999999 rsp 6 200 OK\\x0a", "0 serverclose 0\\x0a"):
            for address in ("relp:0", "relp+tls:0"):
                with self.subTest(address=address, text=text):
                    self.again()
                    self.connected(address)
                    self.r.do("say " + text)
                    self.comes_no_more()

    def test_refusal(self):
        self.begin("relp:0", "reject 1")
        self.comes_no_more()

    def test_silence(self):
        self.begin("relp:0", "drop 1", ack_timeout="1s")
        self.comes_no_more()


if __name__ == "__main__":
    main()
