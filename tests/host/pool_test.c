// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pool_test.c - chunks: how large, how many, pinned how long, given back when.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/pool.h"
#include "machine/allocator.h"
#include "rig.h"

#define MAX_PAGES 4096

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void hundred_control_pages_take_three_pairs(void **state)
{
	tdx_hpa_t page[104];
	struct pamt_stats s;
	struct rig rig;

	rig_create(&rig, 1, true);
	for (int i = 0; i < 104; i++) {
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[i]), 0);
		rig_expect_bound(&rig);
	}
	s = rig_stats(&rig);
	assert_int_equal(s.control_pages, 104);
	assert_true(s.pairs_installed <= 3);
	rig_expect_sound(&rig);
	for (int i = 0; i < 104; i++) {
		pamt_free_page(rig.host, page[i]);
		rig_expect_bound(&rig);
	}
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void bound_holds_at_every_quiet_point(void **state)
{
	static tdx_hpa_t page[MAX_PAGES];
	struct pamt_cache cache = { 0 };
	uint64_t seed = 7;
	uint32_t n = 0;
	struct rig rig;

	rig_create(&rig, 2, true);
	for (int round = 0; round < 20000; round++) {
		/* Waves: mostly up, mostly down. */
		bool up = random_next(&seed) % 10 < (round / 2500 % 2 ? 2 : 8);

		if (up && n < MAX_PAGES) {
			if (!pamt_alloc_page(rig.host, round % 2, NULL, &page[n]))
				n++;
		} else if (n) {
			uint32_t i = random_next(&seed) % n;

			pamt_free_page(rig.host, page[i]);
			page[i] = page[--n];
		}
		if (round % 100 == 0) {
			assert_int_equal(pamt_cache_topup(rig.host, &cache, 4, 2), 0);
			rig_expect_bound(&rig);
		}
	}
	rig_expect_sound(&rig);
	while (n) {
		pamt_free_page(rig.host, page[--n]);
		if (n % 64 == 0)
			rig_expect_bound(&rig);
	}
	pamt_cache_free(rig.host, &cache);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void bound_holds_after_a_peak_of_pairs(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 3), NULL), 0);
	rig_expect_bound(&rig);
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		pamt_put(rig.host, rig_page(&rig, i, 3));
	/* put gives nothing to the OS; the next that may does. */
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 1, 0), 0);
	rig_expect_bound(&rig);
	pamt_cache_free(rig.host, &cache);
	pamt_free_page(rig.host, page);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/*
 * pamt_free_page() may be called in any context, and gave back all that a pool had too much,
 * however much that was: a block of 2M more than its share is the end now, and who comes next goes
 * on.
 */
static void page_free_has_an_end_soon(void **state)
{
	static tdx_hpa_t many[8 * POOL_TRIM_ANY];
	const uint32_t nr = sizeof(many) / sizeof(*many);
	struct pamt_cache cache = { 0 };
	tdx_hpa_t control[2];
	uint32_t got;
	struct rig rig;

	rig_create(&rig, 1, true);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &control[i]), 0);
	assert_int_equal(pool_draw(rig.host, 0, many, nr, &got), 0);
	assert_int_equal(pool_give_direct(rig.host, many, nr), nr);
	/* With a control page left, and without. */
	for (uint32_t i = 0; i < 2; i++) {
		uint64_t held = rig_stats(&rig).os_bytes;

		pamt_free_page(rig.host, control[i]);
		assert_in_range(held - rig_stats(&rig).os_bytes, POOL_TRIM_ANY * TDX_PAGE_SIZE,
				POOL_TRIM_ANY * TDX_PAGE_SIZE + TDX_2M_SIZE);
	}
	pamt_cache_free(rig.host, &cache);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* An OS that has no large blocks, or none of one node. */
static tdx_hpa_t (*real_alloc)(void *ctx, unsigned int order, uint32_t node);
static unsigned int max_order;
static uint32_t empty_node;
static uint32_t asked, refused; /* so many times */

static tdx_hpa_t aged_alloc(void *ctx, unsigned int order, uint32_t node)
{
	asked++;
	refused += order > max_order || node == empty_node;
	return order > max_order || node == empty_node ? HPA_NONE : real_alloc(ctx, order, node);
}

