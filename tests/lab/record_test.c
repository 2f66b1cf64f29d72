// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * record_test.c - what several processors did to a module at once is taken down, and done again
 * one call after the other it gives the same answers.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cmocka.h>

#include "machine/random.h"
#include "port/trap/record.h"
#include "recording.h"
#include "rig.h"

#define NR_THREADS 4
#define CALLS	   1500 /* by each thread, or more: until so many have met somebody */
#define MEETINGS   50
#define GPAS	   16

static struct recorder *recorder;
static FILE *file;
static struct rig_td td;
static uint64_t shared_region, contested_region, pair[2];
static _Thread_local uint64_t random_state;
/* vCPUs in the TD; calls made meanwhile; calls that found something busy. */
static uint32_t inside, beside, busy;

/* In the place of libc's. */
static uint32_t yields;

int sched_yield(void)
{
	__atomic_fetch_add(&yields, 1, __ATOMIC_RELAXED);
	return (int)syscall(SYS_sched_yield);
}

static uint64_t random_below(uint64_t n) { return random_next(&random_state) % n; }

static uint64_t random_gpa(void) { return random_below(GPAS) * TDX_PAGE_SIZE; }

/* Some of everything that a vCPU can do. */
static enum seam_exit guest(void *ctx, struct seam_vcpu *vcpu)
{
	const struct tdx_regs regs = { .rcx = 0xfc08, .r10 = 1, .r11 = 2, .rbx = random_below(9) };
	enum seam_exit how = SEAM_EXIT_NONE;
	tdx_status_t status;

	(void)ctx;
	__atomic_fetch_add(&inside, 1, __ATOMIC_RELAXED);
	for (int i = 0; i < 4 && how == SEAM_EXIT_NONE; i++) {
		uint64_t at = random_gpa(), value = at;

		how = seam_guest_accept(vcpu, gpa(at), TDX_4K, &status);
		if (how == SEAM_EXIT_NONE && random_below(2))
			how = seam_guest_write(vcpu, gpa(at), &value, sizeof(value));
	}
	__atomic_fetch_sub(&inside, 1, __ATOMIC_RELAXED);
	if (how != SEAM_EXIT_NONE)
		return how;
	return random_below(2) ? seam_guest_vmcall(vcpu, &regs) : SEAM_EXIT_INTERRUPT;
}

static struct tdx_regs random_call(uint32_t lp)
{
	uint64_t page = shared_region + (8 + random_below(24)) * TDX_PAGE_SIZE;
	const struct tdx_regs calls[] = {
		{ .rax = TDH_VP_ENTER, .rcx = td.tdvpr[lp], .rbx = 7, .r11 = 3 },
		{ .rax = TDH_VP_ENTER, .rcx = td.tdvpr[lp] },
		{ .rax = TDH_VP_ENTER, .rcx = td.tdvpr[lp] },
		{ .rax = TDH_MEM_PAGE_AUG, .rcx = random_gpa(), .rdx = td.tdr, .r8 = page },
		{ .rax = TDH_MEM_PAGE_AUG, .rcx = random_gpa(), .rdx = td.tdr, .r8 = page },
		{ .rax = TDH_MEM_RANGE_BLOCK, .rcx = random_gpa(), .rdx = td.tdr },
		{ .rax = TDH_MEM_RANGE_UNBLOCK, .rcx = random_gpa(), .rdx = td.tdr },
		{ .rax = TDH_MEM_TRACK, .rcx = td.tdr },
		{ .rax = TDH_MEM_PAGE_REMOVE, .rcx = random_gpa(), .rdx = td.tdr },
		{ .rax = TDH_MEM_SEPT_RD, .rcx = random_gpa(), .rdx = td.tdr },
		{ .rax = TDH_PHYMEM_PAGE_RDMD, .rcx = random_below(2) ? td.tdr : page },
		{ .rax = TDH_PHYMEM_PAMT_ADD,
		  .rcx = contested_region | TDX_2M,
		  .rdx = pair[0],
		  .r8 = pair[1] },
		{ .rax = TDH_PHYMEM_PAMT_REMOVE, .rcx = contested_region | TDX_2M },
		{ .rax = TDH_VP_FLUSH, .rcx = td.tdvpr[lp] },
		{ .rax = TDH_PHYMEM_CACHE_WB },
		{ .rax = 0x1234, .r9 = random_state },
	};

	return calls[random_below(sizeof(calls) / sizeof(calls[0]))];
}

struct worker {
	pthread_t thread;
	struct rig *rig;
	uint32_t lp;
};

static bool met(const uint32_t *count)
{
	return __atomic_load_n(count, __ATOMIC_RELAXED) >= MEETINGS;
}

