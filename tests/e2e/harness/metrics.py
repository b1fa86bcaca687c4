# SPDX-License-Identifier: GPL-2.0-or-later
"""What syslog-ng's statistics say of a failover(), in each form that they have."""

import re
from typing import NamedTuple

from harness.client import Client

#: A server's, or (without one) the destination's: ("primary:514", "active"), ("", "lost_events_total").
Name = tuple[str, str]


def in_csv(client: Client, destination: str = "d_remote#0") -> dict[Name, int]:
    """As `stats` has it; an orphan is none of ours."""
    found = {}
    for line in client.control("stats").splitlines():
        fields = [field.strip('"') for field in line.split(";")]
        if fields[:2] == ["dst.failover", destination]:
            assert fields[3] == "a", line
            found[fields[2].partition(",")[2], fields[4]] = int(fields[5])
    return found


def in_query(client: Client, destination: str = "d_remote#0") -> dict[Name, int]:
    """As `query` has it."""
    found = {}
    for line in client.control("query", "get", f"dst.failover.{destination}.*").splitlines():
        parsed = re.fullmatch(rf"dst\.failover\.{destination}\.[\w-]+(?:,(.*))?\.([\w-]+)=(\d+)", line)
        assert parsed or not line, line
        if parsed:
            found[parsed[1] or "", parsed[2]] = int(parsed[3])
    return found


class Sample(NamedTuple):
    """One line of `stats prometheus`."""

    name: str
    labels: dict[str, str]
    value: int


def in_prometheus(client: Client) -> list[Sample]:
    """All that are failover()'s; syslog-ng 4."""
    found = []
    for line in client.control("stats", "prometheus").splitlines():
        parsed = re.fullmatch(r"(syslogng_output_failover_\w+)\{(.*)\} (\d+)", line)
        if parsed:
            found.append(Sample(parsed[1], dict(re.findall(r'(\w+)="([^"]*)"', parsed[2])), int(parsed[3])))
    return found
