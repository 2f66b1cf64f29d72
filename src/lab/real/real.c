// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * real.c - the frame of the hunt in real time: a process that does rounds, and one that waits for
 * what it finds, for its crash, or for it to stand still.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "machine/clock.h"
#include "lab/real/real_internal.h"

#define ROUND_NS UINT64_C(250000000)
#define TICK_NS	 50000000
/* Nobody ends an operation in so long, on however slow a machine: they wait for each other. */
#define STILL_NS UINT64_C(120000000000)
/* For what a finding's process prints on its way out. */
#define GRACE_NS UINT64_C(3000000000)

const char *real_op_name(enum real_op op)
{
	static const char *const names[REAL_OPS] = {
		[REAL_GET] = "get",
		[REAL_PUT] = "put",
		[REAL_CACHE] = "cache",
		[REAL_CONTROL] = "control",
		[REAL_TD_LIFE] = "td-life",
		[REAL_TD_FAULT] = "td-fault",
		[REAL_TD_CHANGE] = "td-change",
		[REAL_TD_RUN] = "td-run",
		[REAL_PRESSURE] = "pressure",
		[REAL_CPU] = "cpu",
		[REAL_LOOK] = "look",
		[REAL_TOUCH] = "touch",
		[REAL_FLOOD] = "flood",
		[REAL_DRAIN] = "drain",
	};

	return op < REAL_OPS ? names[op] : "";
}

/* The process that hunts; it does not return. */
static void hunt(const struct real_config *config, struct real_board *board)
{
	uint64_t end = clock_ns() + config->seconds * UINT64_C(1000000000), now;
	uint64_t seed = config->seed;

	/* Nobody is left to be told. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	/* Sent to all of a group: it is for the parent to say what is done about it. */
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	real_still_init(board);
	while ((now = clock_ns()) < end) {
		/* Relaxed, both: for whoever looks on. */
		os_store64(&board->seed, seed, OS_RELAXED);
		os_fetch_add64(&board->rounds, 1, OS_RELAXED);
		if (!real_round(board, seed++, config->threads,
				end - now < ROUND_NS ? end - now : ROUND_NS))
			break;
	}
	_exit(0);
}

struct waiting {
	const struct real_config *config;
	struct real_board *board;
	pid_t child;
	uint64_t ops, moved_ns; /* operations, and when there were more the last time */
	uint64_t told_ns;	/* since when a finding is told; 0: none is */
};

/* Is it time that the process ends, whatever it does? */
static bool must_end(struct waiting *w)
{
	uint64_t ops[REAL_OPS], sum = os_load64(&w->board->rounds, OS_RELAXED);
	uint64_t now = clock_ns();

	for (uint32_t i = 0; i < REAL_OPS; i++)
		sum += ops[i] = os_load64(&w->board->ops[i], OS_RELAXED);
	if (sum != w->ops) {
		w->ops = sum;
		w->moved_ns = now;
	}
	if (w->config->progress)
		w->config->progress(w->config->arg, os_load64(&w->board->rounds, OS_RELAXED), ops);
	/* Acquire: the text. */
	if (os_load32(&w->board->told, OS_ACQUIRE)) {
		if (!w->told_ns)
			w->told_ns = now;
		return now - w->told_ns > GRACE_NS;
	}
	return now - w->moved_ns > STILL_NS;
}

/* What the end of the process says, where it has told nothing itself. */
static void describe_end(struct waiting *w, struct real_result *result, int status, bool ended)
{
	/* Acquire: the text. */
	result->found = os_load32(&w->board->told, OS_ACQUIRE);
	if (result->found) {
		memcpy(result->text, w->board->text, sizeof(result->text));
		return;
	}
	result->found = ended || WIFSIGNALED(status) || WEXITSTATUS(status);
	if (ended)
		snprintf(result->text, sizeof(result->text),
			 "it hangs: no thread has ended an operation for %llu s",
			 (unsigned long long)(STILL_NS / 1000000000));
	else if (WIFSIGNALED(status))
		snprintf(result->text, sizeof(result->text), "it crashes (%s)",
			 strsignal(WTERMSIG(status)));
	else if (WEXITSTATUS(status))
		snprintf(result->text, sizeof(result->text), "it ends with exit code %d",
			 WEXITSTATUS(status));
}

static void wait_for(struct waiting *w, struct real_result *result)
{
	static const struct timespec tick = { .tv_nsec = TICK_NS };
	bool ended = false, asked = false;
	int status = 0;

	w->moved_ns = clock_ns();
	while (waitpid(w->child, &status, WNOHANG) != w->child) {
		asked = w->config->stop && *w->config->stop && !w->told_ns;
		if (asked || must_end(w)) {
			ended = !w->told_ns;
			kill(w->child, SIGKILL);
			waitpid(w->child, &status, 0);
			break;
		}
		nanosleep(&tick, NULL);
	}
	if (!asked)
		describe_end(w, result, status, ended);
}

int real_run(const struct real_config *config, struct real_result *result)
{
	struct real_board *board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE,
					MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct waiting w = { .config = config, .board = board };
	uint64_t began = clock_ns();

	memset(result, 0, sizeof(*result));
	if (board != MAP_FAILED)
		w.child = fork();
	if (board == MAP_FAILED || w.child < 0) {
		snprintf(result->text, sizeof(result->text), "no process to hunt in: %s",
			 strerror(errno));
		return -1;
	}
	if (!w.child)
		hunt(config, board);
	wait_for(&w, result);
	result->seconds = (double)(clock_ns() - began) / 1e9;
	result->seed = os_load64(&board->seed, OS_RELAXED);
	result->rounds = os_load64(&board->rounds, OS_RELAXED);
	result->adds = os_load64(&board->adds, OS_RELAXED);
	result->removes = os_load64(&board->removes, OS_RELAXED);
	for (uint32_t i = 0; i < REAL_OPS; i++)
		result->ops[i] = os_load64(&board->ops[i], OS_RELAXED);
	munmap(board, sizeof(*board));
	return 0;
}
