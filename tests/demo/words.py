# SPDX-License-Identifier: GPL-2.0-or-later
"""The module's log lines, retold for a reader who sees them for the first time."""

from log_lines import LogLine


def _seconds(milliseconds: str) -> str:
    return f"{int(milliseconds) / 1000:g} s"


def _wait(tags: dict[str, str]) -> str:
    return "at once" if tags["wait_ms"] == "0" else f"in {_seconds(tags['wait_ms'])}"


def in_plain_words(line: LogLine, names: dict[str, str]) -> str | None:
    """What a line of syslog-ng's log means; None if it is not the module's. names: server to its name in the demo."""
    if not line.message.startswith("failover: "):
        return None
    tags = {key: names.get(value, value) if key in ("server", "next") else value for key, value in line.tags.items()}
    match line.message.removeprefix("failover: "):
        case "connected to log server":
            return f"connected to the {tags['server']} server"
        case "log server failed":
            return f"{tags['server']} server failed ({tags['error']}); the {tags['next']} is next, {_wait(tags)}"
        case "all log servers failed":
            return f"every server has failed ({tags['error']}); again the {tags['next']}, {_wait(tags)}"
        case "probe of the primary succeeded":
            return f"the {tags['server']} server answers: probe {tags['successes'].replace('/', ' of ')}"
        case "probe of the primary failed":
            return f"the {tags['server']} server does not answer its probes: {tags['error']}"
        case "back on the primary log server":
            probes = tags["successes"].partition("/")[0]
            return f"back on the {tags['server']} server, after {probes} good probes in a row"
        case other:
            return other
