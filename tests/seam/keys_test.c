// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * keys_test.c - a KeyID from the TD that has it to the TD that gets it next.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <cmocka.h>

#include "rig.h"

#define FREEID(rig, td) RIG_CALL(rig, 0, .rax = TDH_MNG_KEY_FREEID, .rcx = (td)->tdr)

static bool always(void *ctx, uint32_t lp)
{
	(void)lp;
	return *(bool *)ctx;
}

static void start(struct rig *rig, bool *interrupted)
{
	rig_init(rig, true, 2);
	rig->config.nr_packages = 2;
	rig->config.cache_blocks = 2;
	rig->config.interrupt_pending = always;
	rig->config.ctx = interrupted;
	rig->config.on_fatal = NULL;
	*interrupted = false;
	rig_start(rig);
}

/* LP i is in package i. */
static uint64_t write_back(struct rig *rig, uint32_t package, bool resume)
{
	return RIG_CALL(rig, package, .rax = TDH_PHYMEM_CACHE_WB, .rcx = resume);
}

static void a_keyid_is_free_when_every_package_wrote_back(void **state)
{
	bool interrupted;
	struct rig_td td;
	struct rig rig;

	(void)state;
	start(&rig, &interrupted);
	rig_td_create(&rig, &td, 0);
	assert_int_equal(write_back(&rig, 0, false), TDX_NO_HKID_READY_TO_WBCACHE);
	RIG_OK(&rig, 0, .rax = TDH_MNG_VPFLUSHDONE, .rcx = td.tdr);
	assert_int_equal(FREEID(&rig, &td), TDX_WBCACHE_NOT_COMPLETE);
	assert_int_equal(write_back(&rig, 0, false), TDX_SUCCESS);
	assert_int_equal(FREEID(&rig, &td), TDX_WBCACHE_NOT_COMPLETE);
	assert_int_equal(write_back(&rig, 1, false), TDX_SUCCESS);
	assert_int_equal(FREEID(&rig, &td), TDX_SUCCESS);
	rig_stop(&rig);
}

static void an_interrupted_write_back_is_resumed(void **state)
{
	bool interrupted;
	struct rig_td td;
	struct rig rig;

	(void)state;
	start(&rig, &interrupted);
	rig_td_create(&rig, &td, 0);
	RIG_OK(&rig, 0, .rax = TDH_MNG_VPFLUSHDONE, .rcx = td.tdr);
	assert_int_equal(write_back(&rig, 0, true), TDX_WBCACHE_RESUME_ERROR);
	interrupted = true;
	assert_int_equal(write_back(&rig, 0, false), TDX_INTERRUPTED_RESUMABLE);
	/* Not between the last block and the end. */
	assert_int_equal(write_back(&rig, 0, true), TDX_SUCCESS);
	assert_int_equal(write_back(&rig, 0, true), TDX_WBCACHE_RESUME_ERROR);
	rig_stop(&rig);
}

/* The whole end of a TD but for the reclaiming of its pages. */
static void free_keyid(struct rig *rig, struct rig_td *td)
{
	RIG_OK(rig, 0, .rax = TDH_MNG_VPFLUSHDONE, .rcx = td->tdr);
	for (uint32_t package = 0; package < 2; package++)
		assert_int_equal(write_back(rig, package, false), TDX_SUCCESS);
	assert_int_equal(FREEID(rig, td), TDX_SUCCESS);
}

/* A TD with the KeyID of the one before, up to FLUSHED. */
static void flush_again(struct rig *rig, struct rig_td *td)
{
	rig->next_hkid--;
	rig_td_create(rig, td, 0);
	RIG_OK(rig, 0, .rax = TDH_MNG_VPFLUSHDONE, .rcx = td->tdr);
}

/*
 * A write-back that is stopped half-way keeps the numbers of the KeyIDs that were FLUSHED when it
 * began, and counts for them when it is resumed, whatever has become of them.
 */
static void a_resumed_write_back_goes_by_the_keyids_of_its_start(void **state)
{
	struct rig_td first, second;
	bool interrupted;
	struct rig rig;

	(void)state;
	start(&rig, &interrupted);
	rig_td_create(&rig, &first, 0);
	free_keyid(&rig, &first);
	flush_again(&rig, &second);
	assert_int_equal(write_back(&rig, 0, false), TDX_SUCCESS);
	interrupted = true;
	assert_int_equal(write_back(&rig, 0, false), TDX_INTERRUPTED_RESUMABLE);
	interrupted = false;
	assert_int_equal(write_back(&rig, 1, false), TDX_SUCCESS);
	assert_int_equal(FREEID(&rig, &second), TDX_SUCCESS);

	flush_again(&rig, &first);
	assert_int_equal(write_back(&rig, 1, false), TDX_SUCCESS);
	assert_int_equal(FREEID(&rig, &first), TDX_WBCACHE_NOT_COMPLETE);
	assert_int_equal(write_back(&rig, 0, true), TDX_SUCCESS);
	assert_int_equal(FREEID(&rig, &first), TDX_SUCCESS);
	rig_stop(&rig);
}

/* It used to keep the place where an earlier one had stopped. */
static void a_start_gives_up_what_was_interrupted(void **state)
{
	bool interrupted;
	struct rig_td td;
	struct rig rig;

	(void)state;
	start(&rig, &interrupted);
	rig_td_create(&rig, &td, 0);
	RIG_OK(&rig, 0, .rax = TDH_MNG_VPFLUSHDONE, .rcx = td.tdr);
	for (uint32_t package = 0; package < 2; package++)
		assert_int_equal(write_back(&rig, package, false), TDX_SUCCESS);
	interrupted = true;
	assert_int_equal(write_back(&rig, 0, false), TDX_INTERRUPTED_RESUMABLE);
	assert_int_equal(FREEID(&rig, &td), TDX_SUCCESS);
	assert_int_equal(write_back(&rig, 0, false), TDX_NO_HKID_READY_TO_WBCACHE);
	assert_int_equal(write_back(&rig, 0, true), TDX_WBCACHE_RESUME_ERROR);
	rig_stop(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_keyid_is_free_when_every_package_wrote_back),
		cmocka_unit_test(an_interrupted_write_back_is_resumed),
		cmocka_unit_test(a_resumed_write_back_goes_by_the_keyids_of_its_start),
		cmocka_unit_test(a_start_gives_up_what_was_interrupted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
