// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lost_test.c - every place where another CPU may be faster: between the look at a word and the
 * compare-and-swap that relies on it, and between two holds of a lock. What that CPU does is done
 * by a hook at exactly that point, so that each case is met at every run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "small_guest.h"
#include "host/pool.h"
#include "host/region.h"

/* Called by the library under test: see points/os_port.h. */
void test_point(const void *addr, enum os_access access);

/* What another CPU does, and when: before the nth access of that kind to addr (NULL: to any), once.
 */
static struct other {
	const void *addr;
	enum os_access access;
	uint32_t nth;
	void (*does)(struct rig *rig);
	struct rig *rig;
	uint32_t came; /* how often it was its turn */
} other;

/* The page that others get and put. */
static tdx_pfn_t others;

void test_point(const void *addr, enum os_access access)
{
	struct other now = other;

	if (!now.does || (now.addr && addr != now.addr) || access != now.access || --other.nth)
		return;
	/* Not while it is at it. */
	other.does = NULL;
	now.does(now.rig);
	other.came++;
}

static void let_other(struct rig *rig, const void *addr, enum os_access access, uint32_t nth,
		      void (*does)(struct rig *rig))
{
	other = (struct other){ addr, access, nth, does, rig, other.came };
}

/* It came, and did all it wanted to. */
static void expect_other(void)
{
	assert_int_not_equal(other.came, 0);
	assert_null(other.does);
	memset(&other, 0, sizeof(other));
}

static os_a16_t *word_of(struct rig *rig, uint32_t region)
{
	return region_word(rig->host, hpa_to_region(rig->guest[region]));
}

static void start(struct rig *rig)
{
	rig_create(rig, 1, true);
	others = rig_page(rig, 0, 9);
}

static void end(struct rig *rig)
{
	pamt_set_idle_limit(rig->host, 0);
	pamt_cache_free(rig->host, &(struct pamt_cache){ 0 });
	rig_expect_nothing_left(rig);
	rig_destroy(rig);
}

/* ------------------------------------------------------------------------------------------- */
/* What others do                                                                               */

static void gets(struct rig *rig) { assert_int_equal(pamt_get(rig->host, others, NULL), 0); }

static void puts_again(struct rig *rig) { pamt_put(rig->host, others); }

static void gets_and_puts(struct rig *rig)
{
	gets(rig);
	puts_again(rig);
}

/* LOCKED for a moment by a verify: until the word is read for the second time. */
static uint16_t verified;

static void ends_verify(struct rig *rig) { word_of(rig, 0)->v = verified; }

static void verifies(struct rig *rig)
{
	os_a16_t *word = word_of(rig, 0);

	verified = word->v;
	word->v = region_beside(verified) | REGION_LOCKED;
	let_other(rig, word, OS_READ, 2, ends_verify);
}

/* ------------------------------------------------------------------------------------------- */
/* get and put                                                                                  */

static void get_that_finds_a_pair_installed_meanwhile_keeps_its_own(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;

	start(&rig);
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 0, 1), 0);
	let_other(&rig, word_of(&rig, 0), OS_WRITE, 1, gets);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), &cache), 0);
	expect_other();
	assert_int_equal(cache.nr_pages, 2);
	assert_int_equal(region_count(word_of(&rig, 0)->v), 2);
	rig_expect_sound(&rig);
	puts_again(&rig);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	pamt_cache_free(rig.host, &cache);
	end(&rig);
}

static void get_beside_a_get_counts_both(void **state)
{
	struct rig rig;

	start(&rig);
	gets(&rig);
	/* First on the hot path, then on the other one. */
	let_other(&rig, word_of(&rig, 0), OS_WRITE, 1, gets);
	gets(&rig);
	expect_other();
	let_other(&rig, word_of(&rig, 0), OS_WRITE, 1, gets);
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 0, 100), 5, NULL), 0);
	expect_other();
	assert_int_equal(region_count(word_of(&rig, 0)->v), 9);
	for (int i = 0; i < 4; i++)
		puts_again(&rig);
	pamt_put_range(rig.host, rig_page(&rig, 0, 100), 5);
	end(&rig);
}

