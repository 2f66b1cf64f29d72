// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * facts.c - what a tool has to know of the kernel and the machine it runs on.
 *
 * Symbols and sites come from /proc/kallsyms and /proc/kcore, places in structures from BTF, KeyIDs
 * and TDMRs from the kernel's own variables, the packages from sysfs. Nothing is a table by
 * version.
 */
#include <cpuid.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "live/btf.h"
#include "live/facts.h"
#include "live/tracefs.h"

/* ------------------------------------------------------------------------------------------- */
/* Processors.                                                                                 */

void facts_number_lps(struct facts *facts, const int *package, uint32_t nr_cpus)
{
	int last = -1;

	facts->nr_cpus = nr_cpus;
	facts->nr_packages = facts->nr_lps = 0;
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
		facts->lp[cpu] = FACTS_NO_LP;
	/* Packages by number: each pass finds the next one. */
	for (;;) {
		int next = -1;

		for (uint32_t cpu = 0; cpu < nr_cpus; cpu++)
			if (package[cpu] > last && (next < 0 || package[cpu] < next))
				next = package[cpu];
		if (next < 0)
			break;
		last = next;
		for (uint32_t cpu = 0, n = 0; cpu < nr_cpus; cpu++)
			if (package[cpu] == last)
				facts->lp[cpu] = facts->nr_packages + FACTS_MAX_CPUS * n++;
		facts->nr_packages++;
	}
	for (uint32_t cpu = 0; cpu < nr_cpus; cpu++) {
		if (facts->lp[cpu] == FACTS_NO_LP)
			continue;
		facts->lp[cpu] = facts->lp[cpu] / FACTS_MAX_CPUS * facts->nr_packages +
				 facts->lp[cpu] % FACTS_MAX_CPUS;
		if (facts->lp[cpu] >= facts->nr_lps)
			facts->nr_lps = facts->lp[cpu] + 1;
	}
}

static int find_processors(struct facts *facts, struct why *why)
{
	long nr = sysconf(_SC_NPROCESSORS_CONF);
	static int package[FACTS_MAX_CPUS];
	struct why ignored;

	if (nr < 1 || nr > (long)FACTS_MAX_CPUS)
		return why_not(why, "%ld CPUs; 1 to %u are served", nr, FACTS_MAX_CPUS);
	for (long cpu = 0; cpu < nr; cpu++) {
		char path[96], *text;

		snprintf(path, sizeof(path),
			 "/sys/devices/system/cpu/cpu%ld/topology/physical_package_id", cpu);
		text = live_read_file(path, NULL, &ignored);
		package[cpu] = text ? atoi(text) : -1;
		free(text);
	}
	facts_number_lps(facts, package, (uint32_t)nr);
	if (facts->nr_packages && facts->nr_packages <= TDX_MAX_PACKAGES)
		return 0;
	return why_not(why, "%u packages in /sys/devices/system/cpu; 1 to %u are served",
		       facts->nr_packages, TDX_MAX_PACKAGES);
}

/* How many bits of an address are left for the host, as the kernel says in /proc/cpuinfo. */
static uint32_t host_bits(void)
{
	struct why ignored;
	char *text = live_read_file("/proc/cpuinfo", NULL, &ignored), *at;
	unsigned int bits = 0;

	at = text ? strstr(text, "address sizes") : NULL;
	if (at)
		sscanf(at, "address sizes : %u bits", &bits);
	free(text);
	return bits;
}

