// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * hot_test.c - what get and put do not do: on the hot path no service of the system is called, no
 * lock is taken and no system call made; where a pair comes or goes, one SEAMCALL and no more.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/seccomp.h>
#include <cmocka.h>

#include "host/pool.h"
#include "rig.h"

#define ROUNDS 1000

/* ------------------------------------------------------------------------------------------- */
/* The workloads                                                                                */

/* Counts go up and down, and never to zero. */
static void be_hot(struct rig *rig)
{
	for (uint32_t i = 1; i < 500; i++)
		if (pamt_get(rig->host, rig_page(rig, 0, i), NULL))
			abort();
	for (uint32_t i = 1; i < 500; i++)
		pamt_put(rig->host, rig_page(rig, 0, i));
	if (pamt_get_range(rig->host, rig_page(rig, 0, 1), 500, NULL))
		abort();
	pamt_put_range(rig->host, rig_page(rig, 0, 1), 500);
}

/* A pair comes out of a cache and goes to the magazine. */
static void come_and_go(struct rig *rig, struct pamt_cache *cache)
{
	if (pamt_get(rig->host, rig_page(rig, 1, 0), cache))
		abort();
	pamt_put(rig->host, rig_page(rig, 1, 0));
}

struct setup {
	struct rig rig;
	struct pamt_cache cache;
	tdx_hpa_t page[40];
};

static void setup(struct setup *t)
{
	memset(t, 0, sizeof(*t));
	rig_create(&t->rig, 1, true);
	/* Enough in use for magazines to have room; and region 0 never empty. */
	for (uint32_t i = 0; i < 40; i++)
		assert_int_equal(pamt_alloc_page(t->rig.host, 0, NULL, &t->page[i]), 0);
	assert_int_equal(pamt_get(t->rig.host, rig_page(&t->rig, 0, 0), NULL), 0);
	for (uint32_t i = 0; i < 4; i++) {
		assert_int_equal(pamt_cache_topup(t->rig.host, &t->cache, 0, 2), 0);
		come_and_go(&t->rig, &t->cache);
	}
	assert_int_equal(pamt_cache_topup(t->rig.host, &t->cache, 0, 32), 0);
}

static void finish(struct setup *t)
{
	pamt_put(t->rig.host, rig_page(&t->rig, 0, 0));
	for (uint32_t i = 0; i < 40; i++)
		pamt_free_page(t->rig.host, t->page[i]);
	pamt_cache_free(t->rig.host, &t->cache);
	rig_expect_nothing_left(&t->rig);
	rig_destroy(&t->rig);
}

/* ------------------------------------------------------------------------------------------- */
/* Services                                                                                     */

static void forbidden(void)
{
	static const char text[] = "a service of the system was called\n";

	if (write(2, text, sizeof(text) - 1) < 0)
		_exit(3);
	abort();
}

static tdx_status_t (*module)(void *ctx, struct tdx_regs *regs);
static uint64_t adds, removes, others;

static tdx_status_t counted(void *ctx, struct tdx_regs *regs)
{
	uint32_t leaf = TDX_RAX_LEAF(regs->rax);

	adds += leaf == TDH_PHYMEM_PAMT_ADD;
	removes += leaf == TDH_PHYMEM_PAMT_REMOVE;
	others += leaf != TDH_PHYMEM_PAMT_ADD && leaf != TDH_PHYMEM_PAMT_REMOVE;
	return module(ctx, regs);
}

/* Every function of the table becomes one that ends the test; but for this SEAMCALL, if any. */
static struct os_services forbid(struct rig *rig,
				 tdx_status_t (*seamcall)(void *ctx, struct tdx_regs *regs))
{
	struct os_services before = rig->services;
	void (**function)(void) = (void (**)(void)) & rig->services.alloc_pages;

	for (; (void *)function != &rig->services.trace; function++)
		*function = forbidden;
	if (seamcall)
		rig->services.seamcall = seamcall;
	return before;
}

