// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * sys_config_test.c - SYS.CONFIG: every check, their order, what a refusal leaves behind.
 *
 * The order is shown pairwise: for any two mistakes, made in one call, the status is that of the
 * one that stands first in mistakes[].
 */
#include "fixture.h"
#include "seam/debug.h"

#define OPERAND(code, operand)	  (TDX_##code | TDX_OP_##operand)
#define TDMR(code, i, part, with) (TDX_##code | (i) | (part) << 8 | (with) << 16)
#define ARRAY_ENTRIES		  2

/* All that SYS.CONFIG is given. */
struct setup {
	uint64_t rcx, rdx, r8;
	uint64_t info_at[ARRAY_ENTRIES];
	struct tdx_tdmr_info info[FIXTURE_TDMRS];
};

static struct setup good_setup(bool dynamic)
{
	struct setup s = {
		.rcx = FIXTURE_ARRAY,
		.rdx = FIXTURE_TDMRS,
		.r8 = FIXTURE_HKID | (dynamic ? TDX_SYS_CONFIG_DYNAMIC_PAMT : 0),
		.info_at = { FIXTURE_INFO(0), FIXTURE_INFO(1) },
	};

	fixture_tdmrs(s.info);
	return s;
}

static uint64_t configure(struct fixture *f, const struct setup *s)
{
	fixture_write(f, FIXTURE_ARRAY, s->info_at, sizeof(s->info_at));
	for (uint32_t i = 0; i < FIXTURE_TDMRS; i++)
		fixture_write(f, FIXTURE_INFO(i), &s->info[i], sizeof(s->info[i]));
	return call3(f, TDH_SYS_CONFIG, s->rcx, s->rdx, s->r8);
}

static void rcx_misaligned(struct setup *s) { s->rcx |= 8; }
static void rcx_private(struct setup *s) { s->rcx |= UINT64_C(0x20) << 40; }
static void rcx_seamrr(struct setup *s) { s->rcx = 512 * GB + 4096; }
static void rcx_too_high(struct setup *s) { s->rcx |= UINT64_C(1) << 52; }
static void count_none(struct setup *s) { s->rdx = 0; }
static void count_65(struct setup *s) { s->rdx = 65; }
static void flags_reserved(struct setup *s) { s->r8 |= 1 << 17; }
static void hkid_shared(struct setup *s) { s->r8 = (s->r8 & ~UINT64_C(0xffff)) | 0x1f; }
static void hkid_too_high(struct setup *s) { s->r8 = (s->r8 & ~UINT64_C(0xffff)) | 0x40; }
static void info0_misaligned(struct setup *s) { s->info_at[0] |= 256; }
static void info0_private(struct setup *s) { s->info_at[0] |= UINT64_C(0x3f) << 40; }
static void tdmr0_wraps(struct setup *s)
{
	s->info[0].base = -GB;
	s->info[0].size = 2 * GB;
}
static void tdmr0_base_misaligned(struct setup *s) { s->info[0].base += MB; }
static void tdmr0_size_misaligned(struct setup *s) { s->info[0].size += MB; }
static void tdmr0_empty(struct setup *s) { s->info[0].size = 0; }
static void tdmr0_base_keyid(struct setup *s) { s->info[0].base |= UINT64_C(1) << 40; }
static void tdmr0_end_keyid(struct setup *s) { s->info[0].size = UINT64_C(1) << 40; }
static void reserved_gap(struct setup *s)
{
	s->info[0].reserved[2] = (struct tdx_reserved_area){ 960 * MB, 4096 };
}
static void reserved_wraps(struct setup *s)
{
	s->info[0].reserved[0] = (struct tdx_reserved_area){ -UINT64_C(4096), 8192 };
}
static void reserved_overlaps(struct setup *s)
{
	s->info[0].reserved[1] = (struct tdx_reserved_area){ 900 * MB, 4096 };
}
static void reserved_misaligned(struct setup *s) { s->info[0].reserved[0].offset -= 512; }
static void reserved_beyond(struct setup *s) { s->info[0].reserved[0].size += 4096; }
static void pamt_1g_small(struct setup *s) { s->info[0].pamt_1g_size = 0; }
static void pamt_1g_misaligned(struct setup *s) { s->info[0].pamt_1g_base |= 512; }
static void pamt_1g_wraps(struct setup *s) { s->info[0].pamt_1g_base = -UINT64_C(4096); }
static void pamt_2m_small(struct setup *s) { s->info[0].pamt_2m_size -= 4096; }
static void pamt_2m_keyid(struct setup *s) { s->info[0].pamt_2m_base |= UINT64_C(1) << 45; }
static void pamt_4k_small(struct setup *s) { s->info[0].pamt_4k_size = 28 * 1024; }
static void pamt_4k_end_keyid(struct setup *s) { s->info[0].pamt_4k_size = UINT64_C(1) << 40; }
static void own_pamts_overlap(struct setup *s)
{
	s->info[0].pamt_4k_base = s->info[0].pamt_2m_base - 4 * MB + 4096;
	s->info[0].pamt_4k_size = 4 * MB;
}
static void own_pamt_available(struct setup *s) { s->info[0].pamt_2m_base = GB + 8192; }
static void pamt_outside_cmrs(struct setup *s) { s->info[0].pamt_1g_base = 3 * GB; }
static void pamt_across_cmr_start(struct setup *s) { s->info[0].pamt_2m_base = MB - 4096; }
static void tdmr_outside_cmrs(struct setup *s)
{
	s->info[0].reserved[0].offset += 4096;
	s->info[0].reserved[0].size -= 4096;
}
static void info1_misaligned(struct setup *s) { s->info_at[1] |= 1; }
static void tdmr1_before_tdmr0(struct setup *s) { s->info[1].base = 0; }
static void tdmr1_in_tdmr0(struct setup *s) { s->info[1].base = GB; }
static void pamts_overlap(struct setup *s) { s->info[1].pamt_1g_base = s->info[0].pamt_4k_base; }
static void pamt1_in_tdmr0(struct setup *s) { s->info[1].pamt_2m_base = GB + 64 * MB; }
static void pamt0_in_tdmr1(struct setup *s) { s->info[0].pamt_2m_base = 5 * GB; }

