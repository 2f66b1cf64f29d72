// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trap_test.c - the handler behind the SEAMCALL instruction: registers, flags, threads, and that
 * every other SIGSEGV and SIGILL goes where it would have gone without it.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "port/trap/trap.h"

/* A module that answers every register with its complement, and counts. */
static bool complement(void *ctx, struct tdx_regs *regs)
{
	uint64_t *words = (uint64_t *)regs;

	for (size_t i = 0; i < sizeof(*regs) / 8; i++)
		words[i] = ~words[i];
	if (ctx)
		++*(unsigned int *)ctx;
	errno = EDOM;
	return true;
}

static bool absent(void *ctx, struct tdx_regs *regs)
{
	(void)ctx;
	memset(regs, 0xee, sizeof(*regs));
	return false;
}

static void fill(struct tdx_regs *regs, uint64_t seed)
{
	uint64_t *words = (uint64_t *)regs;

	for (size_t i = 0; i < sizeof(*regs) / 8; i++)
		words[i] = seed * 0x9e3779b97f4a7c15 + i * 0x0123456789abcdef;
}

/* Not fixtures of cmocka: it sets handlers of its own between them and the test. */
static void install(void) { assert_int_equal(trap_install(NULL), 0); }

static void uninstall(void)
{
	trap_set_thread_target(NULL);
	trap_set_process_target(NULL);
	trap_uninstall();
}

/* ------------------------------------------------------------------------------------------- */

static void all_registers_go_in_and_come_back(void **state)
{
	unsigned int calls = 0;
	const struct trap_target target = { complement, &calls };
	struct tdx_regs regs, in;

	(void)state;
	install();
	fill(&regs, 1);
	in = regs;
	trap_set_thread_target(&target);
	errno = 0;
	assert_false(trap_seamcall(&regs));
	assert_int_equal(errno, 0);
	assert_int_equal(calls, 1);
	for (size_t i = 0; i < sizeof(in) / 8; i++)
		assert_int_equal(((uint64_t *)&regs)[i], ~((uint64_t *)&in)[i]);
	uninstall();
}

static void without_a_module_the_carry_flag_is_set_and_no_register_changes(void **state)
{
	const struct trap_target target = { absent, NULL };
	struct tdx_regs regs, in;

	(void)state;
	install();
	fill(&regs, 2);
	in = regs;
	assert_true(trap_seamcall(&regs));
	assert_memory_equal(&regs, &in, sizeof(in));
	trap_set_thread_target(&target);
	assert_true(trap_seamcall(&regs));
	assert_memory_equal(&regs, &in, sizeof(in));
	uninstall();
}

/* RFLAGS after the instruction, when they were `before` at it. */
static uint64_t flags_after(uint64_t before)
{
	uint64_t after;

	__asm__ volatile("pushq %1\n\t"
			 "popfq\n\t"
			 ".byte 0x66, 0x0f, 0x01, 0xcf\n\t"
			 "pushfq\n\t"
			 "popq %0"
			 : "=&r"(after)
			 : "r"(before)
			 : "memory", "cc");
	return after;
}

static bool leave(void *ctx, struct tdx_regs *regs)
{
	(void)ctx;
	(void)regs;
	return true;
}

static void flags_say_success_or_no_module_whatever_they_were(void **state)
{
	const struct trap_target target = { leave, NULL };
	/* IF and the always-one bit; then all that VMX instructions write, with CF. */
	const uint64_t base = 0x202, written = 0x8d5;

	(void)state;
	install();
	assert_int_equal(flags_after(base | written) & written, 1);
	assert_int_equal(flags_after(base) & written, 1);
	trap_set_thread_target(&target);
	assert_int_equal(flags_after(base | written) & written, 0);
	assert_int_equal(flags_after(base) & written, 0);
	uninstall();
}

static void thread_target_goes_before_that_of_the_process(void **state)
{
	unsigned int own = 0, shared = 0;
	const struct trap_target thread = { complement, &own }, process = { complement, &shared };
	struct tdx_regs regs = { 0 };

	(void)state;
	install();
	trap_set_process_target(&process);
	assert_false(trap_seamcall(&regs));
	assert_null(trap_set_thread_target(&thread));
	assert_false(trap_seamcall(&regs));
	assert_ptr_equal(trap_set_thread_target(NULL), &thread);
	assert_false(trap_seamcall(&regs));
	assert_int_equal(own, 1);
	assert_int_equal(shared, 2);
	uninstall();
}

enum { THREADS = 4, ROUNDS = 2000 };

