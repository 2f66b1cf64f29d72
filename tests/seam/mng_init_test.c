// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * mng_init_test.c - MNG.INIT: every field of TD_PARAMS is checked, and reported in its turn.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/abi.h"
#include "machine/memory.h"
#include "rig.h"

#define PARAMS UINT64_C(0x202000)

struct td_pages {
	struct rig rig;
	struct tdx_td_params *params;
	uint64_t tdr;
};

static uint64_t init(struct td_pages *t, uint64_t rdx)
{
	return RIG_CALL(&t->rig, 0, .rax = TDH_MNG_INIT, .rcx = t->tdr, .rdx = rdx);
}

static void start_on(struct td_pages *t, uint32_t max_pa, bool features)
{
	rig_init(&t->rig, true, 2);
	t->rig.config.max_pa = max_pa;
	t->rig.config.features = features;
	rig_start(&t->rig);
	t->tdr = rig_page(&t->rig);
	RIG_OK(&t->rig, 0, .rax = TDH_MNG_CREATE, .rcx = t->tdr, .rdx = RIG_GLOBAL + 1);
	RIG_OK(&t->rig, 0, .rax = TDH_MNG_KEY_CONFIG, .rcx = t->tdr);
	for (uint32_t i = 0; i < TDX_MIN_TDCX - 1; i++)
		RIG_OK(&t->rig, 0, .rax = TDH_MNG_ADDCX, .rcx = rig_page(&t->rig), .rdx = t->tdr);
	assert_int_equal(init(t, PARAMS), TDX_TDCS_NOT_ALLOCATED);
	RIG_OK(&t->rig, 0, .rax = TDH_MNG_ADDCX, .rcx = rig_page(&t->rig), .rdx = t->tdr);
	t->params = memory_map(t->rig.memory, hpa(PARAMS), OS_WRITE);
}

static void start(struct td_pages *t, uint32_t max_pa) { start_on(t, max_pa, false); }

/* One wrong field after the other, the last to be looked at first; each hides those before. */
static void break_tsc(struct tdx_td_params *p) { p->tsc_frequency = 3; }
static void break_eptp(struct tdx_td_params *p) { p->eptp_controls = 6; }
static void break_config(struct tdx_td_params *p) { p->config_flags = 32; }
static void break_reserved0(struct tdx_td_params *p) { p->reserved0 = 1; }
static void break_l2(struct tdx_td_params *p) { p->num_l2_vms = 4; }
static void break_vcpus(struct tdx_td_params *p) { p->max_vcpus = 577; }
static void break_xfam(struct tdx_td_params *p) { p->xfam = 1; }
static void break_attributes(struct tdx_td_params *p) { p->attributes = 2; }
static void break_reserved(struct tdx_td_params *p) { p->reserved2[23] = 1; }
static void break_cpuid(struct tdx_td_params *p) { p->cpuid_config[7][0] = 1; }
static void break_topology(struct tdx_td_params *p) { p->cpuid_config[12][0] = 1; }
static void break_reserved3(struct tdx_td_params *p) { p->reserved3[319] = 1; }
static void break_arch(struct tdx_td_params *p) { p->arch_capabilities_config = 16; }

static const struct {
	void (*fn)(struct tdx_td_params *params);
	enum tdx_operand operand;
} breaks[] = {
	{ break_arch, TDX_OP_ARCH_CAPABILITIES_CONFIG },
	{ break_reserved3, TDX_OP_RDX },
	{ break_cpuid, TDX_OP_CPUID_CONFIG },
	{ break_reserved, TDX_OP_RDX },
	{ break_tsc, TDX_OP_TSC_FREQUENCY },
	{ break_eptp, TDX_OP_EPTP_CONTROLS },
	{ break_config, TDX_OP_EXEC_CONTROLS },
	{ break_reserved0, TDX_OP_RDX },
	{ break_l2, TDX_OP_NUM_L2_VMS },
	{ break_vcpus, TDX_OP_MAX_VCPUS },
	{ break_xfam, TDX_OP_XFAM },
	{ break_attributes, TDX_OP_ATTRIBUTES },
};

