/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * fake_os.h - the least os_services that planning and bring-up need: pages and contiguous ranges
 * out of a memory map, host objects, a module behind a function; all counted, any allocation can
 * be made to fail.
 */
#ifndef PAMT_TESTS_FAKE_OS_H
#define PAMT_TESTS_FAKE_OS_H

#include <pamt/host.h>

#define FAKE_PAGES 32 /* pages that are mapped at once */

struct fake_os {
	struct os_services services;
	struct pamt_memory *free; /* ascending; parts of the map that are not allocated */
	uint32_t nr_free, max_free;
	uint64_t ranges_out; /* allocated ranges and objects that are not freed yet */
	uint64_t objects_out;
	uint64_t calls;	  /* allocations asked for so far */
	uint64_t fail_at; /* which of them fails, counted from 1; 0: none */

	struct {
		uint64_t page;
		void *bytes;
	} mapped[FAKE_PAGES];
	uint32_t nr_mapped;
	tdx_status_t (*module)(struct fake_os *fake, struct tdx_regs *regs);
	void *module_ctx;
	uint32_t nr_packages;
	uint64_t scrubs, wbinvds, warnings;
	uint64_t excluded; /* bytes */
};

void fake_os_create(struct fake_os *fake, const struct pamt_memory *memory, uint32_t nr,
		    uint32_t nr_nodes);
void fake_os_destroy(struct fake_os *fake);

#endif
