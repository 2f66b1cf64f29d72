/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * module.h - the software module that serves the machine's SEAMCALLs.
 */
#ifndef PAMT_PORT_QEMU_MODULE_H
#define PAMT_PORT_QEMU_MODULE_H

#include <pamt/seam.h>

#include "port/qemu/identity.h"
#include "seam/debug.h"

struct module_options {
	uint32_t nr_cpus, nr_packages;
	struct identity identity;
	bool is_static;	    /* without Dynamic PAMT */
	bool next;	    /* the module after 1.5.25 */
	const char *trace;  /* file for a line per SEAMCALL; NULL: none */
	const char *record; /* file for a recording; NULL: none */
	bool stats;	    /* more than a line at the end */
	struct seam_faults faults;
};

/* The memory has been placed. Return: false, with one line on stderr. */
bool module_create(const struct module_options *options);
/* The logical processor that QEMU's CPU of this index is. */
uint32_t module_lp(unsigned int cpu);
/* Return: false: there is no module any more (VMfailInvalid). */
bool module_call(uint32_t lp, struct tdx_regs *regs);
/* The host's own code at pc loads or stores there: said on stderr if the page is not the host's. */
void module_touched(uint32_t lp, uint64_t pc, uint64_t physical, bool store);
/* What is to be said at the end, on stderr. */
void module_end(void);

#endif
