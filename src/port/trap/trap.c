// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trap.c - the signal handler that serves SEAMCALL instructions.
 *
 * Everything here may be interrupted by the signals it handles, so: state that the handler reads is
 * changed with all signals blocked on the changing thread, and under a spin lock against the
 * others. The handler itself runs with all other signals blocked, like a processor that is in SEAM
 * mode.
 */
#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <ucontext.h>

#include "machine/lock.h"
#include "port/trap/trap.h"

/* What seamcall.S believes. */
#define CHECK_OFFSET(reg, at) \
	_Static_assert(offsetof(struct tdx_regs, reg) == (at), "seamcall.S: offset of " #reg)
CHECK_OFFSET(rax, 0);
CHECK_OFFSET(rcx, 8);
CHECK_OFFSET(rdx, 16);
CHECK_OFFSET(rbx, 24);
CHECK_OFFSET(rbp, 32);
CHECK_OFFSET(rsi, 40);
CHECK_OFFSET(rdi, 48);
CHECK_OFFSET(r8, 56);
CHECK_OFFSET(r9, 64);
CHECK_OFFSET(r10, 72);
CHECK_OFFSET(r11, 80);
CHECK_OFFSET(r12, 88);
CHECK_OFFSET(r13, 96);
CHECK_OFFSET(r14, 104);
CHECK_OFFSET(r15, 112);

static const uint8_t instruction[] = { 0x66, 0x0f, 0x01, 0xcf };

#define TRAPNO_UD 6
#define TRAPNO_GP 13

/* CF PF AF ZF SF OF: cleared by VMsucceed; VMfailInvalid is the same with CF set. */
#define FLAG_CF	  INT64_C(0x001)
#define FLAGS_VMX INT64_C(0x8d5)

/* Which register of the interrupted context is which of the call. */
static const struct {
	uint16_t offset;
	uint16_t greg;
} registers[] = {
#define REGISTER(name, greg)                          \
	{                                             \
		offsetof(struct tdx_regs, name), greg \
	}
	REGISTER(rax, REG_RAX), REGISTER(rcx, REG_RCX), REGISTER(rdx, REG_RDX),
	REGISTER(rbx, REG_RBX), REGISTER(rbp, REG_RBP), REGISTER(rsi, REG_RSI),
	REGISTER(rdi, REG_RDI), REGISTER(r8, REG_R8),	REGISTER(r9, REG_R9),
	REGISTER(r10, REG_R10), REGISTER(r11, REG_R11), REGISTER(r12, REG_R12),
	REGISTER(r13, REG_R13), REGISTER(r14, REG_R14), REGISTER(r15, REG_R15),
};
_Static_assert(sizeof(registers) / sizeof(registers[0]) == sizeof(struct tdx_regs) / 8,
	       "every register of a SEAMCALL");

static const int signals[] = { SIGSEGV, SIGILL };
#define NR_SIGNALS (sizeof(signals) / sizeof(signals[0]))

static const struct trap_os libc_os = { sigaction, pthread_sigmask };

/* Serialises trap_install() and trap_uninstall(); never taken in the handler. */
static pthread_mutex_t install_mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned int installed;
static struct trap_os os = { sigaction, pthread_sigmask };

/* Whom other causes of the signals go to. */
static struct lock next_lock;
static struct sigaction next[NR_SIGNALS];

/* Initial-exec: the handler must not be what makes the dynamic linker allocate. */
static _Thread_local const struct trap_target *thread_target
	__attribute__((tls_model("initial-exec")));
static const struct trap_target *process_target;

/* ------------------------------------------------------------------------------------------- */
/* Serving                                                                                      */

/*
 * Was it the instruction? For #UD and #GP the processor has fetched what it stopped at, so its
 * bytes can be read; and only these: each comparison is made only if the one before says that the
 * instruction has at least one byte more.
 */
static bool is_seamcall(const mcontext_t *m)
{
	const volatile uint8_t *rip = (const volatile uint8_t *)m->gregs[REG_RIP];

	if (m->gregs[REG_TRAPNO] != TRAPNO_UD && m->gregs[REG_TRAPNO] != TRAPNO_GP)
		return false;
	for (size_t i = 0; i < sizeof(instruction); i++)
		if (rip[i] != instruction[i])
			return false;
	return true;
}

static void serve(mcontext_t *m)
{
	const struct trap_target *target = thread_target;
	struct tdx_regs regs;
	bool served;

	/* Acquire: pairs with the release that published the target. */
	if (!target)
		target = __atomic_load_n(&process_target, __ATOMIC_ACQUIRE);
	for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
		memcpy((char *)&regs + registers[i].offset, &m->gregs[registers[i].greg], 8);
	served = target && target->serve(target->ctx, &regs);
	m->gregs[REG_EFL] &= ~FLAGS_VMX;
	if (served)
		for (size_t i = 0; i < sizeof(registers) / sizeof(registers[0]); i++)
			memcpy(&m->gregs[registers[i].greg], (char *)&regs + registers[i].offset,
			       8);
	else
		m->gregs[REG_EFL] |= FLAG_CF;
	m->gregs[REG_RIP] += sizeof(instruction);
}

/* ------------------------------------------------------------------------------------------- */
/* Passing on                                                                                   */

static size_t signal_index(int sig)
{
	size_t i = 0;

	while (i < NR_SIGNALS && signals[i] != sig)
		i++;
	return i;
}

/* Ends the process as if nobody had ever handled the signal. */
static void default_action(int sig, const siginfo_t *info)
{
	struct sigaction dfl = { .sa_handler = SIG_DFL };

	os.sigaction(sig, &dfl, NULL);
	/*
	 * The instruction raises it again when the handler returns. If it was sent by somebody,
	 * nothing would: send it again, to arrive when the handler returns.
	 */
	if (info->si_code <= 0)
		raise(sig);
}

/* The signal mask under which the kernel would have run this handler. */
static void handler_mask(const struct sigaction *act, int sig, const ucontext_t *context,
			 sigset_t *mask)
{
	sigset_t interrupted;

	/* What the kernel saved is 64 signals, no more. */
	sigemptyset(&interrupted);
	memcpy(&interrupted, &context->uc_sigmask, 8);
	sigorset(mask, &interrupted, &act->sa_mask);
	if (!(act->sa_flags & SA_NODEFER))
		sigaddset(mask, sig);
}

static void pass_on(int sig, siginfo_t *info, ucontext_t *context)
{
	size_t i = signal_index(sig);
	struct sigaction act;
	sigset_t mask;

	lock_take(&next_lock);
	act = next[i];
	if (act.sa_flags & (int)SA_RESETHAND)
		next[i] = (struct sigaction){ .sa_handler = SIG_DFL };
	lock_drop(&next_lock);

	if (!(act.sa_flags & SA_SIGINFO)) {
		if (act.sa_handler == SIG_IGN && info->si_code <= 0)
			return;
		/* A fault cannot be ignored. */
		if (act.sa_handler == SIG_DFL || act.sa_handler == SIG_IGN) {
			default_action(sig, info);
			return;
		}
	}
	handler_mask(&act, sig, context, &mask);
	os.procmask(SIG_SETMASK, &mask, NULL);
	if (act.sa_flags & SA_SIGINFO)
		act.sa_sigaction(sig, info, context);
	else
		act.sa_handler(sig);
}

static void on_signal(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	int saved = errno, cancel;

	if (!is_seamcall(&uc->uc_mcontext)) {
		pass_on(sig, info, uc);
		return;
	}
	/* A SEAMCALL is no cancellation point: the LP and the recorder's turn would be lost. */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	serve(&uc->uc_mcontext);
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}

/* ------------------------------------------------------------------------------------------- */
/* Setting up                                                                                   */

int trap_next_action(int sig, const struct sigaction *act, struct sigaction *old)
{
	size_t i = signal_index(sig);
	sigset_t all, before;

	if (i == NR_SIGNALS) {
		errno = EINVAL;
		return -1;
	}
	sigfillset(&all);
	os.procmask(SIG_SETMASK, &all, &before);
	lock_take(&next_lock);
	if (old)
		*old = next[i];
	if (act)
		next[i] = *act;
	lock_drop(&next_lock);
	os.procmask(SIG_SETMASK, &before, NULL);
	return 0;
}

/* Takes back the first nr signals, from nobody who has come after us. */
static void give_back(size_t nr)
{
	struct sigaction now, before;

	while (nr--) {
		if (os.sigaction(signals[nr], NULL, &now) || !(now.sa_flags & SA_SIGINFO) ||
		    now.sa_sigaction != on_signal)
			continue;
		trap_next_action(signals[nr], NULL, &before);
		os.sigaction(signals[nr], &before, NULL);
	}
}

static int take_signal(size_t i)
{
	struct sigaction act = { .sa_sigaction = on_signal,
				 .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART | SA_NODEFER };
	struct sigaction before;

	/* Open for the two alone: a guest in VP.ENTER may be host code on another LP's behalf. */
	sigfillset(&act.sa_mask);
	for (size_t s = 0; s < NR_SIGNALS; s++)
		sigdelset(&act.sa_mask, signals[s]);
	if (os.sigaction(signals[i], NULL, &before))
		return -errno;
	/* Noted before the handler can run, for a thread that faults right now. */
	if (!(before.sa_flags & SA_SIGINFO) || before.sa_sigaction != on_signal)
		trap_next_action(signals[i], &before, NULL);
	return os.sigaction(signals[i], &act, NULL) ? -errno : 0;
}

static int take_signals(void)
{
	for (size_t i = 0; i < NR_SIGNALS; i++) {
		int error = take_signal(i);

		if (error) {
			give_back(i);
			return error;
		}
	}
	return 0;
}

int trap_install(const struct trap_os *with)
{
	int error = 0;

	pthread_mutex_lock(&install_mutex);
	if (!installed) {
		os = with ? *with : libc_os;
		error = take_signals();
	}
	/* Relaxed: trap_is_installed() is no more than a look at it. */
	if (!error)
		__atomic_fetch_add(&installed, 1, __ATOMIC_RELAXED);
	pthread_mutex_unlock(&install_mutex);
	return error;
}

void trap_uninstall(void)
{
	pthread_mutex_lock(&install_mutex);
	if (installed && !__atomic_sub_fetch(&installed, 1, __ATOMIC_RELAXED))
		give_back(NR_SIGNALS);
	pthread_mutex_unlock(&install_mutex);
}

bool trap_is_installed(void) { return __atomic_load_n(&installed, __ATOMIC_RELAXED) != 0; }

const struct trap_target *trap_set_thread_target(const struct trap_target *target)
{
	const struct trap_target *before = thread_target;

	thread_target = target;
	return before;
}

void trap_set_process_target(const struct trap_target *target)
{
	/* Release: a thread that traps into the new target sees it complete. */
	__atomic_store_n(&process_target, target, __ATOMIC_RELEASE);
}
