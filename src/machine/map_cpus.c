// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * map_cpus.c - what of a machine is not memory: KeyIDs with the address bits they take, and CPUs.
 */
#include "machine/map_log.h"

/* Bits that the numbers 0 .. n-1 need. */
static uint32_t bits_for(uint64_t n) { return n < 2 ? 1 : 64 - (uint32_t)__builtin_clzll(n - 1); }

static uint64_t highest_end(const struct machine_map *map)
{
	const struct map_range *range = &map->ranges[map->nr_ranges - 1];
	const struct tdx_cmr *cmr = &map->cmr[map->nr_cmrs - 1];
	uint64_t a = range->base + range->size, b = cmr->base + cmr->size;

	return a > b ? a : b;
}

/*
 * KeyIDs stand in the address bits at the top of max_pa, so no memory may reach into them. Where
 * the log says nothing of KeyIDs: 6 bits, [32, 64), as parts in the field have, or what is left.
 */
int map_build_keys(struct map_log *log, const struct map_options *options, struct machine_map *map)
{
	uint32_t address_bits = bits_for(highest_end(map)), bits;

	map->max_pa = options->max_pa ? options->max_pa : TDX_PA_BITS;
	if (log->hkids.end) {
		bits = bits_for(log->hkids.end);
		map->hkid_min = (uint16_t)log->hkids.base;
		map->hkid_max = (uint16_t)(log->hkids.end - 1);
	} else {
		bits = 6;
		if (address_bits + 2 <= map->max_pa && address_bits + bits > map->max_pa)
			bits = map->max_pa - address_bits;
		map->hkid_min = (uint16_t)(1u << (bits - 1));
		map->hkid_max = (uint16_t)((1u << bits) - 1);
		map->hkids_assumed = true;
		map_note(map, "no KeyID line: private KeyIDs [%u, %u) are assumed", map->hkid_min,
			 map->hkid_max + 1);
	}
	map->hkid_bits = bits;
	if (address_bits + bits > map->max_pa)
		return log_fail(log, 0,
				"memory needs %u address bits and KeyIDs %u; allowed: %u together "
				"(max-pa)",
				address_bits, bits, map->max_pa);
	return 0;
}

/* CPUs that numactl counted, node by node. */
static uint32_t cpus_of_nodes(const struct map_log *log)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < MAP_MAX_NODES; i++)
		nr += log->cpus_of_node[i];
	return nr < MAP_MAX_CPUS ? nr : MAP_MAX_CPUS;
}

/* "a, b and c are assumed", for what neither the log nor an option says. */
static void note_assumed(struct machine_map *map, bool cpus, bool packages, bool max_pa)
{
	char text[80] = "";
	size_t used = 0;

	if (cpus)
		used += (size_t)snprintf(text, sizeof(text), "%u CPU%s", map->nr_cpus,
					 map->nr_cpus == 1 ? "" : "s");
	if (packages)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%u package%s",
					 used ? " in " : "", map->nr_packages,
					 map->nr_packages == 1 ? "" : "s");
	if (max_pa)
		snprintf(text + used, sizeof(text) - used, "%smax-pa %u", used ? ", " : "",
			 map->max_pa);
	if (*text)
		map_note(map, "%s: assumed", text);
}

/* What the log says, else what is usual; an option beats both. */
void map_build_cpus(const struct map_log *log, const struct map_options *options,
		    struct machine_map *map)
{
	uint32_t nodes = map->nr_nodes, counted = cpus_of_nodes(log), cpus;

	map->nr_packages = nodes < TDX_MAX_PACKAGES ? nodes : TDX_MAX_PACKAGES;
	if (log->nr_packages)
		map->nr_packages = log->nr_packages;
	if (options->nr_packages)
		map->nr_packages = options->nr_packages;
	cpus = log->nr_cpus ? log->nr_cpus : counted ? counted : 8 * map->nr_packages;
	if (options->nr_cpus)
		cpus = options->nr_cpus;
	map->nr_cpus = cpus < map->nr_packages ? map->nr_packages : cpus;
	note_assumed(map, !options->nr_cpus && !log->nr_cpus && !counted,
		     !options->nr_packages && !log->nr_packages, !options->max_pa);
}

int map_check_options(const struct map_log *log, const struct map_options *options)
{
	const struct {
		const char *name;
		uint32_t value, least, most;
	} checks[] = {
		{ "max-pa", options->max_pa, MAP_MIN_PA, TDX_PA_BITS },
		{ "cpus", options->nr_cpus, 1, MAP_MAX_CPUS },
		{ "packages", options->nr_packages, 1, TDX_MAX_PACKAGES },
		{ "nodes", options->nr_nodes, 1, MAP_MAX_NODES },
	};

	for (unsigned int i = 0; i < sizeof(checks) / sizeof(*checks); i++)
		if (checks[i].value &&
		    (checks[i].value < checks[i].least || checks[i].value > checks[i].most))
			return log_fail(log, 0, "%u %s; allowed: %u to %u", checks[i].value,
					checks[i].name, checks[i].least, checks[i].most);
	if (options->nr_cpus && options->nr_cpus < options->nr_packages)
		return log_fail(log, 0, "%u cpus in %u packages; allowed: at least one each",
				options->nr_cpus, options->nr_packages);
	return 0;
}
