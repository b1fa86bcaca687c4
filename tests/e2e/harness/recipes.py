# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/recipes.md, and machines that are configured as it says.

Each block of the page is used byte for byte, at the path that the page gives. A machine is a host of the lab whose programs
see folders of their own in the place of the real ones (OWN_FOLDERS), in a mount namespace that ends with them. The one thing
that is not Debian's or the page's is the source s_src: the messages of a test come from there. So syslog-ng.conf is Debian's
down to its s_src, without the local files, and its include of conf.d.
"""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from certificates import CertificateAuthority
from children import Child, find_program
from harness.lab import Lab
from harness.server import Server
from harness.syslog_ng import NUMBERS, REPOSITORY
from messages import PARSED, Messages
from records import Recorded
from stock import state_options
from waiting import SOON_S, wait_until

PAGE = REPOSITORY / "docs" / "recipes.md"
ETC = Path("/etc/syslog-ng")
MAIN_CONFIG = ETC / "syslog-ng.conf"
OWN_FOLDERS = [ETC, Path("/var/lib/syslog-ng"), Path("/var/log"), Path("/etc/haproxy")]

_BLOCK = re.compile(r"^```\w+ (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SOURCE = re.compile(r"^source s_src \{.*?^\};\n", re.MULTILINE | re.DOTALL)
_INCLUDE = '@include "/etc/syslog-ng/conf.d/*.conf"\n'
_ENTER = 'root="$0"; for d in $1; do mount --bind "$root$d" "$d" || exit 125; done; shift; exec "$@"'
#: As in a file of syslog-ng's: date and host before it.
STORED = Messages(PARSED.size, PARSED.header, rb".*? e2e: ")


def page_blocks() -> dict[str, str]:
    """By the name of the file that each is."""
    found = _BLOCK.findall(PAGE.read_text())
    blocks = dict(found)
    assert len(blocks) == len(found) == PAGE.read_text().count("\n```") // 2, "each block of the page has a name of its own"
    return blocks


def debian_config(source: str = NUMBERS) -> str:
    """Debian's own, with this in its s_src and without its local files."""
    whole = MAIN_CONFIG.read_text()
    own = _SOURCE.search(whole)
    assert own and _INCLUDE in whole, "Debian's syslog-ng.conf has the source and the include that the page speaks of"
    return f"{whole[: own.start()]}source s_src {{ {source}; }};\n{_INCLUDE}"


class Machine:
    """A host of the lab (made at first mention) with folders of its own."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.host = lab.network.hosts.get(name) or lab.network.add_host(name)
        self._root = lab.directory / f"{name}.root"
        for folder in OWN_FOLDERS:
            self.place(folder).mkdir(parents=True)
        for file in ETC.glob("*.conf"):
            shutil.copy(file, self.place(ETC))
        self.place(ETC / "conf.d").mkdir()

    def place(self, path: Path) -> Path:
        """Where a path of the machine really is."""
        return self._root / path.relative_to("/")

    def install(self, *names: str, folder: Path = ETC / "conf.d") -> None:
        """Blocks of the page."""
        for name in names:
            (self.place(folder) / name).write_text(page_blocks()[name])

    def install_certificates(self, authority: CertificateAuthority) -> None:
        folder = self.place(ETC / "tls")
        folder.mkdir()
        own = authority.certificate_for(self.host.name)
        for file, name in ((authority.certificate, "ca.crt"), (own.certificate, "own.crt"), (own.key, "own.key")):
            shutil.copy(file, folder / name)

    @property
    def wrapper(self) -> tuple[str, ...]:
        """Before a program: it sees the folders."""
        return ("sh", "-c", _ENTER, str(self._root), " ".join(map(str, OWN_FOLDERS)))


class Service(Server):
    """A program of a machine that listens on a port."""

    def __init__(self, lab: Lab, machine: Machine, port: int, *program: str) -> None:
        super().__init__(machine.host)
        self._argv = machine.host.argv(*machine.wrapper, *program)
        self._output = lab.directory / f"{machine.host.name}-{port}.output"
        self._port = port
        lab.services.append(self)

    def __repr__(self) -> str:
        return self.host.name

    def start(self) -> None:
        self._process = process = Child(self._argv, self._output, talk=True)
        listens = lambda: self.host.run("ss", "-ltnH", f"sport = {self._port}")
        wait_until(lambda: listens() or not process.alive, SOON_S, f"{self} listens")
        assert process.alive, self._output.read_text()


class LogServer(Service):
    """A stock syslog-ng with what is installed on its machine."""

    def __init__(self, lab: Lab, machine: Machine, port: int) -> None:
        config = machine.place(MAIN_CONFIG)
        config.write_text(debian_config("internal()"))
        state = machine.place(Path("/var/lib/syslog-ng"))
        super().__init__(lab, machine, port, find_program("syslog-ng", "syslog-ng-core"), "--foreground", "--no-caps",
                         "--stderr", f"--cfgfile={config}", *state_options(state))


class StoringServer(LogServer):
    """One that writes to a file."""

    def __init__(self, lab: Lab, machine: Machine, port: int, stored: Path) -> None:
        super().__init__(lab, machine, port)
        self._recorded = Recorded(machine.place(stored), STORED)

    def connections(self) -> list[Recorded]:
        """All in one: a file does not tell them apart."""
        self._recorded.update()
        return [self._recorded]

    def received(self) -> int:
        return len(self.connections()[0].numbers)


def used_blocks(tests: Iterable[Path]) -> set[str]:
    """The names of files that are mentioned there."""
    return {name for test in tests for name in re.findall(r'"([\w-]+\.[a-z]+)"', test.read_text())}