static tdx_hpa_t no_memory(void *ctx, unsigned int order, uint32_t node) { return HPA_NONE; }

static void age(struct rig *rig, unsigned int order, uint32_t node)
{
	real_alloc = rig->services.alloc_pages;
	max_order = order;
	empty_node = node;
	rig->services.alloc_pages = aged_alloc;
}

static void small_blocks_will_do(void **state)
{
	struct pamt_cache cache = { 0 };
	tdx_hpa_t page[200];
	struct rig rig;

	rig_create(&rig, 1, true);
	age(&rig, 2, OS_ANY_NODE - 1);
	for (int i = 0; i < 200; i++)
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[i]), 0);
	assert_true(rig_stats(&rig).chunks[2] >= 50);
	/* More at once than one of them has. */
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 40, 0), 0);
	pamt_cache_free(rig.host, &cache);
	rig_expect_sound(&rig);
	rig_expect_bound(&rig);
	for (int i = 0; i < 200; i++)
		pamt_free_page(rig.host, page[i]);
	rig_expect_nothing_left(&rig);
	max_order = 1;
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[0]), -OS_ENOMEM);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void pages_are_of_the_node_asked_for_and_of_another_if_it_is_empty(void **state)
{
	tdx_hpa_t page[2];
	struct rig rig;

	rig_create(&rig, 2, true);
	for (uint32_t node = 0; node < 2; node++) {
		assert_int_equal(pamt_alloc_page(rig.host, node, NULL, &page[node]), 0);
		assert_int_equal(page[node].v >= UINT64_C(4) << 30, node);
		pamt_free_page(rig.host, page[node]);
	}
	age(&rig, 9, 1);
	assert_int_equal(pamt_alloc_page(rig.host, 1, NULL, &page[1]), 0);
	assert_true(page[1].v < UINT64_C(4) << 30);
	pamt_free_page(rig.host, page[1]);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void chunk_that_backs_other_users_waits_for_them(void **state)
{
	tdx_hpa_t page, neighbour;
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	/* A guest page in the chunk's own region. */
	do
		neighbour = rig.os->alloc_pages(rig.os->ctx, 0, 0);
	while (hpa_to_region(neighbour).v != hpa_to_region(page).v);
	assert_int_equal(pamt_get(rig.host, hpa_to_pfn(neighbour), NULL), 0);
	assert_int_equal(rig_stats(&rig).adds, 1);
	pamt_free_page(rig.host, page);
	/* The pair has to stay, and it lies in the chunk. */
	assert_int_equal(rig_stats(&rig).os_bytes, 2 * 4096);
	rig_expect_sound(&rig);
	assert_int_equal(pamt_get(rig.host, pfn(hpa_to_pfn(neighbour).v), NULL), 0);
	pamt_put_range(rig.host, hpa_to_pfn(neighbour), 1);
	pamt_put(rig.host, hpa_to_pfn(neighbour));
	assert_int_equal(rig_stats(&rig).removes, 0);
	rig_expect_sound(&rig);
	pamt_cache_free(rig.host, &(struct pamt_cache){ 0 });
	rig_expect_nothing_left(&rig);
	rig.free_bytes -= 4096;
	rig_destroy(&rig);
}

static void chunk_in_a_backed_region_needs_no_pair(void **state)
{
	tdx_hpa_t pages[64];
	struct rig rig;
	uint32_t n = 0;

	/* Guest pages of a broken 2M block first: the OS takes the chunk out of the same block. */
	rig_create(&rig, 1, true);
	pages[n++] = rig.os->alloc_pages(rig.os->ctx, 0, 0);
	assert_int_equal(pamt_get(rig.host, hpa_to_pfn(pages[0]), NULL), 0);
	while (n < 40)
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &pages[n++]), 0);
	assert_true(rig_stats(&rig).chunks[4] + rig_stats(&rig).chunks[5] >= 2);
	rig_expect_sound(&rig);
	pamt_put(rig.host, hpa_to_pfn(pages[0]));
	while (n > 1)
		pamt_free_page(rig.host, pages[--n]);
	rig_expect_nothing_left(&rig);
	rig.os->free_pages(rig.os->ctx, pages[0], 0);
	rig_destroy(&rig);
}

