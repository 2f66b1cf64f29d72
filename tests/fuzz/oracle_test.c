// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * oracle_test.c - the naive model and the recordings: what it predicts is what the module does, in
 * every recording of the folders given. And the judge can object: metadata that are changed behind
 * the module's back, and the answers that come of it, are found.
 */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "judge.h"

static int judge_file(const char *folder, const char *name, struct verdict *total)
{
	char path[1024], error[512];
	struct vector vector;
	struct verdict v;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	file = fopen(path, "r");
	if (!file || vector_read(file, name, &vector, error, sizeof(error))) {
		fprintf(stderr, "%s: %s\n", path, file ? error : "cannot open");
		if (file)
			fclose(file);
		return 1;
	}
	fclose(file);
	v = judge(&vector, false);
	if (v.item)
		printf("%s:%u: %s\n  %s\n", path, v.item->line, v.what, v.item->text);
	total->agreed += v.agreed;
	total->unknown += v.unknown;
	vector_free(&vector);
	return v.item != NULL;
}

static int is_recording(const struct dirent *entry)
{
	return strstr(entry->d_name, ".vec") != NULL;
}

static int judge_folder(const char *folder, struct verdict *total)
{
	struct dirent **names;
	int failed = 0, nr = scandir(folder, &names, is_recording, alphasort);

	if (nr <= 0) {
		fprintf(stderr, "%s: no recordings\n", folder);
		return 1;
	}
	for (int i = 0; i < nr; i++) {
		failed += judge_file(folder, names[i]->d_name, total);
		free(names[i]);
	}
	free(names);
	return failed;
}

#define BRING_UP                                                                              \
	"machine max_pa=46 hkid_bits=6 hkid_min=0x20 hkid_max=0x3f lps=1 packages=1 "         \
	"cache_blocks=1 seamrr=0x8000000000+0x100000 cmr=0x100000+0x77f00000,"                \
	"0x100000000+0x80000000\n"                                                            \
	"poke64 0x1000000 0x1001000\npoke64 0x1001000 0x100000000\n"                          \
	"poke64 0x1001008 0x40000000\npoke64 0x1001010 0x70000000\npoke64 0x1001018 0x1000\n" \
	"poke64 0x1001020 0x70001000\npoke64 0x1001028 0x2000\n"                              \
	"poke64 0x1001030 0x70400000\npoke64 0x1001038 0x8000\n"                              \
	"call 45 rcx=0x1000000 rdx=1 r8=0x10021 -> *\ncall 31 -> *\n"                         \
	"init-tdmr 0x100000000 calls=64\n"                                                    \
	"call 58 rcx=0x100000001 rdx=0x110000000 r8=0x110001000 -> *\n"

/* Each ends with the line that must be objected to. */
static const char *const wrong[] = {
	/* the pair is gone from the 2M entry: RDMD says so, the model knows better */
	BRING_UP "poke64 0x70001000 0\ncall 24 rcx=0x100000001 -> *\n",
	/* nobody asks, but the metadata are compared at the end */
	BRING_UP "poke64 0x70001000 0\n",
	BRING_UP "poke64 0x70402000 0\n", /* the bits of the donated pages */
	/* a page count of 1 where nothing is used */
	BRING_UP "poke64 0x70001008 0x1100010001\n",
	/* a status: the second page is not donated any more and can be taken */
	BRING_UP "poke64 0x70402000 1\n"
		 "call 58 rcx=0x100200001 rdx=0x110001000 r8=0x110002000 -> *\n",
};

static int objects(const char *text)
{
	FILE *file = fmemopen((void *)(uintptr_t)text, strlen(text), "r");
	char error[512];
	struct vector vector;
	struct verdict v;
	size_t last;

	if (!file || vector_read(file, "wrong", &vector, error, sizeof(error))) {
		fprintf(stderr, "%s\n", file ? error : "no memory");
		return 1;
	}
	fclose(file);
	v = judge(&vector, true);
	last = vector.nr_items - 1;
	if (v.item != &vector.items[last])
		printf("no objection to: %s\n", vector.items[last].text);
	last = v.item != &vector.items[last];
	vector_free(&vector);
	return (int)last;
}

int main(int argc, char **argv)
{
	struct verdict total = { 0 };
	int failed = 0;

	if (argc < 2) {
		fprintf(stderr, "usage: oracle_test FOLDER...\n");
		return 2;
	}
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		failed += objects(wrong[i]);
	for (int i = 1; i < argc; i++)
		failed += judge_folder(argv[i], &total);
	printf("figure: naive model: %" PRIu64 " calls predicted, %" PRIu64
	       " without an opinion, %d failed\n",
	       total.agreed, total.unknown, failed);
	return failed != 0;
}
