# SPDX-License-Identifier: GPL-2.0-or-later
"""A certificate authority made with the openssl command, and server certificates signed by it."""

import subprocess
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Certificate:
    certificate: Path
    key: Path


class CertificateAuthority:
    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._authority = self._issue("authority", ["basicConstraints=critical,CA:TRUE"])
        self._issued: dict[str, Certificate] = {}

    @property
    def certificate(self) -> Path:
        return self._authority.certificate

    def certificate_for(self, name: str) -> Certificate:
        """The certificate of the server of this name or address (made at first use)."""
        if name not in self._issued:
            kind = "IP" if name[-1].isdigit() else "DNS"
            self._issued[name] = self._issue(name, [f"subjectAltName={kind}:{name}"], self._authority)
        return self._issued[name]

    def _issue(self, name: str, extensions: list[str], signer: Certificate | None = None) -> Certificate:
        issued = Certificate(self._directory / f"{name}.crt", self._directory / f"{name}.key")
        argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", f"/CN={name}", "-keyout", str(issued.key), "-out", str(issued.certificate)]
        for extension in extensions:
            argv += ["-addext", extension]
        if signer:
            argv += ["-CA", str(signer.certificate), "-CAkey", str(signer.key), "-addext", "basicConstraints=CA:FALSE"]
        subprocess.run(argv, capture_output=True, check=True)
        return issued
