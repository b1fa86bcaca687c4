# SPDX-License-Identifier: GPL-2.0-or-later
"""Free TCP ports for servers that are stopped and started again."""

import random
import socket
from pathlib import Path

from waiting import Failure

_RANGE_FILE = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LOWEST = 10_000
_TRIES = 1_000


def _can_bind(address: str, port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _candidates() -> range:
    """Ports the kernel never gives to outgoing connections by itself.

    Inside that range a connection to a port where nothing listens can be given
    that very port and connect to itself, and another program can take the port
    of a server that is down.
    """
    low, high = (int(word) for word in _RANGE_FILE.read_text().split())
    if low > _LOWEST + _TRIES:
        return range(_LOWEST, low)
    return range(high + 1, 65_536)


def free_ports(count: int, addresses: list[str]) -> list[int]:
    """So many different ports, each free on every one of the addresses."""
    candidates = _candidates()
    for address in addresses:
        if not _can_bind(address, 0):
            raise Failure(f"The address {address} cannot be used on this machine.")
    found: list[int] = []
    for port in random.sample(candidates, min(_TRIES, len(candidates))):
        if all(_can_bind(address, port) for address in addresses):
            found.append(port)
        if len(found) == count:
            return found
    raise Failure(f"No {count} free TCP ports on {', '.join(addresses)}; looked outside of {_RANGE_FILE}.")
