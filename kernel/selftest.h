/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * selftest.h - between the parts of pamt_selftest.ko.
 */
#ifndef PAMT_KERNEL_SELFTEST_H
#define PAMT_KERNEL_SELFTEST_H

#include "linux.h"

#include "host_port.h"
#include "pamt_kernel.h"

/* The first thing found wrong in a case; the case has failed. */
struct outcome {
	char text[160];
	bool failed;
};

__printf(2, 3) void selftest_wrong(struct outcome *outcome, const char *format, ...);

#define expect_equal(outcome, value, wanted)                                                       \
	do {                                                                                       \
		long long value_ = (long long)(value), wanted_ = (long long)(wanted);              \
                                                                                                   \
		if (value_ != wanted_)                                                             \
			selftest_wrong(outcome, "line %d: " #value " is %lld, not %lld", __LINE__, \
				       value_, wanted_);                                           \
	} while (0)

/* Name and function, in the order in which they run. Each begins and ends with zero TDs. */
struct selftest_case {
	const char *name;
	void (*fn)(struct outcome *outcome);
};
#define SELFTEST_CASE(fn) \
	{                 \
#fn, fn   \
	}

extern const struct selftest_case selftest_cases[], selftest_storms[], selftest_td_cases[];

/* ------------------------------------------------------------------------------------------- */
/* selftest_regions.c: regions to play with                                                     */

#define NR_REGIONS 16u

struct regions {
	tdx_hpa_t block[NR_REGIONS]; /* 2 MiB each */
};

/* False, and the case has failed: they are not to be had. May sleep. */
bool regions_alloc(struct regions *regions, struct outcome *outcome);
void regions_free(struct regions *regions);

/* libpamt and the module agree about every region. */
void expect_agreement(struct outcome *outcome);
/* And nothing is installed, nothing held. */
void expect_nothing_left(struct outcome *outcome);

/* ------------------------------------------------------------------------------------------- */
/* selftest_context.c: work in another context, waited for                                      */

enum context { IN_PROCESS, IN_SOFTIRQ, IN_IPI, NR_CONTEXTS };
extern const char *const context_names[NR_CONTEXTS];

struct errand {
	void (*fn)(void *arg);
	void *arg;
	struct tasklet_struct tasklet;
	struct completion done;
};

void errand_init(struct errand *errand);
/* IPIs go to the next CPU. May sleep. */
void errand_run(struct errand *errand, enum context context, void (*fn)(void *), void *arg);

/* ------------------------------------------------------------------------------------------- */
/* selftest_faults.c: failure on request                                                        */

/*
 * The n-th allocation from now fails; the n-th SEAMCALL from now is not made and answers status.
 * Return: 0 or what register_kprobe() says. May sleep, one caller at a time.
 */
int faults_alloc(u64 at);
int faults_seamcall(u64 at, u64 status);
u64 faults_allocs(void); /* asked for since then */
/* No more of it. */
void faults_none(void);

#endif
