// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plan_test.c - memory maps to TDMRs, PAMT sizes and reserved areas: published figures of real
 * machines, the edges of each rule, random maps against the module's own rules, failed
 * allocations.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "fake_os.h"
#include "layout_check.h"

#define KIB (UINT64_C(1) << 10)
#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define TIB (UINT64_C(1) << 40)

struct machine {
	struct pamt_memory memory[64];
	uint32_t nr_memory;
	struct tdx_cmr cmr[TDX_MAX_CMRS];
	uint32_t nr_cmrs;
	uint32_t nr_nodes;
};

/* Ranges as logs print them: first and last byte. */
#define RAM(first, last, on)                                                           \
	{                                                                              \
		.base = { first }, .bytes = (uint64_t)(last) + 1 - (first), .node = on \
	}
#define CMR(first, end)                                          \
	{                                                        \
		.base = first, .size = (uint64_t)(end) - (first) \
	}

/* Two sockets, 2 TB; the log has the CMRs only, which serve as usable memory as well. */
static const struct machine two_tb = {
	.memory = { RAM(0x100000, 0x777fffff, 0), RAM(0x100000000, 0x1003dffffff, 0),
		    RAM(0x10080000000, 0x2003fffffff, 1) },
	.nr_memory = 3,
	.cmr = { CMR(0x100000, 0x77800000), CMR(0x100000000, 0x1003e000000),
		 CMR(0x10080000000, 0x20040000000) },
	.nr_cmrs = 3,
	.nr_nodes = 2,
};

/* Emerald Rapids, 256 GB: firmware cuts the low memory into eighteen usable ranges. */
static const struct machine emerald = {
	.memory = { RAM(0x0, 0x9efff, 0),
		    RAM(0x100000, 0x5d168fff, 0),
		    RAM(0x5d22b000, 0x5d3cefff, 0),
		    RAM(0x5d46a000, 0x5e5b2fff, 0),
		    RAM(0x5e5c3000, 0x5e5d2fff, 0),
		    RAM(0x5e5e5000, 0x5eb57fff, 0),
		    RAM(0x61358000, 0x6172afff, 0),
		    RAM(0x61795000, 0x617fefff, 0),
		    RAM(0x61913000, 0x61998fff, 0),
		    RAM(0x619e0000, 0x619e1fff, 0),
		    RAM(0x619ea000, 0x61a26fff, 0),
		    RAM(0x61baf000, 0x623c2fff, 0),
		    RAM(0x62472000, 0x62823fff, 0),
		    RAM(0x63a25000, 0x63d57fff, 0),
		    RAM(0x64158000, 0x64158fff, 0),
		    RAM(0x64195000, 0x6e9cefff, 0),
		    RAM(0x6f7ff000, 0x6f7fffff, 0),
		    RAM(0x100000000, 0x1079ffffff, 0),
		    RAM(0x1080000000, 0x207bffffff, 0),
		    RAM(0x2080000000, 0x307bffffff, 1),
		    RAM(0x3080000000, 0x407bffffff, 1) },
	.nr_memory = 21,
	.cmr = { CMR(0x100000, 0x6f800000), CMR(0x100000000, 0x107a000000),
		 CMR(0x1080000000, 0x207c000000), CMR(0x2080000000, 0x307c000000),
		 CMR(0x3080000000, 0x407c000000) },
	.nr_cmrs = 5,
	.nr_nodes = 2,
};

/* n GiB in as many TDMRs as given: the low one below 2 GiB, the others 1 GiB apart. */
static struct machine gib_machine(uint32_t nr, const uint64_t *gib)
{
	struct machine m = { .nr_memory = nr, .nr_cmrs = nr, .nr_nodes = 1 };
	uint64_t at = MIB;

	for (uint32_t i = 0; i < nr; i++) {
		uint64_t end = at / GIB * GIB + gib[i] * GIB;

		m.memory[i] = (struct pamt_memory){ hpa(at), end - at, 0 };
		m.cmr[i] = (struct tdx_cmr){ at, end - at };
		at = end + GIB;
	}
	return m;
}

