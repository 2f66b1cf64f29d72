// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * threads.c - the services of os.h out of a simulated machine and a software module.
 *
 * An allocation of any kind passes alloc_fails() first, so that a test can make each fail. What a
 * real kernel does to caches and interrupts has nothing to act on here and is empty, with the
 * exception of kick(): it leaves a mark on a CPU that the module, and a guest in it, look for
 * where hardware would notice the interrupt. The mark goes when the CPU comes back to the host,
 * which is when the host's handler would run.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "machine/allocator.h"
#include "machine/memory.h"
#include "port/threads/issue.h"
#include "port/threads/sparse.h"
#include "threads.h"

/* The thread acts as a CPU that is another thread's, in on_cpus(). */
static _Thread_local bool acting;

/* What belongs to one logical CPU, on a cache line of its own. */
struct cpu {
	uint32_t busy; /* 1: in a SEAMCALL */
	uint32_t kicked;
	uint64_t seamcalls; /* since threads_faults() */
	uint32_t offline; /* 1: gone; changes under the port's lock around CPUs, held for writing */
} __attribute__((aligned(64)));

struct threads_port {
	struct os_services services;
	struct machine *machine;
	struct memory *memory;
	struct allocator *allocator;
	struct seam *seam;
	uint32_t nr_packages;
	struct cpu *cpus;
	struct os_rwlock hotplug; /* read: no CPU comes or goes */

	uint64_t seamcall_at, seamcall_status;
	uint64_t seamcall_nr; /* counted only while seamcall_at is set */

	threads_trace_fn *trace;
	void *trace_ctx;

	uint32_t log_level;

	/* The on_fatal of whoever created the port. */
	void (*on_fatal)(void *ctx, const struct seam_fatal *fatal);
	void *on_fatal_ctx;
};

/* ------------------------------------------------------------------------------------------- */
/* Memory                                                                                       */

static tdx_hpa_t port_alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	struct threads_port *port = ctx;
	tdx_hpa_t block = HPA_NONE;

	if (machine_alloc_fails(port->machine))
		return HPA_NONE;
	if (node == OS_ANY_NODE)
		block = allocator_alloc(port->allocator, order, threads_node);
	return hpa_is_none(block) ? allocator_alloc(port->allocator, order, node) : block;
}

static void port_free_pages(void *ctx, tdx_hpa_t block, unsigned int order)
{
	allocator_free(((struct threads_port *)ctx)->allocator, block, order);
}

static tdx_hpa_t port_alloc_range(void *ctx, const struct os_range *range)
{
	struct threads_port *port = ctx;

	if (machine_alloc_fails(port->machine))
		return HPA_NONE;
	return allocator_alloc_range(port->allocator, range);
}

static void port_free_range(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	allocator_free_range(((struct threads_port *)ctx)->allocator, base, bytes);
}

static void port_exclude(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	allocator_exclude(((struct threads_port *)ctx)->allocator, base, bytes);
}

static void *port_alloc(void *ctx, size_t bytes)
{
	return machine_alloc_fails(((struct threads_port *)ctx)->machine) ? NULL : calloc(1, bytes);
}

static void port_free(void *ctx, void *object) { free(object); }

static void *port_sparse_create(void *ctx, uint64_t bytes)
{
	if (machine_alloc_fails(((struct threads_port *)ctx)->machine))
		return NULL;
	return sparse_create(bytes);
}

static int port_sparse_populate(void *ctx, void *array, uint64_t offset, uint64_t bytes)
{
	if (machine_alloc_fails(((struct threads_port *)ctx)->machine))
		return -OS_ENOMEM;
	return sparse_populate(array, offset, bytes) ? -OS_ENOMEM : 0;
}

static void port_sparse_destroy(void *ctx, void *array, uint64_t bytes)
{
	sparse_destroy(array, bytes);
}

/*
 * Two views of the same bytes. A module in guard mode is asked about the host's: whether the page
 * is the host's at all.
 */
static void *port_map_host(void *ctx, tdx_hpa_t at, enum os_access access)
{
	struct threads_port *port = ctx;

	seam_guard_host_access(port->seam, at, access);
	return memory_map(port->memory, at, access);
}

static void *port_map_module(void *ctx, tdx_hpa_t at, enum os_access access)
{
	return memory_map(((struct threads_port *)ctx)->memory, at, access);
}

static void port_zero(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	memory_zero(((struct threads_port *)ctx)->memory, base, bytes);
}

