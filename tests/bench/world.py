# SPDX-License-Identifier: GPL-2.0-or-later
"""Where a measurement takes place: loopback addresses, or two network namespaces with a delay between them.

The delay is netem's; a kernel without it gets delayed_link.py instead.
"""

import ipaddress
import os
import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from pathlib import Path

from children import Children, find_program
from network import Namespace, run
from ports import free_ports
from waiting import SOON_S, Failure

#: Set aside for benchmarks of network devices (RFC 2544).
_NETWORK = ipaddress.ip_network("198.18.0.0/24")
_PORT_IN_NAMESPACE = 6514
_QUEUE_PACKETS = 200_000  # never the limit
_DELAYED_LINK = Path(__file__).with_name("delayed_link.py")
_DELAYED_LINK_MTU = 16_384  # netem's packets are large too, thanks to offloading


class World(ABC):
    """Three addresses and one port for servers, one more for what is behind a proxy, and how to run a program on either side."""

    servers: list[str]
    port: int
    backend_port: int
    description: str
    client_wrapper: tuple[str, ...] = ()
    server_wrapper: tuple[str, ...] = ()

    def __enter__(self) -> "World":
        return self

    @abstractmethod
    def __exit__(self, *_: object) -> None: ...


class Loopback(World):
    """All on this machine's loopback interface."""

    description = "loopback"

    def __init__(self) -> None:
        self.servers = ["127.0.0.1", "127.0.0.2", "127.0.0.3"]
        self.port, self.backend_port = free_ports(2, self.servers)

    def __exit__(self, *_: object) -> None:
        pass


class Namespaces(World):
    """Client and servers in namespaces of their own. Needs root."""

    def __init__(self, rtt_ms: float) -> None:
        if os.geteuid() != 0:
            raise Failure("--rtt-ms makes network namespaces: run it as root.")
        self._tc = find_program("tc", "iproute2")
        hosts = [str(host) for _, host in zip(range(4), _NETWORK.hosts())]
        self._client_address, self.servers = hosts[0], hosts[1:]
        self.port, self.backend_port = _PORT_IN_NAMESPACE, _PORT_IN_NAMESPACE + 1
        self.description = f"namespaces, {rtt_ms:g} ms round trip"
        self._rtt_ms = rtt_ms
        self._children = Children()
        self._client, self._server = self._sides = [
            Namespace(f"failover-bench-{os.getpid()}-{side}") for side in ("client", "server")]
        self.client_wrapper, self.server_wrapper = (tuple(side.argv()) for side in self._sides)

    def __enter__(self) -> "Namespaces":
        try:
            self._build()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._children.__exit__()
        for side in self._sides:
            side.delete()

    def _build(self) -> None:
        for side in self._sides:
            side.create()
        if self._rtt_ms and not self._has_netem():
            self._connect_delayed()
        else:
            self._connect()
        for side, addresses in ((self._client, [self._client_address]), (self._server, self.servers)):
            for address in addresses:
                side.ip("address", "add", f"{address}/{_NETWORK.prefixlen}", "dev", "link0")
            for device in ("lo", "link0"):
                side.ip("link", "set", device, "up")

    def _has_netem(self) -> bool:
        on_loopback = ["dev", "lo", "root", "netem"]
        tried = subprocess.run([self._tc, "-n", self._client.name, "qdisc", "add", *on_loopback], capture_output=True,
                               check=False)
        if tried.returncode:
            return False
        run(self._tc, "-n", self._client.name, "qdisc", "delete", *on_loopback)
        return True

    def _connect(self) -> None:
        """A pair of virtual Ethernet devices, netem on both."""
        self._client.ip("link", "add", "link0", "type", "veth", "peer", "name", "link0", "netns", self._server.name)
        if not self._rtt_ms:
            return
        self.description += " (netem)"
        for side in self._sides:
            run(self._tc, "-n", side.name, "qdisc", "add", "dev", "link0", "root", "netem",
                "delay", f"{self._rtt_ms / 2}ms", "limit", str(_QUEUE_PACKETS))

    def _connect_delayed(self) -> None:
        """Two TUN devices and the process between them; it stays with them when one is moved."""
        self.description += " (delayed_link.py: this kernel has no netem)"
        with tempfile.NamedTemporaryFile(prefix="failover-bench-") as log:
            argv = [*self.client_wrapper, sys.executable, "-B", str(_DELAYED_LINK),
                    "--delay-ms", str(self._rtt_ms / 2), "link0", "link1"]
            link = self._children.start(argv, Path(log.name), talk=True)
            link.next_line(SOON_S)
        self._client.ip("link", "set", "link1", "name", "link0", "netns", self._server.name)
        for side in self._sides:
            side.ip("link", "set", "link0", "mtu", str(_DELAYED_LINK_MTU), "txqueuelen", str(_QUEUE_PACKETS))


def make_world(rtt_ms: float | None) -> World:
    return Loopback() if rtt_ms is None else Namespaces(rtt_ms)
