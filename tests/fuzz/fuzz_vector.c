// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fuzz_vector.c - whatever bytes a recording has, reading it ends, with a recording or with one
 * line that says where it is wrong; and one of a running host is put in order and replayed. (What a
 * recording does to the module is fuzz_seam.c's.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/recordings/live.h"
#include "lab/recordings/live_order.h"
#include "lab/recordings/vector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Each line of a recording is there afterwards, or was passed over and counted. */
static void replay_live(struct vector *vector, char *error, size_t error_size)
{
	const struct seam_config *config = &vector->items[0].machine->config;
	struct live_orders orders;
	struct replay_result result;
	struct live_counts counts;
	uint64_t calls = 0, after = 0;

	for (size_t i = 0; i < vector->nr_items; i++)
		calls += vector->items[i].kind == VECTOR_CALL;
	if (live_prepare(vector, &counts))
		abort();
	for (size_t i = 0; i < vector->nr_items; i++)
		after += vector->items[i].kind == VECTOR_CALL;
	if (counts.calls != calls ||
	    after + counts.before + counts.busy + counts.no_params != calls)
		abort();
	/* What would only take long. */
	if (config->nr_lps > 16 || config->cache_blocks > 64)
		return;
	if (!live_replay(vector, &orders, &result, error, error_size))
		return;
	if (strncmp(error, "file:", 5))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vector vector;
	char error[512] = "";
	FILE *file = size ? fmemopen((void *)data, size, "r") : NULL;

	if (!file)
		return 0;
	if (vector_read(file, "file", &vector, error, sizeof(error))) {
		if (strncmp(error, "file:", 5) || strchr(error, '\n'))
			abort();
	} else {
		if (live_is(&vector))
			replay_live(&vector, error, sizeof(error));
		vector_free(&vector);
	}
	fclose(file);
	return 0;
}
