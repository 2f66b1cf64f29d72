// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * real_round.c - one round of the hunt: a machine is made and aged, threads do what they like, and
 * with nothing in use all is counted.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine/clock.h"
#include "lab/real/real_internal.h"

#define MAX_AGED (REAL_NODES * REAL_NODE_BYTES / TDX_PAGE_SIZE)

/* ------------------------------------------------------------------------------------------- */
/* The machine                                                                                  */

static void keep(struct real_hunt *hunt, tdx_pfn_t first, uint32_t nr, bool crowd)
{
	if (nr)
		hunt->aged[hunt->nr_aged++] = (struct real_run){ first, nr, crowd };
}

/*
 * Most of a block of 2M stays taken. Free is either a small block, and the region may be in use by
 * somebody around it, or some single pages in a region that nobody uses yet.
 */
static void keep_aged(struct real_hunt *hunt, uint64_t *random, tdx_pfn_t first)
{
	bool singles = real_below(random, 3) < hunt->singles,
	     crowd = !singles && real_below(random, 4);
	uint32_t nr = singles ? 1 : 1u << real_below(random, hunt->hole_order + 1), at = 0;

	for (uint32_t hole = singles ? 7 : real_below(random, TDX_PAGES_PER_2M / nr) * nr;
	     hole < TDX_PAGES_PER_2M; hole += singles ? 101 : TDX_PAGES_PER_2M) {
		keep(hunt, pfn(first.v + at), hole - at, crowd);
		real_free_pages(hunt, pfn(first.v + hole), nr);
		at = hole + nr;
	}
	keep(hunt, pfn(first.v + at), TDX_PAGES_PER_2M - at, crowd);
}

/*
 * All of memory is taken in blocks of 2M, and each is given a fate: free again, aged, or got as a
 * whole by some thread, which will give pieces of it back.
 */
static bool age(struct real_hunt *hunt, uint64_t *random)
{
	const struct os_services *os = hunt->judge.under;
	tdx_hpa_t *block = malloc(MAX_AGED * sizeof(*block));
	uint32_t nr = 0;

	hunt->aged = malloc(MAX_AGED * sizeof(*hunt->aged));
	if (!block || !hunt->aged) {
		free(block);
		return false;
	}
	while (!hpa_is_none(block[nr] = os->alloc_pages(os->ctx, 9, OS_ANY_NODE)))
		nr++;
	/* What is left over is in no whole block: PAMT is between. */
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t fate = real_below(random, 10);

		if (fate < hunt->free_part)
			os->free_pages(os->ctx, block[i], 9);
		else if (fate < hunt->free_part + hunt->aged_part)
			keep_aged(hunt, random, hpa_to_pfn(block[i]));
		else
			keep(hunt, hpa_to_pfn(block[i]), TDX_PAGES_PER_2M, true);
	}
	free(block);
	return true;
}

/* Of aged blocks, what is to be in use becomes threads' own, until each has what it means to have.
 */
static void hand_out(struct real_hunt *hunt)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < hunt->nr_aged; i++) {
		struct real_thread *t = &hunt->thread[i % hunt->nr_threads];
		struct real_run run = hunt->aged[i];
		int error;

		if (!run.crowd || t->pages >= hunt->most_pages) {
			hunt->aged[kept++] = run;
			continue;
		}
		error = pamt_get_range(hunt->stand.host, run.first, run.nr, NULL);
		if (error) {
			real_allowed(t, "pamt_get_range() of a region", error);
			hunt->aged[kept++] = run;
			continue;
		}
		t->run[t->nr_runs++] = run;
		t->pages += run.nr;
	}
	hunt->nr_aged = kept;
}

/* ------------------------------------------------------------------------------------------- */
/* Threads                                                                                      */

static enum real_op choose(struct real_thread *t)
{
	uint32_t sum = 0, at;

	for (uint32_t i = 0; i < REAL_OPS; i++)
		sum += t->weight[i];
	at = real_below(&t->random, sum);
	for (uint32_t i = 0;; i++) {
		if (at < t->weight[i])
			return (enum real_op)i;
		at -= t->weight[i];
	}
}

