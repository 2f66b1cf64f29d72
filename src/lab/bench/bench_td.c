// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_td.c - machines and TDs for measurements.
 */
#include <stdio.h>
#include <stdlib.h>

#include "abi/abi.h"
#include "abi/bare_td.h"
#include "lab/bench/bench_td.h"

bool bench_expect(struct bench_machine *machine, const char *what, tdx_status_t status)
{
	char text[ABI_TEXT];

	if (status.v == TDX_SUCCESS)
		return true;
	if (!machine->error[0])
		snprintf(machine->error, sizeof(machine->error), "%s: %s", what,
			 abi_status_text(status, text, sizeof(text)));
	return false;
}

static bool fail(struct bench_machine *machine, const char *what)
{
	if (!machine->error[0])
		snprintf(machine->error, sizeof(machine->error), "%s", what);
	return false;
}

/* ------------------------------------------------------------------------------------------- */
/* The machine                                                                                  */

bool bench_machine_create(struct bench_machine *m, uint64_t bytes, uint32_t cpus, bool dynamic)
{
	struct map_range range = { TDX_1G_SIZE, bytes, 0 };
	struct machine_map map;
	const struct stand_config config = { .map = &map, .dynamic = dynamic };

	map_of_ranges(&map, "bench", &range, 1);
	map.nr_cpus = cpus;
	if (stand_create(&m->stand, &config, m->error, sizeof(m->error)) ||
	    stand_bring_up(&m->stand, m->error, sizeof(m->error)))
		return false;
	m->os = m->stand.os;
	m->seam = threads_seam(m->stand.port);
	m->error[0] = '\0';
	return true;
}

void bench_machine_destroy(struct bench_machine *m) { stand_destroy(&m->stand); }

/* ------------------------------------------------------------------------------------------- */
/* Control pages                                                                                */

static uint64_t region_base(const struct bench_td *td, uint32_t region)
{
	return td->base + region * TDX_2M_SIZE;
}

/* Pairs for the control regions; every page that is not of a pair goes on the stack. */
static bool add_control_regions(struct bench_td *td)
{
	bool dynamic = td->machine->stand.config.dynamic;

	for (uint32_t i = td->nr_control; i--;) {
		uint64_t base = region_base(td, i);

		if (dynamic && !bench_expect(td->machine, "PAMT.ADD of a control region",
					     bench_call(td, TDH_PHYMEM_PAMT_ADD, base | TDX_2M,
							base, base + TDX_PAGE_SIZE)))
			return false;
		for (uint32_t page = TDX_PAGES_PER_2M; page-- > (dynamic ? 2 : 0);)
			td->free_page[td->nr_free++] = base + page * TDX_PAGE_SIZE;
	}
	td->nr_pages = td->nr_free;
	return true;
}

uint64_t bench_td_page(struct bench_td *td)
{
	uint64_t page = td->free_page[--td->nr_free];

	td->used[(page - td->base) / TDX_PAGE_SIZE] = true;
	return page;
}

void bench_td_put_page(struct bench_td *td, uint64_t page)
{
	td->used[(page - td->base) / TDX_PAGE_SIZE] = false;
	td->free_page[td->nr_free++] = page;
}

bool bench_td_add_pair(struct bench_td *td, uint64_t at)
{
	return bench_expect(td->machine, "PAMT.ADD",
			    bench_call(td, TDH_PHYMEM_PAMT_ADD, at | TDX_2M, bench_td_page(td),
				       bench_td_page(td)));
}

bool bench_td_remove_pair(struct bench_td *td, uint64_t at)
{
	struct tdx_regs regs = { .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = at | TDX_2M };

	if (!bench_expect(td->machine, "PAMT.REMOVE", seam_call(td->machine->seam, td->lp, &regs)))
		return false;
	bench_td_put_page(td, regs.rdx);
	bench_td_put_page(td, regs.r8);
	return true;
}

uint64_t bench_td_guest(const struct bench_td *td)
{
	/* Beside, not within, the 1 GiB of the control pages. */
	return td->base + TDX_1G_SIZE;
}

/* ------------------------------------------------------------------------------------------- */
/* Life of a TD                                                                                 */

static tdx_hpa_t control_page(void *ctx) { return hpa(bench_td_page(ctx)); }

static int make_call(void *ctx, struct tdx_regs *regs, tdx_hpa_t page)
{
	const struct abi_leaf *leaf = abi_leaf(TDX_RAX_LEAF(regs->rax), false);
	struct bench_td *td = ctx;

	return !bench_expect(td->machine, leaf->name, seam_call(td->machine->seam, td->lp, regs));
}