/*
 * In the order in which they are reported. Two that touch the same thing are not made together.
 */
static const struct mistake {
	const char *name;
	void (*make)(struct setup *s);
	uint64_t status;
	const char *touches;
} mistakes[] = {
	{ "rcx misaligned", rcx_misaligned, OPERAND(OPERAND_INVALID, RCX), "rcx" },
	{ "rcx private", rcx_private, OPERAND(OPERAND_INVALID, RCX), "rcx" },
	{ "rcx in seamrr", rcx_seamrr, OPERAND(OPERAND_INVALID, RCX), "rcx" },
	{ "rcx above 2^52", rcx_too_high, OPERAND(OPERAND_INVALID, RCX), "rcx" },
	{ "no tdmr", count_none, OPERAND(OPERAND_INVALID, RDX), "rdx" },
	{ "65 tdmrs", count_65, OPERAND(OPERAND_INVALID, RDX), "rdx" },
	{ "flags", flags_reserved, OPERAND(OPERAND_INVALID, R8), "r8" },
	{ "hkid shared", hkid_shared, OPERAND(OPERAND_INVALID, R8), "r8" },
	{ "hkid beyond", hkid_too_high, OPERAND(OPERAND_INVALID, R8), "r8" },
	{ "info 0 misaligned", info0_misaligned, OPERAND(OPERAND_INVALID, RCX), "at0" },
	{ "info 0 private", info0_private, OPERAND(OPERAND_INVALID, RCX), "at0" },
	{ "tdmr 0 wraps", tdmr0_wraps, TDMR(INVALID_TDMR, 0, 0, 0), "tdmr0" },
	{ "tdmr 0 base", tdmr0_base_misaligned, TDMR(INVALID_TDMR, 0, 0, 0), "tdmr0" },
	{ "tdmr 0 size", tdmr0_size_misaligned, TDMR(INVALID_TDMR, 0, 0, 0), "tdmr0" },
	{ "tdmr 0 empty", tdmr0_empty, TDMR(INVALID_TDMR, 0, 0, 0), "tdmr0" },
	{ "tdmr 0 keyid", tdmr0_base_keyid, TDMR(INVALID_TDMR, 0, 0, 0), "tdmr0" },
	{ "tdmr 0 end", tdmr0_end_keyid, TDMR(INVALID_TDMR, 0, 0, 0), "tdmr0" },
	{ "reserved wraps", reserved_wraps, TDMR(INVALID_RESERVED_IN_TDMR, 0, 0, 0), "res" },
	{ "reserved misaligned", reserved_misaligned, TDMR(INVALID_RESERVED_IN_TDMR, 0, 0, 0),
	  "res" },
	{ "reserved beyond", reserved_beyond, TDMR(INVALID_RESERVED_IN_TDMR, 0, 0, 0), "res" },
	{ "reserved overlap", reserved_overlaps, TDMR(NON_ORDERED_RESERVED_IN_TDMR, 0, 1, 0),
	  "res1" },
	{ "reserved gap", reserved_gap, TDMR(NON_ORDERED_RESERVED_IN_TDMR, 0, 1, 0), "res1" },
	{ "pamt 1g small", pamt_1g_small, TDMR(INVALID_PAMT, 0, 2, 0), "1g" },
	{ "pamt 1g misaligned", pamt_1g_misaligned, TDMR(INVALID_PAMT, 0, 2, 0), "1g" },
	{ "pamt 1g wraps", pamt_1g_wraps, TDMR(INVALID_PAMT, 0, 2, 0), "1g" },
	{ "pamt 2m small", pamt_2m_small, TDMR(INVALID_PAMT, 0, 1, 0), "2m" },
	{ "pamt 2m keyid", pamt_2m_keyid, TDMR(INVALID_PAMT, 0, 1, 0), "2m" },
	{ "pamt 4k small", pamt_4k_small, TDMR(INVALID_PAMT, 0, 0, 0), "4k" },
	{ "pamt 4k end", pamt_4k_end_keyid, TDMR(INVALID_PAMT, 0, 0, 0), "4k" },
	{ "own pamts overlap", own_pamts_overlap, TDMR(PAMT_OVERLAP, 0, 0, 0), "4k 2m" },
	{ "own pamt available", own_pamt_available, TDMR(PAMT_OVERLAP, 0, 1, 0), "2m" },
	{ "pamt outside cmrs", pamt_outside_cmrs, TDMR(PAMT_OUTSIDE_CMRS, 0, 2, 0), "1g" },
	{ "pamt across a cmr's start", pamt_across_cmr_start, TDMR(PAMT_OUTSIDE_CMRS, 0, 1, 0),
	  "2m" },
	{ "tdmr outside cmrs", tdmr_outside_cmrs, TDMR(TDMR_OUTSIDE_CMRS, 0, 0, 0), "res" },
	{ "info 1 misaligned", info1_misaligned, OPERAND(OPERAND_INVALID, RCX), "at1" },
	{ "tdmr 1 before 0", tdmr1_before_tdmr0, TDMR(NON_ORDERED_TDMR, 1, 0, 0), "tdmr1" },
	{ "tdmr 1 in 0", tdmr1_in_tdmr0, TDMR(NON_ORDERED_TDMR, 1, 0, 0), "tdmr1" },
	{ "pamts overlap", pamts_overlap, TDMR(PAMT_OVERLAP, 1, 2, 0), "4k 1.1g" },
	{ "pamt 1 in tdmr 0", pamt1_in_tdmr0, TDMR(PAMT_OVERLAP, 1, 1, 0), "1.2m" },
	{ "pamt 0 in tdmr 1", pamt0_in_tdmr1, TDMR(PAMT_OVERLAP, 0, 1, 1), "2m tdmr1" },
};
#define NR_MISTAKES (sizeof(mistakes) / sizeof(mistakes[0]))

