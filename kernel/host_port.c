// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * host_port.c - the services of os.h in this kernel: its page allocator, direct map and CPUs.
 *
 * What a module cannot have as the rest of the kernel could:
 *
 *   - a contiguous range of choice (alloc_contig_pages() is not exported): candidates are looked
 *     at from here, and the first that is free or can be freed is taken by alloc_contig_range();
 *   - a vmalloc area that is populated later: a sparse array is populated whole, 1 MB per TB of
 *     physical address space from the first TDMR to the last.
 */
#include "linux.h"

#include "host_port.h"
#include "seamcall.h"
#include "services.h"
#include "trace_event.h"

static unsigned int packages;
module_param(packages, uint, 0444);
MODULE_PARM_DESC(packages,
		 "packages; CPU i is in package i modulo this (0: as the machine has them)");

static struct os_services services;
const struct os_services *const host_services = &services;

static atomic64_t held_pages, held_objects;

/* Taken out of the allocator; one entry for each run of pages. */
struct excluded {
	struct list_head link;
	unsigned long pfn, nr;
};
static LIST_HEAD(excluded_list);
static DEFINE_MUTEX(excluded_mutex);
static u64 excluded_pages;

/* ------------------------------------------------------------------------------------------- */
/* Failure on request                                                                           */

static atomic64_t alloc_nr, seamcall_nr;
static u64 alloc_at, seamcall_at, seamcall_status;

static bool alloc_fails(void)
{
	u64 nr = atomic64_inc_return(&alloc_nr);

	return READ_ONCE(alloc_at) == nr;
}

void host_port_fail_alloc(u64 at)
{
	WRITE_ONCE(alloc_at, at);
	atomic64_set(&alloc_nr, 0);
}

void host_port_fail_seamcall(u64 at, u64 status)
{
	WRITE_ONCE(seamcall_status, status);
	WRITE_ONCE(seamcall_at, at);
	atomic64_set(&seamcall_nr, 0);
}

u64 host_port_allocs(void) { return atomic64_read(&alloc_nr); }

/* ------------------------------------------------------------------------------------------- */
/* Pages                                                                                        */

tdx_hpa_t host_port_alloc_pages(unsigned int order, uint32_t node)
{
	gfp_t gfp = GFP_KERNEL | __GFP_NOWARN;
	struct page *page;

	if (alloc_fails())
		return HPA_NONE;
	/* Large blocks are welcome, not needed: smaller ones are asked for next. */
	if (order)
		gfp |= __GFP_NORETRY;
	if (node == OS_ANY_NODE)
		page = alloc_pages(gfp, order);
	else
		page = alloc_pages_node(node, gfp | __GFP_THISNODE, order);
	if (!page)
		return HPA_NONE;
	/* Page by page it may come back. */
	if (order)
		split_page(page, order);
	atomic64_add(1l << order, &held_pages);
	return hpa(PFN_PHYS(page_to_pfn(page)));
}

static tdx_hpa_t service_alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	return host_port_alloc_pages(order, node);
}

static void free_run(unsigned long first, unsigned long nr)
{
	for (unsigned long i = 0; i < nr; i++)
		__free_page(pfn_to_page(first + i));
}

static void service_free_pages(void *ctx, tdx_hpa_t block, unsigned int order)
{
	free_run(block.v >> PAGE_SHIFT, 1ul << order);
	atomic64_sub(1l << order, &held_pages);
}

/* ------------------------------------------------------------------------------------------- */
/* Ranges                                                                                       */

/* Only what is free, or in use in such a way that it can move: a try costs milliseconds. */
static bool worth_trying(unsigned long first, unsigned long nr, int node)
{
	struct zone *zone = NULL;

	for (unsigned long i = 0; i < nr; i++) {
		struct page *page = pfn_to_online_page(first + i);

		if (!page || PageReserved(page) || PageHuge(page))
			return false;
		if (node != NUMA_NO_NODE && page_to_nid(page) != node)
			return false;
		if (zone && page_zone(page) != zone)
			return false;
		zone = page_zone(page);
		if (page_count(page) && !PageLRU(page))
			return false;
	}
	return true;
}

static bool take_run(unsigned long first, unsigned long nr, int node)
{
	return worth_trying(first, nr, node) &&
	       !alloc_contig_range(first, first + nr, MIGRATE_MOVABLE, GFP_KERNEL | __GFP_NOWARN);
}

/* The first page frame past all memory; max_pfn is not for modules. */
static unsigned long end_of_memory(void)
{
	unsigned long end = 0;
	int node;

	for_each_online_node(node) end = max(end, node_end_pfn(node));
	return end;
}

