// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * guard.c - guard mode: the host's accesses to pages that are not its own, reported as what they
 * are on hardware.
 */
#include "seam/guard.h"
#include "seam/hpa.h"
#include "seam/pamt.h"

int guard_create(struct seam *seam)
{
	seam->guard = seam->os->alloc(seam->os->ctx, sizeof(*seam->guard));
	return seam->guard ? 0 : -OS_ENOMEM;
}

void guard_destroy(struct seam *seam)
{
	if (seam->guard)
		seam->os->free(seam->os->ctx, seam->guard);
	seam->guard = NULL;
}

/* ------------------------------------------------------------------------------------------- */
/* Whose is a page?                                                                             */

static bool in_pamt_area(const struct seam *seam, tdx_hpa_t address)
{
	for (uint32_t i = 0; i < seam->nr_tdmrs; i++)
		for (uint32_t level = TDX_4K; level <= TDX_1G; level++)
			if (address.v - seam->tdmr[i].pamt_base[level].v <
			    seam->tdmr[i].pamt_size[level])
				return true;
	return false;
}

/* Set where the page is half of a pair; reserved pages have the bit too and are the host's. */
static bool is_donated(const struct seam *seam, const struct tdmr *tdmr, tdx_hpa_t address)
{
	uint64_t bit = (address.v - tdmr->base.v) >> TDX_PAGE_SHIFT;
	const os_a64_t *word =
		module_map(seam, hpa(tdmr->pamt_base[TDX_4K].v + bit / 64 * 8), OS_READ);

	if (!(os_load64(word, OS_RELAXED) >> bit % 64 & 1))
		return false;
	for (uint32_t i = 0; i < TDX_MAX_RESERVED; i++)
		if (address.v - tdmr->base.v - tdmr->reserved[i].offset < tdmr->reserved[i].size)
			return false;
	return true;
}

static bool is_taken(enum tdx_page_type type) { return type != TDX_PT_NDA && type != TDX_PT_RSVD; }

/* *first: of the page's 4K pages, the one whose number the table has. */
static bool find_owner(const struct seam *seam, tdx_hpa_t page, struct seam_owner *owner,
		       tdx_hpa_t *first)
{
	const struct tdmr *tdmr = pamt_tdmr(seam, page);

	*owner = (struct seam_owner){ .type = TDX_PT_PAMT };
	*first = page;
	if (seam_state(seam) < TDX_SYS_CONFIG_DONE && !seam->handoff)
		return false;
	if (in_pamt_area(seam, page))
		return true;
	if (!tdmr)
		return false;
	for (uint32_t level = TDX_1G + 1; level-- > TDX_4K;) {
		const struct pamt_entry *entry = pamt_peek(seam, page, level);
		/* A look without a lock. Acquire: it is before the second look at the node. */
		uint64_t head = entry ? os_load64(&entry->head, OS_ACQUIRE) : PAMT_HEAD_NDA;

		if (!is_taken(pamt_type(head)) || pamt_type(head) == TDX_PT_PAMT)
			continue;
		/* The pair went meanwhile, and this was no entry: a page in use keeps its pair. */
		if (pamt_peek(seam, page, level) != entry)
			continue;
		*first = hpa(page.v & ~((UINT64_C(1) << TDX_LEVEL_SHIFT(level)) - 1));
		owner->type = pamt_type(head);
		owner->tdr = owner->type == TDX_PT_TDR ? page : pamt_owner(head);
		return true;
	}
	return seam->dpamt && is_donated(seam, tdmr, page);
}

bool seam_owns(const struct seam *seam, tdx_hpa_t page, struct seam_owner *owner)
{
	tdx_hpa_t first;

	return find_owner(seam, hpa(page.v & ~(TDX_PAGE_SIZE - 1)), owner, &first);
}

/*
 * In guard mode a pair's pages are written to once their region has none, here or by the host that
 * has them again; whoever looks at entries in them has ended by then.
 */
static bool find_owner_watched(const struct seam *seam, tdx_hpa_t page, struct seam_owner *owner,
			       tdx_hpa_t *first)
{
	os_irq_t irq;
	bool found;

	irq = os_spin_lock(&seam->guard->looking);
	found = find_owner(seam, page, owner, first);
	os_spin_unlock(&seam->guard->looking, irq);
	return found;
}

void guard_note_node_gone(struct seam *seam)
{
	/* Who comes from now on finds no pair; who came before is waited for. */
	os_spin_unlock(&seam->guard->looking, os_spin_lock(&seam->guard->looking));
}

/* ------------------------------------------------------------------------------------------- */
/* Reports.                                                                                     */

bool seam_guard_host_access(struct seam *seam, tdx_hpa_t at, enum os_access access)
{
	const struct os_services *os = seam->os;
	tdx_hpa_t page = hpa(at.v & ~(TDX_PAGE_SIZE - 1)), first;
	struct seam_owner owner;
	uint64_t taken = 0;
	os_a64_t *entry;

	if (!seam->guard || !find_owner_watched(seam, page, &owner, &first))
		return false;
	/* Relaxed: a count. */
	os_fetch_add64(&seam->guard->violations, 1, OS_RELAXED);
	os->log(os->ctx, OS_LOG_ERROR,
		"softseam: host %s page 0x%llx, which is not its own (type %u, TD 0x%llx): a "
		"machine "
		"check on hardware",
		access == OS_WRITE ? "writes" : "reads", (unsigned long long)page.v,
		(unsigned int)owner.type, (unsigned long long)owner.tdr.v);
	entry = guard_find(seam->guard, hpa_to_pfn(first));
	if (entry)
		taken = os_load64(entry, OS_RELAXED);
	if (taken)
		os->log(os->ctx, OS_LOG_ERROR, "softseam: it was taken by leaf %u on LP %u",
			(unsigned int)(taken >> 16 & 0xff), (unsigned int)(taken & 0xffff) - 1);
	return true;
}

uint64_t seam_guard_violations(const struct seam *seam)
{
	return seam->guard ? os_load64(&seam->guard->violations, OS_RELAXED) : 0;
}