/* The same where there is no hot path: some of the region's pages are no TDX memory. */
static void get_beside_a_get_in_a_partial_region_counts_both(void **state)
{
	static const tdx_pfn_t page = { 0x100 };
	struct rig rig;
	uint32_t before;
	os_a16_t *word;

	start(&rig);
	others = page;
	word = region_word(rig.host, pfn_to_region(page));
	assert_true(word->v & REGION_PARTIAL);
	gets(&rig);
	before = region_count(word->v);
	let_other(&rig, word, OS_WRITE, 1, gets);
	gets(&rig);
	expect_other();
	assert_int_equal(region_count(word->v), before + 2);
	for (int i = 0; i < 3; i++)
		puts_again(&rig);
	end(&rig);
}

static void put_beside_a_put_takes_both_away(void **state)
{
	struct rig rig;

	start(&rig);
	for (int i = 0; i < 4; i++)
		gets(&rig);
	assert_int_equal(pamt_get_range(rig.host, rig_page(&rig, 0, 0), 2, NULL), 0);
	let_other(&rig, word_of(&rig, 0), OS_WRITE, 1, puts_again);
	puts_again(&rig);
	expect_other();
	assert_int_equal(region_count(word_of(&rig, 0)->v), 4);
	let_other(&rig, word_of(&rig, 0), OS_WRITE, 1, puts_again);
	pamt_put_range(rig.host, rig_page(&rig, 0, 0), 2);
	expect_other();
	assert_int_equal(region_count(word_of(&rig, 0)->v), 1);
	puts_again(&rig);
	end(&rig);
}

static void last_put_that_is_not_the_last_removes_nothing(void **state)
{
	struct rig rig;

	start(&rig);
	gets(&rig);
	let_other(&rig, word_of(&rig, 0), OS_WRITE, 1, gets);
	puts_again(&rig);
	expect_other();
	assert_int_equal(rig_stats(&rig).removes, 0);
	/* Nor is the pair left idle. */
	pamt_set_idle_limit(rig.host, 8);
	let_other(&rig, word_of(&rig, 0), OS_WRITE, 1, gets);
	puts_again(&rig);
	expect_other();
	assert_int_equal(rig_stats(&rig).pairs_idle, 0);
	puts_again(&rig);
	assert_int_equal(rig_stats(&rig).pairs_idle, 1);
	end(&rig);
}

