// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * real_ops.c - what a thread of the hunt does with a bare host: pages got and put, caches, control
 * pages, pressure, CPUs that go and come, and looking on.
 */
#include <time.h>

#include "lab/workload/error.h"
#include "lab/real/real_internal.h"

/* Regions that one range covers at most. */
#define MOST_PAIRS 4u

static uint32_t below(struct real_thread *t, uint32_t n) { return real_below(&t->random, n); }
static bool one_in(struct real_thread *t, uint32_t n) { return !below(t, n); }

/* What comes next is done while another thread waits for the OS. */
static void maybe_await(struct real_thread *t)
{
	if (one_in(t, 2))
		real_await_service(t->hunt);
}

/* ------------------------------------------------------------------------------------------- */
/* Get and put                                                                                  */

void real_free_pages(struct real_hunt *hunt, tdx_pfn_t first, uint32_t nr)
{
	const struct os_services *os = hunt->judge.under;

	for (uint32_t i = 0; i < nr; i++)
		os->free_pages(os->ctx, pfn_to_hpa(pfn(first.v + i)), 0);
}

/* NULL, or a cache with as many pairs as there may be needed. */
static struct pamt_cache *choose_cache(struct real_thread *t, uint32_t pairs)
{
	if (one_in(t, 2))
		return NULL;
	real_allowed(t, "pamt_cache_topup()",
		     pamt_cache_topup(t->hunt->stand.host, &t->cache, 0, pairs));
	real_judge_cache(&t->cache);
	return &t->cache;
}

static int get_pages(struct real_thread *t, tdx_pfn_t first, uint32_t nr)
{
	struct pamt_host *host = t->hunt->stand.host;
	struct pamt_cache *cache = choose_cache(t, MOST_PAIRS);

	if (nr == 1)
		return pamt_get(host, first, cache);
	return pamt_get_range(host, first, nr, cache);
}

static bool take(struct real_thread *t, unsigned int order)
{
	const struct os_services *os = t->hunt->judge.under;
	uint32_t nr = 1u << order;
	tdx_hpa_t block;
	int error;

	if (t->nr_runs == REAL_MAX_RUNS)
		return false;
	block = os->alloc_pages(os->ctx, order,
				one_in(t, 2) ? OS_ANY_NODE : below(t, t->hunt->nr_nodes));
	if (hpa_is_none(block))
		return false;
	error = get_pages(t, hpa_to_pfn(block), nr);
	if (error) {
		real_free_pages(t->hunt, hpa_to_pfn(block), nr);
		real_allowed(t,
			     nr == 1 ? "pamt_get() of a page from the OS"
				     : "pamt_get_range() of a block from the OS",
			     error);
		return false;
	}
	t->run[t->nr_runs++] = (struct real_run){ hpa_to_pfn(block), nr, false };
	t->pages += nr;
	return true;
}

/* Puts nr pages from first on, and lets the OS have them. */
static void put_pages(struct real_thread *t, tdx_pfn_t first, uint32_t nr)
{
	if (nr == 1)
		pamt_put(t->hunt->stand.host, first);
	else
		pamt_put_range(t->hunt->stand.host, first, nr);
	real_free_pages(t->hunt, first, nr);
	t->pages -= nr;
}

static void op_get(struct real_thread *t)
{
	/* Mostly what is left between others' pages; now and then a whole region. */
	static const uint8_t orders[] = { 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 4, 9 };

	for (uint32_t i = below(t, 96) + 1; i && t->nr_runs < t->most_runs; i--) {
		unsigned int order = orders[below(t, sizeof(orders))];

		if (order == 9 && t->pages >= t->hunt->most_pages)
			order = 0;
		if (!take(t, order))
			break;
	}
}

/* All single pages at once: regions are left by dozens, and their pairs come to the pool. */
static void put_singles(struct real_thread *t)
{
	for (uint32_t i = t->nr_runs; i--;) {
		struct real_run run = t->run[i];

		if (run.nr != 1)
			continue;
		t->run[i] = t->run[--t->nr_runs];
		put_pages(t, run.first, run.nr);
	}
}

