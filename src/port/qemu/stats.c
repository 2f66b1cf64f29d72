// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * stats.c - calls by leaf and status, pairs of Dynamic PAMT, and whose the pages are at the end.
 *
 * A counter belongs to one leaf and one status without its details. It is found by its key, which
 * is set once and never changes; the table has room for far more than the module can answer.
 */
#include <stdio.h>

#include "abi/abi.h"
#include "port/qemu/ram.h"
#include "port/qemu/stats.h"

#define NR_COUNTERS 4096u

static struct counter {
	os_a64_t key; /* status | leaf + 1; 0: free */
	os_a64_t calls;
} counters[NR_COUNTERS];
static os_a64_t given, taken, peak;
/* What TDH.SYS.CONFIG asked for: 1 with Dynamic PAMT, 0 without. */
static os_a64_t dynamic;

/* The lower 32 bits of a status are details, but for those of a VM exit. */
static uint64_t key_of(const struct tdx_regs *in, const struct tdx_regs *out)
{
	return (out->rax & UINT64_C(0xffffffff00000000)) | (TDX_RAX_LEAF(in->rax) + 1u);
}

static struct counter *counter_of(uint64_t key)
{
	uint32_t i = (uint32_t)((key >> 32) * 31 + key) % NR_COUNTERS;

	for (;; i = (i + 1) % NR_COUNTERS) {
		uint64_t found = os_load64(&counters[i].key, OS_RELAXED);

		/* Relaxed: a counter is a number, nothing is published with it. */
		if (!found && os_cas64(&counters[i].key, &found, key, OS_RELAXED))
			return &counters[i];
		if (found == key)
			return &counters[i];
	}
}

/*
 * Leaves with which a pair comes to the module or goes from it. Of DEMOTE and PROMOTE those of a 2M
 * page do so, and of a module with Dynamic PAMT.
 */
static const struct pair_leaf {
	uint32_t leaf;
	bool of_2m, takes;
} pair_leaves[] = {
	{ TDH_PHYMEM_PAMT_ADD, false, false },
	{ TDH_PHYMEM_PAMT_REMOVE, false, true },
	{ TDH_MEM_PAGE_DEMOTE, true, false },
	{ TDH_MEM_PAGE_PROMOTE, true, true },
};

static uint64_t pairs_now(void)
{
	/* Relaxed: numbers, nothing is published with them. What was taken was given before. */
	uint64_t back = os_load64(&taken, OS_RELAXED);

	return os_load64(&given, OS_RELAXED) - back;
}

static void note_pair(const struct pair_leaf *pair, const struct tdx_regs *in)
{
	uint64_t now, most;

	/* Bits 2:0 of RCX are the level. */
	if (pair->of_2m && ((in->rcx & 7) != TDX_2M || !os_load64(&dynamic, OS_RELAXED)))
		return;
	os_fetch_add64(pair->takes ? &taken : &given, 1, OS_RELAXED);
	now = pairs_now();
	most = os_load64(&peak, OS_RELAXED);
	while (!pair->takes && now > most && !os_cas64(&peak, &most, now, OS_RELAXED))
		;
}

void stats_note(const struct tdx_regs *in, const struct tdx_regs *out)
{
	os_fetch_add64(&counter_of(key_of(in, out))->calls, 1, OS_RELAXED);
	if (TDX_RAX_LEAF(in->rax) == TDH_SYS_CONFIG && !out->rax)
		os_store64(&dynamic, !!(in->r8 & TDX_SYS_CONFIG_DYNAMIC_PAMT), OS_RELAXED);
	for (size_t i = 0; i < sizeof(pair_leaves) / sizeof(pair_leaves[0]); i++)
		if (TDX_RAX_LEAF(in->rax) == pair_leaves[i].leaf && !(out->rax >> 32))
			note_pair(&pair_leaves[i], in);
}

static void print_call(const struct counter *counter)
{
	uint64_t key = counter->key.v;
	const struct abi_leaf *leaf = abi_leaf((uint32_t)key - 1, false);
	char status[ABI_TEXT];

	fprintf(stderr, "%10llu %s %s\n", (unsigned long long)counter->calls.v,
		leaf ? leaf->name : "no leaf",
		key >> 32 ? abi_status_text(TDX_MADE(tdx_status_t, key & ~UINT64_C(0xffffffff)),
					    status, sizeof(status))
			  : "SUCCESS");
}

/*
 * Every page of the machine is asked about: a second per 100 GB. A host that has gone may use the
 * PAMT's memory for something else, and then types are any.
 */
static void print_owners(const struct seam *seam)
{
	uint64_t pages[TDX_PT_PAMT + 1] = { 0 }, of_tds = 0;
	struct tdx_cmr cmr[2] = { 0 };
	struct seam_owner owner;

	memory_cmrs(cmr);
	for (unsigned int i = 0; i < 2; i++)
		for (uint64_t at = 0; at < cmr[i].size; at += TDX_PAGE_SIZE)
			if (seam_owns(seam, hpa(cmr[i].base + at), &owner) &&
			    owner.type <= TDX_PT_PAMT)
				pages[owner.type]++;
	for (unsigned int type = TDX_PT_REG; type < TDX_PT_PAMT; type++)
		of_tds += pages[type];
	fprintf(stderr, "pages: %llu guest, %llu S-EPT, %llu TD and vCPU control, %llu PAMT\n",
		(unsigned long long)pages[TDX_PT_REG], (unsigned long long)pages[TDX_PT_EPT],
		(unsigned long long)(of_tds - pages[TDX_PT_REG] - pages[TDX_PT_EPT]),
		(unsigned long long)pages[TDX_PT_PAMT]);
	if (!of_tds)
		fprintf(stderr, "left with zero TDs: %llu bytes\n",
			(unsigned long long)(pairs_now() * 2 * TDX_PAGE_SIZE));
}

void stats_print(const struct seam *seam)
{
	for (unsigned int i = 0; i < NR_COUNTERS; i++)
		if (counters[i].key.v)
			print_call(&counters[i]);
	fprintf(stderr, "Dynamic PAMT: %s\n", dynamic.v ? "yes" : "no");
	fprintf(stderr, "pairs: %llu given, %llu taken back, %llu at the peak\n",
		(unsigned long long)given.v, (unsigned long long)taken.v,
		(unsigned long long)peak.v);
	print_owners(seam);
}
