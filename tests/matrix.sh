#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# matrix.sh [--quick] [RELEASE...] - builds the module in a chroot of each release
# of Debian (all in tests/lib/releases.sh if none is named) and tests it there against
# that release's stock syslog-ng.  Ends with one table and "N passed, N failed".
#
#   --quick   build, load, the documented examples, one switch, one reload, one return
#
# The chroots stay in .cache/chroot/ for the next time; the log of the last run is
# beside each.  Needs root, and a network to make them.  What is mounted in them, and
# every process in them, ends with this script.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/packages.sh
. tests/lib/packages.sh
# shellcheck source=tests/lib/chroot.sh
. tests/lib/chroot.sh

kind=full
packages=("${PACKAGES_MATRIX[@]}")
releases=()
for argument in "$@"; do
  case $argument in
    --quick)
      kind=quick
      packages=("${PACKAGES_MATRIX_QUICK[@]}")
      ;;
    *) releases+=("$argument") ;;
  esac
done
[ ${#releases[@]} -gt 0 ] || mapfile -t releases < <(release_names)
release_check "${releases[@]}" || exit 2
if [ "$(id -u)" -ne 0 ]; then
  echo "tests/matrix.sh makes chroots: run it as root (sudo tests/matrix.sh)" >&2
  exit 1
fi

root_of() { echo "$CHROOT_CACHE/$1-$kind"; }
log_of() { echo "$(root_of "$1").tests.log"; }

# in_chroot RELEASE COMMAND...: the tree is at /src, /build stays
in_chroot() { chroot_run "$(root_of "$1")" "${@:2}"; }

build()
{
  local tests=ON
  [ $kind = full ] || tests=OFF
  in_chroot "$1" cmake -S . -B /build -G Ninja -DFAILOVER_WERROR=ON -DFAILOVER_TESTS=$tests &&
    in_chroot "$1" cmake --build /build
}

prepare()
{
  rm -f "$(root_of "$1")"/build/{*.xml,ready}
  chroot_with $kind "$1" "${packages[@]}" || return
  [ $kind = quick ] || in_chroot "$1" tests/lib/rsyslog.sh /build/rsyslog || return
  [ $kind = quick ] || in_chroot "$1" tests/lib/promtool.sh /build/promtool || return
  build "$1" && : >"$(root_of "$1")/build/ready"
}

run_tests()
{
  local end_to_end=(tests/e2e -n 4)
  [ -e "$(root_of "$1")/build/ready" ] || return # what an earlier run has built is not tested
  if [ $kind = full ]; then
    in_chroot "$1" ctest --test-dir /build --output-on-failure --output-junit /build/ctest.xml
  else
    end_to_end=(tests/e2e/test_every_release.py)
  fi
  in_chroot "$1" env FAILOVER_MODULE_DIR=/build FAILOVER_WRONG_LAYOUT_DIR=/build/wrong-layout FAILOVER_RSYSLOG_DIR=/build/rsyslog \
    FAILOVER_PROMTOOL_DIR=/build/promtool \
    python3 -m pytest -p no:cacheprovider -q --junit-xml=/build/e2e.xml "${end_to_end[@]}"
}

# What its tests left behind: "version passed failed".
result_of()
{
  local root reports=(e2e.xml)
  root=$(root_of "$1")
  [ "$kind" = quick ] || reports+=(ctest.xml)
  echo "$(chroot_syslog_ng "$root" || echo -)" "$(/usr/bin/python3 tests/lib/count_tests.py "${reports[@]/#/$root/build/}")"
}

# for_each FUNCTION RELEASE...: all at the same time, output in the logs
for_each()
{
  local function=$1 release
  shift
  for release in "$@"; do
    echo "== $release: $function"
    "$function" "$release" >>"$(log_of "$release")" 2>&1 &
  done
  wait
}

stop_jobs()
{
  local job
  for job in $(jobs -p); do kill -- "-$job"; done
  wait
  exit 1
}

install_packages "${PACKAGES_HOST_OF_MATRIX[@]}" || exit 1
mkdir -p "$CHROOT_CACHE"

set -m # each job is a group of processes
trap stop_jobs INT TERM HUP
for release in "${releases[@]}"; do : >"$(log_of "$release")"; done
for_each prepare "${releases[@]}"
if [ $kind = quick ]; then
  for_each run_tests "${releases[@]}"
else
  for release in "${releases[@]}"; do for_each run_tests "$release"; done # timings matter
fi

passed_in_all=0
failed_in_all=0
table=$(printf '%-10s %-10s %7s %7s' release syslog-ng passed failed)
for release in "${releases[@]}"; do
  read -r version passed failed < <(result_of "$release")
  passed_in_all=$((passed_in_all + passed))
  failed_in_all=$((failed_in_all + failed))
  [ "$failed" -eq 0 ] || { echo "== $release, the end of $(log_of "$release"):"; tail -n 200 "$(log_of "$release")"; }
  table+=$(printf '\n%-10s %-10s %7s %7s' "$release" "$version" "$passed" "$failed")
done
echo "$table"
echo "$passed_in_all passed, $failed_in_all failed"
[ "$failed_in_all" -eq 0 ]
