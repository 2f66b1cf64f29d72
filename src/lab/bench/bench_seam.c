// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bench_seam.c - ns per call of softseam's leaves.
 *
 * A round runs through a TD's life in memory in batches of one leaf: tables are linked and taken
 * away, pages come and go at 4K and at 2M, 2M pages are split and merged. Batches are small enough
 * for the metadata to stay in the processor's caches: that of the reference figures did, as AUG at
 * 2M shows, which looks at 512 entries where PAMT is static. Modes alternate from round to round,
 * so that what else happens on the machine meets both, and the calibration.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/bench/bench_seam.h"
#include "lab/bench/bench_td.h"
#include "machine/clock.h"

#define BATCH  64
#define REPEAT 4 /* times per round */

/* Where in the TD's guest addresses what is mapped; each its own table of 2M entries. */
#define GPA_2M	 (1 * TDX_1G_SIZE)
#define GPA_SEPT (2 * TDX_1G_SIZE)
#define GPA_4K	 (3 * TDX_1G_SIZE)

/*
 * Figures of the reference module's code (1.5.25) on a 2-core virtual machine, one thread, pinned,
 * ns per call: medians of 15 runs, each a median of 41 rounds of batches as these here. What that
 * module does to enter and leave is taken off; it was its driver's, REFERENCE_ENTRY. Where a call
 * is little more than its entry, the two are judged together. Pages are cleared there by plain
 * stores, and nothing is mapped, encrypted or flushed: the least that such a module can cost.
 * calls: how many leaves the row is; fills: pages that they write as a whole.
 */
#define REFERENCE_ENTRY 63.8
/* A page that the reference fills: what SEPT.ADD takes there beyond AUG. */
static const double reference_fill[BENCH_MODES] = { 57, 69 };

static const struct {
	const char *name;
	double reference[BENCH_MODES];
	double calls, fills;
	double limit; /* of the ratio */
	bool with_entry;
} rows[BENCH_SEAM_ROWS] = {
	[BENCH_ADD_REMOVE] = { "PAMT.ADD + PAMT.REMOVE", { 342, 0 }, 2, 2, 0.8, false },
	[BENCH_SEPT_ADD] = { "MEM.SEPT.ADD", { 219, 213 }, 1, 1, 1, false },
	[BENCH_SEPT_REMOVE] = { "MEM.SEPT.REMOVE", { 194, 186 }, 1, 0, 0.8, false },
	[BENCH_AUG_4K] = { "MEM.PAGE.AUG 4K", { 162, 144 }, 1, 0, 0.8, false },
	[BENCH_BLOCK] = { "MEM.RANGE.BLOCK", { 112, 105 }, 1, 0, 0.8, false },
	[BENCH_TRACK] = { "MEM.TRACK", { 46, 41 }, 1, 0, 1, true },
	[BENCH_REMOVE_4K] = { "MEM.PAGE.REMOVE 4K", { 132, 117 }, 1, 0, 0.8, false },
	[BENCH_AUG_2M] = { "MEM.PAGE.AUG 2M", { 140, 233 }, 1, 0, 0.8, false },
	[BENCH_REMOVE_2M] = { "MEM.PAGE.REMOVE 2M", { 112, 109 }, 1, 0, 0.8, false },
	[BENCH_DEMOTE] = { "MEM.PAGE.DEMOTE 2M", { 634, 896 }, 1, 3, 1, false },
	[BENCH_PROMOTE] = { "MEM.PAGE.PROMOTE 2M", { 998, 1379 }, 1, 0, 0.8, false },
	[BENCH_RDMD_4K] = { "PHYMEM.PAGE.RDMD 4K", { 26, 19 }, 1, 0, 1, true },
	[BENCH_RDMD_2M] = { "PHYMEM.PAGE.RDMD 2M", { 16, 0 }, 1, 0, 1, true },
};

/*
 * The same small measurements where the reference ran. The first two were taken there. The other
 * two say more about a call, and came later: an earlier softseam, whose times there are known, was
 * timed beside them, and was as much slower here as they are said to be.
 */
static const struct {
	const char *name;
	double reference;
} calibrators[BENCH_CALIBRATORS] = {
	[BENCH_CHAIN] = { "multiply-add chain, per step", 0.943 },
	[BENCH_CAS] = { "compare-and-swap and back", 9.44 },
	[BENCH_CALL] = { "a call in miniature", 67 },
	[BENCH_FILL] = { "fill 4 KB in 512 KB", 81 },
};