static void *live(void *arg)
{
	struct real_thread *t = arg;
	struct real_hunt *hunt = t->hunt;

	threads_bind(hunt->stand.port, t->cpu);
	while (!real_stopped(hunt) && clock_ns() < hunt->deadline_ns) {
		enum real_op op = choose(t);

		real_ops[op](t);
		/* Relaxed: a figure. */
		os_fetch_add64(&hunt->board->ops[op], 1, OS_RELAXED);
	}
	/* What was found is told: nothing more is to be learnt, and locks may be held. */
	if (!real_stopped(hunt))
		real_give_back(t);
	return NULL;
}

/* False: no thread to be had. */
static bool run_threads(struct real_hunt *hunt)
{
	struct real_thread *t = hunt->thread;
	uint32_t started = 0;
	pthread_t still;
	bool good;

	while (started < hunt->nr_threads &&
	       !pthread_create(&t[started].thread, NULL, live, &t[started]))
		started++;
	good = started == hunt->nr_threads;
	if (good && hunt->still_ns) {
		good = !pthread_create(&still, NULL, real_still, hunt);
		if (good)
			pthread_join(still, NULL);
	}
	for (uint32_t i = 0; i < started; i++)
		pthread_join(t[i].thread, NULL);
	return good;
}

/* ------------------------------------------------------------------------------------------- */
/* The account                                                                                  */

static void tell_finding(void *arg, const struct pamt_finding *finding)
{
	real_found(arg, "with nothing in use: region 0x%llx: %s (word 0x%04x)",
		   (unsigned long long)region_to_hpa(finding->region).v, finding->what,
		   finding->word);
}

static void count_host(struct real_hunt *hunt)
{
	struct stand *stand = &hunt->stand;
	struct pamt_stats s;

	pamt_set_idle_limit(stand->host, 0);
	pamt_shrink(stand->host, UINT64_MAX);
	pamt_verify(stand->host, tell_finding, hunt);
	pamt_leaks(stand->host, tell_finding, hunt);
	pamt_stats(stand->host, &s);
	os_fetch_add64(&hunt->board->adds, s.adds, OS_RELAXED);
	os_fetch_add64(&hunt->board->removes, s.removes, OS_RELAXED);
	if (s.os_bytes || s.used_bytes || s.pairs_installed || s.pairs_idle || s.control_pages ||
	    s.leaf_regions || s.pages_cached)
		real_found(
			hunt,
			"with nothing in use: %llu bytes held, %llu used, %llu pairs, %llu idle, "
			"%llu control pages, %llu 2M regions, %llu pages in caches",
			(unsigned long long)s.os_bytes, (unsigned long long)s.used_bytes,
			(unsigned long long)s.pairs_installed, (unsigned long long)s.pairs_idle,
			(unsigned long long)s.control_pages, (unsigned long long)s.leaf_regions,
			(unsigned long long)s.pages_cached);
	if (s.busy || s.unbalanced_puts || s.leaked_regions || s.quarantined)
		real_found(hunt,
			   "%llu BUSY, %llu unbalanced puts, %llu leaked regions, %llu refused",
			   (unsigned long long)s.busy, (unsigned long long)s.unbalanced_puts,
			   (unsigned long long)s.leaked_regions, (unsigned long long)s.quarantined);
	if (os_load64(&hunt->judge.held, OS_RELAXED))
		real_found(hunt,
			   "with nothing in use libpamt holds %llu pages, and does not say so",
			   (unsigned long long)os_load64(&hunt->judge.held, OS_RELAXED));
}

static void count_rest(struct real_hunt *hunt)
{
	struct stand *stand = &hunt->stand;
	const struct call_counts *calls = &stand->vmm.caller.counts;
	struct seam *seam = threads_seam(stand->port);

	if (os_load64(&stand->vmm.leaked_pages, OS_RELAXED))
		real_found(hunt, "%llu pages of TDs were lost",
			   (unsigned long long)os_load64(&stand->vmm.leaked_pages, OS_RELAXED));
	if (os_load64(&calls->of[CALL_PAMT], OS_RELAXED))
		real_found(hunt, "%llu calls of the vmm found a page out of libpamt's hands busy",
			   (unsigned long long)os_load64(&calls->of[CALL_PAMT], OS_RELAXED));
	if (seam_guard_violations(seam))
		real_found(hunt, "the host touched %llu pages that were not its own",
			   (unsigned long long)seam_guard_violations(seam));
}

