// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * metadata.c - reads with SYS.RD what the module says of itself: features, limits, PAMT entry
 * sizes, CMRs.
 */
#include "host/step.h"

/* One field and what it must lie between to make sense. */
struct field {
	uint64_t id;
	size_t offset; /* of a uint32_t in struct module_info */
	uint64_t min, max;
	uint64_t feature; /* read only if this bit of FEATURES0 is set; 0: always there */
};

#define FIELD(name, field, low, high, needs)                                         \
	{                                                                            \
		TDX_MD_##name, offsetof(struct module_info, field), low, high, needs \
	}

/*
 * An older module fails the read of a field that it does not know, which is why the fields of
 * Dynamic PAMT are read only where the feature is there, and FEATURES0 before them.
 */
static const struct field fields[] = {
	FIELD(MAX_TDMRS, max_tdmrs, 1, UINT16_MAX, 0),
	FIELD(MAX_RESERVED, max_reserved, 1, UINT16_MAX, 0),
	FIELD(PAMT_4K_ENTRY_SIZE, entry_4k, 1, TDX_PAGE_SIZE, 0),
	FIELD(PAMT_2M_ENTRY_SIZE, entry_2m, 1, TDX_PAGE_SIZE, 0),
	FIELD(PAMT_1G_ENTRY_SIZE, entry_1g, 1, TDX_PAGE_SIZE, 0),
	FIELD(PAMT_BITMAP_BITS, bitmap_bits, 1, 64, TDX_FEATURES0_DYNAMIC_PAMT),
};

static int read_field(struct pamt_host *host, uint64_t id, uint64_t *value)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_RD, 0), .rdx = id };
	tdx_status_t status = host_call_retry(host, &regs);

	*value = regs.r8;
	if (!tdx_status_ok(status))
		return step_fail(host, PAMT_STEP_METADATA, -OS_EIO, status,
				 "a metadata field cannot be read");
	return 0;
}

static int read_limits(struct pamt_host *host)
{
	struct module_info *m = &host->module;

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++) {
		uint64_t value;
		int ret;

		if (fields[i].feature && !(m->features0 & fields[i].feature))
			continue;
		ret = read_field(host, fields[i].id, &value);
		if (ret)
			return ret;
		if (value < fields[i].min || value > fields[i].max)
			return step_fail(host, PAMT_STEP_METADATA, -OS_EIO, tdx_status(0, 0),
					 "a metadata field has an impossible value");
		*(uint32_t *)((char *)m + fields[i].offset) = (uint32_t)value;
	}
	/* A module may allow more than the structures of this library hold. */
	m->max_tdmrs = (uint32_t)min64(m->max_tdmrs, TDX_MAX_TDMRS);
	m->max_reserved = (uint32_t)min64(m->max_reserved, TDX_MAX_RESERVED);
	return 0;
}

static int read_cmrs(struct pamt_host *host)
{
	struct tdx_cmr cmr[TDX_MAX_CMRS];
	uint64_t nr;
	int ret = read_field(host, TDX_MD_NUM_CMRS, &nr);

	if (ret)
		return ret;
	if (nr > TDX_MAX_CMRS)
		return step_fail(host, PAMT_STEP_METADATA, -OS_EIO, tdx_status(0, 0),
				 "the module lists more than 32 CMRs");
	for (uint64_t i = 0; i < nr && !ret; i++) {
		ret = read_field(host, TDX_MD_CMR_BASE(i), &cmr[i].base);
		if (!ret)
			ret = read_field(host, TDX_MD_CMR_SIZE(i), &cmr[i].size);
	}
	if (!ret && module_info_set_cmrs(&host->module, cmr, (uint32_t)nr))
		ret = step_fail(host, PAMT_STEP_METADATA, -OS_EINVAL, tdx_status(0, 0),
				"the platform lists no CMR, or lists them out of order");
	return ret;
}

int step_metadata(struct pamt_host *host)
{
	struct module_info *m = &host->module;
	int ret;

	*m = (struct module_info){ 0 };
	ret = read_field(host, TDX_MD_FEATURES0, &m->features0);
	if (!ret)
		ret = read_limits(host);
	if (!ret)
		ret = read_cmrs(host);
	return ret;
}
