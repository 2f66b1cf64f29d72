// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_none.c - why a log makes no map, and what it says all the same.
 */
#include <string.h>

#include "machine/map_log.h"

/*
 * What a PAMT of so many KB is the PAMT of: 4104 KB for each GB, and a page more for each TDMR (or
 * for each 256 GB of a large one); with Dynamic PAMT 40 KB, which does not tell how many TDMRs.
 */
static void tell_pamt(const struct map_log *log, char *text, size_t size)
{
	uint64_t kb = log->pamt.kb, gb = kb / 4104, pages = kb % 4104 / 4;

	if (log->dynamic) {
		snprintf(text, size, " and %llu KB of dynamic PAMT: about %llu GB",
			 (unsigned long long)kb, (unsigned long long)(kb / 40));
		return;
	}
	snprintf(text, size, " and %llu KB of PAMT", (unsigned long long)kb);
	if (gb && pages && pages <= TDX_MAX_TDMRS && kb % 4 == 0)
		snprintf(text + strlen(text), size - strlen(text),
			 ": static, of %llu GB in %s%llu TDMRs; dynamic it would be %llu KB",
			 (unsigned long long)gb, gb > 256 ? "up to " : "",
			 (unsigned long long)pages, (unsigned long long)(40 * gb + 4 * pages));
}

int map_none(const struct map_log *log)
{
	char pamt[128] = "", keys[64] = "";

	if (log->hkids.end)
		snprintf(keys, sizeof(keys), "KeyIDs %llu to %llu",
			 (unsigned long long)log->hkids.base,
			 (unsigned long long)log->hkids.end - 1);
	if (log->pamt.said)
		tell_pamt(log, pamt, sizeof(pamt));
	return log_fail(log, 0,
			"no memory map in it%s%s%s%s; wanted: the whole dmesg, /proc/iomem read "
			"by root, or lsmem",
			*keys || *pamt ? " (only " : "", keys,
			*keys ? pamt : pamt + (*pamt ? 5 : 0), *keys || *pamt ? ")" : "");
}

int map_none_usable(const struct map_log *log, const struct log_ranges *ranges, const char *name)
{
	if (ranges->unknown)
		return log_fail(log, ranges->unknown_line,
				"no usable memory above 1 MB in %u %s lines; '%s' is no type that "
				"is known",
				ranges->lines, name, ranges->unknown_type);
	return log_fail(log, 0, "no usable memory above 1 MB in %u %s line%s", ranges->lines, name,
			ranges->lines == 1 ? "" : "s");
}
