// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fixture.c - a machine with a software module on it, for tests that call leaves directly.
 */
#include "port/threads/issue.h"

#include "fixture.h"

struct seam_config fixture_config(void)
{
	return (struct seam_config){
		.max_pa = 46,
		.hkid_bits = 6,
		.hkid_min = 0x20,
		.hkid_max = 0x3f,
		.nr_lps = 4,
		.nr_packages = 2,
		.cache_blocks = 2,
		.seamrr = { 512 * GB, 2 * MB },
		.cmr = { { MB, 1919 * MB }, { 4 * GB, 4 * GB } },
	};
}

void fixture_create(struct fixture *f, const struct seam_config *config)
{
	*f = (struct fixture){ .memory = memory_create(), .config = *config };
	assert_non_null(f->memory);
	bare_init(&f->bare, f->memory, config->nr_lps, config->max_pa, 0);
	assert_int_equal(seam_create(&f->bare.os, config, &f->seam, NULL), 0);
}

void fixture_destroy(struct fixture *f)
{
	seam_destroy(f->seam);
	memory_destroy(f->memory);
}

uint64_t fixture_call(struct fixture *f, uint32_t lp, struct tdx_regs *regs)
{
	return threads_issue(f->seam, lp, regs).v;
}

uint64_t call3(struct fixture *f, uint64_t rax, uint64_t rcx, uint64_t rdx, uint64_t r8)
{
	struct tdx_regs regs = { .rax = rax, .rcx = rcx, .rdx = rdx, .r8 = r8 };

	return fixture_call(f, 0, &regs);
}

void fixture_write(struct fixture *f, uint64_t at, const void *from, size_t bytes)
{
	memcpy(memory_map(f->memory, hpa(at), OS_WRITE), from, bytes);
}

void fixture_read(struct fixture *f, uint64_t at, void *to, size_t bytes)
{
	memcpy(to, memory_map(f->memory, hpa(at), OS_READ), bytes);
}

void fixture_init(struct fixture *f)
{
	assert_int_equal(call3(f, TDH_SYS_INIT, 0, 0, 0), TDX_SUCCESS);
	for (uint32_t lp = 0; lp < f->config.nr_lps; lp++) {
		struct tdx_regs regs = { .rax = TDH_SYS_LP_INIT };

		assert_int_equal(fixture_call(f, lp, &regs), TDX_SUCCESS);
	}
}

void fixture_tdmrs(struct tdx_tdmr_info info[FIXTURE_TDMRS])
{
	info[0] = (struct tdx_tdmr_info){
		.base = GB,
		.size = GB,
		.pamt_1g_base = 256 * MB,
		.pamt_1g_size = TDX_PAGE_SIZE,
		.pamt_2m_base = 257 * MB,
		.pamt_2m_size = 2 * TDX_PAGE_SIZE,
		.pamt_4k_base = 260 * MB,
		.pamt_4k_size = 4 * MB,
		.reserved = { { 896 * MB, 128 * MB } },
	};
	info[1] = (struct tdx_tdmr_info){
		.base = 4 * GB,
		.size = 2 * GB,
		.pamt_1g_base = 272 * MB,
		.pamt_1g_size = TDX_PAGE_SIZE,
		.pamt_2m_base = 273 * MB,
		.pamt_2m_size = 4 * TDX_PAGE_SIZE,
		.pamt_4k_base = 276 * MB,
		.pamt_4k_size = 8 * MB,
		.reserved = { { 16 * MB, 8192 }, { 32 * MB, 4096 } },
	};
}

uint64_t fixture_config_call(struct fixture *f, const struct tdx_tdmr_info *info, uint32_t nr,
			     bool dynamic)
{
	for (uint32_t i = 0; i < nr; i++) {
		uint64_t at = FIXTURE_INFO(i);

		fixture_write(f, FIXTURE_ARRAY + i * 8, &at, sizeof(at));
		fixture_write(f, at, &info[i], sizeof(info[i]));
	}
	return call3(f, TDH_SYS_CONFIG, FIXTURE_ARRAY, nr,
		     FIXTURE_HKID | (dynamic ? TDX_SYS_CONFIG_DYNAMIC_PAMT : 0));
}

void fixture_bring_up(struct fixture *f, bool dynamic)
{
	struct tdx_tdmr_info info[FIXTURE_TDMRS];

	fixture_init(f);
	fixture_tdmrs(info);
	assert_int_equal(fixture_config_call(f, info, FIXTURE_TDMRS, dynamic), TDX_SUCCESS);
	for (uint32_t package = 0; package < f->config.nr_packages; package++) {
		struct tdx_regs regs = { .rax = TDH_SYS_KEY_CONFIG };

		assert_int_equal(fixture_call(f, package, &regs), TDX_SUCCESS);
	}
	for (uint32_t i = 0; i < FIXTURE_TDMRS; i++)
		while (call3(f, TDH_SYS_TDMR_INIT, info[i].base, 0, 0) == TDX_SUCCESS)
			;
}
