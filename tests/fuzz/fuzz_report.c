// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fuzz_report.c - whatever JSON `pamt report` is given, a part of the page is written or it is said
 * what is wrong with it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "cli/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void make_part(const char *(*part)(FILE *to, const char *name, const json_t *root),
		      const json_t *root)
{
	size_t bytes = 0;
	char *text = NULL;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return;
	(void)part(to, "name", root);
	fclose(to);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *root = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);

	if (json_is_object(root)) {
		make_part(report_run, root);
		make_part(report_compare, root);
	}
	json_decref(root);
	return 0;
}
