// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * parsers_test.c - what the tools for real hosts read of a kernel: symbols, text, structures, pages
 * and formats of events, histograms. Good ones, and ones that are none.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <elf.h>
#include <zlib.h>
#include <cmocka.h>

#include "live/btf.h"
#include "live/hist.h"
#include "live/kallsyms.h"
#include "live/kcore.h"
#include "live/kernel_image.h"
#include "live/sites.h"
#include "live/trace_format.h"
#include "live/trace_page.h"

static void assert_why(const struct why *why, const char *part)
{
	if (!strstr(why->text, part))
		fail_msg("'%s' does not say '%s'", why->text, part);
}

/* ------------------------------------------------------------------------------------------- */

static int symbols_of_module(const char *text, const char *module, struct kallsyms *all,
			     struct why *why)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text) + !*text, "r");
	int error;

	if (!*text)
		fgetc(file);
	error = kallsyms_read(file, module, all, why);
	fclose(file);
	return error;
}

static int symbols_of(const char *text, struct kallsyms *all, struct why *why)
{
	return symbols_of_module(text, NULL, all, why);
}

static void functions_of_a_module_are_found(void **state)
{
	static const char text[] = "ffffffff81000000 T _text\n"
				   "ffffffffc0002000 t second\t[pamt]\n"
				   "ffffffffc0001000 T first\t[pamt]\n"
				   "ffffffffc0008000 d data\t[pamt]\n"
				   "ffffffffc0009000 t other\t[pamt_selftest]\n";
	struct kallsyms all;
	struct why why;

	assert_int_equal(symbols_of_module(text, "pamt", &all, &why), 0);
	assert_int_equal(all.nr, 2);
	assert_string_equal(all.list[0].name, "first");
	assert_string_equal(all.list[1].name, "second");
	kallsyms_free(&all);
	assert_int_equal(symbols_of_module(text, "kvm", &all, &why), 0);
	assert_int_equal(all.nr, 0);
	kallsyms_free(&all);
}

static void symbols_are_found_by_name_and_by_address(void **state)
{
	struct kallsyms all;
	struct why why;

	assert_int_equal(symbols_of("ffffffff81000100 T b\nffffffff81000000 T _text\n"
				    "0000000000001000 A percpu\n"
				    "ffffffffc0000000 t of_a_module\t[kvm]\n",
				    &all, &why),
			 0);
	assert_int_equal(all.nr, 2);
	assert_int_equal(kallsyms_find(&all, "_text"), 0xffffffff81000000);
	assert_int_equal(kallsyms_find(&all, "of_a_module"), 0);
	assert_string_equal(kallsyms_at(&all, 0xffffffff810000ff)->name, "_text");
	assert_string_equal(kallsyms_at(&all, 0xffffffff81000100)->name, "b");
	assert_null(kallsyms_at(&all, 0xffffffff80ffffff));
	kallsyms_free(&all);
}

static void symbols_without_addresses_are_said(void **state)
{
	struct kallsyms all;
	struct why why;

	assert_int_equal(symbols_of("0000000000000000 T _text\n0000000000000000 T b\n", &all, &why),
			 -1);
	assert_why(&why, "kptr_restrict");
	assert_int_equal(symbols_of("", &all, &why), -1);
	assert_why(&why, "empty");
	assert_int_equal(symbols_of("ffffffff81000000 T _text\nno symbol\n", &all, &why), -1);
	assert_why(&why, "kallsyms:2");
}

/* In text at 0x...1000 of "caller", which begins two bytes before it, calls of 0x...2000. */
static void sites_of(const uint8_t *text, size_t bytes, struct sites *sites)
{
	struct kallsyms all;
	struct sites_search search = { .text = text,
				       .bytes = bytes,
				       .at = 0xffffffff81001000,
				       .routine = { 0xffffffff81002000, 1 },
				       .symbols = &all };
	struct why why;

	*sites = (struct sites){ 0 };
	assert_int_equal(symbols_of("ffffffff81000ffe T caller\n", &all, &why), 0);
	assert_int_equal(sites_in(&search, sites, &why), 0);
	if (sites->nr)
		assert_string_equal(sites->list[0].symbol, "caller");
	/* The names are the symbols'. */
	kallsyms_free(&all);
}

