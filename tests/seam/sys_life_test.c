// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_life_test.c - the module's life: SYS.INIT, LP.INIT, KEY.CONFIG, and the update of a module
 * under running TDs.
 */
#include "fixture.h"
#include "seam/debug.h"
#include "seam/module.h"

static uint64_t call_on(struct fixture *f, uint32_t lp, uint64_t rax)
{
	struct tdx_regs regs = { .rax = rax };

	return fixture_call(f, lp, &regs);
}

static void create(struct fixture *f)
{
	struct seam_config config = fixture_config();

	fixture_create(f, &config);
}

static void before_init_only_the_early_leaves_answer(void **state)
{
	static const uint32_t late[] = {
		TDH_SYS_TDMR_INIT,    TDH_SYS_SHUTDOWN,	   TDH_MNG_CREATE, TDH_PHYMEM_PAMT_ADD,
		TDH_PHYMEM_PAGE_RDMD, TDH_PHYMEM_CACHE_WB, TDH_VP_ENTER,   1000,
	};
	struct fixture f;

	(void)state;
	create(&f);
	for (size_t i = 0; i < sizeof(late) / sizeof(late[0]); i++)
		assert_int_equal(call_on(&f, 0, late[i]), TDX_SYS_NOT_READY);
	assert_int_equal(call_on(&f, 0, TDH_SYS_LP_INIT), TDX_SYS_LP_INIT_NOT_PENDING);
	assert_int_equal(call_on(&f, 0, TDH_SYS_KEY_CONFIG), TDX_SYS_KEY_CONFIG_NOT_PENDING);
	assert_int_equal(call_on(&f, 0, TDH_SYS_UPDATE), TDX_SYS_STATE_INCORRECT);
	assert_int_equal(call_on(&f, 0, TDH_SYS_LP_SHUTDOWN), TDX_SUCCESS);
	assert_int_equal(call3(&f, TDH_SYS_RD, 0, TDX_MD_MAX_TDMRS, 0), TDX_SYS_LP_INIT_NOT_DONE);
	fixture_destroy(&f);
}

static void init_checks_in_order_and_clears_its_results(void **state)
{
	struct tdx_regs regs = {
		.rax = TDX_RAX(TDH_SYS_INIT, 1), .rdx = 2, .r8 = 1, .r9 = 4, .r10 = 5, .r11 = 6
	};
	struct fixture f;

	(void)state;
	create(&f);
	assert_int_equal(fixture_call(&f, 0, &regs), TDX_OPERAND_INVALID | TDX_OP_R8);
	assert_int_equal(regs.rdx | regs.r8 | regs.r9 | regs.r10, 0);
	assert_int_equal(regs.r11, 6);
	assert_int_equal(call_on(&f, 0, TDX_RAX(TDH_SYS_INIT, 2)),
			 TDX_OPERAND_INVALID | TDX_OP_RAX);
	assert_int_equal(call3(&f, TDH_SYS_INIT, 1, 0, 0), TDX_OPERAND_INVALID | TDX_OP_RCX);
	seam_debug_inject(f.seam, SEAM_INJECT_RNG_FAIL);
	assert_int_equal(call_on(&f, 0, TDH_SYS_INIT), TDX_RND_NO_ENTROPY);
	assert_int_equal(
		seam_debug_lock(f.seam, (struct seam_debug_name){ SEAM_DEBUG_SYS, 0, 0 }, false, 1),
		0);
	assert_int_equal(call3(&f, TDH_SYS_INIT, 1, 0, 0), TDX_SYS_BUSY);
	assert_int_equal(seam_debug_release(f.seam, 1), 0);
	/* R8 means something in version 1 only. */
	assert_int_equal(call3(&f, TDH_SYS_INIT, 0, 0, 1), TDX_SUCCESS);
	assert_int_equal(call_on(&f, 0, TDH_SYS_INIT), TDX_SYS_INIT_NOT_PENDING);
	assert_int_equal(call3(&f, TDH_SYS_INIT, 1, 0, 0), TDX_OPERAND_INVALID | TDX_OP_RCX);
	fixture_destroy(&f);
}

static void a_bad_cmr_list_is_refused(void **state)
{
	static const struct tdx_cmr bad[] = {
		{ 4 * GB + 512, GB },
		{ 4 * GB, GB + 512 },
		{ -GB, 2 * GB },	   /* wraps */
		{ MB, GB },		   /* overlaps the first */
		{ 0, MB / 2 },		   /* below the first */
		{ UINT64_C(1) << 40, GB }, /* KeyID */
		{ 1023 * GB, 2 * GB },	   /* ends in the KeyID */
		{ UINT64_C(1) << 52, GB },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct seam_config config = fixture_config();
		struct fixture f;

		config.cmr[1] = bad[i];
		fixture_create(&f, &config);
		assert_int_equal(call_on(&f, 0, TDH_SYS_INIT), TDX_CMR_LIST_INVALID);
		fixture_destroy(&f);
	}
}

