// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * selftest.c - libpamt in the contexts that only a kernel has: process, softirq and IPI, on all
 * CPUs at once, with the kernel's own allocator. Results are KTAP lines in the kernel log.
 *
 * Every case begins and ends with zero TDs, and with the same number of pages held.
 */
#include "linux.h"

#include <linux/prandom.h>

#include "host/region.h"

#include "host_port.h"
#include "pamt_kernel.h"
#include "seamcall.h"
#include "tenant.h"

#ifdef PAMT_MUTANTS
/* This build makes one mistake on purpose: the tests below have to notice. */
bool pamt_mutant(enum pamt_mutant mutant) { return mutant == PAMT_KERNEL_MUTANT; }
#endif

/* Gets and puts of each CPU in the storm. */
static unsigned int storm_ops = 100000;
module_param(storm_ops, uint, 0644);
MODULE_PARM_DESC(storm_ops, "self-test: gets, and puts, of each CPU in the storm");

/* The first thing found wrong in a case; the case has failed. */
struct outcome {
	char text[160];
	bool failed;
};

static __printf(2, 3) void wrong(struct outcome *outcome, const char *format, ...)
{
	va_list args;

	if (outcome->failed)
		return;
	va_start(args, format);
	vscnprintf(outcome->text, sizeof(outcome->text), format, args);
	va_end(args);
	outcome->failed = true;
}

#define expect_equal(outcome, value, wanted)                                                      \
	do {                                                                                      \
		long long value_ = (long long)(value), wanted_ = (long long)(wanted);             \
                                                                                                  \
		if (value_ != wanted_)                                                            \
			wrong(outcome, "line %d: " #value " is %lld, not %lld", __LINE__, value_, \
			      wanted_);                                                           \
	} while (0)

/* ------------------------------------------------------------------------------------------- */
/* Regions to play with                                                                         */

#define NR_REGIONS 16u

struct regions {
	tdx_hpa_t block[NR_REGIONS]; /* 2 MiB each */
};

static void free_regions(struct regions *regions)
{
	for (u32 i = 0; i < NR_REGIONS; i++)
		if (!hpa_is_none(regions->block[i]))
			host_services->free_pages(host_services->ctx, regions->block[i], 9);
}

static bool alloc_regions(struct regions *regions, struct outcome *outcome)
{
	bool all = true;

	for (u32 i = 0; i < NR_REGIONS; i++) {
		regions->block[i] = host_port_alloc_pages(9, OS_ANY_NODE);
		all &= !hpa_is_none(regions->block[i]);
	}
	if (!all) {
		wrong(outcome, "no %u blocks of 2 MiB to be had", NR_REGIONS);
		free_regions(regions);
	}
	return all;
}

static void report_finding(void *arg, const struct pamt_finding *finding)
{
	pr_info("    # region 0x%llx, word 0x%04x, module 0x%llx: %s\n",
		finding->region.v << TDX_2M_SHIFT, finding->word, finding->rdmd_rcx, finding->what);
}

/* Nothing installed, nothing held, the module agrees. */
static void expect_nothing_left(struct outcome *outcome)
{
	struct pamt_stats stats;

	pamt_shrink(pamt_kernel.host, U64_MAX);
	pamt_stats(pamt_kernel.host, &stats);
	expect_equal(outcome, stats.os_bytes, 0);
	expect_equal(outcome, stats.pairs_installed, 0);
	expect_equal(outcome, stats.pages_cached, 0);
	expect_equal(outcome, stats.control_pages, 0);
	expect_equal(outcome, stats.leaf_regions, 0);
	expect_equal(outcome, stats.busy, 0);
	expect_equal(outcome, stats.unbalanced_puts, 0);
	expect_equal(outcome, stats.leaked_regions, 0);
	expect_equal(outcome, stats.quarantined, 0);
	expect_equal(outcome, stats.remove_no_pair, 0);
	expect_equal(outcome, pamt_verify(pamt_kernel.host, report_finding, NULL), 0);
	expect_equal(outcome, os_load64(&pamt_kernel.vmm.leaked_pages, OS_RELAXED), 0);
}

