// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * seamcall.c - host code in the raw: the SEAMCALL instruction, straight from a program. It knows
 * nothing of pamt but the numbers of the ABI; run it with
 *
 *	pamt trap --machine builtin:256g --trace ./seamcall
 *
 * On its own it ends like any program that executes an instruction which its processor refuses.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <pamt/status.h>
#include <pamt/tdx.h>

/* RAX, RCX, RDX, R8 in and out; the carry flag is set if there is no TDX module. */
static uint64_t seamcall(uint64_t rax, uint64_t rcx, uint64_t *rdx, uint64_t *r8)
{
	register uint64_t r8_ __asm__("r8") = *r8;
	uint8_t no_module;

	__asm__ volatile(".byte 0x66, 0x0f, 0x01, 0xcf" /* seamcall */
			 : "+a"(rax), "+c"(rcx), "+d"(*rdx), "+r"(r8_), "=@ccc"(no_module)
			 :
			 : "r9", "r10", "r11", "memory");
	*r8 = r8_;
	return no_module ? TDX_SEAMCALL_VMFAILINVALID : rax;
}

/* LP.INIT, once on every logical processor: the program goes to each that it may run on. */
static unsigned int init_processors(void)
{
	uint64_t rdx = 0, r8 = 0;
	unsigned int done = 0;
	cpu_set_t all, one;

	sched_getaffinity(0, sizeof(all), &all);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (!CPU_ISSET(i, &all))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		if (!sched_setaffinity(0, sizeof(one), &one))
			done += seamcall(TDH_SYS_LP_INIT, 0, &rdx, &r8) == TDX_SUCCESS;
	}
	return done;
}

static uint64_t read_field(uint64_t id)
{
	uint64_t r8 = 0;

	return seamcall(TDH_SYS_RD, 0, &id, &r8) == TDX_SUCCESS ? r8 : 0;
}

int main(void)
{
	uint64_t rdx = 0, r8 = 0, status = seamcall(TDH_SYS_INIT, 0, &rdx, &r8);

	if (status != TDX_SUCCESS) {
		fprintf(stderr, "SYS.INIT: 0x%016" PRIx64 "\n", status);
		return 1;
	}
	printf("processors initialised: %u\n", init_processors());
	printf("Dynamic PAMT: %s\n",
	       read_field(TDX_MD_FEATURES0) & TDX_FEATURES0_DYNAMIC_PAMT ? "yes" : "no");
	for (unsigned int i = 0; i < TDX_MAX_CMRS; i++) {
		uint64_t base = read_field(TDX_MD_CMR_BASE(i)),
			 size = read_field(TDX_MD_CMR_SIZE(i));

		if (!size)
			break;
		printf("CMR %u: 0x%012" PRIx64 " - 0x%012" PRIx64 "\n", i, base, base + size);
	}
	return 0;
}
