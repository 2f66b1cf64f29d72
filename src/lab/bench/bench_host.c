// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_host.c - the hot path on real threads: get and put beside the bare protocol, and a range
 * beside its pages.
 *
 * Rounds of one and of the other alternate, a fraction of a millisecond each, so that whatever
 * happens to the machine happens to both; and the median round counts.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lab/bench/bare_counts.h"
#include "lab/bench/bench.h"
#include "lab/bench/bench_host.h"
#include "lab/bench/bench_machine.h"
#include "lab/workload/stand.h"

#define THREADS	      2u
#define PAIRS	      20000u /* gets and puts of a thread in a round */
#define REGIONS	      8u     /* of a thread */
#define RANGE_REGIONS 64u    /* got as a whole in a round */
#define GIB	      (UINT64_C(1) << 30)

struct bench;

struct worker {
	struct bench *bench;
	uint32_t cpu;
	pthread_t thread;
	bool started;
	uint64_t ours, bare; /* ns of the round */
};

struct bench {
	struct stand stand;
	struct map_range ranges[2];
	struct machine_map map;
	struct bare_counts bare;
	tdx_hpa_t guest[THREADS];
	pthread_barrier_t barrier;
	uint32_t rounds, hot_rounds; /* hot_rounds: that were measured */
	bool stop;		     /* read and written between barriers */
	struct worker worker[THREADS];
	struct bench_series ours, bare_series, ratio, range, gets, range_ratio;
};

static tdx_pfn_t region_page(uint32_t cpu, uint32_t region, uint32_t page)
{
	uint64_t base = BENCH_GUEST + cpu * GIB + region * TDX_2M_SIZE;

	return hpa_to_pfn(hpa(base + page * TDX_PAGE_SIZE));
}

/* ------------------------------------------------------------------------------------------- */
/* Hot get and put                                                                              */

static uint64_t time_ours(struct pamt_host *host, uint32_t cpu)
{
	uint64_t since = bench_thread_time();

	for (uint32_t i = 0; i < PAIRS; i++) {
		tdx_pfn_t page = region_page(cpu, i % REGIONS, i & 255);

		if (!pamt_get(host, page, NULL))
			pamt_put(host, page);
	}
	return bench_thread_time() - since;
}

static uint64_t time_bare(struct bare_counts *bare, uint32_t cpu)
{
	uint64_t since = bench_thread_time();

	for (uint32_t i = 0; i < PAIRS; i++) {
		tdx_pfn_t page = region_page(cpu, i % REGIONS, i & 255);

		if (!bare_counts_get(bare, page, NULL))
			bare_counts_put(bare, page);
	}
	return bench_thread_time() - since;
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct bench *b = w->bench;

	threads_bind(b->stand.port, w->cpu);
	for (uint32_t round = 0; round < b->rounds; round++) {
		/* Who goes first takes turns as well. */
		pthread_barrier_wait(&b->barrier);
		if (b->stop)
			break;
		if (round % 2)
			w->bare = time_bare(&b->bare, w->cpu);
		w->ours = time_ours(b->stand.host, w->cpu);
		if (round % 2 == 0)
			w->bare = time_bare(&b->bare, w->cpu);
		/* Then the first thread reads what both have measured. */
		pthread_barrier_wait(&b->barrier);
		if (w->cpu)
			continue;
		bench_add(&b->ours,
			  (double)(b->worker[0].ours + b->worker[1].ours) / (THREADS * PAIRS));
		bench_add(&b->bare_series,
			  (double)(b->worker[0].bare + b->worker[1].bare) / (THREADS * PAIRS));
		bench_add(&b->ratio, (double)(b->worker[0].ours + b->worker[1].ours) /
					     (double)(b->worker[0].bare + b->worker[1].bare));
		b->hot_rounds = round + 1;
		b->stop = !bench_goes_on("hot gets", b->hot_rounds, b->rounds);
	}
	return NULL;
}

/* Every region has one user throughout, so that all gets and puts are hot. */
static int use_regions(struct bench *b, char *error, size_t size)
{
	for (uint32_t cpu = 0; cpu < THREADS; cpu++)
		for (uint32_t region = 0; region < REGIONS; region++) {
			tdx_pfn_t page = region_page(cpu, region, 511);

			if (pamt_get(b->stand.host, page, NULL)) {
				snprintf(error, size, "a region cannot be backed");
				return -1;
			}
			b->bare.count[pfn_to_region(page).v] = 1;
		}
	return 0;
}

static void leave_regions(struct bench *b)
{
	for (uint32_t cpu = 0; cpu < THREADS; cpu++)
		for (uint32_t region = 0; region < REGIONS; region++)
			pamt_put(b->stand.host, region_page(cpu, region, 511));
}

