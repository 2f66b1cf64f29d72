/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * tenant.h - a TD with its vCPUs and the image of its guest, ready to be run in this kernel.
 */
#ifndef PAMT_KERNEL_TENANT_H
#define PAMT_KERNEL_TENANT_H

#include "guest_image.h"
#include "vmm/td.h"

struct tenant {
	struct td *td;
	struct guest_orders orders;
	u32 nr_vcpus;
	struct vcpu *vcpu[GUEST_IMAGE_VCPUS];
	/* What the guests said when they halted. */
	u64 guest_error, guest_error_at;
	u64 flips_done;
};

struct tenant_config {
	u64 bytes; /* multiple of 2M */
	u32 vcpus, percent_4k, flips, seed;
	u32 pages_4k; /* of a region in 4K pages so many are accepted; 0: all */
	u32 node;     /* OS_ANY_NODE: wherever there is memory */
};

/*
 * A TD that can be run. Return: 0; -EINVAL; -EFBIG (more than pamt_kernel.memory_bytes); otherwise
 * as td_create(). On failure nothing is left but what the TDX module keeps, which is logged. The
 * tenant must stay where it is until tenant_destroy(). Memory is charged to the caller's control
 * group. May sleep.
 */
int tenant_create(struct tenant *tenant, const struct tenant_config *config);
/*
 * Runs every vCPU on a CPU of its own, as far as there are enough, until all have halted. What
 * they fault in is charged to the caller's control group. Return:
 * 0; -EINTR (the caller is being killed; vCPUs were stopped for good); -EIO where a guest found
 * something wrong, told in the tenant; what made vcpu_run() fail. May sleep.
 */
int tenant_run(struct tenant *tenant);
/* Returns how many pages were leaked, 0 as it should be. May sleep. */
u64 tenant_destroy(struct tenant *tenant);

#endif
