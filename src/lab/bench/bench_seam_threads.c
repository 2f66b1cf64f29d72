// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_seam_threads.c - what a second thread adds, when it works on a TD of its own.
 *
 * Each TD has its memory, control pages and metadata in 1 GiB blocks of its own, next to those of
 * the other. A thread maps, blocks, tracks and removes 4K pages, as fast as it can, for a fixed
 * time. What counts is the time for which it had a processor: other programs run here as well.
 */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "lab/bench/bench_seam.h"
#include "lab/bench/bench_td.h"
#include "machine/clock.h"

#define SLICE_NS UINT64_C(60000000)
#define PAGES	 256

struct worker {
	struct bench_td td;
	pthread_t thread;
	int processor; /* of the real machine */
	uint64_t begin, end;
	double calls_per_us;
	uint64_t bad; /* statuses that were not success, or-ed */
};

static void bind_to(int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
}

static uint64_t page_of(const struct bench_td *td, uint32_t i)
{
	return bench_td_guest(td) + i * TDX_PAGE_SIZE;
}

/* Four calls per page. */
static uint64_t work(const struct bench_td *td)
{
	uint64_t bad = 0;

	for (uint32_t i = 0; i < PAGES; i++)
		bad |= bench_call(td, TDH_MEM_PAGE_AUG, i * TDX_PAGE_SIZE, td->tdr, page_of(td, i))
			       .v;
	for (uint32_t i = 0; i < PAGES; i++)
		bad |= bench_call(td, TDH_MEM_RANGE_BLOCK, i * TDX_PAGE_SIZE, td->tdr, 0).v;
	for (uint32_t i = 0; i < PAGES; i++)
		bad |= bench_call(td, TDH_MEM_TRACK, td->tdr, 0, 0).v;
	for (uint32_t i = 0; i < PAGES; i++)
		bad |= bench_call(td, TDH_MEM_PAGE_REMOVE, i * TDX_PAGE_SIZE, td->tdr, 0).v;
	return bad;
}

static void *run_worker(void *arg)
{
	struct worker *w = arg;
	uint64_t rounds = 0, start;

	bind_to(w->processor);
	threads_bind(w->td.machine->stand.port, w->td.lp);
	w->bad |= work(&w->td);
	/* Together: what one does before the other is there would count for one thread. */
	while (clock_ns() < w->begin)
		sched_yield();
	start = bench_thread_time();
	do {
		w->bad |= work(&w->td);
		rounds++;
	} while (clock_ns() < w->end);
	w->calls_per_us =
		(double)(rounds * 4 * PAGES) * 1000 / (double)(bench_thread_time() - start);
	return NULL;
}

/* Calls per us that the first nr workers make together. */
static double rate(struct worker *worker, unsigned int nr)
{
	uint64_t begin = clock_ns() + 1000000;
	double sum = 0;

	for (unsigned int i = 0; i < nr; i++) {
		worker[i].begin = begin;
		worker[i].end = begin + SLICE_NS;
		if (pthread_create(&worker[i].thread, NULL, run_worker, &worker[i])) {
			nr = i;
			break;
		}
	}
	for (unsigned int i = 0; i < nr; i++) {
		pthread_join(worker[i].thread, NULL);
		sum += worker[i].calls_per_us;
		bench_expect(worker[i].td.machine, "a call of two threads",
			     (tdx_status_t){ worker[i].bad });
	}
	return sum;
}

/* The first two processors that this process may run on. */
static bool two_processors(struct worker *worker)
{
	cpu_set_t set;
	unsigned int found = 0;

	if (sched_getaffinity(0, sizeof(set), &set))
		return false;
	for (int i = 0; i < CPU_SETSIZE && found < 2; i++)
		if (CPU_ISSET(i, &set))
			worker[found++].processor = i;
	return found == 2;
}

static bool begin(struct bench_machine *machine, struct worker *worker)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct bench_td *td = &worker[i].td;

		if (!bench_td_create(
			    td, machine,
			    &(struct bench_td_config){ i, (uint16_t)(33 + i), TDX_1G_SIZE, 1 }) ||
		    !bench_td_add_table(td, 0, 3) || !bench_td_add_table(td, 0, 2) ||
		    !bench_td_add_table(td, 0, 1) || !bench_td_add_pair(td, page_of(td, 0)))
			return false;
	}
	return true;
}

static void end(const struct bench_machine *machine, struct worker *worker)
{
	for (unsigned int i = 0; i < 2; i++) {
		struct bench_td *td = &worker[i].td;

		if (!machine->error[0] && bench_td_end_keys(td))
			bench_td_remove_pair(td, page_of(td, 0));
		bench_td_destroy(td);
	}
}

int bench_seam_threads(uint32_t rounds, struct bench_seam_threads *result, char *error,
		       size_t error_size)
{
	struct bench_series one = { 0 }, two = { 0 }, ratio = { 0 };
	struct bench_machine machine;
	struct worker worker[2] = { 0 };

	*result = (struct bench_seam_threads){ 0 };
	if (!two_processors(worker)) {
		snprintf(error, error_size, "one processor only");
		return 1;
	}
	if (bench_machine_create(&machine, 8 * TDX_1G_SIZE, 2, true) && begin(&machine, worker)) {
		for (uint32_t i = 0; i < rounds && bench_goes_on("threads", i, rounds); i++) {
			double alone = rate(worker, 1), both = rate(worker, 2);

			bench_add(&one, alone);
			bench_add(&two, both);
			bench_add(&ratio, both / alone);
		}
	}
	end(&machine, worker);
	bench_machine_destroy(&machine);
	*result = (struct bench_seam_threads){ bench_median(&one), bench_median(&two),
					       bench_median(&ratio) };
	snprintf(error, error_size, "%s", machine.error);
	return machine.error[0] ? -1 : 0;
}
