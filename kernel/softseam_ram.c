// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * softseam_ram.c - which physical addresses have memory behind them: the RAM that this machine was
 * booted with, which is all in the kernel's direct map.
 *
 * A host may name any address, and the module must survive it. That there is a struct page
 * (pfn_valid()) is not enough: it is there for whole sections, with the holes in them, which are
 * not mapped. Memory that was added later is in no CMR, so the module has no business there.
 */
#include "linux.h"

#include "softseam.h"

struct ram_range {
	u64 base, end;
};

static struct ram_range *ranges;
static unsigned int nr_ranges;

static int count_ram_range(struct resource *res, void *arg)
{
	++*(unsigned int *)arg;
	return 0;
}

/* End inclusive, in ascending order. */
static int add_ram_range(struct resource *res, void *arg)
{
	const unsigned int *room = arg;

	if (nr_ranges == *room)
		return -EAGAIN;
	ranges[nr_ranges++] =
		(struct ram_range){ PAGE_ALIGN(res->start), PAGE_ALIGN_DOWN(res->end + 1) };
	return 0;
}

static int walk(unsigned int *nr, int (*fn)(struct resource *res, void *arg))
{
	return walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0, -1,
				   nr, fn);
}

int softseam_find_ram(void)
{
	unsigned int room = 0;

	walk(&room, count_ram_range);
	ranges = kvcalloc(room, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;
	return walk(&room, add_ram_range);
}

void softseam_forget_ram(void) { kvfree(ranges); }

bool softseam_is_ram(uint64_t at)
{
	unsigned int low = 0, high = nr_ranges;

	while (low < high) {
		unsigned int middle = (low + high) / 2;

		if (at >= ranges[middle].end)
			low = middle + 1;
		else
			high = middle;
	}
	return low < nr_ranges && at >= ranges[low].base;
}
