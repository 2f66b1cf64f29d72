// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_tdmr_test.c - SYS.TDMR.INIT: chunks, what it returns, what it writes and what it leaves
 * unwritten.
 */
#include "fixture.h"
#include "seam/debug.h"

/* Up to READY, with nothing initialised. */
static void until_ready(struct fixture *f, const struct tdx_tdmr_info *info, uint32_t nr,
			bool dynamic)
{
	fixture_init(f);
	assert_int_equal(fixture_config_call(f, info, nr, dynamic), TDX_SUCCESS);
	for (uint32_t package = 0; package < f->config.nr_packages; package++) {
		struct tdx_regs regs = { .rax = TDH_SYS_KEY_CONFIG };

		assert_int_equal(fixture_call(f, package, &regs), TDX_SUCCESS);
	}
}

static void start(struct fixture *f, bool dynamic)
{
	struct seam_config config = fixture_config();
	struct tdx_tdmr_info info[FIXTURE_TDMRS];

	fixture_create(f, &config);
	fixture_tdmrs(info);
	until_ready(f, info, FIXTURE_TDMRS, dynamic);
}

static uint64_t init_chunk(struct fixture *f, uint64_t base, uint64_t *next)
{
	struct tdx_regs regs = { .rax = TDH_SYS_TDMR_INIT, .rcx = base, .rdx = 0x1234 };
	uint64_t status = fixture_call(f, 0, &regs);

	*next = regs.rdx;
	return status;
}

/* Calls per GB, and RDX, which moves only when a whole GB is done. */
static void counts_calls(bool dynamic, unsigned int calls_per_gb)
{
	struct fixture f;
	uint64_t next;

	start(&f, dynamic);
	for (unsigned int i = 1; i <= 2 * calls_per_gb; i++) {
		assert_int_equal(init_chunk(&f, 4 * GB, &next), TDX_SUCCESS);
		assert_int_equal(next, 4 * GB + i / calls_per_gb * GB);
	}
	assert_int_equal(init_chunk(&f, 4 * GB, &next), TDX_TDMR_ALREADY_INITIALIZED);
	assert_int_equal(next, 0);
	/* The other TDMR has a life of its own. */
	assert_int_equal(init_chunk(&f, GB, &next), TDX_SUCCESS);
	assert_int_equal(next, GB);
	fixture_destroy(&f);
}

static void static_pamt_takes_256_calls_per_gb(void **state)
{
	(void)state;
	counts_calls(false, 256);
}

static void dynamic_pamt_takes_64_calls_per_gb(void **state)
{
	(void)state;
	counts_calls(true, 64);
}

static void only_the_base_of_a_tdmr_will_do(void **state)
{
	static const uint64_t wrong[] = {
		GB + 1,
		GB + 4096,
		GB + MB,
		2 * GB, /* in no TDMR */
		5 * GB, /* inside one */
		0,
		GB | UINT64_C(1) << 40, /* KeyID */
		GB | UINT64_C(1) << 52,
		GB | UINT64_C(1) << 63,
	};
	struct fixture f;
	uint64_t next;

	(void)state;
	start(&f, true);
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(init_chunk(&f, wrong[i], &next), TDX_OPERAND_INVALID | TDX_OP_RCX);
		assert_int_equal(next, 0);
	}
	fixture_destroy(&f);
}

/* A GB can be used when all of it is initialised, not before. */
static void a_gb_is_usable_when_it_is_complete(void **state)
{
	struct fixture f;
	uint64_t next;

	(void)state;
	start(&f, true);
	for (int i = 0; i < 64; i++) {
		assert_int_equal(call3(&f, TDH_PHYMEM_PAGE_RDMD, 4 * GB, 0, 0),
				 TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OP_RCX);
		assert_int_equal(init_chunk(&f, 4 * GB, &next), TDX_SUCCESS);
	}
	assert_int_equal(call3(&f, TDH_PHYMEM_PAGE_RDMD, 4 * GB, 0, 0), TDX_SUCCESS);
	assert_int_equal(call3(&f, TDH_PHYMEM_PAGE_RDMD, 5 * GB - 4096, 0, 0), TDX_SUCCESS);
	assert_int_equal(call3(&f, TDH_PHYMEM_PAGE_RDMD, 5 * GB, 0, 0),
			 TDX_OPERAND_ADDR_RANGE_ERROR | TDX_OP_RCX);
	fixture_destroy(&f);
}

