// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * remove_test.c - PAMT.REMOVE fails at random, a thousand times with each status that it can
 * answer, under four threads that use everything: what region.h promises for that status, and all
 * memory that can be recovered is, to the page.
 *
 * The module's answers are not taken lightly. NO_PAMT_PAGE_PAIR is made true before it is said:
 * the pair is really removed behind the host's back. PAMT_PAGE_NOT_EMPTY is said of a region that
 * has its pair and keeps it, and from then on no PAMT.REMOVE of that region may be seen.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "small_guest.h"
#include "host/pool.h"
#include "host/region.h"

/* Under a sanitizer everything takes ten times as long. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define FAILURES 100
#else
#define FAILURES 1000
#endif

#define THREADS	    RIG_CPUS
#define UPPER	    (UINT64_C(4) << 30)
#define UPPER_BYTES (UINT64_C(8) << 30)
#define NR_REGIONS  ((UPPER + UPPER_BYTES) >> TDX_2M_SHIFT)
/* A leaked region cannot fail again: there must be more regions than failures. */
#define NR_BLOCKS   3000u
#define NR_MIXED    4u /* of these, where a 2M page may be as well */
#define MAX_CONTROL 48u
/* No run ends by want of failures; if one did, it would not run for ever. */
#define MAX_ROUNDS 4000000u

static const struct fault {
	uint64_t status;
	uint32_t in_a_row; /* calls that get this answer, if nobody comes in between */
	bool steal;	   /* the pair is removed first */
	bool leak;	   /* the region must not be seen again */
} faults[] = {
	{ TDX_OPERAND_BUSY | TDX_OP_RCX, 1, false, false },
	{ TDX_OPERAND_BUSY | TDX_OP_RCX, REGION_BUSY_TRIES, false, false },
	{ TDX_SYS_SHUTDOWN, 1, false, false },
	{ TDX_SYS_NOT_READY, 1, false, false },
	{ TDX_OPERAND_INVALID | TDX_OP_RCX, 1, false, false },
	{ TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OP_RCX, 1, false, false },
	{ TDX_SEAMCALL_VMFAILINVALID, 1, false, false },
	{ TDX_PAMT_PAGE_NOT_EMPTY | 0, 1, false, true },
	{ TDX_PAMT_PAGE_NOT_EMPTY | 1, 1, false, true },
	{ TDX_NO_PAMT_PAGE_PAIR | TDX_OP_RCX, 1, true, false },
};
#define NR_FAULTS (sizeof(faults) / sizeof(faults[0]))

/* What is known of a region beside the host: written only by who has its word LOCKED. */
struct known {
	tdx_hpa_t pair[2]; /* as the last PAMT.ADD gave them */
	bool leaked;
};

static struct storm {
	struct rig rig;
	struct guest guest;
	tdx_status_t (*module)(void *ctx, struct tdx_regs *regs);
	tdx_hpa_t block[NR_BLOCKS];
	struct known known[NR_REGIONS];
	uint32_t first_fault, nr_faults; /* which of faults[] this run draws from */
	uint64_t goal;
	os_a64_t started;	      /* failures; one that is repeated counts once */
	os_a64_t answered[NR_FAULTS]; /* calls that got the answer */
	os_a64_t ended[NR_FAULTS];    /* removals that the host gave up on with it */
	os_a64_t removed_after_leak;
	os_a64_t nr_stolen;
	tdx_hpa_t stolen[2 * NR_FAULTS * FAILURES];
	os_a32_t failures; /* of expectations, by threads */
} storm;

struct worker {
	uint32_t cpu;
	uint64_t seed;
	pthread_t thread;
	struct pamt_cache cache;
	tdx_hpa_t control[MAX_CONTROL];
	uint32_t nr_control;
};

/* What a thread answers now, and how often still. */
static _Thread_local uint64_t draw_seed;
static _Thread_local uint32_t repeated_fault, repeats;
static _Thread_local uint64_t repeated_region;

