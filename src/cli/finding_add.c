// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * finding_add.c - findings, one after the other, and the numbers that they are found by.
 */
#include <ctype.h>

#include "cli/finding_add.h"

struct finding *finding_add(struct findings *found, enum finding_kind kind, uint64_t value)
{
	static struct finding spare; /* written and never read: the list is full */
	struct finding *f = found->nr < MAX_FINDINGS ? &found->list[found->nr++] : &spare;

	*f = (struct finding){ .kind = kind, .value = value };
	return f;
}

bool finding_number(const char *text, size_t length, uint64_t *value)
{
	bool prefixed = length > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = prefixed ? text + 2 : text;
	size_t nr = prefixed ? length - 2 : length;
	bool hex = prefixed || nr == 16;
	uint64_t v = 0;

	if (!nr || (prefixed && nr > 16))
		return false;
	for (size_t i = 0; i < nr; i++) {
		char c = (char)tolower((unsigned char)digits[i]);
		unsigned int digit;

		if (hex ? !isxdigit((unsigned char)c) : !isdigit((unsigned char)c))
			return false;
		digit = (unsigned int)(isdigit((unsigned char)c) ? c - '0' : c - 'a' + 10);
		if (__builtin_mul_overflow(v, hex ? 16u : 10u, &v) ||
		    __builtin_add_overflow(v, digit, &v))
			return false;
	}
	*value = v;
	return true;
}

bool finding_is_call(uint64_t value) { return !(value & TDX_RAX_RESERVED); }

void finding_add_leaf(struct findings *found, uint64_t rax, bool guest)
{
	struct finding *f = finding_add(found, FOUND_LEAF, rax);

	f->leaf = finding_is_call(rax) ? abi_leaf(TDX_RAX_LEAF(rax), guest) : NULL;
	if (!f->leaf && !guest)
		f->leaf = abi_other_leaf(rax);
}

void finding_add_other_leaf(struct findings *found, const struct abi_leaf *leaf)
{
	finding_add(found, FOUND_LEAF, leaf->number | (leaf->loader ? ABI_LOADER_BIT : 0))->leaf =
		leaf;
}

/* Codes of the P-SEAMLDR are none of the module's: the value tells them apart. */
struct finding *finding_add_status(struct findings *found, uint64_t value)
{
	struct finding *f = finding_add(found, FOUND_STATUS, value);

	f->loader = abi_loader_status(value);
	return f;
}
