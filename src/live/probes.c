// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probes.c - the events that show a kernel's SEAMCALLs.
 *
 * __seamcall and __seamcall_ret get the leaf in RDI and a structure of registers in RSI, and leave
 * both as they are (RDI is something else where the instruction faulted). Behind the CALL all
 * results are still in registers, those too that the kernel does not look at. VP.ENTER is noinstr,
 * but KVM's tracepoints stand right before and behind it, and its registers are in struct vcpu_tdx.
 */
#include <stdio.h>
#include <string.h>

#include "live/probes.h"

#define OUT_REGISTERS                                                                 \
	"fn=%%di:x64 rax=%%ax:x64 rcx=%%cx:x64 rdx=%%dx:x64 r8=%%r8:x64 r9=%%r9:x64 " \
	"r10=%%r10:x64 r11=%%r11:x64"
/* KVM's number for a VM that is a TD. */
#define ONLY_TDS "type==5"

void probes_file(const struct tracefs *fs, const char *event, const char *file, char *path)
{
	snprintf(path, TRACEFS_PATH, "events/pamt_%s/pamt_%s_%s/%s", fs->tool, fs->tool, event,
		 file);
}

static int probe_in(struct tracefs *fs, const struct site *site, struct why *why)
{
	char what[384];

	snprintf(what, sizeof(what), "%.200s+%llu fn=%%di:x64 in=+0(%%si):x64[6]", site->symbol,
		 (unsigned long long)site->offset);
	return tracefs_probe(fs, "p", "in", what, why);
}

static int probe_out(struct tracefs *fs, const struct site *site, struct why *why)
{
	char what[384];

	snprintf(what, sizeof(what), "%.200s+%llu " OUT_REGISTERS, site->symbol,
		 (unsigned long long)site->offset + SITE_CALL);
	return tracefs_probe(fs, "p", "out", what, why);
}

static int probe_vcpu(struct tracefs *fs, const struct facts *facts, bool enter, struct why *why)
{
	const struct vcpu_places *at = &facts->vcpu;
	char what[384], rax[48] = "", filter[TRACEFS_PATH];
	const char *event = enter ? "enter" : "exit";

	if (!enter)
		snprintf(rax, sizeof(rax), " rax=+%u($arg1):x64", at->result);
	snprintf(what, sizeof(what),
		 "%s vcpu=$arg1:x64 type=+%u(+%u($arg1)):u8 tdvpr=+%u($arg1):x64%s "
		 "in=+%u($arg1):x64[13]",
		 enter ? "kvm_entry" : "kvm_exit", at->vm_type, at->kvm, at->tdvpr, rax, at->args);
	if (tracefs_probe(fs, "t", event, what, why))
		return -1;
	probes_file(fs, event, "filter", filter);
	return tracefs_write(fs, filter, ONLY_TDS, why);
}

int probes_calls(struct tracefs *fs, const struct facts *facts, struct why *why)
{
	for (unsigned int i = 0; i < facts->sites.nr; i++)
		if (probe_in(fs, &facts->sites.list[i], why) ||
		    probe_out(fs, &facts->sites.list[i], why))
			return -1;
	return probe_vcpu(fs, facts, true, why) || probe_vcpu(fs, facts, false, why) ? -1 : 0;
}

int probes_results(struct tracefs *fs, const struct facts *facts, struct why *why)
{
	for (unsigned int i = 0; i < facts->sites.nr; i++)
		if (probe_out(fs, &facts->sites.list[i], why))
			return -1;
	return probe_vcpu(fs, facts, false, why);
}

int probes_params(struct tracefs *fs, const struct facts *facts, struct why *why)
{
	for (unsigned int i = 0; i < facts->sites.nr; i++) {
		const struct site *site = &facts->sites.list[i];
		char what[256];

		if (strcmp(site->symbol, "tdh_mng_init"))
			continue;
		snprintf(what, sizeof(what), "%s+%llu", site->symbol,
			 (unsigned long long)site->offset);
		return tracefs_probe(fs, "p", "params", what, why);
	}
	return 1;
}
