# SPDX-License-Identifier: GPL-2.0-or-later
"""How a script ends: whatever ends it, it cleans up, and says in a line what went wrong."""

import signal
import sys
from collections.abc import Callable
from types import FrameType

from waiting import Failure


def _exit_on_signal(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)


def run_script(name: str, run: Callable[[], None]) -> int:
    """Return its exit code. SIGTERM and SIGHUP leave through the with blocks, as Ctrl-C does."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _exit_on_signal)
    try:
        run()
    except Failure as failure:
        print(f"\n{name} failed. {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nInterrupted; everything is stopped.", file=sys.stderr)
        return 130
    return 0