static void page_that_is_not_out_is_not_taken_back(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	pamt_free_page(rig.host, hpa(page.v + 4096));
	pamt_free_page(rig.host, hpa(UINT64_C(4) << 30));
	assert_int_equal(rig_stats(&rig).unbalanced_puts, 2);
	assert_int_equal(rig_stats(&rig).control_pages, 1);
	pamt_free_page(rig.host, page);
	pamt_free_page(rig.host, page);
	assert_int_equal(rig_stats(&rig).unbalanced_puts, 3);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	rig_destroy(&rig);
}

static void page_that_went_back_to_the_os_is_not_taken_back(void **state)
{
	struct rig rig;
	tdx_hpa_t page[3];

	rig_create(&rig, 1, true);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[i]), 0);
	pamt_free_page(rig.host, page[1]);
	pamt_shrink(rig.host, UINT64_MAX);
	/* The chunk lives on, for its first page; this one is the OS's. */
	pamt_free_page(rig.host, page[1]);
	assert_int_equal(rig_stats(&rig).unbalanced_puts, 1);
	pamt_free_page(rig.host, page[0]);
	pamt_free_page(rig.host, page[2]);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	rig_destroy(&rig);
}

static void largest_chunks_go_back_in_one_piece_when_the_host_ends(void **state)
{
	static tdx_hpa_t page[1400];
	struct rig rig;

	rig_create(&rig, 1, true);
	for (int i = 0; i < 1400; i++)
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[i]), 0);
	assert_true(rig_stats(&rig).chunks[9] > 0);
	/* Never freed: the end of the host is the end of the module, and nothing is lost. */
	rig_destroy(&rig);
}

static void half_a_pair_is_not_lost(void **state)
{
	tdx_hpa_t page[16];
	uint32_t n = 0;
	struct rig rig;

	rig_create(&rig, 1, true);
	rig_fail_alloc(&rig, 1);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), -OS_ENOMEM);
	rig_fail_nothing(&rig);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[n++]), 0);
	while (rig_stats(&rig).pages_spare > 1)
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[n++]), 0);
	rig_fail_alloc(&rig, 1);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), -OS_ENOMEM);
	rig_fail_nothing(&rig);
	assert_int_equal(rig_stats(&rig).pages_spare, 1);
	while (n)
		pamt_free_page(rig.host, page[--n]);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void pair_of_two_nodes_comes_back_to_both(void **state)
{
	tdx_hpa_t page[2][16];
	uint32_t n[2] = { 0 };
	struct rig rig;

	/* Each node has one page left, and the OS has none. */
	rig_create(&rig, 2, true);
	for (uint32_t node = 0; node < 2; node++) {
		struct pamt_node_stats s;

		do {
			assert_int_equal(
				pamt_alloc_page(rig.host, node, NULL, &page[node][n[node]++]), 0);
			pamt_node_stats(rig.host, node, &s);
		} while (s.os_bytes - s.used_bytes > 4096);
	}
	/* Down to the smallest block, of this node and then of any. */
	age(&rig, 0, 0);
	max_order = 1;
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), 0);
	rig_expect_sound(&rig);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	for (uint32_t node = 0; node < 2; node++) {
		struct pamt_node_stats s;

		pamt_node_stats(rig.host, node, &s);
		assert_int_equal(s.os_bytes - s.used_bytes, 4096);
		while (n[node])
			pamt_free_page(rig.host, page[node][--n[node]]);
	}
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* What pamt_bind_thread() may do. */
static void cpu_that_moves_to_another_node_leaves_its_magazine(void **state)
{
	tdx_hpa_t page[64];
	struct rig rig;

	rig_create(&rig, 2, true);
	for (int i = 0; i < 64; i++)
		assert_int_equal(pamt_alloc_page(rig.host, i % 2, NULL, &page[i]), 0);
	/* Fills the magazine with pages of node 0. */
	for (uint32_t i = 0; i < 8; i += 2) {
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 0), NULL), 0);
		pamt_put(rig.host, rig_page(&rig, i, 0));
	}
	assert_int_not_equal(rig.host->cpu[0].magazine.nr, 0);
	threads_node = 1;
	for (uint32_t i = 1; i < 9; i += 2)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 0), NULL), 0);
	for (uint32_t i = 1; i < 9; i += 2)
		pamt_put(rig.host, rig_page(&rig, i, 0));
	assert_int_equal(rig.host->cpu[0].magazine.node, 0);
	threads_node = 0;
	rig_expect_bound(&rig);
	for (int i = 0; i < 64; i++)
		pamt_free_page(rig.host, page[i]);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* A module that gives other pages back than it got. */
