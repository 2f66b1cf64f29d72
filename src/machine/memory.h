/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * memory.h - simulated physical memory: any address below 2^52 is valid and reads as zero until
 * it is written; only written 4K pages have backing.
 *
 * Every function but create and destroy may be called by any number of threads at once. An access
 * to a page that another thread zeroes at the same time is a bug of the program that runs on the
 * machine, as it would be on hardware; builds with ASan or TSan report it.
 */
#ifndef PAMT_MACHINE_MEMORY_H
#define PAMT_MACHINE_MEMORY_H

#include <stdint.h>
#include <pamt/os.h>

struct memory;

/* NULL: no memory to be had. */
struct memory *memory_create(void);
void memory_destroy(struct memory *memory);

/*
 * memory_map - the byte at an address, good up to the end of its 4K page and until that page is
 * zeroed. OS_WRITE gives the page backing, and so does OS_FILL, for who writes all of the page
 * before anybody reads of it: what he finds may be anything. OS_READ of a page without backing
 * gives a read-only page of zeros that all such pages share: it does not follow a write that comes
 * later. An address at or above 2^52, and real memory that has run out, stop the program.
 */
void *memory_map(struct memory *memory, tdx_hpa_t at, enum os_access access);

/*
 * memory_zero - zeroes a range (4K multiple): written pages lose their backing, which is used
 * again. Costs time for the pages that were written, not for the size of the range.
 */
void memory_zero(struct memory *memory, tdx_hpa_t base, uint64_t bytes);

/* memory_copy - copies one 4K page; if from was never written, to loses its backing. */
void memory_copy(struct memory *memory, tdx_hpa_t to, tdx_hpa_t from);

/*
 * Bytes of backing in use now, exact while nothing else runs; and the most so far, exact for one
 * thread, else at most 256 KB per thread too high.
 */
uint64_t memory_backed(const struct memory *memory);
uint64_t memory_backed_peak(const struct memory *memory);

#endif
