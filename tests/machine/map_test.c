// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_test.c - machines out of logs: every form of line, what is assumed where a log is silent,
 * and one clear line for every mistake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "machine/map.h"
#include "map_check.h"

#define MB UINT64_C(0x100000)
#define GB (MB * 1024)
#define TB (GB * 1024)

static struct machine_map map;
static char error[512];

static int forget(void **state)
{
	map_free(&map);
	return 0;
}

static int read_bytes(const char *text, size_t size, const struct map_options *options)
{
	FILE *file = fmemopen((void *)text, size, "r");
	int result;

	assert_non_null(file);
	map_free(&map);
	strcpy(error, "");
	result = map_read((struct map_source){ file, "log" }, options, &map, error, sizeof(error));
	fclose(file);
	if (!result && map_fault(&map))
		fail_msg("%s", map_fault(&map));
	return result;
}

static void reads(const char *text)
{
	if (read_bytes(text, strlen(text), NULL))
		fail_msg("%s: %s", text, error);
}

/* The error is one line, names the file and the line, and says this. */
static void refuses(const char *text, const char *where, const char *what)
{
	assert_int_equal(read_bytes(text, strlen(text), NULL), -1);
	if (strncmp(error, where, strlen(where)) || !strstr(error, what) || strchr(error, '\n'))
		fail_msg("error is '%s', not '%s ... %s'", error, where, what);
	assert_null(map.ranges);
}

static void expect_ranges(const struct map_range *expected, uint32_t nr)
{
	assert_int_equal(map.nr_ranges, nr);
	for (uint32_t i = 0; i < nr; i++) {
		assert_int_equal(map.ranges[i].base, expected[i].base);
		assert_int_equal(map.ranges[i].size, expected[i].size);
		assert_int_equal(map.ranges[i].node, expected[i].node);
	}
}

#define EXPECT_RANGES(...)                                                     \
	do {                                                                   \
		const struct map_range expected[] = { __VA_ARGS__ };           \
		expect_ranges(expected, sizeof(expected) / sizeof(*expected)); \
	} while (0)

static uint64_t total_bytes(void)
{
	uint64_t bytes = 0;

	for (uint32_t i = 0; i < map.nr_ranges; i++)
		bytes += map.ranges[i].size;
	return bytes;
}

/* ------------------------------------------------------------------------------------------- */
/* Forms                                                                                        */

static void e820_lines_with_any_prefix(void **state)
{
	reads("BIOS-e820: [mem 0x0000000000000000-0x000000000009efff] usable\n"
	      "[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\r\n"
	      "kern  :info  : [Thu Nov 21 09:22:01 2024] BIOS-e820: [mem 0x80000000-0x8fffffff] "
	      "reserved\n"
	      "Nov 21 09:22:01 node1 kernel: BIOS-e820: [mem 0x90000000-0x90ffffff] ACPI NVS\n"
	      "<6>[    0.000000] BIOS-e820: [mem 0x100000000-0x17fffffff] usable\n");
	EXPECT_RANGES({ 0, 0x9f000, 0 }, { MB, 2 * GB - MB, 0 }, { 4 * GB, 2 * GB, 0 });
}

static void ends_are_inclusive_and_ranges_go_inwards_to_pages(void **state)
{
	reads("BIOS-e820: [mem 0x0000000000100400-0x00000000007ffbff] usable\n"
	      "BIOS-e820: [mem 0x0000000000800200-0x0000000000800dff] usable\n");
	EXPECT_RANGES({ MB + 4096, 7 * MB - 2 * 4096, 0 });
}

static void touching_ranges_become_one(void **state)
{
	reads("BIOS-e820: [mem 0x0000000000200000-0x00000000002fffff] usable\n"
	      "BIOS-e820: [mem 0x0000000000100000-0x00000000001fffff] usable\n");
	EXPECT_RANGES({ MB, 2 * MB, 0 });
}

