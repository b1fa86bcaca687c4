#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Two network devices, every packet that enters one leaves the other after a delay.

For kernels without netem. Makes the TUN devices in the network namespace it is
started in, prints "ready" and carries packets until it is killed; the
devices may be moved to other namespaces meanwhile.
"""

import argparse
import fcntl
import os
import select
import struct
import time
from collections import deque

_TUNSETIFF = 0x400454CA
_IFF_TUN = 0x0001
_IFF_NO_PI = 0x1000
_MOST_BYTES = 1 << 16
_MOST_READS = 64  # in a row from one device, so that what is due on the other is not late


class Direction:
    """From one device to the other; what is on its way, the oldest first."""

    def __init__(self, source: int, target: int, delay_s: float) -> None:
        self.source = source
        self._target = target
        self._delay_s = delay_s
        self._on_its_way: deque[tuple[float, bytes]] = deque()

    def take_in(self) -> None:
        for _ in range(_MOST_READS):
            try:
                packet = os.read(self.source, _MOST_BYTES)
            except BlockingIOError:
                return
            self._on_its_way.append((time.monotonic() + self._delay_s, packet))

    def let_out(self) -> float | None:
        """Deliver what is due; return when the next will be."""
        while self._on_its_way and self._on_its_way[0][0] <= time.monotonic():
            try:
                os.write(self._target, self._on_its_way[0][1])
            except OSError:
                pass  # the device is down: the packet is lost, as on any link
            self._on_its_way.popleft()
        return self._on_its_way[0][0] if self._on_its_way else None


def _open_device(name: str) -> int:
    device = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(device, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return device


def _carry(directions: list[Direction]) -> None:
    while True:
        due = [moment for direction in directions if (moment := direction.let_out()) is not None]
        wait_s = max(0.0, min(due) - time.monotonic()) if due else None
        readable, _, _ = select.select([direction.source for direction in directions], [], [], wait_s)
        for direction in directions:
            if direction.source in readable:
                direction.take_in()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--delay-ms", type=float, required=True, help="in each direction")
    parser.add_argument("names", nargs=2, metavar="NAME")
    arguments = parser.parse_args()
    first, second = (_open_device(name) for name in arguments.names)
    print("ready", flush=True)
    delay_s = arguments.delay_ms / 1000
    _carry([Direction(first, second, delay_s), Direction(second, first, delay_s)])


if __name__ == "__main__":
    main()