static void every_lp_is_initialised_once(void **state)
{
	struct fixture f;

	(void)state;
	create(&f);
	assert_int_equal(call_on(&f, 3, TDH_SYS_INIT), TDX_SUCCESS);
	assert_int_equal(
		seam_debug_lock(f.seam, (struct seam_debug_name){ SEAM_DEBUG_SYS, 0, 0 }, true, 1),
		0);
	assert_int_equal(call_on(&f, 2, TDH_SYS_LP_INIT), TDX_SYS_BUSY);
	assert_int_equal(seam_debug_release(f.seam, 1), 0);
	assert_int_equal(
		seam_debug_lock(f.seam, (struct seam_debug_name){ SEAM_DEBUG_SYS, 0, 0 }, false, 1),
		0);
	assert_int_equal(call_on(&f, 2, TDH_SYS_LP_INIT), TDX_SUCCESS);
	assert_int_equal(seam_debug_release(f.seam, 1), 0);
	assert_int_equal(call_on(&f, 2, TDH_SYS_LP_INIT), TDX_SYS_LP_INIT_DONE);
	/* An LP that does not exist is not in VMX operation. */
	assert_int_equal(call_on(&f, 4, TDH_SYS_LP_INIT), TDX_SEAMCALL_UD);
	fixture_destroy(&f);
}

static void the_key_is_configured_once_per_package(void **state)
{
	struct tdx_tdmr_info info[FIXTURE_TDMRS];
	struct fixture f;

	(void)state;
	create(&f);
	fixture_init(&f);
	assert_int_equal(call_on(&f, 0, TDH_SYS_KEY_CONFIG), TDX_SYS_KEY_CONFIG_NOT_PENDING);
	fixture_tdmrs(info);
	assert_int_equal(fixture_config_call(&f, info, 2, true), TDX_SUCCESS);
	seam_debug_inject(f.seam, SEAM_INJECT_PCONFIG_BUSY);
	assert_int_equal(call_on(&f, 0, TDH_SYS_KEY_CONFIG), TDX_OPERAND_BUSY | TDX_OP_KET);
	seam_debug_inject(f.seam, SEAM_INJECT_PCONFIG_ENTROPY);
	assert_int_equal(call_on(&f, 0, TDH_SYS_KEY_CONFIG), TDX_KEY_GENERATION_FAILED);
	assert_int_equal(
		seam_debug_lock(f.seam, (struct seam_debug_name){ SEAM_DEBUG_SYS, 0, 0 }, false, 1),
		0);
	assert_int_equal(call_on(&f, 0, TDH_SYS_KEY_CONFIG), TDX_SYS_BUSY);
	assert_int_equal(seam_debug_release(f.seam, 1), 0);
	/* LPs 0 and 2 are in package 0. */
	assert_int_equal(call_on(&f, 0, TDH_SYS_KEY_CONFIG), TDX_SUCCESS);
	seam_debug_inject(f.seam, SEAM_INJECT_PCONFIG_BUSY);
	assert_int_equal(call_on(&f, 2, TDH_SYS_KEY_CONFIG), TDX_KEY_CONFIGURED);
	assert_int_equal(call3(&f, TDH_SYS_TDMR_INIT, GB, 0, 0), TDX_SYS_NOT_READY);
	assert_int_equal(call_on(&f, 3, TDH_SYS_KEY_CONFIG), TDX_SUCCESS);
	assert_int_equal(call3(&f, TDH_SYS_TDMR_INIT, GB, 0, 0), TDX_SUCCESS);
	assert_int_equal(call_on(&f, 1, TDH_SYS_KEY_CONFIG), TDX_SYS_KEY_CONFIG_NOT_PENDING);
	fixture_destroy(&f);
}

#define PAIR	  (GB + 64 * MB)
#define TDR	  (GB + 4096)
#define TD_HKID	  0x30u
#define SHUT_DOWN 1u /* RCX: the newest handoff */

/* A region with a pair, and a TD that has no more than a TDR in it. */
static void make_td(struct fixture *f)
{
	assert_int_equal(call3(f, TDH_PHYMEM_PAMT_ADD, GB | 1, PAIR, PAIR + 4096), TDX_SUCCESS);
	assert_int_equal(call3(f, TDH_MNG_CREATE, TDR, TD_HKID, 0), TDX_SUCCESS);
}

