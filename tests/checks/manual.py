#!/usr/bin/python3
"""Goal: the manual pages of section 8 have all there is, and nothing else.

Options, commands, signals, the environment; and in DIAGNOSTICS every message of
log_notice() and above as it stands in the source, with %d for every number, %s
for all else, and ": %s" where errno is told; and every reason that is told in
such a message.  What is wrong with a configuration tells its own line, and a
sandbox what it has: neither is listed.  For the options of the configuration
there is options_documented.sh.
"""

import glob
import os
import re
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
MANUAL = "daemon/teslacoild.8"

TELLS_ERRNO = {"log_error", "log_warn", "say_warn"}
CALL = re.compile(r"\b(log_errorx?|log_warnx?|log_notice|reason_set|"
                  r"say_warnx?|say_notice)\(")
LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"')
CONVERSION = re.compile(r"%[-+ #0-9.*]*(?:hh?|ll?|z|j)?([a-zA-Z%])")


def read(path):
    with open(path) as f:
        return f.read()


def arguments(text, start):
    """The arguments of the call whose "(" is before start."""
    depth, args, begin = 1, [], start
    for m in re.compile(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'|[(),]') \
            .finditer(text, start):
        if m[0] == "(":
            depth += 1
        elif m[0] == ")":
            depth -= 1
        if depth == 0 or (depth == 1 and m[0] == ","):
            args.append(text[begin:m.start()])
            begin = m.end()
        if depth == 0:
            return args
    raise AssertionError("a call without its end")


def literals(arg, text):
    """The strings that arg may be; macros of the same file are put in."""
    for name in re.findall(r"\b[A-Z][A-Z_]+\b", LITERAL.sub("", arg)):
        m = re.search(r'#define %s\s+(".*")' % name, text)
        if m:
            arg = re.sub(r"\b%s\b" % name, lambda _: m[1], arg)
    for part in re.split(r'[?:](?=(?:[^"]*"[^"]*")*[^"]*$)', arg):
        strings = LITERAL.findall(part)
        if strings:
            yield "".join(strings)


def plain(fmt):
    """%lld is %d, and a path is one %s."""
    fmt = CONVERSION.sub(
        lambda m: "%d" if m[1] in "diuxXeEfFgG" else "%s", fmt)
    return re.sub(r"%s(/%s)+", "%s", fmt).replace('\\"', '"')


def says_nothing(fmt):
    return not re.search(r"[a-z]", fmt.replace("%s", "").replace("%d", ""))


def messages():
    """Every message, and where it is."""
    found = {}
    for path in sorted(glob.glob(os.path.join(TOP, "daemon", "*", "*.c"))):
        name = os.path.relpath(path, os.path.join(TOP, "daemon"))
        if re.match(r"conf/(?!cert|meant)|base/log\.c|sandbox/(?!opener|profile)", name):
            continue
        text = read(path)
        for m in CALL.finditer(text):
            args = arguments(text, m.end())
            where = "%s:%d" % (name, text.count("\n", 0, m.start()) + 1)
            of_file = m[1].startswith("say_")
            fmt = args[1] if of_file or m[1] == "reason_set" else args[0]
            for one in literals(fmt, text):
                if of_file:
                    one = "%s: " + one
                one = plain(one) + (": %s" if m[1] in TELLS_ERRNO else "")
                if one == "%s: %s" and m[1] in TELLS_ERRNO or \
                        not says_nothing(one):
                    found.setdefault(one, where)
    return found


def section(page, name):
    text = read(os.path.join(TOP, page)).replace("\\\n", "")
    return re.search(r"^\.Sh %s\n(.*?)^\.Sh " % name, text,
                     re.MULTILINE | re.DOTALL)[1]


def documented():
    items = re.findall(r'^\.It "(.*)"$', section(MANUAL, "DIAGNOSTICS"),
                       re.MULTILINE)
    return [i.replace('""', '"') for i in items]