static void calls_of_a_routine_are_found_in_text(void **state)
{
	/* nop; call 0x...2000; an e8 of other bytes; call cut off by the end. */
	const uint8_t text[] = { 0x90, 0xe8, 0xfa, 0x0f, 0, 0, 0xe8, 1, 2, 3, 4, 0xe8, 0xf0, 0x0f };
	struct sites sites;

	sites_of(text, sizeof(text), &sites);
	assert_int_equal(sites.nr, 1);
	assert_int_equal(sites.list[0].offset, 3);
	sites_of(text, 4, &sites);
	assert_int_equal(sites.nr, 0);
}

/* A tool that was killed left its probes, and the next one saw no CALL in all of the kernel. */
static void a_call_under_a_probe_is_a_call(void **state)
{
	const uint8_t text[] = { 0x90, 0xcc, 0xfa, 0x0f, 0, 0, 0xcc, 0xcc, 0xcc, 0xcc, 0xcc };
	struct sites sites;

	sites_of(text, sizeof(text), &sites);
	assert_int_equal(sites.nr, 1);
	assert_int_equal(sites.list[0].offset, 3);
}

/* ------------------------------------------------------------------------------------------- */

static void segments_of_a_core_file(void **state)
{
	struct {
		Elf64_Ehdr head;
		Elf64_Phdr segment[2];
	} file = {
		.head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64 },
			  .e_type = ET_CORE,
			  .e_phoff = sizeof(Elf64_Ehdr),
			  .e_phentsize = sizeof(Elf64_Phdr),
			  .e_phnum = 2 },
		.segment = { { .p_type = PT_LOAD,
			       .p_vaddr = 0xffffffff81000000,
			       .p_paddr = 0x1000000,
			       .p_memsz = 0x1000 },
			     { .p_type = PT_LOAD,
			       .p_vaddr = 0xff11000000100000,
			       .p_paddr = 0x100000,
			       .p_memsz = 0x1000 } },
	};
	struct kcore kcore;
	struct why why;

	assert_int_equal(kcore_parse(&file, sizeof(file), &kcore, &why), 0);
	assert_int_equal(kcore.nr, 2);
	assert_int_equal(kcore_direct_map(&kcore), 0xff11000000000000);
	for (size_t size = 0; size < sizeof(file); size++)
		assert_int_equal(kcore_parse(&file, size, &kcore, &why), -1);
	file.head.e_phoff = UINT64_MAX;
	assert_int_equal(kcore_parse(&file, sizeof(file), &kcore, &why), -1);
	file.head.e_ident[0] = 0;
	assert_int_equal(kcore_parse(&file, sizeof(file), &kcore, &why), -1);
	assert_why(&why, "ELF");
}

/* ------------------------------------------------------------------------------------------- */

/* vmlinux with four bytes of text, and two notes, the second one its build ID. */
struct small_kernel {
	Elf64_Ehdr head;
	Elf64_Phdr segment[2];
	uint8_t text[4];
	Elf64_Nhdr other;
	char other_name[8], other_desc[4];
	Elf64_Nhdr id;
	char id_name[4];
	uint8_t id_desc[8]; /* the last one is padding */
};

static const struct small_kernel small_kernel = {
	.head = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64 },
		  .e_type = ET_EXEC,
		  .e_phoff = offsetof(struct small_kernel, segment),
		  .e_phentsize = sizeof(Elf64_Phdr),
		  .e_phnum = 2 },
	.segment = { { .p_type = PT_LOAD,
		       .p_vaddr = 0xffffffff81000000,
		       .p_offset = offsetof(struct small_kernel, text),
		       .p_filesz = 4 },
		     { .p_type = PT_NOTE,
		       .p_offset = offsetof(struct small_kernel, other),
		       .p_filesz = sizeof(struct small_kernel) -
				   offsetof(struct small_kernel, other) } },
	.text = { 1, 2, 3, 4 },
	.other = { 6, 1, NT_GNU_BUILD_ID },
	.other_name = "Linux",
	.id = { 4, 7, NT_GNU_BUILD_ID },
	.id_name = "GNU",
	.id_desc = { 9, 8, 7, 6, 5, 4, 3 },
};

