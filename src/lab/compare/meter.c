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

	if (op == METER_OPS)
		return;
	/* Every design, and the vmm without one, makes this call. */
	if (op == METER_CALL)
		took -= took < meter->seamcall ? took : meter->seamcall;
	histogram_add(&of->took, took);
	of->failed += failed;
	of->waited += waited;
	raise_to(&of->waited_longest, waited);
}

/*
 * A function of the backing below, timed as an operation. 2M pages, where nearly all of the time is
 * the SEAMCALL's, are none, nor is the end of a cache.
 */
#define TIMED(function, parameters, op, ...)                                   \
	static int function parameters                                         \
	{                                                                      \
		struct meter *meter = state;                                   \
		struct moment since = moment(meter);                           \
		int error = meter->under->function(meter->state, __VA_ARGS__); \
                                                                               \
		note(meter, op, since, error);                                 \
		return error;                                                  \
	}
#define TIMED_VOID(function, parameters, op, ...)                  \
	static void function parameters                            \
	{                                                          \
		struct meter *meter = state;                       \
		struct moment since = moment(meter);               \
                                                                   \
		meter->under->function(meter->state, __VA_ARGS__); \
		note(meter, op, since, false);                     \
	}

/* Where guest memory is backed when it is allocated, that is the get. */
TIMED(take, (void *state, tdx_pfn_t first, enum tdx_size size), METER_GET, first, size)
TIMED_VOID(give, (void *state, tdx_pfn_t first, enum tdx_size size), METER_PUT, first, size)
TIMED(get, (void *state, tdx_pfn_t page, struct pamt_cache *cache),
      meter->under->take ? METER_OPS : METER_GET, page, cache)
TIMED_VOID(put, (void *state, tdx_pfn_t page, bool last),
	   meter->under->give ? METER_OPS : METER_PUT, page, last)
TIMED(topup, (void *state, struct pamt_cache *cache, uint32_t control, uint32_t pairs), METER_TOPUP,
      cache, control, pairs)
TIMED_VOID(cache_free, (void *state, struct pamt_cache *cache), METER_OPS, cache)
TIMED(alloc_page, (void *state, uint32_t node, struct pamt_cache *cache, tdx_hpa_t *page),
      METER_CONTROL, node, cache, page)
TIMED_VOID(free_page, (void *state, tdx_hpa_t page, bool last), METER_CONTROL, page, last)
TIMED(call, (void *state, tdx_pfn_t page, struct tdx_regs *regs, struct pamt_cache *cache),
      METER_CALL, page, regs, cache)
TIMED(map_2m, (void *state, tdx_pfn_t first, struct tdx_regs *regs), METER_OPS, first, regs)
TIMED(remove_2m, (void *state, tdx_pfn_t first, struct tdx_regs *regs), METER_OPS, first, regs)
TIMED_VOID(release_2m, (void *state, tdx_pfn_t first), METER_OPS, first)
TIMED(split, (void *state, tdx_pfn_t first, struct tdx_regs *regs, struct pamt_cache *cache),
      METER_OPS, first, regs, cache)
TIMED(merge, (void *state, tdx_pfn_t first, struct tdx_regs *regs), METER_OPS, first, regs)

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
