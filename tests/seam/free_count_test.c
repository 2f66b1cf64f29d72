/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * free_count_test.c - a page that one call frees and another wants, in a region that is full.
 *
 * The story: softseam marked a page free and unlocked it in one store, and lowered its region's
 * count after that. Between the two another call claimed the page, read 512 and broke the module
 * (count of a region above 512), in a host that had done nothing wrong: the claim of a page that is
 * just being freed is OPERAND_BUSY.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig.h"

#define ROUNDS 400000

struct both {
	struct rig rig;
	struct rig_td td;
	uint64_t page; /* the only one that comes and goes, in a region that is full with it */
	uint32_t stop;
	uint64_t taken; /* by the second thread */
};

static bool goes_on(struct both *both)
{
	return !__atomic_load_n(&both->stop, __ATOMIC_RELAXED) &&
	       !seam_is_fatal(both->rig.seam, NULL);
}

static bool map(struct both *both, uint32_t lp, uint64_t gpa)
{
	return RIG_CALL(&both->rig, lp, .rax = TDH_MEM_PAGE_AUG, .rcx = gpa, .rdx = both->td.tdr,
			.r8 = both->page) == TDX_SUCCESS;
}

static bool unmap(struct both *both, uint32_t lp, uint64_t gpa)
{
	return RIG_CALL(&both->rig, lp, .rax = TDH_MEM_PAGE_REMOVE, .rcx = gpa,
			.rdx = both->td.tdr) == TDX_SUCCESS;
}

/* Takes the page whenever it can be had, at another GPA. */
static void *take(void *arg)
{
	struct both *both = arg;

	while (goes_on(both)) {
		if (!map(both, 1, TDX_2M_SIZE))
			continue;
		both->taken++;
		while (!unmap(both, 1, TDX_2M_SIZE) && goes_on(both))
			;
	}
	return NULL;
}

static void a_page_being_freed_is_claimed_when_it_is_counted(void **state)
{
	static struct both both;
	pthread_t thread;
	uint64_t region;

	(void)state;
	rig_init(&both.rig, true, 4);
	rig_start(&both.rig);
	rig_td_create(&both.rig, &both.td, 0);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&both.rig, &both.td, 0, level);
	rig_sept_add(&both.rig, &both.td, TDX_2M_SIZE, TDX_2M);
	region = rig_region(&both.rig);
	/* A pair of elsewhere, so that all 512 pages can be mapped. */
	RIG_OK(&both.rig, 0, .rax = TDH_PHYMEM_PAMT_ADD, .rcx = region | TDX_2M,
	       .rdx = rig_page(&both.rig), .r8 = rig_page(&both.rig));
	for (uint64_t at = 0; at < TDX_2M_SIZE; at += TDX_PAGE_SIZE)
		RIG_OK(&both.rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = at, .rdx = both.td.tdr,
		       .r8 = region + at);
	both.page = region;

	assert_int_equal(pthread_create(&thread, NULL, take, &both), 0);
	for (uint32_t i = 0; i < ROUNDS && goes_on(&both); i++) {
		while (!unmap(&both, 0, 0) && goes_on(&both))
			;
		while (!map(&both, 0, 0) && goes_on(&both))
			;
	}
	__atomic_store_n(&both.stop, 1, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	assert_int_equal(both.rig.nr_fatal, 0);
	assert_int_equal(rig_count(&both.rig, region), TDX_PAGES_PER_2M);
	rig_stop(&both.rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_page_being_freed_is_claimed_when_it_is_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