static void *thread_calls(void *arg)
{
	unsigned int calls = 0;
	const struct trap_target target = { complement, &calls };
	struct tdx_regs regs, in;
	uintptr_t wrong = 0;

	trap_set_thread_target(&target);
	for (uint64_t i = 0; i < ROUNDS; i++) {
		fill(&regs, (uintptr_t)arg << 32 | i);
		in = regs;
		wrong += trap_seamcall(&regs);
		for (size_t r = 0; r < sizeof(in) / 8; r++)
			wrong += ((uint64_t *)&regs)[r] != ~((uint64_t *)&in)[r];
	}
	return (void *)(wrong + (calls != ROUNDS));
}

static void threads_do_not_mix_their_calls(void **state)
{
	pthread_t thread[THREADS];

	(void)state;
	install();
	for (uintptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, thread_calls, (void *)(i + 1)),
				 0);
	for (int i = 0; i < THREADS; i++) {
		void *wrong;

		pthread_join(thread[i], &wrong);
		assert_null(wrong);
	}
	uninstall();
}

/* ------------------------------------------------------------------------------------------- */
/* Other causes                                                                                 */

static sigjmp_buf escape;
static volatile int seen_signal;
static void *volatile seen_address;
static sigset_t seen_mask;

static void note_info(int sig, siginfo_t *info, void *context)
{
	(void)context;
	seen_signal = sig;
	seen_address = info->si_addr;
	pthread_sigmask(SIG_BLOCK, NULL, &seen_mask);
	siglongjmp(escape, 1);
}

static void note_signal(int sig)
{
	seen_signal = sig;
	siglongjmp(escape, 1);
}

/* Makes fault() raise a signal; which one is returned. */
static int raised_by(void (*fault)(void *), void *arg)
{
	seen_signal = 0;
	if (!sigsetjmp(escape, 1))
		fault(arg);
	return seen_signal;
}

__attribute__((no_sanitize("address", "undefined", "thread"))) static void store(void *at)
{
	*(volatile char *)at = 1;
}

static void undefined(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
}

static void jump(void *to) { ((void (*)(void))to)(); }

static void *no_access_page(void)
{
	void *page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	return page;
}

static void handle(int sig, const struct sigaction *act, struct sigaction *before)
{
	assert_int_equal(sigaction(sig, act, before), 0);
}

static void other_faults_go_to_the_handler_that_was_there(void **state)
{
	struct sigaction info = { .sa_sigaction = note_info, .sa_flags = SA_SIGINFO };
	struct sigaction plain = { .sa_handler = note_signal }, segv, ill;
	char *page = no_access_page();

	(void)state;
	sigaddset(&info.sa_mask, SIGUSR1);
	handle(SIGSEGV, &info, &segv);
	handle(SIGILL, &plain, &ill);
	install();

	assert_int_equal(raised_by(store, page + 8), SIGSEGV);
	assert_ptr_equal(seen_address, page + 8);
	/* The mask that its own sigaction() asked for, not that of the trap. */
	assert_true(sigismember(&seen_mask, SIGUSR1));
	assert_true(sigismember(&seen_mask, SIGSEGV));
	assert_false(sigismember(&seen_mask, SIGUSR2));
	assert_int_equal(raised_by(jump, page), SIGSEGV);
	assert_int_equal(raised_by(undefined, NULL), SIGILL);

	trap_uninstall();
	assert_int_equal(raised_by(store, page), SIGSEGV);
	handle(SIGSEGV, &segv, NULL);
	handle(SIGILL, &ill, NULL);
	munmap(page, 4096);
}

/*
 * HLT is privileged: #GP, as SEAMCALL is on some processors. At the end of a page, with nothing
 * mapped behind it, whoever looks at four bytes to see what it was faults again.
 */
static void recognition_reads_no_byte_that_was_not_fetched(void **state)
{
	static const struct {
		uint8_t bytes[3];
		size_t nr;
	} codes[] = { { { 0xf4 }, 1 }, { { 0x66, 0xf4 }, 2 }, { { 0x66, 0x0f, 0x0b }, 3 } };
	struct sigaction info = { .sa_sigaction = note_info, .sa_flags = SA_SIGINFO };
	struct sigaction segv, ill;
	uint8_t *pages =
		mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_ptr_not_equal(pages, MAP_FAILED);
	assert_int_equal(mprotect(pages + 4096, 4096, PROT_NONE), 0);
	handle(SIGSEGV, &info, &segv);
	handle(SIGILL, &info, &ill);
	install();
	for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
		uint8_t *at = pages + 4096 - codes[i].nr;

		assert_int_equal(mprotect(pages, 4096, PROT_READ | PROT_WRITE), 0);
		memcpy(at, codes[i].bytes, codes[i].nr);
		assert_int_equal(mprotect(pages, 4096, PROT_READ | PROT_EXEC), 0);
		assert_int_not_equal(raised_by(jump, at), 0);
		if (seen_signal == SIGILL)
			assert_ptr_equal(seen_address, at);
	}
	trap_uninstall();
	handle(SIGSEGV, &segv, NULL);
	handle(SIGILL, &ill, NULL);
	munmap(pages, 8192);
}

