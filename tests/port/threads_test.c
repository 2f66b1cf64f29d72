// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * threads_test.c - the services of the threads port: memory, failures on request, CPUs, log.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "../machine/death.h"
#include "machine/allocator.h"
#include "machine/memory.h"
#include "port/threads/threads.h"

#define MB UINT64_C(0x100000)

static struct map_range ranges[] = { { MB, 64 * MB, 0 }, { 128 * MB, 64 * MB, 1 } };

static struct machine_map small_map(void)
{
	return (struct machine_map){
		.nr_ranges = 2,
		.ranges = ranges,
		.nr_cmrs = 1,
		.cmr = { { MB, 255 * MB } },
		.hkid_min = 32,
		.hkid_max = 63,
		.max_pa = 46,
		.hkid_bits = 6,
		.nr_cpus = 8,
		.nr_packages = 2,
		.nr_nodes = 2,
	};
}

struct setup {
	struct machine *machine;
	struct threads_port *port;
	const struct os_services *os;
};

static int create(void **state)
{
	struct machine_map map = small_map();
	struct setup *setup = calloc(1, sizeof(*setup));
	char error[256];

	*state = setup;
	setup->machine = machine_create(&map);
	if (!setup->machine ||
	    threads_port_create(setup->machine, NULL, &setup->port, error, sizeof(error)))
		return -1;
	setup->os = threads_services(setup->port);
	threads_bind(setup->port, 0);
	return 0;
}

static int destroy(void **state)
{
	struct setup *setup = *state;

	threads_port_destroy(setup->port);
	machine_destroy(setup->machine);
	free(setup);
	return 0;
}

static void pages_come_from_the_node_asked_for(void **state)
{
	const struct setup *setup = *state;
	const struct os_services *os = setup->os;

	for (uint32_t node = 0; node < 2; node++) {
		tdx_hpa_t page = os->alloc_pages(os->ctx, 0, node);

		assert_in_range(page.v, ranges[node].base,
				ranges[node].base + ranges[node].size - 1);
		os->free_pages(os->ctx, page, 0);
		/* With no preference: the node of the CPU that asks. */
		threads_bind(setup->port, node);
		page = os->alloc_pages(os->ctx, 9, OS_ANY_NODE);
		assert_in_range(page.v, ranges[node].base,
				ranges[node].base + ranges[node].size - 1);
		os->free_pages(os->ctx, page, 9);
	}
	assert_true(hpa_is_none(os->alloc_pages(os->ctx, 0, 2)));
	assert_int_equal(os->nr_nodes, 2);
	assert_int_equal(os->nr_cpus, 8);
}

static void host_and_module_see_the_same_bytes(void **state)
{
	const struct os_services *os = ((struct setup *)*state)->os;
	uint64_t *word = os->map_host(os->ctx, hpa(3 * MB + 8), OS_WRITE);

	*word = 42;
	assert_int_equal(*(uint64_t *)os->map_module(os->ctx, hpa(3 * MB + 8), OS_READ), 42);
	os->copy(os->ctx, hpa(4 * MB), hpa(3 * MB));
	assert_int_equal(*(uint64_t *)os->map_module(os->ctx, hpa(4 * MB + 8), OS_READ), 42);
	os->scrub(os->ctx, hpa(4 * MB), TDX_PAGE_SIZE);
	assert_int_equal(*(uint64_t *)os->map_host(os->ctx, hpa(4 * MB + 8), OS_READ), 0);
	os->zero(os->ctx, hpa(0), 64 * MB);
	assert_int_equal(*(uint64_t *)os->map_host(os->ctx, hpa(3 * MB + 8), OS_READ), 0);
}

