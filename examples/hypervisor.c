// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * hypervisor.c - the least that a hypervisor does with libpamt, here on the software module: bring
 * TDX up, back a TD's pages while they are in use, give everything back.
 *
 *	cc hypervisor.c $(pkg-config --cflags --libs pamt softseam) -o hypervisor
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <pamt/host.h>
#include <pamt/softseam.h>

static void check(int error, const char *what)
{
	if (error) {
		fprintf(stderr, "%s: error %d\n", what, error);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	const struct softseam_options options = { .machine = argc > 1 ? argv[1] : "builtin:256g" };
	struct pamt_host_config config = { .dynamic = true };
	struct pamt_memory memory[64];
	struct pamt_cache cache = { 0 }; /* one per vCPU */
	struct softseam_machine machine;
	struct softseam *softseam;
	struct pamt_error error;
	struct pamt_host *host;
	struct pamt_stats stats;
	tdx_hpa_t control, guest;
	char why[256] = "";

	/* A machine. On a real one the hypervisor fills in the table of services by itself. */
	check(softseam_create(&options, &softseam, why, sizeof(why)), why);
	check(softseam_bind(softseam, 0), "bind");
	const struct os_services *os = softseam_services(softseam);

	softseam_machine(softseam, &machine);
	config.hkid_start_bit = machine.hkid_start_bit;
	config.global_hkid = machine.first_hkid;
	config.nr_hkids = machine.nr_hkids;
	config.memory = memory;
	for (struct pamt_memory *m = memory; config.nr_memory < machine.nr_memory; m++)
		check(config.nr_memory == 64 || softseam_memory(softseam, config.nr_memory++,
								&m->base, &m->bytes, &m->node),
		      "memory map");

	/* SYS.INIT to TDMR.INIT. */
	check(pamt_host_create(os, &config, &host, &error), "configuration");
	check(pamt_bring_up(host, &error), error.reason);
	printf("PAMT at boot: %" PRIu64 " KB\n", pamt_layout(host)->pamt_bytes / 1024);

	/* A page fault. Where sleeping is allowed: a stock of four control pages and a pair ... */
	guest = os->alloc_pages(os->ctx, 4, OS_ANY_NODE);
	check(hpa_is_none(guest), "guest memory");
	check(pamt_cache_topup(host, &cache, 4, 1), "top-up");
	/* ... then, in any context: a page for the S-EPT, and backing for 16 guest pages. */
	check(pamt_alloc_page(host, OS_ANY_NODE, &cache, &control), "control page");
	check(pamt_get_range(host, hpa_to_pfn(guest), 16, &cache), "get");
	pamt_stats(host, &stats);
	printf("in use: %" PRIu64 " pairs, %" PRIu64 " KB\n", stats.pairs_installed,
	       stats.used_bytes / 1024);

	/* The pages were the TD's, and its last SEAMCALL has returned. */
	pamt_put_range(host, hpa_to_pfn(guest), 16);
	pamt_free_page(host, control);
	pamt_cache_free(host, &cache);
	os->free_pages(os->ctx, guest, 4);
	pamt_stats(host, &stats);
	printf("left with zero TDs: %" PRIu64 " bytes\n", stats.os_bytes);
	pamt_host_destroy(host);
	softseam_destroy(softseam);
	return stats.os_bytes != 0;
}
