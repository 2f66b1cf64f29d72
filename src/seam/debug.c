// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * debug.c - the second way in: locks held as if by another logical processor, metadata shown.
 *
 * A holder is a call that stopped in the middle: it took locks with the functions that leaves use
 * and did not return. Holders hang off the module in a list, by id. One thread uses this interface
 * at a time; calls and guests may run beside it.
 */
#include "seam/debug_call.h"
#include "seam/guest.h"
#include "seam/hpa.h"

struct debug_holder {
	struct debug_holder *next;
	uint32_t id;
	struct held_locks held;
	os_a64_t *refcount; /* of the epoch that was entered; NULL: this holds locks */
};

/* ------------------------------------------------------------------------------------------- */
/* Holders.                                                                                     */

static struct debug_holder **find_holder(struct seam *seam, uint32_t id)
{
	struct debug_holder **link = &seam->debug;

	while (*link && (*link)->id != id)
		link = &(*link)->next;
	return link;
}

struct call *debug_begin_call(struct debug_call *debug, struct seam *seam)
{
	os_memset(debug, 0, sizeof(*debug));
	debug->call.seam = seam;
	debug->call.regs = &debug->call.in;
	debug->call.maps = &debug->maps;
	debug->maps.page = &debug->page;
	debug->maps.nr_page = 1;
	debug->call.look = true;
	return &debug->call;
}

static int add_holder(struct seam *seam, uint32_t id, const struct held_locks *held,
		      os_a64_t *refcount)
{
	struct debug_holder *holder = seam->os->alloc(seam->os->ctx, sizeof(*holder));

	if (!holder)
		return -OS_ENOMEM;
	holder->id = id;
	holder->held = *held;
	holder->refcount = refcount;
	holder->next = seam->debug;
	seam->debug = holder;
	return 0;
}

static void drop_holder(struct seam *seam, struct debug_holder **link)
{
	struct debug_holder *holder = *link;

	*link = holder->next;
	seam->os->free(seam->os->ctx, holder);
}

/* Ends a call that took what it should, or did not: keeps its locks under id, or releases them. */
static int keep_or_release(struct call *call, bool taken, uint32_t id)
{
	int error = taken ? add_holder(call->seam, id, &call->held, NULL) : -OS_EBUSY;

	if (error)
		held_release(&call->held, 0);
	return error;
}

void debug_release_all(struct seam *seam)
{
	while (seam->debug) {
		held_release(&seam->debug->held, 0);
		drop_holder(seam, &seam->debug);
	}
}

int seam_debug_release(struct seam *seam, uint32_t id)
{
	struct debug_holder **link = find_holder(seam, id);

	if (!*link || (*link)->refcount)
		return -OS_EINVAL;
	held_release(&(*link)->held, 0);
	drop_holder(seam, link);
	return 0;
}

int seam_debug_hold(struct seam *seam, tdx_hpa_t pa, unsigned int level, bool exclusive,
		    uint32_t id)
{
	struct pamt_page page;
	struct debug_call debug;
	struct call *call;

	if (!pamt_tdmr(seam, pa) || level > TDX_1G || *find_holder(seam, id))
		return -OS_EINVAL;
	call = debug_begin_call(&debug, seam);
	return keep_or_release(call, pamt_walk(call, pa, level, exclusive, &page), id);
}

/* ------------------------------------------------------------------------------------------- */
/* TDs by their TDR, without a lock.                                                            */

/* An address inside a page names nothing. */
enum tdx_page_type debug_type_of(struct seam *seam, tdx_hpa_t pa)
{
	struct pamt_entry *entry = pa.v % TDX_PAGE_SIZE ? NULL : pamt_peek(seam, pa, TDX_4K);

	return entry ? pamt_type(os_load64(&entry->head, OS_RELAXED)) : TDX_PT_NDA;
}

struct tdr *debug_find_tdr(struct seam *seam, tdx_hpa_t address)
{
	if (debug_type_of(seam, address) != TDX_PT_TDR)
		return NULL;
	return module_map(seam, address, OS_WRITE);
}

/* With its TDCS. In teardown those pages are reclaimed in any order and may be another TD's. */
bool debug_find_td(struct call *call, tdx_hpa_t address, struct td *td)
{
	td->address = address;
	td->tdr = debug_find_tdr(call->seam, address);
	if (!td->tdr || td->tdr->lifecycle == TDX_TEARDOWN)
		return false;
	td->tdcs = td_tdcs(call, td->tdr);
	return td->tdcs;
}