static void port_scrub(void *ctx, tdx_hpa_t base, uint64_t bytes) { port_zero(ctx, base, bytes); }

static void port_copy(void *ctx, tdx_hpa_t to, tdx_hpa_t from)
{
	memory_copy(((struct threads_port *)ctx)->memory, to, from);
}

/* ------------------------------------------------------------------------------------------- */
/* CPUs                                                                                         */

static tdx_status_t traced(struct threads_port *port, struct tdx_regs *regs)
{
	struct tdx_regs in = *regs;
	tdx_status_t status = threads_issue(port->seam, threads_cpu, regs);

	port->trace(port->trace_ctx, threads_cpu, &in, regs);
	return status;
}

/*
 * A CPU is in the module once at a time, also when another thread acts as this CPU in
 * on_each_cpu(): that one comes as an interrupt, which makes a guest leave.
 */
static void enter_module(struct cpu *cpu)
{
	unsigned int spins = 0;

	/* Acquire: what the last call did as this CPU, such as to the module's state of it. */
	while (__atomic_exchange_n(&cpu->busy, 1, __ATOMIC_ACQUIRE)) {
		/* Not at once, since most calls are short. Release: as in port_kick(). */
		if (++spins % 64 == 0)
			__atomic_store_n(&cpu->kicked, 1, __ATOMIC_RELEASE);
		os_relax();
	}
	/* Atomic for threads_counts(), relaxed: a figure. */
	__atomic_store_n(&cpu->seamcalls, cpu->seamcalls + 1, __ATOMIC_RELAXED);
}

/* Does this SEAMCALL fail on request? */
static bool seamcall_fails(struct threads_port *port)
{
	/* Relaxed: a counter. */
	return port->seamcall_at &&
	       __atomic_add_fetch(&port->seamcall_nr, 1, __ATOMIC_RELAXED) == port->seamcall_at;
}

static tdx_status_t port_seamcall(void *ctx, struct tdx_regs *regs)
{
	struct threads_port *port = ctx;
	struct cpu *cpu = &port->cpus[threads_cpu];
	tdx_status_t status;

	/* Relaxed: its own thread, or one that holds the lock. */
	if (__atomic_load_n(&cpu->offline, __ATOMIC_RELAXED))
		os_bug("a SEAMCALL on a CPU that is offline");
	enter_module(cpu);
	if (seamcall_fails(port)) {
		regs->rax = port->seamcall_status;
		status.v = regs->rax;
	} else {
		status = port->trace ? traced(port, regs)
				     : threads_issue(port->seam, threads_cpu, regs);
	}
	/* Release: pairs with the acquire in enter_module(). */
	__atomic_store_n(&cpu->busy, 0, __ATOMIC_RELEASE);
	/*
	 * Back in the host: an interrupt that came is taken now, by the CPU's own thread. Somebody
	 * who acts as this CPU must leave it: it may be meant for a vCPU that is about to enter,
	 * and would stay inside for ever. Relaxed look, to spare the exchange; acquire: what the
	 * kicker wrote before is seen by what the host does next.
	 */
	if (!acting && __atomic_load_n(&cpu->kicked, __ATOMIC_RELAXED))
		__atomic_exchange_n(&cpu->kicked, 0, __ATOMIC_ACQUIRE);
	return status;
}

static void port_kick(void *ctx, uint32_t cpu)
{
	struct threads_port *port = ctx;

	/* Release: pairs with the acquires in port_seamcall() and interrupt_pending(). */
	if (cpu < port->services.nr_cpus)
		__atomic_store_n(&port->cpus[cpu].kicked, 1, __ATOMIC_RELEASE);
}

static bool interrupt_pending(void *ctx, uint32_t lp)
{
	struct threads_port *port = ctx;

	/* Who acts as a CPU runs as the handler of an interrupt there: no other gets through. */
	return !acting && __atomic_load_n(&port->cpus[lp].kicked, __ATOMIC_ACQUIRE);
}

/* Simulated memory is coherent: there is nothing in a cache that could be written back. */
static void port_wbinvd_all(void *ctx) {}

/* In a process that has libpamt as a shared library, that has such variables of its own. */
extern void pamt_bind_thread(uint32_t cpu, uint32_t node) __attribute__((weak));

static void become(uint32_t cpu, uint32_t node)
{
	threads_cpu = cpu;
	threads_node = node;
	if (pamt_bind_thread)
		pamt_bind_thread(cpu, node);
}

