// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lock_test.c - lock words: who gets them, what a failed try leaves behind, what else is in the
 * word and stays.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "seam/lock.h"
#include "seam/call.h"
#include "seam/sept.h"

#define METADATA UINT64_C(0xabcdef0123450000)

static void readers_share_and_a_writer_is_alone(void **state)
{
	os_a64_t word = { METADATA };
	uint64_t found;

	(void)state;
	assert_true(sharex_hp_shared(&word, 0, &found));
	assert_true(sharex_hp_shared(&word, 0, &found));
	assert_false(sharex_hp_exclusive(&word, 0, &found));
	lock_unlock_shared(&word, -LOCK_HP_READER);
	lock_unlock_shared(&word, -LOCK_HP_READER);
	assert_true(sharex_hp_exclusive(&word, 0, &found));
	assert_false(sharex_hp_shared(&word, 0, &found));
	assert_false(sharex_hp_exclusive(&word, 0, &found));
	sharex_hp_unlock_exclusive(&word, 0);
	assert_true(sharex_hp_shared(&word, 0, &found));
	lock_unlock_shared(&word, -LOCK_HP_READER);
	assert_int_equal(word.v, METADATA);
}

static void a_failed_try_leaves_host_priority_and_a_success_takes_it(void **state)
{
	os_a64_t word = { METADATA };
	uint64_t found;

	(void)state;
	assert_true(sharex_hp_exclusive(&word, 0, &found));
	assert_false(sharex_hp_exclusive(&word, 0, &found));
	sharex_hp_unlock_exclusive(&word, 0);
	assert_int_equal(word.v, METADATA | LOCK_HP);
	assert_true(sharex_hp_shared(&word, 0, &found));
	assert_int_equal(word.v, METADATA | LOCK_HP_READER);
	assert_false(sharex_hp_exclusive(&word, 0, &found));
	lock_unlock_shared(&word, -LOCK_HP_READER);
	assert_int_equal(word.v, METADATA | LOCK_HP);
	assert_true(sharex_hp_exclusive(&word, 0, &found));
	assert_int_equal(word.v, METADATA | LOCK_EXCLUSIVE);
	sharex_hp_unlock_exclusive(&word, 0);
}

static void only_the_sole_reader_is_promoted(void **state)
{
	os_a64_t word = { METADATA };
	uint64_t found;

	(void)state;
	assert_true(sharex_hp_shared(&word, 0, &found));
	assert_true(sharex_hp_shared(&word, 0, &found));
	assert_false(sharex_hp_promote(&word));
	lock_unlock_shared(&word, -LOCK_HP_READER);
	assert_int_equal(word.v, METADATA | LOCK_HP_READER | LOCK_HP);
	assert_true(sharex_hp_promote(&word));
	assert_int_equal(word.v, METADATA | LOCK_EXCLUSIVE);
	sharex_hp_unlock_exclusive(&word, 0);
	assert_int_equal(word.v, METADATA);
}

static void the_owner_clears_strays(void **state)
{
	/* A reader that looked before the owner came, and added itself after. */
	os_a64_t word = { METADATA | LOCK_EXCLUSIVE | 3 * LOCK_HP_READER };

	(void)state;
	sharex_hp_unlock_exclusive(&word, 0);
	assert_int_equal(word.v, METADATA);
	word.v = LOCK_EXCLUSIVE | 3 * LOCK_READER;
	sharex_unlock_exclusive(&word);
	assert_int_equal(word.v, 0);
}

static void failed_readers_do_not_pile_up(void **state)
{
	os_a64_t word = { METADATA };
	uint64_t found;

	(void)state;
	assert_true(sharex_hp_exclusive(&word, 0, &found));
	for (int i = 0; i < 100000; i++)
		assert_false(sharex_hp_shared(&word, 0, &found));
	assert_int_equal(word.v, METADATA | LOCK_EXCLUSIVE | LOCK_HP);
}

static void a_pair_is_taken_in_one_step_or_not_at_all(void **state)
{
	const uint64_t hp = LOCK_HP | LOCK_HP << PAIR_SECOND;
	os_a64_t word = { hp };
	uint64_t found;

	(void)state;
	assert_true(pair_lock(&word, false));
	assert_int_equal(word.v, LOCK_HP_READER | LOCK_HP_READER << PAIR_SECOND);
	assert_true(pair_lock(&word, false));
	assert_false(pair_lock(&word, true));
	lock_unlock_shared(&word, lock_add(LOCK_PAIR_S));
	lock_unlock_shared(&word, lock_add(LOCK_PAIR_S));
	assert_int_equal(word.v, 0);

	/* Each of them for itself keeps the pair away, and is left no mark by a try for both. */
	assert_true(sharex_hp_exclusive(&word, 0, &found));
	assert_false(pair_lock(&word, false));
	assert_int_equal(word.v, LOCK_EXCLUSIVE);
	sharex_hp_unlock_exclusive(&word, 0);
	assert_true(sharex_hp_shared(&word, PAIR_SECOND, &found));
	assert_true(pair_lock(&word, false));
	assert_false(pair_lock(&word, true));
	lock_unlock_shared(&word, lock_add(LOCK_PAIR_S));
	lock_unlock_shared(&word, lock_add(LOCK_SECOND_S));
	assert_int_equal(word.v, 0);
}

