// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * pamt_main.c - pamt.ko: brings the TDX module up when it is loaded, with Dynamic PAMT, and gives
 * everything back when it goes.
 */
#include "linux.h"

#include <asm/msr.h>

#include "host_port.h"
#include "pamt_kernel.h"

/* Bits 31:0 KeyIDs without TDX, 63:32 private ones. Zero or missing where there is no TDX. */
#define MSR_KEYID_PARTITIONING 0x87

static bool dynamic = true;
module_param(dynamic, bool, 0444);
MODULE_PARM_DESC(dynamic, "ask for Dynamic PAMT");
static unsigned int hkid_start_bit = 40;
module_param(hkid_start_bit, uint, 0444);
MODULE_PARM_DESC(hkid_start_bit, "where the CPU does not say: address bit at which KeyIDs begin");
static unsigned int hkid_min = 32;
module_param(hkid_min, uint, 0444);
MODULE_PARM_DESC(hkid_min, "where the CPU does not say: first private KeyID");
static unsigned int nr_hkids = 32;
module_param(nr_hkids, uint, 0444);
MODULE_PARM_DESC(nr_hkids, "where the CPU does not say: number of private KeyIDs");
static unsigned long idle_limit;
module_param(idle_limit, ulong, 0444);
MODULE_PARM_DESC(idle_limit, "regions whose pairs stay although nobody uses them");

struct pamt_kernel pamt_kernel;

/* softseam.ko has this, for those who want it to stay. On TDX hardware nobody has it. */
extern void softseam_hold(void);
static typeof(&softseam_hold) softseam_held;

/* Parameters that no machine could have; what this one has not the module refuses. */
static bool hkids_are_possible(u64 end_of_memory)
{
	if (hkid_start_bit >= TDX_PA_BITS || end_of_memory > 1ull << hkid_start_bit) {
		pr_err("pamt: hkid_start_bit=%u: memory ends at 0x%llx, which is at most bit %u\n",
		       hkid_start_bit, end_of_memory, TDX_PA_BITS - 1);
		return false;
	}
	if (hkid_min < 1 || nr_hkids < 2 ||
	    (u64)hkid_min + nr_hkids > min(1u << (TDX_PA_BITS - hkid_start_bit), TDX_MAX_HKIDS)) {
		pr_err("pamt: hkid_min=%u nr_hkids=%u: at least 1 and 2, and no KeyID above %u\n",
		       hkid_min, nr_hkids,
		       min(1u << (TDX_PA_BITS - hkid_start_bit), TDX_MAX_HKIDS) - 1);
		return false;
	}
	return true;
}

static int find_hkids(struct pamt_host_config *config)
{
	const struct pamt_memory *last = &config->memory[config->nr_memory - 1];
	u64 msr;

	if (softseam_held || rdmsrq_safe(MSR_KEYID_PARTITIONING, &msr) || !(msr >> 32)) {
		config->hkid_start_bit = hkid_start_bit;
		config->global_hkid = hkid_min;
		config->nr_hkids = nr_hkids;
		return hkids_are_possible(last->base.v + last->bytes) ? 0 : -EINVAL;
	}
	/* The kernel has taken the KeyID bits off the physical address bits. */
	config->hkid_start_bit = boot_cpu_data.x86_phys_bits;
	config->global_hkid = (u32)msr + 1;
	config->nr_hkids = msr >> 32;
	return 0;
}

static void report_failure(const struct pamt_error *error)
{
	pr_err("pamt: bring-up failed at %s: %s (error %d, range 0x%llx + 0x%llx, status "
	       "0x%016llx)\n",
	       pamt_step_name(error->step), error->reason ? error->reason : "no reason given",
	       error->error, error->base.v, error->bytes, error->status.v);
	if (tdx_status_is(error->status, TDX_SYS_INIT_NOT_PENDING))
		pr_err("pamt: the TDX module was initialised before, and is only once in its life: "
		       "load it anew (`rmmod softseam; modprobe softseam`), then pamt.ko\n");
}

static void report_layout(struct pamt_host *host)
{
	const struct pamt_layout *layout = pamt_layout(host);
	const char *why = NULL;

	if (!pamt_is_dynamic(host, &why) && dynamic)
		pr_warn("pamt: no Dynamic PAMT: %s\n", why);
	/* What the parameter says from here on is what is there. */
	dynamic = layout->dynamic;
	pr_info("pamt: TDX module is up with %s PAMT: %u TDMRs, %llu KB of PAMT, %llu KB of region "
		"words\n",
		layout->dynamic ? "dynamic" : "static", layout->nr_tdmrs, layout->pamt_bytes >> 10,
		layout->table_bytes >> 10);
}

