/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * layout_check.h - the rules of SYS.CONFIG, applied to a layout by a slow and plain check that
 * shares no code with the planner.
 */
#ifndef PAMT_TESTS_LAYOUT_CHECK_H
#define PAMT_TESTS_LAYOUT_CHECK_H

#include <pamt/host.h>

/* NULL, or the first rule that the layout breaks. */
const char *layout_fault(const struct pamt_layout *l, const struct tdx_cmr *cmrs, uint32_t nr_cmrs);

#endif
