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

#include "kernel/softseam.h"
#include "port/qemu/memory.h"
#include "port/qemu/module.h"
#include "port/trap/trace.h"

#define SEAMRR_BYTES (UINT64_C(32) << 20)
#define MAX_PA	     46u

static struct {
	struct os_services services;
	struct seam *seam;
	uint32_t nr_cpus, nr_packages;
	int trace_fd; /* -1: none */
	os_a64_t calls;
} module;

static void on_fatal(void *ctx, const struct seam_fatal *fatal)
{
	fprintf(stderr, "softseam: fatal: rule %u broken on LP %u in leaf %u at %#llx: %s\n",
		fatal->id, fatal->lp, fatal->leaf, (unsigned long long)fatal->at.v, fatal->rule);
}

static bool open_trace(const char *path)
{
	module.trace_fd = -1;
	if (!path)
		return true;
	module.trace_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0666);
	if (module.trace_fd < 0)
		fprintf(stderr, "pamt-qemu: trace=%s: %s\n", path, strerror(errno));
	return module.trace_fd >= 0;
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

	if (!open_trace(options->trace))
		return false;
	if (!options->nr_packages || options->nr_cpus % options->nr_packages) {
		fprintf(stderr, "pamt-qemu: packages=%u does not divide %u CPUs\n",
			options->nr_packages, options->nr_cpus);
		return false;
	}
	memory_cmrs(config.cmr);
	config.seamrr = (struct tdx_cmr){ above / SEAMRR_BYTES * SEAMRR_BYTES, SEAMRR_BYTES };
	if (options->is_static)
		config.features0_clear = TDX_FEATURES0_DYNAMIC_PAMT;
	module.nr_cpus = options->nr_cpus;
	module.nr_packages = options->nr_packages;
	memory_services(&module.services);
	module.services.nr_cpus = options->nr_cpus;
	if (!seam_create(&module.services, &config, &module.seam, &why))
		return set_faults(&options->faults);
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
	if (module.trace_fd >= 0)
		trace_call(module.trace_fd, lp, &in, regs, served);
	return served;
}

void module_end(void)
{
	fprintf(stderr, "pamt-qemu: %llu SEAMCALLs\n",
		(unsigned long long)os_load64(&module.calls, OS_RELAXED));
}
