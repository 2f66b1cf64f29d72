// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * tenant.c - TDs in this kernel: image, vCPUs in threads that are bound to CPUs.
 */
#include "linux.h"

#include "host_port.h"
#include "pamt_kernel.h"
#include "services.h"
#include "tenant.h"

static enum tdx_size page_size_at(void *arg, tdx_gpa_t at)
{
	const struct guest_orders *orders = arg;

	return guest_region_4k(orders->percent_4k, at.v >> TDX_2M_SHIFT) ? TDX_4K : TDX_2M;
}

/* Orders first, then an empty page for each vCPU. */
static int add_image(struct tenant *tenant)
{
	const struct os_services *os = pamt_kernel.vmm.os;
	tdx_hpa_t page = host_port_alloc_pages(0, OS_ANY_NODE);
	int error;

	if (hpa_is_none(page))
		return -ENOMEM;
	os->zero(os->ctx, page, PAGE_SIZE);
	memcpy(direct_map(page), &tenant->orders, sizeof(tenant->orders));
	error = td_add_page(tenant->td, gpa(0), page);
	os->zero(os->ctx, page, PAGE_SIZE);
	for (u32 i = 1; !error && i < GUEST_IMAGE_PAGES(tenant->nr_vcpus); i++)
		error = td_add_page(tenant->td, gpa((u64)i << TDX_PAGE_SHIFT), page);
	os->free_pages(os->ctx, page, 0);
	return error;
}

static int build(struct tenant *tenant)
{
	int error = 0;

	for (u32 i = 0; !error && i < tenant->nr_vcpus; i++) {
		/* On a CPU that is about to go it would be refused. */
		cpus_read_lock();
		error = td_add_vcpu(tenant->td, &tenant->vcpu[i]);
		cpus_read_unlock();
	}
	if (!error)
		error = add_image(tenant);
	return error ? error : td_finalize(tenant->td);
}

int tenant_create(struct tenant *tenant, const struct tenant_config *config)
{
	struct td_config td = {
		.node = config->node,
		.max_vcpus = config->vcpus,
		.bytes = config->bytes,
		.page_size = page_size_at,
		.arg = &tenant->orders,
	};
	int error;

	/* What this machine could not have if it had nothing else; the rest fails as it comes. */
	if (config->bytes > pamt_kernel.memory_bytes)
		return -EFBIG;
	if (!config->bytes || config->bytes % TDX_2M_SIZE || !config->vcpus ||
	    config->vcpus > GUEST_IMAGE_VCPUS || config->percent_4k > 100 ||
	    (config->node != OS_ANY_NODE &&
	     (config->node >= nr_node_ids || !node_online(config->node))))
		return -EINVAL;
	*tenant = (struct tenant){
		.nr_vcpus = config->vcpus,
		.orders = {
			.magic = GUEST_IMAGE_MAGIC,
			.bytes = config->bytes,
			.vcpus = config->vcpus,
			.percent_4k = config->percent_4k,
			.flips = config->flips,
			.seed = config->seed,
			.pages_4k = config->pages_4k,
		},
	};
	/* Before it has a KeyID on any package: cpus.c. */
	atomic64_inc(&pamt_kernel.tds);
	error = pamt_cpus_of_each_package();
	if (!error)
		error = td_create(&pamt_kernel.vmm, &td, &tenant->td);
	if (error) {
		atomic64_dec(&pamt_kernel.tds);
		return error;
	}
	error = build(tenant);
	if (error)
		tenant_destroy(tenant);
	return error;
}

u64 tenant_destroy(struct tenant *tenant)
{
	u64 leaked = td_destroy(tenant->td);

	tenant->td = NULL;
	atomic64_dec(&pamt_kernel.tds);
	return leaked;
}

/* ------------------------------------------------------------------------------------------- */

struct runner {
	struct tenant *tenant;
	struct mem_cgroup *payer;
	struct vcpu *vcpu;
	struct task_struct *thread;
	struct completion done;
	enum vcpu_exit exit;
};

