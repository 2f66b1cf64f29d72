// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * host_port.c - the services of os.h in this kernel: its page allocator, direct map and CPUs.
 *
 * What a module cannot have as the rest of the kernel could:
 *
 *   - before 7.2, alloc_contig_pages(): candidates for a contiguous range are looked at from here,
 *     and the first that is free or can be freed is taken by alloc_contig_range(). That is done
 *     with newer kernels as well, since it matters at which end of a TDMR a range lies; but where
 *     nothing is found so, the kernel's own search has the last word;
 *   - a vmalloc area that is populated later: a sparse array is populated whole, 1 MB per TB of
 *     physical address space from the first TDMR to the last.
 *
 * Who pays
 * --------
 * There are two tables of services, which differ in that only. What libpamt takes is charged to
 * nobody: PAMT and region words are the machine's, a chunk of the pool has pairs and control pages
 * of TDs of any owners, and a cache is refilled from it. What the vmm takes is some TD's own:
 * guest memory, the mirror's nodes, the TD's and the vCPUs' structures. It is charged to the
 * control group of whoever made the TD (tenant.c), and comes off again page by page as it is freed.
 *
 * Nothing here insists: memory that is to be had only by killing somebody is not to be had
 * (__GFP_RETRY_MAYFAIL), and the TD that wanted it ends with -ENOMEM. A vCPU's thread could not be
 * killed to make room, so an allocation that never fails would never return.
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

static struct os_services services, charged_services;
const struct os_services *const host_services = &services;
const struct os_services *const tenant_services = &charged_services;

#define GFP_HOST (GFP_KERNEL | __GFP_NOWARN | __GFP_RETRY_MAYFAIL)

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
/* Pages                                                                                        */

static tdx_hpa_t take_pages(unsigned int order, uint32_t node, gfp_t gfp)
{
	struct page *page;

	/*
	 * Large blocks are welcome, not needed: smaller ones are asked for next. The smallest that
	 * libpamt's pool takes is four pages, which Linux looks for in earnest.
	 */
	if (order > PAGE_ALLOC_COSTLY_ORDER)
		gfp = (gfp & ~__GFP_RETRY_MAYFAIL) | __GFP_NORETRY;
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

tdx_hpa_t host_port_alloc_pages(unsigned int order, uint32_t node)
{
	return take_pages(order, node, GFP_HOST);
}

static tdx_hpa_t service_alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	return take_pages(order, node, GFP_HOST);
}

static tdx_hpa_t charged_alloc_pages(void *ctx, unsigned int order, uint32_t node)
{
	return take_pages(order, node, GFP_HOST | __GFP_ACCOUNT);
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

/* A range of page frames that is looked for. */
struct search {
	unsigned long low, high, nr, align;
	int node;  /* or NUMA_NO_NODE */
	bool down; /* from high on, else from low */
};

/* Only what is free, or in use in such a way that it can move: a try costs milliseconds. */
static bool may_be_taken(unsigned long pfn, int node, struct zone **zone)
{
	struct page *page = pfn_to_online_page(pfn);

	if (!page || PageReserved(page) || PageHuge(page))
		return false;
	if (node != NUMA_NO_NODE && page_to_nid(page) != node)
		return false;
	if (*zone && page_zone(page) != *zone)
		return false;
	*zone = page_zone(page);
	return !page_count(page) || PageLRU(page);
}

/*
 * How far the search must go on for what is in the way at this place to be behind it; 0: nothing
 * is. Seen from the end that the search comes to last, so that each page is looked at about once,
 * however large the range.
 */
static unsigned long in_the_way(const struct search *s, unsigned long at)
{
	struct zone *zone = NULL;

	for (unsigned long i = 0; i < s->nr; i++) {
		unsigned long pfn = s->down ? at + i : at + s->nr - 1 - i;

		if (!may_be_taken(pfn, s->node, &zone))
			return s->nr - i;
		if (i % PTRS_PER_PTE == 0)
			cond_resched();
	}
	return 0;
}

static bool take_range(unsigned long at, unsigned long nr)
{
	return !alloc_contig_range(at, at + nr, ACR_FLAGS_NONE, GFP_HOST);
}

/* The first page frame of a range that is the caller's now; 0: there is none. */
static unsigned long find_range(const struct search *s)
{
	unsigned long last = s->high - s->nr;
	unsigned long at = s->down ? ALIGN_DOWN(last, s->align) : ALIGN(s->low, s->align);

	while (at >= s->low && at <= last && !fatal_signal_pending(current)) {
		unsigned long step = in_the_way(s, at);

		if (!step && take_range(at, s->nr))
			return at;
		/* What does not move is somewhere in there; memory is isolated by such blocks. */
		if (!step)
			step = pageblock_nr_pages;
		if (s->down && at - s->low < step)
			break;
		at = s->down ? ALIGN_DOWN(at - step, s->align) : ALIGN(at + step, s->align);
		cond_resched();
	}
	return 0;
}

#if LINUX_VERSION_CODE >= KERNEL_VERSION(7, 2, 0)
/* Knows more of what can move, and not where it is wanted. */
static unsigned long find_anywhere(const struct search *s)
{
	int node = s->node == NUMA_NO_NODE ? numa_mem_id() : s->node;
	struct page *page = alloc_contig_pages(s->nr, GFP_HOST, node, NULL);
	unsigned long at;

	if (!page)
		return 0;
	at = page_to_pfn(page);
	if (at >= s->low && at + s->nr <= s->high && IS_ALIGNED(at, s->align) &&
	    (s->node == NUMA_NO_NODE || page_to_nid(page) == s->node))
		return at;
	free_contig_range(at, s->nr);
	return 0;
}
#else
static unsigned long find_anywhere(const struct search *s) { return 0; }
#endif

/* The first page frame past all memory; max_pfn is not for modules. */
static unsigned long end_of_memory(void)
{
	unsigned long end = 0;
	int node;

	for_each_online_node(node)
		end = max(end, node_end_pfn(node));
	return end;
}

static tdx_hpa_t service_alloc_range(void *ctx, const struct os_range *range)
{
	struct search s = {
		.low = PHYS_PFN(range->low.v + PAGE_SIZE - 1),
		.high = min(PHYS_PFN(range->high.v), end_of_memory()),
		.nr = PHYS_PFN(range->bytes),
		.align = PHYS_PFN(range->align),
		.node = range->node == OS_ANY_NODE ? NUMA_NO_NODE : (int)range->node,
		.down = range->from_top,
	};
	unsigned long at;

	if (s.high < s.nr || s.high - s.nr < s.low)
		return HPA_NONE;
	at = find_range(&s);
	if (!at)
		at = find_anywhere(&s);
	if (!at)
		return HPA_NONE;
	atomic64_add(s.nr, &held_pages);
	return hpa(PFN_PHYS(at));
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
		struct zone *zone = NULL;

		if (may_be_taken(pfn, NUMA_NO_NODE, &zone) && take_range(pfn, 1))
			note_excluded(pfn);
		cond_resched();
	}
	mutex_unlock(&excluded_mutex);
}

