// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * box.c - the machine in a box: its layout, its page allocator and its services.
 *
 * The box is one range of address space:
 *
 *     state and page bits | small objects | sparse arrays | RAM
 *
 * Objects and arrays are handed out from the bottom up and never reused: a run is short, and the
 * state before it comes back at its end.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "arena.h"
#include "box.h"
#include "stage.h"

#define OBJECT_BYTES  (16ull << 20)
#define MAX_ORDER     9u
#define WORDS_PER_2M  8u /* of 64 page bits */
#define OBJECT_HEADER 16u
#define OBJECT_LIVE   UINT64_C(0x6f626a6563740001)
#define OBJECT_DEAD   UINT64_C(0x6f626a6563740000)

/* What changes in a run. The page bits follow it in memory. */
struct state {
	uint64_t objects_used, sparse_used; /* bytes of the two areas */
	uint64_t objects;		    /* alive */
	uint64_t pages_taken;
	uint64_t lowest[MAX_ORDER + 1]; /* no region below this has a free block of the order */
	uint32_t turn;			/* which place is next */
	uint64_t complaints;
	struct box_fault fault;
	uint64_t allocs, calls; /* counted for the fault */
	uint64_t taken[];	/* one bit per 4K page */
};

struct box {
	struct box_config config;
	struct os_services os;
	struct box_module module;
	box_observer observer;
	void *observer_ctx;
	bool show_log;
	uint32_t nr_places;
	region_t place[BOX_MAX_PLACES];
	uint64_t nr_regions;
	struct arena *arena;
	size_t bytes;
	char *base;
	struct state *state;
	char *objects, *sparse, *ram;
	uint64_t sparse_bytes;
};

/* ------------------------------------------------------------------------------------------- */
/* Page bits                                                                                    */

static uint64_t block_mask(unsigned int order)
{
	return order >= 6 ? UINT64_MAX : (UINT64_C(1) << (1u << order)) - 1;
}

/* A free, naturally aligned block of that order in the region; its first page, or 512. */
static unsigned int find_block(const uint64_t *taken, unsigned int order)
{
	unsigned int words = order > 6 ? 1u << (order - 6) : 1;

	for (unsigned int word = 0; word < WORDS_PER_2M; word += words) {
		bool free = true;

		if (order < 6) {
			for (unsigned int bit = 0; bit < 64; bit += 1u << order)
				if (!(taken[word] >> bit & block_mask(order)))
					return word * 64 + bit;
			continue;
		}
		for (unsigned int i = 0; i < words; i++)
			free = free && !taken[word + i];
		if (free)
			return word * 64;
	}
	return TDX_PAGES_PER_2M;
}

static uint64_t *region_bits(const struct box *box, uint64_t region)
{
	return box->state->taken + region * WORDS_PER_2M;
}

static void set_taken(struct box *box, uint64_t first, uint64_t nr, bool taken)
{
	for (uint64_t page = first; page < first + nr; page++) {
		uint64_t bit = UINT64_C(1) << page % 64;

		if (taken)
			box->state->taken[page / 64] |= bit;
		else
			box->state->taken[page / 64] &= ~bit;
	}
	box->state->pages_taken += taken ? nr : -nr;
}

static bool in_ram(const struct box *box, uint64_t at, uint64_t bytes)
{
	uint64_t low = box->config.ram.v, high = low + box->config.ram_bytes;

	return at >= low && at < high && bytes <= high - at;
}

static uint64_t page_index(const struct box *box, hpa_t at)
{
	return (at.v - box->config.ram.v) >> TDX_PAGE_SHIFT;
}

bool box_is_taken(const struct box *box, hpa_t page)
{
	uint64_t index = page_index(box, page);

	return in_ram(box, page.v, TDX_PAGE_SIZE) &&
	       box->state->taken[index / 64] >> index % 64 & 1;
}

/* Does the module own the page? A look from outside, which is no step of the CPU's. */
static bool module_owns(const struct box *box, hpa_t page)
{
	bool quiet, owns;

	if (!box->module.owns)
		return false;
	quiet = stage_quiet(true);
	owns = box->module.owns(box->module.ctx, page);
	stage_quiet(quiet);
	return owns;
}