static void shrink_leaves_a_region_that_is_adopted_meanwhile(void **state)
{
	/* Before the swap, and before the look that comes before it. */
	for (uint32_t i = 0; i < 2; i++) {
		struct rig rig;

		start(&rig);
		pamt_set_idle_limit(rig.host, 8);
		gets_and_puts(&rig);
		assert_int_equal(rig_stats(&rig).pairs_idle, 1);
		if (i)
			let_other(&rig, word_of(&rig, 0), OS_READ, 2, gets);
		else
			let_other(&rig, word_of(&rig, 0), OS_WRITE, 1, gets);
		pamt_shrink(rig.host, UINT64_MAX);
		expect_other();
		assert_int_equal(rig_stats(&rig).pairs_idle, 0);
		rig_expect_sound(&rig);
		puts_again(&rig);
		end(&rig);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* 2M pages                                                                                     */

struct setup {
	struct rig rig;
	struct guest guest;
	tdx_pfn_t first;
};

static void setup(struct setup *t)
{
	start(&t->rig);
	guest_create(&t->guest, &t->rig, 40);
	t->first = rig_page(&t->rig, 0, 0);
}

static void finish(struct setup *t)
{
	guest_end(&t->guest);
	end(&t->rig);
}

static int map(struct setup *t)
{
	struct tdx_regs call = guest_aug_2m(&t->guest, 0, t->first);

	return pamt_map_2m(t->rig.host, t->first, &call);
}

static void small_page_that_comes_first_keeps_a_2m_page_out(void **state)
{
	struct setup t;

	setup(&t);
	let_other(&t.rig, word_of(&t.rig, 0), OS_WRITE, 1, gets);
	assert_int_equal(map(&t), -OS_EBUSY);
	expect_other();
	puts_again(&t.rig);
	/* An idle pair is adopted while it is to be removed for the 2M page. */
	pamt_set_idle_limit(t.rig.host, 8);
	gets_and_puts(&t.rig);
	let_other(&t.rig, word_of(&t.rig, 0), OS_WRITE, 1, gets);
	assert_int_equal(map(&t), -OS_EBUSY);
	expect_other();
	puts_again(&t.rig);
	pamt_set_idle_limit(t.rig.host, 0);
	finish(&t);
}

static void two_m_page_outlasts_everybody_who_looks_at_it(void **state)
{
	struct tdx_regs call;
	struct setup t;
	tdx_hpa_t sept;

	setup(&t);
	let_other(&t.rig, word_of(&t.rig, 0), OS_WRITE, 1, verifies);
	assert_int_equal(map(&t), 0);
	expect_other();
	assert_true(rig_stats(&t.rig).waits > 0);

	assert_int_equal(pamt_alloc_page(t.rig.host, 0, NULL, &sept), 0);
	call = guest_demote(&t.guest, 0, sept);
	let_other(&t.rig, word_of(&t.rig, 0), OS_WRITE, 1, verifies);
	assert_int_equal(pamt_split(t.rig.host, t.first, &call, NULL), 0);
	expect_other();
	rig_expect_sound(&t.rig);

	call = guest_promote(&t.guest, 0);
	let_other(&t.rig, word_of(&t.rig, 0), OS_WRITE, 1, verifies);
	assert_int_equal(pamt_merge(t.rig.host, t.first, &call), 0);
	expect_other();
	rig_expect_sound(&t.rig);
	pamt_free_page(t.rig.host, sept);

	let_other(&t.rig, word_of(&t.rig, 0), OS_WRITE, 1, verifies);
	rig_expect_sound(&t.rig);
	expect_other();

	guest_block_2m(&t.guest, 0);
	call = guest_remove_2m(&t.guest, 0);
	let_other(&t.rig, word_of(&t.rig, 0), OS_WRITE, 1, verifies);
	assert_int_equal(pamt_remove_2m(t.rig.host, t.first, &call), 0);
	expect_other();
	let_other(&t.rig, word_of(&t.rig, 0), OS_WRITE, 1, verifies);
	pamt_release_2m(t.rig.host, t.first);
	expect_other();
	assert_int_equal(region_state(word_of(&t.rig, 0)->v), REGION_STATE_FREE);
	finish(&t);
}

/* ------------------------------------------------------------------------------------------- */
/* The pool                                                                                     */

static void chunk_waits_for_a_user_who_comes_while_it_is_dissolved(void **state)
{
	struct rig rig;
	tdx_hpa_t page, neighbour;

	start(&rig);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	do
		neighbour = rig.os->alloc_pages(rig.os->ctx, 0, 0);
	while (hpa_to_region(neighbour).v != hpa_to_region(page).v);
	others = hpa_to_pfn(neighbour);
	let_other(&rig, region_word(rig.host, hpa_to_region(page)), OS_WRITE, 1, gets);
	pamt_free_page(rig.host, page);
	expect_other();
	assert_int_equal(rig_stats(&rig).os_bytes, 2 * 4096);
	rig_expect_sound(&rig);
	puts_again(&rig);
	rig.free_bytes -= 4096;
	end(&rig);
}

/* A guest page, and its region backed by a pair that is not of the pool. */
static tdx_hpa_t neighbour;

static void backs_neighbour(struct rig *rig)
{
	struct tdx_regs regs = { .rax = TDH_PHYMEM_PAMT_ADD,
				 .rcx = tdx_hpa_size(region_to_hpa(hpa_to_region(neighbour)),
						     TDX_2M),
				 .rdx = rig->guest[1].v,
				 .r8 = rig->guest[1].v + 4096 };

	assert_int_equal(rig->os->seamcall(rig->os->ctx, &regs).v, 0);
	region_word(rig->host, hpa_to_region(neighbour))->v |= REGION_USER;
}

static void chunk_in_a_region_that_is_backed_meanwhile_keeps_all_its_pages(void **state)
{
	struct tdx_regs regs = { .rax = TDH_PHYMEM_PAMT_REMOVE };
	struct rig rig;
	os_a16_t *word;
	tdx_hpa_t page;

	start(&rig);
	/* The next block comes from where this page was. */
	neighbour = rig.os->alloc_pages(rig.os->ctx, 0, 0);
	word = region_word(rig.host, hpa_to_region(neighbour));
	let_other(&rig, word, OS_READ, 2, backs_neighbour);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	expect_other();
	assert_int_equal(hpa_to_region(page).v, hpa_to_region(neighbour).v);
	assert_int_equal(region_count(word->v), 2);
	assert_int_equal(rig_stats(&rig).adds, 0);
	rig_expect_sound(&rig);
	pamt_free_page(rig.host, page);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	/* And its first user goes, behind the host's back as it came. */
	assert_int_equal(region_count(word->v), 1);
	word->v = region_beside(word->v);
	regs.rcx = tdx_hpa_size(region_to_hpa(hpa_to_region(neighbour)), TDX_2M);
	assert_int_equal(rig.os->seamcall(rig.os->ctx, &regs).v, 0);
	rig.os->free_pages(rig.os->ctx, neighbour, 0);
	end(&rig);
}

/* As if other threads of this CPU had put pairs before. */
static void fills_magazine(struct rig *rig)
{
	for (uint32_t i = 1; i < 12; i++)
		pamt_put(rig->host, rig_page(rig, i, 0));
}

static void room_that_a_magazine_cannot_use_any_more_goes_back(void **state)
{
	struct magazine *m;
	tdx_hpa_t page[40];
	uint64_t lent;
	struct rig rig;

	start(&rig);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[i]), 0);
	for (uint32_t i = 0; i < 12; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 0), NULL), 0);
	/* The draws have asked for room as well. */
	pamt_shrink(rig.host, UINT64_MAX);
	m = &rig.host->cpu[0].magazine;
	/* Once for the pages, once for the room that was lent. */
	let_other(&rig, &m->lock, OS_WRITE, 2, fills_magazine);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	expect_other();
	assert_int_equal(m->room, MAGAZINE_PAGES);
	lent = rig.host->pool[0].lent;
	assert_int_equal(lent, MAGAZINE_PAGES);
	for (uint32_t i = 0; i < 40; i++)
		pamt_free_page(rig.host, page[i]);
	assert_int_equal(rig.host->pool[0].lent, 0);
	end(&rig);
}

