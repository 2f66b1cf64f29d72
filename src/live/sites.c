// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sites.c - where a kernel executes SEAMCALL.
 *
 * CALL is E8 and the distance from behind it; where a kprobe is, ours of another run or anybody's,
 * the first byte is that of INT3, and the distance still there (a CALL's probe is never optimised
 * into a jump). Four bytes that happen to be the distance to such a
 * routine, behind a byte that is no instruction, are not to be expected in a kernel's text; should
 * it happen, the kernel refuses the probe, since it looks where instructions begin.
 */
#include <stdlib.h>
#include <string.h>

#include "live/sites.h"

#define OPCODE_CALL 0xe8
#define OPCODE_INT3 0xcc

#define LAST_FUNCTION UINT64_C(4096)	    /* of a module: it is not longer */
#define MOST_TEXT     (UINT64_C(256) << 20) /* bytes */

static const char *name_of(const struct kallsyms *symbols)
{
	return symbols->module ? symbols->module : "the kernel";
}

static int add(struct sites *sites, uint64_t at, const struct kallsyms *symbols, struct why *why)
{
	const struct symbol *symbol = kallsyms_at(symbols, at);

	if (!symbol)
		return 0;
	if (sites->nr == SITES_MAX)
		return why_not(why, "more than %u calls of SEAMCALL in this kernel", SITES_MAX);
	sites->list[sites->nr++] = (struct site){ symbols->module, symbol->name, at - symbol->at };
	return 0;
}

int sites_in(const struct sites_search *search, struct sites *sites, struct why *why)
{
	for (size_t i = 0; i + SITE_CALL <= search->bytes; i++) {
		int32_t distance;
		uint64_t to;

		if (search->text[i] != OPCODE_CALL && search->text[i] != OPCODE_INT3)
			continue;
		memcpy(&distance, search->text + i + 1, sizeof(distance));
		to = search->at + i + SITE_CALL + (uint64_t)(int64_t)distance;
		if ((to == search->routine[0] || to == search->routine[1]) &&
		    add(sites, search->at + i, search->symbols, why))
			return -1;
	}
	return 0;
}

/* The kernel says where its text is; that of a module is around its functions. */
static int text_of(const struct kallsyms *symbols, uint64_t *at, uint64_t *end, struct why *why)
{
	if (symbols->module) {
		*at = symbols->nr ? symbols->list[0].at : 0;
		*end = symbols->nr ? symbols->list[symbols->nr - 1].at + LAST_FUNCTION : 0;
	} else {
		*at = kallsyms_find(symbols, "_text");
		if (!*at)
			*at = kallsyms_find(symbols, "_stext");
		*end = kallsyms_find(symbols, "_etext");
	}
	if (*at && *end > *at && *end - *at <= MOST_TEXT)
		return 0;
	return why_not(why, "kallsyms does not say where the text of %s is", name_of(symbols));
}

int sites_find(const struct kallsyms *symbols, const char *const routine[2],
	       const struct kcore *kcore, struct sites *sites, struct why *why)
{
	struct sites_search search = {
		.routine = { kallsyms_find(symbols, routine[0]),
			     kallsyms_find(symbols, routine[1]) },
		.symbols = symbols,
	};
	const unsigned int before = sites->nr;
	uint64_t end;
	uint8_t *text;
	int error;

	if (text_of(symbols, &search.at, &end, why))
		return -1;
	search.bytes = end - search.at;
	text = malloc(search.bytes);
	if (!text)
		return why_not(why, "out of memory");
	search.text = text;
	error = kcore_read(kcore, search.at, text, search.bytes, why) ||
		sites_in(&search, sites, why);
	free(text);
	if (error)
		return -1;
	if (sites->nr > before)
		return 0;
	return why_not(why, "no call of %s in the text of %s", routine[0], name_of(symbols));
}
