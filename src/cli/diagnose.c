// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * diagnose.c - collects what a log says of TDX's way up, stage by stage, and judges it.
 *
 * Three kinds of evidence: messages of the table (messages.c), SEAMCALLs that failed with a status,
 * and what follows from the whole: a plan of the memory map, made Linux's way, or a line that
 * ought to be there and is not. Each boot begins anew. A module that came up after all takes back
 * what was wrong before.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cli/diagnose.h"
#include "cli/findings.h"
#include "cli/plan.h"
#include "machine/log_text.h"
#include "machine/map_line.h"

static const char *const sources[NR_STAGES] = {
	[STAGE_BIOS] = "the kernel's log from its first line: journalctl -k -b, or /var/log/dmesg",
	[STAGE_SEAMLDR] =
		"lines of virt/tdx: dmesg | grep -i tdx (it says nothing while all is well)",
	[STAGE_MODULE] = "the lines of virt/tdx and kvm_intel of when TDX comes up: at boot since "
			 "Linux 7.3, before that with kvm_intel.tdx=1",
	[STAGE_MEMORY] =
		"the whole dmesg, /proc/iomem read by root, or lsmem; CMRs: no kernel since "
		"6.14 prints them",
	[STAGE_TDMRS] = "the whole dmesg: `pamt plan --holes=linux LOG` works it out",
	[STAGE_PAMT] = "the line \"KB allocated for PAMT\" of dmesg",
	[STAGE_DYNAMIC] = "the line \"Enable Dynamic PAMT\": only kernels and modules that have it",
	[STAGE_KVM] = "dmesg | grep kvm; cat /sys/module/kvm_intel/parameters/tdx",
	[STAGE_TD] = "what QEMU printed: /var/log/libvirt/qemu/NAME.log, or the terminal",
};

const char *diagnosis_source_of(enum stage stage) { return sources[stage]; }

/* ------------------------------------------------------------------------------------------- */
/* Lines                                                                                        */

static struct evidence *add(struct diagnosis *d, enum stage stage, enum message_kind kind)
{
	static struct evidence spare; /* written and never read: the list is full */
	struct evidence *e = kind == MESSAGE_GOOD   ? &d->good[stage]
			     : d->nr < MAX_EVIDENCE ? &d->evidence[d->nr++]
						    : &spare;

	d->left_out += e == &spare;
	memset(e, 0, sizeof(*e));
	e->stage = stage;
	e->kind = kind;
	return e;
}

static void set_source(struct evidence *e, const char *line, uint64_t nr)
{
	e->line = nr;
	snprintf(e->source, sizeof(e->source), "%s", line);
}

/*
 * It came up after all: what stood in its way before is history. A line that was not understood
 * may be about something else that is lost.
 */
static void take_back(struct diagnosis *d)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < d->nr; i++) {
		struct evidence *e = &d->evidence[i];

		if (e->stage <= STAGE_DYNAMIC && e->sure == SURE_UNKNOWN)
			e->kind = MESSAGE_WARNING;
		if (e->stage > STAGE_DYNAMIC || e->kind < MESSAGE_RESULT)
			d->evidence[kept++] = *e;
	}
	d->nr = kept;
}

static void take_message(struct diagnosis *d, const struct message_match *match, const char *line,
			 uint64_t nr)
{
	const struct message *m = match->message;
	struct evidence *e;

	if (m->kind == MESSAGE_GOOD && m->stage == STAGE_PAMT && strstr(m->pattern, "initialized"))
		take_back(d);
	e = m->kind == MESSAGE_GOOD ? &d->good[m->stage] : NULL;
	/* "N KB allocated" is not to take the place of "initialized". */
	if (e && e->line && m->stage == STAGE_PAMT && strstr(e->source, "initialized"))
		return;
	e = add(d, m->stage, m->kind);
	message_text(match, m->cause, e->cause, sizeof(e->cause));
	message_text(match, m->advice, e->advice, sizeof(e->advice));
	set_source(e, line, nr);
}

/* Which stage a leaf belongs to. */
static enum stage stage_of_leaf(const struct abi_leaf *leaf)
{
	if (leaf->loader)
		return STAGE_SEAMLDR;
	switch (leaf->number) {
	case TDH_SYS_CONFIG:
		return STAGE_TDMRS;
	case TDH_SYS_TDMR_INIT:
		return STAGE_PAMT;
	case TDH_PHYMEM_PAMT_ADD:
	case TDH_PHYMEM_PAMT_REMOVE:
		return STAGE_DYNAMIC;
	default:
		return strncmp(leaf->name, "TDH.SYS.", 8) ? STAGE_TD : STAGE_MODULE;
	}
}

void diagnosis_good(struct diagnosis *d, enum stage stage, const char *cause, const char *source,
		    uint64_t line)
{
	struct evidence *e = add(d, stage, MESSAGE_GOOD);

	snprintf(e->cause, sizeof(e->cause), "%s", cause);
	set_source(e, source, line);
}

