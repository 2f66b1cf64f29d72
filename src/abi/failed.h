/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * failed.h - what a register holds when a leaf has failed.
 */
#ifndef PAMT_ABI_FAILED_H
#define PAMT_ABI_FAILED_H

#include "abi/abi.h"

/* The register's entry in a leaf's list; NULL: it has none. */
const struct abi_operand *abi_operand_in(const struct abi_operand *list, uint8_t reg);
/* The same of a leaf that failed; NULL: nothing is known of it. */
const struct abi_operand *abi_failed_operand(const struct abi_leaf *leaf, tdx_status_t status,
					     uint8_t reg, uint64_t value);

#endif