bool debug_find_td_sept(struct call *call, tdx_hpa_t address, struct td *td)
{
	return debug_find_td(call, address, td) && td->tdcs->pwl;
}

/* ------------------------------------------------------------------------------------------- */
/* Locks by name.                                                                               */

static os_a64_t *tdmr_lock(struct seam *seam, tdx_hpa_t base)
{
	for (uint32_t i = 0; i < seam->nr_tdmrs; i++)
		if (seam->tdmr[i].base.v == base.v)
			return &seam->tdmr[i].lock;
	return NULL;
}

static os_a64_t *sept_entry_lock(struct call *call, tdx_hpa_t tdr, uint64_t map)
{
	uint32_t level = map & 7;
	struct sept_pos pos;
	struct td td;

	if (!debug_find_td_sept(call, tdr, &td) || level > td.tdcs->pwl || map >> td.tdcs->gpa_bits)
		return NULL;
	sept_walk(call, &td, gpa(map & ~UINT64_C(0xfff)), level, &pos);
	return pos.level == level ? pos.entry : NULL;
}

static os_a64_t *td_lock(struct call *call, enum seam_debug_lock what, tdx_hpa_t tdr)
{
	struct td td;

	if (!debug_find_td(call, tdr, &td))
		return NULL;
	return what == SEAM_DEBUG_EPOCH ? &td.tdcs->epoch_lock : &td.tdcs->locks;
}

os_a64_t *debug_find_lock(struct call *call, enum seam_debug_lock what, uint64_t arg, uint64_t map)
{
	struct seam *seam = call->seam;

	switch (what) {
	case SEAM_DEBUG_SYS:
		return &seam->sys_lock;
	case SEAM_DEBUG_KOT:
		return &seam->kot_lock;
	case SEAM_DEBUG_WBT:
		return arg < seam->config.nr_packages ? &seam->wbt[arg].lock : NULL;
	case SEAM_DEBUG_TDMR:
		return tdmr_lock(seam, hpa(arg));
	case SEAM_DEBUG_SEPTE:
		return sept_entry_lock(call, hpa(arg), map);
	case SEAM_DEBUG_OPSTATE:
	case SEAM_DEBUG_SEPT:
	case SEAM_DEBUG_EPOCH:
		return td_lock(call, what, hpa(arg));
	}
	return NULL;
}

static const enum lock_kind lock_kinds[][2] = {
	[SEAM_DEBUG_SYS] = { LOCK_SHAREX_S, LOCK_SHAREX_X },
	[SEAM_DEBUG_KOT] = { LOCK_SHAREX_S, LOCK_SHAREX_X },
	[SEAM_DEBUG_WBT] = { LOCK_MUTEX, LOCK_MUTEX },
	[SEAM_DEBUG_TDMR] = { LOCK_MUTEX, LOCK_MUTEX },
	[SEAM_DEBUG_OPSTATE] = { LOCK_SHAREX_HP_S, LOCK_SHAREX_HP_X },
	[SEAM_DEBUG_SEPT] = { LOCK_SECOND_S, LOCK_SECOND_X },
	[SEAM_DEBUG_EPOCH] = { LOCK_SHAREX_S, LOCK_SHAREX_X },
	[SEAM_DEBUG_SEPTE] = { LOCK_SEPT_ENTRY, LOCK_SEPT_ENTRY },
};

int seam_debug_lock(struct seam *seam, struct seam_debug_name name, bool exclusive, uint32_t id)
{
	struct debug_call debug;
	struct call *call = debug_begin_call(&debug, seam);
	os_a64_t *word = debug_find_lock(call, name.what, name.arg, name.map);

	if (!word || *find_holder(seam, id))
		return -OS_EINVAL;
	return keep_or_release(call, call_lock(call, word, lock_kinds[name.what][exclusive]), id);
}

void seam_debug_watch(struct seam *seam, const struct seam_watch *watch) { seam->watch = watch; }

bool seam_debug_progress(const struct seam_vcpu *vcpu) { return vcpu->progress; }

enum seam_exit seam_debug_violation(struct seam_vcpu *vcpu, uint64_t qualification,
				    uint64_t extended, tdx_gpa_t at, bool progress)
{
	vcpu->exit_qualification = qualification;
	vcpu->exit_extended = extended;
	vcpu->exit_gpa = at;
	vcpu->progress = progress;
	return SEAM_EXIT_EPT;
}

