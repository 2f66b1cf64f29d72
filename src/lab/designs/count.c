// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * count.c - counts per region, the edges between 0 and 1, and what must hold; see count.h.
 */
#include <stdio.h>

#include "lab/designs/count.h"

int counts_begin(void *state)
{
	struct counts *counts = state;
	const struct design_env *env = counts->of.env;

	counts->nr = (env->ram.v + env->ram_bytes) >> TDX_2M_SHIFT;
	counts->count = env->os->sparse_create(env->os->ctx, counts->nr * sizeof(os_a32_t));
	if (!counts->count)
		return -OS_ENOMEM;
	return env->os->sparse_populate(env->os->ctx, counts->count, 0,
					counts->nr * sizeof(os_a32_t));
}

void counts_end(void *state)
{
	struct counts *counts = state;
	const struct os_services *os = counts->of.os;

	os->sparse_destroy(os->ctx, counts->count, counts->nr * sizeof(os_a32_t));
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

/* ------------------------------------------------------------------------------------------- */
/* Edges under a lock                                                                           */

/* 0 to 1. *unused: the pair was not needed after all. */
static int install(struct counts *counts, struct os_spin *lock, region_t region,
		   const struct page_pair *pair, bool *unused)
{
	os_a32_t *count = count_of(counts, region);
	os_irq_t flags = os_spin_lock(lock);
	int error = 0;

	*unused = true;
	/* Once more: another get may have come first. */
	if (!count_inc_not_zero(count)) {
		error = pair_add(counts, region, pair).v ? -OS_EIO : 0;
		/* Release: whoever sees the 1 without the lock sees the pair installed. */
		if (!error)
			os_store32(count, 1, OS_RELEASE);
		*unused = error;
	}
	os_spin_unlock(lock, flags);
	return error;
}

int counts_get(struct counts *counts, struct os_spin *lock, tdx_pfn_t page,
	       struct pamt_cache *cache)
{
	region_t region = pfn_to_region(page);
	struct page_pair pair;
	bool unused;
	int error;

	if (count_inc_not_zero(count_of(counts, region)))
		return 0;
	error = pair_alloc(counts, cache, &pair);
	if (error)
		return error;
	error = install(counts, lock, region, &pair, &unused);
	if (unused)
		pair_free(counts, &pair);
	return error;
}

void counts_put(struct counts *counts, struct os_spin *lock, tdx_pfn_t page)
{
	region_t region = pfn_to_region(page);
	os_a32_t *count = count_of(counts, region);
	struct page_pair pair;
	os_irq_t flags;

	if (count_dec_not_one(count))
		return;
	flags = os_spin_lock(lock);
	if (os_fetch_add32(count, (uint32_t)-1, OS_RELEASE) != 1) {
		/* Somebody came meanwhile. */
		os_spin_unlock(lock, flags);
		return;
	}
	if (pair_remove(counts, region, &pair).v) {
		/* The pair is still there, and stays for good. */
		os_store32(count, 1, OS_RELEASE);
		os_spin_unlock(lock, flags);
		return;
	}
	os_spin_unlock(lock, flags);
	pair_free(counts, &pair);
}

/* ------------------------------------------------------------------------------------------- */
/* What all of them do alike                                                                    */

int counts_topup(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs)
{
	/*
	 * v6 08/11 and 09/11: whatever a fault needs, five pairs, worst case: a pair for each S-EPT
	 * page that may be missing and one for the guest's page. The S-EPT pages themselves come
	 * out of a cache of KVM's, which is filled at the same place.
	 */
	return pair_topup(state, cache, control + 2 * COUNTS_TOPUP_PAIRS);
}

int counts_alloc_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page)
{
	struct counts *counts = state;
	int error = pair_take_page(state, node, cache, page);

	if (error)
		return error;
	error = counts->of.design->backing->get(state, hpa_to_pfn(*page), cache);
	if (error)
		pair_free_page(state, *page);
	return error;
}

void counts_free_page(void *state, tdx_hpa_t page, bool last)
{
	struct counts *counts = state;

	counts->of.design->backing->put(state, hpa_to_pfn(page), last);
	pair_free_page(state, page);
}

int counts_split_under(struct counts *counts, struct os_spin *lock, tdx_pfn_t first,
		       struct tdx_regs *regs, struct pamt_cache *cache)
{
	uint32_t none = 0;
	struct page_pair pair;
	os_irq_t flags = 0;
	int error = pair_alloc(counts, cache, &pair);

	if (error)
		return error;
	regs->r12 = pair.page[0].v;
	regs->r13 = pair.page[1].v;
	if (lock)
		flags = os_spin_lock(lock);
	error = pair_call(counts, first, regs);
	/* Release: the pair came with the call. Nobody else could use the region: it was one page.
	 */
	if (!error)
		os_cas32(count_of(counts, pfn_to_region(first)), &none, TDX_PAGES_PER_2M,
			 OS_RELEASE);
	OS_INVARIANT(none == 0);
	if (lock)
		os_spin_unlock(lock, flags);
	if (error)
		pair_free(counts, &pair);
	return error;
}

int counts_split(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache)
{
	return counts_split_under(state, NULL, first, regs, cache);
}

int counts_refuse_merge(void *state, tdx_pfn_t first, struct tdx_regs *regs) { return -OS_EBUSY; }

/* ------------------------------------------------------------------------------------------- */
/* What must hold                                                                               */

const char *counts_check(void *state)
{
	const struct counts *counts = state;
	const struct lab_module *module = counts->of.env->module;

	for (uint32_t i = 0; i < counts->of.env->nr_regions; i++) {
		region_t region = counts->of.env->region[i];
		struct lab_entry entry;

		/* A look from outside, between two steps: no atomic of os.h. */
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

const char *counts_check_end(void *state)
{
	const struct counts *counts = state;
	const struct lab_module *module = counts->of.env->module;

	for (uint32_t i = 0; i < counts->of.env->nr_regions; i++) {
		region_t region = counts->of.env->region[i];
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
	for (uint32_t i = 0; i < counts->of.env->nr_regions; i++)
		if (addr == count_of(counts, counts->of.env->region[i])) {
			snprintf(text, 64, "the count of region %c", 'A' + i);
			return true;
		}
	return false;
}

bool counts_locked_name_of(void *state, const void *addr, char text[64])
{
	struct counts_locked *locked = state;

	return counts_name_of(&locked->counts, &locked->lock, addr, text);
}
