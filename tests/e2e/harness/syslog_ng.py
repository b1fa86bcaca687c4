# SPDX-License-Identifier: GPL-2.0-or-later
"""Configurations for the stock syslog-ng, its command lines and its syntax check."""

import os
import re
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path

from stock import module_path

REPOSITORY = Path(__file__).resolve().parents[3]
MODULE_DIR = Path(os.environ.get("FAILOVER_MODULE_DIR", REPOSITORY / "build"))
WRONG_LAYOUT_DIR = Path(os.environ.get("FAILOVER_WRONG_LAYOUT_DIR", REPOSITORY / "build" / "wrong-layout"))
#: How the program is started: under a tool, with a library preloaded.
PROGRAM = shlex.split(os.environ.get("FAILOVER_SYSLOG_NG", "syslog-ng"))

#: The environment variable that names the socket of the source that the sender feeds, and that source.
SOCKET_VARIABLE = "NUMBERS_SOCKET"
NUMBERS = f'unix-stream("`{SOCKET_VARIABLE}`")'

_DESTINATION = re.compile(r"^\s*destination\s+(\w+)\s*\{", re.MULTILINE)


def argv(config: Path, *options: str, module_dir: Path = MODULE_DIR) -> list[str]:
    return [*PROGRAM, "--no-caps", *_paths(config, module_dir), *options]


def service_argv(config: Path, *options: str, module_dir: Path = MODULE_DIR) -> list[str]:
    """As the package's unit starts it, but for where files are; /etc/default/syslog-ng adds nothing."""
    text = Path("/lib/systemd/system/syslog-ng.service").read_text()
    (command,) = re.findall(r"^ExecStart=\S*/syslog-ng (.*)$", text, re.MULTILINE)
    given = [word for word in command.split() if word != "$SYSLOGNG_OPTS"]
    return [*PROGRAM, *given, *_paths(config, module_dir), *options]


def _paths(config: Path, module_dir: Path) -> list[str]:
    return [module_path(module_dir), f"--cfgfile={config}"]


def internal_to(file: Path) -> str:
    """A log path of syslog-ng's own lines, which look there as they do on standard error."""
    template = "[${ISODATE}] ${MSG}\\n"
    return f'log {{ source {{ internal(); }}; destination {{ file("{file}" template("{template}")); }}; }};\n'


def destination(name: str, driver: str) -> str:
    return f"destination {name} {{\n{driver};\n}};\n"


def configuration(destinations: str, *, source: str = NUMBERS, options: str = "time-reopen(1)", module: bool = True,
                  flow_control: bool = False) -> str:
    """A complete configuration: everything from the source goes to every destination."""
    head = "@version: current\n" + ("@module failover\n" if module else "")
    flags = " flags(flow-control);" if flow_control else ""
    paths = [f"log {{ source(s_numbers); destination({name});{flags} }};\n" for name in _DESTINATION.findall(destinations)]
    return (f"{head}options {{ {options}; keep-hostname(yes); stats-freq(0); }};\n"
            f"source s_numbers {{ {source}; }};\n{destinations}{''.join(paths)}")


@dataclass(frozen=True)
class SyntaxCheck:
    exit_code: int
    text: str

    def lines_blamed(self) -> list[int]:
        """The line numbers of the configuration that the errors name."""
        return [int(line) for line in re.findall(r" in \S+?:(\d+):", self.text)]


def check_syntax(config: str, directory: Path, *, module_dir: Path = MODULE_DIR) -> SyntaxCheck:
    """Run `syslog-ng --syntax-only` on a configuration."""
    path = directory / "checked.conf"
    path.write_text(config)
    done = subprocess.run(argv(path, "--syntax-only", module_dir=module_dir), capture_output=True, text=True, check=False,
                          timeout=60)
    return SyntaxCheck(done.returncode, done.stdout + done.stderr)
