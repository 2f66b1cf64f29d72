// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_config.c - SYS.CONFIG and SYS.KEY.CONFIG: the memory that TDs may use, where its metadata
 * go, and the module's own key.
 *
 * SYS.CONFIG takes up to 64 TDMRs. Each is checked to the end before the next is looked at, in
 * the order of tdmr_checks[], and then stands in the table, so that the next is checked against
 * it. The KeyID and the choice of Dynamic PAMT are taken over before the first TDMR is looked at
 * and stay when one is refused; so does the KeyID's state RESERVED.
 *
 * A status of the TDMR class carries up to three info bytes in its detail: 7:0 the TDMR, 15:8 the
 * PAMT level (enum tdx_size) or the number of a reserved area, 23:16 the other TDMR.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"

static tdx_status_t refuse(uint64_t code, uint32_t tdmr, uint32_t part, uint32_t other)
{
	return tdx_status(code, tdmr | part << 8 | other << 16);
}

/* Bytes [base, end). */
struct span {
	tdx_hpa_t base, end;
};

static struct span span_tdmr(const struct tdmr *tdmr)
{
	return (struct span){ tdmr->base, hpa(tdmr->base.v + tdmr->size) };
}

static struct span span_pamt(const struct tdmr *tdmr, uint32_t level)
{
	return (struct span){ tdmr->pamt_base[level],
			      hpa(tdmr->pamt_base[level].v + tdmr->pamt_size[level]) };
}

static bool spans_overlap(struct span a, struct span b)
{
	return a.base.v < b.end.v && b.base.v < a.end.v;
}

static bool wraps(uint64_t base, uint64_t size) { return base + size < base; }

/* Is every byte a possible address without KeyID bits? Between the two lies nothing worse. */
static bool span_is_addressable(const struct seam *seam, tdx_hpa_t base, uint64_t size)
{
	return hpa_is_private(seam, base, 1) && hpa_is_private(seam, hpa(base.v + size - 1), 1);
}

/*
 * The available parts of a TDMR, those outside its reserved areas, from low to high. *next is 0
 * at the start; false: there are no more. The reserved areas are in order.
 */
static bool next_part(const struct tdmr *tdmr, uint32_t *next, struct span *part)
{
	while (*next <= TDX_MAX_RESERVED) {
		uint32_t j = (*next)++;
		const struct tdx_reserved_area *before = j ? &tdmr->reserved[j - 1] : NULL;
		bool last = j == TDX_MAX_RESERVED || !tdmr->reserved[j].size;

		part->base = hpa(tdmr->base.v + (before ? before->offset + before->size : 0));
		part->end = hpa(tdmr->base.v + (last ? tdmr->size : tdmr->reserved[j].offset));
		if (last)
			*next = TDX_MAX_RESERVED + 1;
		if (part->base.v < part->end.v)
			return true;
	}
	return false;
}

/* Is all of it convertible memory? CMRs that touch count as one. */
static bool span_in_cmrs(const struct seam *seam, struct span span)
{
	uint64_t from = span.base.v; /* what lies below is covered */

	for (uint32_t i = 0; i < TDX_MAX_CMRS && from < span.end.v; i++) {
		const struct tdx_cmr *cmr = &seam->config.cmr[i];

		if (cmr->size && cmr->base <= from && from < cmr->base + cmr->size)
			from = cmr->base + cmr->size;
	}
	return from >= span.end.v;
}

/* ------------------------------------------------------------------------------------------- */
/* The checks of TDMR i. Those before it in the table have passed all of them.                  */

static tdx_status_t check_order(const struct seam *seam, uint32_t i)
{
	const struct tdmr *tdmr = &seam->tdmr[i], *before = i ? tdmr - 1 : NULL;

	if (wraps(tdmr->base.v, tdmr->size))
		return refuse(TDX_INVALID_TDMR, i, 0, 0);
	if (before && tdmr->base.v < before->base.v + before->size)
		return refuse(TDX_NON_ORDERED_TDMR, i, 0, 0);
	return CALL_OK;
}

