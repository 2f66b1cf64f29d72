// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * judge.c - module and model side by side.
 *
 * After every line that changed something page metadata are compared as a whole where that is
 * cheap, and at the end of each machine in any case: so a call that fails but leaves traces is
 * found too.
 */
#include <inttypes.h>
#include <string.h>

#include "judge.h"
#include "model.h"

#define COMPARE_EVERY 16

struct court {
	bool pokes_are_mistakes;
	struct verdict verdict;
	const struct vector *vector;
	struct model *model;
	struct seam *seam;
	unsigned int locks; /* held by other LPs */
	bool injected;	    /* a fault or an interrupt is asked for */
	bool may_stop;	    /* somebody was caught in the middle of freeing a page */
	unsigned int since; /* the last comparison */
};

static void object(struct court *c, const struct vector_item *item, const char *what)
{
	if (c->verdict.item)
		return;
	c->verdict.item = item;
	snprintf(c->verdict.what, sizeof(c->verdict.what), "%s", what);
}

static void compare(struct court *c, const struct vector_item *item)
{
	char why[200];

	c->since = 0;
	if (c->model && !model_is_lost(c->model) &&
	    !model_same_metadata(c->model, c->seam, why, sizeof(why)))
		object(c, item, why);
}

static void begin_machine(void *ctx, const struct vector_machine *machine, struct seam *seam,
			  struct memory *memory)
{
	struct court *c = ctx;

	model_destroy(c->model); /* what it had to say about the last machine was said */
	c->model = model_create(&machine->config, memory);
	/* It knows one module, and that from SYS.CONFIG on. */
	if (!machine->init || machine->config.next || machine->config.features0_clear)
		model_lose(c->model);
	c->seam = seam;
	c->locks = 0;
	c->injected = c->may_stop = false;
}

static void count(struct court *c, const struct vector_item *item, enum model_verdict verdict,
		  const char *why)
{
	c->verdict.agreed += verdict == MODEL_AGREES;
	c->verdict.unknown += verdict == MODEL_UNKNOWN;
	c->verdict.lost |= model_is_lost(c->model);
	c->injected = false;
	if (verdict == MODEL_DISAGREES) {
		object(c, item, why);
		model_lose(c->model); /* from here on the two are about different things */
	}
}

static void judge_call(struct court *c, const struct vector_item *item,
		       const struct replay_outcome *outcome)
{
	char why[200] = "";

	if (outcome->fatal) {
		if (!c->may_stop && !model_stops(c->model, &item->call.in))
			object(c, item, "the module stopped with a fatal error");
		model_lose(c->model);
		return;
	}
	if (outcome->regs.rax == TDX_SUCCESS && !model_is_lost(c->model) &&
	    model_stops(c->model, &item->call.in))
		object(c, item, "the module wrote into a page that is not the host's");
	count(c, item,
	      model_call(c->model, item->call.lp, &item->call.in, &outcome->regs,
			 c->locks || c->injected, why, sizeof(why)),
	      why);
}

static void judge_accept(struct court *c, const struct vector_item *item,
			 const struct replay_outcome *outcome)
{
	char why[200] = "";

	count(c, item,
	      model_accept(c->model, item->accept.tdr.v, item->accept.rcx, outcome->how,
			   outcome->status.v, c->locks || c->injected, why, sizeof(why)),
	      why);
}

/* Tells the model of what was set from outside. */
static void tell(struct court *c, const struct vector_item *item)
{
	struct model *m = c->model;
	const struct vector_force_td *f = &item->force_td;
	uint32_t n = (uint32_t)item->word.value;

	switch (item->kind) {
	case VECTOR_FORCE_TD:
		model_force_td(m, f->tdr.v, f->state, f->pwl, f->gpaw);
		break;
	case VECTOR_ENTER:
		model_enter(m, item->lock.arg, item->lock.id);
		break;
	case VECTOR_EXIT:
		model_exit(m, item->lock.id);
		break;
	case VECTOR_VCPUS:
		model_num_vcpus(m, item->word.at.v, n);
		break;
	case VECTOR_ASSOC:
		model_assoc_vcpus(m, item->word.at.v, n);
		break;
	case VECTOR_VCPU_STATE:
		model_vcpu_state(m, item->word.at.v, n);
		break;
	case VECTOR_TD_FATAL:
		model_td_fatal(m, item->word.at.v, n);
		break;
	case VECTOR_LP_INIT:
		model_lp_init(m, (uint32_t)item->word.at.v, n);
		break;
	case VECTOR_EPF:
		model_epf(m, item->list.at.v, item->list.value, item->list.nr);
		break;
	default:
		break;
	}
}

/* All of a TDMR at once: RDX of the last call is its end. */
static void tell_init(struct court *c, const struct vector_item *item)
{
	struct tdx_regs in = { .rax = TDH_SYS_TDMR_INIT, .rcx = item->word.at.v };
	struct tdx_regs out = in;
	char why[200];

	out.rax = TDX_SUCCESS;
	out.rdx = UINT64_MAX;
	model_call(c->model, 0, &in, &out, false, why, sizeof(why));
}

/* The last item of a machine: its module is gone after it. */
static bool is_last(const struct court *c, const struct vector_item *item)
{
	const struct vector_item *end = c->vector->items + c->vector->nr_items;

	return item + 1 == end || item[1].kind == VECTOR_MACHINE;
}

static void see_item(void *ctx, const struct vector_item *item,
		     const struct replay_outcome *outcome)
{
	struct court *c = ctx;

	switch (item->kind) {
	case VECTOR_CALL:
		judge_call(c, item, outcome);
		break;
	case VECTOR_ACCEPT:
		judge_accept(c, item, outcome);
		break;
	case VECTOR_HOLD:
	case VECTOR_LOCK:
		c->locks += outcome->good;
		break;
	case VECTOR_RELEASE:
		c->locks -= outcome->good;
		break;
	case VECTOR_INJECT:
		c->injected = true;
		break;
	case VECTOR_POKE64:
		if (!c->pokes_are_mistakes &&
		    (model_owns(c->model, item->list.at.v) ||
		     model_owns(c->model, item->list.at.v + 8 * item->list.nr - 1))) {
			c->may_stop = true;
			model_lose(c->model);
		}
		break;
	case VECTOR_GUEST: /* the model has none */
		model_lose(c->model);
		break;
	case VECTOR_HALF_FREED:
		c->may_stop = true;
		model_lose(c->model);
		break;
	case VECTOR_INIT_TDMR:
		if (outcome->good)
			tell_init(c, item);
		else
			model_lose(c->model);
		break;
	default:
		if (outcome->good)
			tell(c, item);
		break;
	}
	if (++c->since >= COMPARE_EVERY || is_last(c, item))
		compare(c, item);
}

struct verdict judge(const struct vector *vector, bool pokes_are_mistakes)
{
	struct court c = { .vector = vector, .pokes_are_mistakes = pokes_are_mistakes };
	const struct replay_watcher watcher = {
		.ctx = &c,
		.machine = begin_machine,
		.item = see_item,
	};
	struct replay_result result;
	char error[256];

	/* A machine that cannot be is nobody's mistake. */
	replay_run(vector, &watcher, &result, error, sizeof(error));
	model_destroy(c.model);
	return c.verdict;
}
