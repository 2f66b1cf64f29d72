// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * softseam_config.c - the platform that softseam.ko plays: address bits, KeyIDs, convertible
 * memory, packages.
 */
#include "linux.h"

#include "softseam.h"

static unsigned int max_pa = 46;
module_param(max_pa, uint, 0444);
MODULE_PARM_DESC(max_pa, "physical address bits, KeyID bits included (46..52)");
static unsigned int hkid_bits = 6;
module_param(hkid_bits, uint, 0444);
MODULE_PARM_DESC(hkid_bits, "of these, KeyID bits at the top");
static unsigned int hkid_min = 32;
module_param(hkid_min, uint, 0444);
MODULE_PARM_DESC(hkid_min, "first private KeyID");
static unsigned int hkid_max = 63;
module_param(hkid_max, uint, 0444);
MODULE_PARM_DESC(hkid_max, "last private KeyID");
static unsigned int packages;
module_param(packages, uint, 0444);
MODULE_PARM_DESC(packages,
		 "packages; CPU i is in package i modulo this (0: as the machine has them)");
static unsigned int cache_blocks = 4;
module_param(cache_blocks, uint, 0444);
MODULE_PARM_DESC(cache_blocks, "parts in which PHYMEM.CACHE.WB writes back");
static bool dynamic = true;
module_param(dynamic, bool, 0444);
MODULE_PARM_DESC(dynamic, "offer Dynamic PAMT");
static unsigned long cmr[2 * TDX_MAX_CMRS];
static unsigned int nr_cmr;
module_param_array(cmr, ulong, &nr_cmr, 0444);
MODULE_PARM_DESC(
	cmr,
	"convertible memory as base,bytes,base,bytes... (default: this machine's RAM above 1 MB)");

/* The range that the module itself would occupy: a multiple of its size, and no CMR. */
#define SEAMRR_BYTES (32ull << 20)
#define LOW_MEMORY   (1ull << 20)

#define MAX_CACHE_BLOCKS 1024u

/* ------------------------------------------------------------------------------------------- */
/* Convertible memory                                                                           */

struct cmrs {
	struct seam_config *config;
	unsigned int nr;
};

/* Two neighbours become one where the hole between them is smallest. */
static void join_smallest_hole(struct cmrs *cmrs)
{
	struct tdx_cmr *c = cmrs->config->cmr;
	unsigned int best = 0;
	u64 smallest = U64_MAX;

	for (unsigned int i = 0; i + 1 < cmrs->nr; i++) {
		u64 hole = c[i + 1].base - (c[i].base + c[i].size);

		if (hole < smallest) {
			smallest = hole;
			best = i;
		}
	}
	c[best].size = c[best + 1].base + c[best + 1].size - c[best].base;
	cmrs->nr--;
	for (unsigned int i = best + 1; i < cmrs->nr; i++)
		c[i] = c[i + 1];
	c[cmrs->nr] = (struct tdx_cmr){ 0 };
}

/* One range of RAM, end inclusive; they come in ascending order. */
static int add_ram(struct resource *res, void *arg)
{
	u64 base = max_t(u64, PAGE_ALIGN(res->start), LOW_MEMORY);
	u64 end = PAGE_ALIGN_DOWN(res->end + 1);
	struct cmrs *cmrs = arg;
	struct tdx_cmr *last;

	if (end <= base)
		return 0;
	last = cmrs->nr ? &cmrs->config->cmr[cmrs->nr - 1] : NULL;
	if (last && last->base + last->size == base) {
		last->size += end - base;
		return 0;
	}
	if (cmrs->nr == TDX_MAX_CMRS) {
		pr_warn("softseam: more ranges of memory than CMRs: the smallest hole becomes one "
			"too\n");
		join_smallest_hole(cmrs);
	}
	cmrs->config->cmr[cmrs->nr++] = (struct tdx_cmr){ base, end - base };
	return 0;
}

