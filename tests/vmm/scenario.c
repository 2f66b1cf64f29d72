// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scenario.c - the small machine, its two TDs, and all the ways they go.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"
#include "seam/debug.h"

static int __attribute__((format(printf, 2, 3))) failed(struct scenario *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->error, sizeof(s->error), format, args);
	va_end(args);
	return -1;
}

static enum seam_exit run_guest(void *ctx, struct seam_vcpu *vcpu)
{
	struct scenario *s = ctx;

	return script_run(s->script[os_cpu()], vcpu);
}

/* The scenario that runs; there is one at a time. */
static struct scenario *current;

static void note_fault(struct scenario *s, uint64_t n, const struct tdx_regs *regs)
{
	struct scenario_fault *fault = &s->fault;
	struct seam *seam = threads_seam(s->stand.port);
	uint64_t page = regs->rcx & ((UINT64_C(1) << s->stand.config.hkid_start_bit) - 1);
	struct seam_debug_entry entry;

	if (n > fault->at) {
		fault->same &= fault->leaf == TDX_RAX_LEAF(regs->rax) && fault->rcx == regs->rcx;
		return;
	}
	fault->leaf = TDX_RAX_LEAF(regs->rax);
	fault->rcx = regs->rcx;
	fault->same = true;
	seam_debug_pamt(seam, hpa(page), TDX_2M, &entry);
	fault->in_2m = entry.type != TDX_PT_PAMT;
	fault->ending = s->ending;
	if (s->ending)
		seam_debug_chldcnt(seam, s->ending->tdr, &fault->children);
}

static tdx_status_t seamcall(void *ctx, struct tdx_regs *regs)
{
	struct scenario *s = current;
	uint64_t n = os_fetch_add64(&s->seamcalls, 1, OS_RELAXED) + 1;

	if (n < s->fault.at || n >= s->fault.at + s->fault.nr)
		return threads_services(s->stand.port)->seamcall(ctx, regs);
	note_fault(s, n, regs);
	regs->rax = s->fault.status;
	return (tdx_status_t){ regs->rax };
}

int scenario_create(struct scenario *s, bool dynamic)
{
	struct stand_config config = {
		.map = &s->map,
		.dynamic = dynamic,
		.guest = run_guest,
		.guest_ctx = s,
		.guard = true,
		.log_level = OS_LOG_ERROR,
	};

	memset(s, 0, sizeof(*s));
	s->image = HPA_NONE;
	s->range = (struct map_range){ .base = TDX_1G_SIZE, .size = SCENARIO_MEMORY };
	s->map = (struct machine_map){
		.name = "scenario",
		.nr_ranges = 1,
		.ranges = &s->range,
		.nr_cmrs = 1,
		.cmr = { { TDX_1G_SIZE, SCENARIO_MEMORY } },
		.hkid_min = 32,
		.hkid_max = 63,
		.max_pa = 52,
		.hkid_bits = 6,
		.nr_cpus = SCENARIO_CPUS,
		.nr_packages = 2,
		.nr_nodes = 1,
	};
	if (stand_create(&s->stand, &config, s->error, sizeof(s->error)))
		return -1;
	s->free_at_start = stand_free_bytes(&s->stand);
	s->services = *s->stand.os;
	s->services.seamcall = seamcall;
	s->stand.os = &s->services;
	s->stand.boot_reserve = true;
	current = s;
	return 0;
}

void scenario_destroy(struct scenario *s) { stand_destroy(&s->stand); }

int scenario_bring_up(struct scenario *s)
{
	const struct os_services *os = s->stand.os;
	uint64_t *word;

	if (stand_bring_up(&s->stand, s->error, sizeof(s->error)))
		return -1;
	s->up = true;
	s->image = os->alloc_pages(os->ctx, 0, 0);
	if (hpa_is_none(s->image))
		return failed(s, "no page for the image");
	word = os->map_host(os->ctx, s->image, OS_WRITE);
	for (unsigned int i = 0; i < TDX_PAGE_SIZE / sizeof(*word); i++)
		word[i] = SCENARIO_IMAGE;
	return 0;
}

static enum tdx_size page_size(void *arg, tdx_gpa_t at)
{
	(void)arg;
	return at.v < 2 * MB ? TDX_4K : TDX_2M;
}

