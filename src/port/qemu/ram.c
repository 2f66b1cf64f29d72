// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * ram.c - guest physical memory out of files that QEMU has mapped too, laid out as q35.h says.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "port/qemu/q35.h"
#include "port/qemu/ram.h"

#define LOW_MEMORY (UINT64_C(1) << 20)

static struct {
	unsigned int nr;
	struct file {
		uint8_t *at;
		uint64_t first, bytes; /* offset in the whole */
	} file[MEMORY_MAX_FILES];
	uint64_t bytes, low_bytes;
} memory;

bool memory_add(const char *path)
{
	struct file *file = &memory.file[memory.nr];
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat stat;

	if (memory.nr == MEMORY_MAX_FILES) {
		fprintf(stderr, "pamt-qemu: more than %u memory files\n", MEMORY_MAX_FILES);
		return false;
	}
	if (fd < 0 || fstat(fd, &stat)) {
		fprintf(stderr, "pamt-qemu: ram=%s: %s\n", path, strerror(errno));
		return false;
	}
	file->first = memory.bytes;
	file->bytes = (uint64_t)stat.st_size;
	file->at = mmap(NULL, file->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (!file->bytes || file->at == MAP_FAILED) {
		fprintf(stderr, "pamt-qemu: ram=%s: cannot be mapped: %s\n", path,
			file->bytes ? strerror(errno) : "it is empty");
		return false;
	}
	memory.bytes += file->bytes;
	memory.nr++;
	return true;
}

bool memory_place(uint64_t most_low)
{
	if (memory.bytes <= LOW_MEMORY) {
		fprintf(stderr, "pamt-qemu: no memory: name its files with ram=FILE\n");
		return false;
	}
	memory.low_bytes = q35_low_bytes(memory.bytes, most_low);
	return true;
}

uint64_t memory_end(void)
{
	if (memory.low_bytes == memory.bytes)
		return memory.bytes;
	return Q35_ABOVE_HOLE + memory.bytes - memory.low_bytes;
}

void memory_cmrs(struct tdx_cmr *cmr)
{
	cmr[0] = (struct tdx_cmr){ LOW_MEMORY, memory.low_bytes - LOW_MEMORY };
	if (memory.low_bytes != memory.bytes)
		cmr[1] = (struct tdx_cmr){ Q35_ABOVE_HOLE, memory.bytes - memory.low_bytes };
}

/* NULL: no RAM there. */
static uint8_t *find(uint64_t at)
{
	uint64_t offset = at;

	if (at >= Q35_ABOVE_HOLE)
		offset = at - Q35_ABOVE_HOLE + memory.low_bytes;
	else if (at >= memory.low_bytes)
		return NULL;
	for (unsigned int i = 0; i < memory.nr; i++) {
		const struct file *file = &memory.file[i];

		if (offset - file->first < file->bytes)
			return file->at + (offset - file->first);
	}
	return NULL;
}

/* ------------------------------------------------------------------------------------------- */

static void *alloc(void *ctx, size_t bytes) { return calloc(1, bytes); }
static void free_object(void *ctx, void *object) { free(object); }

/* Nothing of the module's is where there is no RAM: what is stored there may be anything. */
static void *map(void *ctx, tdx_hpa_t at, enum os_access access)
{
	static uint8_t nowhere[TDX_PAGE_SIZE];
	uint8_t *found = find(at.v);

	return found ? found : nowhere + at.v % TDX_PAGE_SIZE;
}

static void zero(void *ctx, tdx_hpa_t base, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += TDX_PAGE_SIZE)
		memset(map(ctx, hpa(base.v + at), OS_WRITE), 0, TDX_PAGE_SIZE);
}

static void copy(void *ctx, tdx_hpa_t to, tdx_hpa_t from)
{
	memcpy(map(ctx, to, OS_WRITE), map(ctx, from, OS_READ), TDX_PAGE_SIZE);
}

__attribute__((format(printf, 3, 4))) static void log_line(void *ctx, enum os_log_level level,
							   const char *format, ...)
{
	va_list arguments;
	char line[512];

	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (level <= OS_LOG_WARN)
		fprintf(stderr, "softseam: %s\n", line);
}

void memory_services(struct os_services *services)
{
	*services = (struct os_services){
		.alloc = alloc,
		.free = free_object,
		.map_host = map,
		.map_module = map,
		.zero = zero,
		.scrub = zero,
		.copy = copy,
		.log = log_line,
	};
}
