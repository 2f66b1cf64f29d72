// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * vector_test.c - the reader of recordings: what it makes of each kind of line, and what it says
 * of lines that are wrong.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "lab/recordings/vector.h"

#define MACHINE                                                                       \
	"machine max_pa=46 hkid_bits=6 hkid_min=0x20 hkid_max=0x3f lps=4 packages=2 " \
	"cache_blocks=3 seamrr=0x8000000000+0x100000 cmr=0x100000+0x77f00000,0x100000000+4096\n"

static char error[512];

static int read_bytes(const char *text, size_t bytes, struct vector *vector)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, bytes, "r");
	int status;

	assert_non_null(file);
	error[0] = '\0';
	status = vector_read(file, "test", vector, error, sizeof(error));
	fclose(file);
	return status;
}

static int read_text(const char *text, struct vector *vector)
{
	return read_bytes(text, strlen(text), vector);
}

/* The item of one line behind a machine line. */
static const struct vector_item *read_one(const char *line, struct vector *vector)
{
	char text[1024];

	snprintf(text, sizeof(text), MACHINE "%s\n", line);
	if (read_text(text, vector))
		fail_msg("%s", error);
	assert_int_equal(vector->nr_items, 2);
	assert_string_equal(vector->items[1].text, line);
	assert_int_equal(vector->items[1].line, 2);
	return &vector->items[1];
}

static void a_machine_line_gives_the_geometry(void **state)
{
	struct vector vector;
	const struct seam_config *config;

	(void)state;
	assert_int_equal(read_text("# comment\n\n" MACHINE, &vector), 0);
	assert_int_equal(vector.nr_items, 1);
	assert_int_equal(vector.items[0].kind, VECTOR_MACHINE);
	assert_int_equal(vector.items[0].line, 3);
	config = &vector.items[0].machine->config;
	assert_int_equal(config->max_pa, 46);
	assert_int_equal(config->hkid_bits, 6);
	assert_int_equal(config->hkid_min, 0x20);
	assert_int_equal(config->hkid_max, 0x3f);
	assert_int_equal(config->nr_lps, 4);
	assert_int_equal(config->nr_packages, 2);
	assert_int_equal(config->cache_blocks, 3);
	assert_int_equal(config->seamrr.base, 0x8000000000);
	assert_int_equal(config->seamrr.size, 0x100000);
	assert_int_equal(config->cmr[1].base, 0x100000000);
	assert_int_equal(config->cmr[1].size, 4096);
	assert_int_equal(config->cmr[2].size, 0);
	vector_free(&vector);
}

static void registers_not_listed_keep_their_input(void **state)
{
	struct vector vector;
	const struct vector_call *call;

	(void)state;
	call = &read_one("call 0x10003 lp=3 rcx=0x1001 r15=7 -> rax=0x5 rdx=* r8=12", &vector)
			->call;
	assert_int_equal(call->in.rax, 0x10003);
	assert_int_equal(call->lp, 3);
	assert_int_equal(call->in.rcx, 0x1001);
	assert_int_equal(call->in.r15, 7);
	assert_int_equal(call->in.r8, 0);
	assert_false(call->fatal);
	assert_int_equal(call->after.rax, 5);
	assert_int_equal(call->after.rcx, 0x1001);
	assert_int_equal(call->after.r8, 12);
	assert_int_equal(call->after.r15, 7);
	assert_int_equal(call->any, 1 << 2);
	vector_free(&vector);
}

static void a_star_alone_means_that_nothing_is_compared(void **state)
{
	struct vector vector;

	(void)state;
	assert_int_equal(read_one("call 59 rcx=1 -> *", &vector)->call.any, 0x7fff);
	vector_free(&vector);
	assert_true(read_one("accept 1 rcx=2 -> *", &vector)->accept.any);
	vector_free(&vector);
}

static void a_call_may_end_fatal(void **state)
{
	struct vector vector;
	const struct vector_call *call = &read_one("call 59 rcx=1 -> fatal 343", &vector)->call;

	(void)state;
	assert_true(call->fatal);
	assert_int_equal(call->fatal_id, 343);
	vector_free(&vector);
}

