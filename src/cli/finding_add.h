/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * finding_add.h - how words and lines come to findings.
 */
#ifndef PAMT_CLI_FINDING_ADD_H
#define PAMT_CLI_FINDING_ADD_H

#include "cli/findings.h"

struct finding *finding_add(struct findings *found, enum finding_kind kind, uint64_t value);
/*
 * A number as logs and people write them: 0x and up to 16 digits, or exactly 16 hexadecimal digits
 * without it (Linux prints a zero so), or decimal.
 */
bool finding_number(const char *text, size_t length, uint64_t *value);
/* RAX on input: reserved bits 0, so that an address is not taken for a leaf. */
bool finding_is_call(uint64_t value);
void finding_add_leaf(struct findings *found, uint64_t rax, bool guest);
void finding_add_other_leaf(struct findings *found, const struct abi_leaf *leaf);
struct finding *finding_add_status(struct findings *found, uint64_t value);

#endif