static int plan(const struct machine *m, bool dynamic, enum pamt_holes holes,
		struct pamt_layout *layout, struct pamt_error *error)
{
	struct pamt_host_config config = { .memory = m->memory,
					   .nr_memory = m->nr_memory,
					   .dynamic = dynamic,
					   .holes = holes,
					   .hkid_start_bit = 46 };
	struct fake_os os;
	int ret;

	fake_os_create(&os, m->memory, m->nr_memory, m->nr_nodes);
	ret = pamt_plan(&os.services, &config, m->cmr, m->nr_cmrs, layout, error);
	assert_int_equal(os.ranges_out, 0);
	assert_int_equal(os.objects_out, 0);
	fake_os_destroy(&os);
	return ret;
}

static void expect_kb(const struct machine *m, bool dynamic, uint32_t nr_tdmrs, uint64_t kb)
{
	struct pamt_layout l;
	struct pamt_error error;

	assert_int_equal(plan(m, dynamic, PAMT_HOLES_CMR, &l, &error), 0);
	assert_null(layout_fault(&l, m->cmr, m->nr_cmrs));
	assert_int_equal(l.nr_tdmrs, nr_tdmrs);
	assert_int_equal(l.pamt_bytes, kb * KIB);
	assert_int_equal(l.given_up_bytes, 0);
}

static void published_figures_come_out(void **state)
{
	const struct machine gib64 = gib_machine(3, (const uint64_t[]){ 2, 30, 32 });
	const struct machine gib252 = gib_machine(3, (const uint64_t[]){ 2, 124, 126 });
	const struct machine gib992 =
		gib_machine(6, (const uint64_t[]){ 2, 126, 256, 256, 256, 96 });

	expect_kb(&two_tb, false, 3, 8396820);
	expect_kb(&emerald, false, 5, 1050644);
	expect_kb(&gib64, false, 3, 262668);
	expect_kb(&gib252, false, 3, 1034220);
	expect_kb(&gib252, true, 3, 10092);
	expect_kb(&gib992, false, 6, 4071192);
}

static void holes_between_usable_ranges_exhaust_the_reserved_areas(void **state)
{
	struct pamt_layout l;
	struct pamt_error error;

	assert_string_equal(pamt_step_name(PAMT_STEP_RESERVED), "reserved areas");
	assert_string_equal(pamt_step_name((enum pamt_step)99), "unknown");
	assert_int_equal(plan(&emerald, false, PAMT_HOLES_USABLE, &l, &error), -OS_ENOSPC);
	assert_int_equal(error.step, PAMT_STEP_RESERVED);
	assert_string_equal(error.reason, "reserved areas exhausted");
	assert_int_equal(error.base.v, 0);
	assert_int_equal(error.bytes, 0x80000000);
	assert_int_equal(plan(&emerald, false, PAMT_HOLES_CMR, &l, &error), 0);
	assert_true(l.reserved_max <= TDX_MAX_RESERVED);
}

static void table_costs_one_megabyte_per_terabyte(void **state)
{
	const struct machine tb = gib_machine(1, (const uint64_t[]){ 1024 });
	struct pamt_layout l;
	struct pamt_error error;

	assert_int_equal(plan(&tb, true, PAMT_HOLES_CMR, &l, &error), 0);
	assert_int_equal(l.table_bytes, MIB);
	assert_int_equal(l.bitmap_bytes, 32 * MIB);
	assert_int_equal(plan(&tb, false, PAMT_HOLES_CMR, &l, &error), 0);
	assert_int_equal(l.table_bytes, 0);
	assert_int_equal(l.bitmap_bytes, 0);
}

static void range_that_starts_inside_a_tdmr_begins_at_its_end(void **state)
{
	/* One TDMR to 2G, nothing new inside it, then from 2G although memory begins at 1.5G. */
	const struct machine m = {
		.memory = { RAM(MIB, GIB - 1, 0), RAM(GIB, GIB + 256 * MIB - 1, 0),
			    RAM(GIB + 256 * MIB, GIB + 300 * MIB - 1, 0),
			    RAM(GIB + 512 * MIB, 3 * GIB - 1, 0) },
		.nr_memory = 4,
		.cmr = { CMR(0, 3 * GIB) },
		.nr_cmrs = 1,
		.nr_nodes = 1,
	};
	struct pamt_layout l;
	struct pamt_error error;

	assert_int_equal(plan(&m, false, PAMT_HOLES_CMR, &l, &error), 0);
	assert_int_equal(l.nr_tdmrs, 3);
	for (uint32_t i = 0; i < 3; i++) {
		assert_int_equal(l.tdmr[i].base.v, i * GIB);
		assert_int_equal(l.tdmr[i].bytes, GIB);
	}
}

