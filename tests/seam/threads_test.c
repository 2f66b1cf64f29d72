// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * threads_test.c - several logical processors in the module at once. What does not touch the same
 * things never finds anything busy; what does, is decided for one of them; and nothing is lost.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig.h"

#define NR_THREADS 3
#define ROUNDS	   300

struct worker {
	pthread_t thread;
	struct rig *rig;
	struct rig_td *td;
	uint32_t lp;
	uint64_t gpa;	     /* of its own 2M range */
	uint64_t region;     /* its own, without a pair */
	uint64_t shared;     /* a region with a pair, in which all map pages */
	uint64_t donated[2]; /* its own pages in that region, for pairs */
	uint64_t sept;	     /* its own page there, for DEMOTE */
	uint64_t done;	     /* calls that succeeded */
	uint64_t failed_leaf, failed_status;
	pthread_barrier_t *barrier;
};

static void run_workers(struct worker *workers, void *(*fn)(void *))
{
	pthread_barrier_t barrier;

	pthread_barrier_init(&barrier, NULL, NR_THREADS);
	for (int i = 0; i < NR_THREADS; i++) {
		workers[i].barrier = &barrier;
		assert_int_equal(pthread_create(&workers[i].thread, NULL, fn, &workers[i]), 0);
	}
	for (int i = 0; i < NR_THREADS; i++)
		pthread_join(workers[i].thread, NULL);
	pthread_barrier_destroy(&barrier);
}

/* cmocka's assertions are for the main thread: a worker notes its first failure. */
static bool ok(struct worker *w, struct tdx_regs regs)
{
	uint64_t leaf = regs.rax;
	uint64_t status = rig_call(w->rig, w->lp, &regs);

	if (status == TDX_SUCCESS) {
		w->done++;
		return true;
	}
	if (!w->failed_status) {
		w->failed_leaf = leaf;
		w->failed_status = status;
	}
	return false;
}

#define OK(w, ...) ok(w, (struct tdx_regs){ __VA_ARGS__ })

static void assert_no_failure(const struct worker *w)
{
	if (w->failed_status)
		fail_msg("LP %u: leaf %u answers 0x%016llx", w->lp, (unsigned int)w->failed_leaf,
			 (unsigned long long)w->failed_status);
}

/* A 4K page of the shared region: mapped, accepted, blocked, tracked, removed. */
static bool round_of_4k(struct worker *w, uint64_t page)
{
	uint64_t tdr = w->td->tdr, gpa = w->gpa;
	tdx_status_t status;

	if (!OK(w, .rax = TDH_MEM_PAGE_AUG, .rcx = gpa, .rdx = tdr, .r8 = page))
		return false;
	if (seam_debug_accept(w->rig->seam, hpa(tdr), gpa, &status) != SEAM_ACCEPT_STATUS)
		return false;
	return OK(w, .rax = TDH_MEM_RANGE_BLOCK, .rcx = gpa, .rdx = tdr) &&
	       OK(w, .rax = TDH_MEM_TRACK, .rcx = tdr) &&
	       OK(w, .rax = TDH_MEM_PAGE_REMOVE, .rcx = gpa, .rdx = tdr);
}

/* Its own region: a pair added and removed; a 2M page mapped, split, merged, removed. */
static bool round_of_2m(struct worker *w)
{
	uint64_t tdr = w->td->tdr, map = (w->gpa + TDX_2M_SIZE) | TDX_2M;
	uint64_t *pair = w->donated;

	if (w->rig->dynamic && !(OK(w, .rax = TDH_PHYMEM_PAMT_ADD, .rcx = w->region | TDX_2M,
				    .rdx = pair[0], .r8 = pair[1]) &&
				 OK(w, .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = w->region | TDX_2M)))
		return false;
	return OK(w, .rax = TDH_MEM_PAGE_AUG, .rcx = map, .rdx = tdr, .r8 = w->region) &&
	       OK(w, .rax = TDH_MEM_RANGE_BLOCK, .rcx = map, .rdx = tdr) &&
	       OK(w, .rax = TDH_MEM_TRACK, .rcx = tdr) &&
	       OK(w, .rax = TDH_MEM_PAGE_DEMOTE, .rcx = map, .rdx = tdr, .r8 = w->sept,
		  .r12 = pair[0], .r13 = pair[1]) &&
	       OK(w, .rax = TDH_MEM_RANGE_BLOCK, .rcx = map, .rdx = tdr) &&
	       OK(w, .rax = TDH_MEM_TRACK, .rcx = tdr) &&
	       OK(w, .rax = TDH_MEM_PAGE_PROMOTE, .rcx = map, .rdx = tdr) &&
	       OK(w, .rax = TDH_MEM_RANGE_BLOCK, .rcx = map, .rdx = tdr) &&
	       OK(w, .rax = TDH_MEM_TRACK, .rcx = tdr) &&
	       OK(w, .rax = TDH_MEM_PAGE_REMOVE, .rcx = map, .rdx = tdr);
}

static void *work_apart(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(w->barrier);
	for (int i = 0; i < ROUNDS; i++) {
		uint64_t page = w->shared + (8 + w->lp * 100 + i % 100) * TDX_PAGE_SIZE;

		if (!round_of_4k(w, page) || !round_of_2m(w))
			break;
	}
	return NULL;
}