static void iomem_lines(void **state)
{
	reads("00000000-00000fff : Reserved\n"
	      "00001000-0009fbff : System RAM\n"
	      "00100000-77ffffff : System RAM\n"
	      "  01000000-01e037ff : Kernel code\n"
	      "fd000000-fdffffff : PCI Bus 0000:00\n"
	      "100000000-17fffffff : System RAM\n");
	EXPECT_RANGES({ 0x1000, 0x9e000, 0 }, { MB, 0x78000000 - MB, 0 }, { 4 * GB, 2 * GB, 0 });
	assert_true(map.cmrs_assumed);
}

static void cmr_lines_alone_are_usable_memory_too(void **state)
{
	reads("[   31.199911] virt/tdx: CMR: [0x100000, 0x77800000)\n"
	      "[   31.199914] virt/tdx: CMR: [0x100000000, 0x1003e000000)\n");
	EXPECT_RANGES({ MB, 0x77800000 - MB, 0 }, { 4 * GB, 0x1003e000000 - 4 * GB, 0 });
	assert_false(map.cmrs_assumed);
	assert_int_equal(map.nr_cmrs, 2);
	assert_int_equal(map.cmr[1].base, 4 * GB);
	assert_int_equal(map.cmr[1].size, 0x1003e000000 - 4 * GB);
	assert_non_null(strstr(map.notes, "no BIOS-e820 lines"));
}

static void keyids_and_the_kernels_figure(void **state)
{
	reads("BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
	      "virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
	      "virt/tdx: 8396820 KB allocated for PAMT\n");
	assert_int_equal(map.hkid_min, 64);
	assert_int_equal(map.hkid_max, 127);
	assert_int_equal(map.hkid_bits, 7);
	assert_false(map.hkids_assumed);
	assert_int_equal(map.log_pamt_kb, 8396820);
	reads("BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n");
	assert_true(map.hkids_assumed);
	assert_true(map.log_pamt_kb == MAP_NO_PAMT_KB);
	assert_int_equal(map.hkid_min, 32);
	assert_int_equal(map.hkid_max, 63);
	assert_non_null(strstr(map.notes, "KeyIDs [32, 64) are assumed"));
}

static void srat_lines_split_memory_by_node(void **state)
{
	reads("BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
	      "BIOS-e820: [mem 0x0000000100000000-0x00000004ffffffff] usable\n"
	      "ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x7fffffff]\n"
	      "ACPI: SRAT: Node 0 PXM 0 [mem 0x100000000-0x2bfffffff]\n"
	      "ACPI: SRAT: Node 1 PXM 1 [mem 0x2c0000000-0x6ffffffff] hotplug\n");
	EXPECT_RANGES({ MB, 2 * GB - MB, 0 }, { 4 * GB, 7 * GB, 0 }, { 11 * GB, 9 * GB, 1 });
	assert_int_equal(map.nr_nodes, 2);
	assert_int_equal(map.nr_packages, 2);
}

static void node_lines_are_preferred_to_srat_and_serve_as_memory(void **state)
{
	reads("Nov 21 node7 kernel:   node   0: [mem 0x0000000000100000-0x000000007fffffff]\n"
	      "[    0.0]   node   1: [mem 0x0000000100000000-0x00000001ffffffff]\n"
	      "[    0.0] Initmem setup node 0 [mem 0x0000000000001000-0x000000007fffffff]\n"
	      "ACPI: SRAT: Node 3 PXM 3 [mem 0x00000000-0x1ffffffff]\n");
	EXPECT_RANGES({ MB, 2 * GB - MB, 0 }, { 4 * GB, 4 * GB, 1 });
	assert_int_equal(map.nr_nodes, 2);
}

static void memory_that_no_node_claims_goes_to_the_node_before(void **state)
{
	reads("BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
	      "node 1: [mem 0x10000000-0x1fffffff]\n"
	      "node 0: [mem 0x30000000-0x3fffffff]\n");
	EXPECT_RANGES({ MB, 0x2ff00000, 1 }, { 0x30000000, 0x50000000, 0 });
}

static void other_lines_are_passed_over(void **state)
{
	reads("[    0.000000] Command line: memmap=nn[KMG] BIOS-e820 node System RAM\n"
	      "[    0.000000] e820: update [mem 0x00000000-0x00000fff] usable ==> reserved\n"
	      "[    0.000000] NODE_DATA(0) allocated [mem 0x1-0x2]\n"
	      "[    0.000000] CMR: SRAT: KeyID\n"
	      "the word node: and System RAM too\n"
	      "00100000-001fffff : System RAM (kmem)\n"
	      "BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n");
	EXPECT_RANGES({ MB, 2 * GB - MB, 0 });
}