static uint64_t next(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static void expect(bool ok)
{
	if (!ok)
		os_fetch_add32(&storm.failures, 1, OS_RELAXED);
}

/* ------------------------------------------------------------------------------------------- */
/* The module that fails                                                                        */

/* Which fault this PAMT.REMOVE meets, or NULL. */
static const struct fault *draw_fault(uint64_t region)
{
	uint32_t f;

	if (repeats && repeated_region == region) {
		repeats--;
		return &faults[repeated_fault];
	}
	repeats = 0;
	if (!draw_seed || next(&draw_seed) % 3)
		return NULL;
	if (os_fetch_add64(&storm.started, 1, OS_RELAXED) >= storm.goal)
		return NULL;
	f = storm.first_fault + next(&draw_seed) % storm.nr_faults;
	repeated_fault = f;
	repeated_region = region;
	repeats = faults[f].in_a_row - 1;
	return &faults[f];
}

static void steal(void *ctx, uint64_t region, struct tdx_regs regs)
{
	uint64_t at;

	expect(tdx_status_is(storm.module(ctx, &regs), TDX_SUCCESS));
	/* A pair in its own region is a chunk's own, and goes with the chunk. */
	if (hpa_to_region(hpa(regs.rdx)).v == region)
		return;
	at = os_fetch_add64(&storm.nr_stolen, 2, OS_RELAXED);
	storm.stolen[at] = hpa(regs.rdx);
	storm.stolen[at + 1] = hpa(regs.r8);
}

static tdx_status_t remove_pair(void *ctx, uint64_t region, struct tdx_regs *regs)
{
	const struct fault *fault;

	if (storm.known[region].leaked)
		os_fetch_add64(&storm.removed_after_leak, 1, OS_RELAXED);
	fault = draw_fault(region);
	if (!fault)
		return storm.module(ctx, regs);
	os_fetch_add64(&storm.answered[fault - faults], 1, OS_RELAXED);
	if (fault->steal)
		steal(ctx, region, *regs);
	storm.known[region].leaked |= fault->leak;
	*regs = (struct tdx_regs){ .rax = fault->status };
	return (tdx_status_t){ fault->status };
}

static tdx_status_t seamcall(void *ctx, struct tdx_regs *regs)
{
	const struct tdx_regs in = *regs;
	uint64_t region = in.rcx >> TDX_2M_SHIFT;
	tdx_status_t status;

	if (TDX_RAX_LEAF(in.rax) == TDH_PHYMEM_PAMT_REMOVE)
		return remove_pair(ctx, region, regs);
	status = storm.module(ctx, regs);
	if (TDX_RAX_LEAF(in.rax) == TDH_PHYMEM_PAMT_ADD && tdx_status_ok(status)) {
		storm.known[region].pair[0] = hpa(in.rdx);
		storm.known[region].pair[1] = hpa(in.r8);
	}
	return status;
}

/* How each removal ended, as the host says it. */
static void note_removal(void *ctx, const char *event, uint64_t region, uint64_t status)
{
	if (strcmp(event, "pamt.remove"))
		return;
	for (size_t i = 0; i < NR_FAULTS; i++)
		if (faults[i].status == status)
			os_fetch_add64(&storm.ended[i], 1, OS_RELAXED);
}

static void no_log(void *ctx, enum os_log_level level, const char *format, ...) {}

/* ------------------------------------------------------------------------------------------- */
/* The workload                                                                                 */

static void one_page(struct worker *w)
{
	uint32_t i = next(&w->seed) % NR_BLOCKS;
	tdx_pfn_t page = pfn(hpa_to_pfn(storm.block[i]).v + next(&w->seed) % 512);
	bool cached = next(&w->seed) % 2;
	int ret;

	if (cached)
		expect(!pamt_cache_topup(storm.rig.host, &w->cache, 1, 1));
	ret = pamt_get(storm.rig.host, page, cached ? &w->cache : NULL);
	expect(!ret || (i < NR_MIXED && (ret == -OS_EBUSY || ret == -OS_ERANGE)));
	if (!ret)
		pamt_put(storm.rig.host, page);
}

/* A few regions that many meet in, so that counts are more than one. */
static void crowd(struct worker *w)
{
	uint64_t skew = NR_MIXED + next(&w->seed) % 3;
	tdx_pfn_t page = pfn(hpa_to_pfn(storm.block[skew]).v + 100 * w->cpu);

	expect(!pamt_get_range(storm.rig.host, page, 50, NULL));
	one_page(w);
	pamt_put_range(storm.rig.host, page, 50);
}

/* Control pages, so that chunks come and go. */
static void control(struct worker *w)
{
	struct pamt_host *host = storm.rig.host;

	if (w->nr_control < MAX_CONTROL && next(&w->seed) % 8)
		expect(!pamt_alloc_page(host, OS_ANY_NODE, NULL, &w->control[w->nr_control++]));
	else
		while (w->nr_control)
			pamt_free_page(host, w->control[--w->nr_control]);
}

static void pressure(struct worker *w)
{
	struct pamt_host *host = storm.rig.host;

	pamt_set_idle_limit(host, next(&w->seed) % 8);
	pamt_shrink(host, next(&w->seed) % 64);
	if (next(&w->seed) % 32 == 0)
		expect(pamt_verify(host, NULL, NULL) == 0);
}

/* A 2M page: mapped, split, merged, removed. Of CPU 0's TD, so by CPU 0 only. */
static void leaf(struct worker *w)
{
	struct pamt_host *host = storm.rig.host;
	tdx_pfn_t first = hpa_to_pfn(storm.block[next(&w->seed) % NR_MIXED]);
	struct tdx_regs call = guest_aug_2m(&storm.guest, 0, first);
	int ret = pamt_map_2m(host, first, &call);
	tdx_hpa_t sept;

	expect(!ret || ret == -OS_EBUSY || ret == -OS_EAGAIN);
	if (ret)
		return;
	expect(!pamt_alloc_page(host, OS_ANY_NODE, NULL, &sept));
	call = guest_demote(&storm.guest, 0, sept);
	expect(!pamt_split(host, first, &call, NULL));
	call = guest_promote(&storm.guest, 0);
	expect(!pamt_merge(host, first, &call));
	pamt_free_page(host, sept);
	guest_block_2m(&storm.guest, 0);
	call = guest_remove_2m(&storm.guest, 0);
	expect(!pamt_remove_2m(host, first, &call));
	pamt_release_2m(host, first);
}

static void *work(void *arg)
{
	struct worker *w = arg;
	uint32_t rounds = 0;

	threads_bind(storm.rig.port, w->cpu);
	draw_seed = w->seed ^ 0x5bd1e995;
	while (os_load64(&storm.started, OS_RELAXED) < storm.goal && rounds++ < MAX_ROUNDS) {
		uint64_t what = next(&w->seed) % 64;

		if (what < 40)
			one_page(w);
		else if (what < 52)
			crowd(w);
		else if (what < 62)
			control(w);
		else if (what == 62 && w->cpu == 0)
			leaf(w);
		else if (next(&w->seed) % 4 == 0)
			pressure(w);
	}
	/* What is still to be given back is given back to a module that works. */
	draw_seed = 0;
	repeats = 0;
	expect(rounds < MAX_ROUNDS);
	while (w->nr_control)
		pamt_free_page(storm.rig.host, w->control[--w->nr_control]);
	pamt_cache_free(storm.rig.host, &w->cache);
	return NULL;
}

static void run_threads(void)
{
	static struct worker w[THREADS];

	for (uint32_t i = 0; i < THREADS; i++) {
		w[i] = (struct worker){ .cpu = i, .seed = 77 + i };
		assert_int_equal(pthread_create(&w[i].thread, NULL, work, &w[i]), 0);
	}
	for (uint32_t i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	threads_bind(storm.rig.port, 0);
	assert_int_equal(storm.failures.v, 0);
}

/* ------------------------------------------------------------------------------------------- */
/* What must be true afterwards                                                                 */

static uint64_t answered(uint64_t code)
{
	uint64_t n = 0;

	for (size_t i = 0; i < NR_FAULTS; i++)
		if (tdx_status_is((tdx_status_t){ faults[i].status }, code))
			n += storm.answered[i].v;
	return n;
}

static void check_counts(void)
{
	struct pamt_stats s = rig_stats(&storm.rig);
	uint64_t leaked = 0;

	for (uint32_t i = 0; i < NR_REGIONS; i++)
		leaked += storm.known[i].leaked;
	assert_true(storm.started.v >= storm.goal);
	assert_int_equal(storm.removed_after_leak.v, 0);
	assert_int_equal(leaked, answered(TDX_PAMT_PAGE_NOT_EMPTY));
	assert_int_equal(s.leaked_regions, leaked);
	assert_int_equal(s.remove_not_empty, leaked);
	assert_int_equal(s.remove_no_pair, answered(TDX_NO_PAMT_PAGE_PAIR));
	assert_int_equal(s.busy, answered(TDX_OPERAND_BUSY));
	/* The two kinds of BUSY have one status. */
	assert_int_equal(s.remove_busy, storm.ended[0].v);
	assert_int_equal(s.unbalanced_puts, 0);
	assert_int_equal(s.quarantined, 0);
	/* All others are not tried again by the call that met them. */
	for (size_t i = 2; i < NR_FAULTS; i++)
		assert_int_equal(storm.ended[i].v, storm.answered[i].v);
}

/* Every word: nobody is between two states, and COUNT is the leaked user and the pins. */
static void check_words(void)
{
	const struct pamt_host *host = storm.rig.host;
	static uint16_t pins[NR_REGIONS];

	memset(pins, 0, sizeof(pins));
	for (uint64_t b = 0; b < UINT64_C(1) << host->pool[0].all.hash_bits; b++)
		for (const struct chunk *c = host->pool[0].all.hash[b]; c; c = c->hash_next)
			pins[hpa_to_region(c->base).v] += c->state != CHUNK_STUCK;
	for (uint64_t r = 0; r < NR_REGIONS; r++) {
		os_a16_t *word = region_word(host, (region_t){ r });
		uint16_t value = word ? os_load16(word, OS_RELAXED) : 0;
		uint32_t users = pins[r] + storm.known[r].leaked;

		assert_int_equal(region_state(value), storm.known[r].leaked ? REGION_STATE_LEAKED
						      : users		    ? REGION_STATE_USED
									    : REGION_STATE_FREE);
		assert_int_equal(region_count(value), users);
	}
}

/*
 * What cannot be recovered: the pairs of leaked regions, and what was stolen. What that keeps: the
 * chunks that these pages are of, so the pairs that back these chunks, and so on. *pairs: how many
 * pairs are installed then.
 */
static uint64_t lost_pages(uint64_t *pairs)
{
	static tdx_hpa_t todo[2 * NR_REGIONS];
	static bool kept[NR_REGIONS];
	uint64_t nr = storm.nr_stolen.v, pages = 0;

	memset(kept, 0, sizeof(kept));
	memcpy(todo, storm.stolen, nr * sizeof(todo[0]));
	for (uint64_t r = 0; r < NR_REGIONS; r++) {
		if (!storm.known[r].leaked)
			continue;
		kept[r] = true;
		todo[nr++] = storm.known[r].pair[0];
		todo[nr++] = storm.known[r].pair[1];
	}
	*pairs = nr / 2 - storm.nr_stolen.v / 2;
	while (nr) {
		uint64_t r = hpa_to_region(todo[--nr]).v;

		pages++;
		if (kept[r])
			continue;
		kept[r] = true;
		(*pairs)++;
		todo[nr++] = storm.known[r].pair[0];
		todo[nr++] = storm.known[r].pair[1];
	}
	return pages;
}

static void check_recovery(void)
{
	struct rig *rig = &storm.rig;
	uint64_t missing, pairs, pages = lost_pages(&pairs);

	pamt_set_idle_limit(rig->host, 0);
	pamt_shrink(rig->host, UINT64_MAX);
	assert_int_equal(rig_stats(rig).pairs_idle, 0);
	assert_int_equal(rig_stats(rig).os_bytes, pages * TDX_PAGE_SIZE);
	assert_int_equal(rig_stats(rig).pairs_installed, pairs);
	missing = rig->free_bytes - rig_free_bytes(rig);
	assert_int_equal(missing, pamt_layout(rig->host)->pamt_bytes + pages * TDX_PAGE_SIZE);
	check_words();
	rig_expect_sound(rig);
}

static void storm_run(uint32_t first_fault, uint32_t nr_faults)
{
	struct rig *rig = &storm.rig;
	struct pamt_error error;

	memset(&storm, 0, sizeof(storm));
	storm.first_fault = first_fault;
	storm.nr_faults = nr_faults;
	storm.goal = (uint64_t)FAILURES * nr_faults;
	rig_machine_sized(rig, 1, UPPER, UPPER_BYTES);
	rig->services.trace = note_removal;
	rig->services.log = no_log;
	storm.module = rig->services.seamcall;
	rig->services.seamcall = seamcall;
	for (uint32_t i = 0; i < NR_BLOCKS; i++)
		storm.block[i] = rig->os->alloc_pages(rig->os->ctx, 9, 0);
	rig->free_bytes = rig_free_bytes(rig);
	if (rig_host(rig, true, &error))
		fail_msg("%s: %s", pamt_step_name(error.step), error.reason);
	guest_create(&storm.guest, rig, 40);
	run_threads();
	guest_end(&storm.guest);
	check_counts();
	check_recovery();
	/* The end of the module is the end of what it kept. */
	rig_destroy(rig);
}

static void busy_once_is_not_noticed(void **state)
{
	storm_run(0, 1);
	assert_int_equal(storm.ended[0].v, 0);
}

static void busy_to_the_bound_and_other_refusals_leave_the_region_idle(void **state)
{
	for (uint32_t i = 1; i < NR_FAULTS; i++)
		if (!faults[i].steal && !faults[i].leak)
			storm_run(i, 1);
}

static void leaked_region_is_never_removed_again(void **state)
{
	for (uint32_t i = 0; i < NR_FAULTS; i++)
		if (faults[i].leak)
			storm_run(i, 1);
}

static void pair_that_is_gone_is_counted(void **state)
{
	for (uint32_t i = 0; i < NR_FAULTS; i++)
		if (faults[i].steal)
			storm_run(i, 1);
}

static void any_of_them_at_any_time(void **state)
{
	storm_run(0, NR_FAULTS);
	print_message("figure: PAMT.REMOVE made to fail %u times with each of %zu statuses, "
		      "4 threads: every recoverable page came back\n",
		      FAILURES, NR_FAULTS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(busy_once_is_not_noticed),
		cmocka_unit_test(busy_to_the_bound_and_other_refusals_leave_the_region_idle),
		cmocka_unit_test(leaked_region_is_never_removed_again),
		cmocka_unit_test(pair_that_is_gone_is_counted),
		cmocka_unit_test(any_of_them_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
