// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * diagnose_recording.c - what a recording says of TDX's way up.
 *
 * Of a call that failed the host may know what to do: a lock that was taken, work that goes on
 * after an interrupt. So evidence is what the module marks as not to be recovered from. Of the
 * stages a recording shows those that calls belong to.
 */
#include <stdio.h>
#include <string.h>

#include "cli/diagnose.h"
#include "cli/failed_calls.h"

/* Leaves whose success shows that a stage came up. */
static const struct {
	uint32_t leaf;
	enum stage stage;
	const char *cause;
} signs[] = {
	{ TDH_SYS_INIT, STAGE_MODULE, "SYS.INIT succeeded" },
	{ TDH_SYS_CONFIG, STAGE_TDMRS, "the module took the TDMRs" },
	{ TDH_SYS_TDMR_INIT, STAGE_PAMT, "TDMRs are being initialised" },
	{ TDH_PHYMEM_PAMT_ADD, STAGE_DYNAMIC, "pairs are added" },
	{ TDH_MNG_CREATE, STAGE_KVM, "TDs are created" },
	{ TDH_VP_ENTER, STAGE_TD, "vCPUs run" },
};

static void take_sign(struct diagnosis *d, const struct vector_item *item)
{
	const uint32_t leaf = TDX_RAX_LEAF(item->call.in.rax);

	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++)
		if (signs[i].leaf == leaf && !d->good[signs[i].stage].line)
			diagnosis_good(d, signs[i].stage, signs[i].cause, item->text, item->line);
}

static void take_item(struct diagnosis *d, const struct vector_item *item)
{
	d->lines = item->line;
	if (item->kind == VECTOR_CONFIGURED)
		diagnosis_good(d, STAGE_PAMT, "the module was initialised before the recording",
			       item->text, item->line);
	else if (item->kind == VECTOR_CALL && call_has_status(&item->call) &&
		 !(item->call.after.rax >> 62))
		take_sign(d, item);
}

static void take_failure(struct diagnosis *d, const struct failed_call *call)
{
	struct finding status = { .kind = FOUND_STATUS,
				  .value = call->status,
				  .leaf = abi_leaf(call->leaf, false) };
	char text[192];

	if (!(call->status & TDX_STATUS_NON_RECOVERABLE))
		return;
	/* A leaf that is not known is a call all the same. */
	failed_call_text(call, text, sizeof(text));
	diagnosis_status(d, &status, text, call->first->line);
}

int diagnose_recording(const struct vector *vector, struct diagnosis *d)
{
	struct failed_calls failed;
	int code = failed_calls_find(vector, &failed);

	memset(d, 0, sizeof(*d));
	snprintf(d->map_error, sizeof(d->map_error), "a recording has no memory map");
	for (size_t i = 0; i < vector->nr_items; i++)
		take_item(d, &vector->items[i]);
	for (size_t i = 0; !code && i < failed.nr; i++)
		take_failure(d, &failed.list[i]);
	failed_calls_free(&failed);
	return code;
}