/* Is a word of `words` in `list`? Both are separated by blanks. */
static bool share_a_word(const char *words, const char *list)
{
	for (const char *word = words; *word; word += strcspn(word, " "), word += strspn(word, " "))
		for (const char *other = list; *other;
		     other += strcspn(other, " "), other += strspn(other, " ")) {
			size_t n = strcspn(word, " ");

			if (n == strcspn(other, " ") && !strncmp(word, other, n))
				return true;
		}
	return false;
}

static bool independent(const struct mistake *a, const struct mistake *b)
{
	return !share_a_word(a->touches, b->touches);
}

/* The mistake(s) are refused as expected, and what is right is then accepted. */
static void refused(const struct mistake *first, const struct mistake *second, bool dynamic)
{
	struct seam_config config = fixture_config();
	struct setup s = good_setup(dynamic);
	struct fixture f;
	uint64_t status;

	fixture_create(&f, &config);
	fixture_init(&f);
	first->make(&s);
	if (second)
		second->make(&s);
	status = configure(&f, &s);
	if (status != first->status)
		fail_msg("%s, %s: 0x%llx, not 0x%llx", first->name, second ? second->name : "alone",
			 (unsigned long long)status, (unsigned long long)first->status);
	s = good_setup(dynamic);
	assert_int_equal(configure(&f, &s), TDX_SUCCESS);
	fixture_destroy(&f);
}

