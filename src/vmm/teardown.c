// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * teardown.c - a TD's end: vCPUs flushed, KeyID freed, every page reclaimed, the TDR last. td.h
 * says what remains when a call on this way fails for good.
 *
 * Three steps, each of which makes the next one possible:
 *
 *   vCPUs   no thread is in vcpu_run(). VP.FLUSH on the CPU that each is bound to writes its state
 *           into memory; VPFLUSHDONE refuses while one is left.
 *   KeyID   CACHE.WB on every package, so that no line of the TD is left in any cache; KEY.FREEID
 *           then takes the KeyID out of use. From here the TD is TD_DEAD: nothing of it can run or
 *           be mapped any more, and pages may be reclaimed without a write-back of their own.
 *   pages   RECLAIM of each, guest memory and S-EPT by a walk over the mirror, which is all the
 *           host knows of them; then vCPUs' pages and TDCX; the TDR last, as it counts the others.
 *
 * Many TDs may be ended at the same time, and next to others that run. They meet in the mutex
 * around the KOT for the second step, in libpamt's words where they share a region, and nowhere
 * else. A TD that is half built comes here too: td->state says where to begin.
 *
 * free_key() failing is the one thing that costs a whole TD: its pages would be read with its key
 * if they were used again. They are counted one by one as the walk comes to them, so that the sum
 * of what is lost is right.
 */
#include "vmm/td.h"

/* ------------------------------------------------------------------------------------------- */
/* The KeyID                                                                                    */

/* On one CPU of each package; interrupted, it goes on where it was. */
static int write_back_package(void *arg)
{
	struct td *td = arg;
	const struct os_services *os = td->vmm->os;
	struct call_tries tries = CALL_TRIES_INIT;
	struct tdx_regs regs;
	uint64_t resume = 0;
	int again;

	do {
		regs = (struct tdx_regs){ .rax = TDX_RAX(TDH_PHYMEM_CACHE_WB, 0), .rcx = resume };
		os->seamcall(os->ctx, &regs);
		if (tdx_status_is((tdx_status_t){ regs.rax }, TDX_INTERRUPTED_RESUMABLE))
			resume = 1;
		again = call_again(&td->vmm->caller, &tries, TDH_PHYMEM_CACHE_WB, &regs);
	} while (again > 0);
	return again;
}

static int on_tdr(struct td *td, enum tdx_leaf leaf, tdx_status_t *status)
{
	struct tdx_regs regs = { .rax = TDX_RAX(leaf, 0), .rcx = td->tdr.v };
	int error = call_make_sure(&td->vmm->caller, &regs);

	status->v = regs.rax;
	return error;
}

/* VPFLUSHDONE, CACHE.WB, FREEID: with the mutex around the KOT held. */
static int free_key_locked(struct td *td, tdx_status_t *status)
{
	const struct os_services *os = td->vmm->os;
	int error = on_tdr(td, TDH_MNG_VPFLUSHDONE, status);

	OS_INVARIANT(os_mutex_is_held(&td->vmm->kot));
	if (error)
		return error;
	/* What fails on one package is done again on all: those done already have nothing to do. */
	error = os->on_each_package(os->ctx, write_back_package, td);
	if (error)
		error = os->on_each_package(os->ctx, write_back_package, td);
	if (error)
		return error;
	return on_tdr(td, TDH_MNG_KEY_FREEID, status);
}

/* From KEY.FREEID on, the KeyID may be another TD's, and this one's pages can be reclaimed. */
static int free_key(struct td *td, tdx_status_t *status)
{
	int error = td_flush_vcpus(td);

	/* VPFLUSHDONE would refuse: no need to ask. */
	if (error)
		return error;
	os_mutex_lock(&td->vmm->kot);
	error = free_key_locked(td, status);
	os_mutex_unlock(&td->vmm->kot);
	if (!error) {
		td->state = TD_DEAD;
		vmm_free_hkid(td->vmm, td->hkid);
	}
	return error;
}

/* ------------------------------------------------------------------------------------------- */
/* Pages                                                                                        */

static struct tdx_regs reclaim_of(tdx_hpa_t page)
{
	return (struct tdx_regs){ .rax = TDX_RAX(TDH_PHYMEM_PAGE_RECLAIM, 0), .rcx = page.v };
}

/* TDCX, TDVPR, S-EPT pages: the backing cleans them when it needs to. */
static void reclaim_control(struct td *td, tdx_hpa_t page, const char *what)
{
	struct tdx_regs regs = reclaim_of(page);

	if (td->state != TD_DEAD || call_make_sure(&td->vmm->caller, &regs))
		td_leak(td, page, 1, what, (tdx_status_t){ regs.rax });
	else
		td_free_page(td, page, regs.r9 & TDX_HINT_BIT);
}

