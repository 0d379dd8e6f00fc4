#!/usr/bin/python3
"""Goal: whatever bytes a line has, one message comes of it, with all of it."""

import bz2
import gzip
import lzma
import os
import re

from teslacoil import (Case, destination, main, parse, rng, source, texts,
                       unescape, wait_for)


class Text(Case):

    def send(self, data, n, dest=None, options=("-f", "octet"), **src):
        """Returns the n messages that come of a file with data."""
        with open(self.path("app.log"), "wb") as f:
            f.write(data)
        r = self.receiver(options=list(options)).start()
        d = self.daemon(destination("d", r.url, **(dest or {})) +
                        source("app", self.path("app.log"), **src)).start()
        r.wait_lines(n)
        self.finish(d, r)
        lines = r.lines()
        self.assertEqual(len(lines), n)
        return lines

    def test_header(self):
        line = self.send(b"hello\n", 1, facility="daemon", severity="err",
                         app_name="web", procid="77", msgid="ID",
                         hostname="box.example.org")[0]
        m = parse(line)
        self.assertEqual(m["pri"], b"27")
        self.assertEqual(m["hostname"], b"box.example.org")
        self.assertEqual(m["app"], b"web")
        self.assertEqual(m["procid"], b"77")
        self.assertEqual(m["msgid"], b"ID")
        self.assertEqual(m["sd"], b"-")
        self.assertEqual(m["msg"], b"hello")
        self.assertRegex(m["time"], rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d"
                                    rb"\.\d{6}(Z|[+-]\d\d:\d\d)$")

    def test_defaults(self):
        m = parse(self.send(b"hello\n", 1)[0])
        self.assertEqual(m["pri"], b"133")
        self.assertEqual(m["app"], b"app")
        self.assertEqual((m["procid"], m["msgid"]), (b"-", b"-"))
        self.assertEqual(m["hostname"].split(b".")[0],
                         os.uname().nodename.encode().split(b".")[0])

    def test_position(self):
        data = b"one\ntwo\n\nthree\n"
        got = [parse(line) for line in self.send(data, 4, position=True)]
        path = self.path("app.log")
        inode = os.stat(path).st_ino
        for m, offset in zip(got, (0, 4, 8, 9)):
            self.assertEqual(
                m["sd"].decode(),
                '[position@32473 file="%s" inode="%d" offset="%d"]' % (
                    path, inode, offset))
        self.assertEqual([m["msg"] for m in got],
                         [b"one", b"two", b"", b"three"])

    def test_rfc3164(self):
        line = self.send(b"hello\n", 1, {"format": "rfc3164"},
                         hostname="box", procid="77", app_name="web")[0]
        self.assertRegex(line, rb"^<133>[A-Z][a-z]{2} [ 0-9]\d "
                               rb"\d\d:\d\d:\d\d box web\[77\]: hello$")

    def test_raw(self):
        lines = [b"%d <13>1 line" % i for i in range(1000)]
        got = self.send(b"".join(x + b"\n" for x in lines), 1000,
                        {"format": "raw", "framing": "newline"},
                        options=("-f", "newline"))
        self.assertEqual(got, lines)

    def test_line_ends(self):
        data = b"unix\nwindows\r\n\n\r\nmac\rin the middle\n two\r\r\n"
        self.assertEqual(
            texts(self.send(data, 6)),
            [b"unix", b"windows", b"", b"", b"mac#015in the middle",
             b" two#015"])

    def test_control_characters(self):
        data = b"nul\0tab\tbell\7esc\x1b[31m\n\x01\n"
        self.assertEqual(texts(self.send(data, 2)),
                         [b"nul#000tab\tbell#007esc#033[31m", b"#001"])

    def test_control_characters_passed(self):
        data = b"nul\0tab\tbell\7esc\x1b[31m\n"
        self.assertEqual(texts(self.send(data, 1, control_chars="pass")),
                         [data[:-1]])

    def test_invalid_utf8_replaced(self):
        data = b"caf\xe9 na\xc3\xafve \xff\xfe\xe2\x82\n"
        self.assertEqual(texts(self.send(data, 1)),
                         ["caf\ufffd na\xefve \ufffd\ufffd\ufffd".encode()])

    def test_invalid_utf8_escaped(self):
        data = b"caf\xe9 \xc3\xaf\n"
        self.assertEqual(texts(self.send(data, 1, invalid="escape")),
                         [b"caf\\xe9 \xc3\xaf"])

    def test_invalid_utf8_passed(self):
        data = b"caf\xe9 \xc3\xaf\xff\n"
        self.assertEqual(texts(self.send(data, 1, invalid="pass")),
                         [data[:-1]])

    def test_no_bom_before_utf8(self):
        line = self.send("na\u00efve\n".encode(), 1)[0]
        self.assertTrue(line.endswith(" - na\u00efve".encode()))

    def test_bom_only_before_utf8(self):
        """RFC 5424 6.4, where it is wanted."""
        lines = self.send("plain\nna\u00efve\n".encode(), 2, {"bom": True})
        self.assertTrue(lines[0].endswith(b" - plain"))
        self.assertTrue(lines[1].endswith(
            b" - \xef\xbb\xbf" + "na\u00efve".encode()))

    def test_compressed_octets_are_no_lines(self):
        """Whatever made them, and under whatever name."""
        text = b"".join(b"line %d\n" % i for i in range(5000))
        made = {"a.log.1.bz2": bz2.compress(text),
                "a.log.2": bz2.compress(text), "a.log.3": gzip.compress(text),
                "a.log.4.lzma": lzma.compress(text, lzma.FORMAT_ALONE),
                "a.log.5": lzma.compress(text), "a.log.6.br": text,
                "a.log.7": b"\x04\x22\x4d\x18" + os.urandom(5000)}
        for name, data in made.items():
            with open(self.path(name), "wb") as f:
                f.write(data)
        r = self.receiver().start()
        d = self.daemon(destination("d", r.url) +
                        source("s", self.path("a.log*"))).start()
        for name in made:
            d.wait_log("%s: is compressed, not text: passed over" %
                       re.escape(self.path(name)))
        with open(self.path("a.log"), "w") as f:
            f.write("text\n")
        r.wait_lines(1)
        d.stop()
        # What is added while nobody looks is no text either.
        for name, data in made.items():
            with open(self.path(name), "ab") as f:
                f.write(data)
        d.start()
        with open(self.path("a.log"), "a") as f:
            f.write("more\n")
        r.wait_lines(2)
        self.finish(d, r)
        self.assertEqual(texts(r.lines()), [b"text", b"more"])

    def test_compressed_octets_are_lines_where_that_is_wanted(self):
        data = b"BZh91AY&SY and text\n"
        self.assertEqual(texts(self.send(data, 1, compressed=False)),
                         [data[:-1]])

    def test_forged_messages_are_text(self):
        data = b"<0>1 2001-01-01T00:00:00Z forged su - - - x\n17 <13>x\n5 a\n"
        self.assertEqual(texts(self.send(data, 3)), data.split(b"\n")[:-1])

    def test_any_bytes(self):
        """Passed through, nothing changes but CR LF."""
        lines = [rng.randbytes(rng.randint(0, 300)).replace(b"\n", b"")
                 .rstrip(b"\r") for _ in range(3000)]
        got = self.send(b"".join(x + b"\n" for x in lines), len(lines),
                        invalid="pass", control_chars="pass")
        self.assertEqual([self.without_header(x) for x in got], lines)

    def test_any_bytes_made_text(self):
        lines = [rng.randbytes(rng.randint(0, 300)).replace(b"\n", b"")
                 .rstrip(b"\r") for _ in range(3000)]
        got = self.send(b"".join(x + b"\n" for x in lines), len(lines))
        want = [re.sub(r"[\0-\x08\x0a-\x1f]",
                       lambda m: "#%03o" % ord(m[0]),
                       x.decode("utf-8", "replace")) for x in lines]
        self.assertEqual([x.decode() for x in texts(got)], want)

    @staticmethod
    def without_header(line):
        return unescape(line).split(b" ", 7)[7]

    def long_line(self, n):
        return b"".join(b"%07d," % i for i in range(n // 8 + 1))[:n]

    def test_long_lines_are_split(self):
        long = [self.long_line(n) for n in (8000, 8192, 20000, 300000)]
        with open(self.path("app.log"), "wb") as f:
            f.write(b"before\n" + b"\n".join(long) + b"\nafter\n")
        r = self.receiver(options=["-f", "octet"]).start()
        d = self.daemon(destination("d", r.url) +
                        source("app", self.path("app.log"))).start()
        size = sum(map(len, long)) + len(b"beforeafter")

        def whole():
            return sum(map(len, texts(r.lines()))) >= size
        wait_for(whole, "the whole of it")
        self.finish(d, r)
        got = r.lines()
        self.assertLessEqual(max(map(len, got)), 8192)
        self.assertEqual(b"".join(texts(got)),
                         b"before" + b"".join(long) + b"after")
        self.assertEqual(texts(got)[0], b"before")
        self.assertEqual(texts(got)[-1], b"after")

    def test_long_lines_are_truncated(self):
        long = [self.long_line(n) for n in (8000, 9000, 20000, 300000)]
        data = b"before\n" + b"\n".join(long) + b"\nafter\n"
        got = self.send(data, 6, {"oversize": "truncate"})
        self.assertLessEqual(max(map(len, got)), 8192)
        got = texts(got)
        self.assertEqual((got[0], got[5]), (b"before", b"after"))
        self.assertEqual(got[1], long[0])
        for text, line in zip(got[2:5], long[1:]):
            self.assertTrue(line.startswith(text))
            self.assertGreater(len(text), 8000)

    def test_characters_are_not_split(self):
        line = "\u20ac".encode() * 10000
        with open(self.path("app.log"), "wb") as f:
            f.write(line + b"\n")
        r = self.receiver(options=["-f", "octet"]).start()
        d = self.daemon(destination("d", r.url, max_message="1KB") +
                        source("app", self.path("app.log"))).start()
        wait_for(lambda: sum(map(len, texts(r.lines()))) >= len(line),
                 "the whole of it")
        self.finish(d, r)
        got = r.lines()
        self.assertLessEqual(max(map(len, got)), 1024)
        for text in texts(got):
            text.decode()
        self.assertEqual(b"".join(texts(got)), line)

    def test_a_long_line_in_small_pieces(self):
        line = self.long_line(100000)
        r = self.receiver(options=["-f", "octet"]).start()
        d = self.daemon(destination("d", r.url, max_message="200KB") +
                        source("app", self.path("app.log"))).start()
        with open(self.path("app.log"), "wb", buffering=0) as f:
            for at in range(0, len(line), 500):
                f.write(line[at:at + 500])
            f.write(b"\n")
        r.wait_lines(1)
        self.finish(d, r)
        self.assertEqual(texts(r.lines()), [line])


class Partial(Case):

    def begin(self, **src):
        self.r = self.receiver().start()
        self.d = self.daemon(destination("d", self.r.url) +
                             source("app", self.path("app.log"),
                                    **src)).start()

    def append(self, data):
        with open(self.path("app.log"), "ab", buffering=0) as f:
            f.write(data)

    def test_a_partial_line_waits_for_its_newline(self):
        self.begin()
        self.append(b"one\ntw")
        self.assertEqual(texts(self.r.wait_lines(1)), [b"one"])
        self.append(b"o")
        # The daemon has seen it when it has dumped its state.
        self.d.state()
        self.assertEqual(len(self.r.lines()), 1)
        self.append(b"\nthree\n")
        self.assertEqual(texts(self.r.wait_lines(3)),
                         [b"one", b"two", b"three"])
        self.finish(self.d, self.r)

    def test_a_partial_line_waits_across_a_restart(self):
        self.begin()
        self.append(b"one\ntw")
        self.r.wait_lines(1)
        self.d.stop()
        self.append(b"o")
        self.d.start()
        self.append(b"\n")
        self.assertEqual(texts(self.r.wait_lines(2)), [b"one", b"two"])
        self.finish(self.d, self.r)
        self.assertEqual(len(self.r.lines()), 2)

    def test_a_partial_line_is_sent_after_its_timeout(self):
        self.begin(partial_timeout="300ms")
        self.append(b"one\npassword: ")
        self.assertEqual(texts(self.r.wait_lines(2)),
                         [b"one", b"password: "])
        self.append(b"secret\nnext\n")
        self.assertEqual(texts(self.r.wait_lines(4)),
                         [b"one", b"password: ", b"secret", b"next"])
        self.finish(self.d, self.r)

    def test_the_last_line_of_a_deleted_file(self):
        """Its newline never comes: it is sent when nobody writes any more."""
        self.begin()
        self.append(b"one\ntwo")
        self.r.wait_lines(1)
        os.unlink(self.path("app.log"))
        self.append(b"three\n")
        got = self.r.wait_lines(3, limit=180)
        self.assertEqual(sorted(texts(got)), [b"one", b"three", b"two"])
        self.finish(self.d, self.r)


if __name__ == "__main__":
    main()
