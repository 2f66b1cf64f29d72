// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fuzz_seam.c - the fuzzer's target: a recording on module and model; they must not part, and the
 * module must not crash, whatever the recording does.
 *
 * Inputs are recordings as docs/vectors.md has them. An input that was found to fail is made a
 * regression by `pamt replay --fill`, after the module was mended.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"
#include "mutate.h"

/* As the fuzzer's library calls them. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second,
				 size_t second_size, uint8_t *to, size_t max, unsigned int seed);

/* What would only take long: many processors, a great many calls of SYS.TDMR.INIT. */
static bool too_large(const struct vector *vector)
{
	uint64_t calls = 0;

	for (size_t i = 0; i < vector->nr_items; i++) {
		const struct vector_item *item = &vector->items[i];

		if (item->kind == VECTOR_MACHINE &&
		    (item->machine->config.nr_lps > 16 || item->machine->config.cache_blocks > 64))
			return true;
		if (item->kind == VECTOR_INIT_TDMR)
			calls += item->word.value;
	}
	return calls > 2048;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vector vector;
	struct verdict v;
	char error[512];
	FILE *file;
	int bad;

	if (!size)
		return 0;
	file = fmemopen((void *)(uintptr_t)data, size, "r");
	if (!file)
		abort();
	bad = vector_read(file, "input", &vector, error, sizeof(error));
	fclose(file);
	if (bad)
		return 0;
	if (!too_large(&vector)) {
		v = judge(&vector, false);
		if (v.item) {
			fprintf(stderr, "line %u: %s\n  %s\n", v.item->line, v.what, v.item->text);
			abort();
		}
	}
	vector_free(&vector);
	return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned int seed)
{
	return mutate((char *)data, size, max, seed);
}

size_t LLVMFuzzerCustomCrossOver(const uint8_t *first, size_t first_size, const uint8_t *second,
				 size_t second_size, uint8_t *to, size_t max, unsigned int seed)
{
	return cross((const char *)first, first_size, (const char *)second, second_size, (char *)to,
		     max, seed);
}
