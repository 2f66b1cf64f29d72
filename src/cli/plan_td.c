// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * plan_td.c - the argument of `pamt plan --td`: "8x64G,vcpus=16,pages=thp:0.9".
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/plan.h"
#include "lab/workload/scenario.h"
#include "machine/size.h"

/* The first GPA that means shared, in a TD with an S-EPT of four levels. */
#define MAX_TD_BYTES (UINT64_C(1) << 47)
/* No TD is smaller; "4096" is meant in MB, as QEMU's -m is, and is not to be one page. */
#define MIN_TD_BYTES (UINT64_C(1) << 20)

static bool wrong(const char *text, const char *word, const char *allowed)
{
	cli_usage_error("--td %s: '%s' is not possible; allowed: %s", text, word, allowed);
	return false;
}

/* "8x64G", or "64G" for one. */
static bool parse_size(const char *text, char *word, struct capacity_group *group)
{
	char *size = strchr(word, 'x');
	uint64_t count = 1;

	if (size)
		*size++ = '\0';
	if (size && (!size_parse(word, &count) || !count || count > CAPACITY_MAX_TDS))
		return wrong(text, word, "1 to 4096 TDs before the x");
	group->count = (uint32_t)count;
	if (!size)
		size = word;
	if (!size_parse(size, &group->bytes) || group->bytes < MIN_TD_BYTES ||
	    group->bytes > MAX_TD_BYTES || group->bytes % TDX_PAGE_SIZE)
		return wrong(text, size,
			     "memory of one TD, a multiple of 4K from 1M to 128T, such as 64G, "
			     "2.5T, 16Gi; without a unit it is bytes");
	return true;
}

static bool parse_word(const char *text, char *word, struct capacity_group *group)
{
	uint64_t vcpus;

	if (!strncmp(word, "vcpus=", 6)) {
		if (!size_parse(word + 6, &vcpus) || !vcpus || vcpus > CAPACITY_MAX_VCPUS)
			return wrong(text, word + 6, "vcpus=1 to vcpus=576");
		group->vcpus = (uint32_t)vcpus;
		return true;
	}
	if (!strncmp(word, "pages=", 6))
		return scenario_parse_pages(word + 6, &group->percent_4k) ||
		       wrong(text, word + 6,
			     "pages=4k, pages=2m, pages=thp:RATE with a rate such as 0.9");
	return wrong(text, word, "vcpus=N, pages=4k|2m|thp:RATE");
}

bool plan_parse_td(const char *text, struct plan_tds *tds)
{
	struct capacity_group group = { .vcpus = 1 };
	char words[128], *word, *next = words;
	bool first = true;

	if (tds->nr == CAPACITY_MAX_GROUPS)
		return wrong(text, text, "64 groups of TDs");
	if (snprintf(words, sizeof(words), "%s", text) >= (int)sizeof(words))
		return wrong(text, text, "[COUNTx]SIZE[,vcpus=N][,pages=4k|2m|thp:RATE]");
	/* Not strtok(): it would pass over what is empty. */
	while ((word = strsep(&next, ","))) {
		if (!(first ? parse_size : parse_word)(text, word, &group))
			return false;
		first = false;
	}
	tds->group[tds->nr++] = group;
	return true;
}

const char *plan_td_text(const struct capacity_group *g, char *buffer)
{
	char bytes[24];

	snprintf(buffer, 96, "%u x %s, %u vCPU%s, %s", g->count, cli_bytes(g->bytes, bytes),
		 g->vcpus, g->vcpus == 1 ? "" : "s",
		 g->percent_4k == 100 ? "4K pages"
		 : g->percent_4k      ? ""
				      : "2M pages");
	if (g->percent_4k % 100)
		snprintf(buffer + strlen(buffer), 96 - strlen(buffer), "%u %% in 4K pages",
			 g->percent_4k);
	return buffer;
}
