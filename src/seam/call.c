// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * call.c - locks held by a call in progress, what it asks of the platform, and its end when a
 * module-fatal rule is broken.
 */
#include "seam/call.h"
#include "seam/hpa.h"

bool call_is_busy(const struct call *call, const os_a64_t *word, enum lock_kind kind)
{
	const struct seam_watch *watch = call->seam->watch;

	/* Of a pair each is tried by itself then. */
	if (watch && watch->busy && kind != LOCK_PAIR_S && kind != LOCK_PAIR_X)
		watch->busy(watch->ctx, call->lp, word,
			    kind == LOCK_SECOND_S || kind == LOCK_SECOND_X);
	return false;
}

void call_has_read(const struct call *call, tdx_hpa_t at, const void *bytes, uint32_t nr)
{
	const struct seam_watch *watch = call->seam->watch;

	if (watch && watch->read)
		watch->read(watch->ctx, hpa_strip(call->seam, at), bytes, nr);
}

bool call_lock_promote(struct call *call, os_a64_t *word)
{
	struct call_lock *held;

	if (call->faults && fault_happens(call->faults, SEAM_FAULT_BUSY))
		return call_is_busy(call, word, LOCK_SHAREX_HP_X);
	if (!sharex_hp_promote(word))
		return call_is_busy(call, word, LOCK_SHAREX_HP_X);
	held = held_find(call, word);
	held->kind = LOCK_SHAREX_HP_X;
	held->add = 0;
	return true;
}

static bool is_faulty(struct call *call, enum seam_fault fault)
{
	return call->faults && fault_happens(call->faults, fault);
}

bool call_random(struct call *call)
{
	return call->inject != SEAM_INJECT_RNG_FAIL && !is_faulty(call, SEAM_FAULT_ENTROPY);
}

bool call_interrupted(struct call *call)
{
	const struct seam_config *config = &call->seam->config;

	if (call->inject == SEAM_INJECT_INTERRUPT || is_faulty(call, SEAM_FAULT_INTERRUPT))
		return true;
	return config->interrupt_pending && config->interrupt_pending(config->ctx, call->lp);
}

tdx_status_t call_pconfig(struct call *call)
{
	if (call->inject == SEAM_INJECT_PCONFIG_BUSY)
		return status_operand(TDX_OPERAND_BUSY, TDX_OP_KET);
	if (call->inject == SEAM_INJECT_PCONFIG_ENTROPY || is_faulty(call, SEAM_FAULT_KEY))
		return tdx_status(TDX_KEY_GENERATION_FAILED, 0);
	return CALL_OK;
}

/*
 * The reference module gives its checks numbers; 343 is the one that hosts have met. Those above
 * 1000 are this module's own: there the same is not checked, or its number is not known.
 */
static const struct {
	uint32_t id;
	const char *rule;
} rules[] = {
	[FATAL_REMOVE_COUNT] = { 343, "PAMT.REMOVE: all pages of the region free, count not 0" },
	[FATAL_COUNT_BELOW] = { 170, "page count of a region below 0" },
	[FATAL_COUNT_ABOVE] = { 351, "page count of a region above 512" },
	[FATAL_IMPLICIT] = { 1002, "a page that a TD uses has no metadata that says so" },
	[FATAL_PROMOTE] = { 1003, "pages to be merged are not all of one type and owner" },
	[FATAL_WRITE] = { 1004, "results written into a page of the module or of a TD" },
	[FATAL_ADDRESS] = { 1005, "module memory names a page that the module cannot have" },
	[FATAL_CONTROL] = { 1006, "a TDR, TDCS or TDVPR says what the module never wrote" },
};

tdx_status_t call_fatal(struct call *call, enum fatal_rule rule, tdx_hpa_t at)
{
	struct seam *seam = call->seam;
	uint32_t none = 0;

	if (call->look)
		return tdx_status(TDX_SYS_SHUTDOWN, 0);

	/* Acquire-release: one caller wins and is alone in writing seam->fatal. */
	if (os_cas32(&seam->fatal_state, &none, 1, OS_ACQ_REL)) {
		seam->fatal = (struct seam_fatal){
			.id = rules[rule].id,
			.rule = rules[rule].rule,
			.leaf = call->leaf,
			.lp = call->lp,
			.at = at,
		};
		/* Release: pairs with the acquire in seam_is_fatal(). */
		os_store32(&seam->fatal_state, 2, OS_RELEASE);
		if (seam->config.on_fatal)
			seam->config.on_fatal(seam->config.ctx, &seam->fatal);
	}
	return tdx_status(TDX_SYS_SHUTDOWN, 0);
}
