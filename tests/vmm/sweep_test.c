// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sweep_test.c - the small scenario, with each allocation made to fail once in turn, and each
 * SEAMCALL: whatever happens, everything is unwound and nothing is left.
 *
 * Four sweeps. An allocation fails: the scenario may stop there. A SEAMCALL answers with an error
 * that no retry is meant for: the scenario may stop there, too; but calls that free something are
 * made twice, so that not one page is lost. A SEAMCALL answers with ordinary contention: the
 * scenario must not even notice. Last, each SEAMCALL and the one after it fail, so that the second
 * try of the calls that free does not help either: then exactly what td.h says is lost.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "host/region.h"
#include "scenario.h"

enum sweep_kind { FAIL_ALLOCATION, FAIL_ONCE, FIND_CONTENTION, FAIL_TWICE };

static const struct sweep {
	const char *what;
	enum sweep_kind kind;
	uint64_t status;
} sweeps[] = {
	{ "allocations", FAIL_ALLOCATION, 0 },
	{ "SEAMCALLs that fail", FAIL_ONCE, TDX_OPERAND_INVALID | TDX_OP_RCX },
	{ "SEAMCALLs that find contention", FIND_CONTENTION, TDX_OPERAND_BUSY | TDX_OP_SEPT_TREE },
	{ "SEAMCALLs that fail twice", FAIL_TWICE, TDX_OPERAND_INVALID | TDX_OP_RCX },
};
#define NR_SWEEPS (sizeof(sweeps) / sizeof(sweeps[0]))

/* What td.h says is lost after this call has failed twice. */
static uint64_t lost_after(const struct scenario_fault *fault)
{
	if (!fault->same)
		return 0;
	switch (fault->leaf) {
	case TDH_PHYMEM_PAGE_RECLAIM:
		/* The page, and the TDR for want of its last child; or the TDR, the last of all. */
		if (!fault->children)
			return 1;
		return (fault->in_2m ? TDX_PAGES_PER_2M : 1) + 1;
	case TDH_PHYMEM_PAGE_WBINVD:
		/* What PAGE.REMOVE took; or the TDR. */
		return fault->in_2m ? TDX_PAGES_PER_2M : 1;
	case TDH_VP_FLUSH:
	case TDH_MNG_VPFLUSHDONE:
	case TDH_PHYMEM_CACHE_WB:
	case TDH_MNG_KEY_FREEID:
		/* The TD. A vCPU that cannot move to another CPU is another matter. */
		return fault->ending ? fault->children + 1 : 0;
	default:
		return 0;
	}
}

static bool complain(const char *format, uint64_t a, uint64_t b)
{
	printf("# ");
	printf(format, (unsigned long long)a, (unsigned long long)b);
	printf("\n");
	return false;
}

static uint64_t words_locked(struct pamt_host *host)
{
	uint64_t locked = 0;

	for (uint64_t r = 0; r < host->table.bytes / sizeof(uint16_t); r++) {
		const os_a16_t *word = region_word(host, (region_t){ r });

		locked += word && os_load16(word, OS_RELAXED) & REGION_LOCKED;
	}
	return locked;
}

/* Nothing is left, but for what was lost. */
static bool is_clean(struct scenario *s, uint64_t lost)
{
	struct pamt_stats stats = { 0 };
	uint64_t missing, held, lost_bytes;

	if (s->lost_pages != lost)
		return complain("%llu pages were lost, not %llu", s->lost_pages, lost);
	if (!lost && scenario_check_empty(s)) {
		printf("# %s\n", s->error);
		return false;
	}
	if (s->up) {
		pamt_shrink(s->stand.host, UINT64_MAX);
		pamt_stats(s->stand.host, &stats);
	}
	if (stats.os_bytes > 2 * stats.used_bytes + 65536)
		return complain("libpamt holds %llu bytes for %llu", stats.os_bytes,
				stats.used_bytes);
	if (s->up && pamt_verify(s->stand.host, NULL, NULL))
		return complain("a word and the module disagree", 0, 0);
	if (s->up && words_locked(s->stand.host))
		return complain("%llu words are LOCKED", words_locked(s->stand.host), 0);
	if (lost && !pamt_leaks(s->stand.host, NULL, NULL))
		return complain("%llu pages were lost, but no region is named", lost, 0);
	/*
	 * Every byte is accounted for: PAMT, libpamt's, a lost page of a guest's. The end of the
	 * host is the end of the module, so that all but the last comes back.
	 */
	held = s->up ? pamt_layout(s->stand.host)->pamt_bytes + stats.os_bytes : 0;
	missing = s->free_at_start - stand_free_bytes(&s->stand);
	stand_end_host(&s->stand);
	lost_bytes = s->free_at_start - stand_free_bytes(&s->stand);
	if (lost_bytes > lost * TDX_PAGE_SIZE || lost_bytes % TDX_PAGE_SIZE)
		return complain("%llu bytes are lost, of %llu pages", lost_bytes, lost);
	if (s->up && missing != held + lost_bytes)
		return complain("%llu bytes are missing, %llu accounted for", missing,
				held + lost_bytes);
	if (seam_is_fatal(threads_seam(s->stand.port), NULL))
		return complain("the module is dead", 0, 0);
	return true;
}