static tdx_status_t (*true_module)(void *ctx, struct tdx_regs *regs);
static tdx_hpa_t false_page[2]; /* HPA_NONE: the true one */

static tdx_status_t false_module(void *ctx, struct tdx_regs *regs)
{
	bool removal = TDX_RAX_LEAF(regs->rax) == TDH_PHYMEM_PAMT_REMOVE;
	tdx_status_t status = true_module(ctx, regs);

	if (removal && tdx_status_ok(status)) {
		regs->rdx = hpa_is_none(false_page[0]) ? regs->rdx : false_page[0].v;
		regs->r8 = hpa_is_none(false_page[1]) ? regs->r8 : false_page[1].v;
	}
	return status;
}

static void chunk_that_does_not_get_its_own_pages_back_is_stuck(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	/* Of another region; of this one but gone to the OS already. */
	for (uint32_t i = 0; i < 2; i++) {
		rig_create(&rig, 1, true);
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
		false_page[0] = i ? page : rig.guest[0];
		false_page[1] = HPA_NONE;
		true_module = rig.services.seamcall;
		rig.services.seamcall = false_module;
		pamt_free_page(rig.host, page);
		rig.services.seamcall = true_module;
		assert_int_equal(rig_stats(&rig).unbalanced_puts, 1);
		/* One page came back; of the other nobody knows whose it is. */
		assert_int_equal(rig_stats(&rig).os_bytes, 4096);
		pamt_shrink(rig.host, UINT64_MAX);
		assert_int_equal(rig_stats(&rig).os_bytes, 4096);
		rig_destroy(&rig);
	}
}

static void pair_page_freed_by_its_user_is_not_freed_twice(void **state)
{
	tdx_hpa_t page, neighbour, own;
	struct rig rig;

	/* A chunk that is kept for its pair only, a page of which comes back by mistake. */
	rig_create(&rig, 1, true);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	do
		neighbour = rig.os->alloc_pages(rig.os->ctx, 0, 0);
	while (hpa_to_region(neighbour).v != hpa_to_region(page).v);
	assert_int_equal(pamt_get(rig.host, hpa_to_pfn(neighbour), NULL), 0);
	pamt_free_page(rig.host, page);
	assert_int_equal(rig_stats(&rig).os_bytes, 2 * 4096);
	own = hpa(page.v & ~(TDX_PAGE_SIZE * 16 - 1));
	assert_int_equal(pool_give_direct(rig.host, &own, 1), 1);
	pamt_put(rig.host, hpa_to_pfn(neighbour));
	pamt_shrink(rig.host, UINT64_MAX);
	/* Noticed when the pair comes back, and that page is not touched any more. */
	assert_int_equal(rig_stats(&rig).unbalanced_puts, 1);
	assert_int_equal(rig_stats(&rig).os_bytes, 4096);
	rig.free_bytes -= 4096;
	rig_destroy(&rig);
}

/* The pool holds more than it may, and the CPU that runs this knows. */
static void leaves_too_much(struct rig *rig)
{
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		assert_int_equal(pamt_get(rig->host, rig_page(rig, i, 0), NULL), 0);
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		pamt_put(rig->host, rig_page(rig, i, 0));
}

