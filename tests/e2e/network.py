"""Networks that belong to a test alone: addresses, names, hosts.

A test calls enter() first.  It then runs in namespaces of its own, as root or
as anybody who may make them, and all that it makes there ends with it.
"""

import ipaddress
import os
import select
import socket
import struct
import subprocess
import threading
import time

import namespace
from teslacoil import Output


def enter():
    """Goes on in new namespaces: network, mounts and name of the host."""
    namespace.enter(("net", "mount", "uts"), ("ip", "nsenter"),
                    "network of our own")
    ip("link set lo up")


def ip(words, within=()):
    done = subprocess.run(list(within) + ["ip"] + words.split(), text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise AssertionError("ip %s: %s" % (words, done.stdout))


def has_ipv6():
    return os.path.exists("/proc/sys/net/ipv6/conf/lo")


def add_address(address, to="lo"):
    """Makes address one of this host's."""
    length = ipaddress.ip_address(address).max_prefixlen
    flags = " nodad" if ":" in address else ""
    ip("address replace %s/%d dev %s%s" % (address, length, to, flags))


def black_hole(*addresses):
    """Whatever is sent there vanishes, without a word."""
    if "hole" not in [name for _, name in socket.if_nameindex()]:
        ip("link add hole type veth peer name bottom")
        ip("link set hole up")
        ip("link set bottom up")
    for a in addresses:
        ip("route replace %s dev hole" % a)
        ip("neighbour replace %s lladdr 02:00:00:00:00:01 nud permanent "
           "dev hole" % a)


def use_name_servers(case, *addresses, options=""):
    """Has resolv.conf name them."""
    path = os.path.join(case.dir, "resolv.conf")
    with open(path, "w") as f:
        f.write("".join("nameserver %s\n" % a for a in addresses) + options)
    subprocess.run(["mount", "--bind", path, "/etc/resolv.conf"], check=True)
    case.addCleanup(subprocess.run, ["umount", "/etc/resolv.conf"],
                    check=True)


#
# Hosts.
#

class Host:
    """Another host: a network, a name and mounts of its own, and a cable.

    within: the command that runs others there.
    """

    BRIDGE = "switch"

    def __init__(self, case, name, address):
        self.name = name
        self.address = address
        self.plug_name = "to-" + name
        self.process = subprocess.Popen(
            ["unshare", "--net", "--uts", "--mount", "sh", "-c",
             "hostname %s && echo && exec sleep infinity" % name],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        case.addCleanup(self.end)
        self.process.stdout.readline()
        self.within = ["nsenter", "--target", str(self.process.pid),
                       "--net", "--uts", "--mount"]
        if self.BRIDGE not in [name for _, name in socket.if_nameindex()]:
            ip("link add %s type bridge forward_delay 0" % self.BRIDGE)
            ip("link set %s up" % self.BRIDGE)
        ip("link add %s type veth peer name eth0 netns %d" % (
            self.plug_name, self.process.pid))
        ip("link set %s master %s" % (self.plug_name, self.BRIDGE))
        for words in ("link set lo up", "link set eth0 up",
                      "address add %s/24 dev eth0" % address):
            ip(words, self.within)
        self.plug()

    def end(self):
        ip("link del " + self.plug_name)
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def unplug(self):
        """The cable of this host is pulled: others see but silence."""
        ip("link set %s down" % self.plug_name)

    def plug(self):
        ip("link set %s up" % self.plug_name)

    def set_hosts(self, case, hosts):
        """What its /etc/hosts says."""
        path = os.path.join(case.dir, self.name + ".hosts")
        with open(path, "w") as f:
            f.write("127.0.0.1 localhost\n" + "".join(
                "%s %s\n" % (h.address, name) for name, h in hosts.items()))
        where = "/etc/hosts"
        if not os.path.exists(where):   # then in an /etc of its own
            etc = os.path.join(case.dir, self.name + ".etc")
            shutil.copytree("/etc", etc, symlinks=True)
            shutil.copy(path, os.path.join(etc, "hosts"))
            path, where = etc, "/etc"
        subprocess.run(self.within + ["mount", "--bind", path, where],
                       check=True)

    def is_listening(self, port):
        with open("/proc/%d/net/tcp" % self.process.pid) as f:
            return any(line.split()[1].endswith(":%04X" % port) and
                       line.split()[3] == "0A" for line in list(f)[1:])


#
# Names.
#

A, AAAA, SRV = 1, 28, 33
NXDOMAIN = 3


class Names:
    """A name server.  What it knows can be changed at any time."""

    def __init__(self, case, address="127.0.0.1"):
        self.records = {}   # (name, type): answers
        self.silent = False
        self.asked = 0      # by UDP
        self.ended = False
        self.address = (address, 53)
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(self.address)
        self.tcp = socket.create_server(self.address)
        self.threads = [threading.Thread(target=f, daemon=True)
                        for f in (self.serve_udp, self.serve_tcp)]
        for t in self.threads:
            t.start()
        case.addCleanup(self.stop)

    def stop(self):
        self.ended = True
        self.tcp.shutdown(socket.SHUT_RDWR)
        self.udp.sendto(b"", self.address)
        for t in self.threads:
            t.join()
        self.tcp.close()
        self.udp.close()

    def set_host(self, name, *addresses):
        self.records[name, A] = [socket.inet_aton(a) for a in addresses
                                 if ":" not in a]
        self.records[name, AAAA] = [socket.inet_pton(socket.AF_INET6, a)
                                    for a in addresses if ":" in a]

    def set_service(self, name, *records):
        """Of (priority, weight, port, host)."""
        self.records[name, SRV] = [struct.pack("!HHH", *r[:3]) +
                                   self.encode(r[3]) for r in records]

    def forget(self, name):
        for key in [k for k in self.records if k[0] == name]:
            del self.records[key]

    @staticmethod
    def encode(name):
        return b"".join(bytes([len(part)]) + part.encode()
                        for part in name.split(".") if part) + b"\0"

    @staticmethod
    def decode(data, at):
        parts = []
        while data[at] != 0:
            parts.append(data[at + 1:at + 1 + data[at]].decode())
            at += 1 + data[at]
        return ".".join(parts), at + 1

    def answer(self, query):
        name, end = self.decode(query, 12)
        kind, = struct.unpack_from("!H", query, end)
        name = name.lower()
        known = any(n == name for n, _ in self.records)
        answers = self.records.get((name, kind), [])
        head = query[:2] + struct.pack("!HHHHH", 0x8580 |
                                       (0 if known else NXDOMAIN),
                                       1, len(answers), 0, 0)
        return head + query[12:end + 4] + b"".join(
            b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 0, len(a)) + a
            for a in answers)

    def serve_udp(self):
        while True:
            query, peer = self.udp.recvfrom(4096)
            if self.ended:
                return
            self.asked += 1
            if self.silent:
                continue
            answer = self.answer(query)
            if len(answer) > 512:
                # Truncated: to be asked for over TCP.
                end = self.decode(query, 12)[1] + 4
                answer = query[:2] + b"\x87\x80\0\1" + bytes(6) + \
                    query[12:end]
            self.udp.sendto(answer, peer)

    def serve_tcp(self):
        while True:
            try:
                connection, _ = self.tcp.accept()
            except OSError:
                return
            with connection:
                head = connection.recv(2, socket.MSG_WAITALL)
                query = connection.recv(int.from_bytes(head, "big"),
                                        socket.MSG_WAITALL)
                if query and not self.silent:
                    answer = self.answer(query)
                    connection.sendall(struct.pack("!H", len(answer)) +
                                       answer)


#
# Receivers at any address.
#

class Sink(Output):
    """Takes newline-framed messages over TCP at one address.

    Several may share one name, and so one file: it has all lines in the order
    in which they arrived.

    rude: how many of the next connections are closed at once.
    reading: whether what comes is read.
    """

    def __init__(self, case, address, port=0, name=None):
        super().__init__(os.path.join(case.dir, name or address))
        self.address = (address, port)
        self.connections = {}   # thread: socket
        self.taken = 0
        self.lines = 0
        self.rude = 0
        self.reading = True
        self.parting = None     # how connections are to end
        self.listener = None
        case.addCleanup(self.stop)

    @property
    def url(self):
        return "tcp://%s:%d" % self.address

    def start(self):
        family = socket.AF_INET6 if ":" in self.address[0] \
            else socket.AF_INET
        self.parting = None
        self.listener = socket.create_server(self.address, family=family)
        self.address = self.listener.getsockname()[:2]
        threading.Thread(target=self.accept, args=(self.listener,),
                         daemon=True).start()
        return self

    def accept(self, listener):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            self.taken += 1
            if self.rude > 0:
                self.rude -= 1
                connection.close()
                continue
            thread = threading.Thread(target=self.serve, args=(connection,),
                                      daemon=True)
            self.connections[thread] = connection
            thread.start()

    def serve(self, connection):
        rest = b""
        with open(self.path, "ab", buffering=0) as out:
            while self.parting is None:
                if not self.reading:
                    time.sleep(0.02)
                    continue
                if not select.select([connection], [], [], 0.02)[0]:
                    continue
                try:
                    data = connection.recv(65536)
                except OSError:
                    break
                if not data:
                    break
                # A line that a connection ended in would spoil the next.
                data = rest + data
                end = data.rfind(b"\n") + 1
                rest = data[end:]
                out.write(data[:end])
                self.lines += data.count(b"\n")
        if self.parting == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
        connection.close()

    def stop(self, parting="fin"):
        """Ends all connections, and listens no more."""
        if self.listener is not None:
            try:
                self.listener.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            self.listener.close()
            self.listener = None
        self.parting = parting
        while self.connections:
            self.connections.popitem()[0].join()

    def die(self):
        """As if its host had crashed and come up again."""
        self.stop("reset")