static void repeated_lines_are_harmless(void **state)
{
	static const char once[] = "BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
				   "virt/tdx: CMR: [0x100000, 0x80000000)\n"
				   "ACPI: SRAT: Node 0 PXM 0 [mem 0x00000000-0x7fffffff]\n"
				   "00100000-7fffffff : System RAM\n"
				   "virt/tdx: BIOS enabled: private KeyID range [32, 64)\n";
	char twice[2 * sizeof(once)];

	snprintf(twice, sizeof(twice), "%s%s", once, once);
	reads(twice);
	EXPECT_RANGES({ MB, 2 * GB - MB, 0 });
	assert_int_equal(map.nr_cmrs, 1);
}

static void of_several_boots_the_last_with_memory_is_used(void **state)
{
	reads("[    0.000000] Linux version 6.11.0 (x@y)\n"
	      "[    0.000000] BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
	      "[    9.360001] virt/tdx: BIOS enabled: private KeyID range [16, 32)\n"
	      "-- Boot 0123456789abcdef --\n"
	      "Nov 21 host kernel: Linux version 6.12.0 (x@y)\n"
	      "Nov 21 host kernel: BIOS-e820: [mem 0x0000000000100000-0x00000000bfffffff] usable\n"
	      "Nov 21 host foo: cannot run on Linux version 5\n"
	      "Nov 21 host kernel: virt/tdx: BIOS enabled: private KeyID range [64, 128)\n"
	      "[    0.000000] Linux version 6.13.0 (x@y)\n");
	EXPECT_RANGES({ MB, 3 * GB - MB, 0 });
	assert_int_equal(map.hkid_min, 64);
	assert_non_null(strstr(map.notes, "several boots"));
}

/* ------------------------------------------------------------------------------------------- */
/* What is assumed                                                                              */

static void assumed_cmrs_are_the_usable_ranges_above_1m(void **state)
{
	reads("BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable\n"
	      "BIOS-e820: [mem 0x00000000000f0000-0x000000003fffffff] usable\n"
	      "BIOS-e820: [mem 0x0000000100000000-0x000000017fffffff] usable\n");
	assert_true(map.cmrs_assumed);
	assert_int_equal(map.nr_cmrs, 2);
	assert_int_equal(map.cmr[0].base, MB);
	assert_int_equal(map.cmr[0].size, GB - MB);
	assert_int_equal(map.cmr[1].base, 4 * GB);
	assert_int_equal(map.cmr[1].size, 2 * GB);
	assert_non_null(strstr(map.notes, "2 CMRs are assumed"));
}

/* Text of n usable ranges of 16 MB; hole i (after range i) has holes[i % nr_holes] MB. */
static char *many_ranges(unsigned int n, const unsigned int *holes, unsigned int nr_holes)
{
	char *text = malloc(n * 80 + 1), *at = text;
	uint64_t base = 16 * MB;

	assert_non_null(text);
	for (unsigned int i = 0; i < n; i++) {
		at += sprintf(at, "BIOS-e820: [mem 0x%016llx-0x%016llx] usable\n",
			      (unsigned long long)base, (unsigned long long)(base + 16 * MB - 1));
		base += (16 + holes[i % nr_holes]) * MB;
	}
	return text;
}

static void assumed_cmrs_are_joined_over_the_smallest_holes(void **state)
{
	const unsigned int holes[] = { 1, 5, 3, 9 };
	char *text = many_ranges(32, holes, 4);

	reads(text);
	assert_int_equal(map.nr_cmrs, 32);
	free(text);

	/* 99 holes: 25 each of 1, 5 and 3 MB, 24 of 9 MB. The 31 largest: 9 MB, then 7 of 5. */
	text = many_ranges(100, holes, 4);
	reads(text);
	assert_int_equal(map.nr_ranges, 100);
	assert_int_equal(map.nr_cmrs, 32);
	for (uint32_t i = 1; i < 32; i++) {
		uint64_t hole = map.cmr[i].base - map.cmr[i - 1].base - map.cmr[i - 1].size;

		assert_true(hole == 9 * MB || hole == 5 * MB);
	}
	assert_int_equal(map.cmr[0].base, map.ranges[0].base);
	assert_int_equal(map.cmr[31].base + map.cmr[31].size,
			 map.ranges[99].base + map.ranges[99].size);
	free(text);
}

