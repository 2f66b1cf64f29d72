// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * scenario.c - the small machine, its two TDs, and all the ways they go.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scenario.h"
#include "seam/debug.h"

#define INITIAL_PAGES 4u

static int __attribute__((format(printf, 2, 3))) failed(struct scenario *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->error, sizeof(s->error), format, args);
	va_end(args);
	return -1;
}

static enum seam_exit run_guest(void *ctx, struct seam_vcpu *vcpu)
{
	struct scenario *s = ctx;

	return guest_run(s->running, vcpu);
}

int scenario_create(struct scenario *s, bool dynamic)
{
	struct stand_config config = {
		.map = &s->map,
		.dynamic = dynamic,
		.guest = run_guest,
		.guest_ctx = s,
		.log_level = OS_LOG_ERROR,
	};

	memset(s, 0, sizeof(*s));
	s->image = HPA_NONE;
	s->range = (struct map_range){ .base = TDX_1G_SIZE, .size = SCENARIO_MEMORY };
	s->map = (struct machine_map){
		.name = "scenario",
		.nr_ranges = 1,
		.ranges = &s->range,
		.nr_cmrs = 1,
		.cmr = { { TDX_1G_SIZE, SCENARIO_MEMORY } },
		.hkid_min = 32,
		.hkid_max = 63,
		.max_pa = 52,
		.hkid_bits = 6,
		.nr_cpus = SCENARIO_VCPUS,
		.nr_packages = 1,
		.nr_nodes = 1,
	};
	if (stand_create(&s->stand, &config, s->error, sizeof(s->error)))
		return -1;
	s->free_at_start = stand_free_bytes(&s->stand);
	return 0;
}

void scenario_destroy(struct scenario *s) { stand_destroy(&s->stand); }

int scenario_bring_up(struct scenario *s)
{
	const struct os_services *os = s->stand.os;

	if (stand_bring_up(&s->stand, s->error, sizeof(s->error)))
		return -1;
	s->image = os->alloc_pages(os->ctx, 0, 0);
	if (hpa_is_none(s->image))
		return failed(s, "no page for the image");
	memset(os->map_host(os->ctx, s->image, OS_WRITE), 0x5a, TDX_PAGE_SIZE);
	return 0;
}

/* One region of four in 4K pages. */
static enum tdx_size page_size(void *arg, gpa_t at)
{
	(void)arg;
	return guest_region_is_4k(25, at.v >> TDX_2M_SHIFT) ? TDX_4K : TDX_2M;
}

static void set_up_guest(struct scenario *s, unsigned int i, unsigned int v)
{
	struct guest *guest = &s->guest[i][v];

	memset(guest, 0, sizeof(*guest));
	guest->tdr = s->td[i]->tdr;
	guest->shared_bit = td_shared_bit(s->td[i]);
	guest->low = SCENARIO_BYTES / SCENARIO_VCPUS * v;
	guest->high = SCENARIO_BYTES / SCENARIO_VCPUS * (v + 1);
	guest->percent_4k = 25;
	guest->random = 1 + i * SCENARIO_VCPUS + v;
	guest->stop = &s->stop;
}

int scenario_build(struct scenario *s, unsigned int i)
{
	struct td_config config = {
		.node = 0,
		.max_vcpus = SCENARIO_VCPUS,
		.levels = i ? 5 : 4,
		.page_size = page_size,
	};
	int error = td_create(&s->stand.vmm, &config, &s->td[i]);

	if (error) {
		s->td[i] = NULL;
		return failed(s, "td_create: error %d", -error);
	}
	for (unsigned int v = 0; v < SCENARIO_VCPUS; v++) {
		error = td_add_vcpu(s->td[i], &s->vcpu[i][v]);
		if (error)
			return failed(s, "td_add_vcpu: error %d", -error);
		set_up_guest(s, i, v);
	}
	for (unsigned int p = 0; p < INITIAL_PAGES; p++) {
		error = td_add_page(s->td[i], gpa(p * TDX_PAGE_SIZE), s->image);
		if (error)
			return failed(s, "td_add_page: error %d", -error);
	}
	error = td_finalize(s->td[i]);
	return error ? failed(s, "td_finalize: error %d", -error) : 0;
}

