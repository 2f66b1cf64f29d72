/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * device_abi.h - /dev/pamt: TDs in the kernel, driven from user space.
 *
 * An open file is at most one TD, which ends with it. One call at a time per file. Errors are
 * those of the functions in src/vmm/td.h, and:
 *   EBADF    there is no TD (or, for CREATE, there is one already: EEXIST)
 *   EFAULT, EINVAL, ENOTTY   as everywhere
 *   ENOMEM   RUN: the TD wanted more than there is, and has ended
 *   EFBIG    CREATE: of more bytes than the machine has (struct pamt_abi_info)
 *   EINTR    the caller is being killed: CONVERT and ZAP did a part of the range
 */
#ifndef PAMT_KERNEL_DEVICE_ABI_H
#define PAMT_KERNEL_DEVICE_ABI_H

#include <linux/ioctl.h>
#include <linux/types.h>

#define PAMT_DEVICE   "/dev/pamt"
#define PAMT_ABI      1
#define PAMT_ANY_NODE 0xffffffffu

/* The machine. Bytes. */
struct pamt_abi_info {
	__u32 abi; /* PAMT_ABI */
	__u32 dynamic;
	__u32 cpus, nodes, tdmrs, tds;
	__u64 memory_bytes;		   /* in TDMRs and usable: no TD is larger */
	__u64 static_bytes, dynamic_bytes; /* PAMT at boot, as it is or would be */
	__u64 table_bytes, given_up_bytes;
};

/* Counters since the module was loaded; gauges of now. */
struct pamt_abi_stats {
	__u64 os_bytes, os_bytes_peak, used_bytes;
	__u64 pairs_installed, pairs_installed_peak, leaf_regions;
	__u64 gets_fast, gets_slow, puts, adds, removes, waits, busy;
	__u64 leaked_regions, leaked_pages, unbalanced_puts;
	__u64 seamcalls, retries;
};

struct pamt_abi_create {
	__u64 bytes; /* multiple of 2 MiB */
	__u32 vcpus;
	__u32 percent_4k; /* of the regions in 4K pages */
	__u32 flips;	  /* per vCPU: mappings made shared and private again */
	__u32 seed;
	__u32 node;	/* or PAMT_ANY_NODE */
	__u32 reserved; /* 0 */
};

/* What the TD of this file has been through. */
struct pamt_abi_counts {
	__u64 faults, lost_races, maps_4k, maps_2m, fallbacks, sept_pages;
	__u64 conversions, zaps_4k, zaps_2m, splits, merges, tracks, exits;
	__u64 flips_done;
	__u64 guest_error, guest_error_at; /* 0, or the status a guest gave up with, and its GPA */
};

struct pamt_abi_range {
	__u64 gpa, bytes;
	__u32 shared;	/* CONVERT: to shared; else private */
	__u32 reserved; /* 0 */
};

#define PAMT_IOC_INFO	 _IOR('P', 0, struct pamt_abi_info)
#define PAMT_IOC_STATS	 _IOR('P', 1, struct pamt_abi_stats)
#define PAMT_IOC_VERIFY	 _IOR('P', 2, __u64) /* regions that the module has otherwise */
#define PAMT_IOC_CREATE	 _IOW('P', 3, struct pamt_abi_create)
#define PAMT_IOC_RUN	 _IO('P', 4) /* until all vCPUs have halted */
#define PAMT_IOC_COUNTS	 _IOR('P', 5, struct pamt_abi_counts)
#define PAMT_IOC_CONVERT _IOW('P', 6, struct pamt_abi_range)
#define PAMT_IOC_ZAP	 _IOW('P', 7, struct pamt_abi_range)
#define PAMT_IOC_FAULT	 _IOW('P', 8, __u64) /* a GPA, as if vCPU 0 had touched it */
#define PAMT_IOC_SPLIT	 _IOW('P', 9, __u64) /* the 2M mapping at a GPA */
#define PAMT_IOC_MERGE	 _IOW('P', 10, __u64)
#define PAMT_IOC_DESTROY _IOR('P', 11, __u64) /* pages that were lost, 0 as it should be */

#endif