static void each_mistake_is_refused_with_its_status(void **state)
{
	(void)state;
	for (size_t i = 0; i < NR_MISTAKES; i++) {
		refused(&mistakes[i], NULL, false);
		refused(&mistakes[i], NULL, true);
	}
}

static void of_two_mistakes_the_first_in_order_is_reported(void **state)
{
	size_t pairs = 0;

	(void)state;
	for (size_t i = 0; i < NR_MISTAKES; i++)
		for (size_t j = i + 1; j < NR_MISTAKES; j++)
			if (independent(&mistakes[i], &mistakes[j])) {
				refused(&mistakes[i], &mistakes[j], j & 1);
				pairs++;
			}
	assert_true(pairs > 500);
}

static void the_right_setup_is_accepted_once(void **state)
{
	struct seam_config config = fixture_config();
	struct setup s = good_setup(true);
	struct fixture f;

	(void)state;
	fixture_create(&f, &config);
	assert_int_equal(configure(&f, &s), TDX_SYS_CONFIG_NOT_PENDING);
	assert_int_equal(call3(&f, TDH_SYS_INIT, 0, 0, 0), TDX_SUCCESS);
	for (uint32_t lp = 0; lp < 4; lp++) {
		struct tdx_regs regs = { .rax = TDH_SYS_LP_INIT };

		assert_int_equal(configure(&f, &s), TDX_SYS_CONFIG_NOT_PENDING);
		assert_int_equal(fixture_call(&f, lp, &regs), TDX_SUCCESS);
	}
	assert_int_equal(configure(&f, &s), TDX_SUCCESS);
	assert_int_equal(configure(&f, &s), TDX_SYS_CONFIG_NOT_PENDING);
	fixture_destroy(&f);
}

static void metadata_may_lie_in_reserved_areas_and_across_touching_cmrs(void **state)
{
	struct seam_config config = fixture_config();
	struct setup s = good_setup(false);
	struct fixture f;

	(void)state;
	/* The first CMR in two parts that touch in the middle of a TDMR and of an area. */
	config.cmr[2] = config.cmr[1];
	config.cmr[0].size = 1200 * MB - config.cmr[0].base;
	config.cmr[1] = (struct tdx_cmr){ 1200 * MB, 720 * MB };
	s.info[0].reserved[1] = s.info[0].reserved[0];
	s.info[0].reserved[0] = (struct tdx_reserved_area){ 175 * MB, 4 * MB };
	s.info[0].pamt_4k_base = GB + 175 * MB;
	/* Sixteen reserved areas, the last one up to the end. */
	for (uint32_t j = 0; j < 16; j++)
		s.info[1].reserved[j] =
			(struct tdx_reserved_area){ (j + 1) * 128 * MB - 8192, 8192 };
	s.info[1].pamt_1g_base = 6 * GB - 8192;
	fixture_create(&f, &config);
	fixture_init(&f);
	assert_int_equal(configure(&f, &s), TDX_SUCCESS);
	fixture_destroy(&f);
}

