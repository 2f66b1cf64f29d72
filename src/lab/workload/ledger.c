// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ledger.c - the services of a port, with pages counted on their way through.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lab/workload/ledger.h"

static const struct os_services *under(void *ctx) { return ((struct ledger *)ctx)->os; }

/*
 * Not by the atomics of os.h, which are steps of the CPU's in virtual time. Relaxed throughout:
 * figures, read when nothing runs.
 */
static void note(struct ledger *ledger, tdx_hpa_t block, unsigned int order, bool taken)
{
	uint16_t pages = (uint16_t)(1u << order);
	uint64_t change = taken ? pages : -(uint64_t)pages, peak, held;

	__atomic_fetch_add(&ledger->pages[hpa_to_region(block).v].v,
			   taken ? pages : (uint16_t)-pages, __ATOMIC_RELAXED);
	held = __atomic_add_fetch(&ledger->held.v, change, __ATOMIC_RELAXED);
	peak = __atomic_load_n(&ledger->peak.v, __ATOMIC_RELAXED);
	while (taken && held > peak &&
	       !__atomic_compare_exchange_n(&ledger->peak.v, &peak, held, true, __ATOMIC_RELAXED,
					    __ATOMIC_RELAXED))
		;
}

static tdx_hpa_t ledger_alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	tdx_hpa_t block = under(ctx)->alloc_pages(under(ctx)->ctx, order, node);

	if (!hpa_is_none(block))
		note(ctx, block, order, true);
	return block;
}

static void ledger_free_pages(void *ctx, tdx_hpa_t block, unsigned int order)
{
	/* Before it is anybody else's. */
	note(ctx, block, order, false);
	under(ctx)->free_pages(under(ctx)->ctx, block, order);
}

/* ------------------------------------------------------------------------------------------- */
/* The rest goes through as it is.                                                              */

static tdx_hpa_t ledger_alloc_range(void *ctx, const struct os_range *range)
{
	return under(ctx)->alloc_range(under(ctx)->ctx, range);
}

static void ledger_free_range(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	under(ctx)->free_range(under(ctx)->ctx, base, bytes);
}

static void ledger_exclude(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	under(ctx)->exclude(under(ctx)->ctx, base, bytes);
}

static void *ledger_alloc(void *ctx, size_t bytes)
{
	return under(ctx)->alloc(under(ctx)->ctx, bytes);
}

static void ledger_free(void *ctx, void *object) { under(ctx)->free(under(ctx)->ctx, object); }

static void *ledger_sparse_create(void *ctx, uint64_t bytes)
{
	return under(ctx)->sparse_create(under(ctx)->ctx, bytes);
}

static int ledger_sparse_populate(void *ctx, void *array, uint64_t offset, uint64_t bytes)
{
	return under(ctx)->sparse_populate(under(ctx)->ctx, array, offset, bytes);
}

static void ledger_sparse_destroy(void *ctx, void *array, uint64_t bytes)
{
	under(ctx)->sparse_destroy(under(ctx)->ctx, array, bytes);
}

static void *ledger_map_host(void *ctx, tdx_hpa_t at, enum os_access access)
{
	return under(ctx)->map_host(under(ctx)->ctx, at, access);
}

static void *ledger_map_module(void *ctx, tdx_hpa_t at, enum os_access access)
{
	return under(ctx)->map_module(under(ctx)->ctx, at, access);
}

static void ledger_zero(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	under(ctx)->zero(under(ctx)->ctx, base, bytes);
}

static void ledger_scrub(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	under(ctx)->scrub(under(ctx)->ctx, base, bytes);
}

static void ledger_copy(void *ctx, tdx_hpa_t to, tdx_hpa_t from)
{
	under(ctx)->copy(under(ctx)->ctx, to, from);
}

static tdx_status_t ledger_seamcall(void *ctx, struct tdx_regs *regs)
{
	const struct ledger *ledger = ctx;
	uint32_t leaf = TDX_RAX_LEAF(regs->rax);
	tdx_status_t status = under(ctx)->seamcall(under(ctx)->ctx, regs);

	if (ledger->called)
		ledger->called(ledger->arg, leaf, regs);
	return status;
}

static void ledger_wbinvd_all(void *ctx) { under(ctx)->wbinvd_all(under(ctx)->ctx); }

static int ledger_on_each_cpu(void *ctx, int (*fn)(void *arg), void *arg)
{
	return under(ctx)->on_each_cpu(under(ctx)->ctx, fn, arg);
}

static int ledger_on_each_package(void *ctx, int (*fn)(void *arg), void *arg)
{
	return under(ctx)->on_each_package(under(ctx)->ctx, fn, arg);
}

static void ledger_kick(void *ctx, uint32_t cpu) { under(ctx)->kick(under(ctx)->ctx, cpu); }

static void __attribute__((format(printf, 3, 4)))
ledger_log(void *ctx, enum os_log_level level, const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	under(ctx)->log(under(ctx)->ctx, level, "%s", line);
}

static void ledger_trace(void *ctx, const char *event, uint64_t a, uint64_t b)
{
	if (under(ctx)->trace)
		under(ctx)->trace(under(ctx)->ctx, event, a, b);
}

int ledger_create(struct ledger *ledger, const struct os_services *os, uint64_t end)
{
	memset(ledger, 0, sizeof(*ledger));
	ledger->os = os;
	ledger->nr_regions = (end + TDX_2M_SIZE - 1) >> TDX_2M_SHIFT;
	/* Some more at the end, so that whole words of them can be read. */
	ledger->pages = calloc(ledger->nr_regions + 4, sizeof(*ledger->pages));
	ledger->services = (struct os_services){
		.ctx = ledger,
		.nr_cpus = os->nr_cpus,
		.nr_nodes = os->nr_nodes,
		.alloc_pages = ledger_alloc_pages,
		.free_pages = ledger_free_pages,
		.alloc_range = ledger_alloc_range,
		.free_range = ledger_free_range,
		.exclude = ledger_exclude,
		.alloc = ledger_alloc,
		.free = ledger_free,
		.sparse_create = ledger_sparse_create,
		.sparse_populate = ledger_sparse_populate,
		.sparse_destroy = ledger_sparse_destroy,
		.map_host = ledger_map_host,
		.map_module = ledger_map_module,
		.zero = ledger_zero,
		.scrub = ledger_scrub,
		.copy = ledger_copy,
		.seamcall = ledger_seamcall,
		.wbinvd_all = ledger_wbinvd_all,
		.on_each_cpu = ledger_on_each_cpu,
		.on_each_package = ledger_on_each_package,
		.kick = ledger_kick,
		.log = ledger_log,
		.trace = ledger_trace,
	};
	return ledger->pages ? 0 : -1;
}

void ledger_destroy(struct ledger *ledger)
{
	free(ledger->pages);
	memset(ledger, 0, sizeof(*ledger));
}
