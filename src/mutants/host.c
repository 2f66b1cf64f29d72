// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * host.c - those mistakes of host.h that are more than a condition.
 */
#include "mutants/host.h"

#include "host/chunk.h"
#include "host/region.h"

void mutant_draw_anywhere(struct pamt_host *host, tdx_hpa_t page[2])
{
	for (uint32_t i = 0; i < 2; i++)
		page[i] = host->os->alloc_pages(host->os->ctx, 0, OS_ANY_NODE);
}

void mutant_free_anywhere(struct pamt_host *host, tdx_hpa_t page)
{
	host->os->scrub(host->os->ctx, page, TDX_PAGE_SIZE);
	host->os->free_pages(host->os->ctx, page, 0);
}

void mutant_lock_donor(struct pamt_host *host, tdx_hpa_t donor, region_t target)
{
	os_a16_t *word = region_word(host, hpa_to_region(donor));
	os_irq_t irq;
	uint16_t old;

	if (hpa_to_region(donor).v == target.v)
		return;
	do
		old = region_read(host, word);
	while (!region_lock(host, word, old, &irq));
	region_unlock(host, word, old, irq);
}

bool mutant_leave_unlocked(os_a16_t *word, uint16_t *old)
{
	if (!os_cas16(word, old, region_beside(*old), OS_RELEASE))
		return false;
	*old = region_beside(*old);
	return true;
}

uint64_t mutant_free_first(struct pamt_host *host, struct page_set *set)
{
	uint64_t pages = page_set_free(host, set);

	*set = (struct page_set){ .region = set->region };
	return pages;
}

void mutant_split_in_steps(os_a16_t *word, uint16_t next)
{
	os_store16(word, region_beside(next) | REGION_USER, OS_RELEASE);
	os_store16(word, region_beside(next) | REGION_ALL_USERS, OS_RELEASE);
}

uint16_t mutant_after_remove(uint16_t old, uint16_t next, tdx_status_t status)
{
	bool leaked = tdx_status_is(status, TDX_PAMT_PAGE_NOT_EMPTY);
	bool no_pair = tdx_status_is(status, TDX_NO_PAMT_PAGE_PAIR);

	if ((MUTANT(NOT_EMPTY_IDLE) && leaked) || (MUTANT(NO_PAIR_IDLE) && no_pair))
		return region_beside(old) | REGION_IDLE;
	if (MUTANT(NO_PAIR_KEPT) && no_pair)
		return region_beside(old) | REGION_USER;
	return next;
}
