# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers that die in worse ways than by refusing, bad certificates, and how long a death went unnoticed.

Run as a program it is a log server with TLS that also writes down what the client shows of itself:

    faults.py PORT EVENTS CERTIFICATE KEY [CLIENT-AUTHORITY]

It is receiver_main.py with one more line in the file EVENTS for each TLS handshake:
    sni NAME                                (NAME: - without one)
With CLIENT-AUTHORITY the client must have a certificate of that authority.
"""

import asyncio
import ssl
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from certificates import Certificate, CertificateAuthority
from children import Child
from harness.lab import Lab
from harness.receiver import Receiver
from harness.receiver_main import Events, Server
from harness.sink import Sink
from network import Host
from waiting import SOON_S, Failure, wait_until

_E2E = Path(__file__).resolve().parents[1]
_LIB = _E2E.with_name("lib")
_NO_NAME = "-"

#: Far under what the kernel alone needs (two minutes to connect, a quarter of an hour and more when connected),
#: and for a slow machine; the time itself is printed.
NOTICED_S = 15.0


# Deaths


def reboot(receiver: Receiver | Sink) -> None:
    """Its host goes without a word and comes back knowing nothing of its connections."""
    receiver.host.vanish()
    receiver.host.run("ss", "-K", "-tn", "state", "established")
    receiver.kill()
    assert not receiver.host.sockets(), "connections survived the reboot"
    receiver.start()
    receiver.host.appear()


# What may become of our own network: of the client's host, for what it sends to the server's.
OWN_NETWORK: dict[str, Callable[[Host, Host], None]] = {
    "filter drops": lambda own, server: own.filter_output(server.ip4, "drop"),
    "filter rejects": lambda own, server: own.filter_output(server.ip4, "reject"),
    "link down": lambda own, _: own.ip("link", "set", "eth0", "down"),
    "route deleted": lambda own, _: own.ip("route", "delete", "10.77.0.0/24"),
    "address removed": lambda own, _: own.ip("address", "delete", f"{own.ip4}/24", "dev", "eth0"),
}


@dataclass
class Fault:
    """A moment, and what is to come of it."""

    name: str
    at: float

    @classmethod
    def now(cls, name: str) -> "Fault":
        return cls(name, time.monotonic())

    def noticed(self, first_message_at: float, at_most_s: float = NOTICED_S) -> None:
        """Print how long it took until the next server had its first message."""
        took = first_message_at - self.at
        print(f"MEASURED {self.name}: {took:.3f} s from the fault to the first message at the next server")
        assert 0 <= took < at_most_s, f"{self.name}: {took:.3f} s"


def first_arrival(server: Sink) -> float:
    return min(time for connection in server.connections() for time in connection.times()[:1]) / 1e9


def message_time(server: Receiver, number: int) -> float:
    """When this message arrived first."""
    lines = (line.split() for line in server.events_file.read_text().splitlines())
    return next(float(at) for at, event, *words in lines if event == "message" and int(words[1]) == number)


def wait_none_lost(lab: Lab, last: int) -> None:
    """All messages from the first to this one are at a server, whichever."""
    every = set(range(1, last + 1))

    def lost() -> set[int]:
        return every.difference(*(server.numbers() for server in lab.servers))

    try:
        wait_until(lambda: not lost(), SOON_S, "all messages")
    except Failure as late:
        raise Failure(f"{late} Lost: {sorted(lost())[:20]}") from None


# Certificates


FLAWS = ["expired", "wrong-name", "untrusted"]


def expired_certificate(authority: CertificateAuthority, name: str, directory: Path) -> Certificate:
    """The server's own, of the authority, valid until now."""
    good = authority.certificate_for(name)
    signed = Certificate(directory / f"{name}-expired.crt", good.key)
    extensions = directory / f"{name}-expired.ext"
    extensions.write_text(f"subjectAltName=DNS:{name}\nbasicConstraints=CA:FALSE\n")
    request = subprocess.run(["openssl", "req", "-new", "-key", str(good.key), "-subj", f"/CN={name}"],
                             capture_output=True, check=True).stdout
    authority_key = authority.certificate.with_suffix(".key")
    subprocess.run(["openssl", "x509", "-req", "-days", "0", "-CA", str(authority.certificate), "-CAkey", str(authority_key),
                    "-CAcreateserial", "-CAserial", str(directory / "serial"), "-extfile", str(extensions),
                    "-out", str(signed.certificate)], input=request, capture_output=True, check=True)

    def is_expired() -> bool:
        check = ["openssl", "x509", "-in", str(signed.certificate), "-noout", "-checkend", "0"]
        return subprocess.run(check, capture_output=True, check=False).returncode == 1

    wait_until(is_expired, SOON_S, "the certificate is expired")
    return signed


