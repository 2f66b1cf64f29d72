// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * record.c - every SEAMCALL of a running kernel into a file.
 *
 * One thread goes round: it empties the buffers of all CPUs, puts the events in order of time,
 * makes calls out of them, writes them. What a CPU is just writing may appear a round later, so
 * events of the last LAG are kept back. Who is too slow loses events; the kernel counts them, and
 * where a gap is, the pages say.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "live/boot.h"
#include "live/facts.h"
#include "live/params.h"
#include "live/probes.h"
#include "live/record.h"
#include "live/record_events.h"
#include "live/record_file.h"

#define SECOND_NS   UINT64_C(1000000000)
#define LAG_NS	    UINT64_C(20000000)
#define ROUND_NS    20000000L
#define OTHER_FILES 64u /* than those of the CPUs */

/* An event, or a gap in those of a CPU. */
struct waiting {
	struct call_event event;
	uint64_t order; /* of arrival */
	bool gap;
};

struct recorder {
	const struct record_request *request;
	struct record_report *report;
	struct facts facts;
	struct tracefs fs;
	struct params params;
	struct boot boot;
	struct why stays; /* in the kernel; "": nothing */
	struct record_layout layout[CALL_EVENT_KINDS];
	struct calls calls;
	int *pipe; /* of a CPU by number; -1: none */
	size_t nr, room;
	struct waiting *waiting;
	uint64_t arrived;
	uint32_t cpu; /* whose page is being read */
	const struct record_layout *read_as;
	/* Events of the tool's own count from here on, those of the boot's configuration until
	 * then. */
	uint64_t begin_ns;
	bool of_boot; /* these are being read */
	bool no_memory;
};

static uint64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* ------------------------------------------------------------------------------------------- */
/* Events.                                                                                     */

static void wait_for_turn(struct recorder *r, const struct call_event *event, bool gap)
{
	if (r->nr == r->room) {
		size_t room = r->room ? 2 * r->room : 4096;
		struct waiting *more = realloc(r->waiting, room * sizeof(*more));

		if (!more) {
			r->no_memory = true;
			return;
		}
		r->waiting = more;
		r->room = room;
	}
	r->waiting[r->nr++] = (struct waiting){ *event, r->arrived++, gap };
}

static void on_event(void *ctx, const struct trace_event *raw)
{
	struct recorder *r = ctx;
	struct call_event event;

	if (r->of_boot && boot_is_mark(&r->boot, raw))
		return;
	if (record_event(r->read_as, raw, r->cpu, &event) &&
	    (r->of_boot || event.ns >= r->begin_ns))
		wait_for_turn(r, &event, false);
}

