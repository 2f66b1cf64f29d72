// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_threads.c - designs on pinned threads; bench_threads.h says what is measured.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/bench/bench.h"
#include "lab/bench/bench_machine.h"
#include "lab/bench/bench_threads.h"
#include "machine/clock.h"
#include "lab/designs/design.h"
#include "lab/workload/stand.h"

#define MAX_THREADS 1024u
#define REGIONS	    8u /* of a thread */
#define GIB	    (UINT64_C(1) << 30)

static const uint32_t ops_of[BENCH_LOADS] = { [BENCH_HOT] = 1000, [BENCH_EDGES] = 200 };

struct bench;

struct worker {
	struct bench *bench;
	uint32_t cpu;
	int processor; /* of the real machine */
	pthread_t thread;
	struct pamt_cache cache;
	uint64_t ns; /* of the round */
	uint32_t failed;
};

struct bench {
	struct stand stand;
	struct map_range ranges[2];
	struct machine_map map;
	uint64_t guest_bytes;
	tdx_hpa_t guest;
	int processor[MAX_THREADS];
	/* What is measured now. */
	const struct vmm_backing *backing;
	const char *design; /* its name */
	void *state;
	enum bench_load load;
	uint32_t threads, rounds;
	uint32_t row, rows; /* of the table */
	bool stop;	    /* read and written between barriers */
	pthread_barrier_t barrier;
	struct worker *worker;
	struct bench_series ns, rate;
};

const char *bench_load_name(enum bench_load load) { return load == BENCH_HOT ? "hot" : "edges"; }

static uint32_t find_processors(int processor[MAX_THREADS])
{
	cpu_set_t set;
	uint32_t nr = 0;

	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0; i < CPU_SETSIZE && nr < MAX_THREADS; i++)
		if (CPU_ISSET(i, &set))
			processor[nr++] = i;
	return nr;
}

uint32_t bench_processors(void)
{
	int processor[MAX_THREADS];

	return find_processors(processor);
}

/* ------------------------------------------------------------------------------------------- */
/* What a thread does                                                                           */

/* Neighbouring regions are of different threads. */
static tdx_pfn_t page_of(const struct worker *w, uint32_t region, uint32_t page)
{
	uint64_t number = (uint64_t)region * w->bench->threads + w->cpu;

	return hpa_to_pfn(hpa(w->bench->guest.v + number * TDX_2M_SIZE + page * TDX_PAGE_SIZE));
}

static int get_page(struct worker *w, tdx_pfn_t page)
{
	const struct bench *b = w->bench;

	return b->backing->topup(b->state, &w->cache, 0, 1) ||
	       b->backing->get(b->state, page, &w->cache);
}

static uint64_t time_round(struct worker *w)
{
	const struct bench *b = w->bench;
	uint64_t since = clock_ns();

	for (uint32_t i = 0; i < ops_of[b->load]; i++) {
		tdx_pfn_t page = page_of(w, i % REGIONS, i & 255);

		if (get_page(w, page)) {
			w->failed++;
			continue;
		}
		b->backing->put(b->state, page, true);
	}
	return clock_ns() - since;
}

/* Every region has another user throughout, so that all gets and puts are hot. */
static void use_regions(struct worker *w)
{
	for (uint32_t region = 0; region < REGIONS; region++)
		w->failed += get_page(w, page_of(w, region, 511)) != 0;
}

static void leave_regions(struct worker *w)
{
	for (uint32_t region = 0; region < REGIONS; region++)
		w->bench->backing->put(w->bench->state, page_of(w, region, 511), true);
}

static void add_round(struct bench *b)
{
	uint64_t sum = 0, longest = 1;

	for (uint32_t i = 0; i < b->threads; i++) {
		sum += b->worker[i].ns;
		if (b->worker[i].ns > longest)
			longest = b->worker[i].ns;
	}
	bench_add(&b->ns, (double)sum / b->threads / ops_of[b->load]);
	bench_add(&b->rate, 1e3 * b->threads * ops_of[b->load] / (double)longest);
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	struct bench *b = w->bench;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(w->processor, &set);
	if (pthread_setaffinity_np(pthread_self(), sizeof(set), &set))
		w->failed++;
	threads_bind(b->stand.port, w->cpu);
	if (b->load == BENCH_HOT)
		use_regions(w);
	/* As many that are not counted first: until then memory is touched for the first time. */
	for (uint32_t round = 0; round < 2 * b->rounds; round++) {
		pthread_barrier_wait(&b->barrier);
		if (b->stop)
			break;
		w->ns = time_round(w);
		/* Then the first thread reads what all have measured. */
		pthread_barrier_wait(&b->barrier);
		if (w->cpu)
			continue;
		if (round >= b->rounds)
			add_round(b);
		b->stop = !bench_goes_on("threads", b->row * 2 * b->rounds + round + 1,
					 b->rows * 2 * b->rounds);
	}
	if (b->load == BENCH_HOT && !w->failed)
		leave_regions(w);
	b->backing->cache_free(b->state, &w->cache);
	return NULL;
}

