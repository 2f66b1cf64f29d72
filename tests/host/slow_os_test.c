// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * slow_os_test.c - the OS takes its time: what another CPU does while one is inside a service.
 *
 * Regression tests, each with its story. A service of the rig is replaced by one that, once, lets
 * another CPU act before it returns. Blocks for the pool lie where the test wants them, inside a
 * guest's 2M block, and what comes back of them is the guest's at once.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "host/pool.h"
#include "rig.h"
#include "vmm/td.h"

#define BLOCK_ORDER 4u
#define BLOCK_PAGES (1u << BLOCK_ORDER)
#define MAX_PAGES   1024u

static struct rig rig;

static struct {
	tdx_hpa_t (*alloc_pages)(void *ctx, unsigned int order, uint32_t node);
	void (*free_pages)(void *ctx, tdx_hpa_t block, unsigned int order);
	void (*log)(void *ctx, enum os_log_level level, const char *format, ...);
} port;

static tdx_hpa_t next_block; /* what the OS finds next; HPA_NONE: whatever it has */
static tdx_hpa_t block;	     /* found so, HPA_NONE before */
static uint32_t back;	     /* pages of it that came back */
static uint32_t act_at;	     /* when so many are back the other CPU acts, if WHILE_FREE */
/* What the other CPU does. Not in its thread but here it is judged: 0, or an error that it met. */
static int (*meanwhile)(void);
static enum { WHILE_ALLOC, WHILE_FREE, WHILE_LOG } when;
/* Pages that the OS has given, by pfn; the machine ends at 5 GiB. */
static bool from_os[UINT64_C(5) << (30 - TDX_PAGE_SHIFT)];

struct other_cpu {
	int (*act)(void);
	int error;
};

static void *other_cpu(void *arg)
{
	struct other_cpu *other = arg;

	threads_bind(rig.port, 1);
	other->error = other->act();
	return NULL;
}

/* Once: the other CPU does what the test wants it to do now, while this one is in a service. */
static void let_the_other_cpu_act(void)
{
	struct other_cpu other = { .act = meanwhile };
	pthread_t thread;

	meanwhile = NULL;
	assert_int_equal(pthread_create(&thread, NULL, other_cpu, &other), 0);
	pthread_join(thread, NULL);
	assert_int_equal(other.error, 0);
}

static tdx_hpa_t slow_alloc(void *ctx, unsigned int order, uint32_t node)
{
	tdx_hpa_t found;

	if (!hpa_is_none(next_block) && order > BLOCK_ORDER)
		return HPA_NONE;
	if (meanwhile && when == WHILE_ALLOC)
		let_the_other_cpu_act();
	if (hpa_is_none(next_block)) {
		found = port.alloc_pages(ctx, order, node);
	} else {
		found = block = next_block;
		next_block = HPA_NONE;
	}
	for (uint64_t i = 0; !hpa_is_none(found) && i < 1u << order; i++)
		from_os[hpa_to_pfn(found).v + i] = true;
	return found;
}

static void slow_free(void *ctx, tdx_hpa_t first, unsigned int order)
{
	if (hpa_is_none(block) || hpa_to_region(first).v != hpa_to_region(block).v) {
		port.free_pages(ctx, first, order);
		return;
	}
	back += 1u << order;
	if (meanwhile && when == WHILE_FREE && back >= act_at)
		let_the_other_cpu_act();
}

static void slow_log(void *ctx, enum os_log_level level, const char *format, ...)
{
	(void)ctx;
	(void)level;
	(void)format;
	if (meanwhile && when == WHILE_LOG)
		let_the_other_cpu_act();
}

static int setup(void **state)
{
	struct pamt_error error;

	(void)state;
	rig_machine(&rig, 1);
	port.alloc_pages = rig.services.alloc_pages;
	port.free_pages = rig.services.free_pages;
	port.log = rig.services.log;
	next_block = block = HPA_NONE;
	back = 0;
	act_at = BLOCK_PAGES;
	memset(from_os, 0, sizeof(from_os));
	meanwhile = NULL;
	rig.services.alloc_pages = slow_alloc;
	rig.services.free_pages = slow_free;
	return rig_host(&rig, true, &error);
}

