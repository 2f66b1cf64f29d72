// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * device.c - /dev/pamt (device_abi.h): one TD per open file.
 *
 * An open file holds the module, so pamt.ko cannot go while there may be a TD.
 */
#include "linux.h"

#include "device_abi.h"
#include "host_port.h"
#include "pamt_kernel.h"
#include "tenant.h"

struct open_td {
	struct mutex mutex; /* one call at a time */
	bool exists;
	struct tenant tenant;
};

/* ------------------------------------------------------------------------------------------- */
/* About the machine                                                                            */

/* What PAMT would be with its 4K level allocated at boot. */
static u64 static_pamt_bytes(const struct pamt_layout *layout)
{
	u64 bytes = 0;

	for (u32 i = 0; i < layout->nr_tdmrs; i++) {
		const struct pamt_tdmr *t = &layout->tdmr[i];
		u64 level_4k = (t->bytes >> TDX_PAGE_SHIFT) * TDX_PAMT_ENTRY_BYTES;

		bytes += ALIGN(level_4k, PAGE_SIZE) + t->pamt_2m_bytes + t->pamt_1g_bytes;
	}
	return bytes;
}

static long get_info(struct open_td *td, void __user *to)
{
	const struct pamt_layout *layout = pamt_layout(pamt_kernel.host);
	struct pamt_abi_info info = {
		.abi = PAMT_ABI,
		.dynamic = layout->dynamic,
		.cpus = num_online_cpus(),
		.nodes = num_online_nodes(),
		.tdmrs = layout->nr_tdmrs,
		.tds = atomic64_read(&pamt_kernel.tds),
		.static_bytes = static_pamt_bytes(layout),
		.dynamic_bytes = layout->pamt_bytes,
		.table_bytes = layout->table_bytes,
		.given_up_bytes = layout->given_up_bytes,
		.memory_bytes = pamt_kernel.memory_bytes,
	};

	return copy_to_user(to, &info, sizeof(info)) ? -EFAULT : 0;
}

static long get_stats(struct open_td *td, void __user *to)
{
	struct pamt_stats stats;
	struct pamt_abi_stats abi;

	pamt_stats(pamt_kernel.host, &stats);
	abi = (struct pamt_abi_stats){
		.os_bytes = stats.os_bytes,
		.os_bytes_peak = stats.os_bytes_peak,
		.used_bytes = stats.used_bytes,
		.pairs_installed = stats.pairs_installed,
		.pairs_installed_peak = stats.pairs_installed_peak,
		.leaf_regions = stats.leaf_regions,
		.gets_fast = stats.gets_fast,
		.gets_slow = stats.gets_slow,
		.puts = stats.puts,
		.adds = stats.adds,
		.removes = stats.removes,
		.waits = stats.waits,
		.busy = stats.busy,
		.leaked_regions = stats.leaked_regions,
		.leaked_pages = os_load64(&pamt_kernel.vmm.leaked_pages, OS_RELAXED),
		.unbalanced_puts = stats.unbalanced_puts,
		.seamcalls = host_port_seamcalls(),
		.retries = os_load64(&pamt_kernel.vmm.caller.counts.of[CALL_AGAIN], OS_RELAXED),
	};
	return copy_to_user(to, &abi, sizeof(abi)) ? -EFAULT : 0;
}

static void log_finding(void *arg, const struct pamt_finding *finding)
{
	pr_warn("pamt: region 0x%llx, word 0x%04x, module 0x%llx: %s\n",
		finding->region.v << TDX_2M_SHIFT, finding->word, finding->rdmd_rcx, finding->what);
}

static long verify(struct open_td *td, void __user *to)
{
	s64 findings = pamt_verify(pamt_kernel.host, log_finding, NULL);

	if (findings < 0)
		return findings;
	return put_user((u64)findings, (u64 __user *)to);
}

/* ------------------------------------------------------------------------------------------- */
/* About the TD                                                                                 */

static long create(struct open_td *td, void __user *from)
{
	struct pamt_abi_create abi;
	struct tenant_config config;
	int error;

	if (td->exists)
		return -EEXIST;
	if (copy_from_user(&abi, from, sizeof(abi)))
		return -EFAULT;
	if (abi.reserved)
		return -EINVAL;
	config = (struct tenant_config){
		.bytes = abi.bytes,
		.vcpus = abi.vcpus,
		.percent_4k = abi.percent_4k,
		.flips = abi.flips,
		.seed = abi.seed,
		.node = abi.node == PAMT_ANY_NODE ? OS_ANY_NODE : abi.node,
	};
	error = tenant_create(&td->tenant, &config);
	td->exists = !error;
	return error;
}

static long run(struct open_td *td, void __user *unused)
{
	int error = tenant_run(&td->tenant);

	/* Memory is short, and this TD has most of it: nobody should have to wait for its owner. */
	if (error == -ENOMEM) {
		td->exists = false;
		tenant_destroy(&td->tenant);
	}
	return error;
}