static void hot_path_calls_no_service(void **state)
{
	struct os_services before;
	struct setup t;

	setup(&t);
	before = forbid(&t.rig, NULL);
	be_hot(&t.rig);
	t.rig.services = before;
	assert_int_equal(rig_stats(&t.rig).gets_fast, 500);
	finish(&t);
}

static void edge_is_one_seamcall_and_nothing_else(void **state)
{
	struct os_services before;
	struct setup t;

	setup(&t);
	module = t.rig.services.seamcall;
	adds = removes = others = 0;
	before = forbid(&t.rig, counted);
	for (int i = 0; i < 16; i++)
		come_and_go(&t.rig, &t.cache);
	t.rig.services = before;
	assert_int_equal(adds, 16);
	assert_int_equal(removes, 16);
	assert_int_equal(others, 0);
	finish(&t);
}

/* ------------------------------------------------------------------------------------------- */
/* Locks: whoever wanted one of these would wait for ever                                       */

static void hold_locks(struct pamt_host *host)
{
	os_mutex_lock(&host->pool[0].grow);
	os_spin_lock(&host->pool[0].lock);
	for (uint32_t i = 0; i < RIG_CPUS; i++)
		os_spin_lock(&host->cpu[i].magazine.lock);
}

static void release_locks(struct pamt_host *host)
{
	for (uint32_t i = 0; i < RIG_CPUS; i++)
		os_spin_unlock(&host->cpu[i].magazine.lock, 0);
	os_spin_unlock(&host->pool[0].lock, 0);
	os_mutex_unlock(&host->pool[0].grow);
}

static void hot_path_takes_no_lock(void **state)
{
	struct setup t;

	setup(&t);
	alarm(60);
	hold_locks(t.rig.host);
	be_hot(&t.rig);
	release_locks(t.rig.host);
	alarm(0);
	finish(&t);
}

static void edge_takes_no_lock_but_its_own_magazines(void **state)
{
	struct setup t;

	setup(&t);
	alarm(60);
	/* Out of the cache no lock at all; back into the magazine, that of this CPU. */
	hold_locks(t.rig.host);
	assert_int_equal(pamt_get(t.rig.host, rig_page(&t.rig, 1, 0), &t.cache), 0);
	assert_true(t.rig.host->cpu[0].magazine.nr + 2 <= t.rig.host->cpu[0].magazine.room);
	os_spin_unlock(&t.rig.host->cpu[0].magazine.lock, 0);
	pamt_put(t.rig.host, rig_page(&t.rig, 1, 0));
	os_spin_lock(&t.rig.host->cpu[0].magazine.lock);
	release_locks(t.rig.host);
	alarm(0);
	finish(&t);
}

/* ------------------------------------------------------------------------------------------- */
/* System calls: the kernel kills whoever makes one                                             */

/* A sanitizer makes calls of its own. Before there is anything to end. */
static void skip_if_sanitized(void)
{
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
	skip();
#endif
}

static void without_system_calls(struct setup *t, bool edges)
{
	int status;
	pid_t child = fork();

	assert_int_not_equal(child, -1);
	if (!child) {
		if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
			_exit(77);
		for (int i = 0; i < (edges ? 16 : ROUNDS); i++) {
			if (edges)
				come_and_go(&t->rig, &t->cache);
			else
				be_hot(&t->rig);
		}
		/* Not _exit(): that is another call than the one allowed. */
		syscall(SYS_exit, 0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
}

static void hot_path_makes_no_system_call(void **state)
{
	struct setup t;

	skip_if_sanitized();
	setup(&t);
	without_system_calls(&t, false);
	finish(&t);
}

static void edge_makes_no_system_call(void **state)
{
	struct setup t;

	skip_if_sanitized();
	setup(&t);
	without_system_calls(&t, true);
	finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hot_path_calls_no_service),
		cmocka_unit_test(edge_is_one_seamcall_and_nothing_else),
		cmocka_unit_test(hot_path_takes_no_lock),
		cmocka_unit_test(edge_takes_no_lock_but_its_own_magazines),
		cmocka_unit_test(hot_path_makes_no_system_call),
		cmocka_unit_test(edge_makes_no_system_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
