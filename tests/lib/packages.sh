# SPDX-License-Identifier: GPL-2.0-or-later
# Sourced by the scripts beside it: installs Debian packages, after saying which.
# shellcheck shell=bash disable=SC2034

PACKAGES_BUILD=(cmake ninja-build gcc g++ pkg-config bison python3
                syslog-ng-core syslog-ng-dev libivykis-dev libglib2.0-dev libssl-dev libjson-c-dev)
PACKAGES_DEMO=("${PACKAGES_BUILD[@]}" socat procps)
# log servers that people run; the libraries are those of the rsyslog that rsyslog.sh unpacks
PACKAGES_SERVERS=(haproxy libestr0 libfastjson4 liblognorm5 libyaml-0-2)
# what docs/recipes.md is about
PACKAGES_RECIPES=(syslog-ng-scl syslog-ng-mod-sql syslog-ng-mod-graphite libdbd-pgsql postgresql python3-yaml)
PACKAGES_TEST=("${PACKAGES_DEMO[@]}" "${PACKAGES_SERVERS[@]}" "${PACKAGES_RECIPES[@]}" clang clang-format clang-tidy
               libcriterion-dev python3-pytest python3-pytest-xdist iproute2 nftables openssl valgrind)
# other packages bring it, too
command -v kubectl > /dev/null || PACKAGES_TEST+=(kubernetes-client)
# what tests/matrix.sh needs here, and in the chroots
PACKAGES_HOST_OF_MATRIX=(debootstrap python3)
PACKAGES_MATRIX_QUICK=("${PACKAGES_BUILD[@]}" python3-pytest iproute2 nftables openssl valgrind binutils)
PACKAGES_MATRIX=("${PACKAGES_MATRIX_QUICK[@]}" "${PACKAGES_SERVERS[@]}" "${PACKAGES_RECIPES[@]}" kubernetes-client
                 libcriterion-dev python3-pytest-xdist)

as_root()
{
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages NAME...: what is missing, nothing else
install_packages()
{
  local package missing=()
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0

  echo "About to install with apt-get, and what they depend on: ${missing[*]}"
  case " ${missing[*]} " in
    *" syslog-ng-core "*)
      echo "(syslog-ng-core is Debian's: it takes the place of rsyslog, and where systemd runs its package starts it.)"
      ;;
  esac
  case " ${missing[*]} " in
    *" postgresql "*) echo "(postgresql: its package may start a database server; the tests have their own.)" ;;
  esac
  as_root apt-get update -q
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}"
}