static void the_bitmap_needs_32_kb_per_gb(void **state)
{
	struct seam_config config = fixture_config();
	struct setup s = good_setup(true);
	struct fixture f;

	(void)state;
	fixture_create(&f, &config);
	fixture_init(&f);
	s.info[1].pamt_4k_size = 2 * 32 * 1024 - 4096;
	assert_int_equal(configure(&f, &s), TDMR(INVALID_PAMT, 1, 0, 0));
	s.info[1].pamt_4k_size += 4096;
	assert_int_equal(configure(&f, &s), TDX_SUCCESS);
	fixture_destroy(&f);
}

static void dynamic_pamt_needs_the_keyid_at_or_below_bit_48(void **state)
{
	struct seam_config config = fixture_config();
	struct setup s = good_setup(true);
	struct fixture f;

	(void)state;
	config.max_pa = 52;
	config.hkid_bits = 4;
	config.hkid_min = 8;
	config.hkid_max = 15;
	s.r8 = 9 | TDX_SYS_CONFIG_DYNAMIC_PAMT;
	fixture_create(&f, &config);
	fixture_init(&f);
	assert_int_equal(configure(&f, &s), TDX_SUCCESS);
	fixture_destroy(&f);

	config.hkid_bits = 3;
	config.hkid_min = 4;
	config.hkid_max = 7;
	s.r8 = 5 | TDX_SYS_CONFIG_DYNAMIC_PAMT;
	s.info[0].base = 1; /* not looked at before that */
	fixture_create(&f, &config);
	fixture_init(&f);
	assert_int_equal(configure(&f, &s), OPERAND(OPERAND_INVALID, R8));
	s = good_setup(false);
	s.r8 = 5;
	assert_int_equal(configure(&f, &s), TDX_SUCCESS);
	fixture_destroy(&f);
}

static void dynamic_pamt_that_is_not_offered_is_a_reserved_bit(void **state)
{
	struct seam_config config = fixture_config();
	struct setup s = good_setup(true);
	struct fixture f;

	(void)state;
	config.features0_clear = TDX_FEATURES0_DYNAMIC_PAMT;
	fixture_create(&f, &config);
	fixture_init(&f);
	assert_int_equal(configure(&f, &s), OPERAND(OPERAND_INVALID, R8));
	fixture_destroy(&f);
}

static void addresses_of_the_array_are_taken_without_shared_keyids(void **state)
{
	struct seam_config config = fixture_config();
	struct setup s = good_setup(false);
	struct fixture f;

	(void)state;
	fixture_create(&f, &config);
	fixture_init(&f);
	s.rcx |= UINT64_C(0x1f) << 40;
	s.info_at[1] |= UINT64_C(3) << 40;
	assert_int_equal(configure(&f, &s), TDX_SUCCESS);
	fixture_destroy(&f);
}

/*
 * Both of TDMR 1's areas lie where TDMR 0 has metadata: what is said is which of its own overlaps
 * first, from 4K up, whatever it overlaps with. Three TDMRs, so that the order of the others shows.
 */
