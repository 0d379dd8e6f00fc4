"""The model of a walk of test_file_life.py: what was written, what arrived.

A line is known by its key: (log, generation, number) of those that have a
number, (log, text) of those that are the same in several files.
"""

import collections
import os
import random
import re
import time
import zlib

from teslacoil import Case, Receiver, destination, source, wait_for

LINE = re.compile(rb"seq=(\d{8}) file=(\S+) gen=(\d+) ")
MESSAGE = re.compile(rb"<\d+>1 \S+ \S+ (\S+) \S+ \S+ - (?:\xef\xbb\xbf)?(.*)")


class Content:
    """What was written as one file, wherever it stands now."""

    def __init__(self, log, gen):
        self.log = log
        self.gen = gen
        self.fd = -1
        self.path = None  # None: has no name
        self.ino = 0
        self.count = 0  # of its lines with a number, ever
        self.here = []  # key and end of each line that stands in it
        self.size = 0
        self.partial = b""  # begun and not ended
        self.before = None  # lines when the next one began
        self.sealed = False  # nobody writes to it any more
        self.fleeting = False  # only an open descriptor has it
        self.met = 0  # the inode by which the daemon has followed it
        self.packed = False
        self.late = False  # it was written to when the next one was there
        self.links = 0
        self.looked = False  # and has seen what is in it
        self.ordered = True  # with regard to the next one
        self.head = ()  # texts that it begins with
        self.forgiven = set()  # numbers of lines that nobody could read
        self.removed = set()  # numbers of lines that came, and are gone
        self.replaced = False  # by another file at its path
        self.slot = False  # has a name that every copy gets in its turn
        self.junk = False  # what stands there now is none of its lines

    def meet(self):
        if self.here:
            self.met = self.ino

    @property
    def whole(self):
        return self.here[-1][1] if self.here else 0

    @property
    def keys(self):
        """Of every line that was ever in it."""
        for seq in range(1, self.count + 1):
            yield self.log.name, self.gen, seq
        for text in self.head:
            yield self.log.name, text

    def shrink(self, here):
        """What is left are these lines, one after the other."""
        ends = dict(self.here)
        begins = dict(zip((key for key, _ in self.here),
                          [0] + [end for _, end in self.here]))
        self.remove(set(ends) - set(here))
        self.here, self.size = [], 0
        for key in here:
            self.size += ends[key] - begins[key]
            self.here.append((key, self.size))

    def remove(self, keys):
        self.removed.update(key[2] for key in keys if len(key) == 3)

    def __str__(self):
        return "%s/%d" % (self.log.name, self.gen)


class Log:
    """A name that a program logs to, and all that ever had it."""

    def __init__(self, name, directory, pattern):
        self.name = name
        self.dir = directory
        self.pattern = os.path.join(directory, pattern)
        self.contents = []
        self.style = 0  # of the names of its rotations
        self.moves = 0
        self.banner = ()  # what its program writes first
        self.live_in(directory)

    def live_in(self, directory):
        """Where the file is; in dir may be a link to it."""
        self.home = directory
        self.path = os.path.join(directory, "app.log")

    @property
    def now(self):
        return self.contents[-1]


