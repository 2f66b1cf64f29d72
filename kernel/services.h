/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * services.h - the services of os.h that both modules offer in the same way: memory is where the
 * kernel's direct map has it.
 *
 * Inline, since the two modules share no object: softseam.ko stands for something that is no part
 * of a kernel at all.
 */
#ifndef PAMT_KERNEL_SERVICES_H
#define PAMT_KERNEL_SERVICES_H

#include <pamt/os.h>

static inline void *direct_map(tdx_hpa_t at) { return __va(at.v); }

static inline void service_zero(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += PAGE_SIZE)
		clear_page(direct_map(hpa(base.v + at)));
}

static inline void service_copy(void *ctx, tdx_hpa_t to, tdx_hpa_t from)
{
	copy_page(direct_map(to), direct_map(from));
}

#endif