static void look_for_fatal(struct real_hunt *hunt)
{
	struct seam_fatal fatal;

	if (seam_is_fatal(threads_seam(hunt->stand.port), &fatal))
		real_found(hunt, "the module is dead (%u): %s; leaf %u at 0x%llx", fatal.id,
			   fatal.rule, fatal.leaf, (unsigned long long)fatal.at.v);
}

/* Each thread has freed its cache last, and nothing else has happened since. */
static void look_what_is_left(struct real_hunt *hunt)
{
	struct pamt_stats s;

	for (uint32_t i = 0; i < REAL_SLOTS; i++)
		/* Relaxed: the threads have been joined. */
		if (os_load64(&hunt->slot[i], OS_RELAXED))
			return;
	pamt_stats(hunt->stand.host, &s);
	/* Idle regions may have been asked for. */
	if (s.os_bytes && !s.pairs_idle)
		real_found(hunt, "%llu bytes were held after the last cache had been freed",
			   (unsigned long long)s.os_bytes);
}

/* TDs that lie between threads; whoever had them is gone. */
static void end_slots(struct real_hunt *hunt)
{
	for (uint32_t i = 0; i < REAL_SLOTS; i++) {
		/* Acquire: what its last owner did. */
		struct real_td *td =
			(struct real_td *)(uintptr_t)os_xchg64(&hunt->slot[i], 0, OS_ACQUIRE);

		if (td)
			real_td_end(hunt, td);
	}
}

/* ------------------------------------------------------------------------------------------- */

static void round_on(struct real_hunt *hunt, uint64_t *random, uint64_t free_bytes)
{
	hand_out(hunt);
	hunt->deadline_ns += clock_ns();
	if (!run_threads(hunt)) {
		real_found(hunt, "no thread to be had");
		return;
	}
	look_for_fatal(hunt);
	if (real_stopped(hunt))
		return;
	look_what_is_left(hunt);
	end_slots(hunt);
	count_host(hunt);
	count_rest(hunt);
	look_for_fatal(hunt);
	stand_end_host(&hunt->stand);
	for (uint32_t i = 0; i < hunt->nr_aged; i++)
		real_free_pages(hunt, hunt->aged[i].first, hunt->aged[i].nr);
	if (!real_stopped(hunt) && stand_free_bytes(&hunt->stand) != free_bytes)
		real_found(hunt, "%lld bytes of the machine's memory are missing",
			   (long long)(free_bytes - stand_free_bytes(&hunt->stand)));
}

bool real_round(struct real_board *board, uint64_t seed, uint32_t threads, uint64_t round_ns)
{
	struct real_hunt *hunt = calloc(1, sizeof(*hunt));
	struct machine_map map;
	struct map_range ranges[REAL_NODES];
	struct stand_config config = {
		.map = &map,
		.dynamic = true,
		.guest = real_guest,
		.guest_ctx = hunt,
		.guard = seed % 4,
		.log_level = OS_LOG_ERROR,
	};
	uint64_t random = seed, free_bytes;
	char error[256] = "no memory";

	if (!hunt)
		return false;
	hunt->board = board;
	hunt->seed = seed;
	hunt->deadline_ns = round_ns;
	hunt->thread = calloc(threads, sizeof(*hunt->thread));
	if (hunt->thread)
		real_shape(hunt, threads, &random, &map, ranges);
	if (!hunt->thread || stand_create(&hunt->stand, &config, error, sizeof(error))) {
		real_found(hunt, "%s", error);
		return false;
	}
	free_bytes = stand_free_bytes(&hunt->stand);
	real_judge_init(hunt);
	if (stand_bring_up(&hunt->stand, error, sizeof(error)) || !age(hunt, &random)) {
		real_found(hunt, "%s", error);
	} else {
		hunt->stand.vmm.backing = &hunt->judge.backing;
		round_on(hunt, &random, free_bytes);
	}
	/* What was found may have left anything behind: the process ends in any case. */
	if (real_stopped(hunt))
		return false;
	stand_destroy(&hunt->stand);
	free(hunt->aged);
	free(hunt->thread);
	free(hunt);
	return true;
}
