// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * rig.c - brings a software module up on simulated memory, and TDs on it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "port/threads/issue.h"
#include "abi/bare_td.h"
#include "rig.h"
#include "seam/fault.h"
#include "seam/module.h"
#include "seam/sept.h"

/* In guard mode the module is asked whether a page that the host maps is the host's. */
static void host_maps(void *ctx, tdx_hpa_t at, enum os_access access)
{
	struct rig *rig = ctx;

	if (rig->seam)
		seam_guard_host_access(rig->seam, at, access);
}

static void note_fatal(void *ctx, const struct seam_fatal *fatal)
{
	struct rig *rig = ctx;

	rig->fatal = *fatal;
	rig->nr_fatal++;
}

/* ------------------------------------------------------------------------------------------- */
/* The module.                                                                                  */

void rig_init(struct rig *rig, bool dynamic, uint64_t gigabytes)
{
	memset(rig, 0, sizeof(*rig));
	rig->dynamic = dynamic;
	rig->attributes = TDX_ATTR_SEPT_VE_DISABLE;
	rig->end = RIG_BASE + gigabytes * TDX_1G_SIZE;
	rig->next_page = RIG_BASE;
	rig->next_region = RIG_BASE + TDX_1G_SIZE;
	rig->next_hkid = RIG_GLOBAL + 1;
	rig->config = (struct seam_config){
		.max_pa = 46,
		.hkid_bits = 6,
		.hkid_min = RIG_GLOBAL,
		.hkid_max = 0x3f,
		.nr_lps = 4,
		.nr_packages = 1,
		.cache_blocks = 1,
		.seamrr = { .base = UINT64_C(1) << 39, .size = UINT64_C(1) << 20 },
		.cmr = { { .base = 0x100000, .size = rig->end - 0x100000 } },
		.on_fatal = note_fatal,
		.ctx = rig,
	};
	bare_init(&rig->bare, NULL, 4, rig->config.max_pa, 0);
	rig->bare.host_maps = host_maps;
	rig->bare.ctx = rig;
}

static void write_tdmr(struct rig *rig)
{
	uint64_t size = rig->end - RIG_BASE;
	uint64_t pages = size / TDX_PAGE_SIZE;
	uint64_t four_k = rig->dynamic ? pages / 8 : pages * TDX_PAMT_ENTRY_BYTES;
	struct tdx_tdmr_info *info = memory_map(rig->memory, hpa(0x200000), OS_WRITE);
	uint64_t *array = memory_map(rig->memory, hpa(0x201000), OS_WRITE);

	*info = (struct tdx_tdmr_info){
		.base = RIG_BASE,
		.size = size,
		.pamt_1g_base = RIG_PAMT,
		.pamt_1g_size = TDX_PAGE_SIZE,
		.pamt_2m_base = RIG_PAMT + TDX_2M_SIZE,
		.pamt_2m_size = pages / TDX_PAGES_PER_2M * TDX_PAMT_ENTRY_BYTES,
		.pamt_4k_base = RIG_PAMT + 2 * TDX_2M_SIZE,
		.pamt_4k_size = four_k,
	};
	array[0] = 0x200000;
}

void rig_start(struct rig *rig)
{
	struct tdx_regs regs;

	rig->memory = rig->bare.memory = memory_create();
	assert_non_null(rig->memory);
	assert_int_equal(seam_create(&rig->bare.os, &rig->config, &rig->seam, NULL), 0);
	if (rig->created)
		rig->created(rig);
	RIG_OK(rig, 0, .rax = TDH_SYS_INIT);
	for (uint32_t lp = 0; lp < rig->config.nr_lps; lp++)
		RIG_OK(rig, lp, .rax = TDH_SYS_LP_INIT);
	write_tdmr(rig);
	RIG_OK(rig, 0, .rax = TDH_SYS_CONFIG, .rcx = 0x201000, .rdx = 1,
	       .r8 = RIG_GLOBAL | (rig->dynamic ? TDX_SYS_CONFIG_DYNAMIC_PAMT : 0));
	for (uint32_t package = 0; package < rig->config.nr_packages; package++)
		RIG_OK(rig, package, .rax = TDH_SYS_KEY_CONFIG);
	do {
		regs = (struct tdx_regs){ .rax = TDH_SYS_TDMR_INIT, .rcx = RIG_BASE };
		rig_ok(rig, 0, &regs);
	} while (regs.rdx < rig->end);
}

