// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * guest.c - inside a TD: access to private memory, ACCEPT, and the ways out.
 */
#include "seam/guest.h"
#include "seam/hpa.h"

uint32_t seam_guest_index(const struct seam_vcpu *vcpu) { return vcpu->tdvps->index; }

tdx_hpa_t seam_guest_tdr(const struct seam_vcpu *vcpu) { return vcpu->td->address; }

uint32_t seam_guest_shared_bit(const struct seam_vcpu *vcpu) { return vcpu->td->tdcs->shared_bit; }

bool seam_guest_interrupted(const struct seam_vcpu *vcpu) { return call_interrupted(vcpu->call); }

const struct tdx_regs *seam_guest_entry_regs(const struct seam_vcpu *vcpu) { return &vcpu->entry; }

/* ------------------------------------------------------------------------------------------- */
/* Memory.                                                                                      */

static enum seam_exit ept_violation(struct seam_vcpu *vcpu, tdx_gpa_t at, uint64_t qualification,
				    uint64_t extended)
{
	vcpu->exit_gpa = at;
	vcpu->exit_qualification = qualification;
	vcpu->exit_extended = extended;
	return SEAM_EXIT_EPT;
}

/* The 4K page of a private GPA as the guest's hardware finds it. */
static void find_page(struct call *call, const struct td *td, tdx_gpa_t at, struct sept_pos *pos)
{
	if (at.v >> td->tdcs->gpa_bits)
		*pos = (struct sept_pos){ .value = SEPT_FREE_ENTRY };
	else
		sept_walk(call, td, at, TDX_4K, pos);
}

static bool is_usable(const struct sept_pos *pos)
{
	return sept_is_leaf(pos->value) && pos->value & SEPT_RWX;
}

/* A page that is pending, and no #VE for the guest that touches it. */
static bool is_pending(const struct td *td, const struct sept_pos *pos)
{
	return sept_state(pos->value) == SEPT_PENDING &&
	       td->tdcs->attributes & TDX_ATTR_SEPT_VE_DISABLE;
}

bool guest_would_fault(struct call *call, const struct td *td, tdx_gpa_t at)
{
	struct sept_pos pos;

	find_page(call, td, at, &pos);
	if (sept_state(pos.value) == SEPT_PENDING)
		return is_pending(td, &pos);
	return !is_usable(&pos);
}

/* An access within one 4K page. *address: where it goes. */
static enum seam_exit access_page(struct seam_vcpu *vcpu, tdx_gpa_t at, uint32_t bytes,
				  uint64_t qualification, tdx_hpa_t *address)
{
	struct sept_pos pos;

	if ((at.v & (TDX_PAGE_SIZE - 1)) + bytes > TDX_PAGE_SIZE)
		return ept_violation(vcpu, at, qualification, 0);
	find_page(vcpu->call, vcpu->td, at, &pos);
	if (!is_usable(&pos))
		return ept_violation(vcpu, at, qualification,
				     is_pending(vcpu->td, &pos) ? TDX_EPT_EXTENDED_PENDING : 0);
	*address = sept_translate(&pos, at);
	vcpu->progress = true;
	return SEAM_EXIT_NONE;
}

enum seam_exit seam_guest_read(struct seam_vcpu *vcpu, tdx_gpa_t at, void *to, uint32_t bytes)
{
	tdx_hpa_t address;
	enum seam_exit how = access_page(vcpu, at, bytes, TDX_EPT_VIOLATION_READ, &address);

	if (how == SEAM_EXIT_NONE)
		os_memcpy(to, pamt_map_owned(vcpu->call, address, OS_READ), bytes);
	return how;
}

enum seam_exit seam_guest_write(struct seam_vcpu *vcpu, tdx_gpa_t at, const void *from,
				uint32_t bytes)
{
	tdx_hpa_t address;
	enum seam_exit how = access_page(vcpu, at, bytes, TDX_EPT_VIOLATION_WRITE, &address);

	if (how == SEAM_EXIT_NONE)
		os_memcpy(pamt_map_owned(vcpu->call, address, OS_WRITE), from, bytes);
	return how;
}

enum seam_exit seam_guest_touch(struct seam_vcpu *vcpu, tdx_gpa_t at)
{
	tdx_hpa_t address;

	return access_page(vcpu, at, 1, TDX_EPT_VIOLATION_READ | TDX_EPT_VIOLATION_WRITE, &address);
}

/* ------------------------------------------------------------------------------------------- */
/* ACCEPT.                                                                                      */

/* RCX: 4K or 2M, aligned, private. */
static bool accept_operand(const struct td *td, uint64_t rcx, tdx_gpa_t *at, uint32_t *level)
{
	*level = rcx & 7;
	*at = gpa(rcx & ~UINT64_C(7));
	if (*level > TDX_2M || at->v & ((UINT64_C(1) << TDX_LEVEL_SHIFT(*level)) - 1))
		return false;
	return !(at->v >> td->tdcs->gpa_bits);
}

/*
 * Clears the page from where the last try stopped, and looks for an interrupt after the first 4K
 * and at every 64th. Returns how many 4K pages are clear.
 */