static void init_all(struct fixture *f, uint64_t base)
{
	uint64_t next;

	while (init_chunk(f, base, &next) == TDX_SUCCESS)
		;
}

/* Junk in the areas is gone; outside of what is needed nothing is touched. */
static void what_the_host_wrote_before_does_not_matter(void **state)
{
	struct tdx_tdmr_info info[FIXTURE_TDMRS];
	uint8_t junk[TDX_PAGE_SIZE], page[TDX_PAGE_SIZE], zeros[TDX_PAGE_SIZE] = { 0 };

	(void)state;
	memset(junk, 0xa5, sizeof(junk));
	fixture_tdmrs(info);
	for (int dynamic = 0; dynamic < 2; dynamic++) {
		uint64_t size_4k = dynamic ? 64 * 1024 : 8 * MB;
		struct fixture f;

		start(&f, dynamic);
		for (uint64_t at = 0; at <= size_4k; at += TDX_PAGE_SIZE)
			fixture_write(&f, info[1].pamt_4k_base + at, junk, sizeof(junk));
		for (uint64_t at = 0; at <= 16384; at += TDX_PAGE_SIZE)
			fixture_write(&f, info[1].pamt_2m_base + at, junk, sizeof(junk));
		fixture_write(&f, info[1].pamt_1g_base, junk, sizeof(junk));
		init_all(&f, 4 * GB);

		fixture_read(&f, info[1].pamt_1g_base, page, sizeof(page));
		assert_memory_equal(page, zeros, sizeof(page));
		for (uint64_t at = 0; at < 16384; at += TDX_PAGE_SIZE) {
			fixture_read(&f, info[1].pamt_2m_base + at, page, sizeof(page));
			assert_memory_equal(page, zeros, sizeof(page));
		}
		/* Past the reserved areas, which are in the first 64 MB. */
		for (uint64_t at = size_4k / 2; at < size_4k; at += TDX_PAGE_SIZE) {
			fixture_read(&f, info[1].pamt_4k_base + at, page, sizeof(page));
			assert_memory_equal(page, zeros, sizeof(page));
		}
		fixture_read(&f, info[1].pamt_4k_base + size_4k, page, sizeof(page));
		assert_memory_equal(page, junk, sizeof(page));
		fixture_read(&f, info[1].pamt_2m_base + 16384, page, sizeof(page));
		assert_memory_equal(page, junk, sizeof(page));
		fixture_destroy(&f);
	}
}

static bool page_reserved(const struct tdx_tdmr_info *info, uint64_t page)
{
	uint64_t offset = page * TDX_PAGE_SIZE;

	for (int j = 0; j < 16; j++)
		if (offset >= info->reserved[j].offset &&
		    offset < info->reserved[j].offset + info->reserved[j].size)
			return true;
	return false;
}

/* Reserved areas of all alignments, in one chunk, across chunks, up to the end. */
static void reserve_awkwardly(struct tdx_tdmr_info *info)
{
	static const struct tdx_reserved_area areas[] = {
		{ 0, 4096 },
		{ 3 * 4096, 61 * 4096 }, /* ends at a word */
		{ 64 * 4096, 4096 },	 /* touches it */
		{ 127 * 4096, 2 * 4096 },
		{ 4 * MB - 4096, 8192 },
		{ 16 * MB - 8192, 20 * MB },
		{ 100 * MB, 128 * MB },
		{ GB - 4096, 4096 },
	};

	memset(info->reserved, 0, sizeof(info->reserved));
	memcpy(info->reserved, areas, sizeof(areas));
	info->reserved[8] = (struct tdx_reserved_area){ 2 * GB - 4096, 4096 };
}