void rig_stop(struct rig *rig)
{
	seam_destroy(rig->seam);
	memory_destroy(rig->memory);
}

uint64_t rig_call(struct rig *rig, uint32_t lp, struct tdx_regs *regs)
{
	return threads_issue(rig->seam, lp, regs).v;
}

static const uint64_t fault_status[SEAM_NR_FAULTS][2] = {
	[SEAM_FAULT_BUSY] = { TDX_OPERAND_BUSY, TDX_SYS_BUSY },
	[SEAM_FAULT_ENTROPY] = { TDX_RND_NO_ENTROPY, TDX_RND_NO_ENTROPY },
	[SEAM_FAULT_INTERRUPT] = { TDX_INTERRUPTED_RESTARTABLE, TDX_INTERRUPTED_RESUMABLE },
	[SEAM_FAULT_KEY] = { TDX_KEY_GENERATION_FAILED, TDX_KEY_GENERATION_FAILED },
};

static bool is_fault_status(enum seam_fault fault, uint64_t status)
{
	tdx_status_t s = { status };

	return tdx_status_is(s, fault_status[fault][0]) || tdx_status_is(s, fault_status[fault][1]);
}

uint64_t rig_occasions(const struct rig *rig, enum seam_fault fault)
{
	return os_load64(&rig->seam->faults->occasions[fault], OS_RELAXED);
}

/* The call fails at each occasion in turn, without a trace, until none is left: it succeeds. */
static uint64_t swept_call(struct rig *rig, uint32_t lp, struct tdx_regs *regs)
{
	const struct tdx_regs in = *regs;

	for (uint64_t n = 1;; n++) {
		struct seam_faults plan = { .leaf = SEAM_ANY_LEAF };
		uint64_t before = rig_hash(rig), status;

		plan.at[rig->fault] = n;
		assert_int_equal(seam_debug_faults(rig->seam, &plan), 0);
		*regs = in;
		status = rig_call(rig, lp, regs);
		if (rig_occasions(rig, rig->fault) < n) {
			seam_debug_faults(rig->seam, NULL);
			return status;
		}
		if (!is_fault_status(rig->fault, status) || rig_hash(rig) != before)
			fail_msg("leaf %u, fault %u at occasion %u: status 0x%016llx, trace: %d",
				 (unsigned int)in.rax, rig->fault, (unsigned int)n,
				 (unsigned long long)status, rig_hash(rig) != before);
		rig->nr_faults++;
	}
}

void rig_ok(struct rig *rig, uint32_t lp, struct tdx_regs *regs)
{
	uint64_t leaf = regs->rax;
	uint64_t status = rig->sweep ? swept_call(rig, lp, regs) : rig_call(rig, lp, regs);

	if (status != TDX_SUCCESS)
		fail_msg("leaf %u answers 0x%016llx", (unsigned int)leaf,
			 (unsigned long long)status);
}

/* ------------------------------------------------------------------------------------------- */
/* Pages.                                                                                       */

uint64_t rig_region(struct rig *rig)
{
	uint64_t region = rig->next_region;

	rig->next_region += TDX_2M_SIZE;
	assert_true(rig->next_region <= rig->end);
	return region;
}

/* The first two pages of a region are its own pair. */
void rig_add(struct rig *rig, uint64_t region)
{
	if (!rig->dynamic)
		return;
	if (rig->nr_added < sizeof(rig->added) / sizeof(rig->added[0]))
		rig->added[rig->nr_added++] = region;
	RIG_OK(rig, 0, .rax = TDH_PHYMEM_PAMT_ADD, .rcx = region | TDX_2M, .rdx = region,
	       .r8 = region + TDX_PAGE_SIZE);
}

uint64_t rig_page(struct rig *rig)
{
	if (!(rig->next_page & (TDX_2M_SIZE - 1))) {
		rig_add(rig, rig->next_page);
		rig->next_page += 2 * TDX_PAGE_SIZE;
	}
	assert_true(rig->next_page < RIG_BASE + TDX_1G_SIZE);
	rig->next_page += TDX_PAGE_SIZE;
	return rig->next_page - TDX_PAGE_SIZE;
}

/* ------------------------------------------------------------------------------------------- */
/* What a failed call must leave alone. */

static uint64_t mix(uint64_t hash, uint64_t value)
{
	return (hash ^ value) * UINT64_C(0x9e3779b97f4a7c15) + (hash >> 29);
}

