/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * kcore.h - the kernel's memory by virtual address, out of /proc/kcore.
 */
#ifndef PAMT_LIVE_KCORE_H
#define PAMT_LIVE_KCORE_H

#include <stddef.h>
#include <stdint.h>

#include "live/why.h"

#define KCORE_SEGMENTS 256u

struct kcore_segment {
	uint64_t at, size; /* virtual address, bytes */
	uint64_t offset;   /* in the file */
	uint64_t physical; /* UINT64_MAX: it has none */
};

struct kcore {
	int fd;
	unsigned int nr;
	struct kcore_segment segment[KCORE_SEGMENTS];
};

/* The segments of an ELF core file's first bytes. Return: -1: it is none, or has too many. */
int kcore_parse(const void *bytes, size_t size, struct kcore *kcore, struct why *why);
int kcore_open(const char *path, struct kcore *kcore, struct why *why);
void kcore_close(struct kcore *kcore);
int kcore_read(const struct kcore *kcore, uint64_t at, void *to, size_t bytes, struct why *why);
/* What is to be added to a physical address of RAM for the kernel's view of it; 0: not known. */
uint64_t kcore_direct_map(const struct kcore *kcore);

#endif
