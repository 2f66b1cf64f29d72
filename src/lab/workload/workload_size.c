// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workload_size.c - how much memory the TDs of a workload come to have, round by round.
 */
#include <stdio.h>

#include "lab/workload/workload_internal.h"

uint64_t workload_td_bytes(const struct workload_td *tenant, uint32_t round)
{
	const struct scenario_balloon *balloon = &tenant->group->balloon;
	uint64_t bytes = tenant->bytes;

	/* In its first round it goes while others come. */
	if (!balloon->percent || round <= balloon->from)
		return bytes;
	for (uint32_t v = 0; v < tenant->group->vcpus; v++)
		bytes -= tenant->guests[v].high - tenant->guests[v].keep;
	return bytes;
}

/*
 * Memory that TDs come to have in this round. Who touches pages in the manner of zipf touches some
 * never.
 */
static uint64_t wanted_in(const struct workload *load, uint32_t round)
{
	uint64_t bytes = 0;

	for (uint32_t t = 0; t < load->nr_tenants; t++) {
		const struct workload_td *tenant = &load->tenants[t];
		enum scenario_action action =
			scenario_action(load->scenario, tenant->group, tenant->index, round);

		if (tenant->group->touch != SCENARIO_ZIPF &&
		    (action == SCENARIO_BOOT || action == SCENARIO_WORK))
			bytes += workload_td_bytes(tenant, round);
	}
	return bytes;
}

int workload_check_sizes(const struct workload *load, char *error, size_t error_size)
{
	uint64_t free = stand_free_bytes(&load->stand);

	for (uint32_t round = 0; round < load->result->nr_rounds; round++) {
		uint64_t wanted = wanted_in(load, round);
		uint64_t gone = workload_gone_bytes(load, round);
		uint64_t there = free > gone ? free - gone : 0;

		if (load->scenario->overcommit || wanted <= there)
			continue;
		snprintf(error, error_size,
			 "TDs of together %llu MB in round %u: at most %llu MB are free on this "
			 "machine",
			 (unsigned long long)(wanted >> 20), round,
			 (unsigned long long)(there >> 20));
		load->result->refused = true;
		return -1;
	}
	return 0;
}