static int by_time(const void *a, const void *b)
{
	const struct waiting *x = a, *y = b;

	if (x->event.ns != y->event.ns)
		return x->event.ns < y->event.ns ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

/* The first event of a page that has a gap before it stands behind the gap. */
static int take_page(struct recorder *r, const uint8_t *page, size_t bytes, struct why *why)
{
	struct call_event gap = { .cpu = r->cpu };
	size_t first = r->nr;
	struct trace_reader reader = { .event = on_event, .ctx = r };
	int error = trace_page(page, bytes, &reader, why);

	if (error || !reader.gap || first == r->nr)
		return error;
	gap.ns = r->waiting[first].event.ns;
	wait_for_turn(r, &gap, true);
	r->waiting[r->nr - 1].order = r->waiting[first].order;
	r->waiting[first].order = r->arrived++;
	return 0;
}

static int empty_buffer(struct recorder *r, int pipe, uint32_t cpu, struct why *why)
{
	uint8_t page[TRACE_PAGE_BYTES];
	ssize_t bytes;

	r->cpu = cpu;
	while ((bytes = read(pipe, page, sizeof(page))) > 0)
		if (take_page(r, page, (size_t)bytes, why))
			return -1;
	/* A CPU that has not been online since the instance was made has no buffer in it. */
	if (!bytes || errno == EAGAIN || errno == EINTR || errno == ENODEV)
		return 0;
	return why_not(why, "the trace of CPU %u: %s", cpu, strerror(errno));
}

/* Events before a moment become calls. */
static void process(struct recorder *r, uint64_t before)
{
	size_t done = 0;

	if (r->nr)
		qsort(r->waiting, r->nr, sizeof(*r->waiting), by_time);
	for (; done < r->nr && r->waiting[done].event.ns < before; done++) {
		const struct waiting *w = &r->waiting[done];

		if (!w->gap) {
			calls_event(&r->calls, &w->event);
			continue;
		}
		calls_gap(&r->calls, w->event.cpu);
		record_file_comment(r->request->file, "events of LP %u are lost here",
				    r->facts.lp[w->event.cpu]);
	}
	if (done)
		memmove(r->waiting, r->waiting + done, (r->nr - done) * sizeof(*r->waiting));
	r->nr -= done;
}

static int go_round(struct recorder *r, uint64_t before, struct why *why)
{
	const struct record_file *file = r->request->file;

	for (uint32_t cpu = 0; cpu < r->facts.nr_cpus; cpu++)
		if (r->pipe[cpu] >= 0 && empty_buffer(r, r->pipe[cpu], cpu, why))
			return -1;
	process(r, before);
	if (r->no_memory || r->calls.no_memory)
		return why_not(why, "out of memory");
	if (!file->failed)
		return 0;
	return why_not(why, "%s: %s", file->path, strerror(file->failed));
}

/* ------------------------------------------------------------------------------------------- */
/* Calls.                                                                                      */

static void put_params(struct recorder *r, const struct live_call *call)
{
	struct params_slot slot;
	/* Of two probes at one place either may come first. */
	const uint64_t from_ns = call->in_ns > SECOND_NS ? call->in_ns - SECOND_NS : 0;

	if (params_find(&r->params, call->in.rdx, from_ns, call->out_ns, &slot)) {
		record_file_words(r->request->file, hpa(slot.at), slot.word, PARAMS_WORDS);
		r->report->params++;
		return;
	}
	record_file_comment(r->request->file, "its TD_PARAMS could not be had");
	r->report->no_params++;
}

static void on_call(void *ctx, const struct live_call *call)
{
	struct recorder *r = ctx;
	uint32_t lp = r->facts.lp[call->cpu];

	if (lp == FACTS_NO_LP) { /* it has come online since */
		r->calls.without_begin++;
		return;
	}
	if (TDX_RAX_LEAF(call->in.rax) == TDH_MNG_INIT)
		put_params(r, call);
	if (TDX_RAX_LEAF(call->in.rax) == TDH_SYS_CONFIG)
		record_file_tdmrs(r->request->file, &r->facts, hpa(call->in.rcx));
	record_file_call(r->request->file, call, lp);
}

/* ------------------------------------------------------------------------------------------- */
/* Beginning.                                                                                  */

static int read_layouts(struct recorder *r, struct why *why)
{
	for (enum call_event_kind kind = 0; kind < CALL_EVENT_KINDS; kind++) {
		char path[TRACEFS_PATH], *text;
		int error;

		probes_file(&r->fs, record_event_name[kind], "format", path);
		text = tracefs_read(&r->fs, path, why);
		if (!text)
			return -1;
		error = record_layout_read(kind, text, &r->layout[kind], why);
		free(text);
		if (error)
			return -1;
	}
	return 0;
}

/* 1024 is what a process usually may have: not enough for a descriptor of each of as many CPUs. */
static void allow_files(rlim_t nr)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= nr)
		return;
	limit.rlim_cur = nr < limit.rlim_max ? nr : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_pipe(const struct tracefs *fs, uint32_t cpu, struct why *why)
{
	char path[TRACEFS_PATH];
	int fd;

	snprintf(path, sizeof(path), "%s/per_cpu/cpu%u/trace_pipe_raw", fs->instance, cpu);
	fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		why_not(why, "%s: %s", path, strerror(errno));
	return fd;
}