/* Pairs of base and bytes, ascending, below the KeyID bits. */
static int take_cmrs(struct cmrs *cmrs)
{
	u64 end = 0, limit;

	if (max_pa > TDX_PA_BITS || hkid_bits >= max_pa) {
		pr_err("softseam: max_pa=%u hkid_bits=%u: the first is at most %u, the second "
		       "less\n",
		       max_pa, hkid_bits, TDX_PA_BITS);
		return -EINVAL;
	}
	limit = 1ull << (max_pa - hkid_bits);
	if (nr_cmr % 2) {
		pr_err("softseam: cmr= takes pairs of base and bytes\n");
		return -EINVAL;
	}
	for (unsigned int i = 0; i < nr_cmr; i += 2) {
		if (!cmr[i + 1] || !PAGE_ALIGNED(cmr[i] | cmr[i + 1]) || cmr[i] < end ||
		    cmr[i] >= limit || cmr[i + 1] > limit - cmr[i]) {
			pr_err("softseam: cmr=0x%lx,0x%lx: ranges are multiples of 4096, in "
			       "ascending order, below 0x%llx\n",
			       cmr[i], cmr[i + 1], limit);
			return -EINVAL;
		}
		cmrs->config->cmr[cmrs->nr++] = (struct tdx_cmr){ cmr[i], cmr[i + 1] };
		end = cmr[i] + cmr[i + 1];
	}
	return 0;
}

static int find_cmrs(struct cmrs *cmrs)
{
	int error = take_cmrs(cmrs);

	if (error)
		return error;
	if (!nr_cmr)
		walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0, -1,
				    cmrs, add_ram);
	if (!cmrs->nr) {
		pr_err("softseam: no memory that could be convertible\n");
		return -EINVAL;
	}
	return 0;
}

static void place_seamrr(struct seam_config *config, const struct cmrs *cmrs)
{
	const struct tdx_cmr *last = &config->cmr[cmrs->nr - 1];
	u64 base = ALIGN(last->base + last->size, SEAMRR_BYTES);

	config->seamrr = (struct tdx_cmr){ base, SEAMRR_BYTES };
}

/* ------------------------------------------------------------------------------------------- */
/* Logical processors                                                                           */

static unsigned int package_of(unsigned int cpu)
{
	return packages ? cpu % packages : topology_logical_package_id(cpu);
}

/*
 * The module has logical processor i in package i modulo packages. So the k-th CPU of package p is
 * number k * packages + p, which takes as many CPUs in each package.
 */
static int number_lps(struct seam_config *config, uint32_t *lp_of)
{
	unsigned int count[TDX_MAX_PACKAGES] = { 0 }, nr = 0, cpu;

	for (cpu = 0; cpu < nr_cpu_ids; cpu++)
		lp_of[cpu] = SOFTSEAM_NO_LP;
	for_each_online_cpu(cpu)
		nr = max(nr, package_of(cpu) + 1);
	if (nr > TDX_MAX_PACKAGES) {
		pr_err("softseam: more than %u packages\n", TDX_MAX_PACKAGES);
		return -EINVAL;
	}
	for_each_online_cpu(cpu)
		lp_of[cpu] = count[package_of(cpu)]++ * nr + package_of(cpu);
	for (unsigned int i = 1; i < nr; i++) {
		if (count[i] == count[0])
			continue;
		pr_err("softseam: packages with different numbers of CPUs; load with packages=1\n");
		return -EINVAL;
	}
	config->nr_packages = nr;
	config->nr_lps = num_online_cpus();
	return 0;
}

int softseam_configure(struct seam_config *config, uint32_t *lp_of)
{
	struct cmrs cmrs = { .config = config };
	int error;

	/* One call goes through all of them, with interrupts off. */
	if (cache_blocks > MAX_CACHE_BLOCKS) {
		pr_err("softseam: cache_blocks=%u: at most %u\n", cache_blocks, MAX_CACHE_BLOCKS);
		return -EINVAL;
	}
	config->max_pa = max_pa;
	config->hkid_bits = hkid_bits;
	config->hkid_min = hkid_min;
	config->hkid_max = hkid_max;
	config->cache_blocks = cache_blocks;
	if (!dynamic)
		config->features0_clear = TDX_FEATURES0_DYNAMIC_PAMT;
	cpus_read_lock();
	error = number_lps(config, lp_of);
	cpus_read_unlock();
	if (!error)
		error = find_cmrs(&cmrs);
	if (!error)
		place_seamrr(config, &cmrs);
	return error;
}
