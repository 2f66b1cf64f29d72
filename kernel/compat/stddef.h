/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* stddef.h - for sources that are freestanding C: NULL, size_t and offsetof, from the kernel. */
#ifndef PAMT_KERNEL_STDDEF_H
#define PAMT_KERNEL_STDDEF_H

#include <linux/stddef.h>
#include <linux/types.h>

#endif
