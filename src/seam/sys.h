/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * sys.h - what this module says of itself: versions and features, in SYS.RD, SYS.RDALL, SYS.INFO.
 */
#ifndef SEAM_SYS_H
#define SEAM_SYS_H

#include "seam/module.h"

/* The module whose ABI this is. */
#define SYS_VENDOR_ID	   0x8086u
#define SYS_VERSION_MAJOR  1u
#define SYS_VERSION_MINOR  5u
#define SYS_VERSION_UPDATE 25u

/* Versions of the handoff that SYS.SHUTDOWN can write and SYS.UPDATE can read. */
#define SYS_HANDOFF_MIN 0u
#define SYS_HANDOFF_MAX 1u

/*
 * Attributes and extended features that a TD may have (fixed0: others must be 0) and must have
 * (fixed1: these must be 1): SYS.INFO says it, MNG.INIT checks it.
 */
#define SYS_ATTRIBUTES_FIXED0 (UINT64_C(1) | TDX_ATTR_SEPT_VE_DISABLE) /* 1: debug */
#define SYS_ATTRIBUTES_FIXED1 UINT64_C(0)
#define SYS_XFAM_FIXED0	      UINT64_C(0x6dbe7) /* what current server parts can save */
#define SYS_XFAM_FIXED1	      TDX_XFAM_FIXED1
#define SYS_MAX_VCPUS	      576u

/* TDX_FEATURES0 as this machine shows it. */
uint64_t sys_features0(const struct seam *seam);

#endif
