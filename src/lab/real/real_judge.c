// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * real_judge.c - services of the OS that take their time, and an account of the pages that pass
 * through them, against which libpamt is judged.
 *
 * The services are the threads port's, with its ctx, so that what is not replaced goes there as it
 * is; the account is found by a variable, as there is one hunt in a process.
 *
 *   taken   alloc_pages() of libpamt's sets it, free_pages() clears it
 *   out     pamt_alloc_page() has handed it out, pamt_free_page() has not come yet
 *   given   it is in a pair that the module has: PAMT.ADD or DEMOTE, until REMOVE or PROMOTE
 *
 * out and given exclude each other, and imply taken. Whoever sets a bit that is set, or clears one
 * that is not, has found something. A bit is changed while the page is surely one's own: after the
 * OS has given it, before the OS gets it back.
 */
#include <string.h>
#include <time.h>

#include "machine/clock.h"
#include "lab/workload/error.h"
#include "lab/real/real_internal.h"

static struct real_hunt *hunt;
/* What each thread does is not to depend on how often a service is called. */
static _Thread_local uint64_t noise;
static _Thread_local uint32_t chunks;

static const struct os_services *under(void) { return hunt->judge.under; }

/* One time in so many, up to so many microseconds. */
static void take_time(uint32_t one_in, uint32_t most_us)
{
	struct timespec t = { 0 };

	if (!noise)
		noise = hunt->seed * 31 + os_cpu() + 1;
	if (real_below(&noise, one_in) || clock_ns() > hunt->deadline_ns)
		return;
	if (real_below(&noise, 2)) {
		real_stand_still(1u << real_below(&noise, 4));
		return;
	}
	t.tv_nsec = real_below(&noise, most_us >> real_below(&noise, 4)) * 1000l;
	nanosleep(&t, NULL);
}

/* The same, in a service during which others do what they like to the pool. */
static void be_away(uint32_t one_in)
{
	os_fetch_add32(&hunt->judge.away, 1, OS_RELAXED);
	take_time(one_in, 3000);
	os_fetch_add32(&hunt->judge.away, -1u, OS_RELAXED);
}

static uint64_t bit_of(tdx_hpa_t page) { return UINT64_C(1) << page.v / TDX_PAGE_SIZE % 64; }

static os_a64_t *word_of(os_a64_t *map, tdx_hpa_t page)
{
	return page.v < REAL_MEMORY_END ? &map[page.v / TDX_PAGE_SIZE / 64] : NULL;
}

/* False: it was so already. Relaxed: of one page, whose owner comes by way of libpamt or the OS. */
static bool mark(os_a64_t *map, tdx_hpa_t page, bool set)
{
	os_a64_t *word = word_of(map, page);
	uint64_t bit = bit_of(page), before;

	if (!word)
		return false;
	before =
		set ? os_fetch_or64(word, bit, OS_RELAXED) : os_fetch_and64(word, ~bit, OS_RELAXED);
	return !(before & bit) == set;
}

static bool is_marked(os_a64_t *map, tdx_hpa_t page)
{
	os_a64_t *word = word_of(map, page);

	return word && os_load64(word, OS_RELAXED) & bit_of(page);
}

static void wrong_if(bool wrong, const char *what, tdx_hpa_t page, const char *how)
{
	if (wrong)
		real_found(hunt, "%s 0x%llx%s", what, (unsigned long long)page.v, how);
}

/* ------------------------------------------------------------------------------------------- */
/* Between the OS and libpamt                                                                   */

static tdx_hpa_t host_alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	tdx_hpa_t block;

	block = under()->alloc_pages(ctx, order, node);
	if (hpa_is_none(block))
		return block;
	for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
		if (!mark(hunt->judge.taken, hpa(block.v + i * TDX_PAGE_SIZE), true))
			real_found(hunt, "page 0x%llx came from the OS while libpamt had it",
				   (unsigned long long)(block.v + i * TDX_PAGE_SIZE));
	os_fetch_add64(&hunt->judge.held, UINT64_C(1) << order, OS_RELAXED);
	chunks++;
	os_fetch_add32(&hunt->judge.growing, 1, OS_RELAXED);
	be_away(2);
	os_fetch_add32(&hunt->judge.growing, -1u, OS_RELAXED);
	return block;
}