static int teardown(void **state)
{
	(void)state;
	/* What was to happen in between did. */
	assert_null(meanwhile);
	rig_destroy(&rig);
	return 0;
}

/* The last pages of the guest's region 0 are free, and the OS gives the pool those. */
static tdx_hpa_t end_of_region_0(void)
{
	return pfn_to_hpa(rig_page(&rig, 0, TDX_PAGES_PER_2M - BLOCK_PAGES));
}

/* ------------------------------------------------------------------------------------------- */

static int put_39_regions(void)
{
	for (uint32_t i = 1; i < RIG_REGIONS; i++)
		pamt_put(rig.host, rig_page(&rig, i, 7));
	return 0;
}

/*
 * While the OS looked for a block, puts on another CPU filled the pool. The pages that were asked
 * for then came out of other chunks, and the new one, whose region had a pair already, was
 * stripped of all its pages: it stood in the list of empty chunks with nothing in it. The next draw
 * that came to it read on behind its bitmap, and handed out a page that the OS had never given.
 */
static void a_chunk_that_nobody_needs_any_more_hands_out_no_page(void **state)
{
	static tdx_hpa_t held[MAX_PAGES];
	struct pool *pool = &rig.host->pool[0];
	uint32_t n = 0;

	(void)state;
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), 0);
	for (uint32_t i = 1; i < RIG_REGIONS; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, i, 7), NULL), 0);
	while (pool->all.free || rig.host->cpu[0].magazine.nr)
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &held[n++]), 0);

	next_block = end_of_region_0();
	when = WHILE_ALLOC;
	meanwhile = put_39_regions;
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &held[n++]), 0);
	assert_int_equal(block.v, end_of_region_0().v);
	rig_expect_bound(&rig);

	/* Everything that the pool has left, and more. */
	for (uint32_t i = 0; i < 300; i++) {
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &held[n++]), 0);
		assert_true(from_os[hpa_to_pfn(held[n - 1]).v]);
	}
	while (n)
		pamt_free_page(rig.host, held[--n]);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	pamt_shrink(rig.host, UINT64_MAX);
	rig_expect_nothing_left(&rig);
}

/* ------------------------------------------------------------------------------------------- */

static tdx_hpa_t pool_pages[MAX_PAGES];
static uint32_t nr_pool_pages;

/* Control pages until the pool has taken the block, in a region that has a pair from elsewhere. */
static void pool_takes_the_end_of_region_0(void)
{
	next_block = end_of_region_0();
	nr_pool_pages = 0;
	while (hpa_is_none(block))
		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &pool_pages[nr_pool_pages++]),
				 0);
}

/* The last of these dissolves the pool; meanwhile the guest is given the end of its region. */
static void pool_gives_it_back(int (*guest)(void))
{
	when = WHILE_FREE;
	meanwhile = guest;
	while (nr_pool_pages)
		pamt_free_page(rig.host, pool_pages[--nr_pool_pages]);
	assert_int_equal(back, BLOCK_PAGES);
}

static int get_the_end_of_region_0(void)
{
	int error = 0;

	for (uint32_t i = TDX_PAGES_PER_2M - BLOCK_PAGES; !error && i < TDX_PAGES_PER_2M; i++)
		error = pamt_get(rig.host, rig_page(&rig, 0, i), NULL);
	return error;
}

/*
 * A chunk that was leaving gave its pages to the OS while its pin still counted. A guest that was
 * given them at once was the 513th user of a region of 512 pages: -ERANGE, for a page that was all
 * its own; a moment later it could have it.
 */
static void the_512th_page_is_got_while_the_chunk_before_it_leaves(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < TDX_PAGES_PER_2M - BLOCK_PAGES; i++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, i), NULL), 0);
	pool_takes_the_end_of_region_0();
	pool_gives_it_back(get_the_end_of_region_0);
	rig_expect_sound(&rig);
	pamt_put_range(rig.host, rig_page(&rig, 0, 0), TDX_PAGES_PER_2M);
	pamt_shrink(rig.host, UINT64_MAX);
	rig_expect_nothing_left(&rig);
}