static void an_accept_has_three_ends(void **state)
{
	struct vector vector;
	const struct vector_accept *a;

	(void)state;
	a = &read_one("accept 0x2000 rcx=0x5001 -> rax=0x9", &vector)->accept;
	assert_int_equal(a->tdr.v, 0x2000);
	assert_int_equal(a->rcx, 0x5001);
	assert_int_equal(a->how, SEAM_ACCEPT_STATUS);
	assert_int_equal(a->rax, 9);
	vector_free(&vector);
	a = &read_one("accept 1 rcx=2 -> tdexit", &vector)->accept;
	assert_int_equal(a->how, SEAM_ACCEPT_TDEXIT);
	vector_free(&vector);
	a = &read_one("accept 1 rcx=2 -> interrupted", &vector)->accept;
	assert_int_equal(a->how, SEAM_ACCEPT_INTERRUPTED);
	vector_free(&vector);
}

static void every_lock_is_known(void **state)
{
	static const struct {
		const char *line;
		struct vector_lock lock;
	} cases[] = {
		{ "lock sys mode=exclusive id=1", { 1, SEAM_DEBUG_SYS, 0, 0, 0, true } },
		{ "lock kot mode=shared id=2", { 2, SEAM_DEBUG_KOT, 0, 0, 0, false } },
		{ "lock wbt package=3 id=4", { 4, SEAM_DEBUG_WBT, 3, 0, 0, true } },
		{ "lock tdmr 0x40000000 id=5", { 5, SEAM_DEBUG_TDMR, 0x40000000, 0, 0, true } },
		{ "lock opstate 9 mode=shared id=6", { 6, SEAM_DEBUG_OPSTATE, 9, 0, 0, false } },
		{ "lock sept 9 mode=exclusive id=7", { 7, SEAM_DEBUG_SEPT, 9, 0, 0, true } },
		{ "lock epoch 9 mode=shared id=8", { 8, SEAM_DEBUG_EPOCH, 9, 0, 0, false } },
		{ "lock septe 9 rcx=0x1002 id=8", { 8, SEAM_DEBUG_SEPTE, 9, 0x1002, 0, true } },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vector vector;
		const struct vector_lock *lock = &read_one(cases[i].line, &vector)->lock;

		assert_int_equal(vector.items[1].kind, VECTOR_LOCK);
		assert_int_equal(lock->id, cases[i].lock.id);
		assert_int_equal(lock->what, cases[i].lock.what);
		assert_int_equal(lock->arg, cases[i].lock.arg);
		assert_int_equal(lock->map, cases[i].lock.map);
		assert_int_equal(lock->exclusive, cases[i].lock.exclusive);
		vector_free(&vector);
	}
}

static void holds_and_their_releases_carry_an_id(void **state)
{
	struct vector vector;
	const struct vector_item *item;

	(void)state;
	item = read_one("hold 0x40200000 level=1 mode=exclusive id=12", &vector);
	assert_int_equal(item->kind, VECTOR_HOLD);
	assert_int_equal(item->lock.arg, 0x40200000);
	assert_int_equal(item->lock.level, 1);
	assert_true(item->lock.exclusive);
	assert_int_equal(item->lock.id, 12);
	vector_free(&vector);
	item = read_one("release id=12", &vector);
	assert_int_equal(item->kind, VECTOR_RELEASE);
	assert_int_equal(item->lock.id, 12);
	vector_free(&vector);
	item = read_one("enter 0x1000 id=3", &vector);
	assert_int_equal(item->kind, VECTOR_ENTER);
	assert_int_equal(item->lock.arg, 0x1000);
	assert_int_equal(item->lock.id, 3);
	vector_free(&vector);
	item = read_one("exit id=3", &vector);
	assert_int_equal(item->kind, VECTOR_EXIT);
	assert_int_equal(item->lock.id, 3);
	vector_free(&vector);
}

static void force_td_has_four_levels_unless_told(void **state)
{
	struct vector vector;
	const struct vector_force_td *f = &read_one("force-td 5 op_state=2", &vector)->force_td;

	(void)state;
	assert_int_equal(f->tdr.v, 5);
	assert_int_equal(f->state, TDX_OP_RUNNABLE);
	assert_int_equal(f->pwl, 3);
	assert_false(f->gpaw);
	vector_free(&vector);
	f = &read_one("force-td 5 gpaw=1 pwl=4 op_state=1", &vector)->force_td;
	assert_int_equal(f->state, TDX_OP_INITIALIZED);
	assert_int_equal(f->pwl, 4);
	assert_true(f->gpaw);
	vector_free(&vector);
}

