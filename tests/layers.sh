#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# layers.sh BUILD - the dependency law: what the module exports, what the core
# includes and calls, where differences between versions of syslog-ng stand, and
# that no file stands in a circle.
set -u
build=$1
status=0

complain()
{
  echo "layers: $*" >&2
  status=1
}

exported=$(nm -D --defined-only "$build/libfailover.so" | awk '{ print $3 }' | sort | paste -sd' ')
[ "$exported" = "failover_module_init module_info" ] || complain "the module exports: $exported"

# the compiler's own list of what each object of the core includes
core_objects="$build/modules/failover/CMakeFiles/failover_core.dir"
included=$(ninja -C "$build" -t deps 2>/dev/null | awk '/^[^ ]/ { core = /failover_core/ } core && /^ / { print $1 }')
[ -n "$included" ] || complain "no list of includes of the core"
echo "$included" | grep -E 'syslog-ng/|glib|ivykis|/iv[_.]|evtlog|openssl' \
  && complain "the core includes the headers above"

# sockets, clocks, threads, logs: none of it in the core
undefined=$(find "$core_objects" -name '*.o' -exec nm -u {} + | awk '{ print $2 }' | sort -u)
echo "$undefined" | grep -E '^(socket|connect|getaddrinfo|clock_gettime|time|gettimeofday|pthread_create|poll|epoll_.*|read|write|printf|syslog|g_.*|iv_.*|msg_.*)$' \
  && complain "the core calls the functions above"

# extern "C" definitions and the C ABI: only in abi/
grep -rl 'extern "C"' modules/failover/core && complain 'extern "C" in the core'

# the only files with #if on a version of syslog-ng
grep -rlE '#\s*(if|elif).*(FAILOVER_HOST_SERIES|SYSLOG_NG_VERSION)' --include='*.[ch]' --include='*.ym' \
  lib-shim grammar modules | grep -v '^lib-shim/host/host-version\.[ch]$' && complain "an #if on a version stands in the files above"

# no file stands in a circle of includes
/usr/bin/python3 tests/lib/include_circles.py lib-shim modules || complain "files include each other in a circle, see above"
# what is said while syslog-ng ends must reach somebody
grep -nE '\bmsg_(error|warning|notice|info|verbose) ?\(' -r --include='*.[ch]' lib-shim | grep -v '^lib-shim/host/log\.h:' \
  && complain "the lines above do not go through log.h"

# C++ stays behind the ABI
grep -rlE '#include <(iostream|string|vector)>' lib-shim grammar && complain "C++ in the shim"

[ $status -eq 0 ] && echo "layers: the module exports $exported; the core stands alone"
exit $status
