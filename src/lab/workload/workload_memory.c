// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workload_memory.c - memory of the machine that goes and comes back between two rounds, as the
 * scenario says.
 *
 * It goes as a system takes it out: first none of its free pages is handed out any more, then
 * libpamt gives back what it keeps for later, and says whether anything of it is in use. If it is,
 * or anybody else has some of it, the memory stays, and the run fails. What comes back is asked
 * about first: no TD could ever have a page outside the TDMRs.
 */
#include <stdio.h>

#include "lab/workload/error.h"
#include "lab/workload/workload_internal.h"

static bool is_gone(const struct scenario_memory *m, uint32_t round)
{
	return round >= m->from && round < m->to;
}

int workload_check_memory(const struct workload *load, char *error, size_t error_size)
{
	const struct scenario *s = load->scenario;

	for (uint32_t i = 0; i < s->nr_memory; i++) {
		const struct scenario_memory *m = &s->memory[i];

		if (!pamt_may_online(load->stand.host, hpa(m->base), m->bytes))
			continue;
		snprintf(error, error_size,
			 "line %u: offline-memory from 0x%llx to 0x%llx: some of it is in no TDMR, "
			 "or "
			 "reserved there, as PAMT is; that is fixed at bring-up, and it could not "
			 "come back",
			 m->line, (unsigned long long)m->base,
			 (unsigned long long)(m->base + m->bytes));
		load->result->refused = true;
		return -1;
	}
	return 0;
}

uint64_t workload_gone_bytes(const struct workload *load, uint32_t round)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < load->scenario->nr_memory; i++)
		if (is_gone(&load->scenario->memory[i], round))
			bytes += load->scenario->memory[i].bytes;
	return bytes;
}

static bool goes(struct workload *load, const struct scenario_memory *m)
{
	struct allocator *allocator = machine_allocator(load->stand.machine);
	uint64_t used;
	int error;

	allocator_offline(allocator, hpa(m->base), m->bytes);
	error = pamt_offline(load->stand.host, hpa(m->base), m->bytes);
	/* With what libpamt has given back. */
	used = allocator_offline(allocator, hpa(m->base), m->bytes);
	if (!error && !used)
		return true;
	allocator_online(allocator, hpa(m->base), m->bytes);
	workload_fail(&load->workers[0],
		      "line %u: memory from 0x%llx to 0x%llx cannot go: %s, %llu KB are in use",
		      m->line, (unsigned long long)m->base,
		      (unsigned long long)(m->base + m->bytes),
		      error_text(error ? error : -OS_EBUSY), (unsigned long long)(used >> 10));
	return false;
}

static bool returns(struct workload *load, const struct scenario_memory *m)
{
	int error = pamt_may_online(load->stand.host, hpa(m->base), m->bytes);

	if (!error)
		allocator_online(machine_allocator(load->stand.machine), hpa(m->base), m->bytes);
	else
		workload_fail(&load->workers[0],
			      "line %u: memory from 0x%llx to 0x%llx cannot come back: %s", m->line,
			      (unsigned long long)m->base, (unsigned long long)(m->base + m->bytes),
			      error_text(error));
	return !error;
}

bool workload_move_memory(struct workload *load, uint32_t round)
{
	const struct scenario *s = load->scenario;

	/* What comes back first: it may go again, as part of another range. */
	for (uint32_t i = 0; i < 2 * s->nr_memory; i++) {
		uint32_t m = i % s->nr_memory;
		bool gone = is_gone(&s->memory[m], round);

		if (gone == load->gone[m] || gone != (i >= s->nr_memory))
			continue;
		if (!(gone ? goes : returns)(load, &s->memory[m]))
			return false;
		load->gone[m] = gone;
	}
	return true;
}
