// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * compressed.c - files that may be compressed with gzip: zlib passes others through.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/compressed.h"

/* The beginning has been looked at, and is given first. */
struct source {
	gzFile gz;
	size_t head_bytes, head_given;
	char head[4096];
};

static ssize_t read_gz(gzFile gz, char *buffer, size_t bytes)
{
	int n = gzread(gz, buffer, (unsigned int)(bytes > 65536 ? 65536 : bytes)), error;

	gzerror(gz, &error);
	/* It gives what there is, and ends without a word where a file is cut short. */
	if (n > 0 || (!n && error == Z_OK))
		return n;
	if (error != Z_ERRNO)
		errno = error == Z_MEM_ERROR ? ENOMEM : EBADMSG;
	return -1;
}

static ssize_t read_some(void *cookie, char *buffer, size_t bytes)
{
	struct source *source = cookie;
	size_t left = source->head_bytes - source->head_given;

	if (!left)
		return read_gz(source->gz, buffer, bytes);
	if (bytes > left)
		bytes = left;
	memcpy(buffer, source->head + source->head_given, bytes);
	source->head_given += bytes;
	return (ssize_t)bytes;
}

static int close_it(void *cookie)
{
	struct source *source = cookie;

	/* Where the file was cut short it says so once more. */
	gzclose_r(source->gz);
	free(source);
	return 0;
}

/* What cannot be read of the beginning cannot be read later, and is said then. */
static const char *look(struct source *source)
{
	const size_t most = sizeof(source->head) - 1;
	ssize_t n;

	while (source->head_bytes < most &&
	       (n = read_gz(source->gz, source->head + source->head_bytes,
			    most - source->head_bytes)) > 0)
		source->head_bytes += (size_t)n;
	return source->head;
}

static FILE *open_gz(gzFile gz, const char **head)
{
	const cookie_io_functions_t functions = { .read = read_some, .close = close_it };
	struct source *source = calloc(1, sizeof(*source));
	FILE *file = source ? fopencookie(source, "r", functions) : NULL;

	if (!file) {
		gzclose_r(gz);
		free(source);
		return NULL;
	}
	source->gz = gz;
	if (head)
		*head = look(source);
	return file;
}

static FILE *open_fd(int fd, const char **head)
{
	gzFile gz;

	if (fd < 0)
		return NULL;
	gz = gzdopen(fd, "rb");
	if (gz)
		return open_gz(gz, head);
	close(fd);
	errno = ENOMEM;
	return NULL;
}

FILE *compressed_open(const char *path, const char **head)
{
	return open_fd(open(path, O_RDONLY | O_CLOEXEC), head);
}

FILE *compressed_stdin(const char **head) { return open_fd(dup(STDIN_FILENO), head); }
