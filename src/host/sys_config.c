// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_config.c - hands the layout to the module: TDMR_INFO structures in host memory, SYS.CONFIG.
 */
#include "host/step.h"

/*
 * SYS.CONFIG takes an array of addresses, one TDMR_INFO behind each, array and structures at
 * 512-byte boundaries. The array fills the first slot of the first page, structures the slots
 * that follow. The module copies everything, so the pages are needed for the call only.
 */
#define SLOTS_PER_PAGE (TDX_PAGE_SIZE / TDX_INFO_ALIGN)
#define MAX_PAGES      ((1 + TDX_MAX_TDMRS + SLOTS_PER_PAGE - 1) / SLOTS_PER_PAGE)

/* Bits of a status that say which class it is of. */
#define CLASS_MASK UINT64_C(0x0000ff0000000000)

struct info_pages {
	tdx_hpa_t page[MAX_PAGES];
	uint32_t nr;
};

static void free_pages(struct pamt_host *host, struct info_pages *pages)
{
	while (pages->nr)
		host->os->free_pages(host->os->ctx, pages->page[--pages->nr], 0);
}

static int alloc_pages(struct pamt_host *host, struct info_pages *pages)
{
	const struct os_services *os = host->os;
	uint64_t slots = 1 + host->layout.nr_tdmrs;
	uint64_t want = (slots + SLOTS_PER_PAGE - 1) / SLOTS_PER_PAGE;

	for (pages->nr = 0; pages->nr < want; pages->nr++) {
		tdx_hpa_t page = os->alloc_pages(os->ctx, 0, OS_ANY_NODE);

		if (hpa_is_none(page)) {
			free_pages(host, pages);
			return -OS_ENOMEM;
		}
		pages->page[pages->nr] = page;
	}
	return 0;
}

static tdx_hpa_t slot(const struct info_pages *pages, uint32_t i)
{
	return hpa(pages->page[i / SLOTS_PER_PAGE].v + i % SLOTS_PER_PAGE * TDX_INFO_ALIGN);
}

static void write_info(const struct pamt_tdmr *t, struct tdx_tdmr_info *info)
{
	*info = (struct tdx_tdmr_info){
		.base = t->base.v,
		.size = t->bytes,
		.pamt_4k_base = t->pamt_base.v,
		.pamt_4k_size = t->pamt_4k_bytes,
		.pamt_2m_base = t->pamt_base.v + t->pamt_4k_bytes,
		.pamt_2m_size = t->pamt_2m_bytes,
		.pamt_1g_base = t->pamt_base.v + t->pamt_4k_bytes + t->pamt_2m_bytes,
		.pamt_1g_size = t->pamt_1g_bytes,
	};
	for (uint32_t i = 0; i < t->nr_reserved; i++)
		info->reserved[i] = t->reserved[i];
}

/* Statuses about TDMRs say in their lowest byte which one it was. */
static void name_tdmr(struct pamt_host *host, tdx_status_t status)
{
	uint32_t i = tdx_status_detail(status) & 0xff;

	if ((status.v & CLASS_MASK) != (TDX_INVALID_TDMR & CLASS_MASK) ||
	    i >= host->layout.nr_tdmrs)
		return;
	host->error.base = host->layout.tdmr[i].base;
	host->error.bytes = host->layout.tdmr[i].bytes;
}

int step_sys_config(struct pamt_host *host)
{
	const struct os_services *os = host->os;
	const struct pamt_layout *l = &host->layout;
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_CONFIG, 0) };
	struct info_pages pages;
	tdx_status_t status;
	uint64_t *array;

	if (alloc_pages(host, &pages))
		return step_fail(host, PAMT_STEP_SYS_CONFIG, -OS_ENOMEM, tdx_status(0, 0),
				 "no memory for the TDMR_INFO structures");
	array = os->map_host(os->ctx, slot(&pages, 0), OS_WRITE);
	for (uint32_t i = 0; i < l->nr_tdmrs; i++) {
		tdx_hpa_t at = slot(&pages, 1 + i);

		array[i] = at.v;
		write_info(&l->tdmr[i], os->map_host(os->ctx, at, OS_WRITE));
	}
	regs.rcx = slot(&pages, 0).v;
	regs.rdx = l->nr_tdmrs;
	regs.r8 = host->config.global_hkid | (l->dynamic ? TDX_SYS_CONFIG_DYNAMIC_PAMT : 0);
	status = host_call_retry(host, &regs);
	free_pages(host, &pages);
	if (!tdx_status_ok(status)) {
		step_fail(host, PAMT_STEP_SYS_CONFIG, -OS_EIO, status,
			  "the module refuses the configuration");
		name_tdmr(host, status);
		return -OS_EIO;
	}
	/* From here on the PAMT areas are the module's until it is gone. */
	host->sys_config_done = true;
	host->plan.configured = true;
	return 0;
}
