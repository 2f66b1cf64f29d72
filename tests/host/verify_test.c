// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * verify_test.c - pamt_verify() and pamt_leaks(): behind the host's back the module is told
 * something else, and that is found and named.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "small_guest.h"
#include "host/pool.h"

struct found {
	uint32_t nr;
	struct pamt_finding last;
};

static void note(void *arg, const struct pamt_finding *finding)
{
	struct found *found = arg;

	found->nr++;
	found->last = *finding;
}

/* Only those without a page that is a TD's. */
static void note_users(void *arg, const struct pamt_finding *finding)
{
	if (!finding->pages)
		note(arg, finding);
}

/* A module that tells other metadata than it has: of pages at this level, in these bits. */
static tdx_status_t (*true_module)(void *ctx, struct tdx_regs *regs);
static uint64_t lie_level, lie_mask, lie_status;

static tdx_status_t lying_module(void *ctx, struct tdx_regs *regs)
{
	bool asked =
		TDX_RAX_LEAF(regs->rax) == TDH_PHYMEM_PAGE_RDMD && (regs->rcx & 7) == lie_level;
	tdx_status_t status = true_module(ctx, regs);

	if (!asked)
		return status;
	regs->rcx ^= lie_mask;
	return lie_status ? (tdx_status_t){ regs->rax = lie_status } : status;
}

static void lie(struct rig *rig, uint64_t level, uint64_t mask, uint64_t status)
{
	true_module = rig->services.seamcall;
	rig->services.seamcall = lying_module;
	lie_level = level;
	lie_mask = mask;
	lie_status = status;
}

static void be_honest(struct rig *rig) { rig->services.seamcall = true_module; }

static struct tdx_regs call(struct rig *rig, struct tdx_regs regs)
{
	assert_int_equal(rig->os->seamcall(rig->os->ctx, &regs).v, 0);
	return regs;
}

static void pair_that_the_host_does_not_know_is_found(void **state)
{
	struct found found = { 0 };
	struct tdx_regs regs;
	struct rig rig;
	tdx_hpa_t pair;

	rig_create(&rig, 1, true);
	pair = rig.os->alloc_pages(rig.os->ctx, 1, 0);
	regs = (struct tdx_regs){ .rax = TDH_PHYMEM_PAMT_ADD,
				  .rcx = tdx_hpa_size(rig.guest[4], TDX_2M),
				  .rdx = pair.v,
				  .r8 = pair.v + 4096 };
	call(&rig, regs);
	assert_int_equal(pamt_verify(rig.host, note, &found), 1);
	assert_int_equal(found.nr, 1);
	assert_int_equal(found.last.region.v, hpa_to_region(rig.guest[4]).v);
	assert_non_null(strstr(found.last.what, "free"));
	/* Without somebody to tell it to, it counts. */
	assert_int_equal(pamt_verify(rig.host, NULL, NULL), 1);
	/* And ADD there says HPA_RANGE_NOT_FREE, which is never taken for success. */
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 4, 0), NULL), -OS_EIO);
	regs.rax = TDH_PHYMEM_PAMT_REMOVE;
	call(&rig, regs);
	rig.os->free_pages(rig.os->ctx, pair, 1);
	pamt_cache_free(rig.host, &(struct pamt_cache){ 0 });
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void pair_that_was_taken_away_is_found(void **state)
{
	struct found found = { 0 };
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 4, 0), NULL), 0);
	call(&rig, (struct tdx_regs){ .rax = TDH_PHYMEM_PAMT_REMOVE,
				      .rcx = tdx_hpa_size(rig.guest[4], TDX_2M) });
	assert_int_equal(pamt_verify(rig.host, note, &found), 1);
	assert_non_null(strstr(found.last.what, "users"));
	/* put finds out as well: the word is right again, and it is counted. */
	pamt_put(rig.host, rig_page(&rig, 4, 0));
	assert_int_equal(rig_stats(&rig).remove_no_pair, 1);
	rig_expect_sound(&rig);
	rig_destroy(&rig);
}

static void module_that_does_not_answer_is_a_finding(void **state)
{
	struct rig rig;

	rig_create(&rig, 1, true);
	rig_fail_leaf(TDH_PHYMEM_PAGE_RDMD, TDX_OPERAND_INVALID | TDX_OP_RCX, 3);
	assert_int_equal(pamt_verify(rig.host, NULL, NULL), 3);
	/* Busy passes, unless it does not. */
	rig_fail_leaf(TDH_PHYMEM_PAGE_RDMD, TDX_OPERAND_BUSY | TDX_OP_RCX, 3);
	assert_int_equal(pamt_verify(rig.host, NULL, NULL), 0);
	rig_fail_leaf(TDH_PHYMEM_PAGE_RDMD, TDX_OPERAND_BUSY | TDX_OP_RCX, 100);
	assert_int_equal(pamt_verify(rig.host, NULL, NULL), 1);
	assert_int_equal(rig_stats(&rig).busy, 103);
	rig_destroy(&rig);
}

