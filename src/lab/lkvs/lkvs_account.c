// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lkvs_account.c - what TDs must cost, to the page, found out without asking libpamt.
 *
 * Three sources that know nothing of each other:
 *
 *   the mirrors   which regions of physical memory hold 4K pages of guests, how many in each
 *   the ledger    which regions hold pages that libpamt has from the system
 *   arithmetic    how many 4K pages, 2M pages and S-EPT pages TDs of these sizes have
 *
 * A page pair is due in each region of the first two, and in no other. Against that are held: what
 * libpamt says; what the module says (RDMD), which must also have the pair's two pages in memory
 * that is libpamt's; and what the machine's allocator is short of, which must be the guests' memory
 * and the ledger's pages, nothing else.
 */
#include <string.h>

#include "lab/lkvs/lkvs_box.h"

#define MARK_GUEST 1u
#define MARK_HOST  2u

typedef unsigned long long ull;

static uint64_t div_up(uint64_t value, uint64_t by) { return (value + by - 1) / by; }

/* ------------------------------------------------------------------------------------------- */
/* Arithmetic                                                                                   */

struct amounts {
	uint64_t pages_4k, pages_2m, sept_pages, control_pages;
};

/* A booted TD whose every 64th region was split. */
static struct amounts amounts_of(const struct lkvs_td *td)
{
	uint64_t low = td->bytes < LKVS_LOW_4K ? td->bytes : LKVS_LOW_4K;
	uint64_t regions = td->bytes >> TDX_2M_SHIFT;
	uint64_t splits = regions / LKVS_SPLIT_EVERY;
	uint64_t in_4k = (low >> TDX_2M_SHIFT) + splits;
	struct amounts a = {
		.pages_4k = in_4k * TDX_PAGES_PER_2M,
		.pages_2m = regions - in_4k,
		/* One for each 512 GB, each 1 GB, each region in 4K pages; the root is a TDCX. */
		.sept_pages = div_up(td->bytes, UINT64_C(512) * TDX_1G_SIZE) +
			      div_up(td->bytes, TDX_1G_SIZE) + in_4k,
	};

	/* The TDR, its TDCX pages, the pages of each vCPU. */
	a.control_pages = 1 + TDX_MIN_TDCX + td->nr_vcpus * TDX_MIN_TDVPS + a.sept_pages;
	return a;
}

