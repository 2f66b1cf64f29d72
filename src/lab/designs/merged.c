// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * merged.c - a pair and a global lock on every get.
 *
 * Follows the ten commits pushed to tip x86/tdx on 4 Sep 2026 (v6 without its 06/11), so "Handle
 * multiple callers in tdx_pamt_get/put()", v6 05/11 of 25 May 2026, with the page cache of 08/11:
 * the pair is allocated before anything is known of the region, the lock is taken, and if the
 * region turns out to be backed the pair is reset and freed again.
 */
#include "lab/designs/count.h"

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache)
{
	struct counts_locked *m = state;
	region_t region = pfn_to_region(page);
	os_a32_t *count = count_of(&m->counts, region);
	struct page_pair pair;
	os_irq_t flags;
	int error = pair_alloc(state, cache, &pair);

	if (error)
		return error;
	flags = os_spin_lock(&m->lock);
	if (count_inc_not_zero(count)) {
		os_spin_unlock(&m->lock, flags);
		pair_free(state, &pair);
		return 0;
	}
	error = pair_add(state, region, &pair).v ? -OS_EIO : 0;
	if (!error)
		os_store32(count, 1, OS_RELEASE);
	os_spin_unlock(&m->lock, flags);
	if (error)
		pair_free(state, &pair);
	return error;
}

static void put(void *state, tdx_pfn_t page, bool last)
{
	struct counts_locked *m = state;
	region_t region = pfn_to_region(page);
	os_a32_t *count = count_of(&m->counts, region);
	os_irq_t flags = os_spin_lock(&m->lock);
	struct page_pair pair;

	if (count_dec_not_one(count) || pair_remove(state, region, &pair).v) {
		/* More users; or the pair is still there, and stays for good. */
		os_spin_unlock(&m->lock, flags);
		return;
	}
	os_store32(count, 0, OS_RELAXED);
	os_spin_unlock(&m->lock, flags);
	pair_free(state, &pair);
}

static int split_locked(void *state, tdx_pfn_t first, struct tdx_regs *regs,
			struct pamt_cache *cache)
{
	struct counts_locked *m = state;

	return counts_split_under(&m->counts, &m->lock, first, regs, cache);
}

static int split_optimistic(void *state, tdx_pfn_t first, struct tdx_regs *regs,
			    struct pamt_cache *cache)
{
	struct counts_locked *m = state;
	struct tdx_regs call = *regs;
	int error = counts_split_under(&m->counts, NULL, first, regs, cache);

	if (!error || !tdx_status_is((tdx_status_t){ regs->rax }, TDX_OPERAND_BUSY))
		return error;
	*regs = call;
	return counts_split_under(&m->counts, &m->lock, first, regs, cache);
}

/* Counts mean something only to a holder of the lock; while there is one, they are in motion. */
static const char *check(void *state)
{
	return ((struct counts_locked *)state)->lock.word ? NULL : counts_check(state);
}

#define MERGED(name_, summary_, follows_, split_)                                                \
	{                                                                                        \
		.name = name_, .summary = summary_, .follows = follows_,                         \
		.state_bytes = sizeof(struct counts_locked), .begin = counts_begin,              \
		.end = counts_end,                                                               \
		.backing =                                                                       \
			&(const struct vmm_backing){                                             \
				COUNTS_BACKING,                                                  \
				.get = get,                                                      \
				.put = put,                                                      \
				.split = split_,                                                 \
				.merge = counts_refuse_merge,                                    \
			},                                                                       \
		.check = check, .check_end = counts_check_end, .name_of = counts_locked_name_of, \
	}

const struct design design_merged = MERGED(
	"merged", "a pair allocated and a global lock taken on every get, as merged in Linux",
	"tip x86/tdx, 4 Sep 2026; v6 05/11 and 08/11", counts_split);
const struct design design_merged_demote_locked =
	MERGED("merged-demote-locked", "merged, and the lock held around DEMOTE",
	       "Rick Edgecombe, 29 Jun 2026", split_locked);
const struct design design_merged_demote_optimistic = MERGED(
	"merged-demote-optimistic", "merged, and DEMOTE without the lock, under it only after BUSY",
	"an idea of June 2026 for the same", split_optimistic);
