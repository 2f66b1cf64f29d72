// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * softseam_test.c - libsoftseam.so as its users see it: machines, physical memory, calls of all
 * three kinds, the trace.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include <pamt/host.h>
#include <pamt/softseam.h>

static struct softseam *machine(const struct softseam_options *options)
{
	struct softseam *softseam = NULL;
	char error[256] = "";

	if (softseam_create(options, &softseam, error, sizeof(error)))
		fail_msg("%s", error);
	return softseam;
}

static const struct softseam_options small = { .machine = "builtin:256g", .nr_lps = 2 };

/* The instruction; the carry flag in *no_module. */
static uint64_t seamcall(uint64_t rax, bool *no_module)
{
	uint64_t rcx = 0, rdx = 0;
	uint8_t carry;

	__asm__ volatile(".byte 0x66, 0x0f, 0x01, 0xcf"
			 : "+a"(rax), "+c"(rcx), "+d"(rdx), "=@ccc"(carry)
			 :
			 : "r8", "r9", "r10", "r11", "memory");
	*no_module = carry;
	return rax;
}

static uint64_t call(struct softseam *softseam, uint32_t lp, uint64_t rax)
{
	struct tdx_regs regs = { .rax = rax };
	uint64_t status = softseam_call(softseam, lp, &regs).v;

	assert_int_equal(status, regs.rax);
	return status;
}

/* ------------------------------------------------------------------------------------------- */

static void a_machine_is_as_its_map_says(void **state)
{
	struct softseam *softseam = machine(&small);
	struct softseam_machine m;
	uint64_t bytes, sum = 0, end = 0;
	uint32_t node, nr = 0;
	tdx_hpa_t base;

	(void)state;
	softseam_machine(softseam, &m);
	assert_int_equal(m.nr_lps, 2);
	assert_in_range(m.nr_packages, 1, 2);
	assert_true(m.first_hkid > 0 && m.nr_hkids > 0);
	for (; !softseam_memory(softseam, nr, &base, &bytes, &node); nr++) {
		assert_true(base.v >= end);
		assert_true(node < m.nr_nodes);
		end = base.v + bytes;
		sum += bytes;
	}
	assert_int_equal(nr, m.nr_memory);
	assert_int_equal(sum, m.memory_bytes);
	assert_int_equal(softseam_memory(softseam, nr, &base, &bytes, &node), -ERANGE);
	assert_int_equal(softseam_services(softseam)->nr_cpus, 2);
	softseam_destroy(softseam);
}

static void what_is_no_machine_is_refused_with_a_line(void **state)
{
	struct softseam_options options = { .machine = "/no/such/log" };
	struct softseam *softseam = NULL;
	char error[256] = "";

	(void)state;
	assert_int_equal(softseam_create(&options, &softseam, error, sizeof(error)), -ENOENT);
	assert_non_null(strstr(error, "/no/such/log"));
	assert_null(strchr(error, '\n'));
	options.machine = "builtin:1y";
	assert_int_equal(softseam_create(&options, &softseam, error, sizeof(error)), -EINVAL);
	options = small;
	options.nr_lps = 1u << 20;
	assert_int_equal(softseam_create(&options, &softseam, error, sizeof(error)), -EINVAL);
	assert_int_equal(softseam_create(&options, &softseam, NULL, 0), -EINVAL);
	assert_null(softseam);
	softseam_destroy(NULL);
}

