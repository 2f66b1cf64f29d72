// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trial_module.c - the module of a trial: the model, or softseam with a small TD for each CPU.
 *
 * The TDs have S-EPT pages down to where the run maps: 4K pages in the first GiB of guest
 * addresses, 2M pages in the second, control pages trial in the third. They stay INITIALIZED,
 * where pages may be added and removed without tracking: the run is about PAMT, and one TD per
 * CPU keeps S-EPT locks out of it.
 */
#include <stdio.h>

#include "abi/bare_td.h"
#include "lab/explore/trial_internal.h"
#include "lab/explore/pamt_model.h"
#include "seam/debug.h"

static const struct tdx_cmr seamrr = { .base = UINT64_C(1) << 45, .size = UINT64_C(1) << 25 };

static tdx_status_t softseam_call(void *ctx, uint32_t cpu, struct tdx_regs *regs)
{
	return seam_call(((struct trial *)ctx)->seam, cpu, regs);
}

static bool softseam_owns(void *ctx, tdx_hpa_t page)
{
	struct seam *seam = ((struct trial *)ctx)->seam;
	struct seam_debug_entry entry;

	/* Before bring-up nothing is. */
	if (seam_debug_bitmap(seam, page) > 0)
		return true;
	seam_debug_pamt(seam, page, TDX_2M, &entry);
	if (!entry.present || entry.type == TDX_PT_NDA)
		return false;
	if (entry.type != TDX_PT_PAMT)
		return true;
	seam_debug_pamt(seam, page, TDX_4K, &entry);
	return entry.present && entry.type != TDX_PT_NDA;
}

static void softseam_entry(void *ctx, region_t region, struct lab_entry *entry)
{
	struct seam_debug_entry found;

	seam_debug_pamt(((struct trial *)ctx)->seam, region_to_hpa(region), TDX_2M, &found);
	entry->kind = !found.present || found.type == TDX_PT_NDA ? LAB_FREE
		      : found.type == TDX_PT_PAMT		 ? LAB_NODE
								 : LAB_LARGE;
	entry->count = found.count;
	entry->pair[0] = found.pair[0];
	entry->pair[1] = found.pair[1];
}

/* All 2M entries of the one TDMR, where the host put them: behind the bitmap. */
static bool softseam_is_entry(void *ctx, const void *addr)
{
	struct trial *trial = ctx;
	const char *at = addr;

	return at >= trial->entries && at < trial->entries + trial->entries_bytes;
}

static bool softseam_name_of(void *ctx, const void *addr, char text[64])
{
	struct trial *trial = ctx;
	uint64_t i;

	if (!softseam_is_entry(ctx, addr))
		return false;
	i = (uint64_t)((const char *)addr - trial->entries) / TDX_PAMT_ENTRY_BYTES;
	snprintf(text, 64, "the 2M entry of 0x%llx",
		 (unsigned long long)(TRIAL_RAM + (i << TDX_2M_SHIFT)));
	return true;
}

static const char *softseam_fatal(void *ctx)
{
	struct seam_fatal fatal;

	return seam_is_fatal(((struct trial *)ctx)->seam, &fatal) ? fatal.rule : NULL;
}

static const char *make_softseam(struct trial *trial)
{
	struct seam_config config = { .max_pa = TRIAL_HKID_START + 6,
				      .hkid_bits = 6,
				      .hkid_min = TRIAL_GLOBAL_HKID,
				      .hkid_max = TRIAL_GLOBAL_HKID + TRIAL_NR_HKIDS - 1,
				      .nr_lps = trial->setup.program.nr_cpus,
				      .nr_packages = 1,
				      .cache_blocks = 1,
				      .seamrr = seamrr,
				      .cmr = { { .base = TRIAL_RAM, .size = TRIAL_RAM_BYTES } },
				      .guard = trial->touches };
	const char *why;

	if (seam_create(box_services(trial->box), &config, &trial->seam, &why))
		return why;
	trial->module = (struct lab_module){
		.box = { .ctx = trial, .call = softseam_call, .owns = softseam_owns },
		.entry = softseam_entry,
		.fatal = softseam_fatal,
		.is_entry = softseam_is_entry,
		.name_of = softseam_name_of,
	};
	return NULL;
}