static tdx_status_t check_shape(const struct seam *seam, uint32_t i)
{
	const struct tdmr *tdmr = &seam->tdmr[i];

	if ((tdmr->base.v | tdmr->size) & (TDX_1G_SIZE - 1) || !tdmr->size ||
	    !span_is_addressable(seam, tdmr->base, tdmr->size))
		return refuse(TDX_INVALID_TDMR, i, 0, 0);
	return CALL_OK;
}

static tdx_status_t check_reserved_area(const struct tdmr *tdmr, uint32_t i, uint32_t j)
{
	const struct tdx_reserved_area *area = &tdmr->reserved[j], *before = j ? area - 1 : NULL;

	if (!area->size) { /* unused, and so must be all that follow */
		if (j + 1 < TDX_MAX_RESERVED && area[1].size)
			return refuse(TDX_NON_ORDERED_RESERVED_IN_TDMR, i, j, 0);
		return CALL_OK;
	}
	if (wraps(area->offset, area->size))
		return refuse(TDX_INVALID_RESERVED_IN_TDMR, i, j, 0);
	if (before && area->offset < before->offset + before->size)
		return refuse(TDX_NON_ORDERED_RESERVED_IN_TDMR, i, j, 0);
	if ((area->offset | area->size) & (TDX_PAGE_SIZE - 1) ||
	    area->offset + area->size > tdmr->size)
		return refuse(TDX_INVALID_RESERVED_IN_TDMR, i, j, 0);
	return CALL_OK;
}

static tdx_status_t check_reserved(const struct seam *seam, uint32_t i)
{
	tdx_status_t status = CALL_OK;

	for (uint32_t j = 0; j < TDX_MAX_RESERVED && !call_failed(status); j++)
		status = check_reserved_area(&seam->tdmr[i], i, j);
	return status;
}

/* Bytes of metadata that a TDMR needs at a level. */
static uint64_t pamt_needs(const struct seam *seam, const struct tdmr *tdmr, uint32_t level)
{
	uint64_t pages = tdmr->size >> TDX_LEVEL_SHIFT(level);

	return level == TDX_4K && seam->dpamt ? pages / 8 : pages * TDX_PAMT_ENTRY_BYTES;
}

static tdx_status_t check_pamt_areas(const struct seam *seam, uint32_t i)
{
	const struct tdmr *tdmr = &seam->tdmr[i];

	for (uint32_t level = TDX_1G + 1; level-- > 0;) {
		tdx_hpa_t base = tdmr->pamt_base[level];
		uint64_t size = tdmr->pamt_size[level];

		if (wraps(base.v, size) || (base.v | size) & (TDX_PAGE_SIZE - 1) ||
		    size < pamt_needs(seam, tdmr, level) || !span_is_addressable(seam, base, size))
			return refuse(TDX_INVALID_PAMT, i, level, 0);
	}
	return CALL_OK;
}

/* Do the PAMT areas keep apart from one another? */
static tdx_status_t check_pamt_apart(const struct seam *seam, uint32_t i)
{
	const struct tdmr *tdmr = &seam->tdmr[i];

	for (uint32_t mine = TDX_4K; mine <= TDX_1G; mine++)
		for (uint32_t j = 0; j < i; j++)
			for (uint32_t other = TDX_4K; other <= TDX_1G; other++)
				if (spans_overlap(span_pamt(tdmr, mine),
						  span_pamt(&seam->tdmr[j], other)))
					return refuse(TDX_PAMT_OVERLAP, i, mine, j);
	for (uint32_t mine = TDX_4K; mine <= TDX_1G; mine++)
		for (uint32_t other = mine + 1; other <= TDX_1G; other++)
			if (spans_overlap(span_pamt(tdmr, mine), span_pamt(tdmr, other)))
				return refuse(TDX_PAMT_OVERLAP, i, mine, i);
	return CALL_OK;
}