/* A page of words; some bits of every word, or of every first of two, do not count. */
static uint64_t hash_page(struct rig *rig, uint64_t hash, uint64_t at, uint64_t ignore,
			  uint64_t ignore_first)
{
	const uint64_t *word = memory_map(rig->memory, hpa(at), OS_READ);

	for (uint32_t i = 0; i < TDX_PAGE_SIZE / 8; i += 2) {
		hash = mix(hash, word[i] & ~(ignore | ignore_first));
		hash = mix(hash, word[i + 1] & ~ignore);
	}
	return hash;
}

/* Bytes of a structure: whole words. */
static uint64_t hash_words(uint64_t hash, const void *from, size_t bytes)
{
	const uint64_t *word = from;

	for (size_t i = 0; i < bytes / sizeof(*word); i++)
		hash = mix(hash, word[i]);
	return hash;
}

/* The TDCS: the priority that a host leaves in the two locks that have one does not count. */
static uint64_t hash_tdcs(struct rig *rig, uint64_t hash, uint64_t at)
{
	struct tdcs tdcs;

	memcpy(&tdcs, memory_map(rig->memory, hpa(at), OS_READ), sizeof(tdcs));
	tdcs.locks.v &= ~(LOCK_HP | LOCK_HP << PAIR_SECOND);
	return hash_words(hash, &tdcs, sizeof(tdcs));
}

/*
 * What the module keeps of its own: state, keys, TDMRs, KeyIDs, cache write-back. Not what it only
 * remembers (maps), and not who is inside.
 */
static uint64_t hash_module(const struct rig *rig, uint64_t hash)
{
	const struct seam *seam = rig->seam;
	const struct seam_config *config = &rig->config;

	hash = mix(hash, seam->sys_lock.v);
	hash = mix(hash, seam->kot_lock.v);
	hash = mix(hash, (uint64_t)seam->sys_state.v << 32 | seam->nr_lps_initialised.v);
	hash = mix(hash, (uint64_t)seam->global_hkid << 32 | seam->key_packages);
	hash = mix(hash, (uint64_t)seam->nr_builds.v << 32 | (uint64_t)seam->dpamt << 1 |
				 (uint64_t)seam->handoff);
	hash = hash_words(hash, seam->tdmr, seam->nr_tdmrs * sizeof(seam->tdmr[0]));
	hash = hash_words(hash, seam->wbt, config->nr_packages * sizeof(seam->wbt[0]));
	for (uint32_t hkid = config->hkid_min; hkid <= config->hkid_max; hkid++)
		hash = mix(hash,
			   (uint64_t)seam->kot[hkid].state << 32 | seam->kot[hkid].wb_packages.v);
	return hash;
}

/* The TDR, the TDCS, the first vCPU and what may be the S-EPT: its root, the fourth page of the
 * TDCS, and what came last. */
static uint64_t hash_td(struct rig *rig, uint64_t hash, const struct rig_td *td)
{
	uint32_t last = td->nr_pages > 7 ? td->nr_pages - 3 : 4;

	hash = hash_page(rig, hash, td->tdr, 0, 0);
	if (td->nr_pages)
		hash = hash_tdcs(rig, hash, td->page[0]);
	if (td->tdvpr[0])
		hash = hash_page(rig, hash, td->tdvpr[0], 0, 0);
	if (td->nr_pages > 3)
		hash = hash_page(rig, hash, td->page[3], SEPT_HP, 0);
	for (uint32_t i = last; i < td->nr_pages; i++)
		hash = hash_page(rig, hash, td->page[i], SEPT_HP, 0);
	return hash;
}

uint64_t rig_hash(struct rig *rig)
{
	uint64_t hash = hash_module(rig, 1), array = RIG_PAMT + 2 * TDX_2M_SIZE;

	hash = hash_page(rig, hash, RIG_PAMT, 0, LOCK_MASK);
	for (int i = 0; i < 4; i++)
		hash = hash_page(rig, hash, RIG_PAMT + TDX_2M_SIZE + i * TDX_PAGE_SIZE, 0,
				 LOCK_MASK);
	/* The bitmap of two GB, or the first 4K entries. */
	for (int i = 0; i < 16; i++)
		hash = hash_page(rig, hash, array + i * TDX_PAGE_SIZE, 0,
				 rig->dynamic ? 0 : LOCK_MASK);
	for (uint32_t i = 0; i < 2 * rig->nr_added; i++)
		hash = hash_page(rig, hash, rig->added[i / 2] + (i & 1) * TDX_PAGE_SIZE, 0,
				 LOCK_MASK);
	return rig->td ? hash_td(rig, hash, rig->td) : hash;
}