int scenario_run_vcpu(struct scenario *s, unsigned int i, unsigned int v, bool accept,
		      uint32_t flips, uint32_t partial)
{
	struct guest *guest = &s->guest[i][v];
	enum vcpu_exit exit;

	guest_restart(guest, accept);
	guest->flips = flips;
	guest->partial = partial;
	s->running = guest;
	threads_bind(s->stand.port, v);
	exit = vcpu_run(s->vcpu[i][v]);
	threads_bind(s->stand.port, 0);
	if (guest->error)
		return failed(s, "the guest saw: %s at 0x%llx, 0x%llx", guest->error,
			      (unsigned long long)guest->error_at,
			      (unsigned long long)guest->error_value);
	if (exit != VCPU_HALTED)
		return failed(s, "vCPU %u of TD %u left with %d, error %d", v, i, (int)exit,
			      -s->vcpu[i][v]->error);
	return 0;
}

void scenario_end_td(struct scenario *s, unsigned int i)
{
	struct td_counts counts;
	os_a64_t *to = (os_a64_t *)&s->counts;
	const os_a64_t *from = (const os_a64_t *)&counts;

	if (!s->td[i])
		return;
	td_sum_counts(s->td[i], &counts);
	for (size_t c = 0; c < sizeof(counts) / sizeof(*from); c++)
		to[c].v += from[c].v;
	s->lost_pages += td_destroy(s->td[i]);
	s->td[i] = NULL;
}

void scenario_end(struct scenario *s)
{
	const struct os_services *os = s->stand.os;

	for (unsigned int i = 0; i < SCENARIO_TDS; i++)
		scenario_end_td(s, i);
	if (!hpa_is_none(s->image))
		os->free_pages(os->ctx, s->image, 0);
	s->image = HPA_NONE;
}

static int run_both(struct scenario *s, unsigned int i)
{
	for (unsigned int v = 0; v < SCENARIO_VCPUS; v++) {
		if (scenario_run_vcpu(s, i, v, true, 6, 3))
			return -1;
	}
	return 0;
}

/* A 2M mapping split by the host and merged again, a hole punched, the guest none the wiser. */
static int host_moves(struct scenario *s, unsigned int i)
{
	const gpa_t fresh = gpa(SCENARIO_BYTES + TDX_2M_SIZE);
	int error;

	/* Beyond the guests' shares, so that it is whole: one of its own accepts it. */
	s->guest[i][0].low = fresh.v;
	s->guest[i][0].high = fresh.v + TDX_2M_SIZE;
	if (scenario_run_vcpu(s, i, 0, true, 0, 0))
		return -1;
	error = td_split(s->td[i], fresh);
	if (error)
		return failed(s, "td_split: error %d", -error);
	error = td_merge(s->td[i], fresh);
	if (error)
		return failed(s, "td_merge: error %d", -error);
	error = td_zap(s->td[i], gpa(fresh.v + 3 * TDX_PAGE_SIZE), 5 * TDX_PAGE_SIZE);
	if (error)
		return failed(s, "td_zap: error %d", -error);
	return scenario_run_vcpu(s, i, 0, true, 0, 0);
}

int scenario_all(struct scenario *s)
{
	if (scenario_bring_up(s))
		return -1;
	for (unsigned int i = 0; i < SCENARIO_TDS; i++) {
		if (scenario_build(s, i) || run_both(s, i) || host_moves(s, i))
			return -1;
	}
	scenario_end_td(s, 0);
	if (scenario_build(s, 0) || run_both(s, 0))
		return -1;
	return 0;
}

int scenario_check_empty(struct scenario *s)
{
	struct seam_debug_entry entry;
	struct pamt_stats stats;

	pamt_stats(s->stand.host, &stats);
	if (stats.os_bytes)
		return failed(s, "libpamt holds %llu bytes", (unsigned long long)stats.os_bytes);
	if (pamt_leaks(s->stand.host, NULL, NULL))
		return failed(s, "regions are still in use");
	for (uint64_t at = s->range.base; at < s->range.base + s->range.size; at += TDX_2M_SIZE) {
		seam_debug_pamt(threads_seam(s->stand.port), hpa(at), TDX_2M, &entry);
		if (entry.type != TDX_PT_NDA)
			return failed(s, "region 0x%llx is of type %d, count %u",
				      (unsigned long long)at, (int)entry.type, entry.count);
	}
	return 0;
}