/* A top-up for which there is nothing to draw looks no further than at its own CPU. */
static void topup_of_a_full_cache_trims_what_its_cpu_has_left(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;
	uint64_t held;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 4, 1), 0);
	leaves_too_much(&rig);
	held = rig_stats(&rig).os_bytes;
	threads_bind(rig.port, 1);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 4, 1), 0);
	assert_int_equal(rig_stats(&rig).os_bytes, held);
	threads_bind(rig.port, 0);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 4, 1), 0);
	assert_true(rig_stats(&rig).os_bytes < held);
	rig_expect_bound(&rig);
	/* One that draws does it for all. */
	leaves_too_much(&rig);
	held = rig_stats(&rig).os_bytes;
	threads_bind(rig.port, 1);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 5, 1), 0);
	assert_true(rig_stats(&rig).os_bytes < held);
	rig_expect_bound(&rig);
	pamt_cache_free(rig.host, &cache);
	threads_bind(rig.port, 0);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void memory_in_pieces_is_not_asked_for_large_blocks_each_time(void **state)
{
	struct pamt_cache cache[16] = { 0 };
	struct rig rig;

	rig_create(&rig, 1, true);
	age(&rig, 3, OS_ANY_NODE - 1);
	asked = refused = 0;
	for (uint32_t i = 0; i < 16; i++)
		assert_int_equal(pamt_cache_topup(rig.host, &cache[i], 64, 0), 0);
	/* Two for each chunk at most: this much, and is there more by now? */
	assert_true(asked - refused >= 64 * 16 / 8);
	assert_true(refused <= asked - refused + CHUNK_MAX_ORDER);
	for (uint32_t i = 0; i < 16; i++)
		pamt_cache_free(rig.host, &cache[i]);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void node_without_free_memory_is_not_asked_while_others_have_pages(void **state)
{
	struct pamt_cache cache = { 0 };
	tdx_hpa_t page[8];
	struct rig rig;

	rig_create(&rig, 2, true);
	assert_int_equal(pamt_alloc_page(rig.host, 1, NULL, &page[0]), 0);
	age(&rig, CHUNK_MAX_ORDER, 0);
	/* Node 0 turns out to be dry, and then the other's chunk will do. */
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[1]), 0);
	assert_true(page[1].v >= UINT64_C(4) << 30);
	asked = refused = 0;
	for (uint32_t i = 2; i < 8; i++)
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[i]), 0);
	assert_int_equal(asked, 0);
	/* It is again where the others have none, and has some now. */
	rig.services.alloc_pages = real_alloc;
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 40, 0), 0);
	assert_true(cache.page[39].v < UINT64_C(4) << 30);
	for (uint32_t i = 0; i < 8; i++)
		pamt_free_page(rig.host, page[i]);
	pamt_cache_free(rig.host, &cache);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* Its draws went to other nodes for as long as those had pages, which may be for ever. */
static void node_that_has_memory_again_is_asked_while_others_have_pages(void **state)
{
	tdx_hpa_t page[2], again;
	struct rig rig;
	uint32_t draws = 0;

	rig_create(&rig, 2, true);
	assert_int_equal(pamt_alloc_page(rig.host, 1, NULL, &page[0]), 0);
	age(&rig, CHUNK_MAX_ORDER, 0);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[1]), 0);
	rig.services.alloc_pages = real_alloc;
	do {
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &again), 0);
		pamt_free_page(rig.host, again);
	} while (again.v >= UINT64_C(4) << 30 && ++draws <= POOL_DRY_DRAWS);
	assert_true(again.v < UINT64_C(4) << 30);
	for (uint32_t i = 0; i < 2; i++)
		pamt_free_page(rig.host, page[i]);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* 16 blocks of 16 KB below 1 MB, which no TDMR has: last in, first out, as a page allocator's
 * lists. */
static uint32_t fragments_out;
static void (*real_free)(void *ctx, tdx_hpa_t base, unsigned int order);

static tdx_hpa_t fragments_first(void *ctx, unsigned int order, uint32_t node)
{
	if (order <= CHUNK_MIN_ORDER && fragments_out < 16)
		return hpa(0x10000 + 0x4000 * (uint64_t)fragments_out++);
	return real_alloc(ctx, order, node);
}

static void free_of_fragments(void *ctx, tdx_hpa_t base, unsigned int order)
{
	if (base.v < 1 << 20)
		fragments_out--;
	else
		real_free(ctx, base, order);
}

