// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * watch.c - what a running kernel asks of the TDX module, counted in the kernel.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <pamt/status.h>

#include "live/hist.h"
#include "live/probes.h"
#include "live/watch.h"

#define FAILURE (UINT64_C(1) << 63)

/* Which histogram on which event; they go with the instance. */
static const struct {
	const char *event, *trigger;
	bool of_kvm;
} histograms[] = {
	{ "out", "hist:keys=fn.hex,rax.hex:size=4096", false },
	/* The regions of TDH.PHYMEM.PAMT.ADD. */
	{ "out", "hist:keys=rcx.hex:size=65536 if fn==0x3a && rax==0", false },
	{ "exit", "hist:keys=rax.hex:size=2048 if type==5", true },
};

#define NR_HISTOGRAMS (sizeof(histograms) / sizeof(*histograms))

_Static_assert(TDH_PHYMEM_PAMT_ADD == 0x3a, "the second histogram counts it");

bool watch_failed(uint64_t status) { return status & FAILURE; }

static int begin(struct watch *watch, struct why *why)
{
	if (probes_results(&watch->fs, &watch->facts, why))
		return -1;
	for (unsigned int i = 0; i < NR_HISTOGRAMS; i++) {
		char path[TRACEFS_PATH];

		if (histograms[i].of_kvm && !watch->facts.own)
			continue;
		probes_file(&watch->fs, histograms[i].event, "trigger", path);
		if (tracefs_write(&watch->fs, path, histograms[i].trigger, why))
			return why_not(why,
				       "this kernel does not count events "
				       "(CONFIG_HIST_TRIGGERS): %s",
				       histograms[i].trigger);
	}
	return 0;
}

int watch_begin(struct watch *watch, struct why *why)
{
	struct why unclean;
	int error;

	memset(watch, 0, sizeof(*watch));
	error = facts_find(&watch->facts, true, why) || tracefs_begin(&watch->fs, "watch", why) ? -1
												: 0;
	if (!error && !begin(watch, why)) {
		watch->possible = true;
		return 0;
	}
	if (!error)
		tracefs_end(&watch->fs, &unclean);
	facts_free(&watch->facts);
	return -1;
}

int watch_end(struct watch *watch, struct why *why)
{
	bool clean = tracefs_end(&watch->fs, why);

	facts_free(&watch->facts);
	return clean ? 0 : -1;
}

/* ------------------------------------------------------------------------------------------- */

struct reader {
	struct watch_reading *reading;
	bool no_memory;
};

static void add_count(struct reader *reader, uint32_t leaf, uint64_t status, uint64_t calls)
{
	struct watch_reading *r = reader->reading;

	if (r->nr == r->room) {
		unsigned int room = r->room ? 2 * r->room : 64;
		struct watch_count *more = realloc(r->count, room * sizeof(*more));

		if (!more) {
			reader->no_memory = true;
			return;
		}
		r->count = more;
		r->room = room;
	}
	r->count[r->nr++] = (struct watch_count){ leaf, status, calls };
}

static void on_entry(void *ctx, const struct hist_entry *entry)
{
	struct reader *reader = ctx;
	struct watch_reading *r = reader->reading;

	if (!strcmp(entry->name[0], "fn"))
		add_count(reader, TDX_RAX_LEAF(entry->key[0]), entry->key[1], entry->hits);
	else if (!strcmp(entry->name[0], "rax"))
		add_count(reader, TDH_VP_ENTER, entry->key[0], entry->hits);
	else if (!strcmp(entry->name[0], "rcx")) {
		r->regions++;
		r->flipping += entry->hits > 1;
	}
}

static int by_leaf(const void *a, const void *b)
{
	const struct watch_count *x = a, *y = b;

	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	if (x->calls != y->calls)
		return x->calls > y->calls ? -1 : 1;
	return x->status < y->status ? -1 : x->status > y->status;
}

/*
 * What successes of these leaves mean. With Dynamic PAMT a pair comes with DEMOTE of a 2M page and
 * goes with PROMOTE to one; nobody has 1G pages.
 */
static void add_up(struct watch_reading *r, bool dynamic)
{
	uint64_t none, *came = dynamic ? &r->added : &none, *went = dynamic ? &r->removed : &none;
	const struct {
		uint32_t leaf;
		uint64_t *sum;
	} sums[] = {
		{ TDH_PHYMEM_PAMT_ADD, &r->added }, { TDH_PHYMEM_PAMT_REMOVE, &r->removed },
		{ TDH_MEM_PAGE_DEMOTE, came },	    { TDH_MEM_PAGE_PROMOTE, went },
		{ TDH_MNG_CREATE, &r->created },    { TDH_MNG_KEY_FREEID, &r->freed },
	};

	none = 0;

	for (unsigned int i = 0; i < r->nr; i++)
		for (unsigned int s = 0; s < sizeof(sums) / sizeof(*sums); s++)
			if (r->count[i].leaf == sums[s].leaf &&
			    !(r->count[i].status & TDX_STATUS_CODE_MASK))
				*sums[s].sum += r->count[i].calls;
}

static int read_event(struct watch *watch, const char *event, struct reader *reader,
		      struct why *why)
{
	char path[TRACEFS_PATH], *text;
	int error;

	probes_file(&watch->fs, event, "hist", path);
	text = tracefs_read(&watch->fs, path, why);
	if (!text)
		return -1;
	error = hist_read(text, on_entry, reader, &reader->reading->missed, why);
	free(text);
	return error;
}

int watch_read(struct watch *watch, struct watch_reading *reading, struct why *why)
{
	struct reader reader = { .reading = reading };
	unsigned long long missed;
	struct timespec now;

	free(reading->count);
	*reading = (struct watch_reading){ 0 };
	if (read_event(watch, "out", &reader, why) ||
	    (watch->facts.own && read_event(watch, "exit", &reader, why)) ||
	    tracefs_missed(&watch->fs, &missed, why))
		return -1;
	if (reader.no_memory)
		return why_not(why, "out of memory");
	clock_gettime(CLOCK_MONOTONIC, &now);
	reading->ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	reading->missed += missed;
	if (reading->nr)
		qsort(reading->count, reading->nr, sizeof(*reading->count), by_leaf);
	add_up(reading, watch->facts.dynamic);
	return 0;
}