static void options_override_what_is_assumed(void **state)
{
	static const char text[] =
		"BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
		"BIOS-e820: [mem 0x0000000100000000-0x000000207fffffff] usable\n";
	struct map_options options = {
		.max_pa = 46, .nr_cpus = 200, .nr_packages = 4, .nr_nodes = 3
	};
	uint64_t of_node[3] = { 0 };

	assert_int_equal(read_bytes(text, strlen(text), &options), 0);
	assert_int_equal(map.max_pa, 46);
	assert_int_equal(map.nr_cpus, 200);
	assert_int_equal(map.nr_packages, 4);
	assert_int_equal(map.nr_nodes, 3);
	for (uint32_t i = 0; i < map.nr_ranges; i++)
		of_node[map.ranges[i].node] += map.ranges[i].size;
	for (unsigned int i = 0; i < 3; i++)
		assert_in_range(of_node[i], 41 * GB, 44 * GB);
	assert_int_equal(total_bytes(), 128 * GB - MB);

	options = (struct map_options){ .nr_cpus = 2, .nr_packages = 4 };
	assert_int_equal(read_bytes(text, strlen(text), &options), -1);
	options = (struct map_options){ .max_pa = 53 };
	assert_int_equal(read_bytes(text, strlen(text), &options), -1);
	assert_non_null(strstr(error, "46 to 52"));
	options = (struct map_options){ .nr_packages = 9 };
	assert_int_equal(read_bytes(text, strlen(text), &options), -1);
}

static void keyids_shrink_where_memory_needs_their_bits(void **state)
{
	reads("virt/tdx: CMR: [0x100000, 0x1000000000000)\n"); /* 48 bits */
	assert_int_equal(map.hkid_bits, 4);
	assert_int_equal(map.hkid_min, 8);
	assert_int_equal(map.hkid_max, 15);
	refuses("virt/tdx: CMR: [0x100000, 0x10000000000000)\n", "log: ", "52 address bits");
	refuses("virt/tdx: CMR: [0x100000, 0x1000000000000)\n"
		"virt/tdx: BIOS enabled: private KeyID range [32, 64)\n",
		"log: ", "48 address bits and KeyIDs 6");
}

/* ------------------------------------------------------------------------------------------- */
/* Mistakes                                                                                     */

static void bad_lines_are_refused_with_file_and_line(void **state)
{
	refuses("\nBIOS-e820: [mem 0x100000-0xfffff] usable\n", "log:2: ", "ends before it begins");
	refuses("BIOS-e820: [mem 0x100000-0x100000] usable\n", "log:1: ", "ends before it begins");
	refuses("BIOS-e820: [mem 0xzz-0xfffff] usable\n", "log:1: ", "allowed:");
	refuses("BIOS-e820: [mem 0x1-0x12345678123456789] usable\n", "log:1: ", "allowed:");
	refuses("BIOS-e820: usable\n", "log:1: ", "allowed:");
	refuses("BIOS-e820: [mem 0x10000000000000-0x100000000fffff] usable\n",
		"log:1: ", "52 bits");
	refuses("virt/tdx: CMR: [0x100000, 0x100000)\n", "log:1: ", "ends before it begins");
	refuses("virt/tdx: CMR: [0x200000, 0x100000)\n", "log:1: ", "ends before it begins");
	refuses("virt/tdx: CMR: [0x100000, 0x100000000)\n"
		"virt/tdx: CMR: [0x20000000000000, 0x20000040000000)\n",
		"log:2: ", "52 bits");
	refuses("virt/tdx: CMR: [0x100000, 0x100800)\n", "log:1: ", "4K");
	refuses("virt/tdx: CMR: [100000, 200000)\n", "log:1: ", "allowed:");
	refuses("virt/tdx: BIOS enabled: private KeyID range [64, 32)\n", "log:1: ", "allowed:");
	refuses("virt/tdx: BIOS enabled: private KeyID range [0, 32)\n", "log:1: ", "allowed:");
	refuses("virt/tdx: BIOS enabled: private KeyID range [32, 4096)\n", "log:1: ", "2048");
	refuses("virt/tdx: some KB allocated for PAMT\n", "log:1: ", "allowed:");
	refuses("ACPI: SRAT: Node 0 PXM 0 [mem 0x10-0x0]\n", "log:1: ", "ends before it begins");
	refuses("ACPI: SRAT: Node 64 PXM 0 [mem 0x0-0x10]\n", "log:1: ", "0 to 63");
	refuses("ACPI: SRAT: Node x PXM 0 [mem 0x0-0x10]\n", "log:1: ", "allowed:");
	refuses("  node   0: [mem 0x10-0xg]\n", "log:1: ", "allowed:");
	refuses("00100000-0zffffff : System RAM\n", "log:1: ", "allowed:");
}