/* A piece of a random run: naturally aligned, of a size that a chunk may have. */
static void op_put(struct real_thread *t)
{
	if (one_in(t, 3)) {
		maybe_await(t);
		put_singles(t);
		return;
	}
	for (uint32_t i = below(t, 24) + 1; i && t->nr_runs; i--) {
		struct real_run *run = &t->run[below(t, t->nr_runs)], rest;
		uint32_t nr = 1u << below(t, one_in(t, 4) ? 10 : 5), from;

		if (nr >= run->nr) {
			put_pages(t, run->first, run->nr);
			*run = t->run[--t->nr_runs];
			continue;
		}
		from = below(t, run->nr - nr + 1) & ~(nr - 1);
		rest = (struct real_run){ pfn(run->first.v + from + nr), run->nr - from - nr,
					  false };
		if (rest.nr && from && t->nr_runs == REAL_MAX_RUNS)
			continue;
		put_pages(t, pfn(run->first.v + from), nr);
		run->nr = from;
		if (!from)
			*run = rest.nr ? rest : t->run[--t->nr_runs];
		else if (rest.nr)
			t->run[t->nr_runs++] = rest;
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Caches and control pages                                                                     */

/* Filled and given back, some times: the pool is empty at one moment and full at the next. */
static void op_cache(struct real_thread *t)
{
	struct pamt_host *host = t->hunt->stand.host;

	for (uint32_t i = below(t, 8) + 1; i; i--) {
		uint32_t pages = below(t, t->most_cached) + 1, pairs = below(t, pages / 2 + 1);

		maybe_await(t);
		real_allowed(t, "pamt_cache_topup()",
			     pamt_cache_topup(host, &t->cache, pages - 2 * pairs, pairs));
		real_judge_cache(&t->cache);
		if (i > 1)
			pamt_cache_free(host, &t->cache);
	}
}

static void op_control(struct real_thread *t)
{
	struct pamt_host *host = t->hunt->stand.host;
	bool give = one_in(t, 2);

	for (uint32_t i = below(t, 16) + 1; i && give && t->nr_control; i--) {
		uint32_t at = below(t, t->nr_control);
		tdx_hpa_t page = t->control[at];

		t->control[at] = t->control[--t->nr_control];
		real_judge_out(page, false);
		pamt_free_page(host, page);
	}
	for (uint32_t i = 1u << below(t, 5); i && !give && t->nr_control < REAL_MAX_CONTROL; i--) {
		struct pamt_cache *cache = one_in(t, 3) ? &t->cache : NULL;
		uint32_t node = one_in(t, 3) ? OS_ANY_NODE : below(t, t->hunt->nr_nodes);
		tdx_hpa_t page;
		int error = pamt_alloc_page(host, node, cache, &page);

		if (error) {
			real_allowed(t, "pamt_alloc_page()", error);
			break;
		}
		real_judge_out(page, true);
		t->control[t->nr_control++] = page;
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Tides                                                                                        */

/*
 * A pool that is dry at one moment and too full at the next, with a chunk on its way in between:
 * what one thread draws until the OS has to be asked is as much as there was, and what another
 * gives back meanwhile is more than the pool may keep beside a new chunk. By chance alone, on a
 * busy machine, the one comes into the other about once in a minute.
 */
#define MOST_DRAINED 256u

/* Single pages, each in a region of its own as far as the machine has such (real_shape.c). */
static void op_flood(struct real_thread *t)
{
	for (uint32_t i = 16 + below(t, 128); i; i--)
		take(t, 0);
	real_await_growth(t->hunt);
	put_singles(t);
}

/* Control pages, until one of them came out of a new chunk. */
static void op_drain(struct real_thread *t)
{
	struct pamt_host *host = t->hunt->stand.host;
	uint32_t chunks = real_judge_chunks(), nr = 0;
	tdx_hpa_t page[MOST_DRAINED];

	real_await_ready(t->hunt);
	while (nr < MOST_DRAINED && real_judge_chunks() == chunks) {
		int error = pamt_alloc_page(host, OS_ANY_NODE, NULL, &page[nr]);

		if (error) {
			real_allowed(t, "pamt_alloc_page()", error);
			break;
		}
		real_judge_out(page[nr++], true);
	}
	while (nr) {
		real_judge_out(page[--nr], false);
		pamt_free_page(host, page[nr]);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Memory that libpamt has no part in                                                            */

static uint64_t *map_own(struct real_thread *t, uint32_t i)
{
	const struct os_services *os = t->hunt->judge.under;

	return os->map_host(os->ctx, t->own[i], OS_WRITE);
}

static void free_own(struct real_thread *t)
{
	const struct os_services *os = t->hunt->judge.under;

	while (t->nr_own)
		os->free_pages(os->ctx, t->own[--t->nr_own], 0);
}

static void take_own(struct real_thread *t)
{
	const struct os_services *os = t->hunt->judge.under;

	while (t->nr_own < REAL_MAX_OWN) {
		tdx_hpa_t page = os->alloc_pages(os->ctx, 0, OS_ANY_NODE);

		if (hpa_is_none(page))
			break;
		t->own[t->nr_own] = page;
		*map_own(t, t->nr_own++) = page.v;
	}
}

/* Pages of its own, beside others' in their regions: nobody writes there, and nobody minds. */
static void op_touch(struct real_thread *t)
{
	if (one_in(t, 64))
		free_own(t);
	if (!t->nr_own)
		take_own(t);
	for (uint32_t n = below(t, 256); n && t->nr_own; n--) {
		uint32_t i = below(t, t->nr_own);
		uint64_t *word = map_own(t, i);

		if (*word != t->own[i].v)
			real_found(t->hunt, "page 0x%llx, which is a thread's, has been written to",
				   (unsigned long long)t->own[i].v);
		*word = t->own[i].v;
	}
}

/* ------------------------------------------------------------------------------------------- */
/* The system around                                                                            */

static tdx_hpa_t random_region(struct real_thread *t)
{
	uint64_t node = below(t, t->hunt->nr_nodes);

	return hpa(REAL_NODE_BASE(node) +
		   ((uint64_t)below(t, REAL_NODE_BYTES >> TDX_2M_SHIFT) << TDX_2M_SHIFT));
}

static void op_pressure(struct real_thread *t)
{
	struct pamt_host *host = t->hunt->stand.host;
	tdx_hpa_t base = random_region(t);
	uint64_t bytes = (uint64_t)(below(t, 8) + 1) << TDX_2M_SHIFT;
	int error;

	switch (below(t, 4)) {
	case 0:
		pamt_shrink(host, one_in(t, 4) ? UINT64_MAX : below(t, 256));
		break;
	case 1:
		pamt_set_idle_limit(host, one_in(t, 2) ? 0 : below(t, 128));
		break;
	case 2:
		error = pamt_offline(host, base, bytes);
		if (error && error != -OS_EBUSY)
			real_found(t->hunt, "pamt_offline(): %s", error_text(error));
		break;
	default:
		error = pamt_may_online(host, base, bytes);
		if (error && error != -OS_EINVAL)
			real_found(t->hunt, "pamt_may_online(): %s", error_text(error));
	}
}

static int cpu_leaves(void *arg) { return vmm_cpu_leaves(arg); }
static int cpu_returns(void *arg) { return vmm_cpu_returns(arg); }

/* This thread's CPU goes, whatever vCPUs are bound to it, and comes back. */
static void op_cpu(struct real_thread *t)
{
	struct stand *stand = &t->hunt->stand;
	struct timespec away = { .tv_nsec = below(t, 3000) * 1000l };
	int error = threads_offline(stand->port, t->cpu, cpu_leaves, &stand->vmm);

	/* The last one of its package stays. */
	if (error == -OS_EBUSY)
		return;
	if (error) {
		real_found(t->hunt, "CPU %u cannot go offline: %s", t->cpu, error_text(error));
		return;
	}
	nanosleep(&away, NULL);
	error = threads_online(stand->port, t->cpu, cpu_returns, &stand->vmm);
	if (error)
		real_found(t->hunt, "CPU %u cannot come back: %s", t->cpu, error_text(error));
}

static void tell_finding(void *arg, const struct pamt_finding *finding)
{
	real_found(arg, "pamt_verify(): region 0x%llx: %s (word 0x%04x, RDMD 0x%llx)",
		   (unsigned long long)region_to_hpa(finding->region).v, finding->what,
		   finding->word, (unsigned long long)finding->rdmd_rcx);
}

static void op_look(struct real_thread *t)
{
	struct pamt_host *host = t->hunt->stand.host;
	struct pamt_node_stats node;
	struct pamt_stats stats;
	int64_t findings;

	if (one_in(t, 4)) {
		findings = pamt_verify(host, tell_finding, t->hunt);
		if (findings < 0)
			real_found(t->hunt, "pamt_verify(): error %lld", (long long)findings);
		return;
	}
	pamt_stats(host, &stats);
	pamt_node_stats(host, below(t, t->hunt->nr_nodes), &node);
	if (stats.busy || stats.unbalanced_puts || stats.leaked_regions || stats.quarantined)
		real_found(t->hunt,
			   "statistics: %llu BUSY, %llu unbalanced puts, %llu leaked regions, %llu "
			   "pages refused",
			   (unsigned long long)stats.busy,
			   (unsigned long long)stats.unbalanced_puts,
			   (unsigned long long)stats.leaked_regions,
			   (unsigned long long)stats.quarantined);
}

/* ------------------------------------------------------------------------------------------- */

void real_give_back(struct real_thread *t)
{
	if (t->td)
		real_td_end(t->hunt, t->td);
	t->td = NULL;
	while (t->nr_runs) {
		struct real_run run = t->run[--t->nr_runs];

		put_pages(t, run.first, run.nr);
	}
	free_own(t);
	while (t->nr_control) {
		tdx_hpa_t page = t->control[--t->nr_control];

		real_judge_out(page, false);
		pamt_free_page(t->hunt->stand.host, page);
	}
	/* Whoever comes here last leaves nothing to libpamt. */
	pamt_cache_free(t->hunt->stand.host, &t->cache);
}

real_op_fn *const real_ops[REAL_OPS] = {
	[REAL_GET] = op_get,
	[REAL_PUT] = op_put,
	[REAL_CACHE] = op_cache,
	[REAL_CONTROL] = op_control,
	[REAL_TD_LIFE] = real_td_life,
	[REAL_TD_FAULT] = real_td_fault,
	[REAL_TD_CHANGE] = real_td_change,
	[REAL_TD_RUN] = real_td_run,
	[REAL_PRESSURE] = op_pressure,
	[REAL_CPU] = op_cpu,
	[REAL_LOOK] = op_look,
	[REAL_TOUCH] = op_touch,
	[REAL_FLOOD] = op_flood,
	[REAL_DRAIN] = op_drain,
};