/* ------------------------------------------------------------------------------------------- */
/* Work in another context, waited for                                                          */

enum context { IN_PROCESS, IN_SOFTIRQ, IN_IPI, NR_CONTEXTS };
static const char *const context_names[] = { "process", "softirq", "IPI" };

struct errand {
	void (*fn)(void *arg);
	void *arg;
	struct tasklet_struct tasklet;
	struct completion done;
};

static void errand_in_softirq(struct tasklet_struct *tasklet)
{
	struct errand *errand = from_tasklet(errand, tasklet, tasklet);

	errand->fn(errand->arg);
	complete(&errand->done);
}

static void errand_init(struct errand *errand)
{
	tasklet_setup(&errand->tasklet, errand_in_softirq);
	init_completion(&errand->done);
}

/* IPIs go to the next CPU. */
static void errand_run(struct errand *errand, enum context context, void (*fn)(void *), void *arg)
{
	unsigned int next;

	errand->fn = fn;
	errand->arg = arg;
	switch (context) {
	case IN_SOFTIRQ:
		reinit_completion(&errand->done);
		tasklet_schedule(&errand->tasklet);
		wait_for_completion(&errand->done);
		/* It may still be on its way out, and the errand may be gone soon. */
		tasklet_kill(&errand->tasklet);
		break;
	case IN_IPI:
		next = cpumask_next(raw_smp_processor_id(), cpu_online_mask);
		if (next >= nr_cpu_ids)
			next = cpumask_first(cpu_online_mask);
		smp_call_function_single(next, fn, arg, 1);
		break;
	default:
		fn(arg);
	}
}

/* ------------------------------------------------------------------------------------------- */
/* The instruction                                                                              */

static void ask_features(void *arg)
{
	struct tdx_regs *regs = arg;

	*regs = (struct tdx_regs){ .rax = TDX_RAX(TDH_SYS_RD, 0), .rdx = TDX_MD_FEATURES0 };
	seamcall(regs);
}

static void seamcall_is_answered_in_every_context(struct outcome *outcome)
{
	DEFINE_RAW_SPINLOCK(lock);
	struct tdx_regs first, regs;
	struct errand errand;
	unsigned long flags;

	errand_init(&errand);
	ask_features(&first);
	expect_equal(outcome, first.rax, TDX_SUCCESS);
	for (enum context context = 0; context < NR_CONTEXTS; context++) {
		errand_run(&errand, context, ask_features, &regs);
		if (regs.rax != first.rax || regs.r8 != first.r8)
			wrong(outcome, "in %s context: 0x%llx, R8 0x%llx", context_names[context],
			      regs.rax, regs.r8);
	}
	raw_spin_lock_irqsave(&lock, flags);
	ask_features(&regs);
	raw_spin_unlock_irqrestore(&lock, flags);
	expect_equal(outcome, regs.r8, first.r8);
}

static void registers_come_back_as_they_were(struct outcome *outcome)
{
	struct tdx_regs regs = { .rax = TDX_RAX(0xfff, 0),
				 .rcx = 1,
				 .rdx = 2,
				 .rbx = 3,
				 .rsi = 4,
				 .rdi = 5,
				 .r8 = 6,
				 .r9 = 7,
				 .r10 = 8,
				 .r11 = 9,
				 .r12 = 10,
				 .r13 = 11,
				 .r14 = 12,
				 .r15 = 13 };
	struct tdx_regs before = regs;

	seamcall(&regs);
	if (!tdx_status_is((tdx_status_t){ regs.rax }, TDX_OPERAND_INVALID))
		wrong(outcome, "a leaf that does not exist: 0x%llx", regs.rax);
	before.rax = regs.rax;
	expect_equal(outcome, memcmp(&before, &regs, sizeof(regs)), 0);
}

/* ------------------------------------------------------------------------------------------- */
/* Contiguous ranges                                                                            */

#define RANGE_BYTES (2 * TDX_2M_SIZE)

