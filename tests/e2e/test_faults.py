#!/usr/bin/python3
"""Goal: every transport with every fault, at random moments, many times over:
no line is lost, order is kept, and repeats stay within what is promised.

usage: test_faults.py [--rounds N] [--files N] [--only TRANSPORT[/FAULT]]
                      [--jobs N]

Without options the rounds are few, as in the test suite (TESLACOIL_ROUNDS says
how many); 200 are the long form.  Prints a table in Markdown.  TESLACOIL_SEED
repeats the choices of a run.
"""

import argparse
import concurrent.futures
import os
import shutil
import sys
import tempfile
import threading
import time
import traceback

from authority import Authority
from cell import FILES, SAFE, TRANSPORTS, Cell
from faults import FAULTS
from teslacoil import SEED, TESLACOILD

ROUNDS = int(os.environ.get("TESLACOIL_ROUNDS") or 10)


def certificates(top):
    case = argparse.Namespace(dir=top)
    ours, other = Authority(case), Authority(case, "other")
    return {"ca": ours.ca, "other ca": other.ca, "good": ours.issue(),
            "wrong": ours.issue("other.example.com"),
            "expired": ours.issue(days=-1), "unknown": other.issue(),
            "client": ours.issue("forwarder")}


speaking = threading.Lock()


def run(cell, rounds):
    """Returns whether all went well; says so either way."""
    begin = time.monotonic()
    failed = None
    try:
        cell.run(rounds)
    except Exception as e:      # the other cells go on
        failed = e
    with speaking:
        verdict = "%.1f s %s" % (time.monotonic() - begin, cell)
        if failed is None:
            print("ok " + verdict, flush=True)
            return True
        print("FAIL %s: %s" % (verdict, failed))
        if not isinstance(failed, AssertionError):
            traceback.print_exception(failed, file=sys.stdout)
        print("--- seed %d; again with: TESLACOIL_SEED=%d %s %s --rounds %d "
              "--files %d --only '%s'" % (
                  SEED, SEED, sys.executable, sys.argv[0], rounds, cell.files,
                  cell))
        cell.tell()
        return False


def table(cells):
    print("\n| transport | fault | rounds | lines | lost | repeated | "
          "may be |\n|---|---|---|---|---|---|---|")
    for c in cells:
        print("| %s | %s | %d | %d | %d | %d | %d |" % (
            c.transport, c.fault.name, c.rounds, c.lines, c.lost, c.repeated,
            c.bound if c.repeated else c.most))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--only", default="")
    parser.add_argument("--jobs", type=int, default=3 * (os.cpu_count() or 1))
    args = parser.parse_args()
    if not os.path.exists(TESLACOILD):
        sys.exit("no daemon to test at " + TESLACOILD)
    top = tempfile.mkdtemp(prefix="teslacoil-faults-")
    os.chmod(top, 0o755)
    files = certificates(top)
    cells = [Cell(t, f, os.path.join(top, "%s-%s" % (
        t, f.name.replace(" ", "-"))), files, args.files)
        for t in TRANSPORTS for f in FAULTS if t in f.transports and
        ("%s/%s" % (t, f.name)).startswith(args.only)]
    print("seed %d, %d rounds" % (SEED, args.rounds))
    with concurrent.futures.ThreadPoolExecutor(args.jobs) as pool:
        good = list(pool.map(lambda c: run(c, args.rounds), cells))
    table(cells)
    if not all(good) or os.environ.get("TESLACOIL_KEEP"):
        print("--- kept: " + top)
    else:
        shutil.rmtree(top)
    lost = sum(c.lost for c in cells if c.transport in SAFE)
    return 0 if all(good) and lost == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