/* ------------------------------------------------------------------------------------------- */
/* vCPUs inside.                                                                                */

int seam_debug_enter(struct seam *seam, tdx_hpa_t tdr, uint32_t id)
{
	static const struct held_locks none;
	struct debug_call debug;
	os_a64_t *refcount;
	struct td td;
	int error;

	if (!debug_find_td(debug_begin_call(&debug, seam), tdr, &td) || *find_holder(seam, id))
		return -OS_EINVAL;
	refcount = &td.tdcs->refcount[os_load64(&td.tdcs->epoch, OS_ACQUIRE) & 1];
	error = add_holder(seam, id, &none, refcount);
	if (error)
		return error;
	os_fetch_add64(refcount, 1, OS_ACQ_REL);
	return 0;
}

int seam_debug_exit(struct seam *seam, uint32_t id)
{
	struct debug_holder **link = find_holder(seam, id);

	if (!*link || !(*link)->refcount)
		return -OS_EINVAL;
	os_fetch_add64((*link)->refcount, UINT64_MAX, OS_RELEASE);
	drop_holder(seam, link);
	return 0;
}

void seam_debug_inject(struct seam *seam, enum seam_debug_inject what)
{
	os_store32(&seam->inject, what, OS_RELAXED);
}

enum seam_debug_accept seam_debug_accept(struct seam *seam, tdx_hpa_t tdr, uint64_t rcx,
					 tdx_status_t *status)
{
	struct debug_call debug;
	struct call *call;
	struct td td;

	call = debug_begin_call(&debug, seam);
	call->inject = debug_take_injection(seam);
	if (!debug_find_td_sept(call, tdr, &td))
		return SEAM_ACCEPT_TDEXIT;
	/* The guest's, which goes on as on an LP. */
	call->look = false;
	return accept_end(guest_accept(call, &td, rcx, status));
}

/* ------------------------------------------------------------------------------------------- */
/* A look at the metadata.                                                                      */

void seam_debug_pamt(struct seam *seam, tdx_hpa_t pa, unsigned int level,
		     struct seam_debug_entry *entry)
{
	const struct pamt_entry *at = pamt_peek(seam, pa, level);
	uint64_t head, tail;

	*entry = (struct seam_debug_entry){ .present = at };
	if (!at)
		return;
	/* Relaxed: as in pamt_peek(). */
	head = os_load64(&at->head, OS_RELAXED);
	tail = os_load64(&at->tail, OS_RELAXED);
	entry->type = pamt_type(head);
	entry->lock = (uint16_t)(head & LOCK_MASK);
	if (entry->type == TDX_PT_PAMT) {
		pamt_node_pair(at, entry->pair);
		entry->count = tail & PAMT_COUNT_MASK;
	} else {
		entry->owner = pamt_owner(head);
	}
}

/* Also where TDMR.INIT has not come yet. */
static const struct tdmr *find_tdmr(const struct seam *seam, tdx_hpa_t address)
{
	for (uint32_t i = 0; i < seam->nr_tdmrs; i++)
		if (address.v - seam->tdmr[i].base.v < seam->tdmr[i].size)
			return &seam->tdmr[i];
	return NULL;
}

int seam_debug_bitmap(struct seam *seam, tdx_hpa_t pa)
{
	const struct tdmr *tdmr = find_tdmr(seam, pa);
	struct debug_call debug;

	if (!tdmr || !seam->dpamt)
		return -OS_EINVAL;
	return pamt_bit_test(debug_begin_call(&debug, seam), tdmr, pa);
}

int seam_debug_chldcnt(struct seam *seam, tdx_hpa_t tdr, uint64_t *chldcnt)
{
	const struct pamt_entry *entry;
	uint64_t head;

	if (tdr.v % TDX_PAGE_SIZE || !pamt_tdmr(seam, tdr))
		return -OS_EINVAL;
	entry = pamt_peek(seam, tdr, TDX_4K);
	head = entry ? os_load64(&entry->head, OS_RELAXED) : PAMT_HEAD_NDA;
	/* A TDR that is reclaimed had none any more. */
	*chldcnt = pamt_type(head) == TDX_PT_TDR ? td_children(head) : 0;
	return 0;
}
