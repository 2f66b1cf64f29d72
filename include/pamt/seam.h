/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * seam.h - softseam, a software TDX module: one machine's module, called like the real one.
 *
 * A struct seam is one module on one machine; a process may hold several. After seam_create()
 * everything goes through seam_call(), with the registers of a SEAMCALL; what runs inside a TD
 * goes through seam_guest_*(). Page metadata lives in the memory that the host hands over (PAMT
 * areas, pairs), read and written through os->map_module(); the module keeps no copy.
 *
 * Any number of logical processors may be in the module at once. The module never waits: a lock
 * that is taken is answered with OPERAND_BUSY. It allocates in seam_create() only.
 */
#ifndef PAMT_SEAM_H
#define PAMT_SEAM_H

#include <pamt/os.h>

/* Functions declared here are what the shared library exports. */
#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct seam;

/* What a module-fatal condition was; sticky, every later call answers TDX_SYS_SHUTDOWN. */
struct seam_fatal {
	uint32_t id;	   /* the reference module's number, e.g. 343: count != 0 in PAMT.REMOVE */
	const char *rule;  /* the rule that was broken, one line */
	uint32_t leaf, lp; /* of the call that found it */
	tdx_hpa_t at;	   /* the page or region concerned, HPA_NONE if none */
};

/* What a guest program may find in its way: the reason to leave VP.ENTER. */
enum seam_exit {
	SEAM_EXIT_NONE,	     /* the access went through */
	SEAM_EXIT_EPT,	     /* EPT violation: GPA and access in struct seam_exit_info */
	SEAM_EXIT_VMCALL,    /* TDG.VP.VMCALL: registers for the host */
	SEAM_EXIT_HALT,	     /* halt through TDG.VP.VMCALL */
	SEAM_EXIT_INTERRUPT, /* a host interrupt, a kick */
};

struct seam_vcpu;

struct seam_config {
	uint32_t max_pa;    /* bits, 46..52 */
	uint32_t hkid_bits; /* KeyID bits at the top of max_pa; start bit = max_pa - hkid_bits */
	uint16_t hkid_min;  /* first private KeyID */
	uint16_t hkid_max;  /* last private KeyID */
	uint32_t nr_lps;    /* logical processors 0 .. nr_lps-1; LP i is in package i % packages */
	uint32_t nr_packages;		  /* 1..8 */
	uint32_t cache_blocks;		  /* sub-blocks of one PHYMEM.CACHE.WB, at least 1 */
	struct tdx_cmr seamrr;		  /* the module's own range */
	struct tdx_cmr cmr[TDX_MAX_CMRS]; /* CMR table in order, unused slots zero */
	uint64_t features0_clear;	  /* bits of TDX_FEATURES0 to hide, e.g. DYNAMIC_PAMT */
	/*
	 * TDs find the features of a server's processor in CPUID, and VMMs may choose among them;
	 * without it they find nothing but topology and widths, as on the machine of the
	 * recordings.
	 */
	bool features;
	bool next;  /* the module after 1.5.25: has SYS.DISABLE; see docs/softseam.md */
	bool guard; /* report the host's accesses to others' pages; see docs/softseam.md */
	/*
	 * What a vCPU runs in VP.ENTER, in the context of that call. Returns the reason to leave;
	 * any seam_guest_*() that returned something other than SEAM_EXIT_NONE must be passed on.
	 * NULL: every VP.ENTER leaves at once with SEAM_EXIT_INTERRUPT.
	 */
	enum seam_exit (*guest)(void *guest_ctx, struct seam_vcpu *vcpu);
	void *guest_ctx;
	/*
	 * Its vector, in R9 of the exits by interrupt; 0: one that no host minds, Linux's request
	 * to reschedule.
	 */
	uint8_t interrupt_vector;
	/* Is an interrupt pending for this LP? Asked where the real module would look. May be NULL.
	 */
	bool (*interrupt_pending)(void *ctx, uint32_t lp);
	/* Called once, on the LP that broke a module-fatal rule. May be NULL. */
	void (*on_fatal)(void *ctx, const struct seam_fatal *fatal);
	/*
	 * Called when a leaf has done its work and still holds its locks: a port on which time is
	 * simulated lets the leaf's time pass here, so that others meet its locks. May be NULL.
	 */
	void (*pace)(void *ctx, uint32_t lp, uint32_t leaf);
	void *ctx; /* of the three functions above */
};

/*
 * seam_create - a module in the state before SYS.INIT (SYS_STATE = INIT_PENDING).
 * Return: 0; -OS_EINVAL with a one-line reason in *why (if not NULL); -OS_ENOMEM. May sleep.
 */
