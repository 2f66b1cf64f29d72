/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * softseam.h - between the parts of softseam.ko.
 */
#ifndef PAMT_KERNEL_SOFTSEAM_H
#define PAMT_KERNEL_SOFTSEAM_H

#include <pamt/seam.h>

/* Which logical processor of the module each CPU is; CPUs that were offline at load are none. */
#define SOFTSEAM_NO_LP UINT32_MAX

/*
 * softseam_configure - the platform as this machine and the parameters have it. Fills *config, and
 * lp_of[] by CPU. Return: 0, or -EINVAL, -ENOMEM with the reason logged. May sleep.
 */
int softseam_configure(struct seam_config *config, uint32_t *lp_of);

/* softseam_ram.c. find: may sleep; 0, -ENOMEM, or -EAGAIN where memory came meanwhile. */
int softseam_find_ram(void);
void softseam_forget_ram(void);
/* Is there memory that the kernel has mapped? Any context. */
bool softseam_is_ram(uint64_t at);

/* softseam_guest.c: what vCPUs run. */
enum seam_exit softseam_guest(void *ctx, struct seam_vcpu *vcpu);

#endif
