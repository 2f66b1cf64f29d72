// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * meter.c - each function of a backing, timed.
 */
#include <string.h>

#include "lab/compare/meter.h"

/* A moment of the CPU that runs. */
struct moment {
	uint64_t now, waited;
};

static struct moment moment(const struct meter *meter)
{
	return (struct moment){ runner_now(meter->runner), runner_waited(meter->runner) };
}

static void raise_to(uint64_t *longest, uint64_t value)
{
	if (value > *longest)
		*longest = value;
}

static void note(struct meter *meter, enum meter_op op, struct moment since, bool failed)
{
	struct meter_function *of = &meter->op[op];
	struct moment now = moment(meter);
	uint64_t took = now.now - since.now, waited = now.waited - since.waited;

	/* Every design, and the vmm without one, makes this call. */
	if (op == METER_CALL)
		took -= took < meter->seamcall ? took : meter->seamcall;
	histogram_add(&of->took, took);
	of->failed += failed;
	of->waited += waited;
	raise_to(&of->waited_longest, waited);
}

static int take(void *state, tdx_pfn_t first, enum tdx_size size)
{
	struct meter *meter = state;
	struct moment since = moment(meter);
	int error = meter->under->take(meter->state, first, size);

	note(meter, METER_GET, since, error);
	return error;
}

static void give(void *state, tdx_pfn_t first, enum tdx_size size)
{
	struct meter *meter = state;
	struct moment since = moment(meter);

	meter->under->give(meter->state, first, size);
	note(meter, METER_PUT, since, false);
}

static int topup(void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs)
{
	struct meter *meter = state;
	struct moment since = moment(meter);
	int error = meter->under->topup(meter->state, cache, control, pairs);

	note(meter, METER_TOPUP, since, error);
	return error;
}

static void cache_free(void *state, struct pamt_cache *cache)
{
	struct meter *meter = state;

	meter->under->cache_free(meter->state, cache);
}

static int alloc_page(void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page)
{
	struct meter *meter = state;
	struct moment since = moment(meter);
	int error = meter->under->alloc_page(meter->state, node, cache, page);

	note(meter, METER_CONTROL, since, error);
	return error;
}

static void free_page(void *state, tdx_hpa_t page, bool last)
{
	struct meter *meter = state;
	struct moment since = moment(meter);

	meter->under->free_page(meter->state, page, last);
	note(meter, METER_CONTROL, since, false);
}

static int get(void *state, tdx_pfn_t page, struct pamt_cache *cache)
{
	struct meter *meter = state;
	struct moment since = moment(meter);
	int error = meter->under->get(meter->state, page, cache);

	/* Where guest memory is backed when it is allocated, that is the get. */
	if (!meter->under->take)
		note(meter, METER_GET, since, error);
	return error;
}

static void put(void *state, tdx_pfn_t page, bool last)
{
	struct meter *meter = state;
	struct moment since = moment(meter);

	meter->under->put(meter->state, page, last);
	if (!meter->under->give)
		note(meter, METER_PUT, since, false);
}

static int call(void *state, tdx_pfn_t page, struct tdx_regs *regs, struct pamt_cache *cache)
{
	struct meter *meter = state;
	struct moment since = moment(meter);
	int error = meter->under->call(meter->state, page, regs, cache);

	note(meter, METER_CALL, since, error);
	return error;
}

/* 2M pages: nearly all of the time is the SEAMCALL's. */

static int map_2m(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	struct meter *meter = state;

	return meter->under->map_2m(meter->state, first, regs);
}

static int remove_2m(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	struct meter *meter = state;

	return meter->under->remove_2m(meter->state, first, regs);
}

static void release_2m(void *state, tdx_pfn_t first)
{
	struct meter *meter = state;

	meter->under->release_2m(meter->state, first);
}

static int split(void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache)
{
	struct meter *meter = state;

	return meter->under->split(meter->state, first, regs, cache);
}

static int merge(void *state, tdx_pfn_t first, struct tdx_regs *regs)
{
	struct meter *meter = state;

	return meter->under->merge(meter->state, first, regs);
}

void meter_init(struct meter *meter, const struct vmm_backing *under, void *state,
		const struct runner *runner, uint64_t seamcall)
{
	memset(meter, 0, sizeof(*meter));
	meter->under = under;
	meter->state = state;
	meter->runner = runner;
	meter->seamcall = seamcall;
	meter->backing = (struct vmm_backing){
		.take = under->take ? take : NULL,
		.give = under->give ? give : NULL,
		.topup = topup,
		.cache_free = cache_free,
		.alloc_page = alloc_page,
		.free_page = free_page,
		.get = get,
		.put = put,
		.call = under->call ? call : NULL,
		.map_2m = map_2m,
		.remove_2m = remove_2m,
		.release_2m = under->release_2m ? release_2m : NULL,
		.split = split,
		.merge = merge,
	};
}

const char *meter_op_name(enum meter_op op)
{
	static const char *const names[METER_OPS] = { "topup", "control", "get", "put", "call" };

	return names[op];
}

void meter_read(const struct meter *meter, struct meter_figure of[METER_OPS])
{
	for (enum meter_op op = 0; op < METER_OPS; op++) {
		const struct meter_function *from = &meter->op[op];
		const struct histogram *took = &from->took;

		of[op] = (struct meter_figure){ .count = took->count,
						.failed = from->failed,
						.total = took->total,
						.longest = took->longest,
						.p50 = histogram_percentile(took, 0.5),
						.p99 = histogram_percentile(took, 0.99),
						.p999 = histogram_percentile(took, 0.999),
						.waited = from->waited,
						.waited_longest = from->waited_longest };
	}
}

void meter_sum(const struct meter_figure of[METER_OPS], struct meter_figure *sum)
{
	memset(sum, 0, sizeof(*sum));
	for (enum meter_op op = 0; op < METER_OPS; op++) {
		sum->count += of[op].count;
		sum->failed += of[op].failed;
		sum->total += of[op].total;
		sum->waited += of[op].waited;
		raise_to(&sum->longest, of[op].longest);
		raise_to(&sum->waited_longest, of[op].waited_longest);
	}
}