static hpa_t take_in_region(struct box *box, uint64_t region, unsigned int order)
{
	unsigned int page = find_block(region_bits(box, region), order);
	uint64_t first = region * TDX_PAGES_PER_2M + page;

	if (page == TDX_PAGES_PER_2M)
		return HPA_NONE;
	set_taken(box, first, UINT64_C(1) << order, true);
	return hpa(box->config.ram.v + (first << TDX_PAGE_SHIFT));
}

/* Regions are dealt to nodes in equal parts, ascending. */
static void node_part(const struct box *box, uint32_t node, uint64_t *low, uint64_t *high)
{
	uint64_t part = box->nr_regions / box->config.nr_nodes;

	*low = node == OS_ANY_NODE ? 0 : node * part;
	*high = node == OS_ANY_NODE ? box->nr_regions : (node + 1) * part;
}

static hpa_t take_block(struct box *box, unsigned int order, uint32_t node)
{
	struct state *state = box->state;
	uint64_t low, high;

	for (uint32_t i = 0; order < MAX_ORDER && i < box->nr_places; i++) {
		uint32_t place = state->turn % box->nr_places;
		uint64_t first = hpa_to_region(box->config.ram).v;
		hpa_t block = take_in_region(box, box->place[place].v - first, order);

		state->turn++;
		if (!hpa_is_none(block))
			return block;
	}
	node_part(box, node, &low, &high);
	if (low < state->lowest[order] && (node == OS_ANY_NODE || box->config.nr_nodes == 1))
		low = state->lowest[order];
	for (uint64_t region = low; region < high; region++) {
		hpa_t block = take_in_region(box, region, order);

		if (hpa_is_none(block))
			continue;
		if (node == OS_ANY_NODE || box->config.nr_nodes == 1)
			state->lowest[order] = region;
		return block;
	}
	return HPA_NONE;
}

/* ------------------------------------------------------------------------------------------- */
/* Services: memory                                                                             */

/* Counts an allocation; false if it is the one that is to fail. */
static bool may_allocate(struct box *box)
{
	struct box_fault *fault = &box->state->fault;

	return ++box->state->allocs != fault->alloc_at;
}

static hpa_t alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	struct box *box = ctx;

	stage_may_sleep("alloc_pages()");
	stage_call("alloc_pages", &box->state->pages_taken, UINT64_C(1) << order);
	if (order > MAX_ORDER || !may_allocate(box))
		return HPA_NONE;
	return take_block(box, order, node);
}

static void give_pages(struct box *box, hpa_t base, uint64_t nr, const char *what)
{
	for (uint64_t i = 0; i < nr; i++) {
		hpa_t page = hpa(base.v + i * TDX_PAGE_SIZE);

		if (!box_is_taken(box, page)) {
			stage_fail(STAGE_INVARIANT, "%s of page %#llx, which was not taken", what,
				   (unsigned long long)page.v);
			return;
		}
		if (module_owns(box, page)) {
			stage_fail(STAGE_INVARIANT, "%s of page %#llx, which the module still owns",
				   what, (unsigned long long)page.v);
			return;
		}
	}
	set_taken(box, page_index(box, base), nr, false);
	for (unsigned int order = 0; order <= MAX_ORDER; order++) {
		uint64_t region = page_index(box, base) / TDX_PAGES_PER_2M;

		if (region < box->state->lowest[order])
			box->state->lowest[order] = region;
	}
}

static void free_pages(void *ctx, hpa_t block, unsigned int order)
{
	struct box *box = ctx;

	stage_call("free_pages", &box->state->pages_taken, UINT64_C(1) << order);
	give_pages(box, block, UINT64_C(1) << order, "free_pages()");
}

static bool range_is_free(const struct box *box, uint64_t first, uint64_t nr)
{
	for (uint64_t page = first; page < first + nr; page++)
		if (box->state->taken[page / 64] >> page % 64 & 1)
			return false;
	return true;
}