static int map_region_0_as_a_2m_page(void)
{
	tdx_pfn_t first = rig_page(&rig, 0, 0);
	struct tdx_regs call = { .rax = TDX_RAX(TDH_MEM_PAGE_AUG, 0),
				 .rcx = TDX_2M,
				 .r8 = pfn_to_hpa(first).v };
	int error = pamt_map_2m(rig.host, first, &call);

	/* The call is made, which is all that counts here: there is no TD that it could be for. */
	return error == -OS_EIO ? 0 : error;
}

/* The same for a guest that was given the whole region: -EBUSY, for memory that was all its own. */
static void a_2m_page_is_mapped_while_the_chunk_before_it_leaves(void **state)
{
	(void)state;
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 0, 0), NULL), 0);
	pool_takes_the_end_of_region_0();
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	pool_gives_it_back(map_region_0_as_a_2m_page);
	rig_expect_nothing_left(&rig);
}

/* ------------------------------------------------------------------------------------------- */

static struct pamt_cache hand;

static int get_a_page_of_region_0(void) { return pamt_get(rig.host, rig_page(&rig, 0, 0), &hand); }

/*
 * The module refused one of the two pages by which a new chunk was to back its region, and before
 * the next two were tried another CPU backed it with a pair of its own. The chunk was taken for one
 * that hosts the pair: two pages that were none, at address 0, left its count of free ones, and
 * nothing of it was ever given back.
 */
static void a_chunk_meets_a_refusal_and_then_a_region_that_others_have_backed(void **state)
{
	(void)state;
	assert_int_equal(pamt_cache_topup(rig.host, &hand, 0, 1), 0);
	rig.services.log = slow_log;
	when = WHILE_LOG;
	meanwhile = get_a_page_of_region_0;
	rig_fail_leaf(TDH_PHYMEM_PAMT_ADD, TDX_PAGE_NOT_FREE | TDX_OP_RDX, 1);
	pool_takes_the_end_of_region_0();
	assert_int_equal(hand.nr_pages, 0);
	assert_int_equal(rig_stats(&rig).quarantined, 1);
	/* All pages of the block but the refused one. */
	for (uint32_t i = 0; i < BLOCK_PAGES - 2; i++) {
		tdx_hpa_t *page = &pool_pages[nr_pool_pages++];

		assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, page), 0);
		assert_true(page->v >= block.v && page->v < block.v + BLOCK_PAGES * TDX_PAGE_SIZE);
	}
	while (nr_pool_pages)
		pamt_free_page(rig.host, pool_pages[--nr_pool_pages]);
	pamt_put(rig.host, rig_page(&rig, 0, 0));
	pamt_shrink(rig.host, UINT64_MAX);
	/* The refused page pins its region, and so the other CPU's pair and that one's chunk. */
	rig_expect_sound(&rig);
	assert_int_equal(rig_stats(&rig).pairs_installed, 2);
	assert_int_equal(back, BLOCK_PAGES - 1);
	/* Said at the end as well, which is not for this test's log. */
	rig.services.log = port.log;
}

/* ------------------------------------------------------------------------------------------- */
/* TDs on aged memory: every free page lies in a region of its own                              */

#define AGED_PAGES 340u
#define EACH	   120u

static tdx_hpa_t aged[AGED_PAGES];
static uint32_t nr_aged;
static struct td *td[2];
static struct vcpu *vcpu[2];

static enum tdx_size in_4k(void *arg, tdx_gpa_t at)
{
	(void)arg;
	(void)at;
	return TDX_4K;
}

/* One page of each 2M block for guests; the pool gets blocks of 64 KB, of other memory. */
static tdx_hpa_t aged_alloc(void *ctx, unsigned int order, uint32_t node)
{
	if (!order)
		return nr_aged ? aged[--nr_aged] : HPA_NONE;
	return order > BLOCK_ORDER ? HPA_NONE : slow_alloc(ctx, order, node);
}

static void aged_free(void *ctx, tdx_hpa_t first, unsigned int order)
{
	if (!order && first.v % TDX_2M_SIZE == TDX_PAGE_SIZE)
		aged[nr_aged++] = first;
	else
		slow_free(ctx, first, order);
}

