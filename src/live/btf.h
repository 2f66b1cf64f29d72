/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * btf.h - places of members in the kernel's structures, out of its BTF.
 */
#ifndef PAMT_LIVE_BTF_H
#define PAMT_LIVE_BTF_H

#include <stddef.h>
#include <stdint.h>

#include "live/why.h"

/* The kernel's, and on top of it possibly a module's, which counts on from there. */
struct btf {
	uint32_t nr, room;     /* types, the first is number 1 */
	const uint8_t **type;  /* [0 .. nr-1] */
	unsigned int nr_parts; /* 1 or 2 */
	struct {
		const char *strings; /* ends with 0 */
		uint32_t bytes;
	} part[2];
};

/*
 * Adds what /sys/kernel/btf/vmlinux, or then /sys/kernel/btf/MODULE holds; the bytes have to stay.
 * Return: -1: it is no BTF, or broken.
 */
int btf_add(struct btf *btf, const uint8_t *bytes, size_t size, struct why *why);
void btf_free(struct btf *btf);
/*
 * btf_offset - where a member is, in bytes from the beginning of a structure.
 * @path: members with dots between them, "vp.tdvpr_pa"; those of nameless members are found
 * Return: -1: there is no such structure, or no such member of it that begins at a byte.
 */
int btf_offset(const struct btf *btf, const char *structure, const char *path, uint32_t *offset,
	       struct why *why);

#endif
