# SPDX-License-Identifier: GPL-2.0-or-later
"""What failoverctl says of a client, and does with it."""

import json
from typing import Any

from certificates import CertificateAuthority
from harness.flow import Wire
from harness.lab import Lab
from harness.sink import PORT
from waiting import SOON_S, wait_until

#: Exit codes.
WELL, SOME, NONE, CANNOT_TELL = range(4)


def status(lab: Lab, *names: str) -> list[dict[str, Any]]:
    done = lab.client.failoverctl("status", *names, "--json")
    assert (done.returncode, done.stderr) == (WELL, "")
    destinations: list[dict[str, Any]] = json.loads(done.stdout)
    return destinations


def only(lab: Lab) -> dict[str, Any]:
    (one,) = status(lab)
    return one


def server(lab: Lab, name: str) -> dict[str, Any]:
    (one,) = (it for it in only(lab)["servers"] if it["name"].startswith(f"{name}:"))
    return one


def steer(lab: Lab, *command: str, code: int = WELL) -> str:
    """The first line of the answer."""
    done = lab.client.failoverctl(*command)
    assert done.returncode == code, done
    return (done.stdout + done.stderr).splitlines()[0]


def wait_in_use(lab: Lab, name: str) -> None:
    wait_until(lambda: (only(lab)["in_use"] or {}).get("server") == f"{name}:{PORT}", SOON_S, f"{name} in use")


def start(lab: Lab, authority: CertificateAuthority, wire: Wire, failover: str = "switch-delay(0)") -> None:
    tls = f'transport("tls") tls(ca-file("{authority.certificate}"))' if wire.tls else ""
    lab.start_client(lab.config(f'network("primary" port({PORT}) {tls} failover(servers("second", "third") {failover}))'))
