// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * memory_test.c - what Dynamic PAMT costs in memory: pairs for the control pages of one large TD on
 * aged memory, the bound on what the pool holds after a peak of 1 TiB on eight nodes, the table.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "lab/workload/stand.h"
#include "machine/background.h"

#define GIB (UINT64_C(1) << 30)

/* Under a sanitizer everything takes ten times as long. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define TD_BYTES   (8 * GIB)
#define PEAK_BYTES (64 * GIB)
#else
#define TD_BYTES   (64 * GIB)
#define PEAK_BYTES (1024 * GIB)
#endif
#define NR_VCPUS     4
#define AGED	     60 /* per cent of free memory that is not in whole 2M blocks */
#define NR_NODES     8
#define OTHERS_BYTES (8 * GIB) /* that the rest of the machine uses */

static enum seam_exit no_guest(void *ctx, struct seam_vcpu *vcpu) { return SEAM_EXIT_HALT; }

/* A machine of that many nodes, each with a range of its own. */
static struct machine_map make_map(struct map_range *ranges, uint32_t nodes, uint64_t bytes)
{
	struct machine_map map = { .name = "memory",
				   .nr_ranges = nodes,
				   .ranges = ranges,
				   .nr_cmrs = nodes,
				   .hkid_min = 32,
				   .hkid_max = 63,
				   .max_pa = 52,
				   .hkid_bits = 6,
				   .nr_cpus = 8,
				   .nr_packages = 1,
				   .nr_nodes = nodes };

	for (uint32_t i = 0; i < nodes; i++) {
		ranges[i] = (struct map_range){ GIB + i * bytes, bytes, i };
		map.cmr[i] = (struct tdx_cmr){ ranges[i].base, bytes };
	}
	return map;
}

static void start(struct stand *stand, const struct machine_map *map, uint64_t *free_bytes)
{
	struct stand_config config = {
		.map = map, .dynamic = true, .guest = no_guest, .log_level = OS_LOG_ERROR
	};
	char error[256];

	if (stand_create(stand, &config, error, sizeof(error)))
		fail_msg("%s", error);
	*free_bytes = stand_free_bytes(stand);
	if (stand_bring_up(stand, error, sizeof(error)))
		fail_msg("%s", error);
}

static struct pamt_stats stats_of(const struct stand *stand)
{
	struct pamt_stats stats;

	pamt_stats(stand->host, &stats);
	return stats;
}

/* Nothing is left, here or in the machine's allocator. */
static void finish(struct stand *stand, uint64_t free_bytes)
{
	assert_int_equal(stats_of(stand).os_bytes, 0);
	assert_int_equal(pamt_verify(stand->host, NULL, NULL), 0);
	stand_end_host(stand);
	assert_int_equal(stand_free_bytes(stand), free_bytes);
	stand_destroy(stand);
}

/* ------------------------------------------------------------------------------------------- */

static enum tdx_size always_2m(void *arg, tdx_gpa_t at)
{
	(void)arg;
	(void)at;
	return TDX_2M;
}

/* The rest of the machine allocates and frees while a TD boots. */
static void others_work(struct background *background)
{
	for (int i = 0; i < 4; i++)
		assert_int_equal(background_step(background, OTHERS_BYTES), 0);
}

/* Linux's way: each control page is a single page of the OS, and its region is backed for it. */
static uint64_t pairs_of_single_pages(const struct stand *stand, struct background *background,
				      uint64_t nr)
{
	const struct os_services *os = stand->os;
	tdx_hpa_t *page = calloc(nr, sizeof(*page));
	uint64_t pairs = 0;

	assert_non_null(page);
	for (uint64_t i = 0; i < nr; i++) {
		bool known = false;

		page[i] = os->alloc_pages(os->ctx, 0, 0);
		assert_false(hpa_is_none(page[i]));
		/* A TD's control pages are a few per GB: so much time lies between them. */
		for (uint64_t k = 0; k < TD_BYTES / TDX_2M_SIZE / nr; k++)
			others_work(background);
		for (uint64_t j = 0; j < i && !known; j++)
			known = hpa_to_region(page[j]).v == hpa_to_region(page[i]).v;
		pairs += !known;
	}
	for (uint64_t i = 0; i < nr; i++)
		os->free_pages(os->ctx, page[i], 0);
	free(page);
	return pairs;
}

static void boot(struct stand *stand, struct background *background, struct td **td)
{
	struct td_config config = { .max_vcpus = NR_VCPUS, .page_size = always_2m };
	struct vcpu *vcpu[NR_VCPUS];

	assert_int_equal(td_create(&stand->vmm, &config, td), 0);
	for (uint32_t i = 0; i < NR_VCPUS; i++)
		assert_int_equal(td_add_vcpu(*td, &vcpu[i]), 0);
	assert_int_equal(td_finalize(*td), 0);
	/* As the guest would touch it, each 2M page from another vCPU than the last. */
	for (uint64_t at = 0; at < TD_BYTES; at += TDX_2M_SIZE) {
		assert_int_equal(td_fault(vcpu[at / TDX_2M_SIZE % NR_VCPUS], gpa(at)), 0);
		others_work(background);
	}
}

