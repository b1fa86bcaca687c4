# SPDX-License-Identifier: GPL-2.0-or-later
"""Network namespaces, and hosts made of them on one switch; nothing of it touches the machine's own network.

The switch is a bridge in a namespace of its own, so that deleting the namespaces removes everything. Programs on a host
see their own /etc/hosts, /etc/resolv.conf and /etc/nsswitch.conf: `ip netns exec` runs them in a private mount namespace,
and what is bind-mounted there ends with the program.
"""

import itertools
import os
import socket
import subprocess
from collections.abc import Iterable
from pathlib import Path

from children import find_program
from waiting import Failure

_LAB_NUMBERS = itertools.count(1)
_FIRST_HOST = 11
_EXEC_WITH_NAMES = 'for f in hosts resolv.conf nsswitch.conf; do mount --bind "$0/$f" "/etc/$f" || exit 125; done; exec "$@"'
_DROP_ALL = """table inet vanished {
    chain input { type filter hook input priority 0; policy drop; }
    chain output { type filter hook output priority 0; policy drop; }
}"""


def run(*argv: str, stdin: str | None = None) -> str:
    """What the program prints; a failure with what it says when it fails."""
    done = subprocess.run(argv, input=stdin, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise Failure(f"{' '.join(argv)}: {done.stderr.strip()}")
    return done.stdout


class Namespace:
    """A network of its own, empty at first; that of no program but those started in it."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._ip = find_program("ip", "iproute2")

    def create(self) -> None:
        run(self._ip, "netns", "add", self.name)

    def delete(self) -> None:
        """With all that is in it. No error when there is none."""
        subprocess.run([self._ip, "netns", "delete", self.name], capture_output=True, check=False)

    def ip(self, *arguments: str) -> None:
        run(self._ip, "-n", self.name, *arguments)

    def argv(self, *program: str) -> list[str]:
        """The command that runs a program in it, in place (the pid stays)."""
        return [self._ip, "netns", "exec", self.name, *program]


#: Linux's defaults, whatever this machine has: a server that takes more than the resend buffer holds is beyond the promise.
_BUFFERS = {"net.ipv4.tcp_rmem": "4096 131072 6291456", "net.ipv4.tcp_wmem": "4096 16384 4194304"}


class Host:
    """One namespace with one interface; made by Network.add_host()."""

    def __init__(self, network: "Network", name: str, number: int) -> None:
        self.network = network
        self.name = name
        self.namespace = Namespace(f"{network.prefix}-{number}")
        self.ip4 = f"10.77.0.{number}"
        self.ip6 = f"fd77::{number:x}"
        self._port = f"port{number}"

    def create(self) -> None:
        self.namespace.create()
        self.network.switch.ip("link", "add", self._port, "type", "veth", "peer", "name", "eth0", "netns", self.namespace.name)
        self.network.switch.ip("link", "set", self._port, "master", "switch", "up")
        for setting, value in _BUFFERS.items():
            self.set_kernel(setting, value)
        self.ip("link", "set", "lo", "up")
        self.ip("link", "set", "eth0", "up")
        self.add_address(f"{self.ip4}/24")
        self.add_address(f"{self.ip6}/64")

    def ip(self, *arguments: str) -> None:
        self.namespace.ip(*arguments)

    def add_address(self, address: str) -> None:
        no_wait = ["nodad"] if ":" in address else []
        self.ip("address", "add", address, "dev", "eth0", *no_wait)

    def argv(self, *program: str) -> list[str]:
        """The command that runs a program on this host, in place (the pid stays)."""
        return self.namespace.argv("sh", "-c", _EXEC_WITH_NAMES, str(self.network.directory), *program)

    def run(self, *program: str) -> str:
        return run(*self.argv(*program))

    def sockets(self, *filters: str) -> list[str]:
        """TCP sockets of this host as `ss` lists them, one a line."""
        return self.run("ss", "-tnoH", *filters).splitlines()

    def set_kernel(self, setting: str, value: str) -> None:
        """A setting of its network, such as net.ipv4.tcp_wmem."""
        self.run("sh", "-c", 'echo "$1" > "/proc/sys/$0"', setting.replace(".", "/"), value)

    def vanish(self) -> None:
        """Drop every packet in and out: the host no longer answers anything."""
        run(*self.namespace.argv("nft", "-f", "-"), stdin=_DROP_ALL)

    def appear(self) -> None:
        run(*self.namespace.argv("nft", "delete", "table", "inet", "vanished"))

    def unplug(self) -> None:
        """Take the link down at the switch, as a pulled cable would."""
        self.network.switch.ip("link", "set", self._port, "down")


    def filter_output(self, address: str, verdict: str) -> None:
        """Let its own packet filter do that ("drop", "reject") with whatever it sends there."""
        rule = f"chain output {{ type filter hook output priority 0; ip daddr {address} {verdict}; }}"
        run(*self.namespace.argv("nft", "-f", "-"), stdin=f"table inet own {{\n{rule}\n}}\n")

    def add_second_link(self, *servers: "Host") -> None:
        """To the same switch, in another network; from now on these servers are known by their addresses there."""
        self.set_kernel("net.ipv4.conf.all.arp_ignore", "1")  # each link answers for its own address
        switch, port = self.network.switch, f"{self._port}-2"
        switch.ip("link", "add", port, "type", "veth", "peer", "name", "eth1", "netns", self.namespace.name)
        switch.ip("link", "set", port, "master", "switch", "up")
        self.ip("link", "set", "eth1", "up")
        self.ip("address", "add", f"{_second_address(self)}/24", "dev", "eth1")
        for server in servers:
            server.add_address(f"{_second_address(server)}/24")
            self.network.set_name(server.name, [_second_address(server)])


def _second_address(host: Host) -> str:
    return host.ip4.replace("10.77.", "10.78.")


class Network:
    """The switch, its hosts and the names they know each other by."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.prefix = f"failover-{os.getpid()}-{next(_LAB_NUMBERS)}"
        self.switch = Namespace(f"{self.prefix}-switch")
        self.hosts: dict[str, Host] = {}
        self._names: dict[str, list[str]] = {}
        (directory / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
        (directory / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\nservices: files\n")
        self._write_names()

    def create(self) -> None:
        self.switch.create()
        self.switch.ip("link", "add", "switch", "type", "bridge")
        self.switch.ip("link", "set", "switch", "up")

    def add_host(self, name: str, *, named: bool = True) -> Host:
        host = Host(self, name, _FIRST_HOST + len(self.hosts))
        self.hosts[name] = host
        host.create()
        if named:
            self.set_name(name, [host.ip4, host.ip6])
        return host

    def set_name(self, name: str, addresses: Iterable[str]) -> None:
        """Let name stand for these addresses from now on; none: it does not resolve."""
        self._names[name] = list(addresses)
        self._write_names()

    def ask_name_server(self, address: str, timeout_s: int) -> None:
        """Let programs started from now on ask this name server, patiently."""
        text = f"nameserver {address}\noptions timeout:{timeout_s} attempts:2\n"
        (self.directory / "resolv.conf").write_text(text)

    def close(self) -> None:
        for namespace in [*(host.namespace for host in self.hosts.values()), self.switch]:
            namespace.delete()

    def _write_names(self) -> None:
        # In place, not by rename: the file is bind-mounted in running programs.
        # The machine's own name is there because syslog-ng looks it up when it starts.
        own = socket.gethostname().partition(".")[0]
        lines = [f"127.0.0.1 {own}.example.com {own} localhost", "::1 localhost"]
        lines += [f"{address} {name}" for name, addresses in self._names.items() for address in addresses]
        (self.directory / "hosts").write_text("\n".join(lines) + "\n")
