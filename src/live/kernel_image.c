// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * kernel_image.c - a kernel's text out of its file.
 *
 * In a bzImage a header says where the payload is, behind the sectors of the setup code; the
 * payload is the ELF file vmlinux without its symbols, compressed.
 */
#include <elf.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "live/kernel_image.h"
#include "live/tracefs.h"

#define SECTOR	       512u
#define SETUP_SECTORS  0x1f1
#define MAGIC_AT       0x202
#define PAYLOAD_AT     0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250
#define MOST_BYTES     ((size_t)512 << 20)

static uint32_t word_at(const uint8_t *at)
{
	uint32_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

static int inflate_all(const uint8_t *from, size_t size, struct kernel_image *image,
		       struct why *why)
{
	z_stream z = { .next_in = (Bytef *)(uintptr_t)from, .avail_in = (uInt)size };
	size_t room = 0;
	int end = Z_OK;

	if (inflateInit2(&z, MAX_WBITS + 16))
		return why_not(why, "zlib has no memory");
	while (end == Z_OK) {
		uint8_t *more = room < MOST_BYTES
					? realloc(image->elf, room = room ? 2 * room : 1 << 24)
					: NULL;

		if (!more)
			break;
		image->elf = more;
		z.next_out = more + z.total_out;
		z.avail_out = (uInt)(room - z.total_out);
		end = inflate(&z, Z_NO_FLUSH);
	}
	image->bytes = z.total_out;
	inflateEnd(&z);
	return end == Z_STREAM_END ? 0 : why_not(why, "its payload is broken, or cut short");
}

/* Out of a bzImage. */
static int unpack(const uint8_t *file, size_t bytes, struct kernel_image *image, struct why *why)
{
	static const uint8_t gzip[] = { 0x1f, 0x8b };
	size_t sectors, at, length;

	if (bytes < HEADER_END || memcmp(file + MAGIC_AT, "HdrS", 4))
		return why_not(why, "neither a bzImage nor vmlinux");
	sectors = file[SETUP_SECTORS] ? file[SETUP_SECTORS] : 4;
	at = (sectors + 1) * SECTOR + word_at(file + PAYLOAD_AT);
	length = word_at(file + PAYLOAD_LENGTH);
	if (at > bytes || length > bytes - at || length < sizeof(gzip))
		return why_not(why, "a bzImage that is cut short");
	if (memcmp(file + at, gzip, sizeof(gzip)))
		return why_not(why, "a bzImage that is not compressed with gzip; allowed besides: "
				    "vmlinux, as scripts/extract-vmlinux of Linux's source takes "
				    "it out");
	return inflate_all(file + at, length, image, why);
}

/* A segment that is loaded, by its number; false: there are no more. */
static bool segment(const struct kernel_image *image, unsigned int number, Elf64_Phdr *one)
{
	Elf64_Ehdr head;

	memcpy(&head, image->elf, sizeof(head));
	if (number >= head.e_phnum || head.e_phentsize != sizeof(*one) ||
	    head.e_phoff > image->bytes ||
	    (number + 1) * sizeof(*one) > image->bytes - head.e_phoff)
		return false;
	memcpy(one, image->elf + head.e_phoff + number * sizeof(*one), sizeof(*one));
	return true;
}

static int check_elf(struct kernel_image *image, struct why *why)
{
	Elf64_Phdr one;

	if (image->bytes < sizeof(Elf64_Ehdr) || memcmp(image->elf, ELFMAG, SELFMAG) ||
	    image->elf[EI_CLASS] != ELFCLASS64)
		return why_not(why, "no ELF file of 64 bits is in it");
	for (unsigned int i = 0; segment(image, i, &one); i++)
		if (one.p_type == PT_LOAD) {
			image->first = one.p_vaddr;
			return 0;
		}
	return why_not(why, "its ELF file has no segments");
}

int kernel_image_parse(const uint8_t *file, size_t bytes, struct kernel_image *image,
		       struct why *why)
{
	int error = 0;

	*image = (struct kernel_image){ 0 };
	if (bytes >= SELFMAG && !memcmp(file, ELFMAG, SELFMAG)) {
		image->elf = malloc(bytes);
		if (!image->elf)
			return why_not(why, "out of memory");
		memcpy(image->elf, file, bytes);
		image->bytes = bytes;
	} else {
		error = unpack(file, bytes, image, why);
	}
	if (!error)
		error = check_elf(image, why);
	if (error)
		kernel_image_free(image);
	return error;
}

int kernel_image_read(const char *path, struct kernel_image *image, struct why *why)
{
	struct why inner;
	size_t bytes;
	uint8_t *file = (uint8_t *)live_read_file(path, &bytes, why);
	int error;

	if (!file)
		return -1;
	error = kernel_image_parse(file, bytes, image, &inner);
	free(file);
	return error ? why_not(why, "%s: %s", path, inner.text) : 0;
}

void kernel_image_free(struct kernel_image *image)
{
	free(image->elf);
	*image = (struct kernel_image){ 0 };
}

const uint8_t *kernel_image_at(const struct kernel_image *image, uint64_t at, size_t bytes)
{
	Elf64_Phdr one;

	for (unsigned int i = 0; segment(image, i, &one); i++) {
		uint64_t in = at - one.p_vaddr;

		if (one.p_type != PT_LOAD || at < one.p_vaddr || in > one.p_filesz ||
		    bytes > one.p_filesz - in || one.p_offset > image->bytes ||
		    in + bytes > image->bytes - one.p_offset)
			continue;
		return image->elf + one.p_offset + in;
	}
	return NULL;
}
