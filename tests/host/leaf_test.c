// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * leaf_test.c - regions as 2M pages of a TD: map, remove, release, split, merge.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "small_guest.h"

struct setup {
	struct rig rig;
	struct guest guest;
	tdx_pfn_t first;
};

static void setup(struct setup *t)
{
	rig_create(&t->rig, 1, true);
	guest_create(&t->guest, &t->rig, 40);
	t->first = rig_page(&t->rig, 5, 0);
}

static void finish(struct setup *t)
{
	guest_end(&t->guest);
	rig_expect_nothing_left(&t->rig);
	rig_destroy(&t->rig);
}

static int map(struct setup *t, uint32_t slot)
{
	struct tdx_regs call = guest_aug_2m(&t->guest, slot, t->first);

	return pamt_map_2m(t->rig.host, t->first, &call);
}

static int remove_page(struct setup *t, uint32_t slot)
{
	struct tdx_regs call = guest_remove_2m(&t->guest, slot);

	guest_block_2m(&t->guest, slot);
	return pamt_remove_2m(t->rig.host, t->first, &call);
}

static void mapped_region_is_leaf_until_it_is_released(void **state)
{
	struct setup t;

	setup(&t);
	assert_int_equal(map(&t, 0), 0);
	assert_int_equal(rig_stats(&t.rig).leaf_regions, 1);
	rig_expect_sound(&t.rig);
	assert_int_equal(pamt_get(t.rig.host, t.first, NULL), -OS_EBUSY);
	assert_int_equal(map(&t, 1), -OS_EBUSY);
	assert_int_equal(remove_page(&t, 0), 0);
	/* Not written back yet: nobody else may have it. */
	assert_int_equal(pamt_get(t.rig.host, t.first, NULL), -OS_EBUSY);
	rig_expect_sound(&t.rig);
	pamt_release_2m(t.rig.host, t.first);
	assert_int_equal(pamt_get(t.rig.host, t.first, NULL), 0);
	assert_int_equal(map(&t, 0), -OS_EBUSY);
	pamt_put(t.rig.host, t.first);
	finish(&t);
}

static void failed_call_leaves_the_word(void **state)
{
	struct tdx_regs call;
	struct setup t;

	setup(&t);
	/* The same page twice at one GPA: the entry is not free the second time. */
	call = guest_aug_2m(&t.guest, 600, t.first);
	assert_int_equal(pamt_map_2m(t.rig.host, t.first, &call), -OS_EIO);
	assert_true(tdx_status_is((tdx_status_t){ call.rax }, TDX_EPT_WALK_FAILED));
	assert_int_equal(rig_stats(&t.rig).leaf_regions, 0);
	assert_int_equal(map(&t, 0), 0);
	/* Not blocked is fine before the TD runs; not there is not. */
	call = guest_remove_2m(&t.guest, 7);
	assert_int_equal(pamt_remove_2m(t.rig.host, t.first, &call), -OS_EIO);
	assert_int_equal(map(&t, 0), -OS_EBUSY);
	rig_expect_sound(&t.rig);
	assert_int_equal(remove_page(&t, 0), 0);
	pamt_release_2m(t.rig.host, t.first);
	finish(&t);
}

static void idle_pair_makes_way_for_a_2m_page(void **state)
{
	struct setup t;

	setup(&t);
	pamt_set_idle_limit(t.rig.host, 8);
	assert_int_equal(pamt_get(t.rig.host, t.first, NULL), 0);
	pamt_put(t.rig.host, t.first);
	assert_int_equal(rig_stats(&t.rig).pairs_idle, 1);
	/* Refused for now: the word stays, and the caller may try again. */
	rig_fail_call(&t.rig, 1, TDX_SYS_NOT_READY);
	assert_int_equal(map(&t, 0), -OS_EAGAIN);
	assert_int_equal(rig_stats(&t.rig).pairs_idle, 1);
	assert_int_equal(map(&t, 0), 0);
	assert_int_equal(rig_stats(&t.rig).pairs_idle, 0);
	rig_expect_sound(&t.rig);
	assert_int_equal(remove_page(&t, 0), 0);
	pamt_release_2m(t.rig.host, t.first);
	finish(&t);
}