void threads_bind(struct threads_port *port, uint32_t cpu)
{
	if (cpu >= port->services.nr_cpus)
		os_bug("threads_bind() to a CPU that the machine does not have");
	become(cpu, machine_node_of(port->machine, cpu));
}

/* The calling thread acts as this CPU. */
static int act_as(struct threads_port *port, uint32_t as, int (*fn)(void *arg), void *arg)
{
	uint32_t cpu = threads_cpu, node = threads_node;
	int result;

	threads_bind(port, as);
	acting = as != cpu;
	result = fn(arg);
	acting = false;
	become(cpu, node);
	return result;
}

static bool is_online(const struct threads_port *port, uint32_t cpu)
{
	/* Relaxed: the lock is held, or it is the CPU's own affair. */
	return !__atomic_load_n(&port->cpus[cpu].offline, __ATOMIC_RELAXED);
}

static int port_on_each_cpu(void *ctx, int (*fn)(void *arg), void *arg)
{
	struct threads_port *port = ctx;
	int result = 0;

	os_read_lock(&port->hotplug);
	for (uint32_t i = 0; i < port->services.nr_cpus && !result; i++)
		if (is_online(port, i))
			result = act_as(port, i, fn, arg);
	os_read_unlock(&port->hotplug);
	return result;
}

/* CPU i is in package i % packages. One of each is always there: threads_offline(). */
static uint32_t first_of_package(const struct threads_port *port, uint32_t package)
{
	uint32_t cpu = package;

	while (!is_online(port, cpu))
		cpu += port->nr_packages;
	return cpu;
}

static int port_on_each_package(void *ctx, int (*fn)(void *arg), void *arg)
{
	struct threads_port *port = ctx;
	int result = 0;

	os_read_lock(&port->hotplug);
	for (uint32_t i = 0; i < port->nr_packages && !result; i++)
		result = act_as(port, first_of_package(port, i), fn, arg);
	os_read_unlock(&port->hotplug);
	return result;
}

static bool is_last_of_package(const struct threads_port *port, uint32_t cpu)
{
	for (uint32_t i = cpu % port->nr_packages; i < port->services.nr_cpus;
	     i += port->nr_packages)
		if (i != cpu && is_online(port, i))
			return false;
	return true;
}

int threads_offline(struct threads_port *port, uint32_t cpu, int (*leaves)(void *arg), void *arg)
{
	int error = -OS_EINVAL;

	os_write_lock(&port->hotplug);
	if (cpu < port->services.nr_cpus && is_online(port, cpu)) {
		error = is_last_of_package(port, cpu) ? -OS_EBUSY : act_as(port, cpu, leaves, arg);
		/* Relaxed, here and below: the lock orders it. */
		if (!error)
			__atomic_store_n(&port->cpus[cpu].offline, 1, __ATOMIC_RELAXED);
	}
	os_write_unlock(&port->hotplug);
	return error;
}

int threads_online(struct threads_port *port, uint32_t cpu, int (*returns)(void *arg), void *arg)
{
	int error = -OS_EINVAL;

	os_write_lock(&port->hotplug);
	if (cpu < port->services.nr_cpus && !is_online(port, cpu)) {
		__atomic_store_n(&port->cpus[cpu].offline, 0, __ATOMIC_RELAXED);
		error = act_as(port, cpu, returns, arg);
		if (error)
			__atomic_store_n(&port->cpus[cpu].offline, 1, __ATOMIC_RELAXED);
	}
	os_write_unlock(&port->hotplug);
	return error;
}

/* ------------------------------------------------------------------------------------------- */
/* Log                                                                                          */

static void port_log(void *ctx, enum os_log_level level, const char *format, ...)
{
	static const char *const name[] = { "error", "warning", "info", "debug" };
	struct threads_port *port = ctx;
	char line[512];
	va_list args;

	/* Relaxed: a level that may change a line too late. */
	if ((uint32_t)level > __atomic_load_n(&port->log_level, __ATOMIC_RELAXED))
		return;
	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	/* One call, so that lines of several threads do not mix. */
	fprintf(stderr, "pamt: %s: %s\n", name[level], line);
}