static void one_shot_handler_is_called_once(void **state)
{
	struct sigaction once = { .sa_handler = note_signal, .sa_flags = (int)SA_RESETHAND };
	struct sigaction ill, after;

	(void)state;
	handle(SIGILL, &once, &ill);
	install();
	assert_int_equal(raised_by(undefined, NULL), SIGILL);
	assert_int_equal(trap_next_action(SIGILL, NULL, &after), 0);
	assert_ptr_equal(after.sa_handler, SIG_DFL);
	trap_uninstall();
	handle(SIGILL, &ill, NULL);
}

/* How a child ends that sets the action of both signals, installs the trap, then does this. */
static int child_ends(void (*action)(int), void (*fault)(void *), void *arg)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (!child) {
		signal(SIGSEGV, action);
		signal(SIGILL, action);
		if (trap_install(NULL))
			_exit(99);
		fault(arg);
		_exit(7);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void send(void *sig) { raise((int)(intptr_t)sig); }

static void without_a_handler_the_process_ends_as_it_would_have(void **state)
{
	char *page = no_access_page();

	(void)state;
	assert_int_equal(child_ends(SIG_DFL, store, page), -SIGSEGV);
	assert_int_equal(child_ends(SIG_DFL, undefined, NULL), -SIGILL);
	assert_int_equal(child_ends(SIG_DFL, send, (void *)SIGSEGV), -SIGSEGV);
	assert_int_equal(child_ends(SIG_DFL, send, (void *)SIGILL), -SIGILL);
	/* Ignored: a fault ends it all the same, a signal that was sent does not. */
	assert_int_equal(child_ends(SIG_IGN, store, page), -SIGSEGV);
	assert_int_equal(child_ends(SIG_IGN, undefined, NULL), -SIGILL);
	assert_int_equal(child_ends(SIG_IGN, send, (void *)SIGSEGV), 7);
	munmap(page, 4096);
}

static void handler_set_by_trap_next_action_is_used_and_given_back(void **state)
{
	struct sigaction plain = { .sa_handler = note_signal }, before, ill, now;

	(void)state;
	handle(SIGILL, NULL, &ill);
	install();
	install();
	assert_int_equal(trap_next_action(SIGILL, &plain, &before), 0);
	assert_ptr_equal(before.sa_handler, ill.sa_handler);
	assert_int_equal(raised_by(undefined, NULL), SIGILL);
	trap_uninstall();
	assert_int_equal(raised_by(undefined, NULL), SIGILL);
	trap_uninstall();
	handle(SIGILL, &ill, &now);
	assert_ptr_equal(now.sa_handler, note_signal);
	assert_int_equal(trap_next_action(SIGUSR1, NULL, NULL), -1);
	assert_int_equal(errno, EINVAL);
}

static void handler_that_came_later_is_left_alone(void **state)
{
	struct sigaction plain = { .sa_handler = note_signal }, ill, now;

	(void)state;
	handle(SIGILL, NULL, &ill);
	install();
	handle(SIGILL, &plain, NULL);
	trap_uninstall();
	handle(SIGILL, &ill, &now);
	assert_ptr_equal(now.sa_handler, note_signal);
}

/* ------------------------------------------------------------------------------------------- */

static void alternate_stack_is_used_where_there_is_one(void **state)
{
	unsigned int calls = 0;
	const struct trap_target target = { complement, &calls };
	stack_t stack = { .ss_sp = malloc(65536), .ss_size = 65536 }, before;
	struct tdx_regs regs = { 0 };

	(void)state;
	install();
	assert_non_null(stack.ss_sp);
	assert_int_equal(sigaltstack(&stack, &before), 0);
	trap_set_thread_target(&target);
	assert_false(trap_seamcall(&regs));
	assert_int_equal(calls, 1);
	assert_int_equal(sigaltstack(&before, NULL), 0);
	free(stack.ss_sp);
	uninstall();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_registers_go_in_and_come_back),
		cmocka_unit_test(without_a_module_the_carry_flag_is_set_and_no_register_changes),
		cmocka_unit_test(flags_say_success_or_no_module_whatever_they_were),
		cmocka_unit_test(thread_target_goes_before_that_of_the_process),
		cmocka_unit_test(threads_do_not_mix_their_calls),
		cmocka_unit_test(other_faults_go_to_the_handler_that_was_there),
		cmocka_unit_test(recognition_reads_no_byte_that_was_not_fetched),
		cmocka_unit_test(one_shot_handler_is_called_once),
		cmocka_unit_test(without_a_handler_the_process_ends_as_it_would_have),
		cmocka_unit_test(handler_set_by_trap_next_action_is_used_and_given_back),
		cmocka_unit_test(handler_that_came_later_is_left_alone),
		cmocka_unit_test(alternate_stack_is_used_where_there_is_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
