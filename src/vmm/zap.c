// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * zap.c - how mappings go: BLOCK, TRACK, kick, REMOVE; then, outside the lock, write-back, scrub,
 * put. And conversion between private and shared, which is a zap that leaves a mark.
 *
 * The states of a leaf on its way out
 * -----------------------------------
 *   LEAF          in use; TLBs may have it
 *     | BLOCK
 *   LEAF_BLOCKED  no new translation; TLBs may still have it, from before
 *     | TRACK, and every vCPU has left the guest once
 *   LEAF_BLOCKED  nobody can reach it
 *     | PAGE.REMOVE
 *   NONE, SHARED  the page is the host's, with the TD's lines in caches: write back, scrub, put
 *
 * The word of the mirror does not tell the two kinds of LEAF_BLOCKED apart, and need not: whoever
 * goes on from there, in this round or after a failure in a later one, does a TRACK of his own. A
 * zap that finds leaves blocked by an earlier one leaves BLOCK out and goes on.
 *
 * Why put is last
 * ---------------
 * Until the page is written back and scrubbed it must not be anybody's, and until PAGE.REMOVE has
 * returned its region must have its pair. Both hold if the count that keeps the pair goes down at
 * the very end: a region with COUNT > 0 is not given up by anybody.
 *
 * What a round costs
 * ------------------
 * TRACK and the kicks go to all vCPUs, whatever the size of the range, so a batch of ZAP_BATCH
 * leaves shares one of each. The lock is dropped between two batches: faults elsewhere in the TD
 * go on, and if the guest faults pages in again behind the zap that is its own business, as it
 * would be on any hypervisor.
 *
 * Edges
 * -----
 * A range may begin or end inside a 2M mapping. That is split first, outside the round; if a fault
 * maps 2M there in between, the round stops in front of it and it is split then. No caller needs
 * a vCPU for any of that: pages and nodes come out of the TD's own stock, under its mutex. So
 * memory can be punched out of a TD that runs nowhere.
 *
 * What a range costs
 * ------------------
 * What there is in it, not how long it is: the walk passes an empty entry in one step, however much
 * it spans, and a mark is set on the largest entry that the range covers whole, so that only the
 * two edges need S-EPT pages. A guest names ranges of any length; what it can make the host do in
 * one exit is bounded by pages (TD_CONVERT_PAGES), and in memory by the S-EPT pages and splits of
 * two edges. Under the lock at most ZAP_LOOKS entries are passed; between two rounds others run,
 * and whoever is being killed stops there (-OS_EINTR). All of it may be done again from where it
 * stopped.
 */
#include "vmm/td.h"

/* How often a conversion waits for faults to finish with an entry that it needs. */
#define LINK_TRIES 10000u
/* Entries that are looked at in one hold of the MMU lock. */
#define ZAP_LOOKS 4096u
/* The same where each may be a node to be read. */
#define DROP_LOOKS 512u

/* ------------------------------------------------------------------------------------------- */
/* One round                                                                                    */

/* What op leaves behind, and the only other state without a leaf. */
static enum mirror_state left_behind(enum zap_op op)
{
	return op == ZAP_TO_SHARED ? MIRROR_SHARED : MIRROR_NONE;
}

static enum mirror_state marked_from(enum zap_op op)
{
	return op == ZAP_TO_SHARED ? MIRROR_NONE : MIRROR_SHARED;
}

/* Where there is no leaf. */
static void mark(struct mirror_slot *slot, const struct zap *zap)
{
	if (zap->op == ZAP_REMOVE || mirror_state(slot->seen) != marked_from(zap->op))
		return;
	/* prepare() has linked down to entries that the range covers whole. */
	OS_INVARIANT(mirror_gpa(slot).v == zap->at.v &&
		     zap->end.v - zap->at.v >= mirror_bytes(slot->node->level));
	mirror_set(slot, mirror_make(left_behind(zap->op)));
}

/*
 * Marks what is no leaf and gathers leaves, from at on, until the end or until it is enough for one
 * round; or until a 2M leaf that the range covers in part: crossed. Edges are split before, but
 * where there was nothing to split a fault may have mapped 2M since.
 */
