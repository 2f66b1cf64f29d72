// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * reclaim.c - the shrinker: what libpamt keeps for later goes when memory is short.
 */
#include "linux.h"

#include "pamt_kernel.h"
#include "trace_event.h"

/* Pages that are kept for nobody: spare ones of the pool, and pairs of idle regions. */
static unsigned long count_objects(struct shrinker *shrinker, struct shrink_control *sc)
{
	return pamt_shrinkable(pamt_kernel.host);
}

/*
 * Also called from within an allocation of libpamt's own: pamt_shrink() takes no lock that is held
 * over an allocation.
 */
static unsigned long scan_objects(struct shrinker *shrinker, struct shrink_control *sc)
{
	u64 given = pamt_shrink(pamt_kernel.host, sc->nr_to_scan);

	trace_pamt("pamt.shrink", sc->nr_to_scan, given);
	return given ? given : SHRINK_STOP;
}

#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 7, 0)
static struct shrinker shrinker = {
	.count_objects = count_objects,
	.scan_objects = scan_objects,
	.seeks = DEFAULT_SEEKS,
};

int pamt_reclaim_init(void) { return register_shrinker(&shrinker, "pamt"); }
void pamt_reclaim_exit(void) { unregister_shrinker(&shrinker); }
#else
static struct shrinker *shrinker;

int pamt_reclaim_init(void)
{
	shrinker = shrinker_alloc(0, "pamt");
	if (!shrinker)
		return -ENOMEM;
	shrinker->count_objects = count_objects;
	shrinker->scan_objects = scan_objects;
	shrinker_register(shrinker);
	return 0;
}

void pamt_reclaim_exit(void) { shrinker_free(shrinker); }
#endif