static void overlaps_are_refused(void **state)
{
	refuses("BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
		"BIOS-e820: [mem 0x000000007ffff000-0x000000008fffffff] usable\n",
		"log:2: ", "overlaps [0x100000, 0x80000000) in line 1");
	refuses("virt/tdx: CMR: [0x40000000, 0x80000000)\n"
		"virt/tdx: CMR: [0x100000, 0x40001000)\n",
		"log:2: ", "CMR");
	refuses("BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
		"node 0: [mem 0x100000-0x7fffffff]\n"
		"node 1: [mem 0x70000000-0x8fffffff]\n",
		"log:3: ", "node");
	/* What is not usable may overlap: firmware does that. */
	reads("BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n"
	      "BIOS-e820: [mem 0x0000000070000000-0x000000008fffffff] reserved\n");
}

static void thirty_three_cmrs_are_one_too_many(void **state)
{
	char text[34 * 64] = "", *at = text;

	for (unsigned long long i = 1; i <= 33; i++) {
		at += sprintf(at, "virt/tdx: CMR: [0x%llx, 0x%llx)\n", i << 30, (i << 30) + GB / 2);
		if (i == 32)
			reads(text);
	}
	refuses(text, "log:33: ", "allowed: up to 32");
}

static void logs_without_memory_are_refused(void **state)
{
	refuses("hello\n", "log: ", "no line about memory");
	refuses("BIOS-e820: [mem 0x0000000000000000-0x000000000009ffff] usable\n",
		"log: ", "no usable memory above 1 MB");
	refuses("BIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] reserved\n",
		"log: ", "no usable memory above 1 MB");
	refuses("virt/tdx: BIOS enabled: private KeyID range [32, 64)\n",
		"log: ", "no memory map in it (only KeyIDs 32 to 63)");
	refuses("00000000-00000000 : System RAM\n", "log:1: ", "root");
}

static void what_is_no_log_is_refused(void **state)
{
	static const char binary[] = "\177ELF\0\0\1\2\3\0\377\376 : System RAM\0\n\0\n";
	char empty[] = "/tmp/pamt-map-XXXXXX";
	int fd = mkstemp(empty);

	assert_int_equal(read_bytes(binary, sizeof(binary), NULL), -1);
	assert_int_equal(map_load("/nonexistent/log", NULL, &map, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "/nonexistent/log: No such file"));
	assert_int_equal(map_load("/tmp", NULL, &map, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "/tmp: is a directory"));
	assert_int_equal(map_load("builtin:3x", NULL, &map, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "builtin:64t"));
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(map_load(empty, NULL, &map, error, sizeof(error)), -1);
	assert_non_null(strstr(error, "no line about memory"));
	unlink(empty);
}

