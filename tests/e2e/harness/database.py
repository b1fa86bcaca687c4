# SPDX-License-Identifier: GPL-2.0-or-later
"""A PostgreSQL on a host of the lab, of its own: no service of this machine, and nothing of it is left."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

from children import Child
from harness.lab import Lab
from harness.server import Server
from waiting import SOON_S, Failure, wait_until

#: It does not run as root.
_AS_POSTGRES = ("setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=KILL")


class Database(Server):
    """Listens on its host's address for the whole lab, with passwords."""

    def __init__(self, lab: Lab, name: str) -> None:
        super().__init__(lab.network.add_host(name))
        lab.services.append(self)
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
        if not found:
            raise Failure("PostgreSQL is not installed; it is in the Debian package postgresql.")
        self._programs = found[-1].parent
        self._output = lab.directory / f"{name}.output"
        self._folder = lab.directory / "postgresql"
        self._folder.mkdir()
        lab.directory.chmod(0o711)
        shutil.chown(self._folder, "postgres", "postgres")

    def start(self) -> None:
        data = self._folder / "data"
        subprocess.run([*_AS_POSTGRES, self._programs / "initdb", f"--pgdata={data}", "--auth=trust", "--encoding=UTF8",
                        "--locale=C.UTF-8", "--no-sync"], cwd=self._folder, check=True, capture_output=True, timeout=120)
        with (data / "pg_hba.conf").open("a") as file:
            file.write("host all all 10.77.0.0/24 scram-sha-256\n")
        program = [*_AS_POSTGRES, self._programs / "postgres", "-D", data, "-h", self.host.ip4, "-k", self._folder]
        self._process = process = Child(self.host.argv(*map(os.fspath, program)), self._output)
        ready = lambda: not process.alive or self._psql("SELECT 1").returncode == 0
        wait_until(ready, SOON_S, "PostgreSQL is ready", poll_s=0.1)
        assert process.alive, self._output.read_text()

    def run(self, script: str) -> None:
        """As its administrator, as psql -f does."""
        done = self._psql(script)
        assert done.returncode == 0, done.stderr

    def ask(self, query: str) -> list[str]:
        """The rows, of the database of the page."""
        done = self._psql(query, database="logs")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    def kill(self) -> None:
        """In order, as it would leave shared memory behind."""
        if self._process:
            self._process.signal(signal.SIGQUIT)
            self._process.wait(SOON_S, "PostgreSQL ends")
        super().kill()

    def _psql(self, script: str, database: str = "postgres") -> subprocess.CompletedProcess[str]:
        program = [*_AS_POSTGRES, self._programs / "psql", f"--host={self._folder}", f"--dbname={database}", "--no-psqlrc",
                   "--quiet", "--tuples-only", "--no-align", "--set=ON_ERROR_STOP=1", "--file=-"]
        return subprocess.run(program, input=script, text=True, capture_output=True, check=False, cwd=self._folder, timeout=120)