enum tdx_page_type rig_type(struct rig *rig, uint64_t pa, unsigned int level)
{
	struct seam_debug_entry entry;

	seam_debug_pamt(rig->seam, hpa(pa), level, &entry);
	return entry.present ? entry.type : TDX_PT_NDA;
}

uint32_t rig_count(struct rig *rig, uint64_t region)
{
	struct seam_debug_entry entry;

	seam_debug_pamt(rig->seam, hpa(region), TDX_2M, &entry);
	return entry.count;
}

/* ------------------------------------------------------------------------------------------- */
/* TDs.                                                                                         */

static uint64_t control_page(struct rig *rig, struct rig_td *td)
{
	uint64_t page = rig_page(rig);

	assert_true(td->nr_pages < 64);
	td->page[td->nr_pages++] = page;
	return page;
}

static tdx_hpa_t page_of_last(void *ctx)
{
	struct rig *rig = ctx;

	/* The TDR is not among the others. */
	return hpa(rig->td->tdr ? control_page(rig, rig->td) : (rig->td->tdr = rig_page(rig)));
}

static int make_call(void *ctx, struct tdx_regs *regs, tdx_hpa_t page)
{
	const uint32_t leaf = TDX_RAX_LEAF(regs->rax);
	const struct tdx_regs in = *regs;
	struct rig *rig = ctx;
	uint64_t *tdvpr = rig->td->tdvpr;

	/* Known before the call: a failed one must not have changed it. */
	while (leaf == TDH_VP_CREATE && *tdvpr)
		tdvpr++;
	if (leaf == TDH_VP_CREATE)
		*tdvpr = page.v;
	rig_ok(rig, 0, regs);
	for (uint32_t i = 1; leaf == TDH_MNG_KEY_CONFIG && i < rig->config.nr_packages; i++) {
		*regs = in;
		rig_ok(rig, i, regs);
	}
	return 0;
}

void rig_td_create(struct rig *rig, struct rig_td *td, uint32_t nr_vcpus)
{
	struct tdx_td_params *params = memory_map(rig->memory, hpa(0x202000), OS_WRITE);
	struct bare_td bare = { .page = page_of_last, .call = make_call, .ctx = rig };
	tdx_hpa_t tdvpr;

	memset(td, 0, sizeof(*td));
	rig->td = td;
	bare.hkid = rig->next_hkid++;
	bare_td_root(&bare);
	bare_td_params(params, RIG_MAX_VCPUS);
	params->attributes = rig->attributes;
	bare_td_init(&bare, hpa(0x202000));
	for (uint32_t i = 0; i < nr_vcpus; i++)
		bare_td_vcpu(&bare, i, &tdvpr);
}

void rig_td_finalize(struct rig *rig, struct rig_td *td)
{
	RIG_OK(rig, 0, .rax = TDH_MR_FINALIZE, .rcx = td->tdr);
}

void rig_sept_add(struct rig *rig, struct rig_td *td, uint64_t gpa, uint32_t level)
{
	RIG_OK(rig, 0, .rax = TDH_MEM_SEPT_ADD, .rcx = gpa | level, .rdx = td->tdr,
	       .r8 = control_page(rig, td));
}

void rig_td_destroy(struct rig *rig, struct rig_td *td)
{
	for (uint32_t i = 0; i < RIG_MAX_VCPUS; i++)
		for (uint32_t lp = 0; lp < rig->config.nr_lps && td->tdvpr[i]; lp++)
			RIG_CALL(rig, lp, .rax = TDH_VP_FLUSH, .rcx = td->tdvpr[i]);
	RIG_OK(rig, 0, .rax = TDH_MNG_VPFLUSHDONE, .rcx = td->tdr);
	for (uint32_t package = 0; package < rig->config.nr_packages; package++)
		RIG_OK(rig, package, .rax = TDH_PHYMEM_CACHE_WB);
	RIG_OK(rig, 0, .rax = TDH_MNG_KEY_FREEID, .rcx = td->tdr);
	while (td->nr_pages)
		RIG_OK(rig, 0, .rax = TDH_PHYMEM_PAGE_RECLAIM, .rcx = td->page[--td->nr_pages]);
	RIG_OK(rig, 0, .rax = TDH_PHYMEM_PAGE_RECLAIM, .rcx = td->tdr);
}
