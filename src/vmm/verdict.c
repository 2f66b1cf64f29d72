// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * verdict.c - statuses of SEAMCALLs classified by leaf and operand, and the retries that follow.
 */
#include "vmm/verdict.h"

/*
 * TDR operands: a TD's root is locked exclusively only by the leaves that build or end the TD, by
 * the rest shared. All others in this table follow the leaf's own lock list.
 */
const struct call_rule call_rules[] = {
	/* Locks that are no page's. */
	{ CALL_ANY_LEAF, TDX_OP_SEPT_TREE, CALL_AGAIN, false, "a BLOCK or REMOVE of this TD" },
	{ CALL_ANY_LEAF, TDX_OP_OP_STATE, CALL_AGAIN, false, "a leaf that changes the TD's state" },
	{ CALL_ANY_LEAF, TDX_OP_KOT, CALL_AGAIN, false, "another TD's creation or end" },
	{ CALL_ANY_LEAF, TDX_OP_KET, CALL_AGAIN, false, "key configuration on this package" },
	{ CALL_ANY_LEAF, TDX_OP_WBCACHE, CALL_AGAIN, false, "CACHE.WB on this package" },
	{ CALL_ANY_LEAF, TDX_OP_TD_EPOCH, CALL_VCPU, false, "a vCPU that enters" },
	{ CALL_ANY_LEAF, TDX_OP_TDR, CALL_AGAIN, false, "a leaf that builds or ends this TD" },
	{ CALL_ANY_LEAF, TDX_OP_SYS, CALL_AGAIN, false, "a leaf of the whole module" },

	/* A TD's root, named by register. */
	{ TDH_MNG_KEY_CONFIG, TDX_OP_RCX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MNG_ADDCX, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MNG_INIT, TDX_OP_RCX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MNG_VPFLUSHDONE, TDX_OP_RCX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MNG_KEY_FREEID, TDX_OP_RCX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MR_FINALIZE, TDX_OP_RCX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_TRACK, TDX_OP_RCX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_VP_CREATE, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_SEPT_ADD, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_SEPT_RD, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_SEPT_REMOVE, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_PAGE_ADD, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_PAGE_AUG, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_PAGE_REMOVE, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_PAGE_DEMOTE, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_PAGE_PROMOTE, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_RANGE_BLOCK, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },
	{ TDH_MEM_RANGE_UNBLOCK, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDR" },

	/* A vCPU's root. */
	{ TDH_VP_ADDCX, TDX_OP_RDX, CALL_AGAIN, false, "a leaf on this TDVPR" },
	{ TDH_VP_INIT, TDX_OP_RCX, CALL_AGAIN, false, "a leaf on this TDVPR" },
	{ TDH_VP_FLUSH, TDX_OP_RCX, CALL_AGAIN, false, "a leaf on this TDVPR" },
	{ TDH_VP_ENTER, TDX_OP_RCX, CALL_AGAIN, false, "a leaf on this TDVPR" },

	/* S-EPT entries: a guest's ACCEPT holds the one it works on. */
	{ TDH_MEM_SEPT_ADD, TDX_OP_RCX, CALL_VCPU, false, "an ACCEPT on this S-EPT entry" },
	{ TDH_MEM_SEPT_RD, TDX_OP_RCX, CALL_VCPU, false, "an ACCEPT on this S-EPT entry" },
	{ TDH_MEM_PAGE_AUG, TDX_OP_RCX, CALL_VCPU, false, "an ACCEPT on this S-EPT entry" },
	{ TDH_MEM_RANGE_BLOCK, TDX_OP_RCX, CALL_VCPU, false, "an ACCEPT on this S-EPT entry" },
	{ TDH_MEM_RANGE_UNBLOCK, TDX_OP_RCX, CALL_VCPU, false, "an ACCEPT on this S-EPT entry" },
	{ TDH_MEM_SEPT_REMOVE, TDX_OP_RCX, CALL_PAMT, true, "the S-EPT page's PAMT entry" },
	{ TDH_MEM_PAGE_REMOVE, TDX_OP_RCX, CALL_PAMT, true, "the page's PAMT entry" },
	{ TDH_MEM_PAGE_DEMOTE, TDX_OP_RCX, CALL_PAMT, true, "the page's PAMT entry" },
	{ TDH_MEM_PAGE_PROMOTE, TDX_OP_RCX, CALL_PAMT, true, "the region's PAMT entry" },

	/* Pages: what libpamt promises never to be busy. */
	{ TDH_MNG_CREATE, TDX_OP_RCX, CALL_PAMT, false, "the PAMT of the new TDR" },
	{ TDH_MNG_ADDCX, TDX_OP_RCX, CALL_PAMT, false, "the PAMT of the new TDCX" },
	{ TDH_VP_CREATE, TDX_OP_RCX, CALL_PAMT, false, "the PAMT of the new TDVPR" },
	{ TDH_VP_ADDCX, TDX_OP_RCX, CALL_PAMT, false, "the PAMT of the new TDCX" },
	{ TDH_MEM_SEPT_ADD, TDX_OP_R8, CALL_PAMT, false, "the PAMT of the new S-EPT page" },
	{ TDH_MEM_PAGE_ADD, TDX_OP_R8, CALL_PAMT, false, "the PAMT of the new page" },
	{ TDH_MEM_PAGE_AUG, TDX_OP_R8, CALL_PAMT, false, "the PAMT of the new page" },
	{ TDH_MEM_PAGE_DEMOTE, TDX_OP_R8, CALL_PAMT, false, "the PAMT of the new S-EPT page" },
	{ TDH_MEM_PAGE_DEMOTE, TDX_OP_R12, CALL_PAMT, false, "the PAMT of a donated page" },
	{ TDH_MEM_PAGE_DEMOTE, TDX_OP_R13, CALL_PAMT, false, "the PAMT of a donated page" },
	{ TDH_PHYMEM_PAGE_RECLAIM, TDX_OP_RCX, CALL_PAMT, false, "the PAMT of the page" },
	{ TDH_PHYMEM_PAGE_WBINVD, TDX_OP_RCX, CALL_PAMT, false, "the PAMT of the page" },
	{ TDH_PHYMEM_PAGE_RDMD, TDX_OP_RCX, CALL_PAMT, false, "the PAMT of the page" },
};
const size_t call_nr_rules = sizeof(call_rules) / sizeof(call_rules[0]);

/* Statuses other than OPERAND_BUSY that are not the end. */
static const struct {
	uint64_t code;
	enum call_verdict verdict;
} call_transient[] = {
	{ TDX_SYS_BUSY, CALL_AGAIN },
	{ TDX_RND_NO_ENTROPY, CALL_AGAIN },
	{ TDX_KEY_GENERATION_FAILED, CALL_AGAIN }, /* PCONFIG found no entropy */
	{ TDX_INTERRUPTED_RESUMABLE, CALL_RESUME },
	{ TDX_INTERRUPTED_RESTARTABLE, CALL_RESUME },
	{ TDX_INTERRUPTED_BUSY, CALL_RESUME },
	{ TDX_PREVIOUS_TLB_EPOCH_BUSY, CALL_VCPU }, /* a vCPU of the epoch before still runs */
	{ TDX_TLB_TRACKING_NOT_DONE, CALL_VCPU },   /* a vCPU of this one does */
};

const struct call_rule *call_find_rule(uint32_t leaf, uint32_t operand)
{
	for (size_t i = 0; i < call_nr_rules; i++) {
		const struct call_rule *rule = &call_rules[i];

		if (rule->operand == operand && (rule->leaf == leaf || rule->leaf == CALL_ANY_LEAF))
			return rule;
	}
	return NULL;
}

enum call_verdict call_judge(uint32_t leaf, const struct tdx_regs *out,
			     const struct call_rule **rule)
{
	tdx_status_t status = { out->rax };
	const struct call_rule *found;

	if (rule)
		*rule = NULL;
	if (tdx_status_ok(status))
		return CALL_DONE;
	if (tdx_status_is(status, TDX_OPERAND_BUSY) ||
	    tdx_status_is(status, TDX_OPERAND_BUSY_HOST_PRIORITY)) {
		found = call_find_rule(leaf, tdx_status_detail(status));
		if (rule)
			*rule = found;
		if (!found)
			return CALL_FAILED;
		if (found->entry_or_page && (out->rcx || out->rdx))
			return CALL_VCPU;
		return found->verdict;
	}
	for (size_t i = 0; i < sizeof(call_transient) / sizeof(call_transient[0]); i++) {
		if (tdx_status_is(status, call_transient[i].code))
			return call_transient[i].verdict;
	}
	return CALL_FAILED;
}

static void report_pamt_busy(struct caller *caller, uint32_t leaf, const struct tdx_regs *out,
			     const struct call_rule *rule)
{
	/* Relaxed: only decides who writes the line. */
	if (os_xchg32(&caller->reported, 1, OS_RELAXED))
		return;
	caller->os->log(caller->os->ctx, OS_LOG_ERROR,
			"vmm: leaf %u found %s busy (status 0x%llx): pages out of libpamt's hands "
			"must never be; counted from here on",
			leaf, rule->holder, (unsigned long long)out->rax);
}

int call_again(struct caller *caller, struct call_tries *tries, uint32_t leaf,
	       const struct tdx_regs *out)
{
	const struct call_rule *rule;
	enum call_verdict verdict = call_judge(leaf, out, &rule);

	if (verdict == CALL_DONE)
		return 0;
	/* Relaxed: statistics. */
	os_fetch_add64(&caller->counts.of[verdict], 1, OS_RELAXED);
	switch (verdict) {
	case CALL_PAMT:
		report_pamt_busy(caller, leaf, out, rule);
		__attribute__((__fallthrough__));
	case CALL_AGAIN:
	case CALL_RESUME:
		if (!tries->left)
			return -OS_EAGAIN;
		tries->left--;
		break;
	case CALL_VCPU:
		if (!tries->left_vcpu)
			return -OS_EBUSY;
		tries->left_vcpu--;
		break;
	default:
		return -OS_EIO;
	}
	if (verdict != CALL_RESUME)
		os_relax();
	return 1;
}

int call_make(struct caller *caller, struct tdx_regs *regs)
{
	const struct os_services *os = caller->os;
	struct call_tries tries = CALL_TRIES_INIT;
	struct tdx_regs in = *regs;
	int again;

	do {
		*regs = in;
		os->seamcall(os->ctx, regs);
		/* The common case, without the table. */
		if (tdx_status_ok((tdx_status_t){ regs->rax }))
			return 0;
		again = call_again(caller, &tries, TDX_RAX_LEAF(in.rax), regs);
	} while (again > 0);
	return again;
}

int call_make_sure(struct caller *caller, struct tdx_regs *regs)
{
	struct tdx_regs in = *regs;
	int error = call_make(caller, regs);

	if (!error)
		return 0;
	*regs = in;
	return call_make(caller, regs);
}