static int open_pipes(struct recorder *r, struct why *why)
{
	r->pipe = malloc(r->facts.nr_cpus * sizeof(*r->pipe));
	if (!r->pipe)
		return why_not(why, "out of memory");
	allow_files(r->facts.nr_cpus + OTHER_FILES);
	/* Where one cannot be opened all of them are looked at, to be closed. */
	memset(r->pipe, -1, r->facts.nr_cpus * sizeof(*r->pipe));
	for (uint32_t cpu = 0; cpu < r->facts.nr_cpus; cpu++) {
		r->pipe[cpu] = open_pipe(&r->fs, cpu, why);
		if (r->pipe[cpu] < 0 && r->facts.lp[cpu] != FACTS_NO_LP)
			return -1;
	}
	return 0;
}

static void begin_params(struct recorder *r)
{
	struct why *why = &r->report->params_why;
	int error = probes_params(&r->fs, &r->facts, why);

	if (error > 0)
		why_not(why, "this kernel makes no SEAMCALL in tdh_mng_init");
	else if (!error)
		params_begin(&r->params, &r->fs, r->facts.direct_map, why);
}

static int switch_events(struct recorder *r, const char *value, struct why *why)
{
	int error = 0;

	for (enum call_event_kind kind = 0; kind < CALL_EVENT_KINDS; kind++) {
		char path[TRACEFS_PATH];

		probes_file(&r->fs, record_event_name[kind], "enable", path);
		error |= tracefs_write(&r->fs, path, value, why);
	}
	return error;
}

static int begin(struct recorder *r, struct why *why)
{
	char size[16];

	snprintf(size, sizeof(size), "%u", r->request->buffer_kb);
	if (r->request->from_boot && boot_open(&r->boot, &r->fs, why))
		return -1;
	if (probes_calls(&r->fs, &r->facts, why) ||
	    tracefs_write(&r->fs, "buffer_size_kb", size, why) || read_layouts(r, why) ||
	    open_pipes(r, why))
		return -1;
	begin_params(r);
	r->read_as = r->layout;
	if (switch_events(r, "1", why))
		return -1;
	if (!r->request->from_boot)
		return 0;
	r->begin_ns = now();
	return boot_mark(&r->boot, why);
}

/* ------------------------------------------------------------------------------------------- */
/* The end.                                                                                    */

/* What the kernel counts of a CPU's buffer: "overrun: 12", "dropped events: 0". */
static int add_lost(const struct tracefs *fs, uint32_t cpu, uint64_t *lost, struct why *why)
{
	static const char *const names[] = { "\noverrun: ", "\ncommit overrun: ",
					     "\ndropped events: " };
	char path[64], *text;
	unsigned long long n;

	snprintf(path, sizeof(path), "per_cpu/cpu%u/stats", cpu);
	text = tracefs_read(fs, path, why);
	if (!text)
		return -1;
	for (unsigned int i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *at = strstr(text, names[i]);

		if (at && sscanf(at + strlen(names[i]), "%llu", &n) == 1)
			*lost += n;
	}
	free(text);
	return 0;
}

static int count_losses(struct recorder *r, struct why *why)
{
	struct record_report *report = r->report;
	unsigned long long missed;

	if (tracefs_missed(&r->fs, &missed, why))
		return -1;
	report->missed_hits += missed;
	for (uint32_t cpu = 0; cpu < r->facts.nr_cpus; cpu++)
		if (r->pipe[cpu] >= 0 && add_lost(&r->fs, cpu, &report->overrun, why))
			return -1;
	report->calls = r->calls.told;
	report->moved = r->calls.moved;
	report->cut = r->calls.without_begin + r->calls.without_end + r->calls.nr_open;
	return 0;
}

/* What the instance of the boot has up to its mark, at the times of CLOCK_MONOTONIC. */
static int keep_until_mark(struct recorder *r, struct why *why)
{
	const uint64_t mark = r->boot.mark_ns;
	size_t kept = 0;

	if (!mark)
		return why_not(why, "%s does not have the mark that was made in it",
			       r->boot.fs.instance);
	for (size_t i = 0; i < r->nr; i++) {
		struct waiting *w = &r->waiting[i];

		if (w->event.ns >= mark)
			continue;
		w->event.ns += r->begin_ns - mark;
		r->waiting[kept++] = *w;
	}
	r->nr = kept;
	return 0;
}