static void large_td_in_2m_pages_needs_three_pairs_on_aged_memory(void **state)
{
	struct background *background;
	struct map_range ranges[1];
	struct machine_map map = make_map(ranges, 1, 256 * GIB);
	struct td_counts counts;
	struct stand stand;
	struct pamt_stats s;
	uint64_t free_bytes, single;
	struct td *td;

	start(&stand, &map, &free_bytes);
	background = background_create(stand.machine, 1);
	assert_non_null(background);
	assert_int_equal(background_age(background, OS_ANY_NODE, AGED), 0);
	boot(&stand, background, &td);
	td_sum_counts(td, &counts);
	assert_int_equal(counts.fallbacks.v, 0);
	assert_int_equal(counts.maps_2m.v, TD_BYTES / TDX_2M_SIZE);
	s = stats_of(&stand);
	assert_true(s.control_pages > TD_BYTES / GIB);
	assert_true(s.pairs_installed <= 3);
	assert_true(s.os_bytes <= 2 * s.used_bytes + (64 << 10));
	single = pairs_of_single_pages(&stand, background, s.control_pages);
	print_message(
		"figure: TD of %llu GB in 2M pages, %u vCPUs, %u %% of free memory broken up: "
		"%llu control pages behind %llu pairs, %llu KB in all; a pair for each "
		"region touched by single pages of that allocator: %llu pairs, %llu KB\n",
		(unsigned long long)(TD_BYTES / GIB), NR_VCPUS, AGED,
		(unsigned long long)s.control_pages, (unsigned long long)s.pairs_installed,
		(unsigned long long)s.os_bytes >> 10, (unsigned long long)single,
		(unsigned long long)(s.control_pages + 2 * single) * 4);
	assert_int_equal(td_destroy(td), 0);
	background_destroy(background);
	finish(&stand, free_bytes);
}

/* ------------------------------------------------------------------------------------------- */

/* held <= 2 x used + 64 KB on each node; raises *worst to the largest part of that that is held. */
static void expect_bound(const struct stand *stand, double *worst)
{
	/* What puts brought back is dealt with by the next call that may free to the OS. */
	assert_int_equal(pamt_cache_topup(stand->host, &(struct pamt_cache){ 0 }, 0, 0), 0);
	for (uint32_t node = 0; node < stand->os->nr_nodes; node++) {
		struct pamt_node_stats s;
		uint64_t bound;

		pamt_node_stats(stand->host, node, &s);
		bound = 2 * s.used_bytes + (64 << 10);
		if (s.os_bytes > bound)
			fail_msg("node %u holds %llu bytes for %llu used", node,
				 (unsigned long long)s.os_bytes, (unsigned long long)s.used_bytes);
		if ((double)s.os_bytes / (double)bound > *worst)
			*worst = (double)s.os_bytes / (double)bound;
	}
}

/* Every CPU backs its node's share of the regions, and gives them back in another order. */
static void peak(struct stand *stand, const tdx_hpa_t *block, uint32_t nr, double *worst)
{
	uint32_t share = nr / NR_NODES, steps = 16;

	for (uint32_t step = 0; step < 2 * steps; step++) {
		bool get = step < steps;

		for (uint32_t i = step % steps; i < nr; i += steps) {
			tdx_pfn_t page = hpa_to_pfn(block[i]);

			threads_bind(stand->port, i / share);
			if (!get)
				pamt_put(stand->host, page);
			else if (pamt_get(stand->host, page, NULL))
				fail_msg("no pair for region %u", i);
		}
		expect_bound(stand, worst);
	}
	threads_bind(stand->port, 0);
}

static void bound_holds_after_a_peak_of_one_terabyte_on_eight_nodes(void **state)
{
	const uint32_t nr = PEAK_BYTES / TDX_2M_SIZE;
	tdx_hpa_t *block = calloc(nr, sizeof(*block)), control;
	struct map_range ranges[NR_NODES];
	struct machine_map map = make_map(ranges, NR_NODES, 256 * GIB);
	uint64_t free_bytes, words;
	struct stand stand;
	struct pamt_stats s;
	double worst = 0;

	assert_non_null(block);
	start(&stand, &map, &free_bytes);
	words = (ranges[NR_NODES - 1].base + ranges[NR_NODES - 1].size) / TDX_2M_SIZE * 2;
	assert_int_equal(stats_of(&stand).table_bytes, (words + 0x1ffff) & ~UINT64_C(0x1ffff));
	for (uint32_t i = 0; i < nr; i++) {
		block[i] = stand.os->alloc_pages(stand.os->ctx, 9, i / (nr / NR_NODES));
		assert_false(hpa_is_none(block[i]));
	}
	/* A TD is there all the time: not everything goes when the last pair does. */
	assert_int_equal(pamt_alloc_page(stand.host, 0, NULL, &control), 0);
	peak(&stand, block, nr, &worst);
	s = stats_of(&stand);
	assert_int_equal(s.busy, 0);
	print_message(
		"figure: peak of %llu GB in 4K pages on %u nodes: %llu pairs, %llu KB taken "
		"from the system for them, %.2f %% more; at every quiet point at most %.0f %% "
		"of the bound; %llu KB after it; table of %llu KB for %llu GB\n",
		(unsigned long long)(PEAK_BYTES / GIB), NR_NODES,
		(unsigned long long)s.pairs_installed_peak,
		(unsigned long long)s.os_bytes_peak >> 10,
		100.0 * (double)s.os_bytes_peak /
				(double)(s.pairs_installed_peak * 2 * TDX_PAGE_SIZE) -
			100.0,
		100 * worst, (unsigned long long)s.os_bytes >> 10,
		(unsigned long long)s.table_bytes >> 10, (unsigned long long)NR_NODES * 256);
	assert_true(s.os_bytes <= NR_NODES * UINT64_C(65536) + 2 * s.used_bytes);
	pamt_free_page(stand.host, control);
	for (uint32_t i = 0; i < nr; i++)
		stand.os->free_pages(stand.os->ctx, block[i], 9);
	free(block);
	finish(&stand, free_bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(large_td_in_2m_pages_needs_three_pairs_on_aged_memory),
		cmocka_unit_test(bound_holds_after_a_peak_of_one_terabyte_on_eight_nodes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
