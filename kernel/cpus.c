// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * cpus.c - CPUs that come and go under TDs.
 *
 * LP.INIT, which each CPU needs, is for the time before SYS.CONFIG. So a CPU that was online at
 * bring-up may go and come as it likes: the TDX module keeps knowing it. One that was not stays
 * offline, and during bring-up none goes and none comes.
 *
 * Before a CPU goes, every vCPU that is bound to it is flushed: nobody could do that later, and its
 * TD could not end. A thread that runs a vCPU there is sent elsewhere (tenant.c). The last CPU of a
 * package stays while there are TDs, since a KeyID is configured, and its cache lines are written
 * back, on each package; and while a package has none there is no TD to be had.
 */
#include "linux.h"

#include "host_port.h"
#include "pamt_kernel.h"

static int hotplug_state;
/* Online when bring-up was over. Changes under cpus_write_lock() or before there is a TD. */
static struct cpumask known;
static bool settled;

static int on_online(unsigned int cpu)
{
	if (!settled) {
		pr_warn("pamt: CPU %u stays offline: the TDX module is being initialised\n", cpu);
		return -EBUSY;
	}
	if (!cpumask_test_cpu(cpu, &known)) {
		pr_warn("pamt: CPU %u stays offline: it was not online when the TDX module was "
			"initialised\n",
			cpu);
		return -ENODEV;
	}
	return vmm_cpu_returns(&pamt_kernel.vmm);
}

static bool is_last_of_package(unsigned int cpu)
{
	unsigned int package = host_port_package(cpu), other;

	for_each_online_cpu(other)
		if (other != cpu && host_port_package(other) == package)
			return false;
	return true;
}

/* On the CPU itself, in a thread that may sleep. */
static int on_offline(unsigned int cpu)
{
	if (!settled) {
		pr_warn("pamt: CPU %u stays online: the TDX module is being initialised\n", cpu);
		return -EBUSY;
	}
	if (is_last_of_package(cpu) && atomic64_read(&pamt_kernel.tds)) {
		pr_warn("pamt: CPU %u stays online: it is the last of its package, and there are "
			"TDs\n",
			cpu);
		return -EBUSY;
	}
	return vmm_cpu_leaves(&pamt_kernel.vmm);
}

int pamt_cpus_of_each_package(void)
{
	DECLARE_BITMAP(seen, TDX_MAX_PACKAGES) = { 0 };
	unsigned int cpu;
	int error = 0;

	cpus_read_lock();
	for_each_online_cpu(cpu)
		__set_bit(host_port_package(cpu), seen);
	for_each_cpu(cpu, &known)
	{
		if (test_bit(host_port_package(cpu), seen))
			continue;
		pr_warn("pamt: no TD: package %u has no CPU online\n", host_port_package(cpu));
		error = -ENODEV;
		break;
	}
	cpus_read_unlock();
	return error;
}

int pamt_cpus_init(void)
{
	int state = cpuhp_setup_state_nocalls(CPUHP_AP_ONLINE_DYN, "pamt:online", on_online,
					      on_offline);

	if (state < 0)
		return state;
	hotplug_state = state;
	return 0;
}

void pamt_cpus_settle(void)
{
	cpus_read_lock();
	cpumask_copy(&known, cpu_online_mask);
	settled = true;
	cpus_read_unlock();
}

void pamt_cpus_exit(void) { cpuhp_remove_state_nocalls(hotplug_state); }