static tdx_hpa_t take_range(u64 low, u64 high, bool from_top)
{
	return host_services->alloc_range(host_services->ctx, RANGE_BYTES, TDX_2M_SIZE, hpa(low),
					  hpa(high), OS_ANY_NODE, from_top);
}

static void ranges_come_from_where_they_are_wanted(struct outcome *outcome)
{
	tdx_hpa_t low = take_range(0, U64_MAX, false), high = take_range(0, U64_MAX, true), again;

	if (hpa_is_none(low) || hpa_is_none(high) || high.v <= low.v) {
		wrong(outcome, "from the bottom 0x%llx, from the top 0x%llx", low.v, high.v);
		return;
	}
	expect_equal(outcome, IS_ALIGNED(low.v | high.v, TDX_2M_SIZE), true);
	/* There is room for one, and it is taken; then for less than one. */
	expect_equal(outcome, hpa_is_none(take_range(low.v, low.v + RANGE_BYTES, true)), true);
	host_services->free_range(host_services->ctx, low, RANGE_BYTES);
	again = take_range(low.v, low.v + RANGE_BYTES - 1, true);
	expect_equal(outcome, hpa_is_none(again), true);
	again = take_range(low.v, low.v + RANGE_BYTES, true);
	expect_equal(outcome, again.v, low.v);
	if (!hpa_is_none(again))
		host_services->free_range(host_services->ctx, again, RANGE_BYTES);
	host_services->free_range(host_services->ctx, high, RANGE_BYTES);
}

/* ------------------------------------------------------------------------------------------- */
/* Get and put                                                                                  */

static void first_get_adds_and_last_put_removes(struct outcome *outcome)
{
	struct pamt_stats before, after;
	struct regions regions;
	tdx_pfn_t page;

	if (!alloc_regions(&regions, outcome))
		return;
	page = hpa_to_pfn(regions.block[0]);
	pamt_stats(pamt_kernel.host, &before);
	for (u32 i = 0; i < TDX_PAGES_PER_2M; i++)
		expect_equal(outcome, pamt_get(pamt_kernel.host, pfn(page.v + i), NULL), 0);
	pamt_stats(pamt_kernel.host, &after);
	/* The region, and the first one of the pool; these may be one. */
	if (after.adds - before.adds < 1 || after.adds - before.adds > 2)
		wrong(outcome, "%llu times PAMT.ADD for one region", after.adds - before.adds);
	expect_equal(outcome, pamt_verify(pamt_kernel.host, report_finding, NULL), 0);
	for (u32 i = 0; i < TDX_PAGES_PER_2M; i++)
		pamt_put(pamt_kernel.host, pfn(page.v + i));
	free_regions(&regions);
	expect_nothing_left(outcome);
}

/* A cache has room for so many pairs, and an errand uses so many caches. */
#define OPS_PER_CACHE 24u
#define NR_CACHES     8u
/* Gets before the first put, so that counts go beyond one. */
#define OPS_HELD 3u

/* One on each CPU. */
struct stormer {
	void (*body)(struct stormer *stormer);
	const struct regions *regions;
	struct task_struct *thread;
	struct completion done;
	struct errand errand;
	struct pamt_cache cache[NR_CACHES];
	struct rnd_state random;
	u32 ops; /* left */
	int error;
};

/* Some gets and as many puts, on regions that all CPUs use. */
static void storm_with_cache(struct stormer *s, struct pamt_cache *cache)
{
	tdx_pfn_t held[OPS_HELD];
	u32 nr = 0;

	for (u32 i = 0; i < OPS_PER_CACHE && !s->error; i++) {
		u32 random = prandom_u32_state(&s->random);
		u64 first = s->regions->block[random % NR_REGIONS].v >> TDX_PAGE_SHIFT;
		tdx_pfn_t page = pfn(first + random / NR_REGIONS % TDX_PAGES_PER_2M);

		s->error = pamt_get(pamt_kernel.host, page, cache);
		if (!s->error)
			held[nr++] = page;
		if (nr == OPS_HELD)
			while (nr)
				pamt_put(pamt_kernel.host, held[--nr]);
	}
	while (nr)
		pamt_put(pamt_kernel.host, held[--nr]);
}

