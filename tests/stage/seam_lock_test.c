// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * seam_lock_test.c - softseam's locks under every order of two processors' steps.
 *
 * The story of the first: an owner left a lock with a store of what it had read a moment before. A
 * host that failed in between had left its priority, and the store took it away: no guest was kept
 * back for that host. Here each processor does one thing, and all orders of their steps are run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "port/stage/stage.h"
#include "seam/pamt.h"

/* The answers given in this run where both could go on; depth first over all of them. */
struct search {
	uint32_t nr, at;
	uint8_t choice[64];
};

/*
 * What one processor alone looks at is no point to decide: the regions of the GiB but the first,
 * which nobody walks through.
 */
static const void *aside;
static uint64_t aside_bytes;

static bool is_aside(const struct stage_actor *actor)
{
	const uint8_t *address = actor->step.addr;

	return stage_can_run(actor) && actor->step.kind == STAGE_READ &&
	       (uint64_t)(address - (const uint8_t *)aside) < aside_bytes;
}

static struct stage_actor *choose(void *ctx, struct stage_actor *self)
{
	struct stage_actor *actor[2] = { stage_actor(0), stage_actor(1) };
	struct search *search = ctx;

	(void)self;
	for (uint32_t cpu = 0; cpu < 2; cpu++)
		if (is_aside(actor[cpu]))
			return actor[cpu];
	if (!stage_can_run(actor[0]) || !stage_can_run(actor[1])) {
		if (stage_can_run(actor[0]))
			return actor[0];
		return stage_can_run(actor[1]) ? actor[1] : stage_nobody();
	}
	if (search->at == search->nr) {
		assert_true(search->nr < sizeof(search->choice));
		search->choice[search->nr++] = 0;
	}
	return actor[search->choice[search->at++]];
}

static bool next_order(struct search *search)
{
	while (search->nr && search->choice[search->nr - 1])
		search->nr--;
	if (!search->nr)
		return false;
	search->choice[search->nr - 1] = 1;
	return true;
}

/* Two processors, each with what it runs; prepare before, check after each order. Returns how many.
 */
struct duel {
	void (*run[2])(void *arg);
	void (*prepare)(void);
	void (*check)(void);
};

static uint32_t every_order(const struct duel *duel)
{
	struct search search = { 0 };
	struct stage_policy policy = { .next = choose, .ctx = &search };
	uint32_t orders = 0;

	do {
		search.at = 0;
		duel->prepare();
		stage_reset();
		for (uint32_t cpu = 0; cpu < 2; cpu++)
			stage_start(cpu, duel->run[cpu], NULL);
		assert_int_equal(stage_run(&policy), STAGE_FINISHED);
		duel->check();
		orders++;
	} while (next_order(&search));
	return orders;
}

/* ------------------------------------------------------------------------------------------- */
/* An owner, and a host that wants the same lock.                                               */

#define METADATA  UINT64_C(0xabcdef0123450000)
#define METADATA2 UINT64_C(0x0123450123450000)

static os_a64_t word;
static bool failed[2];
static unsigned int at; /* of the lock in the word */

static void clear_word(void)
{
	word.v = at ? 0 : METADATA;
	memset(failed, 0, sizeof(failed));
}

/* Whoever failed did so because of the other, and came last: its priority is there. */
static void priority_is_left_by_who_failed(void)
{
	uint64_t expected = failed[0] || failed[1] ? LOCK_HP << at : 0;

	assert_int_equal(word.v & LOCK_MASK << at, expected);
}

static bool had_alone(void)
{
	uint64_t found;

	if (!sharex_hp_exclusive(&word, at, &found))
		return false;
	sharex_hp_unlock_exclusive(&word, at);
	return true;
}

static void own(void *arg)
{
	(void)arg;
	failed[0] = !had_alone();
}

static void own_and_change(void *arg)
{
	uint64_t found;

	(void)arg;
	failed[0] = !sharex_hp_exclusive(&word, at, &found);
	if (failed[0])
		return;
	sharex_hp_change(&word, METADATA2, LOCK_MASK);
	sharex_hp_change(&word, METADATA, LOCK_HP);
}

static void own_pair(void *arg)
{
	(void)arg;
	if (pair_lock(&word, true)) {
		pair_unlock_exclusive(&word);
		return;
	}
	/* As a call does, which says by that which of the two it is. */
	failed[0] = !had_alone();
}

static void want(void *arg)
{
	(void)arg;
	failed[1] = !had_alone();
}

