// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sparse.c - address space as a sparse array: mapped without access, opened page by page.
 */
#include <stddef.h>
#include <sys/mman.h>
#include <pamt/tdx.h>

#include "port/threads/sparse.h"

void *sparse_create(uint64_t bytes)
{
	void *at = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int sparse_populate(void *array, uint64_t offset, uint64_t bytes)
{
	uint64_t first = offset & ~(TDX_PAGE_SIZE - 1);
	uint64_t end = (offset + bytes + TDX_PAGE_SIZE - 1) & ~(TDX_PAGE_SIZE - 1);

	return mprotect((char *)array + first, end - first, PROT_READ | PROT_WRITE);
}

void sparse_destroy(void *array, uint64_t bytes) { munmap(array, bytes); }
