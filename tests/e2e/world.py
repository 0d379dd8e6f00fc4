"""The world of teslacoild-world: the other side of ../fake_world.h."""

import mmap
import os
import struct
import time

import teslacoil

PROGRAM = teslacoil.from_env("TESLACOILD_WORLD", "build/tests/teslacoild-world")

OPEN, OPENDIR, FSTAT, STAT, READ, READDIR = (1 << i for i in range(6))
ALL = OPEN | OPENDIR | FSTAT | STAT | READ | READDIR

JUMPS = 64
DEVICE, RATE, SEED, FAILED, NJUMPS, NTH, JUMP = 0, 8, 16, 24, 32, 36, 40
BELOW = JUMP + 16 * JUMPS
SEEN = BELOW + 4096
BAD = SEEN + 12
SIZE = SEEN + 16


class World:
    """Shared with the daemons whose environment names its file."""

    def __init__(self, path, below):
        self.path = path
        with open(path, "wb") as f:
            f.truncate(SIZE)
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), SIZE)
        below = os.fsencode(below)
        self.map[BELOW:BELOW + len(below)] = below
        self.offset = 0
        self.jumps = 0
        self.devices = 0

    def put(self, at, form, *values):
        struct.pack_into("=" + form, self.map, at, *values)

    @property
    def env(self):
        return dict(os.environ, TESLACOIL_WORLD=self.path)

    def renumber(self):
        """Devices get other numbers: only while no daemon runs."""
        self.devices += 1
        self.put(DEVICE, "Q", self.devices)

    def jump(self, seconds):
        """Sets the clock forward or, with less than 0, back."""
        if self.jumps == JUMPS:
            return False
        self.offset += seconds
        self.put(JUMP + 16 * self.jumps, "qq", time.time_ns(),
                 self.offset * 10 ** 9)
        self.jumps += 1
        self.put(NJUMPS, "I", self.jumps)
        return True

    def seed(self, seed):
        self.put(SEED, "Q", seed)

    def fail(self, rate, calls):
        """So many of 65536 of these calls fail from now on."""
        self.put(RATE, "II", rate, calls)

    def fail_nth(self, n, calls, error, times=1):
        """The nth of these calls from now on fails, of several the first."""
        self.put(RATE, "II", 0, calls)
        self.put(SEEN, "III", 0, times, error)
        self.put(NTH, "I", n)

    def spoil(self, offset):
        """Octets from there on cannot be read, of any file; 0: all can."""
        self.put(BAD, "I", offset)

    def hold_nth(self, n, calls):
        """The nth of these calls from now on waits for let_go()."""
        self.fail_nth(n, calls, 0)

    def let_go(self):
        self.put(NTH, "I", 0)

    @property
    def seen(self):
        """So many calls were there since fail_nth()."""
        return struct.unpack_from("=I", self.map, SEEN)[0]

    @property
    def failed(self):
        return struct.unpack_from("=Q", self.map, FAILED)[0]

    def close(self):
        self.map.close()
