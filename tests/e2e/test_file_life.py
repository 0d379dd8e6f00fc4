#!/usr/bin/python3
"""Goal: whatever becomes of log files, every complete line arrives.

A walk is a seeded sequence of steps over a few logs, each in a directory of
its own: lines are appended, files renamed, copied and truncated, compressed,
linked, deleted, while the daemon and its receiver come and go.  A model knows
which lines stand in which file.  In the end every complete line has arrived,
in the order of its file, what had a name before the others came before them,
and nothing came twice but what the documentation allows:

 - the daemon was killed: what was not known to be in a checkpoint,
 - the connection was reset, or the daemon stopped while the receiver did not
   read: what had been sent.

    test_file_life.py                           walks with new seeds, and
                                                some of those that failed
    test_file_life.py --seeds 2000 [--from N]   the long form
    test_file_life.py --seed N                  one walk again
    test_file_life.py --regressions             those that failed once

A seed means the same walk as long as its generation is kept: a step that is
added or changed comes in a new one.  What the daemon makes of a walk is a
matter of time, too: to fail again, it may have to be run more than once.
"""

import argparse
import collections
import concurrent.futures
import fnmatch
import gzip
import lzma
import os
import random
import re
import shutil
import subprocess
import sys
import time
import traceback

import teslacoil
from teslacoil import Case, Receiver, destination, kill, source, wait_for

# Generation, steps and seeds: what failed once and must not fail again.
FAILED_ONCE = [
    (1, 200, (1012, 1026, 1030, 1038, 1042)),
    (2, 150, (3, 4, 12, 13, 16, 18, 19, 27, 56)),
    (3, 150, (3, 8, 10, 14, 15, 23, 28, 34, 56, 72, 79, 500185, 640091)),
    (3, 120, (600034, 600037, 600085, 600111, 600113, 600131, 600137,
              600145)),
    (3, 100, (10002, 10054, 10067, 10072, 10073, 10112, 10121)),
    (3, 80, (20027, 20053, 20309, 20790, 20893, 20924, 21048, 21059, 21405,
             21494, 21556, 21888, 21947, 30163, 71460, 71789)),
]
REGRESSIONS = [(generation, seed, steps)
               for generation, steps, seeds in FAILED_ONCE for seed in seeds]

# Steps and their weights; a walk of a generation takes them in this order.
LIFE = [
    ("append", 30), ("burst", 4), ("append_partial", 6), ("late", 10),
    ("rotate", 12), ("create_first", 4), ("linger", 8),
]
PROCESSES = [
    ("restart", 3), ("reload", 2), ("kill_daemon", 2), ("daemon_down", 3),
    ("daemon_up", 6), ("slow", 3), ("fast", 4), ("away", 2), ("settle", 3),
]
GENERATIONS = {
    1: LIFE + PROCESSES + [
        ("move_away", 3), ("delete", 4), ("copytruncate", 6), ("truncate", 2),
        ("hard_link", 2), ("reset", 1),
    ],
    2: LIFE + PROCESSES + [
        ("move_away", 3), ("delete", 4), ("copytruncate_any", 10),
        ("truncate", 2), ("hard_link", 2), ("reset", 1),
    ],
    3: LIFE + PROCESSES + [
        ("move_away", 3), ("delete", 3), ("copytruncate_any", 8),
        ("truncate", 2), ("hard_link", 2), ("reset", 1), ("compress", 8),
    ],
}
NEWEST = max(GENERATIONS)


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data,
                          stdout=subprocess.PIPE, check=True).stdout


PACKERS = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstd}

LINE = re.compile(rb"seq=(\d{8}) file=(\S+) gen=(\d+) ")
ROUNDS = int(os.environ.get("TESLACOIL_ROUNDS") or 6)
RATE = 200000  # octets a second that a slow receiver reads


class Content:
    """What was written as one file, wherever it stands now."""

    def __init__(self, log, gen):
        self.log = log
        self.gen = gen
        self.fd = -1
        self.path = None  # NULL: has no name
        self.ino = 0
        self.ends = []  # of its lines
        self.size = 0
        self.partial = b""  # begun and not ended
        self.before = None  # lines when the next one began
        self.sealed = False  # nobody writes to it any more
        self.fleeting = False  # only an open descriptor has it
        self.met = 0  # the inode by which the daemon has followed it
        self.packed = False
        self.links = 0
        self.looked = False  # and has seen what is in it
        self.ordered = True  # with regard to the next one

    @property
    def count(self):
        return len(self.ends)

    def meet(self):
        if self.count:
            self.met = self.ino

    @property
    def whole(self):
        return self.ends[-1] if self.ends else 0

    def __str__(self):
        return "%s/%d" % (self.log.name, self.gen)


