// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * trapped.c - a program for `pamt trap` that makes things hard for it: it has handlers of its own
 * for the signals that the trap lives on, blocks all signals, has threads and children, and faults.
 * Prints one line per thing that went right, and exits with 0 if all did.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static sigjmp_buf escape;
static volatile sig_atomic_t faults;

static void on_fault(int sig)
{
	(void)sig;
	faults++;
	siglongjmp(escape, 1);
}

/*
 * SYS.RD on a logical processor that is not initialised: its status, and R8 is 0 then. False: no
 * module, or another answer.
 */
static int module_answers(void)
{
	uint64_t rax = 34, rcx = 0, rdx = UINT64_C(0x9000000100000000);
	register uint64_t r8 __asm__("r8") = 5;
	uint8_t carry;

	__asm__ volatile(".byte 0x66, 0x0f, 0x01, 0xcf"
			 : "+a"(rax), "+c"(rcx), "+d"(rdx), "+r"(r8), "=@ccc"(carry)
			 :
			 : "r9", "r10", "r11", "memory");
	return !carry && rax == UINT64_C(0xc000050200000000) && !r8;
}

/* SYS.DISABLE, which only the module after 1.5.25 has. */
static uint64_t disable(void)
{
	uint64_t rax = 69, rcx = 0, rdx = 0;

	__asm__ volatile(".byte 0x66, 0x0f, 0x01, 0xcf"
			 : "+a"(rax), "+c"(rcx), "+d"(rdx)
			 :
			 : "r8", "r9", "r10", "r11", "memory", "cc");
	return rax;
}

static void report(const char *what, int right)
{
	printf("%s: %s\n", what, right ? "yes" : "no");
	fflush(stdout);
	if (!right)
		exit(1);
}

/* Its own fault reaches its own handler. */
static int own_fault(void)
{
	char *nowhere = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int before = faults;

	if (!sigsetjmp(escape, 1))
		*(volatile char *)nowhere = 1;
	return faults == before + 1;
}

static void *thread(void *arg)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (int i = 0; i < 500; i++)
		if (!module_answers())
			return arg;
	return NULL;
}

static int threads(void)
{
	pthread_t id[4];
	void *wrong, *any = NULL;

	for (int i = 0; i < 4; i++)
		if (pthread_create(&id[i], NULL, thread, id))
			return 0;
	for (int i = 0; i < 4; i++) {
		pthread_join(id[i], &wrong);
		any = wrong ? wrong : any;
	}
	return !any;
}

static int child(void)
{
	pid_t pid = fork();
	int status;

	if (!pid)
		_exit(module_answers() ? 23 : 1);
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 23;
}

static void *until_cancelled(void *arg)
{
	for (;;) {
		module_answers();
		pthread_testcancel();
	}
	return arg;
}

/* A thread that is cancelled takes nothing of the module with it. */
static int cancelled(void)
{
	pthread_t id[4];

	for (int round = 0; round < 20; round++) {
		for (int i = 0; i < 4; i++)
			if (pthread_create(&id[i], NULL, until_cancelled, NULL))
				return 0;
		usleep(2000);
		for (int i = 0; i < 4; i++)
			pthread_cancel(id[i]);
		for (int i = 0; i < 4; i++)
			pthread_join(id[i], NULL);
	}
	return module_answers();
}

/* Parent and child by turns, neither of which had executed a SEAMCALL before. */
static int forked(void)
{
	int to[2], from[2], status;
	char turn = 0;
	pid_t pid;

	if (pipe(to) || pipe(from) || (pid = fork()) < 0)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (!pid && read(to[0], &turn, 1) != 1)
			_exit(1);
		if (!module_answers())
			_exit(1);
		if (write(pid ? to[1] : from[1], &turn, 1) != 1 ||
		    (pid && read(from[0], &turn, 1) != 1))
			_exit(1);
	}
	if (!pid)
		_exit(0);
	return waitpid(pid, &status, 0) == pid && !status;
}

int main(int argc, char **argv)
{
	struct sigaction action = { .sa_handler = on_fault }, found;
	sigset_t all, before;

	if (argc > 1 && !strcmp(argv[1], "crash")) {
		signal(SIGSEGV, SIG_DFL);
		raise(SIGSEGV);
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "disable")) {
		printf("0x%016llx\n", (unsigned long long)disable());
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "cancel")) {
		report("with threads that are cancelled", cancelled());
		return 0;
	}
	if (argc > 1 && !strcmp(argv[1], "fork")) {
		report("in parent and child by turns", forked());
		return 0;
	}
	report("the module answers", module_answers());
	sigaction(SIGSEGV, &action, NULL);
	report("with a handler for SIGSEGV", module_answers());
	report("which gets the program's faults", own_fault());
	sigaction(SIGSEGV, NULL, &found);
	report("and is found where it was set", found.sa_handler == on_fault);
	report("signal() returns the handler before",
	       signal(SIGILL, on_fault) == SIG_DFL && signal(SIGILL, SIG_DFL) == on_fault);
	report("with a handler for SIGILL", module_answers());
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	report("with all signals blocked", module_answers());
	sigprocmask(SIG_SETMASK, &before, NULL);
	report("in threads", threads());
	report("in a child", child());
	return 0;
}
