// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_fuzz.c - hostile logs: whatever bytes a log has, reading it ends, with a sound map or with
 * one line that says what is wrong; and an allocator can be made of every map.
 *
 * Built as a test it mutates the logs given as arguments, the same way each time:
 *	map_fuzz ROUNDS SEED LOG...
 * With MAP_LIBFUZZER it is a fuzz target (tests/fuzz).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/allocator.h"
#include "machine/map.h"
#include "map_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void broken(const char *what)
{
	fprintf(stderr, "map_fuzz: %s\n", what);
	abort();
}

/* Everything can be had once, in blocks of every size, and given back. */
static void use_allocator(const struct machine_map *map)
{
	struct allocator *allocator = allocator_create(map);
	uint64_t all;

	if (!allocator)
		broken("no allocator for a sound map");
	all = allocator_free_bytes(allocator, OS_ANY_NODE);
	for (unsigned int order = 0; order <= ALLOCATOR_MAX_ORDER; order++) {
		tdx_hpa_t block = allocator_alloc(allocator, order, OS_ANY_NODE);
		tdx_hpa_t range = allocator_alloc_range(
			allocator, &(struct os_range){ .bytes = TDX_PAGE_SIZE << order,
						       .low = hpa(0),
						       .high = hpa(UINT64_C(1) << TDX_PA_BITS),
						       .node = OS_ANY_NODE,
						       .from_top = order % 2 });

		if (!hpa_is_none(block))
			allocator_free(allocator, block, order);
		if (!hpa_is_none(range))
			allocator_free_range(allocator, range, TDX_PAGE_SIZE << order);
	}
	if (allocator_free_bytes(allocator, OS_ANY_NODE) != all)
		broken("the allocator lost pages");
	allocator_destroy(allocator);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct machine_map map;
	char error[512] = "";
	FILE *file;

	if (!size)
		return 0;
	file = fmemopen((void *)data, size, "r");
	if (!file)
		broken("fmemopen failed");
	if (map_read((struct map_source){ file, "log" }, NULL, &map, error, sizeof(error))) {
		if (strncmp(error, "log:", 4) || strchr(error, '\n'))
			broken("the error is not one line with the name of the file");
		if (map.ranges)
			broken("a map is left after an error");
	} else {
		if (map_fault(&map))
			broken(map_fault(&map));
		use_allocator(&map);
	}
	map_free(&map);
	fclose(file);
	return 0;
}

#ifndef MAP_LIBFUZZER
#define MAX_SIZE 65536u

static uint64_t state;

static uint32_t chance(uint32_t n)
{
	state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (uint32_t)(state >> 33) % n;
}

/* Pieces that a random byte would rarely make. */
static const char *const piece[] = {
	"BIOS-e820: [mem 0x0-0xffffffffffffffff] usable\n",
	"0xffffffffffffffff",
	"0x10000000000000",
	"-0x0",
	" usable",
	"virt/tdx: CMR: [0x0, 0x10000000000000)\n",
	"virt/tdx: CMR: [0xfffffff000000, 0xfffffff001000)\n",
	"virt/tdx: BIOS enabled: private KeyID range [1, 2048)\n",
	"ACPI: SRAT: Node 63 PXM 1 [mem 0x0-0xffffffffffffffff]\n",
	"  node   1: [mem 0x1000000-0x1000000000000]\n",
	"18446744073709551615 KB allocated for PAMT\n",
	"0-fffffffffffff : System RAM\n",
	"[    0.000000] Linux version 6\n",
	"user: [mem 0x0-0xfffffffff]  System RAM\n",
	"(XEN) [0000000000000000, 000000ffffffffff] (usable)\n",
	"efi: mem9: [Conventional|SP|WB] range=[0x0-0xffffffffff]\n",
	"0x0000000000000000-0x00000fffffffffff 2G online yes 0\n",
	"/sys/firmware/memmap/4095/start:0x0\n",
	"node 63 size: 18446744073709551615 MB\n",
	"MemTotal: 18446744073709551615 kB\n",
	"{\"MESSAGE\":\"",
	"\033[32m",
	"\\n",
	"\n",
};

static size_t mutate(char *log, size_t size)
{
	const char *with = piece[chance(sizeof(piece) / sizeof(*piece))];
	size_t at = chance((uint32_t)size), length = 1 + chance(80);
	size_t from = chance((uint32_t)size);

	switch (chance(5)) {
	case 0: /* a byte, often a digit */
		log[at] = chance(2) ? "0123456789abcdefx-[]"[chance(20)] : (char)chance(256);
		return size;
	case 1: /* something goes */
		length = length < size - at ? length : size - at - 1;
		memmove(log + at, log + at + length, size - at - length);
		return size - length;
	case 2: /* a line moves, or is repeated elsewhere */
		length = length < size - at ? length : size - at;
		length = length < size - from ? length : size - from;
		memmove(log + at, log + from, length);
		return size;
	case 3: /* the rest is missing */
		return chance(8) ? size : at + 1;
	default: /* something comes in */
		length = strlen(with);
		if (size + length > MAX_SIZE)
			return size;
		memmove(log + at + length, log + at, size - at);
		memcpy(log + at, with, length);
		return size + length;
	}
}

int main(int argc, char **argv)
{
	static char log[MAX_SIZE], mutant[MAX_SIZE];
	unsigned long rounds = argc > 3 ? strtoul(argv[1], NULL, 10) : 0;

	if (!rounds) {
		fprintf(stderr, "usage: map_fuzz ROUNDS SEED LOG...\n");
		return 2;
	}
	state = strtoull(argv[2], NULL, 10);
	for (int i = 3; i < argc; i++) {
		FILE *file = fopen(argv[i], "r");
		size_t size = file ? fread(log, 1, sizeof(log), file) : 0;

		if (!size) {
			fprintf(stderr, "map_fuzz: %s: cannot be read\n", argv[i]);
			return 2;
		}
		fclose(file);
		for (unsigned long round = 0; round < rounds; round++) {
			size_t now = size;

			memcpy(mutant, log, size);
			for (uint32_t n = 1 + chance(8); n; n--)
				now = mutate(mutant, now);
			LLVMFuzzerTestOneInput((const uint8_t *)mutant, now);
		}
	}
	return 0;
}
#endif