static int bring_up(void)
{
	struct pamt_host_config config = { .dynamic = dynamic };
	struct pamt_error error = { 0 };
	struct vmm_config vmm;
	int ret;

	ret = pamt_memory_map(&pamt_kernel.memory, &pamt_kernel.nr_memory);
	if (ret)
		return ret;
	config.memory = pamt_kernel.memory;
	config.nr_memory = pamt_kernel.nr_memory;
	for (u32 i = 0; i < pamt_kernel.nr_memory; i++)
		pamt_kernel.memory_bytes += pamt_kernel.memory[i].bytes;
	ret = find_hkids(&config);
	if (ret)
		return ret;
	ret = pamt_host_create(host_services, &config, &pamt_kernel.host, &error);
	if (ret) {
		report_failure(&error);
		return ret;
	}
	ret = pamt_bring_up(pamt_kernel.host, &error);
	if (ret) {
		report_failure(&error);
		return ret;
	}
	report_layout(pamt_kernel.host);
	pamt_set_idle_limit(pamt_kernel.host, idle_limit);
	vmm = (struct vmm_config){
		.first_hkid = config.global_hkid + 1,
		.nr_hkids = config.nr_hkids - 1,
		.global_hkid = config.global_hkid,
		.hkid_start_bit = config.hkid_start_bit,
	};
	return vmm_init(&pamt_kernel.vmm, tenant_services, pamt_kernel.host, &vmm);
}

static void report_leak(void *arg, const struct pamt_finding *finding)
{
	pr_err("pamt: leak: region 0x%llx, word 0x%04x: %s; %u pages, the first at 0x%llx, of the "
	       "TD at 0x%llx\n",
	       finding->region.v << TDX_2M_SHIFT, finding->word, finding->what, finding->pages,
	       finding->page.v, finding->owner.v);
}

/* Gives everything back, and says whether that was all. */
static void tear_down(void)
{
	struct host_port_account account;
	struct pamt_stats stats;

	if (pamt_kernel.host) {
		pamt_shrink(pamt_kernel.host, U64_MAX);
		pamt_leaks(pamt_kernel.host, report_leak, NULL);
		pamt_stats(pamt_kernel.host, &stats);
		pr_info("pamt: left with zero TDs: %llu bytes\n", stats.os_bytes);
		pamt_host_destroy(pamt_kernel.host);
	}
	kvfree(pamt_kernel.memory);
	host_port_account(&account);
	host_port_exit();
	if (account.pages || account.objects)
		pr_err("pamt: leak: %llu pages and %llu objects did not come back\n", account.pages,
		       account.objects);
	else
		pr_info("pamt: all pages are back, %llu excluded ones too\n",
			account.excluded_pages);
	if (softseam_held)
		symbol_put(softseam_hold);
}

static const struct {
	int (*init)(void);
	void (*exit)(void);
} parts[] = {
	{ pamt_debugfs_init, pamt_debugfs_exit },
	{ pamt_reclaim_init, pamt_reclaim_exit },
	{ pamt_hotplug_init, pamt_hotplug_exit },
	{ pamt_device_init, pamt_device_exit },
};

static void stop_parts(unsigned int nr)
{
	while (nr--)
		parts[nr].exit();
}

static int __init pamt_init(void)
{
	const char *why = NULL;
	int error = host_port_probe(&why);

	if (error) {
		pr_err("pamt: no TDX module answers: %s\n", why);
		return error;
	}
	softseam_held = symbol_get(softseam_hold);
	error = host_port_init();
	if (error)
		goto out;
	error = pamt_cpus_init();
	if (error)
		goto out;
	error = bring_up();
	if (!error)
		pamt_cpus_settle();
	for (unsigned int i = 0; !error && i < ARRAY_SIZE(parts); i++) {
		error = parts[i].init();
		if (error)
			stop_parts(i);
	}
	if (error)
		pamt_cpus_exit();
out:
	if (error)
		tear_down();
	return error;
}

static void __exit pamt_exit(void)
{
	stop_parts(ARRAY_SIZE(parts));
	pamt_cpus_exit();
	tear_down();
}

module_init(pamt_init);
module_exit(pamt_exit);
MODULE_DESCRIPTION("Dynamic PAMT: brings up a TDX module and runs TDs on it");
MODULE_LICENSE("Dual MIT/GPL");
