// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * small_guest.c - a minimal TD by plain SEAMCALLs.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/bare_td.h"
#include "small_guest.h"

static void call(const struct guest *g, struct tdx_regs regs)
{
	uint32_t leaf = TDX_RAX_LEAF(regs.rax);
	tdx_status_t status = g->rig->os->seamcall(g->rig->os->ctx, &regs);

	if (!tdx_status_ok(status))
		fail_msg("leaf %u: 0x%llx", leaf, (unsigned long long)status.v);
}

static tdx_hpa_t alloc_page(void *ctx)
{
	struct guest *g = ctx;

	assert_true(g->nr_pages < sizeof(g->page) / sizeof(g->page[0]));
	assert_int_equal(pamt_alloc_page(g->rig->host, OS_ANY_NODE, NULL, &g->page[g->nr_pages]),
			 0);
	return g->page[g->nr_pages++];
}

static int make_call(void *ctx, struct tdx_regs *regs, tdx_hpa_t page)
{
	call(ctx, *regs);
	return 0;
}

void guest_create(struct guest *g, struct rig *rig, uint16_t hkid)
{
	struct bare_td bare = { .page = alloc_page, .call = make_call, .ctx = g, .hkid = hkid };
	const struct os_services *os = rig->os;
	tdx_hpa_t params = os->alloc_pages(os->ctx, 0, OS_ANY_NODE);

	*g = (struct guest){ .rig = rig, .leaf_sept = HPA_NONE };
	bare_td_params(os->map_host(os->ctx, params, OS_WRITE), 1);
	assert_int_equal(bare_td_root(&bare), 0);
	assert_int_equal(bare_td_init(&bare, params), 0);
	os->free_pages(os->ctx, params, 0);
	g->tdr = bare.tdr;
	for (uint32_t i = 0; i < 2; i++)
		call(g, (struct tdx_regs){ .rax = TDH_MEM_SEPT_ADD,
					   .rcx = tdx_gpa_level(gpa(0), 3 - i),
					   .rdx = g->tdr.v,
					   .r8 = alloc_page(g).v });
}

static void reclaim(struct guest *g, tdx_hpa_t page)
{
	call(g, (struct tdx_regs){ .rax = TDH_PHYMEM_PAGE_RECLAIM, .rcx = page.v });
	pamt_free_page(g->rig->host, page);
}

void guest_end(struct guest *g)
{
	call(g, (struct tdx_regs){ .rax = TDH_MNG_VPFLUSHDONE, .rcx = g->tdr.v });
	call(g, (struct tdx_regs){ .rax = TDH_PHYMEM_CACHE_WB });
	call(g, (struct tdx_regs){ .rax = TDH_MNG_KEY_FREEID, .rcx = g->tdr.v });
	if (!hpa_is_none(g->leaf_sept))
		reclaim(g, g->leaf_sept);
	/* The TDR was the first, and goes last. */
	while (g->nr_pages)
		reclaim(g, g->page[--g->nr_pages]);
}

static struct tdx_regs about_2m(const struct guest *g, enum tdx_leaf leaf, uint32_t slot)
{
	return (struct tdx_regs){ .rax = TDX_RAX(leaf, 0),
				  .rcx = tdx_gpa_level(gpa((uint64_t)slot << TDX_2M_SHIFT), TDX_2M),
				  .rdx = g->tdr.v,
				  .r9 = TDX_NULL_PA,
				  .r10 = TDX_NULL_PA,
				  .r11 = TDX_NULL_PA };
}

struct tdx_regs guest_aug_2m(const struct guest *g, uint32_t slot, tdx_pfn_t first)
{
	struct tdx_regs regs = about_2m(g, TDH_MEM_PAGE_AUG, slot);

	regs.r8 = pfn_to_hpa(first).v;
	return regs;
}

struct tdx_regs guest_remove_2m(const struct guest *g, uint32_t slot)
{
	return about_2m(g, TDH_MEM_PAGE_REMOVE, slot);
}

void guest_block_2m(const struct guest *g, uint32_t slot)
{
	call(g, about_2m(g, TDH_MEM_RANGE_BLOCK, slot));
}

struct tdx_regs guest_demote(const struct guest *g, uint32_t slot, tdx_hpa_t sept)
{
	struct tdx_regs regs = about_2m(g, TDH_MEM_PAGE_DEMOTE, slot);

	regs.r8 = sept.v;
	return regs;
}

struct tdx_regs guest_promote(const struct guest *g, uint32_t slot)
{
	return about_2m(g, TDH_MEM_PAGE_PROMOTE, slot);
}
