/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * verdict.h - what the vmm makes of the status of a SEAMCALL: done, try again, kick vCPUs, give up.
 *
 * The module never waits. Whatever it finds locked it answers with OPERAND_BUSY and the operand,
 * and the host has to know who may be holding that lock:
 *
 *   ordinary     another leaf of the same TD, or of any TD where the KOT is concerned: it will be
 *                gone in a moment. Try again.
 *   a vCPU       the guest itself: an ACCEPT that holds its S-EPT entry, a VP.ENTER that holds the
 *                epoch. Try a few times, then make the vCPUs leave and try again.
 *   PAMT         a lock inside the PAMT. libpamt's rules (region.h there) say that this cannot
 *                happen to pages out of its hands, so it is counted and logged as a failure of the
 *                design, and then tried again all the same.
 *
 * Which is which is a table of leaf and operand. BUSY with an operand that is not in the table is
 * an error, not contention.
 *
 * MEM leaves report two things with operand RCX: the S-EPT entry and, where the page is found
 * through it, the page's PAMT entry. They can be told apart: with the S-EPT entry come its details
 * in RCX and RDX, and an entry never reads as all zero; with the PAMT entry both are zero.
 */
#ifndef PAMT_VMM_VERDICT_H
#define PAMT_VMM_VERDICT_H

#include <pamt/os.h>

enum call_verdict {
	CALL_DONE,     /* success or an informational status */
	CALL_AGAIN,    /* ordinary contention, no entropy */
	CALL_RESUME,   /* interrupted: issue it again as it was */
	CALL_VCPU,     /* a vCPU is in the way */
	CALL_PAMT,     /* a PAMT lock was busy: try again, and report */
	CALL_FAILED,   /* an error that trying again does not change */
	CALL_VERDICTS, /* how many */
};

/* Applies to every leaf. */
#define CALL_ANY_LEAF UINT16_MAX

/* Who may hold what an OPERAND_BUSY names. */
struct call_rule {
	uint16_t leaf;
	uint16_t operand;
	enum call_verdict verdict;
	bool entry_or_page; /* with details in RCX, RDX: CALL_VCPU; without: verdict */
	const char *holder; /* in words, for the log */
};

extern const struct call_rule call_rules[];
extern const size_t call_nr_rules;

/* The rule for BUSY of leaf with operand, NULL if there is none. */
const struct call_rule *call_find_rule(uint32_t leaf, uint32_t operand);

/*
 * call_judge - what out, the registers after the call of leaf, mean. *rule (may be NULL) is the
 * rule applied, NULL if the status was not a BUSY.
 */
enum call_verdict call_judge(uint32_t leaf, const struct tdx_regs *out,
			     const struct call_rule **rule);

/* How often each verdict was reached; relaxed counters, exact when no call is in flight. */
struct call_counts {
	os_a64_t of[CALL_VERDICTS];
};

/*
 * Where calls go out: services, counters. log_once limits the report of a busy PAMT lock to the
 * first; the counter has the rest.
 */
struct caller {
	const struct os_services *os;
	struct call_counts counts;
	os_a32_t reported;
};

/* How often ordinary contention is tried again before -OS_EAGAIN. */
#define CALL_TRIES 20000u
/* How often a vCPU is given the chance to get out of the way by itself before -OS_EBUSY. */
#define CALL_VCPU_TRIES 64u

/* Counts down over one operation. */
struct call_tries {
	uint32_t left;
	uint32_t left_vcpu;
};
#define CALL_TRIES_INIT ((struct call_tries){ CALL_TRIES, CALL_VCPU_TRIES })

/*
 * call_again - after a call, made here or by libpamt: 1: make it again, with the registers as
 * they were before; 0: it is done; -OS_EAGAIN: contention after the bound; -OS_EBUSY: a vCPU is in
 * the way; -OS_EIO: failed. Any context.
 */
PAMT_MUST_CHECK int call_again(struct caller *caller, struct call_tries *tries, uint32_t leaf,
			       const struct tdx_regs *out);

/* One SEAMCALL, tried again as above; results are left in regs. Returns as call_again(), never 1.
 */
PAMT_MUST_CHECK int call_make(struct caller *caller, struct tdx_regs *regs);

/*
 * For calls that free something and whose failure would leak it: a first failure, whatever it was,
 * is not believed; the second is. Returns as call_make().
 */
PAMT_MUST_CHECK int call_make_sure(struct caller *caller, struct tdx_regs *regs);

#endif