const char *bench_seam_row_name(enum bench_seam_row row) { return rows[row].name; }

const char *bench_calibrator_name(enum bench_calibrator calibrator)
{
	return calibrators[calibrator].name;
}

double bench_reference_calibration(enum bench_calibrator calibrator)
{
	return calibrators[calibrator].reference;
}

/* ------------------------------------------------------------------------------------------- */

/* One mode: its machine, its TD, and the samples so far. */
struct run {
	struct bench_machine machine;
	struct bench_td td;
	struct bench_series series[BENCH_SEAM_ROWS + 1]; /* the last: the empty leaf */
	uint64_t sum_ns[BENCH_SEAM_ROWS + 1];		 /* of this round */
	uint64_t page[BATCH][3];			 /* control pages that a batch uses */
	struct tdx_regs call[BATCH]; /* the batch: registers in, and afterwards out */
};

static uint64_t region(const struct run *run, uint32_t i)
{
	return bench_td_guest(&run->td) + i * TDX_2M_SIZE;
}

/* Behind the regions of the batches of 2M pages: the one whose 4K pages are used. */
static uint64_t small_page(const struct run *run, uint32_t i)
{
	return region(run, BATCH) + i * TDX_PAGE_SIZE;
}

/* Call i of the next batch. */
static struct tdx_regs *set(struct run *run, uint32_t i, uint64_t rax, uint64_t rcx)
{
	run->call[i] = (struct tdx_regs){ .rax = rax, .rcx = rcx, .rdx = run->td.tdr };
	return &run->call[i];
}

#define EMPTY_ROW BENCH_SEAM_ROWS

/* Executes the batch; returns ns. */
static uint64_t execute(struct run *run, const char *what)
{
	struct seam *seam = run->machine.seam;
	uint64_t bad = 0, start = clock_ns(), ns;

	for (uint32_t i = 0; i < BATCH; i++)
		bad |= seam_call(seam, 0, &run->call[i]).v;
	ns = clock_ns() - start;
	bench_expect(&run->machine, what, (tdx_status_t){ bad });
	return ns;
}

static void measure(struct run *run, enum bench_seam_row row)
{
	run->sum_ns[row] += execute(run, rows[row].name);
}

/* Batches of the leaves that take a GPA with level, and nothing else. */
static uint64_t block_all(struct run *run, uint64_t gpa, uint64_t step, unsigned int level)
{
	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, TDH_MEM_RANGE_BLOCK, (gpa + i * step) | level);
	return execute(run, rows[BENCH_BLOCK].name);
}

static void track(struct run *run)
{
	bench_expect(&run->machine, "MEM.TRACK",
		     bench_call(&run->td, TDH_MEM_TRACK, run->td.tdr, 0, 0));
}

/* Blocked and tracked, and gone. */
static void remove_all(struct run *run, uint64_t gpa, uint64_t step, unsigned int level,
		       enum bench_seam_row row)
{
	uint64_t leaf = row == BENCH_SEPT_REMOVE ? TDH_MEM_SEPT_REMOVE : TDH_MEM_PAGE_REMOVE;

	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, leaf, (gpa + i * step) | level);
	measure(run, row);
}

/* ------------------------------------------------------------------------------------------- */
/* The parts of a round                                                                         */

static void empty_leaf(struct run *run)
{
	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, TDH_MNG_KEY_RECLAIMID, 0);
	run->sum_ns[EMPTY_ROW] += execute(run, "MNG.KEY.RECLAIMID");
}

static void take_pages(struct run *run, uint32_t each)
{
	for (uint32_t i = 0; i < BATCH; i++)
		for (uint32_t p = 0; p < each; p++)
			run->page[i][p] = bench_td_page(&run->td);
}

static void put_pages(struct run *run, uint32_t each)
{
	for (uint32_t i = BATCH; i--;)
		for (uint32_t p = each; p--;)
			bench_td_put_page(&run->td, run->page[i][p]);
}

/*
 * As a host does with pages that it gets back. What is cleared has no real memory behind it until
 * then, which is this port's matter, and no call's.
 */
static void write_pages(struct run *run, uint32_t each)
{
	const struct os_services *os = run->machine.os;

	for (uint32_t i = 0; i < BATCH; i++)
		for (uint32_t p = 0; p < each; p++)
			os_fill64(os->map_host(os->ctx, hpa(run->page[i][p]), OS_FILL), 0,
				  TDX_PAGE_SIZE / sizeof(uint64_t));
}

