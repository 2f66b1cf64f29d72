// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stand.c - machine, module and host put together.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/workload/stand.h"

static void describe(const struct pamt_error *e, char *error, size_t size)
{
	int n = snprintf(error, size, "%s: %s", pamt_step_name(e->step),
			 e->reason ? e->reason : "failed");

	if (n > 0 && (size_t)n < size && !hpa_is_none(e->base) && e->bytes)
		n += snprintf(error + n, size - (size_t)n, ", at [0x%llx, 0x%llx)",
			      (unsigned long long)e->base.v,
			      (unsigned long long)(e->base.v + e->bytes));
	if (n > 0 && (size_t)n < size && e->status.v)
		snprintf(error + n, size - (size_t)n, ", status 0x%016llx",
			 (unsigned long long)e->status.v);
}

struct pamt_memory *stand_host_config(struct pamt_host_config *config,
				      const struct machine_map *map)
{
	struct pamt_memory *memory = calloc(map->nr_ranges + 1, sizeof(*memory));

	if (!memory)
		return NULL;
	for (uint32_t i = 0; i < map->nr_ranges; i++)
		memory[i] = (struct pamt_memory){
			.base = hpa(map->ranges[i].base),
			.bytes = map->ranges[i].size,
			.node = map->ranges[i].node,
		};
	*config = (struct pamt_host_config){
		.memory = memory,
		.nr_memory = map->nr_ranges,
		.holes = PAMT_HOLES_CMR,
		.hkid_start_bit = map->max_pa - map->hkid_bits,
		.global_hkid = map->hkid_min,
		.nr_hkids = (uint16_t)(map->hkid_max - map->hkid_min + 1),
	};
	return memory;
}

static int create_runner(struct stand *stand, const struct stand_config *config, char *error,
			 size_t error_size)
{
	struct seam_config seam;

	threads_seam_config(config->map, &seam);
	seam.guard = config->guard;
	seam.guest = config->guest;
	seam.guest_ctx = config->guest_ctx;
	stand->runner = runner_create(stand->machine, &seam, config->log_level, error, error_size);
	if (!stand->runner)
		return -1;
	stand->port = runner_threads(stand->runner);
	stand->os = runner_services(stand->runner);
	stand->host_os = stand->os;
	return 0;
}

int stand_create(struct stand *stand, const struct stand_config *config, char *error,
		 size_t error_size)
{
	const struct machine_map *map = config->map;

	memset(stand, 0, sizeof(*stand));
	if (map->hkid_max <= map->hkid_min) {
		snprintf(error, error_size,
			 "%s has private KeyIDs %u to %u: one for the module and at least one "
			 "for a TD are needed",
			 map->name, map->hkid_min, map->hkid_max);
		return -1;
	}
	snprintf(error, error_size, "out of memory");
	stand->machine = machine_create(map);
	if (!stand->machine)
		goto fail;
	stand->memory = stand_host_config(&stand->config, map);
	if (!stand->memory)
		goto fail;
	if (create_runner(stand, config, error, error_size))
		goto fail;
	stand->config.dynamic = config->dynamic;
	return 0;
fail:
	stand_destroy(stand);
	return -1;
}

int stand_bring_up(struct stand *stand, char *error, size_t error_size)
{
	const struct pamt_host_config *config = &stand->config;
	struct vmm_config vmm = {
		.first_hkid = (uint16_t)(config->global_hkid + 1),
		.nr_hkids = (uint16_t)(config->nr_hkids - 1),
		.global_hkid = config->global_hkid,
		.hkid_start_bit = config->hkid_start_bit,
	};
	struct pamt_error failed;

	if (pamt_host_create(stand->host_os, config, &stand->host, &failed)) {
		stand->host = NULL;
		describe(&failed, error, error_size);
		return -1;
	}
	if ((stand->boot_reserve && pamt_boot_reserve(stand->host, &failed)) ||
	    pamt_bring_up(stand->host, &failed)) {
		describe(&failed, error, error_size);
		return -1;
	}
	if (vmm_init(&stand->vmm, stand->os, stand->host, &vmm)) {
		snprintf(error, error_size, "no private KeyID is left for TDs");
		return -1;
	}
	return 0;
}

void stand_end_host(struct stand *stand)
{
	if (stand->host)
		pamt_host_destroy(stand->host);
	stand->host = NULL;
}

void stand_abandon_host(struct stand *stand) { stand->host = NULL; }

void stand_destroy(struct stand *stand)
{
	stand_end_host(stand);
	runner_destroy(stand->runner);
	machine_destroy(stand->machine);
	free(stand->memory);
	memset(stand, 0, sizeof(*stand));
}

uint64_t stand_free_bytes(const struct stand *stand)
{
	return allocator_free_bytes(machine_allocator(stand->machine), OS_ANY_NODE);
}

int stand_plan(struct stand *stand, bool dynamic, struct pamt_layout *layout, char *error,
	       size_t error_size)
{
	const struct machine_map *map = machine_map(stand->machine);
	struct pamt_host_config config = stand->config;
	struct pamt_error failed;

	config.dynamic = dynamic;
	if (!pamt_plan(stand->os, &config, map->cmr, map->nr_cmrs, layout, &failed))
		return 0;
	describe(&failed, error, error_size);
	return -1;
}
