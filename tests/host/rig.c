// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * rig.c - machine, module and host put together and taken apart, with everything counted.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "machine/allocator.h"
#include "rig.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)

/* What rig_fail_leaf() asked for; one rig at a time, and no threads while it is in force. */
static tdx_status_t (*port_seamcall)(void *ctx, struct tdx_regs *regs);
static enum tdx_leaf failing_leaf;
static uint64_t failing_status, failing_times;

static tdx_status_t seamcall(void *ctx, struct tdx_regs *regs)
{
	if (!failing_times || TDX_RAX_LEAF(regs->rax) != (uint32_t)failing_leaf)
		return port_seamcall(ctx, regs);
	failing_times--;
	regs->rax = failing_status;
	return (tdx_status_t){ failing_status };
}

void rig_fail_leaf(enum tdx_leaf leaf, uint64_t status, uint64_t times)
{
	failing_leaf = leaf;
	failing_status = status;
	failing_times = times;
}

uint64_t rig_free_bytes(const struct rig *rig)
{
	return allocator_free_bytes(machine_allocator(rig->machine), OS_ANY_NODE);
}

void rig_machine(struct rig *rig, uint32_t nodes) { rig_machine_at(rig, nodes, 4 * GIB); }

void rig_machine_at(struct rig *rig, uint32_t nodes, uint64_t upper)
{
	rig_machine_sized(rig, nodes, upper, GIB);
}

void rig_machine_sized(struct rig *rig, uint32_t nodes, uint64_t upper, uint64_t bytes)
{
	char error[256];

	memset(rig, 0, sizeof(*rig));
	rig->ranges[0] = (struct map_range){ MIB, GIB - MIB, 0 };
	rig->ranges[1] = (struct map_range){ upper, bytes, nodes - 1 };
	rig->map = (struct machine_map){ .name = "rig",
					 .nr_ranges = 2,
					 .ranges = rig->ranges,
					 .nr_cmrs = 2,
					 .cmr = { { MIB, GIB - MIB }, { upper, bytes } },
					 .hkid_min = 32,
					 .hkid_max = 63,
					 .max_pa = 46,
					 .hkid_bits = 6,
					 .nr_cpus = RIG_CPUS,
					 .nr_packages = 1,
					 .nr_nodes = nodes,
					 .log_pamt_kb = UINT64_MAX };
	rig->machine = machine_create(&rig->map);
	assert_non_null(rig->machine);
	if (threads_port_create(rig->machine, NULL, &rig->port, error, sizeof(error)))
		fail_msg("%s", error);
	rig->services = *threads_services(rig->port);
	rig->os = &rig->services;
	port_seamcall = rig->services.seamcall;
	rig->services.seamcall = seamcall;
	failing_times = 0;
	threads_log_level(rig->port, OS_LOG_ERROR);
	threads_bind(rig->port, 0);
	for (uint32_t i = 0; i < RIG_REGIONS; i++) {
		rig->guest[i] = rig->os->alloc_pages(rig->os->ctx, 9, i % nodes);
		assert_false(hpa_is_none(rig->guest[i]));
	}
	rig->free_bytes = rig_free_bytes(rig);
}

int rig_host(struct rig *rig, bool dynamic, struct pamt_error *error)
{
	struct pamt_host_config config = { .memory = rig->memory,
					   .nr_memory = rig->map.nr_ranges,
					   .dynamic = dynamic,
					   .hkid_start_bit = 40,
					   .global_hkid = rig->map.hkid_min,
					   .nr_hkids = 32 };
	int ret;

	for (uint32_t i = 0; i < rig->map.nr_ranges; i++)
		rig->memory[i] = (struct pamt_memory){ hpa(rig->ranges[i].base),
						       rig->ranges[i].size, rig->ranges[i].node };
	ret = pamt_host_create(rig->os, &config, &rig->host, error);
	return ret ? ret : pamt_bring_up(rig->host, error);
}

void rig_create(struct rig *rig, uint32_t nodes, bool dynamic)
{
	struct pamt_error error;

	rig_machine(rig, nodes);
	if (rig_host(rig, dynamic, &error))
		fail_msg("%s: %s", pamt_step_name(error.step), error.reason);
	assert_int_equal(pamt_is_dynamic(rig->host, NULL), dynamic);
}

