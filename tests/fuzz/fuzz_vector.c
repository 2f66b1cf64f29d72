// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fuzz_vector.c - whatever bytes a recording has, reading it ends, with a recording or with one
 * line that says where it is wrong. (What a recording does to the module is fuzz_seam.c's.)
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/recordings/vector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
		vector_free(&vector);
	}
	fclose(file);
	return 0;
}
