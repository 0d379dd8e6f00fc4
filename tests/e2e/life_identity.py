"""Steps of test_file_life.py that ask the daemon who is who.

Logs begin alike, copies overwrite copies, files are replaced, edited and cut,
devices get other numbers, the clock jumps, and looking fails for a while.
"""

import contextlib
import os
import shutil
import string
import time
import zlib

from life_model import MESSAGE, LINE
from life_steps import Steps
from teslacoil import wait_for
from world import OPEN, OPENDIR, PROGRAM, World

KEPT = 4096  # octets before the end that no editor touches here
GUARD = 256  # octets without which none is evidence
YEARS = 10 * 365 * 86400


class Identity(Steps):
    """Those of the generation 4, and what it adds to the others."""

    # Before the walk.

    def begin(self, seed, generation):
        self.world = None
        self.rate = self.calls = 0
        self.losses = False
        self.may_be_closed = False
        self.doubtful = set()  # paths, see may_say()
        self.emptied = {}  # logs, and what came behind a truncation
        self.pruned = set()  # logs, since all was settled
        self.moved_while_down = set()
        self.set_back = False  # the clock, since the checkpoint was settled
        self.jobs = {}
        self.new = generation >= 4
        super().begin(seed, generation)

    def begin_daemon(self):
        if not self.new:
            return super().begin_daemon()
        self.world = World(self.dir + "/world", self.logs)
        self.world.seed(self.seed)
        d = self.daemon(self.conf(), checkpoint_interval="50ms",
                        program=PROGRAM)
        d.env = self.world.env
        return d

    def patterns(self, log):
        return super().patterns(log) + (
            [log.dir + "/side/*.txt"] if self.new else [])

    def begin_logs(self):
        self.banners = {}
        super().begin_logs()

    def banner(self, name):
        """1.5 to 3 KB that several logs may begin with."""
        if name not in self.banners:
            n = self.rng.randint(1500, 3000)
            self.banners[name] = tuple(
                b"banner %s %d %s" % (name.encode(), i, b"." * 70)
                for i in range(n // 85))
        return self.banners[name]

    def furnish(self, log):
        if not self.new:
            return
        os.mkdir(log.dir + "/side")
        if self.has("banner"):
            log.banner = self.banner(self.rng.choice(("one", "one", "two")))
        if self.has("link") and self.rng.random() < 0.3:
            real = self.path("real-" + log.name)
            os.mkdir(real)
            log.live_in(real)
            os.symlink(log.path, log.dir + "/app.log")
        if not self.has("secret"):
            return
        # No pattern means them, and no log has their lines.
        alien = b"".join(text + b"\n" for text in log.banner) + b"".join(
            b"private line %d of %s\n" % (i, log.name.encode())
            for i in range(50))
        with open(log.home + "/secret.key", "wb") as f:
            f.write(alien)

    # What arrives, to the letter.

    def read(self, data):
        if not self.new:
            super().read(data)
            return
        for line in data.splitlines():
            m = MESSAGE.fullmatch(line)
            if m is None:
                self.foreign.append(line[:100])
                continue
            source, text = m[1].decode(), m[2]
            n = LINE.match(text)
            if n is None:
                key = source, text
                known = key in self.expected
            else:
                key = n[2].decode(), int(n[3]), int(n[1])
                known = source == key[0] and \
                    self.written.get(key) == zlib.crc32(text)
            if known:
                self.arrive(key)
            else:
                self.foreign.append(line[:100])

    def reset(self):
        """Who has not seen yet that a log is empty sends it again, too."""
        super().reset()
        for log, content in self.emptied.items():
            if log.now is content and (not content.count or
                                       not self.has_arrived(content)):
                self.doubt(log)
        # What stood in them is to be sent again, and is in no file.
        for log in self.pruned:
            self.doubt(log)

    def doubt(self, log):
        """A link may lead to it, by which the daemon calls it."""
        self.doubtful.update((log.path, log.dir + "/app.log"))

    def may_say(self, line):
        # Of what is cut before it is read nobody knows that it is NULs; and
        # what was sent before a connection was reset is to be sent again.
        return self.losses or any(path + ": " in line
                                  for path in self.doubtful)

    # Looking fails for a while; nobody waits for what it prevents.

    @contextlib.contextmanager
    def quiet(self):
        rate, self.rate = self.rate, 0
        if rate:
            self.world.fail(0, 0)
        try:
            yield
        finally:
            self.rate = rate
            if rate:
                self.world.fail(rate, self.calls)

    def follow(self, content):
        with self.quiet():
            super().follow(content)

    def look(self, content):
        with self.quiet():
            super().look(content)

    def wait_arrived(self, content):
        if not self.has_arrived(content):
            with self.quiet():
                super().wait_arrived(content)

    def wait_acknowledged(self, content):
        with self.quiet():
            super().wait_acknowledged(content)

    def settle(self):
        with self.quiet():
            super().settle()
        self.set_back = self.set_back and not self.up
        if self.up:
            self.pruned.clear()

    def is_followed(self, content):
        return any(f["inode"] == content.ino and f["error"] is None
                   for f in self.d.state()["files"])

    def fresh(self, log, path=None):
        content = super().fresh(log, path)
        self.blur(log)
        return content

    def truncated(self, old, copy):
        super().truncated(old, copy)
        self.blur(old.log)
        if copy is None:
            self.emptied[old.log] = old.log.now
            if self.shaken:
                self.doubt(old.log)
        if self.up and old.head and not (
                self.is_quick() and not self.shaken and self.has_arrived(old)):
            self.see_empty(old.log.now)

    def see_empty(self, content):
        """
        A file of which nothing was sent is told by its first KB: when that is
        a banner, and written anew before anybody looks, by nothing.
        """
        with self.quiet():
            wait_for(lambda: any(f["inode"] == content.ino and f["size"] == 0
                                 for f in self.d.state()["files"]),
                     "the daemon to see that %s is empty" % content)

    def blur(self, log):
        """An older file that cannot be opened does not hold up the newer."""
        if self.rate:
            for content in log.contents[-2:]:
                content.ordered = False

    def end(self):
        self.calm()
        super().end()

    def may_be_taken(self, content):
        """
        A process that has no descriptor left closes files that it can open
        again by their names: with the name, what it has to send is gone.
        """
        if not self.up or not self.may_be_closed:
            return True
        return self.has_arrived(content) and all(
            c["acknowledged"] >= content.whole for f in self.d.state()["files"]
            if f["inode"] == content.ino for c in f["cursors"])

    def taken(self, content):
        """
        What was sent of it before a connection was reset is to be sent again;
        who does not have it open, as it could not look, says that it is lost.
        """
        if self.shaken and (self.may_be_closed or content.packed):
            self.doubt(content.log)
            self.doubtful.add(content.path)

    def trouble(self):
        """Some calls fail with EMFILE, EIO and the like."""
        self.rate = self.rng.choice((500, 3000, 20000, 60000))
        self.calls = self.rng.choice((63, 63, self.rng.randint(1, 63)))
        self.forget_order()
        if self.calls & (OPEN | OPENDIR):
            self.secure()
            self.may_be_closed = True
        self.world.fail(self.rate, self.calls)
        self.say("of calls %x, %.0f %% fail", self.calls, self.rate / 655.36)

    def calm(self):
        if self.rate:
            self.rate = 0
            self.world.fail(0, 0)
            self.say("nothing fails any more")

    # The clock, and devices.

    def jump(self):
        by = self.rng.choice((5, 60, 3600, 86400)) * self.rng.choice((1, -1))
        if by < 0:
            # What was written before is younger than what comes.
            self.forget_order()
            self.drop_unknown()
            self.set_back = True
        if self.world.jump(by):
            self.say("the clock jumps by %d s", by)

    def drop_unknown(self):
        """
        Of what was written over a copy that had nothing to be sent there is
        no record.  That it is old tells its time alone, and a start does not
        go by that when the checkpoint is of a time to come.
        """
        known = self.known_inodes()
        for log in self.log_of:
            for content in log.contents:
                if content.junk and content.path is not None and \
                        os.stat(content.path).st_ino not in known:
                    os.unlink(content.path)
                    content.path = None

    def forget_order(self):
        for log in self.log_of:
            for content in log.contents:
                if not content.count or not self.has_arrived(content) or \
                        content is log.now:
                    content.ordered = False

    def future(self):
        """A rotated file that is said to be written in years."""
        content = self.any_old(lambda c: True)
        if content is None:
            return
        when = os.stat(content.path).st_mtime + YEARS
        os.utime(content.path, (when, when))
        self.say("%s is of the future", content)

    def renumber(self):
        if not self.up:
            self.world.renumber()
            self.say("the device has another number")

    # A log is replaced, edited, cut.

    def is_quick(self):
        """Whether the daemon is up, and what it sends arrives at once."""
        return self.up and not self.gone and not self.slowed

    def put_in_place(self, content, data, n):
        """A new file with data, and n more lines."""
        tmp = "%s/.app.log.%s" % (content.log.home, "".join(
            self.rng.choices(string.ascii_letters, k=6)))
        fd = os.open(tmp, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL,
                     0o644)
        if os.write(fd, data) != len(data):
            raise OSError("short write")
        os.close(content.fd)
        content.fd = fd
        if n:
            self.append_to(content, n)
        elif self.rng.random() < 0.5:
            shutil.copystat(content.path, tmp)
        if self.rng.random() < 0.3:
            self.pause()
        os.rename(tmp, content.path)
        content.ino = os.fstat(fd).st_ino
        content.met = 0
        content.looked = False
        content.replaced = True

    def new_name(self, log):
        """
        What is replaced and renamed between two looks was never seen to be
        the log: it may all come once more.
        """
        # The next one may be there already, with a name of its own.
        now = next(c for c in log.contents if c.path == log.path)
        if now.replaced and now.ino not in self.known_inodes():
            self.allow_lines(key for key, _ in now.here)
        return super().new_name(log)

    def known_inodes(self):
        if self.up:
            return {f["inode"] for f in self.d.state()["files"]}
        return self.checkpoint()

    def replace(self):
        """rsync, an editor: by a copy of itself, which may have more."""
        now = self.any_log().now
        if now.links:
            return
        if self.up and now.here:
            self.follow(now)
        with open(now.path, "rb") as f:
            data = f.read()
        n = self.rng.choice((0, 1, 10, 300))
        if now.size < GUARD:
            # A short text may as well have been written twice, and comes again
            # from both files.
            self.allow_lines(key for key, _ in now.here)
            self.copies.update(key for key, _ in now.here)
        self.put_in_place(now, data, n)
        self.say("replace %s by a copy of itself and %d lines", now, n)

    def grown(self, log):
        """The log's file, which has something to take away."""
        now = log.now
        if now.size < 4 * KEPT:
            self.append_to(now, 60)
        self.end_partial(now)
        return now

    def is_sent(self, content):
        """
        Whether the daemon has all of it sent, and knows; waits only where it
        will.
        """
        if self.up:
            if not self.is_quick():
                return False
            self.wait_acknowledged(content)
            return True
        return self.has_arrived(content) and \
            self.checkpoint().get(content.ino, (-1, 0))[0] == content.whole

    def kept(self, content):
        """The lines that an editor leaves."""
        limit = content.size - KEPT
        lines = [key for key, end in content.here if end <= limit]
        if self.rng.random() < 0.5:
            gone = set(lines[:self.rng.randint(1, len(lines))])
        else:
            gone = set(self.rng.sample(lines, min(len(lines), 3)))
        return [key for key, _ in content.here if key not in gone]

    def shrink(self, content, here):
        """Returns the octets of these lines.  The file is not changed."""
        with open(content.path, "rb") as f:
            data = f.read()
        at = dict(zip((key for key, _ in content.here), zip(
            [0] + [end for _, end in content.here],
            [end for _, end in content.here])))
        data = b"".join(data[slice(*at[key])] for key in here)
        content.shrink(here)
        return data

    def edit(self):
        """sed -i takes lines away that were sent."""
        now = self.grown(self.any_log())
        if now.links or not self.is_sent(now):
            return
        here = self.kept(now)
        n = len(now.here) - len(here)
        if now.here[-1][1] - now.here[-2][1] >= GUARD:
            # The end of one long line may be no evidence.
            self.changed(now, here)
        self.put_in_place(now, self.shrink(now, here),
                          self.rng.choice((0, 0, 1, 20)))
        self.say("edit %d lines out of %s", n, now)

    def changed(self, content, keys):
        """What was in it is not, where it was: these may come once more."""
        self.allow_lines(keys)
        self.settled.difference_update((content, key) for key in keys)
        if not self.up:
            # By what stands in it nobody knows it any more.
            content.met = 0

    def prune(self):
        """tail log > tmp; cat tmp > log"""
        now = self.grown(self.any_log())
        if not self.is_sent(now):
            return
        here = [key for key, _ in now.here]
        here = here[self.rng.randint(1, len(here) - 1):]
        data = self.shrink(now, here)
        self.changed(now, here)
        self.pruned.add(now.log)
        os.truncate(now.path, 0)
        if self.rng.random() < 0.3:
            self.pause()
        if os.write(now.fd, data) != len(data):
            raise OSError("short write")
        self.say("prune %s to %d lines", now, len(here))

    def preallocate(self):
        """Lines over NULs, which are cut off in the end."""
        now = self.any_log().now
        self.end_partial(now)
        self.doubt(now.log)
        fd = os.open(now.path, os.O_WRONLY)
        room = self.rng.randint(100, 1000) * 1024
        os.ftruncate(fd, now.size + room)
        # A line at a time: of a longer write, who reads meanwhile may see the
        # end before the middle.
        for _ in range(self.rng.randint(1, 100)):
            data = self.lines(now, 1)
            half = len(data)
            if self.rng.random() < 0.05:
                half = self.rng.randint(1, half)
            for part in (data[:half], data[half:]):
                if os.pwrite(fd, part, now.size) != len(part):
                    raise OSError("short write")
                now.size += len(part)
                if half < len(data):
                    self.pause()
        os.ftruncate(fd, now.size)
        os.close(fd)
        self.say("lines over NULs in %s, %d KB of which are cut", now,
                 room // 1024)

    def cut(self, content, most):
        """
        Cuts off most octets at most, at the end of a line.  What the daemon
        may send again is allowed.
        """
        here = [(key, end) for key, end in content.here[1:]
                if end >= content.size - most]
        here = content.here[:len(content.here) - self.rng.randint(
            1, max(1, len(here)))]
        size = here[-1][1]
        known = [at for at in self.guards(content.ino)
                 if GUARD <= at <= size]
        self.changed(content, [key for key, end in here
                               if end > max(known, default=0)])
        n = len(content.here) - len(here)
        content.remove(key for key, _ in content.here[-n:])
        content.here, content.size = here, size
        os.truncate(content.path, size)
        return n

    def guards(self, inode):
        """The offsets of those that the checkpoint has of a file."""
        found = []
        with open(os.path.join(self.d.state_dir, "checkpoint"), "rb") as f:
            for line in f:
                field = line.split()
                if len(field) < 5 or field[4] != b"%d" % inode:
                    continue
                found = []
                if field[1] == b"more":
                    n = int(field[5])
                    found = [int(at) for at in field[6:6 + 2 * n:2]]
        return found

    def cut_back(self):
        """Below what was sent; the program goes on there."""
        now = self.grown(self.any_log())
        if not self.is_sent(now):
            return
        n = self.cut(now, self.rng.choice((200, 4000, 48000)))
        if self.rng.random() < 0.5:
            self.pause()
        more = self.rng.choice((0, 1, 10, 500))
        if more:
            self.append_to(now, more)
        self.say("cut %d lines off %s, append %d", n, now, more)

    def power_loss(self):
        """The last lines of a log are gone, and the checkpoint has them."""
        log = self.any_log()
        if not self.up or self.shaken:
            return
        self.grown(log)
        self.secure()
        self.settle()
        now = log.now
        self.d.kill()
        self.allow()
        self.up = False
        n = self.cut(now, self.rng.choice((200, 4000, 48000)))
        more = self.rng.choice((0, 1, 10, 500))
        if more:
            self.append_to(now, more)
        self.say("the power goes: %d lines of %s are lost, then %d more", n,
                 now, more)

    # Copies over copies, and what is overwritten.

    def slots(self, log):
        return log.path + ".1", log.path + ".2"

    def cp_rotate(self):
        """cp log.1 log.2; cp log log.1; : > log"""
        log = self.any_log()
        old, (one, two) = log.now, self.slots(log)
        at = {c.path: c for c in log.contents if c.path}
        if log.style < 2 or not old.here or \
                not all(self.has_arrived(at[p]) for p in (one, two) if p in at):
            return
        self.end_partial(old)
        if self.up:
            if not old.looked:
                self.look(old)
        elif self.set_back:
            # By its time the copy was there before the checkpoint, and this
            # name does not tell that it is younger than others are.
            return
        elif one in at and (log in self.moved_while_down or
                            not self.has_met(old)):
            return
        if not self.up:
            self.moved_while_down.add(log)
        if two in at:
            self.seal(at[two])
            at[two].path = None
            if self.shaken:
                self.doubtful.add(two)
        if one in at:
            self.seal(at[one])
            shutil.copyfile(one, two)
            at[one].path, at[one].ino = two, os.stat(two).st_ino
            at[one].met = 0
        shutil.copyfile(log.path, one)
        if self.rng.random() < 0.5:
            self.pause()
        if not self.up:
            # In one tick of the clock, neither time nor name tells the order.
            time.sleep(0.01)
        os.truncate(log.path, 0)
        old.slot = True
        self.truncated(old, one)
        self.say("cp %s over %s and empty it", old, os.path.basename(one))
        if self.rng.random() < 0.5:
            self.append_to(log.now, self.rng.randint(1, 200))

    def noticed(self, content):
        """Waits until the daemon knows that it was rotated."""
        name = os.path.basename(content.path)
        self.seal(content)
        self.follow(content)
        with self.quiet():
            wait_for(lambda: all(
                os.path.basename(f["path"]) == name
                for f in self.d.state()["files"]
                if f["inode"] == content.ino and f["path"] is not None),
                "the daemon to know %s as %s" % (content, name))

    def forgive(self, content):
        """What has not come of it never can."""
        missing = self.missing(content)
        if missing:
            self.losses = True
            content.forgiven.update(missing)
            content.ordered = False
            if content.gen:
                content.log.contents[content.gen - 1].ordered = False

    def shred(self):
        """Random octets over a rotated file, which is then removed."""
        content = self.any_old(lambda c: c.count and not c.links)
        if content is None or not self.up:
            return
        if content.packed and not self.has_arrived(content):
            # What the daemon reads of it is elsewhere.
            return
        self.noticed(content)
        if not self.has_arrived(content) and self.rng.random() < 0.5:
            return
        if self.shaken:
            self.doubtful.add(content.path)
        if self.rate:
            # Who could not look yet has it by the name of the log, and may be
            # to send it once more.
            self.doubt(content.log)
        size = os.stat(content.path).st_size
        with open(content.path, "r+b", 0) as f:
            for _ in range(self.rng.randint(1, 3)):
                f.seek(0)
                f.write(self.rng.randbytes((size + 4095) // 4096 * 4096))
                if self.rng.random() < 0.5:
                    self.pause()
        gone = os.path.dirname(content.path) + "/0000"
        os.rename(content.path, gone)
        os.unlink(gone)
        self.update()
        self.say("shred %s, of which %d lines were to be sent", content,
                 len(self.missing(content)))
        self.forgive(content)
        content.path = None

    def is_rotated(self, content):
        """
        Whether the daemon knows that it was: some programs write to log,
        log.1 and log.2 in turns, and those begin again.
        """
        return all(f["state"] == "rotated" for f in self.d.state()["files"]
                   if f["inode"] == content.ino)

    def overwrite(self):
        """cp over a rotated file that was sent."""
        content = self.any_old(lambda c: c.count and not c.links and
                               not c.packed and self.has_arrived(c))
        if content is None or not self.is_quick():
            return
        self.noticed(content)
        if not self.is_rotated(content):
            return
        if self.shaken:
            self.doubtful.add(content.path)
        others = [c.path for log in self.log_of for c in log.contents
                  if c.path and not c.packed and c is not content]
        if self.rng.random() < 0.5:
            shutil.copyfile(self.rng.choice(others), content.path)
        else:
            with open(content.path, "wb") as f:
                f.write(b"alien\n" * self.rng.randint(1, 5000))
        content.junk = True
        # What is written later is seen later.
        now = content.log.now
        self.append_to(now, 1)
        self.wait_acknowledged(now)
        with self.quiet():
            wait_for(lambda: self.checkpoint().get(
                now.ino, (-1, 0))[0] == now.whole, "the checkpoint")
        self.say("overwrite %s", content)

    # Files that say the same.

    def side(self, log, name, text):
        """Writes one anew, and waits for it where that is possible."""
        with open(log.dir + "/side/" + name, "wb") as f:
            f.write(b"".join(line + b"\n" for line in text))

    def job(self):
        """A file of its own that says what others say."""
        log = self.any_log()
        jobs = self.jobs.setdefault(log, [])
        if len(jobs) == 6:
            return
        name = "".join(self.rng.choices(string.ascii_lowercase, k=8))
        text = [b"job begins", b"job ok"][:len(log.name) % 2 + 1]
        jobs.append(name)
        for line in text:
            self.expected[log.name, line] += 1
        if self.rng.random() < 0.5:
            own = b"only %s says this" % name.encode()
            self.expected[log.name, own] += 1
            text = text + [own]
        self.side(log, name + ".txt", text)
        self.say("%s/side/%s.txt says what others say", log.name, name)

    def beat(self):
        """echo ok > log"""
        log = self.any_log()
        key = log.name, b"beat ok"
        if self.is_quick():
            if self.shaken:
                self.doubtful.add(log.dir + "/side/beat.txt")
            self.expected[key] += 1
            self.side(log, "beat.txt", [key[1]])
            with self.quiet():
                wait_for(lambda: key not in dict(self.absent()),
                         "the beat of %s" % log.name)
                wait_for(self.is_settled, "the checkpoint to know the beat")
            self.say("a beat of %s", log.name)

    def daemon_up(self):
        self.moved_while_down.clear()
        super().daemon_up()

    def allow(self, everything=False):
        super().allow(everything)
        for log in self.jobs:
            for text in (b"job begins", b"job ok"):
                self.allowed[log.name, text] += self.expected[log.name, text]
        for key, n in self.expected.items():
            if key[1].startswith((b"beat", b"only")):
                self.allowed[key] += 1
