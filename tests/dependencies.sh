#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# What CMake says when something that the build needs is missing or wrong: the
# Debian package that brings it.  pkg-config is shown folders where it is not.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/releases.sh
. tests/lib/releases.sh

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
status=0

real_pc=$(pkg-config --variable pc_path pkg-config)
mkdir "$work/all" "$work/pc"
# everything pkg-config knows, in one folder that can be changed
for folder in ${real_pc//:/ }; do
  [ -d "$folder" ] && find "$folder" -name '*.pc' -exec cp -n {} "$work/all/" \;
done

# expect NAME TEXT...: configuring must fail and say every TEXT; what it says is in $said
expect()
{
  local name=$1 text output
  shift
  rm -rf "$work/build"
  if output=$(PKG_CONFIG_LIBDIR="$work/pc" cmake -S . -B "$work/build" -G Ninja -DFAILOVER_TESTS=OFF 2>&1); then
    echo "dependencies: $name: CMake did not complain" >&2
    status=1
    return
  fi
  said=$(tr -s ' \n' ' ' <<<"$output") # CMake wraps its messages
  for text in "$@"; do
    if ! grep -qF -- "$text" <<<"$said"; then
      echo "dependencies: $name: \"$text\" is missing in:" >&2
      echo "$output" >&2
      status=1
    fi
  done
}

fresh() { rm -rf "$work/pc"; cp -r "$work/all" "$work/pc"; }

for pair in glib-2.0:libglib2.0-dev openssl:libssl-dev ivykis:libivykis-dev syslog-ng:syslog-ng-dev; do
  fresh
  rm "$work/pc/${pair%:*}.pc"
  expect "no ${pair%:*}" "apt-get install ${pair#*:}"
done

# with_syslog_ng VERSION
with_syslog_ng()
{
  fresh
  sed -i "s/^Version:.*/Version: $1/" "$work/pc/syslog-ng.pc"
}

# the versions and releases that the message names are those of the table here
known=$(for release in $(release_names); do echo "$(release_syslog_ng "$release") $release"; done)
with_syslog_ng 3.99.1
expect "another syslog-ng" "syslog-ng 3.99.1 is not supported"
named=$(grep -oE '[0-9.]+ \(Debian [^)]+\)' <<<"$said" | sed -E 's/ .*[ (](.*)\)$/ \1/')
if [ "$named" != "$known" ]; then
  printf 'dependencies: CMake knows\n%s\nand tests/lib/releases.sh\n%s\n' "$named" "$known" >&2
  status=1
fi

# another patch level is another version
while read -r version _; do
  other=${version%.*}.99
  with_syslog_ng "$other"
  expect "syslog-ng $other" "syslog-ng $other is not supported" "$version (Debian"
done <<<"$known"

with_syslog_ng "$(grep -o '^4[^ ]*' <<<"$known" | head -n 1)"
rm -f "$work/pc/json-c.pc"
expect "no json-c" "apt-get install libjson-c-dev"

fresh
sed -i 's|^includedir=.*|includedir=/nonexistent|; s|^Cflags:.*|Cflags: -I/nonexistent|' "$work/pc/syslog-ng.pc"
expect "headers gone" "the headers of syslog-ng not found" "apt-get install syslog-ng-dev"

[ $status -eq 0 ] && echo "dependencies: CMake names the package for each"
exit $status
