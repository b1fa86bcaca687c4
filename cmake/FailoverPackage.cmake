# SPDX-License-Identifier: GPL-2.0-or-later
# cpack -G DEB: the Debian package of the module, for the syslog-ng it was built with.
set(package_name syslog-ng-mod-failover)
set(FAILOVER_MAINTAINER "failover developers <failover@example.org>" CACHE STRING
    "who answers for the Debian package, name and address")
set(package_dir "${PROJECT_BINARY_DIR}/package")
set(package_doc_dir "share/doc/${package_name}")

# The same module for another syslog-ng is another package: the one of the newer
# Debian has to be the newer one.  A revision 0 is a package that is not Debian's own.
set(package_release "0+syslogng${SYSLOG_NG_VERSION}")

# SOURCE_DATE_EPOCH makes it the same file each time
string(TIMESTAMP package_date "%a, %d %b %Y %H:%M:%S +0000" UTC)
configure_file("${PROJECT_SOURCE_DIR}/cmake/package/changelog.Debian.in" "${package_dir}/changelog.Debian" @ONLY)
configure_file("${PROJECT_SOURCE_DIR}/CHANGELOG.md" "${package_dir}/changelog" COPYONLY)

find_program(GZIP_EXECUTABLE gzip)
failover_need("${GZIP_EXECUTABLE}" "gzip" gzip)
foreach(changelog changelog changelog.Debian)
  add_custom_command(OUTPUT "${package_dir}/${changelog}.gz"
    COMMAND "${GZIP_EXECUTABLE}" -9nc "${changelog}" > "${changelog}.gz"
    DEPENDS "${package_dir}/${changelog}"
    WORKING_DIRECTORY "${package_dir}"
    VERBATIM)
endforeach()
add_custom_target(package_changelogs ALL
  DEPENDS "${package_dir}/changelog.gz" "${package_dir}/changelog.Debian.gz")

# not part of a plain "cmake --install"
install(FILES
  "${PROJECT_SOURCE_DIR}/README.md"
  "${PROJECT_SOURCE_DIR}/cmake/package/copyright"
  "${package_dir}/changelog.gz"
  "${package_dir}/changelog.Debian.gz"
  DESTINATION "${package_doc_dir}" COMPONENT package EXCLUDE_FROM_ALL)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs" DESTINATION "${package_doc_dir}"
  COMPONENT package EXCLUDE_FROM_ALL
  PATTERN examples EXCLUDE PATTERN "*.1.in" EXCLUDE)
install(DIRECTORY "${PROJECT_SOURCE_DIR}/docs/examples" DESTINATION "${package_doc_dir}"
  COMPONENT package EXCLUDE_FROM_ALL)
# whatever the umask of who builds it
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
  OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)

set(CPACK_GENERATOR DEB)
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_INSTALL_CMAKE_PROJECTS
  "${PROJECT_BINARY_DIR};${PROJECT_NAME};module;/;${PROJECT_BINARY_DIR};${PROJECT_NAME};package;/")
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_NAME "${package_name}")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_CONTACT "${FAILOVER_MAINTAINER}")
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_RELEASE "${package_release}")
set(CPACK_DEBIAN_PACKAGE_SECTION admin)
set(CPACK_DEBIAN_PACKAGE_CONTROL_EXTRA "${PROJECT_SOURCE_DIR}/cmake/package/postinst")
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Enhanced system logging daemon (failover to another log server)")
set(CPACK_DEBIAN_PACKAGE_DESCRIPTION
  "This package provides failover() for the network(), syslog(), tcp() and tcp6()
destinations of syslog-ng: when a log server dies, the messages go to the next.

Under the same name and syntax as the option of syslog-ng itself, this one

 * sends to the next server what the last one has not confirmed
 * notices within seconds that a server is silent
 * returns to the primary server only when that works, TLS included
 * keeps its connection and its place in the list over a reload

A configuration uses it with the line \"@module failover\"; without that line
nothing changes.")

# The module reaches into private structures of one upstream release.  Debian's
# own modules ask for one Debian revision; these structures stay as they are in
# a security or stable update (3.38.1-5+deb12u2), and the module proves them when
# it is loaded.
string(REGEX MATCH "^(.*[^0-9])([0-9]+)$" last_number "${SYSLOG_NG_VERSION}")
math(EXPR next_number "${CMAKE_MATCH_2} + 1")
set(CPACK_DEBIAN_PACKAGE_DEPENDS
  "syslog-ng-core (>= ${SYSLOG_NG_VERSION}), syslog-ng-core (<< ${CMAKE_MATCH_1}${next_number}~)")
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
pkg_get_variable(syslog_ng_libdir syslog-ng libdir)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS "${syslog_ng_libdir}")

include(CPack)
