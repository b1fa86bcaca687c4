/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * count_allocations.h - how often the engine has asked for memory, and what if it
 * gets none.
 */
#ifndef COUNT_ALLOCATIONS_H_INCLUDED
#define COUNT_ALLOCATIONS_H_INCLUDED

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Calls of operator new since the start, in this process. */
uint64_t count_allocations(void);

/* The `number`th call from now on fails, once.  0: none does.  True if the one asked
 * for before has failed meanwhile. */
bool fail_allocation(uint64_t number);

#ifdef __cplusplus
}
#endif

#endif