static int zap_collect(struct td *td, struct zap *zap, unsigned int *nr)
{
	uint64_t pages = 0, bytes;
	struct mirror_slot slot;
	int error;

	*nr = 0;
	zap->crossed = false;
	for (unsigned int looks = 0; looks < ZAP_LOOKS; looks++) {
		if (zap->at.v >= zap->end.v || *nr == ZAP_BATCH || pages >= zap->pages)
			break;
		error = td_walk_open(td, zap->at, TDX_4K, &slot);
		if (error)
			return error;
		bytes = mirror_bytes(slot.node->level);
		if (!mirror_is_leaf(slot.seen)) {
			mark(&slot, zap);
		} else if (zap->op != ZAP_TO_PRIVATE) {
			zap->crossed =
				mirror_gpa(&slot).v != zap->at.v || zap->end.v - zap->at.v < bytes;
			if (zap->crossed)
				break;
			td->zap[*nr].page = mirror_page(slot.seen);
			td->zap[(*nr)++].slot = slot;
			pages += bytes >> TDX_PAGE_SHIFT;
		}
		zap->at.v = (zap->at.v & ~(bytes - 1)) + bytes;
	}
	/* The last entry may go beyond. */
	if (zap->at.v > zap->end.v)
		zap->at = zap->end;
	zap->pages -= pages < zap->pages ? pages : zap->pages;
	return 0;
}

/* Blocked and tracked before. A 2M page goes while libpamt holds its region's word. */
static int remove_leaf(struct td *td, struct td_zap *zap, enum zap_op op)
{
	struct tdx_regs regs = td_on_slot(td, TDH_MEM_PAGE_REMOVE, &zap->slot);
	td_leaf_fn *leaf = zap->slot.node->level == TDX_2M ? td_leaf_remove_2m : NULL;
	int error = td_issue(td, &(struct td_call){ leaf, hpa_to_pfn(zap->page), NULL }, &regs,
			     TD_ISSUE_BARRING);

	if (error)
		return error;
	zap->last = regs.rcx & TDX_HINT_BIT;
	mirror_set(&zap->slot, mirror_make(left_behind(op)));
	return 0;
}

/* The module has let go of the page: clean it, put it, give it back. */
static void dispose(struct td *td, const struct td_zap *zap)
{
	const struct os_services *os = td->vmm->os;
	enum tdx_size size = (enum tdx_size)zap->slot.node->level;
	tdx_hpa_t page = zap->page;
	uint64_t nr = size == TDX_2M ? TDX_PAGES_PER_2M : 1;
	tdx_status_t status = { 0 };
	int error = 0;

	/* Lines of the TD's key that are still in a cache must not come down on the next owner. */
	for (uint64_t i = 0; i < nr && !error; i++) {
		error = vmm_write_back(td->vmm, hpa(page.v + i * TDX_PAGE_SIZE), td->hkid, &status);
	}
	if (error) {
		td_leak(td, page, nr, "not written back", status);
		return;
	}
	os->scrub(os->ctx, page, nr * TDX_PAGE_SIZE);
	/* Last but for the system: until here the region is as good as mapped. */
	td_put(td, page, size, zap->last);
	td_free_memory(td, page, size);
	td_count(size == TDX_2M ? &td->counts.zaps_2m : &td->counts.zaps_4k, 1);
}

/*
 * A batch from at on. What was removed before something failed is disposed of all the same, and at
 * stays where it was: what is left of the batch is blocked, and found again.
 */
static int zap_round(struct td *td, struct zap *zap)
{
	tdx_gpa_t start = zap->at;
	unsigned int nr, removed = 0;
	int error;

	/*
	 * One BLOCK and one REMOVE for each leaf, but one TRACK and one round of kicks for all of
	 * them: that is what a batch is for.
	 */
	os_write_lock(&td->mmu_lock);
	error = zap_collect(td, zap, &nr);
	for (unsigned int i = 0; i < nr && !error; i++) {
		if (!mirror_is_blocked(td->zap[i].slot.seen))
			error = td_block(td, &td->zap[i].slot);
	}
	if (!error && nr)
		error = td_track(td);
	while (removed < nr && !error) {
		error = remove_leaf(td, &td->zap[removed], zap->op);
		if (!error)
			removed++;
	}
	os_write_unlock(&td->mmu_lock);
	for (unsigned int i = 0; i < removed; i++)
		dispose(td, &td->zap[i]);
	if (error)
		zap->at = start;
	return error;
}