static void every_reserved_page_is_marked_and_no_other(void **state)
{
	struct tdx_tdmr_info info[FIXTURE_TDMRS];

	(void)state;
	fixture_tdmrs(info);
	reserve_awkwardly(&info[1]);
	for (int dynamic = 0; dynamic < 2; dynamic++) {
		struct seam_config config = fixture_config();
		struct fixture f;

		fixture_create(&f, &config);
		until_ready(&f, info, FIXTURE_TDMRS, dynamic);
		init_all(&f, 4 * GB);
		for (uint64_t page = 0; page < 2 * GB / TDX_PAGE_SIZE; page++) {
			uint64_t expected = page_reserved(&info[1], page), word, found;

			if (dynamic) {
				fixture_read(&f, info[1].pamt_4k_base + page / 64 * 8, &word, 8);
				found = word >> page % 64 & 1;
			} else {
				fixture_read(&f, info[1].pamt_4k_base + page * 16, &word, 8);
				found = word >> 16 & 0x1f;
			}
			if (found != expected)
				fail_msg("page %llu, dynamic %d: %llu", (unsigned long long)page,
					 dynamic, (unsigned long long)found);
		}
		fixture_destroy(&f);
	}
}

/* 4 TB, whose PAMT would be 17 GB with static and 528 MB with Dynamic PAMT. */
static void memory_that_nobody_wrote_stays_unbacked(void **state)
{
	const struct tdx_tdmr_info info = {
		.base = 4096 * GB,
		.size = 4096 * GB,
		.pamt_1g_base = 64 * GB,
		.pamt_1g_size = 64 * 1024,
		.pamt_2m_base = 65 * GB,
		.pamt_2m_size = 32 * MB,
		.pamt_4k_base = 66 * GB,
		.pamt_4k_size = 16 * GB,
		.reserved = { { 77 * GB, MB } },
	};

	(void)state;
	for (int dynamic = 0; dynamic < 2; dynamic++) {
		struct seam_config config = fixture_config();
		struct fixture f;
		uint64_t before, next;

		config.cmr[1].size = 10000 * GB;
		config.seamrr.base = 40000 * GB;
		config.max_pa = 52;
		fixture_create(&f, &config);
		until_ready(&f, &info, 1, dynamic);
		before = memory_backed(f.memory);
		/* The first 128 GB: the rest is the same. */
		for (unsigned int i = 0; i < 128 * (dynamic ? 64 : 256); i++)
			assert_int_equal(init_chunk(&f, info.base, &next), TDX_SUCCESS);
		assert_int_equal(next, info.base + 128 * GB);
		/* The reserved MB: 256 entries of 16 bytes, or 256 bits. */
		assert_int_equal(memory_backed(f.memory) - before, TDX_PAGE_SIZE);
		fixture_destroy(&f);
	}
}

static void a_tdmr_is_initialised_by_one_call_at_a_time(void **state)
{
	struct fixture f;
	uint64_t next;

	(void)state;
	start(&f, true);
	assert_int_equal(seam_debug_lock(f.seam, (struct seam_debug_name){ SEAM_DEBUG_TDMR, GB, 0 },
					 true, 1),
			 0);
	assert_int_equal(init_chunk(&f, GB, &next), TDX_OPERAND_BUSY | TDX_OP_RCX);
	assert_int_equal(next, 0);
	assert_int_equal(init_chunk(&f, 4 * GB, &next), TDX_SUCCESS);
	assert_int_equal(seam_debug_release(f.seam, 1), 0);
	assert_int_equal(init_chunk(&f, GB, &next), TDX_SUCCESS);
	fixture_destroy(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(static_pamt_takes_256_calls_per_gb),
		cmocka_unit_test(dynamic_pamt_takes_64_calls_per_gb),
		cmocka_unit_test(only_the_base_of_a_tdmr_will_do),
		cmocka_unit_test(a_gb_is_usable_when_it_is_complete),
		cmocka_unit_test(what_the_host_wrote_before_does_not_matter),
		cmocka_unit_test(every_reserved_page_is_marked_and_no_other),
		cmocka_unit_test(memory_that_nobody_wrote_stays_unbacked),
		cmocka_unit_test(a_tdmr_is_initialised_by_one_call_at_a_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
