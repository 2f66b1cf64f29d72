// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lkvs_td.c - a TD of the suite: built, booted, split, looked at, stopped.
 */
#include <stdlib.h>

#include "lab/lkvs/lkvs_box.h"

/* Measured pages that every TD begins with. */
#define INITIAL_PAGES 16u

enum seam_exit lkvs_guest(void *ctx, struct seam_vcpu *vcpu)
{
	struct lkvs_box *box = ctx;

	return guest_run(box->running[os_cpu()], vcpu);
}

static enum tdx_size page_size(void *arg, tdx_gpa_t at)
{
	return at.v < LKVS_LOW_4K ? TDX_4K : TDX_2M;
}

/* The guests' shares of the memory: whole regions. */
static void set_shares(struct lkvs_box *box, struct lkvs_td *td)
{
	uint64_t regions = td->bytes >> TDX_2M_SHIFT;

	for (uint32_t v = 0; v < td->nr_vcpus; v++) {
		td->guest[v] = (struct guest){
			.tdr = td->td->tdr,
			.shared_bit = td_shared_bit(td->td),
			.low = (regions * v / td->nr_vcpus) << TDX_2M_SHIFT,
			.high = (regions * (v + 1) / td->nr_vcpus) << TDX_2M_SHIFT,
			.keep = (regions * (v + 1) / td->nr_vcpus) << TDX_2M_SHIFT,
			.low_4k = LKVS_LOW_4K,
			.random = (v + 1) * UINT64_C(0x9e3779b97f4a7c15) | 1,
			.stop = &box->stop,
		};
	}
}

static int add_contents(struct lkvs_box *box, struct lkvs_td *td)
{
	int error = 0;

	for (uint32_t v = 0; v < td->nr_vcpus && !error; v++) {
		threads_bind(box->stand.port, td->first_cpu + v);
		error = td_add_vcpu(td->td, &td->vcpu[v]);
	}
	for (uint32_t i = 0; i < INITIAL_PAGES && !error; i++)
		error = td_add_page(td->td, gpa(i * TDX_PAGE_SIZE), box->image);
	return error ? error : td_finalize(td->td);
}

int lkvs_build(struct lkvs_box *box, uint32_t t)
{
	struct lkvs_td *td = &box->td[t];
	struct td_config config = {
		.node = t % box->stand.os->nr_nodes,
		.max_vcpus = (uint16_t)td->nr_vcpus,
		.page_size = page_size,
	};
	int error;

	threads_bind(box->stand.port, td->first_cpu);
	td->splits = 0;
	error = td_create(&box->stand.vmm, &config, &td->td);
	if (error) {
		td->td = NULL;
		return error;
	}
	set_shares(box, td);
	error = add_contents(box, td);
	if (error) {
		td_destroy(td->td);
		td->td = NULL;
	}
	return error;
}

int lkvs_run_vcpu(struct lkvs_box *box, uint32_t t, uint32_t v, bool accept)
{
	struct lkvs_td *td = &box->td[t];
	struct guest *guest = &td->guest[v];
	enum vcpu_exit exit;

	threads_bind(box->stand.port, td->first_cpu + v);
	if (accept)
		guest_boot(guest);
	else
		guest_work(guest);
	/* lkvs_guest() finds it by the CPU, which no other thread is meanwhile. */
	box->running[td->first_cpu + v] = guest;
	exit = vcpu_run(td->vcpu[v]);
	box->running[td->first_cpu + v] = NULL;
	if (guest->error)
		lkvs_fail(box, "a guest of TD %u saw what it must not: %s, at GPA 0x%llx", t,
			  guest->error, (unsigned long long)guest->error_at);
	if (exit == VCPU_FAILED)
		return td->vcpu[v]->error;
	return exit == VCPU_HALTED && !guest->error ? 0 : -OS_EIO;
}

int lkvs_boot(struct lkvs_box *box, uint32_t t)
{
	int error = 0;

	for (uint32_t v = 0; v < box->td[t].nr_vcpus && !error; v++)
		error = lkvs_run_vcpu(box, t, v, true);
	return error;
}

int lkvs_split(struct lkvs_box *box, uint32_t t)
{
	struct lkvs_td *td = &box->td[t];
	int error = 0;

	threads_bind(box->stand.port, td->first_cpu);
	for (uint64_t region = LKVS_SPLIT_EVERY - 1; region < td->bytes >> TDX_2M_SHIFT && !error;
	     region += LKVS_SPLIT_EVERY) {
		error = td_split(td->td, gpa(region << TDX_2M_SHIFT));
		if (!error)
			td->splits++;
	}
	return error;
}

bool lkvs_stop_td(struct lkvs_box *box, uint32_t t)
{
	struct lkvs_td *td = &box->td[t];
	uint64_t leaked;

	if (!td->td)
		return true;
	threads_bind(box->stand.port, td->first_cpu);
	leaked = td_destroy(td->td);
	td->td = NULL;
	td->nr_use = 0;
	if (leaked)
		return lkvs_fail(box, "TD %u lost %llu pages when it ended", t,
				 (unsigned long long)leaked);
	return true;
}

/* ------------------------------------------------------------------------------------------- */
/* Where its pages are                                                                          */

/* One more 4K page in this region: the region of the page before as a rule. */
static bool add_use(struct lkvs_td *td, region_t region)
{
	struct lkvs_use *use;

	if (td->nr_use && td->use[td->nr_use - 1].region == region.v) {
		td->use[td->nr_use - 1].pages++;
		return true;
	}
	if (td->nr_use == td->max_use) {
		uint32_t max = td->max_use ? 2 * td->max_use : 256;

		use = realloc(td->use, max * sizeof(*use));
		if (!use)
			return false;
		td->use = use;
		td->max_use = max;
	}
	td->use[td->nr_use++] = (struct lkvs_use){ (uint32_t)region.v, 1 };
	return true;
}

static bool look_below(struct lkvs_td *td, const struct mirror_node *node)
{
	for (unsigned int i = 0; i < MIRROR_ENTRIES; i++) {
		/* Relaxed: nothing runs. */
		struct mirror_entry e = { os_load64(&node->entry[i], OS_RELAXED) };

		if (mirror_is_link(e)) {
			td->sept_pages++;
			if (!look_below(td, mirror_child(e)))
				return false;
		} else if (mirror_is_leaf(e) && node->level == TDX_2M) {
			td->pages_2m++;
		} else if (mirror_is_leaf(e)) {
			td->pages_4k++;
			if (!add_use(td, hpa_to_region(mirror_page(e))))
				return false;
		}
	}
	return true;
}

bool lkvs_look(struct lkvs_box *box, uint32_t t)
{
	struct lkvs_td *td = &box->td[t];

	td->nr_use = 0;
	td->pages_4k = td->pages_2m = td->sept_pages = 0;
	if (td->td && !look_below(td, td->td->mirror.root))
		return lkvs_fail(box, "out of memory");
	return true;
}
