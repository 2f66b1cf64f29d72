// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * debug_test.c - what a debug build of libpamt.so says to those who use it wrongly: without a host,
 * and on a thread that it was never told of. Other builds have no word about that.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include <pamt/host.h>
#include <pamt/softseam.h>
#include <pamt/thread.h>

/* Each of these is its own process's last. */
static struct tdx_regs call;
static struct pamt_cache cache;
static struct pamt_stats stats;
static struct pamt_node_stats node_stats;
static struct pamt_error error;
static tdx_hpa_t page;
static volatile int64_t kept;

static void get(void) { kept = pamt_get(NULL, pfn(0), NULL); }
static void put(void) { pamt_put(NULL, pfn(0)); }
static void get_range(void) { kept = pamt_get_range(NULL, pfn(0), 1, NULL); }
static void put_range(void) { pamt_put_range(NULL, pfn(0), 1); }
static void alloc_page(void) { kept = pamt_alloc_page(NULL, 0, NULL, &page); }
static void free_page(void) { pamt_free_page(NULL, hpa(0)); }
static void topup(void) { kept = pamt_cache_topup(NULL, &cache, 1, 1); }
static void cache_free(void) { pamt_cache_free(NULL, &cache); }
static void map_2m(void) { kept = pamt_map_2m(NULL, pfn(0), &call); }
static void remove_2m(void) { kept = pamt_remove_2m(NULL, pfn(0), &call); }
static void release_2m(void) { pamt_release_2m(NULL, pfn(0)); }
static void split(void) { kept = pamt_split(NULL, pfn(0), &call, NULL); }
static void merge(void) { kept = pamt_merge(NULL, pfn(0), &call); }
static void shrink(void) { kept = (int64_t)pamt_shrink(NULL, 1); }
static void shrinkable(void) { kept = (int64_t)pamt_shrinkable(NULL); }
static void idle_limit(void) { pamt_set_idle_limit(NULL, 1); }
static void may_online(void) { kept = pamt_may_online(NULL, hpa(0), 4096); }
static void offline(void) { kept = pamt_offline(NULL, hpa(0), 4096); }
static void get_stats(void) { pamt_stats(NULL, &stats); }
static void get_node_stats(void) { pamt_node_stats(NULL, 0, &node_stats); }
static void verify(void) { kept = pamt_verify(NULL, NULL, NULL); }
static void leaks(void) { kept = (int64_t)pamt_leaks(NULL, NULL, NULL); }
static void layout(void) { kept = pamt_layout(NULL)->nr_tdmrs; }
static void is_dynamic(void) { kept = pamt_is_dynamic(NULL, NULL); }
static void reserve(void) { kept = pamt_boot_reserve(NULL, &error); }
static void bring_up(void) { kept = pamt_bring_up(NULL, &error); }
static void destroy(void) { pamt_host_destroy(NULL); }

/* What a process that does this says on stderr. Return: how it ended. */
static int said_by(void (*act)(void), char *text, size_t size)
{
	int from[2], status;
	size_t at = 0;
	ssize_t n;
	pid_t child;

	assert_int_equal(pipe(from), 0);
	child = fork();
	if (!child) {
		signal(SIGABRT, SIG_DFL);
		signal(SIGSEGV, SIG_DFL);
		dup2(from[1], STDERR_FILENO);
		act();
		_exit(0);
	}
	close(from[1]);
	while (at < size - 1 && (n = read(from[0], text + at, size - 1 - at)) > 0)
		at += (size_t)n;
	text[at] = 0;
	close(from[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return status;
}

static void call_without_a_host_gets_a_word(void **state)
{
	static void (*const calls[])(void) = {
		get,	    put,	get_range,  put_range,	alloc_page, free_page,	    topup,
		cache_free, map_2m,	remove_2m,  release_2m, split,	    merge,	    shrink,
		shrinkable, idle_limit, may_online, offline,	get_stats,  get_node_stats, verify,
		leaks,	    layout,	is_dynamic, reserve,	bring_up,   destroy,
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		int status = said_by(calls[i], text, sizeof(text));

		if (!strstr(text, "called without a host"))
			fail_msg("call %zu says '%s' and ends with %x", i, text, status);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
}

/* ------------------------------------------------------------------------------------------- */

static struct pamt_host *host;

static void *use_it(void *bound)
{
	if (bound)
		pamt_bind_thread(1, 0);
	kept = pamt_alloc_page(host, 0, NULL, &page);
	return NULL;
}

/* Two machines of two CPUs; the process's first thread brings the module up. */
static void in_another_thread(void *bound)
{
	struct softseam_options options = { .machine = "builtin:256g", .nr_lps = 2 };
	struct pamt_host_config config = { .dynamic = true };
	struct pamt_memory memory[16];
	struct softseam_machine m;
	struct softseam *softseam;
	pthread_t thread;
	char why[256];

	if (softseam_create(&options, &softseam, why, sizeof(why)))
		_exit(1);
	softseam_machine(softseam, &m);
	config.memory = memory;
	config.hkid_start_bit = m.hkid_start_bit;
	config.global_hkid = m.first_hkid;
	config.nr_hkids = m.nr_hkids;
	for (; config.nr_memory < m.nr_memory && config.nr_memory < 16; config.nr_memory++) {
		struct pamt_memory *range = &memory[config.nr_memory];

		if (softseam_memory(softseam, config.nr_memory, &range->base, &range->bytes,
				    &range->node))
			_exit(2);
	}
	if (softseam_bind(softseam, 0) ||
	    pamt_host_create(softseam_services(softseam), &config, &host, &error) ||
	    pamt_bring_up(host, &error))
		_exit(3);
	if (pthread_create(&thread, NULL, use_it, bound) || pthread_join(thread, NULL))
		_exit(4);
}

static void never_bound(void) { in_another_thread(NULL); }
static void bound(void) { in_another_thread(&host); }

static void thread_that_was_never_bound_gets_a_word(void **state)
{
	char text[1024];

	(void)state;
	assert_int_equal(said_by(never_bound, text, sizeof(text)), 0);
	assert_non_null(strstr(text, "never bound"));
	assert_non_null(strstr(text, "pamt_bind_thread(3)"));
	assert_int_equal(said_by(bound, text, sizeof(text)), 0);
	assert_null(strstr(text, "never bound"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(call_without_a_host_gets_a_word),
		cmocka_unit_test(thread_that_was_never_bound_gets_a_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