class Model(Case):
    """The daemon and the receiver are those of every test."""

    def runTest(self):
        raise NotImplementedError

    def begin(self, seed, generation):
        self.seed = seed
        self.rng = random.Random("%d %d" % (generation, seed))
        self.steps = []
        self.settled = set()
        self.arrivals = {}  # line: index of its first arrival
        self.times = collections.Counter()
        self.allowed = collections.Counter()
        self.copies = collections.Counter()  # of lines in another file
        self.expected = collections.Counter()  # of lines without a number
        self.written = {}  # checksums of the texts of lines with one
        self.foreign = []
        self.sequences = collections.defaultdict(list)
        self.at = 0
        self.rest = b""
        self.number = 0
        self.up = False
        self.slowed = False
        self.gone = False
        self.shaken = False
        self.begin_logs()
        self.r = Receiver(self).start()
        self.d = self.begin_daemon()
        self.daemon_up()
        # Before that, every start is the first one, and knows nothing.
        wait_for(lambda: all(log.now.ino in self.checkpoint()
                             for log in self.log_of), "the first checkpoint")

    def begin_logs(self):
        patterns = ["app.log", "*.log", "app.log*", "app*"]
        self.log_of = [
            Log("log%d" % i, self.path("d%d" % i),
                self.rng.choice(patterns)) for i in range(4)]
        for log in self.log_of:
            log.style = self.rng.randrange(4)
            os.makedirs(log.dir)
            os.mkdir(log.dir + "/old")
            self.furnish(log)
            self.fresh(log)

    def furnish(self, log):
        """What is there before the log."""

    def begin_daemon(self):
        return self.daemon(self.conf(), checkpoint_interval="50ms")

    def conf(self):
        return destination("d", self.r.url) + "".join(
            source(log.name, self.patterns(log)) for log in self.log_of)

    def patterns(self, log):
        # A directory that is watched is one that files may be moved to.
        return [log.pattern, log.dir + "/old/*.none"]

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
        content.late |= content is not content.log.now

    def lines(self, content, n, longest=300):
        """The octets of n more lines, noted as if they were written."""
        data = b""
        if not content.here and not content.partial and content.log.banner:
            content.head = content.log.banner
            for text in content.head:
                data += text + b"\n"
                key = content.log.name, text
                self.expected[key] += 1
                content.here.append((key, content.size + len(data)))
        for _ in range(n):
            if content.partial:
                text, data = content.partial, data + b"\n"
                content.partial = b""
            else:
                text = self.text(content, longest)
                data += text + b"\n"
            content.count += 1
            key = content.log.name, content.gen, content.count
            self.written[key] = zlib.crc32(text)
            content.here.append((key, content.size + len(data)))
        return data

    def append_to(self, content, n, longest=300):
        self.put(content, self.lines(content, n, longest))

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

    # What may come once more.

    def allow_lines(self, keys):
        for key in keys:
            self.allowed[key] += 1

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
                for key in content.keys:
                    if everything or (content, key) not in self.settled:
                        self.allowed[key] += 1 + self.copies[key]

    def settle_lines(self):
        for log in self.log_of:
            for content in log.contents:
                if content.path is None:
                    continue
                content.meet()
                for key in content.keys:
                    self.settled.add((content, key))

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
                if len(field) < 5 or field[1] not in (b"file", b"gone"):
                    continue
                # Of two devices, or one that was renumbered, both may have
                # the inode: the later record counts.
                known.pop((field[3], field[4]), None)
                if field[1] == b"file" and len(field) > 8:
                    known[field[3], field[4]] = int(field[7]), int(field[5])
        return {int(inode): last for (_, inode), last in known.items()}

    def is_settled(self):
        sent = [(f["inode"], c["sent"]) for f in self.d.state()["files"]
                for c in f["cursors"] if c["sent"] > 0]
        known = self.checkpoint()
        sent += [(c.ino, c.whole) for log in self.log_of for c in log.contents
                 if c.path is not None and c.here and c is log.now]
        return all(known.get(inode, (-1, 0))[0] == offset
                   for inode, offset in sent)

    def is_followed(self, content):
        return any(f["inode"] == content.ino for f in self.d.state()["files"])

    def follow(self, content):
        wait_for(lambda: self.has_arrived(content) or
                 self.is_followed(content),
                 "the daemon to follow %s" % content)
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
        self.read(data[:end])

    def read(self, data):
        for m in LINE.finditer(data):
            self.arrive((m[2].decode(), int(m[3]), int(m[1])))

    def arrive(self, key):
        self.arrivals.setdefault(key, self.number)
        self.times[key] += 1
        self.number += 1
        if len(key) == 3:
            self.sequences[key[:2]].append(key[2])

    def missing(self, content):
        return [seq for seq in range(1, content.count + 1) if
                (content.log.name, content.gen, seq) not in self.arrivals and
                seq not in content.forgiven]

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

    def absent(self):
        """Lines without a number that have not come often enough."""
        self.update()
        return [(key, n - self.times[key]) for key, n in self.expected.items()
                if self.times[key] < n]

    def wait_all(self):
        for log in self.log_of:
            for content in log.contents:
                self.wait_arrived(content)
        try:
            wait_for(lambda: not self.absent(), "")
        except AssertionError:
            raise AssertionError("did not come: %s" % [
                "%d × %r of %s" % (n, key[1][:50], key[0])
                for key, n in self.absent()][:5]) from None

    # What must be right in the end.

    def end(self):
        for log in self.log_of:
            for content in log.contents:
                if content.fd != -1:
                    self.end_partial(content)
        self.say("the end")
        self.daemon_up()
        self.fast()
        self.wait_all()
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
        for key, n in self.times.items():
            most = self.allowed[key] + (1 if len(key) == 3 else
                                        self.expected[key])
            if n > most:
                raise AssertionError("%s came %d times, allowed %d" % (
                    "line %d of %s/%d" % (key[2], key[0], key[1])
                    if len(key) == 3 else "%r of %s" % (key[1][:50], key[0]),
                    n, most))
        if self.foreign:
            raise AssertionError("%d lines that no log has came: %s" % (
                len(self.foreign), self.foreign[:3]))
        said = [line for line in re.findall(
            r".*(?:could be read|worker.*(?:signal|status)).*", self.d.log())
            if not self.may_say(line)]
        if said:
            raise AssertionError("the daemon said: %s" % said[:5])

    def may_say(self, line):
        """Whether it is true that there was something to lose."""
        return False

    def check_order(self, content):
        name, gen = content.log.name, content.gen
        run = self.sequences[name, gen]
        gaps = content.forgiven | content.removed
        for a, b in zip([0] + run, run):
            if b > a + 1 and not gaps.issuperset(range(a + 1, b)):
                raise AssertionError("%s: line %d after %d" % (content, b, a))
        if content.before is None or not content.ordered:
            return
        follower = content.log.contents[gen + 1]
        # When they were made is not known of what is compressed, and app.log.1
        # and app.log-20260001 do not tell which is older: the last write does,
        # and it came to the older one.
        if content.late and (content.packed or follower.packed or
                             content.slot != follower.slot):
            return
        last = self.arrivals.get((name, gen, content.before), -1)
        first = self.arrivals.get((name, gen + 1, 1), last)
        if last > first:
            raise AssertionError("%s began before line %d of %s" % (
                follower, content.before, content))

    def pause(self):
        time.sleep(self.rng.random() ** 3 * 0.05)
