// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * server.c - the services of server.h.
 *
 * Virtual time knows cache lines by address, so where an object lies must not depend on anything
 * but the run itself: small objects come out of a store of its own, aligned to whole lines and
 * reused in the order in which they were given back.
 *
 * Single pages of a CPU's node come out of its list (page_lists.h). What is left in the lists goes
 * back at the end of a run, or when a range does not fit.
 *
 * A CPU is in the module once at a time. Its own fiber cannot get in its way; one that acts as
 * this CPU (on_each_cpu) can, and comes as an interrupt, which makes a guest leave. The mark that
 * an interrupt leaves goes when the CPU's own fiber comes back from the module, where the host's
 * handler would run.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/allocator.h"
#include "machine/memory.h"
#include "port/stage/page_lists.h"
#include "port/stage/server.h"
#include "port/stage/stage.h"
#include "port/threads/sparse.h"

/* Address space of small objects, and their sizes: powers of two from a line to 64 MB. */
#define STORE_BYTES   (UINT64_C(64) << 30)
#define STORE_LINE    64u
#define STORE_CLASSES 21u

/* At the head of an object; the rest of its first line is not used. */
struct object {
	uint32_t class;
	struct object *next; /* given back before this one */
};

struct store {
	char *base;
	uint64_t used;
	struct object *spare[STORE_CLASSES];
};

struct cpu {
	bool busy; /* in a SEAMCALL */
	bool kicked;
	bool offline;
};

struct server {
	struct os_services services;
	struct server_config config;
	struct machine *machine;
	struct memory *memory;
	struct allocator *allocator;
	struct seam *seam;
	struct cpu *cpus;
	struct page_lists *lists;
	struct store store;
	uint64_t seamcalls;
};

/* ------------------------------------------------------------------------------------------- */
/* Memory                                                                                       */

void server_drain(struct server *server) { page_lists_drain(server->lists, OS_ANY_NODE); }

void server_choose_lists(struct server *server, struct page_lists_kind kind)
{
	page_lists_choose(server->lists, kind);
}

static tdx_hpa_t take_block(struct server *server, unsigned int order, uint32_t node)
{
	tdx_hpa_t block = HPA_NONE;

	if (!order && stage_now())
		block = page_lists_take(server->lists, os_cpu(), node);
	if (hpa_is_none(block) && node == OS_ANY_NODE)
		block = allocator_alloc(server->allocator, order, os_node());
	return hpa_is_none(block) ? allocator_alloc(server->allocator, order, node) : block;
}

static tdx_hpa_t alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	struct server *server = ctx;
	tdx_hpa_t block;

	stage_sleep("alloc_pages", server->allocator, UINT64_C(1) << order);
	if (machine_alloc_fails(server->machine))
		return HPA_NONE;
	block = take_block(server, order, node);
	/* What other CPUs have in stock may be it. */
	if (hpa_is_none(block) && page_lists_drain(server->lists, node))
		block = take_block(server, order, node);
	return block;
}

static void free_pages(void *ctx, tdx_hpa_t block, unsigned int order)
{
	struct server *server = ctx;

	stage_call("free_pages", server->allocator, UINT64_C(1) << order);
	if (!order && stage_now() && page_lists_give(server->lists, os_cpu(), block))
		return;
	allocator_free(server->allocator, block, order);
}

static tdx_hpa_t alloc_range(void *ctx, const struct os_range *range)
{
	struct server *server = ctx;
	tdx_hpa_t base;

	stage_may_sleep("alloc_range");
	if (machine_alloc_fails(server->machine))
		return HPA_NONE;
	base = allocator_alloc_range(server->allocator, range);
	/* It may be what CPUs have in stock that is in its way. */
	if (hpa_is_none(base) && page_lists_drain(server->lists, range->node))
		base = allocator_alloc_range(server->allocator, range);
	return base;
}

static void free_range(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	allocator_free_range(((struct server *)ctx)->allocator, base, bytes);
}

static void exclude(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	allocator_exclude(((struct server *)ctx)->allocator, base, bytes);
}

static uint32_t class_of(uint64_t bytes)
{
	uint32_t class = 0;

	while ((uint64_t)STORE_LINE << class < bytes)
		class ++;
	return class;
}

static void *alloc(void *ctx, size_t bytes)
{
	struct server *server = ctx;
	struct store *store = &server->store;
	uint32_t class = class_of(bytes + STORE_LINE);
	uint64_t room = (uint64_t)STORE_LINE << class;
	struct object *object;

	stage_sleep("alloc", store, 0);
	if (machine_alloc_fails(server->machine) || class >= STORE_CLASSES)
		return NULL;
	object = store->spare[class];
	if (object) {
		store->spare[class] = object->next;
		memset(object, 0, STORE_LINE + bytes);
	} else if (room <= STORE_BYTES - store->used) {
		object = (void *)(store->base + store->used); /* untouched, and so zero */
		store->used += room;
	} else {
		return NULL;
	}
	object->class = class;
	return (char *)object + STORE_LINE;
}