static void pamt_chunk_beside_a_hole_needs_no_area_of_its_own(void **state)
{
	struct pamt_layout l;
	struct pamt_error error;

	assert_int_equal(plan(&two_tb, true, PAMT_HOLES_CMR, &l, &error), 0);
	/* Below 1 MiB and above the low CMR; above each of the others, with the chunks. */
	assert_int_equal(l.tdmr[0].nr_reserved, 2);
	assert_int_equal(l.tdmr[1].nr_reserved, 1);
	assert_int_equal(l.tdmr[2].nr_reserved, 1);
	/* Local node: the second TDMR's chunk lies in the second TDMR. */
	assert_true(l.tdmr[1].pamt_base.v < 0x1003e000000 && l.tdmr[1].pamt_base.v > 4 * GIB);
	assert_true(l.tdmr[2].pamt_base.v >= 0x10080000000);
}

static void more_than_64_tdmrs_are_joined_over_the_smallest_gaps(void **state)
{
	struct pamt_memory memory[100];
	struct tdx_cmr cmr = CMR(MIB, 400 * GIB);
	struct pamt_host_config config = { .memory = memory, .nr_memory = 100 };
	struct pamt_layout l;
	struct pamt_error error;
	struct fake_os os;
	uint64_t at = GIB;

	/* Gaps of 1 GiB; every third of them 2 GiB: these 33 must stay. */
	for (uint32_t i = 0; i < 100; i++) {
		memory[i] = (struct pamt_memory){ hpa(at), GIB, 0 };
		at += (i % 3 == 2 ? 3 : 2) * GIB;
	}
	fake_os_create(&os, memory, 100, 1);
	assert_int_equal(pamt_plan(&os.services, &config, &cmr, 1, &l, &error), 0);
	fake_os_destroy(&os);
	assert_null(layout_fault(&l, &cmr, 1));
	assert_int_equal(l.nr_tdmrs, 64);
	for (uint32_t i = 0, big = 0; i + 1 < l.nr_tdmrs; i++) {
		big += l.tdmr[i + 1].base.v - l.tdmr[i].base.v - l.tdmr[i].bytes == 2 * GIB;
		if (i + 2 == l.nr_tdmrs)
			assert_int_equal(big, 33);
	}
}

static void smallest_fragments_are_given_up_beyond_sixteen_areas(void **state)
{
	struct machine m = { .nr_memory = 24, .nr_cmrs = 24, .nr_nodes = 1 };
	struct pamt_layout l;
	struct pamt_error error;
	uint64_t at = MIB;

	/* 24 CMRs in one GiB, the i-th with i+1 pages but for the first and last. */
	for (uint32_t i = 0; i < 24; i++) {
		uint64_t bytes = i == 0 || i == 23 ? 128 * MIB : (i + 1) * 4 * KIB;

		m.memory[i] = (struct pamt_memory){ hpa(at), bytes, 0 };
		m.cmr[i] = (struct tdx_cmr){ at, bytes };
		at += bytes + MIB;
	}
	assert_int_equal(plan(&m, false, PAMT_HOLES_CMR, &l, &error), 0);
	assert_null(layout_fault(&l, m.cmr, m.nr_cmrs));
	assert_int_equal(l.tdmr[0].nr_reserved, TDX_MAX_RESERVED);
	/* 25 holes, one too many each for 2, 3, .. 10 pages: 9 fragments, 54 pages. */
	assert_int_equal(l.given_up_bytes, 54 * 4 * KIB);
}

