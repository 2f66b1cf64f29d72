// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * real_still.c - threads of the hunt that stand still: in a service of the OS that takes its time,
 * and between any two instructions, as CPUs do in SMM, or virtual ones whose turn is over.
 *
 * For some time, or until others have ended some operations: a busy machine, on which all are slow,
 * is to show as much as an idle one. The kernel's own scheduling stops threads too, but so seldom
 * that a mistake with a window of two instructions takes hours to show.
 */
#include <errno.h>
#include <signal.h>
#include <time.h>

#include "machine/clock.h"
#include "lab/real/real_internal.h"

#define STILL_SIGNAL SIGUSR2
#define TICK_NS	     20000u
/* Others may be standing still as well. */
#define MOST_NS	 UINT64_C(3000000)
#define AWAIT_NS UINT64_C(2000000)
/* Whoever makes a pool grow has to draw it dry before. */
#define GROWTH_NS UINT64_C(20000000)

static struct real_board *board;

static void sleep_ns(uint64_t ns)
{
	struct timespec t = { .tv_nsec = (long)ns };

	nanosleep(&t, NULL);
}

static uint64_t all_ops(void)
{
	uint64_t sum = 0;

	/* Relaxed: figures. */
	for (uint32_t i = 0; i < REAL_OPS; i++)
		sum += os_load64(&board->ops[i], OS_RELAXED);
	return sum;
}

/* Calls nothing that a signal handler may not call. */
void real_stand_still(uint32_t ops)
{
	uint64_t until = all_ops() + ops, end = clock_ns() + MOST_NS;

	while (all_ops() < until && clock_ns() < end && !os_load32(&board->stop, OS_RELAXED))
		sleep_ns(TICK_NS);
}

static void await(const struct real_hunt *hunt, const os_a32_t *threads, uint64_t ns)
{
	uint64_t end = clock_ns() + ns;

	/* Relaxed: roughly. */
	while (!os_load32(threads, OS_RELAXED) && clock_ns() < end &&
	       clock_ns() < hunt->deadline_ns)
		sleep_ns(TICK_NS);
}

void real_await_service(struct real_hunt *hunt) { await(hunt, &hunt->judge.away, AWAIT_NS); }

void real_await_growth(struct real_hunt *hunt)
{
	os_fetch_add32(&hunt->judge.ready, 1, OS_RELAXED);
	await(hunt, &hunt->judge.growing, GROWTH_NS);
	os_fetch_add32(&hunt->judge.ready, -1u, OS_RELAXED);
}

void real_await_ready(struct real_hunt *hunt) { await(hunt, &hunt->judge.ready, GROWTH_NS); }

static void on_signal(int number, siginfo_t *info, void *context)
{
	int error = errno;

	real_stand_still((uint32_t)info->si_value.sival_int);
	errno = error;
}

void real_still_init(struct real_board *of)
{
	struct sigaction action = { .sa_sigaction = on_signal,
				    .sa_flags = SA_SIGINFO | SA_RESTART };

	board = of;
	sigaction(STILL_SIGNAL, &action, NULL);
}

void *real_still(void *arg)
{
	struct real_hunt *hunt = arg;
	uint64_t random = hunt->seed;

	while (!real_stopped(hunt) && clock_ns() < hunt->deadline_ns) {
		struct real_thread *t = &hunt->thread[real_below(&random, hunt->nr_threads)];
		union sigval ops = { .sival_int = 1 << real_below(&random, 5) };

		sleep_ns(real_below(&random, hunt->still_ns));
		pthread_sigqueue(t->thread, STILL_SIGNAL, ops);
	}
	return NULL;
}
