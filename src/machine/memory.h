/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * memory.h - simulated physical memory: any address below 2^52 is valid and reads as zero until
 * it is written; only written 4K pages have backing.
 */
#ifndef PAMT_MACHINE_MEMORY_H
#define PAMT_MACHINE_MEMORY_H

#include <stdint.h>
#include <pamt/os.h>

struct memory;

struct memory *memory_create(void);
void memory_destroy(struct memory *memory);
/* The byte at an address, good up to the end of its 4K page. OS_READ may give a page of zeros. */
void *memory_map(struct memory *memory, hpa_t at, enum os_access access);
/* Zeroes a range (4K multiple): written pages lose their backing. */
void memory_zero(struct memory *memory, hpa_t base, uint64_t bytes);
/* Bytes of backing in use now, and the most so far. */
uint64_t memory_backed(const struct memory *memory);
uint64_t memory_backed_peak(const struct memory *memory);

#endif