static void reclaim_4k(struct td *td, tdx_hpa_t page)
{
	const struct os_services *os = td->vmm->os;
	struct tdx_regs regs = reclaim_of(page);

	if (td->state != TD_DEAD || call_make_sure(&td->vmm->caller, &regs)) {
		td_leak(td, page, 1, "guest page not reclaimed", (tdx_status_t){ regs.rax });
		return;
	}
	os->scrub(os->ctx, page, TDX_PAGE_SIZE);
	td_put(td, page, TDX_4K, regs.r9 & TDX_HINT_BIT);
	td_free_memory(td, page, TDX_4K);
}

/* Its own entry in the PAMT is locked exclusively for that: libpamt holds the region's word. */
static void reclaim_2m(struct td *td, tdx_hpa_t page)
{
	const struct os_services *os = td->vmm->os;
	struct tdx_regs regs = reclaim_of(page);

	if (td->state != TD_DEAD ||
	    td_issue(td, &(struct td_call){ td_leaf_remove_2m, hpa_to_pfn(page), NULL }, &regs,
		     TD_ISSUE_SURE)) {
		td_leak(td, page, TDX_PAGES_PER_2M, "2M guest page not reclaimed",
			(tdx_status_t){ regs.rax });
		return;
	}
	os->scrub(os->ctx, page, TDX_2M_SIZE);
	td_put(td, page, TDX_2M, false);
	td_free_memory(td, page, TDX_2M);
}

/* Everything below node; its own S-EPT page, if it has one, and the node itself last. */
static void reclaim_node(struct td *td, struct mirror_node *node)
{
	const struct os_services *os = td->vmm->os;

	for (unsigned int i = 0; i < MIRROR_ENTRIES; i++) {
		struct mirror_entry entry = { os_load64(&node->entry[i], OS_RELAXED) };

		OS_INVARIANT(mirror_state(entry) != MIRROR_FROZEN);
		if (mirror_is_link(entry))
			reclaim_node(td, mirror_child(entry));
		else if (mirror_is_leaf(entry) && node->level == TDX_2M)
			reclaim_2m(td, mirror_page(entry));
		else if (mirror_is_leaf(entry))
			reclaim_4k(td, mirror_page(entry));
	}
	os_resched();
	if (hpa_is_none(node->page))
		return; /* the root: mirror_destroy() */
	reclaim_control(td, node->page, "S-EPT page not reclaimed");
	os->free(os->ctx, node);
}

static void reclaim_vcpu(struct td *td, struct vcpu *vcpu)
{
	vcpu_forget(vcpu);
	td_stock_free(td, &vcpu->stock);
	for (unsigned int i = 0; i < vcpu->nr_tdcx; i++)
		reclaim_control(td, vcpu->tdcx[i], "TDCX page not reclaimed");
	reclaim_control(td, vcpu->tdvpr, "TDVPR not reclaimed");
	td->vmm->os->free(td->vmm->os->ctx, vcpu);
}

/* After every child: the module counts them. */
static void reclaim_root(struct td *td)
{
	struct tdx_regs regs = reclaim_of(td->tdr);
	tdx_status_t status;

	if (td->state != TD_DEAD || call_make_sure(&td->vmm->caller, &regs)) {
		td_leak(td, td->tdr, 1, "TDR not reclaimed", (tdx_status_t){ regs.rax });
		return;
	}
	/* The module reads and writes the TDR with its own key. */
	if (vmm_write_back(td->vmm, td->tdr, td->vmm->config.global_hkid, &status)) {
		td_leak(td, td->tdr, 1, "TDR not written back", status);
		return;
	}
	td_free_page(td, td->tdr, regs.r9 & TDX_HINT_BIT);
}

uint64_t td_destroy(struct td *td)
{
	const struct os_services *os = td->vmm->os;
	tdx_status_t status = { 0 };
	uint64_t leaked;

	if (td->state == TD_NEW && td->hkid) {
		vmm_free_hkid(td->vmm, td->hkid);
	} else if (td->state != TD_NEW && free_key(td, &status)) {
		os_fetch_add64(&td->vmm->leaked_hkids, 1, OS_RELAXED);
		os->log(os->ctx, OS_LOG_ERROR,
			"vmm: KeyID %u and all of its TD are lost: status 0x%llx", td->hkid,
			(unsigned long long)status.v);
	}
	/* In any order but for the last; guest memory first, since there is most of it. */
	td_stock_free(td, &td->stock);
	reclaim_node(td, td->mirror.root);
	for (uint32_t i = 0; i < td->nr_vcpus; i++)
		reclaim_vcpu(td, td->vcpus[i]);
	for (unsigned int i = 0; i < td->nr_tdcx; i++)
		reclaim_control(td, td->tdcx[i], "TDCX page not reclaimed");
	if (td->state != TD_NEW)
		reclaim_root(td);
	leaked = td->leaked_pages;
	mirror_destroy(&td->mirror, os);
	os->free(os->ctx, td->vcpus);
	os->free(os->ctx, td);
	return leaked;
}
