# SPDX-License-Identifier: GPL-2.0-or-later
"""Conditions with deadlines; what the demo and the benchmark wait for, and how they fail."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class Failure(Exception):
    """Something did not go as it must. The text is for the person who runs the script."""


def wait_until(condition: Callable[[], T], timeout_s: float, what: str, poll_s: float = 0.005) -> T:
    """Return the first truthy value of condition; fail when the deadline passes without one."""
    deadline = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise Failure(f"Not within {timeout_s:g} s: {what}.")
        time.sleep(poll_s)