class Log:
    """A name that a program logs to, and all that ever had it."""

    def __init__(self, name, directory, pattern):
        self.name = name
        self.dir = directory
        self.path = os.path.join(directory, "app.log")
        self.pattern = os.path.join(directory, pattern)
        self.contents = []
        self.style = 0  # of the names of its rotations
        self.moves = 0

    @property
    def now(self):
        return self.contents[-1]


class Walk(Case):
    """One walk; the daemon and the receiver are those of every test."""

    def runTest(self):
        raise NotImplementedError

    def begin(self, seed, generation):
        self.seed = seed
        self.rng = random.Random("%d %d" % (generation, seed))
        self.ops = GENERATIONS[generation]
        self.steps = []
        self.settled = set()
        self.arrivals = {}  # line: index of its first arrival
        self.times = collections.Counter()
        self.allowed = collections.Counter()
        self.sequences = collections.defaultdict(list)
        self.at = 0
        self.rest = b""
        self.number = 0
        self.up = False
        self.slowed = False
        self.gone = False
        self.shaken = False
        patterns = ["app.log", "*.log", "app.log*", "app*"]
        self.log_of = [
            Log("log%d" % i, self.path("d%d" % i),
                self.rng.choice(patterns)) for i in range(4)]
        for log in self.log_of:
            log.style = self.rng.randrange(4)
            os.makedirs(log.dir)
            os.mkdir(log.dir + "/old")
            self.fresh(log)
        self.r = Receiver(self).start()
        self.d = self.daemon(self.conf(), checkpoint_interval="50ms")
        self.daemon_up()
        # Before that, every start is the first one, and knows nothing.
        wait_for(lambda: all(log.now.ino in self.checkpoint()
                             for log in self.log_of), "the first checkpoint")

    def conf(self):
        # A directory that is watched is one that files may be moved to.
        return destination("d", self.r.url) + "".join(
            source(log.name, [log.pattern, log.dir + "/old/*.none"])
            for log in self.log_of)

    def say(self, text, *args):
        self.steps.append("%4d %s" % (len(self.steps), text % args))

    # Writing.

    def fresh(self, log, path=None):
        """The log's name, or for now path, gets a new file."""
        content = Content(log, len(log.contents))
        content.path = path or log.path
        content.fd = os.open(content.path, os.O_WRONLY | os.O_APPEND |
                             os.O_CREAT | os.O_EXCL, 0o644)
        content.ino = os.fstat(content.fd).st_ino
        if log.contents:
            log.now.before = log.now.count
        log.contents.append(content)
        return content

    def text(self, content, longest=300):
        head = "seq=%08d file=%s gen=%d " % (
            content.count + 1, content.log.name, content.gen)
        filler = "%x " % self.rng.getrandbits(4 * self.rng.randint(1, longest))
        return (head + filler).encode()

    def put(self, content, data):
        if os.write(content.fd, data) != len(data):
            raise OSError("short write")
        content.size += len(data)

    def append_to(self, content, n, longest=300):
        data = b""
        for _ in range(n):
            if content.partial:
                line = b"\n"
                content.partial = b""
            else:
                line = self.text(content, longest) + b"\n"
            data += line
            content.ends.append(content.size + len(data))
        self.put(content, data)

    def end_partial(self, content):
        if content.partial:
            self.append_to(content, 1)

    def seal(self, content):
        """No program writes to it any more."""
        if content.fd == -1:
            return
        self.end_partial(content)
        os.close(content.fd)
        content.fd = -1
        content.sealed = True

    def any_log(self):
        return self.rng.choice(self.log_of)

    def any_old(self, want):
        """Some file that had the name of its log."""
        found = [c for log in self.log_of for c in log.contents[:-1]
                 if c.path is not None and want(c)]
        return self.rng.choice(found) if found else None

    # Steps: files.

    def append(self):
        log, n = self.any_log(), self.rng.randint(1, 5)
        self.append_to(log.now, n)
        self.say("append %d to %s", n, log.now)

    def burst(self):
        log, n = self.any_log(), self.rng.randint(100, 1500)
        self.append_to(log.now, n)
        self.say("append %d to %s", n, log.now)

    def append_partial(self):
        now = self.any_log().now
        if now.partial:
            return
        now.partial = self.text(now)
        self.put(now, now.partial)
        self.say("append a part of a line to %s", now)

    def late(self):
        """A program that was not told of the rotation."""
        old = [c for log in self.log_of for c in log.contents[:-1]
               if c.fd != -1 and not c.fleeting]
        if not old:
            return
        content = self.rng.choice(old)
        n = self.rng.randint(1, 20)
        self.append_to(content, n)
        self.say("append %d late to %s", n, content)
        if self.rng.random() < 0.3:
            self.seal(content)

    def shift(self, log):
        """Makes room for a new .1, as logrotate does."""
        old = {c.path: c for c in log.contents if c.path is not None}
        n = 1
        while any(p.startswith("%s.%d" % (log.path, n)) and
                  p[len("%s.%d" % (log.path, n)):][:1] in ("", ".")
                  for p in old):
            n += 1
        for i in range(n - 1, 0, -1):
            stem = "%s.%d" % (log.path, i)
            for path, content in old.items():
                if path == stem or path.startswith(stem + "."):
                    content.path = "%s.%d" % (log.path, i + 1) + \
                        path[len(stem):]
                    os.rename(path, content.path)
        return log.path + ".1"

    def new_name(self, log):
        if log.style < 2:
            return self.shift(log)
        log.moves += 1
        if log.style == 2:
            return "%s-2026%04d" % (log.path, log.moves)
        return "%s/app-2026-%04d.log" % (log.dir, log.moves)

    def rotate(self):
        log = self.any_log()
        old = log.now
        old.path = self.new_name(log)
        os.rename(log.path, old.path)
        n = self.rng.choice((0, 0, 1, 30))
        if n:
            self.append_to(old, n)
        if self.rng.random() < 0.2:
            self.pause()
        self.fresh(log)
        if self.rng.random() < 0.7:
            self.seal(old)
        self.say("rename %s to %s, late %d", old,
                 os.path.basename(old.path), n)

    def create_first(self):
        """The next file is there before the old one is renamed."""
        log = self.any_log()
        old = log.now
        new = self.fresh(log, os.path.join(log.dir, "new.tmp"))
        if self.rng.random() < 0.5:
            self.append_to(new, self.rng.randint(1, 10))
        old.path = self.new_name(log)
        os.rename(log.path, old.path)
        os.rename(new.path, log.path)
        new.path = log.path
        self.seal(old)
        self.say("rename %s to %s and put the next in its place", old,
                 os.path.basename(old.path))

    def move_away(self):
        """To another directory, which the daemon knows."""
        content = self.any_old(lambda c: c.count and
                               c.path.startswith(c.log.dir + "/app"))
        if content is None or not (self.has_arrived(content)
                                   if content.packed else
                                   self.has_met(content)):
            return
        content.log.moves += 1
        to = "%s/old/%d" % (content.log.dir, content.log.moves)
        to += os.path.splitext(content.path)[1] if content.packed else ""
        os.rename(content.path, to)
        content.path = to
        # Where it stood among the others, only its name could tell.
        content.ordered = False
        if content.gen > 0:
            content.log.contents[content.gen - 1].ordered = False
        self.say("move %s to %s", content, to)

    def delete(self):
        """Only what was sent, or the daemon has open."""
        content = self.any_old(lambda c: True)
        if content is None:
            return
        self.seal(content)
        if not self.has_arrived(content):
            if not self.up or content.packed:
                return
            self.follow(content)
            content.fleeting = True
        os.unlink(content.path)
        content.path = None
        self.say("delete %s%s", content,
                 ", not yet sent" if content.fleeting else "")

    def copytruncate(self, matching=False):
        log = self.any_log()
        old = log.now
        self.end_partial(old)
        to = self.new_name(log)
        if fnmatch.fnmatch(to, log.pattern) and not matching:
            return
        if self.up and not old.looked:
            self.look(old)
        shutil.copyfile(log.path, to)
        if self.rng.random() < 0.5:
            self.pause()
        os.truncate(log.path, 0)
        self.truncated(old, to)
        self.say("copy %s to %s and truncate it", old, os.path.basename(to))
        if self.rng.random() < 0.5:
            self.append_to(log.now, self.rng.randint(1, 200))

    def copytruncate_any(self):
        """The pattern may mean the copy, too."""
        self.copytruncate(matching=True)

    def compress(self):
        """As logrotate has it done, to a file that nobody writes any more."""
        content = self.any_old(lambda c: "." in os.path.basename(c.path) and
                               not c.packed and c.links == 0)
        if content is None:
            return
        self.seal(content)
        ending = self.rng.choice(sorted(PACKERS))
        if self.up:
            self.follow(content)
        elif not content.met and os.path.dirname(content.path) != \
                content.log.dir:
            return
        to = content.path + ending
        with open(content.path, "rb") as f:
            packed = PACKERS[ending](f.read())
        with open(to, "wb") as f:
            f.write(packed)
        shutil.copystat(content.path, to)
        if self.rng.random() < 0.2:
            self.pause()
        os.unlink(content.path)
        content.path = to
        content.packed = True
        if self.up and not self.has_arrived(content):
            # Its descriptor has no name that would tell of its age.
            content.ordered = False
            if content.gen > 0:
                content.log.contents[content.gen - 1].ordered = False
        content.ino = os.stat(to).st_ino
        self.say("compress %s to %s", content, os.path.basename(to))

    def truncated(self, old, copy):
        """The log goes on in the same file."""
        log = old.log
        new = Content(log, len(log.contents))
        new.fd, old.fd = old.fd, -1
        new.path, new.ino = log.path, old.ino
        new.links, old.links = old.links, 0
        old.path = copy
        old.sealed = True
        old.ino = os.stat(copy).st_ino if copy else 0
        old.before = old.count
        log.contents.append(new)

    def truncate(self):
        """What has been sent."""
        log = self.any_log()
        old = log.now
        self.end_partial(old)
        if not old.count or not self.is_here():
            return
        self.wait_acknowledged(old)
        os.truncate(log.path, 0)
        self.truncated(old, None)
        self.say("truncate %s", old)

    def hard_link(self):
        content = self.any_log().now
        content.log.moves += 1
        content.links += 1
        os.link(content.path, "%s/old/link%d" % (content.log.dir,
                                                 content.log.moves))
        self.say("link %s", content)

    # Steps: processes.

    def pause(self):
        time.sleep(self.rng.random() ** 3 * 0.05)

    def linger(self):
        time.sleep(self.rng.random() * 0.1)
        self.say("linger")

    def is_here(self):
        return self.up and not self.gone

    def secure(self):
        """What only an open descriptor has cannot survive the daemon."""
        if not self.up:
            return
        for log in self.log_of:
            for content in log.contents:
                if content.fleeting:
                    if self.slowed or self.gone:
                        self.fast()
                    self.wait_arrived(content)
                    content.fleeting = False

    def allow(self, everything=False):
        """
        What was written until now may come once more.  All of it where the
        daemon goes back behind what was acknowledged, and so the checkpoint.
        """
        if everything:
            self.settled.clear()
            self.shaken = True
        for log in self.log_of:
            for content in log.contents:
                for seq in range(1, content.count + 1):
                    line = log.name, content.gen, seq
                    if everything or line not in self.settled:
                        self.allowed[line] += 1

    def stop_daemon(self):
        self.secure()
        if self.slowed or self.gone:
            self.allow()
        self.d.stop()
        self.up = False
        self.shaken = False

    def daemon_up(self):
        if not self.up:
            self.d.start()
            self.up = True
            self.say("start the daemon")

    def daemon_down(self):
        if self.up:
            self.stop_daemon()
            self.say("stop the daemon")

    def restart(self):
        if self.up:
            self.stop_daemon()
            self.pause()
            self.d.start()
            self.up = True
            self.say("restart the daemon")

    def reload(self):
        if self.up:
            self.secure()
            if self.slowed or self.gone:
                self.allow()
            self.d.reload(self.conf())
            self.say("reload")

    def kill_daemon(self):
        """Not with a receiver that just died: two faults at once."""
        if self.up and not self.shaken:
            self.secure()
            self.d.kill()
            self.allow()
            self.up = False
            self.say("kill the daemon")

    def slow(self):
        if not self.gone:
            self.r.do("rate %d" % RATE)
            self.slowed = True
            self.say("the receiver is slow")

    def fast(self):
        if self.gone:
            wait_for(lambda: self.r.ask("listen") == "ok", "a free port")
            self.gone = False
        self.r.do("rate 0")
        self.slowed = False
        self.say("the receiver is fast")

    def let_old_connections_end(self):
        """
        The daemon is gone, or another, and then the receiver dies with what
        the old one had sent unread: two faults at once can lose it.
        """
        def ended():
            return self.r.stats()["open"] <= self.up
        if not ended():
            self.fast()
            wait_for(ended, "the end of old connections")

    def away(self):
        """In order: it reads what there is, and is not there any more."""
        if self.gone:
            return
        self.let_old_connections_end()
        self.allow(everything=True)
        self.r.do("refuse")
        self.r.do("fin")
        self.gone = True
        self.say("the receiver is away")

    def reset(self):
        if self.gone:
            return
        self.let_old_connections_end()
        self.allow(everything=True)
        self.r.do("reset")
        self.say("the receiver resets")

    def settle(self):
        """All arrived, and the checkpoint knows."""
        if not self.up:
            return
        if self.slowed or self.gone:
            self.fast()
        for log in self.log_of:
            for content in log.contents:
                self.wait_arrived(content)
        wait_for(self.is_settled, "the checkpoint to know it all")
        for log in self.log_of:
            for content in log.contents:
                if content.path is None:
                    continue
                content.meet()
                for seq in range(1, content.count + 1):
                    self.settled.add((log.name, content.gen, seq))
        self.shaken = False
        self.say("settle")

    # What the daemon and the receiver have.

    def checkpoint(self):
        """Offset and length of the fingerprint, by inode."""
        known = {}
        path = os.path.join(self.d.state_dir, "checkpoint")
        if not os.path.exists(path):
            return known
        with open(path, "rb") as f:
            for line in f:
                field = line.split()
                if len(field) > 8 and field[1] == b"file":
                    known[int(field[4])] = int(field[7]), int(field[5])
                elif len(field) > 4 and field[1] == b"gone":
                    known.pop(int(field[4]), None)
        return known

    def is_settled(self):
        sent = [(f["inode"], c["sent"]) for f in self.d.state()["files"]
                for c in f["cursors"] if c["sent"] > 0]
        known = self.checkpoint()
        sent += [(c.ino, c.whole) for log in self.log_of for c in log.contents
                 if c.path is not None and c.count and c is log.now]
        return all(known.get(inode, (-1, 0))[0] == offset
                   for inode, offset in sent)

    def follow(self, content):
        def found():
            return self.has_arrived(content) or any(
                f["inode"] == content.ino for f in self.d.state()["files"])
        wait_for(found, "the daemon to follow %s" % content)
        content.meet()

    def look(self, content):
        """A file that comes and goes between two looks has never been."""
        def seen():
            return self.has_arrived(content) or any(
                f["inode"] == content.ino and f["size"] == content.size
                for f in self.d.state()["files"])
        wait_for(seen, "the daemon to see %s" % content)
        content.looked = True

    def has_met(self, content):
        """Whether the daemon knows it; only waits where it will."""
        if self.up:
            self.follow(content)
        elif not content.met:
            return False
        return self.up or self.checkpoint().get(content.met, (0, 0))[1] > 0

    def update(self):
        with open(self.r.path, "rb") as f:
            f.seek(self.at)
            data = f.read()
        self.at += len(data)
        data = self.rest + data
        end = data.rfind(b"\n") + 1
        self.rest = data[end:]
        for m in LINE.finditer(data[:end]):
            line = m[2].decode(), int(m[3]), int(m[1])
            self.arrivals.setdefault(line, self.number)
            self.times[line] += 1
            self.sequences[line[:2]].append(line[2])
            self.number += 1

    def missing(self, content):
        return [seq for seq in range(1, content.count + 1) if
                (content.log.name, content.gen, seq) not in self.arrivals]

    def has_arrived(self, content):
        self.update()
        return not self.missing(content)

    def wait_arrived(self, content):
        if not self.has_arrived(content):
            try:
                wait_for(lambda: self.has_arrived(content), "")
            except AssertionError:
                missing = self.missing(content)
                raise AssertionError("%s: %d of %d lines are missing: %s" % (
                    content, len(missing), content.count,
                    missing[:10])) from None

    def wait_acknowledged(self, content):
        """Nothing of it is to be sent again, either."""
        def acknowledged():
            return any(f["inode"] == content.ino and
                       all(c["acknowledged"] >= content.whole
                           for c in f["cursors"])
                       for f in self.d.state()["files"])
        self.wait_arrived(content)
        wait_for(acknowledged, "%s to be acknowledged" % content)

    # The walk.

    def step(self):
        names = [name for name, _ in self.ops]
        weights = [weight for _, weight in self.ops]
        getattr(self, self.rng.choices(names, weights)[0])()
        self.pause()

    def end(self):
        for log in self.log_of:
            for content in log.contents:
                if content.fd != -1:
                    self.end_partial(content)
        self.say("the end")
        self.daemon_up()
        self.fast()
        for log in self.log_of:
            for content in log.contents:
                self.wait_arrived(content)
        for log in self.log_of:
            for content in log.contents:
                self.seal(content)
        self.finish(self.d, self.r)
        self.update()
        self.check()

    def leave_state(self):
        """What the daemon thinks, in its state directory."""
        try:
            if self.up:
                self.d.state()
        except Exception:
            pass

    def check(self):
        for log in self.log_of:
            for content in log.contents:
                self.check_order(content)
        for line, n in self.times.items():
            if n > 1 + self.allowed[line]:
                raise AssertionError("line %d of %s/%d came %d times, "
                                     "allowed %d" % (line[2], line[0], line[1],
                                                     n, 1 + self.allowed[line]))
        said = re.findall(r".*(?:could be read|worker.*(?:signal|status)).*",
                          self.d.log())
        if said:
            raise AssertionError("the daemon said: %s" % said[:5])

    def check_order(self, content):
        name, gen = content.log.name, content.gen
        run = self.sequences[name, gen]
        for a, b in zip([0] + run, run):
            if b > a + 1:
                raise AssertionError("%s: line %d after %d" % (content, b, a))
        if content.before is None or not content.ordered:
            return
        follower = content.log.contents[gen + 1]
        if content.before and follower.count:
            last = self.arrivals[name, gen, content.before]
            first = self.arrivals[name, gen + 1, 1]
            if last > first:
                raise AssertionError("%s began before line %d of %s" % (
                    follower, content.before, content))


