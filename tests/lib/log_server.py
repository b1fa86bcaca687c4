# SPDX-License-Identifier: GPL-2.0-or-later
"""The command that starts a log server of ours (log_server_main.py), with a child's standard input and output for talk."""

import sys
from pathlib import Path

from certificates import Certificate
from children import Child
from waiting import SOON_S, Failure

_PROGRAM = Path(__file__).with_name("log_server_main.py")


def log_server(port: int, *options: str, record: Path | None = None, certificate: Certificate | None = None) -> list[str]:
    """With more options of the program; record is the prefix of what it writes."""
    recorded = ["--record", str(record)] if record else []
    tls = ["--certificate", str(certificate.certificate), "--key", str(certificate.key)] if certificate else []
    return [sys.executable, "-B", str(_PROGRAM), str(port), *recorded, *tls, *options]


def wait_listening(child: Child) -> None:
    if child.next_line(SOON_S) != "listening":
        raise Failure("The log server does not start as it should.")