static void memory_outside_the_cmrs_is_no_tdx_memory(void **state)
{
	const struct machine m = {
		.memory = { RAM(MIB, GIB - 1, 0), RAM(4 * GIB, 6 * GIB - 1, 0),
			    RAM(8 * GIB, 9 * GIB - 1, 0) },
		.nr_memory = 3,
		.cmr = { CMR(MIB, GIB), CMR(4 * GIB, 5 * GIB) },
		.nr_cmrs = 2,
		.nr_nodes = 1,
	};
	struct pamt_layout l;
	struct pamt_error error;

	assert_int_equal(plan(&m, false, PAMT_HOLES_CMR, &l, &error), 0);
	assert_null(layout_fault(&l, m.cmr, m.nr_cmrs));
	assert_int_equal(l.nr_tdmrs, 2);
	assert_int_equal(l.tdmr[1].bytes, GIB);
}

static void bad_maps_are_refused_with_the_range(void **state)
{
	static const struct {
		struct pamt_memory memory[2];
		uint32_t nr;
		const char *reason;
	} bad[] = {
		{ { RAM(MIB, 2 * MIB - 1, 0), RAM(MIB, 3 * MIB - 1, 0) },
		  2,
		  "memory ranges overlap or are not ascending" },
		{ { RAM(MIB, MIB + 99, 0) },
		  1,
		  "a memory range is not a positive multiple of 4 KiB" },
		{ { RAM(UINT64_C(1) << 52, (UINT64_C(1) << 52) + 4095, 0) },
		  1,
		  "a memory range lies above the 52-bit address limit" },
		{ { RAM((UINT64_C(1) << 52) + 4096, (UINT64_C(1) << 52) + 8191, 0) },
		  1,
		  "a memory range lies above the 52-bit address limit" },
		{ { { { MIB }, 0, 0 } }, 1, "a memory range is not a positive multiple of 4 KiB" },
		{ { RAM(MIB, GIB - 1, 3) }, 1, "a memory range names a node that does not exist" },
		{ { RAM(0, MIB - 1, 0) }, 1, "no usable memory above 1 MiB lies inside a CMR" },
	};
	struct pamt_layout l;
	struct pamt_error error;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct machine m = {
			.nr_memory = bad[i].nr, .cmr = { CMR(0, TIB) }, .nr_cmrs = 1, .nr_nodes = 1
		};

		memcpy(m.memory, bad[i].memory, sizeof(bad[i].memory));
		assert_int_equal(plan(&m, false, PAMT_HOLES_CMR, &l, &error), -OS_EINVAL);
		assert_int_equal(error.step, PAMT_STEP_MEMORY);
		assert_string_equal(error.reason, bad[i].reason);
	}
	assert_int_equal(
		plan(&(struct machine){ .nr_nodes = 1 }, false, PAMT_HOLES_CMR, &l, &error),
		-OS_EINVAL);
}

static void bad_cmrs_are_refused(void **state)
{
	static const struct {
		struct tdx_cmr cmr[2];
		uint32_t nr;
	} bad[] = {
		{ { CMR(2 * MIB, 3 * MIB), CMR(MIB, 2 * MIB) }, 2 },
		{ { CMR((UINT64_C(1) << 52) + 4096, (UINT64_C(1) << 52) + 8192) }, 1 },
		{ { { 4096, UINT64_C(1) << 52 } }, 1 },
		{ { CMR(MIB, 2 * MIB + 1) }, 1 },
		{ { CMR(MIB + 1, 2 * MIB + 1) }, 1 },
		{ { CMR(MIB, MIB) }, 1 },
	};
	struct machine m = { .memory = { RAM(MIB, GIB - 1, 0) }, .nr_memory = 1, .nr_nodes = 1 };
	struct pamt_host_config config = { .memory = m.memory, .nr_memory = 1 };
	struct tdx_cmr many[2 * TDX_MAX_CMRS];
	struct pamt_layout l;
	struct pamt_error error;
	struct fake_os os;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		memcpy(m.cmr, bad[i].cmr, sizeof(bad[i].cmr));
		m.nr_cmrs = bad[i].nr;
		assert_int_equal(plan(&m, false, PAMT_HOLES_CMR, &l, &error), -OS_EINVAL);
	}
	/* One more than there can be; twice as many in a row are one. */
	for (uint32_t apart = 0; apart < 2; apart++) {
		uint32_t nr = apart ? TDX_MAX_CMRS + 1 : 2 * TDX_MAX_CMRS;

		for (uint32_t i = 0; i < nr; i++)
			many[i] = (struct tdx_cmr){ MIB + i * (1 + apart) * 16 * MIB, 16 * MIB };
		fake_os_create(&os, m.memory, 1, 1);
		assert_int_equal(pamt_plan(&os.services, &config, many, nr, &l, &error),
				 apart ? -OS_EINVAL : 0);
		fake_os_destroy(&os);
	}
}