/* Does no PAMT area of TDMR i lie in memory that TDMR j makes available? */
static tdx_status_t check_pamt_in_tdmr(const struct seam *seam, uint32_t i, uint32_t j)
{
	for (uint32_t level = TDX_4K; level <= TDX_1G; level++) {
		struct span pamt = span_pamt(&seam->tdmr[i], level), part;
		uint32_t next = 0;

		if (!spans_overlap(pamt, span_tdmr(&seam->tdmr[j])))
			continue;
		while (next_part(&seam->tdmr[j], &next, &part))
			if (spans_overlap(pamt, part))
				return refuse(TDX_PAMT_OVERLAP, i, level, j);
	}
	return CALL_OK;
}

static tdx_status_t check_pamt_reserved(const struct seam *seam, uint32_t i)
{
	tdx_status_t status = CALL_OK;

	for (uint32_t j = 0; j <= i && !call_failed(status); j++) {
		status = check_pamt_in_tdmr(seam, i, j);
		if (j < i && !call_failed(status))
			status = check_pamt_in_tdmr(seam, j, i);
	}
	return status;
}

static tdx_status_t check_pamt_cmrs(const struct seam *seam, uint32_t i)
{
	for (uint32_t level = TDX_1G + 1; level-- > 0;)
		if (!span_in_cmrs(seam, span_pamt(&seam->tdmr[i], level)))
			return refuse(TDX_PAMT_OUTSIDE_CMRS, i, level, 0);
	return CALL_OK;
}

static tdx_status_t check_tdmr_cmrs(const struct seam *seam, uint32_t i)
{
	struct span part;
	uint32_t next = 0;

	while (next_part(&seam->tdmr[i], &next, &part))
		if (!span_in_cmrs(seam, part))
			return refuse(TDX_TDMR_OUTSIDE_CMRS, i, 0, 0);
	return CALL_OK;
}

static tdx_status_t (*const tdmr_checks[])(const struct seam *seam, uint32_t i) = {
	check_order,	  check_shape,	       check_reserved,	check_pamt_areas,
	check_pamt_apart, check_pamt_reserved, check_pamt_cmrs, check_tdmr_cmrs,
};

/* ------------------------------------------------------------------------------------------- */

/* The TDMR_INFO at a shared address into entry i of the table. */
static void read_tdmr(struct call *call, uint32_t i, tdx_hpa_t info_at)
{
	struct seam *seam = call->seam;
	struct tdmr *tdmr = &seam->tdmr[i];
	struct tdx_tdmr_info info;

	/* One copy: the host may write to it meanwhile, and what is checked is what is used. */
	os_memcpy(&info, module_map(seam, hpa_strip(seam, info_at), OS_READ), sizeof(info));
	call_has_read(call, info_at, &info, sizeof(info));
	*tdmr = (struct tdmr){
		.base = hpa(info.base),
		.size = info.size,
		.pamt_base = { hpa(info.pamt_4k_base), hpa(info.pamt_2m_base),
			       hpa(info.pamt_1g_base) },
		.pamt_size = { info.pamt_4k_size, info.pamt_2m_size, info.pamt_1g_size },
		.next_init = { info.base },
	};
	os_memcpy(tdmr->reserved, info.reserved, sizeof(tdmr->reserved));
}

static tdx_status_t take_tdmr(struct call *call, uint32_t i, tdx_hpa_t info_at)
{
	tdx_status_t status = CALL_OK;

	if (!hpa_is_shared(call->seam, info_at, TDX_INFO_ALIGN, TDX_INFO_ALIGN))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	read_tdmr(call, i, info_at);
	for (uint32_t c = 0; c < sizeof(tdmr_checks) / sizeof(tdmr_checks[0]); c++) {
		status = tdmr_checks[c](call->seam, i);
		if (call_failed(status))
			break;
	}
	return status;
}

