// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fault.c - faults by plan: at the n-th occasion, or at random by a seed.
 *
 * Which occasion is the n-th is decided by one counter for each kind of fault. With one thread a
 * plan is the same every time; with several the counter is exact, and who meets the n-th is not.
 */
#include "seam/fault.h"

/* A number for an occasion: splitmix64 of seed, kind and count. */
static uint64_t mix(uint64_t value)
{
	value += UINT64_C(0x9e3779b97f4a7c15);
	value = (value ^ value >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	value = (value ^ value >> 27) * UINT64_C(0x94d049bb133111eb);
	return value ^ value >> 31;
}

bool fault_happens(struct fault_plan *plan, enum seam_fault fault)
{
	/* Relaxed: the number is all that matters. */
	uint64_t n = os_fetch_add64(&plan->occasions[fault], 1, OS_RELAXED) + 1;
	uint64_t chance = plan->plan.per_million[fault];

	if (n == plan->plan.at[fault])
		return true;
	return chance && mix(mix(plan->plan.seed + fault) + n) % 1000000 < chance;
}

int seam_debug_faults(struct seam *seam, const struct seam_faults *faults)
{
	const struct os_services *os = seam->os;

	if (!seam->faults && faults)
		seam->faults = os->alloc(os->ctx, sizeof(*seam->faults));
	if (!seam->faults)
		return faults ? -OS_ENOMEM : 0;
	os_memset(seam->faults, 0, sizeof(*seam->faults));
	if (faults) {
		seam->faults->active = true;
		seam->faults->plan = *faults;
	}
	return 0;
}

void faults_destroy(struct seam *seam)
{
	if (seam->faults)
		seam->os->free(seam->os->ctx, seam->faults);
	seam->faults = NULL;
}