def flawed_certificate(flaw: str, name: str, authority: CertificateAuthority, strangers: CertificateAuthority,
                       directory: Path) -> Certificate:
    """One that a client which trusts the authority, and not the strangers, must refuse of the server of this name."""
    if flaw == "expired":
        return expired_certificate(authority, name, directory)
    if flaw == "wrong-name":
        return authority.certificate_for("someone-else")
    assert flaw == "untrusted", flaw
    return strangers.certificate_for(name)


def fingerprint(certificate: Certificate) -> str:
    """As trusted-keys() wants it."""
    asked = subprocess.run(["openssl", "x509", "-in", str(certificate.certificate), "-noout", "-fingerprint", "-sha1"],
                           capture_output=True, text=True, check=True)
    return "SHA1:" + asked.stdout.strip().partition("=")[2]


# A log server that looks at the client


class TlsReceiver(Receiver):
    """Its certificate, and what it asks of clients, may change from one start to the next."""

    def __init__(self, host: Host, port: int, directory: Path, certificate: Certificate,
                 client_authority: Path | None = None) -> None:
        super().__init__(host, port, directory, certificate)
        self.certificate = certificate
        self.client_authority = client_authority
        self.tickets = True  # for the resumption of sessions, right after the handshake

    def start(self) -> "TlsReceiver":
        program = ["env", f"PYTHONPATH={_E2E}:{_LIB}", sys.executable, "-m", "harness.faults", str(self.port),
                   str(self.events_file), str(self.certificate.certificate), str(self.certificate.key),
                   str(2 * self.tickets)]
        if self.client_authority:
            program.append(str(self.client_authority))
        before = self._count("listening")
        self._process = Child(self.host.argv(*program), self._output, talk=True)
        wait_until(lambda: self._count("listening") > before, SOON_S, f"{self} listens")
        return self

    def names_asked_for(self) -> list[str]:
        """The server names (SNI) of all handshakes, in order; "" where the client gave none."""
        return [words[0].replace(_NO_NAME, "") for _, event, *words in self._events() if event == "sni"]


def tls_server(lab: Lab, name: str, certificate: Certificate, port: int = 6514, *,
               client_authority: Path | None = None) -> TlsReceiver:
    """One of these on a host of its own (made at first mention), started."""
    host = lab.network.hosts.get(name) or lab.network.add_host(name)
    receiver = TlsReceiver(host, port, lab.directory, certificate, client_authority)
    lab.servers.append(receiver)
    return receiver.start()


def main() -> None:
    port, path, certificate, key, tickets, *client_authority = sys.argv[1:]
    events = Events(path)
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate, key)
    tls.num_tickets = int(tickets)
    tls.sni_callback = lambda _, name, __: events.write("sni", name or _NO_NAME)
    if client_authority:
        tls.verify_mode = ssl.CERT_REQUIRED
        tls.load_verify_locations(client_authority[0])
    asyncio.run(Server(int(port), events, tls).run())


if __name__ == "__main__":
    main()
