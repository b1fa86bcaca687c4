# SPDX-License-Identifier: GPL-2.0-or-later
"""Log servers that people run, and how each is started: it writes what it receives to a file, byte for byte, a line each.

They are configured to store at once: what a server has read and not stored when it dies is lost once resend-grace() is
over, so none has a queue that holds more than a small part of a second.
"""

import os
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from children import find_program
from stock import state_options
from waiting import Failure

_REPOSITORY = Path(__file__).resolve().parents[2]
#: Where rsyslog.sh has put it.
_RSYSLOG = Path(os.environ.get("FAILOVER_RSYSLOG_DIR", _REPOSITORY / ".cache" / "rsyslog"))

#: How many messages a second one that lags stores, about.
LAGGING_RATE = 4_000


@dataclass(frozen=True)
class Place:
    """Where a server listens and what is its own."""

    address: str
    port: int
    directory: Path  # made if it is missing
    file: Path | None = None  # what it stores; a proxy stores nothing
    certificate: Path | None = None  # with TLS
    key: Path | None = None

    def write(self, config: str) -> Path:
        self.directory.mkdir(exist_ok=True)
        path = self.directory / "server.conf"
        path.write_text(config)
        return path

    def is_served(self, wrapper: Sequence[str] = ()) -> bool:
        """Whether something listens there; wrapper runs a program where the server is."""
        listed = subprocess.run([*wrapper, find_program("ss", "iproute2"), "-ltnH", f"src {self.address}:{self.port}"],
                                capture_output=True, text=True, check=True)
        return bool(listed.stdout.strip())


#: The command that starts a server in its place.
Program = Callable[[Place], list[str]]


def _syslog_ng(place: Place, throttle: str) -> list[str]:
    """Flow control stops reading at 100 messages that are not stored: log-iw-size() and max-connections() as they are."""
    transport = 'transport("tcp")'
    if place.certificate:
        transport = (f'transport("tls") tls(key-file("{place.key}") cert-file("{place.certificate}")'
                     " peer-verify(optional-untrusted))")
    config = place.write(f"""@version: current
options {{ stats-freq(0); }};
source s_network {{ network(ip("{place.address}") port({place.port}) {transport} flags(no-parse)); }};
destination d_file {{ file("{place.file}" template("$MSG\\n"){throttle}); }};
log {{ source(s_network); destination(d_file); flags(flow-control); }};
""")
    # 4.12 says only then what connections come and go
    return [find_program("syslog-ng", "syslog-ng-core"), "--foreground", "--no-caps", "--stderr", "--verbose",
            f"--cfgfile={config}", *state_options(place.directory)]


def syslog_ng(place: Place) -> list[str]:
    return _syslog_ng(place, "")


def lagging_syslog_ng(place: Place) -> list[str]:
    return _syslog_ng(place, f" throttle({LAGGING_RATE})")


def _rsyslog(place: Place, queue: str) -> list[str]:
    """What it reads at a time goes to the file before it reads on: there is no queue between."""
    driver, mode = "", ""
    if place.certificate:
        driver = (f'global(defaultNetstreamDriver="ossl" defaultNetstreamDriverCAFile="{place.certificate}"'
                  f' defaultNetstreamDriverCertFile="{place.certificate}" defaultNetstreamDriverKeyFile="{place.key}")\n')
        mode = ' streamDriver.Name="ossl" streamDriver.Mode="1" streamDriver.AuthMode="anon"'
    config = place.write(f"""global(net.enableDNS="off" workDirectory="{place.directory}")
{driver}module(load="imtcp"{mode})
template(name="received" type="string" string="%rawmsg%\\n")
input(type="imtcp" address="{place.address}" port="{place.port}" supportOctetCountedFraming="off" ruleset="store")
ruleset(name="store" queue.type="Direct") {{
  action(type="omfile" file="{place.file}" template="received"{queue})
}}
""")
    program = _RSYSLOG / "usr" / "sbin" / "rsyslogd"
    if not program.exists():
        raise Failure(f"{program} does not exist: run tests/lib/rsyslog.sh.")
    modules = next(_RSYSLOG.glob("usr/lib/*/rsyslog"))
    return [str(program), "-n", "-f", str(config), "-i", str(place.directory / "pid"), "-M", str(modules)]


def rsyslog(place: Place) -> list[str]:
    return _rsyslog(place, "")


def lagging_rsyslog(place: Place) -> list[str]:
    """A queue before the file, as small as can be, that gives out a batch now and then; the input waits for room in it.

    What is in it at SIGTERM is lost to this server.
    """
    batch = 20
    return _rsyslog(place, f' queue.type="FixedArray" queue.size="100" queue.dequeueBatchSize="{batch}"'
                           f' queue.dequeueSlowdown="{batch * 1_000_000 // LAGGING_RATE}"')


def haproxy(place: Place, backend: Place) -> list[str]:
    """In front of a server, for TCP with whatever in it."""
    config = place.write(f"""defaults
  mode tcp
  timeout connect 5s
  timeout client 1h
  timeout server 1h
listen logs
  bind {place.address}:{place.port}
  server backend {backend.address}:{backend.port}
""")
    return [find_program("haproxy", "haproxy"), "-db", "-f", str(config)]