static void pairs(struct run *run)
{
	take_pages(run, 2);
	for (uint32_t i = 0; i < BATCH; i++) {
		struct tdx_regs *call = set(run, i, TDH_PHYMEM_PAMT_ADD, region(run, i) | TDX_2M);

		call->rdx = run->page[i][0];
		call->r8 = run->page[i][1];
	}
	run->sum_ns[BENCH_ADD_REMOVE] += execute(run, "PAMT.ADD");
	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, TDH_PHYMEM_PAMT_REMOVE, region(run, i) | TDX_2M);
	run->sum_ns[BENCH_ADD_REMOVE] += execute(run, "PAMT.REMOVE");
	write_pages(run, 2);
	put_pages(run, 2);
}

static void tables(struct run *run)
{
	take_pages(run, 1);
	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, TDH_MEM_SEPT_ADD, (GPA_SEPT + i * TDX_2M_SIZE) | 1)->r8 =
			run->page[i][0];
	measure(run, BENCH_SEPT_ADD);
	block_all(run, GPA_SEPT, TDX_2M_SIZE, 1);
	track(run);
	remove_all(run, GPA_SEPT, TDX_2M_SIZE, 1, BENCH_SEPT_REMOVE);
	put_pages(run, 1);
}

static void small_pages(struct run *run)
{
	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, TDH_MEM_PAGE_AUG, GPA_4K + i * TDX_PAGE_SIZE)->r8 = small_page(run, i);
	measure(run, BENCH_AUG_4K);
	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, TDH_PHYMEM_PAGE_RDMD, small_page(run, i));
	measure(run, BENCH_RDMD_4K);
	run->sum_ns[BENCH_BLOCK] += block_all(run, GPA_4K, TDX_PAGE_SIZE, TDX_4K);
	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, TDH_MEM_TRACK, run->td.tdr);
	measure(run, BENCH_TRACK);
	remove_all(run, GPA_4K, TDX_PAGE_SIZE, TDX_4K, BENCH_REMOVE_4K);
}

static void split_and_merge(struct run *run)
{
	block_all(run, GPA_2M, TDX_2M_SIZE, TDX_2M);
	track(run);
	take_pages(run, 3);
	for (uint32_t i = 0; i < BATCH; i++) {
		struct tdx_regs *call =
			set(run, i, TDH_MEM_PAGE_DEMOTE, (GPA_2M + i * TDX_2M_SIZE) | TDX_2M);

		call->r8 = run->page[i][0];
		call->r9 = call->r10 = call->r11 = TDX_NULL_PA;
		call->r12 = run->page[i][1];
		call->r13 = run->page[i][2];
	}
	measure(run, BENCH_DEMOTE);

	block_all(run, GPA_2M, TDX_2M_SIZE, TDX_2M);
	track(run);
	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, TDH_MEM_PAGE_PROMOTE, (GPA_2M + i * TDX_2M_SIZE) | TDX_2M);
	measure(run, BENCH_PROMOTE);
	put_pages(run, 3);
}

static void large_pages(struct run *run)
{
	for (uint32_t i = 0; i < BATCH; i++)
		set(run, i, TDH_MEM_PAGE_AUG, (GPA_2M + i * TDX_2M_SIZE) | TDX_2M)->r8 =
			region(run, i);
	measure(run, BENCH_AUG_2M);
	if (run->machine.stand.config.dynamic) {
		for (uint32_t i = 0; i < BATCH; i++)
			set(run, i, TDH_PHYMEM_PAGE_RDMD, region(run, i) | TDX_2M);
		measure(run, BENCH_RDMD_2M);
	}
	split_and_merge(run);
	block_all(run, GPA_2M, TDX_2M_SIZE, TDX_2M);
	track(run);
	remove_all(run, GPA_2M, TDX_2M_SIZE, TDX_2M, BENCH_REMOVE_2M);
}

static void round_of(struct run *run)
{
	memset(run->sum_ns, 0, sizeof(run->sum_ns));
	for (uint32_t i = 0; i < REPEAT; i++) {
		if (run->machine.stand.config.dynamic)
			pairs(run);
		tables(run);
		small_pages(run);
		large_pages(run);
		empty_leaf(run);
	}
	for (unsigned int row = 0; row <= EMPTY_ROW; row++)
		if (run->sum_ns[row])
			bench_add(&run->series[row], (double)run->sum_ns[row] / (REPEAT * BATCH));
}

