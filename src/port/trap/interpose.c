// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * interpose.c - signal functions of a program whose SEAMCALLs are trapped.
 *
 * Once the trap is installed, the program's handlers for SIGSEGV and SIGILL become those that the
 * trap passes other faults on to, and the two signals are never blocked: the kernel ends a process
 * that faults while the signal is blocked. Everything else goes to libc as it is.
 *
 * Not covered: signals blocked by pthread_attr_setsigmask_np(), by ppoll() and its like (only while
 * they wait), or by a system call made without libc.
 */
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "port/trap/interpose.h"

/*
 * What this file defines; its prototypes in libc's header are macros in some configurations. They
 * are visible, for that is their purpose.
 */
#define INTERPOSED __attribute__((visibility("default")))

typedef int mask_fn(int how, const sigset_t *set, sigset_t *old);
typedef int sigaction_fn(int sig, const struct sigaction *act, struct sigaction *old);

static struct {
	sigaction_fn *sigaction;
	mask_fn *sigprocmask, *pthread_sigmask;
} libc;

static void *displaced(const char *name)
{
	void *function = dlsym(RTLD_NEXT, name);

	if (!function) {
		fprintf(stderr, "pamt: trap: the C library has no %s()\n", name);
		abort();
	}
	return function;
}

/*
 * By the first of our functions that anybody calls, in the constructor at the latest: before there
 * is a second thread. Relaxed by itself, since a second look-up would find the same.
 */
__attribute__((constructor)) static void look_up(void)
{
	if (libc.sigaction)
		return;
	libc.pthread_sigmask = (mask_fn *)displaced("pthread_sigmask");
	libc.sigprocmask = (mask_fn *)displaced("sigprocmask");
	libc.sigaction = (sigaction_fn *)displaced("sigaction");
}

const struct trap_os *interpose_displaced(void)
{
	static struct trap_os os;

	look_up();
	os = (struct trap_os){ libc.sigaction, libc.pthread_sigmask };
	return &os;
}

static bool is_trapped(int sig) { return (sig == SIGSEGV || sig == SIGILL) && trap_is_installed(); }

static void keep_open(sigset_t *set)
{
	sigdelset(set, SIGSEGV);
	sigdelset(set, SIGILL);
}

INTERPOSED int sigaction(int sig, const struct sigaction *act, struct sigaction *old)
{
	struct sigaction open;

	look_up();
	if (is_trapped(sig))
		return trap_next_action(sig, act, old);
	if (!act || !trap_is_installed())
		return libc.sigaction(sig, act, old);
	open = *act;
	keep_open(&open.sa_mask);
	return libc.sigaction(sig, &open, old);
}

/* BSD semantics, as glibc's and musl's. */
INTERPOSED sighandler_t signal(int sig, sighandler_t handler)
{
	struct sigaction act = { .sa_handler = handler, .sa_flags = SA_RESTART }, old;

	if (handler == SIG_ERR) {
		errno = EINVAL;
		return SIG_ERR;
	}
	return sigaction(sig, &act, &old) ? SIG_ERR : old.sa_handler;
}

static int change_mask(mask_fn *change, int how, const sigset_t *set, sigset_t *old)
{
	sigset_t open;

	if (!set || how == SIG_UNBLOCK || !trap_is_installed())
		return change(how, set, old);
	open = *set;
	keep_open(&open);
	return change(how, &open, old);
}

INTERPOSED int sigprocmask(int how, const sigset_t *set, sigset_t *old)
{
	look_up();
	return change_mask(libc.sigprocmask, how, set, old);
}

INTERPOSED int pthread_sigmask(int how, const sigset_t *set, sigset_t *old)
{
	look_up();
	return change_mask(libc.pthread_sigmask, how, set, old);
}