static const struct tdx_td_params good = {
	.attributes = TDX_ATTR_SEPT_VE_DISABLE,
	.xfam = TDX_XFAM_FIXED1,
	.max_vcpus = 1,
	.eptp_controls = TDX_EPTP_WRITE_BACK | 3 << TDX_EPTP_PWL_SHIFT,
	.tsc_frequency = 4,
};

static void each_field_is_reported_in_its_turn(void **state)
{
	struct td_pages t;

	(void)state;
	start(&t, 46);
	*t.params = good;
	for (size_t i = 0; i < sizeof(breaks) / sizeof(breaks[0]); i++) {
		breaks[i].fn(t.params);
		assert_int_equal(init(&t, PARAMS), TDX_OPERAND_INVALID | breaks[i].operand);
	}
	*t.params = good;
	assert_int_equal(init(&t, PARAMS + 512), TDX_OPERAND_INVALID | TDX_OP_RDX);
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	assert_int_equal(init(&t, PARAMS), TDX_OP_STATE_INCORRECT | TDX_OP_INITIALIZED);
	rig_stop(&t.rig);
}

/* docs/abi.md lists the same operands in the same order. */
static const char *document;

static void the_document_has_this_order(void **state)
{
	size_t left = sizeof(breaks) / sizeof(breaks[0]);
	FILE *file = fopen(document, "r");
	char line[512];
	bool here = false;

	(void)state;
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		char *operand = strstr(line, "OPERAND_INVALID(");
		const struct abi_name *name;

		if (!strncmp(line, "## ", 3) || !strncmp(line, "1. ", 3))
			here = !strncmp(line, "1. attributes", 13);
		if (!here || !operand)
			continue;
		operand += strlen("OPERAND_INVALID(");
		*strchr(operand, ')') = '\0';
		name = abi_name_by_name(ABI_OPERAND, operand);
		assert_non_null(name);
		assert_true(left > 0);
		assert_int_equal(name->number, breaks[--left].operand);
	}
	fclose(file);
	assert_int_equal(left, 0);
}

static void guest_addresses_end_where_the_machine_s_do(void **state)
{
	struct td_pages t;

	(void)state;
	start(&t, 46);
	*t.params = good;
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	RIG_OK(&t.rig, 0, .rax = TDH_MEM_SEPT_ADD, .rcx = UINT64_C(1) << 45 | 3, .rdx = t.tdr,
	       .r8 = rig_page(&t.rig));
	assert_int_equal(RIG_CALL(&t.rig, 0, .rax = TDH_MEM_SEPT_ADD, .rcx = UINT64_C(1) << 46 | 3,
				  .rdx = t.tdr),
			 TDX_OPERAND_INVALID | TDX_OP_RCX);
	rig_stop(&t.rig);
}

static void wide_addresses_need_five_levels(void **state)
{
	struct td_pages t;

	(void)state;
	start(&t, 52);
	*t.params = good;
	t.params->config_flags = TDX_CONFIG_GPAW;
	assert_int_equal(init(&t, PARAMS), TDX_OPERAND_INVALID | TDX_OP_EPTP_CONTROLS);
	t.params->eptp_controls = TDX_EPTP_WRITE_BACK | 4 << TDX_EPTP_PWL_SHIFT;
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	/* Bit 50 is private now, and the root is of level 4. */
	RIG_OK(&t.rig, 0, .rax = TDH_MEM_SEPT_ADD, .rcx = UINT64_C(1) << 50 | 4, .rdx = t.tdr,
	       .r8 = rig_page(&t.rig));
	assert_int_equal(RIG_CALL(&t.rig, 0, .rax = TDH_MEM_SEPT_ADD, .rcx = UINT64_C(1) << 51 | 4,
				  .rdx = t.tdr),
			 TDX_OPERAND_INVALID | TDX_OP_RCX);
	rig_stop(&t.rig);
}

static uint64_t field(struct td_pages *t, uint64_t id)
{
	struct tdx_regs regs = { .rax = TDH_MNG_RD, .rcx = t->tdr, .rdx = id };

	rig_ok(&t->rig, 0, &regs);
	return regs.r8;
}

static void cpuid_values_are_as_given_where_they_may_be(void **state)
{
	struct td_pages t;
	struct tdx_regs regs;

	(void)state;
	start(&t, 46);
	*t.params = good;
	break_topology(t.params);
	assert_int_equal(init(&t, PARAMS), TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED);
	t.params->cpuid_config[12][0] = 0;
	t.params->cpuid_config[9][1] = 1; /* leaf 0x80000008, EBX */
	regs = (struct tdx_regs){ .rax = TDH_MNG_INIT, .rcx = t.tdr, .rdx = PARAMS };
	assert_int_equal(rig_call(&t.rig, 0, &regs), TDX_OPERAND_INVALID | TDX_OP_CPUID_CONFIG);
	assert_int_equal(regs.rcx, UINT64_C(0xffffffff80000008));
	t.params->cpuid_config[9][1] = 1u << 9; /* if the CPU has it, which it has not */
	t.params->cpuid_config[1][2] = 63;	/* leaf 4, ECX */
	regs = (struct tdx_regs){ .rax = TDH_MNG_INIT, .rcx = t.tdr, .rdx = PARAMS };
	rig_ok(&t.rig, 0, &regs);
	assert_int_equal(regs.rcx, 0);
	assert_int_equal(field(&t, UINT64_C(0x9410000300000801)), 63);
	assert_int_equal(field(&t, UINT64_C(0x94100003000111fe)), 46 | 48 << 8);
	rig_stop(&t.rig);
}

static void attributes_and_widths_are_in_cpuid_too(void **state)
{
	struct td_pages t;

	(void)state;
	start(&t, 52);
	*t.params = good;
	t.params->attributes |= TDX_ATTR_PKS | TDX_ATTR_LASS;
	t.params->config_flags = TDX_CONFIG_MAXGPA_VIRT;
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	assert_int_equal(field(&t, UINT64_C(0x9410000300000e00)), 2);
	assert_int_equal(field(&t, UINT64_C(0x9410000300000e01)), 1u << 31);
	assert_int_equal(field(&t, UINT64_C(0x9410000300000e02)), 1u << 6);
	assert_int_equal(field(&t, UINT64_C(0x94100003000111fe)), 52 | 48 << 8 | 48 << 16);
	rig_stop(&t.rig);
}

static void a_vcpu_has_pages_for_each_l2_vm(void **state)
{
	struct td_pages t;
	uint64_t tdvpr;

	(void)state;
	start(&t, 46);
	*t.params = good;
	t.params->num_l2_vms = 1;
	RIG_OK(&t.rig, 0, .rax = TDH_MNG_ADDCX, .rcx = rig_page(&t.rig), .rdx = t.tdr);
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	tdvpr = rig_page(&t.rig);
	RIG_OK(&t.rig, 0, .rax = TDH_VP_CREATE, .rcx = tdvpr, .rdx = t.tdr);
	for (uint32_t pages = 1; pages < TDX_MIN_TDVPS + TDX_TDVPS_PER_L2_VM; pages++) {
		assert_int_equal(RIG_CALL(&t.rig, 0, .rax = TDH_VP_INIT, .rcx = tdvpr),
				 TDX_TDCX_NUM_INCORRECT);
		RIG_OK(&t.rig, 0, .rax = TDH_VP_ADDCX, .rcx = rig_page(&t.rig), .rdx = tdvpr);
	}
	RIG_OK(&t.rig, 0, .rax = TDH_VP_INIT, .rcx = tdvpr);
	RIG_OK(&t.rig, 0, .rax = TDH_VP_FLUSH, .rcx = tdvpr);
	rig_stop(&t.rig);
}