uint32_t real_judge_chunks(void) { return chunks; }

static void look_at_freed(tdx_hpa_t page)
{
	wrong_if(is_marked(hunt->judge.out, page), "page", page,
		 " went to the OS while it was a control page");
	wrong_if(is_marked(hunt->judge.given, page), "page", page,
		 " went to the OS while it was the module's, in a pair");
	wrong_if(!mark(hunt->judge.taken, page, false), "page", page,
		 " went to the OS, and libpamt did not have it");
}

static void host_free_pages(void *ctx, tdx_hpa_t block, unsigned int order)
{
	for (uint64_t i = 0; i < UINT64_C(1) << order; i++)
		look_at_freed(hpa(block.v + i * TDX_PAGE_SIZE));
	os_fetch_add64(&hunt->judge.held, -(UINT64_C(1) << order), OS_RELAXED);
	under()->free_pages(ctx, block, order);
	/* The page is somebody else's already, and libpamt not yet through with it. */
	be_away(2);
}

/* Leaves that give a pair to the module, or take one back, and where they have it. */
static const struct pair_leaf {
	enum tdx_leaf leaf;
	bool gives;
	size_t page[2]; /* in struct tdx_regs */
} pair_leaves[] = {
#define PAIR_IN(a, b)                                                      \
	{                                                                  \
		offsetof(struct tdx_regs, a), offsetof(struct tdx_regs, b) \
	}
	{ TDH_PHYMEM_PAMT_ADD, true, PAIR_IN(rdx, r8) },
	{ TDH_PHYMEM_PAMT_REMOVE, false, PAIR_IN(rdx, r8) },
	{ TDH_MEM_PAGE_DEMOTE, true, PAIR_IN(r12, r13) },
	{ TDH_MEM_PAGE_PROMOTE, false, PAIR_IN(r12, r13) },
};

/* Of which leaf's pair it is; NULL: it has none. */
static const struct pair_leaf *pair_leaf(uint32_t leaf)
{
	for (size_t i = 0; i < sizeof(pair_leaves) / sizeof(pair_leaves[0]); i++)
		if ((uint32_t)pair_leaves[i].leaf == leaf)
			return &pair_leaves[i];
	return NULL;
}

static tdx_hpa_t pair_page(const struct pair_leaf *pair, const struct tdx_regs *regs,
			   unsigned int i)
{
	return hpa(*(const uint64_t *)((const char *)regs + pair->page[i]));
}

static void give_to_module(tdx_hpa_t page)
{
	wrong_if(!is_marked(hunt->judge.taken, page), "page", page,
		 " of a pair for the module is not libpamt's");
	wrong_if(is_marked(hunt->judge.out, page), "page", page,
		 " of a pair for the module is a control page");
	wrong_if(!mark(hunt->judge.given, page, true), "page", page,
		 " of a pair for the module is in one already");
}

static void came_back(tdx_hpa_t page)
{
	wrong_if(!mark(hunt->judge.given, page, false), "page", page,
		 " came back from a pair it was not in");
}

static tdx_status_t seamcall(void *ctx, struct tdx_regs *regs)
{
	const struct pair_leaf *pair = pair_leaf(TDX_RAX_LEAF(regs->rax));
	struct tdx_regs in = *regs;
	tdx_status_t status;

	for (unsigned int i = 0; pair && pair->gives && i < 2; i++)
		give_to_module(pair_page(pair, regs, i));
	status = under()->seamcall(ctx, regs);
	for (unsigned int i = 0; pair && i < 2; i++)
		if (!pair->gives && tdx_status_ok(status))
			came_back(pair_page(pair, regs, i));
		else if (pair->gives && !tdx_status_ok(status)) /* not given after all */
			mark(hunt->judge.given, pair_page(pair, &in, i), false);
	take_time(4096, 1000);
	return status;
}

static void *alloc(void *ctx, size_t bytes)
{
	take_time(64, 3000);
	return under()->alloc(ctx, bytes);
}

static void scrub(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	take_time(1024, 1000);
	under()->scrub(ctx, base, bytes);
}