/* One allocation of each kind; the number that failed. */
static unsigned int allocate_each_kind(const struct os_services *os)
{
	void *array, *object;
	unsigned int failed = 0;
	tdx_hpa_t page, range;

	page = os->alloc_pages(os->ctx, 0, 0);
	if (hpa_is_none(page))
		failed++;
	else
		os->free_pages(os->ctx, page, 0);
	range = os->alloc_range(os->ctx, &(struct os_range){ .bytes = 4 * MB,
							     .align = MB,
							     .low = hpa(0),
							     .high = hpa(UINT64_C(1) << 52),
							     .node = OS_ANY_NODE,
							     .from_top = true });
	if (hpa_is_none(range))
		failed++;
	else
		os->free_range(os->ctx, range, 4 * MB);
	object = os->alloc(os->ctx, 100);
	failed += !object;
	os->free(os->ctx, object);
	array = os->sparse_create(os->ctx, 64 * MB);
	failed += !array;
	if (array) {
		failed += os->sparse_populate(os->ctx, array, MB, MB) == -OS_ENOMEM;
		os->sparse_destroy(os->ctx, array, 64 * MB);
	}
	return failed;
}

static void each_kind_of_allocation_can_be_made_to_fail_once(void **state)
{
	const struct setup *setup = *state;
	uint64_t allocs, seamcalls;

	threads_faults(setup->port, &(struct threads_faults){ 0 });
	assert_int_equal(allocate_each_kind(setup->os), 0);
	threads_counts(setup->port, &allocs, &seamcalls);
	assert_int_equal(allocs, 5);
	assert_int_equal(seamcalls, 0);
	for (uint64_t n = 1; n <= 6; n++) {
		threads_faults(setup->port, &(struct threads_faults){ .alloc_at = n });
		assert_int_equal(allocate_each_kind(setup->os), n <= 5 ? 1 : 0);
		assert_int_equal(allocate_each_kind(setup->os), n == 6 ? 1 : 0);
	}
	assert_int_equal(allocator_free_bytes(machine_allocator(setup->machine), OS_ANY_NODE),
			 128 * MB);
}

static void every_further_nth_allocation_fails_where_asked(void **state)
{
	struct machine *machine = ((struct setup *)*state)->machine;
	unsigned int failed = 0;

	machine_set_faults(machine, &(struct machine_faults){ .fail_at = 5, .fail_every = 10 });
	for (unsigned int i = 1; i <= 100; i++) {
		bool fails = machine_alloc_fails(machine);

		assert_int_equal(fails, i % 10 == 5);
		failed += fails;
	}
	assert_int_equal(failed, 10);
	assert_int_equal(machine_allocs(machine), 100);
}

static tdx_status_t call(const struct os_services *os, uint64_t rax)
{
	struct tdx_regs regs = { .rax = rax };
	tdx_status_t status = os->seamcall(os->ctx, &regs);

	assert_int_equal(status.v, regs.rax);
	return status;
}

static void a_seamcall_can_be_made_to_fail_without_effect(void **state)
{
	const struct setup *setup = *state;
	uint64_t allocs, seamcalls;
	struct threads_port *other;
	char error[256];
	tdx_status_t first;

	/* What the call answers a module that never had it before. */
	assert_int_equal(threads_port_create(setup->machine, NULL, &other, error, sizeof(error)),
			 0);
	first = call(threads_services(other), TDX_RAX(TDH_SYS_INIT, 0));
	threads_port_destroy(other);

	threads_faults(setup->port, &(struct threads_faults){ .seamcall_at = 2,
							      .seamcall_status = TDX_SYS_BUSY });
	call(setup->os, TDX_RAX(0xffff, 0));
	assert_int_equal(call(setup->os, TDX_RAX(TDH_SYS_INIT, 0)).v, TDX_SYS_BUSY);
	/* It had no effect, and it was the only one. */
	assert_int_equal(call(setup->os, TDX_RAX(TDH_SYS_INIT, 0)).v, first.v);
	threads_counts(setup->port, &allocs, &seamcalls);
	assert_int_equal(seamcalls, 3);
}

static void populated_parts_of_a_sparse_array_hold_zeros(void **state)
{
	const struct os_services *os = ((struct setup *)*state)->os;
	const uint64_t bytes = UINT64_C(1) << 32;
	uint16_t *array = os->sparse_create(os->ctx, bytes);

	assert_non_null(array);
	/* Not at a page boundary: what shares a page with it comes along. */
	assert_int_equal(os->sparse_populate(os->ctx, array, bytes / 2 + 100, 10000), 0);
	for (uint64_t i = 0; i < 5000; i++) {
		assert_int_equal(array[(bytes / 2 + 100) / 2 + i], 0);
		array[(bytes / 2 + 100) / 2 + i] = 1;
	}
	os->sparse_destroy(os->ctx, array, bytes);
}