/* Another thread of this CPU is bound to another node. */
static void takes_magazine(struct rig *rig)
{
	threads_node = 1;
	pamt_put(rig->host, rig_page(rig, 1, 0));
	threads_node = 0;
}

static void room_for_a_node_that_the_magazine_is_no_more_of_goes_back(void **state)
{
	struct magazine *m;
	tdx_hpa_t page[40];
	struct rig rig;

	rig_create(&rig, 2, true);
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(pamt_alloc_page(rig.host, i % 2, NULL, &page[i]), 0);
	for (uint32_t i = 0; i < 2; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 0), NULL), 0);
	pamt_shrink(rig.host, UINT64_MAX);
	m = &rig.host->cpu[0].magazine;
	assert_int_equal(m->room, 0);
	let_other(&rig, &m->lock, OS_WRITE, 2, takes_magazine);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	expect_other();
	assert_int_equal(m->node, 1);
	assert_int_equal(rig.host->pool[0].lent, 0);
	assert_int_equal(rig.host->pool[1].lent, m->room);
	for (uint32_t i = 0; i < 40; i++)
		pamt_free_page(rig.host, page[i]);
	end(&rig);
}

/* The same while room and pages are on their way to the magazine of a CPU that draws. */
static void pages_for_a_magazine_that_is_of_another_node_now_go_back(void **state)
{
	struct magazine *m;
	tdx_hpa_t page[40], one;
	struct rig rig;

	rig_create(&rig, 2, true);
	m = &rig.host->cpu[0].magazine;
	/* Past the magazine: none has room yet. */
	for (uint32_t i = 0; i < 40; i++) {
		threads_node = !(i % 2);
		assert_int_equal(pamt_alloc_page(rig.host, i % 2, NULL, &page[i]), 0);
	}
	threads_node = 1;
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 1, 0), NULL), 0);
	threads_node = 0;
	pamt_shrink(rig.host, UINT64_MAX);
	assert_int_equal(m->room, 0);
	pamt_free_page(rig.host, page[38]);
	pamt_free_page(rig.host, page[36]);
	let_other(&rig, &m->lock, OS_WRITE, 2, takes_magazine);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &one), 0);
	expect_other();
	assert_int_equal(m->node, 1);
	assert_int_equal(rig.host->pool[0].lent, 0);
	page[38] = one;
	page[36] = page[39];
	for (uint32_t i = 0; i < 39; i++)
		pamt_free_page(rig.host, page[i]);
	end(&rig);
}

