/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/* stdbool.h - for sources that are freestanding C: bool, true and false, from the kernel. */
#ifndef PAMT_KERNEL_STDBOOL_H
#define PAMT_KERNEL_STDBOOL_H

#include <linux/stddef.h>
#include <linux/types.h>

#endif