static void wrong_calls_are_refused_unmade(void **state)
{
	struct tdx_regs call;
	uint64_t before, after;
	struct setup t;

	setup(&t);
	rig_fail_nothing(&t.rig);
	call = guest_aug_2m(&t.guest, 0, t.first);
	assert_int_equal(pamt_map_2m(t.rig.host, pfn(t.first.v + 1), &call), -OS_EINVAL);
	call.rcx &= ~UINT64_C(7); /* 4K */
	assert_int_equal(pamt_map_2m(t.rig.host, t.first, &call), -OS_EINVAL);
	call = guest_remove_2m(&t.guest, 0);
	assert_int_equal(pamt_map_2m(t.rig.host, t.first, &call), -OS_EINVAL);
	assert_int_equal(pamt_remove_2m(t.rig.host, t.first, &call), -OS_EBUSY);
	assert_int_equal(pamt_remove_2m(t.rig.host, pfn(0), &call), -OS_EINVAL);
	assert_int_equal(pamt_merge(t.rig.host, t.first, &call), -OS_EINVAL);
	assert_int_equal(pamt_split(t.rig.host, t.first, &call, NULL), -OS_EINVAL);
	call.rcx &= ~UINT64_C(7); /* 4K: by way of the page's own leaf */
	assert_int_equal(pamt_remove_2m(t.rig.host, t.first, &call), -OS_EINVAL);
	call = guest_promote(&t.guest, 0);
	assert_int_equal(pamt_remove_2m(t.rig.host, t.first, &call), -OS_EINVAL);
	assert_int_equal(pamt_merge(t.rig.host, t.first, &call), -OS_EBUSY);
	assert_int_equal(pamt_merge(t.rig.host, pfn(0), &call), -OS_EINVAL);
	call.rcx = (call.rcx & ~UINT64_C(7)) | TDX_1G;
	assert_int_equal(pamt_merge(t.rig.host, t.first, &call), -OS_EINVAL);
	call = guest_demote(&t.guest, 0, HPA_NONE);
	assert_int_equal(pamt_split(t.rig.host, pfn(0), &call, NULL), -OS_EINVAL);
	call.rcx = (call.rcx & ~UINT64_C(7)) | TDX_1G;
	assert_int_equal(pamt_split(t.rig.host, t.first, &call, NULL), -OS_EINVAL);
	call = guest_aug_2m(&t.guest, 0, pfn(0));
	assert_int_equal(pamt_map_2m(t.rig.host, pfn(0), &call), -OS_EINVAL);
	threads_counts(t.rig.port, &before, &after);
	assert_int_equal(after, 0);
	pamt_release_2m(t.rig.host, t.first);
	assert_int_equal(rig_stats(&t.rig).unbalanced_puts, 1);
	pamt_release_2m(t.rig.host, pfn(0)); /* not even a region */
	assert_int_equal(rig_stats(&t.rig).unbalanced_puts, 2);
	guest_end(&t.guest);
	rig_destroy(&t.rig);
}

static void split_counts_512_and_merge_takes_the_pair_back(void **state)
{
	struct pamt_cache cache = { 0 };
	struct tdx_regs call;
	struct setup t;
	tdx_hpa_t sept;

	setup(&t);
	assert_int_equal(map(&t, 0), 0);
	assert_int_equal(pamt_cache_topup(t.rig.host, &cache, 1, 1), 0);
	assert_int_equal(pamt_alloc_page(t.rig.host, 0, &cache, &sept), 0);
	call = guest_demote(&t.guest, 0, sept);
	assert_int_equal(pamt_split(t.rig.host, t.first, &call, &cache), 0);
	assert_int_equal(cache.nr_pages, 0);
	rig_expect_sound(&t.rig);
	assert_int_equal(pamt_get(t.rig.host, t.first, NULL), -OS_ERANGE);
	call = guest_demote(&t.guest, 0, sept);
	assert_int_equal(pamt_split(t.rig.host, t.first, &call, &cache), -OS_ENOMEM);
	assert_int_equal(pamt_split(t.rig.host, t.first, &call, NULL), -OS_EBUSY);

	/* A merge that fails changes nothing: here the entry is not there. */
	call = guest_promote(&t.guest, 9);
	assert_int_equal(pamt_merge(t.rig.host, t.first, &call), -OS_EIO);
	rig_expect_sound(&t.rig);
	call = guest_promote(&t.guest, 0);
	assert_int_equal(pamt_merge(t.rig.host, t.first, &call), 0);
	assert_int_equal(TDX_PAGE_HPA(call.rcx).v, sept.v);
	pamt_free_page(t.rig.host, sept);
	rig_expect_sound(&t.rig);
	assert_int_equal(rig_stats(&t.rig).leaf_regions, 1);
	assert_int_equal(remove_page(&t, 0), 0);
	pamt_release_2m(t.rig.host, t.first);
	pamt_cache_free(t.rig.host, &cache);
	finish(&t);
}