static tdx_hpa_t last_out;

static void frees_the_last_page(struct rig *rig)
{
	pamt_free_page(rig->host, last_out);
	pamt_cache_free(rig->host, &(struct pamt_cache){ 0 });
}

/*
 * A trim that had taken the free pages of a chunk, and not the chunk, looked once more whether the
 * chunk hosts its region's pair, with no lock held. Whoever gave the last page back at that moment
 * dissolved the chunk and freed its descriptor: the look was at somebody else's memory. What it saw
 * was not used; only the sanitizers tell the difference.
 */
static void chunk_is_not_looked_at_once_others_may_dissolve_it(void **state)
{
	uint32_t nth = 0;
	bool reached;

	do {
		struct pamt_cache cache = { 0 };
		struct rig rig;

		start(&rig);
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &last_out), 0);
		assert_int_equal(pamt_cache_topup(rig.host, &cache, PAMT_CACHE_PAGES, 0), 0);
		let_other(&rig, &rig.host->pool[0].lock, OS_READ, ++nth, frees_the_last_page);
		pamt_cache_free(rig.host, &cache);
		reached = !other.does;
		memset(&other, 0, sizeof(other));
		if (!reached)
			frees_the_last_page(&rig);
		end(&rig);
	} while (reached);
	assert_in_range(nth, 5, 1000);
}

static void frees_last_control_page(struct rig *rig)
{
	threads_bind(rig->port, 1);
	pamt_free_page(rig->host, last_out);
	threads_bind(rig->port, 0);
}

/*
 * A trim that had begun while there were TDs gave back what it had in hand after another CPU had
 * given up the last control page and emptied the pool: up to 40 KB stayed, with zero TDs, until the
 * next one came. Whatever moment of the last page but one's free the other CPU is at.
 */
static void last_two_control_pages_leave_nothing(enum os_access access)
{
	enum { PAGES = 40, REGIONS = 12 };
	uint32_t nth = 0;
	bool reached;

	do {
		tdx_hpa_t page[PAGES];
		struct rig rig;

		start(&rig);
		for (uint32_t i = 0; i < PAGES; i++)
			assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page[i]), 0);
		for (uint32_t i = 0; i < REGIONS; i++)
			assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 0), NULL), 0);
		for (uint32_t i = 0; i < PAGES - 2; i++)
			pamt_free_page(rig.host, page[i]);
		for (uint32_t i = 0; i < REGIONS; i++)
			pamt_put(rig.host, rig_page(&rig, i, 0));
		last_out = page[PAGES - 1];
		let_other(&rig, NULL, access, ++nth, frees_last_control_page);
		pamt_free_page(rig.host, page[PAGES - 2]);
		reached = !other.does;
		memset(&other, 0, sizeof(other));
		if (!reached)
			pamt_free_page(rig.host, last_out);
		assert_int_equal(rig_stats(&rig).os_bytes, 0);
		end(&rig);
	} while (reached);
	assert_in_range(nth, 10, 10000);
}

static void last_two_control_pages_at_once_leave_nothing(void **state)
{
	last_two_control_pages_leave_nothing(OS_READ);
	last_two_control_pages_leave_nothing(OS_WRITE);
}

static void trims_first(struct rig *rig) { rig->host->trim_wanted.v = 0; }

static void trim_that_another_cpu_makes_is_not_made_twice(void **state)
{
	uint64_t held;
	struct rig rig;

	start(&rig);
	gets(&rig);
	held = rig_stats(&rig).os_bytes;
	rig.host->trim_wanted.v = 1;
	let_other(&rig, &rig.host->trim_wanted, OS_WRITE, 1, trims_first);
	os_count64(&rig.host->cpu[0].trims_wanted, 1);
	assert_int_equal(pamt_cache_topup(rig.host, &(struct pamt_cache){ 0 }, 0, 0), 0);
	expect_other();
	assert_int_equal(rig_stats(&rig).os_bytes, held);
	puts_again(&rig);
	end(&rig);
}

/*
 * A chunk was asked for that was as large as can be where more room was lent to magazines than
 * pages were out: others had given theirs back, and no trim had come yet.
 */
