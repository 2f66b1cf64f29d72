// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ours.c - libpamt as a design, and its invariants as checks from outside: what src/host/region.h
 * promises, looked at between any two steps, whatever the library itself believes.
 */
#include <stdio.h>

#include "host/pool.h"
#include "host/region.h"
#include "lab/designs/design.h"
#include "port/stage/stage.h"

#define NOBODY UINT32_MAX

struct ours {
	struct design_state of;
	struct pamt_host *host;
	uint32_t holder[8]; /* of LOCKED, by region of the run: an actor */
};

static uint64_t unbalanced(struct pamt_host *host)
{
	struct pamt_stats stats;

	pamt_stats(host, &stats);
	return stats.unbalanced_puts;
}

static int begin(void *state)
{
	struct ours *o = state;

	o->host = o->of.env->host;
	for (uint32_t i = 0; i < sizeof(o->holder) / sizeof(o->holder[0]); i++)
		o->holder[i] = NOBODY;
	pamt_set_idle_limit(o->host, o->of.env->idle_limit);
	return 0;
}

static void end(void *state) { pamt_host_destroy(((struct ours *)state)->host); }

static void shrink(void *state, uint64_t nr) { pamt_shrink(((struct ours *)state)->host, nr); }

/* As pamt_verify() does it for each region, for those of the run: of the others nothing moves. */
static int64_t verify(void *state)
{
	struct ours *o = state;
	int64_t findings = 0;

	for (uint32_t i = 0; i < o->of.env->nr_regions; i++) {
		region_t region = o->of.env->region[i];
		struct pamt_finding found;

		findings += region_verify(o->host, region, region_word(o->host, region), &found) !=
			    NULL;
	}
	return findings;
}

/* ------------------------------------------------------------------------------------------- */
/* Invariants                                                                                   */

/* What the module must have for a region in this state. NULL: it has. */
static const char *judge(enum region_state state, const struct lab_entry *entry)
{
	switch (state) {
	case REGION_STATE_USED:
		return entry->kind == LAB_NODE ? NULL : "a region is USED and has no pair";
	case REGION_STATE_IDLE:
		return entry->kind == LAB_NODE ? NULL : "a region is IDLE and has no pair";
	case REGION_STATE_LEAKED:
		return entry->kind == LAB_NODE ? NULL : "a region is LEAKED and has no pair";
	case REGION_STATE_FREE:
		return entry->kind == LAB_FREE ? NULL : "a region is FREE and the module uses it";
	case REGION_STATE_LARGE:
		/* Free is right too: removed, and not yet written back. */
		return entry->kind == LAB_NODE ? "a region is LARGE and has a pair" : NULL;
	case REGION_STATE_LOCKED:
		return NULL;
	default:
		return "a region's word is in no legal state";
	}
}

/* Who holds LOCKED: whoever took the step after which it was first seen. */
static const char *follow_holder(struct ours *o, uint32_t region, bool locked)
{
	const struct stage_actor *now = stage_now();
	uint32_t id = now ? now->id : NOBODY;

	if (!locked) {
		o->holder[region] = NOBODY;
		return NULL;
	}
	if (o->holder[region] != NOBODY)
		return NULL;
	o->holder[region] = id;
	if (now && !now->irq_off)
		return "interrupts are on while a word is LOCKED";
	for (uint32_t i = 0; i < o->of.env->nr_regions; i++)
		if (i != region && o->holder[i] == id)
			return "somebody holds two words LOCKED";
	return NULL;
}

/* The lists of chunks with pages, as pool.h has them, at a moment when nobody changes them. */
static const char *judge_pool(const struct pool *pool)
{
	uint64_t free = 0;

	if (!stage_lock_is_free(&pool->lock, STAGE_SPIN))
		return NULL;
	for (uint32_t class = 0; class < NR_CLASSES; class ++)
		for (const struct chunk *c = pool->all.class[class]; c; c = c->next) {
			free += c->free;
			if (c->state != CHUNK_LIVE)
				return "a chunk that is not LIVE is in a list of the pool";
			if (!c->owned)
				return "a chunk without a page of its own is in a list of the pool";
			if (chunk_empty(c) ? class != CLASS_EMPTY
					   : !c->free != (class == CLASS_FULL))
				return "a chunk is in the wrong list of the pool";
		}
	return free == pool->all.free ? NULL : "free pages of the pool are not those of its chunks";
}

