/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * facts.h - what a tool has to know of the kernel and the machine it runs on, found at run time.
 */
#ifndef PAMT_LIVE_FACTS_H
#define PAMT_LIVE_FACTS_H

#include <stdbool.h>
#include <stdint.h>
#include <pamt/tdx.h>

#include "live/kallsyms.h"
#include "live/kcore.h"
#include "live/sites.h"

#define FACTS_MAX_CPUS 4096u
#define FACTS_NO_LP    UINT32_MAX

/* Places in struct vcpu_tdx, struct kvm_vcpu and struct kvm, bytes from their beginnings. */
struct vcpu_places {
	uint32_t tdvpr, args, result, kvm, vm_type;
};

struct facts {
	/* Linux is the TDX host itself; else pamt.ko is, and only what is before vcpu is there. */
	bool own;
	bool dynamic; /* the module was configured with Dynamic PAMT */
	struct kallsyms symbols, pamt_ko;
	struct kcore kcore;
	struct sites sites;
	char release[64]; /* of the kernel */
	struct vcpu_places vcpu;

	/* The machine. LP n of a recording is in package n % nr_packages. */
	uint32_t nr_cpus;	     /* numbers of CPUs are below it */
	uint32_t lp[FACTS_MAX_CPUS]; /* of a CPU by its number; FACTS_NO_LP: it is offline */
	uint32_t nr_lps, nr_packages;
	uint32_t max_pa, hkid_bits; /* bits */
	uint16_t hkid_min, hkid_max, hkid_global;

	/* What the kernel gave to SYS.CONFIG. */
	uint64_t direct_map; /* 0: not known */
	uint32_t nr_tdmrs;
	tdx_hpa_t tdmr_at[TDX_MAX_TDMRS]; /* of TDMR_INFO */
	struct tdx_tdmr_info tdmr[TDX_MAX_TDMRS];
};

/*
 * facts_find - all of it.
 * @others: a kernel in which pamt.ko is the host will do as well
 * Return: -1: why says what this kernel lacks, or that the TDX module is not initialised.
 */
int facts_find(struct facts *facts, bool others, struct why *why);
void facts_free(struct facts *facts);

/*
 * LPs of CPUs by package[cpu], -1: offline: the n-th CPU of the k-th package, in ascending order of
 * the packages' numbers, is n * packages + k.
 */
void facts_number_lps(struct facts *facts, const int *package, uint32_t nr_cpus);

#endif
