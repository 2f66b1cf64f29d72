// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_threads_test.c - the module brought up by all processors at once: each call is made exactly
 * once, whoever makes it, and what is said to be usable is.
 */
#include <pthread.h>

#include "fixture.h"

#define NR_LPS 4

struct bring_up {
	struct fixture f;
	pthread_barrier_t barrier;
	uint64_t chunks[NR_LPS]; /* calls of SYS.TDMR.INIT that did something */
	uint64_t wrong[NR_LPS];	 /* answers that should not be */
};

struct worker {
	struct bring_up *all;
	uint32_t lp;
};

static uint64_t call_on(struct worker *w, uint64_t rax, uint64_t rcx, uint64_t *rdx)
{
	struct tdx_regs regs = { .rax = rax, .rcx = rcx };
	uint64_t status = fixture_call(&w->all->f, w->lp, &regs);

	if (rdx)
		*rdx = regs.rdx;
	return status;
}

static void expect(struct worker *w, bool right) { w->all->wrong[w->lp] += !right; }

/* The key of this processor's package: one of its processors has it, the others see that. */
static void configure_key(struct worker *w)
{
	uint64_t status;

	do
		status = call_on(w, TDH_SYS_KEY_CONFIG, 0, NULL);
	while (status == TDX_SYS_BUSY);
	expect(w, status == TDX_SUCCESS || status == TDX_KEY_CONFIGURED ||
			  status == TDX_SYS_KEY_CONFIG_NOT_PENDING);
}

/* One TDMR to its end, beside everybody else. Where a GB is said to be done it can be read. */
static void init_tdmr(struct worker *w, uint64_t base)
{
	uint64_t status, next;

	do {
		status = call_on(w, TDH_SYS_TDMR_INIT, base, &next);
		w->all->chunks[w->lp] += status == TDX_SUCCESS;
		expect(w, status == TDX_SUCCESS || status == TDX_TDMR_ALREADY_INITIALIZED ||
				  status == (TDX_OPERAND_BUSY | TDX_OP_RCX));
		if (status == TDX_SUCCESS && next > base)
			expect(w,
			       call_on(w, TDH_PHYMEM_PAGE_RDMD, next - 4096, NULL) == TDX_SUCCESS);
	} while (status != TDX_TDMR_ALREADY_INITIALIZED);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct tdx_tdmr_info info[FIXTURE_TDMRS];

	expect(w, call_on(w, TDH_SYS_LP_INIT, 0, NULL) == TDX_SUCCESS);
	expect(w, call_on(w, TDH_SYS_LP_INIT, 0, NULL) == TDX_SYS_LP_INIT_DONE);
	pthread_barrier_wait(&w->all->barrier);
	if (w->lp == 0) {
		fixture_tdmrs(info);
		expect(w,
		       fixture_config_call(&w->all->f, info, FIXTURE_TDMRS, true) == TDX_SUCCESS);
	}
	pthread_barrier_wait(&w->all->barrier);
	configure_key(w);
	pthread_barrier_wait(&w->all->barrier);
	init_tdmr(w, w->lp & 1 ? GB : 4 * GB);
	init_tdmr(w, w->lp & 1 ? 4 * GB : GB);
	return NULL;
}

static void all_processors_bring_the_module_up_together(void **state)
{
	static struct bring_up all;
	struct seam_config config = fixture_config();
	struct worker workers[NR_LPS];
	pthread_t threads[NR_LPS];
	uint64_t chunks = 0;

	(void)state;
	fixture_create(&all.f, &config);
	assert_int_equal(call3(&all.f, TDH_SYS_INIT, 0, 0, 0), TDX_SUCCESS);
	assert_int_equal(pthread_barrier_init(&all.barrier, NULL, NR_LPS), 0);
	for (uint32_t lp = 0; lp < NR_LPS; lp++) {
		workers[lp] = (struct worker){ &all, lp };
		assert_int_equal(pthread_create(&threads[lp], NULL, work, &workers[lp]), 0);
	}
	for (uint32_t lp = 0; lp < NR_LPS; lp++) {
		assert_int_equal(pthread_join(threads[lp], NULL), 0);
		assert_int_equal(all.wrong[lp], 0);
		chunks += all.chunks[lp];
	}
	assert_int_equal(chunks, 3 * 64); /* 3 GB, none of it twice */
	pthread_barrier_destroy(&all.barrier);
	fixture_destroy(&all.f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_processors_bring_the_module_up_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
