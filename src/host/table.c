// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * table.c - what an address is: TDX memory or not, and the word of its region.
 */
#include "host/region.h"

/* ------------------------------------------------------------------------------------------- */
/* What is TDX memory                                                                           */

/* Are these pages in TDMRs, without a hole between them? */
static bool inside_tdmrs(const struct pamt_layout *l, uint64_t at, uint64_t end)
{
	uint32_t low = 0, high = l->nr_tdmrs;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (tdmr_span(&l->tdmr[middle]).end > at)
			high = middle;
		else
			low = middle + 1;
	}
	for (; low < l->nr_tdmrs && l->tdmr[low].base.v <= at; low++) {
		at = tdmr_span(&l->tdmr[low]).end;
		if (at >= end)
			return true;
	}
	return false;
}

bool pages_are_tdx(const struct pamt_host *host, tdx_pfn_t first, uint64_t nr)
{
	const uint64_t limit = UINT64_C(1) << (TDX_PA_BITS - TDX_PAGE_SHIFT);
	struct span s;

	host_is_given(host);
	if (!nr || first.v >= limit || nr > limit - first.v)
		return false;
	/* Before bring-up there is no metadata, whatever is planned. */
	if (!host->cpu)
		return false;
	s.base = pfn_to_hpa(first).v;
	s.end = s.base + (nr << TDX_PAGE_SHIFT);
	return inside_tdmrs(&host->layout, s.base, s.end) &&
	       !span_overlaps(host->plan.blocked, host->plan.nr_blocked, s);
}

/* ------------------------------------------------------------------------------------------- */
/* The words                                                                                    */

/* All words, or those of the TDMRs with a bit for each of their GiBs. */
static int populate(struct pamt_host *host)
{
	const struct os_services *os = host->os;
	struct region_table *t = &host->table;
	uint64_t done = 0;

	if (t->whole)
		return os->sparse_populate(os->ctx, t->word, 0, t->bytes);
	for (uint32_t i = 0; i < host->layout.nr_tdmrs; i++) {
		struct span s = tdmr_span(&host->layout.tdmr[i]);
		uint64_t first = s.base / REGION_BLOCK_SPAN;
		uint64_t end = align_up(s.end, REGION_BLOCK_SPAN) / REGION_BLOCK_SPAN;

		/* Neighbouring TDMRs meet in a block. */
		first = max64(first * REGION_BLOCK_BYTES, done);
		end *= REGION_BLOCK_BYTES;
		if (first < end && os->sparse_populate(os->ctx, t->word, first, end - first))
			return -OS_ENOMEM;
		done = max64(done, end);
		for (uint64_t gib = s.base >> TDX_1G_SHIFT; gib < s.end >> TDX_1G_SHIFT; gib++)
			t->present[gib / 64] |= UINT64_C(1) << gib % 64;
	}
	return 0;
}

/* Marks the regions within a span of which some part is not TDX memory. */
static void mark_partial(struct pamt_host *host, struct span s)
{
	const struct plan *p = &host->plan;
	uint32_t b = span_find(p->blocked, p->nr_blocked, s.base);

	for (; b < p->nr_blocked && p->blocked[b].base < s.end; b++) {
		uint64_t base = max64(p->blocked[b].base, s.base);
		uint64_t end = min64(p->blocked[b].end, s.end);

		/* Relaxed: nobody else knows the table yet. */
		for (uint64_t r = base >> TDX_2M_SHIFT; r << TDX_2M_SHIFT < end; r++)
			os_store16(&host->table.word[region_place(r)], REGION_PARTIAL, OS_RELAXED);
	}
}

/* TDMRs, and with a whole table what lies between them: memory there is in none. */
static void mark_table(struct pamt_host *host)
{
	struct region_table *t = &host->table;
	uint64_t last = 0;

	for (uint32_t i = 0; i < host->layout.nr_tdmrs; i++) {
		struct span s = tdmr_span(&host->layout.tdmr[i]);

		mark_partial(host, s);
		for (uint64_t r = last >> TDX_2M_SHIFT; t->whole && r < s.base >> TDX_2M_SHIFT; r++)
			os_store16(&t->word[region_place(r)], REGION_PARTIAL, OS_RELAXED);
		last = s.end;
	}
}

int table_create(struct pamt_host *host)
{
	const struct os_services *os = host->os;
	struct region_table *t = &host->table;
	struct span last = tdmr_span(&host->layout.tdmr[host->layout.nr_tdmrs - 1]);
	uint64_t regions = last.end >> TDX_2M_SHIFT;
	int ret;

	t->regions = regions;
	t->bytes = align_up(regions, REGION_BLOCK_WORDS) * REGION_WORD_BYTES;
	t->word = os->sparse_create(os->ctx, t->bytes);
	if (plan_table_is_whole(&host->layout)) {
		t->whole = regions;
	} else {
		t->nr_gib = last.end >> TDX_1G_SHIFT;
		t->present = os->alloc(os->ctx, (t->nr_gib + 63) / 64 * sizeof(*t->present));
	}
	ret = t->word && (t->whole || t->present) ? populate(host) : -OS_ENOMEM;
	if (ret)
		table_destroy(host);
	else
		mark_table(host);
	return ret;
}

void table_destroy(struct pamt_host *host)
{
	const struct os_services *os = host->os;
	struct region_table *t = &host->table;

	if (t->word)
		os->sparse_destroy(os->ctx, t->word, t->bytes);
	if (t->present)
		os->free(os->ctx, t->present);
	*t = (struct region_table){ 0 };
}
