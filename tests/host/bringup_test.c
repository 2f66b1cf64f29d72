// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * bringup_test.c - SYS.INIT to TDMR.INIT against a scripted module: what it is told, in which
 * order, what is tried again, and that whatever fails leaves nothing behind.
 *
 * The module here is a script and not softseam, since most of what is tested is a module that
 * answers in ways that a good one never does.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "fake_os.h"
#include "layout_check.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

#define NR_CPUS	    3
#define NR_PACKAGES 2
#define GLOBAL_HKID 32

/* A module that keeps no PAMT: the state machine of the SYS leaves, and what to do wrong. */
struct script {
	uint64_t features0;
	uint64_t unreadable;  /* a metadata field id that fails */
	uint64_t wrong_field; /* one that returns wrong_value */
	uint64_t wrong_value;
	uint64_t fail_at; /* which SEAMCALL fails, from 1 */
	uint64_t fail_status;
	uint64_t fail_times; /* so many in a row */
	uint64_t calls;
	uint32_t inits, lp_inits, key_configs, tdmr_inits;
	uint64_t wbinvds_at_key_config;
	uint64_t init_step;		  /* bytes that one TDMR.INIT does; 0: 256 MB */
	uint64_t init_status;		  /* that it answers with */
	const struct pamt_memory *pieces; /* the CMRs; NULL: cmr[] */
	uint32_t nr_pieces;
	uint64_t dpamt_reads;

	/* What SYS.CONFIG was given. */
	uint64_t r8, nr_tdmrs;
	struct tdx_tdmr_info info[TDX_MAX_TDMRS];
	uint64_t next[TDX_MAX_TDMRS]; /* progress of TDMR.INIT */
};

static const struct pamt_memory memory[] = {
	{ { MIB }, 2 * GIB - MIB, 0 },
	{ { 4 * GIB }, 3 * GIB, 0 },
	{ { 8 * GIB }, 2 * GIB, 1 },
};
static const struct tdx_cmr cmr[] = {
	{ MIB, 2 * GIB - MIB },
	{ 4 * GIB, 3 * GIB },
	{ 8 * GIB, 2 * GIB },
};
#define NR_CMRS 3

static struct tdx_cmr script_cmr(const struct script *s, uint64_t i)
{
	if (s->pieces && i < s->nr_pieces)
		return (struct tdx_cmr){ s->pieces[i].base.v, s->pieces[i].bytes };
	return !s->pieces && i < NR_CMRS ? cmr[i] : (struct tdx_cmr){ 0 };
}

static tdx_status_t read_metadata(struct script *s, struct tdx_regs *regs)
{
	uint64_t id = regs->rdx;
	static const struct {
		uint64_t id, value;
	} fields[] = {
		{ TDX_MD_NUM_CMRS, TDX_MAX_CMRS }, { TDX_MD_MAX_TDMRS, 64 },
		{ TDX_MD_MAX_RESERVED, 16 },	   { TDX_MD_PAMT_4K_ENTRY_SIZE, 16 },
		{ TDX_MD_PAMT_2M_ENTRY_SIZE, 16 }, { TDX_MD_PAMT_1G_ENTRY_SIZE, 16 },
		{ TDX_MD_PAMT_BITMAP_BITS, 1 },
	};

	regs->rdx = UINT64_MAX;
	regs->r8 = 0;
	s->dpamt_reads += id == TDX_MD_PAMT_BITMAP_BITS;
	if (id == s->unreadable)
		return tdx_status(TDX_METADATA_FIELD_ID_INCORRECT, 0);
	if (id == s->wrong_field)
		regs->r8 = s->wrong_value;
	else if (id == TDX_MD_FEATURES0)
		regs->r8 = s->features0;
	else if (id >= TDX_MD_CMR_BASE(0) && id < TDX_MD_CMR_BASE(TDX_MAX_CMRS))
		regs->r8 = script_cmr(s, id - TDX_MD_CMR_BASE(0)).base;
	else if (id >= TDX_MD_CMR_SIZE(0) && id < TDX_MD_CMR_SIZE(TDX_MAX_CMRS))
		regs->r8 = script_cmr(s, id - TDX_MD_CMR_SIZE(0)).size;
	else
		for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
			if (fields[i].id == id)
				regs->r8 = fields[i].value;
	return tdx_status(TDX_SUCCESS, 0);
}