void diagnosis_status(struct diagnosis *d, const struct finding *f, const char *line, uint64_t nr)
{
	tdx_status_t status = { f->value };
	const struct abi_status *known = f->loader ? f->loader : abi_status(status);
	const struct abi_status *own = abi_status_of_leaf(f->leaf, status);
	char name[ABI_TEXT];
	struct evidence *e;

	/* QEMU passes the status on, but not the leaf; and a leaf may not be known. */
	if (!f->leaf && !strstr(line, "hw_error") && !strstr(line, "SEAMCALL"))
		return;
	if ((f->leaf && f->leaf->guest) || !(f->value >> 62))
		return;
	/* After it the module is gone on purpose. */
	e = add(d,
		f->leaf							  ? stage_of_leaf(f->leaf)
		: strstr(line, "virt/tdx: ") && !d->good[STAGE_PAMT].line ? STAGE_MODULE
									  : STAGE_TD,
		f->leaf && f->leaf->later ? MESSAGE_WARNING : MESSAGE_FAULT);
	e->call = true;
	snprintf(e->cause, sizeof(e->cause), "%s failed with %s: %s",
		 f->leaf ? f->leaf->name : "a SEAMCALL",
		 f->loader ? f->loader->name : abi_status_text(status, name, sizeof(name)),
		 own	 ? own->meaning
		 : known ? known->meaning
			 : "a code that is not known");
	snprintf(e->advice, sizeof(e->advice), "%s",
		 own	 ? own->advice
		 : known ? known->advice
			 : "`pamt explain` takes it apart");
	set_source(e, line, nr);
}

static void take_seamcalls(struct diagnosis *d, struct log_context *context, const char *line,
			   uint64_t nr)
{
	struct findings found;

	if (!strcasestr(line, "SEAMCALL") && !strcasestr(line, "TDH") && !strstr(line, "SEAMLDR") &&
	    !strstr(line, "hw_error"))
		return;
	find_in_line(line, context, &found);
	for (unsigned int i = 0; i < found.nr; i++)
		if (found.list[i].kind == FOUND_STATUS && !found.list[i].by_name)
			diagnosis_status(d, &found.list[i], line, nr);
}

/* Nothing else was found in the line: it is not passed over if it says of a failure. */
static void take_unknown(struct diagnosis *d, const char *line, uint64_t nr)
{
	enum stage stage;
	struct evidence *e;

	if (!message_unknown(line, &stage))
		return;
	/* What the kernel says after the module came up is not about its way up. */
	if (stage == STAGE_MODULE && d->good[STAGE_PAMT].line)
		stage = STAGE_TD;
	e = add(d, stage, MESSAGE_RESULT);
	e->sure = SURE_UNKNOWN;
	snprintf(e->cause, sizeof(e->cause),
		 "the line says of a failure, in words that are not known here: not understood");
	snprintf(e->advice, sizeof(e->advice),
		 "read it, and the lines around it; what is said below holds without it");
	set_source(e, line, nr);
}

static void begin_boot(struct diagnosis *d, const char *line)
{
	d->nr = d->left_out = 0;
	memset(d->good, 0, sizeof(d->good));
	/* What journalctl puts between boots is not the kernel's first line. */
	d->whole = strstr(line, "Linux version ") != NULL;
}

static int read_lines(struct diagnosis *d, FILE *file)
{
	struct log_context context = { 0 };
	struct log_reader reader;
	struct message_match match;
	struct map_line map_line;
	const char *line;
	uint32_t before;
	bool known;

	if (log_reader_open(&reader, file))
		return -1;
	while ((line = log_reader_next(&reader))) {
		if ((strstr(line, "Linux version ") || strstr(line, "-- Boot ")) &&
		    !map_parse_line(line, &map_line) && map_line.form == MAP_BOOT)
			begin_boot(d, line);
		before = d->nr + d->left_out;
		known = message_find(line, &match);
		if (known)
			take_message(d, &match, line, reader.number);
		take_seamcalls(d, &context, line, reader.number);
		if (!known && d->nr + d->left_out == before)
			take_unknown(d, line, reader.number);
	}
	d->lines = reader.number;
	log_reader_close(&reader);
	return 0;
}

/* ------------------------------------------------------------------------------------------- */
/* What follows from the whole                                                                  */

static void infer(struct diagnosis *d, enum stage stage, const char *cause, const char *advice)
{
	struct evidence *e = add(d, stage, MESSAGE_FAULT);

	e->sure = SURE_LIKELY;
	snprintf(e->cause, sizeof(e->cause), "%s", cause);
	snprintf(e->advice, sizeof(e->advice), "%s", advice);
}

static bool has_fault(const struct diagnosis *d)
{
	for (uint32_t i = 0; i < d->nr; i++)
		if (d->evidence[i].kind == MESSAGE_FAULT)
			return true;
	return false;
}