static hpa_t alloc_range(void *ctx, uint64_t bytes, uint64_t align, hpa_t low, hpa_t high,
			 uint32_t node, bool from_top)
{
	struct box *box = ctx;
	uint64_t from, to, start = box->config.ram.v, end = start + box->config.ram_bytes;

	stage_may_sleep("alloc_range()");
	stage_call("alloc_range", &box->state->pages_taken, bytes >> TDX_PAGE_SHIFT);
	node_part(box, node, &from, &to);
	if (start + (from << TDX_2M_SHIFT) > low.v)
		low.v = start + (from << TDX_2M_SHIFT);
	if (start + (to << TDX_2M_SHIFT) < high.v)
		high.v = start + (to << TDX_2M_SHIFT);
	if (high.v > end)
		high.v = end;
	low.v = (low.v + align - 1) / align * align;
	if (!may_allocate(box) || high.v < low.v || high.v - low.v < bytes)
		return HPA_NONE;
	for (uint64_t i = 0; i <= (high.v - low.v - bytes) / align; i++) {
		uint64_t last = (high.v - bytes - low.v) / align;
		hpa_t base = hpa(low.v + (from_top ? last - i : i) * align);

		if (!range_is_free(box, page_index(box, base), bytes >> TDX_PAGE_SHIFT))
			continue;
		set_taken(box, page_index(box, base), bytes >> TDX_PAGE_SHIFT, true);
		return base;
	}
	return HPA_NONE;
}

static void free_range(void *ctx, hpa_t base, uint64_t bytes)
{
	struct box *box = ctx;

	stage_call("free_range", &box->state->pages_taken, bytes >> TDX_PAGE_SHIFT);
	give_pages(box, base, bytes >> TDX_PAGE_SHIFT, "free_range()");
}

static void exclude(void *ctx, hpa_t base, uint64_t bytes)
{
	struct box *box = ctx;

	stage_may_sleep("exclude()");
	for (uint64_t at = base.v; at < base.v + bytes; at += TDX_PAGE_SIZE)
		if (in_ram(box, at, TDX_PAGE_SIZE) && !box_is_taken(box, hpa(at)))
			set_taken(box, page_index(box, hpa(at)), 1, true);
}

static void *take_object(struct box *box, uint64_t bytes)
{
	struct state *state = box->state;
	uint64_t *object = (void *)(box->objects + state->objects_used);

	bytes = (bytes + 2 * OBJECT_HEADER - 1) & ~(uint64_t)(OBJECT_HEADER - 1);
	if (bytes > OBJECT_BYTES - state->objects_used)
		return NULL;
	state->objects_used += bytes;
	state->objects++;
	object[0] = OBJECT_LIVE;
	object[1] = bytes;
	return (char *)object + OBJECT_HEADER;
}

static void *alloc_object(void *ctx, size_t bytes)
{
	struct box *box = ctx;

	stage_may_sleep("alloc()");
	stage_call("alloc", &box->state->objects_used, 0);
	return may_allocate(box) ? take_object(box, bytes) : NULL;
}

static void free_object(void *ctx, void *object)
{
	struct box *box = ctx;
	uint64_t *header;

	if (!object)
		return;
	stage_may_sleep("free()");
	stage_call("free", &box->state->objects_used, 0);
	header = (void *)((char *)object - OBJECT_HEADER);
	if (header[0] != OBJECT_LIVE)
		os_bug("free() of an object that is not alive");
	header[0] = OBJECT_DEAD;
	memset(object, 0xdb, header[1] - OBJECT_HEADER);
	box->state->objects--;
}

static void *sparse_create(void *ctx, uint64_t bytes)
{
	struct box *box = ctx;
	char *array = box->sparse + box->state->sparse_used;

	stage_may_sleep("sparse_create()");
	bytes = (bytes + 63) & ~UINT64_C(63);
	if (!may_allocate(box) || bytes > box->sparse_bytes - box->state->sparse_used)
		return NULL;
	box->state->sparse_used += bytes;
	return array;
}

static int sparse_populate(void *ctx, void *array, uint64_t offset, uint64_t bytes)
{
	(void)array;
	(void)offset;
	(void)bytes;
	return may_allocate(ctx) ? 0 : -OS_ENOMEM;
}

static void sparse_destroy(void *ctx, void *array, uint64_t bytes)
{
	(void)ctx;
	(void)array;
	(void)bytes;
}

/* ------------------------------------------------------------------------------------------- */
/* Services: contents                                                                           */

static void *at_ram(struct box *box, hpa_t at, uint64_t bytes)
{
	if (!in_ram(box, at.v, bytes))
		os_bug("an address outside the machine's memory");
	return box->ram + (at.v - box->config.ram.v);
}

static void *map_module(void *ctx, hpa_t at, enum os_access access)
{
	(void)access;
	return at_ram(ctx, at, 1);
}

