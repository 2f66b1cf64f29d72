// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fiber.c - stacks for fibers, and the switch with what AddressSanitizer must be told.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fiber.h"

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#define FIBER_ASAN 1

/*
 * A run that is cut leaves fibers in the middle of functions, and a fiber's fake stack, megabytes
 * of it, is given back only by the fiber itself: newer compilers, which have them by default, would
 * fill all memory.
 */
__attribute__((visibility("default"))) const char *__asan_default_options(void);
const char *__asan_default_options(void) { return "detect_stack_use_after_return=0"; }
#else
#define FIBER_ASAN 0
#endif

/* Only touched pages cost memory; a line of log through vsnprintf needs about 8 KB. */
#define STACK_BYTES (256 * 1024)

void fiber_switch_stacks(void **save_sp, void *to_sp);
void fiber_first(void);

int fiber_create(struct fiber *fiber)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);
	char *map = mmap(NULL, guard + STACK_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	memset(fiber, 0, sizeof(*fiber));
	if (map == MAP_FAILED)
		return -1;
	if (mprotect(map, guard, PROT_NONE)) {
		int error = errno;

		munmap(map, guard + STACK_BYTES);
		errno = error;
		return -1;
	}
	fiber->low = map + guard;
	fiber->bytes = STACK_BYTES;
	return 0;
}

void fiber_destroy(struct fiber *fiber)
{
	size_t guard = (size_t)sysconf(_SC_PAGESIZE);

#if FIBER_ASAN
	ASAN_UNPOISON_MEMORY_REGION(fiber->low, fiber->bytes);
#endif
	if (fiber->low)
		munmap(fiber->low - guard, guard + fiber->bytes);
	memset(fiber, 0, sizeof(*fiber));
}

int fiber_adopt_thread(struct fiber *fiber)
{
	pthread_attr_t attr;
	void *low;

	memset(fiber, 0, sizeof(*fiber));
	errno = pthread_getattr_np(pthread_self(), &attr);
	if (errno)
		return -1;
	errno = pthread_attr_getstack(&attr, &low, &fiber->bytes);
	pthread_attr_destroy(&attr);
	fiber->low = low;
	return errno ? -1 : 0;
}

void fiber_reset(struct fiber *fiber, void (*entry)(void *arg), void *arg)
{
	/*
	 * What fiber_switch_stacks() pops, lowest first: r15 r14 r13 r12 rbx rbp and the address to
	 * go to. fiber_first() makes a call, so the stack is 16-byte aligned when it begins.
	 */
	uint64_t *sp = (uint64_t *)(void *)(fiber->low + fiber->bytes - 72);

#if FIBER_ASAN
	/* Frames that an earlier run left behind are gone; their red zones must go too. */
	ASAN_UNPOISON_MEMORY_REGION(fiber->low, fiber->bytes);
#endif
	sp[0] = 0;
	sp[1] = 0;
	sp[2] = (uint64_t)(uintptr_t)arg;
	sp[3] = (uint64_t)(uintptr_t)entry;
	sp[4] = 0;
	sp[5] = 0;
	sp[6] = (uint64_t)(uintptr_t)fiber_first;
	sp[7] = 0;
	sp[8] = 0;
	fiber->sp = sp;
	fiber->fake = NULL;
	fiber->abandoned = false;
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
#if FIBER_ASAN
	/* No local variable: those of an abandoned fiber may be gone after the first call. */
	__sanitizer_start_switch_fiber(from->abandoned ? NULL : &from->fake, to->low, to->bytes);
	fiber_switch_stacks(&from->sp, to->sp);
	__sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#else
	fiber_switch_stacks(&from->sp, to->sp);
#endif
}

void fiber_entered(struct fiber *fiber)
{
#if FIBER_ASAN
	__sanitizer_finish_switch_fiber(fiber->fake, NULL, NULL);
#else
#endif
}
