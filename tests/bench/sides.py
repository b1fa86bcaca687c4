# SPDX-License-Identifier: GPL-2.0-or-later
"""What is compared: one configuration of syslog-ng, with failover() done in one way or another."""

from dataclasses import dataclass
from pathlib import Path

from certificates import Certificate
from world import World

#: name on the command line: (in tables, description)
SIDES = {
    "module": ("module", "@module failover, and failover() in the destination"),
    "own": ("own failover()", "syslog-ng's own failover(), without the module"),
    "loaded": ("module unused", "@module failover, but no failover() in the destination"),
    "none": ("no failover()", "neither the module nor failover()"),
}


@dataclass(frozen=True)
class Settings:
    """What both sides of a comparison have in common."""

    failback: bool = False
    tls: Certificate | None = None
    failover_options: str = ""  # more of them, for the module only
    threaded: bool = True
    reopen_s: int = 1
    reliable: bool = False  # the source is a file, and a disk-buffer keeps what is not sent


def title(side: str) -> str:
    return SIDES[side][0]


def needs_module(side: str) -> bool:
    return side in ("module", "loaded")


def _failover(side: str, world: World, settings: Settings) -> str:
    if side not in ("module", "own"):
        return ""
    servers = ", ".join(f'"{server}"' for server in world.servers[1:])
    failback = " failback(tcp-probe-interval(1) successful-probes-required(3))" if settings.failback else ""
    more = f" {settings.failover_options}" if side == "module" and settings.failover_options else ""
    return f"\n    failover(servers({servers}){failback}{more})"


def _transport(settings: Settings) -> str:
    if not settings.tls:
        return 'transport("tcp")'
    return f'transport("tls") tls(ca-file("{settings.tls.certificate}") peer-verify(required-trusted))'


def _source(settings: Settings, source: Path) -> str:
    if settings.reliable:
        return f'file("{source}" flags(no-parse) follow-freq(0.05) log-fetch-limit(10000) log-iw-size(100000));'
    return f'unix-stream("{source}" flags(no-parse) log-fetch-limit(100) log-iw-size(1000) max-connections(1));'


def _queue(settings: Settings, directory: Path) -> str:
    if not settings.reliable:
        return ""
    return f'\n    disk-buffer(reliable(yes) disk-buf-size({1 << 28}) mem-buf-size({1 << 20}) dir("{directory}"))'


def configuration(side: str, world: World, settings: Settings, source: Path) -> str:
    """The client's configuration. The same to the letter, but for the module and failover()."""
    head = "@version: current\n" + ("@module failover\n" if needs_module(side) else "")
    return f"""{head}options {{ stats-freq(0); threaded({"yes" if settings.threaded else "no"}); }};
source s_bench {{
  {_source(settings, source)}
}};
destination d_bench {{
  network("{world.servers[0]}" port({world.port}) {_transport(settings)}{_failover(side, world, settings)}{_queue(settings, source.parent)}
    time-reopen({settings.reopen_s}) template("$MSG\\n"));
}};
log {{ source(s_bench); destination(d_bench); flags(flow-control); }};
"""
