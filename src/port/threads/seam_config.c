// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * seam_config.c - the software module's configuration for a machine as its map describes it; the
 * same in every user-space port.
 */
#include "port/threads/threads.h"

/*
 * The module's own memory: 32 MB that are no CMR, as low as possible. A size of 0 if the CMRs
 * leave no room.
 */
#define SEAMRR_BYTES (UINT64_C(32) << 20)

static struct tdx_cmr place_seamrr(const struct machine_map *map, uint64_t end)
{
	uint64_t base = SEAMRR_BYTES;

	for (uint32_t i = 0; i < map->nr_cmrs; i++) {
		const struct tdx_cmr *cmr = &map->cmr[i];

		if (cmr->base < base + SEAMRR_BYTES && base < cmr->base + cmr->size)
			base = (cmr->base + cmr->size + SEAMRR_BYTES - 1) & ~(SEAMRR_BYTES - 1);
	}
	if (base + SEAMRR_BYTES > end)
		return (struct tdx_cmr){ 0 };
	return (struct tdx_cmr){ base, SEAMRR_BYTES };
}

void threads_seam_config(const struct machine_map *map, struct seam_config *config)
{
	*config = (struct seam_config){
		.max_pa = map->max_pa,
		.hkid_bits = map->hkid_bits,
		.hkid_min = map->hkid_min,
		.hkid_max = map->hkid_max,
		.nr_lps = map->nr_cpus,
		.nr_packages = map->nr_packages,
		.cache_blocks = 4,
	};
	for (uint32_t i = 0; i < map->nr_cmrs; i++)
		config->cmr[i] = map->cmr[i];
	config->seamrr = place_seamrr(map, UINT64_C(1) << (map->max_pa - map->hkid_bits));
}
