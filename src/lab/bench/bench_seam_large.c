// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_seam_large.c - TDs of the size that people run, from nothing to nothing.
 *
 * Built by MEM.PAGE.AUG after what each page needs (tables, pairs), torn down as KVM does it: the
 * keys first, then PHYMEM.PAGE.RECLAIM of every page. Real memory is compared with the metadata
 * that the same TD needs on hardware.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lab/bench/bench_seam.h"
#include "lab/bench/bench_td.h"
#include "machine/memory.h"

struct large {
	struct bench_machine machine;
	struct bench_td td;
	bool huge;
	uint64_t bytes;
};

/* A line of /proc/self/status, in bytes. */
static uint64_t status_bytes(const char *field)
{
	FILE *file = fopen("/proc/self/status", "re");
	unsigned long long kb = 0;
	char line[256];

	if (!file)
		return 0;
	while (fgets(line, sizeof(line), file))
		if (!strncmp(line, field, strlen(field)))
			kb = strtoull(line + strlen(field), NULL, 10);
	fclose(file);
	return kb * 1024;
}

/* Forgets the peak, so that what follows counts. */
static bool reset_peak(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
	bool done = fd >= 0 && write(fd, "5", 1) == 1;

	if (fd >= 0)
		close(fd);
	return done;
}

/* ------------------------------------------------------------------------------------------- */

static uint64_t page_bytes(const struct large *l) { return l->huge ? TDX_2M_SIZE : TDX_PAGE_SIZE; }

/* What one region of 4K pages needs: a pair for the region, a table for its guest addresses. */
static bool add_region(struct large *l, uint64_t at)
{
	struct bench_td *td = &l->td;

	return bench_td_add_pair(td, bench_td_guest(td) + at) && bench_td_add_table(td, at, 1);
}

static bool build(struct large *l)
{
	struct bench_td *td = &l->td;
	uint64_t leaf_level = l->huge ? TDX_2M : TDX_4K, bad = 0;

	for (uint64_t at = 0; at < l->bytes; at += page_bytes(l)) {
		if (!(at & ((UINT64_C(1) << TDX_LEVEL_SHIFT(3)) - 1)) &&
		    !bench_td_add_table(td, at, 3))
			return false;
		if (!(at & (TDX_1G_SIZE - 1)) && !bench_td_add_table(td, at, 2))
			return false;
		if (!l->huge && !(at & (TDX_2M_SIZE - 1)) && !add_region(l, at))
			return false;
		bad |= bench_call(td, TDH_MEM_PAGE_AUG, at | leaf_level, td->tdr,
				  bench_td_guest(td) + at)
			       .v;
	}
	return bench_expect(&l->machine, "MEM.PAGE.AUG", (tdx_status_t){ bad });
}

static bool tear_down(struct large *l)
{
	uint64_t bad = 0;

	if (!bench_td_end_keys(&l->td))
		return false;
	for (uint64_t at = 0; at < l->bytes; at += page_bytes(l)) {
		bad |= bench_call(&l->td, TDH_PHYMEM_PAGE_RECLAIM, bench_td_guest(&l->td) + at, 0,
				  0)
			       .v;
		/* The last page of a region. */
		if (!l->huge && !((at + TDX_PAGE_SIZE) & (TDX_2M_SIZE - 1)) &&
		    !bench_td_remove_pair(&l->td,
					  bench_td_guest(&l->td) + (at & ~(TDX_2M_SIZE - 1))))
			return false;
	}
	return bench_expect(&l->machine, "PHYMEM.PAGE.RECLAIM", (tdx_status_t){ bad });
}

/* ------------------------------------------------------------------------------------------- */

/* Tables, pairs, and a region for the TD's own pages. */
static uint32_t control_regions(const struct large *l)
{
	uint64_t pages = l->bytes / TDX_1G_SIZE + 64;

	if (!l->huge)
		pages += 3 * (l->bytes / TDX_2M_SIZE);
	return (uint32_t)(pages / (TDX_PAGES_PER_2M - 2)) + 1;
}

static uint64_t metadata_bytes(const struct large *l)
{
	const struct pamt_layout *layout = pamt_layout(l->machine.stand.host);

	/* Every page that was handed out, and the pairs of the regions that they lie in. */
	return layout->pamt_bytes + (l->td.nr_pages - l->td.nr_free) * TDX_PAGE_SIZE +
	       l->td.nr_control * 2 * TDX_PAGE_SIZE;
}

static bool measure(struct large *l, struct bench_seam_large *result)
{
	uint64_t resident, start;

	if (!reset_peak())
		return !snprintf(l->machine.error, sizeof(l->machine.error),
				 "/proc/self/clear_refs cannot be written");
	resident = status_bytes("VmRSS:");
	/* Room for the PAMT and the reserved last GiB of the block. */
	if (!bench_machine_create(&l->machine, l->bytes + l->bytes / 64 + 8 * TDX_1G_SIZE, 1, true))
		return false;
	start = bench_thread_time();
	if (!bench_td_create(&l->td, &l->machine,
			     &(struct bench_td_config){ 0, 33, l->bytes, control_regions(l) }) ||
	    !build(l))
		return false;
	result->metadata = metadata_bytes(l);
	result->simulated = memory_backed(machine_memory(l->machine.stand.machine));
	if (!tear_down(l))
		return false;
	result->seconds = (double)(bench_thread_time() - start) / 1e9;
	result->resident = status_bytes("VmHWM:") - resident;
	return true;
}

int bench_seam_large(uint64_t bytes, bool huge, struct bench_seam_large *result, char *error,
		     size_t error_size)
{
	struct large l = { .huge = huge, .bytes = bytes };
	bool fine;

	*result = (struct bench_seam_large){ .bytes = bytes, .huge = huge };
	fine = measure(&l, result);
	bench_td_destroy(&l.td);
	bench_machine_destroy(&l.machine);
	snprintf(error, error_size, "%s", l.machine.error);
	return fine && !l.machine.error[0] ? 0 : -1;
}
