// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * exports.c - what pamt_selftest.ko uses of pamt.ko.
 */
#include "linux.h"

#include "host_port.h"
#include "pamt_kernel.h"
#include "seamcall.h"
#include "tenant.h"

PAMT_EXPORT(pamt_kernel);
PAMT_EXPORT(host_services);
PAMT_EXPORT(tenant_services);
PAMT_EXPORT(host_port_account);
PAMT_EXPORT(host_port_alloc_pages);
PAMT_EXPORT(seamcall);

PAMT_EXPORT(pamt_cache_free);
PAMT_EXPORT(pamt_cache_topup);
PAMT_EXPORT(pamt_get);
PAMT_EXPORT(pamt_put);
PAMT_EXPORT(pamt_shrink);
PAMT_EXPORT(pamt_stats);
PAMT_EXPORT(pamt_verify);

PAMT_EXPORT(tenant_create);
PAMT_EXPORT(tenant_destroy);
PAMT_EXPORT(tenant_run);
PAMT_EXPORT(td_convert);
PAMT_EXPORT(td_split);
PAMT_EXPORT(td_sum_counts);
PAMT_EXPORT(td_zap);
