# SPDX-License-Identifier: GPL-2.0-or-later
"""Conditions with deadlines, in place of sleeps; and how tests, benchmark and demo fail."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

#: How long anything that should happen soon may take on a slow machine.
SOON_S = 30.0
_POLL_S = 0.02


class Failure(Exception):
    """Something did not go as it must. The text is for the person who runs the script."""


def wait_until(condition: Callable[[], T], timeout_s: float, what: str, poll_s: float = _POLL_S) -> T:
    """Return the first truthy value of condition; fail when the deadline passes without one."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Failure(f"Not within {timeout_s:g} s: {what}.")
        time.sleep(poll_s)


def holds_for(condition: Callable[[], object], duration_s: float, what: str) -> None:
    """Fail as soon as condition stops being true; for what must not happen."""
    deadline = time.monotonic() + duration_s
    while time.monotonic() < deadline:
        if not condition():
            raise Failure(f"Did not hold for {duration_s:g} s: {what}.")
        time.sleep(_POLL_S)
