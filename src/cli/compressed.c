// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * compressed.c - files that may be compressed with gzip: zlib passes others through.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>
#include <zlib.h>

#include "cli/compressed.h"

static ssize_t read_some(void *cookie, char *buffer, size_t bytes)
{
	gzFile gz = cookie;
	int n = gzread(gz, buffer, (unsigned int)(bytes > 65536 ? 65536 : bytes)), error;

	gzerror(gz, &error);
	/* It gives what there is, and ends without a word where a file is cut short. */
	if (n > 0 || (!n && error == Z_OK))
		return n;
	if (error != Z_ERRNO)
		errno = EBADMSG;
	return -1;
}

static int close_it(void *cookie)
{
	/* Where the file was cut short it says so once more. */
	gzclose_r(cookie);
	return 0;
}

static FILE *open_gz(gzFile gz)
{
	const cookie_io_functions_t functions = { .read = read_some, .close = close_it };
	FILE *file = gz ? fopencookie(gz, "r", functions) : NULL;

	if (gz && !file)
		gzclose_r(gz);
	return file;
}

static FILE *open_fd(int fd)
{
	gzFile gz;

	if (fd < 0)
		return NULL;
	gz = gzdopen(fd, "rb");
	if (!gz) {
		close(fd);
		errno = ENOMEM;
	}
	return open_gz(gz);
}

FILE *compressed_open(const char *path) { return open_fd(open(path, O_RDONLY | O_CLOEXEC)); }

FILE *compressed_stdin(void) { return open_fd(dup(STDIN_FILENO)); }
