// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * primitives_test.c - locks of the threads port: they exclude, they let readers share, and a
 * writer gets its turn.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

#include <pamt/os.h>

#define NR_THREADS 4
#define ROUNDS	   20000u

/* Plain counters: a lock that does not exclude loses counts, and TSan says where. */
struct shared {
	struct os_spin spin;
	struct os_mutex mutex;
	struct os_rwlock rwlock;
	uint64_t by_spin, by_mutex, by_writer, by_writer_too;
	uint32_t torn;
	os_a32_t stop, readers;
};

static void *count(void *arg)
{
	struct shared *shared = arg;

	for (unsigned int i = 0; i < ROUNDS; i++) {
		os_irq_t flags = os_spin_lock(&shared->spin);

		shared->by_spin++;
		os_spin_unlock(&shared->spin, flags);

		os_mutex_lock(&shared->mutex);
		shared->by_mutex++;
		os_mutex_unlock(&shared->mutex);

		if (i % 16 == 0) {
			os_write_lock(&shared->rwlock);
			shared->by_writer++;
			shared->by_writer_too++;
			os_write_unlock(&shared->rwlock);
		}
		os_read_lock(&shared->rwlock);
		if (shared->by_writer != shared->by_writer_too)
			__atomic_fetch_add(&shared->torn, 1, __ATOMIC_RELAXED);
		os_read_unlock(&shared->rwlock);
	}
	return NULL;
}

static void locks_exclude(void **state)
{
	struct shared shared = { 0 };
	pthread_t thread[NR_THREADS];

	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count, &shared), 0);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(shared.by_spin, NR_THREADS * ROUNDS);
	assert_int_equal(shared.by_mutex, NR_THREADS * ROUNDS);
	assert_int_equal(shared.by_writer, NR_THREADS * (ROUNDS / 16));
	assert_int_equal(shared.torn, 0);
}

/* Two of these always overlap: the lock is never free of readers for long. */
static void *read_on_and_on(void *arg)
{
	struct shared *shared = arg;

	while (!os_load32(&shared->stop, OS_RELAXED)) {
		os_read_lock(&shared->rwlock);
		os_fetch_add32(&shared->readers, 1, OS_RELAXED);
		for (unsigned int i = 0; i < 100; i++)
			os_relax();
		os_fetch_add32(&shared->readers, UINT32_MAX, OS_RELAXED);
		os_read_unlock(&shared->rwlock);
	}
	return NULL;
}

static void readers_share_and_a_writer_gets_in(void **state)
{
	struct shared shared = { 0 };
	pthread_t thread[NR_THREADS];
	uint32_t most = 0;

	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, read_on_and_on, &shared), 0);
	for (unsigned int i = 0; i < 1000000 && most < 2; i++) {
		uint32_t now = os_load32(&shared.readers, OS_RELAXED);

		most = now > most ? now : most;
		os_relax();
	}
	assert_in_range(most, 2, NR_THREADS);
	for (unsigned int i = 0; i < 20; i++) {
		os_write_lock(&shared.rwlock);
		assert_int_equal(os_load32(&shared.readers, OS_RELAXED), 0);
		os_write_unlock(&shared.rwlock);
	}
	os_store32(&shared.stop, 1, OS_RELAXED);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
}

struct sleeper {
	struct os_mutex mutex;
	os_a32_t got;
};

static void *take_and_say(void *arg)
{
	struct sleeper *sleeper = arg;

	os_mutex_lock(&sleeper->mutex);
	os_fetch_add32(&sleeper->got, 1, OS_RELAXED);
	os_mutex_unlock(&sleeper->mutex);
	return NULL;
}

static void everyone_who_sleeps_on_a_mutex_is_woken(void **state)
{
	struct sleeper sleeper = { 0 };
	pthread_t thread[NR_THREADS];

	os_mutex_lock(&sleeper.mutex);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, take_and_say, &sleeper), 0);
	usleep(20000);
	assert_int_equal(os_load32(&sleeper.got, OS_RELAXED), 0);
	os_mutex_unlock(&sleeper.mutex);
	for (unsigned int i = 0; i < NR_THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(os_load32(&sleeper.got, OS_RELAXED), NR_THREADS);
	assert_int_equal(sleeper.mutex.word, 0);
}

static void waiting_for_a_change_ends_when_it_came_and_is_bounded(void **state)
{
	os_a16_t word = { 5 };

	os_wait_change16(&word, 4);
	os_wait_change16(&word, 5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(locks_exclude),
		cmocka_unit_test(readers_share_and_a_writer_gets_in),
		cmocka_unit_test(everyone_who_sleeps_on_a_mutex_is_woken),
		cmocka_unit_test(waiting_for_a_change_ends_when_it_came_and_is_bounded),
	};

	return cmocka_run_group_tests_name("primitives", tests, NULL, NULL);
}