PAMT_MUST_CHECK int seam_create(const struct os_services *os, const struct seam_config *config,
				struct seam **seam, const char **why);
/* All PAMT and TD pages stay as they are, in the host's memory. May sleep. */
void seam_destroy(struct seam *seam);

/* One SEAMCALL by logical processor lp (0 .. nr_lps-1). Any context, any number at once. */
tdx_status_t seam_call(struct seam *seam, uint32_t lp, struct tdx_regs *regs);

/*
 * seam_reload - what the loader does for an update without a reboot: after SYS.SHUTDOWN a module
 * takes the place of the one that was shut down, and waits for SYS.INIT.
 *
 * TDs, page metadata and the state that SYS.SHUTDOWN handed over stay; after SYS.INIT and
 * SYS.LP.INIT on every LP, SYS.UPDATE goes on with them, while SYS.CONFIG gives them up. No call
 * may be in flight. Return: 0; -OS_EINVAL if the module was not shut down, or is fatal.
 */
PAMT_MUST_CHECK int seam_reload(struct seam *seam);

/* Was a module-fatal rule broken? Which? */
bool seam_is_fatal(const struct seam *seam, struct seam_fatal *fatal);

/* ------------------------------------------------------------------------------------------- */
/* Guard mode. What encryption and the hardware's page ownership check would do, said aloud.     */

/* Who has a page: the module itself (PAMT areas and pairs: TDX_PT_PAMT, no TD), or a TD. */
struct seam_owner {
	enum tdx_page_type type;
	tdx_hpa_t tdr;
};

/*
 * Is the page the module's or a TD's now? Any context; exact while no call is in flight that
 * concerns the page itself.
 */
bool seam_owns(const struct seam *seam, tdx_hpa_t page, struct seam_owner *owner);
/*
 * The port asks this for every map_host() of a module created with config.guard: is the page not
 * the host's? Then it is logged, with its owner and the call that took it, and counted. Returns
 * whether it was.
 */
bool seam_guard_host_access(struct seam *seam, tdx_hpa_t at, enum os_access access);
uint64_t seam_guard_violations(const struct seam *seam);

/* ------------------------------------------------------------------------------------------- */
/* Inside a TD. Only from the guest function, with the vCPU that it was given.                  */

/* The vCPU's number in its TD (order of VP.INIT), its TD's TDR, the GPA bit that means shared. */
uint32_t seam_guest_index(const struct seam_vcpu *vcpu);
tdx_hpa_t seam_guest_tdr(const struct seam_vcpu *vcpu);
uint32_t seam_guest_shared_bit(const struct seam_vcpu *vcpu);
/*
 * What the host gave at this VP.ENTER: after TDG.VP.VMCALL the registers that were named there, all
 * else 0.
 */
const struct tdx_regs *seam_guest_entry_regs(const struct seam_vcpu *vcpu);
/* An interrupt is pending on the LP: a guest program leaves soon when it sees this. */
bool seam_guest_interrupted(const struct seam_vcpu *vcpu);

/*
 * Private memory: up to 4K bytes within one 4K page. Pages not mapped, pending or blocked:
 * SEAM_EXIT_EPT.
 */
enum seam_exit seam_guest_read(struct seam_vcpu *vcpu, tdx_gpa_t at, void *to, uint32_t bytes);
enum seam_exit seam_guest_write(struct seam_vcpu *vcpu, tdx_gpa_t at, const void *from,
				uint32_t bytes);
/* An access that touches no contents: would a load or store at this GPA go through? */
enum seam_exit seam_guest_touch(struct seam_vcpu *vcpu, tdx_gpa_t at);
/* TDG.MEM.PAGE.ACCEPT; *status is the TDCALL's RAX where SEAM_EXIT_NONE is returned. */
enum seam_exit seam_guest_accept(struct seam_vcpu *vcpu, tdx_gpa_t at, unsigned int level,
				 tdx_status_t *status);
/*
 * TDG.VP.VMCALL: the registers that rcx names (bit 10: r10) go to the host in the exit's registers;
 * 0: r10..r15. Not rax, rcx and rsp, nor rbp where the TD keeps the host's. Always leaves.
 */
enum seam_exit seam_guest_vmcall(struct seam_vcpu *vcpu, const struct tdx_regs *regs);
enum seam_exit seam_guest_halt(struct seam_vcpu *vcpu);

/*
 * What VP.ENTER returns: RAX = TDX_SUCCESS | TDX_EXIT_*, with the registers that tdx.h names there.
 */

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