static void port_on_fatal(void *ctx, const struct seam_fatal *fatal)
{
	struct threads_port *port = ctx;

	port_log(port, OS_LOG_ERROR, "TDX module is dead (%u): %s; leaf %u on CPU %u, at 0x%llx",
		 fatal->id, fatal->rule, fatal->leaf, fatal->lp, (unsigned long long)fatal->at.v);
	if (port->on_fatal)
		port->on_fatal(port->on_fatal_ctx, fatal);
}

/* ------------------------------------------------------------------------------------------- */
/* The port                                                                                     */

static const struct os_services port_services = {
	.alloc_pages = port_alloc_pages,
	.free_pages = port_free_pages,
	.alloc_range = port_alloc_range,
	.free_range = port_free_range,
	.exclude = port_exclude,
	.alloc = port_alloc,
	.free = port_free,
	.sparse_create = port_sparse_create,
	.sparse_populate = port_sparse_populate,
	.sparse_destroy = port_sparse_destroy,
	.map_host = port_map_host,
	.map_module = port_map_module,
	.zero = port_zero,
	.scrub = port_scrub,
	.copy = port_copy,
	.seamcall = port_seamcall,
	.wbinvd_all = port_wbinvd_all,
	.on_each_cpu = port_on_each_cpu,
	.on_each_package = port_on_each_package,
	.kick = port_kick,
	.log = port_log,
};

int threads_port_create(struct machine *machine, const struct seam_config *seam_config,
			struct threads_port **out, char *error, size_t error_size)
{
	struct threads_port *port = calloc(1, sizeof(*port));
	struct seam_config config;
	const char *why = "no memory";

	if (!port)
		goto fail;
	if (seam_config)
		config = *seam_config;
	else
		threads_seam_config(machine_map(machine), &config);
	port->services = port_services;
	port->services.ctx = port;
	port->services.nr_cpus = config.nr_lps;
	port->services.nr_nodes = machine_map(machine)->nr_nodes;
	port->machine = machine;
	port->memory = machine_memory(machine);
	port->allocator = machine_allocator(machine);
	port->nr_packages = config.nr_packages;
	port->log_level = OS_LOG_WARN;
	port->on_fatal = config.on_fatal;
	port->on_fatal_ctx = config.ctx;
	config.interrupt_pending = interrupt_pending;
	config.on_fatal = port_on_fatal;
	config.ctx = port;
	if (seam_create(&port->services, &config, &port->seam, &why))
		goto fail;
	/* Only now is the number of CPUs known to be sane. */
	why = "no memory";
	port->cpus = aligned_alloc(sizeof(struct cpu), config.nr_lps * sizeof(struct cpu));
	if (!port->cpus)
		goto fail;
	for (uint32_t i = 0; i < config.nr_lps; i++)
		port->cpus[i] = (struct cpu){ 0 };
	*out = port;
	return 0;
fail:
	snprintf(error, error_size, "the software TDX module cannot be set up: %s", why);
	threads_port_destroy(port);
	return -1;
}

void threads_port_destroy(struct threads_port *port)
{
	if (!port)
		return;
	seam_destroy(port->seam);
	free(port->cpus);
	free(port);
}

const struct os_services *threads_services(const struct threads_port *port)
{
	return &port->services;
}

struct seam *threads_seam(struct threads_port *port) { return port->seam; }

void threads_faults(struct threads_port *port, const struct threads_faults *faults)
{
	machine_set_faults(port->machine, &(struct machine_faults){ .fail_at = faults->alloc_at });
	port->seamcall_at = faults->seamcall_at;
	port->seamcall_status = faults->seamcall_status;
	port->seamcall_nr = 0;
	for (uint32_t i = 0; i < port->services.nr_cpus; i++)
		port->cpus[i].seamcalls = 0;
}

void threads_counts(const struct threads_port *port, uint64_t *allocs, uint64_t *seamcalls)
{
	*allocs = machine_allocs(port->machine);
	*seamcalls = 0;
	/* Relaxed: figures, exact while no call is in flight. */
	for (uint32_t i = 0; i < port->services.nr_cpus; i++)
		*seamcalls += __atomic_load_n(&port->cpus[i].seamcalls, __ATOMIC_RELAXED);
}

void threads_trace(struct threads_port *port, threads_trace_fn *trace, void *ctx)
{
	port->trace_ctx = ctx;
	port->trace = trace;
}

void threads_log_level(struct threads_port *port, enum os_log_level level)
{
	__atomic_store_n(&port->log_level, (uint32_t)level, __ATOMIC_RELAXED);
}