static void assert_text_of_kernel(const struct kernel_image *image)
{
	assert_int_equal(image->first, 0xffffffff81000000);
	assert_int_equal(*kernel_image_at(image, 0xffffffff81000001, 3), 2);
	assert_null(kernel_image_at(image, 0xffffffff81000001, 4));
	assert_null(kernel_image_at(image, 0xffffffff80ffffff, 1));
	assert_null(kernel_image_at(image, 0xffffffff81000001, SIZE_MAX));
	assert_int_equal(kernel_image_id(image).bytes, 7);
	assert_memory_equal(kernel_image_id(image).id, small_kernel.id_desc, 7);
}

/* A bzImage of one sector of setup code, whose payload begins 16 bytes into the rest. Its bytes. */
static size_t small_bzimage(uint8_t file[4096])
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)&small_kernel,
		       .avail_in = sizeof(small_kernel) };
	const uint32_t at = 16;
	uint32_t length;

	memset(file, 0, 4096);
	assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY),
			 Z_OK);
	z.next_out = file + 2 * 512 + at;
	z.avail_out = 4096 - 2 * 512 - at;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	length = (uint32_t)z.total_out;
	deflateEnd(&z);
	file[0x1f1] = 1;
	memcpy(file + 0x202, "HdrS", 4);
	memcpy(file + 0x248, &at, 4);
	memcpy(file + 0x24c, &length, 4);
	return 2 * 512 + at + length;
}

static void text_of_a_kernels_file(void **state)
{
	uint8_t file[4096], *copy;
	const size_t bytes = small_bzimage(file);
	struct kernel_image image;
	struct why why;

	assert_int_equal(kernel_image_parse((const uint8_t *)&small_kernel, sizeof(small_kernel),
					    &image, &why),
			 0);
	assert_text_of_kernel(&image);
	kernel_image_free(&image);
	assert_int_equal(kernel_image_parse(file, bytes, &image, &why), 0);
	assert_text_of_kernel(&image);
	kernel_image_free(&image);
	for (size_t size = 0; size < bytes; size++) {
		copy = malloc(size + 1); /* of its own, for a sanitizer */
		memcpy(copy, file, size);
		assert_int_equal(kernel_image_parse(copy, size, &image, &why), -1);
		free(copy);
	}
	file[2 * 512 + 16] = 0xfd;
	assert_int_equal(kernel_image_parse(file, bytes, &image, &why), -1);
	assert_why(&why, "not compressed with gzip");
}

/*
 * Whose file it is was told by the first 64 bytes of a banner, which end in the middle of who built
 * it: another build of the same release passed for the one that runs, with sites of its own.
 */
static void a_kernel_is_told_by_its_build_id(void **state)
{
	struct small_kernel k = small_kernel;
	const size_t at = offsetof(struct small_kernel, other),
		     bytes = offsetof(struct small_kernel, id_desc) + sizeof(k.id_desc) - at;
	struct kernel_image image;
	struct why why;
	uint8_t *copy;

	for (size_t size = 0; size <= bytes; size++) {
		copy = malloc(size + !size);
		memcpy(copy, (const uint8_t *)&k + at, size);
		assert_int_equal(build_id_of(copy, size).bytes, size == bytes ? 7 : 0);
		free(copy);
	}
	k.id.n_descsz = UINT32_MAX;
	assert_int_equal(build_id_of((uint8_t *)&k.other, bytes).bytes, 0);
	k.id.n_descsz = 7;
	k.other.n_namesz = UINT32_MAX;
	assert_int_equal(build_id_of((uint8_t *)&k.other, bytes).bytes, 0);
	k = small_kernel;
	k.segment[1].p_filesz++;
	assert_int_equal(kernel_image_parse((uint8_t *)&k, sizeof(k), &image, &why), 0);
	assert_int_equal(kernel_image_id(&image).bytes, 0);
	kernel_image_free(&image);
	k.segment[1].p_offset = UINT64_MAX;
	assert_int_equal(kernel_image_parse((uint8_t *)&k, sizeof(k), &image, &why), 0);
	assert_int_equal(kernel_image_id(&image).bytes, 0);
	kernel_image_free(&image);
}