/* ------------------------------------------------------------------------------------------- */
/* Objects and arrays                                                                           */

static void *take_object(size_t bytes, gfp_t gfp)
{
	void *object = kvzalloc(bytes, gfp);

	if (object)
		atomic64_inc(&held_objects);
	return object;
}

static void *service_alloc(void *ctx, size_t bytes) { return take_object(bytes, GFP_HOST); }

static void *charged_alloc(void *ctx, size_t bytes)
{
	return take_object(bytes, GFP_HOST | __GFP_ACCOUNT);
}

static void service_free(void *ctx, void *object)
{
	if (object)
		atomic64_dec(&held_objects);
	kvfree(object);
}

static void *service_sparse_create(void *ctx, uint64_t bytes)
{
	void *array = __vmalloc(bytes, GFP_HOST | __GFP_ZERO);

	if (array)
		atomic64_inc(&held_objects);
	return array;
}

static int service_sparse_populate(void *ctx, void *array, uint64_t offset, uint64_t bytes)
{
	return 0;
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
		service_zero(ctx, base, bytes);
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

	for_each_possible_cpu(cpu)
		sum += per_cpu(nr_seamcalls, cpu);
	return sum;
}

static tdx_status_t service_seamcall(void *ctx, struct tdx_regs *regs)
{
	this_cpu_inc(nr_seamcalls);
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

unsigned int host_port_package(unsigned int cpu)
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
	for_each_online_cpu(cpu) {
		if (one_each && test_and_set_bit(host_port_package(cpu), seen))
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

/*
 * Any interrupt makes a guest leave; this one does nothing else. A CPU that has gone meanwhile has
 * no guest, and does not go between the look and the interrupt while this one is not preempted.
 */
static void service_kick(void *ctx, uint32_t cpu)
{
	preempt_disable();
	if (cpu_online(cpu))
		smp_send_reschedule(cpu);
	preempt_enable();
}

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
	unsigned int cpu;

	for_each_online_cpu(cpu) {
		if (host_port_package(cpu) < TDX_MAX_PACKAGES)
			continue;
		pr_err("pamt: CPU %u is in package %u; the TDX module has %u: load with "
		       "packages=\n",
		       cpu, host_port_package(cpu), TDX_MAX_PACKAGES);
		return -EINVAL;
	}
	services.nr_cpus = nr_cpu_ids;
	services.nr_nodes = nr_node_ids;
	charged_services = services;
	charged_services.alloc_pages = charged_alloc_pages;
	charged_services.alloc = charged_alloc;
	return 0;
}

void host_port_exit(void)
{
	struct excluded *e, *next;

	list_for_each_entry_safe(e, next, &excluded_list, link) {
		free_run(e->pfn, e->nr);
		list_del(&e->link);
		kfree(e);
	}
	excluded_pages = 0;
}