static void long_lines_and_zero_bytes_do_no_harm(void **state)
{
	char *text = malloc(3 * MB);
	int used;

	assert_non_null(text);
	memset(text, 'x', 2 * MB);
	memset(text + MB, 0, 1000);
	used = sprintf(text + 2 * MB,
		       "\nBIOS-e820: [mem 0x0000000000100000-0x000000007fffffff] usable\n");
	assert_int_equal(read_bytes(text, 2 * MB + (size_t)used, NULL), 0);
	assert_int_equal(map.nr_ranges, 1);
	free(text);
}

/* ------------------------------------------------------------------------------------------- */
/* Machines                                                                                     */

static void loads(const char *source)
{
	map_free(&map);
	if (map_load(source, NULL, &map, error, sizeof(error)))
		fail_msg("%s", error);
	if (map_fault(&map))
		fail_msg("%s: %s", source, map_fault(&map));
}

static void two_socket_server(void **state)
{
	loads(MACHINES "/two-socket-2tb.log");
	EXPECT_RANGES({ MB, 0x77800000 - MB, 0 }, { 4 * GB, 0x1003e000000 - 4 * GB, 0 },
		      { 0x10080000000, 0x20040000000 - 0x10080000000, 0 });
	assert_int_equal(map.nr_cmrs, 3);
	assert_int_equal(map.hkid_min, 32);
	assert_int_equal(map.hkid_max, 63);
	assert_int_equal(map.log_pamt_kb, 8396820);
	assert_string_equal(map.name, "two-socket-2tb.log");
}

static void emerald_rapids_server(void **state)
{
	loads(MACHINES "/emerald-rapids-256gb.log");
	assert_int_equal(map.nr_ranges, 21);
	assert_int_equal(map.nr_cmrs, 5);
	assert_int_equal(map.ranges[20].base, 0x3080000000);
	assert_int_equal(map.ranges[20].size, 0x307c000000 - 0x2080000000);
}

static void built_in_maps(void **state)
{
	loads("builtin:256g");
	assert_int_equal(total_bytes(), 256 * GB - MB);
	assert_int_equal(map.nr_nodes, 1);
	loads("builtin:2t");
	assert_int_equal(total_bytes(), 2 * TB - MB);
	assert_int_equal(map.nr_nodes, 2);
	assert_int_equal(map.nr_packages, 2);
	loads("builtin:64t");
	assert_int_equal(map.nr_ranges, 2000);
	assert_int_equal(map.nr_nodes, 8);
	assert_in_range(total_bytes(), 64 * TB - 4 * GB, 64 * TB);
	assert_in_range(map.max_pa - map.hkid_bits, 46, TDX_DPAMT_MAX_PA_BITS);
}

static void this_machine(void **state)
{
	loads(NULL);
	assert_string_equal(map.name, "this machine");
	assert_in_range(total_bytes(), 16 * MB, 64 * TB);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_teardown(name, forget)
	const struct CMUnitTest tests[] = {
		TEST(e820_lines_with_any_prefix),
		TEST(ends_are_inclusive_and_ranges_go_inwards_to_pages),
		TEST(touching_ranges_become_one),
		TEST(iomem_lines),
		TEST(cmr_lines_alone_are_usable_memory_too),
		TEST(keyids_and_the_kernels_figure),
		TEST(srat_lines_split_memory_by_node),
		TEST(node_lines_are_preferred_to_srat_and_serve_as_memory),
		TEST(memory_that_no_node_claims_goes_to_the_node_before),
		TEST(other_lines_are_passed_over),
		TEST(repeated_lines_are_harmless),
		TEST(of_several_boots_the_last_with_memory_is_used),
		TEST(assumed_cmrs_are_the_usable_ranges_above_1m),
		TEST(assumed_cmrs_are_joined_over_the_smallest_holes),
		TEST(options_override_what_is_assumed),
		TEST(keyids_shrink_where_memory_needs_their_bits),
		TEST(bad_lines_are_refused_with_file_and_line),
		TEST(overlaps_are_refused),
		TEST(thirty_three_cmrs_are_one_too_many),
		TEST(logs_without_memory_are_refused),
		TEST(what_is_no_log_is_refused),
		TEST(long_lines_and_zero_bytes_do_no_harm),
		TEST(two_socket_server),
		TEST(emerald_rapids_server),
		TEST(built_in_maps),
		TEST(this_machine),
	};

	return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
