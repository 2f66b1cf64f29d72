// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * host_test.c - what a VMM does with TDs, on the KVM of the machine it runs on. Prints KTAP; exits
 * with 1 if a test failed. Made for the machine of kernel/vm linux, whose TDs run a known program.
 *
 *	host-test		all tests
 *	host-test WORD...	those whose names begin with one of the words
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "td.h"

#define MB	(UINT64_C(1) << 20)
#define MAX_TDS 4u
/* What hangs is found; nothing is said of how long anything takes. */
#define LIMIT_S 240u
/* TDs whose thread is moved while it builds them. */
#define MOVED_TDS 20u

/* 32 MB, a vCPU: 64 pages of each region, 8 conversions. */
static const struct td_plan small = {
	.bytes = 32 * MB, .vcpus = 1, .percent_4k = 100, .pages_4k = 64, .flips = 8, .seed = 7
};

static struct td tds[MAX_TDS];

static bool fail(const char *what)
{
	printf("# %s\n", what);
	return false;
}

static void tell(const struct td *td)
{
	uint64_t runs = 0, conversions = 0, faults = 0;
	uint32_t flips = 0;

	for (uint32_t i = 0; i < td->plan.vcpus; i++) {
		runs += td->vcpu[i].runs;
		conversions += td->vcpu[i].conversions;
		faults += td->vcpu[i].memory_faults;
		flips += td->vcpu[i].flips;
	}
	printf("# %u vCPUs: %llu returns from KVM_RUN, %llu conversions, %llu memory faults, "
	       "%u flips\n",
	       td->plan.vcpus, (unsigned long long)runs, (unsigned long long)conversions,
	       (unsigned long long)faults, flips);
}

/* Built and started, or closed again. */
static bool begin(struct td *td, const struct td_plan *plan)
{
	if (!td_build(td, plan) && !td_start(td))
		return true;
	fail(td->failed);
	td_close(td);
	return false;
}

/* To the end of what its vCPUs do; each flip is two conversions. */
static bool end(struct td *td)
{
	bool fine = !td_wait(td, LIMIT_S);

	if (!fine)
		fail(td->failed);
	tell(td);
	for (uint32_t i = 0; fine && i < td->plan.vcpus; i++) {
		const struct td_vcpu *vcpu = &td->vcpu[i];

		if (vcpu->flips != td->plan.flips || vcpu->conversions != 2ull * vcpu->flips)
			fine = fail("a vCPU has not converted what it was told to");
	}
	return fine;
}

static bool lives(const struct td_plan *plan)
{
	bool fine;

	if (!begin(&tds[0], plan))
		return false;
	fine = end(&tds[0]);
	td_close(&tds[0]);
	return fine;
}

static bool td_without_orders_switches_itself_off(void)
{
	struct td_plan plan = small;
	struct td *td = &tds[0];
	bool fine;

	plan.no_orders = true;
	if (!begin(td, &plan))
		return false;
	fine = !td_wait(td, LIMIT_S);
	if (!fine)
		fail(td->failed);
	tell(td);
	td_close(td);
	return fine;
}

/* nr TDs at the same time. */
static bool live_together(const struct td_plan *plan, unsigned int nr)
{
	unsigned int started = 0;
	bool fine;

	while (started < nr && begin(&tds[started], plan))
		started++;
	fine = started == nr;
	for (unsigned int i = 0; i < started; i++)
		fine = end(&tds[i]) && fine;
	for (unsigned int i = 0; i < started; i++)
		td_close(&tds[i]);
	return fine;
}

/* ------------------------------------------------------------------------------------------- */

static bool td_with_one_vcpu_lives(void) { return lives(&small); }

/* It accepts by 2M, and is told that the pages are smaller. */
static bool td_that_accepts_2m_lives(void)
{
	struct td_plan plan = small;

	plan.percent_4k = 25;
	plan.bytes = 16 * MB;
	plan.flips = 4;
	return lives(&plan);
}

static bool td_with_four_vcpus_lives(void)
{
	struct td_plan plan = small;

	plan.vcpus = 4;
	return lives(&plan);
}

static bool four_tds_of_four_vcpus_live_together(void)
{
	struct td_plan plan = small;

	plan.vcpus = 4;
	plan.pages_4k = 192;
	plan.flips = 32;
	return live_together(&plan, 4);
}

static bool td_lives_after_all_others_ended(void) { return lives(&small) && lives(&small); }

static bool td_ends_while_others_run(void)
{
	struct td_plan plan = small;
	bool fine = true;

	plan.vcpus = 2;
	plan.flips = 64;
	if (!begin(&tds[0], &plan))
		return false;
	/* Built, started and torn down in the middle, with vCPUs in KVM_RUN. */
	for (unsigned int i = 0; fine && i < 3; i++) {
		fine = begin(&tds[1], &plan);
		if (fine)
			td_close(&tds[1]);
	}
	fine = end(&tds[0]) && fine;
	td_close(&tds[0]);
	return fine;
}

static bool td_never_run_is_torn_down(void)
{
	bool fine = !td_build(&tds[0], &small);

	if (!fine)
		fail(tds[0].failed);
	td_close(&tds[0]);
	return fine;
}