static int find_widths(struct facts *facts, struct why *why)
{
	unsigned int eax, ebx, ecx, edx;
	uint32_t left = host_bits();

	if (!__get_cpuid(0x80000008, &eax, &ebx, &ecx, &edx))
		return why_not(why, "CPUID does not say how wide physical addresses are");
	facts->max_pa = eax & 0xff;
	if (!left || left >= facts->max_pa || facts->max_pa > TDX_PA_BITS)
		return why_not(why,
			       "/proc/cpuinfo has %u bits of physical addresses, CPUID %u: no "
			       "KeyIDs, so no TDX",
			       left, facts->max_pa);
	facts->hkid_bits = facts->max_pa - left;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* The kernel's own variables.                                                                 */

static int read_variable(const struct facts *facts, const char *name, void *to, size_t bytes,
			 struct why *why)
{
	uint64_t at = kallsyms_find(&facts->symbols, name);

	if (!at)
		return why_not(why,
			       "kallsyms has no %s: a kernel without CONFIG_KALLSYMS_ALL, or one "
			       "that this does not fit",
			       name);
	return kcore_read(&facts->kcore, at, to, bytes, why);
}

static int find_keys(struct facts *facts, struct why *why)
{
	uint32_t global, first, nr;

	if (read_variable(facts, "tdx_global_keyid", &global, sizeof(global), why) ||
	    read_variable(facts, "tdx_guest_keyid_start", &first, sizeof(first), why) ||
	    read_variable(facts, "tdx_nr_guest_keyids", &nr, sizeof(nr), why))
		return -1;
	if (!nr || (uint64_t)first + nr > UINT64_C(1) << facts->hkid_bits || global > first)
		return why_not(why, "TDX is not enabled: the kernel has %u KeyIDs from %u on", nr,
			       first);
	facts->hkid_global = facts->hkid_min = (uint16_t)global;
	facts->hkid_max = (uint16_t)(first + nr - 1);
	return 0;
}

static int find_tdmrs(struct facts *facts, const struct btf *btf, struct why *why)
{
	uint32_t at_list, at_nr, at_size, nr, size;
	uint8_t list[64];
	uint64_t where;

	if (btf_offset(btf, "tdmr_info_list", "tdmrs", &at_list, why) ||
	    btf_offset(btf, "tdmr_info_list", "nr_consumed_tdmrs", &at_nr, why) ||
	    btf_offset(btf, "tdmr_info_list", "tdmr_sz", &at_size, why))
		return -1;
	if (at_list > sizeof(list) - 8 || at_nr > sizeof(list) - 4 || at_size > sizeof(list) - 4)
		return why_not(why, "struct tdmr_info_list is larger than %zu bytes", sizeof(list));
	if (read_variable(facts, "tdx_tdmr_list", list, sizeof(list), why))
		return -1;
	memcpy(&where, list + at_list, sizeof(where));
	memcpy(&nr, list + at_nr, sizeof(nr));
	memcpy(&size, list + at_size, sizeof(size));
	if (!where || !nr || nr > TDX_MAX_TDMRS || size < sizeof(facts->tdmr[0]))
		return why_not(why, "the TDX module is not initialised: the kernel has %u TDMRs",
			       nr);
	facts->nr_tdmrs = nr;
	for (uint32_t i = 0; i < nr; i++) {
		facts->tdmr_at[i] = hpa(where + (uint64_t)i * size - facts->direct_map);
		if (facts->tdmr_at[i].v >> TDX_PA_BITS)
			return why_not(why, "kcore does not say where TDMR_INFOs are in memory");
		if (kcore_read(&facts->kcore, where + (uint64_t)i * size, &facts->tdmr[i],
			       sizeof(facts->tdmr[i]), why))
			return -1;
	}
	/* 16 bytes a page, or a bit. */
	facts->dynamic = facts->tdmr[0].pamt_4k_size <
			 facts->tdmr[0].size / TDX_PAGE_SIZE * TDX_PAMT_ENTRY_BYTES;
	return 0;
}

/* ------------------------------------------------------------------------------------------- */

static int find_places(struct facts *facts, const struct btf *btf, struct why *why)
{
	struct vcpu_places *at = &facts->vcpu;

	return btf_offset(btf, "vcpu_tdx", "vp.tdvpr_pa", &at->tdvpr, why) ||
			       btf_offset(btf, "vcpu_tdx", "vp_enter_args", &at->args, why) ||
			       btf_offset(btf, "vcpu_tdx", "vp_enter_ret", &at->result, why) ||
			       btf_offset(btf, "kvm_vcpu", "kvm", &at->kvm, why) ||
			       btf_offset(btf, "kvm", "arch.vm_type", &at->vm_type, why)
		       ? -1
		       : 0;
}

static int with_btf(struct facts *facts, struct why *why)
{
	static const char *const files[] = { "/sys/kernel/btf/vmlinux",
					     "/sys/kernel/btf/kvm_intel" };
	char *text[2] = { 0 };
	struct btf btf = { 0 };
	struct why ignored;
	size_t size;
	int error;

	text[0] = live_read_file(files[0], &size, why);
	if (!text[0]) /* CONFIG_DEBUG_INFO_BTF */
		return why_not(why, "no %s: a kernel without BTF", files[0]);
	error = btf_add(&btf, (uint8_t *)text[0], size, why);
	if (!error && btf_offset(&btf, "vcpu_tdx", "vp_enter_ret", &facts->vcpu.result, &ignored)) {
		text[1] = live_read_file(files[1], &size, &ignored);
		if (text[1])
			error = btf_add(&btf, (uint8_t *)text[1], size, why);
	}
	if (!error)
		error = find_places(facts, &btf, why) || find_tdmrs(facts, &btf, why) ? -1 : 0;
	btf_free(&btf);
	free(text[0]);
	free(text[1]);
	return error;
}

static int read_symbols(struct facts *facts, struct why *why)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	int error;

	if (!file)
		return why_not(why,
			       "/proc/kallsyms is not there: a kernel without CONFIG_KALLSYMS");
	error = kallsyms_read(file, NULL, &facts->symbols, why);
	rewind(file);
	if (!error)
		error = kallsyms_read(file, "pamt", &facts->pamt_ko, why);
	fclose(file);
	return error;
}

