// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fake_os.c - a range allocator over a list of free spans, first fit from either end.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fake_os.h"

/* Planning needs one primitive of the port; where a port is linked in, its own is taken. */
__attribute__((weak)) void os_resched(void) {}

static bool fails(struct fake_os *f) { return ++f->calls == f->fail_at; }

static void insert(struct fake_os *f, uint32_t at, struct pamt_memory m)
{
	assert(f->nr_free < f->max_free);
	memmove(&f->free[at + 1], &f->free[at], sizeof(m) * (f->nr_free++ - at));
	f->free[at] = m;
}

static hpa_t alloc_range(void *ctx, uint64_t bytes, uint64_t align, hpa_t low, hpa_t high,
			 uint32_t node, bool from_top)
{
	struct fake_os *f = ctx;

	if (fails(f))
		return HPA_NONE;
	for (uint32_t n = 0; n < f->nr_free; n++) {
		uint32_t i = from_top ? f->nr_free - 1 - n : n;
		struct pamt_memory m = f->free[i];
		uint64_t base = m.base.v > low.v ? m.base.v : low.v;
		uint64_t end = m.base.v + m.bytes < high.v ? m.base.v + m.bytes : high.v;
		uint64_t at;

		if ((node != OS_ANY_NODE && node != m.node) || base >= end || end - base < bytes)
			continue;
		at = from_top ? (end - bytes) / align * align : (base + align - 1) / align * align;
		if (at < base || at + bytes > end)
			continue;
		f->free[i].bytes = at - m.base.v;
		insert(f, i + 1,
		       (struct pamt_memory){ hpa(at + bytes), m.base.v + m.bytes - at - bytes,
					     m.node });
		f->ranges_out++;
		return hpa(at);
	}
	return HPA_NONE;
}

static void free_range(void *ctx, hpa_t base, uint64_t bytes)
{
	struct fake_os *f = ctx;

	/* Each allocation split one free span in two; the two stay in the list, empty or not. */
	for (uint32_t i = 0; i + 1 < f->nr_free; i++) {
		struct pamt_memory *m = &f->free[i];

		if (m[0].base.v + m[0].bytes != base.v || m[1].base.v != base.v + bytes)
			continue;
		m[0].bytes += bytes + m[1].bytes;
		memmove(&m[1], &m[2], sizeof(*m) * (f->nr_free - i - 2));
		f->nr_free--;
		f->ranges_out--;
		return;
	}
	assert(!"freed a range that was not allocated");
}

static void *alloc(void *ctx, size_t bytes)
{
	struct fake_os *f = ctx;

	if (fails(f))
		return NULL;
	f->objects_out++;
	return calloc(1, bytes);
}

static void object_free(void *ctx, void *object)
{
	struct fake_os *f = ctx;

	f->objects_out--;
	free(object);
}

void fake_os_create(struct fake_os *f, const struct pamt_memory *memory, uint32_t nr,
		    uint32_t nr_nodes)
{
	memset(f, 0, sizeof(*f));
	f->services.ctx = f;
	f->services.nr_cpus = 1;
	f->services.nr_nodes = nr_nodes;
	f->services.alloc_range = alloc_range;
	f->services.free_range = free_range;
	f->services.alloc = alloc;
	f->services.free = object_free;
	f->max_free = nr + 2 * TDX_MAX_TDMRS;
	f->free = calloc(f->max_free, sizeof(*f->free));
	f->nr_free = nr;
	memcpy(f->free, memory, sizeof(*memory) * nr);
}

void fake_os_destroy(struct fake_os *f) { free(f->free); }