static void lines_of_two_numbers(void **state)
{
	static const struct {
		const char *line;
		enum vector_kind kind;
		uint64_t at, value;
	} cases[] = {
		{ "init-tdmr 0x40000000 calls=64", VECTOR_INIT_TDMR, 0x40000000, 64 },
		{ "vcpus 1 2", VECTOR_VCPUS, 1, 2 },
		{ "assoc 1 2", VECTOR_ASSOC, 1, 2 },
		{ "vcpu-state 1 4", VECTOR_VCPU_STATE, 1, 4 },
		{ "td-fatal 1 1", VECTOR_TD_FATAL, 1, 1 },
		{ "half-freed 0x3000", VECTOR_HALF_FREED, 0x3000, 0 },
		{ "lp-init 3 1", VECTOR_LP_INIT, 3, 1 },
		{ "bitmap 0x3000 0", VECTOR_BITMAP, 0x3000, 0 },
		{ "chldcnt 1 558", VECTOR_CHLDCNT, 1, 558 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vector vector;
		const struct vector_item *item = read_one(cases[i].line, &vector);

		assert_int_equal(item->kind, cases[i].kind);
		assert_int_equal(item->word.at.v, cases[i].at);
		assert_int_equal(item->word.value, cases[i].value);
		vector_free(&vector);
	}
}

static void lists_are_as_long_as_they_are(void **state)
{
	struct vector vector;
	const struct vector_list *list;

	(void)state;
	list = &read_one("peek64 0x3004 0x1 * 3", &vector)->list;
	assert_int_equal(list->at.v, 0x3004);
	assert_int_equal(list->nr, 3);
	assert_int_equal(list->any, 1u << 1);
	assert_int_equal(list->value[2], 3);
	vector_free(&vector);
	list = &read_one("epf 0x7000", &vector)->list;
	assert_int_equal(list->at.v, 0x7000);
	assert_int_equal(list->nr, 0);
	vector_free(&vector);
	list = &read_one("epf 0x7000 0x1000 0x2000", &vector)->list;
	assert_int_equal(list->nr, 2);
	assert_int_equal(list->value[1], 0x2000);
	vector_free(&vector);
}

static void an_injection_is_one_of_four(void **state)
{
	static const struct {
		const char *line;
		enum seam_debug_inject inject;
	} cases[] = {
		{ "inject interrupt", SEAM_INJECT_INTERRUPT },
		{ "inject pconfig=busy", SEAM_INJECT_PCONFIG_BUSY },
		{ "inject pconfig=entropy", SEAM_INJECT_PCONFIG_ENTROPY },
		{ "inject rng=fail", SEAM_INJECT_RNG_FAIL },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vector vector;

		assert_int_equal(read_one(cases[i].line, &vector)->inject, cases[i].inject);
		vector_free(&vector);
	}
}

static void a_guest_leaves_in_one_of_three_ways(void **state)
{
	struct vector vector;
	const struct vector_guest *g;

	(void)state;
	g = read_one("guest ept gpa=0x5000 qualification=2 extended=4 progress=1", &vector)->guest;
	assert_int_equal(g->how, SEAM_EXIT_EPT);
	assert_int_equal(g->regs.rcx, 2);
	assert_int_equal(g->regs.rdx, 4);
	assert_int_equal(g->regs.r8, 0x5000);
	assert_true(g->progress);
	vector_free(&vector);
	g = read_one("guest vmcall rcx=0xc00 r10=1 r11=0x10001", &vector)->guest;
	assert_int_equal(g->how, SEAM_EXIT_VMCALL);
	assert_int_equal(g->regs.rcx, 0xc00);
	assert_int_equal(g->regs.r11, 0x10001);
	vector_free(&vector);
	g = read_one("guest interrupt", &vector)->guest;
	assert_int_equal(g->how, SEAM_EXIT_INTERRUPT);
	vector_free(&vector);
}

static void a_machine_may_be_of_another_kind(void **state)
{
	struct vector vector;
	char text[512];

	(void)state;
	assert_int_equal(read_text(MACHINE, &vector), 0);
	assert_true(vector.items[0].machine->init);
	assert_false(vector.items[0].machine->config.next);
	assert_false(vector.items[0].machine->config.features);
	assert_int_equal(vector.items[0].machine->config.features0_clear, 0);
	vector_free(&vector);
	snprintf(text, sizeof(text), "%.*s init=0 static=1 next=1 features=1\n",
		 (int)strlen(MACHINE) - 1, MACHINE);
	assert_int_equal(read_text(text, &vector), 0);
	assert_false(vector.items[0].machine->init);
	assert_true(vector.items[0].machine->config.next);
	assert_true(vector.items[0].machine->config.features);
	assert_int_equal(vector.items[0].machine->config.features0_clear,
			 TDX_FEATURES0_DYNAMIC_PAMT);
	vector_free(&vector);
}

static void words_of_memory_are_written_in_a_row(void **state)
{
	const struct vector_list *list;
	struct vector vector;

	(void)state;
	list = &read_one("poke64 0xffffffffffff0 1 0xffffffffffffffff", &vector)->list;
	assert_int_equal(list->at.v, 0xffffffffffff0);
	assert_int_equal(list->nr, 2);
	assert_int_equal(list->value[1], UINT64_MAX);
	vector_free(&vector);
}

static void pamt_fields_not_listed_are_not_compared(void **state)
{
	struct vector vector;
	const struct vector_pamt *p;

	(void)state;
	p = &read_one("pamt 0x200000 level=1 type=0", &vector)->pamt;
	assert_int_equal(p->pa.v, 0x200000);
	assert_int_equal(p->level, 1);
	assert_int_equal(p->type, TDX_PT_NDA);
	assert_false(p->has_owner || p->has_count || p->has_pair);
	vector_free(&vector);
	p = &read_one("pamt 1 level=1 type=15 count=512 pair=0x1000,0x5000", &vector)->pamt;
	assert_true(p->has_count && p->has_pair && !p->has_owner);
	assert_int_equal(p->count, 512);
	assert_int_equal(p->pair[0].v, 0x1000);
	assert_int_equal(p->pair[1].v, 0x5000);
	vector_free(&vector);
	p = &read_one("pamt 1 level=0 type=3 owner=0x7000", &vector)->pamt;
	assert_true(p->has_owner);
	assert_int_equal(p->owner.v, 0x7000);
	vector_free(&vector);
}

/* Each mistake is named together with its line and with what is allowed. */
static void mistakes_are_named_with_their_place(void **state)
{
	static const struct {
		const char *line, *error;
	} cases[] = {
		{ "cal 1 -> rax=0", "test:2: unknown line 'cal 1'; allowed: machine; poke64;" },
		{ "lock foo id=1", "test:2: unknown line 'lock foo'; allowed: lock sys mode=" },
		{ "inject nothing", "test:2: unknown line 'inject nothing'; allowed: inject int" },
		{ "inject", "test:2: unknown line 'inject'; allowed: inject interrupt;" },
		{ "poke64 1", "test:2: too few fields behind 'poke64'; allowed: poke64 PA VALUE" },
		{ "poke64 1 x", "test:2: bad number 'x'; allowed: poke64 PA VALUE" },
		{ "poke64 1 0x", "test:2: bad number '0x'" },
		{ "poke64 1 -1", "test:2: bad number '-1'" },
		{ "poke64 1 0x10000000000000000", "test:2: bad number '0x10000000000000000'" },
		{ "poke64 1 2 *", "test:2: bad number '*'" },
		{ "bitmap 1 1 3", "test:2: one field too many: '3'" },
		{ "bitmap 1 1 x=3", "test:2: unknown field 'x'" },
		{ "bitmap 1 1 =3", "test:2: unknown field ''" },
		{ "guest", "test:2: unknown line 'guest'; allowed: guest ept gpa=N" },
		{ "guest ept gpa=1", "test:2: missing field 'qualification'; allowed: guest ept" },
		{ "guest vmcall rax=1", "test:2: given twice: 'rax'" },
		{ "hold 1 level=1 mode=shared", "test:2: missing field 'id'; allowed: hold PA" },
		{ "hold 1 level=3 mode=shared id=1",
		  "test:2: level='3' is no number from 0 to 0x2" },
		{ "hold 1 level=1 mode=both id=1", "test:2: bad mode 'both'" },
		{ "hold 1 level=1 level=1 mode=shared id=1", "test:2: given twice: 'level'" },
		{ "force-td 1 op_state=3", "test:2: op_state='3' is no number from 0 to 0x2" },
		{ "force-td 1 op_state=1 pwl=2", "test:2: bad pwl '2'" },
		{ "peek64 1",
		  "test:2: too few fields behind 'peek64'; allowed: peek64 PA VALUE|*" },
		{ "peek64 0xffffffffffff8 1 2",
		  "test:2: no physical address, which is below 2^52" },
		{ "poke64 0xffffffffffff9 1", "test:2: no physical address, which is below 2^52" },
		{ "peek64 1 x", "test:2: bad number 'x'" },
		{ "peek64 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1",
		  "test:2: more than 32 values; allowed: peek64 PA" },
		{ "epf", "test:2: too few fields behind 'epf'; allowed: epf TDVPR [GPA ...]" },
		{ "epf y 1", "test:2: bad number 'y'" },
		{ "epf 1 *", "test:2: bad number '*'" },
		{ "lp-init 0 2", "test:2: neither 0 nor 1: '2'" },
		{ "bitmap 1 2", "test:2: neither 0 nor 1: '2'" },
		{ "vcpus 1 0x100000000", "test:2: more than 32 bits: '0x100000000'" },
		{ "pamt 1 level=1 type=15 pair=1", "test:2: bad pair '1'" },
		{ "pamt 1 level=1 type=15 pair=1,", "test:2: bad pair '1,'" },
		{ "pamt 1 level=1 type=32", "test:2: type='32' is no number from 0 to 0x1f" },
		{ "call", "test:2: bad RAX ''; allowed: call RAX [lp=N]" },
		{ "call x -> rax=0", "test:2: bad RAX 'x'" },
		{ "call 1 rcx=0", "test:2: no '->' in 'call'" },
		{ "call 1 ->", "test:2: no result behind '->' in 'call'" },
		{ "call 1 -> rcx=0", "test:2: no rax= behind '->'" },
		{ "call 1 lp=-1 -> rax=0", "test:2: bad 'lp=-1'" },
		{ "call 1 rcx=0 lp=1 -> rax=0", "test:2: no register is called 'lp'" },
		{ "call 1 rcx=* -> rax=0", "test:2: bad number '*'" },
		{ "call 1 rcx=1 rcx=1 -> rax=0", "test:2: given twice: 'rcx'" },
		{ "call 1 rax=1 -> rax=0", "test:2: given twice: 'rax'" },
		{ "call 1 r16=1 -> rax=0", "test:2: no register is called 'r16'" },
		{ "call 1 rcx -> rax=0", "test:2: not register=value: 'rcx'" },
		{ "call 1 -> * rax=0", "test:2: not register=value: '*'" },
		{ "call 1 -> fatal", "test:2: no fatal error number behind 'fatal'" },
		{ "call 1 -> fatal 1 rax=0", "test:2: no fatal error number behind 'fatal'" },
		{ "accept 1 rcx=2", "test:2: malformed 'accept'; allowed: accept TDR rcx=VALUE" },
		{ "accept 1 rcx=2 -> gone", "test:2: bad result 'gone'" },
		{ "accept 1 rcx=x -> tdexit", "test:2: bad number in 'accept'" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[1024];
		struct vector vector;

		snprintf(text, sizeof(text), MACHINE "%s\n", cases[i].line);
		assert_int_equal(read_text(text, &vector), -1);
		if (strncmp(error, cases[i].error, strlen(cases[i].error)))
			fail_msg("'%s': '%s', not '%s'", cases[i].line, error, cases[i].error);
		assert_null(strchr(error, '\n'));
	}
}

/* A machine line with one field replaced. */
static void machine_fails(const char *field, const char *with, const char *expected)
{
	char text[1024] = "";
	const char *at = strstr(MACHINE, field);
	struct vector vector;

	assert_non_null(at);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - MACHINE), MACHINE, with,
		 at + strcspn(at, " \n"));
	assert_int_equal(read_text(text, &vector), -1);
	if (!strstr(error, expected))
		fail_msg("%s: '%s', not '%s'", with, error, expected);
}