/* Linux as a TDX host, with all that it has set up. */
static int find_own(struct facts *facts, struct why *why)
{
	static const char *const routines[] = { "__seamcall", "__seamcall_ret" };

	for (unsigned int i = 0; i < 2; i++)
		if (!kallsyms_find(&facts->symbols, routines[i]))
			return why_not(why,
				       "this kernel has no %s: Linux without TDX "
				       "(CONFIG_INTEL_TDX_HOST)",
				       routines[i]);
	return sites_find(&facts->symbols, routines, &facts->kcore, &facts->sites, why) ||
			       find_processors(facts, why) || find_widths(facts, why) ||
			       find_keys(facts, why) || with_btf(facts, why)
		       ? -1
		       : 0;
}

static int find_pamt_ko(struct facts *facts, struct why *why)
{
	static const char *const routines[] = { "seamcall_execute", "seamcall_execute" };

	struct why ignored;
	char *dynamic;

	if (!kallsyms_find(&facts->pamt_ko, routines[0]))
		return -1; /* why Linux is no host is said already */
	dynamic = live_read_file("/sys/module/pamt/parameters/dynamic", NULL, &ignored);
	facts->dynamic = dynamic && *dynamic == 'Y';
	free(dynamic);
	facts->sites.nr = 0;
	return sites_find(&facts->pamt_ko, routines, &facts->kcore, &facts->sites, why);
}

int facts_find(struct facts *facts, bool others, struct why *why)
{
	struct utsname name;

	*facts = (struct facts){ .kcore.fd = -1 };
	if (!uname(&name))
		snprintf(facts->release, sizeof(facts->release), "%.63s", name.release);
	if (read_symbols(facts, why) || kcore_open("/proc/kcore", &facts->kcore, why))
		return -1;
	facts->direct_map = kcore_direct_map(&facts->kcore);
	facts->own = !find_own(facts, why);
	if (facts->own)
		return 0;
	return others ? find_pamt_ko(facts, why) : -1;
}

void facts_free(struct facts *facts)
{
	kallsyms_free(&facts->symbols);
	kallsyms_free(&facts->pamt_ko);
	if (facts->kcore.fd >= 0)
		kcore_close(&facts->kcore);
}
