/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * backing.h - what the vmm asks of whoever keeps the regions of its TDs' memory backed by pairs.
 *
 * The vmm decides what is mapped where; a backing decides when a pair comes and goes. libpamt is
 * one, vmm_libpamt, and the one that is shipped. Others make the same vmm run the same TDs another
 * way, so that they can be compared.
 *
 * A 4K page that becomes the module's goes this way:
 *
 *   guest memory    take(), get(), call(): AUG or PAGE.ADD
 *   control pages   alloc_page(), call(): MNG.CREATE, ADDCX, VP.CREATE, SEPT.ADD
 *
 * and back: the leaf that frees it, then put() and give(), or free_page(). A design that knows what
 * it needs beforehand does its work in get(); one that waits to be told does it in call(). What the
 * module said when the page was freed, that it was the last one of its region, is handed to put()
 * and free_page() as last.
 *
 * Functions are those of pamt/host.h under the same names, with the same contracts and contexts,
 * where nothing else is said. state is the backing's own. A function that may be NULL is left out
 * where there is nothing to do; libpamt needs none of these.
 */
#ifndef PAMT_VMM_BACKING_H
#define PAMT_VMM_BACKING_H

#include <pamt/host.h>

struct vmm_backing {
	/*
	 * A block of guest memory came from the system, or is about to go back to it. What came as
	 * 2M may go as 512 times 4K. 0 or -errno: then the block goes back at once, without
	 * give(). May sleep. May be NULL.
	 */
	int (*take)(void *state, tdx_pfn_t first, enum tdx_size size);
	void (*give)(void *state, tdx_pfn_t first, enum tdx_size size);

	/* pamt_cache_topup(), pamt_cache_free() */
	int (*topup)(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs);
	void (*cache_free)(void *state, struct pamt_cache *cache);

	int (*alloc_page)(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page);
	void (*free_page)(void *state, tdx_hpa_t page, bool last);

	int (*get)(void *state, tdx_pfn_t page, struct pamt_cache *cache);
	void (*put)(void *state, tdx_pfn_t page, bool last);
	/*
	 * Makes the call that gives page to the module: 0; -OS_EIO with the status in regs->rax;
	 * or another error, if the design gave up before. Any context. NULL: the plain SEAMCALL.
	 */
	int (*call)(void *state, tdx_pfn_t page, struct tdx_regs *regs, struct pamt_cache *cache);

	int (*map_2m)(void *state, tdx_pfn_t first, struct tdx_regs *regs);
	int (*remove_2m)(void *state, tdx_pfn_t first, struct tdx_regs *regs);
	void (*release_2m)(void *state, tdx_pfn_t first); /* may be NULL */
	int (*split)(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache);
	int (*merge)(void *state, tdx_pfn_t first, struct tdx_regs *regs);
};

/* libpamt; state is the struct pamt_host. */
extern const struct vmm_backing vmm_libpamt;

#endif
