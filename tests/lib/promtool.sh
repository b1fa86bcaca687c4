#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# promtool.sh [FOLDER] - unpacks Debian's promtool there (.cache/promtool), if it is not yet, for the test of
# docs/examples/alerts.yml.  Older releases have it in the package of prometheus, which would start a server.
set -eu
cd "$(dirname "$0")/../.."
folder=${1:-.cache/promtool}

[ ! -d "$folder" ] || exit 0
rm -rf "$folder.new"
mkdir -p "$folder.new"
cd "$folder.new"
apt-get -q update
package=promtool
[ -n "$(apt-cache --names-only search "^$package\$")" ] || package=prometheus
apt-get -q -o APT::Sandbox::User=root download "$package"
dpkg-deb -x "$package"_*.deb .
mv usr/bin/promtool .
find . -mindepth 1 -maxdepth 1 ! -name promtool -exec rm -r {} +
mv "$PWD" "${PWD%.new}"
