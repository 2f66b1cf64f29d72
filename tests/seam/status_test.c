// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * status_test.c - every status code of the ABI is what some SEAMCALL or TDCALL answers here, or is
 * listed in docs/statuses.md with the reason why no call answers it.
 *
 * Counted is what calls really returned in this process: in the recordings, and in the calls below
 * that make what no recording has. A code that is neither seen nor listed fails the test; so does
 * one that is listed and seen, listed twice, or listed and unknown.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "abi/abi.h"
#include "lab/recordings/replay.h"
#include "rig.h"

#define MAX_CODES 256

static const char *list_path;
static char *const *recordings; /* paths, NULL at the end */

/* Times that each code of abi_status_at() was returned. */
static unsigned int seen[MAX_CODES];

/* Its place in abi_status_at(), -1: none. */
static int place_of(const struct abi_status *status)
{
	const struct abi_status *s;

	for (int i = 0; (s = abi_status_at((unsigned int)i)); i++)
		if (s == status)
			return i;
	return -1;
}

static void note(uint64_t rax)
{
	const struct abi_status *status = abi_status((tdx_status_t){ rax });

	if (!status)
		fail_msg("0x%016llx is no status of the list", (unsigned long long)rax);
	seen[place_of(status)]++;
}

/* ------------------------------------------------------------------------------------------- */
/* What recordings return.                                                                      */

static void note_item(void *ctx, const struct vector_item *item,
		      const struct replay_outcome *outcome)
{
	(void)ctx;
	if (item->kind == VECTOR_CALL && !outcome->fatal)
		note(outcome->regs.rax);
	if (item->kind == VECTOR_ACCEPT && outcome->how == SEAM_ACCEPT_STATUS)
		note(outcome->status.v);
}

