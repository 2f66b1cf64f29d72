// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * race_test.c - real threads on few regions: edges, ranges, 2M pages, verify, shrink, pool churn;
 * after each the module agrees with every word and nothing is left.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "small_guest.h"

#define THREADS RIG_CPUS
/* Under a sanitizer everything takes ten times as long. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define ROUNDS 2000
#else
#define ROUNDS 20000
#endif

struct worker {
	struct rig *rig;
	struct guest *guest;
	uint32_t cpu;
	uint64_t seed;
	int failures; /* cmocka's assertions are for the main thread only */
	pthread_t thread;
};

static uint64_t next(struct worker *w)
{
	w->seed ^= w->seed << 13;
	w->seed ^= w->seed >> 7;
	w->seed ^= w->seed << 17;
	return w->seed;
}

static void expect(struct worker *w, bool ok) { w->failures += !ok; }

static void run(struct rig *rig, struct guest *guest, void *(*const body[THREADS])(void *))
{
	struct worker w[THREADS];
	int failures = 0;

	for (uint32_t i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .rig = rig, .guest = guest, .cpu = i, .seed = 1 + i };
		assert_int_equal(pthread_create(&w[i].thread, NULL, body[i], &w[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(w[i].thread, NULL);
		failures += w[i].failures;
	}
	threads_bind(rig->port, 0);
	assert_int_equal(failures, 0);
}

/* Edges: every get finds three regions nearly always empty. */
static void *edges(void *arg)
{
	struct worker *w = arg;
	struct pamt_cache cache = { 0 };

	threads_bind(w->rig->port, w->cpu);
	for (int i = 0; i < ROUNDS; i++) {
		tdx_pfn_t page = rig_page(w->rig, next(w) % 3, next(w) % 512);
		struct pamt_cache *from = next(w) % 2 ? &cache : NULL;

		if (from)
			expect(w, !pamt_cache_topup(w->rig->host, &cache, 0, 1));
		expect(w, !pamt_get(w->rig->host, page, from));
		pamt_put(w->rig->host, page);
	}
	pamt_cache_free(w->rig->host, &cache);
	return NULL;
}

/* Several pages held at once, so that counts go up and down between edges. */
static void *crowd(void *arg)
{
	struct worker *w = arg;
	uint32_t held[8] = { 0 };

	threads_bind(w->rig->port, w->cpu);
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t at = next(w) % 8;
		/* Four threads, 100 pages each of one region: never too many. */
		tdx_pfn_t first = rig_page(w->rig, at % 2, w->cpu * 100);

		if (held[at])
			pamt_put_range(w->rig->host, first, held[at]);
		held[at] = held[at] ? 0 : 1 + next(w) % 20;
		if (held[at])
			expect(w, !pamt_get_range(w->rig->host, first, held[at], NULL));
	}
	for (uint32_t at = 0; at < 8; at++)
		if (held[at])
			pamt_put_range(w->rig->host, rig_page(w->rig, at % 2, w->cpu * 100),
				       held[at]);
	return NULL;
}

/* Control pages and pairs that come and go: chunks appear and dissolve all the time. */
static void *churn(void *arg)
{
	struct worker *w = arg;
	tdx_hpa_t page[64];
	uint32_t n = 0;

	threads_bind(w->rig->port, w->cpu);
	for (int i = 0; i < ROUNDS; i++) {
		uint32_t region = 3 + next(w) % 4;

		if (n < 64 && next(w) % 2)
			expect(w, !pamt_alloc_page(w->rig->host, OS_ANY_NODE, NULL, &page[n++]));
		else if (n && next(w) % 3)
			pamt_free_page(w->rig->host, page[--n]);
		else
			while (n)
				pamt_free_page(w->rig->host, page[--n]);
		if (next(w) % 4 == 0) {
			expect(w, !pamt_get(w->rig->host, rig_page(w->rig, region, 0), NULL));
			pamt_put(w->rig->host, rig_page(w->rig, region, 0));
		}
	}
	while (n)
		pamt_free_page(w->rig->host, page[--n]);
	return NULL;
}

static void *verify(void *arg)
{
	struct worker *w = arg;

	threads_bind(w->rig->port, w->cpu);
	for (int i = 0; i < ROUNDS / 500; i++)
		expect(w, pamt_verify(w->rig->host, NULL, NULL) == 0);
	return NULL;
}

static void *shrink(void *arg)
{
	struct worker *w = arg;
	struct pamt_stats stats;

	threads_bind(w->rig->port, w->cpu);
	for (int i = 0; i < ROUNDS / 10; i++) {
		pamt_set_idle_limit(w->rig->host, next(w) % 4);
		pamt_shrink(w->rig->host, next(w) % 16);
		pamt_stats(w->rig->host, &stats);
	}
	pamt_set_idle_limit(w->rig->host, 0);
	return NULL;
}

/* A 2M page in a region that others would like to have 4K pages of. */
static void *leaf(void *arg)
{
	struct worker *w = arg;
	int mapped = 0;

	threads_bind(w->rig->port, w->cpu);
	/* Ends: when the others are through, nobody is in the way. */
	while (mapped < ROUNDS / 20) {
		tdx_pfn_t first = rig_page(w->rig, 0, 0);
		struct tdx_regs call = guest_aug_2m(w->guest, 0, first);
		int ret = pamt_map_2m(w->rig->host, first, &call);

		expect(w, !ret || ret == -OS_EBUSY);
		if (ret)
			continue;
		mapped++;
		guest_block_2m(w->guest, 0);
		call = guest_remove_2m(w->guest, 0);
		expect(w, !pamt_remove_2m(w->rig->host, first, &call));
		pamt_release_2m(w->rig->host, first);
	}
	return NULL;
}

/* get where a 2M page may be: then, and only then, it is refused. */
static void *refused(void *arg)
{
	struct worker *w = arg;

	threads_bind(w->rig->port, w->cpu);
	for (int i = 0; i < ROUNDS; i++) {
		tdx_pfn_t page = rig_page(w->rig, 0, w->cpu);
		int ret = pamt_get(w->rig->host, page, NULL);

		expect(w, !ret || ret == -OS_EBUSY);
		if (!ret)
			pamt_put(w->rig->host, page);
	}
	return NULL;
}

/* Split and merge of one region, beside everybody's edges elsewhere. */
static void *split(void *arg)
{
	struct worker *w = arg;
	tdx_pfn_t first = rig_page(w->rig, 7, 0);
	struct tdx_regs call = guest_aug_2m(w->guest, 1, first);
	tdx_hpa_t sept;

	threads_bind(w->rig->port, w->cpu);
	expect(w, !pamt_alloc_page(w->rig->host, OS_ANY_NODE, NULL, &sept));
	expect(w, !pamt_map_2m(w->rig->host, first, &call));
	for (int i = 0; i < ROUNDS / 100; i++) {
		call = guest_demote(w->guest, 1, sept);
		expect(w, !pamt_split(w->rig->host, first, &call, NULL));
		call = guest_promote(w->guest, 1);
		expect(w, !pamt_merge(w->rig->host, first, &call));
	}
	guest_block_2m(w->guest, 1);
	call = guest_remove_2m(w->guest, 1);
	expect(w, !pamt_remove_2m(w->rig->host, first, &call));
	pamt_release_2m(w->rig->host, first);
	pamt_free_page(w->rig->host, sept);
	return NULL;
}

static void race(void *(*const body[THREADS])(void *), bool needs_guest, uint32_t nodes)
{
	struct pamt_cache cache = { 0 };
	struct guest guest;
	struct rig rig;

	rig_create(&rig, nodes, true);
	if (needs_guest)
		guest_create(&guest, &rig, 40);
	run(&rig, &guest, body);
	rig_expect_sound(&rig);
	/* What puts brought back last is dealt with by the next call that may free to the OS. */
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 0), 0);
	rig_expect_bound(&rig);
	if (needs_guest)
		guest_end(&guest);
	else
		pamt_cache_free(rig.host, &cache);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