static tdx_hpa_t service_alloc_range(void *ctx, uint64_t bytes, uint64_t align, tdx_hpa_t low,
				     tdx_hpa_t high, uint32_t node, bool from_top)
{
	int nid = node == OS_ANY_NODE ? NUMA_NO_NODE : (int)node;
	u64 limit = min_t(u64, high.v, (u64)end_of_memory() << PAGE_SHIFT);
	u64 first = ALIGN(low.v, align), last, at;

	if (alloc_fails() || limit < bytes || limit - bytes < first)
		return HPA_NONE;
	last = ALIGN_DOWN(limit - bytes, align);
	for (at = from_top ? last : first; at >= first && at <= last;
	     at = from_top ? at - align : at + align) {
		if (take_run(at >> PAGE_SHIFT, bytes >> PAGE_SHIFT, nid)) {
			atomic64_add(bytes >> PAGE_SHIFT, &held_pages);
			return hpa(at);
		}
		if (fatal_signal_pending(current))
			break;
		cond_resched();
		if (from_top && at < align)
			break;
	}
	return HPA_NONE;
}

static void service_free_range(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	free_run(base.v >> PAGE_SHIFT, bytes >> PAGE_SHIFT);
	atomic64_sub(bytes >> PAGE_SHIFT, &held_pages);
}

/* A run of one page more, or a new one. */
static void note_excluded(unsigned long pfn)
{
	struct excluded *e = list_first_entry_or_null(&excluded_list, struct excluded, link);

	if (!e || e->pfn + e->nr != pfn) {
		e = kzalloc(sizeof(*e), GFP_KERNEL | __GFP_NOFAIL);
		e->pfn = pfn;
		list_add(&e->link, &excluded_list);
	}
	e->nr++;
	excluded_pages++;
}

static void service_exclude(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	mutex_lock(&excluded_mutex);
	for (u64 at = 0; at < bytes; at += PAGE_SIZE) {
		unsigned long pfn = (base.v + at) >> PAGE_SHIFT;

		if (take_run(pfn, 1, NUMA_NO_NODE))
			note_excluded(pfn);
		cond_resched();
	}
	mutex_unlock(&excluded_mutex);
}

/* ------------------------------------------------------------------------------------------- */
/* Objects and arrays                                                                           */

static void *service_alloc(void *ctx, size_t bytes)
{
	void *object = alloc_fails() ? NULL : kvzalloc(bytes, GFP_KERNEL | __GFP_NOWARN);

	if (object)
		atomic64_inc(&held_objects);
	return object;
}

static void service_free(void *ctx, void *object)
{
	if (object)
		atomic64_dec(&held_objects);
	kvfree(object);
}

static void *service_sparse_create(void *ctx, uint64_t bytes)
{
	void *array = alloc_fails() ? NULL : vzalloc(bytes);

	if (array)
		atomic64_inc(&held_objects);
	return array;
}

static int service_sparse_populate(void *ctx, void *array, uint64_t offset, uint64_t bytes)
{
	return alloc_fails() ? -ENOMEM : 0;
}

static void service_sparse_destroy(void *ctx, void *array, uint64_t bytes)
{
	if (array)
		atomic64_dec(&held_objects);
	vfree(array);
}

/* ------------------------------------------------------------------------------------------- */
/* Memory                                                                                       */

static void *service_map(void *ctx, tdx_hpa_t at, enum os_access access) { return direct_map(at); }
static void service_zero(void *ctx, tdx_hpa_t base, uint64_t bytes) { direct_zero(base, bytes); }
static void service_copy(void *ctx, tdx_hpa_t to, tdx_hpa_t from) { direct_copy(to, from); }

/*
 * Whole lines at once: a store that writes part of a line that was private is a machine check on
 * some parts. Every part with TDX has the instruction.
 */
/* Older kernels say of movdir64b() that it is for device memory, though any memory will do. */
#if LINUX_VERSION_CODE < KERNEL_VERSION(6, 9, 0)
#define MOVDIR64B_TO __force __iomem
#else
#define MOVDIR64B_TO
#endif

static void service_scrub(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	static const u8 zeros[64] __aligned(64);

	if (!boot_cpu_has(X86_FEATURE_MOVDIR64B)) {
		direct_zero(base, bytes);
		return;
	}
	for (u64 at = 0; at < bytes; at += sizeof(zeros))
		movdir64b((void MOVDIR64B_TO *)direct_map(hpa(base.v + at)), zeros);
	/* These stores are ordered with nothing else. */
	mb();
}

/* ------------------------------------------------------------------------------------------- */
/* CPUs                                                                                         */

static DEFINE_PER_CPU(u64, nr_seamcalls);

u64 host_port_seamcalls(void)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu) sum += per_cpu(nr_seamcalls, cpu);
	return sum;
}

static tdx_status_t service_seamcall(void *ctx, struct tdx_regs *regs)
{
	this_cpu_inc(nr_seamcalls);
	if (unlikely(READ_ONCE(seamcall_at)) &&
	    atomic64_inc_return(&seamcall_nr) == READ_ONCE(seamcall_at)) {
		regs->rax = READ_ONCE(seamcall_status);
		return (tdx_status_t){ regs->rax };
	}
	return seamcall(regs);
}