static void chunk_in_a_tdmr_without_a_free_area_costs_a_fragment(void **state)
{
	struct machine m = { .nr_memory = 18, .nr_cmrs = 18, .nr_nodes = 1 };
	struct pamt_layout l;
	struct pamt_error error;
	uint64_t at = MIB;

	/*
	 * Seventeen CMRs that are too small for the PAMT, and one of which the usable part touches
	 * neither end: wherever the chunk comes to lie, it needs an area of its own.
	 */
	for (uint32_t i = 0; i < 17; i++) {
		m.memory[i] = (struct pamt_memory){ hpa(at), 64 * KIB, 0 };
		m.cmr[i] = (struct tdx_cmr){ at, 64 * KIB };
		at += MIB;
	}
	m.cmr[17] = (struct tdx_cmr){ at, 512 * MIB };
	m.memory[17] = (struct pamt_memory){ hpa(at + MIB), 510 * MIB, 0 };
	assert_int_equal(plan(&m, false, PAMT_HOLES_CMR, &l, &error), 0);
	assert_null(layout_fault(&l, m.cmr, m.nr_cmrs));
	assert_int_equal(l.nr_tdmrs, 1);
	assert_int_equal(l.tdmr[0].nr_reserved, TDX_MAX_RESERVED);
	assert_true(l.given_up_bytes > 0);
}

static void keyids_above_bit_48_mean_static_pamt(void **state)
{
	struct pamt_host_config config = { .memory = two_tb.memory,
					   .nr_memory = two_tb.nr_memory,
					   .dynamic = true,
					   .hkid_start_bit = 49 };
	struct pamt_layout l;
	struct pamt_error error;
	struct fake_os os;

	fake_os_create(&os, two_tb.memory, two_tb.nr_memory, 2);
	assert_int_equal(pamt_plan(&os.services, &config, two_tb.cmr, 3, &l, &error), 0);
	assert_false(l.dynamic);
	assert_int_equal(l.pamt_bytes, 8396820 * KIB);
	fake_os_destroy(&os);
}

static void every_failed_allocation_is_unwound(void **state)
{
	struct pamt_host_config config = { .memory = emerald.memory,
					   .nr_memory = emerald.nr_memory };
	struct pamt_layout l;
	struct pamt_error error;
	struct fake_os os;
	uint64_t calls = 1;

	for (uint64_t at = 1; at <= calls; at++) {
		int ret;

		fake_os_create(&os, emerald.memory, emerald.nr_memory, emerald.nr_nodes);
		os.fail_at = at;
		ret = pamt_plan(&os.services, &config, emerald.cmr, emerald.nr_cmrs, &l, &error);
		/* A range that cannot be had in one place is looked for in the next. */
		if (ret)
			assert_int_equal(ret, -OS_ENOMEM);
		else
			assert_null(layout_fault(&l, emerald.cmr, emerald.nr_cmrs));
		assert_int_equal(os.ranges_out + os.objects_out, 0);
		calls = os.calls;
		fake_os_destroy(&os);
	}
}

