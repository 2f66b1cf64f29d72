/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * sparse.h - large arrays of which only touched parts cost memory; the same in every user-space
 * port.
 */
#ifndef PAMT_PORT_SPARSE_H
#define PAMT_PORT_SPARSE_H

#include <stdint.h>

/* NULL: no address space. Inaccessible until populated: an entry used too early faults. */
void *sparse_create(uint64_t bytes);
/* Return: 0 or -1. */
int sparse_populate(void *array, uint64_t offset, uint64_t bytes);
void sparse_destroy(void *array, uint64_t bytes);

#endif
