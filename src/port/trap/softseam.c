// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * softseam.c - libsoftseam's interface: a simulated machine, its module, and whose SEAMCALLs reach
 * it.
 *
 * A call from softseam_call() or from the signal handler holds the lock of its LP for as long as it
 * lasts: a processor executes one SEAMCALL at a time, while a process may have more threads than
 * LPs. One call can only be within another on a thread where a guest in VP.ENTER issues it.
 */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <pamt/softseam.h>

#include "machine/lock.h"
#include "machine/machine.h"
#include "machine/map.h"
#include "port/threads/threads.h"
#include "port/trap/record.h"
#include "port/trap/trace.h"
#include "port/trap/trap.h"

struct lp_lock {
	struct lock lock;
	const struct binding *owner; /* of the thread that has it */
} __attribute__((aligned(64)));

struct softseam {
	struct machine_map map;
	struct machine *machine;
	struct threads_port *port;
	const struct os_services *services;
	struct lp_lock *busy; /* by LP */
	uint32_t nr_lps;
	int trace_fd;		   /* 0: none */
	struct recorder *recorder; /* NULL: none */

	bool trapped;
	struct trap_target unbound;  /* where SEAMCALLs of unbound threads go */
	uint32_t lp_of[CPU_SETSIZE]; /* their LP, by number of the processor */
};

/* A thread's binding. */
static _Thread_local struct binding {
	struct softseam *softseam;
	uint32_t lp;
	struct trap_target target;
} binding;

/* The machine of the last softseam_trap(). */
static struct softseam *process_machine;

/* ------------------------------------------------------------------------------------------- */
/* Calls                                                                                        */

/* The LP's lock, unless it is this thread that has it: its guest is not in VMX root operation. */
static bool enter(struct softseam *s, uint32_t lp)
{
	/* Relaxed: a thread finds its own mark, or anything else. */
	if (__atomic_load_n(&s->busy[lp].owner, __ATOMIC_RELAXED) == &binding)
		return false;
	lock_take(&s->busy[lp].lock);
	__atomic_store_n(&s->busy[lp].owner, &binding, __ATOMIC_RELAXED);
	return true;
}

static void leave(struct softseam *s, uint32_t lp)
{
	__atomic_store_n(&s->busy[lp].owner, NULL, __ATOMIC_RELAXED);
	lock_drop(&s->busy[lp].lock);
}

/* One SEAMCALL on this LP; false: it takes none. */
static bool issue(struct softseam *s, uint32_t lp, struct tdx_regs *regs)
{
	uint32_t before = threads_cpu;
	bool served = enter(s, lp);

	if (served) {
		served = !seam_is_fatal(threads_seam(s->port), NULL);
		if (served) {
			/* The services ask the thread which CPU it is. */
			threads_cpu = lp;
			s->services->seamcall(s->services->ctx, regs);
			threads_cpu = before;
		}
		leave(s, lp);
	}
	if (!served && s->trace_fd)
		trace_call(s->trace_fd, lp, regs, regs, false);
	return served;
}

static void trace(void *ctx, uint32_t lp, const struct tdx_regs *in, const struct tdx_regs *out)
{
	trace_call(((struct softseam *)ctx)->trace_fd, lp, in, out, true);
}

static bool serve_bound(void *ctx, struct tdx_regs *regs)
{
	const struct binding *b = ctx;

	return issue(b->softseam, b->lp, regs);
}

static bool serve_unbound(void *ctx, struct tdx_regs *regs)
{
	struct softseam *s = ctx;
	int processor = sched_getcpu();

	/* It may move on right now; on hardware it would have moved before the instruction. */
	if (processor < 0 || processor >= CPU_SETSIZE)
		processor = 0;
	return issue(s, s->lp_of[processor], regs);
}

tdx_status_t softseam_call(struct softseam *s, uint32_t lp, struct tdx_regs *regs)
{
	if (lp >= s->nr_lps)
		regs->rax = TDX_SEAMCALL_UD;
	else if (!issue(s, lp, regs))
		regs->rax = TDX_SEAMCALL_VMFAILINVALID;
	return (tdx_status_t){ regs->rax };
}

