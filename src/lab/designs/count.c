// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * count.c - counts per region and what must hold of them; see count.h.
 */
#include <stdio.h>

#include "lab/designs/count.h"

int counts_create(const struct design_env *env, struct counts *counts)
{
	counts->env = env;
	counts->os = env->os;
	counts->nr = (env->ram.v + env->ram_bytes) >> TDX_2M_SHIFT;
	counts->count = env->os->sparse_create(env->os->ctx, counts->nr * sizeof(os_a32_t));
	if (!counts->count)
		return -OS_ENOMEM;
	return env->os->sparse_populate(env->os->ctx, counts->count, 0,
					counts->nr * sizeof(os_a32_t));
}

void counts_destroy(struct counts *counts)
{
	counts->os->sparse_destroy(counts->os->ctx, counts->count, counts->nr * sizeof(os_a32_t));
}

const char *counts_check(const struct counts *counts)
{
	for (uint32_t i = 0; i < counts->env->nr_regions; i++) {
		region_t region = counts->env->region[i];
		const struct lab_module *module = counts->env->module;
		struct lab_entry entry;

		if (!counts->count[region.v].v)
			continue;
		module->entry(module->box.ctx, region, &entry);
		if (entry.kind != LAB_NODE)
			return "the count says that the region is backed, and it is not";
		if (counts->count[region.v].v > TDX_PAGES_PER_2M)
			return "the count is beyond 512";
	}
	return NULL;
}

const char *counts_check_end(const struct counts *counts)
{
	for (uint32_t i = 0; i < counts->env->nr_regions; i++) {
		region_t region = counts->env->region[i];
		const struct lab_module *module = counts->env->module;
		struct lab_entry entry;

		module->entry(module->box.ctx, region, &entry);
		if (counts->count[region.v].v)
			return "a count is left over";
		if (entry.kind == LAB_NODE)
			return "a pair is left over";
	}
	return NULL;
}

bool counts_name_of(const struct counts *counts, const void *lock, const void *addr, char text[64])
{
	if (addr == lock) {
		snprintf(text, 64, "the lock");
		return true;
	}
	for (uint32_t i = 0; i < counts->env->nr_regions; i++)
		if (addr == count_of(counts, counts->env->region[i])) {
			snprintf(text, 64, "the count of region %c", 'A' + i);
			return true;
		}
	return false;
}

bool count_inc_not_zero(os_a32_t *count)
{
	uint32_t old = os_load32(count, OS_RELAXED);

	/* Acquire: the pair was installed before the count was raised from 0. */
	while (old)
		if (os_cas32(count, &old, old + 1, OS_ACQUIRE))
			return true;
	return false;
}

bool count_dec_not_one(os_a32_t *count)
{
	uint32_t old = os_load32(count, OS_RELAXED);

	/* Release: what this user did with its page comes before a REMOVE by the last one. */
	while (old != 1)
		if (os_cas32(count, &old, old - 1, OS_RELEASE))
			return true;
	return false;
}
