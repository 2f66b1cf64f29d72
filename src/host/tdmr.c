// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * tdmr.c - TDX memory to TDMRs: 1 GiB blocks, at most as many as the module takes.
 *
 * Each range is rounded out to 1 GiB. A range inside the current TDMR adds nothing; one that
 * starts inside begins at its end. TDMRs that touch stay separate, which keeps each PAMT chunk
 * small and on its own node; neighbours are joined only when the module's limit would be passed.
 * Linux never joins them: asked for its way, a plan of too many fails as Linux's bring-up does.
 */
#include "host/plan.h"

struct draft {
	uint64_t base, end;
	uint32_t node;
};

static uint32_t draft_tdmrs(const struct plan *p, struct draft *d)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < p->nr_memory; i++) {
		uint64_t base = align_down(p->memory[i].base, TDX_1G_SIZE);
		uint64_t end = align_up(p->memory[i].end, TDX_1G_SIZE);

		if (n)
			base = max64(base, d[n - 1].end);
		if (base < end)
			d[n++] = (struct draft){ base, end, p->memory[i].node };
	}
	return n;
}

/*
 * What it costs to join two neighbours: PAMT for the gap between them, then, at the same gap,
 * one of the two losing its local PAMT.
 */
static uint64_t join_cost(const struct draft *left, const struct draft *right)
{
	return (right->base - left->end) * 2 + (left->node != right->node);
}

/* The keep-th largest of the costs of n-1 borders, and how many are larger still. */
static uint64_t border_threshold(const struct draft *d, uint32_t n, uint32_t keep, uint32_t *larger)
{
	uint64_t top[TDX_MAX_TDMRS]; /* descending */
	uint32_t have = 0;

	for (uint32_t i = 1; i < n; i++) {
		uint64_t cost = join_cost(&d[i - 1], &d[i]);
		uint32_t at = have;

		if (have == keep && cost <= top[keep - 1])
			continue;
		if (have == keep)
			at--;
		else
			have++;
		for (; at && top[at - 1] < cost; at--)
			top[at] = top[at - 1];
		top[at] = cost;
	}
	for (*larger = 0; top[*larger] > top[keep - 1];)
		(*larger)++;
	return top[keep - 1];
}

/*
 * Joins the cheapest neighbours until `limit` TDMRs are left: the limit-1 dearest borders stay.
 * Of borders that cost the same, those that stay are spread evenly, so that no TDMR becomes so
 * large that its PAMT chunk cannot be had in one piece.
 */
static uint32_t join_tdmrs(struct draft *d, uint32_t n, uint32_t limit)
{
	uint32_t larger = 0, ties = 0, tie = 0, out = 0;
	uint64_t threshold = UINT64_MAX; /* dearer than any border: all are joined */

	if (limit > 1)
		threshold = border_threshold(d, n, limit - 1, &larger);
	for (uint32_t i = 1; i < n; i++)
		ties += join_cost(&d[i - 1], &d[i]) == threshold;
	for (uint32_t i = 1; i < n; i++) {
		uint64_t cost = join_cost(&d[i - 1], &d[i]);
		bool stays = cost > threshold;

		if (cost == threshold) {
			uint64_t room = limit - 1 - larger;

			stays = (tie + 1) * room / ties != tie * room / ties;
			tie++;
		}
		if (stays) {
			d[++out] = d[i];
			continue;
		}
		/* The larger part decides the node. */
		if (d[i].end - d[i].base > d[out].end - d[out].base)
			d[out].node = d[i].node;
		d[out].end = d[i].end;
	}
	return out + 1;
}

/* Sizes of the three levels of one TDMR's PAMT, each rounded up to whole pages. */
static void size_pamt(struct pamt_tdmr *t, const struct module_info *m, bool dynamic)
{
	uint64_t pages = t->bytes >> TDX_PAGE_SHIFT;
	uint64_t level_4k = dynamic ? (pages * m->bitmap_bits + 7) / 8 : pages * m->entry_4k;

	t->pamt_4k_bytes = align_up(level_4k, TDX_PAGE_SIZE);
	t->pamt_2m_bytes = align_up((t->bytes >> TDX_2M_SHIFT) * m->entry_2m, TDX_PAGE_SIZE);
	t->pamt_1g_bytes = align_up((t->bytes >> TDX_1G_SHIFT) * m->entry_1g, TDX_PAGE_SIZE);
}

/* Bytes of words from address 0 to the end of the last TDMR, in whole blocks. */
static uint64_t whole_table(const struct pamt_layout *l)
{
	uint64_t end = tdmr_span(&l->tdmr[l->nr_tdmrs - 1]).end;

	return align_up(end, REGION_BLOCK_SPAN) / REGION_BLOCK_SPAN * REGION_BLOCK_BYTES;
}

/* The same for the TDMRs alone, each block counted once. */
static uint64_t least_table(const struct pamt_layout *l)
{
	uint64_t blocks = 0, done = 0;

	for (uint32_t i = 0; i < l->nr_tdmrs; i++) {
		struct span s = tdmr_span(&l->tdmr[i]);
		uint64_t first = max64(s.base / REGION_BLOCK_SPAN, done);

		done = align_up(s.end, REGION_BLOCK_SPAN) / REGION_BLOCK_SPAN;
		blocks += done - first;
	}
	return blocks * REGION_BLOCK_BYTES;
}

bool plan_table_is_whole(const struct pamt_layout *l)
{
	return whole_table(l) <= least_table(l) + least_table(l) / 16;
}

static uint64_t table_bytes(const struct pamt_layout *l)
{
	return plan_table_is_whole(l) ? whole_table(l) : least_table(l);
}

int plan_tdmrs(struct plan *p)
{
	const struct os_services *os = p->os;
	struct pamt_layout *l = p->layout;
	struct draft *d = os->alloc(os->ctx, sizeof(*d) * p->nr_memory);
	uint32_t n;

	if (!d)
		return plan_fail(p, PAMT_STEP_TDMRS, -OS_ENOMEM, (struct span){ 0 },
				 "no memory for the list of TDMRs");
	n = draft_tdmrs(p, d);
	if (n > p->module->max_tdmrs && p->config->holes == PAMT_HOLES_USABLE) {
		struct span first_too_many = { d[p->module->max_tdmrs].base,
					       d[p->module->max_tdmrs].end };

		os->free(os->ctx, d);
		return plan_fail(p, PAMT_STEP_TDMRS, -OS_ENOSPC, first_too_many, "TDMRs exhausted");
	}
	if (n > p->module->max_tdmrs)
		n = join_tdmrs(d, n, p->module->max_tdmrs);
	for (uint32_t i = 0; i < n; i++) {
		l->tdmr[i] = (struct pamt_tdmr){ .base = hpa(d[i].base),
						 .bytes = d[i].end - d[i].base,
						 .pamt_base = HPA_NONE };
		size_pamt(&l->tdmr[i], p->module, l->dynamic);
		l->pamt_bytes += tdmr_pamt_bytes(&l->tdmr[i]);
		l->bitmap_bytes += l->dynamic ? l->tdmr[i].pamt_4k_bytes : 0;
		p->node[i] = d[i].node;
	}
	l->nr_tdmrs = n;
	l->table_bytes = l->dynamic ? table_bytes(l) : 0;
	os->free(os->ctx, d);
	return 0;
}
