# SPDX-License-Identifier: GPL-2.0-or-later
"""A file that another process appends to, read bit by bit."""

from pathlib import Path


class GrowingFile:
    """Gives everything once, as bytes or as lines."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = 0
        self._rest = b""

    def new_bytes(self) -> bytes:
        """All since the last call; empty while there is no file."""
        if not self.path.exists() or self.path.stat().st_size == self._position:
            return b""
        with self.path.open("rb") as file:
            file.seek(self._position)
            block = file.read()
        self._position += len(block)
        return block

    def new_lines(self) -> bytes:
        """All complete lines since the last call; one whose end is not written yet comes later."""
        block = self._rest + self.new_bytes()
        end = block.rfind(b"\n") + 1
        self._rest = block[end:]
        return block[:end]
