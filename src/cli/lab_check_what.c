// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check_what.c - which hunt something is of: the build of pamt-lab, and the line that says all
 * that is explored. Both have to be the same where results are put together or gone on with.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/lab_check.h"

uint64_t check_hash(uint64_t hash, const void *data, size_t size)
{
	const unsigned char *byte = data;

	/* FNV-1a. */
	while (size--)
		hash = (hash ^ *byte++) * UINT64_C(0x100000001b3);
	return hash;
}

bool check_build(char text[CHECK_BUILD])
{
	FILE *self = fopen("/proc/self/exe", "rb");
	uint64_t hash = CHECK_HASH;
	char part[65536];
	size_t size;
	bool failed;

	while (self && (size = fread(part, 1, sizeof(part), self)) > 0)
		hash = check_hash(hash, part, size);
	failed = !self || ferror(self);
	if (self)
		fclose(self);
	snprintf(text, CHECK_BUILD, "%016llx", (unsigned long long)hash);
	return !failed;
}

void check_differ(const char *here, const char *there, char text[CHECK_DIFFER])
{
	size_t at = 0, end_here, end_there;

	for (size_t i = 0; here[i] && here[i] == there[i]; i++)
		if (here[i] == ';')
			at = i + 1;
	end_here = strcspn(here + at, ";");
	end_there = strcspn(there + at, ";");
	snprintf(text, CHECK_DIFFER, "%.*s, and here it is %.*s", (int)end_there, there + at,
		 (int)end_here, here + at);
}