static int measure(struct bench *b, struct bench_threads_row *row, char *error, size_t size)
{
	uint32_t failed = 0;

	b->threads = row->threads;
	b->load = row->load;
	b->ns.nr = b->rate.nr = 0;
	pthread_barrier_init(&b->barrier, NULL, b->threads);
	for (uint32_t i = 0; i < b->threads; i++) {
		struct worker *w = &b->worker[i];

		*w = (struct worker){ .bench = b, .cpu = i, .processor = b->processor[i] };
		if (pthread_create(&w->thread, NULL, run_worker, w)) {
			/* Those that were started wait for it at the barrier. */
			fprintf(stderr, "pamt: no thread\n");
			abort();
		}
	}
	for (uint32_t i = 0; i < b->threads; i++) {
		pthread_join(b->worker[i].thread, NULL);
		failed += b->worker[i].failed;
	}
	pthread_barrier_destroy(&b->barrier);
	row->ns = bench_median(&b->ns);
	row->rate = bench_median(&b->rate);
	if (!failed)
		return 0;
	snprintf(error, size, "%s, %s, %u threads: %u operations failed", row->design,
		 bench_load_name(row->load), row->threads, failed);
	return -1;
}

/* ------------------------------------------------------------------------------------------- */

static int measure_design(struct bench *b, uint32_t threads, struct bench_threads *result,
			  char *error, size_t size)
{
	for (enum bench_load load = 0; load < BENCH_LOADS; load++)
		for (uint32_t nr = 1;; nr = 2 * nr < threads ? 2 * nr : threads) {
			struct bench_threads_row *row = &result->row[result->nr++];

			*row = (struct bench_threads_row){ .design = b->design,
							   .load = load,
							   .threads = nr };
			if (measure(b, row, error, size))
				return -1;
			b->row++;
			if (b->stop) { /* in the middle of it, or behind the last */
				result->nr -= !b->ns.nr;
				return 0;
			}
			if (nr == threads)
				break;
		}
	return 0;
}

static int measure_all(struct bench *b, uint32_t threads, struct bench_threads *result, char *error,
		       size_t size)
{
	static const struct design *const others[] = { &design_v6, &design_merged };
	struct design_env env = { .os = b->stand.os, .ram_bytes = BENCH_GUEST + b->guest_bytes };
	int failed;

	b->backing = &vmm_libpamt;
	b->state = b->stand.host;
	b->design = "ours";
	failed = measure_design(b, threads, result, error, size);
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]) && !failed && !b->stop; i++) {
		if (design_create(others[i], &env, &b->state)) {
			snprintf(error, size, "no memory");
			return -1;
		}
		b->backing = others[i]->backing;
		b->design = others[i]->name;
		failed = measure_design(b, threads, result, error, size);
		design_destroy(b->state);
	}
	return failed;
}

static void tear_down(struct bench *b)
{
	const struct os_services *os = b->stand.os;

	if (b->stand.host)
		stand_end_host(&b->stand);
	if (!hpa_is_none(b->guest))
		os->free_range(os->ctx, b->guest, b->guest_bytes);
	stand_destroy(&b->stand);
}

/* The guests' pages at 4 GB, and 3 GB below for everything else. */
static int build(struct bench *b, uint32_t threads, char *error, size_t size)
{
	struct stand_config config = { .map = &b->map, .dynamic = true };
	const struct os_services *os;
	uint64_t bytes = threads * REGIONS * TDX_2M_SIZE;

	b->guest_bytes = (bytes + GIB - 1) & ~(GIB - 1);
	bench_machine(&b->map, b->ranges, 3 * GIB, b->guest_bytes, threads);
	if (stand_create(&b->stand, &config, error, size))
		return -1;
	os = b->stand.os;
	/* Before anybody else can have it. */
	b->guest = os->alloc_range(os->ctx,
				   &(struct os_range){ .bytes = b->guest_bytes,
						       .align = TDX_2M_SIZE,
						       .low = hpa(BENCH_GUEST),
						       .high = hpa(BENCH_GUEST + b->guest_bytes),
						       .node = 0 });
	if (hpa_is_none(b->guest))
		snprintf(error, size, "no memory");
	else if (!stand_bring_up(&b->stand, error, size))
		return 0;
	tear_down(b);
	return -1;
}

int bench_threads(uint32_t threads, uint32_t rounds, struct bench_threads *result, char *error,
		  size_t size)
{
	struct bench *b = calloc(1, sizeof(*b));
	int failed = -1;

	memset(result, 0, sizeof(*result));
	snprintf(error, size, "no memory");
	if (b)
		b->worker = calloc(threads, sizeof(*b->worker));
	if (b && b->worker) {
		b->rounds = rounds;
		b->rows = 3 * BENCH_LOADS;
		for (uint32_t nr = 1; nr < threads; nr *= 2)
			b->rows += 3 * BENCH_LOADS;
		find_processors(b->processor);
		failed = build(b, threads, error, size);
		if (!failed) {
			failed = measure_all(b, threads, result, error, size);
			tear_down(b);
		}
		free(b->worker);
	}
	free(b);
	return failed;
}
