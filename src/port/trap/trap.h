/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * trap.h - the real SEAMCALL instruction, served in software.
 *
 * A processor without TDX, or in user mode, answers 66 0F 01 CF with #UD or #GP, which Linux turns
 * into SIGILL or SIGSEGV. trap_install() catches both. Where the signal was raised by these bytes,
 * the registers go to the thread's target, the results go back into the interrupted context, and
 * execution goes on behind the instruction. Every other SIGILL and SIGSEGV goes to whom it would
 * have gone to without this: the handler that was there before, or the default action.
 *
 * A target is the module that a thread's SEAMCALLs reach. It is asked from within the signal
 * handler, with all signals but these two blocked: it must be async-signal-safe, as seam_call() and
 * the simulated memory are as long as no signal handler of the program calls them by itself.
 */
#ifndef PAMT_PORT_TRAP_H
#define PAMT_PORT_TRAP_H

#include <signal.h>
#include <stdbool.h>
#include <pamt/tdx.h>

struct trap_target {
	/*
	 * One SEAMCALL of this thread, registers in and out. False: there is no module that could
	 * take it; the instruction then sets the carry flag (VMfailInvalid).
	 */
	bool (*serve)(void *ctx, struct tdx_regs *regs);
	void *ctx;
};

/* How signals are set up, for programs in which the libc functions are not what they were. */
struct trap_os {
	int (*sigaction)(int sig, const struct sigaction *act, struct sigaction *old);
	int (*procmask)(int how, const sigset_t *set, sigset_t *old);
};

/*
 * trap_install - catches SEAMCALLs of this process from now on. os: NULL for sigaction() and
 * pthread_sigmask(). Calls nest: each needs its trap_uninstall(); os counts in the first only.
 * Return: 0 or -errno.
 */
int trap_install(const struct trap_os *os);
/* The last one gives the signals back to those who had them, unless others have taken them since.
 */
void trap_uninstall(void);
bool trap_is_installed(void);

/*
 * The target of the calling thread; NULL: none of its own, that of the process is used. Returns the
 * one before. It is not copied.
 */
const struct trap_target *trap_set_thread_target(const struct trap_target *target);
/* The target of threads that have none; NULL: none. No SEAMCALL of such a thread may be running. */
void trap_set_process_target(const struct trap_target *target);

/*
 * What sigaction() would do for SIGSEGV and SIGILL if the trap were not installed: reads and
 * replaces the action that other causes of these signals are passed on to. Return: as sigaction().
 */
int trap_next_action(int sig, const struct sigaction *act, struct sigaction *old);

/* Executes the instruction. Returns its carry flag: true if there was no module (seamcall.S). */
bool trap_seamcall(struct tdx_regs *regs);

#endif