static tdx_status_t sys_config(struct fake_os *f, struct script *s, struct tdx_regs *regs)
{
	const uint64_t *array = f->services.map_host(f, hpa(regs->rcx), OS_READ);

	assert_int_equal(regs->rcx % TDX_INFO_ALIGN, 0);
	s->nr_tdmrs = regs->rdx;
	s->r8 = regs->r8;
	for (uint64_t i = 0; i < s->nr_tdmrs; i++) {
		assert_int_equal(array[i] % TDX_INFO_ALIGN, 0);
		memcpy(&s->info[i], f->services.map_host(f, hpa(array[i]), OS_READ),
		       sizeof(s->info[i]));
		s->next[i] = s->info[i].base;
	}
	return tdx_status(TDX_SUCCESS, 0);
}

static tdx_status_t tdmr_init(struct script *s, struct tdx_regs *regs)
{
	for (uint64_t i = 0; i < s->nr_tdmrs; i++) {
		if (s->info[i].base != regs->rcx)
			continue;
		s->tdmr_inits++;
		s->next[i] += s->init_step ? s->init_step : 256 * MIB;
		regs->rdx = s->next[i] / GIB * GIB;
		return (tdx_status_t){ s->init_status };
	}
	return tdx_status(TDX_OPERAND_INVALID, TDX_OP_RCX);
}

static tdx_status_t module(struct fake_os *f, struct tdx_regs *regs)
{
	struct script *s = f->module_ctx;
	uint64_t call = ++s->calls;

	if (s->fail_at && call >= s->fail_at && call < s->fail_at + s->fail_times) {
		regs->rcx = regs->rdx = regs->r8 = 0;
		return (tdx_status_t){ s->fail_status };
	}
	switch (TDX_RAX_LEAF(regs->rax)) {
	case TDH_SYS_INIT:
		return s->inits++ ? tdx_status(TDX_SYS_INIT_NOT_PENDING, 0)
				  : tdx_status(TDX_SUCCESS, 0);
	case TDH_SYS_LP_INIT:
		return s->lp_inits++ < NR_CPUS ? tdx_status(TDX_SUCCESS, 0)
					       : tdx_status(TDX_SYS_LP_INIT_DONE, 0);
	case TDH_SYS_RD:
		return read_metadata(s, regs);
	case TDH_SYS_CONFIG:
		return sys_config(f, s, regs);
	case TDH_SYS_KEY_CONFIG:
		s->key_configs++;
		s->wbinvds_at_key_config = f->wbinvds;
		return tdx_status(TDX_SUCCESS, 0);
	case TDH_SYS_TDMR_INIT:
		return tdmr_init(s, regs);
	}
	fail_msg("unexpected leaf %u", TDX_RAX_LEAF(regs->rax));
	return tdx_status(TDX_OPERAND_INVALID, 0);
}

struct setup {
	struct fake_os os;
	struct script script;
	struct pamt_host_config config;
	struct pamt_host *host;
	struct pamt_error error;
};

static void setup(struct setup *t)
{
	memset(t, 0, sizeof(*t));
	fake_os_create(&t->os, memory, 3, 2);
	t->os.services.nr_cpus = NR_CPUS;
	t->os.nr_packages = NR_PACKAGES;
	t->os.module = module;
	t->os.module_ctx = &t->script;
	t->script.features0 = TDX_FEATURES0_DYNAMIC_PAMT;
	t->script.fail_times = 1;
	t->config = (struct pamt_host_config){ .memory = memory,
					       .nr_memory = 3,
					       .dynamic = true,
					       .hkid_start_bit = 46,
					       .global_hkid = GLOBAL_HKID,
					       .nr_hkids = 32 };
}

/* The same with another memory map, every range of which is a CMR. */
static void setup_map(struct setup *t, const struct pamt_memory *map, uint32_t nr)
{
	setup(t);
	fake_os_destroy(&t->os);
	fake_os_create(&t->os, map, nr, 2);
	t->os.services.nr_cpus = NR_CPUS;
	t->os.module = module;
	t->os.module_ctx = &t->script;
	t->script.pieces = map;
	t->script.nr_pieces = nr;
	t->config.memory = map;
	t->config.nr_memory = nr;
}

static int bring_up(struct setup *t)
{
	int ret = pamt_host_create(&t->os.services, &t->config, &t->host, &t->error);

	return ret ? ret : pamt_bring_up(t->host, &t->error);
}

/* Ends it and checks that everything went back. */
static void finish(struct setup *t)
{
	if (t->host)
		pamt_host_destroy(t->host);
	assert_int_equal(t->os.ranges_out, 0);
	assert_int_equal(t->os.objects_out, 0);
	fake_os_destroy(&t->os);
}

static void module_is_told_what_the_layout_says(void **state)
{
	const struct pamt_layout *l;
	const char *why;
	struct setup t;

	setup(&t);
	assert_int_equal(bring_up(&t), 0);
	l = pamt_layout(t.host);
	assert_null(layout_fault(l, cmr, NR_CMRS));
	assert_true(pamt_is_dynamic(t.host, NULL));
	assert_true(pamt_is_dynamic(t.host, &why));
	assert_int_equal(t.script.nr_tdmrs, l->nr_tdmrs);
	assert_int_equal(t.script.r8, GLOBAL_HKID | TDX_SYS_CONFIG_DYNAMIC_PAMT);
	for (uint32_t i = 0; i < l->nr_tdmrs; i++) {
		const struct tdx_tdmr_info *info = &t.script.info[i];
		const struct pamt_tdmr *tdmr = &l->tdmr[i];

		assert_int_equal(info->base, tdmr->base.v);
		assert_int_equal(info->size, tdmr->bytes);
		assert_int_equal(info->pamt_4k_base, tdmr->pamt_base.v);
		assert_int_equal(info->pamt_4k_size, tdmr->bytes / GIB * 32 << 10);
		assert_int_equal(info->pamt_2m_base, info->pamt_4k_base + info->pamt_4k_size);
		assert_int_equal(info->pamt_1g_base, info->pamt_2m_base + info->pamt_2m_size);
		assert_memory_equal(info->reserved, tdmr->reserved, sizeof(info->reserved));
		assert_true(t.script.next[i] >= info->base + info->size);
	}
	assert_int_equal(t.script.inits, 1);
	assert_int_equal(t.script.lp_inits, NR_CPUS);
	assert_int_equal(t.script.key_configs, NR_PACKAGES);
	assert_int_equal(t.script.wbinvds_at_key_config, 1);
	assert_int_equal(pamt_bring_up(t.host, &t.error), -OS_EBUSY);
	finish(&t);
}

static void memory_outside_cmrs_is_never_handed_out(void **state)
{
	/* Beyond the end of a CMR, at its beginning, and where there is none. */
	static const struct pamt_memory more[] = {
		{ { 4096 }, 640 << 10, 0 }, /* below 1 MB: left out anyway */
		{ { MIB }, 2 * GIB - MIB, 0 }, { { 4 * GIB - 4 * MIB }, 3 * GIB + 12 * MIB, 0 },
		{ { 8 * GIB }, 2 * GIB, 1 },   { { 12 * GIB }, GIB, 1 },
	};
	struct setup t;

	setup(&t);
	t.config.memory = more;
	t.config.nr_memory = 5;
	assert_int_equal(bring_up(&t), 0);
	assert_int_equal(t.os.excluded, GIB + 12 * MIB);
	assert_int_equal(t.os.warnings, 1);
	finish(&t);

	setup(&t);
	assert_int_equal(bring_up(&t), 0);
	assert_int_equal(t.os.excluded, 0);
	finish(&t);
}

static void pamt_is_written_back_and_scrubbed_at_the_end(void **state)
{
	uint64_t pages;
	struct setup t;

	setup(&t);
	assert_int_equal(bring_up(&t), 0);
	pages = pamt_layout(t.host)->pamt_bytes / 4096;
	assert_int_equal(t.os.scrubs, 0);
	pamt_host_destroy(t.host);
	t.host = NULL;
	assert_int_equal(t.os.scrubs, pages);
	assert_int_equal(t.os.wbinvds, 2);
	finish(&t);
}

static void reserved_chunks_are_those_of_bring_up(void **state)
{
	tdx_hpa_t pamt;
	struct setup t;

	setup(&t);
	assert_int_equal(pamt_host_create(&t.os.services, &t.config, &t.host, &t.error), 0);
	assert_int_equal(pamt_boot_reserve(t.host, &t.error), 0);
	assert_int_equal(t.script.nr_tdmrs, 0);
	pamt = pamt_layout(t.host)->tdmr[0].pamt_base;
	assert_int_equal(pamt_boot_reserve(t.host, &t.error), 0);
	assert_int_equal(pamt_bring_up(t.host, &t.error), 0);
	assert_int_equal(pamt_layout(t.host)->tdmr[0].pamt_base.v, pamt.v);
	assert_int_equal(t.script.inits, 1);
	finish(&t);
}

static void reservation_alone_is_given_back_unscrubbed(void **state)
{
	struct setup t;

	setup(&t);
	assert_int_equal(pamt_host_create(&t.os.services, &t.config, &t.host, &t.error), 0);
	assert_int_equal(pamt_boot_reserve(t.host, &t.error), 0);
	pamt_host_destroy(t.host);
	t.host = NULL;
	assert_int_equal(t.os.scrubs, 0);
	finish(&t);
}

/* How many allocations and SEAMCALLs a bring-up makes when nothing fails. */
static void count_points(uint64_t *allocations, uint64_t *seamcalls)
{
	struct setup t;

	setup(&t);
	assert_int_equal(bring_up(&t), 0);
	*allocations = t.os.calls;
	*seamcalls = t.script.calls;
	finish(&t);
}

static void every_failed_allocation_is_unwound(void **state)
{
	uint64_t allocations, seamcalls;

	count_points(&allocations, &seamcalls);
	for (uint64_t at = 1; at <= allocations; at++) {
		struct setup t;

		setup(&t);
		t.os.fail_at = at;
		if (bring_up(&t)) {
			assert_int_equal(t.error.error, -OS_ENOMEM);
			assert_non_null(t.error.reason);
			assert_int_equal(t.os.ranges_out, 0);
			/* Nothing of that kind is final. */
			if (t.host)
				assert_int_equal(pamt_bring_up(t.host, &t.error), 0);
		}
		finish(&t);
	}
}

static void every_failed_seamcall_is_unwound(void **state)
{
	uint64_t allocations, seamcalls;

	count_points(&allocations, &seamcalls);
	for (uint64_t at = 1; at <= seamcalls; at++) {
		struct setup t;
		bool configured;

		setup(&t);
		t.script.fail_at = at;
		t.script.fail_status = TDX_OPERAND_INVALID | TDX_OP_RCX;
		assert_int_equal(bring_up(&t), -OS_EIO);
		assert_int_equal(t.error.status.v, t.script.fail_status);
		assert_int_equal(t.os.ranges_out, 0);
		/* Before SYS.CONFIG another try may succeed, after it none is made. */
		configured = t.error.step > PAMT_STEP_SYS_CONFIG;
		assert_int_equal(t.os.scrubs != 0, configured);
		assert_int_equal(pamt_bring_up(t.host, &t.error), configured ? -OS_ENODEV : 0);
		finish(&t);
	}
}

static void busy_and_missing_entropy_are_tried_again(void **state)
{
	static const uint64_t passing[] = { TDX_RND_NO_ENTROPY, TDX_SYS_BUSY,
					    TDX_OPERAND_BUSY | TDX_OP_RCX };

	for (size_t i = 0; i < sizeof(passing) / sizeof(passing[0]); i++) {
		for (uint64_t at = 1; at <= 90; at++) {
			struct setup t;

			setup(&t);
			t.script.fail_at = at;
			t.script.fail_times = 5;
			t.script.fail_status = passing[i];
			assert_int_equal(bring_up(&t), 0);
			finish(&t);
		}
	}
}

static void retries_end(void **state)
{
	struct setup t;

	setup(&t);
	t.script.fail_at = 1;
	t.script.fail_times = UINT64_MAX / 2;
	t.script.fail_status = TDX_RND_NO_ENTROPY;
	assert_int_equal(bring_up(&t), -OS_EIO);
	assert_int_equal(t.error.step, PAMT_STEP_SYS_INIT);
	assert_int_equal(t.error.status.v, TDX_RND_NO_ENTROPY);
	assert_true(t.script.calls < 1000);
	finish(&t);
}

static void refused_tdmr_is_named(void **state)
{
	struct setup t;

	setup(&t);
	/* After SYS.INIT, LP.INIT and 72 reads comes SYS.CONFIG. */
	t.script.fail_at = 1 + NR_CPUS + 8 + 2 * TDX_MAX_CMRS + 1;
	t.script.fail_status = TDX_INVALID_PAMT | 0x0102;
	assert_int_equal(bring_up(&t), -OS_EIO);
	assert_int_equal(t.error.step, PAMT_STEP_SYS_CONFIG);
	assert_int_equal(t.error.base.v, 8 * GIB);
	assert_int_equal(t.error.bytes, 2 * GIB);
	finish(&t);
}

static void old_module_is_not_asked_for_fields_of_dynamic_pamt(void **state)
{
	const char *why;
	struct setup t;

	setup(&t);
	t.script.features0 = 0;
	t.script.unreadable = TDX_MD_PAMT_BITMAP_BITS;
	assert_int_equal(bring_up(&t), 0);
	assert_int_equal(t.script.dpamt_reads, 0);
	assert_false(pamt_is_dynamic(t.host, &why));
	assert_non_null(strstr(why, "no Dynamic PAMT"));
	assert_int_equal(t.script.r8, GLOBAL_HKID);
	assert_int_equal(t.script.info[0].pamt_4k_size, 2 * GIB / 256);
	finish(&t);
}

static void feature_without_its_field_is_a_broken_module(void **state)
{
	struct setup t;

	for (int dynamic = 0; dynamic < 2; dynamic++) {
		setup(&t);
		t.config.dynamic = dynamic;
		t.script.unreadable = TDX_MD_PAMT_BITMAP_BITS;
		assert_int_equal(bring_up(&t), -OS_EIO);
		assert_int_equal(t.error.step, PAMT_STEP_METADATA);
		finish(&t);
	}
}

static void impossible_metadata_is_refused(void **state)
{
	static const struct {
		uint64_t field, value;
	} wrong[] = {
		{ TDX_MD_MAX_TDMRS, 0 },
		{ TDX_MD_MAX_RESERVED, 0 },
		{ TDX_MD_PAMT_4K_ENTRY_SIZE, 0 },
		{ TDX_MD_PAMT_2M_ENTRY_SIZE, UINT64_C(1) << 32 },
		{ TDX_MD_PAMT_BITMAP_BITS, 0 },
		{ TDX_MD_NUM_CMRS, TDX_MAX_CMRS + 1 },
		{ TDX_MD_NUM_CMRS, 0 },
		{ TDX_MD_CMR_BASE(1), 0 },
		{ TDX_MD_CMR_BASE(2), UINT64_MAX },
	};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		struct setup t;

		setup(&t);
		t.script.wrong_field = wrong[i].field;
		t.script.wrong_value = wrong[i].value;
		assert_true(bring_up(&t) < 0);
		assert_int_equal(t.error.step, PAMT_STEP_METADATA);
		assert_int_equal(t.os.ranges_out, 0);
		finish(&t);
	}
}

static void tdmr_that_is_never_initialised_is_given_up_on(void **state)
{
	struct setup t;

	setup(&t);
	t.script.init_step = 1;
	assert_int_equal(bring_up(&t), -OS_EIO);
	assert_int_equal(t.error.step, PAMT_STEP_TDMR_INIT);
	assert_int_equal(t.error.base.v, 0);
	assert_int_equal(t.error.bytes, 2 * GIB);
	/* As many calls as it has pages, at most. */
	assert_int_equal(t.script.tdmr_inits, 2 * GIB / 4096);
	finish(&t);
}

static void tdmr_that_is_initialised_already_is_fine(void **state)
{
	struct setup t;

	setup(&t);
	t.script.init_step = 1;
	t.script.init_status = TDX_TDMR_ALREADY_INITIALIZED;
	assert_int_equal(bring_up(&t), 0);
	assert_int_equal(t.script.tdmr_inits, 3);
	finish(&t);
}

static void refused_tdmr_that_does_not_exist_is_not_named(void **state)
{
	struct setup t;

	setup(&t);
	t.script.fail_at = 1 + NR_CPUS + 8 + 2 * TDX_MAX_CMRS + 1;
	t.script.fail_status = TDX_INVALID_PAMT | 0x0103;
	assert_int_equal(bring_up(&t), -OS_EIO);
	assert_int_equal(t.error.step, PAMT_STEP_SYS_CONFIG);
	assert_true(hpa_is_none(t.error.base));
	finish(&t);
}

static void module_of_one_tdmr_gets_one_on_the_node_with_more_memory(void **state)
{
	struct setup t;

	setup(&t);
	t.script.wrong_field = TDX_MD_MAX_TDMRS;
	t.script.wrong_value = 1;
	assert_int_equal(bring_up(&t), 0);
	assert_int_equal(pamt_layout(t.host)->nr_tdmrs, 1);
	assert_int_equal(pamt_layout(t.host)->tdmr[0].base.v, 0);
	assert_int_equal(pamt_layout(t.host)->tdmr[0].bytes, 10 * GIB);
	finish(&t);
}

static void memory_that_is_given_up_is_taken_out_of_the_allocator(void **state)
{
	static struct pamt_memory pieces[24];
	struct setup t;
	uint64_t at = MIB;

	for (uint32_t i = 0; i < 24; i++) {
		pieces[i] = (struct pamt_memory){ hpa(at), (i == 23 ? 256 : 8) * MIB, 0 };
		at += pieces[i].bytes + MIB;
	}
	/* Drawn as Linux draws them there are too many reserved areas, and that is that. */
	setup_map(&t, pieces, 24);
	t.config.holes = PAMT_HOLES_USABLE;
	assert_int_equal(bring_up(&t), -OS_ENOSPC);
	assert_int_equal(t.error.step, PAMT_STEP_RESERVED);
	finish(&t);
	/* Otherwise some of it is given up. */
	setup_map(&t, pieces, 24);
	assert_int_equal(bring_up(&t), 0);
	assert_true(pamt_layout(t.host)->given_up_bytes > 0);
	assert_true(t.os.excluded >= pamt_layout(t.host)->given_up_bytes);
	assert_int_equal(t.os.warnings, 1);
	finish(&t);
}

static void keyids_above_bit_48_mean_static_pamt(void **state)
{
	const char *why;
	struct setup t;

	setup(&t);
	t.config.hkid_start_bit = 49;
	assert_int_equal(bring_up(&t), 0);
	assert_false(pamt_is_dynamic(t.host, &why));
	assert_non_null(strstr(why, "48"));
	assert_int_equal(t.script.r8, GLOBAL_HKID);
	finish(&t);
}

static void bad_configuration_is_refused(void **state)
{
	struct setup t;

	setup(&t);
	t.config.nr_memory = 0;
	assert_int_equal(bring_up(&t), -OS_EINVAL);
	assert_non_null(t.error.reason);
	t.config.nr_memory = 3;
	t.config.nr_hkids = 1;
	assert_int_equal(bring_up(&t), -OS_EINVAL);
	t.config.nr_hkids = 2;
	t.config.holes = (enum pamt_holes)7;
	assert_int_equal(bring_up(&t), -OS_EINVAL);
	t.config.holes = PAMT_HOLES_USABLE;
	t.config.memory = NULL;
	assert_int_equal(bring_up(&t), -OS_EINVAL);
	t.config.memory = memory;
	t.os.services.nr_cpus = 0;
	assert_int_equal(bring_up(&t), -OS_EINVAL);
	t.os.services.nr_cpus = NR_CPUS;
	t.os.services.nr_nodes = 0;
	assert_int_equal(bring_up(&t), -OS_EINVAL);
	assert_non_null(t.error.reason);
	t.os.services.nr_nodes = 2;
	assert_int_equal(bring_up(&t), 0);
	finish(&t);
}

static void static_pamt_has_a_reason(void **state)
{
	const char *why;
	struct setup t;

	setup(&t);
	t.config.dynamic = false;
	assert_int_equal(bring_up(&t), 0);
	assert_false(pamt_is_dynamic(t.host, NULL));
	assert_false(pamt_is_dynamic(t.host, &why));
	assert_string_equal(why, "not asked for");
	finish(&t);
}