int scenario_build(struct scenario *s, unsigned int i)
{
	struct td_config config = {
		.node = 0,
		.max_vcpus = SCENARIO_VCPUS,
		.levels = i ? 5 : 0,
		.page_size = page_size,
	};
	int error = td_create(&s->stand.vmm, &config, &s->td[i]);

	if (error) {
		s->td[i] = NULL;
		return failed(s, "td_create: error %d", -error);
	}
	for (unsigned int v = 0; v < SCENARIO_VCPUS; v++) {
		error = td_add_vcpu(s->td[i], &s->vcpu[i][v]);
		if (error)
			return failed(s, "td_add_vcpu: error %d", -error);
	}
	for (unsigned int p = 0; p < SCENARIO_INITIAL; p++) {
		error = td_add_page(s->td[i], gpa(p * TDX_PAGE_SIZE), s->image);
		if (error)
			return failed(s, "td_add_page: error %d", -error);
	}
	error = td_finalize(s->td[i]);
	return error ? failed(s, "td_finalize: error %d", -error) : 0;
}

int scenario_run(struct scenario *s, unsigned int i, unsigned int v, uint32_t cpu,
		 const struct script_step *steps)
{
	struct script script;
	enum vcpu_exit exit;

	script_start(&script, steps);
	s->script[cpu] = &script;
	threads_bind(s->stand.port, cpu);
	exit = vcpu_run(s->vcpu[i][v]);
	threads_bind(s->stand.port, 0);
	s->script[cpu] = NULL;
	s->retries = script.retries;
	if (script.wrong)
		return failed(s, "the guest saw: %s at 0x%llx, 0x%llx", script.wrong,
			      (unsigned long long)script.wrong_at,
			      (unsigned long long)script.wrong_value);
	if (exit != VCPU_HALTED)
		return failed(s, "vCPU %u of TD %u left with %d, error %d", v, i, (int)exit,
			      -s->vcpu[i][v]->error);
	return 0;
}

/* Does the module's entry, as SEPT.RD shows it, agree with the host's? */
static bool agrees(struct mirror_entry host, const struct tdx_regs *module)
{
	unsigned int state = (module->rdx >> 8) & 0xff;

	switch (mirror_state(host)) {
	case MIRROR_NONE:
	case MIRROR_SHARED:
		return state == TDX_SEPT_FREE;
	case MIRROR_LINK:
		return state == TDX_SEPT_NL_MAPPED;
	case MIRROR_LINK_BLOCKED:
		return state == TDX_SEPT_NL_BLOCKED;
	case MIRROR_LEAF:
		/* Whether what is pending has been accepted the host is not told. */
		return TDX_PAGE_HPA(module->rcx).v == mirror_page(host).v &&
		       (state == TDX_SEPT_MAPPED ||
			(state == TDX_SEPT_PENDING && host.v & MIRROR_PENDING));
	case MIRROR_LEAF_BLOCKED:
		return state == TDX_SEPT_BLOCKED || state == TDX_SEPT_PENDING_BLOCKED;
	default:
		return false;
	}
}

static int check_node(struct scenario *s, const struct td *td, struct mirror_node *node)
{
	for (unsigned int e = 0; e < MIRROR_ENTRIES; e++) {
		struct mirror_slot slot = { .node = node, .index = e };
		struct mirror_entry host = { os_load64(&node->entry[e], OS_RELAXED) };
		struct tdx_regs regs = {
			.rax = TDX_RAX(TDH_MEM_SEPT_RD, 0),
			.rcx = tdx_gpa_level(mirror_gpa(&slot), node->level),
			.rdx = td->tdr.v,
		};

		/* What is beyond the TD's address space the module does not show. */
		if (mirror_gpa(&slot).v >= td_shared_bit(td))
			break;
		s->stand.os->seamcall(s->stand.os->ctx, &regs);
		if (regs.rax || !agrees(host, &regs))
			return failed(s,
				      "GPA 0x%llx, level %u: host has state %u, module 0x%llx "
				      "0x%llx, 0x%llx",
				      (unsigned long long)mirror_gpa(&slot).v, node->level,
				      mirror_state(host), (unsigned long long)regs.rax,
				      (unsigned long long)regs.rcx, (unsigned long long)regs.rdx);
		if (mirror_state(host) == MIRROR_LINK && check_node(s, td, mirror_child(host)))
			return -1;
	}
	return 0;
}

int scenario_check_mirror(struct scenario *s, unsigned int i)
{
	return check_node(s, s->td[i], s->td[i]->mirror.root);
}

void scenario_end_td(struct scenario *s, unsigned int i)
{
	struct td_counts counts;
	os_a64_t *to = (os_a64_t *)&s->counts;
	const os_a64_t *from = (const os_a64_t *)&counts;

	if (!s->td[i])
		return;
	td_sum_counts(s->td[i], &counts);
	for (size_t c = 0; c < sizeof(counts) / sizeof(*from); c++)
		to[c].v += from[c].v;
	s->ending = s->td[i];
	s->lost_pages += td_destroy(s->td[i]);
	s->ending = NULL;
	s->td[i] = NULL;
}