static void *map_host(void *ctx, hpa_t at, enum os_access access)
{
	struct box *box = ctx;
	hpa_t page = hpa(at.v & ~(TDX_PAGE_SIZE - 1));

	(void)access;
	if (module_owns(box, page))
		stage_fail(STAGE_INVARIANT, "the host touches page %#llx, which the module owns",
			   (unsigned long long)page.v);
	return at_ram(box, at, 1);
}

static void zero(void *ctx, hpa_t base, uint64_t bytes)
{
	stage_call("zero", NULL, bytes >> TDX_PAGE_SHIFT);
	memset(at_ram(ctx, base, bytes), 0, bytes);
}

static void scrub(void *ctx, hpa_t base, uint64_t bytes)
{
	stage_call("scrub", NULL, bytes >> TDX_PAGE_SHIFT);
	stage_call("zero", NULL, bytes >> TDX_PAGE_SHIFT);
	memset(at_ram(ctx, base, bytes), 0, bytes);
}

static void copy(void *ctx, hpa_t to, hpa_t from)
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
	bool fails;

	stage_call("SEAMCALL", NULL, 0);
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
		/* Timed, the module says itself how long it took; its steps cost nothing more. */
		bool quiet = box->config.timed && stage_quiet(true);

		status = box->module.call(box->module.ctx, os_cpu(), regs);
		if (box->config.timed)
			stage_quiet(quiet);
	}
	if (box->observer)
		box->observer(box->observer_ctx, regs, true);
	return status;
}

static void wbinvd_all(void *ctx)
{
	(void)ctx;
	stage_may_sleep("wbinvd_all()");
	stage_call("wbinvd_all", NULL, 0);
}

static int on_cpus(struct box *box, uint32_t nr, int (*fn)(void *arg), void *arg)
{
	int result = 0;

	if (stage_now())
		os_bug("other CPUs are called in a run; bring-up belongs before it");
	for (uint32_t cpu = 0; cpu < nr && !result; cpu++) {
		stage_pretend(cpu);
		result = fn(arg);
	}
	(void)box;
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

static void kick(void *ctx, uint32_t cpu)
{
	(void)ctx;
	(void)cpu;
	stage_call("kick", NULL, 0);
}

static void log_line(void *ctx, enum os_log_level level, const char *format, ...)
{
	struct box *box = ctx;
	va_list args;

	if (level <= OS_LOG_WARN)
		box->state->complaints++;
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
	.alloc_pages = alloc_pages,
	.free_pages = free_pages,
	.alloc_range = alloc_range,
	.free_range = free_range,
	.exclude = exclude,
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
	state_bytes = whole_pages(sizeof(struct state) + box->nr_regions * WORDS_PER_2M * 8);
	/* Address space only: words for every region below the top, and a few bytes per page. */
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

bool box_claim(struct box *box, hpa_t first, uint64_t nr)
{
	stage_call("box_claim", &box->state->pages_taken, nr);
	if (!range_is_free(box, page_index(box, first), nr))
		return false;
	set_taken(box, page_index(box, first), nr, true);
	return true;
}

void box_unclaim(struct box *box, hpa_t first, uint64_t nr)
{
	stage_call("box_unclaim", &box->state->pages_taken, nr);
	give_pages(box, first, nr, "box_unclaim()");
}

void box_place(struct box *box, uint32_t nr, const region_t *place)
{
	box->nr_places = nr;
	memcpy(box->place, place, nr * sizeof(*place));
}

int box_freeze(struct box *box) { return arena_freeze(box->arena); }
void box_restore(struct box *box) { arena_restore(box->arena); }
uint32_t box_hot_pages(const struct box *box) { return arena_hot_pages(box->arena); }

void box_fail(struct box *box, const struct box_fault *fault)
{
	box->state->fault = *fault;
	box->state->allocs = 0;
	box->state->calls = 0;
}

uint64_t box_pages_taken(const struct box *box) { return box->state->pages_taken; }
uint64_t box_objects(const struct box *box) { return box->state->objects; }
uint64_t box_complaints(const struct box *box) { return box->state->complaints; }
void box_show_log(struct box *box, bool show) { box->show_log = show; }

const char *box_memory(const struct box *box, uint64_t *bytes)
{
	*bytes = box->bytes;
	return box->base;
}
