"""Certificates for tests, by openssl(1)."""

import os
import subprocess
import time

NAME = "siem.example.com"


DAY = 86400

CONF = """[ca]
default_ca = ours
[ours]
database = index
serial = serial
default_md = sha256
policy = any
[any]
commonName = supplied
"""


def asn1_time(when):
    return time.strftime("%Y%m%d%H%M%SZ", time.gmtime(when))


def openssl(*argv, cwd):
    done = subprocess.run(("openssl",) + argv, cwd=cwd, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise AssertionError("openssl %s: %s" % (argv[0], done.stdout))
    return done.stdout


class Authority:
    """Signs certificates; the files are in its own directory."""

    def __init__(self, case, name="ca"):
        self.dir = os.path.join(case.dir, name)
        os.mkdir(self.dir, 0o700)
        self.ca = self.path("ca.pem")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt",
                "ec_paramgen_curve:P-256", "-nodes", "-keyout", "ca.key",
                "-out", "ca.pem", "-subj", "/CN=" + name, "-days", "10",
                cwd=self.dir)
        with open(self.path("serial"), "w") as f:
            f.write("01\n")

    def path(self, name):
        return os.path.join(self.dir, name)

    def issue(self, name=NAME, days=5, san="DNS:%s,IP:127.0.0.1"):
        """Returns the files of a certificate and its key."""
        file = "%s.%d" % (name, days)
        with open(self.path(file + ".ext"), "w") as f:
            f.write("subjectAltName=" + san.replace("%s", name) + "\n")
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", file + ".key", "-out", file + ".csr",
                "-subj", "/CN=" + name, cwd=self.dir)
        with open(self.path("ca.conf"), "w") as f:
            f.write(CONF)
        for path in "index", "index.attr":
            open(self.path(path), "w").close()
        # Not x509(1): that of LibreSSL signs nothing for days that are over.
        now = time.time()
        openssl("ca", "-batch", "-notext", "-config", "ca.conf",
                "-in", file + ".csr", "-cert", "ca.pem", "-keyfile", "ca.key",
                "-startdate", asn1_time(now + min(days, 0) * DAY - 60),
                "-enddate", asn1_time(now + days * DAY),
                "-extfile", file + ".ext", "-outdir", ".",
                "-out", file + ".pem", cwd=self.dir)
        return self.path(file + ".pem"), self.path(file + ".key")

    def fingerprint(self, cert):
        said = openssl("x509", "-in", cert, "-noout", "-fingerprint",
                       "-sha256", cwd=self.dir)
        return "SHA256:" + said.strip().partition("=")[2]

    def last_day(self, cert):
        said = openssl("x509", "-in", cert, "-noout", "-enddate",
                       cwd=self.dir)
        end = time.strptime(said.strip().partition("=")[2],
                            "%b %d %H:%M:%S %Y GMT")
        return time.strftime("%Y-%m-%d", end)