/* Any context. */
static void storm_some(void *arg)
{
	struct stormer *s = arg;

	for (u32 i = 0; i < NR_CACHES; i++)
		storm_with_cache(s, &s->cache[i]);
}

/* Each get may need a pair. */
static int storm_topup(struct stormer *s)
{
	int error = 0;

	for (u32 i = 0; !error && i < NR_CACHES; i++)
		error = pamt_cache_topup(pamt_kernel.host, &s->cache[i], 0, OPS_PER_CACHE);
	return error;
}

/* In process, softirq and IPI context in turn. */
static void storm_in_all_contexts(struct stormer *s)
{
	enum context context = IN_PROCESS;

	while (s->ops && !s->error) {
		s->error = storm_topup(s);
		if (s->error)
			break;
		errand_run(&s->errand, context, storm_some, s);
		context = (context + 1) % NR_CONTEXTS;
		s->ops -= min(s->ops, OPS_PER_CACHE * NR_CACHES);
		cond_resched();
	}
}

static int stormer_thread(void *arg)
{
	struct stormer *s = arg;

	s->body(s);
	for (u32 i = 0; i < NR_CACHES; i++)
		pamt_cache_free(pamt_kernel.host, &s->cache[i]);
	complete(&s->done);
	/* kthread_stop() waits for a thread that is there to be asked. */
	while (!kthread_should_stop())
		schedule_timeout_interruptible(1);
	return 0;
}

static int stormer_start(struct stormer *s, unsigned int cpu)
{
	prandom_seed_state(&s->random, 1 + cpu);
	errand_init(&s->errand);
	init_completion(&s->done);
	s->thread =
		kthread_create_on_node(stormer_thread, s, cpu_to_node(cpu), "pamt-storm/%u", cpu);
	if (IS_ERR(s->thread)) {
		complete(&s->done);
		return PTR_ERR(s->thread);
	}
	kthread_bind(s->thread, cpu);
	wake_up_process(s->thread);
	return 0;
}

/* While it runs: verify takes words and shrink takes pages, as an administrator may. */
static void disturb_until_done(struct stormer *s, struct outcome *outcome)
{
	while (!wait_for_completion_timeout(&s->done, HZ / 5)) {
		pamt_shrink(pamt_kernel.host, 64);
		expect_equal(outcome, pamt_verify(pamt_kernel.host, report_finding, NULL), 0);
	}
}

static void report_storm(const struct pamt_stats *before, u32 ops, u64 ns)
{
	struct pamt_stats after;

	pamt_stats(pamt_kernel.host, &after);
	pr_info("    # %u CPUs x %u gets and puts: %llu ADD, %llu REMOVE, %llu waits, %llu ms\n",
		num_online_cpus(), ops, after.adds - before->adds, after.removes - before->removes,
		after.waits - before->waits, div_u64(ns, NSEC_PER_MSEC));
}

/* body on all CPUs at once, each with so many operations to do. */
static void storm(struct outcome *outcome, void (*body)(struct stormer *stormer), u32 ops)
{
	struct stormer *stormers = kvcalloc(nr_cpu_ids, sizeof(*stormers), GFP_KERNEL);
	u64 start = ktime_get_ns();
	struct pamt_stats before;
	struct regions regions;
	unsigned int cpu;

	if (!stormers || !alloc_regions(&regions, outcome)) {
		wrong(outcome, "no memory");
		kvfree(stormers);
		return;
	}
	pamt_stats(pamt_kernel.host, &before);
	for_each_online_cpu(cpu)
	{
		stormers[cpu].body = body;
		stormers[cpu].regions = &regions;
		stormers[cpu].ops = ops;
		expect_equal(outcome, stormer_start(&stormers[cpu], cpu), 0);
	}
	for_each_online_cpu(cpu) disturb_until_done(&stormers[cpu], outcome);
	for_each_online_cpu(cpu)
	{
		expect_equal(outcome, stormers[cpu].error, 0);
		if (!IS_ERR_OR_NULL(stormers[cpu].thread))
			kthread_stop(stormers[cpu].thread);
	}
	report_storm(&before, ops, ktime_get_ns() - start);
	kvfree(stormers);
	free_regions(&regions);
	expect_nothing_left(outcome);
}