static void want_shared(void *arg)
{
	uint64_t found;

	(void)arg;
	failed[1] = !sharex_hp_shared(&word, at, &found);
	if (!failed[1])
		lock_unlock_shared(&word, -(LOCK_HP_READER << at));
}

static void priority_left_in_the_meantime_outlives_the_owner(void **state)
{
	void (*const owners[])(void *) = { own, own_and_change, own_pair };
	void (*const wanting[])(void *) = { want, want_shared };

	(void)state;
	for (uint32_t i = 0; i < sizeof(owners) / sizeof(owners[0]); i++) {
		for (uint32_t k = 0; k < 2; k++) {
			const struct duel duel = { { owners[i], wanting[k] },
						   clear_word,
						   priority_is_left_by_who_failed };

			at = owners[i] == own_pair ? PAIR_SECOND : 0;
			assert_true(every_order(&duel) > 20);
		}
	}
}

/* ------------------------------------------------------------------------------------------- */
/* A walk through a GiB, and one that wants the GiB's own entry exclusively.                    */

/* Metadata of a GiB, static, as far as it is looked at: a page of 1G entries, two of 2M, one of 4K.
 */
static uint8_t memory[4][TDX_PAGE_SIZE] __attribute__((aligned(4096)));
static struct seam *seam;
static struct call call[2];
static bool holds[2], met, had[2];

static void *map_memory(void *ctx, tdx_hpa_t where, enum os_access access)
{
	(void)ctx;
	(void)access;
	assert_true(where.v < sizeof(memory));
	return &memory[0][0] + where.v;
}

static void clear_memory(void)
{
	memset(memory, 0, sizeof(memory));
	for (uint32_t cpu = 0; cpu < 2; cpu++) {
		lp_forget_maps(&seam->lp[cpu]);
		call[cpu] = (struct call){ .seam = seam, .lp = cpu, .maps = &seam->lp[cpu].maps };
	}
	memset(holds, 0, sizeof(holds));
	met = false;
}

static void nobody_is_left(void)
{
	const struct pamt_entry *gib = (const void *)&memory[0][0];
	const struct pamt_entry *region = (const void *)&memory[1][0];

	assert_false(met);
	assert_int_equal(gib->head.v & ~LOCK_HP, 0);
	assert_int_equal(region->head.v & ~LOCK_HP, 0);
}

static void hold(uint32_t cpu, uint32_t target, bool exclusive)
{
	struct pamt_page page;

	holds[cpu] = pamt_walk(&call[cpu], hpa(TDX_PAGE_SIZE), target, exclusive, &page);
	met |= holds[0] && holds[1];
	had[cpu] |= holds[cpu];
	/* A step in which the other may come. */
	os_load64(&word, OS_RELAXED);
	met |= holds[0] && holds[1];
	holds[cpu] = false;
	held_release(&call[cpu].held, 0);
}

static void walk_through(void *arg)
{
	(void)arg;
	hold(0, TDX_4K, false);
}

static void take_gib(void *arg)
{
	(void)arg;
	hold(1, TDX_1G, true);
}

static void a_gib_is_had_by_a_walk_or_as_a_whole(void **state)
{
	static const struct os_services os = { .map_module = map_memory };
	const struct duel duel = { { walk_through, take_gib }, clear_memory, nobody_is_left };

	(void)state;
	seam = calloc(1, sizeof(*seam) + 2 * sizeof(seam->lp[0]));
	assert_non_null(seam);
	seam->os = &os;
	seam->nr_tdmrs = 1;
	seam->tdmr[0] = (struct tdmr){
		.size = TDX_1G_SIZE,
		.pamt_base = { hpa(3 * TDX_PAGE_SIZE), hpa(TDX_PAGE_SIZE), hpa(0) },
		.next_init = { TDX_1G_SIZE },
	};
	aside = &memory[1][sizeof(struct pamt_entry)];
	aside_bytes = 2 * TDX_PAGE_SIZE - sizeof(struct pamt_entry);
	assert_true(every_order(&duel) > 20);
	assert_true(had[0] && had[1]);
	aside_bytes = 0;
	free(seam);
}

static int set_up(void **state)
{
	(void)state;
	return stage_open(2, 1);
}

static int tear_down(void **state)
{
	(void)state;
	stage_close();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(priority_left_in_the_meantime_outlives_the_owner),
		cmocka_unit_test(a_gib_is_had_by_a_walk_or_as_a_whole),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