/* ------------------------------------------------------------------------------------------- */

/*
 * struct inner { long a; union { long u; int pa; }; };
 * struct outer { long x; typedef of inner vp; };
 */
static const struct {
	uint16_t magic;
	uint8_t version, flags;
	uint32_t length, types, types_bytes, strings, strings_bytes;
	uint32_t type[39];
	char text[40];
} btf_sample = {
	0xeb9f,
	1,
	0,
	24,
	0,
	sizeof(btf_sample.type),
	sizeof(btf_sample.type),
	40,
	{
		1,  1u << 24,	  8,  64, /* 1: int "long" */
		0,  5u << 24 | 2, 8,  6,  1,	     0, 8,  1,
		0, /* 2: union: "u", "pa" */
		11, 4u << 24 | 2, 16, 17, 1,	     0, 0,  2,
		64,		     /* 3: struct "inner": "a", nameless */
		19, 8u << 24,	  3, /* 4: typedef "t" */
		21, 4u << 24 | 2, 24, 27, 1,	     0, 29, 4,
		64,				     /* 5: struct "outer": "x", "vp" */
		0,  2u << 24,	  5,  0,  12u << 24, /* 6: pointer; cut off below */
	},
	"\0long\0u\0pa\0inner\0a\0t\0outer\0x\0vp",
};

static void members_are_found_in_btf(void **state)
{
	/* The last type is a function without its third word: left off. */
	size_t size = sizeof(btf_sample);
	uint8_t bytes[sizeof(btf_sample)];
	struct btf btf = { 0 };
	struct why why;
	uint32_t at, types = sizeof(btf_sample.type) - 2 * sizeof(uint32_t);

	memcpy(bytes, &btf_sample, size);
	memcpy(bytes + 12, &types, sizeof(types));
	assert_int_equal(btf_add(&btf, bytes, size, &why), 0);
	assert_int_equal(btf.nr, 6);
	assert_int_equal(btf_offset(&btf, "outer", "vp.pa", &at, &why), 0);
	assert_int_equal(at, 16);
	assert_int_equal(btf_offset(&btf, "outer", "vp.a", &at, &why), 0);
	assert_int_equal(at, 8);
	assert_int_equal(btf_offset(&btf, "outer", "vp.none", &at, &why), -1);
	assert_why(&why, "struct outer has no member vp.none");
	assert_int_equal(btf_offset(&btf, "outer", "x.y", &at, &why), -1);
	assert_int_equal(btf_offset(&btf, "nothing", "x", &at, &why), -1);
	assert_why(&why, "no struct nothing");
	btf_free(&btf);
}

/* Nameless members are looked through: eight levels of forty of them took longer than anybody
 * waits. */
static void a_structure_that_is_in_itself_is_given_up(void **state)
{
	struct {
		uint16_t magic;
		uint8_t version, flags;
		uint32_t length, types, types_bytes, strings, strings_bytes;
		uint32_t type[3 + 3 * 40];
		char text[4];
	} file = { 0xeb9f,
		   1,
		   0,
		   24,
		   0,
		   sizeof(file.type),
		   sizeof(file.type),
		   4,
		   { 1, 4u << 24 | 40, 8 },
		   "\0a" };
	struct btf btf = { 0 };
	struct why why;
	uint32_t at;

	for (unsigned int i = 0; i < 40; i++)
		file.type[3 + 3 * i + 1] = 1;
	assert_int_equal(btf_add(&btf, (const uint8_t *)&file, sizeof(file), &why), 0);
	assert_int_equal(btf_offset(&btf, "a", "b", &at, &why), -1);
	assert_why(&why, "struct a has no member b");
	btf_free(&btf);
}

