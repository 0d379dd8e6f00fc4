"""What the system says of processes: by ps(1) anywhere, by /proc on Linux,
where that takes a hundredth of the time.

TESLACOIL_PS in the environment has ps(1) asked on Linux, too.
"""

import glob
import os
import re
import subprocess
import sys

LINUX = sys.platform.startswith("linux")
BY_PROC = LINUX and not os.environ.get("TESLACOIL_PS")


def ps(columns, pid=None):
    """One list of words for each process, or for pid; the last column may have
    several words."""
    argv = ["ps", "-ax"] if pid is None else ["ps", "-p", str(pid)]
    for column in columns:
        argv += ["-o", column + "="]
    done = subprocess.run(argv + ["-ww"], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True, check=False,
                          env=dict(os.environ, COLUMNS="10000"))
    rows = [line.split(None, len(columns) - 1)
            for line in done.stdout.splitlines()]
    return [row for row in rows if len(row) == len(columns)]


def read(path):
    """What is in it, or None when the process is gone."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return None


def table():
    """(pid, parent, state) of all processes."""
    if not BY_PROC:
        return [(int(pid), int(parent), state[0])
                for pid, parent, state in ps(("pid", "ppid", "stat"))]
    rows = []
    for path in glob.glob("/proc/[0-9]*/stat"):
        text = read(path)
        if text:
            state, parent = text.rpartition(")")[2].split()[:2]
            rows.append((int(text.split()[0]), int(parent), state))
    return rows


def running(pid):
    """Whether pid is a process that still does something."""
    if not BY_PROC:
        return any(state[0] not in "ZX" for _, state in
                   ps(("pid", "stat"), pid))
    text = read("/proc/%d/stat" % pid)
    return bool(text) and text.rpartition(")")[2].split()[0] not in "ZX"


def children(pid):
    return sorted(child for child, parent, state in table()
                  if parent == pid and state not in "ZX")


def parent_of(pid):
    return next((parent for child, parent, _ in table() if child == pid), None)


def catches(pid, signum):
    if not BY_PROC:
        rows = ps(("pid", "sigcatch"), pid)
        return any(int(mask, 16) >> (signum - 1) & 1 for _, mask in rows
                   if re.fullmatch("[0-9a-fA-F]+", mask))
    mask = re.search(r"^SigCgt:\s*(\w+)",
                     read("/proc/%d/status" % pid) or "", re.MULTILINE)
    return mask is not None and bool(int(mask[1], 16) >> (signum - 1) & 1)


def in_our_session(pid):
    try:
        return os.getsid(pid) == os.getsid(0)
    except PermissionError:
        # OpenBSD tells nothing of other sessions.
        return False


def command(pid):
    """Its arguments, or its title, as words of one string."""
    rows = ps(("pid", "args"), pid)
    return rows[0][1].strip() if rows else ""


def with_argument(word):
    """Those that still do something and have the argument."""
    return [int(pid) for pid, state, args in ps(("pid", "stat", "args"))
            if state[0] not in "ZX" and word in args.split()]
