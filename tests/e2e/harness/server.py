# SPDX-License-Identifier: GPL-2.0-or-later
"""A log server process on a host of the lab, whatever it runs."""

import signal

from children import Child
from network import Host


class Server:
    """Can be killed, and started again."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self._process: Child | None = None

    def kill(self) -> None:
        """SIGKILL: its kernel ends the connections and refuses new ones. No error when it does not run."""
        if self._process:
            self._process.kill()
            self._process = None

    def freeze(self) -> None:
        """SIGSTOP: its kernel still accepts connections, nobody reads them."""
        self._running().signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self._running().signal(signal.SIGCONT)

    def tell(self, command: str) -> None:
        """One of the commands of its program."""
        assert self._running().ask(command) == "ok"

    def _running(self) -> Child:
        assert self._process, f"{self} does not run"
        return self._process