class Commands(unittest.TestCase):

    def test_options(self):
        for folder, program in (("run", "teslacoild"),
                                ("control", "teslacoilctl")):
            page = "daemon/%s.8" % program
            text = read(os.path.join(TOP, "daemon", folder, program + ".c"))
            taken = re.search(r'getopt\(argc, argv, "([^"]*)"', text)[1]
            taken = re.findall(r"(\w)(:?)", taken)
            described = re.findall(r"^\.It Fl (\w)( ?)",
                                   section(page, "DESCRIPTION"), re.MULTILINE)
            self.assertEqual(
                sorted(described), sorted((o, " " if a else "")
                                          for o, a in taken), page)
            synopsis = re.findall(r"Fl (\w+)", section(page, "SYNOPSIS"))
            self.assertEqual(set("".join(synopsis)), {o for o, _ in taken},
                             "SYNOPSIS of " + page)
            usage = "".join(LITERAL.findall(re.search(
                r'"usage: .*?\);', text, re.DOTALL)[0]))
            usage = re.findall(r"\[-(\w+)| -(\w) ", usage)
            self.assertEqual({o for pair in usage for o in "".join(pair)},
                             {o for o, _ in taken}, "usage of " + program)

    def test_commands(self):
        page = "daemon/teslacoilctl.8"
        described = set()
        for item in re.findall(r"^\.It Cm (.*)$", section(
                page, "DESCRIPTION"), re.MULTILINE):
            command, _, words = item.partition(" Cm ")
            described.update("%s %s" % (command, word) if word else command
                             for word in words.split(" | "))
        for source in ("control/server.c", "control/teslacoilctl.c"):
            text = read(os.path.join(TOP, "daemon", source))
            self.assertEqual(
                set(re.findall(r'^\t\{ "([a-z ]+)", \w', text, re.MULTILINE)),
                described, "%s and %s" % (source, page))

    def test_signals(self):
        text = read(os.path.join(TOP, "daemon/run/signals.c"))
        caught = set(re.search(r"signals\[\] = \{([^}]*)\}", text)[1].replace(
            ",", "").split())
        described = re.findall(r"^\.It Dv (.*)$", section(MANUAL, "SIGNALS"),
                               re.MULTILINE)
        self.assertEqual(set(" , ".join(described).split(" , ")),
                         caught - {"SIGCHLD"})

    def test_environment(self):
        asked = set()
        for path in glob.glob(os.path.join(TOP, "daemon", "*", "*.c")):
            asked.update(re.findall(r'getenv\("(\w+)"', read(path)))
        described = re.findall(r"\.It Ev (.*)$", section(
            MANUAL, "ENVIRONMENT"), re.MULTILINE)
        self.assertEqual(set(" , ".join(described).split(" , ")), asked)


class Macros(unittest.TestCase):

    def test_none_is_deprecated(self):
        for path in glob.glob(os.path.join(TOP, "*", "*.[58]")):
            self.assertNotRegex(read(path), r"(?m)^\.(.* )?Li( |$)", path)


class Messages(unittest.TestCase):

    def test_every_message_is_in_the_manual(self):
        have = set(documented())
        missing = ["    .It \"%s\"   (%s)" % (m.replace('"', '""'), where)
                   for m, where in messages().items() if m not in have]
        self.assertEqual(
            missing, [],
            "add to DIAGNOSTICS of %s, with what it means and what to do:\n%s"
            % (MANUAL, "\n".join(missing)))

    def test_no_message_is_in_the_manual_twice(self):
        self.assertEqual(sorted(documented()), sorted(set(documented())))

    def test_every_message_of_the_manual_exists(self):
        gone = [m for m in documented() if m not in messages()]
        self.assertEqual(gone, [], "remove from DIAGNOSTICS of " + MANUAL)

    def test_finds_what_there_is(self):
        self.assertGreater(len(messages()), 50)


if __name__ == "__main__":
    unittest.main()