/* The kernel's figure against the two plans. */
static void compare_pamt(struct diagnosis *d, uint64_t with_static, uint64_t with_dynamic)
{
	uint64_t kb = d->map.log_pamt_kb, s = with_static / 1024, y = with_dynamic / 1024;
	bool dynamic =
		d->map.log_dynamic || (kb > y ? kb - y : y - kb) < (kb > s ? kb - s : s - kb);
	uint64_t plan = dynamic ? y : s;

	if (kb == MAP_NO_PAMT_KB)
		return;
	if (kb == plan)
		snprintf(d->pamt, sizeof(d->pamt), "%" PRIu64 " KB, exactly the %s plan", kb,
			 dynamic ? "dynamic" : "static");
	else
		snprintf(d->pamt, sizeof(d->pamt),
			 "%" PRIu64 " KB, %" PRIu64 " KB %s than the %s plan", kb,
			 kb > plan ? kb - plan : plan - kb, kb > plan ? "more" : "less",
			 dynamic ? "dynamic" : "static");
}

/* Linux's way through this memory map, where the log does not say how it ended. */
static void follow_plan(struct diagnosis *d)
{
	static struct plan_outcome of_static, of_dynamic;
	char cause[320];

	if (plan_map_both(&d->map, PAMT_HOLES_USABLE, &of_static, &of_dynamic))
		return;
	if (of_static.ret && !d->good[STAGE_PAMT].line && !has_fault(d)) {
		plan_error_text(&of_static.error, cause, sizeof(cause));
		infer(d, of_static.error.step == PAMT_STEP_MEMORY ? STAGE_MEMORY : STAGE_TDMRS,
		      cause,
		      "this is what Linux makes of the memory map: `pamt plan LOG` shows it, and "
		      "what "
		      "libpamt makes of it");
	}
	if (!plan_map_both(&d->map, PAMT_HOLES_CMR, &of_static, &of_dynamic) && !of_static.ret)
		compare_pamt(d, of_static.layout.pamt_bytes, of_dynamic.layout.pamt_bytes);
}

/* Lines that ought to be in a whole log. */
static void follow_missing(struct diagnosis *d)
{
	if (!d->whole || has_fault(d))
		return;
	if (!d->good[STAGE_BIOS].line && !d->good[STAGE_PAMT].line)
		infer(d, STAGE_BIOS,
		      "the log begins where the kernel began, and no line says that the BIOS "
		      "enabled "
		      "TDX",
		      "in the BIOS, switch on TME, TME-MT, SGX and TDX with its SEAM loader; the "
		      "kernel "
		      "needs CONFIG_INTEL_TDX_HOST");
	else if (!d->good[STAGE_PAMT].line && !diagnosis_first(d))
		infer(d, STAGE_KVM, "the BIOS enabled TDX, but nothing brought the module up",
		      "before Linux 7.3 kvm_intel does it, with tdx=1: modprobe kvm_intel tdx=1");
}

static void follow_keys(struct diagnosis *d)
{
	const struct machine_map *map = &d->map;

	if (d->has_map && !map->hkids_assumed && map->hkid_min == map->hkid_max && !has_fault(d))
		infer(d, STAGE_BIOS, "there is one private KeyID, the module's own: none for TDs",
		      "in the BIOS, give TDX more of the KeyIDs (TME-MT/TDX key split)");
}

int diagnose(const char *log, size_t size, const char *name, struct diagnosis *d)
{
	FILE *file;
	int result;

	memset(d, 0, sizeof(*d));
	if (!size)
		return 0;
	file = fmemopen((void *)log, size, "r");
	result = file ? read_lines(d, file) : -1;
	if (!result) {
		rewind(file);
		d->has_map = !map_read((struct map_source){ file, name }, NULL, &d->map,
				       d->map_error, sizeof(d->map_error));
	}
	if (file)
		fclose(file);
	if (result)
		return -1;
	follow_keys(d);
	if (d->has_map)
		follow_plan(d);
	follow_missing(d);
	return 0;
}

void diagnosis_free(struct diagnosis *d) { map_free(&d->map); }

/* ------------------------------------------------------------------------------------------- */
/* Judgement                                                                                    */

/*
 * A cause beats a result without one, then a loss; what is understood beats what is not; then the
 * earlier stage, then the earlier line.
 */
static bool worse(const struct evidence *a, const struct evidence *b)
{
	if (a->kind != b->kind)
		return a->kind > b->kind;
	if ((a->sure == SURE_UNKNOWN) != (b->sure == SURE_UNKNOWN))
		return b->sure == SURE_UNKNOWN;
	if (a->stage != b->stage)
		return a->stage < b->stage;
	if (a->call != b->call)
		return a->call;
	return a->line < b->line;
}

const struct evidence *diagnosis_first(const struct diagnosis *d)
{
	const struct evidence *first = NULL;

	for (uint32_t i = 0; i < d->nr; i++) {
		const struct evidence *e = &d->evidence[i];

		if (e->kind >= MESSAGE_WARNING && (!first || worse(e, first)))
			first = e;
	}
	return first;
}

const struct evidence *diagnosis_stage(const struct diagnosis *d, enum stage stage)
{
	const struct evidence *found = d->good[stage].line ? &d->good[stage] : NULL;

	for (uint32_t i = 0; i < d->nr; i++) {
		const struct evidence *e = &d->evidence[i];

		if (e->stage == stage && e->kind >= MESSAGE_WARNING &&
		    (!found || found->kind == MESSAGE_GOOD || worse(e, found)))
			found = e;
	}
	return found;
}