static void mistakes_in_a_machine_line_are_named(void **state)
{
	char cmrs[800] = "cmr=1+1";

	(void)state;
	machine_fails("max_pa", "max_pa=y", "max_pa='y' is no number");
	machine_fails("lps", "", "missing field 'lps'");
	machine_fails("lps", "lps=0x10000", "lps='0x10000' is no number from 0 to 0xffff");
	machine_fails("seamrr", "seamrr=1", "bad seamrr '1'");
	machine_fails("seamrr", "seamrr=1+2,3+4", "bad seamrr '1+2,3+4'");
	machine_fails("cmr", "cmr=1+2,", "bad CMR in '1+2,'");
	machine_fails("cmr", "cmr=1-2", "bad CMR in '1-2'");
	machine_fails("cmr", "cmr=", "bad CMR in ''");
	for (int i = 1; i <= 32; i++)
		strcat(cmrs, ",0x1000+0x1000");
	machine_fails("cmr", cmrs, "more than 32 CMRs; allowed: 1 to 32");
}

static void what_is_no_text_is_refused(void **state)
{
	static char longer[10000];
	struct vector vector;

	(void)state;
	assert_int_equal(read_bytes(MACHINE "po\0ke", sizeof(MACHINE "po\0ke"), &vector), -1);
	assert_non_null(strstr(error, "test:2: byte 0x00 at column 3: not a text"));
	assert_int_equal(read_text("\x7f\x45LF\n", &vector), -1);
	assert_non_null(strstr(error, "test:1: byte 0x7f at column 1: not a text"));
	assert_int_equal(read_text(MACHINE "# \xc3\xa4\n", &vector), -1);
	assert_non_null(strstr(error, "test:2: byte 0xc3 at column 3: not a text"));
	memset(longer, '#', sizeof(longer) - 1);
	assert_int_equal(read_text(longer, &vector), -1);
	assert_non_null(strstr(error, "test:1: longer than 8190 characters"));
}

