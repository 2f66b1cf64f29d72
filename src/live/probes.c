// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * probes.c - the events that show a kernel's SEAMCALLs.
 *
 * __seamcall and __seamcall_ret get the leaf in RDI and a structure of registers in RSI, and leave
 * both as they are (RDI is something else where the instruction faulted). Behind the CALL all
 * results are still in registers, those too that the kernel does not look at. VP.ENTER is noinstr,
 * but KVM's tracepoints stand right before and behind it, and its registers are in struct vcpu_tdx.
 * seamcall_execute of pamt.ko does as __seamcall_ret does, with another structure; its VP.ENTER is
 * a call as all others are.
 */
#include <stdio.h>
#include <string.h>

#include "live/probes.h"

#define IN_REGISTERS " fn=%di:x64 in=+0(%si):x64[6]"
#define OUT_REGISTERS                                                            \
	" fn=%di:x64 rax=%ax:x64 rcx=%cx:x64 rdx=%dx:x64 r8=%r8:x64 r9=%r9:x64 " \
	"r10=%r10:x64 r11=%r11:x64"
/* KVM's number for a VM that is a TD. */
#define ONLY_TDS "type==5"

void probes_file(const struct tracefs *fs, const char *event, const char *file, char *path)
{
	snprintf(path, TRACEFS_PATH, "events/pamt_%s/pamt_%s_%s/%s", fs->tool, fs->tool, event,
		 file);
}

/* "tdh_vp_wr+116", "pamt:seamcall+9". */
static int site_text(const struct site *site, uint64_t offset, char *text)
{
	return snprintf(text, PROBE_TEXT, "%s%s%.200s+%llu", site->module ? site->module : "",
			site->module ? ":" : "", site->symbol,
			(unsigned long long)(site->offset + offset));
}

void probe_text(const struct site *site, enum call_event_kind kind, char *text)
{
	const bool in = kind == CALL_IN;
	int n = site_text(site, in ? 0 : SITE_CALL, text);

	snprintf(text + n, PROBE_TEXT - (size_t)n, "%s", in ? IN_REGISTERS : OUT_REGISTERS);
}

static int probe_site(struct tracefs *fs, const struct site *site, enum call_event_kind kind,
		      struct why *why)
{
	char what[PROBE_TEXT];

	probe_text(site, kind, what);
	return tracefs_probe(fs, "p", record_event_name[kind], what, why);
}

static int probe_vcpu(struct tracefs *fs, const struct facts *facts, bool enter, struct why *why)
{
	const struct vcpu_places *at = &facts->vcpu;
	char what[PROBE_TEXT], rax[48] = "", filter[TRACEFS_PATH];
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
		if (probe_site(fs, &facts->sites.list[i], CALL_IN, why) ||
		    probe_site(fs, &facts->sites.list[i], CALL_OUT, why))
			return -1;
	return probe_vcpu(fs, facts, true, why) || probe_vcpu(fs, facts, false, why) ? -1 : 0;
}

int probes_results(struct tracefs *fs, const struct facts *facts, struct why *why)
{
	for (unsigned int i = 0; i < facts->sites.nr; i++)
		if (probe_site(fs, &facts->sites.list[i], CALL_OUT, why))
			return -1;
	return facts->own ? probe_vcpu(fs, facts, false, why) : 0;
}

int probes_params(struct tracefs *fs, const struct facts *facts, struct why *why)
{
	for (unsigned int i = 0; i < facts->sites.nr; i++) {
		const struct site *site = &facts->sites.list[i];
		char what[PROBE_TEXT];

		if (strcmp(site->symbol, "tdh_mng_init"))
			continue;
		site_text(site, 0, what);
		return tracefs_probe(fs, "p", "params", what, why);
	}
	return 1;
}
