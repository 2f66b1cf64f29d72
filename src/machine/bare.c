// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bare.c - the services of os.h that a module uses, over simulated memory.
 */
#include <stdlib.h>

#include "machine/bare.h"

static tdx_hpa_t strip_key(const struct bare *bare, tdx_hpa_t at)
{
	return hpa(at.v & ~bare->key_mask);
}

static void *bare_map(void *ctx, tdx_hpa_t at, enum os_access access)
{
	struct bare *bare = ctx;

	return memory_map(bare->memory, strip_key(bare, at), access);
}

static void *bare_map_host(void *ctx, tdx_hpa_t at, enum os_access access)
{
	struct bare *bare = ctx;

	if (bare->host_maps)
		bare->host_maps(bare->ctx, strip_key(bare, at), access);
	return bare_map(ctx, at, access);
}

static void bare_zero(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	struct bare *bare = ctx;

	memory_zero(bare->memory, strip_key(bare, base), bytes);
}

static void bare_copy(void *ctx, tdx_hpa_t to, tdx_hpa_t from)
{
	struct bare *bare = ctx;

	memory_copy(bare->memory, strip_key(bare, to), strip_key(bare, from));
}

static void *bare_alloc(void *ctx, size_t bytes) { return calloc(1, bytes); }

static void bare_free(void *ctx, void *object) { free(object); }

/* What a module logs is about broken rules, and those show in its results too. */
static void bare_log(void *ctx, enum os_log_level level, const char *format, ...)
{
	struct bare *bare = ctx;

	/* Relaxed: a count. */
	__atomic_fetch_add(&bare->nr_logged, 1, __ATOMIC_RELAXED);
}

/* 0 of widths that no machine has: that is for the module to say, which comes later. */
static uint64_t key_mask_of(uint32_t max_pa, uint32_t hkid_bits)
{
	if (max_pa >= 64 || hkid_bits > max_pa)
		return 0;
	return ((UINT64_C(1) << hkid_bits) - 1) << (max_pa - hkid_bits);
}

void bare_init(struct bare *bare, struct memory *memory, uint32_t nr_cpus, uint32_t max_pa,
	       uint32_t hkid_bits)
{
	*bare = (struct bare){
		.os = {
			.ctx = bare,
			.nr_cpus = nr_cpus,
			.nr_nodes = 1,
			.alloc = bare_alloc,
			.free = bare_free,
			.map_host = bare_map_host,
			.map_module = bare_map,
			.zero = bare_zero,
			.scrub = bare_zero,
			.copy = bare_copy,
			.log = bare_log,
		},
		.memory = memory,
		.key_mask = key_mask_of(max_pa, hkid_bits),
	};
}
