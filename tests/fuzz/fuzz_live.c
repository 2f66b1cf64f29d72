// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * fuzz_live.c - whatever the files of a running kernel hold, reading them ends, with what is there
 * or with one line that says why not. The first byte says which file it is, the rest is the file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "live/btf.h"
#include "live/hist.h"
#include "live/kcore.h"
#include "live/kernel_image.h"
#include "live/record_events.h"
#include "live/sites.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool good)
{
	if (!good)
		abort();
}

/* A copy that ends where the file does: a sanitizer sees who reads further. */
static uint8_t *copy_of(const uint8_t *data, size_t size, size_t more)
{
	uint8_t *copy = malloc(size + more + !(size + more));

	must(copy);
	memcpy(copy, data, size);
	memset(copy + size, 0, more);
	return copy;
}

static void read_symbols(const uint8_t *data, size_t size, const char *module)
{
	FILE *file = size ? fmemopen((void *)(uintptr_t)data, size, "r") : NULL;
	struct kallsyms all;
	struct why why;

	if (!file)
		return;
	if (!kallsyms_read(file, module, &all, &why)) {
		for (size_t i = 0; i < all.nr; i++) {
			must(!i || all.list[i - 1].at <= all.list[i].at);
			must(kallsyms_at(&all, all.list[i].at)->at == all.list[i].at);
			must(all.list[i].at >> 63);
		}
		kallsyms_free(&all);
	}
	fclose(file);
}

static void on_symbols(const uint8_t *data, size_t size)
{
	read_symbols(data, size, NULL);
	read_symbols(data, size, "pamt");
}

/* Text of a kernel that begins at its only symbol. */
static void on_text(const uint8_t *data, size_t size)
{
	static char name[] = "_text";
	struct symbol symbol = { 0xffffffff81000000, name };
	const struct kallsyms symbols = { .nr = 1, .list = &symbol };
	const struct sites_search search = { .text = data,
					     .bytes = size,
					     .at = symbol.at,
					     .routine = { symbol.at + 0x100, symbol.at + 0x40 },
					     .symbols = &symbols };
	struct sites sites = { 0 };
	struct why why;

	(void)sites_in(&search, &sites, &why);
	for (unsigned int i = 0; i < sites.nr; i++)
		must(sites.list[i].offset + SITE_CALL <= size);
}

static void on_core(const uint8_t *data, size_t size)
{
	static struct kcore kcore;
	struct why why;

	if (!kcore_parse(data, size, &kcore, &why))
		(void)kcore_direct_map(&kcore);
}

static void on_image(const uint8_t *data, size_t size)
{
	struct kernel_image image;
	const uint8_t *text;
	struct why why;

	if (kernel_image_parse(data, size, &image, &why))
		return;
	text = kernel_image_at(&image, image.first + 16, 64);
	must(!text || (text >= image.elf && text + 64 <= image.elf + image.bytes));
	must(kernel_image_id(&image).bytes <= BUILD_ID_BYTES);
	kernel_image_free(&image);
}

static void on_notes(const uint8_t *data, size_t size)
{
	must(build_id_of(data, size).bytes <= BUILD_ID_BYTES);
}

/* As the kernel's, and once more as a module's on top of it. */
static void on_btf(const uint8_t *data, size_t size)
{
	static const char *const names[][2] = { { "vcpu_tdx", "vp.tdvpr_pa" },
						{ "a", "a.a.a" },
						{ "tdmr_info_list", "tdmrs" } };
	struct btf btf = { 0 };
	struct why why;
	uint32_t at;

	for (unsigned int part = 0; part < 2 && !btf_add(&btf, data, size, &why); part++)
		for (unsigned int i = 0; i < sizeof(names) / sizeof(names[0]); i++)
			(void)btf_offset(&btf, names[i][0], names[i][1], &at, &why);
	btf_free(&btf);
}

/* An event as long as the format says, of which each part is taken. */
static void on_format(const uint8_t *data, size_t size)
{
	for (enum call_event_kind kind = 0; kind < CALL_EVENT_KINDS; kind++) {
		struct record_layout layout[CALL_EVENT_KINDS] = { 0 };
		struct trace_event raw = { .ns = 1 };
		struct call_event event;
		uint8_t *bytes;
		uint16_t id;
		struct why why;

		if (record_layout_read(kind, (const char *)data, &layout[kind], &why))
			continue;
		must(layout[kind].bytes >= sizeof(id) && layout[kind].bytes <= TRACE_PAGE_BYTES);
		bytes = copy_of(data, 0, layout[kind].bytes);
		id = (uint16_t)layout[kind].id;
		memcpy(bytes, &id, sizeof(id));
		raw.data = bytes;
		raw.bytes = layout[kind].bytes;
		(void)record_event(layout, &raw, 0, &event);
		free(bytes);
	}
}

/* As they were where the pages of the corpus come from. */
static const struct record_layout layouts[CALL_EVENT_KINDS] = {
	[CALL_IN] = { 481, 72, { 4, 16, 24 } },
	[CALL_OUT] = { 482, 80, { 4, 16, 24, 32, 40, 48, 56, 64, 72 } },
	[CALL_ENTER] = { 483, 137, { 16, 33, 25 } },
	[CALL_EXIT] = { 484, 145, { 16, 41, 33 } },
};

struct pages {
	struct calls calls;
	uint32_t cpu;
};

static void on_event(void *ctx, const struct trace_event *raw)
{
	struct pages *pages = ctx;
	struct call_event event;

	if (record_event(layouts, raw, pages->cpu, &event))
		calls_event(&pages->calls, &event);
}

static void on_call(void *ctx, const struct live_call *call) { must(call->moved || call->cpu < 8); }

/* Pages of CPUs, one after the other, the last one cut off where the file is. */
static void on_pages(const uint8_t *data, size_t size)
{
	struct pages pages = { .calls.call = on_call };
	struct trace_reader reader = { .event = on_event, .ctx = &pages };
	struct why why;

	for (size_t at = 0; at < size; at += TRACE_PAGE_BYTES, pages.cpu = (pages.cpu + 1) % 8) {
		size_t one = size - at < TRACE_PAGE_BYTES ? size - at : TRACE_PAGE_BYTES;
		uint8_t *page = copy_of(data + at, one, 0);

		(void)trace_page(page, one, &reader, &why);
		if (reader.gap)
			calls_gap(&pages.calls, pages.cpu);
		free(page);
	}
	calls_free(&pages.calls);
}

static void on_entry(void *ctx, const struct hist_entry *entry)
{
	must(memchr(entry->name[0], 0, sizeof(entry->name[0])) &&
	     memchr(entry->name[1], 0, sizeof(entry->name[1])));
}

static void on_histogram(const uint8_t *data, size_t size)
{
	uint64_t dropped = 0;
	struct why why;

	(void)hist_read((const char *)data, on_entry, NULL, &dropped, &why);
}

static const struct {
	char name;
	bool text; /* ends with a 0 */
	void (*read)(const uint8_t *data, size_t size);
} files[] = {
	{ 'k', false, on_symbols },  { 't', false, on_text },  { 'c', false, on_core },
	{ 'b', false, on_btf },	     { 'f', true, on_format }, { 'p', false, on_pages },
	{ 'h', true, on_histogram }, { 'i', false, on_image }, { 'n', false, on_notes },
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy;

	for (size_t i = 0; size && i < sizeof(files) / sizeof(files[0]); i++) {
		if (files[i].name != data[0])
			continue;
		copy = copy_of(data + 1, size - 1, files[i].text);
		files[i].read(copy, size - 1);
		free(copy);
	}
	return 0;
}
