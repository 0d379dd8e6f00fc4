#!/usr/bin/python3
"""Goal: packages have what meson installs, and ask for what setup.sh installs.

OpenBSD's list is that of a build for OpenBSD, which is configured here and not
compiled; it is compared with rc.d/port/pkg/PLIST.
"""

import base64
import hashlib
import json
import os
import re
import subprocess
import tempfile
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
PORT = "rc.d/port/Makefile"
PLIST = "rc.d/port/pkg/PLIST"
CONTROL = "systemd/debian/control"

CROSS = """
[binaries]
c = 'cc'
pkgconfig = 'pkg-config'
[host_machine]
system = 'openbsd'
cpu_family = 'x86_64'
cpu = 'x86_64'
endian = 'little'
"""

# Where a port has its packages from, by the name that setup.sh uses.
PKGPATHS = {
    "jansson": "devel/jansson",
    "libcares": "net/libcares",
    "libconfuse": "devel/libconfuse",
    "libev": "devel/libev",
    "xxhash": "sysutils/xxhash",
    "xz": "archivers/xz",
    "zstd": "archivers/zstd",
}


def read(path):
    with open(os.path.join(TOP, path)) as f:
        return f.read()


def variable(name):
    """The words of a variable of setup.sh."""
    return set(re.search(r'^%s="([^"]*)"' % name, read("setup.sh"),
                         re.MULTILINE)[1].split())


def installed_on_openbsd():
    with tempfile.TemporaryDirectory() as tmp:
        cross = os.path.join(tmp, "cross")
        build = os.path.join(tmp, "build")
        with open(cross, "w") as f:
            f.write(CROSS)
        # As devel/meson of the ports configures.
        subprocess.run(
            ["meson", "setup", "--cross-file", cross, "--prefix=/usr/local",
             "--sysconfdir=/etc", "--localstatedir=/var", "--mandir=man",
             build, TOP], check=True, stdout=subprocess.DEVNULL)
        out = subprocess.run(["meson", "introspect", "--installed", build],
                             check=True, stdout=subprocess.PIPE).stdout
    return set(json.loads(out).values())


def packed():
    """The files of PLIST, as absolute paths, and what becomes of samples."""
    files, samples = set(), {}
    last = None
    for line in read(PLIST).splitlines():
        line = line.replace("${SYSCONFDIR}", "/etc")
        line = line.replace("${RCDIR}", "/etc/rc.d")
        m = re.fullmatch(r"(?:@(\w+) )?(.*)", line)
        if m[1] == "sample":
            samples[m[2]] = last
        elif m[1] in (None, "bin", "man", "rcscript") and m[2][0] != "@":
            last = os.path.join("/usr/local", m[2])
            if not last.endswith("/"):
                files.add(last)
    return files, samples


class Port(unittest.TestCase):

    def test_plist_has_what_is_installed(self):
        files, samples = packed()
        installed = installed_on_openbsd()
        files.discard("/usr/local/share/doc/pkg-readmes/${PKGSTEM}")
        self.assertEqual(
            (sorted(installed - files), sorted(files - installed)), ([], []),
            "(to be added to, to be removed from) " + PLIST)
        self.assertEqual(samples["/etc/teslacoil.conf"],
                         "/usr/local/share/examples/teslacoil/teslacoil.conf")

    def test_rc_script_is_that_of_the_tree(self):
        ours, port = ([line for line in read(path).splitlines()
                       if line and line[0] != "#"] for path in
                      ("rc.d/teslacoild.in", "rc.d/port/pkg/teslacoild.rc"))
        self.assertEqual([line.replace("@SBIN_DIR@", "${TRUEPREFIX}/sbin")
                          for line in ours], port)

    def test_distinfo_is_of_its_distfile(self):
        with tempfile.TemporaryDirectory() as tmp:
            subprocess.run([os.path.join(TOP, "rc.d/port.sh"), tmp],
                           check=True, stdout=subprocess.DEVNULL)
            name, = [n for n in os.listdir(tmp) if n.endswith(".tar.gz")]
            with open(os.path.join(tmp, name), "rb") as f:
                data = f.read()
            with open(os.path.join(tmp, "teslacoil", "distinfo")) as f:
                distinfo = f.read()
        self.assertEqual(distinfo, "SHA256 (%s) = %s\nSIZE (%s) = %d\n" % (
            name, base64.b64encode(hashlib.sha256(data).digest()).decode(),
            name, len(data)))

    def test_has_what_reviewers_ask_for(self):
        port = read(PORT)
        for name in ("COMMENT", "HOMEPAGE", "MAINTAINER", "SITES",
                     "PERMIT_PACKAGE", "WANTLIB"):
            self.assertRegex(port, r"(?m)^%s (\+)?=[ \t]*\S" % name)

    def test_depends_on_what_setup_installs(self):
        depends = re.search(r"^LIB_DEPENDS =((?:.*\\\n)*.*)", read(PORT),
                            re.MULTILINE)[1]
        wanted = variable("build_openbsd") - {"meson", "ninja"}
        self.assertEqual(set(PKGPATHS), wanted,
                         "PKGPATHS here and build_openbsd in setup.sh")
        self.assertEqual(set(depends.replace("\\", "").split()),
                         set(PKGPATHS.values()), "LIB_DEPENDS of " + PORT)


class Debian(unittest.TestCase):

    def test_has_what_reviewers_ask_for(self):
        control = read(CONTROL)
        self.assertIn("\nHomepage: ", control)
        self.assertIn("\nRecommends: ca-certificates\n", control)
        self.assertIn(" libcmocka-dev ", control)
        self.assertEqual(read("systemd/debian/docs"), "README.md\n")

    def test_depends_on_what_setup_installs(self):
        depends = re.search(r"^Build-Depends: ((?:.*,\n)*.*)", read(CONTROL),
                            re.MULTILINE)[1]
        depends = {d.split()[0] for d in depends.split(",")}
        # Of the build-essential packages, or of meson; and of debhelper.
        self.assertEqual(
            depends - {"debhelper-compat", "dh-sequence-installsysusers",
                       "libcmocka-dev"},
            variable("build_debian") - {"gcc", "libc6-dev", "ninja-build"},
            "Build-Depends of %s and build_debian in setup.sh" % CONTROL)


class Version(unittest.TestCase):

    def test_is_one(self):
        version = re.search(r"version: '([^']*)'", read("meson.build"))[1]
        self.assertIn("\nV =\t\t%s\n" % version, read(PORT))
        self.assertTrue(read("systemd/debian/changelog").startswith(
            "teslacoil (%s-" % version))


if __name__ == "__main__":
    unittest.main()