/* Allocations and SEAMCALLs of the last run, from creation to the end of the last TD. */
static struct {
	uint64_t allocations, seamcalls;
} made;

/* Is everything that the host can do in what is swept? */
static bool covers_everything(const struct scenario *s, const struct pamt_stats *stats)
{
	const struct td_counts *c = &s->counts;
	const struct {
		const char *what;
		uint64_t times;
	} done[] = {
		{ "regions backed", stats->adds },
		{ "pairs removed", stats->removes },
		{ "gets without a call", stats->gets_fast },
		{ "4K pages mapped", c->maps_4k.v },
		{ "2M pages mapped", c->maps_2m.v },
		{ "2M pages split", c->splits.v },
		{ "2M pages merged", c->merges.v },
		{ "conversions", c->conversions.v },
		{ "4K pages zapped", c->zaps_4k.v },
		{ "2M pages zapped", c->zaps_2m.v },
		{ "S-EPT pages added", c->sept_pages.v },
		{ "idle pairs adopted or removed", s->idle_seen },
		{ "regions offered to be taken offline", s->offline_seen },
	};
	bool all = true;

	for (size_t i = 0; i < sizeof(done) / sizeof(done[0]); i++) {
		printf("# %6llu %s\n", (unsigned long long)done[i].times, done[i].what);
		all &= done[i].times > 0;
	}
	return all;
}

/* One run with one fault; sweep NULL: without. */
static bool run(const struct sweep *sweep, uint64_t at, struct scenario *s, bool *succeeded)
{
	struct pamt_stats stats = { 0 };
	bool fine = true;

	if (scenario_create(s, true)) {
		printf("# %s\n", s->error);
		return false;
	}
	/* Losses and failures are wanted here; the log would only repeat them. */
	threads_log_level(s->stand.port, OS_LOG_ERROR);
	threads_faults(s->stand.port,
		       &(struct threads_faults){
			       .alloc_at = sweep && sweep->kind == FAIL_ALLOCATION ? at : 0 });
	if (sweep && sweep->kind != FAIL_ALLOCATION)
		s->fault = (struct scenario_fault){ .at = at,
						    .nr = sweep->kind == FAIL_TWICE ? 2 : 1,
						    .status = sweep->status };
	*succeeded = !scenario_all(s);
	if (!*succeeded && (!sweep || sweep->kind == FIND_CONTENTION)) {
		printf("# the scenario failed: %s\n", s->error);
		fine = false;
	}
	scenario_end(s);
	threads_counts(s->stand.port, &made.allocations, &made.seamcalls);
	if (s->up)
		pamt_stats(s->stand.host, &stats);
	if (!sweep && !covers_everything(s, &stats))
		return complain("what is swept leaves something out", 0, 0);
	return is_clean(s, sweep && sweep->kind == FAIL_TWICE ? lost_after(&s->fault) : 0) && fine;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* All points of one sweep; how many were not as they should be. */
static uint64_t sweep_all(const struct sweep *sweep, uint64_t points, struct scenario *s)
{
	uint64_t bad = 0, stopped = 0, lost = 0;
	double start = now();

	for (uint64_t at = 1; at <= points; at++) {
		bool succeeded;

		if (!run(sweep, at, s, &succeeded)) {
			printf("# ... at %llu of %llu %s, leaf %u\n", (unsigned long long)at,
			       (unsigned long long)points, sweep->what, s->fault.leaf);
			bad++;
		}
		stopped += !succeeded;
		lost += s->lost_pages != 0;
		scenario_destroy(s);
	}
	printf("# %llu %s in %.1f s: the scenario stopped at %llu, pages were lost at %llu\n",
	       (unsigned long long)points, sweep->what, now() - start, (unsigned long long)stopped,
	       (unsigned long long)lost);
	return bad;
}

int main(void)
{
	struct scenario *s = calloc(1, sizeof(*s));
	uint64_t allocations, seamcalls, bad = 0;
	bool succeeded;

	/* Seen while it runs, not only when it ends. */
	setlinebuf(stdout);
	printf("1..%zu\n", NR_SWEEPS);
	if (!s || !run(NULL, 0, s, &succeeded)) {
		printf("Bail out! the scenario does not even run without faults\n");
		return 1;
	}
	allocations = made.allocations;
	seamcalls = made.seamcalls;
	scenario_destroy(s);
	for (size_t i = 0; i < NR_SWEEPS; i++) {
		uint64_t points = sweeps[i].kind == FAIL_ALLOCATION ? allocations : seamcalls;
		uint64_t wrong = sweep_all(&sweeps[i], points, s);

		printf("%sok %zu - nothing is left behind by %s\n", wrong ? "not " : "", i + 1,
		       sweeps[i].what);
		bad += wrong;
	}
	free(s);
	return bad ? 1 : 0;
}
