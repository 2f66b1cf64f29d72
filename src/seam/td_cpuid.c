// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * td_cpuid.c - the CPUID values of a TD: what TD_PARAMS may ask for, and what comes of it.
 */
#include "seam/cpuid.h"
#include "seam/sys.h"
#include "seam/td_init.h"

#define ADDRESS_LEAF 0x80000008u
#define ADDRESS_BITS 0xffu     /* EAX of it: of a physical address */
#define HLE	     (1u << 4) /* leaf 7, EBX */
#define RTM	     (1u << 11)
#define PKS	     (1u << 31) /* leaf 7, ECX */
#define LASS	     (1u << 6)	/* leaf 7, subleaf 1, EAX */

static const uint32_t *param_of(const struct tdx_td_params *params, const struct cpuid_entry *entry)
{
	return params->cpuid_config[entry->param - 1];
}

static uint32_t asked_maxpa(const struct tdx_td_params *params)
{
	const struct cpuid_entry *entry = cpuid_find(ADDRESS_LEAF, CPUID_NO_SUBLEAF);

	return param_of(params, entry)[CPUID_REG_EAX] & ADDRESS_BITS;
}

/* As wide as the machine's, but for what a TD's guest address can have. */
static uint32_t widest(const struct seam *seam, const struct tdx_td_params *params)
{
	const uint32_t gpa = params->config_flags & TDX_CONFIG_GPAW ? 52 : 48;

	return seam->config.max_pa < gpa ? seam->config.max_pa : gpa;
}

uint32_t td_virt_maxpa(const struct seam *seam, const struct tdx_td_params *params)
{
	if (params->config_flags & TDX_CONFIG_MAXGPA_VIRT)
		return widest(seam, params);
	if (!(params->config_flags & TDX_CONFIG_MAXPA_VIRT))
		return seam->config.max_pa;
	return asked_maxpa(params) ? asked_maxpa(params) : widest(seam, params);
}

/* ------------------------------------------------------------------------------------------- */
/* Checks.                                                                                      */

/* A TD that may move to another platform may be told that it is on that one already. */
static bool fms_ok(const struct tdx_td_params *params, uint32_t fms)
{
	if (!fms || fms == CPUID_PLATFORM_FMS)
		return true;
	if (!(params->attributes & TDX_ATTR_MIGRATABLE))
		return false;
	for (uint32_t i = 0; i < CPUID_ALLOWED_FMS; i++) {
		uint32_t allowed = cpuid_allowed_fms(i);

		if ((fms | CPUID_STEPPING) == (allowed | CPUID_STEPPING) && fms <= allowed)
			return true;
	}
	return false;
}

static bool entry_ok(const struct tdx_td_params *params, const struct cpuid_entry *entry)
{
	const uint32_t *value = param_of(params, entry);

	for (uint32_t reg = 0; reg < CPUID_REGS; reg++)
		if (value[reg] & ~(entry->given[reg] | entry->native[reg]))
			return false;
	if (entry->leaf == 1)
		return fms_ok(params, value[CPUID_REG_EAX]);
	if (entry->leaf == 7 && entry->subleaf == 0)
		return !(value[CPUID_REG_EBX] & HLE) == !(value[CPUID_REG_EBX] & RTM);
	return true;
}

/* The address width that is asked for, if one is. */
static bool maxpa_ok(const struct seam *seam, const struct tdx_td_params *params)
{
	const uint32_t bits = asked_maxpa(params);

	if (!(params->config_flags & TDX_CONFIG_MAXPA_VIRT) || !bits)
		return true;
	return bits >= SYS_MIN_VIRT_MAXPA && bits <= widest(seam, params);
}

/* One entry after the other. RCX says which is wrong; not where it is the address width. */
tdx_status_t td_cpuid_check(struct call *call, struct td_init *init)
{
	const tdx_status_t wrong = status_operand(TDX_OPERAND_INVALID, TDX_OP_CPUID_CONFIG);
	const struct tdx_td_params *params = &init->params;
	const struct cpuid_entry *entry;

	for (uint32_t i = 0; (entry = cpuid_at(i)); i++) {
		if (!entry->param)
			continue;
		if (!entry_ok(params, entry)) {
			call->regs->rcx = entry->leaf | (uint64_t)entry->subleaf << 32;
			return wrong;
		}
		if (entry->leaf == ADDRESS_LEAF && !maxpa_ok(call->seam, params))
			return wrong;
	}
	return CALL_OK;
}

/* Leaf 0x1f, ECX: 7:0 subleaf, 15:8 type of the level. */
#define LEVEL_TYPE(ecx) ((ecx) >> 8 & 0xff)
enum { LEVEL_INVALID, LEVEL_THREAD, LEVEL_CORE, LEVEL_TYPES = 6 };

static bool topology_is_given(const struct tdx_td_params *params)
{
	for (uint32_t i = 0; i < CPUID_LEVELS; i++) {
		const uint32_t *value = param_of(params, cpuid_find(CPUID_TOPOLOGY, i));

		if (value[CPUID_REG_EAX] | value[CPUID_REG_EBX] | value[CPUID_REG_ECX] |
		    value[CPUID_REG_EDX])
			return true;
	}
	return false;
}

/*
 * Levels ascend, from threads or cores on; one that is invalid comes behind that of the cores, and
 * begins anew.
 */
