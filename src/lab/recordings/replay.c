// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * replay.c - executes the items of a recording, one function per kind, and compares.
 */
#include <inttypes.h>
#include <stdarg.h>

#include "lab/recordings/replay.h"
#include "machine/bare.h"
#include "port/threads/issue.h"

struct replay {
	const struct vector *vector;
	const struct vector_machine *machine; /* that runs now */
	struct memory *memory;
	struct seam *seam;
	struct bare bare;
	const struct vector_guest *guest; /* for the next VP.ENTER; NULL: none */
	/* Of the item that is being executed. */
	struct replay_difference difference;
	struct replay_outcome outcome;
};

/* ------------------------------------------------------------------------------------------- */
/* The machine.                                                                                 */

static void end_machine(struct replay *r)
{
	seam_destroy(r->seam);
	memory_destroy(r->memory);
	r->seam = NULL;
	r->memory = NULL;
}

static bool sys_call(struct replay *r, enum tdx_leaf leaf, uint32_t lp, char *error,
		     size_t error_size)
{
	struct tdx_regs regs = { .rax = TDX_RAX(leaf, 0) };
	tdx_status_t status = threads_issue(r->seam, lp, &regs);

	if (status.v == TDX_SUCCESS)
		return true;
	snprintf(error, error_size, "%s on LP %u answers 0x%016" PRIx64 "; it must succeed",
		 leaf == TDH_SYS_INIT ? "SYS.INIT" : "SYS.LP.INIT", lp, status.v);
	return false;
}

/* What a vCPU does is what the line before its VP.ENTER says. */
static enum seam_exit play_guest(void *ctx, struct seam_vcpu *vcpu)
{
	struct replay *r = ctx;
	const struct vector_guest *guest = r->guest;

	r->guest = NULL;
	if (!guest)
		return SEAM_EXIT_INTERRUPT;
	if (guest->how == SEAM_EXIT_EPT)
		return seam_debug_violation(vcpu, guest->regs.rcx, guest->regs.rdx,
					    gpa(guest->regs.r8), guest->progress);
	if (guest->how == SEAM_EXIT_VMCALL)
		return seam_guest_vmcall(vcpu, &guest->regs);
	return guest->how;
}

