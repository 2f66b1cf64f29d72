/* SPDX-License-Identifier: GPL-2.0-only OR MIT */
/*
 * kernel_image.h - a kernel's text out of its file, for what the running one has given back: the
 * functions that bring TDX up are among those that are freed when the kernel is up.
 */
#ifndef PAMT_LIVE_KERNEL_IMAGE_H
#define PAMT_LIVE_KERNEL_IMAGE_H

#include <stddef.h>
#include <stdint.h>

#include "live/why.h"

struct kernel_image {
	uint8_t *elf;
	size_t bytes;
	uint64_t first; /* virtual address of its first segment, where _text is linked to */
};

/* What the linker puts into a kernel to tell it from any other: a hash of what it linked. */
#define BUILD_ID_BYTES 64u
struct build_id {
	size_t bytes; /* 0: there is none */
	uint8_t id[BUILD_ID_BYTES];
};

/* Out of notes as ELF has them, and /sys/kernel/notes. */
struct build_id build_id_of(const uint8_t *notes, size_t bytes);

/*
 * A bzImage whose payload is compressed with gzip, or the ELF file vmlinux, stripped or not.
 * Return: 0, to be freed; -1: it is neither.
 */
int kernel_image_read(const char *path, struct kernel_image *image, struct why *why);
/* The same of a file in memory. */
int kernel_image_parse(const uint8_t *file, size_t bytes, struct kernel_image *image,
		       struct why *why);
void kernel_image_free(struct kernel_image *image);
struct build_id kernel_image_id(const struct kernel_image *image);
/* What is linked to a virtual address; NULL: not all of it is in the file. */
const uint8_t *kernel_image_at(const struct kernel_image *image, uint64_t at, size_t bytes);

#endif
