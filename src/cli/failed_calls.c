// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * failed_calls.c - what failed in a recording.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/abi.h"
#include "cli/failed_calls.h"

/* Bit 63 is an error, bit 62 what the vCPU, the TD or the module does not recover from. */
static bool is_failure(const struct vector_call *call)
{
	return !(call->any & 1) && !call->fatal && call->after.rax >> 62;
}

static struct failed_call *kind_of(struct failed_calls *failed, uint32_t leaf, uint64_t status)
{
	struct failed_call *more;

	for (size_t i = 0; i < failed->nr; i++)
		if (failed->list[i].leaf == leaf && failed->list[i].status == status)
			return &failed->list[i];
	if (failed->nr == failed->room) {
		failed->room = failed->room ? 2 * failed->room : 16;
		more = realloc(failed->list, failed->room * sizeof(*more));
		if (!more)
			return NULL;
		failed->list = more;
	}
	failed->list[failed->nr] = (struct failed_call){ .leaf = leaf, .status = status };
	return &failed->list[failed->nr++];
}

int failed_calls_find(const struct vector *vector, struct failed_calls *failed)
{
	*failed = (struct failed_calls){ 0 };
	for (size_t i = 0; i < vector->nr_items; i++) {
		const struct vector_item *item = &vector->items[i];
		struct failed_call *kind;

		if (item->kind != VECTOR_CALL)
			continue;
		failed->calls++;
		if (!is_failure(&item->call))
			continue;
		kind = kind_of(failed, TDX_RAX_LEAF(item->call.in.rax), item->call.after.rax);
		if (!kind)
			return -1;
		if (!kind->calls++)
			kind->first = item;
		failed->failed++;
	}
	return 0;
}

void failed_calls_free(struct failed_calls *failed) { free(failed->list); }

void failed_call_text(const struct failed_call *call, char *text, size_t size)
{
	const struct abi_leaf *known = abi_leaf(call->leaf, false);
	char leaf[64], of[64] = "";

	if (known)
		snprintf(leaf, sizeof(leaf), "%s", known->name);
	else
		snprintf(leaf, sizeof(leaf), "SEAMCALL (%u)", call->leaf);
	if (call->calls > 1)
		snprintf(of, sizeof(of), ", first of %" PRIu64 " calls", call->calls);
	snprintf(text, size, "%s failed: 0x%" PRIx64 " on LP %u%s", leaf, call->status,
		 call->first->call.lp, of);
}