static uint32_t clear_guest_page(struct call *call, tdx_hpa_t page, uint32_t done, uint32_t total)
{
	const struct os_services *os = call->seam->os;
	uint32_t end = done + 1;

	for (;;) {
		os->zero(os->ctx, hpa(page.v + done * TDX_PAGE_SIZE), (end - done) * TDX_PAGE_SIZE);
		done = end;
		if (done == total || call_interrupted(call))
			return done;
		end = (done | 63) + 1;
	}
}

/* The entry is locked. Unlocks it. */
static enum seam_exit accept_locked(struct call *call, const struct td *td, struct sept_pos *pos,
				    tdx_status_t *status)
{
	uint32_t total = pos->level == TDX_2M ? TDX_PAGES_PER_2M : 1;
	tdx_hpa_t page = sept_large_page(pos->value, pos->level);
	enum sept_state state = sept_state(pos->value);
	uint32_t done = 0;

	if (state != SEPT_PENDING) {
		sept_unlock(pos->entry);
		/* A table, blocked or not, and a page that the guest has already. */
		if (state == SEPT_NL_MAPPED || state == SEPT_NL_BLOCKED)
			*status = tdx_status(TDX_PAGE_SIZE_MISMATCH, pos->level);
		else if (state == SEPT_MAPPED)
			*status = tdx_status(TDX_PAGE_ALREADY_ACCEPTED, pos->level);
		return call_failed(*status) ? SEAM_EXIT_NONE : SEAM_EXIT_EPT;
	}
	if (!pamt_is_owned(call, page, total * TDX_PAGE_SIZE)) {
		sept_unlock(pos->entry);
		*status = call_fatal(call, FATAL_ADDRESS, page);
		return SEAM_EXIT_NONE;
	}
	if (pos->level)
		done = (uint32_t)((pos->value & SEPT_ACCEPTED) >> SEPT_ACCEPTED_SHIFT);
	done = clear_guest_page(call, page, done, total);
	if (done < total) {
		sept_set(pos->entry,
			 sept_entry(SEPT_PENDING, page) | (uint64_t)done << SEPT_ACCEPTED_SHIFT);
		return SEAM_EXIT_INTERRUPT;
	}
	sept_set(pos->entry, sept_entry(SEPT_MAPPED, page));
	return SEAM_EXIT_NONE;
}

enum seam_exit guest_accept(struct call *call, const struct td *td, uint64_t rcx,
			    tdx_status_t *status)
{
	struct sept_pos pos;
	uint32_t level;
	tdx_gpa_t at;

	*status = CALL_OK;
	if (!accept_operand(td, rcx, &at, &level)) {
		*status = status_operand(TDX_OPERAND_INVALID, TDX_OP_RCX);
		return SEAM_EXIT_NONE;
	}
	sept_walk(call, td, at, level, &pos);
	if (pos.level != level) {
		if (!(pos.value & SEPT_RWX))
			return SEAM_EXIT_EPT;
		*status = tdx_status(TDX_PAGE_ALREADY_ACCEPTED, pos.level);
		return SEAM_EXIT_NONE;
	}
	if (!sept_lock_guest(pos.entry, &pos.value)) {
		*status = status_operand(pos.value & SEPT_LOCK ? TDX_OPERAND_BUSY
							       : TDX_OPERAND_BUSY_HOST_PRIORITY,
					 TDX_OP_RCX);
		return SEAM_EXIT_NONE;
	}
	return accept_locked(call, td, &pos, status);
}

enum seam_debug_accept accept_end(enum seam_exit how)
{
	switch (how) {
	case SEAM_EXIT_NONE:
		return SEAM_ACCEPT_STATUS;
	case SEAM_EXIT_INTERRUPT:
		return SEAM_ACCEPT_INTERRUPTED;
	default:
		return SEAM_ACCEPT_TDEXIT;
	}
}

enum seam_exit seam_guest_accept(struct seam_vcpu *vcpu, tdx_gpa_t at, unsigned int level,
				 tdx_status_t *status)
{
	const struct seam_watch *watch = vcpu->call->seam->watch;
	enum seam_exit how = guest_accept(vcpu->call, vcpu->td, at.v | level, status);

	if (watch && watch->accepted)
		watch->accepted(watch->ctx, vcpu->call->lp,
				&(struct seam_accepted){
					.tdr = vcpu->td->address,
					.rcx = at.v | level,
					.how = accept_end(how),
					.status = *status,
				});
	if (how == SEAM_EXIT_EPT)
		return ept_violation(vcpu, at, TDX_EPT_VIOLATION_WRITE, TDX_EPT_EXTENDED_ACCEPT);
	vcpu->progress = true;
	return how;
}

/* ------------------------------------------------------------------------------------------- */
/* Ways out.                                                                                    */

#define R10_TO_R15 UINT64_C(0xfc00)

enum seam_exit seam_guest_vmcall(struct seam_vcpu *vcpu, const struct tdx_regs *regs)
{
	vcpu->vmcall = *regs;
	if (!regs->rcx)
		vcpu->vmcall.rcx = R10_TO_R15;
	return SEAM_EXIT_VMCALL;
}

enum seam_exit seam_guest_halt(struct seam_vcpu *vcpu)
{
	vcpu->vmcall = (struct tdx_regs){ .rcx = R10_TO_R15, .r11 = TDX_VMCALL_HALT };
	return SEAM_EXIT_HALT;
}
