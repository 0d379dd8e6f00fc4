#!/usr/bin/python3
"""Prints how many cases passed and failed, from logs that meson test wrote.

usage: tally.py testlog.json ...
"""

import json
import re
import sys

PASSED = (r"^\[  PASSED  \] (\d+) test", r"^ok \d")
FAILED = (r"^\[  FAILED  \] (?:.*: )?(\d+) test", r"^FAIL \d")


def count(patterns, text):
    return sum(int(n) if n.isdigit() else 1 for p in patterns
               for n in re.findall(p, text, re.MULTILINE))


def main(paths):
    passed = failed = 0
    for path in paths:
        with open(path) as f:
            for line in f:
                test = json.loads(line)
                text = (test.get("stdout") or "") + \
                    (test.get("stderr") or "")
                good = count(PASSED, text)
                bad = count(FAILED, text)
                if test["result"] == "OK":
                    # A test that does not count its cases is one.
                    good = good or 1
                elif test["result"] != "SKIP":
                    bad = bad or 1
                passed += good
                failed += bad
    print(passed, failed)


if __name__ == "__main__":
    main(sys.argv[1:])