static bool build_td(struct bench_td *td)
{
	struct bare_td bare = {
		.page = control_page, .call = make_call, .ctx = td, .hkid = td->hkid
	};
	const struct os_services *os = td->machine->os;
	const tdx_hpa_t params = control_page(td);
	tdx_hpa_t tdvpr;
	bool done;

	bare_td_params(os->map_host(os->ctx, params, OS_WRITE), 1);
	done = !bare_td_root(&bare) && !bare_td_init(&bare, params);
	bench_td_put_page(td, params.v);
	if (!done || bare_td_vcpu(&bare, 0, &tdvpr))
		return false;
	td->tdr = bare.tdr.v;
	td->tdvpr = tdvpr.v;
	return bench_expect(td->machine, "MR.FINALIZE",
			    bench_call(td, TDH_MR_FINALIZE, td->tdr, 0, 0));
}

bool bench_td_create(struct bench_td *td, struct bench_machine *m,
		     const struct bench_td_config *config)
{
	uint32_t pages = config->nr_control * TDX_PAGES_PER_2M;
	tdx_hpa_t base;

	*td = (struct bench_td){
		.machine = m,
		.lp = config->lp,
		.hkid = config->hkid,
		.bytes = TDX_1G_SIZE + config->bytes,
	};
	base = m->os->alloc_range(m->os->ctx, &(struct os_range){ .bytes = td->bytes,
								  .align = TDX_1G_SIZE,
								  .low = hpa(0),
								  .high = hpa(UINT64_MAX),
								  .node = OS_ANY_NODE });
	if (hpa_is_none(base)) {
		td->bytes = 0;
		return fail(m, "no memory for a TD");
	}
	td->base = base.v;
	td->nr_control = config->nr_control;
	td->free_page = calloc(pages, sizeof(*td->free_page));
	td->used = calloc(pages, sizeof(*td->used));
	if (!td->free_page || !td->used)
		return fail(m, "no memory for a TD");
	return add_control_regions(td) && build_td(td);
}

bool bench_td_add_table(struct bench_td *td, uint64_t gpa, unsigned int level)
{
	return bench_expect(
		td->machine, "SEPT.ADD",
		bench_call(td, TDH_MEM_SEPT_ADD, gpa | level, td->tdr, bench_td_page(td)));
}

bool bench_td_end_keys(struct bench_td *td)
{
	struct bench_machine *m = td->machine;

	return bench_expect(m, "VP.FLUSH", bench_call(td, TDH_VP_FLUSH, td->tdvpr, 0, 0)) &&
	       bench_expect(m, "VPFLUSHDONE", bench_call(td, TDH_MNG_VPFLUSHDONE, td->tdr, 0, 0)) &&
	       bench_expect(m, "CACHE.WB", bench_call(td, TDH_PHYMEM_CACHE_WB, 0, 0, 0)) &&
	       bench_expect(m, "KEY.FREEID", bench_call(td, TDH_MNG_KEY_FREEID, td->tdr, 0, 0));
}

/* Everything but the TDR, then the TDR. */
static bool reclaim_control_pages(struct bench_td *td)
{
	uint32_t pages = td->nr_control * TDX_PAGES_PER_2M;

	for (uint32_t i = 0; i < pages; i++) {
		uint64_t page = td->base + i * TDX_PAGE_SIZE;

		if (!td->used[i] || page == td->tdr)
			continue;
		if (!bench_expect(td->machine, "RECLAIM of a control page",
				  bench_call(td, TDH_PHYMEM_PAGE_RECLAIM, page, 0, 0)))
			return false;
	}
	return bench_expect(td->machine, "RECLAIM of the TDR",
			    bench_call(td, TDH_PHYMEM_PAGE_RECLAIM, td->tdr, 0, 0));
}

static void remove_pairs(struct bench_td *td)
{
	for (uint32_t i = 0; td->machine->stand.config.dynamic && i < td->nr_control; i++)
		if (!bench_expect(td->machine, "PAMT.REMOVE of a control region",
				  bench_call(td, TDH_PHYMEM_PAMT_REMOVE,
					     region_base(td, i) | TDX_2M, 0, 0)))
			return;
}

void bench_td_destroy(struct bench_td *td)
{
	struct bench_machine *m = td->machine;

	if (!m)
		return; /* it was never begun */
	/* After an error nobody knows what the module still owns: the memory stays taken. */
	if (!m->error[0] && reclaim_control_pages(td))
		remove_pairs(td);
	if (!m->error[0]) {
		m->os->zero(m->os->ctx, hpa(td->base), td->bytes);
		m->os->free_range(m->os->ctx, hpa(td->base), td->bytes);
	}
	free(td->free_page);
	free(td->used);
}
