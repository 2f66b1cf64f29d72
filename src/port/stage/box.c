// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * box.c - the machine in a box: its layout and its services but for pages (box_pages.c).
 *
 * The box is one range of address space:
 *
 *     state and page bits | small objects | sparse arrays | RAM
 *
 * Objects and arrays are handed out from the bottom up and never reused: a run is short, and the
 * state before it comes back at its end.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"
#include "box_internal.h"

#define OBJECT_BYTES  (16ull << 20)
#define OBJECT_HEADER 16u
#define OBJECT_LIVE   UINT64_C(0x6f626a6563740001)
#define OBJECT_DEAD   UINT64_C(0x6f626a6563740000)
#define BITS_PER_2M   (TDX_PAGES_PER_2M / 8) /* bytes of page bits */

/* ------------------------------------------------------------------------------------------- */
/* Services: objects and arrays                                                                 */

static void *take_object(struct box *box, uint64_t bytes)
{
	struct box_state *state = box->state;
	uint64_t *object = (void *)(box->objects + state->objects_used);

	bytes = (bytes + 2 * OBJECT_HEADER - 1) & ~(uint64_t)(OBJECT_HEADER - 1);
	if (bytes > OBJECT_BYTES - state->objects_used)
		return NULL;
	state->objects_used += bytes;
	object[0] = OBJECT_LIVE;
	object[1] = bytes;
	return (char *)object + OBJECT_HEADER;
}

static void *alloc_object(void *ctx, size_t bytes)
{
	struct box *box = ctx;

	stage_sleep("alloc", &box->state->objects_used, 0);
	return box_may_allocate(box) ? take_object(box, bytes) : NULL;
}

static void free_object(void *ctx, void *object)
{
	struct box *box = ctx;
	uint64_t *header;

	if (!object)
		return;
	stage_sleep("free", &box->state->objects_used, 0);
	header = (void *)((char *)object - OBJECT_HEADER);
	if (header[0] != OBJECT_LIVE)
		os_bug("free() of an object that is not alive");
	header[0] = OBJECT_DEAD;
	memset(object, 0xdb, header[1] - OBJECT_HEADER);
}

static void *sparse_create(void *ctx, uint64_t bytes)
{
	struct box *box = ctx;
	char *array = box->sparse + box->state->sparse_used;

	stage_may_sleep("sparse_create");
	bytes = (bytes + 63) & ~UINT64_C(63);
	if (!box_may_allocate(box) || bytes > box->sparse_bytes - box->state->sparse_used)
		return NULL;
	box->state->sparse_used += bytes;
	return array;
}

static int sparse_populate(void *ctx, void *array, uint64_t offset, uint64_t bytes)
{
	return box_may_allocate(ctx) ? 0 : -OS_ENOMEM;
}

static void sparse_destroy(void *ctx, void *array, uint64_t bytes) {}

/* ------------------------------------------------------------------------------------------- */
/* Services: contents                                                                           */

static void *at_ram(struct box *box, tdx_hpa_t at, uint64_t bytes)
{
	if (!box_in_ram(box, at.v, bytes))
		os_bug("an address outside the machine's memory");
	return box->ram + (at.v - box->config.ram.v);
}

static void *map_module(void *ctx, tdx_hpa_t at, enum os_access access)
{
	return at_ram(ctx, at, 1);
}

static void *map_host(void *ctx, tdx_hpa_t at, enum os_access access)
{
	struct box *box = ctx;
	tdx_hpa_t page = hpa(at.v & ~(TDX_PAGE_SIZE - 1));

	if (box_module_owns(box, page))
		stage_fail(STAGE_INVARIANT, "the host touches page %#llx, which the module owns",
			   (unsigned long long)page.v);
	return at_ram(box, at, 1);
}

static void zero(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	stage_call("zero", NULL, bytes >> TDX_PAGE_SHIFT);
	memset(at_ram(ctx, base, bytes), 0, bytes);
}

static void scrub(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	stage_call("scrub", NULL, bytes >> TDX_PAGE_SHIFT);
	stage_call("zero", NULL, bytes >> TDX_PAGE_SHIFT);
	memset(at_ram(ctx, base, bytes), 0, bytes);
}

static void copy(void *ctx, tdx_hpa_t to, tdx_hpa_t from)
{
	memcpy(map_host(ctx, to, OS_WRITE), map_host(ctx, from, OS_READ), TDX_PAGE_SIZE);
}

/* ------------------------------------------------------------------------------------------- */
/* Services: calls and CPUs                                                                     */

static tdx_status_t seamcall(void *ctx, struct tdx_regs *regs)
{
	struct box *box = ctx;
	struct box_fault *fault = &box->state->fault;
	tdx_status_t status;
	os_irq_t irq;
	bool fails;

	stage_call("SEAMCALL", NULL, 0);
	/* The module runs with interrupts blocked: they come when it has returned. */
	irq = os_irq_save();
	if (box->observer)
		box->observer(box->observer_ctx, regs, false);
	fails = fault->call_at && TDX_RAX_LEAF(regs->rax) == fault->leaf &&
		++box->state->calls == fault->call_at;
	if (fails && fault->takes_effect) {
		struct tdx_regs unseen = *regs;

		box->module.call(box->module.ctx, os_cpu(), &unseen);
	}
	if (fails) {
		regs->rax = status.v = fault->status;
	} else {
		status = box->module.call(box->module.ctx, os_cpu(), regs);
	}
	if (box->observer)
		box->observer(box->observer_ctx, regs, true);
	os_irq_restore(irq);
	return status;
}