static void all_cpus_get_and_put_in_all_contexts(struct outcome *outcome)
{
	storm(outcome, storm_in_all_contexts, storm_ops);
}

/* ------------------------------------------------------------------------------------------- */
/* A softirq that puts, on the CPU where a get spins                                            */

struct interruption {
	struct tasklet_struct tasklet;
	struct pamt_cache cache;
	tdx_pfn_t page;
	int error;
};

static void edge_in_softirq(struct tasklet_struct *tasklet)
{
	struct interruption *i = from_tasklet(i, tasklet, tasklet);

	i->error = pamt_get(pamt_kernel.host, i->page, &i->cache);
	if (!i->error)
		pamt_put(pamt_kernel.host, i->page);
}

/*
 * One region for all CPUs: each goes between 0 and 1 in process context, while its softirq does the
 * same. With interrupts on while a word is LOCKED the softirq would wait for its own CPU.
 */
static void edges_with_softirqs(struct stormer *s)
{
	u64 first = s->regions->block[0].v >> TDX_PAGE_SHIFT;
	unsigned int cpu = raw_smp_processor_id() % (TDX_PAGES_PER_2M / 2);
	struct interruption i = { .page = pfn(first + 2 * cpu) };

	tasklet_setup(&i.tasklet, edge_in_softirq);
	for (; s->ops && !s->error; s->ops--) {
		if (s->ops % 8 == 0) {
			tasklet_kill(&i.tasklet);
			s->error = i.error ? i.error
					   : pamt_cache_topup(pamt_kernel.host, &i.cache, 0, 1);
			if (!s->error)
				tasklet_schedule(&i.tasklet);
		}
		if (!s->error)
			s->error = pamt_cache_topup(pamt_kernel.host, &s->cache[0], 0, 1);
		if (!s->error)
			s->error = pamt_get(pamt_kernel.host, pfn(i.page.v + 1), &s->cache[0]);
		if (!s->error)
			pamt_put(pamt_kernel.host, pfn(i.page.v + 1));
		cond_resched();
	}
	tasklet_kill(&i.tasklet);
	pamt_cache_free(pamt_kernel.host, &i.cache);
}

static void softirq_puts_while_get_spins(struct outcome *outcome)
{
	storm(outcome, edges_with_softirqs, storm_ops / 10);
}

/* ------------------------------------------------------------------------------------------- */
/* TDs                                                                                          */

static void report_td(const struct tenant *tenant)
{
	struct td_counts counts;

	td_sum_counts(tenant->td, &counts);
	pr_info("    # %llu faults, %llu 4K and %llu 2M pages mapped, %llu conversions, %llu "
		"splits, %llu exits\n",
		counts.faults.v, counts.maps_4k.v, counts.maps_2m.v, counts.conversions.v,
		counts.splits.v, counts.exits.v);
}

/* Created, run, changed from outside, run again, ended. */
static int td_life(const struct tenant_config *config, bool report)
{
	struct tenant *tenant = kzalloc(sizeof(*tenant), GFP_KERNEL);
	tdx_gpa_t large = gpa(config->bytes - TDX_2M_SIZE);
	int error;

	if (!tenant)
		return -ENOMEM;
	error = tenant_create(tenant, config);
	if (error)
		goto out;
	error = tenant_run(tenant);
	if (!error)
		error = td_split(tenant->td, large);
	if (!error)
		error = td_convert(tenant->td, gpa(large.v + TDX_PAGE_SIZE), TDX_PAGE_SIZE, true);
	if (!error)
		error = td_convert(tenant->td, large, TDX_2M_SIZE, false);
	if (!error)
		error = td_zap(tenant->td, large, TDX_2M_SIZE);
	if (report)
		report_td(tenant);
	if (error && tenant->guest_error)
		pr_info("    # the guest found 0x%llx at 0x%llx\n", tenant->guest_error,
			tenant->guest_error_at);
	if (tenant_destroy(tenant) && !error)
		error = -EIO;
out:
	kfree(tenant);
	return error;
}

