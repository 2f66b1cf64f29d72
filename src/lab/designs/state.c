// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * state.c - a design's state comes and goes.
 */
#include "lab/designs/design.h"

int design_create(const struct design *design, const struct design_env *env, void **out)
{
	struct design_state *state = env->os->alloc(env->os->ctx, design->state_bytes);

	*out = state;
	if (!state)
		return -OS_ENOMEM;
	*state = (struct design_state){ design, env, env->os };
	return design->begin ? design->begin(state) : 0;
}

void design_destroy(void *of)
{
	struct design_state *state = of;

	if (state->design->end)
		state->design->end(state);
	state->os->free(state->os->ctx, state);
}
