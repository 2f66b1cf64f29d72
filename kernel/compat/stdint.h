/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * stdint.h - for sources that are freestanding C: the kernel has the types, and names the limits
 * and constants differently.
 */
#ifndef PAMT_KERNEL_STDINT_H
#define PAMT_KERNEL_STDINT_H

#include <linux/limits.h>
#include <linux/types.h>

#define UINT8_MAX  U8_MAX
#define UINT16_MAX U16_MAX
#define UINT32_MAX U32_MAX
#define UINT64_MAX U64_MAX
#define INT32_MAX  S32_MAX
#define INT64_MAX  S64_MAX

#define UINT16_C(value) ((uint16_t)(value))
#define UINT32_C(value) value##U
#define UINT64_C(value) value##ULL
#define INT64_C(value)	value##LL

#endif