static void who_has_the_second_of_a_pair_leaves_the_first_to_others(void **state)
{
	os_a64_t word = { 0 };
	uint64_t found;

	(void)state;
	assert_true(pair_lock(&word, true));
	assert_true(sharex_hp_shared(&word, 0, &found));
	assert_false(sharex_hp_shared(&word, PAIR_SECOND, &found));
	assert_false(sharex_hp_exclusive(&word, 0, &found));
	/* A stray at each of them: the second's goes with its owner, the first has none. */
	word.v += LOCK_HP_READER << PAIR_SECOND;
	pair_unlock_exclusive(&word);
	assert_int_equal(word.v, LOCK_HP_READER | LOCK_HP | LOCK_HP << PAIR_SECOND);
	lock_unlock_shared(&word, lock_add(LOCK_SHAREX_HP_S));
	assert_true(sharex_hp_exclusive(&word, PAIR_SECOND, &found));
	assert_int_equal(word.v, LOCK_HP | LOCK_EXCLUSIVE << PAIR_SECOND);
	sharex_hp_unlock_exclusive(&word, PAIR_SECOND);
	assert_int_equal(word.v, LOCK_HP);
}

static void plain_locks_know_no_priority(void **state)
{
	os_a64_t word = { 0 };

	(void)state;
	assert_true(sharex_shared(&word));
	assert_false(sharex_exclusive(&word));
	lock_unlock_shared(&word, -LOCK_READER);
	assert_true(sharex_exclusive(&word));
	assert_false(sharex_shared(&word));
	sharex_unlock_exclusive(&word);
	assert_true(mutex_word_trylock(&word));
	assert_false(mutex_word_trylock(&word));
	mutex_word_unlock(&word);
	assert_int_equal(word.v, 0);
}

static void a_host_that_fails_on_an_entry_goes_before_the_guest(void **state)
{
	os_a64_t entry = { SEPT_SVE };
	uint64_t found;

	(void)state;
	assert_true(sept_lock_host(&entry, &found));
	assert_false(sept_lock_host(&entry, &found));
	sept_set(&entry, SEPT_SVE | SEPT_TDP);
	assert_int_equal(entry.v, SEPT_SVE | SEPT_TDP | SEPT_HP);
	assert_true(sept_lock_host(&entry, &found));
	assert_int_equal(entry.v, SEPT_SVE | SEPT_TDP | SEPT_LOCK);
	sept_unlock(&entry);
	assert_int_equal(entry.v, SEPT_SVE | SEPT_TDP);
}

static void what_is_found_is_what_stays_while_the_lock_is_held(void **state)
{
	os_a64_t word = { METADATA | LOCK_HP }, entry = { SEPT_SVE | SEPT_HP };
	uint64_t found = 0;

	(void)state;
	assert_true(sharex_hp_shared(&word, 0, &found));
	assert_int_equal(found & ~LOCK_MASK, METADATA);
	lock_unlock_shared(&word, -LOCK_HP_READER);
	assert_true(sharex_hp_exclusive(&word, 0, &found));
	assert_int_equal(found & ~LOCK_MASK, METADATA);
	sharex_hp_unlock_exclusive(&word, 0);
	assert_true(sept_lock_host(&entry, &found));
	assert_int_equal(found, SEPT_SVE);
	sept_unlock(&entry);
}

/*
 * The owner ends its ownership while others leave strays and host priority in the word. Nobody may
 * be lost: a reader that is missing would leave a count behind, one too many would keep the owners
 * out for ever.
 */
#define THREADS 4
#define ROUNDS	20000

struct crowd {
	os_a64_t word;
	uint64_t written; /* by owners: no atomic, the lock is all there is */
	uint64_t owned[THREADS];
};

struct member {
	struct crowd *crowd;
	uint32_t number;
	pthread_t thread;
};

static void *come_and_go(void *arg)
{
	struct member *me = arg;
	struct crowd *crowd = me->crowd;
	uint64_t found, seen = 0;

	for (uint32_t i = 0; i < ROUNDS; i++) {
		if ((i + me->number) % 3 && sharex_hp_shared(&crowd->word, 0, &found)) {
			if (crowd->written < seen || found >> 16 != METADATA >> 16)
				abort();
			seen = crowd->written;
			lock_unlock_shared(&crowd->word, -LOCK_HP_READER);
		} else if (sharex_hp_exclusive(&crowd->word, 0, &found)) {
			crowd->written++;
			crowd->owned[me->number]++;
			sharex_hp_unlock_exclusive(&crowd->word, 0);
		}
	}
	return NULL;
}

static void owners_that_leave_lose_no_reader(void **state)
{
	struct crowd crowd = { .word = { METADATA } };
	struct member member[THREADS];
	uint64_t owned = 0;

	(void)state;
	for (uint32_t i = 0; i < THREADS; i++) {
		member[i] = (struct member){ .crowd = &crowd, .number = i };
		assert_int_equal(pthread_create(&member[i].thread, NULL, come_and_go, &member[i]),
				 0);
	}
	for (uint32_t i = 0; i < THREADS; i++) {
		pthread_join(member[i].thread, NULL);
		owned += crowd.owned[i];
	}
	assert_true(owned > 0);
	assert_int_equal(crowd.written, owned);
	assert_int_equal(crowd.word.v & ~LOCK_HP, METADATA);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(readers_share_and_a_writer_is_alone),
		cmocka_unit_test(a_failed_try_leaves_host_priority_and_a_success_takes_it),
		cmocka_unit_test(only_the_sole_reader_is_promoted),
		cmocka_unit_test(the_owner_clears_strays),
		cmocka_unit_test(failed_readers_do_not_pile_up),
		cmocka_unit_test(a_pair_is_taken_in_one_step_or_not_at_all),
		cmocka_unit_test(who_has_the_second_of_a_pair_leaves_the_first_to_others),
		cmocka_unit_test(plain_locks_know_no_priority),
		cmocka_unit_test(a_host_that_fails_on_an_entry_goes_before_the_guest),
		cmocka_unit_test(what_is_found_is_what_stays_while_the_lock_is_held),
		cmocka_unit_test(owners_that_leave_lose_no_reader),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