/* Memory and module as recordings find them at the start; false: why is filled. */
static bool start_machine(struct replay *r, char *why, size_t why_size)
{
	struct seam_config config = r->machine->config;
	const char *fault;

	r->memory = memory_create();
	if (!r->memory) {
		snprintf(why, why_size, "no memory for the machine");
		return false;
	}
	bare_init(&r->bare, r->memory, config.nr_lps, config.max_pa, config.hkid_bits);
	config.guest = play_guest;
	config.guest_ctx = r;
	if (seam_create(&r->bare.os, &config, &r->seam, &fault)) {
		r->seam = NULL;
		snprintf(why, why_size, "no such machine: %s", fault);
		return false;
	}
	if (!r->machine->init)
		return true;
	if (!sys_call(r, TDH_SYS_INIT, 0, why, why_size))
		return false;
	for (uint32_t lp = 0; lp < config.nr_lps; lp++)
		if (!sys_call(r, TDH_SYS_LP_INIT, lp, why, why_size))
			return false;
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* Comparing.                                                                                   */

__attribute__((format(printf, 3, 4))) static void outcome(struct replay *r, const char *expected,
							  const char *got, ...)
{
	struct replay_difference *d = &r->difference;
	va_list args;

	snprintf(d->expected, sizeof(d->expected), "%s", expected);
	va_start(args, got);
	vsnprintf(d->got, sizeof(d->got), got, args);
	va_end(args);
}

/* Notes a pair of values if they differ; returns whether they are equal. */
static bool same(struct replay *r, const char *name, uint64_t expected, uint64_t got)
{
	struct replay_difference *d = &r->difference;

	if (expected == got)
		return true;
	d->value[d->nr_values++] = (struct replay_value){ name, expected, got, false };
	return false;
}

/* RAX is noted in any case: the other registers mean little without it. */
static bool same_status(struct replay *r, uint64_t expected, uint64_t got)
{
	struct replay_difference *d = &r->difference;

	d->value[d->nr_values++] = (struct replay_value){ "rax", expected, got, true };
	return expected == got;
}

/* A set-up line worked if error is 0. */
static bool done(struct replay *r, int error)
{
	if (!error)
		return true;
	outcome(r, "it can be done", "%s",
		error == -OS_EBUSY    ? "somebody holds that lock"
		: error == -OS_EINVAL ? "there is no such thing, or the id is in use"
				      : "no memory");
	return false;
}

/* ------------------------------------------------------------------------------------------- */
/* One function per kind of line; true: as recorded.                                            */

static bool step_poke64(struct replay *r, const struct vector_item *item)
{
	const struct vector_list *list = &item->list;

	/* Byte by byte: an address that is no multiple of 8 may reach into the next page. */
	for (unsigned int i = 0; i < 8 * list->nr; i++) {
		uint8_t *byte = r->bare.os.map_host(&r->bare, hpa(list->at.v + i), OS_WRITE);

		*byte = (uint8_t)(list->value[i / 8] >> 8 * (i % 8));
	}
	return true;
}

/* Did the call end as it should: with a return, or with a fatal error of this number? */
static bool same_end(struct replay *r, const struct vector_call *call)
{
	struct seam_fatal fatal;
	bool is_fatal = r->outcome.fatal && seam_is_fatal(r->seam, &fatal);
	char expected[32] = "returns";

	if (call->any == VECTOR_ANY_REGS)
		return true;
	if (call->fatal)
		snprintf(expected, sizeof(expected), "fatal %u", call->fatal_id);
	if (is_fatal && (!call->fatal || fatal.id != call->fatal_id)) {
		outcome(r, expected, "fatal %u: %s", fatal.id, fatal.rule);
		return false;
	}
	if (!is_fatal && call->fatal) {
		outcome(r, expected, "returns");
		return false;
	}
	return true;
}

static bool step_call(struct replay *r, const struct vector_item *item)
{
	const struct vector_call *call = &item->call;
	struct tdx_regs after = call->after, *regs = &r->outcome.regs;
	bool was_fatal = seam_is_fatal(r->seam, NULL), good;

	*regs = call->in;
	threads_issue(r->seam, call->lp, regs);
	r->guest = NULL; /* was for this call only */
	r->outcome.fatal = !was_fatal && seam_is_fatal(r->seam, NULL);
	good = same_end(r, call);
	if (call->fatal) /* the machine stops: nobody sees registers */
		return good;
	if (!(call->any & 1) && !same_status(r, after.rax, regs->rax))
		good = false;
	for (unsigned int i = 1; i < VECTOR_REGS; i++)
		if (!(call->any & 1u << i) &&
		    !same(r, call_line_reg_name[i], *call_line_reg(&after, i),
			  *call_line_reg(regs, i)))
			good = false;
	return good;
}

/*
 * N successful calls of SYS.TDMR.INIT, RDX never less than before and a multiple of 1 GB; the
 * next call finds nothing left to do.
 */
static bool step_init_tdmr(struct replay *r, const struct vector_item *item)
{
	uint64_t before = 0;

	for (uint64_t i = 0; i <= item->word.value; i++) {
		struct tdx_regs regs = { .rax = TDH_SYS_TDMR_INIT, .rcx = item->word.at.v };
		uint64_t expected =
			i < item->word.value ? TDX_SUCCESS : TDX_TDMR_ALREADY_INITIALIZED;

		threads_issue(r->seam, 0, &regs);
		if (!same_status(r, expected, regs.rax)) {
			outcome(r, "each call succeeds, one more has nothing to do",
				"call %" PRIu64 " of %" PRIu64, i + 1, item->word.value);
			return false;
		}
		r->difference.nr_values = 0;
		if (expected == TDX_SUCCESS && (regs.rdx < before || regs.rdx % TDX_1G_SIZE)) {
			outcome(r, "RDX is a multiple of 1 GB and never falls",
				"0x%" PRIx64 " after 0x%" PRIx64, regs.rdx, before);
			return false;
		}
		before = regs.rdx;
	}
	return true;
}

static bool step_force_td(struct replay *r, const struct vector_item *item)
{
	const struct vector_force_td *f = &item->force_td;

	return done(r, seam_debug_force_td(r->seam, f->tdr, f->state, f->pwl, f->gpaw));
}

static const char *const accept_name[] = {
	[SEAM_ACCEPT_STATUS] = "returns",
	[SEAM_ACCEPT_TDEXIT] = "tdexit",
	[SEAM_ACCEPT_INTERRUPTED] = "interrupted",
};

static bool step_accept(struct replay *r, const struct vector_item *item)
{
	const struct vector_accept *a = &item->accept;
	enum seam_debug_accept how = seam_debug_accept(r->seam, a->tdr, a->rcx, &r->outcome.status);

	r->outcome.how = how;
	if (a->any)
		return true;
	if (how != a->how) {
		outcome(r, accept_name[a->how], "%s", accept_name[how]);
		return false;
	}
	return how != SEAM_ACCEPT_STATUS || same_status(r, a->rax, r->outcome.status.v);
}

static bool step_enter(struct replay *r, const struct vector_item *item)
{
	return done(r, seam_debug_enter(r->seam, hpa(item->lock.arg), item->lock.id));
}

static bool step_exit(struct replay *r, const struct vector_item *item)
{
	return done(r, seam_debug_exit(r->seam, item->lock.id));
}

static bool step_hold(struct replay *r, const struct vector_item *item)
{
	const struct vector_lock *l = &item->lock;

	return done(r, seam_debug_hold(r->seam, hpa(l->arg), l->level, l->exclusive, l->id));
}

static bool step_lock(struct replay *r, const struct vector_item *item)
{
	const struct vector_lock *l = &item->lock;

	return done(r, seam_debug_lock(r->seam, (struct seam_debug_name){ l->what, l->arg, l->map },
				       l->exclusive, l->id));
}

static bool step_release(struct replay *r, const struct vector_item *item)
{
	return done(r, seam_debug_release(r->seam, item->lock.id));
}

static bool step_inject(struct replay *r, const struct vector_item *item)
{
	seam_debug_inject(r->seam, item->inject);
	return true;
}

static bool step_vcpus(struct replay *r, const struct vector_item *item)
{
	return done(r, seam_debug_num_vcpus(r->seam, item->word.at, (uint32_t)item->word.value));
}

static bool step_assoc(struct replay *r, const struct vector_item *item)
{
	return done(r, seam_debug_assoc_vcpus(r->seam, item->word.at, (uint32_t)item->word.value));
}

static bool step_vcpu_state(struct replay *r, const struct vector_item *item)
{
	return done(r, seam_debug_vcpu_state(r->seam, item->word.at, (uint32_t)item->word.value));
}

static bool step_td_fatal(struct replay *r, const struct vector_item *item)
{
	return done(r, seam_debug_td_fatal(r->seam, item->word.at, item->word.value));
}

static bool step_half_freed(struct replay *r, const struct vector_item *item)
{
	return done(r, seam_debug_half_freed(r->seam, item->word.at));
}

static bool step_pamt(struct replay *r, const struct vector_item *item)
{
	const struct vector_pamt *p = &item->pamt;
	struct seam_debug_entry entry = { 0 };
	bool good;

	seam_debug_pamt(r->seam, p->pa, p->level, &entry);
	if (!entry.present) {
		outcome(r, "the entry exists", "no metadata describe that address at that level");
		return false;
	}
	good = same(r, "type", p->type, entry.type);
	/* What a field means depends on the type: others are not comparable when it differs. */
	if (!good)
		return false;
	if (p->has_owner)
		good &= same(r, "owner", p->owner.v, entry.owner.v);
	if (p->has_count)
		good &= same(r, "count", p->count, entry.count);
	if (p->has_pair) {
		good &= same(r, "pair[0]", p->pair[0].v, entry.pair[0].v);
		good &= same(r, "pair[1]", p->pair[1].v, entry.pair[1].v);
	}
	return good;
}

static bool step_bitmap(struct replay *r, const struct vector_item *item)
{
	int bit = seam_debug_bitmap(r->seam, item->word.at);

	return bit < 0 ? done(r, bit) : same(r, "bit", item->word.value, (uint64_t)bit);
}

static bool step_chldcnt(struct replay *r, const struct vector_item *item)
{
	uint64_t n = 0;

	return done(r, seam_debug_chldcnt(r->seam, item->word.at, &n)) &&
	       same(r, "chldcnt", item->word.value, n);
}

static bool step_peek64(struct replay *r, const struct vector_item *item)
{
	const struct vector_list *list = &item->list;

	for (unsigned int i = 0; i < list->nr; i++) {
		const uint64_t at = list->at.v + i * sizeof(uint64_t);
		uint64_t value = 0;

		for (unsigned int b = 0; b < sizeof(value); b++)
			value |= (uint64_t) * (const uint8_t *)r->bare.os.map_host(
						      &r->bare, hpa(at + b), OS_READ)
				 << 8 * b;
		if (list->any >> i & 1 || value == list->value[i])
			continue;
		outcome(r, "as recorded", "differs at 0x%" PRIx64, at);
		return same(r, "word", list->value[i], value);
	}
	return true;
}

static bool step_lp_init(struct replay *r, const struct vector_item *item)
{
	const uint32_t lp = item->word.at.v > UINT32_MAX ? UINT32_MAX : (uint32_t)item->word.at.v;

	return done(r, seam_debug_lp_init(r->seam, lp, item->word.value));
}

static bool step_epf(struct replay *r, const struct vector_item *item)
{
	const struct vector_list *list = &item->list;
	tdx_gpa_t at[sizeof(list->value) / sizeof(list->value[0])];

	for (unsigned int i = 0; i < list->nr; i++)
		at[i] = gpa(list->value[i]);
	return done(r, seam_debug_epf(r->seam, list->at, at, list->nr));
}

/* One more call of a module that is being configured. */
static bool configures(struct replay *r, enum tdx_leaf leaf, uint32_t lp, uint64_t rcx,
		       struct tdx_regs *regs)
{
	uint64_t status;

	regs->rax = TDX_RAX(leaf, 0);
	regs->rcx = rcx;
	status = threads_issue(r->seam, lp, regs).v;
	if (status == TDX_SUCCESS)
		return true;
	outcome(r, "the module is configured", "leaf %u answers 0x%" PRIx64, leaf, status);
	return false;
}

static uint64_t *word_of(struct replay *r, uint64_t at)
{
	return r->bare.os.map_host(&r->bare, hpa(at), OS_WRITE);
}

/* Where the list of addresses lies that SYS.CONFIG wants does not matter: behind the structures. */
static bool step_configured(struct replay *r, const struct vector_item *item)
{
	const struct vector_configured *c = &item->configured;
	const uint64_t list =
		(c->at.v + c->count * c->stride + TDX_PAGE_SIZE - 1) & ~(TDX_PAGE_SIZE - 1);
	struct tdx_regs regs = { .rdx = c->count, .r8 = c->hkid };

	for (uint32_t i = 0; i < c->count; i++)
		*word_of(r, list + i * sizeof(uint64_t)) = c->at.v + i * c->stride;
	if (!configures(r, TDH_SYS_CONFIG, 0, list, &regs))
		return false;
	for (uint32_t package = 0; package < r->machine->config.nr_packages; package++)
		if (!configures(r, TDH_SYS_KEY_CONFIG, package, 0, &regs))
			return false;
	for (uint32_t i = 0; i < c->count; i++) {
		const uint64_t base = *word_of(r, c->at.v + i * c->stride);
		const uint64_t size = *word_of(r, c->at.v + i * c->stride + sizeof(uint64_t));

		do
			if (!configures(r, TDH_SYS_TDMR_INIT, 0, base, &regs))
				return false;
		while (regs.rdx < base + size);
	}
	return true;
}

static bool step_guest(struct replay *r, const struct vector_item *item)
{
	r->guest = item->guest;
	return true;
}

/* machine lines have no step: they can fail in a way that ends the replay. */
static const struct {
	bool (*step)(struct replay *r, const struct vector_item *item);
	bool counted; /* a call or a check, as opposed to set-up */
} steps[VECTOR_KINDS] = {
	[VECTOR_POKE64] = { step_poke64, false },
	[VECTOR_CALL] = { step_call, true },
	[VECTOR_INIT_TDMR] = { step_init_tdmr, false },
	[VECTOR_FORCE_TD] = { step_force_td, false },
	[VECTOR_ACCEPT] = { step_accept, true },
	[VECTOR_ENTER] = { step_enter, false },
	[VECTOR_EXIT] = { step_exit, false },
	[VECTOR_HOLD] = { step_hold, false },
	[VECTOR_LOCK] = { step_lock, false },
	[VECTOR_RELEASE] = { step_release, false },
	[VECTOR_INJECT] = { step_inject, false },
	[VECTOR_VCPUS] = { step_vcpus, false },
	[VECTOR_ASSOC] = { step_assoc, false },
	[VECTOR_VCPU_STATE] = { step_vcpu_state, false },
	[VECTOR_TD_FATAL] = { step_td_fatal, false },
	[VECTOR_HALF_FREED] = { step_half_freed, false },
	[VECTOR_PAMT] = { step_pamt, true },
	[VECTOR_BITMAP] = { step_bitmap, true },
	[VECTOR_CHLDCNT] = { step_chldcnt, true },
	[VECTOR_PEEK64] = { step_peek64, true },
	[VECTOR_LP_INIT] = { step_lp_init, false },
	[VECTOR_EPF] = { step_epf, false },
	[VECTOR_GUEST] = { step_guest, false },
	[VECTOR_CONFIGURED] = { step_configured, false },
};

/* ------------------------------------------------------------------------------------------- */

static int next_machine(struct replay *r, const struct vector_item *item, char *error,
			size_t error_size)
{
	char why[160];

	end_machine(r);
	r->machine = item->machine;
	if (start_machine(r, why, sizeof(why)))
		return 0;
	snprintf(error, error_size, "%s:%u: %s", r->vector->name, item->line, why);
	return -1;
}

static void run_item(struct replay *r, const struct vector_item *item,
		     const struct replay_watcher *watcher, struct replay_result *result)
{
	r->difference = (struct replay_difference){ .item = item };
	r->outcome = (struct replay_outcome){ 0 };
	r->outcome.good = steps[item->kind].step(r, item);
	if (watcher->item)
		watcher->item(watcher->ctx, item, &r->outcome);
	if (r->outcome.good) {
		result->passed += steps[item->kind].counted;
		return;
	}
	if (!result->failed++)
		result->first = r->difference;
	if (watcher->difference)
		watcher->difference(watcher->ctx, &r->difference);
}

static int run_items(struct replay *r, const struct replay_watcher *watcher,
		     struct replay_result *result, char *error, size_t error_size)
{
	for (size_t i = 0; i < r->vector->nr_items && !(watcher->first_only && result->failed);
	     i++) {
		const struct vector_item *item = &r->vector->items[i];

		if (item->kind != VECTOR_MACHINE) {
			run_item(r, item, watcher, result);
			continue;
		}
		if (next_machine(r, item, error, error_size))
			return -1;
		if (watcher->machine)
			watcher->machine(watcher->ctx, r->machine, r->seam, r->memory);
	}
	return 0;
}

int replay_run(const struct vector *vector, const struct replay_watcher *watcher,
	       struct replay_result *result, char *error, size_t error_size)
{
	static const struct replay_watcher nobody;
	struct replay r = { .vector = vector };
	int status;

	*result = (struct replay_result){ 0 };
	status = run_items(&r, watcher ? watcher : &nobody, result, error, error_size);
	end_machine(&r);
	return status;
}
