// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * reserved.c - the blocked list (plan.h), and the reserved areas of TDMRs out of it.
 *
 * The module takes at most 16 reserved areas per TDMR. Where a TDMR has more blocked spans than
 * that, the fragments between them that hold the least usable memory are blocked as well: each
 * one given up joins two areas into one. What is lost is counted and kept in a list, for the OS
 * to take it out of its allocator.
 */
#include "host/plan.h"

/*
 * Index of the first span that ends above `at`. There is one for every address: the last span of
 * the blocked list goes on to the end of the address space.
 */
uint32_t span_find(const struct span *spans, uint32_t nr, uint64_t at)
{
	uint32_t low = 0;

	while (nr > low) {
		uint32_t middle = low + (nr - low) / 2;

		if (spans[middle].end > at)
			nr = middle;
		else
			low = middle + 1;
	}
	return low;
}

bool span_overlaps(const struct span *spans, uint32_t nr, struct span with)
{
	uint32_t i = span_find(spans, nr, with.base);

	return spans[i].base < with.end;
}

/* Blocks what lies between the end of the last hole and `base`. */
static void add_hole(struct plan *p, uint64_t *last, struct span memory)
{
	if (memory.base > *last)
		p->blocked[p->nr_blocked++] = (struct span){ *last, memory.base };
	*last = memory.end;
}

/* The list as it is before any PAMT: everything but the CMRs, or but the usable ranges. */
int blocked_create(struct plan *p)
{
	uint32_t holes = max64(p->nr_memory, p->module->nr_cmrs) + 1;
	uint64_t last = 0;

	/* Each PAMT chunk adds at most one span. */
	p->max_blocked = holes + TDX_MAX_TDMRS;
	p->blocked = p->os->alloc(p->os->ctx, sizeof(*p->blocked) * p->max_blocked);
	if (!p->blocked)
		return -OS_ENOMEM;
	p->nr_blocked = 0;
	if (p->config->holes == PAMT_HOLES_CMR) {
		for (uint32_t i = 0; i < p->module->nr_cmrs; i++)
			add_hole(p, &last, p->module->cmr[i]);
	} else {
		for (uint32_t i = 0; i < p->nr_memory; i++)
			add_hole(p, &last, (struct span){ p->memory[i].base, p->memory[i].end });
	}
	add_hole(p, &last, (struct span){ UINT64_MAX, UINT64_MAX });
	return 0;
}

/* Adds a span that overlaps none of the list, joined with those it touches. */
void blocked_insert(struct plan *p, struct span added)
{
	struct span *b = p->blocked;
	uint32_t i = span_find(b, p->nr_blocked, added.base);
	bool left = i && b[i - 1].end == added.base;
	bool right = b[i].base == added.end;

	if (left && right) {
		b[i - 1].end = b[i].end;
		p->nr_blocked--;
		for (; i < p->nr_blocked; i++)
			b[i] = b[i + 1];
	} else if (left) {
		b[i - 1].end = added.end;
	} else if (right) {
		b[i].base = added.base;
	} else {
		for (uint32_t j = p->nr_blocked++; j > i; j--)
			b[j] = b[j - 1];
		b[i] = added;
	}
}

/* Blocked spans that reach into `within`: as a TDMR's reserved areas they would be that many. */
uint32_t blocked_count(const struct plan *p, struct span within)
{
	uint32_t first = span_find(p->blocked, p->nr_blocked, within.base);
	uint32_t end = first;

	while (end < p->nr_blocked && p->blocked[end].base < within.end)
		end++;
	return end - first;
}

/* Usable bytes in a span. */
static uint64_t usable_bytes(const struct plan *p, struct span s)
{
	uint32_t low = 0, high = p->nr_memory;
	uint64_t bytes = 0;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (p->memory[middle].end > s.base)
			high = middle;
		else
			low = middle + 1;
	}
	for (; low < p->nr_memory && p->memory[low].base < s.end; low++)
		bytes += min64(p->memory[low].end, s.end) - max64(p->memory[low].base, s.base);
	return bytes;
}

