// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * marks.c - debug builds: which pages are in use, so that a page that is put twice is named.
 */
#include "host/marks.h"

#include "host/stats.h"

#if PAMT_DEBUG

/* Both kinds of a region side by side. */
#define WORDS (TDX_PAGES_PER_2M / 64)
#define BYTES (NR_MARKS * WORDS * sizeof(uint64_t))

void marks_create(struct pamt_host *host)
{
	const struct os_services *os = host->os;
	uint64_t bytes = host->table.regions * BYTES;

	host->mark = os->sparse_create(os->ctx, bytes);
	for (uint32_t i = 0; host->mark && i < host->layout.nr_tdmrs; i++) {
		struct span s = tdmr_span(&host->layout.tdmr[i]);

		if (os->sparse_populate(os->ctx, host->mark, (s.base >> TDX_2M_SHIFT) * BYTES,
					((s.end - s.base) >> TDX_2M_SHIFT) * BYTES))
			marks_destroy(host);
	}
}

void marks_destroy(struct pamt_host *host)
{
	const struct os_services *os = host->os;

	if (host->mark)
		os->sparse_destroy(os->ctx, host->mark, host->table.regions * BYTES);
	host->mark = NULL;
}

static uint64_t *word_of(struct pamt_host *host, enum mark mark, tdx_pfn_t page)
{
	uint64_t region = pfn_to_region(page).v;

	return &host->mark[(region * NR_MARKS + mark) * WORDS + page.v % TDX_PAGES_PER_2M / 64];
}

/*
 * Relaxed, and no yield point: a page has one owner at a time, and how it came from the last one to
 * this one has put everything in order; only its neighbours' bits change at the same time.
 */
static bool set_mark(struct pamt_host *host, enum mark mark, tdx_pfn_t page)
{
	uint64_t bit = UINT64_C(1) << page.v % 64;

	return __atomic_fetch_or(word_of(host, mark, page), bit, __ATOMIC_RELAXED) & bit;
}

static bool clear_mark(struct pamt_host *host, enum mark mark, tdx_pfn_t page)
{
	uint64_t bit = UINT64_C(1) << page.v % 64;

	return __atomic_fetch_and(word_of(host, mark, page), ~bit, __ATOMIC_RELAXED) & bit;
}

static void report(struct pamt_host *host, tdx_pfn_t page, const char *what)
{
	count(host, STAT_UNBALANCED);
	host->os->log(host->os->ctx, OS_LOG_ERROR, "page 0x%llx %s",
		      (unsigned long long)pfn_to_hpa(page).v, what);
}

/* In regions of TDMRs only: for others there are no bits, and nothing was given out there. */
static bool has_marks(struct pamt_host *host, tdx_pfn_t first)
{
	host_is_given(host);
	return host->mark && region_has_word(host, pfn_to_region(first)) &&
	       pages_are_tdx(host, first, 1);
}

void marks_set(struct pamt_host *host, enum mark mark, tdx_pfn_t first, uint64_t nr)
{
	for (uint64_t i = 0; i < nr && has_marks(host, pfn(first.v + i)); i++)
		if (set_mark(host, mark, pfn(first.v + i)) && mark == MARK_GOT)
			set_mark(host, MARK_OFTEN, pfn(first.v + i));
}

/* Was the page in use as that? It is not any more, unless it was got by several. */
static bool clear(struct pamt_host *host, enum mark mark, tdx_pfn_t page)
{
	uint64_t bit = UINT64_C(1) << page.v % 64;

	if (mark == MARK_GOT &&
	    __atomic_load_n(word_of(host, MARK_OFTEN, page), __ATOMIC_RELAXED) & bit)
		return true;
	return clear_mark(host, mark, page);
}

bool marks_clear(struct pamt_host *host, enum mark mark, tdx_pfn_t first, uint64_t nr)
{
	static const char *const what[] = {
		[MARK_GOT] = "is put, but it was not got, or it was put before",
		[MARK_CONTROL] = "is freed, but it is no control page, or it was freed before",
	};

	for (uint64_t i = 0; i < nr && has_marks(host, pfn(first.v + i)); i++) {
		if (clear(host, mark, pfn(first.v + i)))
			continue;
		report(host, pfn(first.v + i), what[mark]);
		while (i--)
			set_mark(host, mark, pfn(first.v + i));
		return false;
	}
	return true;
}

#endif