const char *trial_make_module(struct trial *trial)
{
	struct pamt_model *model;
	const char *why = NULL;

	if (trial->setup.module == TRIAL_SOFTSEAM) {
		why = make_softseam(trial);
	} else {
		model = pamt_model_create(box_services(trial->box), hpa_to_region(hpa(TRIAL_RAM)),
					  TRIAL_RAM_BYTES >> TDX_2M_SHIFT);
		if (!model)
			return "no memory";
		pamt_model_module(model, &trial->module);
	}
	if (!why)
		box_set_module(trial->box, &trial->module.box);
	return why;
}

/* ------------------------------------------------------------------------------------------- */
/* TDs                                                                                          */

static tdx_hpa_t control_page(void *ctx)
{
	struct trial *trial = ctx;
	tdx_hpa_t page;

	if (trial->setup.design->backing->alloc_page(trial->backing, OS_ANY_NODE, NULL, &page))
		return HPA_NONE;
	return page;
}

/* As the design under trial makes a call that gives a page away. */
static int make_call(void *ctx, struct tdx_regs *regs, tdx_hpa_t page)
{
	struct trial *trial = ctx;
	const struct vmm_backing *backing = trial->setup.design->backing;
	const struct os_services *os = box_services(trial->box);

	if (backing->call && !hpa_is_none(page))
		return backing->call(trial->backing, hpa_to_pfn(page), regs, NULL);
	return os->seamcall(os->ctx, regs).v ? -OS_EIO : 0;
}

static int add_sept(struct trial *trial, tdx_hpa_t tdr, uint64_t gpa, unsigned int level)
{
	const tdx_hpa_t page = control_page(trial);
	struct tdx_regs regs = {
		.rax = TDX_RAX(TDH_MEM_SEPT_ADD, 0), .rcx = gpa | level, .rdx = tdr.v, .r8 = page.v
	};

	return hpa_is_none(page) ? -1 : make_call(trial, &regs, page);
}

static int add_sept_pages(struct trial *trial, tdx_hpa_t tdr)
{
	int error = add_sept(trial, tdr, 0, 3);

	for (uint64_t gib = 0; gib < 3 && !error; gib++)
		error = add_sept(trial, tdr, gib << TDX_1G_SHIFT, 2);
	for (uint64_t region = 0; region < trial->setup.nr_regions && !error; region++)
		error = add_sept(trial, tdr, region << TDX_2M_SHIFT, 1);
	return error;
}

static const char *make_td(struct trial *trial, struct trial_cpu *cpu)
{
	struct bare_td bare = { .page = control_page,
				.call = make_call,
				.ctx = trial,
				.hkid = (uint16_t)(TRIAL_GLOBAL_HKID + 1 + cpu->cpu) };

	if (bare_td_root(&bare))
		return "a TD cannot be made";
	cpu->tdr = bare.tdr;
	if (seam_debug_force_td(trial->seam, cpu->tdr, TDX_OP_INITIALIZED, 3, false))
		return "a TD cannot be initialised";
	return add_sept_pages(trial, cpu->tdr) ? "a TD has no S-EPT" : NULL;
}

const char *trial_make_tds(struct trial *trial)
{
	const struct os_services *os = box_services(trial->box);
	const struct pamt_tdmr *tdmr = &pamt_layout(trial->host)->tdmr[0];
	tdx_hpa_t entries = hpa(tdmr->pamt_base.v + tdmr->pamt_4k_bytes);
	const char *why = NULL;

	if (trial->setup.module != TRIAL_SOFTSEAM)
		return NULL;
	trial->entries = os->map_module(os->ctx, entries, OS_READ);
	trial->entries_bytes = tdmr->pamt_2m_bytes;
	for (uint32_t i = 0; i < trial->setup.program.nr_cpus && !why; i++)
		why = make_td(trial, &trial->cpu[i]);
	return why;
}
