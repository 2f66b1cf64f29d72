// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * workers.c - processes that take units from a shared counter; see workers.h.
 */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lab/explore/workers.h"

#define IDLE	UINT32_MAX
#define TICK_NS 20000000

/* What parent and workers tell each other. */
struct board {
	atomic_uint next;	       /* unit */
	atomic_uint done;	       /* units */
	atomic_bool stopping;	       /* no more units */
	bool lost;		       /* the parent's: a worker was ended between two units */
	atomic_uint unit[WORKERS_MAX]; /* what each is at */
};

/* Of this process. */
static struct board *board;
static uint32_t self_number;

uint32_t workers_self(void) { return self_number; }

void *workers_share(size_t bytes)
{
	void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return memory == MAP_FAILED ? NULL : memory;
}

void workers_unshare(void *memory, size_t bytes)
{
	if (memory)
		munmap(memory, bytes);
}

bool workers_outside(int signal)
{
	switch (signal) {
	case 0:
	case SIGABRT:
	case SIGBUS:
	case SIGFPE:
	case SIGILL:
	case SIGSEGV:
	case SIGSYS:
	case SIGTRAP:
		return false;
	default:
		return true;
	}
}

static uint32_t default_workers(void)
{
	cpu_set_t set;
	int nr = 1;

	if (!sched_getaffinity(0, sizeof(set), &set))
		nr = CPU_COUNT(&set);
	return (uint32_t)nr;
}

/* A worker's life. */
static void work(const struct workers *w, uint32_t self, pid_t parent)
{
	/* Nobody is left to read the results of an orphan; it may be one already. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(0);
	/* Sent to all of a group: it is for the parent to say what is done about them. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	self_number = self;
	while (!atomic_load(&board->stopping)) {
		uint32_t unit = atomic_fetch_add(&board->next, 1);

		if (unit >= w->nr_units)
			break;
		atomic_store(&board->unit[self], unit);
		w->unit(w->ctx, unit);
		atomic_store(&board->unit[self], IDLE);
		atomic_fetch_add(&board->done, 1);
	}
	_exit(0);
}

static pid_t start(const struct workers *w, uint32_t self)
{
	pid_t parent = getpid(), pid;

	atomic_store(&board->unit[self], IDLE);
	pid = fork();
	if (!pid)
		work(w, self, parent);
	return pid;
}

/* A worker ended. If it was in the middle of a unit, another one takes its place. */
static void bury(const struct workers *w, pid_t *pid, uint32_t self, int status)
{
	uint32_t unit = atomic_load(&board->unit[self]);

	*pid = 0;
	if (unit == IDLE) {
		/* By a signal: whether it had just taken another unit nobody knows. */
		board->lost |= WIFSIGNALED(status);
		return;
	}
	w->crashed(w->ctx, unit, WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	atomic_fetch_add(&board->done, 1);
	*pid = start(w, self);
	if (*pid < 0)
		*pid = 0;
}

static void give_up(const struct workers *w, const pid_t *pids, uint32_t nr)
{
	for (uint32_t i = 0; i < nr; i++)
		if (pids[i]) {
			kill(pids[i], SIGKILL);
			waitpid(pids[i], NULL, 0);
			if (atomic_load(&board->unit[i]) != IDLE)
				w->given_up(w->ctx, atomic_load(&board->unit[i]));
		}
	for (uint32_t unit = atomic_load(&board->next); unit < w->nr_units; unit++)
		w->given_up(w->ctx, unit);
}

static void wait_for_all(const struct workers *w, pid_t *pids, uint32_t nr)
{
	static const struct timespec tick = { .tv_nsec = TICK_NS };
	uint32_t alive = nr;

	while (alive) {
		nanosleep(&tick, NULL);
		if (w->stop && *w->stop) {
			give_up(w, pids, nr);
			return;
		}
		alive = 0;
		for (uint32_t i = 0; i < nr; i++) {
			int status;

			if (pids[i] && waitpid(pids[i], &status, WNOHANG) == pids[i])
				bury(w, &pids[i], i, status);
			alive += pids[i] != 0;
		}
		if ((w->tick && !w->tick(w->ctx, atomic_load(&board->done))) || board->lost)
			atomic_store(&board->stopping, true);
	}
}

const char *workers_why(void) { return errno == ECHILD ? WORKERS_KILLED : "no process to work in"; }

int workers_run(const struct workers *w)
{
	uint32_t nr = w->nr_workers ? w->nr_workers : default_workers(), started = 0;
	pid_t pids[WORKERS_MAX];
	int error = 0;

	if (nr > WORKERS_MAX)
		nr = WORKERS_MAX;
	if (nr > w->nr_units)
		nr = w->nr_units;
	board = workers_share(sizeof(*board));
	if (!board)
		return -1;
	while (started < nr) {
		pids[started] = start(w, started);
		if (pids[started] < 0)
			break;
		started++;
	}
	if (started)
		wait_for_all(w, pids, started);
	else
		error = nr ? errno : 0;
	if (board->lost)
		error = ECHILD;
	workers_unshare(board, sizeof(*board));
	board = NULL;
	errno = error;
	return error ? -1 : 0;
}
