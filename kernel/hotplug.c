// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * hotplug.c - memory that comes and goes: none is brought online that could never be a TD's, none
 * goes that a TD uses.
 */
#include "linux.h"

#include "pamt_kernel.h"

static int on_memory(struct notifier_block *block, unsigned long event, void *arg)
{
	const struct memory_notify *notify = arg;
	tdx_hpa_t base = hpa(PFN_PHYS(notify->start_pfn));
	u64 bytes = PFN_PHYS(notify->nr_pages);
	int error = 0;

	if (event == MEM_GOING_ONLINE) {
		error = pamt_may_online(pamt_kernel.host, base, bytes);
		if (error)
			pr_warn("pamt: memory at 0x%llx stays offline: it is in no TDMR, which are "
				"fixed\n",
				base.v);
	} else if (event == MEM_GOING_OFFLINE) {
		error = pamt_offline(pamt_kernel.host, base, bytes);
		if (error)
			pr_info("pamt: memory at 0x%llx stays online: PAMT or TD memory is in it\n",
				base.v);
	}
	return notifier_from_errno(error);
}

static struct notifier_block memory_notifier = { .notifier_call = on_memory };

int pamt_hotplug_init(void) { return register_memory_notifier(&memory_notifier); }
void pamt_hotplug_exit(void) { unregister_memory_notifier(&memory_notifier); }
