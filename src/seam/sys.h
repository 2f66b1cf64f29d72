/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * sys.h - what this module says of itself: versions and features, in SYS.RD, SYS.RDALL, SYS.INFO.
 */
#ifndef SEAM_SYS_H
#define SEAM_SYS_H

#include "seam/module.h"

/* The module whose ABI this is. */
#define SYS_VENDOR_ID	   0x8086u
#define SYS_BUILD_DATE	   20250101u
#define SYS_VERSION_MAJOR  1u
#define SYS_VERSION_MINOR  5u
#define SYS_VERSION_UPDATE 25u

/*
 * Versions of the handoff that SYS.UPDATE can read (MIN to MAX) and SYS.SHUTDOWN can write: only
 * the highest, where there is to be no way back to an earlier module.
 */
#define SYS_HANDOFF_MIN	  0u
#define SYS_HANDOFF_MAX	  1u
#define SYS_NO_DOWNGRADE  1u
#define SYS_HANDOFF_PAGES 31u

/* TDX_FEATURES0. */
#define SYS_FEATURES0 UINT64_C(0xd1326f3f0ebf)

/*
 * Attributes and extended features that a TD may have (FIXED0: all others must be 0) and must have
 * (FIXED1): SYS.RD and SYS.INFO say it, MNG.INIT checks it. Features are numbered as in XCR0 and
 * XSS.
 */
#define SYS_ATTRIBUTES_FIXED0 UINT64_C(0x8000000078010001)
#define SYS_ATTRIBUTES_FIXED1 UINT64_C(0)
#define SYS_XFAM_AVX	      (UINT64_C(1) << 2)
#define SYS_XFAM_AVX512	      (UINT64_C(7) << 5)
#define SYS_XFAM_PT	      (UINT64_C(1) << 8)
#define SYS_XFAM_PKRU	      (UINT64_C(1) << 9)
#define SYS_XFAM_CET	      (UINT64_C(3) << 11)
#define SYS_XFAM_ULI	      (UINT64_C(1) << 14)
#define SYS_XFAM_LBR	      (UINT64_C(1) << 15)
#define SYS_XFAM_AMX	      (UINT64_C(3) << 17)
#define SYS_XFAM_FIXED0                                                                   \
	(SYS_XFAM_FIXED1 | SYS_XFAM_AVX | SYS_XFAM_AVX512 | SYS_XFAM_PT | SYS_XFAM_PKRU | \
	 SYS_XFAM_CET | SYS_XFAM_ULI | SYS_XFAM_LBR | SYS_XFAM_AMX)
#define SYS_XFAM_FIXED1 TDX_XFAM_FIXED1

/* Other limits of TD_PARAMS. */
#define SYS_CONFIG_FLAGS_FIXED0	     UINT64_C(0x1f)
#define SYS_MIN_VIRT_MAXPA	     45u
#define SYS_MAX_EVENT_FILTERS	     512u
#define SYS_ARCH_CAPABILITIES_CONFIG UINT64_C(0x1180010)

/* Is an LP other than the call's in the module? Asked with the door closed: sys_update.c. */
struct call;
bool sys_others_inside(struct call *call);

/* TDX_FEATURES0 as this machine shows it. */
uint64_t sys_features0(const struct seam *seam);

#endif
