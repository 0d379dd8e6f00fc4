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

    test_file_life.py                           walks that are known, and
                                                some of those that failed
    test_file_life.py --seeds 2000 [--from N]   the long form, of new seeds
    test_file_life.py --generation 4 --seeds 8  in the world of IDENTITY
    test_file_life.py --seed N                  one walk again
    test_file_life.py --kinds banner,replace    only with these of IDENTITY
    test_file_life.py --regressions             those that failed once

What runs with every change has seeds that have passed, so that it tells of the
change: of new ones about two of a hundred still find something, and of the
fourth generation more.

A seed means the same walk as long as its generation is kept: a step that is
added or changed comes in a new one.  What the daemon makes of a walk is a
matter of time, too: to fail again, it may have to be run more than once.
"""

import argparse
import concurrent.futures
import os
import random
import shutil
import sys
import time
import traceback

import teslacoil
from life_identity import Identity

# Generation, steps and seeds: what failed once and must not fail again.
FAILED_ONCE = [
    (1, 200, (1012, 1026, 1030, 1038, 1042)),
    (2, 150, (3, 4, 12, 13, 16, 18, 19, 27, 56)),
    (3, 150, (3, 8, 10, 14, 15, 23, 28, 34, 56, 72, 79, 500185, 640091, 8600089,
              8600171, 8600194, 8610119, 8610443)),
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
IDENTITY = [
    ("replace", 4), ("edit", 3), ("prune", 2), ("preallocate", 2),
    ("cut_back", 2), ("power_loss", 2), ("cp_rotate", 5), ("shred", 3),
    ("overwrite", 3), ("job", 3), ("beat", 3), ("renumber", 2),
    ("trouble", 3), ("calm", 4), ("jump", 2), ("future", 1),
]
OFTEN = 8  # times as often, when they are chosen by --kinds
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
    4: LIFE + PROCESSES + [
        ("move_away", 2), ("delete", 3), ("copytruncate_any", 6),
        ("truncate", 2), ("hard_link", 1), ("reset", 1), ("compress", 5),
    ] + IDENTITY,
}
# The fourth needs teslacoild-world, which is made where the linker wraps.
USUAL = 3
KNOWN = 8700000  # the first of the seeds that run with every change
ROUNDS = int(os.environ.get("TESLACOIL_ROUNDS") or 6)


class Walk(Identity):
    """One walk."""

    def begin(self, seed, generation, kinds=None):
        self.kinds = kinds and kinds.split(",")
        more = 1 if kinds is None else OFTEN
        self.ops = [(name, weight * more if (name, weight) in IDENTITY else
                     weight) for name, weight in GENERATIONS[generation]
                    if self.has(name) or (name, weight) not in IDENTITY]
        super().begin(seed, generation)

    def has(self, kind):
        """Whether this walk has such steps, or such files."""
        return self.kinds is None or kind in self.kinds

    def step(self):
        names = [name for name, _ in self.ops]
        weights = [weight for _, weight in self.ops]
        getattr(self, self.rng.choices(names, weights)[0])()
        self.pause()


def walk(seed, generation, steps, kinds):
    """Returns a report of what went wrong, or None."""
    case = Walk()
    case.setUp()
    failure = None
    try:
        case.begin(seed, generation, kinds)
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
            "--generation %d --steps %d%s\n--- kept: %s\n%s\n%s" % (
                seed, generation, sys.executable, sys.argv[0], seed,
                generation, steps, " --kinds " + kinds if kinds else "",
                case.dir, "\n".join(case.steps), failure))


def run(seeds, jobs, kinds):
    """Walks all; prints what fails at once.  Returns how many failed."""
    failed = 0
    begin = time.monotonic()
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        walks = {pool.submit(walk, seed, generation, steps, kinds): seed
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
    parser.add_argument("--generation", type=int, default=USUAL)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--kinds", help="which of generation 4, by commas")
    parser.add_argument("--regressions", action="store_true")
    args = parser.parse_args()
    first = args.first
    if first is None:
        known = args.seeds is None and "TESLACOIL_SEED" not in os.environ
        first = KNOWN if known else teslacoil.SEED
    if args.seed is not None:
        seeds = [(args.generation, args.seed, args.steps)]
    elif args.regressions:
        seeds = REGRESSIONS
    else:
        seeds = [(args.generation, first + i, args.steps)
                 for i in range(args.seeds or ROUNDS)]
        print("generation %d, seeds %d to %d" % (
            args.generation, first, seeds[-1][1]))
        if args.seeds is None:
            seeds += random.Random(first).sample(REGRESSIONS, ROUNDS)
    sys.exit(run(seeds, args.jobs, args.kinds) != 0)


if __name__ == "__main__":
    main()