static void host_that_is_not_up_has_nothing(void **state)
{
	struct pamt_node_stats node;
	struct pamt_stats stats;
	struct setup t;

	setup(&t);
	assert_int_equal(pamt_host_create(&t.os.services, &t.config, &t.host, &t.error), 0);
	pamt_stats(t.host, &stats);
	pamt_node_stats(t.host, 0, &node);
	assert_int_equal(stats.os_bytes + stats.static_bytes + node.os_bytes, 0);
	assert_int_equal(pamt_may_online(t.host, hpa(4 * GIB), GIB), -OS_EINVAL);
	assert_int_equal(pamt_bring_up(t.host, &t.error), 0);
	pamt_node_stats(t.host, 2, &node);
	assert_int_equal(node.os_bytes, 0);
	finish(&t);
}

/* TDMRs far apart, two of which have their words on one page, and as many nodes as there can be. */
static const struct pamt_memory sparse[] = {
	{ { MIB }, GIB - MIB, 0 },
	{ { 2 * GIB }, GIB, 0 },
	{ { 1024 * GIB }, GIB, 1 },
};

static void sparse_table_is_populated_or_unwound(void **state)
{
	uint64_t allocations = UINT64_MAX;

	for (uint64_t at = 1; at <= allocations; at++) {
		struct setup t;

		setup_map(&t, sparse, 3);
		t.os.fail_at = at;
		if (bring_up(&t)) {
			assert_int_equal(t.error.error, -OS_ENOMEM);
			assert_int_equal(t.os.ranges_out, 0);
		} else {
			assert_int_equal(pamt_layout(t.host)->table_bytes, 2 * (128 << 10));
			/* Where one place does not do, the next may. */
			if (t.os.calls < at)
				allocations = t.os.calls;
		}
		finish(&t);
	}
}

static void node_of_thirty_two_terabytes_has_a_pool(void **state)
{
	static const struct pamt_memory large[] = { { { GIB }, 32 * 1024 * GIB, 0 } };
	struct pamt_stats stats;
	struct setup t;

	setup_map(&t, large, 1);
	t.script.init_step = 32 * 1024 * GIB;
	assert_int_equal(bring_up(&t), 0);
	pamt_stats(t.host, &stats);
	/* The words below 1 GiB are there as well. */
	assert_int_equal(stats.table_bytes, 32 * MIB + (128 << 10));
	finish(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(module_is_told_what_the_layout_says),
		cmocka_unit_test(memory_outside_cmrs_is_never_handed_out),
		cmocka_unit_test(pamt_is_written_back_and_scrubbed_at_the_end),
		cmocka_unit_test(reserved_chunks_are_those_of_bring_up),
		cmocka_unit_test(reservation_alone_is_given_back_unscrubbed),
		cmocka_unit_test(every_failed_allocation_is_unwound),
		cmocka_unit_test(every_failed_seamcall_is_unwound),
		cmocka_unit_test(busy_and_missing_entropy_are_tried_again),
		cmocka_unit_test(retries_end),
		cmocka_unit_test(refused_tdmr_is_named),
		cmocka_unit_test(old_module_is_not_asked_for_fields_of_dynamic_pamt),
		cmocka_unit_test(feature_without_its_field_is_a_broken_module),
		cmocka_unit_test(impossible_metadata_is_refused),
		cmocka_unit_test(tdmr_that_is_never_initialised_is_given_up_on),
		cmocka_unit_test(tdmr_that_is_initialised_already_is_fine),
		cmocka_unit_test(refused_tdmr_that_does_not_exist_is_not_named),
		cmocka_unit_test(module_of_one_tdmr_gets_one_on_the_node_with_more_memory),
		cmocka_unit_test(memory_that_is_given_up_is_taken_out_of_the_allocator),
		cmocka_unit_test(keyids_above_bit_48_mean_static_pamt),
		cmocka_unit_test(bad_configuration_is_refused),
		cmocka_unit_test(static_pamt_has_a_reason),
		cmocka_unit_test(host_that_is_not_up_has_nothing),
		cmocka_unit_test(sparse_table_is_populated_or_unwound),
		cmocka_unit_test(node_of_thirty_two_terabytes_has_a_pool),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