static void a_recording_begins_with_a_machine(void **state)
{
	struct vector vector;

	(void)state;
	assert_int_equal(read_text("poke64 1 2\n" MACHINE, &vector), -1);
	assert_non_null(strstr(error, "test:1: 'poke64' before any machine"));
	assert_int_equal(read_text("# nothing\n", &vector), -1);
	assert_non_null(strstr(error, "test: no recording: it is empty"));
}

static void line_ends_and_blanks_do_not_matter(void **state)
{
	struct vector vector;

	(void)state;
	assert_int_equal(read_text(MACHINE "  poke64  1\t2 \r\n\r\n  # x\nrelease id=1", &vector),
			 0);
	assert_int_equal(vector.nr_items, 3);
	assert_int_equal(vector.items[1].list.value[0], 2);
	assert_int_equal(vector.items[2].line, 5);
	assert_int_equal(vector.items[2].lock.id, 1);
	vector_free(&vector);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_machine_line_gives_the_geometry),
		cmocka_unit_test(a_guest_leaves_in_one_of_three_ways),
		cmocka_unit_test(a_machine_may_be_of_another_kind),
		cmocka_unit_test(words_of_memory_are_written_in_a_row),
		cmocka_unit_test(registers_not_listed_keep_their_input),
		cmocka_unit_test(a_star_alone_means_that_nothing_is_compared),
		cmocka_unit_test(a_call_may_end_fatal),
		cmocka_unit_test(an_accept_has_three_ends),
		cmocka_unit_test(every_lock_is_known),
		cmocka_unit_test(holds_and_their_releases_carry_an_id),
		cmocka_unit_test(force_td_has_four_levels_unless_told),
		cmocka_unit_test(lines_of_two_numbers),
		cmocka_unit_test(lists_are_as_long_as_they_are),
		cmocka_unit_test(an_injection_is_one_of_four),
		cmocka_unit_test(pamt_fields_not_listed_are_not_compared),
		cmocka_unit_test(mistakes_are_named_with_their_place),
		cmocka_unit_test(mistakes_in_a_machine_line_are_named),
		cmocka_unit_test(what_is_no_text_is_refused),
		cmocka_unit_test(a_recording_begins_with_a_machine),
		cmocka_unit_test(line_ends_and_blanks_do_not_matter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