static void failed_split_keeps_leaf_and_pair(void **state)
{
	static const struct {
		uint64_t status;
		int ret;
		uint32_t left; /* of four pages */
	} cases[] = {
		{ TDX_INTERRUPTED_RESTARTABLE, -OS_EIO, 4 },
		{ TDX_OPERAND_BUSY | TDX_OP_R12, -OS_EIO, 4 },
		{ TDX_OPERAND_BUSY | TDX_OP_SEPT_TREE, -OS_EIO, 4 },
		{ TDX_MISSING_PAMT_PAGE_PAIR | TDX_OP_R8, -OS_EIO, 4 },
		{ TDX_PAGE_NOT_FREE | TDX_OP_R13, 0, 1 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct pamt_cache cache = { 0 };
		struct tdx_regs call;
		struct setup t;
		tdx_hpa_t sept;

		setup(&t);
		assert_int_equal(map(&t, 0), 0);
		assert_int_equal(pamt_alloc_page(t.rig.host, 0, NULL, &sept), 0);
		assert_int_equal(pamt_cache_topup(t.rig.host, &cache, 0, 2), 0);
		call = guest_demote(&t.guest, 0, sept);
		rig_fail_call(&t.rig, 1, cases[i].status);
		assert_int_equal(pamt_split(t.rig.host, t.first, &call, &cache), cases[i].ret);
		assert_int_equal(cache.nr_pages, cases[i].left);
		/* Whose call it is counts what it answers. */
		assert_int_equal(rig_stats(&t.rig).busy, 0);
		rig_expect_sound(&t.rig);
		if (cases[i].ret) {
			assert_int_equal(call.rax, cases[i].status);
			assert_int_equal(pamt_get(t.rig.host, t.first, NULL), -OS_EBUSY);
		} else {
			call = guest_promote(&t.guest, 0);
			assert_int_equal(pamt_merge(t.rig.host, t.first, &call), 0);
		}
		assert_int_equal(remove_page(&t, 0), 0);
		pamt_release_2m(t.rig.host, t.first);
		pamt_free_page(t.rig.host, sept);
		pamt_cache_free(t.rig.host, &cache);
		guest_end(&t.guest);
		rig_destroy(&t.rig);
	}
}

static void split_gives_up_after_two_refused_pairs(void **state)
{
	struct pamt_cache cache = { 0 };
	struct tdx_regs call;
	struct setup t;
	tdx_hpa_t sept;

	setup(&t);
	assert_int_equal(map(&t, 0), 0);
	assert_int_equal(pamt_alloc_page(t.rig.host, 0, NULL, &sept), 0);
	assert_int_equal(pamt_cache_topup(t.rig.host, &cache, 0, 3), 0);
	call = guest_demote(&t.guest, 0, sept);
	rig_fail_leaf(TDH_MEM_PAGE_DEMOTE, TDX_PAGE_NOT_FREE | TDX_OP_R12, 2);
	assert_int_equal(pamt_split(t.rig.host, t.first, &call, &cache), -OS_EIO);
	assert_int_equal(call.rax, TDX_PAGE_NOT_FREE | TDX_OP_R12);
	assert_int_equal(cache.nr_pages, 4);
	assert_int_equal(rig_stats(&t.rig).quarantined, 2);
	rig_expect_sound(&t.rig);
	assert_int_equal(remove_page(&t, 0), 0);
	pamt_release_2m(t.rig.host, t.first);
	pamt_free_page(t.rig.host, sept);
	pamt_cache_free(t.rig.host, &cache);
	guest_end(&t.guest);
	rig_destroy(&t.rig);
}

static void reclaimed_2m_page_is_removed_the_same_way(void **state)
{
	struct tdx_regs call = { .rax = TDH_PHYMEM_PAGE_RECLAIM };
	struct setup t;

	setup(&t);
	assert_int_equal(map(&t, 0), 0);
	/* Too early: the TD is alive. */
	call.rcx = pfn_to_hpa(t.first).v;
	assert_int_equal(pamt_remove_2m(t.rig.host, t.first, &call), -OS_EIO);
	assert_true(tdx_status_is((tdx_status_t){ call.rax }, TDX_LIFECYCLE_STATE_INCORRECT));
	assert_int_equal(remove_page(&t, 0), 0);
	pamt_release_2m(t.rig.host, t.first);
	finish(&t);
}

static void static_pamt_passes_the_calls_on(void **state)
{
	struct tdx_regs call;
	struct setup t;
	tdx_hpa_t sept;

	rig_create(&t.rig, 1, false);
	guest_create(&t.guest, &t.rig, 40);
	t.first = rig_page(&t.rig, 5, 0);
	assert_int_equal(map(&t, 0), 0);
	assert_int_equal(pamt_alloc_page(t.rig.host, 0, NULL, &sept), 0);
	call = guest_demote(&t.guest, 0, sept);
	assert_int_equal(pamt_split(t.rig.host, t.first, &call, NULL), 0);
	call = guest_promote(&t.guest, 0);
	assert_int_equal(pamt_merge(t.rig.host, t.first, &call), 0);
	assert_int_equal(remove_page(&t, 0), 0);
	pamt_release_2m(t.rig.host, t.first);
	pamt_free_page(t.rig.host, sept);
	guest_end(&t.guest);
	assert_int_equal(rig_stats(&t.rig).os_bytes, 0);
	rig_destroy(&t.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(mapped_region_is_leaf_until_it_is_released),
		cmocka_unit_test(failed_call_leaves_the_word),
		cmocka_unit_test(idle_pair_makes_way_for_a_2m_page),
		cmocka_unit_test(wrong_calls_are_refused_unmade),
		cmocka_unit_test(split_counts_512_and_merge_takes_the_pair_back),
		cmocka_unit_test(failed_split_keeps_leaf_and_pair),
		cmocka_unit_test(split_gives_up_after_two_refused_pairs),
		cmocka_unit_test(reclaimed_2m_page_is_removed_the_same_way),
		cmocka_unit_test(static_pamt_passes_the_calls_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