/* Joins blocked[i] and blocked[i + 1] over the fragment between them. */
static void give_up(struct plan *p, uint32_t i, uint64_t usable)
{
	struct span gap = { p->blocked[i].end, p->blocked[i + 1].base };

	p->given_up[p->nr_given_up++] = gap;
	p->layout->given_up_bytes += usable;
	p->blocked[i].end = p->blocked[i + 1].end;
	p->nr_blocked--;
	for (i++; i < p->nr_blocked; i++)
		p->blocked[i] = p->blocked[i + 1];
}

/* Gives up fragments of one TDMR, the least usable memory first, until its areas are few enough. */
static void fit_areas(struct plan *p, struct span tdmr, uint32_t count)
{
	for (; count > p->module->max_reserved; count--) {
		uint32_t first = span_find(p->blocked, p->nr_blocked, tdmr.base), least = first;
		uint64_t least_usable = UINT64_MAX;

		for (uint32_t i = first; i < first + count - 1; i++) {
			struct span gap = { p->blocked[i].end, p->blocked[i + 1].base };
			uint64_t usable = usable_bytes(p, gap);

			if (usable < least_usable) {
				least_usable = usable;
				least = i;
			}
		}
		give_up(p, least, least_usable);
	}
}

static void emit_areas(const struct plan *p, struct pamt_tdmr *t)
{
	struct span s = tdmr_span(t);
	uint32_t i = span_find(p->blocked, p->nr_blocked, s.base);

	for (t->nr_reserved = 0; i < p->nr_blocked && p->blocked[i].base < s.end; i++) {
		uint64_t base = max64(p->blocked[i].base, s.base);

		t->reserved[t->nr_reserved++] = (struct tdx_reserved_area){
			.offset = base - s.base, .size = min64(p->blocked[i].end, s.end) - base
		};
	}
}

/*
 * Linux does not look at CMRs: memory outside them stays in its TDMR and is in no reserved area,
 * and SYS.CONFIG refuses that. Fails with the first such range.
 */
static int find_outside_cmrs(struct plan *p)
{
	const struct module_info *m = p->module;
	uint32_t cmr = 0;

	for (uint32_t i = 0; i < p->nr_memory; i++) {
		struct span s = { p->memory[i].base, p->memory[i].end };

		while (cmr < m->nr_cmrs && m->cmr[cmr].end <= s.base)
			cmr++;
		if (cmr == m->nr_cmrs || m->cmr[cmr].base > s.base || m->cmr[cmr].end < s.end)
			return plan_fail(p, PAMT_STEP_MEMORY, -OS_ENOSPC, s,
					 "lies outside the CMRs: TDH.SYS.CONFIG refuses it "
					 "(TDMR_OUTSIDE_CMRS)");
	}
	return 0;
}

int plan_reserved(struct plan *p)
{
	bool as_linux = p->config->holes == PAMT_HOLES_USABLE;
	struct pamt_layout *l = p->layout;

	p->given_up = p->os->alloc(p->os->ctx, sizeof(*p->given_up) * p->nr_blocked);
	if (!p->given_up)
		return plan_fail(p, PAMT_STEP_RESERVED, -OS_ENOMEM, (struct span){ 0 },
				 "no memory for the list of reserved areas");
	for (uint32_t i = 0; i < l->nr_tdmrs; i++) {
		struct span s = tdmr_span(&l->tdmr[i]);
		uint32_t count = blocked_count(p, s);

		if (as_linux && count > p->module->max_reserved)
			return plan_fail(p, PAMT_STEP_RESERVED, -OS_ENOSPC, s,
					 "reserved areas exhausted");
		fit_areas(p, s, count);
	}
	for (uint32_t i = 0; i < l->nr_tdmrs; i++) {
		emit_areas(p, &l->tdmr[i]);
		l->reserved_max = max64(l->reserved_max, l->tdmr[i].nr_reserved);
	}
	return as_linux ? find_outside_cmrs(p) : 0;
}