int softseam_bind(struct softseam *s, uint32_t lp)
{
	if (lp >= s->nr_lps)
		return -ERANGE;
	threads_bind(s->port, lp);
	binding = (struct binding){ s, lp, { serve_bound, &binding } };
	trap_set_thread_target(&binding.target);
	return 0;
}

struct seam *softseam_module(const struct softseam *s) { return threads_seam(s->port); }

/* ------------------------------------------------------------------------------------------- */
/* The instruction                                                                              */

/*
 * The processors that this process may run on, in order, are the LPs in order; the others, should
 * it come to run there, are shared out among the LPs as well.
 */
static void number_processors(struct softseam *s)
{
	cpu_set_t allowed;
	uint32_t next = 0;

	if (sched_getaffinity(0, sizeof(allowed), &allowed))
		CPU_ZERO(&allowed); /* more processors than a cpu_set_t has bits */
	for (uint32_t i = 0; i < CPU_SETSIZE; i++)
		s->lp_of[i] = (CPU_ISSET(i, &allowed) ? next++ : i) % s->nr_lps;
}

int softseam_trap(struct softseam *s)
{
	int error = s->trapped ? 0 : trap_install(NULL);

	if (error)
		return error;
	number_processors(s);
	s->trapped = true;
	s->unbound = (struct trap_target){ serve_unbound, s };
	/* Release: who finds the machine finds it complete. */
	__atomic_store_n(&process_machine, s, __ATOMIC_RELEASE);
	trap_set_process_target(&s->unbound);
	return 0;
}

struct softseam *softseam_current(void)
{
	/* Acquire: pairs with the release in softseam_trap(). */
	return __atomic_load_n(&process_machine, __ATOMIC_ACQUIRE);
}

void softseam_untrap(struct softseam *s)
{
	if (!s->trapped)
		return;
	s->trapped = false;
	if (softseam_current() == s) {
		__atomic_store_n(&process_machine, NULL, __ATOMIC_RELAXED);
		trap_set_process_target(NULL);
	}
	trap_uninstall();
}

/* ------------------------------------------------------------------------------------------- */
/* The machine                                                                                  */

void softseam_machine(const struct softseam *s, struct softseam_machine *machine)
{
	const struct machine_map *map = &s->map;

	*machine = (struct softseam_machine){
		.nr_lps = s->nr_lps,
		.nr_packages = map->nr_packages,
		.nr_nodes = map->nr_nodes,
		.hkid_start_bit = map->max_pa - map->hkid_bits,
		.first_hkid = map->hkid_min,
		.nr_hkids = (uint16_t)(map->hkid_max - map->hkid_min + 1),
		.nr_memory = map->nr_ranges,
	};
	for (uint32_t i = 0; i < map->nr_ranges; i++)
		machine->memory_bytes += map->ranges[i].size;
}

int softseam_memory(const struct softseam *s, uint32_t i, tdx_hpa_t *base, uint64_t *bytes,
		    uint32_t *node)
{
	if (i >= s->map.nr_ranges)
		return -ERANGE;
	*base = hpa(s->map.ranges[i].base);
	*bytes = s->map.ranges[i].size;
	*node = s->map.ranges[i].node;
	return 0;
}

const struct os_services *softseam_services(const struct softseam *s) { return s->services; }

static bool is_memory(tdx_hpa_t at, uint64_t bytes)
{
	uint64_t end = UINT64_C(1) << TDX_PA_BITS;

	return at.v <= end && bytes <= end - at.v;
}

void *softseam_map(struct softseam *s, tdx_hpa_t at, bool write)
{
	if (!is_memory(at, 1))
		return NULL;
	return s->services->map_host(s->services->ctx, at, write ? OS_WRITE : OS_READ);
}