static void recordings_return_what_was_recorded(void **state)
{
	const struct replay_watcher watcher = { .item = note_item };
	struct replay_result result;
	struct vector vector;
	char error[512];

	(void)state;
	for (char *const *path = recordings; *path; path++) {
		FILE *file = fopen(*path, "r");

		assert_non_null(file);
		if (vector_read(file, *path, &vector, error, sizeof(error)))
			fail_msg("%s", error);
		fclose(file);
		if (replay_run(&vector, &watcher, &result, error, sizeof(error)))
			fail_msg("%s", error);
		assert_int_equal(result.failed, 0);
		vector_free(&vector);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* What recordings do not have.                                                                 */

/* One call that must be answered so. */
static void answers(struct rig *rig, uint64_t status, uint32_t lp, struct tdx_regs regs)
{
	uint64_t rax = rig_call(rig, lp, &regs);

	note(rax);
	assert_int_equal(rax & TDX_STATUS_CODE_MASK, status);
}
#define ANSWERS(rig, status, lp, ...) answers(rig, status, lp, (struct tdx_regs){ __VA_ARGS__ })

/* A module before SYS.INIT. */
static void power_on(struct rig *rig)
{
	rig->memory = rig->bare.memory = memory_create();
	assert_non_null(rig->memory);
	assert_int_equal(seam_create(&rig->bare.os, &rig->config, &rig->seam, NULL), 0);
}

static void a_module_that_is_initialised_out_of_order_objects(void **state)
{
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig.config.cmr[1] = rig.config.cmr[0];
	power_on(&rig);
	ANSWERS(&rig, TDX_CMR_LIST_INVALID, 0, .rax = TDH_SYS_INIT);
	rig_stop(&rig);

	rig_init(&rig, true, 2);
	power_on(&rig);
	ANSWERS(&rig, TDX_SYS_LP_INIT_NOT_PENDING, 0, .rax = TDH_SYS_LP_INIT);
	ANSWERS(&rig, TDX_SYS_STATE_INCORRECT, 0, .rax = TDH_SYS_UPDATE);
	ANSWERS(&rig, TDX_SUCCESS, 0, .rax = TDH_SYS_INIT);
	ANSWERS(&rig, TDX_SYS_INIT_NOT_PENDING, 0, .rax = TDH_SYS_INIT);
	ANSWERS(&rig, TDX_SYS_LP_INIT_NOT_DONE, 0, .rax = TDH_SYS_RD);
	for (uint32_t lp = 0; lp < rig.config.nr_lps; lp++)
		ANSWERS(&rig, TDX_SUCCESS, lp, .rax = TDH_SYS_LP_INIT);
	ANSWERS(&rig, TDX_SYS_LP_INIT_DONE, 1, .rax = TDH_SYS_LP_INIT);
	/* No module was here before. */
	ANSWERS(&rig, TDX_SYS_INVALID_HANDOFF, 0, .rax = TDH_SYS_UPDATE);
	rig_stop(&rig);
}

#define FIELD(class, code) ((uint64_t)(class) << 56 | (code))

static void vcpus_and_their_fields_have_rules(void **state)
{
	uint64_t vp, next;
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	ANSWERS(&rig, TDX_METADATA_FIRST_FIELD_ID_IN_CONTEXT, 0, .rax = TDH_SYS_RD,
		.rdx = UINT64_MAX);
	rig_td_create(&rig, &td, RIG_MAX_VCPUS - 1);
	vp = td.tdvpr[0];
	ANSWERS(&rig, TDX_METADATA_FIELD_NOT_WRITABLE, 0, .rax = TDH_VP_WR, .rcx = vp,
		.rdx = FIELD(32, 0), .r9 = 1);
	/* HP_LOCK_TIMEOUT is written as a whole, within limits. */
	ANSWERS(&rig, TDX_METADATA_WR_MASK_NOT_VALID, 0, .rax = TDH_MNG_WR, .rcx = td.tdr,
		.rdx = FIELD(17, 17), .r8 = 1000000, .r9 = UINT32_MAX);
	ANSWERS(&rig, TDX_METADATA_FIELD_VALUE_NOT_VALID, 0, .rax = TDH_MNG_WR, .rcx = td.tdr,
		.rdx = FIELD(17, 17), .r8 = 1, .r9 = UINT64_MAX);
	ANSWERS(&rig, TDX_METADATA_FIELD_NOT_READABLE, 0, .rax = TDH_VP_RD, .rcx = vp,
		.rdx = FIELD(32, 0));
	ANSWERS(&rig, TDX_TD_NON_DEBUG, 0, .rax = TDH_MEM_RD, .rdx = td.tdr);
	/* VP.INIT has tied it to LP 0. */
	ANSWERS(&rig, TDX_VCPU_ASSOCIATED, 1, .rax = TDH_VP_RD, .rcx = vp, .rdx = FIELD(32, 0));

	for (int i = 0; i < 2; i++) {
		next = rig_page(&rig);
		RIG_OK(&rig, 0, .rax = TDH_VP_CREATE, .rcx = next, .rdx = td.tdr);
		for (uint32_t page = 1; page < TDX_MIN_TDVPS; page++)
			RIG_OK(&rig, 0, .rax = TDH_VP_ADDCX, .rcx = rig_page(&rig), .rdx = next);
		if (i) {
			ANSWERS(&rig, TDX_MAX_VCPUS_EXCEEDED, 0, .rax = TDH_VP_INIT, .rcx = next);
			break;
		}
		ANSWERS(&rig, TDX_X2APIC_ID_NOT_UNIQUE, 0, .rax = TDX_RAX(TDH_VP_INIT, 1),
			.rcx = next);
		ANSWERS(&rig, TDX_SUCCESS, 0, .rax = TDX_RAX(TDH_VP_INIT, 1), .rcx = next,
			.r8 = 77);
	}
	rig_stop(&rig);
}

static void a_module_shuts_down_and_another_takes_over(void **state)
{
	const uint64_t handoff = 1; /* version */
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig_start(&rig);
	rig_td_create(&rig, &td, 0);
	/* The host would rather not lose a TD that is being built. */
	ANSWERS(&rig, TDX_UPDATE_COMPATIBILITY_SENSITIVE, 0, .rax = TDH_SYS_SHUTDOWN,
		.rcx = handoff | 1 << 16);
	ANSWERS(&rig, TDX_SUCCESS, 0, .rax = TDH_SYS_SHUTDOWN, .rcx = handoff);
	ANSWERS(&rig, TDX_SYS_SHUTDOWN, 0, .rax = TDH_SYS_RD);
	rig_stop(&rig);
}

/* Asked for an interrupt, the module finds that another LP wants the S-EPT tree. */
struct rival {
	struct rig *rig;
	uint64_t tdr;
};

static bool come_in_between(void *ctx, uint32_t lp)
{
	struct rival *rival = ctx;

	(void)lp;
	if (rival->rig)
		ANSWERS(rival->rig, TDX_OPERAND_BUSY, 1, .rax = TDH_MEM_RANGE_BLOCK,
			.rdx = rival->tdr);
	return false;
}

static void a_long_leaf_gives_way(void **state)
{
	struct rival rival = { NULL, 0 };
	uint64_t region, shared;
	struct rig_td td;
	struct rig rig;

	(void)state;
	rig_init(&rig, true, 2);
	rig.config.interrupt_pending = come_in_between;
	rig.config.on_fatal = NULL;
	rig.config.ctx = &rival;
	rig_start(&rig);
	rig_td_create(&rig, &td, 0);
	for (uint32_t level = 3; level > 0; level--)
		rig_sept_add(&rig, &td, 0, level);
	region = rig_region(&rig);
	shared = rig_region(&rig);
	rig_add(&rig, shared);
	RIG_OK(&rig, 0, .rax = TDH_MEM_PAGE_AUG, .rcx = TDX_2M_SIZE | TDX_2M, .rdx = td.tdr,
	       .r8 = region);
	rival = (struct rival){ &rig, td.tdr };
	ANSWERS(&rig, TDX_INTERRUPTED_BUSY, 0, .rax = TDH_MEM_PAGE_DEMOTE,
		.rcx = TDX_2M_SIZE | TDX_2M, .rdx = td.tdr, .r8 = rig_page(&rig),
		.r12 = shared + 8 * TDX_PAGE_SIZE, .r13 = shared + 9 * TDX_PAGE_SIZE);
	rig_stop(&rig);
}

/* ------------------------------------------------------------------------------------------- */
/* The list.                                                                                    */

/*
 * Names in a table's first column, each in backticks, are listed once more in listed[]. Returns
 * whether the rows are well-formed: every name known, and a reason in the second column.
 */
static bool read_list(FILE *file, unsigned int listed[MAX_CODES], char *why, size_t why_size)
{
	char line[4096];

	memset(listed, 0, MAX_CODES * sizeof(*listed));
	while (fgets(line, sizeof(line), file)) {
		char *reason, *name, *end;

		if (strncmp(line, "| `", 3))
			continue;
		reason = strstr(line + 1, " | ");
		if (!reason || strlen(reason) < 20) {
			snprintf(why, why_size, "no reason: %.100s", line);
			return false;
		}
		*reason = '\0';
		for (name = line; (name = strchr(name, '`')); name = end + 1) {
			const struct abi_status *status;

			end = strchr(++name, '`');
			if (!end)
				break;
			*end = '\0';
			status = abi_status_by_name(name);
			if (!status) {
				snprintf(why, why_size, "no status is called %.100s", name);
				return false;
			}
			listed[place_of(status)]++;
		}
	}
	return true;
}

/* Every code of the module is seen or listed, not both, and listed once. The rest is the host's. */
static unsigned int objections(const unsigned int *seen_now, const unsigned int *listed, bool loud)
{
	const struct abi_status *s;
	unsigned int bad = 0;

	for (unsigned int i = 0; (s = abi_status_at(i)); i++) {
		const char *what = NULL;

		if (tdx_status_is_software((tdx_status_t){ s->value }))
			continue;
		if (!seen_now[i] && !listed[i])
			what = "neither returned by a call nor listed";
		else if (seen_now[i] && listed[i])
			what = "listed, and returned by a call";
		else if (listed[i] > 1)
			what = "listed twice";
		if (!what)
			continue;
		bad++;
		if (loud)
			print_error("%s: %s\n", s->name, what);
	}
	return bad;
}

static void every_status_is_returned_or_listed_with_the_reason(void **state)
{
	unsigned int listed[MAX_CODES], nr_seen = 0, nr_listed = 0;
	FILE *file = fopen(list_path, "r");
	const struct abi_status *s;
	char why[256];

	(void)state;
	assert_non_null(file);
	if (!read_list(file, listed, why, sizeof(why)))
		fail_msg("%s: %s", list_path, why);
	fclose(file);
	assert_int_equal(objections(seen, listed, true), 0);
	for (unsigned int i = 0; (s = abi_status_at(i)); i++) {
		assert_true(i < MAX_CODES);
		nr_seen += seen[i] && !tdx_status_is_software((tdx_status_t){ s->value });
		nr_listed += listed[i];
	}
	printf("figure: status codes: %u returned by calls, %u listed with the reason\n", nr_seen,
	       nr_listed);
}

static void the_test_objects_where_it_should(void **state)
{
	unsigned int listed[MAX_CODES], other[MAX_CODES];
	FILE *file = fopen(list_path, "r");
	char why[256], bad[] = "| `NO_SUCH_STATUS` | a reason that is long enough |\n",
		       bare[] = "| `SUCCESS` | |\n";
	const struct abi_status *s;

	(void)state;
	assert_non_null(file);
	assert_true(read_list(file, listed, why, sizeof(why)));
	fclose(file);
	for (unsigned int i = 0; (s = abi_status_at(i)); i++) {
		if (tdx_status_is_software((tdx_status_t){ s->value }))
			continue;
		/* Not returned any more, or returned though listed. */
		memcpy(other, seen, sizeof(other));
		other[i] = !seen[i];
		assert_int_equal(objections(other, listed, false), 1);
		/* Not listed any more, or listed though returned. */
		memcpy(other, listed, sizeof(other));
		other[i] = !listed[i];
		assert_int_equal(objections(seen, other, false), 1);
	}
	file = fmemopen(bad, strlen(bad), "r");
	assert_false(read_list(file, listed, why, sizeof(why)));
	fclose(file);
	file = fmemopen(bare, strlen(bare), "r");
	assert_false(read_list(file, listed, why, sizeof(why)));
	fclose(file);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(recordings_return_what_was_recorded),
		cmocka_unit_test(a_module_that_is_initialised_out_of_order_objects),
		cmocka_unit_test(vcpus_and_their_fields_have_rules),
		cmocka_unit_test(a_module_shuts_down_and_another_takes_over),
		cmocka_unit_test(a_long_leaf_gives_way),
		cmocka_unit_test(every_status_is_returned_or_listed_with_the_reason),
		cmocka_unit_test(the_test_objects_where_it_should),
	};

	if (argc < 3) {
		fprintf(stderr, "usage: %s LIST RECORDING...\n", argv[0]);
		return 2;
	}
	list_path = argv[1];
	recordings = argv + 2;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