/* ------------------------------------------------------------------------------------------- */
/* S-EPT pages that map nothing any more                                                        */

static bool all_alike(const struct mirror_node *node, enum mirror_state state)
{
	for (unsigned int i = 0; i < MIRROR_ENTRIES; i++) {
		/* Relaxed: the MMU lock is held for writing. */
		if (os_load64(&node->entry[i], OS_RELAXED) != (uint64_t)state)
			return false;
	}
	return true;
}

/*
 * The S-EPT page of a 2M region with nothing mapped is removed, so that the region can be mapped
 * as 2M again. What fails here fails without harm: the page stays linked.
 */
static struct mirror_node *drop_slot(struct td *td, struct mirror_slot *slot,
				     enum mirror_state state, bool *last)
{
	struct mirror_node *node;
	struct tdx_regs regs;

	if (slot->node->level != TDX_2M || mirror_state(slot->seen) != MIRROR_LINK)
		return NULL;
	node = mirror_child(slot->seen);
	if (!all_alike(node, state) || td_block(td, slot))
		return NULL;
	regs = td_on_slot(td, TDH_MEM_SEPT_REMOVE, slot);
	if (td_track(td) || td_issue_barring(td, &regs)) {
		td_unblock_slot(td, slot);
		return NULL;
	}
	*last = regs.rcx & TDX_HINT_BIT;
	mirror_set(slot, mirror_make(state));
	return node;
}

/* The next one in [*at, end), if it is not far; *at is how far it looked. */
static struct mirror_node *drop_next(struct td *td, tdx_gpa_t *at, tdx_gpa_t end,
				     enum mirror_state state, bool *last)
{
	struct mirror_node *node = NULL;
	struct mirror_slot slot;
	uint64_t bytes;

	os_write_lock(&td->mmu_lock);
	for (unsigned int looks = 0; !node && at->v < end.v && looks < DROP_LOOKS; looks++) {
		bytes = TDX_2M_SIZE;
		if (!td_walk_open(td, *at, TDX_2M, &slot)) {
			bytes = mirror_bytes(slot.node->level);
			node = drop_slot(td, &slot, state, last);
		}
		at->v = (at->v & ~(bytes - 1)) + bytes;
	}
	os_write_unlock(&td->mmu_lock);
	return node;
}

/* Of the regions that lie in the range whole. */
static void drop_sept_pages(struct td *td, tdx_gpa_t at, tdx_gpa_t end, enum mirror_state state)
{
	struct mirror_node *node;
	tdx_status_t status;
	bool last = false;

	at.v = (at.v + TDX_2M_SIZE - 1) & ~(TDX_2M_SIZE - 1);
	end.v &= ~(TDX_2M_SIZE - 1);
	while (at.v < end.v && !vmm_stopping(td->vmm)) {
		node = drop_next(td, &at, end, state, &last);
		if (node && vmm_write_back(td->vmm, node->page, td->hkid, &status))
			td_leak(td, node->page, 1, "S-EPT page not written back", status);
		else if (node)
			td_free_page(td, node->page, last);
		if (node)
			td->vmm->os->free(td->vmm->os->ctx, node);
		os_resched();
	}
}

/* ------------------------------------------------------------------------------------------- */
/* Ranges                                                                                       */

/* The limit is reached: what is left of the region is little, and its S-EPT page may go then. */
static void end_with_region(struct zap *zap)
{
	uint64_t past = (zap->at.v + TDX_2M_SIZE - 1) & ~(TDX_2M_SIZE - 1);

	if (past < zap->end.v)
		zap->end.v = past;
	zap->pages = TDX_PAGES_PER_2M;
}

int td_zap_range(struct td *td, struct zap *zap)
{
	tdx_gpa_t start = zap->at;
	int error = 0;

	OS_INVARIANT(os_mutex_is_held(&td->mutex));
	while (zap->at.v < zap->end.v && !error) {
		error = zap_round(td, zap);
		/* A 2M leaf that is split does not come back: this ends. */
		if (!error && zap->crossed)
			error = td_split_locked(td, zap->at);
		if (!zap->pages)
			end_with_region(zap);
		if (!error && zap->at.v < zap->end.v && vmm_stopping(td->vmm))
			error = -OS_EINTR;
		os_resched();
	}
	if (zap->op != ZAP_TO_PRIVATE)
		drop_sept_pages(td, start, zap->at, left_behind(zap->op));
	return error;
}