static uint64_t page_type(struct fixture *f, uint64_t page)
{
	struct tdx_regs regs = { .rax = TDH_PHYMEM_PAGE_RDMD, .rcx = page };

	assert_int_equal(fixture_call(f, 0, &regs), TDX_SUCCESS);
	return regs.rcx;
}

static void shutdown_stops_everything_but_lp_shutdown(void **state)
{
	struct fixture f;

	(void)state;
	create(&f);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN, 0, 0), TDX_SYS_NOT_READY);
	fixture_bring_up(&f, true);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, 2, 0, 0), TDX_OPERAND_INVALID | TDX_OP_RCX);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN | 1 << 17, 0, 0),
			 TDX_OPERAND_INVALID | TDX_OP_RCX);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN, 0, 0), TDX_SUCCESS);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN, 0, 0), TDX_SYS_SHUTDOWN);
	assert_int_equal(call_on(&f, 1, TDH_SYS_INIT), TDX_SYS_SHUTDOWN);
	assert_int_equal(call_on(&f, 1, 1000), TDX_SYS_SHUTDOWN);
	/* The form of RAX is looked at first. */
	assert_int_equal(call_on(&f, 1, UINT64_C(1) << 40), TDX_OPERAND_INVALID | TDX_OP_RAX);
	assert_int_equal(call_on(&f, 1, TDH_SYS_LP_SHUTDOWN), TDX_SUCCESS);
	fixture_destroy(&f);
}

static void shutdown_waits_for_nobody(void **state)
{
	struct fixture f;

	(void)state;
	create(&f);
	fixture_bring_up(&f, true);
	assert_int_equal(
		seam_debug_lock(f.seam, (struct seam_debug_name){ SEAM_DEBUG_SYS, 0, 0 }, false, 1),
		0);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN, 0, 0), TDX_SYS_BUSY);
	assert_int_equal(seam_debug_release(f.seam, 1), 0);
	/* LP 2 is in the middle of a call. */
	os_store32(&f.seam->lp[2].inside, 1, OS_RELAXED);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN, 0, 0), TDX_SYS_BUSY);
	assert_int_equal(page_type(&f, GB), TDX_PT_NDA); /* and the module goes on */
	os_store32(&f.seam->lp[2].inside, 0, OS_RELAXED);
	assert_int_equal(seam_reload(f.seam), -OS_EINVAL);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN, 0, 0), TDX_SUCCESS);
	fixture_destroy(&f);
}

/* From MNG.CREATE to MNG.INIT. */
#define PARAMS (200 * MB)
static void begin_build(struct fixture *f, uint64_t tdr, uint64_t hkid)
{
	const struct tdx_td_params params = {
		.xfam = TDX_XFAM_FIXED1,
		.max_vcpus = 1,
		.eptp_controls = TDX_EPTP_WRITE_BACK | 3 << TDX_EPTP_PWL_SHIFT,
		.tsc_frequency = 40,
	};

	assert_int_equal(call3(f, TDH_MNG_CREATE, tdr, hkid, 0), TDX_SUCCESS);
	for (uint32_t package = 0; package < 2; package++) {
		struct tdx_regs regs = { .rax = TDH_MNG_KEY_CONFIG, .rcx = tdr };

		assert_int_equal(fixture_call(f, package, &regs), TDX_SUCCESS);
	}
	for (uint64_t i = 1; i <= 6; i++)
		assert_int_equal(call3(f, TDH_MNG_ADDCX, tdr + i * 4096, tdr, 0), TDX_SUCCESS);
	fixture_write(f, PARAMS, &params, sizeof(params));
	assert_int_equal(call3(f, TDH_MNG_INIT, tdr, PARAMS, 0), TDX_SUCCESS);
}

static uint64_t careful_shutdown(struct fixture *f)
{
	return call3(f, TDH_SYS_SHUTDOWN, SHUT_DOWN | 1 << 16, 0, 0);
}