static int take_boot_of(struct recorder *r, uint32_t cpu, struct why *why)
{
	const struct tracefs *fs = &r->boot.fs;
	int pipe = open_pipe(fs, cpu, why), error;

	if (pipe < 0)
		return -1;
	error = add_lost(fs, cpu, &r->report->overrun, why) || empty_buffer(r, pipe, cpu, why);
	close(pipe);
	return error ? -1 : 0;
}

/* All that the boot's configuration recorded; its instance is gone then, or r->stays says why. */
static int take_boot(struct recorder *r, struct why *why)
{
	unsigned long long missed = 0;
	int error = boot_stop(&r->boot, why);

	r->read_as = r->boot.layout;
	r->of_boot = true;
	for (uint32_t cpu = 0; !error && cpu < r->facts.nr_cpus; cpu++)
		if (r->pipe[cpu] >= 0)
			error = take_boot_of(r, cpu, why);
	r->read_as = r->layout;
	r->of_boot = false;
	if (error || keep_until_mark(r, why) || tracefs_missed(&r->boot.fs, &missed, why))
		return -1;
	r->report->missed_hits += missed;
	/* Somebody may be looking at it. What was taken of it is not to be had again. */
	boot_remove(&r->boot, &r->stays);
	return 0;
}

static int record(struct recorder *r, struct why *why)
{
	const struct record_request *q = r->request;
	const struct timespec pause = { .tv_nsec = ROUND_NS };
	int error = 0;

	if (q->from_boot && take_boot(r, why))
		return -1;
	if (!*q->stop && q->ready && !q->ready(q->ctx))
		return why_not(why, "it cannot be started");
	while (!error && !*q->stop && !(q->over && q->over(q->ctx))) {
		nanosleep(&pause, NULL);
		error = go_round(r, now() - LAG_NS, why);
	}
	error |= switch_events(r, "0", why);
	if (!error)
		error = go_round(r, UINT64_MAX, why);
	return error ? -1 : count_losses(r, why);
}

static void clean(struct recorder *r)
{
	params_end(&r->params);
	for (uint32_t cpu = 0; r->pipe && cpu < r->facts.nr_cpus; cpu++)
		if (r->pipe[cpu] >= 0)
			close(r->pipe[cpu]);
	free(r->pipe);
	free(r->waiting);
	calls_free(&r->calls);
}

/* Everything is in place: what there is goes into the file. */
static int into_file(struct recorder *r, struct why *why)
{
	const struct record_report *report = r->report;
	struct record_file *file = r->request->file;

	if (record_file_begin(file, &r->facts, r->request->from_boot, why)) {
		record_file_forget(file);
		return -1;
	}
	if (!record(r, why))
		return record_file_end(file, &r->facts, report->missed_hits + report->overrun,
				       report->cut, why);
	record_file_leave(file); /* its first line goes on saying that it has no end */
	return -1;
}

/* With an instance, which is gone in the end. */
static int with_instance(struct recorder *r, struct why *why)
{
	int error = begin(r, why);

	r->report->possible = !error;
	if (error)
		record_file_forget(r->request->file);
	else
		error = into_file(r, why);
	clean(r);
	tracefs_end(&r->fs, &r->stays);
	if (error || !*r->stays.text)
		return error;
	*why = r->stays;
	return -1;
}

int record_run(const struct record_request *request, struct record_report *report, struct why *why)
{
	struct recorder *r = calloc(1, sizeof(*r));
	int error;

	*report = (struct record_report){ 0 };
	if (!r) {
		record_file_forget(request->file);
		return why_not(why, "out of memory");
	}
	r->request = request;
	r->report = report;
	r->params = (struct params){ -1, -1, -1, -1 };
	r->calls.call = on_call;
	r->calls.ctx = r;
	error = facts_find(&r->facts, false, why) || tracefs_begin(&r->fs, "record", why) ? -1 : 0;
	if (error)
		record_file_forget(request->file);
	else
		error = with_instance(r, why);
	facts_free(&r->facts);
	free(r);
	return error;
}
