// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * kernel_image.c - a kernel's text out of its file.
 *
 * In a bzImage a header says where the payload is, behind the sectors of the setup code; the
 * payload is the ELF file vmlinux without its symbols, compressed.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "live/kernel_image.h"

#define SECTOR	       512u
#define SETUP_SECTORS  0x1f1
#define MAGIC_AT       0x202
#define PAYLOAD_AT     0x248
#define PAYLOAD_LENGTH 0x24c
#define HEADER_END     0x250
#define FIRST_BYTES    ((size_t)1 << 20)   /* room for what is unpacked, doubled up to: */
#define MOST_BYTES     ((size_t)512 << 20) /* ... without what a debugger needs */
#define MOST_OF_FILE   ((size_t)4 << 30)   /* and with it */

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
	int end = Z_OK;

	if (inflateInit2(&z, MAX_WBITS + 16))
		return why_not(why, "zlib has no memory");
	for (size_t room = FIRST_BYTES; end == Z_OK && room <= MOST_BYTES; room *= 2) {
		uint8_t *more = realloc(image->elf, room);

		if (!more) {
			end = Z_MEM_ERROR;
			break;
		}
		image->elf = more;
		z.next_out = more + z.total_out;
		z.avail_out = (uInt)(room - z.total_out);
		end = inflate(&z, Z_NO_FLUSH);
	}
	image->bytes = z.total_out;
	inflateEnd(&z);
	if (end == Z_STREAM_END)
		return 0;
	return why_not(why, "its payload %s",
		       end == Z_MEM_ERROR ? "does not fit into memory"
		       : end == Z_OK	  ? "is more than 512 MB: no kernel"
					  : "is broken, or cut short");
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

/* All of a file, as far as it goes. */
static size_t read_up_to(int fd, uint8_t *to, size_t most)
{
	size_t bytes = 0;
	ssize_t n;

	while ((n = read(fd, to + bytes, most - bytes)) > 0)
		bytes += (size_t)n;
	return bytes;
}

/* Of a file that somebody named: no pipe is waited for, and nothing is read that has no end. */
static uint8_t *read_file(const char *path, size_t *bytes, struct why *why)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	uint8_t *file = NULL;
	struct stat stat;

	if (fd < 0 || fstat(fd, &stat))
		why_not(why, "%s", strerror(errno));
	else if (!S_ISREG(stat.st_mode))
		why_not(why, "not a file");
	else if ((uint64_t)stat.st_size > MOST_OF_FILE)
		why_not(why, "more than 4 GB: no kernel");
	else if (!(file = malloc((size_t)stat.st_size + 1)))
		why_not(why, "out of memory");
	else
		*bytes = read_up_to(fd, file, (size_t)stat.st_size);
	if (fd >= 0)
		close(fd);
	return file;
}

int kernel_image_read(const char *path, struct kernel_image *image, struct why *why)
{
	struct why inner;
	size_t bytes;
	uint8_t *file = read_file(path, &bytes, &inner);
	int error = file ? kernel_image_parse(file, bytes, image, &inner) : -1;

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

/* Bytes of a part of a note, which ends at a multiple of 4. */
static uint64_t note_part(uint32_t bytes) { return ((uint64_t)bytes + 3) & ~UINT64_C(3); }

struct build_id build_id_of(const uint8_t *notes, size_t bytes)
{
	struct build_id id = { 0 };
	Elf64_Nhdr note;

	for (size_t at = 0; bytes - at >= sizeof(note);) {
		uint64_t name, desc;

		memcpy(&note, notes + at, sizeof(note));
		at += sizeof(note);
		name = note_part(note.n_namesz);
		desc = note_part(note.n_descsz);
		if (name + desc > bytes - at)
			break;
		if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
		    !memcmp(notes + at, "GNU", 4) && note.n_descsz <= sizeof(id.id)) {
			id.bytes = note.n_descsz;
			memcpy(id.id, notes + at + name, id.bytes);
			break;
		}
		at += name + desc;
	}
	return id;
}

struct build_id kernel_image_id(const struct kernel_image *image)
{
	struct build_id id = { 0 };
	Elf64_Phdr one;

	for (unsigned int i = 0; !id.bytes && segment(image, i, &one); i++)
		if (one.p_type == PT_NOTE && one.p_offset <= image->bytes &&
		    one.p_filesz <= image->bytes - one.p_offset)
			id = build_id_of(image->elf + one.p_offset, one.p_filesz);
	return id;
}