static void builds_in_progress_can_stand_against_a_shutdown(void **state)
{
	const uint64_t first = GB, second = GB + MB;
	struct fixture f;

	(void)state;
	create(&f);
	fixture_bring_up(&f, false);
	begin_build(&f, first, 0x30);
	begin_build(&f, second, 0x31);
	assert_int_equal(careful_shutdown(&f), TDX_UPDATE_COMPATIBILITY_SENSITIVE | 2 << 16);
	assert_int_equal(page_type(&f, first), TDX_PT_TDR); /* the module goes on */
	/* One is finished, the other given up. */
	assert_int_equal(seam_debug_num_vcpus(f.seam, hpa(first), 1), 0);
	assert_int_equal(call3(&f, TDH_MR_FINALIZE, first, 0, 0), TDX_SUCCESS);
	assert_int_equal(careful_shutdown(&f), TDX_UPDATE_COMPATIBILITY_SENSITIVE | 1 << 16);
	assert_int_equal(call3(&f, TDH_MNG_VPFLUSHDONE, second, 0, 0), TDX_SUCCESS);
	assert_int_equal(careful_shutdown(&f), TDX_SUCCESS);
	fixture_destroy(&f);
}

static void builds_in_progress_do_not_matter_to_who_does_not_ask(void **state)
{
	struct fixture f;

	(void)state;
	create(&f);
	fixture_bring_up(&f, false);
	begin_build(&f, GB, 0x30);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN, 0, 0), TDX_SUCCESS);
	fixture_destroy(&f);
}

static void update_goes_on_with_tds_and_dynamic_pamt(void **state)
{
	struct tdx_regs regs;
	struct fixture f;

	(void)state;
	create(&f);
	fixture_bring_up(&f, true);
	make_td(&f);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN, 0, 0), TDX_SUCCESS);
	assert_int_equal(seam_reload(f.seam), 0);
	assert_int_equal(call3(&f, TDH_PHYMEM_PAGE_RDMD, GB, 0, 0), TDX_SYS_NOT_READY);
	assert_int_equal(call_on(&f, 0, TDH_SYS_INIT), TDX_SUCCESS);
	for (uint32_t lp = 0; lp < 4; lp++) {
		assert_int_equal(call_on(&f, 0, TDH_SYS_UPDATE), TDX_SYS_STATE_INCORRECT);
		assert_int_equal(call_on(&f, lp, TDH_SYS_LP_INIT), TDX_SUCCESS);
	}
	assert_int_equal(
		seam_debug_lock(f.seam, (struct seam_debug_name){ SEAM_DEBUG_SYS, 0, 0 }, false, 1),
		0);
	assert_int_equal(call_on(&f, 0, TDH_SYS_UPDATE), TDX_SYS_BUSY);
	assert_int_equal(seam_debug_release(f.seam, 1), 0);
	assert_int_equal(call_on(&f, 0, TDX_RAX(TDH_SYS_UPDATE, 2)), TDX_OPERAND_INVALID);
	/* Version 1: features that the host relies on, and nothing in R10. */
	regs = (struct tdx_regs){ .rax = TDX_RAX(TDH_SYS_UPDATE, 1), .r9 = 1u << 6 };
	assert_int_equal(fixture_call(&f, 0, &regs), TDX_OPERAND_INVALID | TDX_OP_R9);
	regs = (struct tdx_regs){ .rax = TDX_RAX(TDH_SYS_UPDATE, 1), .r9 = 1, .r10 = 1 };
	assert_int_equal(fixture_call(&f, 0, &regs), TDX_OPERAND_INVALID | TDX_OP_R10);
	assert_int_equal(call_on(&f, 0, TDX_RAX(TDH_SYS_UPDATE, 1)), TDX_SUCCESS);
	assert_int_equal(call_on(&f, 0, TDH_SYS_UPDATE), TDX_SYS_STATE_INCORRECT);

	assert_int_equal(page_type(&f, TDR), TDX_PT_TDR);
	assert_int_equal(page_type(&f, PAIR), TDX_PT_PAMT);
	assert_int_equal(call3(&f, TDH_MNG_CREATE, TDR + 4096, TD_HKID, 0), TDX_HKID_NOT_FREE);
	assert_int_equal(call3(&f, TDH_MNG_CREATE, TDR + 4096, FIXTURE_HKID, 0), TDX_HKID_NOT_FREE);
	assert_int_equal(
		call3(&f, TDH_PHYMEM_PAMT_ADD, (GB + 2 * MB) | 1, PAIR + 8192, PAIR + 12288),
		TDX_SUCCESS);
	assert_int_equal(call3(&f, TDH_SYS_TDMR_INIT, GB, 0, 0), TDX_TDMR_ALREADY_INITIALIZED);
	fixture_destroy(&f);
}

