# SPDX-License-Identifier: GPL-2.0-or-later
"""The laboratory of the end-to-end tests: hosts, log servers, a sender and a real syslog-ng."""

import sys
from pathlib import Path

# What they share with the benchmark.
sys.path.append(str(Path(__file__).resolve().parents[2] / "lib"))