static void td_lives_and_leaves_nothing(struct outcome *outcome)
{
	const struct tenant_config config = { .bytes = 32 * TDX_2M_SIZE,
					      .vcpus = 4,
					      .percent_4k = 25,
					      .flips = 16,
					      .seed = 1,
					      .node = OS_ANY_NODE };

	expect_equal(outcome, td_life(&config, true), 0);
	expect_nothing_left(outcome);
}

static void td_of_each_node_lives(struct outcome *outcome)
{
	struct tenant_config config = {
		.bytes = 8 * TDX_2M_SIZE, .vcpus = 2, .percent_4k = 50, .flips = 8, .seed = 2
	};
	int node;

	for_each_online_node(node)
	{
		config.node = node;
		expect_equal(outcome, td_life(&config, false), 0);
	}
	expect_nothing_left(outcome);
}

/* The n-th allocation fails, for each n that there is; whatever comes of it, nothing is left. */
static void any_allocation_may_fail(struct outcome *outcome)
{
	const struct tenant_config config = { .bytes = 4 * TDX_2M_SIZE,
					      .vcpus = 1,
					      .percent_4k = 30,
					      .pages_4k = 6,
					      .flips = 2,
					      .seed = 3,
					      .node = OS_ANY_NODE };
	struct host_port_account before, after;
	u64 nr = 0, survived = 0;
	bool reached;

	host_port_account(&before);
	do {
		int error;

		host_port_fail_alloc(++nr);
		error = td_life(&config, false);
		reached = host_port_allocs() >= nr;
		host_port_fail_alloc(0);
		survived += !error && reached;
		if (error && error != -ENOMEM)
			wrong(outcome, "allocation %llu failed, and the error was %d", nr, error);
		pamt_shrink(pamt_kernel.host, U64_MAX);
		host_port_account(&after);
		if (after.pages != before.pages || after.objects > before.objects)
			wrong(outcome, "allocation %llu failed: %lld pages and %lld objects left",
			      nr, after.pages - before.pages, after.objects - before.objects);
		cond_resched();
	} while (reached && !outcome->failed);
	pr_info("    # %llu allocations failed in turn, %llu without harm to the TD\n", nr - 1,
		survived);
	expect_nothing_left(outcome);
}

/* ------------------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	void (*fn)(struct outcome *outcome);
} cases[] = {
#define CASE(fn)        \
	{               \
#fn, fn \
	}
	CASE(seamcall_is_answered_in_every_context),
	CASE(registers_come_back_as_they_were),
	CASE(ranges_come_from_where_they_are_wanted),
	CASE(first_get_adds_and_last_put_removes),
	CASE(all_cpus_get_and_put_in_all_contexts),
	CASE(softirq_puts_while_get_spins),
	CASE(td_lives_and_leaves_nothing),
	CASE(td_of_each_node_lives),
	CASE(any_allocation_may_fail),
#undef CASE
};

int pamt_selftest(void)
{
	int failed = 0;

	if (atomic64_read(&pamt_kernel.tds)) {
		pr_warn("pamt: self-tests need zero TDs\n");
		return -EBUSY;
	}
	pr_info("KTAP version 1\n");
	pr_info("1..%zu\n", ARRAY_SIZE(cases));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct outcome outcome = { .failed = false };

		cases[i].fn(&outcome);
		if (outcome.failed)
			pr_info("    # %s\n", outcome.text);
		pr_info("%s %zu %s\n", outcome.failed ? "not ok" : "ok", i + 1, cases[i].name);
		failed += outcome.failed;
	}
	return failed;
}
