"""The steps of test_file_life.py: what happens to files and to processes."""

import fnmatch
import gzip
import lzma
import os
import shutil
import subprocess
import time

from life_model import Content, Model
from teslacoil import wait_for

RATE = 200000  # octets a second that a slow receiver reads


def zstd(data):
    return subprocess.run(["zstd", "-q", "-c"], input=data,
                          stdout=subprocess.PIPE, check=True).stdout


PACKERS = {".gz": gzip.compress, ".xz": lzma.compress, ".zst": zstd}


class Steps(Model):
    """Those of the generations 1 to 3."""

    def may_be_taken(self, content):
        """Whether nothing is lost when its name is taken from it."""
        return True

    def taken(self, content):
        """Its name is to be taken from it now."""

    def any_log(self):
        return self.rng.choice(self.log_of)

    def any_old(self, want):
        """Some file that had the name of its log."""
        found = [c for log in self.log_of for c in log.contents[:-1]
                 if c.path is not None and not c.junk and want(c)]
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
        return "%s/app-2026-%04d.log" % (log.home, log.moves)

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
        new = self.fresh(log, os.path.join(log.home, "new.tmp"))
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
                               c.path.startswith(c.log.home + "/app"))
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
        if not self.may_be_taken(content):
            return
        if not self.has_arrived(content):
            if not self.up or content.packed:
                return
            self.follow(content)
            content.fleeting = True
        self.taken(content)
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
            if not self.may_be_taken(content):
                return
            self.follow(content)
        elif not content.met and os.path.dirname(content.path) != \
                content.log.home:
            return
        to = content.path + ending
        if os.path.exists(to):
            # They do not write over a file that is there.
            return
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
        content.ino = os.stat(to).st_ino
        if self.up and not self.has_arrived(content):
            # Its descriptor has no name that would tell of its age.
            content.ordered = False
            if content.gen > 0:
                content.log.contents[content.gen - 1].ordered = False
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
        if not old.here or not self.is_here():
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
        self.wait_all()
        wait_for(self.is_settled, "the checkpoint to know it all")
        self.settle_lines()
        self.shaken = False
        self.say("settle")
