// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pamt_chunk.c - memory for each TDMR's PAMT: one contiguous chunk, inside a CMR, on the TDMR's
 * own node where possible.
 *
 * Every TDMR that a chunk reaches into needs a reserved area for it, unless the chunk touches an
 * area that is there anyway. Chunks are therefore asked for at the top of a CMR, where a hole
 * begins, and the next one comes to lie right below the last. Only where such a place still costs
 * an area in a TDMR that is short of them are all other places tried.
 */
#include "host/plan.h"

/* A place that takes a TDMR beyond its limit is worse than any number of areas elsewhere. */
#define COST_OVERFLOW 1000u
/* Areas that a TDMR may lose to chunks before it is worth searching: half of what it has. */
#define COST_SHORT 2u

/* How many reserved areas a chunk would add. */
static uint32_t place_cost(const struct plan *p, struct span chunk)
{
	const struct pamt_layout *l = p->layout;
	uint32_t at = span_find(p->blocked, p->nr_blocked, chunk.base);
	bool left = at && p->blocked[at - 1].end == chunk.base;
	bool right = p->blocked[at].base == chunk.end;
	uint32_t cost = 0;

	for (uint32_t i = 0; i < l->nr_tdmrs; i++) {
		struct span t = tdmr_span(&l->tdmr[i]);
		uint32_t areas;

		if (t.end <= chunk.base || t.base >= chunk.end)
			continue;
		/* A neighbour counts only if it reaches into this TDMR itself. */
		if ((left && chunk.base > t.base) || (right && chunk.end < t.end))
			continue;
		areas = blocked_count(p, t);
		cost += areas >= p->module->max_reserved       ? COST_OVERFLOW
			: areas >= p->module->max_reserved / 2 ? COST_SHORT
							       : 1;
	}
	return cost;
}

struct place {
	tdx_hpa_t base;
	uint32_t cost;
};

/* Tries one end of a range; keeps the cheaper of what it gets and *best. */
static void try_place(struct plan *p, struct os_range want, struct place *best)
{
	const struct os_services *os = p->os;
	struct place got = { .cost = UINT32_MAX };

	want.low.v = max64(want.low.v, LOW_MEMORY);
	if (want.high.v < want.low.v + want.bytes)
		return;
	got.base = os->alloc_range(os->ctx, &want);
	if (hpa_is_none(got.base))
		return;
	got.cost = place_cost(p, (struct span){ got.base.v, got.base.v + want.bytes });
	if (got.cost < best->cost) {
		struct place worse = *best;

		*best = got;
		got = worse;
	}
	if (!hpa_is_none(got.base))
		os->free_range(os->ctx, got.base, want.bytes);
}

/* The best place on a node (or any), from the highest CMR down, at the top of one if possible. */
static struct place find_place(struct plan *p, uint64_t bytes, uint32_t node)
{
	const struct module_info *m = p->module;
	struct os_range want = { .bytes = bytes, .align = TDX_PAGE_SIZE, .node = node };
	struct place best = { HPA_NONE, UINT32_MAX };

	for (uint32_t try = 0; try < 2; try++)
		for (uint32_t i = m->nr_cmrs; i-- && best.cost >= COST_SHORT;) {
			want.low = hpa(m->cmr[i].base);
			want.high = hpa(m->cmr[i].end);
			want.from_top = !try;
			try_place(p, want, &best);
		}
	return best;
}

int plan_pamt(struct plan *p)
{
	struct pamt_layout *l = p->layout;

	if (blocked_create(p))
		return plan_fail(p, PAMT_STEP_PAMT, -OS_ENOMEM, (struct span){ 0 },
				 "no memory for the list of holes");
	for (uint32_t i = 0; i < l->nr_tdmrs; i++) {
		struct pamt_tdmr *t = &l->tdmr[i];
		uint64_t bytes = tdmr_pamt_bytes(t);
		struct place place = find_place(p, bytes, p->node[i]);

		if (hpa_is_none(place.base))
			place = find_place(p, bytes, OS_ANY_NODE);
		if (hpa_is_none(place.base))
			return plan_fail(p, PAMT_STEP_PAMT, -OS_ENOMEM, tdmr_span(t),
					 "no contiguous memory for the PAMT of this TDMR");
		t->pamt_base = place.base;
		blocked_insert(p, (struct span){ place.base.v, place.base.v + bytes });
	}
	return 0;
}

void plan_free_pamt(struct plan *p)
{
	const struct os_services *os = p->os;
	struct pamt_layout *l = p->layout;

	/* Dirty lines of the module's key must not be written back over what comes next. */
	if (p->configured)
		os->wbinvd_all(os->ctx);
	for (uint32_t i = 0; i < l->nr_tdmrs; i++) {
		struct pamt_tdmr *t = &l->tdmr[i];
		uint64_t bytes = tdmr_pamt_bytes(t);

		if (hpa_is_none(t->pamt_base))
			continue;
		for (uint64_t at = 0; p->configured && at < bytes; at += TDX_2M_SIZE) {
			os->scrub(os->ctx, hpa(t->pamt_base.v + at),
				  min64(bytes - at, TDX_2M_SIZE));
			os_resched();
		}
		os->free_range(os->ctx, t->pamt_base, bytes);
		t->pamt_base = HPA_NONE;
	}
	p->configured = false;
}