static void use_unpopulated(void *arg)
{
	const struct os_services *os = arg;
	volatile char *array = os->sparse_create(os->ctx, 16 * MB);

	os->sparse_populate(os->ctx, (void *)array, 0, MB);
	array[2 * MB]++;
}

static void an_unpopulated_entry_of_a_sparse_array_cannot_be_used(void **state)
{
	assert_true(dies(use_unpopulated, (void *)((struct setup *)*state)->os));
}

struct visit {
	uint32_t nr;
	uint32_t cpu[16], node[16];
	int result;
};

static int note_visit(void *arg)
{
	struct visit *visit = arg;

	visit->cpu[visit->nr] = os_cpu();
	visit->node[visit->nr++] = os_node();
	return visit->result;
}

static void calls_on_other_cpus_see_them_as_their_own(void **state)
{
	const struct setup *setup = *state;
	const struct os_services *os = setup->os;
	struct visit all = { 0 }, packages = { 0 }, failing = { .result = -7 };

	threads_bind(setup->port, 5);
	assert_int_equal(os->on_each_cpu(os->ctx, note_visit, &all), 0);
	assert_int_equal(all.nr, 8);
	for (uint32_t i = 0; i < 8; i++) {
		assert_int_equal(all.cpu[i], i);
		assert_int_equal(all.node[i], i % 2);
	}
	assert_int_equal(os->on_each_package(os->ctx, note_visit, &packages), 0);
	assert_int_equal(packages.nr, 2);
	assert_int_not_equal(packages.cpu[0] % 2, packages.cpu[1] % 2);
	assert_int_equal(os->on_each_cpu(os->ctx, note_visit, &failing), -7);
	assert_int_equal(failing.nr, 1);
	assert_int_equal(os_cpu(), 5);
	assert_int_equal(os_node(), 1);
}

static void bind_to_no_cpu(void *port) { threads_bind(port, 8); }

static void a_cpu_that_is_not_there_cannot_be_bound(void **state)
{
	assert_true(dies(bind_to_no_cpu, ((struct setup *)*state)->port));
}

static void the_modules_range_is_no_cmr_and_no_memory(void **state)
{
	struct machine_map map = small_map();
	struct seam_config config;

	threads_seam_config(&map, &config);
	assert_int_equal(config.seamrr.base, 256 * MB);
	/* A hole that is large enough is used. */
	map.nr_cmrs = 2;
	map.cmr[0] = (struct tdx_cmr){ 0, 33 * MB };
	map.cmr[1] = (struct tdx_cmr){ 96 * MB, 4096 * MB };
	threads_seam_config(&map, &config);
	assert_int_equal(config.seamrr.base, 64 * MB);
	assert_int_equal(config.seamrr.size, 32 * MB);
	/* None at all. */
	map.nr_cmrs = 1;
	map.cmr[0] = (struct tdx_cmr){ 0, UINT64_C(1) << 40 };
	threads_seam_config(&map, &config);
	assert_int_equal(config.seamrr.size, 0);
}

static void a_machine_the_module_cannot_run_on_is_refused(void **state)
{
	struct setup *setup = *state;
	struct threads_port *port = NULL;
	struct seam_config config;
	char error[256] = "";

	threads_seam_config(machine_map(setup->machine), &config);
	config.nr_lps = UINT32_MAX;
	assert_int_equal(threads_port_create(setup->machine, &config, &port, error, sizeof(error)),
			 -1);
	assert_non_null(strstr(error, "processors"));
	assert_null(port);
}

/* ------------------------------------------------------------------------------------------- */
/* CPUs that go and come                                                                        */

/* What is called on a CPU notes which it was, and answers as told. */
struct event {
	uint64_t on; /* bit per CPU */
	int answer;
};

static int note_cpu(void *arg)
{
	struct event *event = arg;

	event->on |= UINT64_C(1) << os_cpu();
	return event->answer;
}