static long get_counts(struct open_td *td, void __user *to)
{
	struct td_counts counts;
	struct pamt_abi_counts abi;

	td_sum_counts(td->tenant.td, &counts);
	abi = (struct pamt_abi_counts){
		.faults = counts.faults.v,
		.lost_races = counts.lost_races.v,
		.maps_4k = counts.maps_4k.v,
		.maps_2m = counts.maps_2m.v,
		.fallbacks = counts.fallbacks.v,
		.sept_pages = counts.sept_pages.v,
		.conversions = counts.conversions.v,
		.zaps_4k = counts.zaps_4k.v,
		.zaps_2m = counts.zaps_2m.v,
		.splits = counts.splits.v,
		.merges = counts.merges.v,
		.tracks = counts.tracks.v,
		.exits = counts.exits.v,
		.flips_done = td->tenant.flips_done,
		.guest_error = td->tenant.guest_error,
		.guest_error_at = td->tenant.guest_error_at,
	};
	return copy_to_user(to, &abi, sizeof(abi)) ? -EFAULT : 0;
}

/* Not the TD's image, which its program cannot do without. */
static bool is_past_image(const struct open_td *td, u64 at)
{
	return at >= GUEST_IMAGE_PAGES(td->tenant.orders.vcpus) * TDX_PAGE_SIZE;
}

static bool is_in_td(const struct open_td *td, u64 at, u64 bytes)
{
	u64 end = td->tenant.orders.bytes;

	return is_past_image(td, at) && at < end && bytes <= end - at;
}

static long change_range(struct open_td *td, void __user *from, bool convert)
{
	struct pamt_abi_range range;

	if (copy_from_user(&range, from, sizeof(range)))
		return -EFAULT;
	if (range.reserved || !is_past_image(td, range.gpa))
		return -EINVAL;
	/* Where nothing is mapped there is nothing to do. */
	if (!convert)
		return td_zap(td->tenant.td, gpa(range.gpa), range.bytes);
	if (!is_in_td(td, range.gpa, range.bytes))
		return -EINVAL;
	return td_convert(td->tenant.td, gpa(range.gpa), range.bytes, range.shared);
}

static long convert(struct open_td *td, void __user *from) { return change_range(td, from, true); }
static long zap(struct open_td *td, void __user *from) { return change_range(td, from, false); }

static long read_gpa(struct open_td *td, void __user *from, tdx_gpa_t *at)
{
	if (get_user(at->v, (u64 __user *)from))
		return -EFAULT;
	return is_in_td(td, at->v & PAGE_MASK, PAGE_SIZE) ? 0 : -EINVAL;
}

/* No vCPU runs: this file's only call is here. */
static long fault(struct open_td *td, void __user *from)
{
	tdx_gpa_t at;
	long error = read_gpa(td, from, &at);

	if (error)
		return error;
	error = td_fault(td->tenant.vcpu[0], gpa(at.v & PAGE_MASK));
	switch (error) {
	case TD_FAULT_THERE:
		return -EEXIST;
	case TD_FAULT_BLOCKED:
		return td_unblock(td->tenant.td, at);
	case TD_FAULT_SHARED:
		return -EPERM;
	default:
		return error;
	}
}

static long split(struct open_td *td, void __user *from)
{
	tdx_gpa_t at;
	long error = read_gpa(td, from, &at);

	return error ? error : td_split(td->tenant.td, at);
}

static long merge(struct open_td *td, void __user *from)
{
	tdx_gpa_t at;
	long error = read_gpa(td, from, &at);

	return error ? error : td_merge(td->tenant.td, at);
}

static long destroy(struct open_td *td, void __user *to)
{
	td->exists = false;
	return put_user(tenant_destroy(&td->tenant), (u64 __user *)to);
}

/* ------------------------------------------------------------------------------------------- */

static const struct {
	unsigned int command;
	bool wants_td;
	long (*fn)(struct open_td *td, void __user *argument);
} calls[] = {
	{ PAMT_IOC_INFO, false, get_info },  { PAMT_IOC_STATS, false, get_stats },
	{ PAMT_IOC_VERIFY, false, verify },  { PAMT_IOC_CREATE, false, create },
	{ PAMT_IOC_RUN, true, run },	     { PAMT_IOC_COUNTS, true, get_counts },
	{ PAMT_IOC_CONVERT, true, convert }, { PAMT_IOC_ZAP, true, zap },
	{ PAMT_IOC_FAULT, true, fault },     { PAMT_IOC_SPLIT, true, split },
	{ PAMT_IOC_MERGE, true, merge },     { PAMT_IOC_DESTROY, true, destroy },
};

static long device_ioctl(struct file *file, unsigned int command, unsigned long argument)
{
	struct open_td *td = file->private_data;
	long result = -ENOTTY;

	if (mutex_lock_interruptible(&td->mutex))
		return -EINTR;
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		if (calls[i].command != command)
			continue;
		result = -EBADF;
		if (!calls[i].wants_td || td->exists)
			result = calls[i].fn(td, (void __user *)argument);
	}
	mutex_unlock(&td->mutex);
	return result;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct open_td *td = kzalloc(sizeof(*td), GFP_KERNEL_ACCOUNT);

	if (!td)
		return -ENOMEM;
	mutex_init(&td->mutex);
	file->private_data = td;
	return 0;
}

static int device_release(struct inode *inode, struct file *file)
{
	struct open_td *td = file->private_data;

	if (td->exists)
		tenant_destroy(&td->tenant);
	kfree(td);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.unlocked_ioctl = device_ioctl,
	.llseek = noop_llseek,
};

static struct miscdevice device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "pamt",
	.fops = &device_fops,
	.mode = 0600,
};

int pamt_device_init(void) { return misc_register(&device); }
void pamt_device_exit(void) { misc_deregister(&device); }
