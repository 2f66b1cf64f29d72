/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* linux.h - what the modules' own files want of Linux; the first header of each of them. */
#ifndef PAMT_KERNEL_LINUX_H
#define PAMT_KERNEL_LINUX_H

#include <linux/cpu.h>
#include <linux/debugfs.h>
#include <linux/highmem.h>
#include <linux/interrupt.h>
#include <linux/ioport.h>
#include <linux/kdebug.h>
#include <linux/kthread.h>
#include <linux/memcontrol.h>
#include <linux/memory.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/seq_file.h>
#include <linux/shrinker.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/version.h>
#include <linux/vmalloc.h>
#include <linux/workqueue.h>
#include <trace/events/ipi.h>
#include <asm/cacheflush.h>
#include <asm/processor.h>
#include <asm/special_insns.h>
#include <asm/topology.h>
#include <asm/trapnr.h>

/* Names as they are since 6.16. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 16, 0)
#define rdmsrq_safe rdmsrl_safe
#endif

/* The third argument of alloc_contig_range() was a migrate type, and became a set of flags. */
#ifndef ACR_FLAGS_NONE
#define ACR_FLAGS_NONE MIGRATE_MOVABLE
#endif

/* What pamt_selftest.ko uses of pamt.ko is for nobody else. The name became a string in 6.13. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 13, 0)
#define PAMT_NAMESPACE PAMT_SELFTEST
#else
#define PAMT_NAMESPACE "PAMT_SELFTEST"
#endif
#define PAMT_EXPORT(symbol) EXPORT_SYMBOL_NS_GPL(symbol, PAMT_NAMESPACE)
#define PAMT_IMPORTS	    MODULE_IMPORT_NS(PAMT_NAMESPACE)

#endif
