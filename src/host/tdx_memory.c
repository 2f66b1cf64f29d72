// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * tdx_memory.c - which of the system's memory is TDX memory: usable, above 1 MiB, inside a CMR.
 */
#include "host/plan.h"

#define PA_LIMIT (UINT64_C(1) << TDX_PA_BITS)

void module_info_defaults(struct module_info *module)
{
	*module = (struct module_info){
		.features0 = TDX_FEATURES0_DYNAMIC_PAMT,
		.max_tdmrs = TDX_MAX_TDMRS,
		.max_reserved = TDX_MAX_RESERVED,
		.entry_4k = TDX_PAMT_ENTRY_BYTES,
		.entry_2m = TDX_PAMT_ENTRY_BYTES,
		.entry_1g = TDX_PAMT_ENTRY_BYTES,
		.bitmap_bits = 1,
	};
}

int module_info_set_cmrs(struct module_info *module, const struct tdx_cmr *cmrs, uint32_t nr)
{
	uint64_t last = 0;

	module->nr_cmrs = 0;
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t base = cmrs[i].base, size = cmrs[i].size;

		if (!size)
			continue;
		if (base < last || base > PA_LIMIT || size > PA_LIMIT - base ||
		    (base | size) & (TDX_PAGE_SIZE - 1))
			return -OS_EINVAL;
		last = base + size;
		/* The module joins touching CMRs as well, so a PAMT chunk may lie across. */
		if (module->nr_cmrs && module->cmr[module->nr_cmrs - 1].end == base)
			module->cmr[module->nr_cmrs - 1].end = last;
		else if (module->nr_cmrs == TDX_MAX_CMRS)
			return -OS_EINVAL;
		else
			module->cmr[module->nr_cmrs++] = (struct span){ base, last };
	}
	return module->nr_cmrs ? 0 : -OS_EINVAL;
}

/* What is wrong with the i-th range of the caller's map; NULL if nothing is. */
static const char *range_fault(const struct plan *p, uint32_t i)
{
	const struct pamt_memory *m = &p->config->memory[i];

	if ((m->base.v | m->bytes) & (TDX_PAGE_SIZE - 1) || !m->bytes)
		return "a memory range is not a positive multiple of 4 KiB";
	if (m->base.v > PA_LIMIT || m->bytes > PA_LIMIT - m->base.v)
		return "a memory range lies above the 52-bit address limit";
	if (m->node >= p->os->nr_nodes)
		return "a memory range names a node that does not exist";
	if (i && m->base.v < m[-1].base.v + m[-1].bytes)
		return "memory ranges overlap or are not ascending";
	return NULL;
}

static void add_usable(struct plan *p, uint64_t base, uint64_t end, uint32_t node)
{
	base = max64(base, LOW_MEMORY);
	if (base < end)
		p->memory[p->nr_memory++] = (struct memory_range){ base, end, node };
}

/*
 * The part of a range that CMRs cover. Both lists ascend, so *cmr only ever moves forward and the
 * whole intersection is linear.
 */
static void add_inside_cmrs(struct plan *p, struct memory_range r, uint32_t *cmr)
{
	const struct module_info *m = p->module;

	while (*cmr < m->nr_cmrs && m->cmr[*cmr].end <= r.base)
		(*cmr)++;
	for (uint32_t i = *cmr; i < m->nr_cmrs && m->cmr[i].base < r.end; i++)
		add_usable(p, max64(r.base, m->cmr[i].base), min64(r.end, m->cmr[i].end), r.node);
}

/* TDX memory as the caller's memory map and, unless Linux's way is asked for, the CMRs have it. */
int plan_memory(struct plan *p)
{
	const struct pamt_host_config *c = p->config;
	uint32_t cmr = 0;

	/* A CMR can split a range in two, so there are at most that many more. */
	p->memory = p->os->alloc(p->os->ctx, sizeof(*p->memory) * (c->nr_memory + TDX_MAX_CMRS));
	if (!p->memory)
		return plan_fail(p, PAMT_STEP_MEMORY, -OS_ENOMEM, (struct span){ 0 },
				 "no memory for the memory list");
	for (uint32_t i = 0; i < c->nr_memory; i++) {
		const struct pamt_memory *m = &c->memory[i];
		struct memory_range r = { m->base.v, m->base.v + m->bytes, m->node };
		const char *fault = range_fault(p, i);

		if (fault)
			return plan_fail(p, PAMT_STEP_MEMORY, -OS_EINVAL,
					 (struct span){ r.base, r.end }, fault);
		if (c->holes == PAMT_HOLES_CMR)
			add_inside_cmrs(p, r, &cmr);
		else
			add_usable(p, r.base, r.end, r.node);
	}
	if (!p->nr_memory)
		return plan_fail(p, PAMT_STEP_MEMORY, -OS_EINVAL, (struct span){ 0 },
				 "no usable memory above 1 MiB lies inside a CMR");
	return 0;
}
