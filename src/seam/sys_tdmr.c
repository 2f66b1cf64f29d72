// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_tdmr.c - SYS.TDMR.INIT: a TDMR's metadata, chunk by chunk.
 *
 * One call initialises a chunk: 1024 4K entries (4 MB of the TDMR) with static PAMT, 4096 bits of
 * the page bitmap (16 MB) with Dynamic PAMT. A GB becomes usable when all of it is done.
 *
 * "Free" is all zeros in every entry and in the bitmap. So a chunk is a zeroed range, which costs
 * nothing where the host never wrote, plus marks for the pages in reserved areas. Ranges are
 * zeroed in whole 4K pages: a page of 2M entries, 1G entries or bits describes more than a chunk,
 * and is zeroed with the first chunk that it describes. The rest of it belongs to GBs that are
 * not usable yet: nobody looks there.
 */
#include "seam/dispatch.h"
#include "seam/hpa.h"
#include "seam/pamt.h"

#define CHUNK_STATIC  (UINT64_C(1024) << TDX_PAGE_SHIFT)
#define CHUNK_DYNAMIC (UINT64_C(4096) << TDX_PAGE_SHIFT)

/*
 * Zeroes the metadata pages of one level whose first byte describes an address in the chunk.
 * offset, bytes: the chunk in the TDMR; chunks are aligned to their size, a power of two. So is
 * what a 4K page of the level describes.
 */
static void zero_level(const struct seam *seam, const struct tdmr *tdmr, uint32_t level,
		       uint64_t offset, uint64_t bytes)
{
	const bool bits = seam->dpamt && level == TDX_4K;
	const uint64_t entries = bits ? TDX_PAGE_SIZE * 8 : TDX_PAGE_SIZE / TDX_PAMT_ENTRY_BYTES;
	const uint64_t covered = entries << TDX_LEVEL_SHIFT(level);

	if (offset % covered)
		return;
	seam->os->zero(seam->os->ctx,
		       hpa(tdmr->pamt_base[level].v + offset / covered * TDX_PAGE_SIZE),
		       bytes > covered ? bytes / covered * TDX_PAGE_SIZE : TDX_PAGE_SIZE);
}

/* Static PAMT: the entries of reserved 4K pages first .. end-1, counted from the TDMR's base. */
static void reserve_entries(const struct seam *seam, const struct tdmr *tdmr, uint64_t first,
			    uint64_t end)
{
	for (uint64_t page = first; page < end; page++) {
		struct pamt_entry *entry = module_map(
			seam, hpa(tdmr->pamt_base[TDX_4K].v + page * TDX_PAMT_ENTRY_BYTES),
			OS_WRITE);

		/* Relaxed: next_init's release publishes it. */
		os_store64(&entry->head, pamt_head(TDX_PT_RSVD, PAMT_NO_OWNER), OS_RELAXED);
	}
}

/* Dynamic PAMT: the bits of reserved pages first .. end-1, a 64-bit word at a time. */
static void reserve_bits(const struct seam *seam, const struct tdmr *tdmr, uint64_t first,
			 uint64_t end)
{
	while (first < end) {
		uint64_t word = first / 64, low = first % 64;
		uint64_t high = end - word * 64 < 64 ? end - word * 64 : 64;
		uint64_t mask = UINT64_MAX >> (64 - (high - low)) << low;
		os_a64_t *bits =
			module_map(seam, hpa(tdmr->pamt_base[TDX_4K].v + word * 8), OS_WRITE);

		/* Relaxed: next_init's release publishes it. Two areas may share a word. */
		os_fetch_or64(bits, mask, OS_RELAXED);
		first = word * 64 + high;
	}
}

/* Marks the reserved pages of the chunk. */
static void reserve_chunk(const struct seam *seam, const struct tdmr *tdmr, uint64_t offset,
			  uint64_t bytes)
{
	for (uint32_t j = 0; j < TDX_MAX_RESERVED && tdmr->reserved[j].size; j++) {
		uint64_t first = tdmr->reserved[j].offset;
		uint64_t end = first + tdmr->reserved[j].size;

		if (end <= offset || first >= offset + bytes)
			continue;
		first = (first > offset ? first : offset) >> TDX_PAGE_SHIFT;
		end = (end < offset + bytes ? end : offset + bytes) >> TDX_PAGE_SHIFT;
		if (seam->dpamt)
			reserve_bits(seam, tdmr, first, end);
		else
			reserve_entries(seam, tdmr, first, end);
	}
}

static struct tdmr *find_tdmr(struct seam *seam, tdx_hpa_t base)
{
	for (uint32_t i = 0; i < seam->nr_tdmrs; i++)
		if (seam->tdmr[i].base.v == base.v)
			return &seam->tdmr[i];
	return NULL;
}

tdx_status_t tdh_sys_tdmr_init(struct call *call)
{
	struct seam *seam = call->seam;
	struct tdmr *tdmr = NULL;
	uint64_t next, bytes = seam->dpamt ? CHUNK_DYNAMIC : CHUNK_STATIC;

	call->regs->rdx = 0;
	if (hpa_is_private(seam, hpa(call->in.rcx), TDX_1G_SIZE))
		tdmr = find_tdmr(seam, hpa(call->in.rcx));
	if (!tdmr)
		return status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
	if (!call_lock(call, &tdmr->lock, LOCK_MUTEX))
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_RCX);
	/* Relaxed: only the holder of the lock changes it. */
	next = os_load64(&tdmr->next_init, OS_RELAXED);
	if (next == tdmr->base.v + tdmr->size)
		return tdx_status(TDX_TDMR_ALREADY_INITIALIZED, 0);

	for (uint32_t level = TDX_4K; level <= TDX_1G; level++)
		zero_level(seam, tdmr, level, next - tdmr->base.v, bytes);
	reserve_chunk(seam, tdmr, next - tdmr->base.v, bytes);
	/* Release: who finds a page below it usable sees its metadata. */
	os_store64(&tdmr->next_init, next + bytes, OS_RELEASE);
	call->regs->rdx = (next + bytes) & ~(TDX_1G_SIZE - 1);
	return CALL_OK;
}