/* Of what is next to each other in the machine, only a page is sure to be so here. */
static size_t to_page_end(tdx_hpa_t at, size_t bytes)
{
	size_t n = TDX_PAGE_SIZE - (at.v & (TDX_PAGE_SIZE - 1));

	return n < bytes ? n : bytes;
}

int softseam_write(struct softseam *s, tdx_hpa_t to, const void *from, size_t bytes)
{
	size_t n;

	if (!is_memory(to, bytes))
		return -EINVAL;
	for (const char *next = from; bytes; next += n, to.v += n, bytes -= n) {
		n = to_page_end(to, bytes);
		memcpy(softseam_map(s, to, true), next, n);
	}
	return 0;
}

int softseam_read(struct softseam *s, tdx_hpa_t from, void *to, size_t bytes)
{
	size_t n;

	if (!is_memory(from, bytes))
		return -EINVAL;
	for (char *next = to; bytes; next += n, from.v += n, bytes -= n) {
		n = to_page_end(from, bytes);
		memcpy(next, softseam_map(s, from, false), n);
	}
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* Beginning and end                                                                            */

static int no_memory(char *error, size_t error_size)
{
	snprintf(error, error_size, "no memory for the simulated machine");
	return -ENOMEM;
}

/* Without a slash it may have been meant as a size, or as a machine of ours. */
static bool is_missing(const char *machine)
{
	return machine && strchr(machine, '/') && access(machine, F_OK) && errno == ENOENT;
}

static int load_map(struct softseam *s, const struct softseam_options *options, char *error,
		    size_t error_size)
{
	const struct map_options as_it_is = { 0 };

	if (map_load(options->machine, &as_it_is, &s->map, error, error_size))
		return is_missing(options->machine) ? -ENOENT : -EINVAL;
	if (options->nr_lps)
		s->map.nr_cpus = options->nr_lps;
	if (s->map.nr_packages > s->map.nr_cpus)
		s->map.nr_packages = s->map.nr_cpus;
	s->nr_lps = s->map.nr_cpus;
	return 0;
}

/* What is there already is taken down by the caller if this fails. */
static int build(struct softseam *s, const struct softseam_options *options, char *error,
		 size_t error_size)
{
	struct seam_config config;
	int result = load_map(s, options, error, error_size);

	if (result)
		return result;
	s->machine = machine_create(&s->map);
	s->busy = aligned_alloc(sizeof(*s->busy), s->nr_lps * sizeof(*s->busy));
	if (!s->machine || !s->busy)
		return no_memory(error, error_size);
	memset(s->busy, 0, s->nr_lps * sizeof(*s->busy));

	threads_seam_config(&s->map, &config);
	config.guard = options->guard;
	config.next = options->next;
	config.guest = options->guest;
	config.guest_ctx = options->guest_ctx;
	if (options->record_fd) {
		s->recorder = record_create(options->record_fd, &config);
		if (!s->recorder)
			return no_memory(error, error_size);
	}
	if (threads_port_create(s->machine, &config, &s->port, error, error_size))
		return -EINVAL;
	if (s->recorder)
		record_begin(s->recorder, threads_seam(s->port));
	s->services = threads_services(s->port);
	s->trace_fd = options->trace_fd;
	if (s->trace_fd)
		threads_trace(s->port, trace, s);
	return 0;
}

int softseam_create(const struct softseam_options *options, struct softseam **out, char *error,
		    size_t error_size)
{
	const struct softseam_options none = { 0 };
	struct softseam *s = calloc(1, sizeof(*s));
	int result;

	if (!s)
		return no_memory(error, error_size);
	result = build(s, options ? options : &none, error, error_size);
	if (result) {
		softseam_destroy(s);
		return result;
	}
	*out = s;
	return 0;
}

void softseam_destroy(struct softseam *s)
{
	if (!s)
		return;
	softseam_untrap(s);
	if (binding.softseam == s) {
		binding.softseam = NULL;
		trap_set_thread_target(NULL);
	}
	threads_port_destroy(s->port);
	record_destroy(s->recorder);
	machine_destroy(s->machine);
	map_free(&s->map);
	free(s->busy);
	free(s);
}