static void leaks_are_named_with_their_users(void **state)
{
	struct found found = { 0 };
	struct tdx_regs regs;
	struct guest guest;
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_leaks(rig.host, note, &found), 0);
	guest_create(&guest, &rig, 40);
	/* The pool's chunk with the TD's nine pages, the first of which is the TDR. */
	assert_int_equal(pamt_leaks(rig.host, note, &found), 1);
	assert_int_equal(found.last.pages, 9);
	assert_int_equal(found.last.owner.v, guest.tdr.v);
	/* A page got and never put, and never a TD's. */
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 7, 7), NULL), 0);
	assert_int_equal(pamt_leaks(rig.host, note_users, &found), 2);
	assert_string_equal(found.last.what, "users of the region were not put");
	assert_int_equal(found.last.region.v, hpa_to_region(rig.guest[7]).v);
	assert_int_equal(found.last.pool_pages, 0);
	pamt_put(rig.host, rig_page(&rig, 7, 7));
	/* A 2M page, whose 4K pages cannot be asked for one by one. */
	regs = guest_aug_2m(&guest, 0, rig_page(&rig, 9, 0));
	assert_int_equal(pamt_map_2m(rig.host, rig_page(&rig, 9, 0), &regs), 0);
	assert_int_equal(pamt_leaks(rig.host, note, &found), 2);
	guest_block_2m(&guest, 0);
	regs = guest_remove_2m(&guest, 0);
	assert_int_equal(pamt_remove_2m(rig.host, rig_page(&rig, 9, 0), &regs), 0);
	pamt_release_2m(rig.host, rig_page(&rig, 9, 0));
	guest_end(&guest);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

/* Lines of the log at the host's end, and those that what was found should be. */
static char logged[2048], expected[2048];

static void keep_line(void *ctx, enum os_log_level level, const char *format, ...)
{
	size_t at = strlen(logged);
	va_list args;

	if (level != OS_LOG_ERROR || strncmp(format, "leak", 4))
		return;
	va_start(args, format);
	vsnprintf(logged + at, sizeof(logged) - at, format, args);
	va_end(args);
	at = strlen(logged);
	snprintf(logged + at, sizeof(logged) - at, "\n");
}

static void expect_line(void *arg, const struct pamt_finding *found)
{
	size_t at = strlen(expected);

	snprintf(expected + at, sizeof(expected) - at, "leak: region 0x%llx, word 0x%04x: %s\n",
		 (unsigned long long)region_to_hpa(found->region).v, found->word, found->what);
}

static void log_at_the_end_names_what_leaks_names(void **state)
{
	struct tdx_regs regs;
	struct guest guest;
	struct rig rig;
	tdx_hpa_t page;

	(void)state;
	rig_create(&rig, 1, true);
	guest_create(&guest, &rig, 40);
	regs = guest_aug_2m(&guest, 0, rig_page(&rig, 9, 0));
	assert_int_equal(pamt_map_2m(rig.host, rig_page(&rig, 9, 0), &regs), 0);
	guest_block_2m(&guest, 0);
	regs = guest_remove_2m(&guest, 0);
	assert_int_equal(pamt_remove_2m(rig.host, rig_page(&rig, 9, 0), &regs), 0);
	guest_end(&guest);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 7, 7), NULL), 0);
	assert_int_equal(pamt_leaks(rig.host, expect_line, NULL), 3);
	rig.services.log = keep_line;
	pamt_host_destroy(rig.host);
	rig.host = NULL;
	assert_string_equal(logged, expected);
	rig_destroy(&rig);
}

/* More than a log should hold. */
static void long_list_of_leaks_is_cut(void **state)
{
	struct rig rig;

	(void)state;
	rig_create(&rig, 1, true);
	for (uint32_t region = 0; region < 20; region++)
		assert_int_equal(pamt_get(rig.host, rig_page(&rig, region, 0), NULL), 0);
	logged[0] = 0;
	rig.services.log = keep_line;
	pamt_host_destroy(rig.host);
	rig.host = NULL;
	assert_non_null(strstr(logged, "users of the region were not put\n"));
	assert_non_null(strstr(logged, "leak: and 5 regions more\n"));
	rig_destroy(&rig);
}