static tdx_status_t take_tdmrs(struct call *call, tdx_hpa_t array, uint32_t count)
{
	tdx_hpa_t info[TDX_MAX_TDMRS];

	/* The array's alignment is its greatest size: it does not reach into another page. */
	os_memcpy(info, module_map(call->seam, hpa_strip(call->seam, array), OS_READ),
		  count * sizeof(info[0]));
	call_has_read(call, array, info, count * (uint32_t)sizeof(info[0]));
	for (uint32_t i = 0; i < count; i++) {
		tdx_status_t status = take_tdmr(call, i, info[i]);

		if (call_failed(status))
			return status;
	}
	return CALL_OK;
}

/* What may be asked for in R8 on this module: KeyID, and Dynamic PAMT where it is offered. */
static bool config_flags_valid(const struct seam *seam, uint64_t flags)
{
	uint64_t known = UINT16_MAX;

	if (!(seam->config.features0_clear & TDX_FEATURES0_DYNAMIC_PAMT))
		known |= TDX_SYS_CONFIG_DYNAMIC_PAMT;
	return !(flags & ~known) && hkid_is_private(seam, flags & UINT16_MAX);
}

tdx_status_t tdh_sys_config(struct call *call)
{
	struct seam *seam = call->seam;
	uint64_t count = call->in.rdx, flags = call->in.r8;
	tdx_status_t status;

	if (!call_lock(call, &seam->sys_lock, LOCK_SHAREX_X))
		return tdx_status(TDX_SYS_BUSY, 0);
	/* Relaxed: LP.INIT counts under the lock, shared. */
	if (seam_state(seam) != TDX_SYS_INIT_DONE ||
	    os_load32(&seam->nr_lps_initialised, OS_RELAXED) != seam->config.nr_lps)
		return tdx_status(TDX_SYS_CONFIG_NOT_PENDING, 0);
	if (!hpa_is_shared(seam, hpa(call->in.rcx), TDX_INFO_ALIGN, TDX_INFO_ALIGN))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (count < 1 || count > TDX_MAX_TDMRS)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RDX);
	if (!config_flags_valid(seam, flags))
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R8);

	/* From here on a refusal leaves traces, as the file's header says. */
	seam_drop_handoff(seam);
	seam->global_hkid = (uint16_t)flags;
	seam->kot[seam->global_hkid].state = TDX_KOT_RESERVED;
	seam->dpamt = flags & TDX_SYS_CONFIG_DYNAMIC_PAMT;
	if (seam->dpamt && seam->hkid_start_bit > TDX_DPAMT_MAX_PA_BITS)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_R8);
	status = take_tdmrs(call, hpa(call->in.rcx), (uint32_t)count);
	if (call_failed(status))
		return status;

	seam->nr_tdmrs = (uint32_t)count;
	seam->key_packages = 0;
	seam_set_state(seam, TDX_SYS_CONFIG_DONE);
	return CALL_OK;
}

tdx_status_t tdh_sys_key_config(struct call *call)
{
	struct seam *seam = call->seam;
	uint32_t package = 1u << seam_package(seam, call->lp);
	tdx_status_t status;

	if (!call_lock(call, &seam->sys_lock, LOCK_SHAREX_X))
		return tdx_status(TDX_SYS_BUSY, 0);
	if (seam_state(seam) != TDX_SYS_CONFIG_DONE)
		return tdx_status(TDX_SYS_KEY_CONFIG_NOT_PENDING, 0);
	if (seam->key_packages & package)
		return tdx_status(TDX_KEY_CONFIGURED, 0);
	status = call_pconfig(call);
	if (call_failed(status))
		return status;

	seam->key_packages |= package;
	if (seam->key_packages == seam_all_packages(seam))
		seam_set_state(seam, TDX_SYS_READY);
	return CALL_OK;
}
