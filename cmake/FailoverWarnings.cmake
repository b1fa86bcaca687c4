# SPDX-License-Identifier: GPL-2.0-or-later
# failover_warnings(target): the warnings that all code of ours is built with.
function(failover_warnings target)
  target_compile_options(${target} PRIVATE -Wall -Wextra
                         $<$<BOOL:${FAILOVER_WERROR}>:-Werror>
                         $<$<COMPILE_LANGUAGE:C>:-Wstrict-prototypes -Wmissing-prototypes>)
endfunction()