static void *work(void *arg)
{
	const struct worker *w = arg;

	random_state = w->lp;
	for (int i = 0; i < CALLS || !met(&busy) || !met(&beside); i++) {
		struct tdx_regs regs = random_call(w->lp);

		if (__atomic_load_n(&inside, __ATOMIC_RELAXED))
			__atomic_fetch_add(&beside, 1, __ATOMIC_RELAXED);
		rig_call(w->rig, w->lp, &regs);
		if (tdx_status_is((tdx_status_t){ regs.rax }, TDX_OPERAND_BUSY))
			__atomic_fetch_add(&busy, 1, __ATOMIC_RELAXED);
	}
	return NULL;
}

static void created(struct rig *rig) { record_begin(recorder, rig->seam); }

static void start(struct rig *rig)
{
	file = tmpfile();
	assert_non_null(file);
	rig_init(rig, true, 2);
	rig->created = created;
	rig->config.guest = guest;
	recorder = record_create(fileno(file), &rig->config);
	assert_non_null(recorder);
	rig_start(rig);
	rig_td_create(rig, &td, NR_THREADS);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(rig, &td, 0, level);
	rig_td_finalize(rig, &td);
	shared_region = rig_region(rig);
	rig_add(rig, shared_region);
	contested_region = rig_region(rig);
	pair[0] = rig_page(rig);
	pair[1] = rig_page(rig);
}

static void stop(struct rig *rig)
{
	struct record_troubles troubles = record_end(recorder);

	assert_int_equal(troubles.unnamed, 0);
	assert_int_equal(troubles.unwritten, 0);
	rig_stop(rig);
	record_destroy(recorder);
	rewind(file);
}

static void run_threads(struct rig *rig)
{
	struct worker workers[NR_THREADS];

	for (uint32_t i = 0; i < NR_THREADS; i++) {
		workers[i] = (struct worker){ .rig = rig, .lp = i };
		assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
	}
	for (uint32_t i = 0; i < NR_THREADS; i++)
		pthread_join(workers[i].thread, NULL);
}

static size_t count(const struct vector *vector, enum vector_kind kind)
{
	size_t n = 0;

	for (size_t i = 0; i < vector->nr_items; i++)
		n += vector->items[i].kind == kind;
	return n;
}

static void calls_that_overlap_are_replayed_one_by_one(void **state)
{
	struct replay_result result;
	struct vector vector;
	struct rig rig;

	(void)state;
	start(&rig);
	run_threads(&rig);
	stop(&rig);
	recording_read(file, "recording", &vector);
	result = recording_replay(&vector);
	if (result.failed)
		fail_msg("%u failed, the first is line %u: %s", (unsigned int)result.failed,
			 result.first.item->line, result.first.item->text);
	assert_true(count(&vector, VECTOR_CALL) >= NR_THREADS * CALLS);
	assert_true(count(&vector, VECTOR_HOLD) + count(&vector, VECTOR_LOCK) > 0);
	assert_true(count(&vector, VECTOR_RELEASE) > 0);
	assert_true(count(&vector, VECTOR_ACCEPT) > 0);
	assert_true(count(&vector, VECTOR_ENTER) > 0);
	assert_true(yields > 0);
	assert_int_equal(count(&vector, VECTOR_ENTER), count(&vector, VECTOR_EXIT));
	assert_true(count(&vector, VECTOR_GUEST) > 0);
	assert_true(count(&vector, VECTOR_POKE64) > 0);
	vector_free(&vector);
}

/*
 * Each call that succeeded let all go first that the machine had to do, also where nobody else made
 * calls: beside two compilers a TD that ends took minutes.
 */
static void one_processor_alone_yields_to_nobody(void **state)
{
	struct rig rig;

	(void)state;
	start(&rig);
	yields = 0;
	for (int i = 0; i < 100; i++) {
		struct tdx_regs regs = { .rax = TDH_PHYMEM_PAGE_RDMD, .rcx = td.tdr };

		rig_call(&rig, 1, &regs);
		assert_int_equal(regs.rax, TDX_SUCCESS);
	}
	assert_in_range(yields, 0, 1); /* the first call comes behind another LP's */
	stop(&rig);
	fclose(file);
}

static void a_wrong_answer_is_found(void **state)
{
	struct vector_item *last = NULL;
	struct replay_result result;
	struct vector vector;
	struct rig rig;

	(void)state;
	start(&rig);
	stop(&rig);
	recording_read(file, "recording", &vector);
	for (size_t i = 0; i < vector.nr_items; i++)
		if (vector.items[i].kind == VECTOR_CALL)
			last = &vector.items[i];
	assert_non_null(last);
	last->call.after.rax ^= TDX_OPERAND_BUSY;
	result = recording_replay(&vector);
	assert_int_equal(result.failed, 1);
	assert_ptr_equal(result.first.item, last);
	vector_free(&vector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(calls_that_overlap_are_replayed_one_by_one),
		cmocka_unit_test(one_processor_alone_yields_to_nobody),
		cmocka_unit_test(a_wrong_answer_is_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
