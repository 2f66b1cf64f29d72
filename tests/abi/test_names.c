// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * test_names.c - the tables of leaves, operands and states are complete, and names lead back to
 * their numbers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "abi/abi.h"

struct listed {
	const char *symbol;
	uint32_t number;
};

#define LISTED(name, number) { #name, number },
static const struct listed host_leaves[] = { TDX_LEAF_LIST(LISTED) };
static const struct listed guest_leaves[] = { TDG_LEAF_LIST(LISTED) };
static const struct listed operands[] = { TDX_OPERAND_LIST(LISTED) };
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void check_leaves(const struct listed *list, size_t nr, bool guest)
{
	for (size_t i = 0; i < nr; i++) {
		const struct abi_leaf *leaf = abi_leaf(list[i].number, guest);

		if (!leaf)
			fail_msg("%s is not in the table", list[i].symbol);
		assert_string_equal(leaf->symbol, list[i].symbol);
		assert_true(leaf->purpose && strlen(leaf->purpose) > 10);
		assert_ptr_equal(abi_leaf_by_name(leaf->name), leaf);
		assert_ptr_equal(abi_leaf_by_name(leaf->symbol), leaf);
	}
}

static void every_leaf_of_the_abi_is_in_the_table_under_its_number(void **state)
{
	unsigned int nr = 0;

	check_leaves(host_leaves, COUNT(host_leaves), false);
	check_leaves(guest_leaves, COUNT(guest_leaves), true);
	while (abi_leaf_at(nr))
		nr++;
	assert_int_equal(nr, COUNT(host_leaves) + COUNT(guest_leaves));
}

static void dotted_name_is_the_symbol_with_dots(void **state)
{
	const struct abi_leaf *leaf;

	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++) {
		assert_int_equal(strlen(leaf->name), strlen(leaf->symbol));
		for (size_t c = 0; leaf->name[c]; c++)
			assert_int_equal(leaf->name[c] == '.' ? '_' : leaf->name[c],
					 leaf->symbol[c]);
		assert_null(strchr(leaf->name, '_'));
	}
}

static void purposes_are_all_different(void **state)
{
	const struct abi_leaf *a, *b;

	for (unsigned int i = 0; (a = abi_leaf_at(i)); i++)
		for (unsigned int j = 0; j < i; j++) {
			b = abi_leaf_at(j);
			if (!strcmp(a->purpose, b->purpose))
				fail_msg("%s and %s say the same", a->name, b->name);
		}
}

static void leaves_with_versions_are_those_of_the_dispatcher(void **state)
{
	static const char *const versioned[] = {
		"TDH.MEM.PAGE.PROMOTE", "TDH.MEM.SEPT.ADD", "TDH.MEM.SEPT.REMOVE",
		"TDH.MNG.RD",		"TDH.VP.RD",	    "TDH.VP.INIT",
		"TDH.SYS.INIT",		"TDH.SYS.UPDATE",
	};
	const struct abi_leaf *leaf;
	unsigned int nr = 0;

	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++)
		nr += leaf->max_version != 0;
	assert_int_equal(nr, COUNT(versioned));
	for (size_t i = 0; i < COUNT(versioned); i++)
		assert_int_equal(abi_leaf_by_name(versioned[i])->max_version, 1);
}

static void operands_of_a_leaf_are_distinct_registers_with_words(void **state)
{
	const struct abi_leaf *leaf;

	for (unsigned int i = 0; (leaf = abi_leaf_at(i)); i++)
		for (unsigned int out = 0; out < 2; out++) {
			const struct abi_operand *list = out ? leaf->out : leaf->in;
			uint32_t seen = 0;

			for (unsigned int o = 0; o < ABI_MAX_OPERANDS && list[o].value; o++) {
				assert_in_range(list[o].reg, TDX_OP_RCX, TDX_OP_R15);
				assert_false(seen & 1u << list[o].reg);
				seen |= 1u << list[o].reg;
				assert_true(list[o].what && *list[o].what);
			}
		}
}

static void leaf_is_found_without_prefix_and_in_any_case(void **state)
{
	assert_int_equal(abi_leaf_by_name("tdh.mem.page.aug")->number, TDH_MEM_PAGE_AUG);
	assert_int_equal(abi_leaf_by_name("MEM_PAGE_AUG")->number, TDH_MEM_PAGE_AUG);
	assert_int_equal(abi_leaf_by_name("Phymem.Pamt_Add")->number, TDH_PHYMEM_PAMT_ADD);
	/* Both sides have VP.RD; without a prefix the host's is meant. */
	assert_false(abi_leaf_by_name("VP.RD")->guest);
	assert_true(abi_leaf_by_name("TDG.VP.RD")->guest);
	assert_null(abi_leaf_by_name("TDH.MEM.PAGE"));
	assert_null(abi_leaf_by_name("TDH.MEM.PAGE.AUGS"));
	assert_null(abi_leaf_by_name(""));
	assert_null(abi_leaf(46, false));
	assert_null(abi_leaf(0x10000, false));
}

static void every_operand_of_the_abi_is_in_the_table_under_its_number(void **state)
{
	unsigned int nr = 0;

	for (size_t i = 0; i < COUNT(operands); i++) {
		const struct abi_name *name = abi_name(ABI_OPERAND, operands[i].number);

		if (!name)
			fail_msg("%s is not in the table", operands[i].symbol);
		assert_string_equal(name->name, operands[i].symbol);
	}
	while (abi_name_at(ABI_OPERAND, nr))
		nr++;
	assert_int_equal(nr, COUNT(operands));
}

static void names_of_a_kind_lead_back_to_their_numbers(void **state)
{
	for (unsigned int kind = 0; kind < ABI_NR_NAME_KINDS; kind++) {
		const struct abi_name *name;
		unsigned int i;

		assert_true(*abi_kind_text(kind));
		for (i = 0; (name = abi_name_at(kind, i)); i++) {
			assert_ptr_equal(abi_name(kind, name->number), name);
			assert_ptr_equal(abi_name_by_name(kind, name->name), name);
			assert_true(*name->what);
		}
		assert_true(i >= 4);
		assert_null(abi_name(kind, 0xffffff));
		assert_null(abi_name_by_name(kind, "NO_SUCH_THING"));
	}
	assert_null(abi_name_at(ABI_NR_NAME_KINDS, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_leaf_of_the_abi_is_in_the_table_under_its_number),
		cmocka_unit_test(dotted_name_is_the_symbol_with_dots),
		cmocka_unit_test(purposes_are_all_different),
		cmocka_unit_test(leaves_with_versions_are_those_of_the_dispatcher),
		cmocka_unit_test(operands_of_a_leaf_are_distinct_registers_with_words),
		cmocka_unit_test(leaf_is_found_without_prefix_and_in_any_case),
		cmocka_unit_test(every_operand_of_the_abi_is_in_the_table_under_its_number),
		cmocka_unit_test(names_of_a_kind_lead_back_to_their_numbers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
