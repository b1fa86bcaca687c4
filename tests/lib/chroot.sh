# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the scripts beside it: clean Debian systems to build and test in.
# Needs root, debootstrap, and a network to make them.
# shellcheck shell=bash
# shellcheck source=tests/lib/releases.sh
. tests/lib/releases.sh

CHROOT_CACHE=$PWD/.cache/chroot # git ignores it; remove it to make them anew

# chroot_release RELEASE: the cached minimal system of a release; prints its folder
chroot_release()
{
  local root=$CHROOT_CACHE/$1
  [ -d "$root" ] || _chroot_new "$root" _chroot_bootstrap "$1" || return 1
  echo "$root"
}

# chroot_with NAME RELEASE PACKAGE...: a copy of that with packages, cached as
# RELEASE-NAME for as long as the list of packages and the release's row in releases.sh
# are the same; prints its folder
chroot_with()
{
  local root=$CHROOT_CACHE/$2-$1
  shift
  if [ "$(cat "$root.packages" 2>/dev/null)" != "$*" ] || ! _chroot_fits_release "$root" "$1"; then
    rm -rf --one-file-system "$root" "$root.packages"
    _chroot_new "$root" _chroot_copy_and_install "$@" || return 1
    echo "$*" > "$root.packages"
  fi
  echo "$root"
}

# chroot_copy RELEASE FOLDER: a fresh one that may be spoiled
chroot_copy()
{
  local base
  base=$(chroot_release "$1") && cp -a --reflink=auto "$base" "$2"
}

# chroot_run FOLDER COMMAND...: in namespaces for mounts and processes that end with
# the command.  The working directory of the script is at /src and cannot be changed.
chroot_run()
{
  local root=$1
  shift
  cp -L /etc/resolv.conf "$root/etc/resolv.conf"
  # No exec: the shell stays and collects the processes that others leave to it.
  # shellcheck disable=SC2016
  unshare --mount --propagation private --pid --fork --kill-child sh -ec '
    root=$1 tree=$2
    shift 2
    mount --bind "$root" "$root" # ip netns exec needs a / that is a mount point
    mount -t proc proc "$root/proc"
    mount -t sysfs sysfs "$root/sys"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs tmpfs "$root/run"
    mkdir -p "$root/src"
    mount --bind "$tree" "$root/src"
    mount -o remount,bind,ro "$root/src"
    cd "$root"
    chroot "$root" env -i HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
      PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
      ${http_proxy:+"http_proxy=$http_proxy"} \
      sh -c "cd /src && \"\$@\"; exit \$?" sh "$@"
    exit $?
  ' sh "$root" "$PWD" "$@" < /dev/null
}

# chroot_apt_install FOLDER PACKAGE...
chroot_apt_install()
{
  local root=$1
  shift
  chroot_run "$root" apt-get -q update &&
    chroot_run "$root" apt-get -q -y --no-install-recommends install "$@" &&
    chroot_run "$root" apt-get clean
}

# chroot_syslog_ng FOLDER: the upstream version of the syslog-ng in there
chroot_syslog_ng()
{
  local version
  # shellcheck disable=SC2016
  version=$(dpkg-query --admindir="$1/var/lib/dpkg" -W -f '${Version}' syslog-ng-core 2> /dev/null) &&
    echo "${version%%-*}"
}

# _chroot_fits_release FOLDER RELEASE
_chroot_fits_release()
{
  local version expected
  expected=$(release_syslog_ng "$2")
  version=$(chroot_syslog_ng "$1") && [ "$version" = "$expected" ] && return
  echo "$2 has syslog-ng ${version:--}, tests/lib/releases.sh says $expected" >&2
  return 1
}

# _chroot_new FOLDER COMMAND...: what COMMAND makes in the folder that it is given
# last is there completely or not at all
_chroot_new()
{
  local root=$1
  shift
  mkdir -p "$CHROOT_CACHE"
  rm -rf --one-file-system "$root.new"
  echo "Making $root ..." >&2
  if ! "$@" "$root.new" > "$root.log" 2>&1; then
    tail -n 30 "$root.log" >&2
    return 1
  fi
  mv "$root.new" "$root"
}

# _chroot_bootstrap RELEASE FOLDER
_chroot_bootstrap()
{
  local release=$1 root=$2 script
  script=/usr/share/debootstrap/scripts/$(release_script "$1") || return 1
  unshare --mount debootstrap --variant=minbase "$release" "$root" "" "$script" || return 1

  # need not survive a power cut
  echo force-unsafe-io > "$root/etc/dpkg/dpkg.cfg.d/unsafe-io"
  # the lists of a testing release are valid for a week, and mirrors may be late
  echo 'Acquire::Check-Valid-Until "false";' > "$root/etc/apt/apt.conf.d/valid-until"
  # an installer writes it, debootstrap does not
  [ -e "$root/etc/hosts" ] || printf '127.0.0.1 localhost\n::1 localhost\n' > "$root/etc/hosts"
  # packages must not start their services
  printf '#!/bin/sh\nexit 101\n' > "$root/usr/sbin/policy-rc.d"
  chmod 755 "$root/usr/sbin/policy-rc.d"
}

# _chroot_copy_and_install RELEASE PACKAGE... FOLDER
_chroot_copy_and_install()
{
  local release=$1 root=${*: -1}
  chroot_copy "$release" "$root" && chroot_apt_install "$root" "${@:2:$#-2}" && _chroot_fits_release "$root" "$release"
}
