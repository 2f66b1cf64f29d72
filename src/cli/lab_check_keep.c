// SPDX-License-Identifier: GPL-2.0-only OR MIT
/*
 * lab_check_keep.c - the file of `pamt check --state`; what is in it: lab_check_state.c.
 *
 * CRASHES. A new state is written beside the old one as FILE.new, flushed to the disk, and renamed.
 * So whenever the machine stops FILE is whole: the old one or the new one. A FILE.new that is left
 * behind is overwritten.
 *
 * TWO AT ONCE. Whoever hunts has a write lock on FILE, taken on FILE.new before it is renamed, so
 * that there is no moment without one. It is gone with the process, however that ends; processes
 * forked from it do not have it. A lock that was taken on a file that meanwhile is not FILE any
 * more is worth nothing: one looks again.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/lab_check.h"

#define MAX_BYTES (INT64_C(1) << 28)

static bool lock(int fd)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	return !fcntl(fd, F_SETLK, &whole);
}

static bool write_all(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left) {
		ssize_t done = write(fd, text, left);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return false;
		text += done;
		left -= (size_t)done;
	}
	return !fsync(fd);
}

/* A new name is on the disk when its folder is. What cannot be flushed so is no error. */
static void flush_folder(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	int fd;

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - path) + 1 : 1,
		 slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

/* Return: 0, or errno; the file is then as it was. */
static int replace(struct state_file *f, const char *text)
{
	char new[PATH_MAX];
	int fd, error;

	snprintf(new, sizeof(new), "%s.new", f->path);
	fd = open(new, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return errno;
	if (!lock(fd) || !write_all(fd, text) || rename(new, f->path)) {
		error = errno;
		close(fd);
		unlink(new);
		return error;
	}
	flush_folder(f->path);
	if (f->fd >= 0)
		close(f->fd);
	f->fd = fd;
	return 0;
}

void state_save(void *ctx, const struct check_state *state)
{
	struct state_file *f = ctx;
	char *text = state_text(&f->hunt, state);
	int error = text ? replace(f, text) : ENOMEM;

	if (error && !f->failed)
		cli_error(CLI_FAILED,
			  "check: --state: %s: %s; the hunt goes on, and the file stays as it was",
			  f->path, strerror(error));
	f->failed = error;
	free(text);
}

/* ------------------------------------------------------------------------------------------- */
/* Opening                                                                                      */

static int refuse(const struct state_file *f, const char *why)
{
	return cli_usage_error("check: --state: %s: %s", f->path, why);
}

static int load(struct state_file *f)
{
	char why[STATE_WHY];
	json_error_t error;
	struct stat stat;
	json_t *object;
	bool sound;

	if (fstat(f->fd, &stat) || !S_ISREG(stat.st_mode) || stat.st_size > MAX_BYTES)
		return refuse(f, "it is no file of --state");
	object = json_loadfd(f->fd, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return cli_usage_error("check: --state: %s: it is damaged: line %d: %s", f->path,
				       error.line, error.text);
	sound = state_read(&f->hunt, object, &f->state, why);
	json_decref(object);
	return sound ? 0 : refuse(f, why);
}

/* Is this the file that has the name? */
static bool has_name(int fd, const char *path)
{
	struct stat by_fd, by_name;

	return !fstat(fd, &by_fd) && !stat(path, &by_name) && by_fd.st_dev == by_name.st_dev &&
	       by_fd.st_ino == by_name.st_ino;
}

/* A file and the lock on it. Return: its descriptor, or -1 with errno. */
static int open_locked(const char *path, int flags)
{
	for (;;) {
		int fd = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK | flags, 0666), error;

		if (fd < 0)
			return -1;
		if (!lock(fd)) {
			error = errno;
			close(fd);
			errno = error;
			return -1;
		}
		if (has_name(fd, path))
			return fd;
		close(fd);
	}
}

static int cannot_open(const struct state_file *f)
{
	if (errno == EACCES || errno == EAGAIN)
		if (!access(f->path, W_OK) || errno == ENOENT)
			return refuse(f, "another process is at this hunt");
	return refuse(f, strerror(errno));
}

int state_open(struct state_file *f, const char *path, const struct check_request *request)
{
	char new[PATH_MAX], what[CHECK_WHAT];

	*f = (struct state_file){ .path = path };
	if (!check_build(f->hunt.build))
		return cli_error(CLI_FAILED, "check: /proc/self/exe: %s", strerror(errno));
	snprintf(f->hunt.what, sizeof(f->hunt.what), "%s;shard=%u/%u", check_what(request, what),
		 request->shards ? request->shard : 1, request->shards ? request->shards : 1);
	if (snprintf(new, sizeof(new), "%s.new", path) >= (int)sizeof(new))
		return refuse(f, strerror(ENAMETOOLONG));
	f->fd = open_locked(path, 0);
	if (f->fd >= 0)
		return load(f);
	if (errno != ENOENT)
		return cannot_open(f);
	/* Whoever is first has the lock on what will be the file. */
	f->fd = open_locked(new, O_CREAT);
	return f->fd >= 0 ? 0 : cannot_open(f);
}

void state_close(struct state_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	check_state_free(&f->state);
}