static uint32_t order_asked;
static tdx_hpa_t (*real_alloc)(void *ctx, unsigned int order, uint32_t node);

static tdx_hpa_t notes_order(void *ctx, unsigned int order, uint32_t node)
{
	order_asked = order;
	return real_alloc(ctx, order, node);
}

static void lends(struct rig *rig) { rig->host->pool[0].lent += 64; }

static void chunk_is_small_though_more_is_lent_than_out(void **state)
{
	tdx_hpa_t page;
	struct rig rig;

	start(&rig);
	real_alloc = rig.services.alloc_pages;
	rig.services.alloc_pages = notes_order;
	/* The draw's own lock, that of its second look, and then the one of the plan. */
	let_other(&rig, &rig.host->pool[0].lock, OS_WRITE, 3, lends);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	expect_other();
	assert_int_equal(order_asked, CHUNK_BASE_ORDER);
	rig.host->pool[0].lent -= 64;
	pamt_free_page(rig.host, page);
	end(&rig);
}

/*
 * A region was idle for others before it was counted as that, and the count wrapped when one of
 * them adopted it: for a moment 2^65 pages could have been given back.
 */
static void adopts(struct rig *rig)
{
	if (word_of(rig, 0)->v & REGION_LOCKED) {
		let_other(rig, NULL, OS_READ, 1, adopts);
		return;
	}
	gets(rig);
	assert_int_equal(rig->host->idle.v, 0);
}

static void region_that_becomes_idle_is_counted_before_it_is_adopted(void **state)
{
	struct rig rig;

	start(&rig);
	gets(&rig);
	rig_fail_leaf(TDH_PHYMEM_PAMT_REMOVE, TDX_SYS_NOT_READY, 1);
	let_other(&rig, &rig.host->idle, OS_WRITE, 1, adopts);
	puts_again(&rig);
	pamt_shrinkable(rig.host);
	expect_other();
	assert_int_equal(rig_stats(&rig).pairs_idle, 0);
	rig_expect_sound(&rig);
	puts_again(&rig);
	end(&rig);
}

static void raises_peak(struct rig *rig) { rig->host->pairs_peak.v = 1; }

static void peak_is_raised_past_somebody_elses(void **state)
{
	struct rig rig;

	start(&rig);
	let_other(&rig, &rig.host->pairs_peak, OS_WRITE, 1, raises_peak);
	for (uint32_t i = 0; i < 3; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 0), NULL), 0);
	assert_int_equal(rig_stats(&rig).pairs_installed_peak, 4);
	expect_other();
	for (uint32_t i = 0; i < 3; i++)
		pamt_put(rig.host, rig_page(&rig, i, 0));
	end(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_that_finds_a_pair_installed_meanwhile_keeps_its_own),
		cmocka_unit_test(get_beside_a_get_counts_both),
		cmocka_unit_test(get_beside_a_get_in_a_partial_region_counts_both),
		cmocka_unit_test(put_beside_a_put_takes_both_away),
		cmocka_unit_test(last_put_that_is_not_the_last_removes_nothing),
		cmocka_unit_test(shrink_leaves_a_region_that_is_adopted_meanwhile),
		cmocka_unit_test(small_page_that_comes_first_keeps_a_2m_page_out),
		cmocka_unit_test(two_m_page_outlasts_everybody_who_looks_at_it),
		cmocka_unit_test(chunk_waits_for_a_user_who_comes_while_it_is_dissolved),
		cmocka_unit_test(chunk_in_a_region_that_is_backed_meanwhile_keeps_all_its_pages),
		cmocka_unit_test(room_that_a_magazine_cannot_use_any_more_goes_back),
		cmocka_unit_test(room_for_a_node_that_the_magazine_is_no_more_of_goes_back),
		cmocka_unit_test(pages_for_a_magazine_that_is_of_another_node_now_go_back),
		cmocka_unit_test(chunk_is_not_looked_at_once_others_may_dissolve_it),
		cmocka_unit_test(last_two_control_pages_at_once_leave_nothing),
		cmocka_unit_test(trim_that_another_cpu_makes_is_not_made_twice),
		cmocka_unit_test(chunk_is_small_though_more_is_lent_than_out),
		cmocka_unit_test(region_that_becomes_idle_is_counted_before_it_is_adopted),
		cmocka_unit_test(peak_is_raised_past_somebody_elses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