static void calls_on_different_tds_never_find_each_other_busy(bool dynamic)
{
	struct worker workers[NR_THREADS] = { 0 };
	struct rig_td tds[NR_THREADS];
	struct rig rig;
	uint64_t shared;

	rig_init(&rig, dynamic, 2);
	rig_start(&rig);
	shared = rig_region(&rig);
	rig_add(&rig, shared);
	for (int i = 0; i < NR_THREADS; i++) {
		struct worker *w = &workers[i];

		rig_td_create(&rig, &tds[i], 1);
		for (uint32_t level = 3; level > 0; level--)
			rig_sept_add(&rig, &tds[i], 0, level);
		rig_td_finalize(&rig, &tds[i]);
		*w = (struct worker){ .rig = &rig, .td = &tds[i], .lp = i, .shared = shared };
		w->region = rig_region(&rig);
		w->donated[0] = rig_page(&rig);
		w->donated[1] = rig_page(&rig);
		w->sept = rig_page(&rig);
	}
	run_workers(workers, work_apart);
	for (int i = 0; i < NR_THREADS; i++) {
		assert_no_failure(&workers[i]);
		assert_int_equal(rig_type(&rig, workers[i].region, TDX_2M), TDX_PT_NDA);
	}
	assert_int_equal(rig_count(&rig, shared), 0);
	for (int i = 0; i < NR_THREADS; i++)
		rig_td_destroy(&rig, &tds[i]);
	assert_int_equal(rig.nr_fatal, 0);
	rig_stop(&rig);
}

static void calls_on_different_tds_never_find_each_other_busy_dynamic(void **state)
{
	(void)state;
	calls_on_different_tds_never_find_each_other_busy(true);
}

static void calls_on_different_tds_never_find_each_other_busy_static(void **state)
{
	(void)state;
	calls_on_different_tds_never_find_each_other_busy(false);
}

/* All map pages of their own at the same GPA of one TD, and the winner removes it again. */
static void *work_on_one_entry(void *arg)
{
	struct worker *w = arg;
	uint64_t tdr = w->td->tdr, page = w->shared + (8 + w->lp) * TDX_PAGE_SIZE;

	pthread_barrier_wait(w->barrier);
	for (int i = 0; i < ROUNDS * 10; i++) {
		struct tdx_regs aug = { .rax = TDH_MEM_PAGE_AUG, .rdx = tdr, .r8 = page };
		struct tdx_regs remove = { .rax = TDH_MEM_PAGE_REMOVE, .rdx = tdr };

		if (rig_call(w->rig, w->lp, &aug) != TDX_SUCCESS)
			continue;
		w->done++;
		/* The TD is not RUNNABLE, so nothing need be blocked. Others' tries may interfere.
		 */
		while (rig_call(w->rig, w->lp, &remove) != TDX_SUCCESS)
			remove = (struct tdx_regs){ .rax = TDH_MEM_PAGE_REMOVE, .rdx = tdr };
		if (TDX_PAGE_HPA(remove.rcx).v != page)
			w->failed_status = remove.rcx;
	}
	return NULL;
}

static void one_entry_is_given_to_one_of_many(void **state)
{
	struct worker workers[NR_THREADS] = { 0 };
	struct rig_td td;
	struct rig rig;
	uint64_t shared, children, done = 0;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	shared = rig_region(&rig);
	rig_add(&rig, shared);
	rig_td_create(&rig, &td, 0);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&rig, &td, 0, level);
	for (int i = 0; i < NR_THREADS; i++)
		workers[i] = (struct worker){ .rig = &rig, .td = &td, .lp = i, .shared = shared };
	run_workers(workers, work_on_one_entry);
	for (int i = 0; i < NR_THREADS; i++) {
		assert_int_equal(workers[i].failed_status, 0);
		done += workers[i].done;
	}
	assert_true(done > 0);
	assert_int_equal(seam_debug_chldcnt(rig.seam, hpa(td.tdr), &children), 0);
	assert_int_equal(children, td.nr_pages);
	assert_int_equal(rig_count(&rig, shared), 0);
	assert_int_equal(rig.nr_fatal, 0);
	rig_td_destroy(&rig, &td);
	rig_stop(&rig);
}

/* All give their own region the same two pages. */
static void *work_on_one_pair(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(w->barrier);
	for (int i = 0; i < ROUNDS * 10; i++) {
		struct tdx_regs add = { .rax = TDH_PHYMEM_PAMT_ADD,
					.rcx = w->region | TDX_2M,
					.rdx = w->donated[i & 1],
					.r8 = w->donated[!(i & 1)] };

		if (rig_call(w->rig, w->lp, &add) != TDX_SUCCESS)
			continue;
		if (!OK(w, .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = w->region | TDX_2M))
			break;
	}
	return NULL;
}

static void one_pair_is_given_to_one_of_many_regions(void **state)
{
	struct worker workers[NR_THREADS] = { 0 };
	uint64_t pair[2], done = 0;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	pair[0] = rig_page(&rig);
	pair[1] = rig_page(&rig);
	for (int i = 0; i < NR_THREADS; i++)
		workers[i] = (struct worker){ .rig = &rig,
					      .lp = i,
					      .region = rig_region(&rig),
					      .donated = { pair[0], pair[1] } };
	run_workers(workers, work_on_one_pair);
	for (int i = 0; i < NR_THREADS; i++) {
		assert_no_failure(&workers[i]);
		done += workers[i].done;
		assert_int_equal(rig_type(&rig, workers[i].region, TDX_2M), TDX_PT_NDA);
	}
	assert_true(done > 0);
	assert_int_equal(seam_debug_bitmap(rig.seam, hpa(pair[0])), 0);
	assert_int_equal(seam_debug_bitmap(rig.seam, hpa(pair[1])), 0);
	assert_int_equal(rig.nr_fatal, 0);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_on_different_tds_never_find_each_other_busy_dynamic),
		cmocka_unit_test(calls_on_different_tds_never_find_each_other_busy_static),
		cmocka_unit_test(one_entry_is_given_to_one_of_many),
		cmocka_unit_test(one_pair_is_given_to_one_of_many_regions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