/* ------------------------------------------------------------------------------------------- */
/* Memory                                                                                       */

/* Holes in the memory of a TD that has finished; then it goes. */
static bool memory_is_punched(void)
{
	struct td *td = &tds[0];
	bool fine;

	if (!begin(td, &small))
		return false;
	fine = end(td);
	/* One page of a region, a region, and the rest, the image among it. */
	if (fine && (td_punch(td, 3 * 2 * MB + 4096, 4096) || td_punch(td, 4 * 2 * MB, 2 * MB) ||
		     td_punch(td, 0, td->plan.bytes)))
		fine = fail(td->failed);
	td_close(td);
	return fine;
}

/* The VMM converts by itself, while vCPUs run on the rest. */
static bool memory_is_converted_under_a_running_td(void)
{
	struct td_plan plan = small;
	struct td *td = &tds[0];
	bool fine = true;

	plan.bytes = 64 * MB;
	plan.spare = 32 * MB;
	plan.flips = 64;
	plan.vcpus = 2;
	if (td_build(td, &plan) || td_prefault(td, 32 * MB, 32 * MB) || td_start(td))
		fine = fail(td->failed);
	for (unsigned int i = 0; fine && i < 50; i++) {
		/* Behind what the guest uses, mapped before it started. */
		uint64_t at = 32 * MB + i % 16 * 2 * MB;

		if (td_set_private(td, at, 2 * MB, false) || td_set_private(td, at, 2 * MB, true))
			fine = fail(td->failed);
	}
	fine = fine && end(td);
	td_close(td);
	return fine;
}

static bool memory_is_prefaulted(void)
{
	struct td *td = &tds[0];
	bool fine = true;

	if (td_build(td, &small) || td_prefault(td, 0, td->plan.bytes))
		fine = fail(td->failed);
	if (fine && td_start(td))
		fine = fail(td->failed);
	fine = fine && end(td);
	td_close(td);
	return fine;
}

/* ------------------------------------------------------------------------------------------- */
/* What is refused                                                                              */

/* Did this step fail, with this error? */
static bool refused(const char *what, int result, int error)
{
	if (result && errno == error)
		return true;
	printf("# %s: %s, expected: %s\n", what, result ? strerror(errno) : "accepted",
	       strerror(error));
	return false;
}

static bool steps_out_of_order_are_refused(void)
{
	struct td *td = &tds[0];
	bool fine = true;

	if (td_build(td, &small)) {
		fine = fail(td->failed);
	} else {
		fine &= refused("KVM_TDX_INIT_VM again", td_again(td, TD_STEP_INIT_VM), EINVAL);
		fine &= refused("KVM_TDX_INIT_VCPU again", td_again(td, TD_STEP_INIT_VCPU), EINVAL);
		fine &= refused("KVM_TDX_INIT_MEM_REGION of a TD that is finalised",
				td_again(td, TD_STEP_INIT_MEM_REGION), EINVAL);
		fine &= refused("KVM_TDX_FINALIZE_VM again", td_again(td, TD_STEP_FINALIZE),
				EINVAL);
	}
	td_close(td);
	return fine;
}

/* ------------------------------------------------------------------------------------------- */
/* The machine                                                                                  */

/* A process with a running TD dies; its TD goes with it. */
static bool process_is_killed_in_the_middle(void)
{
	struct td_plan plan = small;
	bool fine = true;

	plan.vcpus = 2;
	plan.flips = 1000000;
	for (unsigned int i = 0; fine && i < 4; i++) {
		int status;
		pid_t child = fork();

		if (!child)
			_exit(begin(&tds[0], &plan) ? pause() : 1);
		/* At another point each time: while it builds, while it runs. */
		usleep(50000 + 250000 * i);
		kill(child, SIGKILL);
		waitpid(child, &status, 0);
		if (!WIFSIGNALED(status))
			fine = fail("the process could not build its TD");
	}
	return fine && lives(&small);
}

static bool set_cpu(unsigned int cpu, bool online)
{
	char path[64];
	int fd, error;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%u/online", cpu);
	fd = open(path, O_WRONLY);
	error = fd < 0 || write(fd, online ? "1" : "0", 1) != 1;
	if (fd >= 0)
		close(fd);
	return !error;
}

static bool cpu_goes_offline_under_running_tds(void)
{
	struct td_plan plan = small;
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	bool fine;

	plan.vcpus = 2;
	plan.flips = 64;
	if (!begin(&tds[0], &plan))
		return false;
	fine = cpus > 1 && set_cpu((unsigned int)cpus - 1, false);
	if (!fine)
		fail("the last CPU cannot be taken offline");
	fine = end(&tds[0]) && fine;
	fine = lives(&small) && fine;
	fine = set_cpu((unsigned int)cpus - 1, true) && fine;
	fine = lives(&small) && fine;
	td_close(&tds[0]);
	return fine;
}

/*
 * SEAMCALL in user mode: an exception. A processor in VMX operation raises #GP, QEMU #UD, since it
 * does not know the instruction.
 */