def walk(seed, generation, steps):
    """Returns a report of what went wrong, or None."""
    case = Walk()
    case.setUp()
    failure = None
    try:
        case.begin(seed, generation)
        for _ in range(steps):
            case.step()
        case.end()
    except Exception:
        failure = traceback.format_exc(limit=-3)
        case.leave_state()
    try:
        for content in [c for log in case.log_of for c in log.contents]:
            if content.fd != -1:
                os.close(content.fd)
        case.end_all()
    except Exception:
        failure = failure or traceback.format_exc(limit=-3)
    if failure is None:
        shutil.rmtree(case.dir)
        return None
    return ("--- seed %d, generation %d failed; again with: %s %s --seed %d "
            "--generation %d --steps %d\n--- kept: %s\n%s\n%s" % (
                seed, generation, sys.executable, sys.argv[0], seed,
                generation, steps, case.dir, "\n".join(case.steps), failure))


def run(seeds, jobs):
    """Walks all; prints what fails at once.  Returns how many failed."""
    failed = 0
    begin = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        walks = {pool.submit(walk, seed, generation, steps): seed
                 for generation, seed, steps in seeds}
        for done, future in enumerate(
                concurrent.futures.as_completed(walks), 1):
            report = future.result()
            if report is not None:
                failed += 1
                print(report, flush=True)
            if done % 50 == 0:
                print("%d walks, %d failed, %d s" % (
                    done, failed, time.monotonic() - begin), flush=True)
    print("%d walks of %d steps in all, %d failed, %.1f s" % (
        len(seeds), sum(walk[2] for walk in seeds), failed,
        time.monotonic() - begin))
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seeds", type=int, help="how many walks")
    parser.add_argument("--from", type=int, dest="first", help="first seed")
    parser.add_argument("--seed", type=int, help="one walk")
    parser.add_argument("--generation", type=int, default=NEWEST)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--regressions", action="store_true")
    args = parser.parse_args()
    first = args.first if args.first is not None else teslacoil.SEED
    if args.seed is not None:
        seeds = [(args.generation, args.seed, args.steps)]
    elif args.regressions:
        seeds = REGRESSIONS
    else:
        seeds = [(args.generation, first + i, args.steps)
                 for i in range(args.seeds or ROUNDS)]
        print("seeds %d to %d" % (first, seeds[-1][1]))
        if args.seeds is None:
            seeds += random.Random(first).sample(REGRESSIONS, ROUNDS)
    sys.exit(run(seeds, args.jobs) != 0)


if __name__ == "__main__":
    main()