/*
 * After one draw while there was no memory at all the pool asked for the smallest blocks only, and
 * where those that the OS had first were no TDX memory, it found none for ever, with gigabytes
 * free.
 */
static void small_blocks_that_are_no_tdx_memory_do_not_hide_the_others(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	real_alloc = rig.services.alloc_pages;
	real_free = rig.services.free_pages;
	rig.services.free_pages = free_of_fragments;
	rig.services.alloc_pages = no_memory;
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), -OS_ENOMEM);
	rig.services.alloc_pages = fragments_first;
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	assert_int_equal(fragments_out, 0);
	pamt_free_page(rig.host, page);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* All memory is said to be on the first of two nodes: CPU 1 is on the other. */
static void cpus_of_a_node_without_memory_are_at_home_on_another(void **state)
{
	struct pamt_error error;
	struct pool *pool;
	struct rig rig;

	rig_machine(&rig, 2);
	for (uint32_t i = 0; i < rig.map.nr_ranges; i++)
		rig.ranges[i].node = 0;
	assert_int_equal(rig_host(&rig, true, &error), 0);
	pool = rig.host->pool;
	assert_int_equal(pool[0].home, 0);
	assert_int_equal(pool[1].home, 0);
	threads_bind(rig.port, 1);
	assert_int_equal(os_node(), 1);
	/* What its puts bring back stays with it, and the next draw finds it there. */
	for (uint32_t i = 0; i < 8; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 0), NULL), 0);
	for (uint32_t i = 0; i < 8; i++)
		pamt_put(rig.host, rig_page(&rig, i, 0));
	assert_true(rig.host->cpu[1].magazine.room > 0);
	assert_int_equal(rig.host->cpu[1].magazine.node, 0);
	assert_int_equal(pool[1].all.held, 0);
	threads_bind(rig.port, 0);
	pamt_cache_free(rig.host, &(struct pamt_cache){ 0 });
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void memory_that_is_no_tdx_memory_is_never_a_chunk(void **state)
{
	struct pamt_error error;
	struct rig rig;
	tdx_hpa_t page;

	/* The host is told of the lower GiB only; the OS likes to give the upper one. */
	rig_machine(&rig, 2);
	rig.map.nr_ranges = 1;
	assert_int_equal(rig_host(&rig, true, &error), 0);
	assert_int_equal(pamt_alloc_page(rig.host, 1, NULL, &page), 0);
	assert_true(page.v < UINT64_C(1) << 30);
	pamt_free_page(rig.host, page);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void static_pages_are_tdx_memory_too(void **state)
{
	struct pamt_cache cache = { 0 };
	struct pamt_error error;
	struct rig rig;
	tdx_hpa_t page;

	rig_machine(&rig, 2);
	rig.map.nr_ranges = 1;
	assert_int_equal(rig_host(&rig, false, &error), 0);
	/* Node 1 has only memory that the host was not told of. */
	assert_int_equal(pamt_alloc_page(rig.host, 1, NULL, &page), -OS_ENOMEM);
	age(&rig, 9, 1);
	assert_int_equal(pamt_alloc_page(rig.host, 1, NULL, &page), 0);
	assert_true(page.v < UINT64_C(1) << 30);
	pamt_free_page(rig.host, page);
	/* No page at all, of one node or of any. */
	real_alloc = no_memory;
	assert_int_equal(pamt_alloc_page(rig.host, 1, NULL, &page), -OS_ENOMEM);
	assert_int_equal(pamt_alloc_page(rig.host, OS_ANY_NODE, NULL, &page), -OS_ENOMEM);
	real_alloc = threads_services(rig.port)->alloc_pages;
	max_order = -1u;
	empty_node = OS_ANY_NODE;
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 2, 0), 0);
	assert_int_equal(pamt_shrink(rig.host, 10), 0);
	assert_int_equal(pamt_leaks(rig.host, NULL, NULL), 0);
	pamt_cache_free(rig.host, &cache);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	rig_destroy(&rig);
}