/* Return: 0, or 1: a draw that came to the end of the list of empty chunks would find no page. */
static int look_for_chunks_without_pages(void)
{
	struct pool *pool = &rig.host->pool[0];
	os_irq_t irq = os_spin_lock(&pool->lock);
	int found = 0;

	for (const struct chunk *c = pool->all.class[CLASS_EMPTY]; c; c = c->next)
		found |= !c->free;
	os_spin_unlock(&pool->lock, irq);
	return found;
}

/* Not all of the 2M, so that its S-EPT page stays and nothing is trimmed. */
static int zap_to_the_last_page(void) { return td_zap(td[1], gpa(0), TDX_2M_SIZE - TDX_PAGE_SIZE); }

/* And then, when the new chunk is being stripped, it looks at what it could draw. */
static int zap_the_other_td(void)
{
	when = WHILE_FREE;
	act_at = 1;
	meanwhile = look_for_chunks_without_pages;
	return zap_to_the_last_page();
}

static void fault(uint32_t i, uint64_t page)
{
	assert_int_equal(td_fault(vcpu[i], gpa(page * TDX_PAGE_SIZE)), 0);
}

/*
 * The first story with two ordinary TDs: one's memory was zapped while the other's fault waited for
 * the page allocator. Until the trim at the end of that fault a third CPU's draw would have found
 * the chunk without pages. It took a minute on two cores to crash; here it is one schedule.
 */
static void a_td_is_zapped_while_the_fault_of_another_waits_for_memory(void **state)
{
	const struct vmm_config config = {
		.first_hkid = 33, .nr_hkids = 31, .global_hkid = 32, .hkid_start_bit = 40
	};
	const struct td_config small = { .node = OS_ANY_NODE, .max_vcpus = 1, .page_size = in_4k };
	static tdx_hpa_t taken[AGED_PAGES];
	struct vmm vmm;
	uint64_t page;

	(void)state;
	for (nr_aged = 0; nr_aged < AGED_PAGES; nr_aged++) {
		taken[nr_aged] = port.alloc_pages(rig.os->ctx, 9, 0);
		aged[nr_aged] = hpa(taken[nr_aged].v + TDX_PAGE_SIZE);
	}
	rig.services.alloc_pages = aged_alloc;
	rig.services.free_pages = aged_free;
	assert_int_equal(vmm_init(&vmm, rig.os, rig.host, &config), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(td_create(&vmm, &small, &td[i]), 0);
		assert_int_equal(td_add_vcpu(td[i], &vcpu[i]), 0);
		assert_int_equal(td_finalize(td[i]), 0);
	}
	/* A zap that ends within 2M fills the TD's stock: the one that counts will find it full. */
	assert_int_equal(zap_to_the_last_page(), 0);
	for (page = 0; page < EACH; page++)
		fault(1, page);
	fault(0, 0);

	/* The next block is a neighbour of the page that TD 0 has. */
	next_block = hpa(aged[nr_aged].v - TDX_PAGE_SIZE + BLOCK_PAGES * TDX_PAGE_SIZE);
	when = WHILE_ALLOC;
	meanwhile = zap_the_other_td;
	for (page = 1; meanwhile; page++)
		fault(0, page);
	rig_expect_bound(&rig);
	for (uint64_t end = page + EACH; page < end; page++)
		fault(0, page);
	assert_int_equal(look_for_chunks_without_pages(), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(td_destroy(td[i]), 0);
	rig_expect_nothing_left(&rig);
	rig.services.alloc_pages = slow_alloc;
	rig.services.free_pages = slow_free;
	for (uint32_t i = 0; i < AGED_PAGES; i++)
		port.free_pages(rig.os->ctx, taken[i], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(a_chunk_that_nobody_needs_any_more_hands_out_no_page),
		TEST(the_512th_page_is_got_while_the_chunk_before_it_leaves),
		TEST(a_2m_page_is_mapped_while_the_chunk_before_it_leaves),
		TEST(a_chunk_meets_a_refusal_and_then_a_region_that_others_have_backed),
		TEST(a_td_is_zapped_while_the_fault_of_another_waits_for_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