/* Levels of leaf 0x1f: type, bits to the next, processors; nothing: invalid. */
struct level {
	uint32_t type, shift, processors;
};

static void give_levels(struct td_pages *t, const struct level *level)
{
	for (uint32_t i = 0; i < 6; i++) {
		t->params->cpuid_config[12 + i][0] = level[i].shift;
		t->params->cpuid_config[12 + i][1] = level[i].processors;
		t->params->cpuid_config[12 + i][2] = i | level[i].type << 8;
	}
}

static void levels_begin_with_threads_or_cores_and_ascend(void **state)
{
	/* Threads are type 1, cores 2. */
	static const struct level wrong[][6] = {
		{ { 1, 1, 2 } },			     /* no cores */
		{ { 2, 4, 16 }, { 1, 1, 2 } },		     /* threads not first */
		{ { 1, 1, 2 }, { 2, 4, 16 }, { 2, 5, 32 } }, /* twice the same */
		{ { 1, 1, 2 }, { 3, 4, 16 }, { 2, 5, 32 } }, /* descending */
		{ { 1, 1, 2 }, { 2, 4, 16 }, { 6, 5, 32 } }, /* no such type */
		{ { 0, 0, 0 }, { 2, 4, 16 } },		     /* the first invalid */
		{ { 1, 1, 2 }, { 0, 0, 0 }, { 2, 4, 16 } },  /* invalid before cores */
		{ { 2, 4, 16 }, { 0, 0, 0 }, { 1, 1, 2 } },  /* threads behind a gap */
		{ { 2, 4, 16 }, { 0, 0, 0 }, { 6, 5, 32 } }, /* no such type, there */
	};
	struct td_pages t;

	(void)state;
	start(&t, 46);
	*t.params = good;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		give_levels(&t, wrong[i]);
		assert_int_equal(init(&t, PARAMS), TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED);
	}
	/* The number of a level is its subleaf. */
	give_levels(&t, (const struct level[6]){ { 1, 1, 2 }, { 2, 4, 16 }, { 0 }, { 5, 6, 64 } });
	t.params->cpuid_config[15][2]++;
	assert_int_equal(init(&t, PARAMS), TDX_CPUID_LEAF_1F_FORMAT_UNRECOGNIZED);
	t.params->cpuid_config[15][2]--;
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	rig_stop(&t.rig);
}

/* EAX and EBX, then ECX of a subleaf of leaf 0xb. */
static void old_level_is(struct td_pages *t, uint32_t i, uint64_t eax_ebx, uint64_t ecx)
{
	assert_int_equal(field(t, UINT64_C(0x9410000300001600) + 2 * i), eax_ebx);
	assert_int_equal(field(t, UINT64_C(0x9410000300001601) + 2 * i), ecx);
}

static void what_is_above_cores_counts_as_cores_in_leaf_0xb(void **state)
{
	struct td_pages t;

	(void)state;
	start(&t, 46);
	*t.params = good;
	give_levels(&t, (const struct level[6]){ { 1, 1, 2 }, { 2, 4, 16 }, { 5, 6, 64 } });
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	old_level_is(&t, 0, 1 | UINT64_C(2) << 32, 0x100);
	old_level_is(&t, 1, 6 | UINT64_C(64) << 32, 0x201);
	old_level_is(&t, 2, 0, 2);
	rig_stop(&t.rig);

	start(&t, 46);
	*t.params = good;
	give_levels(&t, (const struct level[6]){ { 2, 4, 16 }, { 3, 5, 32 } });
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	old_level_is(&t, 0, 5 | UINT64_C(32) << 32, 0x200);
	old_level_is(&t, 1, 0, 1);
	old_level_is(&t, 2, 0, 2);
	rig_stop(&t.rig);
}

