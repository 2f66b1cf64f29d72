// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * module.c - softseam over QEMU's memory: its configuration, its LPs, the trace of its calls.
 *
 * QEMU numbers the CPUs of a socket one behind the other; the module has LP i in package i modulo
 * packages.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "abi/abi.h"
#include "kernel/softseam.h"
#include "port/qemu/ram.h"
#include "port/qemu/module.h"
#include "port/qemu/stats.h"
#include "port/trap/record.h"
#include "port/trap/record_file.h"
#include "port/trap/trace.h"

#define SEAMRR_BYTES (UINT64_C(32) << 20)
#define MAX_PA	     52u

static struct {
	struct os_services services;
	struct seam *seam;
	uint32_t nr_cpus, nr_packages;
	int trace_fd, record_fd;   /* -1: none */
	struct recorder *recorder; /* NULL: none */
	bool stats;
	os_a64_t calls;
	os_a64_t touches[2]; /* of pages of the module, of pages of TDs */
} module;

/* So many touches of each kind are told one by one; all are counted. */
#define TOUCHES_TOLD 20u

static void on_fatal(void *ctx, const struct seam_fatal *fatal)
{
	fprintf(stderr, "softseam: fatal: rule %u broken on LP %u in leaf %u at %#llx: %s\n",
		fatal->id, fatal->lp, fatal->leaf, (unsigned long long)fatal->at.v, fatal->rule);
}

static bool open_file(const char *what, const char *path, int *fd)
{
	int error;

	*fd = -1;
	if (!path)
		return true;
	*fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	error = *fd < 0 ? -errno : record_file_begin(*fd);
	if (error)
		fprintf(stderr, "pamt-qemu: %s=%s: %s\n", what, path,
			error == -EBUSY ? "another machine's SEAMCALLs are being recorded there"
					: strerror(-error));
	return !error;
}

static bool set_faults(const struct seam_faults *faults)
{
	bool any = false;

	for (unsigned int i = 0; i < SEAM_NR_FAULTS; i++)
		any |= faults->per_million[i] != 0;
	return !any || !seam_debug_faults(module.seam, faults);
}

bool module_create(const struct module_options *options)
{
	struct seam_config config = {
		.max_pa = MAX_PA,
		.hkid_bits = options->identity.hkid_bits,
		.hkid_min = (uint16_t)options->identity.hkid_min,
		.hkid_max = (uint16_t)options->identity.hkid_max,
		.nr_lps = options->nr_cpus,
		.nr_packages = options->nr_packages,
		.cache_blocks = 4,
		.guest = softseam_guest,
		.on_fatal = on_fatal,
	};
	uint64_t above = memory_end() + SEAMRR_BYTES - 1;
	const char *why = "out of memory";

	if (!open_file("trace", options->trace, &module.trace_fd) ||
	    !open_file("record", options->record, &module.record_fd))
		return false;
	if (!options->nr_packages || options->nr_cpus % options->nr_packages) {
		fprintf(stderr, "pamt-qemu: packages=%u does not divide %u CPUs\n",
			options->nr_packages, options->nr_cpus);
		return false;
	}
	memory_cmrs(config.cmr);
	config.seamrr = (struct tdx_cmr){ above / SEAMRR_BYTES * SEAMRR_BYTES, SEAMRR_BYTES };
	config.next = options->next;
	config.features = true;
	if (options->is_static)
		config.features0_clear = TDX_FEATURES0_DYNAMIC_PAMT;
	module.stats = options->stats;
	module.nr_cpus = options->nr_cpus;
	module.nr_packages = options->nr_packages;
	memory_services(&module.services);
	module.services.nr_cpus = options->nr_cpus;
	if (module.record_fd >= 0)
		module.recorder = record_create(module.record_fd, &config);
	if ((module.recorder || module.record_fd < 0) &&
	    !seam_create(&module.services, &config, &module.seam, &why)) {
		if (module.recorder)
			record_begin(module.recorder, module.seam);
		return set_faults(&options->faults);
	}
	fprintf(stderr, "pamt-qemu: no module for this machine: %s\n", why);
	return false;
}

uint32_t module_lp(unsigned int cpu)
{
	uint32_t per_package = module.nr_cpus / module.nr_packages;

	return cpu % per_package * module.nr_packages + cpu / per_package;
}

bool module_call(uint32_t lp, struct tdx_regs *regs)
{
	const struct tdx_regs in = *regs;
	bool served = !seam_is_fatal(module.seam, NULL);

	/* Relaxed: a counter, read when all is over. */
	os_fetch_add64(&module.calls, 1, OS_RELAXED);
	if (served)
		seam_call(module.seam, lp, regs);
	if (served && module.stats)
		stats_note(&in, regs);
	if (module.trace_fd >= 0)
		trace_call(module.trace_fd, lp, &in, regs, served);
	return served;
}

void module_touched(uint32_t lp, uint64_t pc, uint64_t physical, bool store)
{
	struct seam_owner owner;
	const struct abi_name *type;

	if (!seam_owns(module.seam, hpa(physical & ~(TDX_PAGE_SIZE - 1)), &owner))
		return;
	/* Relaxed: a counter. */
	if (os_fetch_add64(&module.touches[owner.type != TDX_PT_PAMT], 1, OS_RELAXED) >=
	    TOUCHES_TOLD)
		return;
	type = abi_name(ABI_PAGE_TYPE_NAME, owner.type);
	fprintf(stderr,
		"pamt-qemu: guard: LP %u, instruction at %#llx: %s %#llx, a page of type %s", lp,
		(unsigned long long)pc, store ? "stores to" : "loads from",
		(unsigned long long)physical, type ? type->name : "unknown");
	if (owner.type == TDX_PT_PAMT)
		fprintf(stderr, " of the module\n");
	else
		fprintf(stderr, " of the TD %#llx\n", (unsigned long long)owner.tdr.v);
}

static void end_recording(void)
{
	struct record_troubles troubles;

	/* A vCPU of QEMU's may still be in the module: what it needs stays. */
	if (!module.recorder)
		return;
	troubles = record_end(module.recorder);
	if (troubles.unnamed || troubles.unwritten)
		fprintf(stderr,
			"pamt-qemu: record: %llu locks without a name, %llu lines not written\n",
			(unsigned long long)troubles.unnamed,
			(unsigned long long)troubles.unwritten);
}

void module_end(void)
{
	uint64_t touches = os_load64(&module.touches[0], OS_RELAXED) +
			   os_load64(&module.touches[1], OS_RELAXED);

	if (touches)
		fprintf(stderr,
			"pamt-qemu: guard: %llu loads and stores of pages that are not the "
			"host's\n",
			(unsigned long long)touches);
	fprintf(stderr, "pamt-qemu: %llu SEAMCALLs\n",
		(unsigned long long)os_load64(&module.calls, OS_RELAXED));
	if (module.stats)
		stats_print(module.seam);
	end_recording();
}
