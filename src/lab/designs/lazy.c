// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lazy.c - a pair is added when the module says that it is missing, and removed when it hints that
 * nobody uses it: no counts, no lock, the module keeps the books.
 *
 * Follows Kirill Shutemov's first attempt, which he describes in the discussion of the RFC of
 * May 2025 and of v2, with the answer that Dave Hansen raised and that was turned down: try again
 * while an operand is BUSY. What was held against it:
 *
 *   - nothing keeps PAMT.ADD and PAMT.REMOVE from those who use the region at the time: the module
 *     answers BUSY, to both sides, and nobody can say how often;
 *   - the module's count knows of pages that are mapped, not of pages that are about to be. One
 *     CPU is told by ADD that the pair is there already; another takes the region's last page
 *     away, gets the hint and removes the pair; and the first one's AUG fails.
 *
 * After one ADD the call is made once more, as the attempt did, and what it answers then is final.
 */
#include "lab/designs/page_pair.h"

/* BUSY is tried again so often; a removal that gives up leaves the pair where it is. */
#define LAZY_TRIES 1000u

/* ------------------------------------------------------------------------------------------- */
/* A pair comes and goes                                                                        */

static int install(void *state, region_t region, struct pamt_cache *cache)
{
	tdx_status_t status = { TDX_OPERAND_BUSY };
	struct page_pair pair;
	int error = pair_alloc(state, cache, &pair);

	if (error)
		return error;
	for (uint32_t i = 0; i < LAZY_TRIES && tdx_status_is(status, TDX_OPERAND_BUSY); i++) {
		status = pair_add(state, region, &pair);
		if (!status.v)
			return 0;
		os_relax();
	}
	pair_free(state, &pair);
	/* Somebody was faster: that is as good, unless the region is one large page. */
	if (tdx_status_is(status, TDX_HPA_RANGE_NOT_FREE))
		return 0;
	return tdx_status_is(status, TDX_OPERAND_BUSY) ? -OS_EAGAIN : -OS_EIO;
}

static void uninstall(void *state, region_t region)
{
	tdx_status_t status = { TDX_OPERAND_BUSY };
	struct page_pair pair;

	/* Other answers: somebody has a page there by now, or was told as well and was faster. */
	for (uint32_t i = 0; i < LAZY_TRIES && tdx_status_is(status, TDX_OPERAND_BUSY); i++) {
		status = pair_remove(state, region, &pair);
		if (!status.v) {
			pair_free(state, &pair);
			return;
		}
		os_relax();
	}
}

/* Until it is not BUSY: somebody may be adding the pair, or removing it. */
static int call_while_busy(void *state, tdx_pfn_t page, struct tdx_regs *regs)
{
	struct tdx_regs in = *regs;
	int error = pair_call(state, page, regs);

	for (uint32_t i = 0; i < LAZY_TRIES && error; i++) {
		if (!tdx_status_is((tdx_status_t){ regs->rax }, TDX_OPERAND_BUSY))
			break;
		os_relax();
		*regs = in;
		error = pair_call(state, page, regs);
	}
	return error;
}

static int call(void *state, tdx_pfn_t page, struct tdx_regs *regs, struct pamt_cache *cache)
{
	struct tdx_regs in = *regs;
	int error = call_while_busy(state, page, regs);

	if (!error || !tdx_status_is((tdx_status_t){ regs->rax }, TDX_MISSING_PAMT_PAGE_PAIR))
		return error;
	error = install(state, pfn_to_region(page), cache);
	if (error)
		return error;
	*regs = in;
	return call_while_busy(state, page, regs);
}

/* ------------------------------------------------------------------------------------------- */
/* The table                                                                                    */

/* A pair for each page that the module may find without one. */
static int topup(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs)
{
	return pair_topup(state, cache, 3 * control + 2 * pairs);
}

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache) { return 0; }

static void put(void *state, tdx_pfn_t page, bool last)
{
	if (last)
		uninstall(state, pfn_to_region(page));
}

static void free_page(void *state, tdx_hpa_t page, bool last)
{
	put(state, hpa_to_pfn(page), last);
	pair_free_page(state, page);
}

/* A pair may be in the way that a removal left behind. */
static int map_2m(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	struct tdx_regs in = *regs;

	if (!pair_call(state, first, regs))
		return 0;
	if (!tdx_status_is((tdx_status_t){ regs->rax }, TDX_PAGE_METADATA_INCORRECT))
		return -OS_EIO;
	uninstall(state, pfn_to_region(first));
	*regs = in;
	return pair_call(state, first, regs);
}

/*
 * The pair of the page that is split has to be given at once; what the module can miss is that of
 * the new S-EPT page.
 */
static int split(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache)
{
	struct page_pair pair;
	int error = pair_alloc(state, cache, &pair);

	if (error)
		return error;
	regs->r12 = pair.page[0].v;
	regs->r13 = pair.page[1].v;
	error = call(state, hpa_to_pfn(hpa(regs->r8)), regs, cache);
	if (error)
		pair_free(state, &pair);
	return error;
}

static int merge(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	struct page_pair pair;
	int error = pair_call(state, first, regs);

	if (error)
		return error;
	pair = (struct page_pair){ { hpa(regs->r12), hpa(regs->r13) } };
	pair_free(state, &pair);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

/* It promises nothing between two steps. */
static const char *check(void *state) { return NULL; }

static const char *check_end(void *state)
{
	const struct design_env *env = ((struct design_state *)state)->env;

	for (uint32_t i = 0; i < env->nr_regions; i++) {
		struct lab_entry entry;

		env->module->entry(env->module->box.ctx, env->region[i], &entry);
		if (entry.kind == LAB_NODE)
			return "a pair is left over";
	}
	return NULL;
}

static const struct vmm_backing backing = {
	.topup = topup,
	.cache_free = pair_cache_free,
	.alloc_page = pair_take_page,
	.free_page = free_page,
	.get = get,
	.put = put,
	.call = call,
	.map_2m = map_2m,
	.remove_2m = pair_call,
	.split = split,
	.merge = merge,
};

const struct design design_lazy = {
	.name = "lazy",
	.summary = "ADD when the module misses a pair, REMOVE when it hints, BUSY tried again",
	.follows = "Kirill Shutemov's first attempt, discussed on the RFC, May 2025, and on v2",
	.asks_module = true,
	.state_bytes = sizeof(struct design_state),
	.backing = &backing,
	.check = check,
	.check_end = check_end,
};