static void free_object(void *ctx, void *at)
{
	struct server *server = ctx;
	struct object *object = (void *)((char *)at - STORE_LINE);

	if (!at)
		return;
	stage_sleep("free", &server->store, 0);
	object->next = server->store.spare[object->class];
	server->store.spare[object->class] = object;
}

/* What is touched of an array is on lines of its own, wherever it lies. */
static void *make_sparse(void *ctx, uint64_t bytes)
{
	stage_may_sleep("sparse_create");
	return machine_alloc_fails(((struct server *)ctx)->machine) ? NULL : sparse_create(bytes);
}

static int populate_sparse(void *ctx, void *array, uint64_t offset, uint64_t bytes)
{
	if (machine_alloc_fails(((struct server *)ctx)->machine))
		return -OS_ENOMEM;
	return sparse_populate(array, offset, bytes) ? -OS_ENOMEM : 0;
}

static void destroy_sparse(void *ctx, void *array, uint64_t bytes) { sparse_destroy(array, bytes); }

static void *map_host(void *ctx, tdx_hpa_t at, enum os_access access)
{
	struct server *server = ctx;

	seam_guard_host_access(server->seam, at, access);
	return memory_map(server->memory, at, access);
}

static void *map_module(void *ctx, tdx_hpa_t at, enum os_access access)
{
	return memory_map(((struct server *)ctx)->memory, at, access);
}

static void zero(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	stage_call("zero", NULL, bytes >> TDX_PAGE_SHIFT);
	memory_zero(((struct server *)ctx)->memory, base, bytes);
}

static void scrub(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	stage_call("scrub", NULL, bytes >> TDX_PAGE_SHIFT);
	memory_zero(((struct server *)ctx)->memory, base, bytes);
}

static void copy(void *ctx, tdx_hpa_t to, tdx_hpa_t from)
{
	stage_call("zero", NULL, 1); /* costs about as much */
	memory_copy(((struct server *)ctx)->memory, to, from);
}

/* ------------------------------------------------------------------------------------------- */
/* Calls                                                                                        */

/* The fiber runs as a CPU that is not its own. */
static bool is_acting(void) { return stage_now() && stage_now()->id != stage_now()->cpu; }

/* From inside the module, with the leaf's locks held. */
static void pace(void *ctx, uint32_t lp, uint32_t leaf)
{
	struct server *server = ctx;

	if (server->config.cost)
		stage_pass(server->config.cost(leaf));
}

static bool interrupt_pending(void *ctx, uint32_t lp)
{
	/* Who acts as a CPU runs as the handler of an interrupt there: no other gets through. */
	return !is_acting() && ((struct server *)ctx)->cpus[lp].kicked;
}

static tdx_status_t seamcall(void *ctx, struct tdx_regs *regs)
{
	struct server *server = ctx;
	struct cpu *cpu = &server->cpus[os_cpu()];
	tdx_status_t status;
	bool quiet;

	stage_call("SEAMCALL", NULL, 0);
	while (cpu->busy) {
		cpu->kicked = true;
		os_relax();
	}
	cpu->busy = true;
	server->seamcalls++;
	quiet = stage_quiet(true);
	status = seam_call(server->seam, os_cpu(), regs);
	if (!tdx_status_ok(status))
		pace(server, os_cpu(), 0);
	stage_quiet(quiet);
	cpu->busy = false;
	if (!is_acting())
		cpu->kicked = false;
	return status;
}

static void wbinvd_all(void *ctx) { stage_may_sleep("wbinvd_all"); }

/* The fiber acts as each CPU in turn. */
static int act_as(uint32_t cpu, int (*fn)(void *arg), void *arg)
{
	uint32_t own = os_cpu();
	int result;

	stage_pretend(cpu);
	result = fn(arg);
	stage_pretend(own);
	return result;
}

static int on_each_cpu(void *ctx, int (*fn)(void *arg), void *arg)
{
	struct server *server = ctx;
	int result = 0;

	stage_may_sleep("a call on other CPUs");
	for (uint32_t cpu = 0; cpu < server->services.nr_cpus && !result; cpu++)
		if (!server->cpus[cpu].offline)
			result = act_as(cpu, fn, arg);
	return result;
}

/* CPU i is in package i % packages. The first one of a package that is there, beside not. */
static uint32_t of_package(const struct server *server, uint32_t package, uint32_t not )
{
	uint32_t cpu = package;

	while (cpu < server->services.nr_cpus && (cpu == not || server->cpus[cpu].offline))
		cpu += server->config.seam.nr_packages;
	return cpu;
}

