# SPDX-License-Identifier: GPL-2.0-or-later
"""The lines of syslog-ng's own log, as it prints them on standard error."""

import re
from dataclasses import dataclass
from datetime import datetime

_LINE = re.compile(r"^\[(?P<time>[^\]]+)\] (?P<message>[^;]*);? ?(?P<tags>.*)$")
_TAG = re.compile(r"(\w+)='((?:[^'\\]|\\.)*)'")


@dataclass(frozen=True)
class LogLine:
    time: datetime
    message: str
    tags: dict[str, str]

    def matches(self, message: str, tags: dict[str, str]) -> bool:
        return self.message == message and tags.items() <= self.tags.items()


def parse_log(text: str) -> list[LogLine]:
    parsed = (_LINE.match(line) for line in text.splitlines())
    return [LogLine(datetime.fromisoformat(m["time"]), m["message"], dict(_TAG.findall(m["tags"]))) for m in parsed if m]
