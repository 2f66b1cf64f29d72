// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vmm.c - KeyIDs and bookkeeping shared by all TDs.
 */
#include "vmm/vmm.h"

int vmm_init(struct vmm *vmm, const struct os_services *os, struct pamt_host *host,
	     const struct vmm_config *config)
{
	if (!config->nr_hkids || config->nr_hkids >= TDX_MAX_HKIDS)
		return -OS_EINVAL;
	os_memset(vmm, 0, sizeof(*vmm));
	os_mutex_init(&vmm->vcpu_lock);
	os_mutex_init(&vmm->kot);
	os_spin_init(&vmm->hkid_lock);
	vmm->os = os;
	vmm->backing = config->backing ? config->backing : &vmm_libpamt;
	vmm->backing_state = config->backing ? config->backing_state : host;
	vmm->config = *config;
	vmm->caller.os = os;
	return 0;
}

int vmm_alloc_hkid(struct vmm *vmm, uint16_t *hkid)
{
	int error = -OS_ENOSPC;
	os_irq_t flags = os_spin_lock(&vmm->hkid_lock);

	for (uint32_t i = 0; i < vmm->config.nr_hkids; i++) {
		if (vmm->hkid_used[i / 64] >> i % 64 & 1)
			continue;
		vmm->hkid_used[i / 64] |= UINT64_C(1) << i % 64;
		*hkid = (uint16_t)(vmm->config.first_hkid + i);
		error = 0;
		break;
	}
	os_spin_unlock(&vmm->hkid_lock, flags);
	return error;
}

void vmm_free_hkid(struct vmm *vmm, uint16_t hkid)
{
	uint32_t i = hkid - vmm->config.first_hkid;
	os_irq_t flags = os_spin_lock(&vmm->hkid_lock);

	OS_INVARIANT(vmm->hkid_used[i / 64] >> i % 64 & 1);
	vmm->hkid_used[i / 64] &= ~(UINT64_C(1) << i % 64);
	os_spin_unlock(&vmm->hkid_lock, flags);
}

int vmm_write_back(struct vmm *vmm, tdx_hpa_t page, uint16_t hkid, tdx_status_t *status)
{
	struct tdx_regs regs = {
		.rax = TDX_RAX(TDH_PHYMEM_PAGE_WBINVD, 0),
		.rcx = tdx_hpa_hkid(page, hkid, vmm->config.hkid_start_bit),
	};
	int error = call_make_sure(&vmm->caller, &regs);

	status->v = regs.rax;
	return error;
}

void vmm_leak(struct vmm *vmm, tdx_hpa_t at, uint64_t pages, const char *why, tdx_status_t status)
{
	/* Relaxed: a statistic. */
	os_fetch_add64(&vmm->leaked_pages, pages, OS_RELAXED);
	vmm->os->log(vmm->os->ctx, OS_LOG_WARN,
		     "vmm: %llu pages at 0x%llx are lost: %s (status 0x%llx)",
		     (unsigned long long)pages, (unsigned long long)at.v, why,
		     (unsigned long long)status.v);
}