/* ------------------------------------------------------------------------------------------- */

static bool begin(struct run *run, bool dynamic)
{
	struct bench_td *td = &run->td;
	uint64_t bytes = 2 * TDX_1G_SIZE;

	if (!bench_machine_create(&run->machine, 8 * TDX_1G_SIZE, 1, dynamic) ||
	    !bench_td_create(td, &run->machine, &(struct bench_td_config){ 0, 33, bytes, 4 }) ||
	    !bench_td_add_table(td, 0, 3) || !bench_td_add_table(td, GPA_2M, 2) ||
	    !bench_td_add_table(td, GPA_SEPT, 2) || !bench_td_add_table(td, GPA_4K, 2) ||
	    !bench_td_add_table(td, GPA_4K, 1))
		return false;
	/* A pair for the region of the 4K pages. */
	return !dynamic || bench_td_add_pair(td, small_page(run, 0));
}

static void end(struct run *run)
{
	struct bench_td *td = &run->td;
	bool fine = td->machine && !run->machine.error[0] && bench_td_end_keys(td);

	if (fine && run->machine.stand.config.dynamic)
		bench_td_remove_pair(td, small_page(run, 0));
	bench_td_destroy(td);
	bench_machine_destroy(&run->machine);
}

/* What the reference would take on this machine, and how that compares. */
static void compare(struct bench_seam *result, unsigned int row, unsigned int mode)
{
	struct bench_seam_figure *f = &result->figure[row][mode];
	double call = result->calibration[BENCH_CALL] / calibrators[BENCH_CALL].reference;
	double fill = result->calibration[BENCH_FILL] / calibrators[BENCH_FILL].reference;
	double filling = rows[row].fills * reference_fill[mode];

	f->reference = rows[row].reference[mode];
	f->scaled = filling * fill + (f->reference - filling) * call;
	f->ratio = f->ns / f->scaled;
	if (rows[row].with_entry)
		f->ratio = (f->ns + result->empty_ns) / (f->scaled + REFERENCE_ENTRY * call);
	f->limit = rows[row].limit;
	f->with_entry = rows[row].with_entry;
}

static void evaluate(struct run *run, const struct bench_calibration *calibration,
		     struct bench_seam *result)
{
	for (unsigned int i = 0; i < BENCH_CALIBRATORS; i++)
		result->calibration[i] = bench_median(&calibration->series[i]);
	result->empty_ns = bench_median(&run[BENCH_DYNAMIC].series[EMPTY_ROW]);
	for (unsigned int row = 0; row < BENCH_SEAM_ROWS; row++) {
		for (unsigned int mode = 0; mode < BENCH_MODES; mode++) {
			if (!run[mode].series[row].nr)
				continue;
			result->figure[row][mode].ns =
				bench_median(&run[mode].series[row]) -
				rows[row].calls * bench_median(&run[mode].series[EMPTY_ROW]);
			compare(result, row, mode);
		}
	}
}

int bench_seam_calls(uint32_t rounds, struct bench_seam *result, char *error, size_t error_size)
{
	struct bench_calibration calibration;
	struct run *run = calloc(BENCH_MODES, sizeof(*run));
	bool fine = run && bench_calibration_begin(&calibration);
	int done = -1;

	*result = (struct bench_seam){ 0 };
	snprintf(error, error_size, "no memory");
	if (!fine)
		goto out;
	fine = begin(&run[BENCH_DYNAMIC], true) && begin(&run[BENCH_STATIC], false);
	for (uint32_t i = 0; fine && i < rounds && bench_goes_on("calls", i, rounds); i++) {
		bench_calibrate(&calibration);
		for (unsigned int mode = 0; mode < BENCH_MODES; mode++) {
			round_of(&run[mode]);
			fine = fine && !run[mode].machine.error[0];
		}
	}
	done = 0;
	for (unsigned int mode = 0; mode < BENCH_MODES; mode++) {
		end(&run[mode]);
		if (run[mode].machine.error[0]) {
			snprintf(error, error_size, "%s", run[mode].machine.error);
			done = -1;
		}
	}
	evaluate(run, &calibration, result);
	bench_calibration_end(&calibration);
out:
	free(run);
	return done;
}
