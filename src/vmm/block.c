// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * block.c - how an entry of the S-EPT goes out of use, for a while or for good: BLOCK, TRACK and
 * the kicks, UNBLOCK. zap.c tells the states and what comes after them.
 */
#include "vmm/td.h"

int td_block(struct td *td, struct mirror_slot *slot)
{
	struct tdx_regs regs = td_on_slot(td, TDH_MEM_RANGE_BLOCK, slot);
	int error = td_issue_barring(td, &regs);

	if (!error)
		mirror_set(slot, mirror_blocked(slot->seen));
	return error;
}

int td_unblock_slot(struct td *td, struct mirror_slot *slot)
{
	struct tdx_regs regs = td_on_slot(td, TDH_MEM_RANGE_UNBLOCK, slot);
	int error = td_issue_barring(td, &regs);

	if (!error)
		mirror_set(slot, mirror_unblocked(slot->seen));
	return error;
}

int td_track(struct td *td)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_MEM_TRACK, 0), .rcx = td->tdr.v };
	int error = td_issue_barring(td, &regs);

	if (error)
		return error;
	td_leave_once(td);
	td_count(&td->counts.tracks, 1);
	return 0;
}

/* UNBLOCK, too, is refused before the TLBs are clean. */
static int unblock_clean(struct td *td, struct mirror_slot *slot)
{
	int error = td_track(td);

	return error ? error : td_unblock_slot(td, slot);
}

int td_walk_open(struct td *td, tdx_gpa_t at, unsigned int level, struct mirror_slot *slot)
{
	int error;

	OS_INVARIANT(os_write_is_held(&td->mmu_lock));
	mirror_walk(&td->mirror, at, td->mirror.levels - 1, slot);
	while (slot->node->level > level && mirror_is_link(slot->seen)) {
		if (mirror_is_blocked(slot->seen)) {
			error = unblock_clean(td, slot);
			if (error)
				return error;
		}
		mirror_descend(at, slot);
	}
	return 0;
}

int td_unblock_locked(struct td *td, tdx_gpa_t at)
{
	struct mirror_slot slot;
	int error;

	OS_INVARIANT(os_mutex_is_held(&td->mutex));
	os_write_lock(&td->mmu_lock);
	error = td_walk_open(td, at, TDX_4K, &slot);
	if (!error && mirror_is_blocked(slot.seen))
		error = unblock_clean(td, &slot);
	os_write_unlock(&td->mmu_lock);
	return error;
}

int td_unblock(struct td *td, tdx_gpa_t at)
{
	int error;

	os_mutex_lock(&td->mutex);
	error = td_unblock_locked(td, at);
	os_mutex_unlock(&td->mutex);
	return error;
}