static const char *check(void *state)
{
	struct ours *o = state;
	const struct lab_module *module = o->of.env->module;
	const char *wrong = judge_pool(&o->host->pool[0]);

	if (wrong)
		return wrong;

	for (uint32_t i = 0; i < o->of.env->nr_regions; i++) {
		uint16_t word = region_word(o->host, o->of.env->region[i])->v;
		enum region_state now = region_state(word);
		struct lab_entry entry;
		const char *broken;

		module->entry(module->box.ctx, o->of.env->region[i], &entry);
		broken = judge(now, &entry);
		if (!broken)
			broken = follow_holder(o, i, now == REGION_STATE_LOCKED);
		if (broken)
			return broken;
	}
	return NULL;
}

/* The region whose 2M entry a call takes exclusively; false: none, or not known from registers. */
static bool exclusive_target(const struct tdx_regs *regs, region_t *region)
{
	switch (TDX_RAX_LEAF(regs->rax)) {
	case TDH_PHYMEM_PAMT_ADD:
	case TDH_PHYMEM_PAMT_REMOVE:
		*region = hpa_to_region(hpa(regs->rcx));
		return true;
	case TDH_MEM_PAGE_AUG:
		*region = hpa_to_region(hpa(regs->r8));
		return (regs->rcx & 7) == TDX_2M;
	default:
		return false;
	}
}

static const char *check_call(void *state, const struct tdx_regs *regs)
{
	struct ours *o = state;
	region_t target;

	if (!stage_now() || !exclusive_target(regs, &target))
		return NULL;
	for (uint32_t i = 0; i < o->of.env->nr_regions; i++)
		if (o->of.env->region[i].v == target.v && o->holder[i] != stage_now()->id)
			return "a 2M entry is taken exclusively by somebody who has not LOCKED it";
	return NULL;
}

static const char *check_end(void *state)
{
	struct ours *o = state;
	bool leaked = false, in_use = false;

	for (uint32_t i = 0; i < o->of.env->nr_regions; i++) {
		enum region_state is = region_state(region_word(o->host, o->of.env->region[i])->v);

		if (is == REGION_STATE_LOCKED)
			return "a word is left LOCKED";
		leaked |= is == REGION_STATE_LEAKED;
		in_use |= is != REGION_STATE_FREE;
	}
	/*
	 * A stray put may be one too early: then its region leaks, and with it the pair and the
	 * region that the pair is from.
	 */
	if (in_use && !o->of.env->may_lose && !(leaked && o->of.env->strays))
		return "a region is still in use";
	/* A stray put of a region in use takes somebody else's place and is not noticed as such. */
	if (unbalanced(o->host) > o->of.env->strays)
		return "puts, or pages given back, were counted as unbalanced that were not";
	return NULL;
}

static bool name_of(void *state, const void *addr, char text[64])
{
	struct ours *o = state;

	for (uint32_t i = 0; i < o->of.env->nr_regions; i++)
		if (addr == region_word(o->host, o->of.env->region[i])) {
			snprintf(text, 64, "the word of region %c", 'A' + i);
			return true;
		}
	if (addr != &o->host->pool[0].lock)
		return false;
	snprintf(text, 64, "the pool's lock");
	return true;
}

const struct design design_ours = {
	.name = "ours",
	.summary =
		"libpamt: a word per region, LOCKED for one SEAMCALL, pairs out of pinned chunks",
	.state_bytes = sizeof(struct ours),
	.begin = begin,
	.end = end,
	.backing = &vmm_libpamt,
	.shrink = shrink,
	.verify = verify,
	.check = check,
	.check_end = check_end,
	.check_call = check_call,
	.name_of = name_of,
};
