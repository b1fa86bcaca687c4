# SPDX-License-Identifier: GPL-2.0-or-later
# Finds what the module is built with, and says which Debian package lacks.
# Defines the targets syslog_ng and ivykis, and
#   SYSLOG_NG_VERSION, SYSLOG_NG_SERIES (338 for 3.38, 408 for 4.8), SYSLOG_NG_MODULE_DIR,
#   SYSLOG_NG_CTL_DIR, SYSLOG_NG_MERGE_GRAMMAR, FAILOVER_HOST_LAYOUT, FAILOVER_SUPPORTED_VERSIONS

# The versions of syslog-ng that this tree knows, one a row: the version to its patch
# level, its mirrored layout in lib-shim, where it is found.
set(FAILOVER_HOSTS
  3.38.1 host-layout-3.38.h "Debian 12, bookworm"
  4.8.1  host-layout-4.8.h  "Debian 13, trixie"
  4.12.0 host-layout-4.12.h "Debian testing, forky")

function(failover_need found what package)
  if(NOT found)
    message(FATAL_ERROR "${what} not found. On Debian: apt-get install ${package}")
  endif()
endfunction()

find_program(PKG_CONFIG_EXECUTABLE NAMES pkg-config pkgconf)
failover_need("${PKG_CONFIG_EXECUTABLE}" "pkg-config" pkg-config)
find_package(PkgConfig REQUIRED QUIET)

# syslog-ng.pc itself asks for libraries whose own .pc files may be missing
find_package(BISON 3.7.6 QUIET)
failover_need("${BISON_FOUND}" "bison 3.7.6 or newer" bison)
find_package(Python3 QUIET COMPONENTS Interpreter)
failover_need("${Python3_FOUND}" "Python 3" python3)
pkg_check_modules(GLIB2 QUIET glib-2.0)
failover_need("${GLIB2_FOUND}" "GLib" libglib2.0-dev)
pkg_check_modules(OPENSSL QUIET IMPORTED_TARGET openssl)
failover_need("${OPENSSL_FOUND}" "OpenSSL" libssl-dev)
pkg_check_modules(IVYKIS QUIET IMPORTED_TARGET ivykis)
failover_need("${IVYKIS_FOUND}" "ivykis" libivykis-dev)
pkg_check_modules(SYSLOG_NG QUIET IMPORTED_TARGET syslog-ng)
failover_need("${SYSLOG_NG_FOUND}" "the development files of syslog-ng" syslog-ng-dev)

set(FAILOVER_HOST_LAYOUT)
set(FAILOVER_SUPPORTED_VERSIONS)
set(known_hosts)
set(rows "${FAILOVER_HOSTS}")
while(rows)
  list(POP_FRONT rows version layout release)
  list(APPEND FAILOVER_SUPPORTED_VERSIONS "${version}")
  list(APPEND known_hosts "${version} (${release})")
  if(version STREQUAL "${SYSLOG_NG_VERSION}")
    set(FAILOVER_HOST_LAYOUT "${layout}")
  endif()
endwhile()
list(JOIN FAILOVER_SUPPORTED_VERSIONS ", " FAILOVER_SUPPORTED_VERSIONS)
list(JOIN known_hosts ", " known_hosts)
if(NOT FAILOVER_HOST_LAYOUT)
  message(FATAL_ERROR "syslog-ng ${SYSLOG_NG_VERSION} is not supported, this module knows ${known_hosts}. "
          "There: apt-get install syslog-ng-core syslog-ng-dev")
endif()
string(REGEX MATCH "^([0-9]+)\\.([0-9]+)\\." series "${SYSLOG_NG_VERSION}")
math(EXPR SYSLOG_NG_SERIES "${CMAKE_MATCH_1} * 100 + ${CMAKE_MATCH_2}")

# from 4.0 on the headers include json-c's, but Debian's package does not depend on it
if(SYSLOG_NG_VERSION VERSION_GREATER_EQUAL 4)
  pkg_check_modules(JSONC QUIET IMPORTED_TARGET json-c)
  failover_need("${JSONC_FOUND}" "json-c, which the headers of syslog-ng ${SYSLOG_NG_VERSION} include," libjson-c-dev)
  target_link_libraries(PkgConfig::SYSLOG_NG INTERFACE PkgConfig::JSONC)
endif()

pkg_get_variable(SYSLOG_NG_MODULE_DIR syslog-ng moduledir)
pkg_get_variable(syslog_ng_tools_dir syslog-ng toolsdir)
pkg_get_variable(syslog_ng_include_dir syslog-ng includedir)
find_file(SYSLOG_NG_MERGE_GRAMMAR merge-grammar.py PATHS "${syslog_ng_tools_dir}" NO_DEFAULT_PATH)
failover_need("${SYSLOG_NG_MERGE_GRAMMAR}" "merge-grammar.py of syslog-ng" syslog-ng-dev)
pkg_get_variable(syslog_ng_prefix syslog-ng prefix)
find_program(SYSLOG_NG_CTL syslog-ng-ctl PATHS "${syslog_ng_prefix}" PATH_SUFFIXES sbin bin NO_DEFAULT_PATH)
failover_need("${SYSLOG_NG_CTL}" "syslog-ng-ctl" syslog-ng-core)
get_filename_component(SYSLOG_NG_CTL_DIR "${SYSLOG_NG_CTL}" DIRECTORY)
find_path(syslog_ng_headers logwriter.h PATHS ${SYSLOG_NG_INCLUDE_DIRS} NO_DEFAULT_PATH)
failover_need("${syslog_ng_headers}" "the headers of syslog-ng" syslog-ng-dev)

message(STATUS "syslog-ng ${SYSLOG_NG_VERSION}, modules in ${SYSLOG_NG_MODULE_DIR}")