static uint64_t random_next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void random_maps_satisfy_the_module(void **state)
{
	struct pamt_layout l;
	struct pamt_error error;
	uint64_t seed = 42;
	int planned = 0;

	for (int round = 0; round < 2000; round++) {
		struct machine m = { .nr_nodes = 4 };
		uint64_t at = random_next(&seed) % 64 * 4 * KIB, end;
		uint32_t nr_cmrs = 1 + random_next(&seed) % 20;

		for (m.nr_cmrs = 0; m.nr_cmrs < nr_cmrs; m.nr_cmrs++) {
			uint64_t unit = random_next(&seed) % 3 ? 4 * KIB : 64 * MIB;

			m.cmr[m.nr_cmrs] =
				(struct tdx_cmr){ at, (1 + random_next(&seed) % 64) * unit };
			at += m.cmr[m.nr_cmrs].size + random_next(&seed) % 8 * unit;
		}
		end = at;
		at = 0;
		while (at < end && m.nr_memory < 60) {
			uint64_t unit = random_next(&seed) % 2 ? 4 * KIB : 32 * MIB;
			uint64_t bytes = (1 + random_next(&seed) % 128) * unit;

			m.memory[m.nr_memory++] =
				(struct pamt_memory){ hpa(at), bytes, (uint32_t)(at * 4 / end) };
			if (m.memory[m.nr_memory - 1].node > 3)
				m.memory[m.nr_memory - 1].node = 3;
			at += bytes + random_next(&seed) % 4 * unit;
		}
		if (plan(&m, round & 1, PAMT_HOLES_CMR, &l, &error))
			continue; /* no room for a chunk, or nothing usable: unwound, see plan() */
		planned++;
		assert_null(layout_fault(&l, m.cmr, m.nr_cmrs));
	}
	assert_true(planned > 500);
}

static void sixty_four_terabytes_in_two_thousand_ranges_plan_fast(void **state)
{
	static struct pamt_memory memory[2000];
	struct pamt_host_config config = { .memory = memory, .nr_memory = 2000, .dynamic = true };
	struct tdx_cmr cmr[8];
	struct timespec start, end;
	struct pamt_layout l;
	struct pamt_error error;
	struct fake_os os;
	int64_t us;

	for (uint32_t i = 0; i < 2000; i++)
		memory[i] = (struct pamt_memory){ hpa(i / 250 * 8 * TIB + i % 250 * 32 * GIB + MIB),
						  31 * GIB, i / 250 };
	for (uint32_t i = 0; i < 8; i++)
		cmr[i] = (struct tdx_cmr){ i * 8 * TIB + MIB, 8 * TIB - 2 * MIB };
	for (int dynamic = 0; dynamic < 2; dynamic++) {
		config.dynamic = dynamic;
		fake_os_create(&os, memory, 2000, 8);
		clock_gettime(CLOCK_MONOTONIC, &start);
		assert_int_equal(pamt_plan(&os.services, &config, cmr, 8, &l, &error), 0);
		clock_gettime(CLOCK_MONOTONIC, &end);
		assert_null(layout_fault(&l, cmr, 8));
		fake_os_destroy(&os);
		us = (end.tv_sec - start.tv_sec) * 1000000 + (end.tv_nsec - start.tv_nsec) / 1000;
		print_message("64 TB, 2000 ranges, %s: %lld us\n", dynamic ? "dynamic" : "static",
			      (long long)us);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(published_figures_come_out),
		cmocka_unit_test(holes_between_usable_ranges_exhaust_the_reserved_areas),
		cmocka_unit_test(table_costs_one_megabyte_per_terabyte),
		cmocka_unit_test(range_that_starts_inside_a_tdmr_begins_at_its_end),
		cmocka_unit_test(pamt_chunk_beside_a_hole_needs_no_area_of_its_own),
		cmocka_unit_test(more_than_64_tdmrs_are_joined_over_the_smallest_gaps),
		cmocka_unit_test(smallest_fragments_are_given_up_beyond_sixteen_areas),
		cmocka_unit_test(memory_outside_the_cmrs_is_no_tdx_memory),
		cmocka_unit_test(bad_maps_are_refused_with_the_range),
		cmocka_unit_test(bad_cmrs_are_refused),
		cmocka_unit_test(chunk_in_a_tdmr_without_a_free_area_costs_a_fragment),
		cmocka_unit_test(keyids_above_bit_48_mean_static_pamt),
		cmocka_unit_test(every_failed_allocation_is_unwound),
		cmocka_unit_test(random_maps_satisfy_the_module),
		cmocka_unit_test(sixty_four_terabytes_in_two_thousand_ranges_plan_fast),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