static void cache_holds_what_was_asked_and_no_more_fits(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_alloc_page(rig.host, 0, &cache, &page), -OS_ENOMEM);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 64, 1), -OS_ERANGE);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, UINT32_MAX, 1), -OS_ERANGE);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, UINT32_MAX), -OS_ERANGE);
	assert_int_equal(cache.nr_pages, 0);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 4, 1), 0);
	assert_int_equal(cache.nr_pages, 6);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 2, 2), 0);
	assert_int_equal(cache.nr_pages, 6);
	assert_int_equal(rig_stats(&rig).pages_cached, 6);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 64, 0), 0);
	assert_int_equal(cache.nr_pages, 64);
	rig_expect_bound(&rig);
	pamt_cache_free(rig.host, &cache);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void refused_pages_of_a_new_chunk_are_kept_out_of_use(void **state)
{
	struct rig rig;
	tdx_hpa_t page;

	/* The first page of the block, then the next two are tried. */
	rig_create(&rig, 1, true);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_PAGE_NOT_FREE | TDX_OP_RDX, 1);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	assert_int_equal(rig_stats(&rig).quarantined, 1);
	rig_expect_sound(&rig);
	pamt_free_page(rig.host, page);
	assert_int_equal(rig_stats(&rig).os_bytes, 3 * 4096);
	rig_destroy(&rig);

	/* Both tries fail: the block goes back but for what was refused. */
	rig_create(&rig, 1, true);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_PAGE_NOT_FREE | TDX_OP_R8, 2);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), -OS_EIO);
	assert_int_equal(rig_stats(&rig).os_bytes, 2 * 4096);
	rig_destroy(&rig);

	/* The region is at fault: nothing of the block stays. */
	rig_create(&rig, 1, true);
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_HPA_RANGE_NOT_FREE | TDX_OP_RCX, 1);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), -OS_EIO);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* What PAMT.REMOVE may answer when a chunk is dissolved. */
static void chunk_whose_pair_cannot_be_removed_stays(void **state)
{
	static const struct {
		uint64_t status;
		uint64_t left, leaked;
	} cases[] = {
		{ TDX_SYS_NOT_READY, 2, 0 },
		{ TDX_OPERAND_INVALID | TDX_OP_RCX, 2, 0 },
		{ TDX_PAMT_PAGE_NOT_EMPTY, 2, 1 },
		{ TDX_NO_PAMT_PAGE_PAIR | TDX_OP_RCX, 0, 0 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct rig rig;
		tdx_hpa_t page;

		rig_create(&rig, 1, true);
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
		rig_fail_leaf(TDH_PHYMEM_PAMT_REMOVE, cases[i].status, UINT64_MAX);
		pamt_free_page(rig.host, page);
		rig_fail_leaf(TDH_PHYMEM_PAMT_REMOVE, 0, 0);
		assert_int_equal(rig_stats(&rig).os_bytes, cases[i].left * 4096);
		assert_int_equal(rig_stats(&rig).leaked_regions, cases[i].leaked);
		pamt_shrink(rig.host, UINT64_MAX);
		/* Refused is for now; leaked is for ever. */
		assert_int_equal(rig_stats(&rig).os_bytes, cases[i].leaked * 2 * 4096);
		rig_destroy(&rig);
	}
}

/* Everything once: what fails is undone, and nothing is left whatever it was. */
static void use_everything(struct rig *rig)
{
	struct pamt_cache cache = { 0 };
	tdx_hpa_t page[20];
	uint32_t n = 0;
	bool got[8], range;
	int error;

	pamt_set_idle_limit(rig->host, 2);
	error = pamt_cache_topup(rig->host, &cache, 4, 2);
	assert_true(!error || error == -OS_ENOMEM || error == -OS_EIO);
	while (n < 20 && !pamt_alloc_page(rig->host, n % 2, n < 4 ? &cache : NULL, &page[n]))
		n++;
	for (uint32_t i = 0; i < 8; i++)
		got[i] = !pamt_get(rig->host, rig_page(rig, i, i), i < 2 ? &cache : NULL);
	range = !pamt_get_range(rig->host, rig_page(rig, 9, 100), 300, NULL);
	for (uint32_t i = 0; i < 8; i++)
		if (got[i])
			pamt_put(rig->host, rig_page(rig, i, i));
	pamt_shrink(rig->host, 3);
	if (range)
		pamt_put_range(rig->host, rig_page(rig, 9, 100), 300);
	while (n)
		pamt_free_page(rig->host, page[--n]);
	pamt_set_idle_limit(rig->host, 0);
	pamt_cache_free(rig->host, &cache);
}

static void every_failed_allocation_is_undone(void **state)
{
	uint64_t allocs = 1, calls;

	for (uint64_t at = 1; at <= allocs; at++) {
		struct rig rig;

		rig_create(&rig, 2, true);
		rig_fail_alloc(&rig, at);
		use_everything(&rig);
		threads_counts(rig.port, &allocs, &calls);
		rig_fail_nothing(&rig);
		rig_expect_nothing_left(&rig);
		rig_destroy(&rig);
	}
}

static void every_failed_seamcall_is_undone(void **state)
{
	static const uint64_t status[] = { TDX_OPERAND_BUSY | TDX_OP_RCX, TDX_SYS_NOT_READY,
					   TDX_OPERAND_INVALID | TDX_OP_RCX,
					   TDX_SEAMCALL_VMFAILINVALID };

	for (size_t i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
		uint64_t allocs, calls = 1;

		for (uint64_t at = 1; at <= calls; at++) {
			struct rig rig;

			rig_create(&rig, 2, true);
			rig_fail_call(&rig, at, status[i]);
			use_everything(&rig);
			threads_counts(rig.port, &allocs, &calls);
			rig_fail_nothing(&rig);
			pamt_shrink(rig.host, UINT64_MAX);
			assert_int_equal(rig_stats(&rig).os_bytes, 0);
			rig_expect_sound(&rig);
			rig_destroy(&rig);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hundred_control_pages_take_three_pairs),
		cmocka_unit_test(bound_holds_at_every_quiet_point),
		cmocka_unit_test(bound_holds_after_a_peak_of_pairs),
		cmocka_unit_test(page_free_has_an_end_soon),
		cmocka_unit_test(small_blocks_will_do),
		cmocka_unit_test(pages_are_of_the_node_asked_for_and_of_another_if_it_is_empty),
		cmocka_unit_test(chunk_that_backs_other_users_waits_for_them),
		cmocka_unit_test(chunk_in_a_backed_region_needs_no_pair),
		cmocka_unit_test(page_that_is_not_out_is_not_taken_back),
		cmocka_unit_test(page_that_went_back_to_the_os_is_not_taken_back),
		cmocka_unit_test(largest_chunks_go_back_in_one_piece_when_the_host_ends),
		cmocka_unit_test(half_a_pair_is_not_lost),
		cmocka_unit_test(pair_of_two_nodes_comes_back_to_both),
		cmocka_unit_test(cpu_that_moves_to_another_node_leaves_its_magazine),
		cmocka_unit_test(chunk_that_does_not_get_its_own_pages_back_is_stuck),
		cmocka_unit_test(pair_page_freed_by_its_user_is_not_freed_twice),
		cmocka_unit_test(topup_of_a_full_cache_trims_what_its_cpu_has_left),
		cmocka_unit_test(memory_in_pieces_is_not_asked_for_large_blocks_each_time),
		cmocka_unit_test(node_without_free_memory_is_not_asked_while_others_have_pages),
		cmocka_unit_test(node_that_has_memory_again_is_asked_while_others_have_pages),
		cmocka_unit_test(small_blocks_that_are_no_tdx_memory_do_not_hide_the_others),
		cmocka_unit_test(cpus_of_a_node_without_memory_are_at_home_on_another),
		cmocka_unit_test(memory_that_is_no_tdx_memory_is_never_a_chunk),
		cmocka_unit_test(static_pages_are_tdx_memory_too),
		cmocka_unit_test(cache_holds_what_was_asked_and_no_more_fits),
		cmocka_unit_test(refused_pages_of_a_new_chunk_are_kept_out_of_use),
		cmocka_unit_test(chunk_whose_pair_cannot_be_removed_stays),
		cmocka_unit_test(every_failed_allocation_is_undone),
		cmocka_unit_test(every_failed_seamcall_is_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
