// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mirror_test.c - the mirror of the S-EPT: walks, legal steps, who wins a race for an entry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#include "vmm/mirror.h"

static void *heap_alloc(void *ctx, size_t bytes) { return *(bool *)ctx ? calloc(1, bytes) : NULL; }

static void heap_free(void *ctx, void *object)
{
	(void)ctx;
	free(object);
}

static bool memory_left;
static const struct os_services os = {
	.ctx = &memory_left,
	.alloc = heap_alloc,
	.free = heap_free,
};

/* A mirror of four levels with one path down to 4K entries at GPA 0x40000000. */
struct path {
	struct mirror mirror;
	struct mirror_node *nodes[3]; /* of levels 2, 1, 0 */
};

#define PATH_GPA UINT64_C(0x40000000)

static int set_up(void **state)
{
	struct path *path = calloc(1, sizeof(*path));

	memory_left = true;
	if (!path || mirror_create(&path->mirror, &os, 4))
		return -1;
	for (unsigned int i = 0; i < 3; i++) {
		struct mirror_slot slot;

		path->nodes[i] = calloc(1, sizeof(struct mirror_node));
		if (!path->nodes[i])
			return -1;
		mirror_walk(&path->mirror, gpa(PATH_GPA), 0, &slot);
		mirror_prepare_child(path->nodes[i], &slot, hpa((i + 1) << 12), MIRROR_NONE);
		if (!mirror_freeze(&slot))
			return -1;
		mirror_thaw(&slot, mirror_make_link(path->nodes[i]));
	}
	*state = path;
	return 0;
}

static int tear_down(void **state)
{
	struct path *path = *state;

	for (unsigned int i = 0; i < 3; i++)
		free(path->nodes[i]);
	mirror_destroy(&path->mirror, &os);
	free(path);
	return 0;
}

static void a_walk_ends_at_the_level_asked_for(void **state)
{
	struct path *path = *state;
	struct mirror_slot slot;

	for (unsigned int level = 0; level < 4; level++) {
		mirror_walk(&path->mirror, gpa(PATH_GPA + 0x5000), level, &slot);
		assert_int_equal(slot.node->level, level);
		assert_int_equal(mirror_gpa(&slot).v,
				 (PATH_GPA + 0x5000) & ~(mirror_bytes(level) - 1));
	}
}

static void a_walk_ends_where_nothing_is_linked(void **state)
{
	struct path *path = *state;
	struct mirror_slot slot;

	mirror_walk(&path->mirror, gpa(PATH_GPA + TDX_2M_SIZE), 0, &slot);
	assert_int_equal(slot.node->level, 1);
	assert_int_equal(mirror_state(slot.seen), MIRROR_NONE);
	mirror_walk(&path->mirror, gpa(PATH_GPA + TDX_1G_SIZE), 0, &slot);
	assert_int_equal(slot.node->level, 2);
	mirror_walk(&path->mirror, gpa(mirror_bytes(3)), 0, &slot);
	assert_int_equal(slot.node->level, 3);
	assert_int_equal(slot.index, 1);
}

static void a_walk_ends_at_a_leaf(void **state)
{
	struct path *path = *state;
	struct mirror_slot slot;

	mirror_walk(&path->mirror, gpa(PATH_GPA + TDX_2M_SIZE), 0, &slot);
	assert_true(mirror_freeze(&slot));
	mirror_thaw(&slot, mirror_make_leaf(hpa(0x200000), true));
	mirror_walk(&path->mirror, gpa(PATH_GPA + TDX_2M_SIZE + 0x3000), 0, &slot);
	assert_int_equal(slot.node->level, 1);
	assert_true(mirror_is_leaf(slot.seen));
	assert_int_equal(mirror_page(slot.seen).v, 0x200000);
	assert_true(slot.seen.v & MIRROR_PENDING);
}

static void of_two_faults_on_an_entry_one_wins(void **state)
{
	struct path *path = *state;
	struct mirror_slot a, b;

	mirror_walk(&path->mirror, gpa(PATH_GPA), 0, &a);
	mirror_walk(&path->mirror, gpa(PATH_GPA), 0, &b);
	assert_true(mirror_freeze(&a));
	assert_false(mirror_freeze(&b));
	assert_int_equal(mirror_state(b.seen), MIRROR_FROZEN);
	mirror_thaw(&a, mirror_make_leaf(hpa(0x7000), false));
	mirror_walk(&path->mirror, gpa(PATH_GPA), 0, &b);
	assert_int_equal(mirror_page(b.seen).v, 0x7000);
}

