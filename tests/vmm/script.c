// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * script.c - the interpreter of a guest's list of steps.
 */
#include <string.h>

#include "script.h"

void script_start(struct script *script, const struct script_step *steps)
{
	memset(script, 0, sizeof(*script));
	script->step = steps;
}

static enum seam_exit wrong(struct script *script, const char *what, uint64_t at, uint64_t value)
{
	static const struct script_step end = { SCRIPT_END, 0, 0 };

	script->wrong = what;
	script->wrong_at = at;
	script->wrong_value = value;
	script->step = &end;
	return SEAM_EXIT_NONE;
}

static void next(struct script *script)
{
	script->step++;
	script->done = 0;
	script->small_end = 0;
}

static enum seam_exit accept(struct script *script, struct seam_vcpu *vcpu)
{
	const struct script_step *step = script->step;
	uint64_t at = step->at + script->done, left = step->value - script->done;
	unsigned int level = TDX_4K;
	enum seam_exit exit;
	tdx_status_t status;

	if (step->op == SCRIPT_ACCEPT && !(at % TDX_2M_SIZE) && left >= TDX_2M_SIZE &&
	    at >= script->small_end)
		level = TDX_2M;
	exit = seam_guest_accept(vcpu, gpa(at), level, &status);
	if (exit != SEAM_EXIT_NONE)
		return exit;
	if (tdx_status_is(status, TDX_OPERAND_BUSY) ||
	    tdx_status_is(status, TDX_OPERAND_BUSY_HOST_PRIORITY))
		return SEAM_EXIT_NONE;
	if (level == TDX_2M && tdx_status_is(status, TDX_PAGE_SIZE_MISMATCH)) {
		script->small_end = at + TDX_2M_SIZE;
		return SEAM_EXIT_NONE;
	}
	if (!tdx_status_is(status, TDX_SUCCESS) &&
	    !tdx_status_is(status, TDX_PAGE_ALREADY_ACCEPTED))
		return wrong(script, "ACCEPT failed", at, status.v);
	if (tdx_status_is(status, TDX_SUCCESS))
		*(level == TDX_2M ? &script->accepted_2m : &script->accepted_4k) += 1;
	script->done += UINT64_C(1) << TDX_LEVEL_SHIFT(level);
	if (script->done >= step->value)
		next(script);
	return SEAM_EXIT_NONE;
}

static enum seam_exit touch(struct script *script, struct seam_vcpu *vcpu)
{
	const struct script_step *step = script->step;
	enum seam_exit exit;
	uint64_t found = 0;

	if (step->op == SCRIPT_WRITE) {
		exit = seam_guest_write(vcpu, gpa(step->at), &step->value, sizeof(step->value));
	} else if (step->op == SCRIPT_EXPECT) {
		exit = seam_guest_read(vcpu, gpa(step->at), &found, sizeof(found));
		if (exit == SEAM_EXIT_NONE && found != step->value)
			return wrong(script, "not the value expected", step->at, found);
	} else {
		exit = seam_guest_touch(vcpu, gpa(step->at));
	}
	if (exit == SEAM_EXIT_NONE)
		next(script);
	return exit;
}

static enum seam_exit ask(struct script *script, struct seam_vcpu *vcpu)
{
	const struct script_step *step = script->step;
	struct tdx_regs regs = {
		.r11 = TDX_VMCALL_MAP_GPA,
		.r12 = step->at + script->done,
		.r13 = step->value - script->done,
	};

	if (step->op == SCRIPT_TO_SHARED)
		regs.r12 |= UINT64_C(1) << seam_guest_shared_bit(vcpu);
	if (step->op == SCRIPT_OTHER_CALL)
		regs.r11 = step->value;
	script->asked = true;
	return seam_guest_vmcall(vcpu, &regs);
}

static void hear(struct script *script, struct seam_vcpu *vcpu)
{
	const struct script_step *step = script->step;
	bool refusal = step->op == SCRIPT_BAD_MAP || step->op == SCRIPT_OTHER_CALL;
	const struct tdx_regs *regs = seam_guest_entry_regs(vcpu);
	uint64_t shared = step->op == SCRIPT_TO_SHARED;
	uint64_t next_at = regs->r11 ^ shared << seam_guest_shared_bit(vcpu);
	uint64_t answer = regs->r10;

	script->asked = false;
	if (answer == TDX_VMCALL_RETRY && next_at - step->at - script->done < step->value) {
		script->done = next_at - step->at;
		script->retries++;
		return;
	}
	if (answer != (refusal ? TDX_VMCALL_INVALID_OPERAND : TDX_VMCALL_SUCCESS))
		wrong(script, "not the answer expected", step->at, answer);
	else
		next(script);
}

enum seam_exit script_run(struct script *script, struct seam_vcpu *vcpu)
{
	enum seam_exit exit = SEAM_EXIT_NONE;

	if (script->asked)
		hear(script, vcpu);
	while (exit == SEAM_EXIT_NONE) {
		if (seam_guest_interrupted(vcpu))
			return SEAM_EXIT_INTERRUPT;
		switch (script->step->op) {
		case SCRIPT_ACCEPT:
		case SCRIPT_ACCEPT_4K:
			exit = accept(script, vcpu);
			break;
		case SCRIPT_TOUCH:
		case SCRIPT_WRITE:
		case SCRIPT_EXPECT:
			exit = touch(script, vcpu);
			break;
		case SCRIPT_TO_SHARED:
		case SCRIPT_TO_PRIVATE:
		case SCRIPT_BAD_MAP:
		case SCRIPT_OTHER_CALL:
			exit = ask(script, vcpu);
			break;
		case SCRIPT_SPIN:
			/* Release: what this vCPU did is before whoever waits for it to spin. */
			os_store32(&script->spinning, 1, OS_RELEASE);
			os_relax();
			break;
		default:
			exit = seam_guest_halt(vcpu);
		}
	}
	return exit;
}
