# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures as plain tables, and everything as JSON."""

import dataclasses
import json
import os
import platform
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

import stock


def spread(values: Sequence[float], form: str) -> str:
    """Median and range: "1.002 (0.991 .. 1.013)"."""
    return f"{median(values):{form}} ({min(values):{form}} .. {max(values):{form}})"


def table(rows: list[list[str]]) -> str:
    """Columns as wide as they must be; the first row is the heading."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows)


def ratios(pairs: Sequence[tuple[Any, Any]], figure: Callable[[Any], float]) -> list[float]:
    """Of each pair, the first side's figure in terms of the second's."""
    return [figure(first) / figure(second) for first, second in pairs]


def environment() -> dict[str, str | int]:
    """What the figures depend on besides the settings."""
    model = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return {
        "syslog-ng": stock.installed_version(),
        "kernel": platform.release(),
        "cpu": model[1] if model else platform.machine(),
        "cpus": len(os.sched_getaffinity(0)),
    }


def write_json(path: Path, settings: dict[str, Any], **runs: Any) -> None:
    """Every run, so that other summaries can be made of them later."""
    document = {"environment": environment(), "settings": settings, **runs}
    path.write_text(json.dumps(document, indent=2, default=_plain) + "\n")


def _plain(value: Any) -> Any:
    return dataclasses.asdict(value) if dataclasses.is_dataclass(value) else str(value)
