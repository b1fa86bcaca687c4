#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# matrix.sh [--quick] [RELEASE...] - builds the module in a chroot of each release
# of Debian (bookworm, trixie, forky if none is named) and tests it there against
# that release's stock syslog-ng.  Ends with one table and "N passed, N failed".
#
#   --quick   build, load, the documented examples, one switch, one reload, one return
#
# The chroots stay in .cache/matrix/ for the next time, each with the log of its last run.
# Needs root, and a network to make them.  What is mounted in them, and every
# process in them, ends with this script.
set -u
cd "$(dirname "$0")/.." || exit 1
# shellcheck source=tests/lib/packages.sh
. tests/lib/packages.sh

cache=$PWD/.cache/matrix
quick=
releases=()
for argument in "$@"; do
  case $argument in
    --quick) quick=yes ;;
    bookworm | trixie | forky) releases+=("$argument") ;;
    *)
      echo "usage: tests/matrix.sh [--quick] [bookworm] [trixie] [forky]" >&2
      exit 2
      ;;
  esac
done
[ ${#releases[@]} -gt 0 ] || releases=(bookworm trixie forky)
if [ "$(id -u)" -ne 0 ]; then
  echo "tests/matrix.sh makes chroots: run it as root (sudo tests/matrix.sh)" >&2
  exit 1
fi

# in_chroot RELEASE COMMAND...: in namespaces for mounts and processes that end with
# the command.  The tree is at /src and cannot be changed; /build stays.
in_chroot()
{
  local root=$cache/$1
  shift
  # shellcheck disable=SC2016
  unshare --mount --propagation private --pid --fork --kill-child sh -ec '
    root=$1 tree=$2
    shift 2
    mount --bind "$root" "$root" # ip netns exec needs a / that is a mount point
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    mkdir -p "$root/src" "$root/build"
    mount --bind "$tree" "$root/src"
    mount -o remount,bind,ro "$root/src"
    cd "$root"
    chroot "$root" env PYTHONDONTWRITEBYTECODE=1 sh -c "cd /src; \"\$@\"; exit \$?" sh "$@"
    exit $?
  ' sh "$root" "$PWD" "$@" </dev/null
}

# A chroot that was not finished has another name.
make_chroot()
{
  local release=$1 script=/usr/share/debootstrap/scripts/$1
  [ ! -d "$cache/$release" ] || return 0
  [ -e "$script" ] || script=/usr/share/debootstrap/scripts/sid
  rm -rf --one-file-system "$cache/$release.new"
  mkdir -p "$cache" && debootstrap --variant=minbase "$release" "$cache/$release.new" "" "$script" || return
  # it need not survive a power cut, and nobody reads in it
  printf '%s\n' force-unsafe-io path-exclude=/usr/share/{doc,man,locale}/'*' \
    >"$cache/$release.new/etc/dpkg/dpkg.cfg.d/matrix"
  mv "$cache/$release.new" "$cache/$release"
}

fill_chroot()
{
  local release=$1 packages missing
  if [ -n "$quick" ]; then packages=("${PACKAGES_MATRIX_QUICK[@]}"); else packages=("${PACKAGES_MATRIX[@]}"); fi
  mapfile -t missing < <(comm -13 \
    <(in_chroot "$release" dpkg-query -W -f '${Status} ${Package}\n' | sed -n 's/^install ok installed //p' | sort) \
    <(printf '%s\n' "${packages[@]}" | sort))
  [ ${#missing[@]} -gt 0 ] || return 0
  # the lists of a testing release are valid for a week, and mirrors may be late
  in_chroot "$release" apt-get -q -o Acquire::Check-Valid-Until=false update &&
    in_chroot "$release" env DEBIAN_FRONTEND=noninteractive \
      apt-get -q -y --no-install-recommends install "${missing[@]}"
}

build()
{
  local tests=ON
  [ -z "$quick" ] || tests=OFF
  in_chroot "$1" cmake -S . -B /build -G Ninja -DFAILOVER_WERROR=ON -DFAILOVER_TESTS=$tests &&
    in_chroot "$1" cmake --build /build
}

prepare()
{
  rm -f "$cache/$1"/build/{*.xml,ready}
  make_chroot "$1" && fill_chroot "$1" && build "$1" && : >"$cache/$1/build/ready"
}

run_tests()
{
  local end_to_end=(tests/e2e -n 4)
  [ -e "$cache/$1/build/ready" ] || return # what an earlier run has built is not tested
  if [ -n "$quick" ]; then
    end_to_end=(tests/e2e/test_every_release.py)
  else
    in_chroot "$1" ctest --test-dir /build --output-on-failure --output-junit /build/ctest.xml
  fi
  in_chroot "$1" env FAILOVER_MODULE_DIR=/build FAILOVER_WRONG_LAYOUT_DIR=/build/wrong-layout \
    python3 -m pytest -p no:cacheprovider -q --junit-xml=/build/e2e.xml "${end_to_end[@]}"
}

# What its tests left behind: "version passed failed".
result_of()
{
  local release=$1 version reports=(e2e.xml)
  [ -n "$quick" ] || reports+=(ctest.xml)
  version=$(chroot "$cache/$release" dpkg-query -W -f '${Version}' syslog-ng-core 2>/dev/null) || version=-
  echo "${version%%-*}" "$(/usr/bin/python3 tests/lib/count_tests.py "${reports[@]/#/$cache/$release/build/}")"
}

# for_each FUNCTION RELEASE...: all at the same time, output in .cache/matrix/RELEASE.log
for_each()
{
  local function=$1 release
  shift
  for release in "$@"; do
    echo "== $release: $function"
    "$function" "$release" >>"$cache/$release.log" 2>&1 &
  done
  wait
}

install_packages "${PACKAGES_HOST_OF_MATRIX[@]}" || exit 1
mkdir -p "$cache"

set -m # each job is a group of processes
trap 'for job in $(jobs -p); do kill -- "-$job"; done; wait; exit 1' INT TERM HUP
for release in "${releases[@]}"; do : >"$cache/$release.log"; done
for_each prepare "${releases[@]}"
if [ -n "$quick" ]; then
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
  [ "$failed" -eq 0 ] || { echo "== $release, the end of .cache/matrix/$release.log:"; tail -n 200 "$cache/$release.log"; }
  table+=$(printf '\n%-10s %-10s %7s %7s' "$release" "$version" "$passed" "$failed")
done
echo "$table"
echo "$passed_in_all passed, $failed_in_all failed"
[ "$failed_in_all" -eq 0 ]