static bool seamcall_of_a_program_kills_it(void)
{
	int status = 0;
	pid_t child = fork();

	if (!child) {
		__asm__ volatile(".byte 0x66, 0x0f, 0x01, 0xcf" : : "a"(0) : "memory", "cc");
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		return fail("no child to wait for");
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGILL || WTERMSIG(status) == SIGSEGV))
		return true;
	return fail("it went on, or ended in another way");
}

struct mover {
	pid_t thread;
	long cpus;
	bool stop;
};

/* Moves a thread from CPU to CPU. */
static void *move_about(void *arg)
{
	struct mover *mover = arg;

	for (unsigned int i = 0; !__atomic_load_n(&mover->stop, __ATOMIC_RELAXED); i++) {
		cpu_set_t there;

		CPU_ZERO(&there);
		CPU_SET(i % (unsigned long)mover->cpus, &there);
		sched_setaffinity(mover->thread, sizeof(there), &there);
	}
	return NULL;
}

/*
 * Only by name, since KVM of Linux 7.3 does not keep this: TDs are built by a thread that is moved
 * all the time (td.c says what goes wrong). What counts here is that a TD can be had afterwards.
 */
static bool thread_moves_while_it_initialises_vcpus(void)
{
	struct mover mover = { .thread = gettid(), .cpus = sysconf(_SC_NPROCESSORS_ONLN) };
	struct td_plan plan = small;
	unsigned int lost = 0;
	pthread_t thread;
	cpu_set_t all;

	plan.vcpus = 4;
	plan.restless = true;
	if (sched_getaffinity(0, sizeof(all), &all) ||
	    pthread_create(&thread, NULL, move_about, &mover))
		return fail("no thread that moves this one");
	for (unsigned int i = 0; i < MOVED_TDS; i++) {
		if (td_build(&tds[0], &plan) && !lost++)
			fail(tds[0].failed);
		td_close(&tds[0]);
	}
	__atomic_store_n(&mover.stop, true, __ATOMIC_RELAXED);
	pthread_join(thread, NULL);
	sched_setaffinity(0, sizeof(all), &all);
	printf("# %u of %u TDs lost\n", lost, MOVED_TDS);
	return lives(&small);
}

/*
 * Only by name, for a machine with a guard: a word of each page of the first node's memory is read,
 * of the TD's, which is put there, and the module's too.
 */
static bool guard_sees_what_reads_all_memory(void)
{
	int fd = open("/dev/mem", O_RDONLY);
	unsigned int pages = 0;
	cpu_set_t first;
	uint64_t word;
	bool fine;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	fine = fd >= 0 && !sched_setaffinity(0, sizeof(first), &first) && begin(&tds[0], &small);
	if (!fine)
		return fail("no /dev/mem, or no TD");
	fine = end(&tds[0]);
	for (off_t at = MB; at < (off_t)(1024 * MB); at += 4096)
		if (pread(fd, &word, sizeof(word), at) == sizeof(word))
			pages++;
	printf("# %u pages read\n", pages);
	close(fd);
	td_close(&tds[0]);
	if (pages < MB / 4096 * 1000)
		return fail("/dev/mem shows no memory: is the kernel built with STRICT_DEVMEM?");
	return fine;
}

static const struct {
	const char *name;
	bool (*run)(void);
	bool by_name_only;
} tests[] = {
#define TEST(name)                 \
	{                          \
#name, name, false \
	}
	TEST(td_with_one_vcpu_lives),
	TEST(td_that_accepts_2m_lives),
	TEST(td_with_four_vcpus_lives),
	TEST(td_without_orders_switches_itself_off),
	TEST(td_lives_after_all_others_ended),
	TEST(td_never_run_is_torn_down),
	TEST(four_tds_of_four_vcpus_live_together),
	TEST(td_ends_while_others_run),
	TEST(memory_is_punched),
	TEST(memory_is_converted_under_a_running_td),
	TEST(memory_is_prefaulted),
	TEST(steps_out_of_order_are_refused),
	TEST(seamcall_of_a_program_kills_it),
	TEST(process_is_killed_in_the_middle),
	TEST(cpu_goes_offline_under_running_tds),
	{ "thread_moves_while_it_initialises_vcpus", thread_moves_while_it_initialises_vcpus,
	  true },
	{ "guard_sees_what_reads_all_memory", guard_sees_what_reads_all_memory, true },
};
#define NR_TESTS (sizeof(tests) / sizeof(tests[0]))

static bool wanted(size_t i, char **words)
{
	for (char **word = words; *word; word++)
		if (!strncmp(tests[i].name, *word, strlen(*word)))
			return true;
	return !*words && !tests[i].by_name_only;
}

int main(int argc, char **argv)
{
	unsigned int ran = 0, failed = 0;

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("KTAP version 1\n");
	for (size_t i = 0; i < NR_TESTS; i++) {
		bool fine;

		if (!wanted(i, argv + 1))
			continue;
		fine = tests[i].run();
		printf("%s %u %s\n", fine ? "ok" : "not ok", ++ran, tests[i].name);
		failed += !fine;
	}
	printf("1..%u\n", ran);
	return failed || !ran;
}
