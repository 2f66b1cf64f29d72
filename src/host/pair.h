/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * pair.h - pairs on their way between the pool, a caller's cache and a region.
 */
#ifndef PAMT_HOST_PAIR_H
#define PAMT_HOST_PAIR_H

#include "host/region.h"

/* Draws a pair out of a cache, or the pool (may sleep) if that is NULL. 0 or -errno. */
PAMT_MUST_CHECK int pair_draw(struct pamt_host *host, region_t region, struct pamt_cache *cache,
			      struct pair *pair);
/* Gives it back where it came from, if it is still in hand. Any context. */
void pair_return(struct pamt_host *host, struct pamt_cache *cache, struct pair *pair);
/*
 * After a failure: is one of its pages at fault, and not the region? That one goes out of
 * circulation then, and the other one back. Return: another pair may do; true once.
 */
PAMT_MUST_CHECK bool pair_try_another(struct pamt_host *host, struct pamt_cache *cache,
				      struct pair *pair);

/* region_put(), region_remove_idle(), and the pair goes to the pool. Any context. */
void pair_put_users(struct pamt_host *host, region_t region, uint32_t n);
bool pair_remove_idle(struct pamt_host *host, region_t region);

#endif
