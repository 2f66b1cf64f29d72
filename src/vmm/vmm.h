/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * vmm.h - what all TDs of a machine share: KeyIDs, the mutex around the KOT, the SEAMCALL's
 * counters, and what was leaked.
 */
#ifndef PAMT_VMM_VMM_H
#define PAMT_VMM_VMM_H

#include <pamt/host.h>

#include "vmm/backing.h"
#include "vmm/verdict.h"

struct vmm_config {
	uint16_t first_hkid;	 /* first private KeyID that TDs may have, not the global one */
	uint16_t nr_hkids;	 /* how many; at most TDX_MAX_HKIDS - 1 */
	uint16_t global_hkid;	 /* the module's own: a TDR is written back with this */
	uint32_t hkid_start_bit; /* address bit where KeyIDs begin */
	/* Who keeps regions backed; NULL: libpamt. */
	const struct vmm_backing *backing;
	void *backing_state;
};

struct vmm {
	const struct os_services *os;
	const struct vmm_backing *backing;
	void *backing_state;
	struct vmm_config config;
	struct caller caller;

	/* association.c: the CPU that goes, or went last, + 1; all vCPUs that there are. */
	os_a32_t leaving;
	struct os_mutex vcpu_lock; /* protects the list, and keeps its vCPUs from being freed */
	struct vcpu *vcpus;

	/*
	 * Around MNG.CREATE, VPFLUSHDONE, CACHE.WB and KEY.FREEID, which lock the module's KeyID
	 * table: with the mutex they never find it busy, whatever number of TDs comes and goes.
	 */
	struct os_mutex kot;

	struct os_spin hkid_lock; /* protects hkid_used */
	uint64_t hkid_used[TDX_MAX_HKIDS / 64];

	os_a64_t leaked_pages; /* 4K pages that will never come back; 512 for a 2M page */
	os_a64_t leaked_hkids;
};

/* os and host must outlive every TD. Return: 0 or -OS_EINVAL (no KeyID). */
PAMT_MUST_CHECK int vmm_init(struct vmm *vmm, const struct os_services *os, struct pamt_host *host,
			     const struct vmm_config *config);

/* A free KeyID, or -OS_ENOSPC: as many TDs as there are KeyIDs. Any context. */
PAMT_MUST_CHECK int vmm_alloc_hkid(struct vmm *vmm, uint16_t *hkid);
/* After KEY.FREEID has succeeded. Any context. */
void vmm_free_hkid(struct vmm *vmm, uint16_t hkid);

/*
 * vmm_cpu_leaves - this CPU, on which it is called, is about to go offline: no vCPU enters there
 * from now on, those that are inside are made to leave (vcpu_run() returns VCPU_CPU_LEAVES), and
 * every vCPU that is bound to it is flushed, so that it can run elsewhere and its TD can end. One
 * CPU at a time, and while no on_each_cpu() is under way. Each package must keep a CPU: KEY.CONFIG
 * and CACHE.WB are issued there. Return: 0; -OS_EAGAIN or -OS_EIO: a vCPU could not be flushed, and
 * the CPU has to stay. May sleep.
 */
PAMT_MUST_CHECK int vmm_cpu_leaves(struct vmm *vmm);
/*
 * vmm_cpu_returns - this CPU is about to be online again, or stays after all. Return: 0;
 * -OS_ENODEV: the module does not know it, as LP.INIT is for the time before SYS.CONFIG: a CPU that
 * was not there at bring-up cannot be used. Any context.
 */
PAMT_MUST_CHECK int vmm_cpu_returns(struct vmm *vmm);

/*
 * PHYMEM.PAGE.WBINVD of one 4K page, free already, with the KeyID that it was used with. Returns
 * as call_make(), the status of a failure in *status.
 */
PAMT_MUST_CHECK int vmm_write_back(struct vmm *vmm, tdx_hpa_t page, uint16_t hkid,
				   tdx_status_t *status);

/* Is the caller being killed? Asked in loops whose length somebody else decides. May sleep. */
static inline bool vmm_stopping(const struct vmm *vmm)
{
	return vmm->os->stopping && vmm->os->stopping(vmm->os->ctx);
}

/* Notes that pages (4K) at this address are lost, and says so in the log. */
void vmm_leak(struct vmm *vmm, tdx_hpa_t at, uint64_t pages, const char *why, tdx_status_t status);

#endif
