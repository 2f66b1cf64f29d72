// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fake_os.c - a range allocator over a list of free spans, first fit from either end.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "fake_os.h"

static bool fails(struct fake_os *f) { return ++f->calls == f->fail_at; }

static void insert(struct fake_os *f, uint32_t at, struct pamt_memory m)
{
	assert(f->nr_free < f->max_free);
	memmove(&f->free[at + 1], &f->free[at], sizeof(m) * (f->nr_free++ - at));
	f->free[at] = m;
}

static tdx_hpa_t alloc_range(void *ctx, const struct os_range *range)
{
	const uint64_t bytes = range->bytes, align = range->align;
	struct fake_os *f = ctx;

	if (fails(f))
		return HPA_NONE;
	for (uint32_t n = 0; n < f->nr_free; n++) {
		uint32_t i = range->from_top ? f->nr_free - 1 - n : n;
		struct pamt_memory m = f->free[i];
		uint64_t base = m.base.v > range->low.v ? m.base.v : range->low.v;
		uint64_t end =
			m.base.v + m.bytes < range->high.v ? m.base.v + m.bytes : range->high.v;
		uint64_t at;

		if ((range->node != OS_ANY_NODE && range->node != m.node) || base >= end ||
		    end - base < bytes)
			continue;
		at = range->from_top ? (end - bytes) / align * align
				     : (base + align - 1) / align * align;
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

static void free_range(void *ctx, tdx_hpa_t base, uint64_t bytes)
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

static tdx_hpa_t alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	uint64_t bytes = UINT64_C(4096) << order;

	return alloc_range(ctx, &(struct os_range){ .bytes = bytes,
						    .align = bytes,
						    .low = hpa(1 << 20),
						    .high = hpa(UINT64_C(1) << 52),
						    .node = node });
}

static void free_pages(void *ctx, tdx_hpa_t block, unsigned int order)
{
	free_range(ctx, block, UINT64_C(4096) << order);
}

static void exclude(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	((struct fake_os *)ctx)->excluded += bytes;
}

static void *sparse_create(void *ctx, uint64_t bytes) { return alloc(ctx, bytes); }

static int sparse_populate(void *ctx, void *array, uint64_t offset, uint64_t bytes)
{
	return fails(ctx) ? -OS_ENOMEM : 0;
}

static void sparse_destroy(void *ctx, void *array, uint64_t bytes) { object_free(ctx, array); }

static void *map(void *ctx, tdx_hpa_t at, enum os_access access)
{
	struct fake_os *f = ctx;
	uint64_t page = at.v & ~UINT64_C(4095);
	uint32_t i = 0;

	while (i < f->nr_mapped && f->mapped[i].page != page)
		i++;
	if (i == f->nr_mapped) {
		assert(i < FAKE_PAGES);
		f->mapped[f->nr_mapped].page = page;
		f->mapped[f->nr_mapped++].bytes = calloc(1, 4096);
	}
	return (char *)f->mapped[i].bytes + at.v % 4096;
}

static void scrub(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	((struct fake_os *)ctx)->scrubs += bytes / TDX_PAGE_SIZE;
}
static void wbinvd_all(void *ctx) { ((struct fake_os *)ctx)->wbinvds++; }

static tdx_status_t seamcall(void *ctx, struct tdx_regs *regs)
{
	struct fake_os *f = ctx;

	return f->module(f, regs);
}

static int on_each_cpu(void *ctx, int (*fn)(void *arg), void *arg)
{
	struct fake_os *f = ctx;
	int ret = 0;

	for (uint32_t i = 0; i < f->services.nr_cpus && !ret; i++)
		ret = fn(arg);
	return ret;
}

static int on_each_package(void *ctx, int (*fn)(void *arg), void *arg)
{
	struct fake_os *f = ctx;
	int ret = 0;

	for (uint32_t i = 0; i < f->nr_packages && !ret; i++)
		ret = fn(arg);
	return ret;
}

static void fake_log(void *ctx, enum os_log_level level, const char *format, ...)
{
	((struct fake_os *)ctx)->warnings += level <= OS_LOG_WARN;
}

void fake_os_create(struct fake_os *f, const struct pamt_memory *memory, uint32_t nr,
		    uint32_t nr_nodes)
{
	memset(f, 0, sizeof(*f));
	f->nr_packages = 1;
	f->services = (struct os_services){
		.ctx = f,
		.nr_cpus = 1,
		.nr_nodes = nr_nodes,
		.alloc_pages = alloc_pages,
		.free_pages = free_pages,
		.alloc_range = alloc_range,
		.free_range = free_range,
		.exclude = exclude,
		.alloc = alloc,
		.free = object_free,
		.sparse_create = sparse_create,
		.sparse_populate = sparse_populate,
		.sparse_destroy = sparse_destroy,
		.map_host = map,
		.map_module = map,
		.scrub = scrub,
		.seamcall = seamcall,
		.wbinvd_all = wbinvd_all,
		.on_each_cpu = on_each_cpu,
		.on_each_package = on_each_package,
		.log = fake_log,
	};
	f->max_free = nr + 4 * TDX_MAX_TDMRS;
	f->free = calloc(f->max_free, sizeof(*f->free));
	f->nr_free = nr;
	memcpy(f->free, memory, sizeof(*memory) * nr);
}

void fake_os_destroy(struct fake_os *f)
{
	while (f->nr_mapped)
		free(f->mapped[--f->nr_mapped].bytes);
	free(f->free);
}
