/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * count_allocations.h - how often the engine has asked for memory.
 */
#ifndef COUNT_ALLOCATIONS_H_INCLUDED
#define COUNT_ALLOCATIONS_H_INCLUDED

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls of operator new since the start, in this process. */
uint64_t count_allocations(void);

#ifdef __cplusplus
}
#endif

#endif