static void service_wbinvd_all(void *ctx) { wbinvd_on_all_cpus(); }

struct visit {
	int (*fn)(void *arg);
	void *arg;
};

static long visit_cpu(void *arg)
{
	struct visit *visit = arg;

	return visit->fn(visit->arg);
}

static unsigned int package_of(unsigned int cpu)
{
	return packages ? cpu % packages : topology_logical_package_id(cpu);
}

/* In a worker of each CPU in turn; with one_each only on the first of each package. */
static int visit_cpus(struct visit *visit, bool one_each)
{
	unsigned long seen[BITS_TO_LONGS(TDX_MAX_PACKAGES)] = { 0 };
	unsigned int cpu;
	int result = 0;

	cpus_read_lock();
	for_each_online_cpu(cpu)
	{
		unsigned int package = package_of(cpu);

		if (one_each && (package >= TDX_MAX_PACKAGES || test_and_set_bit(package, seen)))
			continue;
		result = work_on_cpu(cpu, visit_cpu, visit);
		if (result)
			break;
	}
	cpus_read_unlock();
	return result;
}

static int service_on_each_cpu(void *ctx, int (*fn)(void *arg), void *arg)
{
	return visit_cpus(&(struct visit){ fn, arg }, false);
}

static int service_on_each_package(void *ctx, int (*fn)(void *arg), void *arg)
{
	return visit_cpus(&(struct visit){ fn, arg }, true);
}

/* Any interrupt makes a guest leave; this one does nothing else. */
static void service_kick(void *ctx, uint32_t cpu) { smp_send_reschedule(cpu); }

/* ------------------------------------------------------------------------------------------- */

static __printf(3, 4) void service_log(void *ctx, enum os_log_level level, const char *format, ...)
{
	struct va_format line = { .fmt = format };
	va_list args;

	va_start(args, format);
	line.va = &args;
	switch (level) {
	case OS_LOG_ERROR:
		pr_err("pamt: %pV\n", &line);
		break;
	case OS_LOG_WARN:
		pr_warn("pamt: %pV\n", &line);
		break;
	case OS_LOG_INFO:
		pr_info("pamt: %pV\n", &line);
		break;
	case OS_LOG_DEBUG:
		pr_debug("pamt: %pV\n", &line);
		break;
	}
	va_end(args);
}

static void service_trace(void *ctx, const char *event, uint64_t a, uint64_t b)
{
	trace_pamt(event, a, b);
}

static bool service_stopping(void *ctx) { return fatal_signal_pending(current); }

static struct os_services services = {
	.alloc_pages = service_alloc_pages,
	.free_pages = service_free_pages,
	.alloc_range = service_alloc_range,
	.free_range = service_free_range,
	.exclude = service_exclude,
	.alloc = service_alloc,
	.free = service_free,
	.sparse_create = service_sparse_create,
	.sparse_populate = service_sparse_populate,
	.sparse_destroy = service_sparse_destroy,
	.map_host = service_map,
	.map_module = service_map,
	.zero = service_zero,
	.scrub = service_scrub,
	.copy = service_copy,
	.seamcall = service_seamcall,
	.wbinvd_all = service_wbinvd_all,
	.on_each_cpu = service_on_each_cpu,
	.on_each_package = service_on_each_package,
	.kick = service_kick,
	.log = service_log,
	.trace = service_trace,
	.stopping = service_stopping,
};

/* ------------------------------------------------------------------------------------------- */

int host_port_probe(const char **why)
{
	struct tdx_regs regs = { .rax = TDX_RAX(TDH_SYS_RD, 0), .rdx = TDX_MD_FEATURES0 };

	switch (seamcall(&regs).v) {
	case TDX_SEAMCALL_UD:
		*why = "SEAMCALL is no instruction here (#UD); load softseam.ko first";
		return -ENODEV;
	case TDX_SEAMCALL_GP:
		*why = "SEAMCALL is refused (#GP): TDX is off in the BIOS";
		return -ENODEV;
	case TDX_SEAMCALL_VMFAILINVALID:
		*why = "there is no TDX module, or it was shut down";
		return -ENODEV;
	default:
		return 0;
	}
}

void host_port_account(struct host_port_account *account)
{
	account->pages = atomic64_read(&held_pages);
	account->objects = atomic64_read(&held_objects);
	account->excluded_pages = excluded_pages;
}

int host_port_init(void)
{
	services.nr_cpus = nr_cpu_ids;
	services.nr_nodes = nr_node_ids;
	return 0;
}

void host_port_exit(void)
{
	struct excluded *e, *next;

	list_for_each_entry_safe(e, next, &excluded_list, link)
	{
		free_run(e->pfn, e->nr);
		list_del(&e->link);
		kfree(e);
	}
	excluded_pages = 0;
}
