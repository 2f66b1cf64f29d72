// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * geometry_test.c - the recordings on machines of another geometry: more address bits, the KeyID
 * elsewhere in an address, more logical processors. Nothing in the module or the replayer may know
 * the geometry of the machines that the recordings come from.
 *
 * An address is taken apart in the recording's geometry, and put together in the other one: the
 * KeyID's bits go where the KeyID is now, what was above it comes below it, the rest stays. Whether
 * an address has a KeyID, is too large or lies in some TDMR is the same as before, so every call
 * must answer as recorded, with the addresses in its results rewritten alike. Which registers are
 * addresses is what the table of leaves says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/abi.h"
#include "recording.h"

static char *const *recordings; /* paths, NULL at the end */

struct geometry {
	uint32_t old_max_pa, max_pa, hkid_bits, more_lps;
};

/* An address of the recording in the other geometry. "No page" is all ones and stays so. */
static uint64_t rewrite(const struct geometry *g, uint64_t value)
{
	const uint32_t old_start = g->old_max_pa - g->hkid_bits, start = g->max_pa - g->hkid_bits;
	const uint64_t keys = (UINT64_C(1) << g->hkid_bits) - 1;
	const uint64_t above = (UINT64_C(1) << (g->max_pa - g->old_max_pa)) - 1;
	const uint64_t moved = (keys | above << g->hkid_bits) << old_start;
	const uint64_t old_end = UINT64_C(1) << old_start, end = UINT64_C(1) << start;

	/* The last GB below the KeyID's bits is still that: some areas reach from there into them.
	 */
	if (value < old_end && old_end - value <= TDX_1G_SIZE)
		return value - old_end + end;
	return (value & ~moved) | (value >> old_start & keys) << start |
	       (value >> g->old_max_pa & above) << old_start;
}

static bool is_address(uint8_t kind)
{
	switch (kind) {
	case ABI_HPA:
	case ABI_HPA_SIZE:
	case ABI_HPA_KEYID:
	case ABI_HPA_FLAG:
	case ABI_OPTIONAL_PAGE:
	case ABI_FREED_PAGE:
		return true;
	}
	return false;
}

/* Results are fields, not addresses. */
static bool reads_fields(uint32_t leaf)
{
	return leaf == TDH_SYS_RD || leaf == TDH_SYS_RDALL || leaf == TDH_SYS_INFO ||
	       leaf == TDH_MNG_RD || leaf == TDH_VP_RD;
}

static uint64_t *reg(struct tdx_regs *regs, uint8_t operand)
{
	static const struct {
		uint8_t operand, index;
	} order[] = {
		{ TDX_OP_RCX, 1 }, { TDX_OP_RDX, 2 },  { TDX_OP_R8, 7 },   { TDX_OP_R9, 8 },
		{ TDX_OP_R10, 9 }, { TDX_OP_R11, 10 }, { TDX_OP_R12, 11 }, { TDX_OP_R13, 12 },
	};

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (order[i].operand == operand)
			return call_line_reg(regs, order[i].index);
	return NULL;
}

/* Bits of a field's id that say how large it is. */
#define SIZE_OF_FIELD (UINT64_C(3) << 32)

static void rewrite_call(const struct geometry *g, struct vector_call *call)
{
	uint32_t number = TDX_RAX_LEAF(call->in.rax);
	const struct abi_leaf *leaf = abi_leaf(number, false);
	struct tdx_regs in = call->in, after = call->after;

	for (unsigned int i = 0; leaf && i < ABI_MAX_OPERANDS; i++) {
		uint64_t *word = reg(&call->in, leaf->in[i].reg);

		if (word && is_address(leaf->in[i].value))
			*word = rewrite(g, *word);
	}
	for (unsigned int i = 1; i < VECTOR_REGS; i++) {
		uint64_t *to = call_line_reg(&call->after, i);

		if (*call_line_reg(&after, i) == *call_line_reg(&in, i))
			*to = *call_line_reg(&call->in, i);
		else if (!reads_fields(number))
			*to = rewrite(g, *to);
	}
	/* The one field that follows from the geometry. */
	if (number == TDH_SYS_RD && (in.rdx & ~SIZE_OF_FIELD) == TDX_MD_DPAMT_MIN_HKID_BITS &&
	    !call->after.rax)
		call->after.r8 = g->max_pa > 48 ? g->max_pa - 48 : 0;
}

