// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * host_test.c - what a VMM does with TDs, on the KVM of the machine it runs on. Prints KTAP; exits
 * with 1 if a test failed. Made for the machine of kernel/vm linux, whose TDs run a known program.
 */
#include <stdio.h>

#include "td.h"

#define MB (UINT64_C(1) << 20)

/* A life from the first ioctl to the last close. What it did is told in a line. */
static int live(const struct td_plan *plan)
{
	struct td td;
	int error = td_build(&td, plan) || td_start(&td) || td_wait(&td, 120);

	if (error)
		printf("# %s\n", td.failed);
	for (uint32_t i = 0; i < plan->vcpus; i++)
		printf("# vCPU %u: %llu runs, %llu conversions, %llu memory faults, %u flips\n", i,
		       (unsigned long long)td.vcpu[i].runs,
		       (unsigned long long)td.vcpu[i].conversions,
		       (unsigned long long)td.vcpu[i].memory_faults, td.vcpu[i].flips);
	td_close(&td);
	return error;
}

static int a_td_lives(void)
{
	return live(&(struct td_plan){ .bytes = 32 * MB,
				       .vcpus = 1,
				       .percent_4k = 100,
				       .pages_4k = 64,
				       .flips = 8,
				       .seed = 7 });
}

static const struct {
	const char *name;
	int (*run)(void);
} tests[] = {
	{ "a_td_lives", a_td_lives },
};
#define NR_TESTS (sizeof(tests) / sizeof(tests[0]))

int main(void)
{
	unsigned int failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n1..%zu\n", NR_TESTS);
	for (size_t i = 0; i < NR_TESTS; i++) {
		int error = tests[i].run();

		printf("%s %zu %s\n", error ? "not ok" : "ok", i + 1, tests[i].name);
		failed += error != 0;
	}
	return failed != 0;
}