static int measure_hot(struct bench *b, char *error, size_t size)
{
	struct pamt_stats before, after;
	uint64_t fast;
	int failed = 0;

	if (use_regions(b, error, size))
		return -1;
	pamt_stats(b->stand.host, &before);
	pthread_barrier_init(&b->barrier, NULL, THREADS);
	for (uint32_t i = 0; i < THREADS; i++) {
		struct worker *w = &b->worker[i];

		*w = (struct worker){ .bench = b, .cpu = i };
		if (pthread_create(&w->thread, NULL, run_worker, w)) {
			/* Those that were started wait for it at the barrier. */
			fprintf(stderr, "pamt: no thread\n");
			abort();
		}
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(b->worker[i].thread, NULL);
	pthread_barrier_destroy(&b->barrier);
	pamt_stats(b->stand.host, &after);
	fast = after.gets_fast - before.gets_fast;
	if (fast != (uint64_t)THREADS * PAIRS * b->hot_rounds) {
		snprintf(error, size, "%llu of %llu gets were hot", (unsigned long long)fast,
			 (unsigned long long)((uint64_t)THREADS * PAIRS * b->hot_rounds));
		failed = -1;
	}
	leave_regions(b);
	return failed;
}

/* ------------------------------------------------------------------------------------------- */
/* Ranges                                                                                       */

/* All regions got as a whole, ns for each. They were idle before, and are again. 0: refused. */
static double time_range(struct pamt_host *host)
{
	uint64_t since = bench_thread_time(), took;
	int failed = 0;

	for (uint32_t r = 0; r < RANGE_REGIONS; r++)
		failed |= pamt_get_range(host, region_page(0, r, 0), TDX_PAGES_PER_2M, NULL);
	took = bench_thread_time() - since;
	for (uint32_t r = 0; r < RANGE_REGIONS; r++)
		pamt_put_range(host, region_page(0, r, 0), TDX_PAGES_PER_2M);
	return failed ? 0 : (double)took / RANGE_REGIONS;
}

static double time_gets(struct pamt_host *host)
{
	uint64_t since = bench_thread_time(), took;
	int failed = 0;

	for (uint32_t r = 0; r < RANGE_REGIONS; r++)
		for (uint32_t i = 0; i < TDX_PAGES_PER_2M; i++)
			failed |= pamt_get(host, region_page(0, r, i), NULL);
	took = bench_thread_time() - since;
	for (uint32_t r = 0; r < RANGE_REGIONS; r++)
		pamt_put_range(host, region_page(0, r, 0), TDX_PAGES_PER_2M);
	return failed ? 0 : (double)took / RANGE_REGIONS;
}

static int measure_range(struct bench *b, char *error, size_t size)
{
	struct pamt_host *host = b->stand.host;

	threads_bind(b->stand.port, 0);
	/* Pairs stay: it is the count that is measured, and not the module. */
	pamt_set_idle_limit(host, 4 * RANGE_REGIONS);
	for (uint32_t round = 0; round <= b->rounds && !b->stop; round++) {
		double range = time_range(host), gets = time_gets(host);

		if (range <= 0 || gets <= 0) {
			snprintf(error, size, "a region is refused");
			return -1;
		}
		/* The first one has to bring the pairs. */
		if (!round)
			continue;
		bench_add(&b->range, range);
		bench_add(&b->gets, gets);
		bench_add(&b->range_ratio, gets / range);
		b->stop = !bench_goes_on("ranges", round, b->rounds);
	}
	pamt_set_idle_limit(host, 0);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

/* The memory of a thread's regions. */
static tdx_hpa_t take_guest(struct bench *b, uint32_t cpu)
{
	const struct os_services *os = b->stand.os;
	uint64_t base = BENCH_GUEST + cpu * GIB;

	return os->alloc_range(os->ctx,
			       &(struct os_range){ .bytes = RANGE_REGIONS * TDX_2M_SIZE,
						   .align = TDX_2M_SIZE,
						   .low = hpa(base),
						   .high = hpa(base + RANGE_REGIONS * TDX_2M_SIZE),
						   .node = 0 });
}

static void tear_down(struct bench *b)
{
	const struct os_services *os = b->stand.os;

	if (b->stand.host) {
		/* There is no TD: the last cache that is freed leaves nothing in the pool. */
		pamt_cache_free(b->stand.host, &(struct pamt_cache){ 0 });
		stand_end_host(&b->stand);
	}
	for (uint32_t cpu = 0; cpu < THREADS; cpu++)
		if (!hpa_is_none(b->guest[cpu]))
			os->free_range(os->ctx, b->guest[cpu], RANGE_REGIONS * TDX_2M_SIZE);
	free(b->bare.count);
	stand_destroy(&b->stand);
}

/* Each thread's regions are in a GiB of its own. */
static int build(struct bench *b, char *error, size_t size)
{
	struct stand_config config = { .map = &b->map, .dynamic = true };

	bench_machine(&b->map, b->ranges, GIB, THREADS * GIB, THREADS);
	if (stand_create(&b->stand, &config, error, size))
		return -1;
	/* Before anybody else can have it. */
	for (uint32_t cpu = 0; cpu < THREADS; cpu++)
		b->guest[cpu] = take_guest(b, cpu);
	b->bare.nr = (BENCH_GUEST + THREADS * GIB) >> TDX_2M_SHIFT;
	b->bare.count = calloc(b->bare.nr, sizeof(*b->bare.count));
	if (!b->bare.count || hpa_is_none(b->guest[0]) || hpa_is_none(b->guest[1]))
		snprintf(error, size, "no memory");
	else if (!stand_bring_up(&b->stand, error, size))
		return 0;
	tear_down(b);
	return -1;
}

int bench_host_threads(uint32_t rounds, struct bench_host *result, char *error, size_t size)
{
	struct bench *b = calloc(1, sizeof(*b));
	int failed;

	if (!b || (b->rounds = rounds, build(b, error, size))) {
		if (!b)
			snprintf(error, size, "no memory");
		free(b);
		return -1;
	}
	failed = measure_hot(b, error, size);
	if (!failed)
		failed = measure_range(b, error, size);
	*result = (struct bench_host){ .threads = THREADS,
				       .rounds = rounds,
				       .ours_ns = bench_median(&b->ours),
				       .bare_ns = bench_median(&b->bare_series),
				       .ours_over_bare = bench_median(&b->ratio),
				       .range_ns = bench_median(&b->range),
				       .gets_ns = bench_median(&b->gets),
				       .gets_over_range = bench_median(&b->range_ratio) };
	tear_down(b);
	free(b);
	return failed;
}
