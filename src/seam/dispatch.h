/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * dispatch.h - the leaves, and the file each lives in.
 */
#ifndef SEAM_DISPATCH_H
#define SEAM_DISPATCH_H

#include "seam/call.h"

typedef tdx_status_t leaf_fn(struct call *call);

/* sys_init.c, sys_update.c */
leaf_fn tdh_sys_init, tdh_sys_lp_init, tdh_sys_lp_shutdown;
leaf_fn tdh_sys_shutdown, tdh_sys_update;
/* sys_disable.c */
leaf_fn tdh_sys_disable;
/* sys_info.c: RD, RDALL, INFO */
leaf_fn tdh_sys_rd, tdh_sys_rdall, tdh_sys_info;
/* sys_config.c, sys_tdmr.c */
leaf_fn tdh_sys_config, tdh_sys_key_config, tdh_sys_tdmr_init;

/* mng.c: a TD's life, from CREATE to the keys; keys.c: the end of its KeyID */
leaf_fn tdh_mng_create, tdh_mng_key_config, tdh_mng_addcx;
leaf_fn tdh_mng_vpflushdone, tdh_mng_key_freeid, tdh_mng_key_reclaimid, tdh_phymem_cache_wb;
/* mng_init.c */
leaf_fn tdh_mng_init;
/* mng_field.c, vp_field.c: fields of TDs and vCPUs */
leaf_fn tdh_mng_rd, tdh_mng_wr, tdh_vp_rd, tdh_vp_wr;
/* vp.c, vp_enter.c */
leaf_fn tdh_vp_create, tdh_vp_addcx, tdh_vp_init, tdh_vp_flush, tdh_vp_enter;

/* sept_leaves.c */
leaf_fn tdh_mem_sept_add, tdh_mem_sept_rd, tdh_mem_sept_remove;
/* range.c */
leaf_fn tdh_mem_range_block, tdh_mem_range_unblock, tdh_mem_track;
/* page_map.c */
leaf_fn tdh_mem_page_add, tdh_mem_page_aug, tdh_mem_page_remove, tdh_mem_page_relocate;
/* mem_word.c */
leaf_fn tdh_mem_rd, tdh_mem_wr;
/* page_split.c */
leaf_fn tdh_mem_page_demote, tdh_mem_page_promote;
/* measure.c */
leaf_fn tdh_mr_extend, tdh_mr_finalize;

/* phymem.c */
leaf_fn tdh_phymem_page_rdmd, tdh_phymem_page_reclaim, tdh_phymem_page_wbinvd;
/* phymem_pamt.c */
leaf_fn tdh_phymem_pamt_add, tdh_phymem_pamt_remove;

#endif