void scenario_end(struct scenario *s)
{
	const struct os_services *os = s->stand.os;

	for (unsigned int i = 0; i < SCENARIO_TDS; i++)
		scenario_end_td(s, i);
	if (!hpa_is_none(s->image))
		os->free_pages(os->ctx, s->image, 0);
	s->image = HPA_NONE;
}

/* ------------------------------------------------------------------------------------------- */

/* vCPU 0: measured pages, some 4K pages, 2M pages. */
static const struct script_step boot[] = {
	{ SCRIPT_EXPECT, 0x3000, SCENARIO_IMAGE },
	{ SCRIPT_ACCEPT, 0x0, 16 * TDX_PAGE_SIZE },
	{ SCRIPT_ACCEPT, 2 * MB, 6 * MB },
	{ SCRIPT_WRITE, 2 * MB, 1234 },
	{ SCRIPT_WRITE, 0x8000, 5678 },
	{ SCRIPT_END, 0, 0 },
};

/* vCPU 1: the rest of the memory. */
static const struct script_step boot_second[] = {
	{ SCRIPT_EXPECT, 2 * MB, 1234 },
	{ SCRIPT_ACCEPT, 8 * MB, 8 * MB },
	{ SCRIPT_END, 0, 0 },
};

/* Whole mappings and parts of them made shared and private again. */
static const struct script_step convert[] = {
	{ SCRIPT_TO_SHARED, 2 * MB, 2 * MB },
	{ SCRIPT_TO_PRIVATE, 2 * MB, 2 * MB },
	{ SCRIPT_ACCEPT, 2 * MB, 2 * MB },
	{ SCRIPT_EXPECT, 2 * MB, 0 },
	{ SCRIPT_TO_SHARED, 4 * MB + 0x5000, 0x3000 },
	{ SCRIPT_TO_PRIVATE, 4 * MB + 0x6000, 0x1000 },
	{ SCRIPT_ACCEPT_4K, 4 * MB + 0x6000, 0x1000 },
	{ SCRIPT_TO_SHARED, 0, 2 * MB },
	{ SCRIPT_TO_PRIVATE, 0, 2 * MB },
	{ SCRIPT_ACCEPT, 0, 2 * TDX_PAGE_SIZE },
	/* Shared before it was ever touched, then touched as private. */
	{ SCRIPT_TO_SHARED, 16 * MB, 0x2000 },
	{ SCRIPT_ACCEPT_4K, 16 * MB, 0x1000 },
	{ SCRIPT_END, 0, 0 },
};

static const struct script_step after_hole[] = {
	{ SCRIPT_EXPECT, 10 * MB, 99 },
	{ SCRIPT_ACCEPT, 14 * MB, 2 * MB },
	{ SCRIPT_END, 0, 0 },
};

static const struct script_step leave_mark[] = {
	{ SCRIPT_WRITE, 10 * MB, 99 },
	{ SCRIPT_END, 0, 0 },
};

static int boot_both(struct scenario *s, unsigned int i)
{
	return scenario_run(s, i, 0, 0, boot) || scenario_run(s, i, 1, 1, boot_second) ? -1 : 0;
}

/* What the host does on its own: a 2M mapping split and merged, a hole punched and filled. */
static int host_moves(struct scenario *s, unsigned int i)
{
	int error;

	if (scenario_run(s, i, 1, 2, leave_mark))
		return -1;
	error = td_split(s->td[i], gpa(10 * MB));
	if (error)
		return failed(s, "td_split: error %d", -error);
	error = td_merge(s->td[i], gpa(10 * MB));
	if (error)
		return failed(s, "td_merge: error %d", -error);
	error = td_zap(s->td[i], gpa(14 * MB), 2 * MB);
	if (error)
		return failed(s, "td_zap: error %d", -error);
	return scenario_run(s, i, 0, 0, after_hole);
}