static void users_that_were_not_put_and_pages_not_given_back_are_told_apart(void **state)
{
	struct found found = { 0 };
	struct rig rig;
	tdx_hpa_t page, neighbour;

	rig_create(&rig, 1, true);
	/* A control page that no TD got, and that nobody freed: it, and the pair of its region. */
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	assert_int_equal(pamt_leaks(rig.host, note, &found), 1);
	assert_string_equal(found.last.what, "pages of the pool were not given back");
	assert_int_equal(found.last.pool_pages, 3);
	/* A user of the same region besides. */
	do
		neighbour = rig.os->alloc_pages(rig.os->ctx, 0, 0);
	while (hpa_to_region(neighbour).v != hpa_to_region(page).v);
	assert_int_equal(pamt_get(rig.host, hpa_to_pfn(neighbour), NULL), 0);
	assert_int_equal(pamt_leaks(rig.host, note, &found), 1);
	assert_string_equal(found.last.what, "users of the region were not put");
	assert_int_equal(found.last.pool_pages, 3);
	pamt_put(rig.host, hpa_to_pfn(neighbour));
	pamt_free_page(rig.host, page);
	rig_expect_nothing_left(&rig);
	rig.free_bytes -= 4096;
	rig_destroy(&rig);
}

/* Chunks are found by a hash of their region: this one's neighbours there are not its own. */
static void leak_is_not_charged_with_pages_of_another_regions_chunk(void **state)
{
	struct found found = { 0 };
	struct rig rig;
	uint64_t r;
	tdx_hpa_t page;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_alloc_page(rig.host, 0, NULL, &page), 0);
	/* 64 buckets, the upper bits of a product. */
	assert_int_equal(rig.host->pool[0].all.hash_bits, 6);
	for (r = UINT64_C(5) << 9; r-- > UINT64_C(4) << 9;)
		if (r != hpa_to_region(page).v &&
		    (r * UINT64_C(0x9e3779b97f4a7c15)) >> 58 ==
			    (hpa_to_region(page).v * UINT64_C(0x9e3779b97f4a7c15)) >> 58 &&
		    !region_word(rig.host, (region_t){ r })->v)
			break;
	assert_true(r >= UINT64_C(4) << 9);
	assert_int_equal(pamt_get(rig.host, pfn(r << 9), NULL), 0);
	assert_int_equal(pamt_leaks(rig.host, note, &found), 2);
	assert_int_equal(found.last.region.v, r);
	assert_string_equal(found.last.what, "users of the region were not put");
	assert_int_equal(found.last.pool_pages, 0);
	pamt_put(rig.host, pfn(r << 9));
	pamt_free_page(rig.host, page);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void node_of_the_right_type_is_not_enough(void **state)
{
	struct tdx_regs regs;
	struct guest guest;
	struct rig rig;

	rig_create(&rig, 1, true);
	lie(&rig, TDX_2M, TDX_RDMD_NODE, 0);
	assert_true(pamt_verify(rig.host, NULL, NULL) > 0);
	be_honest(&rig);
	assert_int_equal(pamt_verify(rig.host, NULL, NULL), 0);
	/* A 2M page that is neither one nor free to the module. */
	guest_create(&guest, &rig, 40);
	regs = guest_aug_2m(&guest, 0, rig_page(&rig, 9, 0));
	assert_int_equal(pamt_map_2m(rig.host, rig_page(&rig, 9, 0), &regs), 0);
	lie(&rig, TDX_2M, TDX_PT_REG ^ TDX_PT_TDR, 0);
	assert_true(pamt_verify(rig.host, NULL, NULL) > 0);
	be_honest(&rig);
	regs = guest_remove_2m(&guest, 0);
	assert_int_equal(pamt_remove_2m(rig.host, rig_page(&rig, 9, 0), &regs), 0);
	pamt_release_2m(rig.host, rig_page(&rig, 9, 0));
	guest_end(&guest);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void leak_is_a_leak_whatever_the_module_says_of_its_pages(void **state)
{
	struct found found = { 0 };
	struct rig rig;

	rig_create(&rig, 1, true);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 7, 7), NULL), 0);
	/* It cannot be asked; or it calls every page reserved. */
	lie(&rig, TDX_4K, 0, TDX_SYS_NOT_READY);
	assert_int_equal(pamt_leaks(rig.host, note, &found), 2);
	be_honest(&rig);
	lie(&rig, TDX_4K, TDX_PT_NDA ^ TDX_PT_RSVD, 0);
	assert_int_equal(pamt_leaks(rig.host, note, &found), 2);
	be_honest(&rig);
	assert_int_equal(found.last.pages, 0);
	pamt_put(rig.host, rig_page(&rig, 7, 7));
	/* A pair that cannot be removed now is kept, and no leak; the chunk that it is of is. */
	rig_fail_leaf(TDH_PHYMEM_PAMT_REMOVE, TDX_SYS_NOT_READY, UINT64_MAX);
	assert_int_equal(pamt_get(rig.host, rig_page(&rig, 7, 7), NULL), 0);
	pamt_put(rig.host, rig_page(&rig, 7, 7));
	assert_int_equal(rig_stats(&rig).pairs_idle, 1);
	assert_int_equal(pamt_leaks(rig.host, note, &found), 1);
	rig_fail_leaf(TDH_PHYMEM_PAMT_REMOVE, 0, 0);
	assert_int_equal(pamt_leaks(rig.host, note, &found), 0);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void memory_may_go_when_nothing_uses_it(void **state)
{
	struct pamt_cache cache = { 0 };
	struct rig rig;
	tdx_hpa_t at, page;

	rig_create(&rig, 1, true);
	at = rig.guest[4];
	assert_int_equal(pamt_offline(rig.host, at, TDX_2M_SIZE), 0);
	pamt_set_idle_limit(rig.host, 4);
	assert_int_equal(pamt_get(rig.host, hpa_to_pfn(at), NULL), 0);
	assert_int_equal(pamt_offline(rig.host, at, TDX_2M_SIZE), -OS_EBUSY);
	pamt_put(rig.host, hpa_to_pfn(at));
	/* Idle is not used. */
	assert_int_equal(rig_stats(&rig).pairs_idle, 1);
	assert_int_equal(pamt_offline(rig.host, at, TDX_2M_SIZE), 0);
	assert_int_equal(rig_stats(&rig).os_bytes, 0);
	/* Pages of the pool cannot be moved. */
	assert_int_equal(pamt_cache_topup(rig.host, &cache, 1, 0), 0);
	page = cache.page[0];
	assert_int_equal(pamt_offline(rig.host, page, 4096), -OS_EBUSY);
	pamt_cache_free(rig.host, &cache);
	assert_int_equal(pamt_offline(rig.host, page, 4096), 0);
	assert_int_equal(pamt_offline(rig.host, pamt_layout(rig.host)->tdmr[0].pamt_base, 4096),
			 -OS_EBUSY);
	/* Neither below the PAMT nor above it is in it. */
	assert_int_equal(pamt_offline(rig.host, hpa(16 << 20), TDX_2M_SIZE), 0);
	assert_int_equal(pamt_offline(rig.host, hpa(UINT64_C(6) << 30), TDX_2M_SIZE), 0);
	assert_int_equal(pamt_offline(rig.host, at, 0), 0);
	assert_int_equal(pamt_may_online(rig.host, at, 0), -OS_EINVAL);
	assert_int_equal(pamt_may_online(rig.host, at, TDX_2M_SIZE), 0);
	assert_int_equal(pamt_may_online(rig.host, hpa(UINT64_C(2) << 30), TDX_1G_SIZE),
			 -OS_EINVAL);
	rig_expect_nothing_left(&rig);
	rig_destroy(&rig);
}