/* The nth online CPU, starting over at the end. With cpus_read_lock(), or it may be gone. */
static unsigned int nth_cpu(unsigned int n)
{
	return cpumask_nth(n % num_online_cpus(), cpu_online_mask);
}

/* The thread's CPU goes offline. This waits until it is gone, and chooses another one. */
static void go_elsewhere(const struct runner *runner)
{
	cpus_read_lock();
	set_cpus_allowed_ptr(current, cpumask_of(nth_cpu(runner->vcpu->index)));
	cpus_read_unlock();
}

static int run_vcpu(void *arg)
{
	struct runner *runner = arg;
	/* What the guest's faults take is as if the caller had taken it. */
	struct mem_cgroup *own = set_active_memcg(runner->payer);

	while ((runner->exit = vcpu_run(runner->vcpu)) == VCPU_CPU_LEAVES)
		go_elsewhere(runner);
	/* One vCPU alone is no TD: the others would only take what one had not got. */
	if (runner->exit == VCPU_FAILED)
		td_stop(runner->tenant->td);
	set_active_memcg(own);
	complete(&runner->done);
	/* kthread_stop() needs a thread that is there still. */
	set_current_state(TASK_INTERRUPTIBLE);
	while (!kthread_should_stop()) {
		schedule();
		set_current_state(TASK_INTERRUPTIBLE);
	}
	__set_current_state(TASK_RUNNING);
	return 0;
}

static int start(struct runner *runner, u32 i)
{
	unsigned int cpu;

	init_completion(&runner->done);
	cpus_read_lock();
	cpu = nth_cpu(i + runner->tenant->orders.seed);
	runner->thread =
		kthread_create_on_node(run_vcpu, runner, cpu_to_node(cpu), "pamt-vcpu/%u", i);
	if (!IS_ERR(runner->thread))
		kthread_bind(runner->thread, cpu);
	cpus_read_unlock();
	if (IS_ERR(runner->thread))
		return PTR_ERR(runner->thread);
	wake_up_process(runner->thread);
	return 0;
}

/* What the vCPU left behind. */
static int result_of(struct runner *runner)
{
	struct tenant *tenant = runner->tenant;
	const struct tdx_regs *regs = &runner->vcpu->regs;

	switch (runner->exit) {
	case VCPU_HALTED:
		tenant->flips_done += regs->r15;
		if (!regs->r12)
			return 0;
		tenant->guest_error = regs->r12;
		tenant->guest_error_at = regs->r13;
		return -EIO;
	case VCPU_STOPPED:
		return -EINTR;
	case VCPU_FAILED:
		return runner->vcpu->error;
	default:
		return -EIO;
	}
}

int tenant_run(struct tenant *tenant)
{
	struct runner *runners = kcalloc(tenant->nr_vcpus, sizeof(*runners), GFP_KERNEL_ACCOUNT);
	struct mem_cgroup *payer;
	u32 started = 0;
	int error = 0;

	if (!runners)
		return -ENOMEM;
	payer = get_mem_cgroup_from_mm(current->mm);
	while (!error && started < tenant->nr_vcpus) {
		runners[started].tenant = tenant;
		runners[started].vcpu = tenant->vcpu[started];
		runners[started].payer = payer;
		error = start(&runners[started], started);
		if (!error)
			started++;
	}
	if (error)
		td_stop(tenant->td);
	for (u32 i = 0; i < started; i++) {
		if (wait_for_completion_killable(&runners[i].done)) {
			td_stop(tenant->td);
			wait_for_completion(&runners[i].done);
		}
	}
	for (u32 i = 0; i < started; i++) {
		int one = result_of(&runners[i]);

		kthread_stop(runners[i].thread);
		/* Stopped were those that another one's failure stopped. */
		if (!error || (error == -EINTR && one))
			error = one;
	}
	mem_cgroup_put(payer);
	kfree(runners);
	return error;
}