static void a_failed_fault_leaves_the_entry_as_it_was(void **state)
{
	struct path *path = *state;
	struct mirror_slot slot;

	mirror_walk(&path->mirror, gpa(PATH_GPA), 0, &slot);
	mirror_set(&slot, mirror_make(MIRROR_SHARED));
	assert_true(mirror_freeze(&slot));
	mirror_thaw(&slot, mirror_make(MIRROR_SHARED));
	mirror_walk(&path->mirror, gpa(PATH_GPA), 0, &slot);
	assert_int_equal(mirror_state(slot.seen), MIRROR_SHARED);
}

static void blocking_and_unblocking_keep_the_page(void **state)
{
	struct mirror_entry leaf = mirror_make_leaf(hpa(0x123456000), true);
	struct mirror_entry blocked = mirror_blocked(leaf);

	(void)state;
	assert_int_equal(mirror_state(blocked), MIRROR_LEAF_BLOCKED);
	assert_int_equal(mirror_page(blocked).v, 0x123456000);
	assert_int_equal(mirror_unblocked(blocked).v, leaf.v);
}

static void every_state_can_be_left_and_reached(void **state)
{
	(void)state;
	for (unsigned int from = 0; from < MIRROR_STATES; from++) {
		bool left = false, reached = false;

		for (unsigned int to = 0; to < MIRROR_STATES; to++) {
			left |= mirror_step_is_legal(from, to);
			reached |= mirror_step_is_legal(to, from);
		}
		assert_true(left && reached);
		assert_false(mirror_step_is_legal(from, from));
	}
}

static void nothing_appears_without_a_fault_and_nothing_vanishes_unblocked_into_shared(void **state)
{
	(void)state;
	assert_false(mirror_step_is_legal(MIRROR_NONE, MIRROR_LEAF));
	assert_false(mirror_step_is_legal(MIRROR_NONE, MIRROR_LINK));
	assert_false(mirror_step_is_legal(MIRROR_LEAF, MIRROR_SHARED));
	assert_false(mirror_step_is_legal(MIRROR_LEAF, MIRROR_LINK));
	assert_false(mirror_step_is_legal(MIRROR_LINK, MIRROR_LEAF));
	assert_false(mirror_step_is_legal(MIRROR_STATES, MIRROR_NONE));
}

static void a_child_starts_as_its_parent_was(void **state)
{
	struct path *path = *state;
	struct mirror_node *node = calloc(1, sizeof(*node));
	struct mirror_slot slot;

	assert_non_null(node);
	mirror_walk(&path->mirror, gpa(PATH_GPA + TDX_2M_SIZE), 1, &slot);
	mirror_prepare_child(node, &slot, hpa(0x9000), MIRROR_SHARED);
	assert_int_equal(node->level, 0);
	assert_int_equal(node->base.v, PATH_GPA + TDX_2M_SIZE);
	for (unsigned int i = 0; i < MIRROR_ENTRIES; i++)
		assert_int_equal(node->entry[i].v, MIRROR_SHARED);
	free(node);
}

static void without_memory_there_is_no_mirror(void **state)
{
	struct mirror mirror;

	(void)state;
	memory_left = false;
	assert_int_equal(mirror_create(&mirror, &os, 4), -OS_ENOMEM);
	memory_left = true;
}

static void five_levels_hold_what_four_do_not(void **state)
{
	struct mirror mirror;

	(void)state;
	memory_left = true;
	assert_int_equal(mirror_create(&mirror, &os, 5), 0);
	assert_int_equal(mirror.root->level, 4);
	assert_int_equal(mirror_bytes(mirror.levels), UINT64_C(1) << 57);
	mirror_destroy(&mirror, &os);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_walk_ends_at_the_level_asked_for, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_walk_ends_where_nothing_is_linked, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_walk_ends_at_a_leaf, set_up, tear_down),
		cmocka_unit_test_setup_teardown(of_two_faults_on_an_entry_one_wins, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_failed_fault_leaves_the_entry_as_it_was, set_up,
						tear_down),
		cmocka_unit_test(blocking_and_unblocking_keep_the_page),
		cmocka_unit_test(every_state_can_be_left_and_reached),
		cmocka_unit_test(
			nothing_appears_without_a_fault_and_nothing_vanishes_unblocked_into_shared),
		cmocka_unit_test_setup_teardown(a_child_starts_as_its_parent_was, set_up,
						tear_down),
		cmocka_unit_test(without_memory_there_is_no_mirror),
		cmocka_unit_test(five_levels_hold_what_four_do_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