static void memory_of_no_tdmr_may_always_go(void **state)
{
	const uint64_t upper = UINT64_C(512) << 30;
	struct pamt_error error;
	struct rig rig;

	/* Between two TDMRs that are far apart there are not even words. */
	rig_machine_at(&rig, 1, upper);
	assert_int_equal(rig_host(&rig, true, &error), 0);
	assert_int_equal(pamt_offline(rig.host, hpa(upper / 2), TDX_1G_SIZE), 0);
	rig_destroy(&rig);
	/* With static PAMT only the PAMT itself is in the way. */
	rig_create(&rig, 1, false);
	assert_int_equal(pamt_offline(rig.host, rig.guest[0], TDX_2M_SIZE), 0);
	assert_int_equal(pamt_offline(rig.host, pamt_layout(rig.host)->tdmr[0].pamt_base, 4096),
			 -OS_EBUSY);
	rig_destroy(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pair_that_the_host_does_not_know_is_found),
		cmocka_unit_test(pair_that_was_taken_away_is_found),
		cmocka_unit_test(module_that_does_not_answer_is_a_finding),
		cmocka_unit_test(leaks_are_named_with_their_users),
		cmocka_unit_test(log_at_the_end_names_what_leaks_names),
		cmocka_unit_test(long_list_of_leaks_is_cut),
		cmocka_unit_test(users_that_were_not_put_and_pages_not_given_back_are_told_apart),
		cmocka_unit_test(leak_is_not_charged_with_pages_of_another_regions_chunk),
		cmocka_unit_test(node_of_the_right_type_is_not_enough),
		cmocka_unit_test(leak_is_a_leak_whatever_the_module_says_of_its_pages),
		cmocka_unit_test(memory_may_go_when_nothing_uses_it),
		cmocka_unit_test(memory_of_no_tdmr_may_always_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