#define RACE(name, nodes, needs_guest, ...)                                    \
	static void name(void **state)                                         \
	{                                                                      \
		static void *(*const body[THREADS])(void *) = { __VA_ARGS__ }; \
                                                                               \
		race(body, needs_guest, nodes);                                \
	}

RACE(edges_of_few_regions, 2, false, edges, edges, edges, edges)
RACE(counts_and_edges, 1, false, crowd, crowd, crowd, crowd)
RACE(chunks_come_and_go, 1, false, churn, churn, churn, churn)
RACE(chunks_come_and_go_beside_edges, 2, false, churn, edges, churn, edges)
RACE(verify_beside_everything, 1, false, verify, edges, churn, crowd)
RACE(shrink_beside_everything, 2, false, shrink, edges, churn, crowd)
RACE(leaf_and_small_pages_exclude_each_other, 1, true, leaf, refused, refused, verify)
RACE(split_and_merge_beside_edges, 1, true, split, edges, churn, verify)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(edges_of_few_regions),
		cmocka_unit_test(counts_and_edges),
		cmocka_unit_test(chunks_come_and_go),
		cmocka_unit_test(chunks_come_and_go_beside_edges),
		cmocka_unit_test(verify_beside_everything),
		cmocka_unit_test(shrink_beside_everything),
		cmocka_unit_test(leaf_and_small_pages_exclude_each_other),
		cmocka_unit_test(split_and_merge_beside_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