static tdx_hpa_t alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	take_time(256, 3000);
	return under()->alloc_pages(ctx, order, node);
}

/* ------------------------------------------------------------------------------------------- */
/* Between libpamt and the vmm                                                                  */

void real_judge_out(tdx_hpa_t page, bool out)
{
	wrong_if(!is_marked(hunt->judge.taken, page), "control page", page, " is not libpamt's");
	wrong_if(is_marked(hunt->judge.given, page), "control page", page,
		 " is the module's, in a pair");
	wrong_if(!mark(hunt->judge.out, page, out), "control page", page, " was handed out twice");
}

void real_judge_cache(const struct pamt_cache *cache)
{
	for (uint32_t i = 0; i < cache->nr_pages; i++) {
		wrong_if(!is_marked(hunt->judge.taken, cache->page[i]), "page", cache->page[i],
			 " in a cache is not libpamt's");
		wrong_if(is_marked(hunt->judge.out, cache->page[i]), "page", cache->page[i],
			 " in a cache is a control page");
	}
}

static int backing_alloc_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page)
{
	int error = vmm_libpamt.alloc_page(state, node, cache, page);

	if (!error)
		real_judge_out(*page, true);
	else if (error != -OS_ENOMEM)
		real_found(hunt, "pamt_alloc_page() for a TD: %s", error_text(error));
	return error;
}

static void backing_free_page(void *state, tdx_hpa_t page, bool last)
{
	real_judge_out(page, false);
	vmm_libpamt.free_page(state, page, last);
}

static int backing_topup(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs)
{
	int error = vmm_libpamt.topup(state, cache, control, pairs);

	real_judge_cache(cache);
	if (error && error != -OS_ENOMEM)
		real_found(hunt, "pamt_cache_topup() for a TD: %s", error_text(error));
	return error;
}

static int backing_get(void *state, tdx_pfn_t page, struct pamt_cache *cache)
{
	int error = vmm_libpamt.get(state, page, cache);

	if (error && error != -OS_ENOMEM)
		real_found(hunt, "pamt_get() of a TD's page 0x%llx: %s", (unsigned long long)page.v,
			   error_text(error));
	return error;
}

/* -OS_EIO is the module's answer, which the vmm sorts; memory is wholly the TD's. */
static int of_2m(const char *what, tdx_pfn_t first, int error)
{
	if (error && error != -OS_EIO && error != -OS_ENOMEM)
		real_found(hunt, "%s of the TD's page 0x%llx: %s", what,
			   (unsigned long long)first.v, error_text(error));
	return error;
}

static int backing_map_2m(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	return of_2m("pamt_map_2m()", first, vmm_libpamt.map_2m(state, first, regs));
}

static int backing_remove_2m(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	return of_2m("pamt_remove_2m()", first, vmm_libpamt.remove_2m(state, first, regs));
}

static int backing_split(void *state, tdx_pfn_t first, struct tdx_regs *regs,
			 struct pamt_cache *cache)
{
	return of_2m("pamt_split()", first, vmm_libpamt.split(state, first, regs, cache));
}

static int backing_merge(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	return of_2m("pamt_merge()", first, vmm_libpamt.merge(state, first, regs));
}

void real_judge_init(struct real_hunt *of)
{
	struct real_judge *judge = &of->judge;

	hunt = of;
	memset(judge, 0, sizeof(*judge));
	judge->under = of->stand.os;
	judge->os = *judge->under;
	judge->os.seamcall = seamcall;
	judge->os.alloc_pages = alloc_pages;
	judge->os.alloc = alloc;
	judge->os.scrub = scrub;
	judge->host_os = judge->os;
	judge->host_os.alloc_pages = host_alloc_pages;
	judge->host_os.free_pages = host_free_pages;
	judge->backing = vmm_libpamt;
	judge->backing.alloc_page = backing_alloc_page;
	judge->backing.free_page = backing_free_page;
	judge->backing.topup = backing_topup;
	judge->backing.get = backing_get;
	judge->backing.map_2m = backing_map_2m;
	judge->backing.remove_2m = backing_remove_2m;
	judge->backing.split = backing_split;
	judge->backing.merge = backing_merge;
	of->stand.os = &judge->os;
	of->stand.host_os = &judge->host_os;
}
