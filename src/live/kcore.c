// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * kcore.c - the kernel's memory, out of /proc/kcore: an ELF core file whose loadable segments are
 * the kernel's text, its modules, and all RAM at its place in the direct map.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "live/kcore.h"

/* The kernel's text and all above it: no direct map of x86-64 reaches there. */
#define KERNEL_TEXT UINT64_C(0xffffffff80000000)
#define HEAD_BYTES  (sizeof(Elf64_Ehdr) + 2 * KCORE_SEGMENTS * sizeof(Elf64_Phdr))

int kcore_parse(const void *bytes, size_t size, struct kcore *kcore, struct why *why)
{
	Elf64_Ehdr head;
	Elf64_Phdr one;

	kcore->nr = 0;
	if (size < sizeof(head))
		return why_not(why, "kcore: too short for an ELF file");
	memcpy(&head, bytes, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) || head.e_ident[EI_CLASS] != ELFCLASS64 ||
	    head.e_type != ET_CORE || head.e_phentsize != sizeof(one))
		return why_not(why, "kcore: no ELF core file of 64 bits");
	if (head.e_phoff > size || head.e_phnum > (size - head.e_phoff) / sizeof(one))
		return why_not(why, "kcore: %u segments, and not all are there", head.e_phnum);
	for (unsigned int i = 0; i < head.e_phnum; i++) {
		memcpy(&one, (const char *)bytes + head.e_phoff + i * sizeof(one), sizeof(one));
		if (one.p_type != PT_LOAD)
			continue;
		if (kcore->nr == KCORE_SEGMENTS)
			return why_not(why, "kcore: more than %u segments", KCORE_SEGMENTS);
		kcore->segment[kcore->nr++] = (struct kcore_segment){ one.p_vaddr, one.p_memsz,
								      one.p_offset, one.p_paddr };
	}
	return 0;
}

int kcore_open(const char *path, struct kcore *kcore, struct why *why)
{
	char *head = malloc(HEAD_BYTES);
	ssize_t bytes;
	int error;

	if (!head)
		return why_not(why, "out of memory");
	kcore->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (kcore->fd < 0) {
		free(head);
		return why_not(why, "%s: %s%s", path, strerror(errno),
			       errno == EPERM ? " (is the kernel locked down?)" : "");
	}
	bytes = pread(kcore->fd, head, HEAD_BYTES, 0);
	error = bytes < 0 ? why_not(why, "%s: %s", path, strerror(errno))
			  : kcore_parse(head, (size_t)bytes, kcore, why);
	free(head);
	if (error)
		kcore_close(kcore);
	return error;
}

void kcore_close(struct kcore *kcore) { close(kcore->fd); }

int kcore_read(const struct kcore *kcore, uint64_t at, void *to, size_t bytes, struct why *why)
{
	for (unsigned int i = 0; i < kcore->nr; i++) {
		const struct kcore_segment *s = &kcore->segment[i];
		size_t done = 0;

		if (at < s->at || at - s->at >= s->size || s->size - (at - s->at) < bytes)
			continue;
		while (done < bytes) {
			ssize_t n = pread(kcore->fd, (char *)to + done, bytes - done,
					  (off_t)(s->offset + (at - s->at) + done));

			if (n <= 0)
				return why_not(why, "kcore: cannot read 0x%llx: %s",
					       (unsigned long long)(at + done),
					       n ? strerror(errno) : "it ends there");
			done += (size_t)n;
		}
		return 0;
	}
	return why_not(why, "kcore: nothing at 0x%llx", (unsigned long long)at);
}

uint64_t kcore_direct_map(const struct kcore *kcore)
{
	for (unsigned int i = 0; i < kcore->nr; i++) {
		const struct kcore_segment *s = &kcore->segment[i];

		if (s->at < KERNEL_TEXT && s->physical != UINT64_MAX)
			return s->at - s->physical;
	}
	return 0;
}