static int on_each_package(void *ctx, int (*fn)(void *arg), void *arg)
{
	struct server *server = ctx;
	int result = 0;

	stage_may_sleep("a call on other CPUs");
	for (uint32_t i = 0; i < server->config.seam.nr_packages && !result; i++)
		result = act_as(of_package(server, i, UINT32_MAX), fn, arg);
	return result;
}

int server_offline(struct server *server, uint32_t cpu, int (*leaves)(void *arg), void *arg)
{
	uint32_t nr = server->services.nr_cpus;
	int error;

	if (cpu >= nr || server->cpus[cpu].offline)
		return -OS_EINVAL;
	if (of_package(server, cpu % server->config.seam.nr_packages, cpu) >= nr)
		return -OS_EBUSY;
	error = act_as(cpu, leaves, arg);
	server->cpus[cpu].offline = !error;
	return error;
}

int server_online(struct server *server, uint32_t cpu, int (*returns)(void *arg), void *arg)
{
	int error;

	if (cpu >= server->services.nr_cpus || !server->cpus[cpu].offline)
		return -OS_EINVAL;
	error = act_as(cpu, returns, arg);
	server->cpus[cpu].offline = error;
	return error;
}

static void kick(void *ctx, uint32_t cpu)
{
	struct server *server = ctx;

	stage_call("kick", &server->cpus[cpu], 0);
	server->cpus[cpu].kicked = true;
}

/* ------------------------------------------------------------------------------------------- */
/* Log                                                                                          */

static void log_line(void *ctx, enum os_log_level level, const char *format, ...)
{
	static const char *const name[] = { "error", "warning", "info", "debug" };
	struct server *server = ctx;
	va_list args;

	if (level > server->config.log_level)
		return;
	fprintf(stderr, "pamt: %s: ", name[level]);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fprintf(stderr, "\n");
}

static void on_fatal(void *ctx, const struct seam_fatal *fatal)
{
	log_line(ctx, OS_LOG_ERROR, "TDX module is dead (%u): %s; leaf %u on CPU %u, at 0x%llx",
		 fatal->id, fatal->rule, fatal->leaf, fatal->lp, (unsigned long long)fatal->at.v);
}

/* ------------------------------------------------------------------------------------------- */
/* Making it                                                                                    */

static const struct os_services services = {
	.alloc_pages = alloc_pages,
	.free_pages = free_pages,
	.alloc_range = alloc_range,
	.free_range = free_range,
	.exclude = exclude,
	.alloc = alloc,
	.free = free_object,
	.sparse_create = make_sparse,
	.sparse_populate = populate_sparse,
	.sparse_destroy = destroy_sparse,
	.map_host = map_host,
	.map_module = map_module,
	.zero = zero,
	.scrub = scrub,
	.copy = copy,
	.seamcall = seamcall,
	.wbinvd_all = wbinvd_all,
	.on_each_cpu = on_each_cpu,
	.on_each_package = on_each_package,
	.kick = kick,
	.log = log_line,
};

static struct server *make_server(struct machine *machine, const struct server_config *config)
{
	struct server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->config = *config;
	server->services = services;
	server->services.ctx = server;
	server->services.nr_cpus = config->seam.nr_lps;
	server->services.nr_nodes = machine_map(machine)->nr_nodes;
	server->machine = machine;
	server->memory = machine_memory(machine);
	server->allocator = machine_allocator(machine);
	server->store.base = sparse_create(STORE_BYTES);
	server->cpus = calloc(config->seam.nr_lps, sizeof(*server->cpus));
	server->lists = page_lists_create(machine, config->seam.nr_lps);
	if (server->cpus && server->lists && server->store.base &&
	    !sparse_populate(server->store.base, 0, STORE_BYTES))
		return server;
	server_destroy(server);
	return NULL;
}

int server_create(struct machine *machine, const struct server_config *config, struct server **out,
		  char *error, size_t error_size)
{
	struct server *server = make_server(machine, config);
	struct seam_config seam = config->seam;
	const char *why = "no memory";

	if (!server)
		goto fail;
	seam.interrupt_pending = interrupt_pending;
	seam.pace = pace;
	seam.on_fatal = on_fatal;
	seam.ctx = server;
	if (seam_create(&server->services, &seam, &server->seam, &why)) {
		server->seam = NULL;
		goto fail;
	}
	*out = server;
	return 0;
fail:
	snprintf(error, error_size, "the software TDX module cannot be set up: %s", why);
	server_destroy(server);
	return -1;
}

void server_destroy(struct server *server)
{
	if (!server)
		return;
	if (server->seam)
		seam_destroy(server->seam);
	if (server->store.base)
		sparse_destroy(server->store.base, STORE_BYTES);
	page_lists_destroy(server->lists);
	free(server->cpus);
	free(server);
}

const struct os_services *server_services(const struct server *server) { return &server->services; }
uint64_t server_seamcalls(const struct server *server) { return server->seamcalls; }
