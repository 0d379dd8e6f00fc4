#!/usr/bin/python3
"""RELP over long paths: how fast, at which round trip.

Lines of 1 KiB go through tests/bench/relay.c, which delays each octet and each
answer.  It acknowledges TCP at once, so tcp and tls are not measured like this:
their windows are those of the systems.

usage: distance.py [--megabytes n] [milliseconds ...]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import throughput  # noqa: E402
from throughput import teslacoil  # noqa: E402

RELAY = teslacoil.from_env("TESLACOIL_RELAY", "build/tests/relay")
LINE = 1024


def write_file(path, size):
    line = b"".join(b"%08d " % i for i in range(LINE // 9 + 1))[:LINE - 1]
    n = size // LINE
    with open(path, "wb") as f:
        for _ in range(n // 1000):
            f.write((line + b"\n") * 1000)
    os.chmod(path, 0o644)
    return n // 1000 * 1000


def measure(work, path, lines, milliseconds):
    """Returns MB/s of the file, the receiver's time and the way to it in."""
    sink = throughput.Sink("relp", lines, ())
    relay = subprocess.Popen([RELAY, str(milliseconds), sink.port],
                             stdout=subprocess.PIPE, text=True)
    run = tempfile.mkdtemp(dir=work)
    os.chmod(run, 0o755)
    bench = argparse.Namespace(file=path, pair=())
    argv, _ = throughput.start_teslacoild(
        bench, "relp", relay.stdout.readline().strip(), run)
    with open(os.path.join(run, "log"), "wb") as log:
        daemon = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log,
                                  stderr=log, cwd=run)
    seconds = sink.wait(throughput.LIMIT)
    peak = max(map(throughput.peak_kb, teslacoil.children(daemon.pid)))
    daemon.kill()
    for pid in teslacoil.children(daemon.pid):
        teslacoil.kill(pid, 9)
    daemon.wait()
    relay.kill()
    relay.wait()
    relay.stdout.close()
    sink.close()
    if seconds is None:
        raise SystemExit("not all arrived")
    return lines * LINE / 1e6 / seconds, peak


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("milliseconds", nargs="*", type=float)
    args = parser.parse_args()
    work = tempfile.mkdtemp(prefix="teslacoil-distance-")
    os.chmod(work, 0o755)
    try:
        path = os.path.join(work, "bench.log")
        lines = write_file(path, args.megabytes * 10 ** 6)
        print("%d lines of %d bytes over relp" % (lines, LINE))
        print("%10s %8s %8s" % ("round trip", "MB/s", "peak MB"))
        for ms in args.milliseconds or [0, 10, 50, 200]:
            rate, peak = measure(work, path, lines, ms)
            print("%7g ms %8.0f %8.1f" % (ms, rate, peak / 1e3), flush=True)
    finally:
        shutil.rmtree(work)


if __name__ == "__main__":
    main()
