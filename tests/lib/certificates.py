# SPDX-License-Identifier: GPL-2.0-or-later
"""Certificates made with the openssl command: an authority and servers signed by it, or servers by themselves."""

from dataclasses import dataclass
from pathlib import Path

from children import find_program
from network import run


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path


def issue(directory: Path, name: str, extensions: list[str], signer: Certificate | None = None) -> Certificate:
    """One without a signer is its own authority."""
    issued = Certificate(directory / f"{name}.crt", directory / f"{name}.key")
    argv = [find_program("openssl", "openssl"), "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
            "-nodes", "-days", "2", "-subj", f"/CN={name}", "-keyout", str(issued.key), "-out", str(issued.certificate)]
    for extension in extensions:
        argv += ["-addext", extension]
    if signer:
        argv += ["-CA", str(signer.certificate), "-CAkey", str(signer.key), "-addext", "basicConstraints=CA:FALSE"]
    run(*argv)
    return issued


def issue_for_addresses(directory: Path, addresses: list[str]) -> Certificate:
    """One for several servers that is its own authority."""
    return issue(directory, "servers", ["subjectAltName=" + ",".join(f"IP:{address}" for address in addresses)])


class CertificateAuthority:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authority = issue(directory, "authority", ["basicConstraints=critical,CA:TRUE"])
        self._issued: dict[str, Certificate] = {}

    @property
    def certificate(self) -> Path:
        return self._authority.certificate

    def certificate_for(self, name: str) -> Certificate:
        """The certificate of the server of this name or address (made at first use)."""
        if name not in self._issued:
            kind = "IP" if name[-1].isdigit() else "DNS"
            self._issued[name] = issue(self._directory, name, [f"subjectAltName={kind}:{name}"], self._authority)
        return self._issued[name]