/* Leaf 1: x2APIC (ECX 21) comes by itself, AVX (28) was asked for, the deadline timer (24) not. */
static void features_of_a_server_are_there_or_can_be_asked_for(void **state)
{
	const uint32_t x2apic = 1u << 21, deadline = 1u << 24, avx = 1u << 28, vmx = 1u << 5;
	struct tdx_regs regs = { .rax = TDH_SYS_RD, .rdx = UINT64_C(0x9900000300000501) };
	struct td_pages t;
	uint64_t ecx;

	(void)state;
	start_on(&t, 46, true);
	rig_ok(&t.rig, 0, &regs);
	assert_int_equal(regs.r8 & (x2apic | deadline | avx | vmx), deadline | avx);
	*t.params = good;
	t.params->cpuid_config[0][2] = avx;
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	ecx = field(&t, UINT64_C(0x94100003000003ff));
	assert_int_equal(ecx & (x2apic | deadline | avx | vmx), x2apic | avx);
	rig_stop(&t.rig);
}

/* Leaf 0x80000008 with the width asked for stands between 0x1c and 0x7.2. */
static void a_wrong_address_width_is_reported_in_its_leaf_s_turn(void **state)
{
	struct tdx_regs regs;
	struct td_pages t;

	(void)state;
	start(&t, 52);
	*t.params = good;
	t.params->config_flags = TDX_CONFIG_MAXPA_VIRT;
	t.params->cpuid_config[9][0] = 49;
	t.params->cpuid_config[10][0] = 1; /* leaf 7, subleaf 2 */
	regs = (struct tdx_regs){ .rax = TDH_MNG_INIT, .rcx = t.tdr, .rdx = PARAMS };
	assert_int_equal(rig_call(&t.rig, 0, &regs), TDX_OPERAND_INVALID | TDX_OP_CPUID_CONFIG);
	assert_int_equal(regs.rcx, 0);
	t.params->cpuid_config[8][1] = 1; /* leaf 0x1c */
	regs = (struct tdx_regs){ .rax = TDH_MNG_INIT, .rcx = t.tdr, .rdx = PARAMS };
	assert_int_equal(rig_call(&t.rig, 0, &regs), TDX_OPERAND_INVALID | TDX_OP_CPUID_CONFIG);
	assert_int_equal(regs.rcx, UINT64_C(0xffffffff0000001c));
	rig_stop(&t.rig);
}

static void an_address_width_can_be_asked_for(void **state)
{
	struct td_pages t;

	(void)state;
	start(&t, 52);
	*t.params = good;
	t.params->config_flags = TDX_CONFIG_MAXPA_VIRT;
	for (uint32_t bits = 40; bits <= 50; bits++) {
		t.params->cpuid_config[9][0] = bits;
		if (bits < 45 || bits > 48)
			assert_int_equal(init(&t, PARAMS),
					 TDX_OPERAND_INVALID | TDX_OP_CPUID_CONFIG);
	}
	t.params->cpuid_config[9][0] = 45;
	assert_int_equal(init(&t, PARAMS), TDX_SUCCESS);
	assert_int_equal(field(&t, UINT64_C(0x9110000000000018)), 45);
	rig_stop(&t.rig);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_field_is_reported_in_its_turn),
		cmocka_unit_test(the_document_has_this_order),
		cmocka_unit_test(guest_addresses_end_where_the_machine_s_do),
		cmocka_unit_test(wide_addresses_need_five_levels),
		cmocka_unit_test(cpuid_values_are_as_given_where_they_may_be),
		cmocka_unit_test(attributes_and_widths_are_in_cpuid_too),
		cmocka_unit_test(a_vcpu_has_pages_for_each_l2_vm),
		cmocka_unit_test(levels_begin_with_threads_or_cores_and_ascend),
		cmocka_unit_test(what_is_above_cores_counts_as_cores_in_leaf_0xb),
		cmocka_unit_test(features_of_a_server_are_there_or_can_be_asked_for),
		cmocka_unit_test(a_wrong_address_width_is_reported_in_its_leaf_s_turn),
		cmocka_unit_test(an_address_width_can_be_asked_for),
	};

	if (argc != 2)
		return 2;
	document = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
