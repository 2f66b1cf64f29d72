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

bool call_has_status(const struct vector_call *call) { return !(call->any & 1) && !call->fatal; }

/* Bit 63 is an error, bit 62 what the vCPU, the TD or the module does not recover from. */
static bool is_failure(const struct vector_call *call)
{
	return call_has_status(call) && call->after.rax >> 62;
}

static int by_place(const void *a, const void *b)
{
	const struct failed_call *x = a, *y = b;

	return x->first->line < y->first->line ? -1 : x->first->line > y->first->line;
}

static int by_kind(const void *a, const void *b)
{
	const struct failed_call *x = a, *y = b;

	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	if (x->status != y->status)
		return x->status < y->status ? -1 : 1;
	return by_place(a, b);
}

/* Of those of a kind, which stand together, the first one stays. */
static void merge(struct failed_calls *failed)
{
	size_t kinds = 0;

	for (size_t i = 0; i < failed->nr; i++) {
		struct failed_call *last = kinds ? &failed->list[kinds - 1] : NULL;

		if (last && last->leaf == failed->list[i].leaf &&
		    last->status == failed->list[i].status)
			last->calls++;
		else
			failed->list[kinds++] = failed->list[i];
	}
	failed->nr = kinds;
}

int failed_calls_find(const struct vector *vector, struct failed_calls *failed)
{
	*failed = (struct failed_calls){ 0 };
	failed->list = calloc(vector->nr_items, sizeof(*failed->list));
	if (!failed->list)
		return -1;
	for (size_t i = 0; i < vector->nr_items; i++) {
		const struct vector_item *item = &vector->items[i];

		if (item->kind != VECTOR_CALL)
			continue;
		failed->calls++;
		if (is_failure(&item->call))
			failed->list[failed->nr++] = (struct failed_call){
				.leaf = TDX_RAX_LEAF(item->call.in.rax),
				.status = item->call.after.rax,
				.calls = 1,
				.first = item,
			};
	}
	failed->failed = failed->nr;
	qsort(failed->list, failed->nr, sizeof(*failed->list), by_kind);
	merge(failed);
	qsort(failed->list, failed->nr, sizeof(*failed->list), by_place);
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