static void btf_that_is_cut_or_changed_is_survived(void **state)
{
	uint8_t bytes[sizeof(btf_sample)];
	struct why why;
	uint32_t at;

	for (size_t size = 0; size < sizeof(btf_sample); size++) {
		struct btf btf = { 0 };
		uint8_t *copy = malloc(size + 1); /* of its own, for a sanitizer */

		memcpy(copy, &btf_sample, size);
		assert_int_equal(btf_add(&btf, copy, size, &why), -1);
		btf_free(&btf);
		free(copy);
	}
	for (size_t i = 0; i < 8 * sizeof(btf_sample); i++) {
		struct btf btf = { 0 };

		memcpy(bytes, &btf_sample, sizeof(bytes));
		bytes[i / 8] ^= (uint8_t)(1u << i % 8);
		if (!btf_add(&btf, bytes, sizeof(bytes), &why))
			btf_offset(&btf, "outer", "vp.pa", &at, &why);
		btf_free(&btf);
	}
}

/* ------------------------------------------------------------------------------------------- */

struct seen {
	unsigned int nr;
	struct trace_event event[8];
};

static void see(void *ctx, const struct trace_event *event)
{
	struct seen *seen = ctx;

	if (seen->nr < 8)
		seen->event[seen->nr] = *event;
	seen->nr++;
}

static const uint32_t page_sample[] = {
	1000,	      0,      0,      0, /* time, bytes in use: set below */
	5u << 5 | 1,  0xabcd,		 /* 5 ns later, a word */
	2u << 5 | 30, 1,		 /* 2^27 + 2 later */
	7u << 5 | 0,  8,      0x1234,	 /* 7 ns later, 4 bytes, their length in a word */
	1u << 5 | 29, 8,      0,	 /* a gap of 12 bytes */
	9u << 5 | 31, 2,		 /* it is 2 * 2^27 + 9 now */
	1u << 5 | 1,  0x5555,		 /* 1 ns later */
	29,	      0,		 /* nothing more */
};

static void events_come_out_of_a_page(void **state)
{
	uint32_t page[1024] = { 0 };
	struct seen seen = { 0 };
	struct trace_reader reader = { .event = see, .ctx = &seen };
	struct why why;

	memcpy(page, page_sample, sizeof(page_sample));
	page[2] = sizeof(page_sample) - 16;
	assert_int_equal(trace_page((uint8_t *)page, sizeof(page), &reader, &why), 0);
	assert_false(reader.gap);
	assert_int_equal(seen.nr, 3);
	assert_int_equal(seen.event[0].ns, 1005);
	assert_int_equal(*(const uint32_t *)(const void *)seen.event[0].data, 0xabcd);
	assert_int_equal(seen.event[1].ns, 1005 + (1 << 27) + 2 + 7);
	assert_int_equal(seen.event[1].bytes, 4);
	assert_int_equal(seen.event[2].ns, (2 << 27) + 9 + 1);
	page[2] |= 1u << 31;
	seen.nr = 0;
	assert_int_equal(trace_page((uint8_t *)page, sizeof(page), &reader, &why), 0);
	assert_true(reader.gap);
}

static void pages_that_are_broken_are_survived(void **state)
{
	uint32_t page[1024] = { 0 };
	struct seen seen;
	struct trace_reader reader = { .event = see, .ctx = &seen };
	struct why why;

	memcpy(page, page_sample, sizeof(page_sample));
	page[2] = sizeof(page_sample) - 16;
	for (size_t i = 64; i < 8 * sizeof(page_sample); i++) {
		uint8_t *copy = malloc(sizeof(page_sample));

		memcpy(copy, page, sizeof(page_sample));
		copy[i / 8] ^= (uint8_t)(1u << i % 8);
		seen.nr = 0;
		trace_page(copy, sizeof(page_sample), &reader, &why);
		free(copy);
	}
	page[2] = 5000;
	assert_int_equal(trace_page((uint8_t *)page, sizeof(page), &reader, &why), -1);
	assert_why(&why, "5000 bytes");
	assert_int_equal(trace_page((uint8_t *)page, 15, &reader, &why), -1);
}

