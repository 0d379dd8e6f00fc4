"""Namespaces that belong to a test alone: what is made there ends with it."""

import os
import shutil
import subprocess
import sys

INSIDE = "TESLACOIL_INSIDE"
SKIPPED = 77    # as meson understands it


def enter(kinds, tools, what):
    """Goes on in new namespaces of these kinds, such as "mount".

    As root, or as anybody who may make them.  Exits as one that is skipped
    where that cannot be, for then there is no what.
    """
    if os.environ.get(INSIDE) == str(os.getpid()):
        return
    # exec keeps the process, whose id thus says that it is done.
    env = dict(os.environ, **{INSIDE: str(os.getpid())})
    unshare = ["unshare"] + ["--" + kind for kind in kinds]
    if os.geteuid() != 0:
        unshare += ["--user", "--map-current-user", "--keep-caps"]
    reason = None
    for tool in ("unshare",) + tools:
        if shutil.which(tool) is None:
            reason = "there is no " + tool
    if reason is None:
        tried = subprocess.run(unshare + ["true"], text=True, check=False,
                               stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE)
        if tried.returncode != 0:
            reason = tried.stderr.strip()
    if reason is not None:
        print("skipped, no %s can be made: %s" % (what, reason))
        sys.exit(SKIPPED)
    os.execvpe(unshare[0], unshare + [sys.executable] + sys.argv, env)