static void rewrite_item(const struct geometry *g, struct vector_item *item)
{
	tdx_hpa_t *tdr = NULL;

	switch (item->kind) {
	case VECTOR_MACHINE:
		item->machine->config.max_pa = g->max_pa;
		item->machine->config.nr_lps += g->more_lps;
		return;
	case VECTOR_CALL:
		rewrite_call(g, &item->call);
		return;
	case VECTOR_FORCE_TD:
		tdr = &item->force_td.tdr;
		break;
	case VECTOR_ACCEPT:
		tdr = &item->accept.tdr;
		break;
	case VECTOR_ENTER:
	case VECTOR_HOLD:
		item->lock.arg = rewrite(g, item->lock.arg);
		return;
	case VECTOR_LOCK:
		if (item->lock.what != SEAM_DEBUG_WBT)
			item->lock.arg = rewrite(g, item->lock.arg);
		return;
	case VECTOR_PAMT:
		item->pamt.pa.v = rewrite(g, item->pamt.pa.v);
		item->pamt.owner.v = rewrite(g, item->pamt.owner.v);
		for (int i = 0; i < 2; i++)
			item->pamt.pair[i].v = rewrite(g, item->pamt.pair[i].v);
		return;
	case VECTOR_POKE64:
		/* What is written is TDMRs: addresses, and sizes that say the same below 2^40. */
		for (unsigned int i = 0; i < item->list.nr; i++)
			item->list.value[i] = rewrite(g, item->list.value[i]);
		tdr = &item->list.at;
		break;
	case VECTOR_EXIT:
	case VECTOR_RELEASE:
	case VECTOR_INJECT:
		return;
	default:
		tdr = &item->word.at;
		break;
	}
	tdr->v = rewrite(g, tdr->v);
}

/*
 * Can it be moved? Not if it has no room to grow, nor if values in memory have a layout that is not
 * known here: TD_PARAMS, from which a TD's own width follows, and what a leaf wrote.
 */
static bool can_move(const struct vector *vector)
{
	for (size_t i = 0; i < vector->nr_items; i++) {
		const struct vector_item *item = &vector->items[i];

		if (item->kind == VECTOR_MACHINE && item->machine->config.max_pa > 46)
			return false;
		if (item->kind == VECTOR_PEEK64 || item->kind == VECTOR_EPF)
			return false;
		if (item->kind == VECTOR_CALL && TDX_RAX_LEAF(item->call.in.rax) == TDH_MNG_INIT)
			return false;
	}
	return true;
}

static void on_machines_of(uint32_t max_pa, uint32_t more_lps)
{
	uint64_t passed = 0, failed = 0;

	for (char *const *path = recordings; *path; path++) {
		FILE *file = fopen(*path, "r");
		struct replay_result result;
		struct geometry g = { 0 };
		struct vector vector;
		char error[512];

		assert_non_null(file);
		recording_read(file, *path, &vector);
		if (!can_move(&vector)) {
			vector_free(&vector);
			continue;
		}
		for (size_t i = 0; i < vector.nr_items; i++) {
			struct vector_item *item = &vector.items[i];

			if (item->kind == VECTOR_MACHINE)
				g = (struct geometry){
					.old_max_pa = item->machine->config.max_pa,
					.max_pa = max_pa,
					.hkid_bits = item->machine->config.hkid_bits,
					/* Which package an LP is in must not change. */
					.more_lps = more_lps * item->machine->config.nr_packages,
				};
			rewrite_item(&g, item);
		}
		if (replay_run(&vector, NULL, &result, error, sizeof(error)))
			fail_msg("%s", error);
		if (result.failed)
			print_error("%s:%u: rax 0x%llx, expected 0x%llx\n  %s\n", *path,
				    result.first.item->line,
				    (unsigned long long)result.first.value[0].got,
				    (unsigned long long)result.first.value[0].expected,
				    result.first.item->text);
		passed += result.passed;
		failed += result.failed;
		vector_free(&vector);
	}
	assert_int_equal(failed, 0);
	/* The recordings that are there, not none. */
	assert_true(passed > 25000);
}

static void of_48_bits(void **state)
{
	(void)state;
	on_machines_of(48, 3);
}

static void of_50_bits(void **state)
{
	(void)state;
	on_machines_of(50, 0);
}

static void of_52_bits(void **state)
{
	(void)state;
	on_machines_of(52, 100);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(of_48_bits),
		cmocka_unit_test(of_50_bits),
		cmocka_unit_test(of_52_bits),
	};

	if (argc < 2) {
		fprintf(stderr, "usage: %s RECORDING...\n", argv[0]);
		return 2;
	}
	recordings = argv + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
