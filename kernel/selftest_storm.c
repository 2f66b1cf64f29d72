// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * selftest_storm.c - all CPUs at once on few regions, in process, softirq and IPI context.
 */
#include "selftest.h"

#include <linux/prandom.h>

/* Gets and puts of each CPU in the storm. */
static unsigned int storm_ops = 100000;
module_param(storm_ops, uint, 0644);
MODULE_PARM_DESC(storm_ops, "gets, and puts, of each CPU in the storm");

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
		expect_agreement(outcome);
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

	if (!stormers || !regions_alloc(&regions, outcome)) {
		selftest_wrong(outcome, "no memory");
		kvfree(stormers);
		return;
	}
	pamt_stats(pamt_kernel.host, &before);
	for_each_online_cpu(cpu) {
		stormers[cpu].body = body;
		stormers[cpu].regions = &regions;
		stormers[cpu].ops = ops;
		expect_equal(outcome, stormer_start(&stormers[cpu], cpu), 0);
	}
	for_each_online_cpu(cpu)
		disturb_until_done(&stormers[cpu], outcome);
	for_each_online_cpu(cpu) {
		expect_equal(outcome, stormers[cpu].error, 0);
		if (!IS_ERR_OR_NULL(stormers[cpu].thread))
			kthread_stop(stormers[cpu].thread);
	}
	report_storm(&before, ops, ktime_get_ns() - start);
	kvfree(stormers);
	regions_free(&regions);
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

const struct selftest_case selftest_storms[] = {
	SELFTEST_CASE(all_cpus_get_and_put_in_all_contexts),
	SELFTEST_CASE(softirq_puts_while_get_spins),
	{},
};