static void wbinvd_all(void *ctx) { stage_sleep("wbinvd_all", NULL, 0); }

static int on_cpus(struct box *box, uint32_t nr, int (*fn)(void *arg), void *arg)
{
	int result = 0;

	if (stage_now())
		os_bug("other CPUs are called in a run; bring-up belongs before it");
	for (uint32_t cpu = 0; cpu < nr && !result; cpu++) {
		stage_pretend(cpu);
		result = fn(arg);
	}
	stage_pretend(0);
	return result;
}

static int on_each_cpu(void *ctx, int (*fn)(void *arg), void *arg)
{
	struct box *box = ctx;

	return on_cpus(box, box->config.nr_cpus, fn, arg);
}

/* One package. */
static int on_each_package(void *ctx, int (*fn)(void *arg), void *arg)
{
	return on_cpus(ctx, 1, fn, arg);
}

static void kick(void *ctx, uint32_t cpu) { stage_call("kick", NULL, 0); }

static void log_line(void *ctx, enum os_log_level level, const char *format, ...)
{
	struct box *box = ctx;
	va_list args;

	if (!box->show_log)
		return;
	va_start(args, format);
	fprintf(stderr, "    log: ");
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
}

/* ------------------------------------------------------------------------------------------- */
/* Making it                                                                                    */

static const struct os_services services = {
	.alloc_pages = box_alloc_pages,
	.free_pages = box_free_pages,
	.alloc_range = box_alloc_range,
	.free_range = box_free_range,
	.exclude = box_exclude,
	.alloc = alloc_object,
	.free = free_object,
	.sparse_create = sparse_create,
	.sparse_populate = sparse_populate,
	.sparse_destroy = sparse_destroy,
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

static uint64_t whole_pages(uint64_t bytes)
{
	return (bytes + TDX_PAGE_SIZE - 1) & ~(TDX_PAGE_SIZE - 1);
}

static int reserve(struct box *box)
{
	if (box->config.restorable) {
		box->arena = arena_create(box->bytes);
		if (!box->arena)
			return -1;
		box->base = arena_base(box->arena);
		return 0;
	}
	box->base = mmap(NULL, box->bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (box->base == MAP_FAILED) {
		box->base = NULL;
		return -1;
	}
	return 0;
}

struct box *box_create(const struct box_config *config)
{
	struct box *box = calloc(1, sizeof(*box));
	uint64_t state_bytes;

	if (!box)
		return NULL;
	box->config = *config;
	box->nr_regions = config->ram_bytes >> TDX_2M_SHIFT;
	state_bytes = whole_pages(sizeof(struct box_state) + box->nr_regions * BITS_PER_2M);
	/* Address space only: words for every region below the top, and a few bytes per
	 * page. */
	box->sparse_bytes = whole_pages(8 * ((config->ram.v + config->ram_bytes) >> TDX_2M_SHIFT) +
					4 * (config->ram_bytes >> TDX_PAGE_SHIFT) + (1 << 20));
	box->bytes = state_bytes + OBJECT_BYTES + box->sparse_bytes + config->ram_bytes;
	if (reserve(box)) {
		free(box);
		return NULL;
	}
	box->state = (void *)box->base;
	box->objects = box->base + state_bytes;
	box->sparse = box->objects + OBJECT_BYTES;
	box->ram = box->sparse + box->sparse_bytes;
	box->os = services;
	box->os.ctx = box;
	box->os.nr_cpus = config->nr_cpus;
	box->os.nr_nodes = config->nr_nodes;
	return box;
}

void box_destroy(struct box *box)
{
	if (!box)
		return;
	if (box->arena)
		arena_destroy(box->arena);
	else
		munmap(box->base, box->bytes);
	free(box);
}

const struct os_services *box_services(const struct box *box) { return &box->os; }
void box_set_module(struct box *box, const struct box_module *module) { box->module = *module; }

void box_observe(struct box *box, box_observer observer, void *ctx)
{
	box->observer = observer;
	box->observer_ctx = ctx;
}

int box_freeze(struct box *box) { return arena_freeze(box->arena); }
void box_restore(struct box *box) { arena_restore(box->arena); }

void box_fail(struct box *box, const struct box_fault *fault)
{
	box->state->fault = *fault;
	box->state->allocs = 0;
	box->state->calls = 0;
}

uint64_t box_pages_taken(const struct box *box) { return box->state->pages_taken; }
void box_show_log(struct box *box, bool show) { box->show_log = show; }

const char *box_memory(const struct box *box, uint64_t *bytes)
{
	*bytes = box->bytes;
	return box->base;
}
