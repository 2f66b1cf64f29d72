/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * softseam.h - a simulated machine with a software TDX module, for other people's host code.
 *
 * One call makes the machine: memory map, NUMA nodes, logical processors (LPs), physical memory
 * that costs real memory only where it is written, and a module in the state before SYS.INIT. Host
 * code then reaches the module in whichever way it is written:
 *
 *   - through the table of softseam_services(), as libpamt and anything written to os.h does;
 *   - by softseam_call() with a structure of registers;
 *   - by the SEAMCALL instruction itself, after softseam_trap().
 *
 * A process may hold several machines. Functions return 0 or -errno unless they say otherwise.
 * Link with libsoftseam (pkg-config softseam).
 */
#ifndef PAMT_SOFTSEAM_H
#define PAMT_SOFTSEAM_H

#include <stddef.h>
#include <pamt/seam.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct softseam;

/* All zero is a good choice: this machine's own memory map, its LPs, nothing traced. */
struct softseam_options {
	/*
	 * "builtin:256g", "builtin:2t", "builtin:64t", the name of a file with the kernel log of a
	 * real server, or NULL for the memory map of this machine.
	 */
	const char *machine;
	uint32_t nr_lps; /* logical processors; 0: as many as the map says */
	/* What vCPUs run in VP.ENTER; NULL: they leave at once, as if interrupted (seam.h). */
	enum seam_exit (*guest)(void *guest_ctx, struct seam_vcpu *vcpu);
	void *guest_ctx;
	/*
	 * Guard mode: a map by the host, softseam_map() included, of a page that is the module's or
	 * a TD's is reported with its owner and the call that took it (seam_guard_violations()).
	 */
	bool guard;
	bool next; /* the module that comes after 1.5.25: it has SYS.DISABLE */
	/*
	 * One line per SEAMCALL to this file descriptor: LP, leaf, its operands, status, registers
	 * that changed. 0: none. The descriptor stays the caller's.
	 */
	int trace_fd;
	/*
	 * All that happens to the module, as a recording that `pamt replay` does again
	 * (docs/vectors.md), to this file descriptor. Calls then do their work one after the other;
	 * those that overlap still meet each other's locks. 0: none; it stays the caller's.
	 */
	int record_fd;
};

/*
 * softseam_create - a machine with its module. options: NULL is all zero.
 * Return: 0; -ENOENT (the machine is a path that is not there), -EINVAL, -ENOMEM ... with one line
 * in error (if error_size is not 0), which for a log with bad lines begins with file:line. May
 * sleep.
 */
PAMT_MUST_CHECK int softseam_create(const struct softseam_options *options,
				    struct softseam **softseam, char *error, size_t error_size);
/*
 * softseam_destroy - ends it, with all its memory. NULL is allowed. No call may be in flight; its
 * SEAMCALL instructions are no longer served.
 */
void softseam_destroy(struct softseam *softseam);

/* ------------------------------------------------------------------------------------------- */
/* The machine                                                                                  */

/* What host code must know of the machine to bring its module up. */
struct softseam_machine {
	uint32_t nr_lps, nr_packages, nr_nodes; /* LP i is in package i % packages */
	uint32_t hkid_start_bit;		/* address bit where KeyIDs begin */
	uint16_t first_hkid, nr_hkids;		/* private KeyIDs */
	uint32_t nr_memory;			/* ranges of usable memory */
	uint64_t memory_bytes;			/* and their sum */
};

void softseam_machine(const struct softseam *softseam, struct softseam_machine *machine);
/*
 * softseam_memory - usable range number i, ascending and not overlapping: where it is, on which
 * node. Return: 0, or -ERANGE if there are not that many.
 */
PAMT_MUST_CHECK int softseam_memory(const struct softseam *softseam, uint32_t i, tdx_hpa_t *base,
				    uint64_t *bytes, uint32_t *node);

/* The table that libpamt takes: pages of this machine, its module, its LPs. */
const struct os_services *softseam_services(const struct softseam *softseam);

/*
 * softseam_map - where in this process the byte at a physical address is; good up to the end of its
 * 4K page. write: the caller will store there; without it, memory never written may appear as a
 * read-only page of zeros. NULL: not below 2^52. The pointer is good until the page is zeroed or
 * scrubbed through the services.
 */
void *softseam_map(struct softseam *softseam, tdx_hpa_t at, bool write);
/* Copies any number of bytes to, or from, physical memory. -EINVAL: not below 2^52. */
PAMT_MUST_CHECK int softseam_write(struct softseam *softseam, tdx_hpa_t to, const void *from,
				   size_t bytes);
PAMT_MUST_CHECK int softseam_read(struct softseam *softseam, tdx_hpa_t from, void *to,
				  size_t bytes);

/* ------------------------------------------------------------------------------------------- */
/* Calls                                                                                        */

/*
 * softseam_bind - the calling thread is logical processor lp from now on: for the services, and for
 * SEAMCALL instructions. One thread per LP at a time. Return: 0, or -ERANGE if there is no such LP.
 */
PAMT_MUST_CHECK int softseam_bind(struct softseam *softseam, uint32_t lp);

/* One SEAMCALL on an LP; returns RAX. An LP that is in a call already is waited for. */
tdx_status_t softseam_call(struct softseam *softseam, uint32_t lp, struct tdx_regs *regs);

/* The module itself, for the functions of seam.h. */
struct seam *softseam_module(const struct softseam *softseam);

/*
 * softseam_trap - from now on SEAMCALL instructions of this process are served by this module, by a
 * handler of SIGSEGV and SIGILL. Threads bound to a machine reach that machine. A thread that is
 * not bound reaches the machine of the last softseam_trap(), as the LP that stands for the
 * processor it runs on: number i of the processors that the process may run on is LP i % nr_lps.
 *
 * As on hardware the instruction clears the flags on success; where the module was stopped by a
 * module-fatal condition it sets the carry flag and changes no register. Other causes of the two
 * signals reach the handlers that were set before. Handlers set later take the instruction away
 * from softseam, and so does a thread that blocks the two signals. Signal handlers of the program
 * must not execute SEAMCALL where they may interrupt softseam_read(), softseam_write() or
 * softseam_map().
 *
 * Return: 0 or -errno.
 */
PAMT_MUST_CHECK int softseam_trap(struct softseam *softseam);
/*
 * The machine of the last softseam_trap(), NULL if there is none. A program that `pamt trap` runs
 * finds its machine here.
 */
struct softseam *softseam_current(void);
/* Ends what softseam_trap() began. Nothing if it was not called for this machine. */
void softseam_untrap(struct softseam *softseam);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif
