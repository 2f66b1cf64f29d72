/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * marks.h - debug builds: a bit for each page that a caller has got, and one for each control page.
 *
 * COUNT says how many pages of a region are used, not which. A page that is put twice therefore
 * takes another one's place, and it is that one's put, the innocent one, that is refused as one
 * too many. Where invariants are checked the page itself is known: the second put is the one that
 * is named, and it changes nothing.
 *
 * The bits lie in a sparse array like the region words, 192 bytes for each 2 MiB; a port that has
 * no room for it (the explorer's boxes) goes without. Shipped builds have none of this.
 */
#ifndef PAMT_HOST_MARKS_H
#define PAMT_HOST_MARKS_H

#include "host/state.h"

enum mark {
	MARK_GOT,
	MARK_OFTEN, /* got while it was got: its puts are not judged any more */
	MARK_CONTROL,
	NR_MARKS
};

#if PAMT_DEBUG
void marks_create(struct pamt_host *host);
void marks_destroy(struct pamt_host *host);

/* These nr pages are in use from now on. */
void marks_set(struct pamt_host *host, enum mark mark, tdx_pfn_t first, uint64_t nr);
/*
 * They are not any more. False: not all were, the first such page is logged and counted, and
 * nothing has changed.
 */
bool marks_clear(struct pamt_host *host, enum mark mark, tdx_pfn_t first, uint64_t nr);
#else
static inline void marks_create(struct pamt_host *host) {}
static inline void marks_destroy(struct pamt_host *host) {}
static inline void marks_set(struct pamt_host *host, enum mark mark, tdx_pfn_t first, uint64_t nr)
{
}

static inline bool marks_clear(struct pamt_host *host, enum mark mark, tdx_pfn_t first, uint64_t nr)
{
	marks_set(host, mark, first, nr);
	return true;
}
#endif

#endif