static void config_instead_of_update_starts_afresh(void **state)
{
	struct tdx_tdmr_info info[FIXTURE_TDMRS];
	struct fixture f;

	(void)state;
	create(&f);
	fixture_bring_up(&f, true);
	make_td(&f);
	assert_int_equal(call3(&f, TDH_SYS_SHUTDOWN, SHUT_DOWN, 0, 0), TDX_SUCCESS);
	assert_int_equal(seam_reload(f.seam), 0);
	fixture_init(&f);
	fixture_tdmrs(info);
	assert_int_equal(fixture_config_call(&f, info, 2, true), TDX_SUCCESS);
	assert_int_equal(call_on(&f, 0, TDH_SYS_UPDATE), TDX_SYS_STATE_INCORRECT);
	assert_int_equal(call_on(&f, 0, TDH_SYS_KEY_CONFIG), TDX_SUCCESS);
	assert_int_equal(call_on(&f, 1, TDH_SYS_KEY_CONFIG), TDX_SUCCESS);
	while (call3(&f, TDH_SYS_TDMR_INIT, GB, 0, 0) == TDX_SUCCESS)
		;
	assert_int_equal(page_type(&f, TDR), TDX_PT_NDA);
	make_td(&f); /* the KeyID is free again */
	fixture_destroy(&f);
}

static void a_first_module_has_nothing_to_go_on_with(void **state)
{
	struct fixture f;

	(void)state;
	create(&f);
	fixture_init(&f);
	assert_int_equal(call_on(&f, 0, TDH_SYS_UPDATE), TDX_SYS_INVALID_HANDOFF);
	fixture_destroy(&f);
}

static void the_next_module_can_be_disabled(void **state)
{
	struct seam_config config = fixture_config();
	struct seam_owner owner;
	struct fixture f;

	(void)state;
	create(&f);
	fixture_bring_up(&f, true);
	assert_int_equal(call_on(&f, 0, TDH_SYS_DISABLE), TDX_OPERAND_INVALID | TDX_OP_RAX);
	fixture_destroy(&f);

	config.next = true;
	fixture_create(&f, &config);
	fixture_bring_up(&f, true);
	make_td(&f);
	assert_true(seam_owns(f.seam, hpa(TDR), &owner));
	assert_int_equal(
		seam_debug_lock(f.seam, (struct seam_debug_name){ SEAM_DEBUG_SYS, 0, 0 }, false, 1),
		0);
	assert_int_equal(call_on(&f, 0, TDH_SYS_DISABLE), TDX_SYS_BUSY);
	assert_int_equal(seam_debug_release(f.seam, 1), 0);
	os_store32(&f.seam->lp[3].inside, 1, OS_RELAXED);
	assert_int_equal(call_on(&f, 0, TDH_SYS_DISABLE), TDX_SYS_BUSY);
	os_store32(&f.seam->lp[3].inside, 0, OS_RELAXED);
	assert_int_equal(page_type(&f, TDR), TDX_PT_TDR); /* the module goes on */
	seam_debug_inject(f.seam, SEAM_INJECT_INTERRUPT);
	assert_int_equal(call_on(&f, 0, TDH_SYS_DISABLE), TDX_INTERRUPTED_RESUMABLE);
	assert_int_equal(call3(&f, TDH_PHYMEM_PAGE_RDMD, GB, 0, 0), TDX_SYS_SHUTDOWN);
	assert_int_equal(call_on(&f, 1, TDH_SYS_DISABLE), TDX_SUCCESS);
	assert_int_equal(call_on(&f, 1, TDH_SYS_DISABLE), TDX_SYS_SHUTDOWN);
	assert_false(seam_owns(f.seam, hpa(TDR), &owner));
	/* Another module starts from nothing. */
	assert_int_equal(seam_reload(f.seam), 0);
	fixture_init(&f);
	assert_int_equal(call_on(&f, 0, TDH_SYS_UPDATE), TDX_SYS_INVALID_HANDOFF);
	fixture_destroy(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(before_init_only_the_early_leaves_answer),
		cmocka_unit_test(init_checks_in_order_and_clears_its_results),
		cmocka_unit_test(a_bad_cmr_list_is_refused),
		cmocka_unit_test(every_lp_is_initialised_once),
		cmocka_unit_test(the_key_is_configured_once_per_package),
		cmocka_unit_test(shutdown_stops_everything_but_lp_shutdown),
		cmocka_unit_test(shutdown_waits_for_nobody),
		cmocka_unit_test(the_next_module_can_be_disabled),
		cmocka_unit_test(builds_in_progress_can_stand_against_a_shutdown),
		cmocka_unit_test(builds_in_progress_do_not_matter_to_who_does_not_ask),
		cmocka_unit_test(update_goes_on_with_tds_and_dynamic_pamt),
		cmocka_unit_test(config_instead_of_update_starts_afresh),
		cmocka_unit_test(a_first_module_has_nothing_to_go_on_with),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