static bool check_maps(struct lkvs_box *box, const char *when, uint64_t *control_pages)
{
	*control_pages = 0;
	for (uint32_t t = 0; t < box->c->nr_tds; t++) {
		const struct lkvs_td *td = &box->td[t];
		struct amounts want;

		if (!td->td)
			continue;
		want = amounts_of(td);
		if (td->pages_4k != want.pages_4k || td->pages_2m != want.pages_2m ||
		    td->sept_pages != want.sept_pages)
			return lkvs_fail(box,
					 "%s: TD %u has %llu 4K, %llu 2M and %llu S-EPT pages, not "
					 "%llu, %llu and %llu",
					 when, t, (ull)td->pages_4k, (ull)td->pages_2m,
					 (ull)td->sept_pages, (ull)want.pages_4k,
					 (ull)want.pages_2m, (ull)want.sept_pages);
		*control_pages += want.control_pages;
	}
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* Regions                                                                                      */

static void mark(struct lkvs_box *box, uint64_t region, uint8_t what)
{
	if (!box->marks[region])
		box->marked[box->nr_marked++] = (uint32_t)region;
	box->marks[region] |= what;
}

/* Marks every region that must have a pair, and lists them. */
static void mark_regions(struct lkvs_box *box)
{
	const struct ledger *ledger = &box->ledger;

	while (box->nr_marked)
		box->marks[box->marked[--box->nr_marked]] = 0;
	for (uint32_t t = 0; t < box->c->nr_tds; t++)
		for (uint32_t i = 0; i < box->td[t].nr_use; i++)
			mark(box, box->td[t].use[i].region, MARK_GUEST);
	/* Most of a million regions hold nothing: four at a time. */
	for (uint64_t i = 0; i < ledger->nr_regions; i += 4) {
		uint64_t four;

		memcpy(&four, &ledger->pages[i], sizeof(four));
		for (uint64_t j = i; four && j < i + 4 && j < ledger->nr_regions; j++)
			if (ledger->pages[j].v)
				mark(box, j, MARK_HOST);
	}
}

/* Is this page of a pair libpamt's? */
static bool is_held(const struct lkvs_box *box, uint64_t page)
{
	region_t region = hpa_to_region(hpa(page));

	return region.v < box->ledger.nr_regions && ledger_pages(&box->ledger, region);
}

/* The module's view of every marked region. */
static bool check_module(struct lkvs_box *box, const char *when)
{
	const struct os_services *os = box->stand.os;

	for (uint32_t n = 0; n < box->nr_marked; n++) {
		uint64_t i = box->marked[n];
		struct tdx_regs regs = { .rax = TDX_RAX(TDH_PHYMEM_PAGE_RDMD, 0),
					 .rcx = tdx_hpa_size(region_to_hpa((region_t){ i }),
							     TDX_2M) };

		if (!tdx_status_ok(os->seamcall(os->ctx, &regs)) || !(regs.rcx & TDX_RDMD_NODE))
			return lkvs_fail(box,
					 "%s: the region at 0x%llx holds %s and the module has no "
					 "pair there",
					 when, (ull)i << TDX_2M_SHIFT,
					 box->marks[i] & MARK_GUEST ? "4K pages of a TD"
								    : "pages of libpamt");
		if (!is_held(box, regs.r10) || !is_held(box, regs.r11))
			return lkvs_fail(box,
					 "%s: the pair of the region at 0x%llx is at 0x%llx and "
					 "0x%llx, which are not libpamt's",
					 when, (ull)i << TDX_2M_SHIFT, (ull)regs.r10,
					 (ull)regs.r11);
	}
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* Bytes                                                                                        */

static bool check_bytes(struct lkvs_box *box, const struct pamt_stats *stats, const char *when)
{
	uint64_t held = os_load64(&box->ledger.held, OS_RELAXED) * TDX_PAGE_SIZE;
	uint64_t missing = box->free_at_start - stand_free_bytes(&box->stand);
	uint64_t guests = box->vm_bytes;
	uint64_t bound = 2 * stats->used_bytes + 65536 * box->stand.os->nr_nodes;

	for (uint32_t t = 0; t < box->c->nr_tds; t++)
		if (box->td[t].td)
			guests += box->td[t].pages_4k * TDX_PAGE_SIZE +
				  box->td[t].pages_2m * TDX_2M_SIZE;
	if (stats->os_bytes != held)
		return lkvs_fail(box, "%s: libpamt says it holds %llu bytes, and took %llu", when,
				 (ull)stats->os_bytes, (ull)held);
	if (missing != held + guests)
		return lkvs_fail(box,
				 "%s: the allocator is short of %llu bytes: guests have %llu and "
				 "libpamt %llu",
				 when, (ull)missing, (ull)guests, (ull)held);
	if (held > bound)
		return lkvs_fail(box, "%s: libpamt holds %llu bytes for %llu in use", when,
				 (ull)held, (ull)stats->used_bytes);
	return true;
}

/* The suite's own check: the field is 0 if and only if no TD is up. */
static bool check_field(struct lkvs_box *box, uint64_t field, const char *when)
{
	uint32_t up = 0;

	for (uint32_t t = 0; t < box->c->nr_tds; t++)
		up += box->td[t].td != NULL;
	if (up && !field)
		return lkvs_fail(box, "%s: %u TDs are up and no dynamic PAMT is in use", when, up);
	if (!up && field)
		return lkvs_fail(box, "%s: no TD is up and %llu bytes of dynamic PAMT are in use",
				 when, (ull)field);
	return true;
}

/* Every region of the machine: a pair where none is due would be found here. */
static bool check_whole(struct lkvs_box *box, const char *when)
{
	int64_t found = pamt_verify(box->stand.host, NULL, NULL);

	if (found)
		return lkvs_fail(box, "%s: %lld regions are not as the module has them", when,
				 (long long)found);
	return true;
}

bool lkvs_check(struct lkvs_box *box, bool exact_map, bool whole, const char *when)
{
	struct lkvs_result *result = box->result;
	uint64_t pairs, control_pages, busy;
	struct pamt_stats stats;

	mark_regions(box);
	pairs = box->nr_marked;
	pamt_stats(box->stand.host, &stats);
	result->steps++;
	if (pairs * 2 * TDX_PAGE_SIZE > result->field_peak)
		result->field_peak = pairs * 2 * TDX_PAGE_SIZE;
	if (stats.os_bytes > result->os_peak)
		result->os_peak = stats.os_bytes;
	if (!check_field(box, stats.pairs_installed * 2 * TDX_PAGE_SIZE, when))
		return false;
	if (stats.pairs_installed != pairs)
		return lkvs_fail(box, "%s: %llu pairs are due, libpamt has %llu installed", when,
				 (ull)pairs, (ull)stats.pairs_installed);
	if (exact_map && !check_maps(box, when, &control_pages))
		return false;
	if (exact_map && stats.control_pages != control_pages)
		return lkvs_fail(box, "%s: %llu control pages are due, %llu are out", when,
				 (ull)control_pages, (ull)stats.control_pages);
	/* Of libpamt's own calls, and of the vmm's. */
	busy = stats.busy + os_load64(&box->stand.vmm.caller.counts.of[CALL_PAMT], OS_RELAXED);
	if (busy || stats.unbalanced_puts || stats.leaked_regions)
		return lkvs_fail(box, "%s: %llu busy PAMT operands, %llu puts too many, %llu leaks",
				 when, (ull)busy, (ull)stats.unbalanced_puts,
				 (ull)stats.leaked_regions);
	return check_bytes(box, &stats, when) && check_module(box, when) &&
	       (!whole || check_whole(box, when));
}
