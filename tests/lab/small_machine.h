/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * small_machine.h - a machine with two nodes of SMALL_NODE_MB each, two packages and four CPUs.
 */
#ifndef TESTS_LAB_SMALL_MACHINE_H
#define TESTS_LAB_SMALL_MACHINE_H

#include "machine/map.h"

#define MB UINT64_C(0x100000)

static struct map_range small_ranges[] = {
	{ .base = 4096 * MB, .size = SMALL_NODE_MB * MB, .node = 0 },
	{ .base = 8192 * MB, .size = SMALL_NODE_MB * MB, .node = 1 },
};

static const struct machine_map small_map = {
	.name = "small",
	.nr_ranges = 2,
	.ranges = small_ranges,
	.nr_cmrs = 2,
	.cmr = { { 4096 * MB, SMALL_NODE_MB *MB }, { 8192 * MB, SMALL_NODE_MB *MB } },
	.hkid_min = 32,
	.hkid_max = 40,
	.max_pa = 52,
	.hkid_bits = 6,
	.nr_cpus = 4,
	.nr_packages = 2,
	.nr_nodes = 2,
};

#endif