static void physical_memory_is_written_and_read_across_pages(void **state)
{
	struct softseam *softseam = machine(&small);
	const tdx_hpa_t end = hpa(UINT64_C(1) << TDX_PA_BITS);
	char in[10000], out[sizeof(in)];
	tdx_hpa_t at = hpa(0x40000ff0);

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (char)(i * 7);
	memset(out, 0xee, sizeof(out));
	assert_int_equal(softseam_read(softseam, at, out, sizeof(out)), 0);
	for (size_t i = 0; i < sizeof(out); i++)
		assert_int_equal(out[i], 0);
	assert_int_equal(softseam_write(softseam, at, in, sizeof(in)), 0);
	assert_int_equal(softseam_read(softseam, at, out, sizeof(out)), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_memory_equal(softseam_map(softseam, at, false), in, 16);
	*(char *)softseam_map(softseam, at, true) = 99;
	assert_int_equal(softseam_read(softseam, at, out, 1), 0);
	assert_int_equal(out[0], 99);

	assert_null(softseam_map(softseam, end, false));
	assert_int_equal(softseam_write(softseam, hpa(end.v - 8), in, 9), -EINVAL);
	assert_int_equal(softseam_read(softseam, hpa(UINT64_MAX), out, 1), -EINVAL);
	softseam_destroy(softseam);
}

static void calls_by_function_reach_the_processor_they_name(void **state)
{
	struct softseam *softseam = machine(&small);

	(void)state;
	assert_int_equal(call(softseam, 0, TDH_SYS_INIT), TDX_SUCCESS);
	assert_int_equal(call(softseam, 0, TDH_SYS_LP_INIT), TDX_SUCCESS);
	assert_int_equal(call(softseam, 0, TDH_SYS_LP_INIT), TDX_SYS_LP_INIT_DONE);
	assert_int_equal(call(softseam, 1, TDH_SYS_LP_INIT), TDX_SUCCESS);
	assert_int_equal(call(softseam, 2, TDH_SYS_LP_INIT), TDX_SEAMCALL_UD);
	assert_false(seam_is_fatal(softseam_module(softseam), NULL));
	softseam_destroy(softseam);
}

static void *bound_thread(void *arg)
{
	struct softseam *softseam = arg;
	bool no_module = false;
	uintptr_t wrong = 0;

	wrong += softseam_bind(softseam, 1) != 0;
	wrong += seamcall(TDH_SYS_LP_INIT, &no_module) != TDX_SUCCESS;
	wrong += seamcall(TDH_SYS_LP_INIT, &no_module) != TDX_SYS_LP_INIT_DONE;
	return (void *)(wrong + no_module);
}

static void the_instruction_reaches_the_machine_that_a_thread_is_bound_to(void **state)
{
	struct softseam *first = machine(&small), *second = machine(&small);
	pthread_t thread;
	bool no_module;
	void *wrong;

	(void)state;
	assert_int_equal(softseam_trap(first), 0);
	assert_ptr_equal(softseam_current(), first);
	/* Not bound: the machine of the last softseam_trap(). */
	assert_int_equal(seamcall(TDH_SYS_INIT, &no_module), TDX_SUCCESS);
	assert_int_equal(call(first, 0, TDH_SYS_INIT), TDX_SYS_INIT_NOT_PENDING);
	assert_int_equal(softseam_bind(second, 2), -ERANGE);
	assert_int_equal(softseam_bind(second, 0), 0);
	assert_int_equal(seamcall(TDH_SYS_INIT, &no_module), TDX_SUCCESS);
	assert_int_equal(seamcall(TDH_SYS_LP_INIT, &no_module), TDX_SUCCESS);
	assert_int_equal(pthread_create(&thread, NULL, bound_thread, second), 0);
	pthread_join(thread, &wrong);
	assert_null(wrong);

	/* Its machine gone, the thread is not bound any more; without the other, there is none. */
	softseam_destroy(second);
	assert_int_equal(seamcall(TDH_SYS_INIT, &no_module), TDX_SYS_INIT_NOT_PENDING);
	assert_false(no_module);
	assert_int_equal(softseam_trap(first), 0);
	softseam_untrap(first);
	assert_null(softseam_current());
	softseam_untrap(first);
	softseam_destroy(first);
}

static void a_trace_has_a_line_for_each_call_of_each_kind(void **state)
{
	struct softseam_options options = small;
	struct softseam *softseam;
	struct tdx_regs regs = { .rax = TDH_SYS_RD, .rdx = TDX_MD_NUM_CMRS };
	const struct os_services *os;
	char text[2048] = "";
	bool no_module;
	int pipe_fd[2];

	(void)state;
	assert_int_equal(pipe(pipe_fd), 0);
	options.trace_fd = pipe_fd[1];
	softseam = machine(&options);
	os = softseam_services(softseam);
	assert_int_equal(softseam_bind(softseam, 1), 0);
	assert_int_equal(softseam_trap(softseam), 0);
	call(softseam, 0, TDH_SYS_INIT);
	seamcall(TDH_SYS_LP_INIT, &no_module);
	os->seamcall(os->ctx, &regs);
	call(softseam, 0, TDX_RAX(TDH_MEM_SEPT_ADD, 1));
	call(softseam, 0, 0xffffff);
	softseam_destroy(softseam);
	close(pipe_fd[1]);
	assert_true(read(pipe_fd[0], text, sizeof(text) - 1) > 0);
	close(pipe_fd[0]);
	assert_string_equal(
		text,
		"lp 0 TDH.SYS.INIT rcx=0x0 -> SUCCESS\n"
		"lp 1 TDH.SYS.LP.INIT -> SUCCESS\n"
		"lp 1 TDH.SYS.RD rdx=0x9000000100000000 -> SUCCESS rdx=0x9000000300000080 r8=0x20\n"
		"lp 0 TDH.MEM.SEPT.ADD.v1 rcx=0x0 rdx=0x0 r8=0x0 r9=0x0 r10=0x0 r11=0x0 -> "
		"SYS_NOT_READY\n"
		"lp 0 rax=0xffffff -> OPERAND_INVALID(RAX)\n");
}

/* libpamt.so brings the module up, over the services of libsoftseam.so. */
static struct pamt_host *bring_up(struct softseam *softseam, struct pamt_memory *memory)
{
	struct pamt_host_config config = { .memory = memory, .dynamic = true };
	struct softseam_machine m;
	struct pamt_host *host;
	struct pamt_error error;

	softseam_machine(softseam, &m);
	config.hkid_start_bit = m.hkid_start_bit;
	config.global_hkid = m.first_hkid;
	config.nr_hkids = m.nr_hkids;
	assert_in_range(m.nr_memory, 1, 16);
	for (; config.nr_memory < m.nr_memory; config.nr_memory++, memory++)
		assert_int_equal(softseam_memory(softseam, config.nr_memory, &memory->base,
						 &memory->bytes, &memory->node),
				 0);
	assert_int_equal(softseam_bind(softseam, 0), 0);
	assert_int_equal(pamt_host_create(softseam_services(softseam), &config, &host, &error), 0);
	if (pamt_bring_up(host, &error))
		fail_msg("%s", error.reason);
	return host;
}

static void guard_mode_counts_the_hosts_looks_at_the_modules_pages(void **state)
{
	struct softseam_options options = small;
	struct pamt_memory memory[16];
	struct softseam *softseam;
	struct pamt_host *host;
	struct seam *seam;
	tdx_hpa_t page, pamt;

	(void)state;
	options.guard = true;
	softseam = machine(&options);
	host = bring_up(softseam, memory);
	seam = softseam_module(softseam);
	pamt = pamt_layout(host)->tdmr[0].pamt_base;
	assert_int_equal(pamt_alloc_page(host, OS_ANY_NODE, NULL, &page), 0);

	/* A control page that no TD has is the host's. */
	softseam_map(softseam, page, true);
	assert_int_equal(seam_guard_violations(seam), 0);
	softseam_map(softseam, pamt, false);
	assert_int_equal(seam_guard_violations(seam), 1);

	pamt_free_page(host, page);
	pamt_host_destroy(host);
	softseam_destroy(softseam);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_is_as_its_map_says),
		cmocka_unit_test(what_is_no_machine_is_refused_with_a_line),
		cmocka_unit_test(physical_memory_is_written_and_read_across_pages),
		cmocka_unit_test(calls_by_function_reach_the_processor_they_name),
		cmocka_unit_test(the_instruction_reaches_the_machine_that_a_thread_is_bound_to),
		cmocka_unit_test(a_trace_has_a_line_for_each_call_of_each_kind),
		cmocka_unit_test(guard_mode_counts_the_hosts_looks_at_the_modules_pages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