static void format_of_an_event(void **state)
{
	static const char text[] =
		"name: pamt_record_in\nID: 812\nformat:\n"
		"\tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;\n"
		"\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n"
		"\tfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n"
		"\tfield:u64 fn;\toffset:16;\tsize:8;\tsigned:0;\n"
		"\tfield:u64 in[6];\toffset:24;\tsize:48;\tsigned:0;\n\n"
		"print fmt: \"(%lx) fn=0x%Lx\", REC->__probe_ip, REC->fn\n";
	struct trace_format format;
	struct why why;
	uint32_t at;

	assert_int_equal(trace_format_read(text, &format, &why), 0);
	assert_int_equal(format.id, 812);
	assert_string_equal(format.name, "pamt_record_in");
	assert_int_equal(trace_format_find(&format, "in", 48, &at, &why), 0);
	assert_int_equal(at, 24);
	assert_int_equal(trace_format_find(&format, "in", 104, &at, &why), -1);
	assert_why(&why, "no field in of 104 bytes");
	assert_int_equal(trace_format_read("", &format, &why), -1);
	assert_int_equal(
		trace_format_read("name: x\nID: 1\nfield:u64 fn; offset:x;\n", &format, &why), -1);
	assert_why(&why, "cannot be read");
	/* The end of such a field was before its beginning, and events too short for it were read.
	 */
	assert_int_equal(
		trace_format_read("name: x\nID: 1\nfield:u64 fn; offset:4294967290; size:8;\n",
				  &format, &why),
		-1);
	assert_why(&why, "outside of any event");
}

/* ------------------------------------------------------------------------------------------- */

struct counted {
	unsigned int nr;
	struct hist_entry entry[4];
};

static void count(void *ctx, const struct hist_entry *entry)
{
	struct counted *counted = ctx;

	counted->entry[counted->nr++ % 4] = *entry;
}

static void histograms_of_an_event(void **state)
{
	static const char text[] =
		"# event histogram\n#\n# trigger info: hist:keys=fn.hex,rax.hex [active]\n#\n\n"
		"{ fn:         3a, rax:          0 } hitcount:         30\n"
		"{ fn:      10016, rax: c000010000000008 } hitcount:          1\n\n"
		"Totals:\n    Hits: 31\n    Entries: 2\n    Dropped: 4\n\n"
		"# event histogram\n#\n# trigger info: hist:keys=rcx.hex [active]\n#\n\n"
		"{ rcx:   40000001 } hitcount:          2\n\n"
		"Totals:\n    Hits: 2\n    Entries: 1\n    Dropped: 1\n";
	static const char *const bad[] = { "{\n", "{ fn: 3a }\n", "{ fn: 3a, rax: } hitcount: 1\n",
					   "{ fn: 3a, rax: 0 } hitcount: x\n",
					   "{ a: 1, b: 2, c: 3 } hitcount: 1\n" };
	struct counted counted = { 0 };
	uint64_t dropped = 0;
	struct why why;

	assert_int_equal(hist_read(text, count, &counted, &dropped, &why), 0);
	assert_int_equal(counted.nr, 3);
	assert_string_equal(counted.entry[0].name[0], "fn");
	assert_int_equal(counted.entry[0].hits, 30);
	assert_int_equal(counted.entry[1].key[0], 0x10016);
	assert_int_equal(counted.entry[1].key[1], 0xc000010000000008);
	assert_string_equal(counted.entry[2].name[0], "rcx");
	assert_string_equal(counted.entry[2].name[1], "");
	assert_int_equal(counted.entry[2].hits, 2);
	assert_int_equal(dropped, 5);
	for (unsigned int i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(hist_read(bad[i], count, &counted, &dropped, &why), -1);
		assert_why(&why, "cannot be read");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(functions_of_a_module_are_found),
		cmocka_unit_test(symbols_are_found_by_name_and_by_address),
		cmocka_unit_test(symbols_without_addresses_are_said),
		cmocka_unit_test(calls_of_a_routine_are_found_in_text),
		cmocka_unit_test(a_call_under_a_probe_is_a_call),
		cmocka_unit_test(segments_of_a_core_file),
		cmocka_unit_test(text_of_a_kernels_file),
		cmocka_unit_test(a_kernel_is_told_by_its_build_id),
		cmocka_unit_test(members_are_found_in_btf),
		cmocka_unit_test(a_structure_that_is_in_itself_is_given_up),
		cmocka_unit_test(btf_that_is_cut_or_changed_is_survived),
		cmocka_unit_test(events_come_out_of_a_page),
		cmocka_unit_test(pages_that_are_broken_are_survived),
		cmocka_unit_test(format_of_an_event),
		cmocka_unit_test(histograms_of_an_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