tdx_status_t td_topology_check(struct call *call, struct td_init *init)
{
	const tdx_status_t wrong = tdx_status(TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED, 0);
	uint32_t before = LEVEL_INVALID;
	bool cores = false;

	if (!topology_is_given(&init->params))
		return CALL_OK;
	for (uint32_t i = 0; i < CPUID_LEVELS; i++) {
		uint32_t ecx =
			param_of(&init->params, cpuid_find(CPUID_TOPOLOGY, i))[CPUID_REG_ECX];
		uint32_t type = LEVEL_TYPE(ecx);

		if (type == LEVEL_INVALID && !cores)
			return wrong;
		if (type != LEVEL_INVALID &&
		    ((ecx & 0xff) != i || type >= LEVEL_TYPES || type <= before))
			return wrong;
		if (type == LEVEL_THREAD && i)
			return wrong;
		cores |= type == LEVEL_CORE;
		before = type;
	}
	return cores ? CALL_OK : wrong;
}

/* ------------------------------------------------------------------------------------------- */
/* Values.                                                                                      */

static uint32_t *level_of(struct tdcs *tdcs, uint32_t leaf, uint32_t level)
{
	return tdcs->cpuid[cpuid_place(cpuid_find(leaf, level))];
}

/*
 * Leaf 0xb knows threads, where there is a level of them, and cores: all that is above them counts
 * as those.
 */
static void set_old_topology(struct tdcs *tdcs)
{
	const uint32_t *first = level_of(tdcs, CPUID_TOPOLOGY, 0), *last = first;
	const bool threads = LEVEL_TYPE(first[CPUID_REG_ECX]) == LEVEL_THREAD;

	for (uint32_t i = 0; i < CPUID_LEVELS; i++) {
		const uint32_t *level = level_of(tdcs, CPUID_TOPOLOGY, i);

		if (LEVEL_TYPE(level[CPUID_REG_ECX]) != LEVEL_INVALID)
			last = level;
	}
	for (uint32_t i = 0; i < CPUID_OLD_LEVELS; i++) {
		const bool cores = i == (threads ? 1 : 0);
		uint32_t *level = level_of(tdcs, CPUID_TOPOLOGY_OLD, i);

		if (threads && !i) {
			os_memcpy(level, first, sizeof(tdcs->cpuid[0]));
			continue;
		}
		level[CPUID_REG_EAX] = cores ? last[CPUID_REG_EAX] : 0;
		level[CPUID_REG_EBX] = cores ? last[CPUID_REG_EBX] : 0;
		level[CPUID_REG_ECX] = i | (cores ? LEVEL_CORE << 8 : 0);
		level[CPUID_REG_EDX] = last[CPUID_REG_EDX];
	}
}

static void set_topology(struct tdcs *tdcs, const struct tdx_td_params *params)
{
	const bool given = topology_is_given(params);

	for (uint32_t i = 0; i < CPUID_LEVELS; i++) {
		const struct cpuid_entry *entry = cpuid_find(CPUID_TOPOLOGY, i);

		os_memcpy(level_of(tdcs, CPUID_TOPOLOGY, i),
			  given ? param_of(params, entry) : cpuid_level(i), sizeof(tdcs->cpuid[0]));
	}
	set_old_topology(tdcs);
}

/* EAX of leaf 0x80000008: 7:0 of a physical, 15:8 of a linear, 23:16 of a guest's address. */
static uint32_t address_bits(const struct seam *seam, const struct tdx_td_params *params,
			     uint32_t virt_maxpa)
{
	const uint32_t linear = 48u << 8;

	if (params->config_flags & TDX_CONFIG_MAXGPA_VIRT)
		return seam->config.max_pa | linear | virt_maxpa << 16;
	return virt_maxpa | linear;
}

/* Fixed, as given, or what the CPU has: always, or where it was asked for. */
static uint32_t value_of(const struct seam *seam, const struct tdx_td_params *params,
			 const struct cpuid_entry *entry, uint32_t reg)
{
	const uint32_t *has = seam->config.features ? cpuid_features(entry) : NULL;
	uint32_t asked = entry->param ? param_of(params, entry)[reg] : 0;
	uint32_t value = entry->fixed[reg] | (entry->given[reg] & asked);

	if (has)
		value |= has[reg] & ~entry->given[reg] & (asked | ~entry->native[reg]);
	return value;
}

void td_cpuid_setup(const struct seam *seam, struct td_init *init)
{
	const struct tdx_td_params *params = &init->params;
	struct tdcs *tdcs = init->td.tdcs;
	const struct cpuid_entry *entry;
	uint32_t(*cpuid)[CPUID_REGS] = tdcs->cpuid;

	for (uint32_t i = 0; (entry = cpuid_at(i)); i++)
		for (uint32_t reg = 0; reg < CPUID_REGS; reg++)
			cpuid[i][reg] = value_of(seam, params, entry, reg);
	entry = cpuid_find(1, CPUID_NO_SUBLEAF);
	if (!cpuid[cpuid_place(entry)][CPUID_REG_EAX])
		cpuid[cpuid_place(entry)][CPUID_REG_EAX] = CPUID_PLATFORM_FMS;
	entry = cpuid_find(0x15, CPUID_NO_SUBLEAF);
	cpuid[cpuid_place(entry)][CPUID_REG_EBX] = params->tsc_frequency;
	if (params->attributes & TDX_ATTR_PKS)
		cpuid[cpuid_place(cpuid_find(7, 0))][CPUID_REG_ECX] |= PKS;
	if (params->attributes & TDX_ATTR_LASS)
		cpuid[cpuid_place(cpuid_find(7, 1))][CPUID_REG_EAX] |= LASS;
	entry = cpuid_find(ADDRESS_LEAF, CPUID_NO_SUBLEAF);
	cpuid[cpuid_place(entry)][CPUID_REG_EAX] = address_bits(seam, params, tdcs->virt_maxpa);
	set_topology(tdcs, params);
}