/*
 * Down to an entry that begins at this edge of the range, with S-EPT pages where op is going to
 * mark something: an entry that begins before is not to be marked whole.
 */
static int link_edge(struct td *td, tdx_gpa_t edge, enum zap_op op)
{
	unsigned int level = 0;
	struct mirror_slot slot;
	struct td_link to;
	int error;

	while (level + 1 < td->mirror.levels && !(edge.v & (mirror_bytes(level + 1) - 1)))
		level++;
	to = (struct td_link){ edge, level, true, &td->stock, &td->counts };
	for (unsigned int tries = 0; tries < LINK_TRIES; tries++) {
		error = td_stock_for_fault(td, &td->stock);
		if (error)
			return error;
		os_read_lock(&td->mmu_lock);
		mirror_walk(&td->mirror, edge, level, &slot);
		/* What a fault has frozen may become either. */
		if (mirror_state(slot.seen) == marked_from(op) ||
		    mirror_state(slot.seen) == MIRROR_FROZEN)
			error = td_link_down(td, &to, &slot);
		os_read_unlock(&td->mmu_lock);
		if (error == TD_FAULT_BLOCKED)
			error = td_unblock_locked(td, edge);
		else if (error != -OS_EAGAIN)
			return error;
		/* Opened, or frozen by a fault that will be done soon: once more. */
		os_resched();
	}
	return -OS_EAGAIN;
}

static int prepare(struct td *td, const struct zap *zap)
{
	const tdx_gpa_t edges[] = { zap->at, zap->end };
	int error = 0;

	for (unsigned int i = 0; i < 2 && !error; i++) {
		if (edges[i].v >= td_shared_bit(td))
			continue;
		if (zap->op != ZAP_TO_PRIVATE && edges[i].v & (TDX_2M_SIZE - 1))
			error = td_split_locked(td, edges[i]);
		if (!error && zap->op != ZAP_REMOVE)
			error = link_edge(td, edges[i], zap->op);
	}
	return error;
}

static int do_range(struct td *td, struct zap *zap)
{
	tdx_gpa_t at = zap->at, end = zap->end;
	int error;

	if (at.v >= end.v || (at.v | end.v) % TDX_PAGE_SIZE || end.v > td_shared_bit(td) ||
	    td->state != TD_RUNNABLE)
		return -OS_EINVAL;
	os_mutex_lock(&td->mutex);
	error = prepare(td, zap);
	if (!error)
		error = td_zap_range(td, zap);
	if (zap->op != ZAP_REMOVE && zap->at.v == end.v)
		td_count(&td->counts.conversions, 1);
	os_mutex_unlock(&td->mutex);
	return error;
}

static struct zap whole_range(tdx_gpa_t at, uint64_t bytes, enum zap_op op)
{
	/* A sum that wraps is an end before the beginning. */
	return (struct zap){ .at = at, .end = gpa(at.v + bytes), .op = op, .pages = UINT64_MAX };
}

static enum zap_op conversion(bool shared) { return shared ? ZAP_TO_SHARED : ZAP_TO_PRIVATE; }

int td_convert(struct td *td, tdx_gpa_t at, uint64_t bytes, bool shared)
{
	struct zap zap = whole_range(at, bytes, conversion(shared));

	return do_range(td, &zap);
}

int td_convert_some(struct td *td, tdx_gpa_t *at, uint64_t bytes, bool shared)
{
	struct zap zap = whole_range(*at, bytes, conversion(shared));
	int error;

	if (zap.end.v > td_limit(td))
		return -OS_EINVAL;
	zap.pages = TD_CONVERT_PAGES;
	error = do_range(td, &zap);
	*at = zap.at;
	return error;
}

int td_zap(struct td *td, tdx_gpa_t at, uint64_t bytes)
{
	struct zap zap = whole_range(at, bytes, ZAP_REMOVE);

	return do_range(td, &zap);
}