void rig_destroy(struct rig *rig)
{
	struct seam_fatal fatal;

	if (rig->host)
		pamt_host_destroy(rig->host);
	assert_int_equal(rig_free_bytes(rig), rig->free_bytes);
	if (seam_is_fatal(threads_seam(rig->port), &fatal))
		fail_msg("fatal %u: %s", fatal.id, fatal.rule);
	for (uint32_t i = 0; i < RIG_REGIONS; i++)
		rig->os->free_pages(rig->os->ctx, rig->guest[i], 9);
	threads_port_destroy(rig->port);
	machine_destroy(rig->machine);
}

struct pamt_stats rig_stats(struct rig *rig)
{
	struct pamt_stats stats;

	pamt_stats(rig->host, &stats);
	return stats;
}

static void print_finding(void *arg, const struct pamt_finding *found)
{
	print_error("region 0x%llx, word 0x%x, RDMD 0x%llx, %u pages: %s\n",
		    (unsigned long long)region_to_hpa(found->region).v, found->word,
		    (unsigned long long)found->rdmd_rcx, found->pages, found->what);
}

void rig_expect_sound(struct rig *rig)
{
	assert_int_equal(pamt_verify(rig->host, print_finding, NULL), 0);
}

void rig_expect_nothing_left(struct rig *rig)
{
	struct pamt_stats stats = rig_stats(rig);

	assert_int_equal(stats.os_bytes, 0);
	assert_int_equal(stats.used_bytes, 0);
	assert_int_equal(stats.pairs_installed, 0);
	assert_int_equal(stats.leaf_regions, 0);
	assert_int_equal(stats.busy, 0);
	assert_int_equal(stats.unbalanced_puts, 0);
	assert_int_equal(pamt_leaks(rig->host, print_finding, NULL), 0);
	rig_expect_sound(rig);
}

void rig_expect_bound(struct rig *rig)
{
	for (uint32_t node = 0; node < rig->map.nr_nodes; node++) {
		struct pamt_node_stats s;

		pamt_node_stats(rig->host, node, &s);
		if (s.os_bytes > 2 * s.used_bytes + (64 << 10))
			fail_msg("node %u holds %llu bytes for %llu used", node,
				 (unsigned long long)s.os_bytes, (unsigned long long)s.used_bytes);
	}
}

void rig_fail_call(struct rig *rig, uint64_t n, uint64_t status)
{
	threads_faults(rig->port,
		       &(struct threads_faults){ .seamcall_at = n, .seamcall_status = status });
}

void rig_fail_alloc(struct rig *rig, uint64_t n)
{
	threads_faults(rig->port, &(struct threads_faults){ .alloc_at = n });
}

void rig_fail_nothing(struct rig *rig) { threads_faults(rig->port, &(struct threads_faults){ 0 }); }

tdx_pfn_t rig_page(const struct rig *rig, uint32_t region, uint32_t page)
{
	return pfn(hpa_to_pfn(rig->guest[region]).v + page);
}

static tdx_status_t call(struct rig *rig, uint64_t rax, uint64_t rcx, uint64_t rdx)
{
	struct tdx_regs regs = { .rax = rax, .rcx = rcx, .rdx = rdx };

	return rig->os->seamcall(rig->os->ctx, &regs);
}

tdx_status_t rig_tdr_create(struct rig *rig, tdx_hpa_t page, uint16_t hkid)
{
	return call(rig, TDX_RAX(TDH_MNG_CREATE, 0), page.v, hkid);
}

void rig_tdr_end(struct rig *rig, tdx_hpa_t page)
{
	static const enum tdx_leaf leaves[] = { TDH_MNG_VPFLUSHDONE, TDH_PHYMEM_CACHE_WB,
						TDH_MNG_KEY_FREEID, TDH_PHYMEM_PAGE_RECLAIM };

	for (size_t i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++) {
		uint64_t rcx = leaves[i] == TDH_PHYMEM_CACHE_WB ? 0 : page.v;

		assert_int_equal(call(rig, TDX_RAX(leaves[i], 0), rcx, 0).v, 0);
	}
}