static void a_cpu_that_is_offline_is_not_visited(void **state)
{
	struct setup *setup = *state;
	const struct os_services *os = threads_services(setup->port);
	struct event event = { 0 };

	assert_int_equal(threads_offline(setup->port, 0, note_cpu, &event), 0);
	assert_int_equal(threads_offline(setup->port, 5, note_cpu, &event), 0);
	assert_int_equal(event.on, 1 << 0 | 1 << 5);
	assert_int_equal(threads_offline(setup->port, 5, note_cpu, &event), -OS_EINVAL);
	event.on = 0;
	assert_int_equal(os->on_each_cpu(os->ctx, note_cpu, &event), 0);
	assert_int_equal(event.on, 0xff & ~(1 << 0 | 1 << 5));
	/* Another one stands for its package. */
	event.on = 0;
	assert_int_equal(os->on_each_package(os->ctx, note_cpu, &event), 0);
	assert_int_equal(event.on, 1 << 2 | 1 << 1);

	event.on = 0;
	assert_int_equal(threads_online(setup->port, 5, note_cpu, &event), 0);
	assert_int_equal(event.on, 1 << 5);
	assert_int_equal(threads_online(setup->port, 5, note_cpu, &event), -OS_EINVAL);
	assert_int_equal(threads_online(setup->port, 8, note_cpu, &event), -OS_EINVAL);
}

static void the_last_cpu_of_a_package_stays(void **state)
{
	struct setup *setup = *state;
	struct event event = { 0 };

	for (uint32_t cpu = 1; cpu < 7; cpu += 2)
		assert_int_equal(threads_offline(setup->port, cpu, note_cpu, &event), 0);
	event.on = 0;
	assert_int_equal(threads_offline(setup->port, 7, note_cpu, &event), -OS_EBUSY);
	assert_int_equal(event.on, 0);
}

static void what_is_refused_on_a_cpu_changes_nothing(void **state)
{
	struct setup *setup = *state;
	struct event event = { .answer = -OS_EAGAIN };

	assert_int_equal(threads_offline(setup->port, 3, note_cpu, &event), -OS_EAGAIN);
	event.answer = 0;
	assert_int_equal(threads_offline(setup->port, 3, note_cpu, &event), 0);
	event.answer = -OS_ENODEV;
	assert_int_equal(threads_online(setup->port, 3, note_cpu, &event), -OS_ENODEV);
	event.answer = 0;
	assert_int_equal(threads_online(setup->port, 3, note_cpu, &event), 0);
}

static void call_on_the_cpu_that_is_gone(void *arg)
{
	struct threads_port *port = arg;
	const struct os_services *os = threads_services(port);
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_RD, 0) };

	threads_bind(port, 3);
	os->seamcall(os->ctx, &regs);
}

static void a_cpu_that_is_gone_makes_no_seamcall(void **state)
{
	struct setup *setup = *state;
	struct event event = { 0 };

	assert_int_equal(threads_offline(setup->port, 3, note_cpu, &event), 0);
	assert_true(dies(call_on_the_cpu_that_is_gone, setup->port));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, create, destroy)
	const struct CMUnitTest tests[] = {
		TEST(pages_come_from_the_node_asked_for),
		TEST(host_and_module_see_the_same_bytes),
		TEST(each_kind_of_allocation_can_be_made_to_fail_once),
		TEST(every_further_nth_allocation_fails_where_asked),
		TEST(a_seamcall_can_be_made_to_fail_without_effect),
		TEST(populated_parts_of_a_sparse_array_hold_zeros),
		TEST(an_unpopulated_entry_of_a_sparse_array_cannot_be_used),
		TEST(calls_on_other_cpus_see_them_as_their_own),
		TEST(a_cpu_that_is_not_there_cannot_be_bound),
		TEST(the_modules_range_is_no_cmr_and_no_memory),
		TEST(a_machine_the_module_cannot_run_on_is_refused),
		TEST(a_cpu_that_is_offline_is_not_visited),
		TEST(the_last_cpu_of_a_package_stays),
		TEST(what_is_refused_on_a_cpu_changes_nothing),
		TEST(a_cpu_that_is_gone_makes_no_seamcall),
	};

	return cmocka_run_group_tests_name("threads port", tests, NULL, NULL);
}