static void metadata_of_a_tdmr_is_compared_level_by_level(void **state)
{
	struct seam_config config = fixture_config();
	struct tdx_tdmr_info info[3];
	struct fixture f;

	(void)state;
	fixture_create(&f, &config);
	fixture_init(&f);
	fixture_tdmrs(info);
	info[2] = info[1];
	info[1].size = GB;
	info[2].base = info[1].base + GB;
	info[2].size = GB;
	/* 2M with TDMR 0's, 4K with TDMR 1's. */
	info[2].pamt_1g_base = 800 * MB;
	info[2].pamt_2m_base = info[0].pamt_1g_base;
	info[2].pamt_4k_base = info[1].pamt_4k_base;
	assert_int_equal(fixture_config_call(&f, info, 3, true), TDMR(PAMT_OVERLAP, 2, 0, 1));
	info[2].pamt_4k_base = 810 * MB;
	assert_int_equal(fixture_config_call(&f, info, 3, true), TDMR(PAMT_OVERLAP, 2, 1, 0));
	info[2].pamt_2m_base = 820 * MB;
	assert_int_equal(fixture_config_call(&f, info, 3, true), TDX_SUCCESS);
	fixture_destroy(&f);
}

/* KeyIDs of refused calls stay out of use: MNG.CREATE does not get them. */
static void a_refused_call_keeps_its_keyid(void **state)
{
	struct seam_config config = fixture_config();
	struct setup s = good_setup(false);
	struct fixture f;
	struct tdx_regs regs = { .rax = TDH_SYS_KEY_CONFIG };

	(void)state;
	config.nr_packages = 1;
	fixture_create(&f, &config);
	fixture_init(&f);
	s.r8 = 0x22;
	s.info[1].size = 1;
	assert_int_equal(configure(&f, &s), TDMR(INVALID_TDMR, 1, 0, 0));
	s.r8 = 0x23 | 1 << 20; /* refused before the KeyID is looked at */
	assert_int_equal(configure(&f, &s), OPERAND(OPERAND_INVALID, R8));
	s = good_setup(false);
	assert_int_equal(configure(&f, &s), TDX_SUCCESS);
	assert_int_equal(fixture_call(&f, 0, &regs), TDX_SUCCESS);
	while (call3(&f, TDH_SYS_TDMR_INIT, GB, 0, 0) == TDX_SUCCESS)
		;
	assert_int_equal(call3(&f, TDH_MNG_CREATE, GB, 0x22, 0), TDX_HKID_NOT_FREE);
	assert_int_equal(call3(&f, TDH_MNG_CREATE, GB, FIXTURE_HKID, 0), TDX_HKID_NOT_FREE);
	assert_int_equal(call3(&f, TDH_MNG_CREATE, GB, 0x23, 0), TDX_SUCCESS);
	fixture_destroy(&f);
}

static void random_registers_never_configure(void **state)
{
	struct seam_config config = fixture_config();
	struct fixture f;
	uint64_t x = 1;

	(void)state;
	fixture_create(&f, &config);
	fixture_init(&f);
	for (int i = 0; i < 20000; i++) {
		uint64_t r[3];

		for (int k = 0; k < 3; k++) {
			x = x * UINT64_C(6364136223846793005) + 1442695040888963407;
			r[k] = x >> (x >> 58);
		}
		assert_true(call3(&f, TDH_SYS_CONFIG, r[0], r[1], r[2]) & TDX_STATUS_ERROR);
	}
	fixture_destroy(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_refused_with_its_status),
		cmocka_unit_test(of_two_mistakes_the_first_in_order_is_reported),
		cmocka_unit_test(the_right_setup_is_accepted_once),
		cmocka_unit_test(metadata_may_lie_in_reserved_areas_and_across_touching_cmrs),
		cmocka_unit_test(the_bitmap_needs_32_kb_per_gb),
		cmocka_unit_test(dynamic_pamt_needs_the_keyid_at_or_below_bit_48),
		cmocka_unit_test(dynamic_pamt_that_is_not_offered_is_a_reserved_bit),
		cmocka_unit_test(addresses_of_the_array_are_taken_without_shared_keyids),
		cmocka_unit_test(metadata_of_a_tdmr_is_compared_level_by_level),
		cmocka_unit_test(a_refused_call_keeps_its_keyid),
		cmocka_unit_test(random_registers_never_configure),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