/* libpamt by itself: pages drawn ahead, a control page, a whole region, memory that is to go. */
static int library_moves(struct scenario *s)
{
	const struct os_services *os = s->stand.os;
	struct pamt_host *host = s->stand.host;
	struct pamt_cache cache = { 0 };
	struct pamt_stats stats;
	tdx_hpa_t block, page;
	int error;

	block = os->alloc_pages(os->ctx, 9, OS_ANY_NODE);
	if (hpa_is_none(block))
		return failed(s, "no 2M block");
	error = pamt_cache_topup(host, &cache, 2, 1);
	if (!error)
		error = pamt_alloc_page(host, OS_ANY_NODE, &cache, &page);
	if (!error)
		pamt_free_page(host, page);
	if (!error)
		error = pamt_get_range(host, hpa_to_pfn(block), TDX_PAGES_PER_2M, &cache);
	if (!error)
		pamt_put_range(host, hpa_to_pfn(block), TDX_PAGES_PER_2M);
	pamt_stats(host, &stats);
	s->idle_seen += stats.pairs_idle;
	pamt_cache_free(host, &cache);
	if (!error)
		error = pamt_may_online(host, block, TDX_2M_SIZE);
	/* A pair that is kept for nobody is removed for this. */
	if (!error)
		error = pamt_offline(host, block, TDX_2M_SIZE);
	s->offline_seen += !error;
	os->free_pages(os->ctx, block, 9);
	return error ? failed(s, "libpamt by itself: error %d", -error) : 0;
}

int scenario_all(struct scenario *s)
{
	if (scenario_bring_up(s))
		return -1;
	for (unsigned int i = 0; i < SCENARIO_TDS; i++) {
		if (scenario_build(s, i) || boot_both(s, i))
			return -1;
	}
	/* Pairs are kept for a while, and given back under pressure. */
	pamt_set_idle_limit(s->stand.host, 8);
	if (scenario_run(s, 0, 0, 0, convert) || host_moves(s, 1) || library_moves(s))
		return -1;
	pamt_shrink(s->stand.host, 3);
	scenario_end_td(s, 0);
	pamt_set_idle_limit(s->stand.host, 0);
	if (scenario_build(s, 0) || boot_both(s, 0))
		return -1;
	return 0;
}

int scenario_check_empty(struct scenario *s)
{
	struct seam_debug_entry entry;
	struct pamt_stats stats;

	if (!s->up)
		return 0;
	/* What a failed REMOVE left idle is given back on request. */
	pamt_shrink(s->stand.host, UINT64_MAX);
	pamt_stats(s->stand.host, &stats);
	if (stats.os_bytes)
		return failed(s, "libpamt holds %llu bytes", (unsigned long long)stats.os_bytes);
	if (pamt_leaks(s->stand.host, NULL, NULL))
		return failed(s, "regions are still in use");
	if (seam_guard_violations(threads_seam(s->stand.port)))
		return failed(s, "the host touched pages that were not its own");
	for (uint64_t at = s->range.base; at < s->range.base + s->range.size; at += TDX_2M_SIZE) {
		seam_debug_pamt(threads_seam(s->stand.port), hpa(at), TDX_2M, &entry);
		if (entry.type != TDX_PT_NDA)
			return failed(s, "region 0x%llx is of type %d, count %u",
				      (unsigned long long)at, (int)entry.type, entry.count);
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

static int set_up_host(void **state, bool dynamic)
{
	struct scenario *s = calloc(1, sizeof(*s));

	if (!s || scenario_create(s, dynamic) || scenario_bring_up(s)) {
		fprintf(stderr, "%s\n", s ? s->error : "no memory");
		return -1;
	}
	*state = s;
	return 0;
}

int scenario_set_up(void **state) { return set_up_host(state, true); }

int scenario_set_up_static(void **state) { return set_up_host(state, false); }

int scenario_set_up_td(void **state)
{
	if (set_up_host(state, true))
		return -1;
	if (scenario_build(*state, 0)) {
		fprintf(stderr, "%s\n", ((struct scenario *)*state)->error);
		return -1;
	}
	return 0;
}

int scenario_tear_down_lossy(void **state)
{
	struct scenario *s = *state;

	scenario_end(s);
	scenario_destroy(s);
	free(s);
	return 0;
}

int scenario_tear_down(void **state)
{
	struct scenario *s = *state;
	uint64_t missing;
	int wrong = 0;

	for (unsigned int i = 0; i < SCENARIO_TDS && !wrong; i++)
		wrong = s->td[i] ? scenario_check_mirror(s, i) : 0;
	scenario_end(s);
	wrong = wrong ? wrong : scenario_check_empty(s);
	if (wrong)
		fprintf(stderr, "%s\n", s->error);
	stand_end_host(&s->stand);
	missing = s->free_at_start - stand_free_bytes(&s->stand);
	if (s->lost_pages || missing) {
		fprintf(stderr, "%llu pages lost, %llu bytes missing\n",
			(unsigned long long)s->lost_pages, (unsigned long long)missing);
		wrong = -1;
	}
	scenario_destroy(s);
	free(s);
	return wrong;
}
