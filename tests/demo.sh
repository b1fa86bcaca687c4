#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Builds the module, loads it into the stock syslog-ng and shows what it does
# when log servers die and come back.  Takes about half a minute after the
# build.  Uses loopback addresses only, touches no running syslog-ng.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# shellcheck source=tests/lib/packages.sh
. tests/lib/packages.sh

build="build-demo"

build_module()
{
  cmake -S . -B "$build" -G Ninja -DFAILOVER_TESTS=OFF && cmake --build "$build"
}

install_packages "${PACKAGES_DEMO[@]}"

echo "Building the module in $build ..."
mkdir -p "$build"
if ! build_module > "$build/build.log" 2>&1; then
  cat "$build/build.log" >&2
  echo "The build failed." >&2
  exit 1
fi

exec python3 -B tests/demo/demo.py --module-dir "$build"
